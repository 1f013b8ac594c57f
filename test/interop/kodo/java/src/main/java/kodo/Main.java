package kodo;

import com.qiniu.common.QiniuException;
import com.qiniu.http.Response;
import com.qiniu.storage.BucketManager;
import com.qiniu.storage.Configuration;
import com.qiniu.storage.Region;
import com.qiniu.storage.UploadManager;
import com.qiniu.storage.model.BatchStatus;
import com.qiniu.storage.model.DefaultPutRet;
import com.qiniu.storage.model.FileInfo;
import com.qiniu.storage.model.FileListing;
import com.qiniu.util.Auth;
import com.qiniu.util.Etag;
import com.qiniu.util.Json;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.util.Arrays;
import java.util.Random;

/** Qiniu's Java SDK against a Kodo server: Main host:port bucket. */
public final class Main {
  private static int passed;

  private static void check(String name, boolean good, Object details) {
    if (!good) {
      System.out.println("FAIL " + name + ": " + details);
      System.exit(1);
    }
    passed++;
    System.out.println("ok " + name);
  }

  private interface Call {
    Response run() throws QiniuException;
  }

  private static int code(Call call) throws QiniuException {
    try {
      return call.run().statusCode;
    } catch (QiniuException e) {
      if (e.response == null) {
        throw e;
      }
      return e.code();
    }
  }

  public static void main(String[] args) throws Exception {
    String host = args[0];
    String bucket = args[1];
    Auth auth = Auth.create("ak", "sk");
    Region fixed = new Region.Builder().region("z0").srcUpHost(host).accUpHost(host).rsHost(host).rsfHost(host)
        .apiHost(host).iovipHost(host).ioSrcHost(host).ucHost(host).build();
    run(auth, bucket, host, "fixed-", fixed, Configuration.ResumableUploadAPIVersion.V1);
    run(auth, bucket, host, "auto-", Region.autoRegion("http://" + host), Configuration.ResumableUploadAPIVersion.V2);
    System.out.println(passed + " passed, 0 failed");
  }

  private static void run(Auth auth, String bucket, String host, String prefix, Region region,
      Configuration.ResumableUploadAPIVersion version) throws Exception {
    Configuration cfg = new Configuration(region);
    cfg.useHttpsDomains = false;
    cfg.resumableUploadAPIVersion = version;
    UploadManager up = new UploadManager(cfg);
    BucketManager manager = new BucketManager(auth, cfg);

    byte[] small = "hello 中".getBytes("UTF-8");
    byte[] large = new byte[9 << 20];
    new Random(1).nextBytes(large);
    String key = prefix + "dir/small 中";
    Response r = up.put(small, key, auth.uploadToken(bucket, key));
    DefaultPutRet ret = Json.decode(r.bodyString(), DefaultPutRet.class);
    check(prefix + "form upload", r.isOK() && ret.key.equals(key) && ret.hash.equals(Etag.data(small)), r.bodyString());

    String big = prefix + "large";
    r = up.put(new ByteArrayInputStream(large), big, auth.uploadToken(bucket, big), null, "application/x-test");
    ret = Json.decode(r.bodyString(), DefaultPutRet.class);
    check(prefix + "stream upload " + version, r.isOK() && ret.hash.equals(Etag.data(large)), r.bodyString());

    FileInfo info = manager.stat(bucket, big);
    check(prefix + "stat", info.fsize == large.length && info.mimeType.equals("application/x-test"), Json.encode(info));
    check(prefix + "stat of nothing", code(() -> { manager.stat(bucket, "absent"); return null; }) == 612, "");

    FileListing list = manager.listFiles(bucket, prefix, "", 1, "");
    check(prefix + "first page", list.items.length == 1 && !list.isEOF(), Json.encode(list));
    list = manager.listFiles(bucket, prefix, list.marker, 10, "");
    check(prefix + "last page", list.items.length == 1 && list.items[0].key.equals(big) && list.isEOF(), Json.encode(list));
    list = manager.listFiles(bucket, prefix, "", 10, "/");
    check(prefix + "prefixes", list.commonPrefixes.length == 1, Json.encode(list));

    check(prefix + "copy", code(() -> manager.copy(bucket, big, bucket, prefix + "copy", false)) == 200, "");
    check(prefix + "copy over an object", code(() -> manager.copy(bucket, key, bucket, prefix + "copy", false)) == 614, "");
    check(prefix + "move", code(() -> manager.move(bucket, prefix + "copy", bucket, prefix + "moved")) == 200, "");
    check(prefix + "delete", code(() -> manager.delete(bucket, prefix + "moved")) == 200, "");
    check(prefix + "delete again", code(() -> manager.delete(bucket, prefix + "moved")) == 612, "");

    BucketManager.BatchOperations ops = new BucketManager.BatchOperations()
        .addCopyOp(bucket, big, bucket, prefix + "b1").addStatOps(bucket, big, "absent");
    BatchStatus[] results = manager.batch(ops).jsonToObject(BatchStatus[].class);
    check(prefix + "batch", results.length == 3 && results[0].code == 200 && results[1].data.fsize == large.length
        && results[2].code == 612, Json.encode(results));
    check(prefix + "buckets", Arrays.asList(manager.buckets()).contains(bucket), "");

    URL link = new URL(auth.privateDownloadUrl("http://" + host + "/" + big, 60));
    try (InputStream in = link.openStream()) {
      check(prefix + "download", Arrays.equals(in.readAllBytes(), large), "");
    }
    HttpURLConnection plain = (HttpURLConnection) new URL("http://" + host + "/" + big).openConnection();
    check(prefix + "unsigned download", plain.getResponseCode() == 401, plain.getResponseCode());
    BucketManager stranger = new BucketManager(Auth.create("ak", "wrong"), cfg);
    check(prefix + "wrong secret", code(() -> { stranger.stat(bucket, big); return null; }) == 401, "");
  }
}
