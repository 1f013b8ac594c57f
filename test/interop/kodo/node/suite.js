// Qiniu's Node.js SDK against a Kodo server: node suite.js host:port bucket.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');
const qiniu = require('qiniu');

const [host, bucket] = process.argv.slice(2);
const mac = new qiniu.auth.digest.Mac('ak', 'sk');
let passed = 0;

function check(name, good, ...details) {
  if (!good) {
    console.log('FAIL', name, JSON.stringify(details));
    process.exit(1);
  }
  passed++;
  console.log('ok', name);
}

function token(key) {
  return new qiniu.rs.PutPolicy({ scope: bucket + ':' + key }).uploadToken(mac);
}

async function main() {
  const config = new qiniu.conf.Config({ useHttpsDomain: false });
  config.zone = new qiniu.conf.Zone([host], [host], host, host, host, host);
  const manager = new qiniu.rs.BucketManager(mac, config);
  const expect = async (code, name, ...args) => {
    const { data, resp } = await manager[name](...args);
    check(name + ' ' + code, resp.statusCode === code, resp.statusCode, data);
    return data;
  };

  const form = new qiniu.form_up.FormUploader(config);
  let r = await form.put(token('dir/small 中'), 'dir/small 中', Buffer.from('hello'), new qiniu.form_up.PutExtra());
  check('form upload', r.resp.statusCode === 200 && r.data.key === 'dir/small 中', r.data);

  const large = crypto.randomBytes(9 * 1024 * 1024 + 3);
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'kodo')), 'large');
  fs.writeFileSync(file, large);
  for (const version of ['v1', 'v2']) {
    const extra = new qiniu.resume_up.PutExtra();
    extra.version = version;
    extra.partSize = 4 * 1024 * 1024;
    r = await new qiniu.resume_up.ResumeUploader(config).putFile(token('large-' + version), 'large-' + version, file, extra);
    check('upload ' + version, r.resp.statusCode === 200 && r.data.key === 'large-' + version, r.data);
  }

  const st = await expect(200, 'stat', bucket, 'large-v2');
  check('size', st.fsize === large.length, st);
  await expect(612, 'stat', bucket, 'absent');
  const page = await expect(200, 'listPrefix', bucket, { limit: 2 });
  check('first page', page.items.length === 2 && page.marker, page);
  const last = await expect(200, 'listPrefix', bucket, { marker: page.marker });
  check('last page', last.items.length === 1 && !last.marker, last);
  await expect(200, 'copy', bucket, 'large-v1', bucket, 'copy', { force: false });
  await expect(614, 'copy', bucket, 'large-v1', bucket, 'copy', { force: false });
  await expect(200, 'move', bucket, 'copy', bucket, 'moved', { force: true });
  await expect(200, 'changeMime', bucket, 'moved', 'text/x-moved');
  await expect(200, 'delete', bucket, 'moved');
  const results = await expect(298, 'batch', [
    qiniu.rs.statOp(bucket, 'large-v1'), qiniu.rs.copyOp(bucket, 'large-v1', bucket, 'copy'), qiniu.rs.deleteOp(bucket, 'absent'),
  ]);
  check('batch results', results.map((x) => x.code).join() === '200,200,612', results);

  const link = manager.privateDownloadUrl('http://' + host, 'large-v1', Math.floor(Date.now() / 1000) + 60);
  const whole = await fetch(link);
  check('download', whole.status === 200 && large.equals(Buffer.from(await whole.arrayBuffer())));
  const range = await fetch(link, { headers: { Range: 'bytes=5-14' } });
  check('range', range.status === 206 && large.subarray(5, 15).equals(Buffer.from(await range.arrayBuffer())));
  check('unsigned download', (await fetch('http://' + host + '/large-v1')).status === 401);

  const discovering = new qiniu.conf.Config({ useHttpsDomain: false });
  discovering.ucEndpointsProvider = new qiniu.httpc.StaticEndpointsProvider([new qiniu.httpc.Endpoint(host, { defaultScheme: 'http' })]);
  r = await new qiniu.form_up.FormUploader(discovering).put(token('found'), 'found', Buffer.from('x'), new qiniu.form_up.PutExtra());
  check('region query', r.resp.statusCode === 200, r.data);

  const stranger = new qiniu.rs.BucketManager(new qiniu.auth.digest.Mac('ak', 'wrong'), config);
  check('wrong secret', (await stranger.stat(bucket, 'large-v1')).resp.statusCode === 401);
  console.log(passed, 'passed, 0 failed');
}

main().catch((e) => {
  console.log('FAIL', e);
  process.exit(1);
});
