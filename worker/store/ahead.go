package store

// Reading ahead: how far, and in requests of which size.
//
// The window of a reader is what is kept in flight ahead of it. It grows fourfold
// with each page that a sequential reader comes to, so that one who stops early has
// cost little, and is wide open at once for a reader who is known to go on. What is
// needed soon is asked for page by page, so that many requests work on it; what lies
// far ahead in requests of full size.

// windowGrowth is by how much the window widens with each page.
const windowGrowth = 4

// readAheadMax is the widest window: no more than a part of what the block's
// directory can hold, or what is ahead would be in the way of what is near.
func (h *Handle) readAheadMax() int64 {
	return max(int64(h.b.pageSize), min(h.s.opts.ReadAheadMax, h.b.dir.Quota/4))
}

// advance notes that the reader came to off, and fetches what is missing of the
// n bytes there and of the window ahead.
func (h *Handle) advance(off int64, n int) {
	size := int64(h.b.pageSize)
	switch page := h.b.pageOf(off); {
	case off < h.next || off > h.next+size || off > h.next && h.window == 0:
		h.window = 0
		h.grown = page
	case page > h.grown || h.window == 0 && off > 0:
		h.window = min(max(windowGrowth*h.window, size), h.readAheadMax())
		h.grown = page
	}
	h.next = off
	h.prefetch(off, n)
}

// Sequential says that the reader will go on to the end of the block, or of what
// Expect was told: the window is wide open at once.
func (h *Handle) Sequential() { h.window = h.readAheadMax() }

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
	b.mu.Lock()
	defer b.mu.Unlock()
	missing := func(p int) bool { return !b.mu.present.has(p) && b.mu.calls[p] == nil }
	for p := from; p < to; p++ {
		if !missing(p) {
			continue
		}
		run, most := 1, h.requestPages(p-from)
		for p+run < to && run < most && missing(p+run) {
			run++
		}
		// Small requests at the far end of a wide window would cost a round
		// trip each: wait until a larger one fits.
		if p > from && p+run == to && end < h.stop(off) && run < min(int(h.window/int64(b.pageSize)/4), h.fullRequest()) {
			return
		}
		if h.fetchLocked(p, run) == nil {
			return
		}
		p += run - 1
	}
}

// requestsAhead is how many requests a wide window is made of at least: one whose
// connections are the bottleneck is filled by many.
const requestsAhead = 32

// fullRequest is the size in pages of requests for what lies far ahead. What is fetched
// for the sake of having it is not waited for page by page: fewer requests do.
func (h *Handle) fullRequest() int {
	size := h.s.opts.FetchSize
	if !h.must {
		size = min(size, h.readAheadMax()/requestsAhead)
	}
	return max(1, int(size/int64(h.b.pageSize)))
}

// requestPages is the size of a request for what lies so many pages ahead of the
// reader: full from the middle of the window on.
func (h *Handle) requestPages(ahead int) int {
	full, half := h.fullRequest(), int(h.window/int64(h.b.pageSize)/2)
	if ahead >= half {
		return full
	}
	return max(1, full*ahead/half)
}

// stop is where reading ahead of off ends. Who has read what he said has not read on
// yet.
func (h *Handle) stop(off int64) int64 {
	if off <= h.limit {
		return h.limit
	}
	return h.b.length
}
