package client

import (
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/client/pagecache"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/dataserverpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

// Reader reads a file. It implements io.ReadSeekCloser, io.ReaderAt and
// io.WriterTo. Only ReadAt may be called concurrently.
type Reader struct {
	c    *Client
	s    *session
	info *FileInfo
	conf readConfig
	pick *picker
	near localBlocks
	hint cacheHints

	cached *pagecache.Reader // nil without a page cache
	until  int64             // place not to read ahead of; 0 for none

	ctx    context.Context
	cancel context.CancelFunc

	pos     int64
	current *stretch // what Read reads from, nil when it has to be opened
	pace    pace
	distant bool           // the worker's files cannot be read, or are not good
	closing sync.WaitGroup // of stretches that were read to their end
	trouble outage
	closed  bool
}

// readConfig is what the configuration says about reading.
type readConfig struct {
	readType     ReadType
	chunk        int64
	seekSkip     int64 // shorter seeks forward read on instead of asking anew
	pread        int64 // ReadAt calls shorter than this are positioned in the store too
	timeout      time.Duration
	retry        time.Duration
	shortCircuit bool
	preferShort  bool // also when the worker has a unix socket
	passive      bool
	concurrency  int
}

func newReadConfig(conf *config.Config, o OpenOptions) readConfig {
	r := readConfig{
		readType:     o.ReadType,
		chunk:        conf.Bytes(config.UserStreamingReaderChunkSizeBytes),
		pread:        conf.Bytes(config.UserFileSequentialPreadThreshold),
		timeout:      conf.Duration(config.UserStreamingDataReadTimeout),
		retry:        conf.Duration(config.UserBlockReadRetryMaxDuration),
		shortCircuit: conf.Bool(config.UserShortCircuitEnabled),
		preferShort:  conf.Bool(config.UserShortCircuitPreferred),
		passive:      conf.Bool(config.UserFilePassiveCacheEnabled),
		concurrency:  conf.Int(config.UserUFSBlockReadConcurrencyMax),
	}
	if r.readType == "" {
		r.readType = ReadType(conf.Enum(config.UserFileReadtypeDefault))
	}
	r.seekSkip = r.chunk
	return r
}

// stretch is an open blockReader with its place in the file.
type stretch struct {
	blockReader
	index  int // of the block
	source source
	pos    int64 // in the file, after what was read
	end    int64
}

// Open opens a file for reading.
func (c *Client) Open(ctx context.Context, path string, o OpenOptions) (*Reader, error) {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return nil, err
	}
	info, err := c.getStatus(ctx, path, &filepb.GetStatusPOptions{
		LoadMetadataType: LoadMetadata("").proto(conf),
		CommonOptions:    common(conf, o.Sync),
		AccessMode:       grpcpb.Bits_READ.Enum(),
		UpdateTimestamps: new(!o.KeepAccessTime && !conf.Bool(config.UserUpdateFileAccesstimeDisabled)),
	})
	if err != nil {
		return nil, err
	}
	return c.open(ctx, conf, info, o)
}

func (c *Client) open(ctx context.Context, conf *config.Config, info *FileInfo, o OpenOptions) (*Reader, error) {
	switch {
	case info.Folder:
		return nil, errors.Errorf(errors.Invalid, "Cannot read from %s because it is a directory.", info.Path)
	case !info.Completed:
		return nil, errors.Errorf(errors.FailedPrecondition, "Cannot read from %s because it is incomplete. "+
			"Wait for the file to be marked as complete by the writing thread or application.", info.Path)
	case info.BlockSize <= 0 && info.Length > 0:
		return nil, errors.Errorf(errors.Internal, "Cannot read from %s: the master reports a block size of %d", info.Path, info.BlockSize)
	}
	s, err := c.session(ctx)
	if err != nil {
		return nil, err
	}
	class := o.LocationPolicy
	if class == "" {
		class = conf.Class(config.UserUFSBlockReadLocationPolicy)
	}
	policy, err := newPolicy(class, conf, s.workers)
	if err != nil {
		return nil, err
	}
	r := &Reader{c: c, s: s, info: info, conf: newReadConfig(conf, o), pick: newPicker(s, info, policy)}
	r.ctx, r.cancel = context.WithCancel(ctx)
	r.near.open = r.openFile
	if err := r.useCache(); err != nil {
		r.cancel()
		return nil, err
	}
	return r, nil
}

// Info returns the file as it was when it was opened.
func (r *Reader) Info() *FileInfo { return r.info }

