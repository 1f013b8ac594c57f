package cachesim

import "math"

// Profile is what a trace is like, and what no cache could do better on.
type Profile struct {
	Reads, Bytes int64
	// WorkingSet is the sum of the last sizes of all keys, in bytes: a cache of
	// this size holds everything.
	WorkingSet int64

	smallest, largest int64 // keys

	last   map[uint64]lastRead
	hits   costs // of keeping each key from one read to the next
	byByte costs
}

type lastRead struct{ at, size int64 }

// NewProfile returns the profile of an empty trace.
func NewProfile() *Profile { return &Profile{last: map[uint64]lastRead{}} }

// Keys is the number of distinct keys.
func (p *Profile) Keys() int { return len(p.last) }

// OneSize reports whether all keys are of the same size.
func (p *Profile) OneSize() bool { return p.smallest == p.largest }

// Read adds one access.
func (p *Profile) Read(a Access) {
	if p.Reads == 0 {
		p.smallest = a.Size
	}
	p.smallest, p.largest = min(p.smallest, a.Size), max(p.largest, a.Size)
	p.Reads++
	p.Bytes += a.Size
	last, again := p.last[a.Key]
	if again && last.size == a.Size {
		length := float64(p.Reads - last.at)
		p.hits.add(1, float64(a.Size)*length)
		p.byByte.add(float64(a.Size), float64(a.Size)*length)
	}
	p.WorkingSet += a.Size - last.size
	p.last[a.Key] = lastRead{at: p.Reads, size: a.Size}
}

// Bound is more than any cache of the capacity can do, even one that knows the
// future. To hit, a key must stay from the read before: that takes its size for as
// many reads as lie between. All caches have capacity × reads of this to spend, and
// none gets more hits for it than by taking the cheapest first, wherever in the
// trace they are (PFOO-U: Berger, Beckmann, Harchol-Balter 2018).
func (p *Profile) Bound(capacity int64) Result {
	budget := float64(capacity) * float64(p.Reads)
	return Result{
		Reads: p.Reads, Hits: int64(math.Ceil(p.hits.spend(budget))),
		Bytes: p.Bytes, HitBytes: int64(math.Ceil(p.byByte.spend(budget))),
	}
}

// costs are the gains to be had at a price, in groups of about the same price for
// each unit of gain: a histogram, so that memory is bounded.
type costs struct{ groups []costGroup }

type costGroup struct{ gain, cost float64 }

// groupsPerOctave makes prices in a group differ by 2 % at most.
const groupsPerOctave = 32

func (c *costs) add(gain, cost float64) {
	if gain == 0 {
		return
	}
	i := 0
	if price := cost / gain; price > 1 {
		i = 1 + int(groupsPerOctave*math.Log2(price))
	}
	for len(c.groups) <= i {
		c.groups = append(c.groups, costGroup{})
	}
	c.groups[i].gain += gain
	c.groups[i].cost += cost
}

// spend is at least the most that can be gained for a budget.
func (c *costs) spend(budget float64) float64 {
	gained := 0.0
	for i, g := range c.groups {
		if g.cost <= budget {
			gained += g.gain
			budget -= g.cost
			continue
		}
		if cheapest := math.Exp2(float64(i-1) / groupsPerOctave); i > 0 {
			gained += min(g.gain, budget/cheapest)
		} else {
			gained += g.gain
		}
		break
	}
	return gained
}
