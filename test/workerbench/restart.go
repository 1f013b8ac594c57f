package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/worker/store"
)

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
