package evict

// shape is what can be varied in W-TinyLFU.
type shape struct {
	window float64 // part of the capacity
	margin int     // uses by which a newcomer must be ahead of what it displaces
}

// segments is W-TinyLFU (Einziger, Friedman, Manes 2017) of one shape: newcomers
// live in an LRU window; what leaves the window stays only if a sketch of recent
// uses says that it is used more than what it would displace from the main part,
// a segmented LRU. With a window of the whole capacity it is LRU.
type segments[K comparable] struct {
	table[K]
	window, probation, protected queue[K]

	shape
	capacity, windowMax, mainMax, protectedMax int64 // bytes

	hash   func(K) uint64
	sketch *sketch
}

const (
	protectedPart = 0.8 // of the main part
	// maxMoves bounds what one call moves between the parts after a change of
	// shape: the rest follows with the next calls.
	maxMoves = 16
)

func newSegments[K comparable](capacity int64, s shape, hash func(K) uint64, counts *sketch) segments[K] {
	p := segments[K]{table: newTable[K](), hash: hash, sketch: counts}
	p.reshape(capacity, s)
	return p
}

// reshape changes the limits; the keys follow with the calls to come.
func (p *segments[K]) reshape(capacity int64, s shape) {
	p.shape, p.capacity = s, capacity
	p.windowMax = int64(s.window * float64(capacity))
	p.mainMax = capacity - p.windowMax
	p.protectedMax = int64(protectedPart * float64(p.mainMax))
}

func (p *segments[K]) mainBytes() int64 { return p.probation.bytes + p.protected.bytes }
func (p *segments[K]) bytes() int64     { return p.window.bytes + p.mainBytes() }

// insert puts a new key into the window. That may be too full then: where its
// oldest go is decided when there is no room, by evict.
func (p *segments[K]) insert(key K, size int64) { p.add(key, size, &p.window) }

func (p *segments[K]) touch(e *entry[K]) {
	switch {
	case e.in != &p.window && p.mainBytes() > p.mainMax:
		p.window.move(e) // the main part has to shrink: not by what is used
	case e.in == &p.probation:
		p.protected.move(e)
		for range maxMoves {
			if p.protected.bytes <= p.protectedMax || p.protected.len == 1 {
				break
			}
			p.probation.move(p.protected.oldest)
		}
	default:
		e.in.move(e)
	}
}

// evict takes the key to give up out.
func (p *segments[K]) evict(keep func(K) bool) (key K, ok bool) {
	if e := p.next(keep); e != nil {
		return p.take(e), true
	}
	return key, false
}

// next finds the key to give up.
func (p *segments[K]) next(keep func(K) bool) *entry[K] {
	// What the main part has room for need not displace anything.
	for range maxMoves {
		if p.window.bytes <= p.windowMax || p.mainBytes()+p.window.oldest.size > p.mainMax {
			break
		}
		p.probation.move(p.window.oldest)
	}
	resident := p.probation.oldestNot(keep)
	if resident == nil {
		resident = p.protected.oldestNot(keep)
	}
	newcomer := p.window.oldestNot(keep)
	switch {
	case resident == nil:
		return newcomer
	case newcomer == nil || p.window.bytes+newcomer.size <= p.windowMax:
		// The key that needs the room will find some in the window.
		return resident
	case p.admits(newcomer, resident):
		p.probation.move(newcomer)
		return resident
	}
	return newcomer
}

// shrink evicts until no more than max bytes are left.
func (p *segments[K]) shrink(max int64, keep func(K) bool) {
	for p.bytes() > max {
		if _, ok := p.evict(keep); !ok {
			return
		}
	}
}

// admits reports whether newcomer is used more than all that it would displace
// from the main part, beginning with resident.
func (p *segments[K]) admits(newcomer, resident *entry[K]) bool {
	uses := p.sketch.count(p.hash(newcomer.key)) - p.margin
	for size := int64(0); uses > 0; resident = resident.prev {
		uses -= p.sketch.count(p.hash(resident.key))
		if size += resident.size; size >= newcomer.size || resident.prev == nil {
			break
		}
	}
	return uses > 0
}
