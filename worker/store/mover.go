package store

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// Move brings the block id to a directory that to names, evicting there if
// needed. Nothing happens when it is in such a place already. FailedPrecondition
// when the block is open or not whole.
func (s *Store) Move(ctx context.Context, id blockid.ID, to Place) error {
	to.Strict = true
	return s.move(ctx, id, to, true)
}

// move copies a block, verifying it, and then swaps it in, unless somebody opened it
// meanwhile.
func (s *Store) move(ctx context.Context, id blockid.ID, to Place, evict bool) error {
	b, from, err := s.beginMove(id, to)
	if b == nil || err != nil {
		return err
	}
	defer func() {
		s.mu.Lock()
		b.moving = false
		s.mu.Unlock()
	}()
	var d *dir
	if evict {
		d, err = s.allocate(id, b.length, to)
	} else {
		s.mu.Lock()
		if d = s.pickLocked(s.dirsAt(to), b.length, nil); d != nil {
			d.reserved += b.length
		} else {
			err = errors.Errorf(errors.NoSpace, "No free space in %s for block %d.", to, id)
		}
		s.mu.Unlock()
	}
	if err != nil {
		return err
	}
	tmp, err := s.copyBlock(ctx, b, d)
	if err == nil {
		err = s.swap(b, from, d, tmp)
	}
	if err != nil {
		_ = s.fs.Remove(tmp)
		s.unreserve(d, b.length)
	}
	return err
}

// beginMove marks the block as moving. No block and no error: it is there already.
func (s *Store) beginMove(id blockid.ID, to Place) (*block, *dir, error) {
	s.find(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.mu.blocks[id]
	if !ok {
		return nil, nil, notFound(id)
	}
	for _, d := range s.dirsAt(to) {
		if b.dir == d {
			return nil, nil, nil
		}
	}
	if b.refs > 0 || b.moving || !b.whole {
		return nil, nil, errors.Errorf(errors.FailedPrecondition, "Block %d is in use or not whole and cannot be moved now.", id)
	}
	b.moving = true
	return b, b.dir, nil
}

// copyBlock copies a block file to a temporary one in d.
func (s *Store) copyBlock(ctx context.Context, b *block, d *dir) (tmp string, err error) {
	tmp = s.tmpName(d, b.id)
	b.io.Lock()
	name := b.path()
	b.io.Unlock()
	src, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		s.readFault(b.dir, err)
		return tmp, err
	}
	defer src.Close()
	dst, err := s.fs.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		s.fault(d, err)
		return tmp, err
	}
	defer func() {
		if cerr := dst.Close(); err == nil {
			err = cerr
		}
	}()
	b.mu.Lock()
	sums := append([]uint32(nil), b.mu.sums...)
	b.mu.Unlock()
	buf := s.page()
	defer s.putPage(buf)
	for off := int64(0); off < b.length; {
		p := (*buf)[:min(int64(len(*buf)), b.length-off)]
		n, err := src.ReadAt(p, off)
		if err != nil && err != io.EOF {
			s.readFault(b.dir, err)
			return tmp, err
		}
		for i := 0; i < len(p); i += SpanSize {
			if end := min(i+SpanSize, len(p)); end > n || sumOf(p[i:end]) != sums[(off+int64(i))/SpanSize] {
				return tmp, errors.Errorf(errors.Corrupt, "Block %d is damaged at %d and was not moved.", b.id, off+int64(i))
			}
		}
		if _, err := dst.WriteAt(p, off); err != nil {
			s.fault(d, err)
			return tmp, err
		}
		if err := ctx.Err(); err != nil {
			return tmp, err
		}
		off += int64(len(p))
	}
	if d.sync {
		return tmp, dst.Sync()
	}
	return tmp, nil
}

// swap puts the copy in place and deletes the original.
func (s *Store) swap(b *block, from, to *dir, tmp string) error {
	b.io.Lock()
	defer b.io.Unlock()
	s.mu.Lock()
	ok := !b.gone && b.refs == 0 && b.whole && to.state != dirFailed
	if ok {
		to.reserved -= b.length
		s.placeLocked(b, to)
	}
	fingerprint := b.fingerprint
	s.mu.Unlock()
	if !ok {
		return errors.Errorf(errors.Aborted, "Block %d was used while it was being moved.", b.id)
	}
	b.mu.Lock()
	m := meta{id: b.id, length: b.length, pageSize: b.pageSize, fingerprint: fingerprint, present: b.mu.present, sums: b.mu.sums}
	data := m.encode()
	b.mu.Unlock()
	err := s.placeFiles(b, to, tmp, data)
	if err != nil {
		s.fault(to, err)
		s.mu.Lock()
		to.reserved += b.length
		if !b.gone {
			s.placeLocked(b, from)
		}
		s.mu.Unlock()
		return err
	}
	final := from.blockPath(b.id)
	s.removeFiles(from, final, final+metaSuffix)
	s.m.moved.Inc()
	s.mu.Lock()
	if !b.gone {
		s.opts.Observer.BlockAdded(s.infoLocked(b))
	}
	s.mu.Unlock()
	return nil
}

