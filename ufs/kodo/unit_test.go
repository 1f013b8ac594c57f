package kodo

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/kodo/etag"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
	"github.com/alluxio-go/alluxio/ufs/object"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		code               int
		text               string
		kind               errors.Kind
		unclear, throttled bool
		says               string
	}{
		{612, "no such file or directory", errors.NotFound, false, false, ""},
		{404, "page not found", errors.FailedPrecondition, false, false, "right host"},
		{614, "file exists", errors.Exists, false, false, ""},
		{631, "no such bucket", errors.Invalid, false, false, "bucket"},
		{401, "bad token", errors.Permission, false, false, keySecretKey},
		{401, "expired token", errors.Unavailable, false, false, "clock"},
		{403, "request time too skewed", errors.Permission, false, false, "20m0s behind"},
		{403, "archive unrestored", errors.FailedPrecondition, false, false, "thaw"},
		{403, "forbidden", errors.Permission, false, false, ""},
		{406, "md5 check failed", errors.Unavailable, false, false, ""},
		{416, "", errors.OutOfRange, false, false, ""},
		{429, "", errors.Unavailable, false, true, ""},
		{503, "", errors.Unavailable, false, true, ""},
		{571, "", errors.Unavailable, false, true, ""},
		{573, "", errors.Unavailable, false, true, ""},
		{500, "", errors.Unavailable, true, false, ""},
		{504, "", errors.Unavailable, true, false, ""},
		{579, "", errors.Unavailable, true, false, ""},
		{599, "", errors.Unavailable, true, false, ""},
		{478, "", errors.Unavailable, true, false, ""},
		{501, "", errors.Unsupported, false, false, ""},
		{509, "", errors.NoSpace, false, false, ""},
		{608, "", errors.Aborted, false, false, ""},
		{640, "", errors.Aborted, false, false, ""},
		{400, "bad", errors.Invalid, false, false, ""},
		{419, "", errors.Permission, false, false, "frozen"},
	} {
		v := judge(t.Context(), "kodo.op", "key", &answerError{code: c.code, text: c.text, reqid: "rid"}, 20*time.Minute)
		if !errors.Is(v.err, c.kind) || v.unclear != c.unclear || v.throttled != c.throttled {
			t.Errorf("%d %s: %+v (kind %v)", c.code, c.text, v, errors.KindOf(v.err))
		}
		if text := v.err.Error(); !strings.Contains(text, "rid") || !strings.Contains(text, c.says) {
			t.Errorf("%d %s says %q", c.code, c.text, text)
		}
	}
}

