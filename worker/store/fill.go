package store

import (
	"context"
	stderrors "errors"
	"io"
	"os"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// Source is where missing bytes of one block come from: an under store, or
// another worker. It may be used by several goroutines, and until the context of
// a call ends also after the handle that brought it was closed.
type Source interface {
	// Open reads the bytes [off, off+n) of the block. Aborted says that the
	// object is not the one of the block's fingerprint any more: the block is
	// then dropped whole.
	Open(ctx context.Context, off, n int64) (io.ReadCloser, error)
}

// FillOptions describe a block that is to be cached as it is read.
type FillOptions struct {
	Length      int64
	Fingerprint string // of the object it comes from; needed
	Place       Place
}

// OpenFill opens the block id like Open, and makes it if the store has nothing of
// it. Pages that are missing are fetched from src when they are read and kept
// as far as there is room. A block that is here from another version of the
// object, or with another length, is replaced. NoSpace when no directory takes
// it, Unavailable when its directory fails: the caller may read from src itself.
func (s *Store) OpenFill(id blockid.ID, opts FillOptions, src Source) (*Handle, error) {
	if !id.Valid() || opts.Length < 0 || opts.Length > maxBlockLength || opts.Fingerprint == "" || len(opts.Fingerprint) > maxFingerprint {
		return nil, errors.Errorf(errors.Invalid, "Block %d of %d bytes cannot be cached.", id, opts.Length)
	}
	s.lastUser.Store(time.Now().UnixNano())
	s.find(id)
	for {
		s.mu.Lock()
		b, ok := s.mu.blocks[id]
		stale := ok && b.confirmed && (b.fingerprint != opts.Fingerprint || b.length != opts.Length)
		switch {
		case stale:
			s.removeLocked(b)
		case ok:
			s.retainLocked(b)
		}
		s.mu.Unlock()
		switch {
		case stale:
			s.unlink(b)
			s.m.stale.Inc()
		case ok:
			h, err := s.handle(b, src)
			if !errors.Is(err, errors.NotFound) {
				return h, err
			}
		default:
			h, err := s.begin(id, opts, src)
			if !errors.Is(err, errors.Exists) {
				return h, err
			}
		}
	}
}

// begin makes an empty block and opens it. Its file stays a temporary one until
// the first page is worth a sidecar.
func (s *Store) begin(id blockid.ID, opts FillOptions, src Source) (*Handle, error) {
	if err := s.claim(id); err != nil {
		return nil, err
	}
	d := s.dirFor(opts)
	if d == nil {
		s.release(id)
		return nil, errors.Errorf(errors.NoSpace, "No storage directory of this worker can take block %d.", id)
	}
	m := newMeta(id, opts.Length, s.opts.PageSize, opts.Fingerprint)
	b := newBlock(&m, d)
	b.tmpPath = s.tmpName(d, id)
	f, err := s.fs.OpenFile(b.tmpPath, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		if err = f.Truncate(opts.Length); err != nil {
			_ = f.Close()
			_ = s.fs.Remove(b.tmpPath)
		}
	}
	if err != nil {
		s.release(id)
		s.fault(d, err)
		return nil, errors.E("store.create", b.tmpPath, errors.NoSpace, err)
	}
	b.file = f
	b.mu.dirty = opts.Length == 0
	s.mu.Lock()
	s.releaseLocked(id)
	if d.state == dirFailed {
		s.mu.Unlock()
		_ = f.Close()
		return nil, errors.Errorf(errors.NoSpace, "Storage directory %s failed.", d.Path)
	}
	s.indexLocked(b)
	s.retainLocked(b)
	if b.whole {
		s.opts.Observer.BlockAdded(s.infoLocked(b))
	}
	s.mu.Unlock()
	return s.handle(b, src)
}

// dirFor chooses the directory of a block to be filled: one with room for all
// of it if there is any; space is reserved page by page.
func (s *Store) dirFor(opts FillOptions) *dir {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := s.dirsAt(opts.Place)
	for _, dirs := range [...][]*dir{wanted, s.dirs} {
		if d := s.pickLocked(dirs, opts.Length); d != nil {
			return d
		}
	}
	var best *dir
	for _, d := range wanted {
		if d.limit() >= int64(s.opts.PageSize) && (best == nil || d.limit()-d.reserved > best.limit()-best.reserved) {
			best = d
		}
	}
	return best
}

// call is one page being fetched.
type call struct {
	done   chan struct{}
	wanted chan struct{} // closed when the first reader waits
	waits  bool          // under block.mu: wanted is closed
	// Set before done is closed:
	data []byte // the page, if there was no room to keep it
	err  error
}

// errRetry ends calls whose fetch stopped for a reason that is not the waiting
// reader's: it fetches itself.
var errRetry = stderrors.New("fetch stopped")

// page makes sure that page p is present, fetching it unless somebody does. If it
// could not be kept its bytes are returned.
func (h *Handle) page(ctx context.Context, p int) ([]byte, error) {
	b := h.b
	for {
		b.mu.Lock()
		if b.mu.present.has(p) {
			b.mu.Unlock()
			return nil, nil
		}
		c, ok := b.mu.calls[p]
		if !ok {
			if h.src == nil {
				b.mu.Unlock()
				return nil, errors.Errorf(errors.NotFound, "The bytes at %d of block %d are not on this worker.", b.pageOff(p), b.id)
			}
			if c = h.fetchLocked(p, 1); c == nil {
				b.mu.Unlock()
				return nil, errors.Errorf(errors.Unavailable, "The worker is stopping.")
			}
		}
		if c.waits {
			h.s.m.coalesced.Inc()
		} else {
			c.waits = true
			close(c.wanted)
		}
		b.mu.Unlock()
		select {
		case <-c.done:
		case <-ctx.Done():
			return nil, errors.E("store.read", "", errors.Other, context.Cause(ctx))
		}
		if c.err == nil {
			return c.data, nil
		}
		if c.err != errRetry {
			return nil, c.err
		}
		if ctx.Err() != nil {
			return nil, errors.E("store.read", "", errors.Other, context.Cause(ctx))
		}
	}
}

// advance notes that the reader came to off, and fetches what is missing of the
// n bytes there and of the window ahead. The window doubles with each page that a
// sequential reader comes to, and closes when it jumps.
func (h *Handle) advance(off int64, n int) {
	size := int64(h.b.pageSize)
	switch page := h.b.pageOf(off); {
	case off < h.next || off > h.next+size || off > h.next && h.window == 0:
		h.window = 0
		h.grown = page
	case page > h.grown || h.window == 0 && off > 0:
		h.window = min(max(2*h.window, size), h.s.opts.ReadAheadMax)
		h.grown = page
	}
	h.next = off
	h.prefetch(off, n)
}

// Sequential says that the reader has come here from the end of another block:
// the window is wide open at once.
func (h *Handle) Sequential() { h.window = h.s.opts.ReadAheadMax }

// Window is the number of bytes kept in flight ahead of the reader. When it
// reaches beyond the end of the block, the rest concerns the next one: see Ahead.
func (h *Handle) Window() int64 { return h.window }

// Ahead requests what is missing of the first n bytes of the block (in whole
// requests), for a reader that is about to come, without waiting. The handle has to
// stay open until it has come.
func (h *Handle) Ahead(n int64) {
	if n < h.b.length {
		n -= n % h.s.opts.FetchSize
	}
	h.prefetch(0, int(min(n, h.b.length)))
}

// prefetch requests what is missing of the n bytes at off and of the window.
func (h *Handle) prefetch(off int64, n int) {
	b := h.b
	end := max(off+int64(n), min(off+h.window, h.stop(off)))
	if h.src == nil || end <= off {
		return
	}
	from, to := b.pageOf(off), b.pageOf(end-1)+1
	unit := h.s.opts.FetchSize / int64(b.pageSize)
	b.mu.Lock()
	defer b.mu.Unlock()
	missing := func(p int) bool { return !b.mu.present.has(p) && b.mu.calls[p] == nil }
	for p := from; p < to; p++ {
		if !missing(p) {
			continue
		}
		run := 1
		for p+run < to && int64(run) < unit && missing(p+run) {
			run++
		}
		// Small requests at the far end of a wide window would cost a round
		// trip each: wait until a larger one fits.
		if p > from && p+run == to && end < h.stop(off) && int64(run)*int64(b.pageSize) < min(h.window/4, h.s.opts.FetchSize) {
			return
		}
		if h.fetchLocked(p, run) == nil {
			return
		}
		p += run - 1
	}
}

// stop is where reading ahead of off ends.
func (h *Handle) stop(off int64) int64 {
	if off < h.limit {
		return h.limit
	}
	return h.b.length
}

// fetchLocked starts one request for n pages from p, none of which is present
// or being fetched, and returns the call for p; nil when the store is closed.
// b.mu is held.
func (h *Handle) fetchLocked(p, n int) *call {
	b := h.b
	h.s.mu.Lock()
	closed := h.s.mu.closed
	if !closed {
		b.refs++
		h.s.fetching.Add(1)
	}
	h.s.mu.Unlock()
	if closed {
		return nil
	}
	if b.mu.calls == nil {
		b.mu.calls = map[int]*call{}
	}
	if b.mu.ctx == nil {
		b.mu.ctx, b.mu.cancel = context.WithCancel(context.Background())
	}
	calls := make([]*call, n)
	for i := range calls {
		calls[i] = &call{done: make(chan struct{}), wanted: make(chan struct{})}
		b.mu.calls[p+i] = calls[i]
	}
	f := &fetch{s: h.s, b: b, src: h.src, first: p, calls: calls}
	go f.run(b.mu.ctx)
	return calls[0]
}

// stopFetches ends the fetches of a block that nobody reads any more.
func (s *Store) stopFetches(b *block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.cancel != nil {
		b.mu.cancel()
		b.mu.ctx, b.mu.cancel = nil, nil
	}
}

// cancelFetches ends all fetches and lets no more begin.
func (s *Store) cancelFetches() {
	s.mu.Lock()
	s.mu.closed = true
	s.mu.Unlock()
	for _, b := range s.openBlocks() {
		s.stopFetches(b)
	}
}

// fetch is one request to a Source, for consecutive pages.
type fetch struct {
	s     *Store
	b     *block
	src   Source
	first int
	calls []*call
	next  int // of calls, the first not finished
}

// looseWait is how long a page that cannot be kept waits for a reader to take it,
// and looseRetry how often it is tried meanwhile to keep it after all.
const (
	looseWait  = 2 * time.Second
	looseRetry = 20 * time.Millisecond
)

func (f *fetch) run(ctx context.Context) {
	defer f.s.fetching.Done()
	defer f.s.unref(f.b)

	err := f.fetch(ctx)
	if err != nil && ctx.Err() != nil {
		err = errRetry
	}
	if errors.Is(err, errors.Aborted) {
		f.s.discardStale(f.b, err)
	}
	if err == nil {
		err = errRetry
	}
	for f.next < len(f.calls) {
		f.finish(nil, err)
	}
}

func (f *fetch) fetch(ctx context.Context) error {
	select {
	case f.s.slots <- struct{}{}:
		defer func() { <-f.s.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	off := f.b.pageOff(f.first)
	last := f.first + len(f.calls) - 1
	n := f.b.pageOff(last) + f.b.pageLen(last) - off
	f.s.m.fetches.Inc()
	r, err := f.src.Open(ctx, off, n)
	if err != nil {
		return err
	}
	defer r.Close()
	buf := f.s.pageOf(f.b)
	defer f.s.putPage(buf)
	for f.next < len(f.calls) {
		p := f.first + f.next
		data := (*buf)[:f.b.pageLen(p)]
		k, err := io.ReadFull(r, data)
		f.s.m.fetchedBytes.Add(float64(k))
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return errors.Errorf(errors.Aborted, "Block %d: its object ends %d bytes early; it changed in the under store.", f.b.id, len(data)-k)
		}
		if err != nil {
			return err
		}
		if err := f.page(ctx, p, data); err != nil {
			return err
		}
	}
	return nil
}

// page keeps the page p, or hands it to whoever waits for it if it cannot be
// kept. Until somebody does, the request is left standing: that is the
// back-pressure on a source that is read ahead of a slow reader.
func (f *fetch) page(ctx context.Context, p int, data []byte) error {
	for deadline := time.Now().Add(looseWait); ; {
		if f.s.keepPage(f.b, p, data) == nil {
			f.finish(nil, nil)
			return nil
		}
		select {
		case <-f.calls[f.next].wanted:
			f.finish(append([]byte(nil), data...), nil)
			return nil
		case <-time.After(looseRetry): // there may be room by now
			if time.Now().After(deadline) {
				return errRetry
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finish ends the next call.
func (f *fetch) finish(data []byte, err error) {
	c := f.calls[f.next]
	f.b.mu.Lock()
	delete(f.b.mu.calls, f.first+f.next)
	f.b.mu.Unlock()
	c.data, c.err = data, err
	close(c.done)
	f.next++
}

// keepPage writes a fetched page and marks it present.
func (s *Store) keepPage(b *block, p int, data []byte) error {
	n := int64(len(data))
	if err := s.reserve(b.dir, n); err != nil {
		return err
	}
	if _, err := b.file.WriteAt(data, b.pageOff(p)); err != nil {
		s.unreserve(b.dir, n)
		s.fault(b.dir, err)
		return err
	}
	sums := make([]uint32, 0, b.spansPerPage())
	for i := 0; i < len(data); i += SpanSize {
		sums = append(sums, sumOf(data[i:min(i+SpanSize, len(data))]))
	}
	if s.addPage(b, p, sums, n) {
		s.flush(b)
	}
	return nil
}

// addPage marks a page of n bytes, reserved so far, as present and reports whether
// the block became whole with it. It is one step for everybody else: who can read
// all pages of a block also sees that it is whole.
func (s *Store) addPage(b *block, p int, sums []uint32, n int64) (whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	copy(b.mu.sums[p*b.spansPerPage():], sums)
	b.mu.present.set(p)
	b.markUnread(p)
	b.mu.dirty = true
	whole = b.mu.present.count() == b.pages()

	s.mu.Lock()
	defer s.mu.Unlock()
	b.dir.reserved -= n
	b.dir.used += n
	b.bytes += n
	if b.tracked {
		b.dir.policy.Add(b.id, b.bytes)
	}
	if whole && !b.gone {
		b.whole = true
		s.m.cached.Inc()
		s.opts.Observer.BlockAdded(s.infoLocked(b))
	}
	return whole
}

// discardStale removes a block whose object changed under it.
func (s *Store) discardStale(b *block, cause error) {
	s.mu.Lock()
	there := s.mu.blocks[b.id] == b
	if there {
		s.removeLocked(b)
	}
	s.mu.Unlock()
	if there {
		s.m.stale.Inc()
		s.log.Warn("a block was dropped: its object changed in the under store", "block", b.id, "error", cause)
		s.unlink(b)
	}
}
