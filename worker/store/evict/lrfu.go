package evict

import (
	"container/heap"
	"math"
)

// lrfu weighs recency and frequency: each use adds 1 to a key's value, and a
// value decays by (1/attenuation)^(step·age), age counted in uses of the cache.
//
// Since all values decay alike their order does not change with time, so a key
// keeps one number: log2 of its value, projected back to time 0.
type lrfu[K comparable] struct {
	keys   map[K]*scored[K]
	heap   scoreHeap[K]
	lambda float64 // decay per use, as a power of two
	now    float64 // uses so far
}

type scored[K comparable] struct {
	key   K
	score float64
	at    int // in the heap
}

func newLRFU[K comparable](o Options) *lrfu[K] {
	attenuation, step := o.Attenuation, o.Step
	if attenuation < 1 {
		attenuation = 2
	}
	if step <= 0 {
		step = 0.25
	}
	return &lrfu[K]{keys: map[K]*scored[K]{}, lambda: step * math.Log2(attenuation)}
}

func (p *lrfu[K]) Add(key K, _ int64) {
	if _, ok := p.keys[key]; ok {
		return
	}
	p.now++
	e := &scored[K]{key: key, score: p.lambda * p.now}
	p.keys[key] = e
	heap.Push(&p.heap, e)
}

func (p *lrfu[K]) Use(key K) {
	e, ok := p.keys[key]
	if !ok {
		return
	}
	p.now++
	base := p.lambda * p.now
	e.score = base + math.Log2(1+math.Exp2(e.score-base))
	heap.Fix(&p.heap, e.at)
}

func (p *lrfu[K]) Remove(key K) {
	if e, ok := p.keys[key]; ok {
		heap.Remove(&p.heap, e.at)
		delete(p.keys, key)
	}
}

func (p *lrfu[K]) Victim(keep func(K) bool) (key K, ok bool) {
	if key, ok = p.Next(keep); ok {
		p.Remove(key)
	}
	return key, ok
}

func (p *lrfu[K]) Next(keep func(K) bool) (key K, ok bool) {
	var kept []*scored[K]
	for p.heap.Len() > 0 && keep(p.heap[0].key) {
		kept = append(kept, heap.Pop(&p.heap).(*scored[K]))
	}
	if ok = p.heap.Len() > 0; ok {
		key = p.heap[0].key
	}
	for _, e := range kept {
		// In use means worth as much as what came just now: the next call does not
		// meet it at once again.
		e.score = max(e.score, p.lambda*p.now)
		heap.Push(&p.heap, e)
	}
	return key, ok
}

func (p *lrfu[K]) Len() int { return len(p.keys) }

// scoreHeap is a container/heap with the lowest score first.
type scoreHeap[K comparable] []*scored[K]

func (h scoreHeap[K]) Len() int           { return len(h) }
func (h scoreHeap[K]) Less(i, j int) bool { return h[i].score < h[j].score }
func (h scoreHeap[K]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (h *scoreHeap[K]) Push(x any) {
	e := x.(*scored[K])
	e.at = len(*h)
	*h = append(*h, e)
}

func (h *scoreHeap[K]) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