func TestParseURI(t *testing.T) {
	for uri, want := range map[string]string{
		"kodo://b/":       "b|",
		"kodo://b":        "b|",
		"kodo://b/d":      "b|d/",
		"kodo://b/d/e//":  "b|d/e/",
		"kodo://b/中 文/":   "b|中 文/",
		"kodo:///d":       "error",
		"kodo://b/a//c":   "error",
		"kodo://b/../c":   "error",
		"kodo://u:p@b/d/": "error",
	} {
		bucket, prefix, err := parseURI(uri)
		got := bucket + "|" + prefix
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
}

func TestHosts(t *testing.T) {
	for text, want := range map[string]string{
		"iovip.qbox.me":         "z0 http://iovip.qbox.me iovip.qbox.me:80",
		"iovip-z2.qbox.me":      "z2 http://iovip-z2.qbox.me iovip-z2.qbox.me:80",
		"iovip-as0.qiniuio.com": "as0 http://iovip-as0.qiniuio.com iovip-as0.qiniuio.com:80",
		"iovip-zz.qbox.me":      " http://iovip-zz.qbox.me iovip-zz.qbox.me:80",
		"https://cdn.x.com/":    " https://cdn.x.com cdn.x.com:443",
		"127.0.0.1:9680":        "private http://127.0.0.1:9680 127.0.0.1:9680",
		"http://127.0.0.1":      "private http://127.0.0.1 127.0.0.1:80",
		"[::1]:80":              "private http://[::1]:80 [::1]:80",
		"b.localhost":           "private http://b.localhost b.localhost:80",
		"ftp://x":               "error",
		"a/b":                   "error",
		"user@host":             "error",
		"host:":                 "error",
	} {
		h, err := parseHost(text)
		region := regionOfEndpoint(h.name)
		if h.private() {
			region = "private"
		}
		got := fmt.Sprint(region, " ", h.url(false), " ", h.address(false))
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// The hosts of the public service follow from the classic properties, without a
// request.
func TestPublicRoute(t *testing.T) {
	for _, c := range []struct {
		props    map[string]string
		up, base string
		dial     string
	}{
		{map[string]string{keyEndpoint: "iovip-z1.qbox.me", keyDownloadHost: "cdn.example.com"}, "up-z1.qiniup.com", "http://cdn.example.com", "iovip-z1.qbox.me:80"},
		{map[string]string{keyRegion: "na0", keyDownloadHost: "https://cdn.example.com"}, "up-na0.qiniup.com", "https://cdn.example.com", ""},
		{map[string]string{keyRegion: "z0", keyEndpoint: "iovip.qbox.me", keyDownloadHost: "cdn.example.com", keyUpHost: "free-qvm-z0-xs.qiniup.com"},
			"https://free-qvm-z0-xs.qiniup.com", "http://cdn.example.com", "iovip.qbox.me:80"},
		{map[string]string{keyUpHost: "http://up.local:1", keyRSHost: "http://rs.local:1", keyRSFHost: "http://rsf.local:1", keyDownloadHost: "io.local:1"},
			"http://up.local:1", "http://io.local:1", ""},
	} {
		c.props[keyAccessKey], c.props[keySecretKey] = "ak", "sk"
		set, err := newSettings(ufs.Options{Properties: c.props})
		if err != nil {
			t.Fatal(err)
		}
		r, err := findRoute(t.Context(), set, nil)
		if err != nil {
			t.Fatal(err)
		}
		regions, err := r.GetRegions(t.Context())
		if err != nil || regions[0].Up.Preferred[0] != c.up || r.base != c.base || r.dial != c.dial {
			t.Errorf("%v: up %v, base %s, dial %s, %v", c.props, regions[0].Up.Preferred, r.base, r.dial, err)
		}
	}
	set, err := newSettings(ufs.Options{Properties: map[string]string{keyAccessKey: "ak", keySecretKey: "sk", keyRegion: "mars", keyDownloadHost: "x.com"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := findRoute(t.Context(), set, nil); !errors.Is(err, errors.Invalid) || !strings.Contains(err.Error(), keyRegion) {
		t.Errorf("unknown region: %v", err)
	}
}

func TestPartSizes(t *testing.T) {
	const gib = int64(1) << 30
	total := func(sizes func(int) int) (sum int64) {
		for n := 1; n <= maxParts; n++ {
			if s := sizes(n); s < minPart || s > maxPart {
				t.Fatalf("part %d has %d bytes", n, s)
			}
			sum += int64(sizes(n))
		}
		return sum
	}
	plain := partSizes(defaultPart, 0)
	if plain(1) != defaultPart || plain(8999) != defaultPart || total(plain) < 180*gib {
		t.Errorf("unknown size: %d, %d, %d in all", plain(1), plain(8999), total(plain))
	}
	for _, hint := range []int64{1, 10 * gib, 39 * gib, 100 * gib, 5000 * gib} {
		sizes := partSizes(defaultPart, hint)
		if total(sizes) < hint {
			t.Errorf("%d bytes do not fit", hint)
		}
		if hint <= 39*gib && sizes(int(hint/defaultPart)+1) != defaultPart {
			t.Errorf("%d bytes expected, but parts grow", hint)
		}
	}
}

// No more requests fly than allowed, and the bound falls when throttled and
// recovers.
func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(8)
		var flying, most atomic.Int64
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if err := l.acquire(t.Context()); err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), flying.Add(1)))
				time.Sleep(time.Millisecond)
				flying.Add(-1)
				l.release(false)
			})
		}
		wg.Wait()
		if most.Load() != 8 {
			t.Errorf("%d at a time", most.Load())
		}
		for range 3 {
			if err := l.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			l.release(true)
		}
		if l.current() != 4 {
			t.Errorf("bound %d after throttling at one moment, want one halving", l.current())
		}
		for range 50 {
			if err := l.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			l.release(false)
		}
		if l.current() != 8 {
			t.Errorf("bound %d after success", l.current())
		}
	})
}

// A caller that gives up waiting takes no place with it.
func TestLimiterCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1)
		if err := l.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.acquire(ctx); err == nil {
			t.Fatal("two at a time")
		}
		l.release(false)
		if err := l.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// lines counts the lines of a request log that have all the words.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Split(strings.TrimSuffix(l.text.String(), "\n"), "\n")
	l.text.Reset()
	if all[0] == "" {
		return nil
	}
	return all
}

