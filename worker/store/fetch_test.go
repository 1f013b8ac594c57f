package store

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
)

// slowFS is a file system whose writes of pages wait until they are let go.
type slowFS struct {
	osFS
	let chan struct{} // closed: they do not wait

	mu      sync.Mutex
	waiting int
	written int
}

func (f *slowFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	file, err := f.osFS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &slowFile{file, f}, nil
}

type slowFile struct {
	File
	fs *slowFS
}

func (f *slowFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	f.fs.waiting++
	f.fs.mu.Unlock()
	<-f.fs.let
	f.fs.mu.Lock()
	f.fs.waiting--
	f.fs.written++
	f.fs.mu.Unlock()
	return f.File.WriteAt(p, off)
}

func (f *slowFS) count() (waiting, written int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waiting, f.written
}

func fill(t *testing.T, s *Store, id blockid.ID, n int64, src Source) *Handle {
	t.Helper()
	h, err := s.OpenFill(id, FillOptions{Length: n, Fingerprint: "v1"}, src)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestPagesAreReadBeforeTheyAreWritten: a reader gets what was fetched while
// nothing of it is on disk, and then it is kept and not fetched again.
func TestPagesAreReadBeforeTheyAreWritten(t *testing.T) {
	const n = 16 * page
	opts := oneDir(t.TempDir(), 64*page)
	slow := &slowFS{let: make(chan struct{})}
	opts.FS = slow
	s := open(t, opts)
	src := source(block1(0), n)
	h := fill(t, s, block1(0), n, src)
	h.Expect(0, n)
	if got, err := readAll(h, page); err != nil || !bytes.Equal(got, src.data) {
		t.Fatalf("wrong bytes or %v", err)
	}
	if _, written := slow.count(); written != 0 {
		t.Fatalf("%d pages were written that could not be", written)
	}
	close(slow.let)
	h.Settle(context.Background())
	if info := h.Info(); !info.Whole {
		t.Errorf("not kept: %+v", info)
	}
	h.Close()
	check(t, s, block1(0), n, src)
	if src.most() != 1 {
		t.Errorf("a page was fetched %d times", src.most())
	}
}

// TestSlowDirectoryDoesNotHoldReadersUp: with the memory used up, readers go on and
// pages are not kept; what is fetched to be kept waits.
func TestSlowDirectoryDoesNotHoldReadersUp(t *testing.T) {
	const n = 128 * page
	opts := oneDir(t.TempDir(), 1024*page)
	opts.WriteBehind, opts.MaxFetches, opts.Writers, opts.ReadAheadMax = 16*page, 16, 1, 8*page
	slow := &slowFS{let: make(chan struct{})}
	opts.FS = slow
	s := open(t, opts)
	src := source(block1(0), n)
	h := fill(t, s, block1(0), n, src)
	h.Expect(0, n)
	if got, err := readAll(h, page); err != nil || !bytes.Equal(got, src.data) {
		t.Fatalf("wrong bytes or %v", err)
	}
	if waiting, _ := slow.count(); waiting != 1 {
		t.Errorf("%d pages are being written", waiting)
	}

	loaded := make(chan error, 1)
	other := source(block1(1), n)
	go func() {
		h := fill(t, s, block1(1), n, other)
		defer h.Close()
		err := h.Fetch(context.Background(), 0, n)
		h.Settle(context.Background())
		loaded <- err
	}()
	select {
	case err := <-loaded:
		t.Fatalf("loaded without being written: %v", err)
	case <-time.After(2 * slowWrite):
	}
	close(slow.let)
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	h.Close()
	if info, err := s.Info(block1(1)); err != nil || !info.Whole {
		t.Errorf("loaded and not kept: %+v, %v", info, err)
	}
	check(t, s, block1(0), n, src)
}

// stepSource hands out bytes page by page, each when it is let go.
type stepSource struct {
	memSource
	step chan struct{}
}

func (s *stepSource) Open(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	r, err := s.memSource.Open(ctx, off, n)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{stepReader{ctx, r, s.step}, r}, nil
}

type stepReader struct {
	ctx  context.Context
	r    io.Reader
	step chan struct{}
}

func (s stepReader) Read(p []byte) (int, error) {
	select {
	case <-s.step:
		return s.r.Read(p)
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

// TestRequestsNearTheReaderAreSmall: a reader who is known to go on has many
// requests under way at once, one page each near it and larger ones far ahead.
func TestRequestsNearTheReaderAreSmall(t *testing.T) {
	const n = 128 * page
	opts := oneDir(t.TempDir(), 1024*page)
	opts.FetchSize, opts.ReadAheadMax = 4*page, 4*requestsAhead*page
	s := open(t, opts)
	src := &stepSource{*source(block1(0), n), make(chan struct{})}
	h := fill(t, s, block1(0), n, src)
	h.Expect(0, n)
	h.Sequential()
	done := make(chan error, 1)
	go func() {
		_, err := readAll(h, page)
		done <- err
	}()
	eventually(t, "the whole block is asked for", func() bool {
		src.mu.Lock()
		defer src.mu.Unlock()
		return len(src.fetched) == n/page
	})
	src.mu.Lock()
	requests := src.requests
	src.mu.Unlock()
	if requests < requestsAhead || requests > 128*3/4 {
		t.Errorf("%d requests for 128 pages", requests)
	}
	close(src.step)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	h.Close()
}

// TestPageWithoutRoomServesItsReaders: many readers of a block for which there is
// no room share what one of them fetched.
func TestPageWithoutRoomServesItsReaders(t *testing.T) {
	const n = 8 * page
	s := open(t, oneDir(t.TempDir(), 4*page))
	put(t, s, block1(9), 3*page, CreateOptions{}) // unconfirmed: not evicted
	src := source(block1(0), n)
	first := fill(t, s, block1(0), n, src)
	defer first.Close()
	for i := range 8 {
		h := fill(t, s, block1(0), n, src)
		if got, err := readAll(h, page); err != nil || !bytes.Equal(got, src.data) {
			t.Fatalf("reader %d: wrong bytes or %v", i, err)
		}
		h.Close()
	}
	if most := src.most(); most != 1 {
		t.Errorf("a page was fetched %d times for 8 readers", most)
	}
}

// What is lent is the page itself, and stays as it is until it is given back, also when
// the handle was closed and other pages were fetched.
func TestLentPages(t *testing.T) {
	const n = 8 * page
	opts := oneDir(t.TempDir(), 64*page)
	opts.WriteBehind = n
	slow := &slowFS{let: make(chan struct{})} // pages stay in memory
	opts.FS = slow
	s := open(t, opts)
	src := source(block1(0), n)
	h := fill(t, s, block1(0), n, src)
	type lent struct {
		off     int64
		data    []byte
		release func()
	}
	var all []lent
	for off := int64(0); off < n; off += page {
		p, release, err := h.Lend(context.Background(), off, page)
		if err != nil || len(p) != page {
			t.Fatalf("lent %d bytes at %d, %v", len(p), off, err)
		}
		all = append(all, lent{off, p, release})
	}
	if p, _, err := h.Lend(context.Background(), page/2, page); p != nil || err != nil {
		t.Errorf("%d bytes of two pages were lent, %v", len(p), err)
	}
	if _, _, err := h.Lend(context.Background(), n-1, 2); err == nil {
		t.Error("bytes beyond the end were lent")
	}
	h.Close()
	close(slow.let)
	again := fill(t, s, block1(1), n, source(block1(1), n))
	defer again.Close()
	if err := again.Fetch(context.Background(), 0, n); err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		if !bytes.Equal(l.data, src.data[l.off:l.off+page]) {
			t.Errorf("the page at %d is not what it was", l.off)
		}
		l.release()
	}
}

// A read that could not be lent is read, and counts once: short reads here and there fetch
// nothing but their pages.
func TestLendingInVainIsNoRead(t *testing.T) {
	const n = 16 * page
	s := open(t, oneDir(t.TempDir(), 64*page))
	src := source(block1(0), n)
	first := fill(t, s, block1(0), n, src)
	defer first.Close()
	for _, p := range []int64{3, 9, 6} { // on disk
		if err := first.Fetch(context.Background(), p*page, page); err != nil {
			t.Fatal(err)
		}
	}
	first.Settle(context.Background())
	for _, p := range []int64{3, 9, 6} {
		h := fill(t, s, block1(0), n, src)
		off := p*page + 100
		if data, _, err := h.Lend(context.Background(), off, 10); data != nil || err != nil {
			t.Fatalf("%d bytes on disk were lent, %v", len(data), err)
		}
		if _, err := h.Read(context.Background(), make([]byte, BufferSize(off, 10)), off, 10); err != nil {
			t.Fatal(err)
		}
		if h.window != 0 {
			t.Errorf("a short read at %d has a window of %d ahead", off, h.window)
		}
		h.Close()
	}
}

// TestNothingBeyondWhatIsExpected: who reads all that he said he would read has not
// begun to read on.
func TestNothingBeyondWhatIsExpected(t *testing.T) {
	const n = 64 * page
	s := open(t, oneDir(t.TempDir(), 1<<30))
	id := block1(0)
	src := source(id, n)
	h, err := s.OpenFill(id, FillOptions{Length: n, Fingerprint: "v1"}, src)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	h.Expect(0, 8*page)
	for off := int64(0); off < 8*page; off += page {
		if _, err := h.Read(t.Context(), make([]byte, page), off, page); err != nil {
			t.Fatal(err)
		}
	}
	h.Settle(t.Context())
	if got := src.pages(); got != 8 {
		t.Errorf("%d pages were fetched for 8", got)
	}
	// Reading on, he is read ahead of again.
	for off := int64(8 * page); off < 16*page; off += page {
		if _, err := h.Read(t.Context(), make([]byte, page), off, page); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "more is fetched than was read", func() bool { return src.pages() > 16 })
}
