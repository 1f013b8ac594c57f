package store

// What was fetched counts as missed by the reader that gets it first, page by
// page: b.mu.unread has the pages that no reader has got yet, Handle.missed those
// that this handle was the first to get. Pages that were on disk when the worker
// started are nobody's.

// markUnread notes that page p was fetched. b.mu is held.
func (b *block) markUnread(p int) {
	if b.mu.unread == nil {
		b.mu.unread = newBitmap(b.pages())
	}
	if !b.mu.unread.has(p) {
		b.mu.unread.set(p)
		b.unread.Add(1)
	}
}

// Missed returns how many of the n bytes at off, which were just read, had to be
// fetched and go to a reader for the first time. The rest were hits: what one
// fetch brought serves any number of readers.
func (h *Handle) Missed(off int64, n int) int64 {
	b := h.b
	if n == 0 || h.missed == nil && b.unread.Load() == 0 {
		return 0
	}
	first, last := b.pageOf(off), b.pageOf(off+int64(n)-1)
	if b.unread.Load() > 0 {
		h.takeUnread(first, last)
	}
	var missed int64
	for p := first; p <= last && h.missed != nil; p++ {
		if h.missed.has(p) {
			missed += min(b.pageOff(p)+b.pageLen(p), off+int64(n)) - max(b.pageOff(p), off)
		}
	}
	return missed
}

// takeUnread makes this handle the first reader of those pages that had none.
func (h *Handle) takeUnread(first, last int) {
	b := h.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.unread == nil {
		return
	}
	for p := first; p <= last; p++ {
		if b.mu.unread.has(p) {
			b.mu.unread.clear(p)
			b.unread.Add(-1)
			h.noteMissed(p)
		}
	}
}

// noteMissed makes this handle the first reader of page p.
func (h *Handle) noteMissed(p int) {
	if h.missed == nil {
		h.missed = newBitmap(h.b.pages())
	}
	h.missed.set(p)
}
