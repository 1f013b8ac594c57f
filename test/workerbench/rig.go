package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/internal/ticket"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/dataserverpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/worker"
)

const blockSize = 64 << 20

// link is an emulated store: every object has the same endless content, every
// request costs a latency, and every connection has a bandwidth.
type link struct {
	ufs.UFS
	size      func(path string) int64
	latency   time.Duration
	perSecond float64 // bytes on one connection; 0 is unlimited

	mu       sync.Mutex
	requests int
	bytes    int64
}

// pattern is what objects consist of. Its length is prime, so that no two pages
// of a block are alike.
var pattern = func() []byte {
	b := make([]byte, 1<<20+7)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}()

func (l *link) URI() string  { return "link://store" }
func (l *link) Close() error { return nil }

func (l *link) Stat(_ context.Context, path string) (ufs.Info, error) {
	return ufs.Info{Path: path, Size: l.size(path), Fingerprint: "v1"}, nil
}

func (l *link) Open(ctx context.Context, path string, o ufs.OpenOptions) (io.ReadCloser, error) {
	l.mu.Lock()
	l.requests++
	l.mu.Unlock()
	n := l.size(path) - o.Offset
	if o.Length >= 0 {
		n = min(n, o.Length)
	}
	if !sleep(ctx, l.latency) {
		return nil, ctx.Err()
	}
	return &linkReader{ctx: ctx, l: l, at: o.Offset, left: n, started: time.Now()}, nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *link) take() (requests int, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	requests, bytes, l.requests, l.bytes = l.requests, l.bytes, 0, 0
	return requests, bytes
}

// linkReader is one connection.
type linkReader struct {
	ctx      context.Context
	l        *link
	at, left int64
	sent     int64
	started  time.Time
}

func (r *linkReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	from := pattern[r.at%int64(len(pattern)):]
	n := copy(p[:min(int64(len(p)), r.left)], from)
	r.at, r.left, r.sent = r.at+int64(n), r.left-int64(n), r.sent+int64(n)
	if r.l.perSecond > 0 {
		due := r.started.Add(time.Duration(float64(r.sent) / r.l.perSecond * float64(time.Second)))
		if wait := time.Until(due); wait > time.Millisecond && !sleep(r.ctx, wait) {
			return 0, r.ctx.Err()
		}
	}
	r.l.mu.Lock()
	r.l.bytes += int64(n)
	r.l.mu.Unlock()
	return n, nil
}

func (r *linkReader) Close() error { return nil }

// right reports whether p is what the object has at off.
func right(p []byte, off int64) bool {
	for len(p) > 0 {
		from := pattern[off%int64(len(pattern)):]
		n := min(len(p), len(from))
		if !bytes.Equal(p[:n], from[:n]) {
			return false
		}
		p, off = p[n:], off+int64(n)
	}
	return true
}

// tickets are what clients get from the master.
var tickets = ticket.NewKey()

// master answers a worker as far as it needs.
type master struct {
	blockpb.UnimplementedBlockMasterWorkerServiceServer
	filepb.UnimplementedFileSystemMasterWorkerServiceServer
	link *link
}

func (master) GetWorkerId(context.Context, *blockpb.GetWorkerIdPRequest) (*blockpb.GetWorkerIdPResponse, error) {
	return &blockpb.GetWorkerIdPResponse{WorkerId: new(int64)}, nil
}

func (master) RegisterWorkerStream(s grpc.BidiStreamingServer[blockpb.RegisterWorkerPRequest, blockpb.RegisterWorkerPResponse]) error {
	for {
		if _, err := s.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.Send(&blockpb.RegisterWorkerPResponse{TicketKey: tickets[:]}); err != nil {
			return err
		}
	}
}

func (master) BlockHeartbeat(context.Context, *blockpb.BlockHeartbeatPRequest) (*blockpb.BlockHeartbeatPResponse, error) {
	return &blockpb.BlockHeartbeatPResponse{}, nil
}

func (master) CommitBlock(context.Context, *blockpb.CommitBlockPRequest) (*blockpb.CommitBlockPResponse, error) {
	return &blockpb.CommitBlockPResponse{}, nil
}

func (master) GetPinnedFileIds(context.Context, *filepb.GetPinnedFileIdsPRequest) (*filepb.GetPinnedFileIdsPResponse, error) {
	return &filepb.GetPinnedFileIdsPResponse{}, nil
}

func (master) FileSystemHeartbeat(context.Context, *filepb.FileSystemHeartbeatPRequest) (*filepb.FileSystemHeartbeatPResponse, error) {
	return &filepb.FileSystemHeartbeatPResponse{}, nil
}

func (master) GetUfsInfo(context.Context, *filepb.GetUfsInfoPRequest) (*filepb.GetUfsInfoPResponse, error) {
	uri := "link://store"
	return &filepb.GetUfsInfoPResponse{UfsInfo: &filepb.UfsInfo{Uri: &uri, Properties: &filepb.MountPOptions{}}}, nil
}

func (m master) GetFileInfo(_ context.Context, r *filepb.GetFileInfoPRequest) (*filepb.GetFileInfoPResponse, error) {
	name := fileName(blockid.FileID(r.GetFileId()).Container())
	path, fingerprint, length := "link://store/"+name, "v1", m.link.size(name)
	return &filepb.GetFileInfoPResponse{FileInfo: &filepb.FileInfo{UfsPath: &path, UfsFingerprint: &fingerprint, Length: &length}}, nil
}

func fileName(c blockid.Container) string { return "f" + strconv.FormatInt(int64(c), 10) }

