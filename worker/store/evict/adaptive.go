package evict

// wTinyLFU is W-TinyLFU whose shape follows the workload. Beside the cache it
// simulates small ones, one of each shape, with a sample of the keys; the cache
// takes the shape of the one that had the most hits of late. What is held for the
// simulations does not grow with the cache.
type wTinyLFU[K comparable] struct {
	segments[K]
	shapeAt int // in shapes

	sims  [len(shapes)]segments[uint64] // keys are hashes
	shift int                           // one key in 1<<shift is simulated

	seen   int                  // simulated uses since the last choice
	hits   [len(shapes)]int     // of them
	scores [len(shapes)]float64 // hits, the older the less they count
	weight float64              // uses, likewise
}

// shapes to choose from: LRU, for what is read again soon or never; three
// windows; and one that keeps what it has unless a newcomer is clearly better,
// for loops and epochs that do not fit. Nothing is known at first: LRU.
var shapes = [...]shape{{window: 1}, {window: 0.3}, {window: 0.1}, {window: 0.01}, {window: 0.01, margin: 1}}

const (
	minChoice  = 32    // simulated uses between choices; else half the keys
	remembered = 0.9   // of the scores at each choice
	clearly    = 0.002 // of the uses: what a better shape must be ahead by
)

// maxSimulated is how many keys a simulated cache may have when one key in
// 1<<shift is simulated. Small caches are simulated as they are, larger ones in
// part, and from a part of an eighth on, which costs little time, to a limit of
// memory: the more uses are seen, the sooner the choice is right.
func maxSimulated(shift int) int {
	if shift < 3 {
		return 512
	}
	return 8192
}

func keepNone(uint64) bool { return false }

func newWTinyLFU[K comparable](capacity int64, hash func(K) uint64) *wTinyLFU[K] {
	counts := &sketch{}
	p := &wTinyLFU[K]{segments: newSegments(capacity, shapes[0], hash, counts)}
	same := func(h uint64) uint64 { return h }
	for i, s := range shapes {
		p.sims[i] = newSegments(capacity, s, same, counts)
	}
	return p
}

func (p *wTinyLFU[K]) Add(key K, size int64) {
	h := p.hash(key)
	if p.resize(key, size) {
		p.resizeSimulated(h, size)
		return
	}
	p.sketch.fit(p.Len() + 1)
	p.sketch.add(h)
	p.insert(key, size)
	for p.Len()>>p.shift > maxSimulated(p.shift) {
		p.sample(p.shift + 1)
	}
	p.simulate(h, size)
}

func (p *wTinyLFU[K]) Use(key K) {
	e, ok := p.entries[key]
	if !ok {
		return
	}
	h := p.hash(key)
	p.sketch.add(h)
	p.touch(e)
	p.simulate(h, e.size)
}

func (p *wTinyLFU[K]) Remove(key K) {
	e, ok := p.entries[key]
	if !ok {
		return // perhaps a victim: it lives on in the simulations
	}
	p.take(e)
	if h := p.hash(key); p.sampled(h) {
		for i := range p.sims {
			p.sims[i].Remove(h)
		}
	}
}

func (p *wTinyLFU[K]) Victim(keep func(K) bool) (key K, ok bool) { return p.evict(keep) }

func (p *wTinyLFU[K]) Next(keep func(K) bool) (key K, ok bool) { return p.next(keep).name() }

// sampled reports whether the key with hash h is simulated. The bits of h are
// mixed, because the sketch uses them too.
func (p *wTinyLFU[K]) sampled(h uint64) bool {
	return h*0x9e3779b97f4a7c15>>32&(1<<p.shift-1) == 0
}

// sample sets the part of the keys that is simulated.
func (p *wTinyLFU[K]) sample(shift int) {
	p.shift = shift
	for i := range p.sims {
		s := &p.sims[i]
		s.reshape(p.capacity>>shift, shapes[i])
		for h := range s.entries {
			if !p.sampled(h) {
				s.Remove(h)
			}
		}
	}
}

// simulate uses the key with hash h in the simulated caches.
func (p *wTinyLFU[K]) simulate(h uint64, size int64) {
	if !p.sampled(h) {
		return
	}
	for i := range p.sims {
		s := &p.sims[i]
		if e, hit := s.entries[h]; hit {
			p.hits[i]++
			s.touch(e)
		} else if size <= s.capacity {
			s.shrink(s.capacity-size, keepNone)
			s.insert(h, size)
		}
	}
	if p.seen++; p.seen >= max(minChoice, p.sims[p.shapeAt].Len()/2) {
		p.choose()
	}
}

// resizeSimulated follows a key that grows while it is filled.
func (p *wTinyLFU[K]) resizeSimulated(h uint64, size int64) {
	if !p.sampled(h) {
		return
	}
	keep := func(k uint64) bool { return k == h }
	for i := range p.sims {
		if s := &p.sims[i]; s.resize(h, size) {
			s.shrink(s.capacity, keep)
		}
	}
}

// choose takes the shape whose simulation did best, with the past fading.
func (p *wTinyLFU[K]) choose() {
	p.weight = p.weight*remembered + float64(p.seen)
	best := p.shapeAt
	for i := range p.scores {
		p.scores[i] = p.scores[i]*remembered + float64(p.hits[i])
		if p.scores[i] > p.scores[best] {
			best = i
		}
	}
	if p.scores[best] > p.scores[p.shapeAt]+clearly*p.weight {
		p.shapeAt = best
		p.reshape(p.capacity, shapes[best])
	}
	p.seen, p.hits = 0, [len(shapes)]int{}
	// Keys may have become larger, and so fewer.
	if p.shift > 0 && p.Len()>>(p.shift-1) < maxSimulated(p.shift-1)/2 {
		p.sample(p.shift - 1)
	}
}