// What operations cost in requests.
func TestRequestCounts(t *testing.T) {
	log := &lines{}
	srv := kodotest.Start(t, kodotest.Options{Buckets: []kodotest.Bucket{{Name: testBucket, Private: true}}, RequestLog: log})
	u := open(t, srv, "")
	write(t, u, "d/f", pattern(100))
	write(t, u, "d/large", pattern(10*mib))
	for _, c := range []struct {
		name string
		most int
		run  func() error
	}{
		{"stat of a file", 1, func() error { _, err := u.Stat(t.Context(), "d/f"); return err }},
		{"stat of a directory", 2, func() error { _, err := u.Stat(t.Context(), "d"); return err }},
		{"read of a file", 1, func() error { _, err := tryRead(t.Context(), u, "d/f", whole); return err }},
		{"list", 1, func() error { return expectList(t.Context(), u, "d", 2) }},
		{"small write", 2, func() error {
			w, err := u.Create(t.Context(), "d/g", ufs.CreateOptions{})
			if err == nil {
				_, err = w.Commit(t.Context())
			}
			return err
		}},
		{"rename", 2, func() error { return u.Rename(t.Context(), "d/g", "d/h") }},
		{"delete", 2, func() error { return u.Delete(t.Context(), "d/h") }},
	} {
		log.take()
		if err := c.run(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if sent := log.take(); len(sent) > c.most {
			t.Errorf("%s sent %d requests:\n%s", c.name, len(sent), strings.Join(sent, "\n"))
		}
	}
}

// Closing a long read early has asked for no more than its first range.
func TestCloseEarly(t *testing.T) {
	log := &lines{}
	srv := kodotest.Start(t, kodotest.Options{Buckets: []kodotest.Bucket{{Name: testBucket, Private: true}}, RequestLog: log})
	u := open(t, srv, "", keyRangeBytes, "256KB")
	write(t, u, "f", pattern(4*mib))
	log.take()
	r, err := u.Open(t.Context(), "f", whole)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 100<<10)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { log.mu.Lock(); defer log.mu.Unlock(); return log.text.Len() > 0 })
	if sent := log.take(); len(sent) != 1 || !strings.Contains(sent[0], "bytes=0-262143") {
		t.Errorf("sent:\n%s", strings.Join(sent, "\n"))
	}
}

