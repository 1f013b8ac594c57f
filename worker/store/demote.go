package store

import (
	"context"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// A tier that is not the last one keeps some room in each of its directories: as soon as
// less is left, its coldest blocks are moved down, also while users read and write, since
// it is for them. The tier below makes room in the same way, and the last one by evicting
// what is colder than what comes. So a new block finds room at once, and what leaves the
// cache is the coldest of all.
//
// Nobody waits for a move. When moves do not keep pace the room is used up, new blocks
// go where there is more of it (see acceptsLocked), and in the end the tier evicts its own
// coldest block. What is not in the under store is moved like the rest, but
// never evicted.

// reservePart is the part of a small directory that its room comes to at most.
const reservePart = 10

// headroom is what is to be free in d at all times. Store.mu is held.
func (s *Store) headroom(d *dir) int64 {
	if s.opts.Mover.NoAlign || d.state == dirFailed || d.tier.index == len(s.tiers)-1 {
		return 0
	}
	return min(s.opts.Mover.Reserve, d.limit()/reservePart)
}

// headroomsLocked is the headroom of all directories but those that a block was meant
// for: elsewhere it is for what is moved.
func (s *Store) headroomsLocked(wanted []*dir) map[*dir]int64 {
	rooms := map[*dir]int64{}
	for _, d := range s.dirs {
		if !slices.Contains(wanted, d) {
			rooms[d] = s.headroom(d)
		}
	}
	return rooms
}

// shortLocked reports whether more blocks have to leave d.
func (s *Store) shortLocked(d *dir) bool { return d.free()+d.leaving < s.headroom(d) }

// takeLocked reserves n bytes of d.
func (s *Store) takeLocked(d *dir, n int64) {
	d.reserved += n
	if s.shortLocked(d) {
		s.press()
	}
}

// press has roomLoop look for directories without room.
func (s *Store) press() {
	select {
	case s.pressed <- struct{}{}:
	default:
	}
}

// roomLoop keeps room free in the upper tiers.
func (s *Store) roomLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.pressed:
		}
		for s.carryAll(ctx, s.nextDemotionLocked) {
		}
	}
}

// work is a transfer or two that belong together; nil for nothing.
type work func(ctx context.Context) error

// carryAll does the work that next finds, called with Store.mu held, several pieces at
// one time, until there is no more or some fails. It reports whether there may be more.
func (s *Store) carryAll(ctx context.Context, next func() work) bool {
	var g errgroup.Group
	var failed atomic.Bool
	some := false
	for !failed.Load() && ctx.Err() == nil {
		s.transfers <- struct{}{}
		s.mu.Lock()
		w := next()
		s.mu.Unlock()
		if w == nil {
			<-s.transfers
			break
		}
		some = true
		g.Go(func() error {
			defer func() { <-s.transfers }()
			if err := w(ctx); err != nil {
				s.log.Debug("a block was not moved to another tier", "error", err)
				// Of one that is damaged, or was used meanwhile, nothing follows.
				if !errors.Is(err, errors.Corrupt) && !errors.Is(err, errors.Aborted) {
					failed.Store(true)
				}
			}
			return nil
		})
	}
	_ = g.Wait()
	return some && !failed.Load()
}

// carrying is the work of one transfer.
func (s *Store) carrying(t *transfer) work {
	if t == nil {
		return nil
	}
	return func(ctx context.Context) error {
		err := s.carry(ctx, t)
		switch {
		case err != nil:
		case t.to.tier.index > t.from.tier.index:
			s.m.demoted.Inc()
		default:
			s.m.promoted.Inc()
		}
		return err
	}
}

// nextDemotionLocked is the next work that makes room in a tier; the lower ones come
// first, because the others move into them.
func (s *Store) nextDemotionLocked() work {
	for _, t := range slices.Backward(s.tiers[:len(s.tiers)-1]) {
		for _, d := range t.dirs {
			if s.shortLocked(d) {
				if w := s.demotionLocked(d); w != nil {
					return w
				}
			}
		}
	}
	return nil
}

// demotionLocked begins to move the coldest block of d to a tier below, or to make way
// for it there. When all is hotter there, it is the coldest of all and leaves the cache.
// It returns nil when there is nothing to do now.
func (s *Store) demotionLocked(d *dir) work {
	b, evictable := s.coldestLocked(d)
	if b == nil {
		return nil
	}
	for _, t := range s.tiers[d.tier.index+1:] {
		if to := s.pickLocked(t.dirs, b.bytes, nil); to != nil {
			return s.carrying(s.transferLocked(b, to))
		}
		for _, to := range inTurn(b.id, t.dirs) {
			if to.limit() < b.bytes {
				continue
			}
			way, soon := s.makeWayLocked(to, b.bytes)
			if way != nil || soon && d.free() > s.headroom(d)/2 {
				return way
			}
			if t := s.displaceLocked(b, to, evictable); t != nil {
				return s.carrying(t)
			}
		}
	}
	return s.leaveLocked(evictable)
}

// makeWayLocked begins to move something out of a directory that lacks room for n bytes,
// unless it is the last tier's. It returns nil and true when enough is on its way out.
func (s *Store) makeWayLocked(d *dir, n int64) (w work, soon bool) {
	if d.tier.index == len(s.tiers)-1 {
		return nil, false
	}
	if d.free()+d.leaving >= n {
		return nil, true
	}
	return s.demotionLocked(d), false
}

// displaceLocked begins to move b to a full directory if what is evicted there is colder
// than rival, which would be evicted otherwise, or rival is to stay for readers to come.
func (s *Store) displaceLocked(b *block, to *dir, rival *block) *transfer {
	id, ok := to.policy.Next(func(id blockid.ID) bool { return s.mu.blocks[id].busy() || s.mu.blocks[id].wish != nil })
	if !ok || rival != nil && rival.wish == nil && s.mu.blocks[id].heat >= rival.heat {
		return nil
	}
	victims, ok := s.evictLocked(to, b.bytes, false)
	if !ok {
		return nil
	}
	t := s.transferLocked(b, to)
	t.victims = victims
	return t
}

// leaveLocked is the work of evicting b.
func (s *Store) leaveLocked(b *block) work {
	if b == nil || b.wish != nil {
		return nil
	}
	d, n := b.dir, b.bytes
	s.removeLocked(b)
	d.reserved += n // until its file is gone
	return func(context.Context) error {
		s.evicted([]*block{b})
		s.unreserve(d, n)
		return nil
	}
}
