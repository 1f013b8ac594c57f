package store

import (
	"testing"

	"github.com/alluxio-go/alluxio/worker/store/cachesim"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

// TestSimulatorIsRight: cache-sim predicts what a store serves from its cache.
func TestSimulatorIsRight(t *testing.T) {
	const capacity, reads, keys = 40, 1200, 300
	var trace cachesim.Builtin
	for _, b := range cachesim.Builtins() {
		if b.Name == "zipf-1.1" {
			trace = b
		}
	}
	for _, policy := range []string{"W-TinyLFU", "LRU"} {
		sim, err := cachesim.NewCache(evict.Options{Policy: policy, Capacity: capacity * page})
		if err != nil {
			t.Fatal(err)
		}
		opts := oneDir(t.TempDir(), capacity*page)
		opts.Evict.Policy = policy
		s := open(t, opts)
		hits := 0
		for a := range trace.Accesses(1) {
			key := a.Key % keys
			sim.Read(cachesim.Access{Key: key, Size: page})
			id := block1(int(key))
			if info, err := s.Info(id); err == nil && info.Whole {
				hits++
			}
			h, err := s.OpenFill(id, FillOptions{Length: page, Fingerprint: "v1"}, source(id, page))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.ReadAt(t.Context(), make([]byte, 1), 0); err != nil {
				t.Fatal(err)
			}
			h.Close()
			if sim.Reads == reads {
				break
			}
		}
		if diff := hits - int(sim.Hits); max(diff, -diff) > reads/25 {
			t.Errorf("%s: %d hits of %d, %d predicted", policy, hits, reads, sim.Hits)
		}
	}
}