// placeLocked moves the accounting of b to another directory. b.io is held too:
// either lock is enough to read b.dir.
func (s *Store) placeLocked(b *block, to *dir) {
	b.untrack()
	b.dir.used -= b.bytes
	b.dir = to
	to.used += b.bytes
	s.trackLocked(b)
}

// placeFiles renames the sidecar and the copy of b into to.
func (s *Store) placeFiles(b *block, to *dir, tmp string, sidecar []byte) error {
	final := b.finalPath()
	if err := writeFile(s.fs, tmp+metaSuffix, sidecar, to.sync); err != nil {
		_ = s.fs.Remove(tmp + metaSuffix)
		return err
	}
	if err := s.fs.Rename(tmp+metaSuffix, final+metaSuffix); err != nil {
		return err
	}
	if err := s.fs.Rename(tmp, final); err != nil {
		_ = s.fs.Remove(final + metaSuffix)
		return err
	}
	if to.sync {
		return syncDir(s.fs, to.folder)
	}
	return nil
}

// moveLoop brings cold blocks down from tiers that are nearly full and hot
// blocks up while there is room, when no user is reading or writing.
func (s *Store) moveLoop(ctx context.Context) {
	up, down := !s.opts.Mover.StayDown, !s.opts.Mover.StayUp
	if !up && !down || len(s.tiers) < 2 {
		return
	}
	every(ctx, s.opts.Mover.Interval, func() {
		for !s.busy() && ctx.Err() == nil {
			if !(down && s.demoteOne(ctx)) && !(up && s.promoteOne(ctx)) {
				return
			}
		}
	})
}

// busy reports whether a user opened or wrote a block a short while ago.
func (s *Store) busy() bool {
	return s.Idle() < s.opts.Mover.CoolDown
}

// demoteOne moves the coldest block of a tier above its watermark one tier down
// and reports whether there is more to do.
func (s *Store) demoteOne(ctx context.Context) bool {
	for _, t := range s.tiers[:len(s.tiers)-1] {
		s.mu.Lock()
		var used, quota int64
		for _, d := range t.dirs {
			if d.state != dirFailed {
				used, quota = used+d.used+d.reserved, quota+d.limit()
			}
		}
		if !t.draining {
			t.draining = float64(used) > t.HighWatermark*float64(quota)
		} else if float64(used) <= t.LowWatermark*float64(quota) {
			t.draining = false
		}
		id, ok := blockid.ID(0), false
		if t.draining {
			id, ok = s.coldestLocked(t)
		}
		s.mu.Unlock()
		if ok && s.move(ctx, id, Place{Tier: t.index + 1, Strict: true}, false) == nil {
			s.m.demoted.Inc()
			return true
		}
	}
	return false
}

// coldestLocked is the whole, idle block of t that its policy would give up
// first.
func (s *Store) coldestLocked(t *tier) (id blockid.ID, ok bool) {
	for _, d := range t.dirs {
		d.policy.Coldest(func(k blockid.ID) bool {
			b := s.mu.blocks[k]
			if b != nil && b.whole && b.refs == 0 && !b.moving {
				id, ok = k, true
			}
			return !ok
		})
		if ok {
			return id, true
		}
	}
	return 0, false
}

// promoteOne moves a block that was used lately one tier up, if that is not
// nearly full.
func (s *Store) promoteOne(ctx context.Context) bool {
	s.mu.Lock()
	id, ok := blockid.ID(0), false
	up := 0
	for len(s.mu.hot) > 0 && !ok {
		id = s.mu.hot[len(s.mu.hot)-1]
		s.mu.hot = s.mu.hot[:len(s.mu.hot)-1]
		b := s.mu.blocks[id]
		if b == nil || b.dir.tier.index == 0 {
			continue
		}
		up = b.dir.tier.index - 1
		var used, quota int64
		for _, d := range s.tiers[up].dirs {
			used, quota = used+d.used+d.reserved, quota+d.limit()
		}
		ok = float64(used+b.length) <= s.opts.Mover.PromoteQuota*float64(quota)
	}
	s.mu.Unlock()
	if ok && s.move(ctx, id, Place{Tier: up, Strict: true}, false) == nil {
		s.m.promoted.Inc()
	}
	return ok
}

// maxHot bounds the list of blocks to promote.
const maxHot = 1024

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
		b.dir.policy.Use(b.id)
	}
	b.used, b.filling = false, false
	if b.dir.tier.index == 0 || s.opts.Mover.StayDown {
		return
	}
	if len(s.mu.hot) == maxHot {
		s.mu.hot = append(s.mu.hot[:0], s.mu.hot[maxHot/2:]...)
	}
	s.mu.hot = append(s.mu.hot, b.id)
}
