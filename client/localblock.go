package client

import (
	"context"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// localBlock is the file of a block on this machine, whose bytes are verified. The
// worker keeps the block while the call is open. ReadAt may be called concurrently.
type localBlock struct {
	*store.LocalFile
	stream grpc.BidiStreamingClient[blockpb.OpenLocalBlockRequest, blockpb.OpenLocalBlockResponse]
	cancel context.CancelFunc
	usage  *usage
}

// ReadAt implements io.ReaderAt.
func (b *localBlock) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.LocalFile.ReadAt(p, off)
	b.usage.readLocal(n)
	return n, err
}

// openLocal opens the file of a block of length bytes by way of the worker that
// has it.
func openLocal(ctx context.Context, files *store.LocalFiles, worker blockpb.BlockWorkerClient, id, length int64, promote bool, timeout time.Duration) (*localBlock, error) {
	ctx, cancel := context.WithCancel(ctx)
	b, err := dialLocal(ctx, files, worker, id, length, promote, newPatience(timeout, cancel))
	if err != nil {
		cancel()
		return nil, err
	}
	b.cancel = cancel
	return b, nil
}

func dialLocal(ctx context.Context, files *store.LocalFiles, worker blockpb.BlockWorkerClient, id, length int64, promote bool, p *patience) (*localBlock, error) {
	stream, err := worker.OpenLocalBlock(ctx)
	if err != nil {
		return nil, err
	}
	_ = stream.Send(&blockpb.OpenLocalBlockRequest{BlockId: &id, Promote: &promote, Verifies: new(true)}) // the answer says what went wrong
	var resp *blockpb.OpenLocalBlockResponse
	err = p.during("open local block", func() (err error) {
		resp, err = stream.Recv()
		return err
	})
	if err != nil {
		return nil, err
	}
	file, err := files.Open(store.Local{Path: resp.GetPath(), Verified: fileStamp(resp.GetVerified()), SumsCRC: resp.GetSumsCrc()}, length)
	if err != nil {
		return nil, err
	}
	return &localBlock{LocalFile: file, stream: stream}, nil
}

func fileStamp(p *blockpb.FileStamp) store.Stamp {
	return store.Stamp{Inode: p.GetInode(), Size: p.GetSize(), Mtime: p.GetMtimeNs(), Ctime: p.GetCtimeNs()}
}

// Close gives the block back to the worker, which learns of it soon.
func (b *localBlock) Close() error {
	_ = b.stream.CloseSend() // if the call has ended, the block is free already
	b.cancel()
	return b.LocalFile.Close()
}

const (
	// keptBlocks is how many block files a Reader keeps open. The worker cannot
	// evict their blocks meanwhile.
	keptBlocks = 32
	// keptIdle is how long it keeps one at least that is not read from.
	keptIdle = time.Second
)

// localBlocks are the block files that a Reader reads in place. It is safe for
// concurrent use.
type localBlocks struct {
	open func(ctx context.Context, src source, b FileBlock, length int64) (*localBlock, error)
	mu   struct {
		sync.Mutex
		byID   map[int64]*sharedBlock
		bad    map[int64]bool // not to be read in place
		sweep  *time.Timer    // closes what is idle, nil when nothing may be
		closed bool
	}
}

// sharedBlock is an open block with its users counted.
type sharedBlock struct {
	*localBlock
	all     *localBlocks
	id      int64
	users   int
	recent  bool // used since the last sweep
	dropped bool // no longer in the map: the last user closes it
}

// lookup returns a block if it is open. The caller releases it.
func (l *localBlocks) lookup(id int64) *sharedBlock {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.mu.byID[id]
	if b != nil {
		b.users++
		b.recent = true
	}
	return b
}

// take returns an open block, opening it if need be. The caller releases it.
func (l *localBlocks) take(ctx context.Context, src source, b FileBlock, length int64) (*sharedBlock, error) {
	if open := l.lookup(b.ID); open != nil {
		return open, nil
	}
	l.mu.Lock()
	bad := l.mu.bad[b.ID]
	l.mu.Unlock()
	if bad {
		return nil, errors.Errorf(errors.NotFound, "the file of block %d was found unreadable", b.ID)
	}
	opened, err := l.open(ctx, src, b, length)
	if err != nil {
		return nil, err
	}
	return l.keep(&sharedBlock{localBlock: opened, all: l, id: b.ID, users: 1, recent: true}), nil
}

// keep makes a block available to others, in the place of an idle one if there
// are many.
func (l *localBlocks) keep(b *sharedBlock) *sharedBlock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.byID == nil {
		l.mu.byID = map[int64]*sharedBlock{}
	}
	if len(l.mu.byID) >= keptBlocks {
		l.dropIdleLocked()
	}
	if _, taken := l.mu.byID[b.id]; taken || l.mu.closed || len(l.mu.byID) >= keptBlocks {
		b.dropped = true
	} else {
		l.mu.byID[b.id] = b
		l.sweepLaterLocked()
	}
	return b
}

