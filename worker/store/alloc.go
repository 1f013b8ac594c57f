package store

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// The allocators: which directory of a tier gets a block.
const (
	MaxFree    = "MaxFree"    // the one with the most free space
	RoundRobin = "RoundRobin" // each in turn
	Greedy     = "Greedy"     // the first with enough
)

// allocate reserves n bytes for the block id in a directory chosen by at. Free space there comes
// first, then (unless at is strict) free space in other tiers, then space made by
// evicting. The files of the evicted are gone when it returns.
func (s *Store) allocate(id blockid.ID, n int64, at Place) (*dir, error) {
	return s.allocateBut(nil, id, n, at)
}

// allocateBut is allocate without one directory.
func (s *Store) allocateBut(bad *dir, id blockid.ID, n int64, at Place) (*dir, error) {
	s.mu.Lock()
	wanted := but(bad, s.dirsAt(at))
	choices := [][]*dir{wanted}
	if !at.Strict {
		for _, t := range s.tiers {
			choices = append(choices, but(bad, t.dirs))
		}
	}
	d := s.pickFirstLocked(choices, n, s.headroomsLocked(wanted))
	var victims []*block
	if d == nil {
		d, victims = s.makeRoomLocked(id, wanted, n)
	}
	if d == nil && !at.Strict {
		d, victims = s.makeRoomLocked(id, but(bad, s.dirs), n)
	}
	if d != nil {
		s.takeLocked(d, n)
	}
	s.mu.Unlock()
	s.evicted(victims)
	if d == nil {
		return nil, errors.Errorf(errors.NoSpace,
			"Not enough space left on this worker for %d bytes in %s: what is stored is open, pinned or not yet persisted, or the directories are too small or failed.", n, at)
	}
	return d, nil
}

func but(bad *dir, dirs []*dir) []*dir {
	if bad == nil {
		return dirs
	}
	return slices.DeleteFunc(slices.Clone(dirs), func(d *dir) bool { return d == bad })
}

// dirsAt lists the directories that at asks for.
func (s *Store) dirsAt(at Place) []*dir {
	if at.Medium != "" {
		return slices.DeleteFunc(slices.Clone(s.dirs), func(d *dir) bool { return d.Medium != at.Medium })
	}
	i := at.Tier
	if i < 0 {
		i += len(s.tiers)
	}
	return s.tiers[max(0, min(i, len(s.tiers)-1))].dirs
}

// pickLocked chooses a directory with n bytes free beyond what is promised there,
// nil if none has them.
func (s *Store) pickLocked(dirs []*dir, n int64, promised map[*dir]int64) *dir {
	var best *dir
	free := func(d *dir) int64 { return d.free() - promised[d] }
	for i := range dirs {
		d := dirs[i]
		if s.opts.Allocator == RoundRobin {
			d = dirs[(s.mu.next+i)%len(dirs)]
		}
		if d.state == dirFailed || free(d) < n {
			continue
		}
		if s.opts.Allocator != MaxFree {
			best = d
			break
		}
		if best == nil || free(d) > free(best) {
			best = d
		}
	}
	if best != nil && s.opts.Allocator == RoundRobin {
		s.mu.next = slices.Index(dirs, best) + 1
	}
	return best
}

// makeRoomLocked evicts until one of dirs, preferably the one whose turn it is, has
// n bytes free. The caller unlinks the victims.
func (s *Store) makeRoomLocked(id blockid.ID, dirs []*dir, n int64) (*dir, []*block) {
	for _, d := range inTurn(id, dirs) {
		if d.limit() < n {
			continue
		}
		if victims, ok := s.evictLocked(d, n, true); ok {
			return d, victims
		}
	}
	return nil, nil
}

// inTurn orders dirs that have to evict for the block id, so that all are turned
// over in proportion to their sizes, and a block that comes back comes to where the
// policy may remember it: by weighted rendezvous hashing. Store.mu is held.
func inTurn(id blockid.ID, dirs []*dir) []*dir {
	if len(dirs) < 2 {
		return dirs
	}
	turn := func(d *dir) float64 {
		h := (uint64(id) ^ d.hash) * 0x9e3779b97f4a7c15
		h = (h ^ h>>32) * 0xd6e8feb86659fd93
		h ^= h >> 32
		return -math.Log((float64(h>>11)+0.5)/(1<<53)) / float64(max(1, d.limit()))
	}
	dirs = slices.Clone(dirs)
	slices.SortStableFunc(dirs, func(a, b *dir) int { return cmp.Compare(turn(a), turn(b)) })
	return dirs
}

