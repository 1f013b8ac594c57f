package worker

import (
	"context"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/dataserverpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// cacheJob is one block to be brought into the store whole.
type cacheJob struct {
	id     blockid.ID
	length int64
	host   string // worker to copy from, unless it is this one
	port   int32
	open   *dataserverpb.OpenUfsBlockOptions
}

// cacher brings blocks in, in the background or while a client waits, each at most
// once at a time.
type cacher struct {
	w     *Worker
	queue chan *cacheJob
	mu    struct {
		sync.Mutex
		queued map[blockid.ID]bool
	}
}

func newCacher(w *Worker) *cacher {
	c := &cacher{w: w, queue: make(chan *cacheJob, max(1, w.conf.Int(config.WorkerNetworkAsyncCacheManagerQueueMax)))}
	c.mu.queued = map[blockid.ID]bool{}
	return c
}

// run works on queued blocks until ctx ends.
func (c *cacher) run(ctx context.Context) error {
	var g errgroup.Group
	for range c.w.conf.Int(config.WorkerNetworkAsyncCacheManagerThreadsMax) {
		g.Go(func() error {
			for {
				select {
				case <-ctx.Done():
					return nil
				case j := <-c.queue:
					if err := c.cache(ctx, j); err != nil && ctx.Err() == nil {
						c.w.log.Log(ctx, severity(err), "a block was not cached", "block", j.id, "error", err)
					}
					c.mu.Lock()
					delete(c.mu.queued, j.id)
					c.mu.Unlock()
				}
			}
		})
	}
	return g.Wait()
}

// severity of not caching a block: a full store is everyday business.
func severity(err error) slog.Level {
	if errors.Is(err, errors.NoSpace) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// later queues a block. What is queued already is not queued again, and when the
// queue is full the wish is dropped: the next reader will repeat it.
func (c *cacher) later(j *cacheJob) {
	c.mu.Lock()
	known := c.mu.queued[j.id]
	c.mu.queued[j.id] = true
	c.mu.Unlock()
	if known {
		return
	}
	select {
	case c.queue <- j:
	default:
		c.mu.Lock()
		delete(c.mu.queued, j.id)
		c.mu.Unlock()
		c.w.m.cacheDropped.Inc()
	}
}

// cache makes the block whole in the store.
func (c *cacher) cache(ctx context.Context, j *cacheJob) (err error) {
	w := c.w
	if info, err := w.store.Info(j.id); err == nil && info.Whole {
		return nil
	}
	defer func() { w.m.cacheDone(err) }()
	src, fingerprint, length, err := c.source(ctx, j)
	if err != nil {
		return err
	}
	if fingerprint == "" {
		return c.copy(ctx, j, src)
	}
	for range 2 { // the directory in which it is begun may turn out to be full
		if err := c.fill(ctx, j, store.FillOptions{Length: length, Fingerprint: fingerprint}, src); err != nil {
			return err
		}
		if info, err := w.store.Info(j.id); err == nil && info.Whole {
			w.tellWithin(ctx, commitTimeout)
			return nil
		}
	}
	return errors.Errorf(errors.NoSpace, "There is no room on worker %s to keep block %d.", w.Address(), j.id)
}

// fill brings the block into the store.
func (c *cacher) fill(ctx context.Context, j *cacheJob, opts store.FillOptions, src store.Source) error {
	h, err := c.w.store.OpenFill(j.id, opts, src)
	if err != nil {
		return err
	}
	defer h.Close()
	h.Wish()
	h.Expect(0, h.Len())
	h.Sequential()
	for off := int64(0); off < h.Len(); {
		n := int(min(rpc.ChunkBytes, h.Len()-off))
		if err := h.Fetch(ctx, off, n); err != nil {
			return err
		}
		c.w.m.bytesLoaded.Add(float64(h.Missed(off, n)))
		off += int64(n)
	}
	h.Settle(ctx)
	return nil
}

// source chooses where the block comes from, and finds the version it has to be
// of; there is none for a block whose file is not in an under store.
func (c *cacher) source(ctx context.Context, j *cacheJob) (src store.Source, fingerprint string, length int64, err error) {
	w := c.w
	elsewhere := j.host != "" && !w.isMe(j.host, j.port)
	switch {
	case j.open.GetUfsPath() == "" && elsewhere: // not below, or not all of it yet
		return w.remoteSource(j.host, j.port, j.id, j.length, j.open), "", j.length, nil
	case j.open.GetUfsPath() == "" && !j.open.GetBlockInUfsTier():
		return nil, "", 0, errors.Errorf(errors.NotFound, "Block %d is on no worker that was named, and its file is not in an under store.", j.id)
	}
	b, err := w.locate(ctx, j.id, j.open, false)
	if err != nil {
		return nil, "", 0, err
	}
	if elsewhere {
		return w.remoteSource(j.host, j.port, j.id, b.length, j.open), b.fingerprint, b.length, nil
	}
	return b, b.fingerprint, b.length, nil
}

// copy copies a block that exists only on workers.
func (c *cacher) copy(ctx context.Context, j *cacheJob, src store.Source) error {
	r, err := src.Open(ctx, 0, j.length)
	if err != nil {
		return err
	}
	defer r.Close()
	writer, err := c.w.create(ctx, j.id, store.CreateOptions{Reserve: j.length})
	if err != nil {
		return ignoreExists(err)
	}
	page := rpc.NewPage(rpc.ChunkBytes)
	defer rpc.FreePage(page)
	n, err := copyTo(writer, r, *page)
	if err == nil && n != j.length {
		err = errors.Errorf(errors.Unavailable, "Block %d ended after %d of %d bytes.", j.id, n, j.length)
	}
	if err != nil {
		writer.Abort()
		return err
	}
	return ignoreExists(c.w.commitWritten(ctx, writer))
}

func ignoreExists(err error) error {
	if errors.Is(err, errors.Exists) {
		return nil
	}
	return err
}

// Cache implements the BlockWorker service.
func (s *service) Cache(ctx context.Context, req *blockpb.CacheRequest) (*blockpb.CacheResponse, error) {
	j := &cacheJob{id: blockid.ID(req.GetBlockId()), length: req.GetLength(), host: req.GetSourceHost(), port: req.GetSourcePort(),
		open: req.GetOpenUfsBlockOptions()}
	if !j.id.Valid() || j.length < 0 {
		return nil, errors.Errorf(errors.Invalid, "Block %d of %d bytes cannot be cached.", j.id, j.length)
	}
	if req.GetAsync() {
		s.w.m.cacheAsync.Inc()
		s.w.cacher.later(j)
		return &blockpb.CacheResponse{}, nil
	}
	s.w.m.cacheSync.Inc()
	return &blockpb.CacheResponse{}, s.w.cacher.cache(ctx, j)
}

// AsyncCache implements the BlockWorker service.
func (s *service) AsyncCache(_ context.Context, req *blockpb.AsyncCacheRequest) (*blockpb.AsyncCacheResponse, error) {
	s.w.m.cacheAsync.Inc()
	s.w.cacher.later(&cacheJob{id: blockid.ID(req.GetBlockId()), length: req.GetLength(), host: req.GetSourceHost(), port: req.GetSourcePort(), open: req.GetOpenUfsBlockOptions()})
	return &blockpb.AsyncCacheResponse{}, nil
}

// loadWidth is how many blocks one Load request brings in at a time.
const loadWidth = 8

// Load implements the BlockWorker service: it brings blocks in from below and
// reports on each.
func (s *service) Load(ctx context.Context, req *blockpb.LoadRequest) (*blockpb.LoadResponse, error) {
	errs := make([]error, len(req.GetBlocks()))
	var g errgroup.Group
	g.SetLimit(loadWidth)
	for i, b := range req.GetBlocks() {
		g.Go(func() error {
			errs[i] = s.w.cacher.cache(ctx, &cacheJob{id: blockid.ID(b.GetBlockId()), length: b.GetLength(),
				open: &dataserverpb.OpenUfsBlockOptions{UfsPath: b.UfsPath, OffsetInFile: b.OffsetInFile, BlockSize: b.Length, MountId: b.MountId}})
			return nil
		})
	}
	_ = g.Wait()
	resp := &blockpb.LoadResponse{}
	for i, b := range req.GetBlocks() {
		err := errs[i]
		if err == nil {
			continue
		}
		code, msg := int32(rpc.Code(errors.KindOf(err))), err.Error()
		retry := code == int32(codes.Unavailable) || code == int32(codes.ResourceExhausted)
		resp.BlockStatus = append(resp.BlockStatus, &blockpb.BlockStatus{Block: b, Code: &code, Message: &msg, Retryable: &retry})
	}
	status := blockpb.TaskStatus_SUCCESS
	switch len(resp.BlockStatus) {
	case 0:
	case len(errs):
		status = blockpb.TaskStatus_FAILURE
	default:
		status = blockpb.TaskStatus_PARTIAL_FAILURE
	}
	resp.Status = &status
	return resp, nil
}
