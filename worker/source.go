package worker

import (
	"context"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/internal/ticket"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/dataserverpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// below is where a block lies in an under store.
type below struct {
	m      *mounted
	path   string // relative to the root of the mount
	offset int64  // of the block in the file
	length int64  // of the block
	fileVersion
	random bool
	took   prometheus.Observer
}

// Open implements store.Source: it reads a range of the block, of exactly the
// version that the block belongs to.
func (b *below) Open(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	begun := time.Now()
	r, err := b.m.ufs.Open(ctx, b.path, ufsOpenOptions(b, off, n))
	if err != nil {
		return nil, fetchError(err)
	}
	return &countedReader{r: r, count: b.m.read, begun: begun, took: b.took}, nil
}

// fetchError is what a client is told about a failed read below: only what may
// be read elsewhere, or is positively gone, has a kind of its own.
func fetchError(err error) error {
	switch kind := errors.KindOf(err); kind {
	case errors.NotFound, errors.Aborted, errors.Cancelled, errors.Timeout, errors.Permission, errors.Unavailable:
		return err
	case errors.OutOfRange:
		return errors.E("", "", errors.Aborted, err) // shorter than the master believes
	default:
		return errors.E("", "", errors.Unavailable, err)
	}
}

type countedReader struct {
	r     io.ReadCloser
	count func(n int)
	begun time.Time
	took  prometheus.Observer
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.count(n)
	if err != nil && err != io.EOF {
		err = fetchError(err)
	}
	return n, err
}

func (c *countedReader) Close() error {
	took(c.took, c.begun)
	return c.r.Close()
}

// locate finds the block of a request in its under store. What the client says of
// the file is checked against the master's word: a block must never be filled
// from another file.
func (w *Worker) locate(ctx context.Context, id blockid.ID, o *dataserverpb.OpenUfsBlockOptions, random bool) (*below, error) {
	m, err := w.mounts.get(ctx, o.GetMountId())
	if err != nil {
		return nil, err
	}
	b := &below{m: m, offset: o.GetOffsetInFile(), length: o.GetBlockSize(), random: random, took: w.m.fetchTime}
	if o.GetBlockInUfsTier() {
		b.path, b.offset = spilledPath(id), 0
		info, err := m.ufs.Stat(ctx, b.path)
		b.fileVersion = fileVersion{fingerprint: info.Fingerprint, size: info.Size}
		return b, err
	}
	if b.path, err = m.rel(o.GetUfsPath()); err != nil {
		return nil, err
	}
	if b.fileVersion, err = w.versionOf(ctx, id, b, o); err != nil {
		return nil, err
	}
	if b.offset < 0 || b.length < 0 || b.offset+b.length > b.size {
		return nil, errors.Errorf(errors.Aborted, "Block %d should be bytes [%d, %d) of %s, which has %d: it changed in the under store.",
			id, b.offset, b.offset+b.length, o.GetUfsPath(), b.size)
	}
	return b, nil
}

// shown returns the version of the file that a client knows from the master, if it has
// the master's ticket for that.
func (w *Worker) shown(id blockid.ID, o *dataserverpb.OpenUfsBlockOptions) (fileVersion, bool) {
	key := w.tickets.Load()
	if key == nil || o.Ticket == nil || !key.Proves(o.Ticket, ticket.File{
		Container: id.Container(), Length: o.GetFileLength(), UFSPath: o.GetUfsPath(), Fingerprint: o.GetUfsFingerprint()}) {
		return fileVersion{}, false
	}
	return fileVersion{fingerprint: o.GetUfsFingerprint(), size: o.GetFileLength()}, true
}

// versionOf finds out which version of its file a block belongs to: the one
// the master recorded, as the client can show or the master says, else the one that is
// there now.
func (w *Worker) versionOf(ctx context.Context, id blockid.ID, b *below, o *dataserverpb.OpenUfsBlockOptions) (fileVersion, error) {
	if v, ok := w.versions.get(id.Container()); ok {
		return v, nil
	}
	if v, ok := w.shown(id, o); ok {
		w.versions.put(id.Container(), v)
		return v, nil
	}
	var v fileVersion
	file, err := w.master.fileInfo(ctx, id.File(), rpc.Retry{})
	switch {
	case err == nil:
		if rel, err := b.m.rel(file.GetUfsPath()); err != nil || rel != b.path {
			return v, errors.Errorf(errors.Permission, "Block %d belongs to %s, not to %s of %s.", id, file.GetUfsPath(), b.path, b.m.uri)
		}
		v = fileVersion{fingerprint: contentFingerprint(file.GetUfsFingerprint()), size: file.GetLength()}
	case errors.Is(err, errors.NotFound):
		return v, errors.Errorf(errors.NotFound, "The file of block %d does not exist any more.", id)
	default:
		w.log.Debug("the master did not describe a file; its store is asked instead", "block", id, "error", err)
	}
	if v.fingerprint == "" {
		info, err := b.m.ufs.Stat(ctx, b.path)
		if err != nil {
			return v, fetchError(err)
		}
		v = fileVersion{fingerprint: info.Fingerprint, size: info.Size}
	}
	w.versions.put(id.Container(), v)
	return v, nil
}

// remote is a block on another worker.
type remote struct {
	conn   grpc.ClientConnInterface
	id     blockid.ID
	open   *dataserverpb.OpenUfsBlockOptions
	length int64
	count  func(n int)
}

// remoteSource reads the block from the worker at host:port, which may itself
// fetch it from below.
func (w *Worker) remoteSource(host string, port int32, id blockid.ID, length int64, open *dataserverpb.OpenUfsBlockOptions) store.Source {
	addr := net.JoinHostPort(host, strconv.Itoa(int(port)))
	return &remote{conn: w.pool.StreamConn(addr), id: id, open: open, length: length, count: w.m.bytesFromWorkers}
}

// Open implements store.Source.
func (r *remote) Open(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := blockpb.NewBlockWorkerClient(r.conn).ReadBlock(ctx)
	if err == nil {
		id, chunk := int64(r.id), int64(rpc.ChunkBytes)
		err = stream.Send(&blockpb.ReadRequest{BlockId: &id, Offset: &off, Length: &n, ChunkSize: &chunk, OpenUfsBlockOptions: r.open})
	}
	if err != nil && err != io.EOF {
		cancel()
		return nil, err
	}
	return &remoteReader{stream: stream, cancel: cancel, count: r.count}, nil
}

// remoteReader reads the chunks of a ReadBlock call.
type remoteReader struct {
	stream grpc.ClientStream
	cancel context.CancelFunc
	chunk  rpc.ReadBody
	count  func(n int)
}

func (r *remoteReader) Read(p []byte) (int, error) {
	for r.chunk.Remaining() == 0 {
		if err := r.chunk.Receive(r.stream); err != nil {
			return 0, err
		}
	}
	n, err := r.chunk.Read(p)
	r.count(n)
	return n, err
}

func (r *remoteReader) Close() error {
	_ = r.chunk.Close()
	r.cancel()
	return nil
}
