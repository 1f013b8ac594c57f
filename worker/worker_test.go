package worker_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/internal/testcluster"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/dataserverpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

const blockSize = 1 << 20 // of the test cluster

// peer speaks to a cluster's processes as a Java client would: message by message.
type peer struct {
	t      *testing.T
	c      *testcluster.Cluster
	pool   *rpc.Pool
	files  filepb.FileSystemMasterClientServiceClient
	worker blockpb.BlockWorkerClient
}

func newPeer(t *testing.T, c *testcluster.Cluster) *peer {
	pool := rpc.NewPool(rpc.ClientOptions{Auth: rpc.Simple, User: currentUser(), NoBulk: true})
	t.Cleanup(func() { _ = pool.Close() })
	return &peer{t: t, c: c, pool: pool,
		files:  filepb.NewFileSystemMasterClientServiceClient(pool.Conn(c.MasterAddr())),
		worker: blockpb.NewBlockWorkerClient(pool.StreamConn(c.WorkerAddr(0)))}
}

func currentUser() string {
	if u := os.Getenv("USER"); u != "" {
		return u
	}
	return "root"
}

func ptr[T any](v T) *T { return &v }

// data is n reproducible bytes.
func data(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// put puts a file into the under store.
func (p *peer) put(name string, content []byte) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.c.Root(), name), content, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// stat returns the FileInfo of a path.
func (p *peer) stat(path string) *filepb.FileInfo {
	p.t.Helper()
	resp, err := p.files.GetStatus(p.t.Context(), &filepb.GetStatusPRequest{Path: &path, Options: &filepb.GetStatusPOptions{LoadMetadataType: filepb.LoadMetadataPType_ONCE.Enum()}})
	if err != nil {
		p.t.Fatalf("stat %s: %v", path, err)
	}
	return resp.GetFileInfo()
}

// below are the options with which the i-th block of a persisted file is read.
func below(info *filepb.FileInfo, i int) *dataserverpb.OpenUfsBlockOptions {
	off := int64(i) * info.GetBlockSizeBytes()
	return &dataserverpb.OpenUfsBlockOptions{UfsPath: info.UfsPath, OffsetInFile: &off,
		BlockSize: ptr(min(info.GetBlockSizeBytes(), info.GetLength()-off)), MountId: info.MountId}
}

// read reads a range of a block.
func (p *peer) read(req *blockpb.ReadRequest) ([]byte, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	stream, err := p.worker.ReadBlock(ctx)
	if err != nil {
		return nil, err
	}
	_ = stream.Send(req)
	var out []byte
	for {
		resp, err := stream.Recv()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if len(resp.GetChunk().GetData()) == 0 {
			p.t.Error("an empty chunk")
		}
		out = append(out, resp.GetChunk().GetData()...)
		_ = stream.Send(&blockpb.ReadRequest{BlockId: req.BlockId, Offset: req.Offset, Length: req.Length, OffsetReceived: ptr(req.GetOffset() + int64(len(out)))})
	}
}

// readFile reads all blocks of a file.
func (p *peer) readFile(path string) ([]byte, error) {
	info := p.stat(path)
	var out []byte
	for i, id := range info.GetBlockIds() {
		o := below(info, i)
		got, err := p.read(&blockpb.ReadRequest{BlockId: &id, Offset: ptr(int64(0)), Length: o.BlockSize, ChunkSize: ptr(int64(300 << 10)), OpenUfsBlockOptions: o})
		if err != nil {
			return out, err
		}
		out = append(out, got...)
	}
	return out, nil
}

func (p *peer) wantFile(path string, want []byte) {
	p.t.Helper()
	got, err := p.readFile(path)
	if err != nil || !bytes.Equal(got, want) {
		p.t.Fatalf("%s: %d bytes (want %d, equal %v), %v", path, len(got), len(want), bytes.Equal(got, want), err)
	}
}

