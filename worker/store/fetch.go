package store

import (
	"container/list"
	"context"
	stderrors "errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// A page that is missing is fetched once, into memory. From there it goes to
// whoever waits for it, at once, and is written to its directory behind the
// readers. A request to a Source has memory for one page, and for more while the
// store has some to spare (Options.WriteBehind). With that used up by a directory
// that is slower than the source, pages that were read already are not kept: a cache
// is never slower than none. Memory that nothing else needs has pages that are written
// already and wait for their reader.

// call is one page on its way: being fetched, then in memory until it is written
// or given up.
type call struct {
	done   chan struct{} // closed when err or data is set, or the page is in the file only
	wanted chan struct{} // closed when there was a reader
	err    error
	data   []byte   // the page, in buf
	sums   []uint32 // of its spans
	buf    *[]byte  // recycled when the call has ended and nobody reads data
	extra  bool     // the memory is the store's, not the request's

	// Guarded by block.mu.
	readers int           // who wait or copy
	waits   bool          // wanted is closed
	must    bool          // somebody wants it for the sake of having it
	ended   bool          // not in block.mu.calls any more
	writing bool          // counted in block.mu.writing
	spare   *list.Element // of Store.spares: the page is written and not read yet
}

// errRetry ends calls whose fetch stopped for a reason that is not the waiting
// reader's: it fetches itself.
var errRetry = stderrors.New("fetch stopped")

// page makes sure that page p is to be had, fetching it unless somebody does. It
// returns nil when the page is on disk, else the call that has it in memory, which
// the caller leaves when it has copied what it wants.
func (h *Handle) page(ctx context.Context, p int) (*call, error) {
	for {
		c, err := h.join(p)
		if c == nil {
			return nil, err
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			h.leaveCall(c)
			return nil, errors.E("store.read", "", errors.Other, context.Cause(ctx))
		}
		if c.data != nil {
			return c, nil
		}
		h.leaveCall(c)
		if c.err == nil {
			continue // it went straight to the file
		}
		if c.err != errRetry {
			return nil, c.err
		}
		if ctx.Err() != nil {
			return nil, errors.E("store.read", "", errors.Other, context.Cause(ctx))
		}
	}
}

// join makes the reader one of those of page p's call, beginning one if needed. It
// returns nil when the page is on disk.
func (h *Handle) join(p int) (*call, error) {
	b := h.b
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.mu.calls[p]
	if !ok {
		if b.mu.present.has(p) {
			return nil, nil
		}
		if h.src == nil {
			return nil, errors.Errorf(errors.NotFound, "The bytes at %d of block %d are not on this worker.", b.pageOff(p), b.id)
		}
		if c = h.fetchLocked(p, 1); c == nil {
			return nil, errors.Errorf(errors.Unavailable, "The worker is stopping.")
		}
	}
	if c.waits {
		h.s.m.coalesced.Inc()
	} else {
		c.waits = true
		close(c.wanted)
	}
	c.readers++
	c.must = c.must || h.must
	return c, nil
}

// Fetch fetches what is missing of the n bytes at off, as if they were read, and
// leaves them in the store.
func (h *Handle) Fetch(ctx context.Context, off int64, n int) error {
	if err := h.within(off, n); err != nil || n == 0 {
		return err
	}
	h.must = true
	h.advance(off, n)
	for p := h.b.pageOf(off); p <= h.b.pageOf(off+int64(n)-1); p++ {
		c, err := h.page(ctx, p)
		if err != nil {
			return err
		}
		if c != nil {
			h.leaveCall(c)
		}
	}
	h.leftFor(off + int64(n))
	return nil
}

// inMemory reports whether some of the n bytes at off are on their way, or in memory.
func (h *Handle) inMemory(off int64, n int) bool {
	b := h.b
	if h.src == nil || n == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := b.pageOf(off); p <= b.pageOf(off+int64(n)-1); p++ {
		if b.mu.calls[p] != nil {
			return true
		}
	}
	return false
}

// leaveCall undoes join.
func (h *Handle) leaveCall(c *call) {
	h.b.mu.Lock()
	c.readers--
	if c.readers == 0 && c.spare != nil {
		h.s.dropSpareLocked(h.b, c)
	} else if c.readers == 0 && c.ended && c.buf != nil {
		h.s.putPage(c.buf)
	}
	h.b.mu.Unlock()
}

// Settle waits until what was fetched of the block so far is written, as far as
// there is room.
func (h *Handle) Settle(ctx context.Context) { h.b.settle(ctx) }

// Settle waits until what was fetched of the file's blocks so far is written, as far
// as there is room, and returns the blocks.
func (s *Store) Settle(ctx context.Context, file blockid.Container) []blockid.ID {
	s.mu.Lock()
	blocks := slices.Clone(s.mu.byFile[file])
	s.mu.Unlock()
	ids := make([]blockid.ID, len(blocks))
	for i, b := range blocks {
		ids[i] = b.id
		b.settle(ctx)
	}
	return ids
}

func (b *block) settle(ctx context.Context) {
	b.mu.Lock()
	if b.mu.writing == 0 {
		b.mu.Unlock()
		return
	}
	if b.mu.settled == nil {
		b.mu.settled = make(chan struct{})
	}
	settled := b.mu.settled
	b.mu.Unlock()
	select {
	case <-settled:
	case <-ctx.Done():
	}
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
	f := &fetch{s: h.s, b: b, src: h.src, first: p, calls: calls, own: make(chan struct{}, 1), arrived: make(chan int, n), straight: h.straightLocked(), order: h.s.requests.Add(1)}
	go f.run(b.mu.ctx)
	return calls[0]
}

// stopFetches ends the fetches of a block that nobody reads any more.
func (s *Store) stopFetches(b *block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.mu.calls {
		if c.spare != nil {
			s.dropSpareLocked(b, c)
		}
	}
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
	s       *Store
	b       *block
	src     Source
	first   int
	calls   []*call
	next    int           // of calls, the first not finished
	own     chan struct{} // taken while a page uses the request's own memory
	arrived chan int      // indexes of calls whose pages are to be kept

	straight bool   // pages go to the file as they come; see straight.go
	order    uint64 // of all requests, when it was made
}

func (f *fetch) run(ctx context.Context) {
	defer f.s.fetching.Done()
	defer f.s.unref(f.b)
	if !f.s.acquire(ctx, f.s.slots) {
		f.fail(errRetry)
		return
	}
	defer func() { <-f.s.slots }()

	var behind sync.WaitGroup
	if len(f.calls) > 1 {
		behind.Go(func() { f.keep(ctx) })
	}
	err := f.fetch(ctx)
	close(f.arrived)
	if err != nil && ctx.Err() != nil {
		err = errRetry
	}
	if errors.Is(err, errors.Aborted) {
		f.s.discardStale(f.b, err)
	}
	f.fail(err)
	f.keep(ctx)
	behind.Wait()
}

// acquire takes one of what is scarce, false when ctx has ended. While it waits,
// memory is not used for what can be done without.
func (s *Store) acquire(ctx context.Context, scarce chan struct{}) bool {
	select {
	case scarce <- struct{}{}:
		return true
	default:
	}
	s.starved.Add(1)
	defer s.starved.Add(-1)
	select {
	case scarce <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *fetch) fetch(ctx context.Context) error {
	off := f.b.pageOff(f.first)
	last := f.first + len(f.calls) - 1
	n := f.b.pageOff(last) + f.b.pageLen(last) - off
	f.s.m.fetches.Inc()
	r, err := f.src.Open(ctx, off, n)
	if err != nil {
		return err
	}
	defer r.Close()
	for f.next < len(f.calls) {
		if err := f.page(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// page reads the next page and hands it to whoever waits for it.
func (f *fetch) page(ctx context.Context, r io.Reader) error {
	c, p := f.calls[f.next], f.first+f.next
	if f.straight {
		if kept, err := f.pageToFile(r, c, p); kept || err != nil {
			return err
		}
	}
	if err := f.room(ctx, c); err != nil {
		return err
	}
	c.buf = f.s.pageOf(f.b)
	data := (*c.buf)[:f.b.pageLen(p)]
	k, sums, err := readSpans(r, data)
	f.s.m.fetchedBytes.Add(float64(k))
	if err != nil {
		f.s.putPage(c.buf)
		f.free(c)
		return f.short(err, p, k)
	}
	c.data, c.sums = data, sums
	f.b.mu.Lock()
	f.b.markUnread(p)
	c.writing = true
	f.b.mu.writing++
	f.b.mu.Unlock()
	close(c.done)
	f.arrived <- f.next
	f.next++
	return nil
}

// short is the error for a page of which only k bytes came.
func (f *fetch) short(err error, p, k int) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.Errorf(errors.Aborted, "Block %d: its object ends %d bytes early; it changed in the under store.", f.b.id, f.b.pageLen(p)-int64(k))
	}
	return err
}

// readPiece is how much is read before its checksums are made: it is in the processor's
// cache then.
const readPiece = 2 * SpanSize

// readSpans fills data and returns the checksums of its spans.
func readSpans(r io.Reader, data []byte) (n int, sums []uint32, err error) {
	sums = make([]uint32, 0, ceilDiv(int64(len(data)), SpanSize))
	for n < len(data) {
		piece := data[n:min(n+readPiece, len(data))]
		k, err := io.ReadFull(r, piece)
		n += k
		if err != nil {
			return n, nil, err
		}
		sums = appendSums(sums, piece)
	}
	return n, sums, nil
}

// appendSums appends the checksums of the spans of p, which begins where one does.
func appendSums(sums []uint32, p []byte) []uint32 {
	for span := range slices.Chunk(p, SpanSize) {
		sums = append(sums, sumOf(span))
	}
	return sums
}

// room waits until there is memory for one more page.
func (f *fetch) room(ctx context.Context, c *call) error {
	select {
	case f.own <- struct{}{}:
		c.extra = false
		return nil
	default:
	}
	select {
	case f.s.behind <- struct{}{}:
		c.extra = true
		return nil
	default:
	}
	f.s.starved.Add(1)
	defer f.s.starved.Add(-1)
	f.s.dropSpare()
	select {
	case f.own <- struct{}{}:
		c.extra = false
	case f.s.behind <- struct{}{}:
		c.extra = true
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// free gives back what room took.
func (f *fetch) free(c *call) {
	if c.extra {
		<-f.s.behind
		return
	}
	<-f.own
}

// fail ends the calls for which nothing has come.
func (f *fetch) fail(err error) {
	if err == nil {
		err = errRetry
	}
	f.b.mu.Lock()
	defer f.b.mu.Unlock()
	for ; f.next < len(f.calls); f.next++ {
		c := f.calls[f.next]
		c.err = err
		delete(f.b.mu.calls, f.first+f.next)
		close(c.done)
	}
}

// keep writes pages as they arrive. One for which there is no room stays in memory
// for its readers.
func (f *fetch) keep(ctx context.Context) {
	for i := range f.arrived {
		c, p := f.calls[i], f.first+i
		if !f.turn(c) {
			f.s.m.notKept.Inc()
			f.end(p, c)
			continue
		}
		err := f.s.keepPage(f.b, p, c.data, c.sums)
		<-f.s.writers
		if err != nil {
			f.s.misplace(f.b)
			f.written(c)
			f.hold(ctx, p, c)
		}
		if !f.leaveSpare(p, c) {
			f.end(p, c)
		}
	}
}

// A page waits to be written for slowWrite while others wait for its memory, and one
// that nobody has read yet for slowUnread. When one was given up, those that follow
// within slowMemory are not waited for.
const (
	slowWrite  = 250 * time.Millisecond
	slowUnread = time.Second
	slowMemory = time.Second
)

// turn waits until the page may be written. It returns false when that takes too
// long.
func (f *fetch) turn(c *call) bool {
	select {
	case f.s.writers <- struct{}{}:
		return true
	default:
	}
	look := time.NewTicker(looseLook)
	defer look.Stop()
	for since := time.Now(); ; {
		select {
		case f.s.writers <- struct{}{}:
			return true
		case now := <-look.C:
			waited := now.Sub(since)
			patient := waited < slowWrite && now.UnixNano()-f.s.gaveUp.Load() > int64(slowMemory)
			if !patient && f.s.starved.Load() > 0 && f.dispensable(c, waited) {
				f.s.gaveUp.Store(now.UnixNano())
				return false
			}
		}
	}
}

// dispensable reports whether a page that has waited so long can be done without.
func (f *fetch) dispensable(c *call, waited time.Duration) bool {
	f.b.mu.Lock()
	defer f.b.mu.Unlock()
	return c.readers == 0 && !c.must && (c.waits || waited > slowUnread)
}

// A page that cannot be kept waits for looseWait to be read, and if memory is
// scarce for scarceWait; one that was read is of use to other readers until memory
// is scarce. Each looseRetry it is tried to keep it after all.
const (
	looseWait  = 2 * time.Second
	scarceWait = 200 * time.Millisecond
	looseRetry = 100 * time.Millisecond
	looseLook  = 10 * time.Millisecond
)

// hold keeps a page in memory as long as it may be of use.
func (f *fetch) hold(ctx context.Context, p int, c *call) {
	look := time.NewTicker(looseLook)
	defer look.Stop()
	since := time.Now()
	retry := since.Add(looseRetry)
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-look.C:
			held, scarce := now.Sub(since), f.s.starved.Load() > 0
			if held > looseWait || scarce && (held > scarceWait || wasWanted(c)) {
				return
			}
			if now.After(retry) && f.turn(c) {
				err := f.s.keepPage(f.b, p, c.data, c.sums)
				<-f.s.writers
				if err == nil {
					return
				}
				retry = now.Add(looseRetry)
			}
		}
	}
}

func wasWanted(c *call) bool {
	select {
	case <-c.wanted:
		return true
	default:
		return false
	}
}

// written counts a page as written, or given up.
func (f *fetch) written(c *call) {
	f.b.mu.Lock()
	defer f.b.mu.Unlock()
	f.writtenLocked(c)
}

func (f *fetch) writtenLocked(c *call) {
	if !c.writing {
		return
	}
	c.writing = false
	if f.b.mu.writing--; f.b.mu.writing == 0 && f.b.mu.settled != nil {
		close(f.b.mu.settled)
		f.b.mu.settled = nil
	}
}

// end takes a page out of memory as soon as nobody reads it.
func (f *fetch) end(p int, c *call) {
	f.b.mu.Lock()
	delete(f.b.mu.calls, p)
	c.ended = true
	unused := c.readers == 0
	f.writtenLocked(c)
	f.b.mu.Unlock()
	if unused {
		f.s.putPage(c.buf)
	}
	f.free(c)
}

// leaveSpare leaves a page that is written and that nobody has read yet in memory,
// if there is some to spare, and reports whether it did.
func (f *fetch) leaveSpare(p int, c *call) bool {
	f.b.mu.Lock()
	defer f.b.mu.Unlock()
	if c.waits || f.b.mu.ctx == nil || !f.b.mu.present.has(p) || f.s.starved.Load() > 0 {
		return false
	}
	if !c.extra {
		select {
		case f.s.behind <- struct{}{}:
			c.extra = true
			<-f.own
		default:
			return false
		}
	}
	f.writtenLocked(c)
	f.s.spares.Lock()
	c.spare = f.s.spares.list.PushBack(spare{f.b, p, c})
	f.s.spares.Unlock()
	return true
}

// spare is a page that is in memory and on disk.
type spare struct {
	b *block
	p int
	c *call
}

// dropSpare gives up the memory of one spare page: the latest, which is likely to
// be the farthest from its reader.
func (s *Store) dropSpare() {
	s.spares.Lock()
	var last spare
	if e := s.spares.list.Back(); e != nil {
		last = e.Value.(spare)
	}
	s.spares.Unlock()
	if last.c == nil {
		return
	}
	last.b.mu.Lock()
	defer last.b.mu.Unlock()
	if last.c.spare != nil {
		s.dropSpareLocked(last.b, last.c)
	}
}

// dropSpareLocked gives up the memory of a spare page when nobody reads it. b.mu is
// held.
func (s *Store) dropSpareLocked(b *block, c *call) {
	s.spares.Lock()
	p := s.spares.list.Remove(c.spare).(spare).p
	s.spares.Unlock()
	c.spare = nil
	delete(b.mu.calls, p)
	c.ended = true
	<-s.behind
	if c.readers == 0 {
		s.putPage(c.buf)
	}
}

// keepPage writes a fetched page and marks it present. The caller has taken one of
// writers.
func (s *Store) keepPage(b *block, p int, data []byte, sums []uint32) error {
	n := int64(len(data))
	s.touch(b.dir)
	if err := s.reserve(b.dir, n); err != nil {
		return err
	}
	if err := b.write(data, b.pageOff(p)); err != nil {
		s.unreserve(b.dir, n)
		s.fault(b.dir, err)
		return err
	}
	if s.addPage(b, p, sums, n) {
		s.flush(b)
	}
	return nil
}

// write writes to the block's file. File systems let one writer at a time into a file;
// those who wait there spin.
func (b *block) write(data []byte, off int64) error {
	b.turn.Lock()
	defer b.turn.Unlock()
	_, err := b.file.WriteAt(data, off)
	return err
}

// addPage marks a page of n bytes, reserved so far, as present and reports whether
// the block became whole with it. It is one step for everybody else: who can read
// all pages of a block also sees that it is whole.
func (s *Store) addPage(b *block, p int, sums []uint32, n int64) (whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	copy(b.mu.sums[p*b.spansPerPage():], sums)
	b.mu.present.set(p)
	b.mu.dirty = true
	whole = b.mu.present.count() == b.pages()

	s.mu.Lock()
	defer s.mu.Unlock()
	b.dir.reserved -= n
	b.dir.used += n
	b.bytes += n
	b.resized()
	if whole && !b.gone {
		b.whole = true
		s.m.cached.Inc()
		s.opts.Observer.BlockAdded(s.infoLocked(b))
	}
	return whole
}
