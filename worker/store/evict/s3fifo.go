package evict

// s3fifo is S3-FIFO (Yang et al., SOSP 2023): newcomers pass through a small
// queue, which filters out what is used once; what is used again there, or comes
// back soon after it was given up, lives in the main queue.
type s3fifo[K comparable] struct {
	table[K]
	small, main queue[K]
	ghosts      table[K] // given up from small not long ago
	ghost       queue[K]
	smallMax    int64 // bytes
	ghostMax    int64
}

const (
	smallPart = 0.1 // of the capacity
	maxFreq   = 3
)

func newS3FIFO[K comparable](capacity int64) *s3fifo[K] {
	small := int64(smallPart * float64(capacity))
	return &s3fifo[K]{table: table[K]{}, ghosts: table[K]{}, smallMax: small, ghostMax: capacity - small}
}

func (p *s3fifo[K]) Add(key K, size int64) {
	if p.resize(key, size) {
		return
	}
	e := &entry[K]{key: key, size: size}
	p.table[key] = e
	if _, back := p.ghosts[key]; back {
		p.ghosts.remove(key)
		p.main.push(e)
		return
	}
	p.small.push(e)
}

func (p *s3fifo[K]) Use(key K) {
	if e, ok := p.table[key]; ok {
		e.freq = min(e.freq+1, maxFreq)
	}
}

func (p *s3fifo[K]) Remove(key K) { p.remove(key) }

func (p *s3fifo[K]) Victim(keep func(K) bool) (key K, ok bool) {
	// Each round either gives up a key, moves one from small to main, or uses
	// up one unit of freq in main: kept keys are rotated at most once a queue.
	for range 2 {
		if p.small.bytes > p.smallMax || p.main.len == 0 {
			if key, ok = p.fromSmall(keep); ok {
				return key, true
			}
		}
		if key, ok = p.fromMain(keep); ok {
			return key, true
		}
		if key, ok = p.fromSmall(keep); ok {
			return key, true
		}
	}
	return key, false
}

// fromSmall gives up the oldest key of the small queue that was not used
// again, moving those that were to main.
func (p *s3fifo[K]) fromSmall(keep func(K) bool) (key K, ok bool) {
	for e := p.small.oldest; e != nil; {
		newer := e.prev
		switch {
		case e.freq > 0:
			e.freq = 0
			p.main.move(e)
		case !keep(e.key):
			p.remember(e)
			return p.take(e)
		}
		e = newer
	}
	return key, false
}

// fromMain gives up the oldest key of the main queue without uses left.
func (p *s3fifo[K]) fromMain(keep func(K) bool) (key K, ok bool) {
	for range p.main.len * (maxFreq + 1) {
		e := p.main.oldest
		switch {
		case e.freq > 0:
			e.freq--
		case !keep(e.key):
			return p.take(e)
		}
		p.main.move(e)
	}
	return key, false
}

// remember makes a ghost of e.
func (p *s3fifo[K]) remember(e *entry[K]) {
	g := &entry[K]{key: e.key, size: e.size}
	p.ghosts.remove(e.key)
	p.ghosts[e.key] = g
	p.ghost.push(g)
	for p.ghost.bytes > p.ghostMax && p.ghost.oldest != nil {
		p.ghosts.take(p.ghost.oldest)
	}
}

func (p *s3fifo[K]) Coldest(yield func(K) bool) {
	_ = p.small.each(yield) && p.main.each(yield)
}

func (p *s3fifo[K]) Len() int { return len(p.table) }