// Keys that other tools have made are reached when a path can name them, and
// counted when none can. No path leads to another key than its own.
func TestHostileKeys(t *testing.T) {
	srv := serve(t)
	reachable := []string{
		"sp ace", "per%cent", "per%2Fcent", "hash#", "q?x=1&e=2&token=ak:x", "plus+", "tab\tnewline\n", "中文/文件", "\u00e9", "e\u0301",
		"back\\slash", "semi;colon:", "'\"<>|*", "stat", "list", "buckets", "v4/query", strings.Repeat("k", maxKeyBytes-len("root/")),
	}
	hidden := []string{"/lead", "a//b", "dots/../up", "dots/./here", "..", ".", "nul\x00byte"}
	for _, key := range slices.Concat(reachable, hidden) {
		if err := srv.Put(testBucket, "root/"+key, []byte("content of "+key)); err != nil {
			t.Fatalf("%q: %v", key, err)
		}
	}
	if err := srv.Put(testBucket, "rootless", nil); err != nil {
		t.Fatal(err)
	}
	u := open(t, srv, "root")
	var found []string
	for info, err := range u.List(t.Context(), "", ufs.ListOptions{Recursive: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if !info.Dir {
			found = append(found, info.Path)
		}
	}
	if !slices.Equal(found, slices.Sorted(slices.Values(reachable))) {
		t.Errorf("listed %q", found)
	}
	if n := must[ufs.Hider](u).Hidden(); n != int64(len(hidden)) {
		t.Errorf("%d keys counted as hidden, want %d", n, len(hidden))
	}
	for i, key := range reachable {
		if got := read(t, u, key, whole); string(got) != "content of "+key {
			t.Errorf("%q reads %q", key, got)
		}
		if i%2 == 0 && key != strings.Repeat("k", maxKeyBytes-len("root/")) {
			if err := u.Rename(t.Context(), key, "moved/"+key); err != nil {
				t.Errorf("%q: %v", key, err)
			}
			key = "moved/" + key
		}
		if err := u.Delete(t.Context(), key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	if left := srv.Keys(testBucket); len(left) != len(hidden)+1 {
		t.Errorf("left are %q", left)
	}
}

func TestPublicBucket(t *testing.T) {
	srv := kodotest.Start(t, kodotest.Options{Buckets: []kodotest.Bucket{{Name: testBucket}}})
	u := open(t, srv, "")
	write(t, u, "f", []byte("open"))
	if got := read(t, u, "f", whole); string(got) != "open" {
		t.Errorf("read %q", got)
	}
}

// Create-exclusive is decided by the service when the upload commits.
func TestExclusive(t *testing.T) {
	srv := serve(t)
	u := open(t, srv, "", keyPartBytes, "1MB")
	for _, size := range []int{10, 3 * mib} {
		path := fmt.Sprint("f", size)
		w, err := u.Create(t.Context(), path, ufs.CreateOptions{Exclusive: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(pattern(size)); err != nil {
			t.Fatal(err)
		}
		write(t, u, path, []byte("first"))
		if _, err := w.Commit(t.Context()); !errors.Is(err, errors.Exists) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if got := read(t, u, path, whole); string(got) != "first" {
			t.Errorf("%d bytes: the first object now has %d bytes", size, len(got))
		}
		inject(t, srv, "", kodotest.ResetAfter)
		w, err = u.Create(t.Context(), path+"b", ufs.CreateOptions{Exclusive: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(pattern(size)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Commit(t.Context()); err != nil {
			t.Errorf("%d bytes, answer lost: %v", size, err)
		}
	}
	if parts, _ := srv.PendingUploads(); parts > 0 {
		t.Errorf("%d uploads left", parts)
	}
}

// An upload that lasts longer than a token is good for gets new tokens.
func TestTokensRenew(t *testing.T) {
	t.Parallel()
	var shift atomic.Int64
	srv := kodotest.Start(t, kodotest.Options{
		Buckets: []kodotest.Bucket{{Name: testBucket, Private: true}},
		Now:     func() time.Time { return time.Now().Add(time.Duration(shift.Load())) },
	})
	u := open(t, srv, "", keyPartBytes, "1MB")
	w, err := u.Create(t.Context(), "f", ufs.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data := pattern(6 * mib)
	for i := range 6 {
		shift.Store(int64(i) * int64(30*time.Minute))
		if _, err := w.Write(data[i*mib : (i+1)*mib]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := srv.Get(testBucket, "f"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("stored %d bytes, %v", len(got), err)
	}
}

func TestMetrics(t *testing.T) {
	srv := serve(t)
	reg := prometheus.NewRegistry()
	props := classic(srv)
	u, err := Open(t.Context(), "kodo://bucket/", ufs.Options{Properties: props, Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	srv.Inject(kodotest.Rule{Fault: kodotest.Error573, Op: "form"})
	write(t, u, "f", pattern(100))
	read(t, u, "f", whole)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch {
			case m.GetCounter() != nil:
				got[f.GetName()] += m.GetCounter().GetValue()
			case m.GetHistogram() != nil:
				got[f.GetName()] += float64(m.GetHistogram().GetSampleCount())
			}
			for _, l := range m.GetLabel() {
				if l.GetValue() == "sk" {
					t.Error("a secret is a label")
				}
			}
		}
	}
	for name, least := range map[string]float64{
		"alluxio_ufs_kodo_request_seconds": 4, "alluxio_ufs_kodo_retries_total": 1,
		"alluxio_ufs_kodo_throttled_total": 1, "alluxio_ufs_kodo_bytes_total": 200,
	} {
		if got[name] < least {
			t.Errorf("%s is %v, want at least %v", name, got[name], least)
		}
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	if families, err := reg.Gather(); err != nil || len(families) > 0 {
		t.Errorf("%d metrics left after Close, %v", len(families), err)
	}
}

// markers made here are those that the service makes.
func TestListAfter(t *testing.T) {
	srv := serve(t)
	s := openStore(t, srv)
	for _, key := range []string{"a", "b/1", "b/2", "c"} {
		if err := srv.Put(testBucket, key, nil); err != nil {
			t.Fatal(err)
		}
	}
	p, err := s.List(t.Context(), object.ListRequest{After: "b/1", Limit: 2})
	if err != nil || len(p.Objects) != 2 || p.Objects[0].Key != "b/2" || p.Next != "" {
		t.Errorf("page %+v, %v", p, err)
	}
}

// Objects that other tools have made of uneven parts are verified, too.
func TestForeignParts(t *testing.T) {
	srv := serve(t)
	s := openStore(t, srv)
	data := pattern(5*mib + 17)
	up := object.NewUpload(t.Context(), parts{s}, "f", object.UploadOptions{PartSize: func(n int) int { return (1 + n%2) * mib }})
	if _, err := up.Write(data); err != nil {
		t.Fatal(err)
	}
	o, err := up.Commit(t.Context())
	if err != nil || !strings.HasPrefix(o.Version, "n") {
		t.Fatalf("version %q, %v", o.Version, err)
	}
	r, _, err := s.get(t.Context(), "f", object.Range{Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, ok := r.(*verified); !ok {
		t.Error("the read is not verified")
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Damaged bytes are told from good ones at the end of a whole read.
func TestVerified(t *testing.T) {
	data := pattern(100)
	v := &verified{ReadCloser: io.NopCloser(bytes.NewReader(data[:99])), want: etag.Of(data), hash: etag.New()}
	if _, err := io.ReadAll(v); !errors.Is(err, errors.Corrupt) {
		t.Errorf("got %v", err)
	}
}

func TestHTTPS(t *testing.T) {
	srv := serve(t)
	front := httptest.NewTLSServer(srv.Server)
	defer front.Close()
	props := classic(srv)
	props[keyEndpoint], props[keyDownloadHost] = front.URL, front.URL
	set, err := newSettings(ufs.Options{Properties: props})
	if err != nil {
		t.Fatal(err)
	}
	set.bucket = testBucket
	set.roots = x509.NewCertPool()
	set.roots.AddCert(front.Certificate())
	s, err := newStore(t.Context(), set, ufs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	u := object.New(s, object.Options{})
	write(t, u, "f", []byte("encrypted"))
	if got := read(t, u, "f", whole); string(got) != "encrypted" {
		t.Errorf("read %q", got)
	}
	set.roots = x509.NewCertPool()
	if _, err := newStore(t.Context(), set, ufs.Options{}); !errors.Is(err, errors.Unavailable) {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
}

// When an upload host does not answer, another one of the region is used, and
// stays in use.
func TestUploadHostFails(t *testing.T) {
	log := &lines{}
	srv := kodotest.Start(t, kodotest.Options{Buckets: []kodotest.Bucket{{Name: testBucket, Private: true}}, RequestLog: log})
	s := openStore(t, srv)
	s.route.mu.hosts.up = []string{"http://127.0.0.1:1", srv.URL()}
	u := object.New(s, object.Options{})
	write(t, u, "f", []byte("x"))
	if regions, err := s.route.GetRegions(t.Context()); err != nil || regions[0].Up.Preferred[0] != srv.URL() {
		t.Errorf("the next upload goes to %v, %v", regions[0].Up.Preferred, err)
	}
}

// Neither this store nor the SDK below it keeps files of its own.
func TestNoFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, dir)
	}
	u := open(t, serve(t), "", keyPartBytes, "1MB")
	write(t, u, "f", pattern(3*mib))
	read(t, u, "f", whole)
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("files left: %v, %v", files, err)
	}
}

// Writing and reading hold a few parts in memory, whatever the size.
func TestMemoryIsBounded(t *testing.T) {
	const size, most = 160 * mib, 100 * mib
	srv := kodotest.Start(t, kodotest.Options{Dir: t.TempDir(), Buckets: []kodotest.Bucket{{Name: testBucket, Private: true}}})
	u := open(t, srv, "")
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak uint64
	look := func() {
		var now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
	}
	w, err := u.Create(t.Context(), "f", ufs.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	block := pattern(mib)
	for i := range size / mib {
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
		if i%16 == 0 {
			look()
		}
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := u.Open(t.Context(), "f", whole)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for n := 0; n < size; n += mib {
		if _, err := io.ReadFull(r, block); err != nil {
			t.Fatal(err)
		}
		if n%(16*mib) == 0 {
			look()
		}
	}
	if peak > most {
		t.Errorf("up to %d MiB in use for a file of %d MiB", peak/mib, size/mib)
	}
}

// Readers that find no read-ahead buffer free read on without; in the end all
// buffers are back, also from readers that were closed half-way.
func TestReadAheadBudget(t *testing.T) {
	srv := serve(t)
	s := openStore(t, srv)
	s.set.rangeBytes = 64 << 10
	s.buffers = newBufferPool(s.set.rangeBytes, 3*s.set.rangeBytes)
	data := pattern(2 * mib)
	write(t, object.New(s, object.Options{}), "f", data)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r, err := s.Get(t.Context(), "f", object.Range{Length: -1})
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if i%4 == 3 {
				if _, err := io.ReadFull(r, make([]byte, mib/2)); err != nil {
					t.Error(err)
				}
				return
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
				t.Errorf("reader %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	wg.Wait()
	s.buffers.mu.Lock()
	defer s.buffers.mu.Unlock()
	if n := len(s.buffers.mu.free) + s.buffers.mu.spare; n != 3 {
		t.Errorf("%d of 3 buffers are back", n)
	}
}
