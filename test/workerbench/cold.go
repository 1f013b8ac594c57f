package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/ufs"
)

// buffers are what readers read into.
var buffers = sync.Pool{New: func() any { b := make([]byte, rpc.ChunkBytes); return &b }}

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
			buf := buffers.Get().(*[]byte)
			defer buffers.Put(buf)
			for err == nil {
				_, err = io.ReadFull(r, *buf)
			}
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}

// bestDirect returns the number of connections with which download is fastest.
func bestDirect(download func(connections int) error) (best int, err error) {
	var least time.Duration
	for _, n := range []int{4, 8, 16} {
		begin := time.Now()
		if err := download(n); err != nil {
			return 0, err
		}
		if took := time.Since(begin); best == 0 || took < least {
			best, least = n, took
		}
	}
	return best, nil
}

// measureCold reads cold files of several sizes through a link of 100 MB/s a
// connection.
func measureCold(ctx context.Context, p params) ([]figure, error) {
	var figures []figure
	for i, size := range []int64{p.size / 4, p.size, 4 * p.size} {
		dir := filepath.Join(p.dir, strconv.Itoa(i))
		some, err := measureColdSize(ctx, dir, size, p)
		if rerr := os.RemoveAll(dir); err == nil {
			err = rerr
		}
		if err != nil {
			return nil, err
		}
		figures = append(figures, some...)
	}
	return figures, nil
}

func measureColdSize(ctx context.Context, dir string, size int64, p params) ([]figure, error) {
	l := &link{latency: 10 * time.Millisecond, perSecond: p.link, size: func(string) int64 { return size }}
	quota := min(int64(p.rounds+1)*size, 2<<30) + blockSize
	r, err := newRig(dir, quota, l, nil)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	connections, err := bestDirect(func(n int) error { return direct(ctx, l, "x", size, n) })
	if err != nil {
		return nil, err
	}
	file := 0
	var fetched int64
	ours, theirs, err := alternateTimed(p.rounds, func() (time.Duration, error) {
		if err := warmUp(dir, size+blockSize); err != nil {
			return 0, err
		}
		l.take()
		begin := time.Now()
		err := r.readFile(ctx, file, size, true)
		took := time.Since(begin)
		_, fetched = l.take()
		file++
		return took, err
	}, timed(func() error { return direct(ctx, l, "x", size, connections) }))
	name := fmt.Sprintf("cold: sequential read of %d MB ", size>>20)
	return []figure{
		{name + "÷ direct download", theirs / ours, true, 0.95, fmt.Sprintf("%s against %s on %d connections", rate(size, ours), rate(size, theirs), connections)},
		{name + "fetched ÷ size", float64(fetched) / float64(size), false, 1.02, ""},
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
		if err := readBlock(ctx, r.pool, r.addr, r.request(0, i, off, 4096, blockSize), buf, true); err != nil {
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
