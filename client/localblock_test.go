package client_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/testcluster"
)

// blockFiles returns the files of a cached file's blocks.
func blockFiles(t *testing.T, cl *testcluster.Cluster, c *client.Client, path string) []string {
	t.Helper()
	info, err := c.Stat(t.Context(), path, client.StatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, b := range info.Blocks {
		files = append(files, filepath.Join(cl.WorkerDir(0), "alluxioworker", strconv.FormatInt(b.ID, 10)))
	}
	return files
}

// Whatever is done to the block files of a file on this machine, readers get what
// was written: those that have them open, and have read them before, and new ones.
func TestDamagedLocalBlocks(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	data := pattern(31, 6<<20+123)
	write(t, c, "/f", data, client.CreateOptions{WriteType: client.CacheThrough})
	r := rand.New(rand.NewPCG(7, 8))
	for name, damage := range map[string]func(path, other string) error{
		"flip": func(path, _ string) error {
			return edit(path, func(b []byte) []byte { b[r.IntN(len(b))] ^= 4; return b })
		},
		"zero": func(path, _ string) error {
			return edit(path, func(b []byte) []byte { at := r.IntN(len(b)); clear(b[at:min(at+5000, len(b))]); return b })
		},
		"truncate": func(path, _ string) error { return os.Truncate(path, int64(r.IntN(1000))) },
		"rewritten in place": func(path, _ string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt(bytes.Repeat([]byte("old"), 30_000), int64(r.IntN(50_000)))
			return err
		},
		"swap": func(path, other string) error {
			if err := os.Rename(path, path+".x"); err != nil {
				return err
			}
			if err := os.Rename(other, path); err != nil {
				return err
			}
			return os.Rename(path+".x", other)
		},
		"delete": func(path, _ string) error { return os.Remove(path) },
	} {
		t.Run(name, func(t *testing.T) {
			// Cached whole again, from the store below, with nothing known of it.
			if got := read(t, cl.Client(noShortCircuit), "/f", client.OpenOptions{}); !bytes.Equal(got, data) {
				t.Fatal("not cached right")
			}
			files := blockFiles(t, cl, c, "/f")
			open, err := c.Open(t.Context(), "/f", client.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer open.Close()
			check := func(when string, f *client.Reader) {
				t.Helper()
				if _, err := f.Seek(0, io.SeekStart); err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(readOnly{f}); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s: %d bytes, wrong from %d on, %v", when, len(got), firstDifference(got, data), err)
				}
				for range 50 {
					p := make([]byte, 1+r.IntN(1<<r.IntN(19)))
					off := r.IntN(len(data) - len(p))
					if _, err := f.ReadAt(p, int64(off)); err != nil || !bytes.Equal(p, data[off:off+len(p)]) {
						t.Errorf("%s: ReadAt(%d at %d): %v", when, len(p), off, err)
					}
				}
			}
			before, err := os.Stat(files[2])
			if err != nil {
				t.Fatal(err)
			}
			// Of a file that has just changed nothing is remembered.
			eventually(t, "the file is old", func() bool { return time.Since(before.ModTime()) > 200*time.Millisecond })
			check("before", open)
			if err := damage(files[2], files[4]); err != nil {
				t.Fatal(err)
			}
			_ = os.Chtimes(files[2], before.ModTime(), before.ModTime()) // it may be gone
			check("by a reader that was there", open)
			late, err := c.Open(t.Context(), "/f", client.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer late.Close()
			check("by a new reader", late)
		})
	}
}

func edit(path string, f func([]byte) []byte) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, f(slices.Clone(b)), 0o644)
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// A reader that finds nothing of what the worker names reads through the worker:
// another container has other files.
func TestBlockFilesElsewhere(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	data := pattern(32, 2<<20+5)
	write(t, c, "/f", data, client.CreateOptions{WriteType: client.MustCache})
	for _, path := range blockFiles(t, cl, c, "/f") {
		if err := os.Rename(path+".meta", path+".elsewhere"); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, c, "/f", client.OpenOptions{}); !bytes.Equal(got, data) {
		t.Error("not what was written")
	}
}

// A Reader lets go of the files of blocks that it does not read, so that the worker
// can do with them what it wants, and of all when it is closed.
func TestBlocksAreLetGo(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(nil)
	data := pattern(33, 3<<20)
	write(t, c, "/f", data, client.CreateOptions{WriteType: client.MustCache})
	r, err := c.Open(t.Context(), "/f", client.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(readOnly{r}); err != nil || !bytes.Equal(got, data) {
		t.Fatal(err)
	}
	files := blockFiles(t, cl, c, "/f")
	if n := openFiles(t, files); n != len(files) {
		t.Errorf("%d of %d files kept for the next pass", n, len(files))
	}
	eventually(t, "idle files are closed", func() bool { return openFiles(t, files) == 0 })
	if _, err := r.ReadAt(make([]byte, 10), 1<<20); err != nil || openFiles(t, files) != 1 {
		t.Error("not opened again", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "all files are closed", func() bool { return openFiles(t, files) == 0 })
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// openFiles counts which of the files this process has open: as the reader, and as
// the worker while a reader has.
func openFiles(t *testing.T, files []string) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	open := map[string]bool{}
	for _, fd := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && slices.Contains(files, target) {
			open[target] = true
		}
	}
	return len(open)
}
