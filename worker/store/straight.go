package store

import (
	"context"
	"io"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// A page that nobody wants from the worker's own memory goes straight to the file of its
// block, piece by piece while it is in the processor's cache, if that file is in memory
// itself: it takes bytes as fast as they come. Each byte is then written to memory once
// instead of twice.

// straightLocked reports whether what the reader fetches goes straight to the file. b.mu
// is held.
func (h *Handle) straightLocked() bool {
	return (h.must || h.inPlace) && h.b.dir.Medium == MemoryMedium && !h.b.mu.failed
}

// pieces are what pages are read through on their way to a file.
var pieces = sync.Pool{New: func() any { return new([readPiece]byte) }}

// pageToFile reads page p into the file. It reports false, having read nothing, when
// there is no room: the page has to go through memory.
func (f *fetch) pageToFile(r io.Reader, c *call, p int) (kept bool, err error) {
	b, n := f.b, f.b.pageLen(p)
	f.s.touch(b.dir)
	if f.s.reserve(b.dir, n) != nil {
		f.straight = false
		return false, nil
	}
	sums, written, err := f.copyPage(r, p)
	f.s.countWritten(b.dir, -written)
	if err != nil {
		b.discard(p)
		f.s.unreserve(b.dir, n)
		return false, err
	}
	b.mu.Lock()
	b.markUnread(p)
	b.mu.Unlock()
	whole := f.s.addPage(b, p, sums, n)
	b.mu.Lock()
	delete(b.mu.calls, p)
	c.ended = true
	b.mu.Unlock()
	f.next++
	close(c.done)
	if whole {
		f.s.flush(b)
	}
	return true, nil
}

// copyPage copies page p from r to the file and returns the checksums of its spans, and
// how many bytes it has counted as written. After a failed write it is errRetry, and the
// block's pages go through memory from then on, where they can be had in spite of it.
func (f *fetch) copyPage(r io.Reader, p int) (sums []uint32, written int64, err error) {
	piece := pieces.Get().(*[readPiece]byte)
	defer pieces.Put(piece)
	size := f.b.pageLen(p)
	sums = make([]uint32, 0, ceilDiv(size, SpanSize))
	for written < size {
		part := piece[:min(int64(len(piece)), size-written)]
		k, err := io.ReadFull(r, part)
		f.s.m.fetchedBytes.Add(float64(k))
		if err != nil {
			return nil, written, f.short(err, p, int(written)+k)
		}
		sums = appendSums(sums, part)
		if err := f.writePiece(part, f.b.pageOff(p)+written); err != nil {
			f.s.fault(f.b.dir, err)
			f.b.mu.Lock()
			f.b.mu.failed = true
			f.b.mu.Unlock()
			return nil, written, errRetry
		}
		f.s.countWritten(f.b.dir, int64(k))
		written += int64(k)
	}
	return sums, written, nil
}

func (f *fetch) writePiece(p []byte, off int64) error {
	f.s.turns.take(f.b, f.order)
	defer f.s.turns.give(f.b)
	_, err := f.b.file.WriteAt(p, off)
	return err
}

// discard gives back what was written of a page that did not come whole, as far as the
// file system can.
func (b *block) discard(p int) {
	f, ok := b.file.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.Fallocate(int(fd), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, b.pageOff(p), b.pageLen(p))
	})
}

// InPlace says that the reader takes bytes from the block's file as far as Kept says
// that they are there.
func (h *Handle) InPlace() { h.inPlace = true }

// Kept is Read for a process that reads the block's file itself: it waits until the n
// bytes at off are there, fetching them if need be, and returns the file's path and the
// checksums of the spans that they touch, by which they are to be verified. The path is
// empty when the bytes are elsewhere, for Read or Lend to get. The block stays where it
// is while the handle is open.
func (h *Handle) Kept(ctx context.Context, off int64, n int) (path string, sums []uint32, err error) {
	if err := h.within(off, n); err != nil || n == 0 || !h.inPlace {
		return "", nil, err
	}
	h.arrive(off, n)
	for p := h.b.pageOf(off); p <= h.b.pageOf(off+int64(n)-1); p++ {
		c, err := h.page(ctx, p)
		if err != nil {
			return "", nil, err
		}
		if c != nil {
			h.leaveCall(c)
			return "", nil, nil
		}
	}
	if sums = h.b.sumsOf(off, n); sums == nil {
		return "", nil, nil // dropped by somebody else in between
	}
	if path, err = h.s.settled(h.b); err != nil {
		return "", nil, nil
	}
	h.prefetch(off+int64(n), 0)
	h.leftFor(off + int64(n))
	return path, sums, nil
}

// sumsOf returns the checksums of the spans that the n bytes at off touch, nil when some
// of them are not present.
func (b *block) sumsOf(off int64, n int) []uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := b.pageOf(off); p <= b.pageOf(off+int64(n)-1); p++ {
		if !b.mu.present.has(p) {
			return nil
		}
	}
	return slices.Clone(b.mu.sums[off/SpanSize : ceilDiv(off+int64(n), SpanSize)])
}

// settled returns the path at which the file of a block with pages is to stay.
func (s *Store) settled(b *block) (string, error) {
	b.io.Lock()
	temporary := b.tmpPath != ""
	b.io.Unlock()
	if temporary {
		s.flush(b)
	}
	b.io.Lock()
	defer b.io.Unlock()
	if b.tmpPath != "" {
		return "", errors.Errorf(errors.Unavailable, "Block %d could not be put into place.", b.id)
	}
	return b.finalPath(), nil
}
