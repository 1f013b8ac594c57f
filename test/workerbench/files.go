package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// each calls f for 0 … n-1, so many at a time, and returns the seconds it took.
func each(n, atOnce int, f func(i int) error) (float64, error) {
	begin := time.Now()
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range n {
		g.Go(func() error { return f(i) })
	}
	err := g.Wait()
	return time.Since(begin).Seconds(), err
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
	ours, err := each(files, readers, func(i int) error {
		buf := buffers.Get().(*[]byte)
		defer buffers.Put(buf)
		return readBlock(ctx, r.pool, r.addr, r.request(i, 0, 0, size, size), *buf, true)
	})
	if err != nil {
		return nil, err
	}
	theirs, err := each(files, readers, func(int) error { return direct(ctx, l, "x", size, 1) })
	return []figure{{"files: 10,000 × 100 KiB cold ÷ bare loop (time)", ours / theirs, false, 1.3, fmt.Sprintf("%.2f s against %.2f s", ours, theirs)}}, err
}
