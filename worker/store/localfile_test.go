package store

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// localBlock puts a block of size bytes into a store and opens its file in place.
func localBlock(t *testing.T, s *Store, i int, size int64, files *LocalFiles) (*Handle, *LocalFile) {
	t.Helper()
	put(t, s, block1(i), size, CreateOptions{})
	h, err := s.Open(block1(i))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h, reopenLocal(t, h, files)
}

func reopenLocal(t *testing.T, h *Handle, files *LocalFiles) *LocalFile {
	t.Helper()
	at, err := h.Local()
	if err != nil {
		t.Fatal(err)
	}
	l, err := files.Open(at, h.Len())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// settle waits until a file's stamp can be believed.
func settle(t *testing.T, path string) {
	t.Helper()
	eventually(t, "the stamp of "+path+" has settled", func() bool {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return stampOf(f).settled()
	})
}

func TestLocalReads(t *testing.T) {
	const size = 4*page + 10
	s := open(t, oneDir(t.TempDir(), 100*page))
	var files LocalFiles
	h, l := localBlock(t, s, 0, size, &files)
	want := content(block1(0), size)
	settle(t, l.path)
	for range 2 { // not verified before, and verified
		for _, c := range []struct{ off, n int }{{0, size}, {5, 10}, {SpanSize - 1, 2}, {size - 3, 3}, {page + 1, 2 * page}, {SpanSize, size - SpanSize}, {size, 0}} {
			p := make([]byte, c.n)
			if n, err := l.ReadAt(p, int64(c.off)); n != c.n || err != nil || !bytes.Equal(p, want[c.off:c.off+c.n]) {
				t.Errorf("ReadAt(%d, %d) = %d, %v", c.off, c.n, n, err)
			}
		}
	}
	if n, err := l.ReadAt(make([]byte, 20), size-5); n != 5 || err == nil {
		t.Errorf("over the end: %d, %v", n, err)
	}
	_, err := l.ReadAt(make([]byte, 1), size+1)
	wantKind(t, err, errors.OutOfRange)
	_, err = files.Open(Local{Path: l.path + "0"}, size)
	wantKind(t, err, errors.NotFound)
	_, err = new(LocalFiles).Open(Local{Path: l.path}, size-1)
	wantKind(t, err, errors.Corrupt)
	_, err = files.Open(Local{Path: l.path + ".x"}, size)
	wantKind(t, err, errors.Corrupt)
	if err := h.Verify(context.Background()); err != nil {
		t.Fatal(err)
	}
	// Of a file that the worker has verified the sidecar is not needed.
	if err := os.Rename(l.path+metaSuffix, l.path+".y"); err != nil {
		t.Fatal(err)
	}
	again := reopenLocal(t, h, new(LocalFiles))
	if _, err := again.ReadAt(make([]byte, size), 0); err != nil {
		t.Error(err)
	}
	_, err = new(LocalFiles).Open(Local{Path: l.path}, size)
	wantKind(t, err, errors.NotFound)
}

// Whatever happens to a file after it was verified, by the reader or by the worker,
// reads notice: also with the file open, and its times set back.
func TestLocalDamage(t *testing.T) {
	const size = 6*page + 77
	s := open(t, oneDir(t.TempDir(), 1000*page))
	var files LocalFiles
	n := -2
	for _, d := range damages {
		for _, verifiedBy := range []string{"nobody", "reader", "worker"} {
			for _, reopened := range []bool{false, true} {
				name := d.name + ", verified by " + verifiedBy
				if reopened {
					name += ", opened again"
				}
				n += 2
				n := n
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					r := rand.New(rand.NewPCG(5, uint64(n)))
					t.Cleanup(func() { _ = s.Remove(block1(n)) }) // the file may be gone
					h, l := localBlock(t, s, n, size, &files)
					put(t, s, block1(n+1), size, CreateOptions{})
					settle(t, l.path)
					whole := make([]byte, size)
					switch verifiedBy {
					case "reader":
						if _, err := l.ReadAt(whole, 0); err != nil {
							t.Fatal(err)
						}
					case "worker":
						if err := h.Verify(context.Background()); err != nil {
							t.Fatal(err)
						}
						l = reopenLocal(t, h, new(LocalFiles))
					}
					before, err := os.Stat(l.path)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := d.do(r, l.path, s.dirs[0].blockPath(block1(n+1))); err != nil {
						t.Fatal(err)
					}
					if d.name != "delete" {
						if err := os.Chtimes(l.path, before.ModTime(), before.ModTime()); err != nil {
							t.Fatal(err)
						}
					}
					if reopened {
						at, err := h.Local()
						if err != nil {
							t.Fatal(err)
						}
						if l, err = files.Open(at, size); err != nil {
							wantKind(t, err, errors.NotFound) // deleted
							return
						}
						defer l.Close()
					}
					checkLocal(t, l, r, content(block1(n), size))
				})
			}
		}
	}
}