// dropIdleLocked closes a block that nobody uses, the one that is idle longest as
// far as that is known.
func (l *localBlocks) dropIdleLocked() {
	var idle *sharedBlock
	for _, b := range l.mu.byID {
		if b.users == 0 && (idle == nil || idle.recent) {
			idle = b
		}
	}
	if idle != nil {
		delete(l.mu.byID, idle.id)
		_ = idle.Close() // it was read only
	}
}

// release ends one use of a block.
func (b *sharedBlock) release() {
	l := b.all
	l.mu.Lock()
	defer l.mu.Unlock()
	b.users--
	if b.users == 0 && b.dropped {
		_ = b.Close()
	}
}

func (l *localBlocks) sweepLaterLocked() {
	if l.mu.sweep == nil {
		l.mu.sweep = time.AfterFunc(keptIdle, l.sweepIdle)
	}
}

// sweepIdle closes what has been idle for long.
func (l *localBlocks) sweepIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.sweep = nil
	for id, b := range l.mu.byID {
		if b.users == 0 && !b.recent {
			delete(l.mu.byID, id)
			_ = b.Close()
		}
		b.recent = false
	}
	if len(l.mu.byID) > 0 {
		l.sweepLaterLocked()
	}
}

// avoid makes later reads of a block go through the worker, which mends what is
// damaged: its file cannot be read in place.
func (l *localBlocks) avoid(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.bad == nil {
		l.mu.bad = map[int64]bool{}
	}
	l.mu.bad[id] = true
	if b := l.mu.byID[id]; b != nil {
		delete(l.mu.byID, id)
		if b.dropped = true; b.users == 0 {
			_ = b.Close()
		}
	}
}

// close closes what is idle; calls under way close the rest.
func (l *localBlocks) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.closed = true
	if l.mu.sweep != nil {
		l.mu.sweep.Stop()
	}
	for _, b := range l.mu.byID {
		if b.dropped = true; b.users == 0 {
			_ = b.Close()
		}
	}
	clear(l.mu.byID)
}

// localStretch is a part of a local block as a blockReader. Small reads are
// buffered, large ones are not.
type localStretch struct {
	block    *sharedBlock
	pos, end int64   // in the block: what is still to be read
	buf      *[]byte // nil until there is a small read
	ready    []byte  // the rest of buf, which ends at pos
	half     int64   // where next is called, once
	next     func()  // prepares the block that follows
}

const (
	largeRead   = 32 << 10 // reads of a local block below this size are buffered
	localBuffer = 128 << 10
)

func newLocalStretch(b *sharedBlock, off, length int64, next func()) *localStretch {
	return &localStretch{block: b, pos: off, end: off + length, half: off + length/2, next: next}
}

func (l *localStretch) Read(p []byte) (int, error) {
	if len(l.ready) == 0 {
		if len(p) >= largeRead {
			return l.fill(p)
		}
		if l.buf == nil {
			l.buf = rpc.NewPage(localBuffer)
		}
		n, err := l.fill(*l.buf)
		if l.ready = (*l.buf)[:n]; n == 0 {
			return 0, err
		}
	}
	n := copy(p, l.ready)
	l.ready = l.ready[n:]
	return n, nil
}

// fill reads on.
func (l *localStretch) fill(p []byte) (int, error) {
	if l.pos >= l.half && l.next != nil {
		go l.next()
		l.next = nil
	}
	p = p[:min(int64(len(p)), l.end-l.pos)]
	if len(p) == 0 {
		return 0, io.EOF
	}
	n, err := l.block.ReadAt(p, l.pos)
	l.pos += int64(n)
	return n, err
}

// seek goes to another place, counted from the next byte to be read, if that is
// in the stretch. It costs nothing.
func (l *localStretch) seek(by int64) bool {
	at := l.pos - int64(len(l.ready)) + by
	if at < 0 || at >= l.end {
		return false
	}
	if by >= 0 && by <= int64(len(l.ready)) {
		l.ready = l.ready[by:]
		return true
	}
	l.pos, l.ready = at, nil
	return true
}

func (l *localStretch) WriteTo(w io.Writer) (int64, error) {
	page := rpc.NewPage(rpc.ChunkBytes)
	defer rpc.FreePage(page)
	return io.CopyBuffer(w, readerOnly{l}, *page)
}

func (l *localStretch) Close() error {
	if l.buf != nil {
		rpc.FreePage(l.buf)
		l.buf, l.ready = nil, nil
	}
	l.block.release()
	return nil
}
