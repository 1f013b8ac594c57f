package evict

import "hash/maphash"

// tinyLFU is W-TinyLFU (Einziger et al., 2017): a small LRU window in front of
// a segmented LRU; what leaves the window gets in only if a sketch of recent
// frequencies says that it is used more than what it would displace.
type tinyLFU[K comparable] struct {
	table[K]
	window, probation, protected queue[K]
	windowMax, mainMax           int64 // bytes
	protectedMax                 int64
	sketch                       sketch
	seed                         maphash.Seed
}

const (
	windowPart    = 0.01 // of the capacity
	protectedPart = 0.8  // of the rest
)

func newTinyLFU[K comparable](capacity int64) *tinyLFU[K] {
	window := int64(windowPart * float64(capacity))
	return &tinyLFU[K]{table: table[K]{}, windowMax: window, mainMax: capacity - window,
		protectedMax: int64(protectedPart * float64(capacity-window)), seed: maphash.MakeSeed()}
}

func (p *tinyLFU[K]) hash(key K) uint64 { return maphash.Comparable(p.seed, key) }

func (p *tinyLFU[K]) Add(key K, size int64) {
	if p.resize(key, size) {
		return
	}
	e := &entry[K]{key: key, size: size}
	p.table[key] = e
	p.sketch.fit(len(p.table))
	p.sketch.add(p.hash(key))
	p.window.push(e)
	// While there is room nobody needs to be displaced.
	for p.window.bytes > p.windowMax && p.probation.bytes+p.protected.bytes+p.window.oldest.size <= p.mainMax {
		p.probation.move(p.window.oldest)
	}
}

func (p *tinyLFU[K]) Use(key K) {
	e, ok := p.table[key]
	if !ok {
		return
	}
	p.sketch.add(p.hash(key))
	if e.in != &p.probation {
		e.in.move(e)
		return
	}
	p.protected.move(e)
	for p.protected.bytes > p.protectedMax && p.protected.len > 1 {
		p.probation.move(p.protected.oldest)
	}
}

func (p *tinyLFU[K]) Remove(key K) { p.remove(key) }

func (p *tinyLFU[K]) Victim(keep func(K) bool) (key K, ok bool) {
	resident := p.probation.oldestNot(keep)
	if resident == nil {
		resident = p.protected.oldestNot(keep)
	}
	if newcomer := p.window.oldestNot(keep); newcomer != nil && (p.window.bytes > p.windowMax || resident == nil) {
		if resident != nil && p.sketch.count(p.hash(newcomer.key)) > p.sketch.count(p.hash(resident.key)) {
			p.probation.move(newcomer)
			return p.take(resident)
		}
		return p.take(newcomer)
	}
	if resident == nil {
		return key, false
	}
	return p.take(resident)
}

func (p *tinyLFU[K]) Coldest(yield func(K) bool) {
	_ = p.window.each(yield) && p.probation.each(yield) && p.protected.each(yield)
}

func (p *tinyLFU[K]) Len() int { return len(p.table) }

// sketch counts uses approximately: four rows of counters up to 15, halved when
// ten times as many uses as keys were counted.
type sketch struct {
	rows  [4][]uint8
	added int
}

const maxCount = 15

// fit grows the sketch for n keys; counts are lost by it, which is rare.
func (s *sketch) fit(n int) {
	size := len(s.rows[0])
	if n <= size {
		return
	}
	size = max(1024, 2*size)
	for size < n {
		size *= 2
	}
	for i := range s.rows {
		s.rows[i] = make([]uint8, size)
	}
	s.added = 0
}

func (s *sketch) slot(row int, h uint64) *uint8 {
	h *= 0x9e3779b97f4a7c15 + uint64(row)*0xda942042e4dd58b5*2
	h ^= h >> 32
	return &s.rows[row][h&uint64(len(s.rows[row])-1)]
}

func (s *sketch) add(h uint64) {
	for row := range s.rows {
		if c := s.slot(row, h); *c < maxCount {
			*c++
		}
	}
	if s.added++; s.added >= 10*len(s.rows[0]) {
		for _, r := range s.rows {
			for i := range r {
				r[i] /= 2
			}
		}
		s.added /= 2
	}
}

func (s *sketch) count(h uint64) uint8 {
	n := uint8(maxCount)
	for row := range s.rows {
		n = min(n, *s.slot(row, h))
	}
	return n
}
