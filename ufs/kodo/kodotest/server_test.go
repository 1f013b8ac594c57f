package kodotest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"
	"github.com/qiniu/go-sdk/v7/storage"

	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

// form uploads by a form whose fields come in the given order.
func form(t *testing.T, srv *kodotest.Instance, fields ...string) (int, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "file" {
			part, err := w.CreateFormFile("file", "name.txt")
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(part, fields[i+1])
			continue
		}
		w.WriteField(fields[i], fields[i+1])
	}
	w.Close()
	resp, err := http.Post(srv.URL()+"/", w.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("X-Reqid") == "" {
		t.Error("an answer without X-Reqid")
	}
	return resp.StatusCode, string(text)
}

// What the service refuses is refused, and with its status code.
func TestUploadPolicies(t *testing.T) {
	srv := start(t)
	mac := auth.New("ak", "sk")
	token := func(p storage.PutPolicy) string { return p.UploadToken(mac) }
	soon := uint64(time.Now().Add(time.Hour).Unix())
	if err := srv.Put("bucket", "old", []byte("old")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		policy storage.PutPolicy
		key    string
		code   int
	}{
		{"create", storage.PutPolicy{Scope: "bucket"}, "new", 200},
		{"create over another content", storage.PutPolicy{Scope: "bucket"}, "old", 614},
		{"replace", storage.PutPolicy{Scope: "bucket:old"}, "old", 200},
		{"insert only", storage.PutPolicy{Scope: "bucket:old", InsertOnly: 1}, "old", 614},
		{"same content again", storage.PutPolicy{Scope: "bucket"}, "old", 200},
		{"other key", storage.PutPolicy{Scope: "bucket:a"}, "b", 403},
		{"prefix", storage.PutPolicy{Scope: "bucket:a", IsPrefixalScope: 1}, "ab", 200},
		{"other prefix", storage.PutPolicy{Scope: "bucket:a", IsPrefixalScope: 1}, "b", 403},
		{"no such bucket", storage.PutPolicy{Scope: "nowhere"}, "b", 631},
		{"too large", storage.PutPolicy{Scope: "bucket", FsizeLimit: 3}, "c", 413},
		{"too small", storage.PutPolicy{Scope: "bucket", FsizeMin: 100}, "c", 403},
		{"wrong type", storage.PutPolicy{Scope: "bucket", MimeLimit: "image/*"}, "c", 403},
		{"long key", storage.PutPolicy{Scope: "bucket"}, strings.Repeat("k", 751), 400},
		{"not UTF-8", storage.PutPolicy{Scope: "bucket"}, "\xff", 400},
	} {
		c.policy.Expires = soon - uint64(time.Now().Unix())
		code, text := form(t, srv, "token", token(c.policy), "key", c.key, "file", "content")
		if code != c.code {
			t.Errorf("%s: %d %s, want %d", c.name, code, text, c.code)
		}
	}
	good := token(storage.PutPolicy{Scope: "bucket:order", Expires: 60})
	if code, text := form(t, srv, "file", "x", "key", "order", "token", good); code != 200 {
		t.Errorf("file first: %d %s", code, text)
	}
	if code, _ := form(t, srv, "token", good, "key", "order", "crc32", "1", "file", "x"); code != 406 {
		t.Errorf("wrong crc32: %d", code)
	}
	if code, _ := form(t, srv, "key", "order", "file", "x"); code != 401 {
		t.Errorf("no token: %d", code)
	}
	if code, _ := form(t, srv, "token", good+"x", "key", "order", "file", "x"); code != 401 {
		t.Errorf("bad token: %d", code)
	}
	body := token(storage.PutPolicy{Scope: "bucket", Expires: 60, ReturnBody: `{"k":"$(key)","n":$(fsize),"e":$(etag),"v":$(x:v)}`})
	code, text := form(t, srv, "x:v", "a\"b", "token", body, "key", "body", "file", "12345")
	var ret struct {
		K, E, V string
		N       int
	}
	if err := json.Unmarshal([]byte(text), &ret); err != nil || code != 200 || ret.K != "body" || ret.N != 5 || len(ret.E) != 28 || ret.V != `a"b` {
		t.Errorf("return body: %d %s (%v)", code, text, err)
	}
}

func TestExpiredUploadToken(t *testing.T) {
	srv := kodotest.Start(t, kodotest.Options{
		Buckets: []kodotest.Bucket{{Name: "bucket"}},
		Now:     func() time.Time { return time.Now().Add(2 * time.Hour) },
	})
	token := (&storage.PutPolicy{Scope: "bucket", Expires: 3600}).UploadToken(auth.New("ak", "sk"))
	if code, text := form(t, srv, "token", token, "key", "k", "file", "x"); code != 401 || !strings.Contains(text, "expired") {
		t.Errorf("%d %s", code, text)
	}
}

