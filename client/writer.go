package client

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/dataserverpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
)

// Writer writes a new file. Nobody can read it before Close has returned nil.
// Exactly one of Close and Abort ends a Writer; Close of one that failed aborts.
// A Writer must not be used concurrently.
type Writer struct {
	c      *Client
	s      *session
	info   *FileInfo
	conf   writeConfig
	policy locationPolicy
	common *filepb.FileSystemMasterCommonPOptions

	ctx    context.Context
	cancel context.CancelFunc

	pos    int64
	block  []target // the copies of the block being written; none between blocks
	filled int64    // bytes in that block
	blocks int      // blocks begun

	container blockid.Container // of the blocks
	granted   int               // block ids the master has given
	dead      []WorkerAddress   // workers that did not answer
	store     target            // the file in the under store, nil if that is not written
	cached    bool              // blocks are (still) written
	failed    error             // why nothing more can be written
	closed    bool
}

// writeConfig is what options and configuration say about writing.
type writeConfig struct {
	writeType    WriteType
	blockSize    int64
	chunk        int64
	reserve      int64
	tier         int32
	medium       string
	copies       int
	persistDelay time.Duration
	shortCircuit bool
	preferShort  bool
	sendTimeout  time.Duration
	flushTimeout time.Duration
	closeTimeout time.Duration
}

func newWriteConfig(conf *config.Config, o CreateOptions) writeConfig {
	w := writeConfig{
		writeType:    o.WriteType.orDefault(conf),
		blockSize:    cmp.Or(o.BlockSize, conf.Bytes(config.UserBlockSizeBytesDefault)),
		chunk:        conf.Bytes(config.UserStreamingWriterChunkSizeBytes),
		tier:         int32(conf.Int(config.UserFileWriteTierDefault)),
		medium:       o.Medium,
		persistDelay: conf.Duration(config.UserFilePersistenceInitialWaitTime),
		shortCircuit: conf.Bool(config.UserShortCircuitEnabled),
		preferShort:  conf.Bool(config.UserShortCircuitPreferred),
		sendTimeout:  conf.Duration(config.UserStreamingDataWriteTimeout),
		flushTimeout: conf.Duration(config.UserStreamingWriterFlushTimeout),
		closeTimeout: conf.Duration(config.UserStreamingWriterCloseTimeout),
	}
	w.reserve = min(w.blockSize, conf.Bytes(config.UserFileReservedBytes))
	if o.Tier != nil {
		w.tier = int32(*o.Tier)
	}
	if w.medium == "" {
		w.medium = conf.String(config.UserFileTargetMedia)
	}
	if o.PersistDelay != nil {
		w.persistDelay = *o.PersistDelay
	}
	w.copies = max(1, cmp.Or(o.ReplicationMin, conf.Int(config.UserFileReplicationMin)))
	if w.writeType == AsyncThrough {
		w.copies = max(w.copies, cmp.Or(o.ReplicationDurable, conf.Int(config.UserFileReplicationDurable)))
	}
	return w
}

// Create makes a file and opens it for writing. The path must not exist.
func (c *Client) Create(ctx context.Context, path string, o CreateOptions) (*Writer, error) {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return nil, err
	}
	s, err := c.session(ctx)
	if err != nil {
		return nil, err
	}
	class := o.LocationPolicy
	if class == "" {
		class = conf.Class(config.UserBlockWriteLocationPolicyClass)
	}
	policy, err := newPolicy(class, conf, s.workers)
	if err != nil {
		return nil, err
	}
	w := &Writer{c: c, s: s, conf: newWriteConfig(conf, o), policy: policy, common: common(conf, nil)}
	w.cached = w.conf.writeType.cached()
	if w.info, err = c.createFile(ctx, path, conf, &w.conf, o); err != nil {
		return nil, err
	}
	w.ctx, w.cancel = context.WithCancel(ctx)
	if w.conf.writeType.through() {
		if w.store, err = w.openStore(); err != nil {
			w.Abort()
			return nil, err
		}
	}
	return w, nil
}

