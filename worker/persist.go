package worker

import (
	"context"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/dataserverpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// persister writes files that the master assigned to this worker to their under
// store, under a temporary name; the master then renames them. A result is
// reported until the master stops asking for it.
type persister struct {
	w    *Worker
	news chan struct{} // there is a result to report
	room *semaphore.Weighted
	mu   struct {
		sync.Mutex
		running map[blockid.FileID]bool
		done    map[blockid.FileID]written
	}
}

// written is a file that lies in its under store under its temporary name.
type written struct {
	assignment  int64 // of the master, that asked for it
	fingerprint string
}

const (
	// Small files wait for requests, large ones for the link, and these take
	// memory: up to 64 files are written at a time, and up to 8 large ones.
	persistRoom     = 256 << 20 // bytes
	persistLeast    = 4 << 20   // bytes that any file takes of that
	persistMost     = 32 << 20
	persistWidth    = persistRoom / persistLeast
	persistInterval = time.Second
	// rounds without the master asking for a file after which its result is
	// taken as acknowledged
	persistSilence = 5
)

func newPersister(w *Worker) *persister {
	p := &persister{w: w, news: make(chan struct{}, 1), room: semaphore.NewWeighted(persistRoom)}
	p.mu.running = map[blockid.FileID]bool{}
	p.mu.done = map[blockid.FileID]written{}
	return p
}

// run asks the master for files each second, and when there are results, and
// writes them, until ctx ends.
func (p *persister) run(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(persistWidth)
	silent := map[blockid.FileID]int{}
	p.w.each(ctx, persistInterval, p.news, func() {
		reported, files, err := p.exchange(ctx)
		if err != nil {
			p.w.log.Debug("the list of files to persist could not be fetched", "error", err)
			return
		}
		asked := map[blockid.FileID]bool{}
		for _, f := range files {
			file := blockid.FileID(f.GetFileId())
			asked[file] = true
			if !p.begin(file, f.GetAssignment()) {
				continue
			}
			if !g.TryGo(func() error { p.persist(ctx, f); return nil }) {
				p.end(file, written{})
			}
		}
		p.settle(reported, asked, silent)
	})
	return g.Wait()
}

// exchange reports results and fetches assignments.
func (p *persister) exchange(ctx context.Context) (reported []blockid.FileID, files []*filepb.PersistFile, err error) {
	id := p.w.id.Load()
	req := &filepb.FileSystemHeartbeatPRequest{WorkerId: &id, Options: &filepb.FileSystemHeartbeatPOptions{}}
	p.mu.Lock()
	for file, done := range p.mu.done {
		reported = append(reported, file)
		req.PersistedFiles = append(req.PersistedFiles, int64(file))
		req.Options.PersistedFileFingerprints = append(req.Options.PersistedFileFingerprints, done.fingerprint)
		req.Options.Assignments = append(req.Options.Assignments, done.assignment)
	}
	p.mu.Unlock()
	command, err := p.w.master.fileHeartbeat(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	if command.GetCommandType() != grpcpb.CommandType_Persist {
		return reported, nil, nil
	}
	return reported, command.GetCommandOptions().GetPersistOptions().GetPersistFiles(), nil
}

// settle forgets results that the master has not asked for any more for some
// rounds. Its blocks may then be evicted, if the master says that the file is
// persisted.
func (p *persister) settle(reported []blockid.FileID, asked map[blockid.FileID]bool, silent map[blockid.FileID]int) {
	for _, file := range reported {
		if asked[file] {
			silent[file] = 0
			continue
		}
		if silent[file]++; silent[file] >= persistSilence {
			delete(silent, file)
			p.mu.Lock()
			delete(p.mu.done, file)
			p.mu.Unlock()
		}
	}
}

// begin reports whether the file is to be persisted now. A result that the master
// had no use for, as it asks anew, is forgotten.
func (p *persister) begin(file blockid.FileID, assignment int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if done, ok := p.mu.done[file]; ok && done.assignment == assignment || p.mu.running[file] {
		return false
	}
	delete(p.mu.done, file)
	p.mu.running[file] = true
	return true
}

// end notes the outcome: none when it has to be tried again.
func (p *persister) end(file blockid.FileID, result written) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.running, file)
	if result.fingerprint == "" {
		return
	}
	p.mu.done[file] = result
	select {
	case p.news <- struct{}{}:
	default:
	}
}

func (p *persister) persist(ctx context.Context, f *filepb.PersistFile) {
	file := blockid.FileID(f.GetFileId())
	info, err := p.write(ctx, file, f.GetBlockIds())
	switch {
	case err == nil:
		p.w.m.persisted.Inc()
	case ctx.Err() == nil:
		p.w.log.Warn("a file was not persisted; the master will ask again", "file", file, "error", err)
	}
	p.end(file, written{f.GetAssignment(), info.Fingerprint})
}

