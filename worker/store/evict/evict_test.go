package evict

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/alluxio-go/alluxio/internal/errors"
)

func make1(t testing.TB, name string, capacity int64) Policy[int] {
	p, err := New[int](Options{Policy: name, Capacity: capacity})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func none(int) bool { return false }

// TestPolicies: whatever the order is, a policy knows exactly the keys that it was
// given, gives each up once, and none that is to be kept.
func TestPolicies(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				p := make1(t, name, 100)
				in := map[int]bool{}
				keys := rapid.IntRange(0, 15)
				rt.Repeat(map[string]func(*rapid.T){
					"add": func(t *rapid.T) {
						k := keys.Draw(t, "key")
						p.Add(k, rapid.Int64Range(0, 40).Draw(t, "size"))
						in[k] = true
					},
					"use":    func(t *rapid.T) { p.Use(keys.Draw(t, "key")) },
					"remove": func(t *rapid.T) { k := keys.Draw(t, "key"); p.Remove(k); delete(in, k) },
					"next": func(t *rapid.T) {
						kept := keys.Draw(t, "kept")
						k, ok := p.Next(func(k int) bool { return k <= kept })
						possible := false
						for k := range in {
							possible = possible || k > kept
						}
						if ok != possible || ok && (!in[k] || k <= kept) {
							t.Fatalf("next %d, %v of %v but for ≤ %d", k, ok, in, kept)
						}
					},
					"victim": func(t *rapid.T) {
						kept := keys.Draw(t, "kept")
						k, ok := p.Victim(func(k int) bool { return k <= kept })
						possible := false
						for k := range in {
							possible = possible || k > kept
						}
						if ok != possible || ok && (!in[k] || k <= kept) {
							t.Fatalf("victim %d, %v of %v but for ≤ %d", k, ok, in, kept)
						}
						if ok {
							delete(in, k)
						}
					},
					"": func(t *rapid.T) {
						if p.Len() != len(in) {
							t.Fatalf("%d keys, want %d", p.Len(), len(in))
						}
					},
				})
			})
		})
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", "LRU", "alluxio.worker.block.annotator.LRFUAnnotator", "s3-fifo", "S3FIFOAnnotator", "W-TinyLFU"} {
		if _, err := New[int](Options{Policy: name}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	_, err := New[int](Options{Policy: "MRU"})
	if !errors.Is(err, errors.Invalid) {
		t.Errorf("unknown policy: %v", err)
	}
}

