package cachesim

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newCache(t *testing.T, policy string, capacity int64) *Cache {
	t.Helper()
	c, err := NewCache(evict.Options{Policy: policy, Capacity: capacity})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// of makes a trace of accesses.
func of(accesses []Access) Trace {
	return func(visit func(Access) error) error {
		for _, a := range accesses {
			if err := visit(a); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestDefaultPolicy holds the default to what it was chosen for, and all policies
// to what is possible.
func TestDefaultPolicy(t *testing.T) {
	parts := []float64{0.01, 0.05, 0.1, 0.25, 0.5, 0.75}
	for _, b := range Builtins() {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			accesses := slices.Collect(b.Accesses(1))
			if int64(len(accesses)) != b.Len() {
				t.Fatalf("%d reads", len(accesses))
			}
			profile := NewProfile()
			for _, a := range accesses {
				profile.Read(a)
			}
			for _, part := range parts {
				capacity := int64(part * float64(profile.WorkingSet))
				points := map[string]float64{}
				best := 0.0
				for _, policy := range evict.Names() {
					c := newCache(t, policy, capacity)
					for _, a := range accesses {
						c.Read(a)
					}
					points[policy] = 100 * c.HitRatio()
					best = max(best, points[policy])
					if limit := profile.Bound(capacity); c.Hits > limit.Hits || c.HitBytes > limit.HitBytes {
						t.Errorf("%s at %g of the working set: %+v is beyond the bound %+v", policy, part, c.Result, limit)
					}
				}
				chosen := points[evict.Names()[0]]
				if chosen < best-2 {
					t.Errorf("at %g of the working set the default has %.1f, the best %.1f", part, chosen, best)
				}
				if b.Name == "scan-mixed" && (part == 0.05 || part == 0.1) && chosen < points["LRU"]+10 {
					t.Errorf("at %g of the working set the default has %.1f, LRU %.1f", part, chosen, points["LRU"])
				}
			}
		})
	}
}

func TestBuiltinsAreReproducible(t *testing.T) {
	for _, b := range Builtins() {
		first := slices.Collect(b.Accesses(7))
		if !slices.Equal(first, slices.Collect(b.Accesses(7))) {
			t.Errorf("%s: the same seed makes another trace", b.Name)
		}
		if b.Name != "loop" && slices.Equal(first, slices.Collect(b.Accesses(8))) {
			t.Errorf("%s: another seed makes the same trace", b.Name)
		}
	}
}

// TestCache: what is no plain hit or miss is handled like in the store.
func TestCache(t *testing.T) {
	for _, policy := range evict.Names() {
		c := newCache(t, policy, 100)
		for _, step := range []struct {
			Access
			hits int64
		}{
			{Access{1, 60}, 0},
			{Access{1, 60}, 1},
			{Access{1, 40}, 1},  // another version
			{Access{1, 40}, 2},  // which is cached
			{Access{2, 101}, 2}, // larger than the cache
			{Access{2, 101}, 2},
			{Access{1, 40}, 3}, // nothing was given up for it
			{Access{3, 0}, 3},
			{Access{3, 0}, 4},
			{Access{4, 100}, 4}, // as large as the cache
			{Access{4, 100}, 5},
			{Access{1, 40}, 5},
		} {
			if c.Read(step.Access); c.Hits != step.hits {
				t.Errorf("%s: %d hits after %+v, want %d", policy, c.Hits, step.Access, step.hits)
			}
			if c.used > c.Capacity {
				t.Errorf("%s: %d bytes used", policy, c.used)
			}
		}
	}
}

// belady counts the hits of the best cache of n keys of size 1, which knows the
// future and need not keep what it reads.
func belady(keys []uint64, n int) int64 {
	next := make([]int, len(keys))
	seen := map[uint64]int{}
	for i := len(keys) - 1; i >= 0; i-- {
		next[i] = len(keys)
		if at, ok := seen[keys[i]]; ok {
			next[i] = at
		}
		seen[keys[i]] = i
	}
	cached := map[uint64]int{} // → next read
	hits := int64(0)
	for i, key := range keys {
		if _, ok := cached[key]; ok {
			hits++
		}
		cached[key] = next[i]
		if len(cached) > n {
			worst := key
			for k, at := range cached {
				if at > cached[worst] {
					worst = k
				}
			}
			delete(cached, worst)
		}
	}
	return hits
}

// TestBound: no less than the optimum, and not much more.
func TestBound(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{3, 10, 40} {
		z := newZipfKeys(r, 100, 0.8)
		p := NewProfile()
		var keys []uint64
		for range 5000 {
			key := z.next()
			keys = append(keys, key)
			p.Read(Access{key, 1})
		}
		best, limit := belady(keys, n), p.Bound(int64(n))
		if limit.Hits < best || limit.Hits > best+best/4 || limit.Hits != limit.HitBytes {
			t.Errorf("%d keys: bound %+v, optimum %d hits", n, limit, best)
		}
	}
}

func TestReplayEnds(t *testing.T) {
	many := slices.Repeat([]Access{{1, 1}}, 100*batchSize)
	c, p := newCache(t, "LRU", 10), NewProfile()
	if err := Replay(t.Context(), of(many), []Reader{c, p}); err != nil || c.Reads != int64(len(many)) || p.Reads != c.Reads || c.Hits != c.Reads-1 {
		t.Errorf("%v: %+v, %d", err, c.Result, p.Reads)
	}
	bad := errors.Errorf(errors.Invalid, "bad line")
	err := Replay(t.Context(), func(visit func(Access) error) error {
		_ = of(many)(visit)
		return bad
	}, []Reader{newCache(t, "LRU", 10)})
	if err != bad {
		t.Errorf("a bad trace: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Replay(ctx, of(many), []Reader{newCache(t, "LRU", 10)}); !errors.Is(err, errors.Cancelled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestReadCSV(t *testing.T) {
	key := func(k string, size int64) Access { return Access{hashKey(k), size} }
	for text, want := range map[string][]Access{
		"a,1\nb,2":                             {key("a", 1), key("b", 2)},
		"key,size\r\n/x y,64KB\r\n":            {key("/x y", 65536)},
		"\ufefftime,Size,KEY\n9,3,a\n\n10,4,b": {key("a", 3), key("b", 4)},
		"a,0,more,columns\n# note\nb, 5":       {key("a", 0), key("b", 5)},
		"\"a,\"\"b\",1\nkey,size\nb,2":         {key(`a,"b`, 1), key("b", 2)},
	} {
		var got []Access
		err := ReadCSV(strings.NewReader(text), "t.csv")(func(a Access) error { got = append(got, a); return nil })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                    "t.csv holds no reads",
		"key,size\n":          "t.csv holds no reads",
		"a,1\nb\n":            "t.csv:2: 1 columns; expected",
		"a,1\n\nb,big\n":      `t.csv:3: "big" is not a size`,
		"a,-1\n":              `t.csv:1: "-1" is not a size`,
		"a,\n":                `t.csv:1: "" is not a size`,
		",1\n":                "t.csv:1: the key is empty",
		"a,1\n\"b,2\n":        "t.csv:",
		"path,bytes\na,1\n":   `t.csv:1: "bytes" is not a size`,
		"a,9999999999999999P": "t.csv:1:",
	} {
		err := ReadCSV(strings.NewReader(text), "t.csv")(func(Access) error { return nil })
		if !errors.Is(err, errors.Invalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "key,size") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestWriteChart(t *testing.T) {
	curves := []Curve{
		{"LRU", []Point{{10, 0.1}, {100, 0.5}, {1000, 0.92}}},
		{"LRFU", []Point{{10, 0.2}, {100, 0.5}, {1000, 0.92}}},
	}
	var b strings.Builder
	if err := WriteChart(&b, "Title", curves, []string{"1%", "10%", "100%"}, nil); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"Title\n", " 100% ┤\n", "   0% ┤\n", "L LRU", "R LRFU", "1%", "100%"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	// The curves are equal from the second point on: there the first is seen.
	if strings.Count(text, "R") != 1+3 || strings.Count(text, "L") != 3+3 {
		t.Errorf("marks:\n%s", text)
	}
	b.Reset()
	if err := WriteSVG(&b, []Plot{{"A & B", curves, []string{"1", "2", "3"}}}, 2); err != nil || strings.Count(b.String(), "<polyline") != 2 || !strings.Contains(b.String(), "A &amp; B") {
		t.Errorf("%v: %s", err, b.String())
	}
}
