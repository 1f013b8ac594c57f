package local

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/ufstest"
)

func open(t *testing.T) ufs.UFS {
	t.Helper()
	return openAt(t, t.TempDir())
}

func openAt(t *testing.T, dir string) ufs.UFS {
	t.Helper()
	u, err := Open(t.Context(), dir, ufs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestConformance(t *testing.T) { ufstest.Run(t, open, ufstest.Many(3000)) }

func TestOpenURIs(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for uri, kind := range map[string]errors.Kind{
		dir: errors.Other, dir + "/": errors.Other, "file://" + dir: errors.Other, "file://localhost" + dir: errors.Other, "file:" + dir: errors.Other,
		"file://host" + dir: errors.Invalid, "relative": errors.Invalid, "file://": errors.Invalid, "s3://b" + dir: errors.Invalid,
		dir + "/missing": errors.NotFound, file: errors.Invalid,
	} {
		u, err := Open(t.Context(), uri, ufs.Options{})
		if kind == errors.Other && err != nil || kind != errors.Other && !errors.Is(err, kind) {
			t.Errorf("Open(%q) = %v, want %v", uri, err, kind)
		}
		if err == nil {
			if u.URI() != uri {
				t.Errorf("URI = %q, want %q", u.URI(), uri)
			}
			must(t, u.Close())
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, u ufs.UFS, path, data string) ufs.Info {
	t.Helper()
	w, err := u.Create(t.Context(), path, ufs.CreateOptions{})
	must(t, err)
	_, err = io.WriteString(w, data)
	must(t, err)
	info, err := w.Commit(t.Context())
	must(t, err)
	return info
}

func list(t *testing.T, u ufs.UFS, dir string, recursive bool) (keys []string) {
	t.Helper()
	for info, err := range u.List(t.Context(), dir, ufs.ListOptions{Recursive: recursive}) {
		must(t, err)
		keys = append(keys, info.ListKey())
	}
	return keys
}

// TestForeignEntries lists what a directory may hold besides files.
func TestForeignEntries(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "root")
	outside := filepath.Join(base, "outside")
	must(t, os.MkdirAll(filepath.Join(dir, "sub/deep"), 0o755))
	must(t, os.Mkdir(outside, 0o755))
	must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "sub/file"), []byte("content"), 0o600))
	for link, target := range map[string]string{
		"good": "sub/file", "gooddir": "sub", "sub/up": "../sub/file", // stay inside
		"abs": filepath.Join(outside, "secret"), "rel": "../outside/secret", "reldir": "../outside", // leave
		"dangling": "nowhere", "sub/deep/loop": "..", "sub/deep/self": "self",
	} {
		must(t, os.Symlink(target, filepath.Join(dir, link)))
	}
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	socket, err := net.Listen("unix", filepath.Join(dir, "socket"))
	must(t, err)
	defer socket.Close()
	must(t, os.WriteFile(filepath.Join(dir, "bad\xffname"), nil, 0o600))

	u := openAt(t, dir)
	defer u.Close()
	hider, _ := ufs.As[ufs.Hider](u)
	if got, want := list(t, u, "", false), []string{"good", "gooddir/", "sub/"}; !slices.Equal(got, want) || hider.Hidden() != 7 {
		t.Errorf("listed %q, hid %d; want %q, 7", got, hider.Hidden(), want)
	}
	want := []string{"good", "gooddir/", "gooddir/deep/", "gooddir/file", "gooddir/up", "sub/", "sub/deep/", "sub/file", "sub/up"}
	if got := list(t, u, "", true); !slices.Equal(got, want) {
		t.Errorf("listed recursively %q,\nwant %q", got, want)
	}
	if got := list(t, u, "sub/deep", false); len(got) != 0 {
		t.Errorf("a link to a directory above itself is listed: %q", got)
	}
	for _, p := range []string{"abs", "rel", "reldir/secret", "reldir"} {
		_, err := u.Stat(t.Context(), p)
		if !errors.Is(err, errors.Permission) || !strings.Contains(err.Error(), "symbolic link that leaves the root directory "+dir) {
			t.Errorf("stat of %s, which leaves the root: %v", p, err)
		}
		if _, err := u.Open(t.Context(), p, ufs.OpenOptions{Length: -1}); !errors.Is(err, errors.Permission) {
			t.Errorf("open of %s, which leaves the root: %v", p, err)
		}
	}
	if _, err := u.Create(t.Context(), "reldir/new", ufs.CreateOptions{}); !errors.Is(err, errors.Permission) {
		t.Errorf("create behind a link that leaves the root: %v", err)
	}
	for _, p := range []string{"pipe", "socket"} {
		if _, err := u.Stat(t.Context(), p); !errors.Is(err, errors.Unsupported) {
			t.Errorf("stat of a %s: %v", p, err)
		}
	}
	if _, err := u.Open(t.Context(), "pipe", ufs.OpenOptions{Length: -1}); !errors.Is(err, errors.Unsupported) {
		t.Errorf("open of a pipe: %v", err)
	}
	if _, err := u.Stat(t.Context(), "dangling"); !errors.Is(err, errors.NotFound) {
		t.Errorf("stat of a dangling link: %v", err)
	}
	d, _ := ufs.As[ufs.DirDeleter](u)
	must(t, os.Symlink(outside, filepath.Join(dir, "sub/out")))
	must(t, d.DeleteDir(t.Context(), "sub"))
	if _, err := os.Stat(filepath.Join(outside, "secret")); err != nil {
		t.Errorf("DeleteDir followed a link out of the root: %v", err)
	}
}

