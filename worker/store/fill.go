package store

import (
	"context"
	"io"
	"os"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// Source is where missing bytes of one block come from: an under store, or
// another worker. It may be used by several goroutines, and until the context of
// a call ends also after the handle that brought it was closed.
type Source interface {
	// Open reads the bytes [off, off+n) of the block. Aborted says that the
	// object is not the one of the block's fingerprint any more: the block is
	// then dropped whole.
	Open(ctx context.Context, off, n int64) (io.ReadCloser, error)
}

// FillOptions describe a block that is to be cached as it is read.
type FillOptions struct {
	Length      int64
	Fingerprint string // of the object it comes from; needed
	Place       Place
}

// OpenFill opens the block id like Open, and makes it if the store has nothing of
// it. Pages that are missing are fetched from src when they are read and kept
// as far as there is room. A block that is here from another version of the
// object, or with another length, is replaced. NoSpace when no directory takes
// it, Unavailable when its directory fails: the caller may read from src itself.
func (s *Store) OpenFill(id blockid.ID, opts FillOptions, src Source) (*Handle, error) {
	if !id.Valid() || opts.Length < 0 || opts.Length > maxBlockLength || opts.Fingerprint == "" || len(opts.Fingerprint) > maxFingerprint {
		return nil, errors.Errorf(errors.Invalid, "Block %d of %d bytes cannot be cached.", id, opts.Length)
	}
	s.touch(nil)
	s.find(id)
	for {
		s.mu.Lock()
		b, ok := s.mu.blocks[id]
		stale := ok && b.confirmed && (b.fingerprint != opts.Fingerprint || b.length != opts.Length)
		elsewhere := ok && b.confirmed && b.misplaced && !b.whole && b.handles == 0
		switch {
		case stale, elsewhere:
			s.removeLocked(b)
		case ok:
			s.retainLocked(b)
		}
		s.mu.Unlock()
		switch {
		case stale:
			s.unlink(b)
			s.m.stale.Inc()
		case elsewhere:
			s.unlink(b)
		case ok:
			h, err := s.handle(b, src)
			if !errors.Is(err, errors.NotFound) {
				return h, err
			}
		default:
			h, err := s.begin(id, opts, src)
			if !errors.Is(err, errors.Exists) {
				return h, err
			}
		}
	}
}

// begin makes an empty block and opens it. Its file stays a temporary one until
// the first page is worth a sidecar.
func (s *Store) begin(id blockid.ID, opts FillOptions, src Source) (*Handle, error) {
	if err := s.claim(id); err != nil {
		return nil, err
	}
	d := s.dirFor(id, opts.Length, opts.Place)
	if d == nil {
		s.release(id)
		return nil, errors.Errorf(errors.NoSpace, "No storage directory of this worker can take block %d.", id)
	}
	m := newMeta(id, opts.Length, s.opts.PageSize, opts.Fingerprint)
	b := newBlock(&m, d)
	b.tmpPath = s.tmpName(d, id)
	f, err := s.fs.OpenFile(b.tmpPath, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		if err = f.Truncate(opts.Length); err != nil {
			_ = f.Close()
			_ = s.fs.Remove(b.tmpPath)
		}
	}
	if err != nil {
		s.release(id)
		s.fault(d, err)
		return nil, errors.E("store.create", b.tmpPath, errors.NoSpace, err)
	}
	b.file = f
	b.mu.dirty = opts.Length == 0
	s.mu.Lock()
	s.releaseLocked(id)
	if d.state == dirFailed {
		s.mu.Unlock()
		_ = f.Close()
		return nil, errors.Errorf(errors.NoSpace, "Storage directory %s failed.", d.Path)
	}
	s.indexLocked(b)
	b.filling = true
	s.retainLocked(b)
	if b.whole {
		s.opts.Observer.BlockAdded(s.infoLocked(b))
	}
	s.mu.Unlock()
	return s.handle(b, src)
}

// discardStale removes a block whose object changed under it.
func (s *Store) discardStale(b *block, cause error) {
	s.mu.Lock()
	there := s.mu.blocks[b.id] == b
	if there {
		s.removeLocked(b)
	}
	s.mu.Unlock()
	if there {
		s.m.stale.Inc()
		s.log.Warn("a block was dropped: its object changed in the under store", "block", b.id, "error", cause)
		s.unlink(b)
	}
}