// write copies the file to its temporary name in the under store.
func (p *persister) write(ctx context.Context, file blockid.FileID, blocks []int64) (ufs.Info, error) {
	info, err := p.w.master.fileInfo(ctx, file, requestRetry)
	if err != nil {
		return ufs.Info{}, err
	}
	size := min(max(info.GetLength(), persistLeast), persistMost)
	if err := p.room.Acquire(ctx, size); err != nil {
		return ufs.Info{}, err
	}
	defer p.room.Release(size)
	m, err := p.w.mounts.get(ctx, info.GetMountId())
	if err != nil {
		return ufs.Info{}, err
	}
	out, err := m.create(ctx, persistFolder+"/"+strconv.FormatInt(int64(file), 10),
		ufs.CreateOptions{Owner: info.GetOwner(), Group: info.GetGroup(), Mode: uint32(info.GetMode()), SizeHint: info.GetLength()})
	if err != nil {
		return ufs.Info{}, err
	}
	if err := p.copyBlocks(ctx, out, info, blocks); err != nil {
		(&fileSink{w: p.w, writer: out}).abort()
		return ufs.Info{}, err
	}
	written, err := out.Commit(ctx)
	if err != nil {
		return ufs.Info{}, err
	}
	if written.Size != info.GetLength() {
		return ufs.Info{}, errors.Errorf(errors.Internal, "%s was written with %d bytes and has %d.", info.GetPath(), info.GetLength(), written.Size)
	}
	return written, nil
}

// copyBlocks writes the blocks of a file in order.
func (p *persister) copyBlocks(ctx context.Context, out io.Writer, info *filepb.FileInfo, blocks []int64) error {
	page := rpc.NewPage(rpc.ChunkBytes)
	defer rpc.FreePage(page)
	left := info.GetLength()
	for _, id := range blocks {
		n := min(left, info.GetBlockSizeBytes())
		r, err := p.openBlock(ctx, blockid.ID(id), n, info)
		if err != nil {
			return err
		}
		copied, err := copyTo(out, r, *page)
		_ = r.Close()
		if err == nil && copied != n {
			err = errors.Errorf(errors.Unavailable, "Block %d of %s ended after %d of %d bytes.", id, info.GetPath(), copied, n)
		}
		if err != nil {
			return err
		}
		left -= n
	}
	if left != 0 {
		return errors.Errorf(errors.Unavailable, "The blocks of %s miss its last %d bytes.", info.GetPath(), left)
	}
	return nil
}

// openBlock reads a block from the own store, else from a worker that has it, else
// from where it was spilled.
func (p *persister) openBlock(ctx context.Context, id blockid.ID, n int64, info *filepb.FileInfo) (io.ReadCloser, error) {
	if h, err := p.w.store.Open(id); err == nil {
		h.Expect(0, n)
		return &handleReader{ctx: ctx, h: h, count: p.w.m.bytesDirect}, nil
	}
	failed := errors.Errorf(errors.Unavailable, "Block %d of %s is on no worker.", id, info.GetPath())
	for _, b := range info.GetFileBlockInfos() {
		if b.GetBlockInfo().GetBlockId() != int64(id) {
			continue
		}
		for _, l := range b.GetBlockInfo().GetLocations() {
			a := l.GetWorkerAddress()
			if p.w.isMe(a.GetHost(), a.GetDataPort()) {
				continue
			}
			r, err := p.w.remoteSource(a.GetHost(), a.GetDataPort(), id, n, nil).Open(ctx, 0, n)
			if err == nil {
				return r, nil
			}
			failed = err
		}
	}
	mount, spilled := info.GetMountId(), true
	b, err := p.w.locate(ctx, id, &dataserverpb.OpenUfsBlockOptions{MountId: &mount, BlockInUfsTier: &spilled}, false)
	if err != nil {
		return nil, failed
	}
	return b.Open(ctx, 0, n)
}

// handleReader reads a block from its beginning.
type handleReader struct {
	ctx context.Context
	h   interface {
		ReadAt(ctx context.Context, p []byte, off int64) (int, error)
		Close()
	}
	off   int64
	count prometheus.Counter
}

func (r *handleReader) Read(p []byte) (int, error) {
	n, err := r.h.ReadAt(r.ctx, p, r.off)
	r.off += int64(n)
	r.count.Add(float64(n))
	if n > 0 {
		err = nil
	}
	return n, err
}

func (r *handleReader) Close() error {
	r.h.Close()
	return nil
}

// copyTo copies through buf, which it fills before it writes.
func copyTo(dst io.Writer, src io.Reader, buf []byte) (int64, error) {
	var total int64
	for {
		n, err := io.ReadFull(src, buf)
		if n > 0 {
			if _, werr := dst.Write(buf[:n]); werr != nil {
				return total, werr
			}
			total += int64(n)
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return total, nil
		default:
			return total, err
		}
	}
}