// create makes a file in Alluxio only, with the given blocks.
func (p *peer) create(path string, write filepb.WritePType, blocks ...[]byte) *filepb.FileInfo {
	p.t.Helper()
	ctx := p.t.Context()
	if _, err := p.files.CreateFile(ctx, &filepb.CreateFilePRequest{Path: &path, Options: &filepb.CreateFilePOptions{
		BlockSizeBytes: ptr(int64(blockSize)), WriteType: &write, Recursive: ptr(true), Mode: &grpcpb.PMode{
			OwnerBits: grpcpb.Bits_READ_WRITE.Enum(), GroupBits: grpcpb.Bits_READ.Enum(), OtherBits: grpcpb.Bits_READ.Enum()}}}); err != nil {
		p.t.Fatal(err)
	}
	for _, b := range blocks {
		resp, err := p.files.GetNewBlockIdForFile(ctx, &filepb.GetNewBlockIdForFilePRequest{Path: &path, Options: &filepb.GetNewBlockIdForFilePOptions{}})
		if err != nil {
			p.t.Fatal(err)
		}
		if err := p.write(&blockpb.WriteRequestCommand{Type: blockpb.RequestType_ALLUXIO_BLOCK.Enum(), Id: resp.Id, SpaceToReserve: ptr(int64(blockSize)), MediumType: ptr("")}, b); err != nil {
			p.t.Fatal(err)
		}
	}
	req := &filepb.CompleteFilePRequest{Path: &path, Options: &filepb.CompleteFilePOptions{}}
	if write == filepb.WritePType_ASYNC_THROUGH {
		req.Options.AsyncPersistOptions = &filepb.ScheduleAsyncPersistencePOptions{PersistenceWaitTime: ptr(int64(0))}
	}
	if _, err := p.files.CompleteFile(ctx, req); err != nil {
		p.t.Fatalf("complete %s: %v", path, err)
	}
	return p.stat(path)
}

// write writes one stream: a command, chunks with a flush in the middle, and the
// half-close that commits.
func (p *peer) write(c *blockpb.WriteRequestCommand, content []byte) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	stream, err := p.worker.WriteBlock(ctx)
	if err != nil {
		return err
	}
	_ = stream.Send(command(c))
	sent := 0
	for len(content) > 0 {
		n := min(len(content), 200<<10)
		_ = stream.Send(&blockpb.WriteRequest{Value: &blockpb.WriteRequest_Chunk{Chunk: &blockpb.Chunk{Data: content[:n]}}})
		content, sent = content[n:], sent+n
		if sent == n {
			flush := &blockpb.WriteRequestCommand{Type: c.Type, Id: c.Id, Offset: ptr(int64(sent)), Flush: ptr(true)}
			_ = stream.Send(command(flush))
			resp, err := stream.Recv()
			if err != nil {
				return err
			}
			if resp.GetOffset() != int64(sent) {
				p.t.Errorf("flush at %d answered with %d", sent, resp.GetOffset())
			}
		}
	}
	_ = stream.CloseSend()
	if _, err := stream.Recv(); err != io.EOF {
		return err
	}
	return nil
}

func command(c *blockpb.WriteRequestCommand) *blockpb.WriteRequest {
	return &blockpb.WriteRequest{Value: &blockpb.WriteRequest_Command{Command: c}}
}

func wantKind(t *testing.T, err error, kind errors.Kind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got %v, want kind %v", err, kind)
	}
}

func TestColdAndWarmRead(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{})
	p := newPeer(t, c)
	want := data(1, 3*blockSize+1234)
	p.put("f", want)
	p.wantFile("/f", want)
	if got := p.stat("/f").GetInAlluxioPercentage(); got != 100 {
		t.Errorf("after reading all, %d %% in Alluxio", got)
	}
	// Warm: the object may even be gone from below.
	if err := os.Rename(filepath.Join(c.Root(), "f"), filepath.Join(c.Root(), "g")); err != nil {
		t.Fatal(err)
	}
	p.wantFile("/f", want)
}