func (c *Client) createFile(ctx context.Context, path string, conf *config.Config, wc *writeConfig, o CreateOptions) (*FileInfo, error) {
	durable := 1
	if wc.writeType == AsyncThrough {
		durable = cmp.Or(o.ReplicationDurable, conf.Int(config.UserFileReplicationDurable))
	}
	req := &filepb.CreateFilePRequest{Path: &path, Options: &filepb.CreateFilePOptions{
		BlockSizeBytes:      &wc.blockSize,
		Recursive:           &o.Recursive,
		Mode:                o.Mode.masked(conf, 0o666),
		ReplicationMax:      new(int32(cmp.Or(o.ReplicationMax, conf.Int(config.UserFileReplicationMax)))),
		ReplicationMin:      new(int32(cmp.Or(o.ReplicationMin, conf.Int(config.UserFileReplicationMin)))),
		ReplicationDurable:  new(int32(durable)),
		WriteTier:           &wc.tier,
		WriteType:           wc.writeType.proto(),
		PersistenceWaitTime: new(millis(wc.persistDelay)),
		CommonOptions:       changing(withTTL(common(conf, nil), conf, o.TTL, o.TTLAction)),
		Xattr:               o.Xattr,
	}}
	var info *FileInfo
	err := c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.CreateFile(ctx, req)
		info = fileInfo(resp.GetFileInfo())
		return err
	})
	if err == nil && info.BlockSize > 0 {
		wc.blockSize = info.BlockSize
	}
	return info, err
}

// Info returns the file as it was when it was created.
func (w *Writer) Info() *FileInfo { return w.info }

// Write appends to the file.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.usable("write"); err != nil {
		return 0, err
	}
	if w.cached {
		if err := w.writeBlocks(p); err != nil {
			if err = w.cacheFailed(err); err != nil {
				return 0, err
			}
		}
	}
	if w.store != nil {
		if err := w.store.write(p); err != nil {
			return 0, w.fail(errors.E("write", w.info.Path, errors.Other, err))
		}
	}
	w.pos += int64(len(p))
	return len(p), nil
}

// ReadFrom appends everything that r has.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	page := rpc.NewPage(rpc.ChunkBytes)
	defer rpc.FreePage(page)
	return io.CopyBuffer(struct{ io.Writer }{w}, readerOnly{r}, *page)
}

// usable returns why the Writer cannot go on.
func (w *Writer) usable(op string) error {
	if w.closed {
		return &fs.PathError{Op: op, Path: w.info.Path, Err: fs.ErrClosed}
	}
	return w.failed
}

// fail makes every later call fail too.
func (w *Writer) fail(err error) error {
	w.failed = err
	return err
}

// writeBlocks spreads p over the blocks it belongs to.
func (w *Writer) writeBlocks(p []byte) error {
	for len(p) > 0 {
		if w.block == nil {
			if err := w.openBlock(); err != nil {
				return err
			}
		}
		n := min(int64(len(p)), w.conf.blockSize-w.filled)
		for _, t := range w.block {
			if err := t.write(p[:n]); err != nil {
				return err
			}
		}
		w.filled += n
		p = p[n:]
		if w.filled == w.conf.blockSize {
			if err := w.commitBlock(); err != nil {
				return err
			}
		}
	}
	return nil
}

// cacheFailed deals with an error of the cache: a file that is written to the
// under store too does without it from now on.
func (w *Writer) cacheFailed(err error) error {
	w.abortBlock()
	err = errors.E("", "", errors.KindOf(err), errors.Errorf(errors.Other, "Failed to cache: %w", err))
	if w.store == nil || w.ctx.Err() != nil {
		return w.fail(err)
	}
	w.c.opts.Logger.Warn("file is written to the store only", "path", w.info.Path, "err", err)
	w.cached = false
	return nil
}

// commitBlock finishes the block at hand: its copies are durable and known to the
// master afterwards, and the worker is rid of it.
func (w *Writer) commitBlock() error {
	for len(w.block) > 0 {
		t := w.block[0]
		w.block = w.block[1:]
		if err := t.commit(); err != nil {
			return err
		}
	}
	w.block, w.filled = nil, 0
	return nil
}

func (w *Writer) abortBlock() {
	for _, t := range w.block {
		t.abort()
	}
	w.block, w.filled = nil, 0
}