// Read reads the next bytes.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.cached != nil {
		return r.readCached(p)
	}
	r.pace.wants(r.pos, len(p))
	for {
		st, err := r.at(r.pos)
		if err != nil {
			return 0, err
		}
		n, err := st.Read(p)
		r.advance(st, int64(n))
		if n > 0 {
			return n, nil
		}
		if err = r.failed(st, err); err != nil {
			return 0, err
		}
	}
}

// WriteTo writes the rest of the file to w.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	if r.cached != nil {
		return r.writeCachedTo(w)
	}
	begin := r.pos
	r.pace.wantsAll()
	for {
		st, err := r.at(r.pos)
		if err == io.EOF {
			return r.pos - begin, nil
		}
		if err != nil {
			return r.pos - begin, err
		}
		sink := sink{w: w}
		_, err = st.WriteTo(&sink)
		r.advance(st, sink.n)
		if sink.err != nil {
			r.leave() // it is ahead of what w took
			return r.pos - begin, sink.err
		}
		if r.current == nil {
			continue // the stretch is finished
		}
		if err = r.failed(st, err); err != nil {
			return r.pos - begin, err
		}
	}
}

// sink tells failures of a writer from those of the reader it is fed from.
type sink struct {
	w   io.Writer
	n   int64
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.n += int64(n)
	s.err = err
	return n, err
}

// Seek moves the place of the next Read.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.info.Length
	}
	if offset < 0 {
		return 0, &fs.PathError{Op: "seek", Path: r.info.Path, Err: fs.ErrInvalid}
	}
	r.pos = offset
	return offset, nil
}

// Close ends reading. It does not wait for calls of ReadAt.
func (r *Reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	if r.cached != nil {
		_ = r.cached.Close()
	}
	r.leave()
	r.closing.Wait()
	r.near.close()
	r.cancel()
	return nil
}

// at returns a stretch to read from the place on, opening one if the current one
// is elsewhere. At the end of the file it returns io.EOF.
func (r *Reader) at(pos int64) (*stretch, error) {
	if r.closed {
		return nil, &fs.PathError{Op: "read", Path: r.info.Path, Err: fs.ErrClosed}
	}
	if pos >= r.info.Length {
		return nil, io.EOF
	}
	if r.current != nil && !r.skipTo(pos) {
		r.leave()
	}
	for r.current == nil {
		st, err := r.openStretch(pos)
		if err == nil {
			r.current = st
			break
		}
		if err = r.trouble.another(r.ctx, r, err); err != nil {
			return nil, err
		}
	}
	return r.current, nil
}

// skipTo brings the current stretch to a place if that is in or just ahead of it.
func (r *Reader) skipTo(pos int64) bool {
	st := r.current
	gap := pos - st.pos
	if gap == 0 {
		return true
	}
	if local, ok := st.blockReader.(*localStretch); ok && local.seek(gap) {
		st.pos = pos
		return true
	}
	if gap < 0 || gap > r.conf.seekSkip || pos >= st.end {
		return false
	}
	n, err := io.CopyN(io.Discard, readerOnly{st}, gap)
	st.pos += n
	return err == nil
}

// advance counts what was read and leaves a stretch that is finished.
func (r *Reader) advance(st *stretch, n int64) {
	if n <= 0 {
		return
	}
	st.pos += n
	r.pos += n
	r.pace.read(r.pos, n)
	r.trouble = outage{}
	if st.pos == st.end {
		r.leave()
	}
}

// leave closes the current stretch. The worker of one that was read to its end may
// still be about to keep the block: Close waits for it, reading does not.
func (r *Reader) leave() {
	if r.current == nil {
		return
	}
	st := r.current
	r.current = nil
	end := func() {
		st.Close()
		r.hint.after(r, st.index, st.source)
	}
	if st.pos == st.end && st.pos < r.info.Length && r.ctx.Err() == nil {
		r.closing.Go(end)
		return
	}
	end()
}

// failed deals with an error of a stretch: nil means that reading may go on from
// the same place, elsewhere.
func (r *Reader) failed(st *stretch, err error) error {
	r.current = nil
	st.Close()
	if local, ok := st.blockReader.(*localStretch); ok {
		r.avoidFile(local.block.id, err)
		return nil
	}
	if remote, ok := st.blockReader.(*remoteBlock); ok && remote.kept.failed {
		r.c.opts.Logger.Info("what a worker of this machine caches cannot be read in place; it sends it", "path", r.info.Path, "err", err)
		r.distant = true
		return nil
	}
	if endsEarly(err) {
		return r.changed(st.pos)
	}
	r.noteFailure(st.source.worker, err)
	return r.trouble.another(r.ctx, r, err)
}

