package store

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// In the background, when no users are in the way: tiers that are nearly full are drained
// as far as the next one has free room, hot blocks change places with cold ones of the
// tier above, and move up while that has room.

// manageLoop keeps the tiers in order: one task for each tier and the one below.
func (s *Store) manageLoop(ctx context.Context) {
	every(ctx, s.opts.Mover.Interval, func() {
		var g errgroup.Group
		g.SetLimit(s.opts.Mover.Tasks)
		for i, low := range s.tiers[1:] {
			g.Go(func() error {
				s.manage(ctx, s.tiers[i], low)
				return nil
			})
		}
		_ = g.Wait()
	})
}

// manage does what there is to do between two tiers.
func (s *Store) manage(ctx context.Context, up, low *tier) {
	if !s.opts.Mover.NoAlign {
		s.carryAll(ctx, func() work { return s.carrying(s.drainLocked(up, low)) })
		s.carryAll(ctx, func() work { return s.alignLocked(up, low) })
	}
	if !s.opts.Mover.NoPromote {
		s.carryAll(ctx, func() work { return s.carrying(s.promoteLocked(up, low)) })
	}
}

// yieldingLocked begins a transfer to one of dirs that users do not use and that has
// room, nil if there is none. It is given up when users come.
func (s *Store) yieldingLocked(b *block, dirs []*dir) *transfer {
	to := s.pickLocked(s.quiet(dirs), b.bytes, nil)
	if to == nil {
		return nil
	}
	t := s.transferLocked(b, to)
	t.yields = true
	return t
}

// fillLocked is how much of t will be used when what leaves it has left, and what it
// has in all.
func (t *tier) fillLocked() (used, limit int64) {
	for _, d := range t.dirs {
		if d.state != dirFailed {
			used, limit = used+d.used+d.reserved-d.leaving, limit+d.limit()
		}
	}
	return used, limit
}

// drainLocked begins to move the coldest block down of a tier that was above its high
// watermark and is not yet below the low one.
func (s *Store) drainLocked(up, low *tier) *transfer {
	used, limit := up.fillLocked()
	if !up.draining {
		up.draining = float64(used) > up.HighWatermark*float64(limit)
	} else if float64(used) <= up.LowWatermark*float64(limit) {
		up.draining = false
	}
	if b := s.coldestOfLocked(up); up.draining && b != nil {
		return s.yieldingLocked(b, low.dirs)
	}
	return nil
}

// coldestOfLocked is the coldest block of a tier that may be moved now.
func (s *Store) coldestOfLocked(t *tier) (best *block) {
	for _, d := range s.quiet(t.dirs) {
		if b, _ := s.coldestLocked(d); b != nil && (best == nil || b.heat < best.heat) {
			best = b
		}
	}
	return best
}

// promoteLocked begins to move up the hottest of the blocks used last in low, while less
// than PromoteQuota of the upper tier is used.
func (s *Store) promoteLocked(up, low *tier) *transfer {
	used, limit := up.fillLocked()
	most := int64(s.opts.Mover.PromoteQuota * float64(limit))
	b := s.hottestLocked(low, s.opts.Mover.PromoteRange, func(b *block) bool { return used+b.bytes <= most })
	if b == nil || up.draining {
		return nil
	}
	return s.yieldingLocked(b, up.dirs)
}

// hotter is by how much heat a block must be ahead to change places with one of the
// tier above: twice as many uses, because each time both are copied.
const hotter = 1

// alignLocked begins to exchange the coldest block of a tier for the hottest of those
// used last in the one below, if that is hotter.
func (s *Store) alignLocked(up, low *tier) work {
	hot := s.hottestLocked(low, s.opts.Mover.AlignRange, func(*block) bool { return true })
	cold := s.coldestOfLocked(up)
	if hot == nil || cold == nil || hot.heat < cold.heat+hotter {
		return nil
	}
	if rise := s.yieldingLocked(hot, []*dir{cold.dir}); rise != nil {
		return s.exchange(rise, cold, low.dirs)
	}
	if fall := s.yieldingLocked(cold, low.dirs); fall != nil {
		return s.exchange(fall, hot, []*dir{cold.dir})
	}
	if s.opts.Mover.NoRestore {
		return nil
	}
	return s.restoreLocked(cold, hot, low)
}

// exchange is the work of one transfer, and then of moving another block to one of dirs,
// into the room that the first has left. If that does not do, as they differ in size, the
// room that was taken above is made anew, unless that is turned off.
func (s *Store) exchange(first *transfer, b *block, dirs []*dir) work {
	b.moving = true // so that it is there when its turn has come
	return func(ctx context.Context) error {
		err := s.carrying(first)(ctx)
		s.mu.Lock()
		b.moving = false
		var second *transfer
		if err == nil && s.movableLocked(b) {
			second = s.yieldingLocked(b, dirs)
		}
		s.mu.Unlock()
		if second != nil {
			err = s.carrying(second)(ctx)
		}
		if !s.opts.Mover.NoRestore {
			s.press()
		}
		return err
	}
}

// restoreLocked begins to make room for an exchange when none is free in either tier: by
// evicting what is colder than both, or moving that on.
func (s *Store) restoreLocked(cold, hot *block, low *tier) work {
	for _, to := range inTurn(cold.id, s.quiet(low.dirs)) {
		if to.limit() < cold.bytes {
			continue
		}
		if way, soon := s.makeWayLocked(to, cold.bytes); way != nil || soon {
			return way
		}
		if fall := s.displaceLocked(cold, to, cold); fall != nil {
			fall.yields = true
			return s.exchange(fall, hot, []*dir{cold.dir})
		}
	}
	return nil
}
