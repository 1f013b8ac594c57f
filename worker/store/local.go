package store

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// Local is what a process on this host needs to read a block in place.
type Local struct {
	Path string // of its file
	// Verified tells how the file looked when all of it was verified, if it still
	// looks so. Else it is zero, and whoever reads the file has to verify it.
	Verified Stamp
	// SumsCRC is the CRC32C of the checksums that the sidecar must have; 0 when that
	// is not known.
	SumsCRC uint32
}

// Local prepares the block for being read in place, as long as the handle is open. All
// of the block must be present, else NotFound.
func (h *Handle) Local() (Local, error) {
	s, b := h.s, h.b
	if info := h.Info(); !info.Whole {
		return Local{}, errors.Errorf(errors.NotFound, "Block %d is not whole on this worker.", b.id)
	}
	s.flush(b) // a block that became whole just now may not be in its place yet
	l := Local{Verified: b.unchanged()}
	b.mu.Lock()
	l.SumsCRC = sumsCRC(b.mu.sums)
	b.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	l.Path = b.path()
	return l, nil
}

// Verify checks all of the block, which must be whole. Corrupt when a page is
// damaged, which is dropped if it can be fetched again.
func (h *Handle) Verify(ctx context.Context) error { return h.s.verify(ctx, h.b) }

// Verify verifies the block id as Handle.Verify does, which does not count as a use
// of it. Nothing is done for a block that is not whole, is being moved, or has not
// changed since it was verified.
func (s *Store) Verify(ctx context.Context, id blockid.ID) error {
	s.mu.Lock()
	b, ok := s.mu.blocks[id]
	if ok = ok && b.whole && !b.moving; ok {
		b.refs++
	}
	s.mu.Unlock()
	if !ok {
		return nil
	}
	defer s.unref(b)
	if err := s.ensureOpen(b); err != nil {
		return nil // the next reader deals with it
	}
	if b.unchanged() != (Stamp{}) {
		return nil
	}
	return s.verify(ctx, b)
}

// unchanged returns the stamp of the file if it is the one under which all of it
// was verified, else the zero Stamp.
func (b *block) unchanged() Stamp {
	stamp := stampOf(b.file)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.verified != stamp {
		return Stamp{}
	}
	return stamp
}

func (s *Store) verify(ctx context.Context, b *block) error {
	before := stampOf(b.file)
	buf := s.pageOf(b)
	defer s.putPage(buf)
	for p := range b.pages() {
		if err := ctx.Err(); err != nil {
			return errors.E("store.verify", "", errors.Other, err)
		}
		if _, bad, err := s.readVerified(b, *buf, b.pageOff(p), int(b.pageLen(p))); err != nil || bad >= 0 {
			if bad >= 0 {
				s.dropPage(b, bad, err)
			}
			return errors.Errorf(errors.Corrupt, "Block %d is damaged on disk at %d.", b.id, b.pageOff(p))
		}
	}
	if stampOf(b.file) == before && before.settled() {
		b.mu.Lock()
		b.mu.verified = before
		b.mu.Unlock()
	}
	return nil
}