func TestWriteAndRead(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{})
	p := newPeer(t, c)
	blocks := [][]byte{data(1, blockSize), data(2, 777)}
	info := p.create("/dir/f", filepb.WritePType_MUST_CACHE, blocks...)
	if info.GetLength() != blockSize+777 {
		t.Fatalf("length %d", info.GetLength())
	}
	for i, id := range info.GetBlockIds() {
		got, err := p.read(&blockpb.ReadRequest{BlockId: &id, Offset: ptr(int64(10)), Length: ptr(int64(len(blocks[i]) - 10)), OpenUfsBlockOptions: &dataserverpb.OpenUfsBlockOptions{}})
		if err != nil || !bytes.Equal(got, blocks[i][10:]) {
			t.Fatalf("block %d: wrong bytes or %v", i, err)
		}
	}
	_, err := p.read(&blockpb.ReadRequest{BlockId: ptr(int64(1 << 40)), Offset: ptr(int64(0)), Length: ptr(int64(1))})
	wantKind(t, err, errors.NotFound)
	_, err = p.read(&blockpb.ReadRequest{BlockId: &info.GetBlockIds()[0], Offset: ptr(int64(0)), Length: ptr(int64(0))})
	wantKind(t, err, errors.Invalid)
	// Writing the same block again, or at a wrong offset, is refused.
	err = p.write(&blockpb.WriteRequestCommand{Type: blockpb.RequestType_ALLUXIO_BLOCK.Enum(), Id: &info.GetBlockIds()[0]}, data(3, 10))
	wantKind(t, err, errors.Exists)
	err = p.write(&blockpb.WriteRequestCommand{Type: blockpb.RequestType_ALLUXIO_BLOCK.Enum(), Id: ptr(int64(1 << 41)), Offset: ptr(int64(5))}, data(3, 10))
	wantKind(t, err, errors.Invalid)
}

func TestRestartKeepsBlocks(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{})
	p := newPeer(t, c)
	want := data(1, blockSize+99)
	info := p.create("/f", filepb.WritePType_MUST_CACHE, want[:blockSize], want[blockSize:])
	c.StopWorker(0)
	c.RestartWorker(0)
	c.Until("the master knows the blocks again", func() bool { return p.stat("/f").GetInAlluxioPercentage() == 100 })
	got, err := p.read(&blockpb.ReadRequest{BlockId: &info.GetBlockIds()[0], Offset: ptr(int64(0)), Length: ptr(int64(blockSize))})
	if err != nil || !bytes.Equal(got, want[:blockSize]) {
		t.Fatalf("wrong bytes or %v", err)
	}
	c.StopMaster()
	got, err = p.read(&blockpb.ReadRequest{BlockId: &info.GetBlockIds()[1], Offset: ptr(int64(0)), Length: ptr(int64(99))})
	if err != nil || !bytes.Equal(got, want[blockSize:]) {
		t.Fatalf("without a master: wrong bytes or %v", err)
	}
	c.StartMaster()
	c.Until("the worker has registered again", func() bool { return p.stat("/f").GetInAlluxioPercentage() == 100 })
}

func TestAsyncPersist(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{})
	p := newPeer(t, c)
	want := data(1, blockSize+99)
	p.create("/d/f", filepb.WritePType_ASYNC_THROUGH, want[:blockSize], want[blockSize:])
	c.Until("the file is persisted", func() bool { return p.stat("/d/f").GetPersisted() })
	got, err := os.ReadFile(filepath.Join(c.Root(), "d", "f"))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("wrong bytes below or %v", err)
	}
	p.wantFile("/d/f", want)
}

