package cachesim

import (
	"fmt"
	"hash/fnv"
	"iter"
	"math"
	"math/rand/v2"
	"sort"
)

// Builtin is a synthetic trace that is always the same for one seed.
type Builtin struct {
	Name  string
	About string // one line
	gen   func(g *generator)
}

// builtinAccesses is the length of each built-in trace.
const builtinAccesses = 200_000

// mib is the size of the keys of traces in which all are alike.
const mib = 1 << 20

// Builtins lists the built-in traces, from those that reward frequency to those
// that reward recency and those that punish both.
func Builtins() []Builtin {
	return []Builtin{
		{"zipf-0.7", "popularity by Zipf's law, exponent 0.7: flat", func(g *generator) { g.zipf(0.7) }},
		{"zipf-0.9", "popularity by Zipf's law, exponent 0.9", func(g *generator) { g.zipf(0.9) }},
		{"zipf-1.1", "popularity by Zipf's law, exponent 1.1: steep", func(g *generator) { g.zipf(1.1) }},
		{"scan-mixed", "Zipf 0.7, and long scans of keys that are never read again", (*generator).scanMixed},
		{"one-hit", "Zipf 0.9, and every second read is of a key never read again", (*generator).oneHit},
		{"loop", "the same keys in the same order, again and again", (*generator).loop},
		{"epochs", "all keys once an epoch, in another order each time (training)", (*generator).epochs},
		{"drift", "Zipf 0.9 over a working set that slowly becomes another", (*generator).drift},
		{"phases", "phases of Zipf, loop and recent keys over changing sets", (*generator).phases},
		{"recency", "what was read lately is read again, whatever it is", (*generator).recency},
		{"bursts", "each key is read a few times within a short time, then never", (*generator).bursts},
		{"mixed-sizes", "Zipf 0.9 over small files and blocks of 64 MiB", (*generator).mixedSizes},
	}
}

// Len is the number of accesses.
func (b Builtin) Len() int64 { return builtinAccesses }

// Accesses yields the accesses of the trace, the same ones for the same seed.
func (b Builtin) Accesses(seed uint64) iter.Seq[Access] {
	return func(yield func(Access) bool) {
		h := fnv.New64a()
		fmt.Fprint(h, b.Name)
		b.gen(&generator{Rand: rand.New(rand.NewPCG(seed, h.Sum64())), left: builtinAccesses, yield: yield})
	}
}

// generator makes the accesses of one trace.
type generator struct {
	*rand.Rand
	left  int // accesses to make
	yield func(Access) bool
}

// read makes one access and reports whether there are more to make.
func (g *generator) read(key uint64, size int64) bool {
	g.left--
	if !g.yield(Access{Key: key, Size: size}) {
		g.left = 0
	}
	return g.left > 0
}

// zipfKeys draws from [0, n), i with a probability ∝ 1/(i+1)^s, any s ≥ 0.
type zipfKeys struct {
	r          *rand.Rand
	cumulative []float64
}

func newZipfKeys(r *rand.Rand, n int, s float64) *zipfKeys {
	z := &zipfKeys{r: r, cumulative: make([]float64, n)}
	sum := 0.0
	for i := range z.cumulative {
		sum += math.Pow(float64(i+1), -s)
		z.cumulative[i] = sum
	}
	return z
}

func (z *zipfKeys) next() uint64 {
	u := z.r.Float64() * z.cumulative[len(z.cumulative)-1]
	return uint64(sort.SearchFloat64s(z.cumulative, u))
}

// Keys of different parts of one trace are apart by once.
const once = uint64(1) << 32

func (g *generator) zipf(s float64) {
	z := newZipfKeys(g.Rand, 20_000, s)
	for g.read(z.next(), mib) {
	}
}

func (g *generator) scanMixed() {
	z := newZipfKeys(g.Rand, 10_000, 0.7)
	for scan := once; g.left > 0; {
		for i := 0; i < 4000 && g.read(z.next(), mib); i++ {
		}
		for i := 0; i < 2000 && g.left > 0 && g.read(scan, mib); i++ {
			scan++
		}
	}
}

func (g *generator) oneHit() {
	z := newZipfKeys(g.Rand, 10_000, 0.9)
	for key := once; g.left > 0; key++ {
		if g.read(z.next(), mib) {
			g.read(key, mib)
		}
	}
}

func (g *generator) loop() {
	for i := uint64(0); g.read(i%10_000, mib); i++ {
	}
}

func (g *generator) epochs() {
	for g.left > 0 {
		for _, key := range g.Perm(10_000) {
			if !g.read(uint64(key), mib) {
				return
			}
		}
	}
}

func (g *generator) drift() {
	z := newZipfKeys(g.Rand, 10_000, 0.9)
	names := make([]uint64, 10_000) // rank → key
	for i := range names {
		names[i] = uint64(i)
	}
	for fresh := once; g.read(names[z.next()], mib); {
		if g.left%10 == 0 { // a key leaves, a new one comes in at any rank
			names[g.IntN(len(names))] = fresh
			fresh++
		}
	}
}

func (g *generator) phases() {
	z := newZipfKeys(g.Rand, 5000, 0.9)
	for phase := uint64(0); g.left > 0; phase++ {
		base := (phase + 1) * once
		until := max(0, g.left-builtinAccesses/6)
		switch phase % 3 {
		case 0:
			for g.left > until && g.read(base+z.next(), mib) {
			}
		case 1:
			for i := uint64(0); g.left > until && g.read(base+i%3000, mib); i++ {
			}
		case 2:
			g.recent(base, until, 800)
		}
	}
}

func (g *generator) recency() { g.recent(0, 0, 1500) }

// recent reads a new key one time in ten, and else the key read at a time ago
// that is exponentially distributed about mean; until so many are left.
func (g *generator) recent(base uint64, until int, mean float64) {
	history := make([]uint64, 16*int(mean))
	fresh := base
	for i := 0; g.left > until; i++ {
		ago := 1 + int(g.ExpFloat64()*mean)
		key := fresh
		if ago > min(i, len(history)) || g.IntN(10) == 0 {
			fresh++
		} else {
			key = history[(i-ago)%len(history)]
		}
		history[i%len(history)] = key
		if !g.read(key, mib) {
			return
		}
	}
}

func (g *generator) bursts() {
	type burst struct {
		key  uint64
		left int
	}
	live := make([]burst, 400)
	next := uint64(0)
	for {
		b := &live[g.IntN(len(live))]
		if b.left == 0 {
			*b = burst{key: next, left: 2 + g.IntN(6)}
			next++
		}
		b.left--
		if !g.read(b.key, mib) {
			return
		}
	}
}

func (g *generator) mixedSizes() {
	z := newZipfKeys(g.Rand, 10_000, 0.9)
	sizes := make([]int64, 10_000)
	for i := range sizes {
		sizes[i] = 64 << 20
		if g.IntN(4) > 0 { // log-uniform in 4 KiB … 4 MiB
			sizes[i] = int64(4096 * math.Exp2(10*g.Float64()))
		}
	}
	for {
		key := z.next()
		if !g.read(key, sizes[key]) {
			return
		}
	}
}
