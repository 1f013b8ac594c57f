package store

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// keptAll reads a block as another process would, from the files that Kept names. told is
// how many bytes there were of it, the rest is read with Read.
func keptAll(h *Handle, chunk int) (out []byte, told int, err error) {
	h.InPlace()
	for off := int64(0); off < h.Len(); {
		n := int(min(int64(chunk), h.Len()-off))
		path, sums, err := h.Kept(context.Background(), off, n)
		if err != nil {
			return out, told, err
		}
		if path == "" {
			p, err := h.Read(context.Background(), make([]byte, BufferSize(off, n)), off, n)
			if err != nil {
				return out, told, err
			}
			out = append(out, p...)
			off += int64(n)
			continue
		}
		p, err := readKept(path, h.Len(), off, n, sums)
		if err != nil {
			return out, told, err
		}
		out, told, off = append(out, p...), told+n, off+int64(n)
	}
	return out, told, nil
}

// readKept reads n bytes at off from a file by their checksums.
func readKept(path string, length, off int64, n int, sums []uint32) ([]byte, error) {
	f, err := OpenKept(path, length)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := make([]byte, n)
	for done := 0; done < n; {
		at := off + int64(done)
		k, err := f.Read(p[done:], at, sums[at/SpanSize-off/SpanSize:])
		if err != nil {
			return nil, err
		}
		done += k
	}
	return p, nil
}

// inPlaceFill opens a block of n bytes that is not here yet for a reader in place.
func inPlaceFill(t *testing.T, opts Options, n int64) (*Store, *Handle, *memSource) {
	t.Helper()
	s := open(t, opts)
	id := block1(0)
	src := source(id, n)
	h, err := s.OpenFill(id, FillOptions{Length: n, Fingerprint: "v1"}, src)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close) // before the store is stopped
	h.InPlace()
	return s, h, src
}

// TestReadInPlaceWhileFilled: who reads the file of a block that is being fetched finds
// each byte there when it is told so, whatever the chunks; nothing is fetched twice.
func TestReadInPlaceWhileFilled(t *testing.T) {
	const n = 9*page + 12345
	for i, chunk := range []int{SpanSize, page, 100_000, 3 * page} {
		s := open(t, oneDir(t.TempDir(), 1<<30))
		id := block1(i)
		src := source(id, n)
		h, err := s.OpenFill(id, FillOptions{Length: n, Fingerprint: "v1"}, src)
		if err != nil {
			t.Fatal(err)
		}
		got, told, err := keptAll(h, chunk)
		if err != nil || !bytes.Equal(got, content(id, n)) {
			t.Fatalf("chunks of %d: %d bytes, %v", chunk, len(got), err)
		}
		if told != n {
			t.Errorf("chunks of %d: %d of %d bytes were in the file", chunk, told, n)
		}
		if missed := h.Missed(0, n); missed != n {
			t.Errorf("chunks of %d: %d bytes missed of %d", chunk, missed, n)
		}
		h.Close()
		if src.most() != 1 {
			t.Errorf("chunks of %d: a page was fetched %d times", chunk, src.most())
		}
		check(t, s, id, n, nil)
	}
}

// TestOnlyMemoryIsFilledStraight: what goes to a disk comes through memory, so that its
// readers do not wait for the disk.
func TestOnlyMemoryIsFilledStraight(t *testing.T) {
	const n = 4 * page
	opts := oneDir(t.TempDir(), 1<<30)
	opts.Tiers[0].Alias = "SSD"
	_, h, _ := inPlaceFill(t, opts, n)
	h.b.mu.Lock()
	straight := h.straightLocked()
	h.b.mu.Unlock()
	if straight {
		t.Error("pages for a disk would be waited for")
	}
	got, _, err := keptAll(h, page)
	if err != nil || !bytes.Equal(got, content(block1(0), n)) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

// TestFaultInTheMiddle: the disk fails while a block is filled.
func TestFaultInTheMiddle(t *testing.T) {
	const n = 16 * page
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO} {
		f := &faultFS{}
		opts := oneDir(t.TempDir(), 1<<30)
		opts.FS, opts.ProbeInterval = f, time.Hour
		_, h, _ := inPlaceFill(t, opts, n)
		if path, _, err := h.Kept(context.Background(), 0, page); path == "" || err != nil {
			t.Fatalf("%q, %v", path, err)
		}
		f.set(opts.Tiers[0].Dirs[0].Path, nil, fault)
		got, told, err := keptAll(h, page)
		if err != nil || !bytes.Equal(got, content(block1(0), n)) {
			t.Fatalf("%v: %d bytes, %v", fault, len(got), err)
		}
		if f.count() == 0 || told == n {
			t.Errorf("%v: %d faults, and %d bytes in the file", fault, f.count(), told)
		}
		f.set("", nil, nil)
		h.Close()
	}
}

