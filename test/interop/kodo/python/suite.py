"""Qiniu's Python SDK against a Kodo server: suite.py host:port bucket."""

import os
import sys
import tempfile
import urllib.error
import urllib.request

import qiniu
from qiniu import Auth, BucketManager, build_batch_copy, build_batch_delete, build_batch_stat, etag

host, bucket = sys.argv[1], sys.argv[2]
qiniu.set_default(default_uc_host="http://" + host)
auth = Auth("ak", "sk")
manager = BucketManager(auth)
passed = 0


def check(name, good, *details):
    global passed
    if not good:
        sys.exit("FAIL %s: %r" % (name, details))
    passed += 1
    print("ok", name)


def ok(name, answer):
    """answer is the SDK's (ret, info) pair; info is also right for a partly failed batch."""
    ret, info = answer
    check(name, info.status_code == 200, info)
    return ret


def temporary(data):
    f = tempfile.NamedTemporaryFile(delete=False)
    f.write(data)
    f.close()
    return f.name


small, large = b"hello \xe4\xb8\xad" * 10, os.urandom(9 * 1024 * 1024 + 5)
path = temporary(large)

ret = ok("form upload", qiniu.put_data(auth.upload_token(bucket, "dir/small 中"), "dir/small 中", small))
check("form upload's key", ret["key"] == "dir/small 中", ret)
for version in ("v1", "v2"):
    key = "large-" + version
    ret = ok("upload " + version, qiniu.put_file(
        auth.upload_token(bucket, key), key, path, version=version, bucket_name=bucket, part_size=4 * 1024 * 1024))
    check("hash " + version, ret["hash"] == etag(path), ret)

ret = ok("stat", manager.stat(bucket, "dir/small 中"))
check("size", ret["fsize"] == len(small), ret)
_, info = manager.stat(bucket, "absent")
check("stat of nothing", info.status_code == 612, info)

ret, eof, info = manager.list(bucket, prefix=None, limit=2)
check("first page", len(ret["items"]) == 2 and not eof, ret, eof)
ret, eof, info = manager.list(bucket, marker=ret["marker"])
check("last page", [i["key"] for i in ret["items"]] == ["large-v2"] and eof, ret, eof)
ret, eof, info = manager.list(bucket, delimiter="/")
check("prefixes", ret["commonPrefixes"] == ["dir/"] and len(ret["items"]) == 2, ret)

ok("copy", manager.copy(bucket, "large-v1", bucket, "copy"))
_, info = manager.copy(bucket, "large-v1", bucket, "copy")
check("copy over an object", info.status_code == 614, info)
ok("forced copy", manager.copy(bucket, "large-v2", bucket, "copy", force="true"))
ok("move", manager.move(bucket, "copy", bucket, "moved"))
ok("mime", manager.change_mime(bucket, "moved", "text/x-moved"))
check("new mime", ok("stat", manager.stat(bucket, "moved"))["mimeType"] == "text/x-moved")
ok("delete", manager.delete(bucket, "moved"))

ret = ok("batch copy", manager.batch(build_batch_copy(bucket, {"large-v1": "b1", "large-v2": "b2"}, bucket, force="true")))
ret = ok("batch stat", manager.batch(build_batch_stat(bucket, ["b1", "b2"])))
check("batch results", [r["code"] for r in ret] == [200, 200], ret)
ok("batch delete", manager.batch(build_batch_delete(bucket, ["b1", "b2"])))
_, info = manager.batch(build_batch_stat(bucket, ["b1", "large-v1"]))
check("partly failed batch", info.status_code == 298, info)

link = auth.private_download_url("http://%s/large-v1" % host, expires=60)
with urllib.request.urlopen(link) as r:
    check("download", r.read() == large)
request = urllib.request.Request(link, headers={"Range": "bytes=5-14"})
with urllib.request.urlopen(request) as r:
    check("range", r.status == 206 and r.read() == large[5:15])
try:
    urllib.request.urlopen("http://%s/large-v1" % host)
    check("unsigned download", False)
except urllib.error.HTTPError as e:
    check("unsigned download", e.code == 401, e)

_, info = BucketManager(Auth("ak", "wrong")).stat(bucket, "large-v1")
check("wrong secret", info.status_code == 401, info)
os.unlink(path)
print(passed, "passed, 0 failed")