// TestTemps checks that what a killed writer leaves is never listed, does not
// keep its directory from being deleted for ever, and is swept when it is old.
func TestTemps(t *testing.T) {
	dir := t.TempDir()
	u := openAt(t, dir)
	defer u.Close()
	write(t, u, "d/kept", "x")
	must(t, u.Mkdir(t.Context(), "e", ufs.MkdirOptions{}))
	for _, p := range []string{"d/e/f/left", "e/left", "left"} {
		w, err := u.Create(t.Context(), p, ufs.CreateOptions{})
		must(t, err)
		_, err = w.Write([]byte("half"))
		must(t, err) // and the writer is killed
	}
	must(t, os.WriteFile(filepath.Join(dir, tempPrefix+"notours"), nil, 0o600))
	if got, want := list(t, u, "", true), []string{tempPrefix + "notours", "d/", "d/e/", "d/e/f/", "d/kept", "e/"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	if err := u.Delete(t.Context(), "e"); !errors.Is(err, errors.NotEmpty) {
		t.Errorf("delete of a directory that is written to: %v", err)
	}
	s, _ := ufs.As[ufs.Sweeper](u)
	if n, err := s.Sweep(t.Context(), time.Minute); n != 0 || err != nil {
		t.Errorf("swept %d young files, %v", n, err)
	}
	old := time.Now().Add(-2 * abandoned)
	n := 0
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && isTemp(d.Name()) {
			n++
			return os.Chtimes(path, old, old)
		}
		return err
	}))
	if n != 3 {
		t.Fatalf("%d temporary files were left, want 3", n)
	}
	must(t, u.Delete(t.Context(), "e"))
	if n, err := s.Sweep(t.Context(), time.Minute); n != 2 || err != nil {
		t.Errorf("swept %d old files, %v; want 2", n, err)
	}
	if _, err := u.Stat(t.Context(), "d/kept"); err != nil {
		t.Errorf("sweeping took a file: %v", err)
	}
	if _, err := u.Create(t.Context(), "d/"+tempPrefix+"0123456789abcdef", ufs.CreateOptions{}); !errors.Is(err, errors.Invalid) {
		t.Errorf("create of a file with a temporary's name: %v", err)
	}
}

// TestRootGone checks that a missing root directory is an outage, not an empty
// store.
func TestRootGone(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "root")
	must(t, os.Mkdir(dir, 0o755))
	u := openAt(t, dir)
	defer u.Close()
	write(t, u, "d/file", "x")
	must(t, os.RemoveAll(dir))
	d, _ := ufs.As[ufs.DirDeleter](u)
	_, openErr := u.Open(t.Context(), "d/file", ufs.OpenOptions{Length: -1})
	_, statErr := u.Stat(t.Context(), "d/file")
	for what, err := range map[string]error{
		"stat": statErr, "open": openErr, "delete": u.Delete(t.Context(), "d/file"), "DeleteDir": d.DeleteDir(t.Context(), "d"),
		"mkdir": u.Mkdir(t.Context(), "x", ufs.MkdirOptions{}), "rename": u.Rename(t.Context(), "d/file", "x"),
	} {
		if !errors.Is(err, errors.Unavailable) {
			t.Errorf("%s without a root directory: %v", what, err)
		}
	}
	for _, err := range u.List(t.Context(), "d", ufs.ListOptions{}) {
		if !errors.Is(err, errors.Unavailable) {
			t.Errorf("list without a root directory: %v", err)
		}
	}
	must(t, os.Mkdir(dir, 0o755))
	if _, err := u.Stat(t.Context(), "d/file"); !errors.Is(err, errors.Unavailable) {
		t.Errorf("the first stat after the root was replaced: %v", err)
	}
	write(t, u, "new", "y")
	if got, err := os.ReadFile(filepath.Join(dir, "new")); err != nil || string(got) != "y" {
		t.Errorf("the new root directory has %q, %v", got, err)
	}
}

