package store

import "testing"

// TestFullDirectoriesTakeTurns: once all are full, what is new replaces the old in
// each of them, in proportion to their sizes, whether it is fetched or written.
func TestFullDirectoriesTakeTurns(t *testing.T) {
	const n = 24 // pages in all: 8 and 16
	for name, add := range map[string]func(s *Store, i int) error{
		"fetched": func(s *Store, i int) error {
			_, err := fetchAll(s, block1(i), page, source(block1(i), page))
			return err
		},
		"written": func(s *Store, i int) error {
			_, err := write(s, block1(i), page, CreateOptions{Fingerprint: "v1", Reserve: page}, page)
			return err
		},
	} {
		opts := oneDir(t.TempDir(), 8*page)
		opts.Evict.Policy = "LRU"
		opts.Tiers[0].Dirs = append(opts.Tiers[0].Dirs, DirOptions{Path: t.TempDir(), Quota: 16 * page})
		s := open(t, opts)
		for i := range 10 * n {
			if err := add(s, i); err != nil {
				t.Fatal(err)
			}
		}
		recent := 0
		for _, info := range s.AllBlocks() {
			if info.ID.Container() > block1(8*n).Container() {
				recent++
			}
		}
		if recent < n*9/10 {
			t.Errorf("%s: of %d blocks %d are of the latest %d", name, len(s.AllBlocks()), recent, 2*n)
		}
	}
}