// Flush returns when the workers have everything that was written. It is not yet
// visible to others.
func (w *Writer) Flush() error {
	if err := w.usable("flush"); err != nil {
		return err
	}
	for _, t := range w.block {
		if err := t.flush(); err != nil {
			if err = w.cacheFailed(err); err != nil {
				return err
			}
			break
		}
	}
	if w.store == nil {
		return nil
	}
	if err := w.store.flush(); err != nil {
		return w.fail(errors.E("flush", w.info.Path, errors.Other, err))
	}
	return nil
}

// Close completes the file. When it returns nil the file is visible and as
// durable as its write type promises; when it fails the file is gone.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	err := w.failed
	if err == nil {
		err = w.finish()
	}
	if err != nil {
		w.Abort()
		return err
	}
	w.closed = true
	w.cancel()
	return nil
}

// finish commits what is written and tells the master.
func (w *Writer) finish() error {
	if err := w.commitBlock(); err != nil {
		if err = w.cacheFailed(err); err != nil {
			return err
		}
	}
	if w.store != nil {
		store := w.store
		w.store = nil
		if err := store.commit(); err != nil {
			return errors.E("complete", w.info.Path, errors.Other, err)
		}
	}
	return w.completeFile()
}

func (w *Writer) completeFile() error {
	o := &filepb.CompleteFilePOptions{CommonOptions: changing(&filepb.FileSystemMasterCommonPOptions{})}
	switch {
	case w.conf.writeType.through():
		o.UfsLength = &w.pos
	case w.conf.writeType == AsyncThrough && w.conf.persistDelay >= 0:
		o.AsyncPersistOptions = &filepb.ScheduleAsyncPersistencePOptions{
			CommonOptions: w.common, PersistenceWaitTime: new(millis(w.conf.persistDelay)),
		}
	}
	return w.c.files(w.ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.CompleteFile(ctx, &filepb.CompleteFilePRequest{Path: &w.info.Path, Options: o})
		return err
	})
}

// abortWait bounds the removal of an incomplete file.
const abortWait = 10 * time.Second

// Abort drops everything that was written and removes the file. It does nothing
// after Close or Abort.
func (w *Writer) Abort() {
	if w.closed {
		return
	}
	w.closed = true
	w.abortBlock()
	if w.store != nil {
		w.store.abort()
		w.store = nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), abortWait)
	defer cancel()
	defer w.cancel()
	if err := w.c.Delete(ctx, w.info.Path, DeleteOptions{Unchecked: true}); err != nil && !errors.Is(err, errors.NotFound) {
		w.c.opts.Logger.Warn("incomplete file not removed", "path", w.info.Path, "err", err)
	}
}

// openStore opens the file in the under store through a worker.
func (w *Writer) openStore() (target, error) {
	cmd := &blockpb.WriteRequestCommand{
		Type: blockpb.RequestType_UFS_FILE.Enum(), Id: new(int64(-1)), Tier: &w.conf.tier,
		CreateUfsFileOptions: &dataserverpb.CreateUfsFileOptions{
			UfsPath: &w.info.UFSPath, MountId: &w.info.MountID,
			Owner: &w.info.Owner, Group: &w.info.Group, Mode: new(int32(w.info.Mode)),
		},
	}
	opened, err := w.openOn(0, 0, 1, func(worker WorkerAddress) (target, error) {
		return openTarget(w.ctx, w.s, worker, cmd, &w.conf)
	})
	if err != nil {
		return nil, err
	}
	return opened[0], nil
}

// openBlock begins the next block with all its copies.
func (w *Writer) openBlock() (err error) {
	id, err := w.newBlockID()
	if err != nil {
		return err
	}
	w.block, err = w.openOn(id, w.conf.blockSize, w.conf.copies, func(worker WorkerAddress) (target, error) {
		return w.openCopy(id, worker)
	})
	return err
}

// openOn opens as many copies as asked for, each on a worker of its own that can
// hold size bytes. Workers that do not answer are left out, in this file for
// good. On failure nothing is open.
func (w *Writer) openOn(block, size int64, copies int, open func(WorkerAddress) (target, error)) ([]target, error) {
	var opened []target
	var used []WorkerAddress
	var failure error
	for len(opened) < copies {
		worker, err := w.chooseWorker(block, size, used)
		if err == nil {
			var t target
			if t, err = open(worker); err == nil {
				opened, used = append(opened, t), append(used, worker)
				continue
			}
			w.c.opts.Logger.Warn("worker cannot be written to; trying another", "path", w.info.Path, "worker", worker.String(), "err", err)
			w.dead, failure = append(w.dead, worker), err
			if w.ctx.Err() == nil {
				continue
			}
		}
		for _, t := range opened {
			t.abort()
		}
		if failure != nil {
			return nil, failure
		}
		return nil, err
	}
	return opened, nil
}