// evictLocked drops blocks of d until n bytes are free, and if it drops any,
// FreeAhead more as far as it can; if need be, and wishes says so, those that somebody
// asked for too. If n cannot be reached nothing is dropped.
func (s *Store) evictLocked(d *dir, n int64, wishes bool) (victims []*block, ok bool) {
	missing, ahead := n-d.free(), int64(0)
	if missing > 0 {
		ahead = s.opts.FreeAhead
	}
	d.expireWishes(time.Now())
	keep := func(id blockid.ID) bool {
		b := s.mu.blocks[id]
		return b == nil || b.busy() || b.wish != nil
	}
	for missing+ahead > 0 {
		id, ok := d.policy.Victim(keep)
		if !ok && missing > 0 && wishes {
			id, ok = d.oldestWish()
		}
		if !ok && missing <= 0 {
			break
		}
		if !ok {
			for _, b := range victims {
				d.policy.Add(b.id, b.bytes)
			}
			return nil, false
		}
		b := s.mu.blocks[id]
		victims = append(victims, b)
		missing -= b.bytes
	}
	for _, b := range victims {
		s.removeLocked(b)
	}
	if d.tier.index < len(s.tiers)-1 {
		s.m.notDemoted.Add(float64(len(victims)))
	}
	return victims, true
}

// evicted deletes the files of victims.
func (s *Store) evicted(victims []*block) {
	for _, b := range victims {
		s.unlink(b)
		s.m.evicted.Inc()
	}
}

// reserve adds n bytes to what is reserved in d, evicting if needed.
func (s *Store) reserve(d *dir, n int64) error {
	s.mu.Lock()
	var victims []*block
	ok := d.state != dirFailed
	if ok && d.free() < n {
		victims, ok = s.evictLocked(d, n, true)
	}
	if ok {
		s.takeLocked(d, n)
	}
	s.mu.Unlock()
	s.evicted(victims)
	if !ok {
		return noRoomIn(d, n)
	}
	return nil
}

func noRoomIn(d *dir, n int64) error {
	return errors.Errorf(errors.NoSpace, "Not enough space left in storage directory %s for %d more bytes.", d.Path, n)
}

// unreserve gives back n reserved bytes of d.
func (s *Store) unreserve(d *dir, n int64) {
	s.mu.Lock()
	d.reserved -= n
	s.mu.Unlock()
}

// countWritten counts n bytes more of what is reserved as being in files.
func (s *Store) countWritten(d *dir, n int64) {
	s.mu.Lock()
	d.written += n
	s.mu.Unlock()
}

// dirFor chooses the directory of a block to be filled; space is reserved page by
// page. One with room for all of it comes first, then one that can make room, in turn, then
// the one that can make most.
func (s *Store) dirFor(id blockid.ID, length int64, at Place) *dir {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted, wishes := s.dirsAt(at), s.fillsLocked()
	promised := s.headroomsLocked(wanted)
	for d, n := range wishes {
		promised[d] += n
	}
	if d := s.pickFirstLocked([][]*dir{wanted, s.dirs}, length, promised); d != nil {
		return d
	}
	var most *dir
	for _, dirs := range [...][]*dir{wanted, s.dirs} {
		for _, d := range inTurn(id, dirs) {
			if d.state == dirFailed {
				continue
			}
			if d.spare()-wishes[d] >= length {
				return d
			}
			if most == nil || d.spare() > most.spare() {
				most = d
			}
		}
	}
	if most != nil && most.limit() < min(length, int64(s.opts.PageSize)) {
		return nil
	}
	return most // even if all it has is in use: what is read goes through memory then
}

// fillsLocked is what the blocks that are being filled lack.
func (s *Store) fillsLocked() map[*dir]int64 {
	wishes := map[*dir]int64{}
	for b := range s.mu.open {
		if !b.whole && !b.gone {
			wishes[b.dir] += b.length - b.bytes
		}
	}
	return wishes
}

// misplace notes that a page of b could not be kept. If another directory can take
// all of b, what there is of it is dropped when its readers have gone: the next one
// begins it there.
func (s *Store) misplace(b *block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.misplaced {
		return
	}
	b.misplaced = slices.ContainsFunc(s.dirs, func(d *dir) bool {
		return d != b.dir && d.state != dirFailed && d.spare() >= b.length
	})
}
