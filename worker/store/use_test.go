package store

import "testing"

// TestUses: what counts as a use is seen by which block an LRFU cache that only
// counts (its values do not decay) gives up first.
func TestUses(t *testing.T) {
	const n = 4 * page
	whole := func(t *testing.T, s *Store) { check(t, s, block1(0), n, nil) }
	for name, c := range map[string]struct {
		read func(t *testing.T, s *Store)
		uses int // of block 0 by read
	}{
		"one reader after the other": {func(t *testing.T, s *Store) { whole(t, s); whole(t, s); whole(t, s) }, 3},
		"several at one time": {func(t *testing.T, s *Store) {
			h, err := s.Open(block1(0))
			if err != nil {
				t.Fatal(err)
			}
			whole(t, s)
			whole(t, s)
			h.Close()
		}, 1},
		"one in several requests": {func(t *testing.T, s *Store) {
			for p := range int64(4) {
				h, err := s.Open(block1(0))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := h.ReadAt(t.Context(), make([]byte, page), p*page); err != nil {
					t.Fatal(err)
				}
				h.Close()
			}
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			for rival := range 5 { // uses of block 1
				opts := oneDir(t.TempDir(), 2*n)
				opts.Evict.Policy, opts.Evict.Attenuation, opts.Evict.Step = "LRFU", 2, 1e-9
				s := open(t, opts)
				fill := func(i int) {
					if _, err := fetchAll(s, block1(i), n, source(block1(i), n)); err != nil {
						t.Fatal(err)
					}
				}
				fill(0)
				fill(1)
				c.read(t, s)
				for range rival {
					check(t, s, block1(1), n, nil)
				}
				if rival == c.uses {
					continue // a draw
				}
				fill(2)
				_, err := s.Info(block1(0))
				if kept := err == nil; kept != (c.uses > rival) {
					t.Errorf("block 0 used as above against %d uses of block 1: kept is %v", rival, kept)
				}
			}
		})
	}
}