// TestShortObjectStraight: an object that ends early is not the one of the block.
func TestShortObjectStraight(t *testing.T) {
	const n = 4 * page
	s, h, src := inPlaceFill(t, oneDir(t.TempDir(), 1<<30), n)
	src.data = src.data[:n-page/2]
	var err error
	for off := int64(0); off < n && err == nil; off += page {
		_, _, err = h.Kept(context.Background(), off, page)
	}
	wantKind(t, err, errors.Aborted)
	if _, err := s.Info(block1(0)); !errors.Is(err, errors.NotFound) {
		t.Errorf("the block is still there: %v", err)
	}
}

// stuckSource stops in the middle of a page, after the first piece, until its context ends.
type stuckSource struct{ *memSource }

func (s stuckSource) Open(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(bytes.NewReader(s.data[off:off+3*SpanSize]), waitReader{ctx})), nil
}

type waitReader struct{ ctx context.Context }

func (w waitReader) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}

// TestHalfAPageTakesNoSpace: what was written of pages that did not come whole is given
// back; nothing accounts for it.
func TestHalfAPageTakesNoSpace(t *testing.T) {
	const n = 32 * page
	opts := oneDir(t.TempDir(), 1<<30)
	opts.PageSize = 4 * page // of several pieces
	s, h, src := inPlaceFill(t, opts, n)
	if path, _, err := h.Kept(context.Background(), 0, page); path == "" || err != nil {
		t.Fatalf("%q, %v", path, err)
	}
	path := h.b.finalPath()
	h.src = stuckSource{src}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, _, err := h.Kept(ctx, 8*page, page); err == nil {
		t.Fatal("a page came from nowhere")
	}
	h.Close()
	s.fetching.Wait()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	if taken, most := st.Blocks*512, int64(4*page+64<<10); taken > most {
		t.Errorf("the file takes %d bytes for a page of %d", taken, 4*page)
	}
}

// TestKeptFileDamaged: who reads in place notices what was changed since it was told.
func TestKeptFileDamaged(t *testing.T) {
	const n = 4 * page
	_, h, _ := inPlaceFill(t, oneDir(t.TempDir(), 1<<30), n)
	path, sums, err := h.Kept(context.Background(), 0, n)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(f *os.File) error{
		"flip": func(f *os.File) error {
			_, err := f.WriteAt([]byte{content(block1(0), n)[n/2] ^ 1}, n/2)
			return err
		},
		"truncate": func(f *os.File) error { return f.Truncate(n / 2) },
	} {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil {
			err = damage(f)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readKept(path, n, 0, n/2, sums[:n/2/SpanSize]); err != nil {
			t.Errorf("%s: what is good is not readable: %v", name, err)
		}
		_, err = readKept(path, n, 0, n, sums)
		wantKind(t, err, errors.Corrupt)
	}
	got, told, err := keptAll(h, page) // Read has to mend it
	if err == nil && bytes.Equal(got, content(block1(0), n)) {
		t.Fatalf("%d bytes were told of and read right from a damaged file", told)
	}
	if got, err = readAll(h, page); err != nil || !bytes.Equal(got, content(block1(0), n)) {
		t.Errorf("through the worker: %d bytes, %v", len(got), err)
	}
}

// TestTurnsAreInOrder: who asked first goes first, one for each block at a time.
func TestTurnsAreInOrder(t *testing.T) {
	turns := turns{free: 2}
	blocks := []*block{{}, {}}
	turns.take(blocks[0], 0)
	turns.take(blocks[1], 1)
	var mu sync.Mutex
	var order []uint64
	var all sync.WaitGroup
	for i := uint64(9); i >= 2; i-- {
		all.Go(func() {
			turns.take(blocks[i%2], i)
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			turns.give(blocks[i%2])
		})
		eventually(t, "it waits", func() bool {
			turns.mu.Lock()
			defer turns.mu.Unlock()
			return len(turns.waiting) == int(10-i)
		})
	}
	turns.give(blocks[0])
	eventually(t, "those of one block have gone", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(order) == 4
	})
	turns.give(blocks[1])
	all.Wait()
	if !slices.Equal(order, []uint64{2, 4, 6, 8, 3, 5, 7, 9}) {
		t.Errorf("the order was %v", order)
	}
	if turns.free != 2 || blocks[0].turnTaken || blocks[1].turnTaken {
		t.Errorf("%d turns are free", turns.free)
	}
}
