package worker

import (
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/proto/dataserverpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// sequences notices readers that go through a file block after block, and keeps
// the next block's first bytes coming while they are at the end of one.
type sequences struct {
	mu struct {
		sync.Mutex
		ended   map[blockid.Container]int // sequence of the last block read to its end
		waiting map[blockid.ID]waiting
		closed  bool
	}
}

// waiting is a block kept open for a reader who is about to come.
type waiting struct {
	h     *store.Handle
	timer *time.Timer // closes it
}

const (
	maxSequences = 4096
	// handOver is how long the next block is kept open for a reader that has come
	// to the end of one.
	handOver = 2 * time.Second
)

// begin reports whether the reader of the block has come from the one before it. He has
// opened it.
func (s *sequences) begin(id blockid.ID) bool {
	s.come(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	before, ok := s.mu.ended[id.Container()]
	return ok && before+1 == id.Sequence()
}

// end notes that the block was read to its end.
func (s *sequences) end(id blockid.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.ended == nil || len(s.mu.ended) >= maxSequences {
		s.mu.ended = map[blockid.Container]int{}
	}
	s.mu.ended[id.Container()] = id.Sequence()
}

// release closes h, of the block id, when its reader has come or had time to come.
func (s *sequences) release(id blockid.ID, h *store.Handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.mu.waiting[id]; taken || s.mu.closed {
		h.Close()
		return
	}
	if s.mu.waiting == nil {
		s.mu.waiting = map[blockid.ID]waiting{}
	}
	s.mu.waiting[id] = waiting{h, time.AfterFunc(handOver, func() { s.come(id) })}
}

// come closes what was kept open for the reader of the block id.
func (s *sequences) come(id blockid.ID) {
	s.mu.Lock()
	w, ok := s.mu.waiting[id]
	delete(s.mu.waiting, id)
	s.mu.Unlock()
	if ok {
		w.timer.Stop()
		w.h.Close()
	}
}

// close closes what is kept open.
func (s *sequences) close() {
	s.mu.Lock()
	left := s.mu.waiting
	s.mu.waiting, s.mu.closed = nil, true
	s.mu.Unlock()
	for _, w := range left {
		w.timer.Stop()
		w.h.Close()
	}
}

// ahead reads ahead of one reader beyond the end of its block.
type ahead struct {
	w    *Worker
	id   blockid.ID
	open *dataserverpb.OpenUfsBlockOptions
	src  *below
	next *store.Handle
	none bool // there is no next block, or no room for it
	// inPlace says that the reader takes bytes from files.
	inPlace bool
}

// reached is called as the reader goes on: beyond is how far its window
// reaches beyond the end of the block.
func (a *ahead) reached(beyond int64) {
	if beyond <= 0 || a.none || a.src == nil {
		return
	}
	if a.next == nil {
		a.openNext()
	}
	if a.next != nil {
		a.next.Ahead(beyond)
	}
}

// openNext opens the block that follows in the file.
func (a *ahead) openNext() {
	a.none = true
	start := a.src.offset + a.src.length
	if a.open.GetBlockInUfsTier() || start >= a.src.size {
		return
	}
	next := *a.src
	next.offset, next.length = start, min(a.src.length, a.src.size-start)
	id := a.id.Container().Block(a.id.Sequence() + 1)
	if info, err := a.w.store.Info(id); err == nil && info.Whole {
		return
	}
	h, err := a.w.store.OpenFill(id, store.FillOptions{Length: next.length, Fingerprint: next.fingerprint}, &next)
	if err == nil {
		a.next, a.none = h, false
		if a.inPlace {
			h.InPlace()
		}
	}
}

// close leaves the next block to its reader, if this one came to the end.
func (a *ahead) close(ended bool) {
	if a.next == nil {
		return
	}
	if ended {
		a.w.sequences.release(a.id.Container().Block(a.id.Sequence()+1), a.next)
	} else {
		a.next.Close()
	}
}
