package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/worker/store"
)

// bare is a BlockWorker without a store: it sends pages with arbitrary content.
type bare struct {
	blockpb.UnimplementedBlockWorkerServer
}

func (bare) ReadBlock(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
	req, err := stream.Recv()
	for left := req.GetLength(); left > 0 && err == nil; {
		page := rpc.NewPage(int(min(left, rpc.ChunkBytes)))
		left -= int64(len(*page))
		err = rpc.SendReadChunk(stream, rpc.NewData(page))
	}
	return err
}

// plain is a BlockWorker over a store like ours, that sends plain messages.
type plain struct {
	blockpb.UnimplementedBlockWorkerServer
	store *store.Store
}

func (s plain) ReadBlock(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
	req, err := stream.Recv()
	if err != nil {
		return err
	}
	h, err := s.store.Open(blockid.ID(req.GetBlockId()))
	if err != nil {
		return err
	}
	defer h.Close()
	for off := req.GetOffset(); off < req.GetLength() && err == nil; {
		buf := make([]byte, min(rpc.ChunkBytes, req.GetLength()-off))
		if _, err = h.ReadAt(stream.Context(), buf, off); err == nil {
			err = stream.Send(&blockpb.ReadResponse{Chunk: &blockpb.Chunk{Data: buf}})
			off += int64(len(buf))
		}
	}
	return err
}

// readPlain is readBlock with plain messages.
func readPlain(ctx context.Context, pool *rpc.Pool, addr string, req *blockpb.ReadRequest, buf []byte) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := blockpb.NewBlockWorkerClient(pool.StreamConn(addr)).ReadBlock(ctx)
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

// measureRemote compares warm reads through the worker with bare streams.
func measureRemote(ctx context.Context, p params) ([]figure, error) {
	r, err := newRig(p.dir, p.size+blockSize, &link{}, nil)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	if err := r.readFile(ctx, 0, p.size, true); err != nil {
		return nil, err
	}
	other, err := store.New(store.Options{Tiers: []store.TierOptions{{Alias: "MEM", Dirs: []store.DirOptions{{Path: filepath.Join(p.dir, "other"), Quota: p.size + blockSize}}}}})
	if err != nil {
		return nil, err
	}
	blocks := int(p.size / blockSize)
	for i := range blocks {
		if err := copyBlock(ctx, r, other, i); err != nil {
			return nil, err
		}
	}
	sctx, cancel := context.WithCancel(ctx)
	defer cancel()
	bareAddr, _, err := serve(sctx, func(s *rpc.Server) { blockpb.RegisterBlockWorkerServer(s, bare{}) })
	if err != nil {
		return nil, err
	}
	plainAddr, _, err := serve(sctx, func(s *rpc.Server) { blockpb.RegisterBlockWorkerServer(s, plain{store: other}) })
	if err != nil {
		return nil, err
	}
	ours := func(buf []byte, i int) error {
		return readBlock(ctx, r.pool, r.addr, request(0, i, 0, blockSize, blockSize), buf, false)
	}
	var figures []figure
	for _, c := range []struct {
		name    string
		readers int
		goal    float64
		read    func(buf []byte, i int) error
	}{
		{"a bare stream, 1 reader", 1, 0.75, func(buf []byte, i int) error {
			return readBlock(ctx, r.pool, bareAddr, request(0, i, 0, blockSize, blockSize), buf, false)
		}},
		{"a bare stream, 4 readers", 4, 0.75, func(buf []byte, i int) error {
			return readBlock(ctx, r.pool, bareAddr, request(0, i, 0, blockSize, blockSize), buf, false)
		}},
		{"the same with plain protobuf messages, 1 reader", 1, 1.3, func(buf []byte, i int) error {
			return readPlain(ctx, r.pool, plainAddr, request(0, i, 0, blockSize, blockSize), buf)
		}},
	} {
		all := func(read func([]byte, int) error) func() error {
			return func() error {
				var g errgroup.Group
				for range c.readers {
					g.Go(func() error {
						buf := make([]byte, rpc.ChunkBytes)
						for i := range blocks {
							if err := read(buf, i); err != nil {
								return err
							}
						}
						return nil
					})
				}
				return g.Wait()
			}
		}
		mine, theirs, err := alternate(p.rounds, all(ours), all(c.read))
		if err != nil {
			return nil, err
		}
		bytes := int64(blocks) * blockSize * int64(c.readers)
		figures = append(figures, figure{"remote: warm read ÷ " + c.name, theirs / mine, true, c.goal, rate(bytes, mine) + " against " + rate(bytes, theirs)})
	}
	return figures, nil
}

// copyBlock copies a block of the rig's file into another store.
func copyBlock(ctx context.Context, r *rig, to *store.Store, i int) error {
	w, err := to.Create(blockid.Container(1).Block(i), store.CreateOptions{Reserve: blockSize})
	if err != nil {
		return err
	}
	src, err := r.link.Open(ctx, "x", ufs.OpenOptions{Offset: int64(i) * blockSize, Length: blockSize})
	if err == nil {
		_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{src}, make([]byte, 1<<20))
	}
	if err != nil {
		w.Abort()
		return err
	}
	_, err = w.Commit()
	return err
}

// measureSmall compares the latency of warm 4 KiB reads with that of a bare
// stream of one 4 KiB message.
func measureSmall(ctx context.Context, p params) ([]figure, error) {
	r, err := newRig(p.dir, 2*blockSize, &link{}, nil)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	if err := r.readFile(ctx, 0, blockSize, true); err != nil {
		return nil, err
	}
	sctx, cancel := context.WithCancel(ctx)
	defer cancel()
	addr, _, err := serve(sctx, func(s *rpc.Server) { blockpb.RegisterBlockWorkerServer(s, bare{}) })
	if err != nil {
		return nil, err
	}
	buf := make([]byte, rpc.ChunkBytes)
	rnd := rand.New(rand.NewPCG(1, 2))
	var ours, theirs []float64
	for i := range 1000 * p.rounds {
		off := rnd.Int64N(blockSize - 4096)
		for _, x := range []struct {
			addr   string
			verify bool
			list   *[]float64
		}{{r.addr, true, &ours}, {addr, false, &theirs}} {
			begin := time.Now()
			if err := readBlock(ctx, r.pool, x.addr, request(0, 0, off, 4096, blockSize), buf, x.verify); err != nil {
				return nil, err
			}
			if i >= 100 {
				*x.list = append(*x.list, time.Since(begin).Seconds())
			}
		}
	}
	a, b := percentile(ours, 0.99), percentile(theirs, 0.99)
	return []figure{{"small: p99 of a warm 4 KiB read ÷ bare stream", a / b, false, 1.5,
		fmt.Sprintf("%.0f µs against %.0f µs; medians %.0f, %.0f", a*1e6, b*1e6, median(ours)*1e6, median(theirs)*1e6)}}, nil
}
