package s3

import (
	"bytes"
	"context"
	stdbase64 "encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/retry"
	"github.com/alluxio-go/alluxio/ufs/ufstest"
)

func base64(b []byte) string { return stdbase64.StdEncoding.EncodeToString(b) }

func openAt(t *testing.T, s *server, change map[string]string) ufs.UFS {
	t.Helper()
	props := s.properties()
	maps.Copy(props, change)
	u, err := Open(t.Context(), "s3://bucket/some/root/", ufs.Options{Properties: props})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestConformance(t *testing.T) {
	ufstest.Run(t, func(t *testing.T) ufs.UFS { return openAt(t, newServer(t), nil) }, ufstest.Many(1500))
}

// TestConformanceOtherWays runs what differs with other properties.
func TestConformanceOtherWays(t *testing.T) {
	ufstest.Run(t, func(t *testing.T) ufs.UFS {
		return openAt(t, newServer(t), map[string]string{keyListV1: "true", keyBulkDelete: "false", "alluxio.underfs.listing.length": "7"})
	}, ufstest.Many(200))
}

// TestConformanceThrottled runs the suite against a store that often answers
// 503 or, once it has done what was asked, nothing at all.
func TestConformanceThrottled(t *testing.T) {
	throttled, lost := 0, 0
	ufstest.Run(t, func(t *testing.T) ufs.UFS {
		s := newServer(t)
		n := 0
		s.fault = func(_ string, w http.ResponseWriter) bool {
			if n++; n%11 != 0 {
				return false
			}
			throttled++
			refuse(w, http.StatusServiceUnavailable, "SlowDown")
			return true
		}
		s.after = func(op string, _ http.ResponseWriter) bool {
			if n%17 != 0 || op == "put" { // of an exclusive put the outcome cannot be found out
				return false
			}
			lost++
			panic(http.ErrAbortHandler)
		}
		policy := retry.NewPolicy(retry.Options{Attempts: 20, Base: time.Nanosecond, Max: time.Nanosecond, Budget: 1e9})
		u, err := Open(t.Context(), "s3://bucket/root", ufs.Options{Properties: s.properties(), Retry: policy.Do})
		if err != nil {
			t.Fatal(err)
		}
		return retry.New(u, policy)
	}, ufstest.Many(300),
		ufstest.Skip("Delete", "a delete that was answered by 503 cannot tell that there was nothing"),
		ufstest.Skip("Mkdir", "a mkdir that was answered by 503 cannot tell who made the directory"),
		ufstest.Skip("CreateExclusiveRace", "a put that was answered by 503 cannot tell whose the object is"),
		ufstest.Skip("Random", "as all of them"),
	)
	if throttled < 100 || lost < 50 {
		t.Errorf("only %d answers of 503 and %d lost ones", throttled, lost)
	}
}

func TestOpenErrors(t *testing.T) {
	s := newServer(t)
	gone := newServer(t)
	gone.Close()
	for _, c := range []struct {
		name, uri string
		change    map[string]string
		kind      errors.Kind
		text      string
	}{
		{"no bucket", "s3://", nil, errors.Invalid, "does not name a bucket"},
		{"credentials in the URI", "s3://ak:sk@bucket/", nil, errors.Invalid, "does not name a bucket"},
		{"odd directory", "s3://bucket/a/../b", nil, errors.Invalid, "component"},
		{"wrong access key", "s3://bucket/d", map[string]string{keyAccess: "nobody"}, errors.Permission, "InvalidAccessKeyId"},
		{"wrong secret key", "s3://bucket/d", map[string]string{keySecret: "not-the-key"}, errors.Permission, "SignatureDoesNotMatch"},
		{"secret key missing", "s3://bucket/d", map[string]string{keySecret: ""}, errors.Invalid, keySecret},
		{"access key missing", "s3://bucket/d", map[string]string{keyAccess: ""}, errors.Invalid, keyAccess},
		{"missing bucket", "s3://nobucket/d", nil, errors.NotFound, "nobucket"},
		{"nobody there", "s3://bucket/d", map[string]string{keyEndpoint: gone.URL}, errors.Unavailable, keyEndpoint},
		{"bad endpoint", "s3://bucket/d", map[string]string{keyEndpoint: "ftp://x"}, errors.Invalid, keyEndpoint},
		{"bad number", "s3://bucket/d", map[string]string{keyConnections: "many"}, errors.Invalid, keyConnections},
		{"bad signer", "s3://bucket/d", map[string]string{keySigner: "Homemade"}, errors.Invalid, keySigner},
		{"odd suffix", "s3://bucket/d", map[string]string{keySuffix: "_$folder$"}, errors.Invalid, keySuffix},
		{"half a proxy", "s3://bucket/d", map[string]string{keyProxyHost: "proxy"}, errors.Invalid, keyProxyPort},
	} {
		t.Run(c.name, func(t *testing.T) {
			props := s.properties()
			maps.Copy(props, c.change)
			var log bytes.Buffer
			_, err := Open(t.Context(), c.uri, ufs.Options{Properties: props, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("Open = %v (%v), want %v about %q", err, errors.KindOf(err), c.kind, c.text)
			}
			for _, secret := range []string{testSecret, "not-the-key"} {
				if strings.Contains(fmt.Sprint(err)+log.String(), secret) {
					t.Errorf("the secret is in %v or in the log %s", err, log.String())
				}
			}
		})
	}
}

// TestCredentialSources opens with credentials that are not in the properties.
func TestCredentialSources(t *testing.T) {
	s := newServer(t)
	none := map[string]string{keyEndpoint: s.URL, keyPathStyle: "true"}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_ACCESS_KEY_ID", testAccess)
	t.Setenv("AWS_SECRET_ACCESS_KEY", testSecret)
	u, err := Open(t.Context(), "s3://bucket/", ufs.Options{Properties: none})
	if err != nil {
		t.Fatalf("with credentials in the environment: %v", err)
	}
	u.Close()
	u, err = Open(t.Context(), "s3://bucket/", ufs.Options{Properties: map[string]string{
		keyEndpoint: s.URL, "aws.accessKeyId": testAccess, "aws.secretKey": testSecret}})
	if err != nil {
		t.Fatalf("with credentials under their other names: %v", err)
	}
	u.Close()
}

// TestRegionLookup opens a bucket whose region nobody tells.
func TestRegionLookup(t *testing.T) {
	s := newServer(t)
	st := &store{bucket: testBucket, set: settings{
		endpoint: strings.TrimPrefix(s.URL, "http://"), pathStyle: true, creds: credentials.NewStaticV4(testAccess, testSecret, "")}}
	st.transport = newTransport(st.set)
	defer st.Close()
	if err := st.connect(t.Context(), ""); err != nil || st.opts.Region != testRegion {
		t.Errorf("connect = %v, region %q", err, st.opts.Region)
	}
	if _, err := st.Head(t.Context(), "missing"); !errors.Is(err, errors.NotFound) {
		t.Errorf("head = %v", err)
	}
	if want := map[string]int{"location": 1, "list": 1, "head": 1}; !maps.Equal(s.requests, want) {
		t.Errorf("requests %v, want %v", s.requests, want)
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		props            map[string]string
		endpoint, region string
		secure, path     bool
	}{
		{nil, "s3.amazonaws.com", "", false, false},
		{map[string]string{keyRegion: "eu-west-1", keySecure: "true"}, "s3.eu-west-1.amazonaws.com", "eu-west-1", true, false},
		{map[string]string{keyEndpoint: "https://store.example.com", keyRegion: "ignored"}, "store.example.com", "us-east-1", true, false},
		{map[string]string{keyEndpoint: "store.example.com:9000", keyEndpointRegion: "z0", keyPathStyle: "true"}, "store.example.com:9000", "z0", false, true},
		{map[string]string{keyEndpoint: "http://127.0.0.1:9000", keySecure: "true"}, "127.0.0.1:9000", "us-east-1", false, true},
		{map[string]string{keyEndpoint: "s3.eu-central-1.amazonaws.com", keyEncrypt: "true"}, "s3.eu-central-1.amazonaws.com", "eu-central-1", true, false},
		{map[string]string{keyEndpoint: "s3.amazonaws.com"}, "s3.amazonaws.com", "", false, false},
	} {
		set, err := newSettings(ufs.Options{Properties: c.props})
		if err != nil || set.endpoint != c.endpoint || set.region != c.region || set.secure != c.secure || set.pathStyle != c.path {
			t.Errorf("%v: endpoint %q, region %q, secure %v, path style %v, %v", c.props, set.endpoint, set.region, set.secure, set.pathStyle, err)
		}
	}
}

func TestPartSizes(t *testing.T) {
	s := &store{set: settings{partBytes: defaultPartBytes}}
	for n, want := range map[int]int{1: 8 << 20, 16: 8 << 20, 17: 16 << 20, 49: 64 << 20, 1000: 64 << 20, 1001: 128 << 20, 10_000: maxPartBytes} {
		if got := s.partSize(n); got != want {
			t.Errorf("part %d has %d bytes, want %d", n, got, want)
		}
	}
	var total int64
	for n := 1; n <= 10_000; n++ {
		total += int64(s.partSize(n))
	}
	if total < 5<<40 {
		t.Errorf("ten thousand parts hold %d bytes", total)
	}
	s.set.partBytes = minPartBytes
	if s.partSize(1) != minPartBytes || s.partSize(1000) != minPartBytes {
		t.Errorf("parts of %d and %d bytes, want %d", s.partSize(1), s.partSize(1000), minPartBytes)
	}
}

func create(ctx context.Context, u ufs.UFS, path string, size int) (ufs.Info, error) {
	w, err := u.Create(ctx, path, ufs.CreateOptions{})
	if err != nil {
		return ufs.Info{}, err
	}
	if _, err := w.Write(bytes.Repeat([]byte("0123456789abcdef"), size/16)); err != nil {
		return ufs.Info{}, err
	}
	return w.Commit(ctx)
}

// TestLostComplete checks that an upload whose completion was carried out, but
// not answered, is found to be complete.
func TestLostComplete(t *testing.T) {
	s := newServer(t)
	lost := 0
	s.after = func(op string, _ http.ResponseWriter) bool {
		if op == "complete" && lost == 0 {
			lost++
			panic(http.ErrAbortHandler)
		}
		return false
	}
	policy := retry.NewPolicy(retry.Options{Base: time.Nanosecond})
	u, err := Open(t.Context(), "s3://bucket/", ufs.Options{Properties: s.properties(), Retry: policy.Do})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	info, err := create(t.Context(), u, "large", 12<<20)
	if err != nil || info.Size != 12<<20 || lost != 1 {
		t.Errorf("commit = %+v, %v after %d lost answers", info, err, lost)
	}
	if now, err := u.Stat(t.Context(), "large"); err != nil || now.Fingerprint != info.Fingerprint {
		t.Errorf("stat = %+v, %v", now, err)
	}
}

// TestAbortedUploads checks that nothing remains of uploads that fail, and that
// those of killed writers are swept by age and prefix.
func TestAbortedUploads(t *testing.T) {
	s := newServer(t)
	u := openAt(t, s, nil)
	defer u.Close()
	s.fault = func(op string, w http.ResponseWriter) bool {
		if op == "complete" {
			refuse(w, http.StatusForbidden, "AccessDenied")
			return true
		}
		return false
	}
	if _, err := create(t.Context(), u, "refused", 12<<20); !errors.Is(err, errors.Permission) {
		t.Errorf("commit = %v", err)
	}
	if len(s.uploads) != 0 {
		t.Errorf("a failed commit has left %d uploads", len(s.uploads))
	}
	now := time.Now()
	s.uploads = map[string]*multipart{
		"old": {key: "some/root/a", begun: now.Add(-time.Hour)}, "young": {key: "some/root/b", begun: now}, "other": {key: "other/c", begun: now.Add(-time.Hour)},
	}
	sweeper, _ := ufs.As[ufs.Sweeper](u)
	if n, err := sweeper.Sweep(t.Context(), time.Minute); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if left := slices.Sorted(maps.Keys(s.uploads)); !slices.Equal(left, []string{"other", "young"}) {
		t.Errorf("left over: %q", left)
	}
}

// TestRequests holds the number of requests that operations take.
func TestRequests(t *testing.T) {
	s := newServer(t)
	u := openAt(t, s, nil)
	defer u.Close()
	for i := range 30 {
		if _, err := create(t.Context(), u, fmt.Sprintf("d/%d", i), 16); err != nil {
			t.Fatal(err)
		}
	}
	info, err := u.Stat(t.Context(), "d/1")
	if err != nil {
		t.Fatal(err)
	}
	deleter, _ := ufs.As[ufs.DirDeleter](u)
	for _, c := range []struct {
		what string
		do   func() error
		want map[string]int
	}{
		{"create", func() error { _, err := create(t.Context(), u, "f", 16); return err }, map[string]int{"list": 1, "put": 1}},
		{"create in parts", func() error { _, err := create(t.Context(), u, "g", 12<<20); return err },
			map[string]int{"list": 1, "begin": 1, "part": 3, "complete": 1}},
		{"read", func() error {
			r, err := u.Open(t.Context(), "d/1", ufs.OpenOptions{Offset: 3, Length: 5, Fingerprint: info.Fingerprint})
			if err == nil {
				_, err = io.Copy(io.Discard, r)
				r.Close()
			}
			return err
		}, map[string]int{"get": 1}},
		{"DeleteDir", func() error { return deleter.DeleteDir(t.Context(), "d") }, map[string]int{"list": 1, "delete batch": 1}},
	} {
		s.requests = map[string]int{}
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if !maps.Equal(s.requests, c.want) {
			t.Errorf("%s took %v, want %v", c.what, s.requests, c.want)
		}
	}
}

// TestKinds checks what answers of the store become.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   errors.Kind
	}{
		{403, "AccessDenied", errors.Permission}, {404, "NoSuchBucket", errors.FailedPrecondition},
		{429, "TooManyRequests", errors.Unavailable}, {500, "InternalError", errors.Unavailable}, {502, "", errors.Unavailable},
		{503, "SlowDown", errors.Unavailable}, {507, "", errors.NoSpace}, {501, "NotImplemented", errors.Unsupported},
		{400, "InvalidArgument", errors.Invalid}, {418, "Teapot", errors.Invalid}, {400, "RequestTimeout", errors.Unavailable},
	} {
		s := newServer(t)
		u := openAt(t, s, nil)
		s.fault = func(_ string, w http.ResponseWriter) bool {
			if c.code == "" {
				w.WriteHeader(c.status)
				return true
			}
			refuse(w, c.status, c.code)
			return true
		}
		r, err := u.Open(t.Context(), "f", ufs.OpenOptions{Length: -1})
		if err == nil {
			r.Close()
		}
		if !errors.Is(err, c.want) || c.code != "" && !strings.Contains(err.Error(), c.code) {
			t.Errorf("%d %s became %v (%v), want %v", c.status, c.code, err, errors.KindOf(err), c.want)
		}
		u.Close()
	}
}

// TestSilence checks that a store that stops in the middle of a body is not
// waited for forever, and that a body cut short is an error.
func TestSilence(t *testing.T) {
	s := newServer(t)
	u := openAt(t, s, map[string]string{keySocketTimeout: "100ms"})
	defer u.Close()
	release := make(chan struct{})
	var hang atomic.Bool
	s.fault = func(op string, w http.ResponseWriter) bool {
		if op != "get" {
			return false
		}
		w.Header().Set("Content-Length", "1000")
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		_, _ = w.Write(make([]byte, 500))
		_ = http.NewResponseController(w).Flush()
		if hang.Load() {
			<-release
		}
		panic(http.ErrAbortHandler)
	}
	for _, hangs := range []bool{false, true} {
		hang.Store(hangs)
		r, err := u.Open(t.Context(), "f", ufs.OpenOptions{Length: -1})
		if err == nil {
			var n int64
			n, err = io.Copy(io.Discard, r)
			r.Close()
			if n != 500 {
				t.Errorf("read %d bytes", n)
			}
		}
		if !errors.Is(err, errors.Unavailable) && !errors.Is(err, errors.Timeout) {
			t.Errorf("hanging %v: %v", hangs, err)
		}
	}
	close(release)
}
