package evict

// lru gives up what was not used for longest.
type lru[K comparable] struct {
	table[K]
	q queue[K]
}

func newLRU[K comparable]() *lru[K] { return &lru[K]{table: table[K]{}} }

func (p *lru[K]) Add(key K, size int64) {
	if !p.resize(key, size) {
		e := &entry[K]{key: key, size: size}
		p.table[key] = e
		p.q.push(e)
	}
}

func (p *lru[K]) Use(key K) {
	if e, ok := p.table[key]; ok {
		p.q.move(e)
	}
}

func (p *lru[K]) Remove(key K) { p.remove(key) }

func (p *lru[K]) Victim(keep func(K) bool) (key K, ok bool) {
	if e := p.q.oldestNot(keep); e != nil {
		return p.take(e)
	}
	return key, false
}

func (p *lru[K]) Coldest(yield func(K) bool) { p.q.each(yield) }
func (p *lru[K]) Len() int                   { return len(p.table) }