// The region query comes in three shapes, with the address that was asked.
func TestRegionQueries(t *testing.T) {
	srv := start(t)
	for _, version := range []string{"v2", "v3", "v4"} {
		for query, code := range map[string]int{"ak=ak&bucket=bucket": 200, "ak=xx&bucket=bucket": 612, "ak=ak&bucket=none": 631} {
			resp, err := http.Get(srv.URL() + "/" + version + "/query?" + query)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != code || code == 200 && strings.Count(string(body), srv.Addr) < 5 {
				t.Errorf("%s %s: %d %s", version, query, resp.StatusCode, body)
			}
		}
	}
}

// A listing pages through keys and common prefixes without missing or repeating
// one, whatever the page size.
func TestListPages(t *testing.T) {
	srv := start(t)
	var want []string
	for i := range 30 {
		for _, key := range []string{fmt.Sprintf("d/%02d/x", i), fmt.Sprintf("d/%02d/y", i), fmt.Sprintf("d/%02d.txt", i)} {
			if err := srv.Put("bucket", key, nil); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, fmt.Sprintf("d/%02d.txt", i), fmt.Sprintf("d/%02d/", i))
	}
	mgr := storage.NewBucketManager(auth.New("ak", "sk"), &storage.Config{Region: &storage.Region{RsfHost: srv.Addr, RsHost: srv.Addr}})
	for limit := 1; limit < 70; limit += 4 {
		var got []string
		marker := ""
		for pages := 0; pages < 100; pages++ {
			items, prefixes, next, more, err := mgr.ListFiles("bucket", "d/", "/", marker, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(items)+len(prefixes) > limit {
				t.Fatalf("%d entries on a page of %d", len(items)+len(prefixes), limit)
			}
			for _, item := range items {
				got = append(got, item.Key)
			}
			got = append(got, prefixes...)
			if !more {
				break
			}
			marker = next
		}
		if !sameSet(sorted(got), want) {
			t.Fatalf("pages of %d: %q", limit, got)
		}
	}
	if _, _, _, _, err := mgr.ListFiles("bucket", "", "", "garbage", 10); codeOf(err) != 640 {
		t.Errorf("garbage marker: %v", err)
	}
}

func sorted(s []string) []string {
	c := append([]string(nil), s...)
	sameSet(nil, c)
	return c
}

// A limited server keeps to its bandwidth: for all connections together, and
// for each.
func TestBandwidth(t *testing.T) {
	const size = 2 << 20
	for _, c := range []struct {
		limits kodotest.Limits
		conns  int
		least  time.Duration
		most   time.Duration
	}{
		{kodotest.Limits{PerConnBytesPerSec: 5 << 20}, 3, 390 * time.Millisecond, 1100 * time.Millisecond},
		{kodotest.Limits{TotalBytesPerSec: 5 << 20}, 3, 1190 * time.Millisecond, 6000 * time.Millisecond},
		{kodotest.Limits{Latency: 100 * time.Millisecond}, 1, 100 * time.Millisecond, 3 * time.Second},
	} {
		srv := kodotest.Start(t, kodotest.Options{Buckets: []kodotest.Bucket{{Name: "bucket"}}, Limits: c.limits})
		if err := srv.Put("bucket", "f", make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		ended := make(chan error)
		for range c.conns {
			go func() {
				client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
				resp, err := client.Get(srv.URL() + "/f")
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				ended <- err
			}()
		}
		for range c.conns {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(started); took < c.least || took > c.most {
			t.Errorf("%+v: %d connections took %v, want %v to %v", c.limits, c.conns, took, c.least, c.most)
		}
	}
}

// The same seed makes the same requests fault.
func TestPlanIsReproducible(t *testing.T) {
	sequence := func() string {
		srv := kodotest.Start(t, kodotest.Options{
			Buckets: []kodotest.Bucket{{Name: "bucket"}},
			Faults:  kodotest.Plan{Seed: 7, Rate: 0.5, Kinds: []kodotest.Fault{kodotest.Error503, kodotest.Error500}},
		})
		var codes []string
		for range 40 {
			resp, err := http.Get(srv.URL() + "/" + url.PathEscape("f"))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			codes = append(codes, fmt.Sprint(resp.StatusCode))
		}
		return strings.Join(codes, " ")
	}
	first, second := sequence(), sequence()
	if first != second || strings.Count(first, "503") < 3 || strings.Count(first, "500") < 3 {
		t.Errorf("%s\n%s", first, second)
	}
}