// chooseWorker returns a worker for one more copy, on another host than those
// used if there is one.
func (w *Writer) chooseWorker(block, size int64, used []WorkerAddress) (WorkerAddress, error) {
	workers, err := w.s.workers.all(w.ctx)
	if err != nil {
		return WorkerAddress{}, err
	}
	left := fitting(workers, func(c WorkerInfo) bool {
		return !slices.ContainsFunc(used, c.Address.Equal) && !slices.ContainsFunc(w.dead, c.Address.Equal)
	})
	elsewhere := fitting(left, func(c WorkerInfo) bool {
		return !slices.ContainsFunc(used, func(a WorkerAddress) bool { return a.Host == c.Address.Host })
	})
	for _, candidates := range [][]WorkerInfo{elsewhere, left} {
		if worker, ok := w.policy.choose(candidates, block, size); ok {
			return worker.Address, nil
		}
	}
	if size == 0 { // nothing is to be kept: a worker whose storage has failed will do
		if worker, ok := w.s.workers.nearestWorker(left); ok {
			return worker.Address, nil
		}
	}
	if size == 0 || len(used) == 0 {
		return WorkerAddress{}, errors.Errorf(errors.Unavailable, "There is no worker with enough space for a new block of size %d", size)
	}
	return WorkerAddress{}, errors.Errorf(errors.NoSpace, "Not enough workers for replications, %d workers selected but %d required", len(used), w.conf.copies)
}

// newBlockID returns the id of the next block, asking the master for one unless
// it has given more than were used: a request whose answer was lost and that was
// repeated makes it count on.
func (w *Writer) newBlockID() (int64, error) {
	if w.blocks == w.granted {
		last, err := w.requestBlockID()
		if err != nil {
			return 0, err
		}
		if last.Sequence() < w.blocks {
			return 0, errors.Errorf(errors.Internal, "the master gave block %d of %s a second time", last.Sequence(), w.info.Path)
		}
		w.container, w.granted = last.Container(), last.Sequence()+1
	}
	id := w.container.Block(w.blocks)
	w.blocks++
	return int64(id), nil
}

func (w *Writer) requestBlockID() (blockid.ID, error) {
	req := &filepb.GetNewBlockIdForFilePRequest{Path: &w.info.Path, Options: &filepb.GetNewBlockIdForFilePOptions{
		CommonOptions: changing(&filepb.FileSystemMasterCommonPOptions{}),
	}}
	var id blockid.ID
	err := w.c.files(w.ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.GetNewBlockIdForFile(ctx, req)
		id = blockid.ID(resp.GetId())
		return err
	})
	return id, err
}

// openCopy begins one copy of a block, as a file on this machine if possible.
func (w *Writer) openCopy(id int64, worker WorkerAddress) (target, error) {
	pin := w.conf.writeType == AsyncThrough
	if w.direct(worker) {
		t, err := openLocalTarget(w.ctx, w.s, worker, &blockpb.CreateLocalBlockRequest{
			BlockId: &id, Tier: &w.conf.tier, SpaceToReserve: &w.conf.reserve, MediumType: &w.conf.medium,
			PinOnCreate: &pin, CleanupOnFailure: new(true),
		}, &w.conf)
		if err == nil || errors.Is(err, errors.NoSpace) {
			return t, err
		}
		w.c.opts.Logger.Debug("block file not writable directly", "block", id, "err", err)
	}
	return openTarget(w.ctx, w.s, worker, &blockpb.WriteRequestCommand{
		Type: blockpb.RequestType_ALLUXIO_BLOCK.Enum(), Id: &id, Tier: &w.conf.tier, MediumType: &w.conf.medium,
		PinOnCreate: &pin, SpaceToReserve: &w.conf.reserve,
	}, &w.conf)
}

// direct reports whether a block of a worker is to be written through its file.
func (w *Writer) direct(a WorkerAddress) bool {
	return w.conf.shortCircuit && a.Host == w.s.workers.host && (a.DomainSocketPath == "" || w.conf.preferShort)
}
