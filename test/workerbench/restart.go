package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/worker/store"
)

const (
	restartQuota = 1 << 50
	restartRead  = 4 << 10 // bytes that are read after a restart, and that a small block has
)

// measureRestart starts workers over storage with a million pages of 1 MiB, and
// over p.blocks small blocks, and reads one block when the worker has registered.
func measureRestart(ctx context.Context, p params) ([]figure, error) {
	const large = 1 << 20 / (blockSize >> 20)
	var figures []figure
	for _, m := range []struct {
		what   string
		blocks int
		length int64
		fill   func(ctx context.Context, s *store.Store, id blockid.ID) error
	}{
		{"1 M pages", large, blockSize, fillLarge},
		{fmt.Sprintf("%d small blocks", p.blocks), p.blocks, restartRead, fillSmall},
	} {
		folder := filepath.Join(p.dir, fmt.Sprint(m.blocks))
		if err := fillStore(ctx, filepath.Join(folder, "store"), m.blocks, m.fill); err != nil {
			return nil, err
		}
		r := restarts{folder: folder, blocks: m.blocks, length: m.length}
		for range p.rounds {
			if err := r.once(ctx); err != nil {
				return nil, err
			}
		}
		figures = append(figures, figure{"restart: seconds until a worker with " + m.what + " serves", median(r.serves), false, 1,
			fmt.Sprintf("all are known after %.1f s, in %.0f bytes of memory a block", median(r.knows), median(r.memory))})
	}
	return figures, nil
}

// restarts are starts of a worker over one folder.
type restarts struct {
	folder                string
	blocks                int
	length                int64
	serves, knows, memory []float64 // seconds, seconds, bytes a block
}

func (r *restarts) once(ctx context.Context) error {
	before, begin := heap(), time.Now()
	rig, err := newRig(r.folder, restartQuota, &link{}, nil)
	if err != nil {
		return err
	}
	err = readBlock(ctx, rig.pool, rig.addr, rig.request(r.blocks/2, 0, 0, restartRead, r.length), make([]byte, rpc.ChunkBytes), true)
	r.serves = append(r.serves, time.Since(begin).Seconds())
	for err == nil && len(rig.w.Blocks()) < r.blocks && sleep(ctx, 20*time.Millisecond) {
		err = ctx.Err()
	}
	r.knows = append(r.knows, time.Since(begin).Seconds())
	r.memory = append(r.memory, (heap()-before)/float64(r.blocks))
	if fetched, _ := rig.link.take(); fetched > 0 && err == nil {
		err = fmt.Errorf("%d requests to the store below after a restart", fetched)
	}
	return first(err, rig.stop())
}

// heap is the memory in use in bytes.
func heap() float64 {
	var m runtime.MemStats
	for range 3 { // what finalizers let go is free after the next
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// fillStore makes a store with n blocks, each of a file of its own.
func fillStore(ctx context.Context, dir string, n int, fill func(context.Context, *store.Store, blockid.ID) error) error {
	s, err := store.New(store.Options{PageSize: store.SpanSize, Tiers: []store.TierOptions{{Alias: "MEM", Dirs: []store.DirOptions{{Path: dir, Quota: restartQuota}}}}})
	if err != nil {
		return err
	}
	for i := range n {
		if err := fill(ctx, s, blockid.Container(i+1).Block(0)); err != nil {
			return err
		}
	}
	ended, end := context.WithCancel(ctx)
	end()
	return s.Run(ended) // everything is on disk then
}

// fillLarge begins a large block. Of each only a little is present, which changes
// nothing of the work: its sidecar is as long as if all were.
func fillLarge(ctx context.Context, s *store.Store, id blockid.ID) error {
	h, err := s.OpenFill(id, store.FillOptions{Length: blockSize, Fingerprint: "v1"}, patternSource{})
	if err != nil {
		return err
	}
	defer h.Close()
	_, err = h.ReadAt(ctx, make([]byte, 1), 0)
	h.Settle(ctx)
	return err
}

func fillSmall(_ context.Context, s *store.Store, id blockid.ID) error {
	w, err := s.Create(id, store.CreateOptions{Fingerprint: "v1"})
	if err != nil {
		return err
	}
	if _, err := w.Write(pattern[:restartRead]); err != nil {
		return err
	}
	_, err = w.Commit()
	return err
}

// patternSource has the content of every object, as far as it is needed.
type patternSource struct{}

func (patternSource) Open(_ context.Context, off, n int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(pattern[off : off+n])), nil
}