// checkLocal reads all of a file, in small and large reads: right bytes or an error.
func checkLocal(t *testing.T, l *LocalFile, r *rand.Rand, want []byte) {
	t.Helper()
	for off := 0; off < len(want); {
		p := make([]byte, min(len(want)-off, 1+r.IntN(1<<(4+r.IntN(15)))))
		n, err := l.ReadAt(p, int64(off))
		switch {
		case err == nil && !bytes.Equal(p, want[off:off+n]):
			t.Fatalf("wrong bytes near %d", off)
		case err != nil && !errors.Is(err, errors.Corrupt) && !errors.Is(err, errors.NotFound):
			t.Fatal(err)
		}
		off += len(p)
	}
}

// A file that shrinks under mapped memory is an error, not the end of the process.
func TestLocalTruncatedWhileMapped(t *testing.T) {
	const size = 4 * page
	s := open(t, oneDir(t.TempDir(), 100*page))
	var files LocalFiles
	_, l := localBlock(t, s, 0, size, &files)
	settle(t, l.path)
	if _, err := l.ReadAt(make([]byte, size), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := l.ReadAt(make([]byte, 100), 3*page); err != nil || l.memory.bytes == nil {
		t.Fatalf("not read from mapped memory: %v", err)
	}
	if err := os.Truncate(l.path, page); err != nil {
		t.Fatal(err)
	}
	_, err := l.ReadAt(make([]byte, 100), 3*page)
	wantKind(t, err, errors.Corrupt)
	if _, err := l.ReadAt(make([]byte, 100), page/2); err != nil {
		t.Error(err)
	}
}

// Spans are verified once for all who open the file, and again by nobody until it
// changes; readers do not hinder each other.
func TestLocalVerifiedOnce(t *testing.T) {
	const size = 8 * page
	s := open(t, oneDir(t.TempDir(), 100*page))
	var files LocalFiles
	h, l := localBlock(t, s, 0, size, &files)
	settle(t, l.path)
	if _, err := l.ReadAt(make([]byte, smallRead+1), page); err != nil {
		t.Fatal(err)
	}
	v := reopenLocal(t, h, &files).view.Load()
	if first := page / SpanSize; !v.has(first, first) || v.has(first-1, first-1) || v.has(first+1, first+1) {
		t.Error("not exactly the span that was read is known")
	}
	var g sync.WaitGroup
	for i := range 8 {
		f := reopenLocal(t, h, &files)
		r := rand.New(rand.NewPCG(uint64(i), 1))
		g.Go(func() { checkLocal(t, f, r, content(block1(0), size)) })
	}
	g.Wait()
	if v := reopenLocal(t, h, &files).view.Load(); !v.has(0, size/SpanSize-1) {
		t.Error("what was read is not known")
	}
	if err := os.Chtimes(l.path, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if v := reopenLocal(t, h, &files).view.Load(); v.has(0, 0) {
		t.Error("a changed file is taken for a known one")
	}
}

// TestLocalStaleCopy: file and sidecar of an older state of the block, put back
// together, fit each other but not what the worker knows.
func TestLocalStaleCopy(t *testing.T) {
	const size = 2*page + 3
	s := open(t, oneDir(t.TempDir(), 100*page))
	put(t, s, block1(0), size, CreateOptions{})
	old := map[string][]byte{}
	for _, name := range []string{s.dirs[0].blockPath(block1(0)), s.dirs[0].blockPath(block1(0)) + metaSuffix} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		old[name] = b
	}
	if err := s.Remove(block1(0)); err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(block1(0), CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content(block1(1), size)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	for name, b := range old {
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h, err := s.Open(block1(0))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	at, err := h.Local()
	if err != nil {
		t.Fatal(err)
	}
	_, err = new(LocalFiles).Open(at, size)
	wantKind(t, err, errors.Corrupt)
	_, err = readAll(h, page)
	wantKind(t, err, errors.Corrupt)
}
