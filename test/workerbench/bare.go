package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// What the worker is compared with: services without the product around them, in a
// process of their own, as the worker is.

// bare is a BlockWorker without a store: it sends pages with arbitrary content.
type bare struct {
	blockpb.UnimplementedBlockWorkerServer
}

func (bare) ReadBlock(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
	req, err := stream.Recv()
	for left := req.GetLength(); left > 0 && err == nil; {
		page := rpc.NewPage(int(min(left, rpc.ChunkBytes)))
		left -= int64(len(*page))
		err = rpc.SendReadChunk(stream, rpc.NewData(page), false)
	}
	return err
}

// echo answers a unary call with what it was sent.
type echo struct {
	filepb.UnimplementedFileSystemMasterClientServiceServer
}

func (echo) GetStatus(_ context.Context, r *filepb.GetStatusPRequest) (*filepb.GetStatusPResponse, error) {
	return &filepb.GetStatusPResponse{FileInfo: &filepb.FileInfo{Name: r.Path}}, nil
}

// plain is a BlockWorker over a worker's block files, verified, that sends plain
// messages.
type plain struct {
	blockpb.UnimplementedBlockWorkerServer
	folder string
	files  *store.LocalFiles
}

func (s plain) ReadBlock(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
	req, err := stream.Recv()
	if err != nil {
		return err
	}
	f, err := s.files.Open(store.Local{Path: filepath.Join(s.folder, strconv.FormatInt(req.GetBlockId(), 10))}, req.GetLength())
	if err != nil {
		return err
	}
	defer f.Close()
	for off := req.GetOffset(); off < req.GetLength() && err == nil; {
		buf := make([]byte, min(rpc.ChunkBytes, req.GetLength()-off))
		if _, err = f.ReadAt(buf, off); err == nil {
			err = stream.Send(&blockpb.ReadResponse{Chunk: &blockpb.Chunk{Data: buf}})
			off += int64(len(buf))
		}
	}
	return err
}

// serveBare is the process of these services: it prints their addresses and runs
// until its input ends.
func serveBare(folder string) error {
	ctx, cancel := context.WithCancel(context.Background())
	bareAddr, bareEnded, err := serve(ctx, func(s *rpc.Server) {
		blockpb.RegisterBlockWorkerServer(s, bare{})
		filepb.RegisterFileSystemMasterClientServiceServer(s, echo{})
	})
	if err != nil {
		cancel()
		return err
	}
	plainAddr, plainEnded, err := serve(ctx, func(s *rpc.Server) {
		blockpb.RegisterBlockWorkerServer(s, plain{folder: folder, files: new(store.LocalFiles)})
	})
	if err == nil {
		fmt.Println(bareAddr, plainAddr)
		_, _ = io.Copy(io.Discard, os.Stdin)
		defer func() { <-plainEnded }()
	}
	cancel()
	<-bareEnded
	return err
}

// bareMode is the argument that makes this program such a process.
const bareMode = "serve-bare"

// others are the services as a client sees them.
type others struct {
	bare, plain string
	pool        *rpc.Pool
	stop        func() error
}

// startOthers starts the process, over the block files in a folder.
func startOthers(ctx context.Context, folder string, connections int) (*others, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, bareMode, folder)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	o := &others{pool: rpc.NewPool(rpc.ClientOptions{StreamConns: connections, NoBulk: true})}
	o.stop = func() error {
		_ = o.pool.Close()
		_ = in.Close()
		return cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, serr := fmt.Sscan(strings.TrimSpace(line), &o.bare, &o.plain); err != nil || serr != nil {
		_ = o.stop()
		return nil, fmt.Errorf("the process to compare with said %q: %v", line, err)
	}
	return o, nil
}

// read reads what req asks for from the bare service into buf in turn.
func (o *others) read(ctx context.Context, req *blockpb.ReadRequest, buf []byte) error {
	return readBlock(ctx, o.pool, o.bare, req, buf, false)
}

// readPlain is read from the service with plain messages.
func (o *others) readPlain(ctx context.Context, req *blockpb.ReadRequest, buf []byte) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := blockpb.NewBlockWorkerClient(o.pool.StreamConn(o.plain)).ReadBlock(ctx)
	if err != nil {
		return err
	}
	_ = stream.Send(req)
	for {
		resp, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		copy(buf, resp.GetChunk().GetData())
	}
}

// echo makes a unary call with so many bytes in both directions.
func (o *others) echo(ctx context.Context, payload string) error {
	resp, err := filepb.NewFileSystemMasterClientServiceClient(o.pool.StreamConn(o.bare)).GetStatus(ctx, &filepb.GetStatusPRequest{Path: &payload})
	if err == nil && resp.GetFileInfo().GetName() != payload {
		err = fmt.Errorf("the echo is another")
	}
	return err
}
