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
	minGhosts = 64 // there may be as many ghosts as keys, and at least so many
)

func newS3FIFO[K comparable](capacity int64) *s3fifo[K] {
	small := int64(smallPart * float64(capacity))
	return &s3fifo[K]{table: newTable[K](), ghosts: newTable[K](), smallMax: small, ghostMax: capacity - small}
}

func (p *s3fifo[K]) Add(key K, size int64) {
	if p.resize(key, size) {
		return
	}
	if _, back := p.ghosts.entries[key]; back {
		p.ghosts.Remove(key)
		p.add(key, size, &p.main)
		return
	}
	p.add(key, size, &p.small)
}

func (p *s3fifo[K]) Use(key K) {
	if e, ok := p.entries[key]; ok {
		e.freq = min(e.freq+1, maxFreq)
	}
}

func (p *s3fifo[K]) Victim(keep func(K) bool) (key K, ok bool) {
	e := p.next(keep)
	if e == nil {
		return key, false
	}
	if e.in == &p.small {
		p.remember(e)
	}
	return p.take(e), true
}

func (p *s3fifo[K]) Next(keep func(K) bool) (key K, ok bool) { return p.next(keep).name() }

// next finds the key to give up.
func (p *s3fifo[K]) next(keep func(K) bool) *entry[K] {
	// What the first round moved to main the second may give up.
	for range 2 {
		if p.small.bytes > p.smallMax || p.main.len == 0 {
			if e := p.ofSmall(keep); e != nil {
				return e
			}
		}
		if e := p.ofMain(keep); e != nil {
			return e
		}
		if e := p.ofSmall(keep); e != nil {
			return e
		}
	}
	return nil
}

// ofSmall finds the oldest key of the small queue that was not used again, moving
// those that were to main.
func (p *s3fifo[K]) ofSmall(keep func(K) bool) *entry[K] {
	for range p.small.len {
		e := p.small.oldest
		switch {
		case e.freq > 0:
			e.freq = 0
			p.main.move(e)
		case keep(e.key):
			p.small.move(e)
		default:
			return e
		}
	}
	return nil
}

// ofMain finds the oldest key of the main queue without uses left.
func (p *s3fifo[K]) ofMain(keep func(K) bool) *entry[K] {
	for range p.main.len * (maxFreq + 1) {
		e := p.main.oldest
		switch {
		case e.freq > 0:
			e.freq--
		case !keep(e.key):
			return e
		}
		p.main.move(e)
	}
	return nil
}

// remember makes a ghost of e.
func (p *s3fifo[K]) remember(e *entry[K]) {
	p.ghosts.Remove(e.key)
	p.ghosts.add(e.key, e.size, &p.ghost)
	for p.ghost.bytes > p.ghostMax || p.ghost.len > max(minGhosts, p.Len()) {
		p.ghosts.take(p.ghost.oldest)
	}
}
