package pagecache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const kib = 1 << 10

// content returns n bytes that differ everywhere, the same for the same seed.
func content(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func idOf(seed byte) (id FileID) {
	rand.NewChaCha8([32]byte{seed, 1}).Read(id[:])
	return id
}

// source is a file on a worker that counts what is asked of it.
type source struct {
	data    []byte
	reads   atomic.Int64 // requests, also streams
	bytes   atomic.Int64
	fails   atomic.Int64 // requests that shall fail
	slow    time.Duration
	streams atomic.Int64 // open
	ahead   atomic.Int64 // ends of streams, summed up
}

func newSource(seed byte, n int) *source { return &source{data: content(seed, n)} }

func (s *source) ReadAt(p []byte, off int64) (int, error) {
	s.reads.Add(1)
	if s.slow > 0 {
		time.Sleep(s.slow)
	}
	if s.fails.Add(-1) >= 0 {
		return 0, io.ErrNoProgress
	}
	n, err := bytes.NewReader(s.data).ReadAt(p, off)
	s.bytes.Add(int64(n))
	return n, err
}

func (s *source) Stream(ctx context.Context, end int64) io.ReadSeekCloser {
	s.reads.Add(1)
	s.streams.Add(1)
	s.ahead.Add(min(end, int64(len(s.data))))
	return &stream{s: s, ctx: ctx, Reader: bytes.NewReader(s.data)}
}

type stream struct {
	*bytes.Reader
	s   *source
	ctx context.Context
}

func (st *stream) Read(p []byte) (int, error) {
	if err := st.ctx.Err(); err != nil {
		return 0, err
	}
	if st.s.fails.Add(-1) >= 0 {
		return 0, io.ErrNoProgress
	}
	n, err := st.Reader.Read(p[:min(len(p), 100_000)])
	st.s.bytes.Add(int64(n))
	return n, err
}

func (st *stream) Close() error { st.s.streams.Add(-1); return nil }

// take returns what was asked for since the last call.
func (s *source) take() (reads, bytes int64) { return s.reads.Swap(0), s.bytes.Swap(0) }

// options of a cache in dir.
func options(dir string, quota int64) Options {
	return Options{
		Dirs: []Dir{{dir, quota}}, PageBytes: 128 * kib, Policy: "LRU", Buckets: 10, EvictionRetries: 3,
		SyncRestore: true, WriteThreads: 4,
	}
}

// use opens a cache for the test.
func use(t *testing.T, o Options) *Handle {
	t.Helper()
	c, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	h := newHandle(c, nil)
	t.Cleanup(func() { stop(h) })
	return h
}

// stop closes a handle and its cache, which has no other.
func stop(h *Handle) {
	h.Close()
	h.c.close()
}

// reader opens a file for the test.
func (h *Handle) reader(t *testing.T, seed byte, s *source) *Reader {
	t.Helper()
	r := h.NewReader(t.Context(), idOf(seed), int64(len(s.data)), s)
	t.Cleanup(func() { r.Close() })
	return r
}

// settle waits until all that was fetched is written.
func (h *Handle) settle(t *testing.T) {
	t.Helper()
	until(t, "all is written", func() bool {
		h.c.flights.Lock()
		defer h.c.flights.Unlock()
		return len(h.c.flights.byKey) == 0 && h.c.inFlight.Load() == 0
	})
}

// check compares a range of a file.
func check(t *testing.T, r *Reader, s *source, off, n int) {
	t.Helper()
	p := make([]byte, n)
	got, err := r.ReadAt(p, int64(off))
	want := s.data[min(off, len(s.data)):min(off+n, len(s.data))]
	if !bytes.Equal(p[:got], want) {
		t.Fatalf("%d bytes at %d: %d bytes that differ", n, off, got)
	}
	if err != nil && !(err == io.EOF && len(want) < n) {
		t.Fatalf("%d bytes at %d: %v", n, off, err)
	}
}

// all compares a whole file, read in sequence.
func all(t *testing.T, r *Reader, s *source) {
	t.Helper()
	r.SetPos(0)
	var got bytes.Buffer
	if _, err := r.WriteTo(&got); err != nil || !bytes.Equal(got.Bytes(), s.data) {
		t.Fatalf("%d of %d bytes, %v", got.Len(), len(s.data), err)
	}
}

// until polls a condition.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// pageFiles returns the files of pages in a folder, and what they take.
func pageFiles(t *testing.T, dir string) (names []string, size int64) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, rootName), func(path string, e fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // also what goes while it is listed
		}
		if err != nil || e.IsDir() || e.Name() == lockName {
			return err
		}
		fi, err := e.Info()
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		names = append(names, path)
		size += fileCost(fi.Size())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names, size
}

// flip changes a byte of a file, if it is still there.
func flip(t *testing.T, name string, at int64) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || fi.Size() == 0 {
		return
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at%fi.Size()); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, at%fi.Size()); err != nil {
		t.Fatal(err)
	}
}

// logged collects log messages.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// faultyFS fails where a test says.
type faultyFS struct {
	osFS
	mu     sync.Mutex
	fail   func(op, name string) error
	failed int
}

func (f *faultyFS) set(fail func(op, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail, f.failed = fail, 0
}

func (f *faultyFS) check(op, name string) error {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	if fail == nil {
		return nil
	}
	err := fail(op, name)
	if err != nil {
		f.mu.Lock()
		f.failed++
		f.mu.Unlock()
		err = fmt.Errorf("%s %s: %w", op, name, err)
	}
	return err
}

func (f *faultyFS) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// always fails one operation with an error.
func always(op string, err error) func(string, string) error {
	return func(o, _ string) error {
		if o == op {
			return err
		}
		return nil
	}
}

func (f *faultyFS) Open(name string) (File, error) {
	if err := f.check("open", name); err != nil {
		return nil, err
	}
	file, err := f.osFS.Open(name)
	return faultyFile{file, f, name}, err
}

func (f *faultyFS) Create(name string) (File, error) {
	if err := f.check("create", name); err != nil {
		return nil, err
	}
	file, err := f.osFS.Create(name)
	return faultyFile{file, f, name}, err
}

func (f *faultyFS) Rename(from, to string) error {
	if err := f.check("rename", to); err != nil {
		return err
	}
	return f.osFS.Rename(from, to)
}

func (f *faultyFS) Remove(name string) error {
	if err := f.check("remove", name); err != nil {
		return err
	}
	return f.osFS.Remove(name)
}

func (f *faultyFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.check("readdir", name); err != nil {
		return nil, err
	}
	return f.osFS.ReadDir(name)
}

func (f *faultyFS) Mkdir(name string, perm fs.FileMode) error {
	if err := f.check("mkdir", name); err != nil {
		return err
	}
	return f.osFS.Mkdir(name, perm)
}

type faultyFile struct {
	File
	f    *faultyFS
	name string
}

func (f faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.f.check("read", f.name); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

// Write writes half of what it is given when it fails.
func (f faultyFile) Write(p []byte) (int, error) {
	if err := f.f.check("write", f.name); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

var (
	errFull = syscall.ENOSPC
	errIO   = syscall.EIO
)
