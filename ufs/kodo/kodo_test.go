package kodo

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

const testBucket = "bucket"

// serve starts an emulator with one private bucket.
func serve(t *testing.T) *kodotest.Instance {
	t.Helper()
	return kodotest.Start(t, kodotest.Options{Buckets: []kodotest.Bucket{{Name: testBucket, Private: true}}})
}

// classic are the four classic properties for an emulator.
func classic(srv *kodotest.Instance) map[string]string {
	return map[string]string{
		keyAccessKey: "ak", keySecretKey: "sk",
		keyDownloadHost: srv.Addr, keyEndpoint: srv.Addr,
		keyBackoff: "1ms",
	}
}

// open opens a root of the emulator's bucket with the classic properties and
// those of more, given as key, value, key, value.
func open(t *testing.T, srv *kodotest.Instance, dir string, more ...string) ufs.UFS {
	t.Helper()
	props := classic(srv)
	for i := 0; i < len(more); i += 2 {
		props[more[i]] = more[i+1]
	}
	u, err := Open(t.Context(), "kodo://"+testBucket+"/"+dir, ufs.Options{Properties: props})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return u
}

// openStore opens the emulator's bucket without directories over it.
func openStore(t *testing.T, srv *kodotest.Instance) *Store {
	t.Helper()
	opts := ufs.Options{Properties: classic(srv)}
	set, err := newSettings(opts)
	if err != nil {
		t.Fatal(err)
	}
	set.bucket = testBucket
	s, err := newStore(t.Context(), set, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func write(t *testing.T, u ufs.UFS, path string, data []byte) ufs.Info {
	t.Helper()
	w, err := u.Create(t.Context(), path, ufs.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	info, err := w.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func read(t *testing.T, u ufs.UFS, path string, opts ufs.OpenOptions) []byte {
	t.Helper()
	data, err := tryRead(t.Context(), u, path, opts)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func tryRead(ctx context.Context, u ufs.UFS, path string, opts ufs.OpenOptions) ([]byte, error) {
	r, err := u.Open(ctx, path, opts)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

var whole = ufs.OpenOptions{Length: -1}

func TestRoundTrip(t *testing.T) {
	srv := serve(t)
	u := open(t, srv, "dir/")
	for _, c := range []struct {
		path string
		size int
	}{
		{"empty", 0}, {"small", 5}, {"a/b c/中文 %2F#?&+.txt", 100},
		{"one-part", 4 * mib}, {"two", 4*mib + 1}, {"many", 37*mib + 11},
	} {
		data := pattern(c.size)
		info := write(t, u, c.path, data)
		if info.Size != int64(c.size) {
			t.Errorf("%s: committed as %+v", c.path, info)
		}
		st, err := u.Stat(t.Context(), c.path)
		if err != nil || st.Size != info.Size || st.Fingerprint != info.Fingerprint {
			t.Errorf("%s: stat %+v, %v; committed as %+v", c.path, st, err, info)
		}
		if got := read(t, u, c.path, whole); !bytes.Equal(got, data) {
			t.Errorf("%s: read %d other bytes", c.path, len(got))
		}
		if stored, err := srv.Get(testBucket, "dir/"+c.path); err != nil || !bytes.Equal(stored, data) {
			t.Errorf("%s: the bucket has %d bytes, %v", c.path, len(stored), err)
		}
	}
	if parts, empty := srv.PendingUploads(); parts+empty != 0 {
		t.Errorf("%d uploads left", parts+empty)
	}
}

// pattern returns size bytes that differ from place to place.
func pattern(size int) []byte {
	p := make([]byte, size)
	x := uint32(size)*2654435761 + 1
	for i := range p {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		p[i] = byte(x)
	}
	return p
}

// A mount with wrong credentials is refused, and no secret is in the refusal.
func TestOpenRefusals(t *testing.T) {
	srv := serve(t)
	for _, c := range []struct {
		name, uri  string
		key, value string
		kind       errors.Kind
		text       string
	}{
		{"wrong secret", "kodo://bucket/", keySecretKey, "wrong-secret", errors.Permission, keySecretKey},
		{"wrong access key", "kodo://bucket/", keyAccessKey, "wrong-key", errors.Permission, keyAccessKey},
		{"no access key", "kodo://bucket/", keyAccessKey, "", errors.Invalid, keyAccessKey},
		{"no secret key", "kodo://bucket/", keySecretKey, "", errors.Invalid, keySecretKey},
		{"no such bucket", "kodo://nothere/", "", "", errors.NotFound, `The bucket "nothere" does not exist, or belongs to another account`},
		{"no bucket", "kodo:///", "", "", errors.Invalid, "kodo://bucket/dir/"},
		{"bad directory", "kodo://bucket/a//b", "", "", errors.Invalid, "a//b"},
		{"bad host", "kodo://bucket/", keyEndpoint, "ftp://x", errors.Invalid, keyEndpoint},
		{"bad number", "kodo://bucket/", keyRequestsMax, "many", errors.Invalid, keyRequestsMax},
		{"unreachable", "kodo://bucket/", keyEndpoint, "127.0.0.1:1", errors.Unavailable, "127.0.0.1:1"},
	} {
		props := classic(srv)
		if c.key != "" {
			props[c.key] = c.value
		}
		_, err := Open(t.Context(), c.uri, ufs.Options{Properties: props})
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v (kind %v), want kind %v with %q", c.name, err, errors.KindOf(err), c.kind, c.text)
		}
		if err != nil && (strings.Contains(err.Error(), "wrong-secret") || strings.Contains(err.Error(), "token=")) {
			t.Errorf("%s: the error shows a credential: %v", c.name, err)
		}
	}
}

// A download host without a server is noticed when the store is opened.
func TestDownloadHostDown(t *testing.T) {
	srv := serve(t)
	props := classic(srv)
	props[keyUCHost], props[keyEndpoint] = srv.URL(), "127.0.0.1:1"
	_, err := Open(t.Context(), "kodo://bucket/", ufs.Options{Properties: props})
	if !errors.Is(err, errors.Unavailable) || !strings.Contains(err.Error(), keyDownloadHost) {
		t.Errorf("got %v, want an error that names %s", err, keyDownloadHost)
	}
}