// noteFailure remembers a worker as one to avoid, unless the reader itself gave
// up.
func (r *Reader) noteFailure(w WorkerAddress, err error) {
	if r.ctx.Err() != nil {
		return
	}
	r.c.opts.Logger.Warn("read failed; trying elsewhere", "path", r.info.Path, "worker", w.String(), "err", err)
	r.pick.markFailed(w)
	r.s.workers.forget()
}

// endsEarly reports whether the end of a read, before all that was asked for was
// there, means that the file is not what the master thinks it is.
func endsEarly(err error) bool {
	return err == nil || err == io.EOF || err == io.ErrUnexpectedEOF ||
		errors.Is(err, errors.OutOfRange) || errors.Is(err, errors.Aborted)
}

// changed is the error for a file that is found to differ from what the master
// says. The master is made to look at it again.
func (r *Reader) changed(at int64) error {
	_, err := r.c.Stat(r.ctx, r.info.Path, StatOptions{Sync: new(time.Duration(0)), KeepAccessTime: true})
	if err != nil {
		r.c.opts.Logger.Warn("metadata of a changed file not refreshed", "path", r.info.Path, "err", err)
	}
	return errors.Errorf(errors.OutOfRange, "%s: the data ends at or after byte %d although the file should have %d bytes; "+
		"it was changed in the store since it was opened. Open it again.", r.info.Path, at, r.info.Length)
}

// block returns the block with an index and its length.
func (r *Reader) block(index int) (FileBlock, int64, error) {
	if index >= len(r.info.Blocks) {
		return FileBlock{}, 0, errors.Errorf(errors.Internal, "No BlockInfo for block %d of %s", index, r.info.Path)
	}
	begin := int64(index) * r.info.BlockSize
	return r.info.Blocks[index], min(r.info.BlockSize, r.info.Length-begin), nil
}

// openStretch opens the block at a place of the file, from there to its end or as
// far as the reader is likely to go.
func (r *Reader) openStretch(pos int64) (*stretch, error) {
	index := int(pos / r.info.BlockSize)
	b, length, err := r.block(index)
	if err != nil {
		return nil, err
	}
	src, err := r.pick.source(r.ctx, b, length)
	if err != nil {
		return nil, err
	}
	off := pos - int64(index)*r.info.BlockSize
	n := length - off
	if pos < r.until {
		n = min(n, r.until-pos)
	}
	if !r.direct(src) {
		n = min(n, r.pace.stretch())
	}
	br, err := r.openBlock(b, index, src, off, n, length, r.pace.intent(n, r.conf.pread))
	if err != nil {
		r.noteFailure(src.worker, err)
		return nil, err
	}
	return &stretch{blockReader: br, index: index, source: src, pos: pos, end: pos + n}, nil
}

// openBlock opens n bytes of a block, from its file when that is on this machine.
// Whatever prevents that, the worker can still send them.
func (r *Reader) openBlock(b FileBlock, index int, src source, off, n, length int64, why intent) (blockReader, error) {
	if open := r.openNear(src, b, length); open != nil {
		var next func()
		if index+1 < len(r.info.Blocks) {
			next = func() { r.prepare(index + 1) }
		}
		return newLocalStretch(open, off, n, next), nil
	}
	req := &blockpb.ReadRequest{
		BlockId: &b.ID, Offset: &off, Length: &n, ChunkSize: &r.conf.chunk,
		OpenUfsBlockOptions: r.ufsOptions(index, length),
	}
	if r.conf.readType == CachePromote {
		req.Promote = new(true)
	}
	switch why {
	case readShort:
		req.PositionShort = new(true)
	case readAll:
		req.ReadsAll = new(true)
	}
	if r.takesKept(src, n) {
		req.InPlace = new(true)
	}
	return openRemote(r.ctx, r.s.worker(src.worker), req, keptChunk{length: length, usage: r.s.usage}, r.conf.timeout)
}

// minKept is the least number of bytes of a cold block that are taken from its file: of
// fewer the sending costs less.
const minKept = 4 << 20

// takesKept reports whether n bytes that a worker has to fetch are read in place as they
// come: by who goes through the file on the worker's machine. Sending a byte costs client
// and worker twice that.
func (r *Reader) takesKept(src source, n int64) bool {
	return src.kind == fromUFS && n >= minKept && !r.distant && r.conf.readType != NoCache && r.pace.scans(r.info.BlockSize) &&
		r.s.workers.local(src.worker) && r.direct(source{src.worker, fromLocal})
}

