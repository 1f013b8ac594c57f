package store

import (
	"context"
	"io"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// Handle is a block opened for reading. While it is open the block is neither
// evicted nor moved. Not safe for concurrent use; any number of handles may be
// open on one block.
type Handle struct {
	s   *Store
	b   *block
	src Source // nil: only what is present can be read

	next    int64  // where a sequential reader would go on
	window  int64  // bytes kept in flight ahead of it
	grown   int    // the page at which window was last widened
	limit   int64  // what the reader said it wants ends here
	must    bool   // what it fetches is to be kept even if that is slow
	inPlace bool   // it takes bytes from the block's file
	missed  bitmap // pages that this reader got first; see Missed
	begun   bool   // something was read
	arrived bool   // advance was called for what is at next
	goesOn  bool   // the first read was where the reader before had stopped
	closed  bool
}

// Open opens the block id for reading what is present of it. NotFound when the
// store has nothing of it.
func (s *Store) Open(id blockid.ID) (*Handle, error) {
	s.touch(nil)
	s.find(id)
	s.mu.Lock()
	b, ok := s.mu.blocks[id]
	if ok {
		s.retainLocked(b)
	}
	s.mu.Unlock()
	if !ok {
		return nil, notFound(id)
	}
	return s.handle(b, nil)
}

// retainLocked counts a reader of b.
func (s *Store) retainLocked(b *block) {
	b.refs++
	b.handles++
	b.countEvictable()
	s.mu.open[b] = struct{}{}
	s.touch(b.dir)
	s.m.accessed.Inc()
}

// handle completes the opening of a block that retainLocked counted. A block
// whose file has vanished is removed, and NotFound.
func (s *Store) handle(b *block, src Source) (*Handle, error) {
	if err := s.ensureOpen(b); err != nil {
		path := b.finalPath()
		s.readFault(b.dir, err)
		vanished := errors.Is(err, errors.NotFound) && s.folderExists(b.dir)
		s.leave(b, false)
		if vanished {
			s.discardVanished(b, err)
			return nil, notFound(b.id)
		}
		return nil, errors.E("store.open", path, errors.Unavailable, err)
	}
	b.mu.Lock()
	h := &Handle{s: s, b: b, src: src, next: b.mu.lastEnd, window: b.mu.lastWindow, grown: b.pageOf(b.mu.lastEnd - 1), limit: b.length}
	b.mu.Unlock()
	return h, nil
}

// discardVanished removes a block whose file somebody deleted.
func (s *Store) discardVanished(b *block, cause error) {
	s.mu.Lock()
	there := s.mu.blocks[b.id] == b
	if there {
		s.removeLocked(b)
	}
	s.mu.Unlock()
	if there {
		s.m.lost.Inc()
		s.log.Error("a block was lost: its file is gone", "block", b.id, "error", cause)
		s.unlink(b)
	}
}

// Info describes the block.
func (h *Handle) Info() Info {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	return h.s.infoLocked(h.b)
}

// Len is the length of the block in bytes.
func (h *Handle) Len() int64 { return h.b.length }

// Close lets the block go. Fetches that no other reader of it waits for end.
func (h *Handle) Close() {
	if h.closed {
		return
	}
	h.closed = true
	h.s.touch(h.b.dir)
	h.b.mu.Lock()
	h.b.mu.lastEnd, h.b.mu.lastWindow = h.next, h.window
	h.b.mu.Unlock()
	h.s.leave(h.b, !h.goesOn)
}

// begin notes where the first read is.
func (h *Handle) begin(off int64) {
	if !h.begun {
		h.begun, h.goesOn = true, off > 0 && off == h.next
	}
}

// leave undoes retainLocked. used is false for what is no use of its own: one that
// failed, or the next request of the same reader.
func (s *Store) leave(b *block, used bool) {
	s.mu.Lock()
	b.handles--
	b.countEvictable()
	b.used = b.used || used
	idle := b.handles == 0
	s.mu.Unlock()
	if idle {
		s.stopFetches(b)
	}
	s.unref(b)
}

// Expect says that the reader will go through [off, off+n) in order, if nothing
// stops it. If that is more than a page, those bytes are fetched ahead of it and
// none beyond.
func (h *Handle) Expect(off, n int64) {
	size := int64(h.b.pageSize)
	h.begin(off)
	if n <= size {
		return
	}
	h.limit = min(off+n, h.b.length)
	if h.next != off {
		h.window = 0
	}
	h.next, h.window, h.grown = off, max(h.window, size), h.b.pageOf(off)
}

// BufferSize is the capacity that Read needs for n bytes at off: n, and the
// rest of the spans at both ends.
func BufferSize(off int64, n int) int {
	lo := off - off%SpanSize
	hi := (off + int64(n) + SpanSize - 1) / SpanSize * SpanSize
	return int(hi - lo)
}

// Read returns the n bytes at off, verified, in a part of buf, which must have
// BufferSize(off, n) bytes. Missing pages are fetched from the handle's Source;
// without one, they are NotFound. Corrupt is returned for bytes that do not match and
// cannot be fetched again, OutOfRange for what is beyond the end.
func (h *Handle) Read(ctx context.Context, buf []byte, off int64, n int) ([]byte, error) {
	if err := h.within(off, n); err != nil {
		return nil, err
	}
	h.arrive(off, n)
	out, err := h.read(ctx, buf, off, n)
	if err != nil {
		return nil, err
	}
	h.leftFor(off + int64(n))
	return out, nil
}

// arrive notes that the n bytes at off are about to be read, once, whatever ways of
// reading are tried.
func (h *Handle) arrive(off int64, n int) {
	h.s.touch(h.b.dir)
	if h.arrived && h.next == off {
		return
	}
	h.begin(off)
	h.advance(off, n)
	h.arrived = true
}

// leftFor notes that what was arrived at has been read, up to next.
func (h *Handle) leftFor(next int64) { h.next, h.arrived = next, false }

// Lend is Read without a copy, for bytes of one page that was fetched and is in memory
// still: the page stays there until release is called, which may be after Close. The
// result is nil when the bytes are elsewhere, for Read to get.
func (h *Handle) Lend(ctx context.Context, off int64, n int) (data []byte, release func(), err error) {
	if err := h.within(off, n); err != nil || n == 0 {
		return nil, nil, err
	}
	p := h.b.pageOf(off)
	if off+int64(n) > h.b.pageOff(p)+h.b.pageLen(p) {
		return nil, nil, nil
	}
	h.arrive(off, n)
	if !h.inMemory(off, n) {
		return nil, nil, nil
	}
	c, err := h.page(ctx, p)
	if c == nil || err != nil {
		return nil, nil, err
	}
	h.prefetch(off+int64(n), 0)
	h.leftFor(off + int64(n))
	at := off - h.b.pageOff(p)
	return c.data[at : at+int64(n)], func() { h.leaveCall(c) }, nil
}

// within checks that the n bytes at off are in the block.
func (h *Handle) within(off int64, n int) error {
	if off < 0 || n < 0 || off+int64(n) > h.b.length {
		return errors.Errorf(errors.OutOfRange, "Bytes [%d, %d) are not in block %d of %d bytes.", off, off+int64(n), h.b.id, h.b.length)
	}
	return nil
}

// read tries the present pages first, which is all there is to do for a warm
// block, and goes page by page when some are missing or bad.
func (h *Handle) read(ctx context.Context, buf []byte, off int64, n int) ([]byte, error) {
	if !h.inMemory(off, n) {
		if out, bad, err := h.s.readVerified(h.b, buf, off, n); err == nil && bad < 0 {
			return out, nil
		}
	}
	tmp := h.s.pageOf(h.b)
	defer h.s.putPage(tmp)
	out := buf[:n]
	for done := 0; done < n; {
		at := off + int64(done)
		p := h.b.pageOf(at)
		k := int(min(int64(n-done), h.b.pageOff(p)+h.b.pageLen(p)-at))
		if err := h.readPage(ctx, out[done:done+k], *tmp, p, at); err != nil {
			return nil, err
		}
		done += k
		h.prefetch(at+int64(k), 0)
	}
	return out, nil
}

// maxAttempts bounds how often one page is fetched anew for one read.
const maxAttempts = 4

// readPage fills dst with the bytes at off, which lie in page p.
func (h *Handle) readPage(ctx context.Context, dst, tmp []byte, p int, off int64) error {
	for attempt := 1; ; attempt++ {
		c, err := h.page(ctx, p)
		if err != nil {
			return err
		}
		if c != nil { // in memory still
			copy(dst, c.data[off-h.b.pageOff(p):])
			h.leaveCall(c)
			return nil
		}
		out, bad, err := h.s.readVerified(h.b, tmp, off, len(dst))
		if err == nil && bad < 0 {
			copy(dst, out)
			return nil
		}
		if bad < 0 {
			continue // dropped by somebody else in between
		}
		if !h.s.dropPage(h.b, bad, err) || h.src == nil || attempt == maxAttempts {
			return errors.E("store.read", h.b.finalPath(), errors.Corrupt,
				errors.Errorf(errors.Corrupt, "Block %d: the bytes at %d are damaged on disk and cannot be fetched again here.", h.b.id, h.b.pageOff(bad)))
		}
	}
}

// errAbsent says that a page is not there; no fault.
var errAbsent = errors.Errorf(errors.NotFound, "a page is not present")

// readVerified reads n bytes at off into buf and checks them. A damaged page is
// named by bad ≥ 0 (err says why if the disk did); errAbsent comes with bad < 0.
func (s *Store) readVerified(b *block, buf []byte, off int64, n int) (out []byte, bad int, err error) {
	if n == 0 {
		return buf[:0], -1, nil
	}
	lo := off - off%SpanSize
	hi := min((off+int64(n)+SpanSize-1)/SpanSize*SpanSize, b.length)
	var sumsBuf [64]uint32
	sums := sumsBuf[:0]
	b.mu.Lock()
	for p := b.pageOf(off); p <= b.pageOf(off+int64(n)-1); p++ {
		if !b.mu.present.has(p) {
			b.mu.Unlock()
			return nil, -1, errAbsent
		}
	}
	sums = append(sums, b.mu.sums[lo/SpanSize:ceilDiv(hi, SpanSize)]...)
	b.mu.Unlock()

	raw := buf[:hi-lo]
	got, err := b.file.ReadAt(raw, lo)
	if err == io.EOF {
		err = nil
	}
	if err != nil {
		s.readFault(b.dir, err)
	} else if b.dir.readErrors.Load() != 0 {
		b.dir.readErrors.Store(0)
	}
	for i, want := range sums {
		from, to := i*SpanSize, min((i+1)*SpanSize, len(raw))
		if to > got || sumOf(raw[from:to]) != want {
			return nil, b.pageOf(lo + int64(from)), err
		}
	}
	s.m.readBytes.Add(float64(n))
	return raw[off-lo : off-lo+int64(n)], -1, nil
}

// dropPage forgets a page that is damaged on disk and reports whether it may be
// fetched again. The damaged page of an unconfirmed block is kept: the block may
// be the only copy, and its other pages are good.
func (s *Store) dropPage(b *block, p int, cause error) bool {
	s.mu.Lock()
	confirmed := b.confirmed
	s.mu.Unlock()
	if !confirmed {
		if b.markBad(p) {
			s.m.corrupt.Inc()
			s.log.Error("a page of a block that may be the only copy is damaged", "block", b.id, "page", p, "path", b.finalPath(), "error", cause)
		}
		return false
	}
	s.keepAside(b, p)
	if s.removePage(b, p) {
		s.m.corrupt.Inc()
		s.log.Error("a damaged page was dropped", "block", b.id, "page", p, "path", b.finalPath(), "error", cause)
	}
	return true
}

// removePage is the inverse of addPage. It reports whether the page was present.
func (s *Store) removePage(b *block, p int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.mu.present.has(p) {
		return false
	}
	b.mu.present.clear(p)
	clear(b.mu.sums[p*b.spansPerPage() : min((p+1)*b.spansPerPage(), len(b.mu.sums))])
	b.mu.dirty = true

	s.mu.Lock()
	defer s.mu.Unlock()
	n := b.pageLen(p)
	b.bytes -= n
	b.dir.used -= n
	b.damaged = false
	b.resized()
	if b.whole {
		b.whole = false
		if !b.gone {
			s.opts.Observer.BlockRemoved(s.infoLocked(b))
		}
	}
	return true
}

// ReadAt copies the bytes at off into p; io.EOF at the end of the block.
func (h *Handle) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	n := int(max(0, min(int64(len(p)), h.b.length-off)))
	for done := 0; done < n; {
		buf := h.s.page()
		at := off + int64(done)
		k := min(n-done, len(*buf)-int(at%SpanSize))
		if over := BufferSize(at, k); over > len(*buf) {
			k -= over - len(*buf)
		}
		out, err := h.Read(ctx, *buf, at, k)
		if err == nil {
			copy(p[done:], out)
		}
		h.s.putPage(buf)
		if err != nil {
			return done, err
		}
		done += k
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
