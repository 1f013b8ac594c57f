package worker

import (
	"context"
	"io"
	"strconv"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/worker/store"
)

type ufsWriter = ufs.Writer

func ufsCreateOptions(owner, group string, mode uint32) ufs.CreateOptions {
	return ufs.CreateOptions{Owner: owner, Group: group, Mode: mode}
}

func ufsOpenOptions(b *below, off, n int64) ufs.OpenOptions {
	return ufs.OpenOptions{Offset: b.offset + off, Length: n, Fingerprint: b.fingerprint, Random: b.random}
}

// persistFolder is the folder of an under store, hidden from the namespace, that
// holds what is on its way into it.
const persistFolder = ".alluxio_ufs_persistence"

// spilledPath is where a block is kept in the under store of its file's mount when
// no worker had room for it.
func spilledPath(id blockid.ID) string {
	return persistFolder + "/blocks/" + strconv.FormatInt(int64(id), 10)
}

// spillSink writes a block to the store and, when that is full, to the under
// store instead, with what was written so far.
type spillSink struct {
	w      *Worker
	id     blockid.ID
	mount  int64
	local  *store.Writer // nil once the block is written below
	writer ufs.Writer    // nil while it is not
	n      int64
}

func (w *Worker) newSpillSink(ctx context.Context, c *blockpb.WriteRequestCommand) (*spillSink, error) {
	s := &spillSink{w: w, id: blockid.ID(c.GetId()), mount: c.GetCreateUfsBlockOptions().GetMountId()}
	if !c.GetCreateUfsBlockOptions().GetFallback() {
		local, err := w.newBlockSink(ctx, c)
		if err == nil {
			s.local = local.writer
			return s, nil
		}
		if !errors.Is(err, errors.NoSpace) {
			return nil, err
		}
	}
	return s, s.openBelow(ctx)
}

// openBelow begins the block in the under store.
func (s *spillSink) openBelow(ctx context.Context) error {
	m, err := s.w.mounts.get(ctx, s.mount)
	if err != nil {
		return err
	}
	s.writer, err = m.create(ctx, spilledPath(s.id), ufs.CreateOptions{})
	return err
}

func (s *spillSink) Write(p []byte) (int, error) {
	if s.writer == nil {
		n, err := s.local.Write(p)
		s.n += int64(n)
		if err == nil || !errors.Is(err, errors.NoSpace) {
			return n, err
		}
		if err := s.spill(context.Background()); err != nil {
			return 0, err
		}
	}
	n, err := s.writer.Write(p)
	s.n += int64(n)
	return n, err
}

// spill moves what was written locally below.
func (s *spillSink) spill(ctx context.Context) error {
	if err := s.openBelow(ctx); err != nil {
		return err
	}
	if err := s.copyFrom(s.local, s.n); err != nil {
		return err
	}
	s.local.Abort()
	s.local = nil
	return nil
}

func (s *spillSink) copyFrom(w *store.Writer, n int64) error {
	_, err := io.Copy(s.writer, io.NewSectionReader(readerAtFunc(w.ReadBack), 0, n))
	return err
}

type readerAtFunc func(p []byte, off int64) (int, error)

func (f readerAtFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

// adopt copies the first n bytes of the block that a local client began and could
// not finish.
func (s *spillSink) adopt(_ context.Context, n int64) error {
	if s.writer == nil || s.n != 0 {
		return errors.Errorf(errors.Invalid, "Block %d: a local block can only be taken up at the beginning.", s.id)
	}
	w := s.w.locals.take(s.id)
	if w == nil {
		return errors.Errorf(errors.NotFound, "Block %d was not begun on this worker.", s.id)
	}
	defer w.Abort()
	if err := s.copyFrom(w, n); err != nil {
		return err
	}
	s.n = n
	return nil
}

func (s *spillSink) len() int64 { return s.n }

func (s *spillSink) flush() error {
	if s.writer != nil {
		return nil
	}
	return s.local.Flush()
}

func (s *spillSink) commit(ctx context.Context) error {
	if s.writer == nil {
		return s.w.commitWritten(ctx, s.local)
	}
	if _, err := s.writer.Commit(ctx); err != nil {
		return err
	}
	return s.w.master.commitBlockInUFS(ctx, s.id, s.n)
}

func (s *spillSink) abort() {
	if s.local != nil {
		s.local.Abort()
	}
	if s.writer != nil {
		(&fileSink{w: s.w, writer: s.writer}).abort()
	}
}
