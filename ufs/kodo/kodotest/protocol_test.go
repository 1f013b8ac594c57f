package kodotest_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/storage"

	"github.com/alluxio-go/alluxio/ufs/kodo/etag"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

// caller makes plain signed requests.
type caller struct {
	t   *testing.T
	srv *kodotest.Instance
	mac *auth.Credentials
}

func newCaller(t *testing.T, srv *kodotest.Instance) *caller {
	return &caller{t, srv, auth.New("ak", "sk")}
}

// do sends a request and returns its status and JSON answer.
func (c *caller) do(req *http.Request) (int, map[string]any) {
	c.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var answer map[string]any
	if json.Unmarshal(text, &answer) != nil {
		answer = map[string]any{"text": string(text)}
	}
	return resp.StatusCode, answer
}

func (c *caller) request(method, path, body string) *http.Request {
	req, err := http.NewRequest(method, c.srv.URL()+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	return req
}

// manage sends a request signed by header.
func (c *caller) manage(method, path, body string) (int, map[string]any) {
	c.t.Helper()
	req := c.request(method, path, body)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	token, err := c.mac.SignRequestV2(req)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Qiniu "+token)
	return c.do(req)
}

// upload sends a request with an upload token for the key.
func (c *caller) upload(method, path, body, key string, headers ...string) (int, map[string]any) {
	c.t.Helper()
	req := c.request(method, path, body)
	token := (&storage.PutPolicy{Scope: "bucket:" + key, Expires: 600}).UploadToken(c.mac)
	req.Header.Set("Authorization", "UpToken "+token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return c.do(req)
}

func b64(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }

func entry(key string) string { return b64("bucket:" + key) }

func TestMultipart(t *testing.T) {
	srv := start(t)
	c := newCaller(t, srv)
	base := "/buckets/bucket/objects/" + b64("k") + "/uploads"
	code, answer := c.upload("POST", base, "", "k")
	id, _ := answer["uploadId"].(string)
	if code != 200 || id == "" {
		t.Fatalf("begin: %d %v", code, answer)
	}
	first, second := strings.Repeat("a", 1<<20), "b"
	part := func(n int, data string, headers ...string) int {
		code, answer := c.upload("PUT", fmt.Sprintf("%s/%s/%d", base, id, n), data, "k", headers...)
		if code == 200 && answer["etag"] != etag.Of([]byte(data)) {
			t.Errorf("part %d: %v", n, answer)
		}
		return code
	}
	sum := md5.Sum([]byte(first))
	for _, want := range []struct {
		code, n int
		data    string
		headers []string
	}{
		{200, 1, "to be replaced", nil},
		{200, 1, first, []string{"Content-MD5", hex.EncodeToString(sum[:])}},
		{406, 1, first, []string{"Content-MD5", hex.EncodeToString(make([]byte, 16))}},
		{200, 7, second, nil},
		{200, 9, "never used", nil},
		{400, 0, second, nil},
		{400, 10001, second, nil},
	} {
		if code := part(want.n, want.data, want.headers...); code != want.code {
			t.Errorf("part %d: %d, want %d", want.n, code, want.code)
		}
	}
	if code, _ := c.upload("PUT", base+"/"+id+"/2", "x", "other"); code != 403 {
		t.Errorf("a part with another key's token: %d", code)
	}
	if code, _ := c.upload("PUT", base+"/nosuchid/2", "x", "k"); code != 612 {
		t.Errorf("a part of no upload: %d", code)
	}
	code, answer = c.upload("GET", base+"/"+id+"?max-parts=2", "", "k")
	if list, _ := answer["parts"].([]any); code != 200 || len(list) != 2 || answer["partNumberMarker"] != 7.0 {
		t.Errorf("list of parts: %d %v", code, answer)
	}
	code, answer = c.upload("GET", base+"/"+id+"?max-parts=2&part-number_marker=7", "", "k")
	if list, _ := answer["parts"].([]any); code != 200 || len(list) != 1 || answer["partNumberMarker"] != 0.0 {
		t.Errorf("rest of parts: %d %v", code, answer)
	}
	one := fmt.Sprintf(`{"partNumber":1,"etag":%q}`, etag.Of([]byte(first)))
	seven := fmt.Sprintf(`{"partNumber":7,"etag":%q}`, etag.Of([]byte(second)))
	for body, want := range map[string]int{
		`{"parts":[]}`:                               400,
		`{"parts":[` + seven + `,` + one + `]}`:      400,
		`{"parts":[` + one + `,{"partNumber":7}]}`:   400,
		`{"parts":[` + seven + `,{"partNumber":8}]}`: 400,
		`not json`: 400,
	} {
		if code, answer := c.upload("POST", base+"/"+id, body, "k"); code != want {
			t.Errorf("complete with %s: %d %v, want %d", body, code, answer, want)
		}
	}
	body := `{"parts":[` + one + `,` + seven + `],"mimeType":"text/x","metaData":{"x-qn-meta-owner":"me"}}`
	if code, answer = c.upload("POST", base+"/"+id, body, "k", "Content-Type", "application/octet-stream"); code != 200 {
		t.Fatalf("complete: %d %v", code, answer)
	}
	if got, err := srv.Get("bucket", "k"); err != nil || string(got) != first+second {
		t.Errorf("stored %d bytes, %v", len(got), err)
	}
	if code, _ := c.upload("POST", base+"/"+id, body, "k"); code != 612 {
		t.Errorf("complete again: %d", code)
	}
	_, st := c.manage("GET", "/stat/"+entry("k")+"?needparts=true", "")
	if st["mimeType"] != "text/x" || fmt.Sprint(st["parts"]) != "[1.048576e+06 1]" || fmt.Sprint(st["x-qn-meta"]) != "map[owner:me]" {
		t.Errorf("stat: %v", st)
	}
	if parts, empty := srv.PendingUploads(); parts+empty != 0 {
		t.Errorf("%d uploads pending", parts+empty)
	}
}

func TestAbortedMultipart(t *testing.T) {
	srv := start(t)
	c := newCaller(t, srv)
	base := "/buckets/bucket/objects/" + b64("k") + "/uploads"
	_, answer := c.upload("POST", base, "", "k")
	id := answer["uploadId"].(string)
	c.upload("PUT", base+"/"+id+"/1", "x", "k")
	if parts, _ := srv.PendingUploads(); parts != 1 {
		t.Errorf("%d uploads pending", parts)
	}
	if code, _ := c.upload("DELETE", base+"/"+id, "", "k"); code != 200 {
		t.Errorf("abort: %d", code)
	}
	if code, _ := c.upload("DELETE", base+"/"+id, "", "k"); code != 612 {
		t.Errorf("abort again: %d", code)
	}
	if parts, _ := srv.PendingUploads(); parts != 0 {
		t.Errorf("%d uploads pending", parts)
	}
}

// Blocks may come in several chunks, and mkfile's pairs in any order.
func TestBlocks(t *testing.T) {
	srv := start(t)
	c := newCaller(t, srv)
	_, answer := c.upload("POST", "/mkblk/10", "hello", "k")
	_, next := c.upload("POST", fmt.Sprintf("/bput/%s/5", answer["ctx"]), "world", "k")
	ctx := fmt.Sprint(next["ctx"])
	if code, _ := c.upload("POST", fmt.Sprintf("/bput/%s/4", answer["ctx"]), "world", "k"); code != 701 {
		t.Errorf("wrong offset: %d", code)
	}
	for _, bad := range []struct{ ctx, size string }{{"nonsense", "10"}, {fmt.Sprint(answer["ctx"]), "10"}, {ctx, "11"}} {
		code, _ := c.upload("POST", "/mkfile/"+bad.size+"/key/"+b64("k"), bad.ctx, "k")
		if code != 701 && code != 400 {
			t.Errorf("mkfile of %v: %d", bad, code)
		}
	}
	code, answer := c.upload("POST", "/mkfile/10/mimeType/"+b64("text/y")+"/key/"+b64("k")+"/x-qn-meta-a/"+b64("1"), ctx, "k")
	if got, err := srv.Get("bucket", "k"); code != 200 || err != nil || string(got) != "helloworld" || answer["hash"] != etag.Of(got) {
		t.Errorf("mkfile: %d %v; stored %q, %v", code, answer, got, err)
	}
	if code, _ := c.upload("POST", "/mkfile/10/key/"+b64("k"), ctx, "k"); code != 701 {
		t.Errorf("mkfile again: %d", code)
	}
}

func TestObjectOperations(t *testing.T) {
	srv := start(t)
	c := newCaller(t, srv)
	if err := srv.Put("bucket", "k", []byte("x")); err != nil {
		t.Fatal(err)
	}
	_, st := c.manage("GET", "/stat/"+entry("k"), "")
	hash := fmt.Sprint(st["hash"])
	for _, step := range []struct {
		method, path string
		code         int
	}{
		{"POST", "/stat/" + entry("k"), 200},
		{"GET", "/delete/" + entry("k"), 405},
		{"POST", "/chgm/" + entry("k") + "/mime/" + b64("text/z") + "/x-qn-meta-q/" + b64("v"), 200},
		{"POST", "/chgm/" + entry("k") + "/mime/" + b64("text/w") + "/cond/" + b64("hash=other"), 608},
		{"POST", "/chgm/" + entry("k") + "/mime/" + b64("text/w") + "/cond/" + b64("hash="+hash+"&fsize=1"), 200},
		{"POST", "/chtype/" + entry("k") + "/type/0", 400},
		{"POST", "/restoreAr/" + entry("k") + "/freezeAfterDays/1", 403},
		{"POST", "/chtype/" + entry("k") + "/type/2", 200},
		{"POST", "/copy/" + entry("k") + "/" + entry("c"), 403},
		{"POST", "/restoreAr/" + entry("k") + "/freezeAfterDays/9", 400},
		{"POST", "/chtype/" + entry("k") + "/type/0", 200},
		{"POST", "/chstatus/" + entry("k") + "/status/1", 200},
		{"POST", "/chstatus/" + entry("k") + "/status/1", 400},
		{"POST", "/deleteAfterDays/" + entry("k") + "/3", 200},
		{"POST", "/lifecycle/" + entry("k") + "/toIAAfterDays/1/deleteAfterDays/-1", 200},
		{"POST", "/copy/" + entry("none") + "/" + entry("c"), 612},
		{"POST", "/copy/" + entry("k") + "/" + b64("nowhere:c"), 631},
		{"POST", "/stat/" + b64("nowhere:k"), 631},
		{"POST", "/stat/notbase64!", 400},
	} {
		if code, answer := c.manage(step.method, step.path, ""); code != step.code {
			t.Errorf("%s %s: %d %v, want %d", step.method, step.path, code, answer, step.code)
		}
	}
	_, st = c.manage("GET", "/stat/"+entry("k"), "")
	if st["mimeType"] != "text/w" || st["status"] != 1.0 || st["transitionToIA"] == nil || st["expiration"] != nil {
		t.Errorf("stat: %v", st)
	}
}

// The older signature is accepted everywhere, too, and no other scheme.
func TestQBox(t *testing.T) {
	srv := start(t)
	c := newCaller(t, srv)
	req := c.request("GET", "/stat/"+entry("k"), "")
	token, err := c.mac.SignRequest(req)
	if err != nil {
		t.Fatal(err)
	}
	for authorization, want := range map[string]int{"QBox " + token: 612, "Basic " + token: 401, "QBox ak:x": 401, "QBox " + token + "=": 401} {
		req.Header.Set("Authorization", authorization)
		if code, answer := c.do(req); code != want {
			t.Errorf("%s: %d %v, want %d", authorization, code, answer, want)
		}
	}
}

func TestBatchLimit(t *testing.T) {
	srv := start(t)
	c := newCaller(t, srv)
	op := "op=/stat/" + entry("k")
	if code, _ := c.manage("POST", "/batch", strings.Repeat(op+"&", 999)+op); code != 298 {
		t.Errorf("1000 operations: %d", code)
	}
	if code, _ := c.manage("POST", "/batch", strings.Repeat(op+"&", 1000)+op); code != 400 {
		t.Errorf("1001 operations: %d", code)
	}
	if code, _ := c.manage("POST", "/batch", "nothing"); code != 400 {
		t.Errorf("no operation: %d", code)
	}
}

func TestBuckets(t *testing.T) {
	srv := start(t)
	c := newCaller(t, srv)
	for _, step := range []struct {
		path string
		code int
	}{
		{"/mkbucketv3/another/region/z1/private/true", 200},
		{"/mkbucketv3/another/region/z1", 614},
		{"/mkbucketv3/No_Good", 400},
		{"/private?bucket=another&private=0", 200},
		{"/v2/bucketInfo?bucket=another", 200},
		{"/v2/bucketInfo?bucket=nowhere", 631},
		{"/regions", 200},
		{"/drop/another", 200},
		{"/drop/another", 631},
	} {
		if code, answer := c.manage("POST", step.path, ""); code != step.code {
			t.Errorf("%s: %d %v, want %d", step.path, code, answer, step.code)
		}
	}
	if err := srv.Put("bucket", "k", nil); err != nil {
		t.Fatal(err)
	}
	if code, _ := c.manage("POST", "/drop/bucket", ""); code != 403 {
		t.Errorf("dropping a bucket with objects: %d", code)
	}
}

// A stale listing is one from before the last changes; an empty page has a
// marker to go on from.
func TestListFaults(t *testing.T) {
	srv := start(t)
	c := newCaller(t, srv)
	keys := func(path string) (names []string, marker string) {
		code, answer := c.manage("GET", path, "")
		if code != 200 {
			t.Fatalf("%s: %d %v", path, code, answer)
		}
		for _, item := range answer["items"].([]any) {
			names = append(names, item.(map[string]any)["key"].(string))
		}
		marker, _ = answer["marker"].(string)
		return names, marker
	}
	for _, key := range []string{"a", "b"} {
		if err := srv.Put("bucket", key, nil); err != nil {
			t.Fatal(err)
		}
	}
	srv.Inject(kodotest.Rule{Fault: kodotest.StaleList})
	if stale, _ := keys("/list?bucket=bucket"); len(stale) != 0 {
		t.Errorf("stale: %q", stale)
	}
	if now, _ := keys("/list?bucket=bucket"); !slices.Equal(now, []string{"a", "b"}) {
		t.Errorf("now: %q", now)
	}
	srv.Inject(kodotest.Rule{Fault: kodotest.EmptyPage})
	none, marker := keys("/list?bucket=bucket")
	if len(none) != 0 || marker == "" {
		t.Fatalf("empty page: %q, marker %q", none, marker)
	}
	if all, _ := keys("/list?bucket=bucket&marker=" + marker); !slices.Equal(all, []string{"a", "b"}) {
		t.Errorf("behind the empty page: %q", all)
	}
}

// Bytes of downloads: ranges, conditions, and their headers.
func TestDownload(t *testing.T) {
	srv := kodotest.Start(t, kodotest.Options{Buckets: []kodotest.Bucket{{Name: "bucket"}}})
	data := bytes.Repeat([]byte("0123456789"), 10)
	if err := srv.Put("bucket", "k.txt", data); err != nil {
		t.Fatal(err)
	}
	tag := `"` + etag.Of(data) + `"`
	for _, c := range []struct {
		method, header, value string
		code                  int
		body                  string
	}{
		{"GET", "", "", 200, string(data)},
		{"HEAD", "", "", 200, ""},
		{"GET", "Range", "bytes=5-7", 206, "567"},
		{"GET", "Range", "bytes=95-", 206, "56789"},
		{"GET", "Range", "bytes=-3", 206, "789"},
		{"GET", "Range", "bytes=100-", 416, ""},
		{"GET", "If-None-Match", tag, 304, ""},
		{"POST", "", "", 405, ""},
	} {
		req, err := http.NewRequest(c.method, srv.URL()+"/k.txt", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.header != "" {
			req.Header.Set(c.header, c.value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		good := resp.StatusCode == c.code && resp.Header.Get("X-Reqid") != ""
		if c.code < 300 {
			good = good && string(body) == c.body && resp.Header.Get("ETag") == tag && resp.Header.Get("Accept-Ranges") == "bytes"
		}
		if !good {
			t.Errorf("%s %s: %d %q %v", c.method, c.value, resp.StatusCode, body, resp.Header)
		}
	}
}

// A download that is to end early ends in its middle.
func TestShortDownload(t *testing.T) {
	srv := kodotest.Start(t, kodotest.Options{Buckets: []kodotest.Bucket{{Name: "bucket"}}})
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	if err := srv.Put("bucket", "k", data); err != nil {
		t.Fatal(err)
	}
	srv.Inject(kodotest.Rule{Fault: kodotest.ShortBody, Times: 1})
	resp, err := http.Get(srv.URL() + "/k")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil || !bytes.Equal(body, data[:len(data)/2]) {
		t.Errorf("%d bytes of %d, %v", len(body), len(data), err)
	}
}

// An object that expires is gone when its time has come.
func TestExpiry(t *testing.T) {
	var later atomic.Int64
	srv := kodotest.Start(t, kodotest.Options{
		Buckets: []kodotest.Bucket{{Name: "bucket"}},
		Now:     func() time.Time { return time.Now().Add(time.Duration(later.Load())) },
	})
	if err := srv.Put("bucket", "k", nil); err != nil {
		t.Fatal(err)
	}
	c := newCaller(t, srv)
	if code, _ := c.manage("POST", "/deleteAfterDays/"+entry("k")+"/1", ""); code != 200 {
		t.Fatal(code)
	}
	if _, err := srv.Get("bucket", "k"); err != nil {
		t.Error(err)
	}
	later.Store(int64(25 * time.Hour))
	if _, err := srv.Get("bucket", "k"); err == nil {
		t.Error("still there after its day")
	}
}