// TestChangedInPlace checks that fingerprints notice what other programs do to a
// file, even when they hide it.
func TestChangedInPlace(t *testing.T) {
	dir := t.TempDir()
	u := openAt(t, dir)
	defer u.Close()
	info := write(t, u, "file", "content")
	path := filepath.Join(dir, "file")
	r, err := u.Open(t.Context(), "file", ufs.OpenOptions{Length: -1, Fingerprint: info.Fingerprint})
	must(t, err)
	defer r.Close()
	time.Sleep(10 * time.Millisecond) // the clock of file times is coarse
	must(t, os.WriteFile(path, []byte("CONTENT"), 0o600))
	must(t, os.Chtimes(path, info.ModTime, info.ModTime))
	now, err := u.Stat(t.Context(), "file")
	must(t, err)
	if now.Size != info.Size || !now.ModTime.Equal(info.ModTime) || now.Fingerprint == info.Fingerprint {
		t.Errorf("before %+v, now %+v", info, now)
	}
	if got, err := io.ReadAll(r); !errors.Is(err, errors.Aborted) || len(got) != 0 {
		t.Errorf("reading on in the old version gave %q, %v", got, err)
	}
}

func TestPermissionDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may do everything")
	}
	dir := t.TempDir()
	u := openAt(t, dir)
	defer u.Close()
	write(t, u, "d/file", "x")
	must(t, os.Chmod(filepath.Join(dir, "d"), 0))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "d"), 0o755) })
	if _, err := u.Stat(t.Context(), "d/file"); !errors.Is(err, errors.Permission) {
		t.Errorf("stat behind a closed directory: %v", err)
	}
}

func TestOwnerAndMode(t *testing.T) {
	dir := t.TempDir()
	u := openAt(t, dir)
	defer u.Close()
	must(t, u.Mkdir(t.Context(), "d", ufs.MkdirOptions{Mode: 0o711, Owner: "no-such-user"})) // best effort
	a, _ := ufs.As[ufs.AttrSetter](u)
	if err := a.SetAttr(t.Context(), "d", "no-such-user", "", nil); !errors.Is(err, errors.FailedPrecondition) {
		t.Errorf("SetAttr of an unknown owner: %v", err)
	}
	must(t, a.SetAttr(t.Context(), "d", fmt.Sprint(os.Getuid()), fmt.Sprint(os.Getgid()), nil))
	info, err := u.Stat(t.Context(), "d")
	if err != nil || info.Mode != 0o711 || info.Owner == "" || info.Group == "" {
		t.Errorf("stat = %+v, %v", info, err)
	}
	must(t, os.Chown(filepath.Join(dir, "d"), os.Getuid(), os.Getgid()))
	if _, err := os.Stat(filepath.Join(dir, "d")); err != nil {
		t.Error(err)
	}
}

func TestMkdirBelowFile(t *testing.T) {
	u := open(t)
	defer u.Close()
	write(t, u, "file", "x")
	_, err := u.Create(t.Context(), "file/below/it", ufs.CreateOptions{})
	if !errors.Is(err, errors.FailedPrecondition) {
		t.Errorf("create below a file: %v", err)
	}
	if err := u.Mkdir(t.Context(), "file/below", ufs.MkdirOptions{}); !errors.Is(err, errors.FailedPrecondition) {
		t.Errorf("mkdir below a file: %v", err)
	}
}

func TestLongNames(t *testing.T) {
	u := open(t)
	defer u.Close()
	write(t, u, strings.Repeat("d", 255)+"/"+strings.Repeat("f", 255), "x")
	for _, p := range []string{strings.Repeat("n", 256), strings.Repeat("n", 256) + "/x"} {
		if _, err := u.Create(t.Context(), p, ufs.CreateOptions{}); !errors.Is(err, errors.Invalid) {
			t.Errorf("create with a name of 256 bytes: %v", err)
		}
		if _, err := u.Stat(t.Context(), p); !errors.Is(err, errors.NotFound) {
			t.Errorf("stat with a name of 256 bytes: %v", err)
		}
	}
}

// TestLinkNew covers what replaces an atomic exclusive rename on file systems
// without one.
func TestLinkNew(t *testing.T) {
	u := open(t)
	defer u.Close()
	f := u.(*FS)
	write(t, u, "a", "a")
	write(t, u, "b", "b")
	write(t, u, "d/x", "x")
	for _, dst := range []string{"b", "d"} {
		if err := f.linkNew("a", dst); !errors.Is(err, errors.Exists) {
			t.Errorf("link over %s: %v", dst, err)
		}
	}
	if err := f.linkNew("d", "b"); !errors.Is(err, errors.Exists) {
		t.Errorf("a directory over a file: %v", err)
	}
	must(t, f.linkNew("a", "c"))
	must(t, f.linkNew("d", "e"))
	if got, want := list(t, u, "", true), []string{"b", "c", "e/", "e/x"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}
