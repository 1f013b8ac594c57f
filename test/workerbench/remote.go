package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/rpc"
)

const remoteConns = 8 // connections of a client to a worker

// remoteRig is the product with a cached file, read over gRPC only, and what it is
// compared with.
type remoteRig struct {
	*stack
	*others
	file warmFile
	info *client.FileInfo
}

func newRemote(ctx context.Context, p params, size int64) (*remoteRig, error) {
	s, files, err := newWarm(ctx, p, []int64{size}, "alluxio.user.short.circuit.enabled=false")
	if err != nil {
		return nil, err
	}
	r := &remoteRig{stack: s, file: files[0]}
	if r.info, err = s.client.Stat(ctx, r.file.path, client.StatOptions{}); err == nil {
		r.others, err = startOthers(ctx, filepath.Join(p.dir, "store", "alluxioworker"), remoteConns)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return r, nil
}

func (r *remoteRig) close() error { return errors.Join(r.others.stop(), r.stack.close()) }

// measureRemote compares warm reads through the client and a worker with bare
// streams.
func measureRemote(ctx context.Context, p params) ([]figure, error) {
	r, err := newRemote(ctx, p, min(p.size, 2*blockSize))
	if err != nil {
		return nil, err
	}
	figures, err := r.measureRemote(ctx, p)
	return figures, errors.Join(err, r.close())
}

func (r *remoteRig) measureRemote(ctx context.Context, p params) ([]figure, error) {
	each := func(read func(buf []byte, id, n int64) error) func() error {
		return func() error {
			buf := make([]byte, rpc.ChunkBytes)
			for i, b := range r.info.Blocks {
				if err := read(buf, b.ID, min(blockSize, r.file.size-int64(i)*blockSize)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	ours := func() error {
		f, err := r.client.Open(ctx, r.file.path, client.OpenOptions{})
		if err != nil {
			return err
		}
		defer f.Close()
		w := reading(rpc.ChunkBytes, "")
		return w.read(f, r.file.size, make([]byte, w.buf))
	}
	var figures []figure
	for _, c := range []struct {
		name    string
		readers []int
		goal    float64
		read    func() error
	}{
		{"a bare stream", []int{1, 4, 16}, 0.75, each(func(buf []byte, id, n int64) error { return r.read(ctx, blockRequest(id, 0, n), buf) })},
		{"plain protobuf messages", []int{1, 4, 16}, 1.3, each(func(buf []byte, id, n int64) error { return r.readPlain(ctx, blockRequest(id, 0, n), buf) })},
	} {
		for _, n := range c.readers {
			mine, theirs, err := alternate(max(3, 2*p.rounds/n), at(n, ours), at(n, c.read))
			if err != nil {
				return nil, err
			}
			bytes := r.file.size * int64(n)
			figures = append(figures, figure{fmt.Sprintf("remote: warm read ÷ %s, %d at a time", c.name, n), theirs / mine, true, c.goal,
				rate(bytes, mine) + " against " + rate(bytes, theirs)})
		}
	}
	return figures, nil
}

// at does something n times at once.
func at(n int, f func() error) func() error {
	return func() error {
		var g errgroup.Group
		for range n {
			g.Go(f)
		}
		return g.Wait()
	}
}

// measureSmall compares the latency of warm 4 KiB reads through the client and a
// worker with that of a unary echo of 4 KiB and of a bare stream of one message.
func measureSmall(ctx context.Context, p params) ([]figure, error) {
	r, err := newRemote(ctx, p, blockSize)
	if err != nil {
		return nil, err
	}
	figures, err := r.measureSmall(ctx, p)
	return figures, errors.Join(err, r.close())
}

func (r *remoteRig) measureSmall(ctx context.Context, p params) ([]figure, error) {
	const size = 4096
	f, err := r.client.Open(ctx, r.file.path, client.OpenOptions{})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	payload := strings.Repeat("x", size)
	id := r.info.Blocks[0].ID
	ways := []func(off int64, buf []byte) error{
		func(off int64, buf []byte) error {
			if _, err := f.ReadAt(buf, off); err != nil {
				return err
			}
			if !right(buf, off) {
				return fmt.Errorf("wrong bytes at %d", off)
			}
			return nil
		},
		func(int64, []byte) error { return r.echo(ctx, payload) },
		func(off int64, buf []byte) error { return r.read(ctx, blockRequest(id, off, size), buf) },
	}
	var figures []figure
	for _, readers := range []int{1, 16} {
		took, err := latencies(readers, 1000*p.rounds, ways, func(rnd *rand.Rand) int64 { return rnd.Int64N(r.file.size - size) }, size)
		if err != nil {
			return nil, err
		}
		ours := percentile(took[0], 0.99)
		for i, name := range []string{"", "unary echo", "bare stream"} {
			if i == 0 {
				continue
			}
			theirs := percentile(took[i], 0.99)
			figures = append(figures, figure{fmt.Sprintf("small: p99 of a warm 4 KiB read ÷ %s, %d at a time", name, readers), ours / theirs, false, 1.5,
				fmt.Sprintf("%.0f µs against %.0f µs; medians %.0f, %.0f", ours*1e6, theirs*1e6, median(took[0])*1e6, median(took[i])*1e6)})
		}
	}
	return figures, nil
}

// latencies does things in turn, n times each in all, by several callers at once,
// and returns how long each took in seconds.
func latencies(callers, n int, ways []func(off int64, buf []byte) error, place func(*rand.Rand) int64, size int) ([][]float64, error) {
	const unmeasured = 50 // of each caller, at first
	took := make([][]float64, len(ways))
	var mu sync.Mutex
	var g errgroup.Group
	for c := range callers {
		g.Go(func() error {
			rnd := rand.New(rand.NewPCG(uint64(c), 2))
			buf := make([]byte, size)
			mine := make([][]float64, len(ways))
			for i := range n/callers + unmeasured {
				for w, f := range ways {
					off := place(rnd)
					begin := time.Now()
					if err := f(off, buf); err != nil {
						return err
					}
					if i >= unmeasured {
						mine[w] = append(mine[w], time.Since(begin).Seconds())
					}
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for w := range ways {
				took[w] = append(took[w], mine[w]...)
			}
			return nil
		})
	}
	return took, g.Wait()
}
