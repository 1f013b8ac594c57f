package store

import (
	"context"
	"io"
	"os"
	"slices"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// Move brings the block id to a directory that to names, evicting there if
// needed. Nothing happens when it is in such a place already. FailedPrecondition
// when the block is open or not whole.
func (s *Store) Move(ctx context.Context, id blockid.ID, to Place) error {
	to.Strict = true
	s.find(id)
	b, err := s.beginMove(id, to)
	if b == nil || err != nil {
		return err
	}
	d, err := s.allocate(id, b.length, to)
	if err != nil {
		s.mu.Lock()
		b.moving = false
		s.mu.Unlock()
		return err
	}
	s.mu.Lock()
	t := departLocked(b, d, b.length)
	s.mu.Unlock()
	return s.carry(ctx, t)
}

// beginMove marks the block as moving. No block and no error: it is there already.
func (s *Store) beginMove(id blockid.ID, to Place) (*block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.mu.blocks[id]
	if !ok {
		return nil, notFound(id)
	}
	if slices.Contains(s.dirsAt(to), b.dir) {
		return nil, nil
	}
	if b.busy() || !b.whole {
		return nil, errors.Errorf(errors.FailedPrecondition, "Block %d is in use or not whole and cannot be moved now.", id)
	}
	b.moving = true
	return b, nil
}

// transfer is a block on its way to another directory, where room is reserved for it.
type transfer struct {
	b        *block
	from, to *dir
	size     int64    // bytes of b
	victims  []*block // taken out of the index for it; their files are not deleted yet
	yields   bool     // given up when users come to a directory that it uses

	// What was copied.
	tmp     string
	present bitmap
	sums    []uint32
}

// departLocked begins the transfer of b, for which size bytes are reserved in to.
func departLocked(b *block, to *dir, size int64) *transfer {
	b.moving = true
	b.dir.leaving += size
	return &transfer{b: b, from: b.dir, to: to, size: size}
}

// transferLocked is departLocked with room that is free.
func (s *Store) transferLocked(b *block, to *dir) *transfer {
	to.reserved += b.bytes
	return departLocked(b, to, b.bytes)
}

// carry copies a block, verifying it, and then swaps it in, unless somebody opened it
// meanwhile.
func (s *Store) carry(ctx context.Context, t *transfer) error {
	s.evicted(t.victims)
	err := s.copyBlock(ctx, t)
	if err == nil {
		err = s.swap(t)
	}
	if err != nil {
		_ = s.fs.Remove(t.tmp)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.b.moving = false
	t.from.leaving -= t.size
	if err == nil {
		t.from.reserved -= t.size
	} else {
		t.to.reserved -= t.size
		t.b.damaged = t.b.damaged || errors.Is(err, errors.Corrupt)
	}
	return err
}

// copyBlock copies the pages that are present to a temporary file.
func (s *Store) copyBlock(ctx context.Context, t *transfer) (err error) {
	b := t.b
	t.tmp = s.tmpName(t.to, b.id)
	b.io.Lock()
	name := b.path()
	b.io.Unlock()
	src, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		s.readFault(t.from, err)
		return err
	}
	defer src.Close()
	dst, err := s.fs.OpenFile(t.tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		s.fault(t.to, err)
		return err
	}
	defer func() {
		if cerr := dst.Close(); err == nil {
			err = cerr
		}
	}()
	b.mu.Lock()
	t.present, t.sums = slices.Clone(b.mu.present), slices.Clone(b.mu.sums)
	b.mu.Unlock()
	if err := dst.Truncate(b.length); err != nil {
		s.fault(t.to, err)
		return err
	}
	if err := s.copyPages(ctx, t, src, dst); err != nil {
		return err
	}
	if s.durable(t) {
		return dst.Sync()
	}
	return nil
}

// durable reports whether the copy must survive a power failure: what is in the under
// store can be fetched again.
func (s *Store) durable(t *transfer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.to.sync && !t.b.confirmed
}

func (s *Store) copyPages(ctx context.Context, t *transfer, src, dst File) error {
	buf := s.pageOf(t.b)
	defer s.putPage(buf)
	for p := range t.b.pages() {
		if !t.present.has(p) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if t.yields && s.loaded(t.from, t.to) {
			return errors.Errorf(errors.Aborted, "Block %d was not moved: users came.", t.b.id)
		}
		if err := s.copyPage(t, src, dst, (*buf)[:t.b.pageLen(p)], t.b.pageOff(p)); err != nil {
			return err
		}
	}
	return nil
}

// copyPage copies and verifies the page at off by way of p.
func (s *Store) copyPage(t *transfer, src, dst File, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	if err != nil && err != io.EOF {
		s.readFault(t.from, err)
		return errors.E("store.move", t.from.blockPath(t.b.id), errors.Corrupt, err)
	}
	for i := 0; i < len(p); i += SpanSize {
		if end := min(i+SpanSize, len(p)); end > n || sumOf(p[i:end]) != t.sums[(off+int64(i))/SpanSize] {
			return errors.Errorf(errors.Corrupt, "Block %d is damaged at %d and was not moved.", t.b.id, off+int64(i))
		}
	}
	if _, err := dst.WriteAt(p, off); err != nil {
		s.fault(t.to, err)
		return err
	}
	return nil
}

// swap puts the copy in place and deletes the original.
func (s *Store) swap(t *transfer) error {
	b := t.b
	b.io.Lock()
	defer b.io.Unlock()
	m, ok := s.switchDir(t)
	if !ok {
		return errors.Errorf(errors.Aborted, "Block %d was used while it was being moved.", b.id)
	}
	if err := s.placeFiles(t, m.encode()); err != nil {
		s.fault(t.to, err)
		s.mu.Lock()
		t.to.reserved, t.from.reserved = t.to.reserved+t.size, t.from.reserved-t.size
		if !b.gone {
			s.placeLocked(b, t.from)
		}
		s.mu.Unlock()
		return err
	}
	final := t.from.blockPath(b.id)
	s.removeFiles(t.from, final, final+metaSuffix)
	s.m.moved.Inc()
	s.mu.Lock()
	if !b.gone && b.whole {
		s.opts.Observer.BlockAdded(s.infoLocked(b))
	}
	s.mu.Unlock()
	return nil
}

// switchDir accounts b to where its copy is, if nobody has it open and it still is what
// was copied. The room that it had stays reserved until its file is gone. b.io is held.
func (s *Store) switchDir(t *transfer) (meta, bool) {
	b := t.b
	b.mu.Lock()
	defer b.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.gone || b.refs > 0 || t.to.state == dirFailed || !slices.Equal(b.mu.present, t.present) || !slices.Equal(b.mu.sums, t.sums) {
		return meta{}, false
	}
	t.to.reserved, t.from.reserved = t.to.reserved-t.size, t.from.reserved+t.size
	s.placeLocked(b, t.to)
	return meta{id: b.id, length: b.length, pageSize: b.pageSize, fingerprint: b.fingerprint, present: t.present, sums: t.sums}, true
}

// placeLocked moves the accounting of b to another directory, and what is known of its
// use. b.io is held too: either lock is enough to read b.dir.
func (s *Store) placeLocked(b *block, to *dir) {
	hot, since := b.hot != nil, time.Time{}
	if b.wish != nil {
		since = b.wish.Value.(wished).since
	}
	b.untrack()
	b.dropHot()
	b.dir.used -= b.bytes
	b.dir = to
	to.used += b.bytes
	s.trackLocked(b)
	if hot {
		b.noteHot()
	}
	if !since.IsZero() {
		b.keepWish(since)
	}
}

// placeFiles renames the sidecar and the copy of b into place.
func (s *Store) placeFiles(t *transfer, sidecar []byte) error {
	final, durable := t.to.blockPath(t.b.id), s.durable(t)
	if err := writeFile(s.fs, t.tmp+metaSuffix, sidecar, durable); err != nil {
		_ = s.fs.Remove(t.tmp + metaSuffix)
		return err
	}
	if err := s.fs.Rename(t.tmp+metaSuffix, final+metaSuffix); err != nil {
		return err
	}
	if err := s.fs.Rename(t.tmp, final); err != nil {
		_ = s.fs.Remove(final + metaSuffix)
		return err
	}
	if durable {
		return syncDir(s.fs, t.to.folder)
	}
	return nil
}
