package store

import (
	"cmp"
	"slices"
	"sync"
)

// turns lets those who write into files in memory go in the order in which their pages
// were asked for. When the source brings more than the processors can write, everything
// on its way would otherwise come at the same time: late, with the reader waiting for the
// page that was asked for first. One writes into a file at a time; others would spin in
// the kernel.
type turns struct {
	mu      sync.Mutex
	free    int // of those who may write at one time
	waiting []waitingTurn
}

// waitingTurn is one who waits; the slice is in their order.
type waitingTurn struct {
	order uint64
	b     *block
	ready chan struct{}
}

// take waits for the turn of a page of b, which was asked for at the given place in the
// order of all. It is given back soon.
func (t *turns) take(b *block, order uint64) {
	t.mu.Lock()
	if t.free > 0 && !b.turnTaken {
		t.free--
		b.turnTaken = true
		t.mu.Unlock()
		return
	}
	w := waitingTurn{order, b, make(chan struct{})}
	at, _ := slices.BinarySearchFunc(t.waiting, w, func(a, b waitingTurn) int { return cmp.Compare(a.order, b.order) })
	t.waiting = slices.Insert(t.waiting, at, w)
	t.mu.Unlock()
	<-w.ready
}

// give ends a turn. The first who can go on does.
func (t *turns) give(b *block) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b.turnTaken = false
	t.free++
	for i, w := range t.waiting {
		if w.b.turnTaken {
			continue
		}
		t.free--
		w.b.turnTaken = true
		t.waiting = slices.Delete(t.waiting, i, i+1)
		close(w.ready)
		return
	}
}
