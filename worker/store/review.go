package store

import (
	"math/rand/v2"
	"slices"
)

// A directory that is nearly full is spared when another one has room: the blocks
// that are being written there will need what it has, and tiers get time to move their
// cold blocks down. The less is free, the more often a new block goes elsewhere.

// reviewedPart is the part of a small directory that the limits come to at most.
const reviewedPart = 10

// acceptsLocked decides by chance whether d, which has room, takes a new block while
// others could: always with SoftLimit free, never with HardLimit or less.
func (s *Store) acceptsLocked(d *dir) bool {
	soft, hard := float64(s.opts.SoftLimit), float64(s.opts.HardLimit)
	if most := float64(d.limit()) / reviewedPart; soft > most {
		soft, hard = most, hard*most/soft
	}
	free := float64(d.free())
	return free >= soft || free > hard && rand.Float64() < (free-hard)/(soft-hard)
}

// pickFirstLocked is pickLocked on the first of several choices that has such a
// directory; on all of them without those that are nearly full, and then with them.
func (s *Store) pickFirstLocked(choices [][]*dir, n int64, promised map[*dir]int64) *dir {
	for _, dirs := range choices {
		accepted := slices.DeleteFunc(slices.Clone(dirs), func(d *dir) bool { return !s.acceptsLocked(d) })
		if d := s.pickLocked(accepted, n, promised); d != nil {
			return d
		}
	}
	for _, dirs := range choices {
		if d := s.pickLocked(dirs, n, promised); d != nil {
			return d
		}
	}
	return nil
}
