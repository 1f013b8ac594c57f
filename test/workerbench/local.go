package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/alluxio-go/alluxio/client"
)

// measureLocal compares reads through the client on the worker's machine with plain
// reads of the same block files: of files that are open, and of the first pass over
// one by a new client, whether the worker has verified it or not.
func measureLocal(ctx context.Context, p params) ([]figure, error) {
	s, files, err := newWarm(ctx, p, []int64{64 << 10, 1 << 20, 64 << 20, p.size})
	if err != nil {
		return nil, err
	}
	figures, err := s.measureLocal(ctx, p, files)
	return figures, errors.Join(err, s.close())
}

func (s *stack) measureLocal(ctx context.Context, p params, files []warmFile) ([]figure, error) {
	figures, err := compare(files, p, []int{1, 4}, []way{
		reading(1<<20, "Read of 1 MiB"), reading(128<<10, "Read of 128 KiB"), reading(4<<10, "Read of 4 KiB"),
		jumping(64<<10, "ReadAt of 64 KiB"), jumping(4<<10, "ReadAt of 4 KiB"),
	}, "local", func(f warmFile) (reader, func() error, error) {
		r, err := s.client.Open(ctx, f.path, client.OpenOptions{})
		return r, r.Close, err
	})
	if err != nil {
		return nil, err
	}
	for _, c := range []struct {
		name    string
		touched bool
		bound   float64
	}{
		{"local: first pass of a client ÷ plain read", false, 0.9},
		{"local: the same, not verified by the worker before", true, 0.3},
	} {
		f := files[len(files)-1]
		ours, theirs, err := alternateTimed(p.rounds, func() (time.Duration, error) { return s.firstPass(ctx, f, c.touched) }, timed(f.readPlain))
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{c.name, theirs / ours, true, c.bound, rate(f.size, ours) + " against " + rate(f.size, theirs)})
	}
	return figures, nil
}

// firstPass times one pass over a file by a new client that is connected. Blocks
// that were touched have to be verified anew.
func (s *stack) firstPass(ctx context.Context, f warmFile, touched bool) (time.Duration, error) {
	if touched {
		for _, path := range f.blocks {
			if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil {
				return 0, err
			}
		}
	}
	c, err := client.New(s.conf, client.Options{})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if _, err := c.Stat(ctx, f.path, client.StatOptions{}); err != nil {
		return 0, err
	}
	begin := time.Now()
	r, err := c.Open(ctx, f.path, client.OpenOptions{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	w := reading(1<<20, "")
	err = w.read(r, f.size, make([]byte, w.buf))
	return time.Since(begin), err
}

func (f warmFile) readPlain() error {
	r, err := f.openPlain()
	if err != nil {
		return err
	}
	defer r.Close()
	w := reading(1<<20, "")
	return w.read(r, f.size, make([]byte, w.buf))
}