// direct reports whether a source is to be read through its file.
func (r *Reader) direct(src source) bool {
	return src.kind == fromLocal && r.conf.shortCircuit && (src.worker.DomainSocketPath == "" || r.conf.preferShort)
}

// openNear returns a block whose file can be read in place, else nil. The caller
// releases it.
func (r *Reader) openNear(src source, b FileBlock, length int64) *sharedBlock {
	if !r.direct(src) {
		return nil
	}
	open, err := r.near.take(r.ctx, src, b, length)
	if err != nil {
		r.c.opts.Logger.Debug("block file not readable directly", "block", b.ID, "err", err)
		return nil
	}
	return open
}

// openFile opens a block's file by way of its worker.
func (r *Reader) openFile(ctx context.Context, src source, b FileBlock, length int64) (*localBlock, error) {
	open, err := openLocal(ctx, &r.c.inPlace, r.s.worker(src.worker), b.ID, length, r.conf.readType == CachePromote, r.conf.timeout)
	if err == nil {
		open.usage = r.s.usage
	}
	return open, err
}

// prepare opens the file of a block that is about to be read.
func (r *Reader) prepare(index int) {
	b, length, err := r.block(index)
	if err != nil {
		return // there is none
	}
	if src, err := r.pick.source(r.ctx, b, length); err == nil {
		if open := r.openNear(src, b, length); open != nil {
			open.release()
		}
	}
}

// avoidFile makes a block be read through its worker from now on.
func (r *Reader) avoidFile(id int64, err error) {
	if r.ctx.Err() == nil {
		r.c.opts.Logger.Warn("a block file is not good; reading it through the worker", "path", r.info.Path, "block", id, "err", err)
	}
	r.near.avoid(id)
}

// ufsOptions tell a worker that has not cached a block where to find it.
func (r *Reader) ufsOptions(index int, length int64) *dataserverpb.OpenUfsBlockOptions {
	if !r.pick.reachesUFS() {
		return &dataserverpb.OpenUfsBlockOptions{}
	}
	o := &dataserverpb.OpenUfsBlockOptions{
		BlockSize: &length, MaxUfsReadConcurrency: new(int32(r.conf.concurrency)),
		MountId: &r.info.MountID, NoCache: new(r.conf.readType == NoCache),
	}
	if r.info.Persisted {
		o.UfsPath = &r.info.UFSPath
		if r.info.ticket != nil {
			o.Ticket, o.UfsFingerprint, o.FileLength = r.info.ticket, &r.info.UFSFingerprint, &r.info.Length
		}
		o.OffsetInFile = new(int64(index) * r.info.BlockSize)
	} else {
		o.BlockInUfsTier = new(true)
		o.OffsetInFile = new(int64(0))
	}
	return o
}

// outage counts failures in a row.
type outage struct {
	since    time.Time
	attempts int
}

// Pauses between attempts to read.
const (
	readRetryBase = 250 * time.Millisecond
	readRetryMax  = 2 * time.Second
)

// another returns nil, after a pause, if reading should be tried again, else the
// error to report. Errors that no other worker will mend are final once all have
// been asked.
func (o *outage) another(ctx context.Context, r *Reader, err error) error {
	if ctx.Err() != nil {
		return errors.E("read", r.info.Path, errors.Other, ctx.Err())
	}
	if o.attempts == 0 {
		o.since = time.Now()
	}
	o.attempts++
	if o.attempts == 1 {
		return nil
	}
	if !passing(err) && o.attempts > r.pick.candidates() || time.Since(o.since) > r.retryBudget(err) {
		return errors.E("read", r.info.Path, errors.Other, err)
	}
	pause := min(readRetryBase<<min(o.attempts-2, 10), readRetryMax)
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errors.E("read", r.info.Path, errors.KindOf(ctx.Err()), fmt.Errorf("%w after: %v", ctx.Err(), err))
	}
}

// lostRetry is how long to wait for a worker to come back with a block that the
// master knows nobody else to have. Workers register within seconds.
const lostRetry = 30 * time.Second

// retryBudget returns how long reading may be tried in spite of an error.
func (r *Reader) retryBudget(err error) time.Duration {
	if lost := noCopyError(0); stderrors.As(err, &lost) {
		return min(lostRetry, r.conf.retry)
	}
	return r.conf.retry
}

// passing reports whether waiting may mend an error.
func passing(err error) bool {
	switch errors.KindOf(err) {
	case errors.Unavailable, errors.Cancelled, errors.Timeout, errors.NoSpace, errors.Unauthenticated:
		return true
	}
	return false
}
