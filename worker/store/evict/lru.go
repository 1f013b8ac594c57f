package evict

// lru gives up what was not used for longest.
type lru[K comparable] struct {
	table[K]
	q queue[K]
}

func newLRU[K comparable]() *lru[K] { return &lru[K]{table: newTable[K]()} }

func (p *lru[K]) Add(key K, size int64) {
	if !p.resize(key, size) {
		p.add(key, size, &p.q)
	}
}

func (p *lru[K]) Use(key K) {
	if e, ok := p.entries[key]; ok {
		p.q.move(e)
	}
}

func (p *lru[K]) Victim(keep func(K) bool) (key K, ok bool) {
	if e := p.q.oldestNot(keep); e != nil {
		return p.take(e), true
	}
	return key, false
}

func (p *lru[K]) Next(keep func(K) bool) (key K, ok bool) { return p.q.oldestNot(keep).name() }