// rig is a worker over a link, with a client.
type rig struct {
	link *link
	dir  string
	addr string
	w    *worker.Worker
	pool *rpc.Pool
	stop func() error
}

// newRig starts a worker with the given quota.
func newRig(dir string, quota int64, l *link, properties map[string]string) (*rig, error) {
	if l.size == nil {
		l.size = func(string) int64 { return 1 << 40 }
	}
	ctx, cancel := context.WithCancel(context.Background())
	masterAddr, masterEnded, err := serve(ctx, func(s *rpc.Server) {
		blockpb.RegisterBlockMasterWorkerServiceServer(s, master{link: l})
		filepb.RegisterFileSystemMasterWorkerServiceServer(s, master{link: l})
	})
	if err != nil {
		cancel()
		return nil, err
	}
	_, port, _ := net.SplitHostPort(masterAddr)
	values := map[string]string{
		"alluxio.master.hostname": "127.0.0.1", "alluxio.master.rpc.port": port, "alluxio.worker.hostname": "127.0.0.1",
		"alluxio.worker.bind.host": "127.0.0.1", "alluxio.security.authentication.type": "NOSASL",
		"alluxio.worker.tieredstore.level0.dirs.path":  filepath.Join(dir, "store"),
		"alluxio.worker.tieredstore.level0.dirs.quota": strconv.FormatInt(quota, 10),
	}
	for k, v := range properties {
		values[k] = v
	}
	conf, err := config.FromMap(config.Worker, values)
	if err != nil {
		cancel()
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		return nil, err
	}
	w, err := worker.New(conf, worker.Options{Listener: listener, UFS: ufs.Registry{
		"link": func(context.Context, string, ufs.Options) (ufs.UFS, error) { return l, nil }}})
	if err != nil {
		cancel()
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	r := &rig{link: l, dir: dir, addr: listener.Addr().String(), w: w, pool: rpc.NewPool(rpc.ClientOptions{StreamConns: 4})}
	r.stop = func() error {
		_ = r.pool.Close()
		cancel()
		err := <-ended
		<-masterEnded
		return err
	}
	select {
	case <-w.Ready():
		return r, nil
	case err := <-ended:
		cancel()
		return nil, fmt.Errorf("the worker ended: %w", err)
	}
}

// serve runs a gRPC server until ctx ends.
func serve(ctx context.Context, register func(*rpc.Server)) (addr string, ended <-chan struct{}, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := rpc.NewServer(rpc.ServerOptions{Grace: time.Second, Superuser: func(rpc.User) bool { return true }})
	register(s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx, l)
	}()
	return l.Addr().String(), done, nil
}

// request is a ReadBlock request for a range of the i-th block, of length bytes, of file
// f, with what a client knows from the master.
func (r *rig) request(f, i int, off, n, length int64) *blockpb.ReadRequest {
	id := int64(blockid.Container(f + 1).Block(i))
	path, start, mount, chunk := "link://store/"+fileName(blockid.Container(f+1)), int64(i)*blockSize, int64(1), int64(rpc.ChunkBytes)
	size, fingerprint := r.link.size(fileName(blockid.Container(f+1))), "v1"
	own := tickets.Sign(ticket.File{Container: blockid.Container(f + 1), Length: size, UFSPath: path, Fingerprint: fingerprint})
	return &blockpb.ReadRequest{BlockId: &id, Offset: &off, Length: &n, ChunkSize: &chunk, OpenUfsBlockOptions: &dataserverpb.OpenUfsBlockOptions{
		UfsPath: &path, OffsetInFile: &start, BlockSize: &length, MountId: &mount, Ticket: own, UfsFingerprint: &fingerprint, FileLength: &size}}
}

// blockRequest is a ReadBlock request for a range of a block that is cached.
func blockRequest(id, off, n int64) *blockpb.ReadRequest {
	chunk := int64(rpc.ChunkBytes)
	return &blockpb.ReadRequest{BlockId: &id, Offset: &off, Length: &n, ChunkSize: &chunk}
}

// readBlock reads what req asks for from the server at addr, into buf in turn. With
// verify, the bytes are compared.
func readBlock(ctx context.Context, pool *rpc.Pool, addr string, req *blockpb.ReadRequest, buf []byte, verify bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := blockpb.NewBlockWorkerClient(pool.StreamConn(addr)).ReadBlock(ctx)
	if err != nil {
		return err
	}
	_ = stream.Send(req)
	off := req.GetOpenUfsBlockOptions().GetOffsetInFile() + req.GetOffset()
	var total int64
	var body rpc.ReadBody
	defer body.Close()
	for {
		if err := body.Receive(stream); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		for body.Remaining() > 0 {
			n, err := body.Read(buf)
			if err != nil {
				return err
			}
			if verify && !right(buf[:n], off+total) {
				return errors.Errorf(errors.Corrupt, "wrong bytes near %d", off+total)
			}
			total += int64(n)
		}
	}
	if total != req.GetLength() {
		return errors.Errorf(errors.Corrupt, "%d bytes instead of %d", total, req.GetLength())
	}
	return nil
}

// readFile reads n bytes of file f, block after block.
func (r *rig) readFile(ctx context.Context, f int, n int64, verify bool) error {
	buf := make([]byte, rpc.ChunkBytes)
	for i, left := 0, n; left > 0; i++ {
		k := min(left, blockSize)
		req := r.request(f, i, 0, k, k)
		req.ReadsAll = new(true)
		if err := readBlock(ctx, r.pool, r.addr, req, buf, verify); err != nil {
			return err
		}
		left -= k
	}
	return nil
}