func TestLRUOrder(t *testing.T) {
	p := make1(t, "LRU", 10)
	for k := range 4 {
		p.Add(k, 1)
	}
	p.Use(0)
	p.Add(1, 5) // a new size is no use
	var got []int
	for {
		k, ok := p.Victim(none)
		if !ok {
			break
		}
		got = append(got, k)
	}
	if want := []int{1, 2, 3, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLRFUPrefersFrequent(t *testing.T) {
	p := make1(t, "LRFU", 10)
	p.Add(0, 1)
	for range 5 {
		p.Use(0)
	}
	p.Add(1, 1)
	p.Add(2, 1)
	if k, _ := p.Victim(none); k != 1 {
		t.Errorf("gave up %d", k)
	}
	// Long unused, the frequent one goes too.
	for range 50 {
		p.Use(2)
	}
	if k, _ := p.Victim(none); k != 0 {
		t.Errorf("gave up %d", k)
	}
}

// hitRatio replays a trace of keys of size 1 through a cache.
func hitRatio(t testing.TB, name string, capacity int, trace []int) float64 {
	p := make1(t, name, int64(capacity))
	in := map[int]bool{}
	hits := 0
	for _, k := range trace {
		if in[k] {
			hits++
			p.Use(k)
			continue
		}
		if len(in) == capacity {
			victim, ok := p.Victim(none)
			if !ok {
				t.Fatal("a full cache gave nothing up")
			}
			delete(in, victim)
		}
		p.Add(k, 1)
		in[k] = true
	}
	return 100 * float64(hits) / float64(len(trace))
}

// zipf is a trace of n draws of keys; withScans puts long one-time scans between
// them.
func zipf(n, keys int, withScans bool) []int {
	r := rand.New(rand.NewPCG(5, 6))
	z := rand.NewZipf(r, 1.05, 1, uint64(keys-1))
	var trace []int
	scan := keys
	for len(trace) < n {
		for range 2000 {
			trace = append(trace, int(z.Uint64()))
		}
		if withScans {
			for range 2000 {
				trace = append(trace, scan)
				scan++
			}
		}
	}
	return trace
}

// TestHitRatios holds the policies to what they are for.
func TestHitRatios(t *testing.T) {
	plain, scans := zipf(200_000, 20_000, false), zipf(200_000, 20_000, true)
	ratios := map[string][2]float64{}
	for _, name := range Names() {
		ratios[name] = [2]float64{hitRatio(t, name, 1000, plain), hitRatio(t, name, 1000, scans)}
		t.Logf("%-10s zipf %.1f %%, with scans %.1f %%", name, ratios[name][0], ratios[name][1])
	}
	for _, name := range []string{"S3-FIFO", "W-TinyLFU"} {
		if ratios[name][0] < ratios["LRU"][0] || ratios[name][1] < ratios["LRU"][1]+5 {
			t.Errorf("%s is no better than LRU: %v, %v", name, ratios[name], ratios["LRU"])
		}
	}
}

// BenchmarkPolicies replays a Zipf trace with scans through caches of several
// sizes: one operation is a hit, or a miss with its victim.
func BenchmarkPolicies(b *testing.B) {
	trace := zipf(400_000, 200_000, true)
	for _, capacity := range []int{1000, 10_000, 100_000} {
		for _, name := range Names() {
			b.Run(fmt.Sprintf("%s/%d", name, capacity), func(b *testing.B) {
				p := make1(b, name, int64(capacity))
				in := map[int]bool{}
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					k := trace[i]
					if i++; i == len(trace) {
						i = 0
					}
					if in[k] {
						p.Use(k)
						continue
					}
					if len(in) == capacity {
						victim, _ := p.Victim(none)
						delete(in, victim)
					}
					p.Add(k, 1)
					in[k] = true
				}
			})
		}
	}
}

// TestKeptAreMetOnce: blocks that stay open for long do not make every victim
// dearer.
func TestKeptAreMetOnce(t *testing.T) {
	const n, open = 20_000, 5000
	for _, name := range Names() {
		p := make1(t, name, n)
		for k := range n {
			p.Add(k, 1)
		}
		asked := 0
		for range 1000 {
			k, ok := p.Victim(func(k int) bool { asked++; return k < open })
			if !ok || k < open {
				t.Fatalf("%s: gave up %d, %v", name, k, ok)
			}
		}
		if asked > 4*open {
			t.Errorf("%s: %d keys looked at for 1000 victims", name, asked)
		}
	}
}

// TestGhostsAreBounded: what S3-FIFO remembers does not grow without limit, also
// when keys have no size.
func TestGhostsAreBounded(t *testing.T) {
	p := newS3FIFO[int](1000)
	for k := range 10_000 {
		p.Add(k, 0)
		if p.Len() > 100 {
			p.Victim(none)
		}
	}
	if len(p.ghosts.entries) > 200 {
		t.Errorf("%d ghosts", len(p.ghosts.entries))
	}
}

// replay runs a trace of keys of size 1 through W-TinyLFU and returns its policy.
func replay(t *testing.T, capacity int, trace []int) *wTinyLFU[int] {
	p := newWTinyLFU(int64(capacity), func(k int) uint64 { return uint64(k+1) * 0x9e3779b97f4a7c15 })
	in := map[int]bool{}
	for _, k := range trace {
		if in[k] {
			p.Use(k)
			continue
		}
		if len(in) == capacity {
			victim, ok := p.Victim(none)
			if !ok {
				t.Fatal("nothing to give up")
			}
			delete(in, victim)
		}
		p.Add(k, 1)
		in[k] = true
	}
	return p
}

// TestShapeFollowsWorkload: the window becomes small for popularity and loops, and
// large again when what was read last is read next.
func TestShapeFollowsWorkload(t *testing.T) {
	for _, capacity := range []int{200, 5000} {
		var loop, recent []int
		for i := range 20 * capacity {
			loop = append(loop, i%(capacity+capacity/4))
		}
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 20 * capacity {
			recent = append(recent, 1_000_000+i, 1_000_000+max(0, i-r.IntN(capacity/3)))
		}
		if w := replay(t, capacity, loop).shape.window; w > 0.01 {
			t.Errorf("capacity %d: a loop ends with a window of %g", capacity, w)
		}
		if w := replay(t, capacity, append(loop, recent...)).shape.window; w < 0.3 {
			t.Errorf("capacity %d: recent keys after it with a window of %g", capacity, w)
		}
	}
}

// TestSimulationsAreBounded: they neither grow with the cache, nor lose its scale
// when keys become few and large.
func TestSimulationsAreBounded(t *testing.T) {
	const capacity = 200_000
	p := newWTinyLFU(capacity, func(k int) uint64 { return uint64(k+1) * 0x9e3779b97f4a7c15 })
	for k := range capacity {
		p.Add(k, 1)
	}
	for i := range p.sims {
		if n := p.sims[i].Len(); n == 0 || n > 8192+1024 {
			t.Errorf("%d keys in a simulation of %d", n, p.Len())
		}
	}
	small := p.shift
	for k := range 100_000 {
		for p.bytes()+1000 > capacity {
			p.Victim(none)
		}
		p.Add(capacity+k%300, 1000)
		p.Use(capacity + k%100)
	}
	if p.Len() > 200 || p.shift >= small || p.shift > 1 {
		t.Errorf("%d keys, one in %d simulated, before one in %d", p.Len(), 1<<p.shift, 1<<small)
	}
}

func TestSketch(t *testing.T) {
	var s sketch
	s.fit(1000)
	hash := func(key uint64) uint64 { return key * 0x9e3779b97f4a7c15 }
	for key := range uint64(2000) {
		s.add(hash(key))
	}
	for range 9 {
		s.add(hash(42))
	}
	s.fit(100_000) // counts are kept
	if n := s.count(hash(42)); n < 10 || n > 11 {
		t.Errorf("a key used 10 times is counted %d times", n)
	}
	wrong := 0
	for key := range uint64(2000) {
		if s.count(hash(key)) != 1 {
			wrong++
		}
	}
	if wrong > 20 {
		t.Errorf("%d of 2000 keys used once are counted otherwise", wrong)
	}
	s.halve()
	if n := s.count(hash(42)); n != 5 {
		t.Errorf("halved: %d", n)
	}
}