func TestWriteThrough(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{})
	p := newPeer(t, c)
	want := data(1, 2*blockSize)
	path := "/t/f"
	if _, err := p.files.CreateFile(t.Context(), &filepb.CreateFilePRequest{Path: &path, Options: &filepb.CreateFilePOptions{
		BlockSizeBytes: ptr(int64(blockSize)), WriteType: filepb.WritePType_THROUGH.Enum(), Recursive: ptr(true)}}); err != nil {
		t.Fatal(err)
	}
	info := p.stat(path)
	o := &dataserverpb.CreateUfsFileOptions{UfsPath: info.UfsPath, MountId: info.MountId, Mode: ptr(int32(0o644))}
	if err := p.write(&blockpb.WriteRequestCommand{Type: blockpb.RequestType_UFS_FILE.Enum(), Id: ptr(int64(-1)), CreateUfsFileOptions: o}, want); err != nil {
		t.Fatal(err)
	}
	if _, err := p.files.CompleteFile(t.Context(), &filepb.CompleteFilePRequest{Path: &path, Options: &filepb.CompleteFilePOptions{UfsLength: ptr(int64(len(want)))}}); err != nil {
		t.Fatal(err)
	}
	p.wantFile(path, want)

	// A client that goes away leaves nothing.
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := p.worker.WriteBlock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	o = &dataserverpb.CreateUfsFileOptions{UfsPath: ptr(filepath.Join(c.Root(), "t", "half")), MountId: info.MountId}
	_ = stream.Send(command(&blockpb.WriteRequestCommand{Type: blockpb.RequestType_UFS_FILE.Enum(), Id: ptr(int64(-1)), CreateUfsFileOptions: o}))
	_ = stream.Send(&blockpb.WriteRequest{Value: &blockpb.WriteRequest_Chunk{Chunk: &blockpb.Chunk{Data: want[:1000]}}})
	cancel()
	c.Until("the unfinished file is gone", func() bool {
		left, _ := filepath.Glob(filepath.Join(c.Root(), "t", "*"))
		return len(left) == 1
	})
}

func TestShortCircuit(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{})
	p := newPeer(t, c)
	want := data(1, 700<<10)
	info := p.create("/f", filepb.WritePType_MUST_CACHE, want)
	stream, err := p.worker.OpenLocalBlock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&blockpb.OpenLocalBlockRequest{BlockId: &info.GetBlockIds()[0]})
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(resp.GetPath())
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("wrong bytes or %v", err)
	}
	_ = stream.CloseSend()
	if _, err := stream.Recv(); err != io.EOF {
		t.Errorf("after half-close: %v", err)
	}

	// Written in place.
	local, err := p.worker.CreateLocalBlock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := "/g"
	if _, err := p.files.CreateFile(t.Context(), &filepb.CreateFilePRequest{Path: &path, Options: &filepb.CreateFilePOptions{BlockSizeBytes: ptr(int64(blockSize)), WriteType: filepb.WritePType_MUST_CACHE.Enum()}}); err != nil {
		t.Fatal(err)
	}
	id, err := p.files.GetNewBlockIdForFile(t.Context(), &filepb.GetNewBlockIdForFilePRequest{Path: &path, Options: &filepb.GetNewBlockIdForFilePOptions{}})
	if err != nil {
		t.Fatal(err)
	}
	_ = local.Send(&blockpb.CreateLocalBlockRequest{BlockId: id.Id, SpaceToReserve: ptr(int64(1000))})
	made, err := local.Recv()
	if err != nil {
		t.Fatal(err)
	}
	_ = local.Send(&blockpb.CreateLocalBlockRequest{BlockId: id.Id, SpaceToReserve: ptr(int64(1 << 20)), OnlyReserveSpace: ptr(true)})
	if more, err := local.Recv(); err != nil || more.Path != nil {
		t.Fatalf("asked for space: %v, %v", more, err)
	}
	if err := os.WriteFile(made.GetPath(), want, 0o666); err != nil {
		t.Fatal(err)
	}
	_ = local.CloseSend()
	if _, err := local.Recv(); err != io.EOF {
		t.Fatalf("commit: %v", err)
	}
	if _, err := p.files.CompleteFile(t.Context(), &filepb.CompleteFilePRequest{Path: &path, Options: &filepb.CompleteFilePOptions{}}); err != nil {
		t.Fatal(err)
	}
	got, err = p.read(&blockpb.ReadRequest{BlockId: id.Id, Offset: ptr(int64(0)), Length: ptr(int64(len(want)))})
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("wrong bytes or %v", err)
	}
}
