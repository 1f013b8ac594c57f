package store

import (
	"math"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
)

// The policies order the blocks of one directory. Whether a block deserves its tier
// more than one of another tier does is told by its heat: its uses, which count half as
// much after each round, a round being as many uses of the store as it has blocks. Since
// all uses fade alike, a block keeps one number that does not change until it is used
// again: log2 of its uses as they count now, plus the rounds until now.

// warmLocked counts a use of b, its coming into the store being the first.
func (s *Store) warmLocked(b *block) {
	s.mu.rounds += 1 / float64(max(1, len(s.mu.blocks)))
	b.heat = s.mu.rounds + math.Log2(1+math.Exp2(b.heat-s.mu.rounds))
}

// restoreHeatLocked gives a block that was found on disk the heat of its tier: what it
// earned was not kept, but it was not there by chance.
func (s *Store) restoreHeatLocked(b *block) {
	b.heat = s.mu.rounds - float64(b.dir.tier.index)
}

// noteUseLocked counts a use of b by readers that were there at one time, when
// the last of them has gone: many tasks that read one file together are one reason to
// keep it, not many. That it came into the cache for them counted already. A
// block of a lower tier is remembered, to be moved up.
func (s *Store) noteUseLocked(b *block) {
	switch {
	case b.wanted:
		b.keepWish(time.Now())
	case !b.filling:
		b.dropWish()
		b.use()
		s.warmLocked(b)
	}
	b.used, b.filling = false, false
	b.noteHot()
}

// maxHot bounds how many blocks of a tier are remembered for moving up.
const maxHot = 1024

// noteHot remembers a block of a lower tier that was used as one to be moved up.
// Store.mu is held.
func (b *block) noteHot() {
	t := b.dir.tier
	switch {
	case t.index == 0:
	case b.hot != nil:
		t.hot.MoveToFront(b.hot)
	default:
		b.hot = t.hot.PushFront(b)
		if t.hot.Len() > maxHot {
			t.hot.Back().Value.(*block).dropHot()
		}
	}
}

// dropHot forgets that b was used. Store.mu is held.
func (b *block) dropHot() {
	if b.hot != nil {
		b.dir.tier.hot.Remove(b.hot)
		b.hot = nil
	}
}

// hottestLocked is the hottest block, of at most limit that were last used in t, that
// may move now and fits; nil if there is none.
func (s *Store) hottestLocked(t *tier, limit int, fits func(*block) bool) (best *block) {
	for e := t.hot.Front(); e != nil && limit > 0; e, limit = e.Next(), limit-1 {
		b := e.Value.(*block)
		if s.movableLocked(b) && !s.loaded(b.dir) && fits(b) && (best == nil || b.heat > best.heat) {
			best = b
		}
	}
	return best
}

// coldestLocked is the block of d that should leave it first and may move now, and the
// one that may also be evicted.
func (s *Store) coldestLocked(d *dir) (b, evictable *block) {
	fixed := func(id blockid.ID) bool { return !s.movableLocked(s.mu.blocks[id]) }
	if id, ok := d.policy.Next(fixed); ok {
		evictable = s.mu.blocks[id]
	}
	id, ok := d.unsaved.Next(fixed)
	if b = s.mu.blocks[id]; !ok || evictable != nil && evictable.heat <= b.heat {
		b = evictable
	}
	return b, evictable
}

// movableLocked reports whether b may be moved without being asked for. Where a pinned
// block is was somebody's choice.
func (s *Store) movableLocked(b *block) bool {
	return !b.gone && !b.busy() && b.tmpPath == "" && !b.damaged && b.bytes > 0 && !s.pinnedLocked(b.id)
}
