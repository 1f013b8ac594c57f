package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/worker/store"
)

// alternate times two things in turn, once each without counting, and returns the
// medians in seconds.
func alternate(rounds int, ours, theirs func() error) (a, b float64, err error) {
	var as, bs []float64
	for i := range rounds + 1 {
		for _, x := range []struct {
			f    func() error
			list *[]float64
		}{{ours, &as}, {theirs, &bs}} {
			begin := time.Now()
			if err := x.f(); err != nil {
				return 0, 0, err
			}
			if i > 0 {
				*x.list = append(*x.list, time.Since(begin).Seconds())
			}
		}
	}
	return median(as), median(bs), nil
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

func rate(bytes int64, seconds float64) string {
	return fmt.Sprintf("%.2f GB/s", float64(bytes)/seconds/1e9)
}

// measureLocal compares reads of block files in place, verified, with plain
// reads of the same files.
func measureLocal(ctx context.Context, p params) ([]figure, error) {
	r, err := newRig(p.dir, p.size+blockSize, &link{}, nil)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	if err := r.readFile(ctx, 0, p.size, true); err != nil {
		return nil, err
	}
	var paths []string
	for i := range int((p.size + blockSize - 1) / blockSize) {
		info, err := r.w.Block(blockid.Container(1).Block(i))
		if err != nil {
			return nil, err
		}
		paths = append(paths, info.Path)
	}
	buf := make([]byte, 1<<20)
	through := func(open func(path string) (readerAtCloser, error)) func() error {
		return func() error {
			for _, path := range paths {
				f, err := open(path)
				if err != nil {
					return err
				}
				err = readAll(f, buf)
				if cerr := f.Close(); err == nil {
					err = cerr
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	plain := through(func(path string) (readerAtCloser, error) { return os.Open(path) })
	first, bare, err := alternate(p.rounds, through(func(path string) (readerAtCloser, error) { return store.OpenLocal(path) }), plain)
	if err != nil {
		return nil, err
	}
	kept := map[string]*store.LocalFile{}
	again := through(func(path string) (readerAtCloser, error) {
		f := kept[path]
		if f == nil {
			if f, err = store.OpenLocal(path); err != nil {
				return nil, err
			}
			kept[path] = f
		}
		return unclosed{f}, nil
	})
	warm, bare2, err := alternate(p.rounds, again, plain)
	for _, f := range kept {
		_ = f.Close()
	}
	note := func(ours, theirs float64) string { return rate(p.size, ours) + " against " + rate(p.size, theirs) }
	return []figure{
		{"local: verified when first read ÷ plain read", bare / first, true, 0.5, note(first, bare)},
		{"local: read again ÷ plain read", bare2 / warm, true, 0.9, note(warm, bare2)},
	}, err
}

type readerAtCloser interface {
	io.ReaderAt
	io.Closer
}

// readAll reads a file in steps of buf.
func readAll(f io.ReaderAt, buf []byte) error {
	for off := int64(0); ; off += int64(len(buf)) {
		if _, err := f.ReadAt(buf, off); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

type unclosed struct{ io.ReaderAt }

func (unclosed) Close() error { return nil }

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

func percentile(list []float64, q float64) float64 {
	slices.Sort(list)
	return list[int(q*float64(len(list)-1))]
}

// direct downloads n bytes of an object over parallel connections.
func direct(ctx context.Context, l *link, path string, n int64, connections int) error {
	g, ctx := errgroup.WithContext(ctx)
	per := (n + int64(connections) - 1) / int64(connections)
	for off := int64(0); off < n; off += per {
		g.Go(func() error {
			r, err := l.Open(ctx, path, ufs.OpenOptions{Offset: off, Length: min(per, n-off)})
			if err != nil {
				return err
			}
			buf := make([]byte, 1<<20)
			for err == nil {
				_, err = io.ReadFull(r, buf)
			}
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}

// measureCold reads a cold file through a link of 100 MB/s a connection.
func measureCold(ctx context.Context, p params) ([]figure, error) {
	l := &link{latency: 10 * time.Millisecond, perSecond: p.link, size: func(string) int64 { return p.size }}
	r, err := newRig(p.dir, int64(p.rounds+2)*p.size, l, nil)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	file := 0
	l.take()
	var fetched int64
	ours, theirs, err := alternate(p.rounds, func() error {
		l.take()
		err := r.readFile(ctx, file, p.size, true)
		_, fetched = l.take()
		file++
		return err
	}, func() error { return direct(ctx, l, "x", p.size, 8) })
	return []figure{
		{"cold: sequential read ÷ direct download, 8 connections", theirs / ours, true, 0.95, rate(p.size, ours) + " against " + rate(p.size, theirs)},
		{"cold: bytes fetched ÷ size", float64(fetched) / float64(p.size), false, 1.02, ""},
	}, err
}

// measureRandom counts what random 4 KiB reads of a cold file fetch.
func measureRandom(ctx context.Context, p params) ([]figure, error) {
	l := &link{latency: time.Millisecond}
	r, err := newRig(p.dir, 2<<30, l, nil)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	buf := make([]byte, rpc.ChunkBytes)
	rnd := rand.New(rand.NewPCG(3, 4))
	pages := map[[2]int64]bool{}
	const reads = 500
	for range reads {
		i, off := rnd.IntN(16), rnd.Int64N(blockSize/4096)*4096
		pages[[2]int64{int64(i), off >> 20}] = true
		if err := readBlock(ctx, r.pool, r.addr, request(0, i, off, 4096, blockSize), buf, true); err != nil {
			return nil, err
		}
	}
	_, n := l.take()
	return []figure{{"random: bytes fetched ÷ pages touched, 4 KiB of 1 GiB", float64(n) / float64(len(pages)<<20), false, 1, fmt.Sprintf("%d reads, %d pages", reads, len(pages))}}, nil
}

// measureFull reads a working set of four times the cache, over and over.
func measureFull(ctx context.Context, p params) ([]figure, error) {
	const size, quota = 1 << 30, 256 << 20
	l := &link{latency: 5 * time.Millisecond, perSecond: p.link, size: func(string) int64 { return size }}
	r, err := newRig(p.dir, quota, l, nil)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	ours, theirs, err := alternate(max(1, p.rounds/2), func() error { return r.readFile(ctx, 0, size, true) },
		func() error { return direct(ctx, l, "x", size, 8) })
	return []figure{{"full: working set 4 × cache ÷ direct download", theirs / ours, true, 0.95, rate(size, ours) + " against " + rate(size, theirs)}}, err
}

// measureMany has 64 readers of one cold file.
func measureMany(ctx context.Context, p params) ([]figure, error) {
	const size = 48 << 20
	l := &link{latency: time.Millisecond, perSecond: 200e6, size: func(string) int64 { return size }}
	r, err := newRig(p.dir, 4*blockSize, l, nil)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	g, ctx := errgroup.WithContext(ctx)
	for range 64 {
		g.Go(func() error { return r.readFile(ctx, 0, size, true) })
	}
	err = g.Wait()
	_, n := l.take()
	return []figure{{"many: bytes fetched ÷ size, 64 readers", float64(n) / size, false, 1, ""}}, err
}

// measureFiles reads 10,000 cold files of 100 KiB over a link of 20 ms with 64
// readers, through the worker and directly.
func measureFiles(ctx context.Context, p params) ([]figure, error) {
	const files, size, readers = 10_000, 100 << 10, 64
	l := &link{latency: 20 * time.Millisecond, size: func(string) int64 { return size }}
	r, err := newRig(p.dir, 2<<30, l, nil)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	each := func(f func(i int) error) (float64, error) {
		begin := time.Now()
		var g errgroup.Group
		g.SetLimit(readers)
		for i := range files {
			g.Go(func() error { return f(i) })
		}
		err := g.Wait()
		return time.Since(begin).Seconds(), err
	}
	bufs := sync.Pool{New: func() any { b := make([]byte, rpc.ChunkBytes); return &b }}
	ours, err := each(func(i int) error {
		buf := bufs.Get().(*[]byte)
		defer bufs.Put(buf)
		return readBlock(ctx, r.pool, r.addr, request(i, 0, 0, size, size), *buf, true)
	})
	if err != nil {
		return nil, err
	}
	theirs, err := each(func(int) error { return direct(ctx, l, "x", size, 1) })
	return []figure{{"files: 10,000 × 100 KiB cold ÷ bare loop (time)", ours / theirs, false, 1.3, fmt.Sprintf("%.2f s against %.2f s", ours, theirs)}}, err
}

// measureRestart opens a store whose sidecars describe a million pages of 1 MiB.
// Of each block only a little is present, which changes nothing of the work.
func measureRestart(ctx context.Context, p params) ([]figure, error) {
	const blocks = 1 << 20 / (blockSize >> 20)
	opts := store.Options{PageSize: store.SpanSize, Tiers: []store.TierOptions{{Alias: "SSD", Dirs: []store.DirOptions{{Path: filepath.Join(p.dir, "store"), Quota: 1 << 50}}}}}
	s, err := store.New(opts)
	if err != nil {
		return nil, err
	}
	for i := range blocks {
		h, err := s.OpenFill(blockid.Container(i+1).Block(0), store.FillOptions{Length: blockSize, Fingerprint: "v1"}, zeros{})
		if err != nil {
			return nil, err
		}
		_, err = h.ReadAt(ctx, make([]byte, 1), 0)
		h.Close()
		if err != nil {
			return nil, err
		}
	}
	var times []float64
	for range p.rounds {
		begin := time.Now()
		s, err := store.New(opts)
		if err != nil {
			return nil, err
		}
		times = append(times, time.Since(begin).Seconds())
		if n := len(s.AllBlocks()); n != blocks {
			return nil, fmt.Errorf("%d of %d blocks after a restart", n, blocks)
		}
	}
	return []figure{{"restart: seconds to open a store of 1 M pages", median(times), false, 1, ""}}, nil
}

type zeros struct{}

func (zeros) Open(_ context.Context, _, n int64) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(zeroReader{}, n)), nil
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }
