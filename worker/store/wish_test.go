package store

import (
	"context"
	"testing"

	"github.com/alluxio-go/alluxio/worker/store/evict"
)

// wishFor caches whole blocks as a load does.
func wishFor(t *testing.T, s *Store, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		id := block1(i)
		h, err := s.OpenFill(id, FillOptions{Length: page, Fingerprint: "v1"}, source(id, page))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Fetch(context.Background(), 0, page); err != nil {
			t.Fatal(err)
		}
		h.Settle(context.Background())
		h.Wish()
		h.Close()
		s.fetching.Wait() // with the last page's the block is idle, and the wish is noted
	}
}

// here counts the whole blocks.
func here(s *Store, from, to int) (n int) {
	for i := from; i < to; i++ {
		if info, err := s.Info(block1(i)); err == nil && info.Whole {
			n++
		}
	}
	return n
}

// A load replaces what the cache was full of, whatever the policy, however often
// that was used, and whether or not what was loaded before was read.
func TestLoadsIntoAFullCacheStay(t *testing.T) {
	for _, policy := range evict.Names() {
		t.Run(policy, func(t *testing.T) {
			s, err := New(Options{PageSize: page, Evict: evict.Options{Policy: policy},
				Tiers: []TierOptions{{Alias: "MEM", Dirs: []DirOptions{{Path: t.TempDir(), Quota: 8 * page}}}}})
			if err != nil {
				t.Fatal(err)
			}
			wishFor(t, s, 0, 8)
			buf := make([]byte, page)
			for range 10 {
				for i := range 8 {
					h, err := s.Open(block1(i))
					if err != nil {
						t.Fatal(err)
					}
					if _, err := h.ReadAt(context.Background(), buf, 0); err != nil {
						t.Fatal(err)
					}
					h.Close()
				}
			}
			wishFor(t, s, 10, 16)
			if n := here(s, 10, 16); n != 6 {
				t.Errorf("%d of 6 loaded blocks are here, in place of what was used", n)
			}
			wishFor(t, s, 20, 28)
			if n := here(s, 20, 28); n != 8 {
				t.Errorf("%d of 8 loaded blocks are here, in place of what nobody read", n)
			}
		})
	}
}
