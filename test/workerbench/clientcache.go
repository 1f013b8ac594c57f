package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

// fewBytes is the size of a file that is read over TCP in steps of 4 KiB, a
// request each.
const fewBytes = 20 << 20

// measureClientCache compares reads from the page cache of a client with plain
// reads of the same bytes from the same file system, and with reads of the same
// warm file from a worker over TCP. The first read through a page cache, which
// fills it, is compared with one without.
func measureClientCache(ctx context.Context, p params) ([]figure, error) {
	s, files, err := newWarm(ctx, p, []int64{p.size, fewBytes}, "alluxio.user.short.circuit.enabled=false")
	if err != nil {
		return nil, err
	}
	figures, err := s.measureClientCache(ctx, p, files[0], files[1])
	return figures, errors.Join(err, s.close())
}

// cachingClient returns a client with a page cache in a folder.
func (s *stack) cachingClient(p params, dir string) (*client.Client, error) {
	conf, err := s.conf.With(config.SourceSystem, map[string]string{
		config.UserClientCacheEnabled.Name(): "true",
		config.UserClientCacheDirs.Name():    dir,
		config.UserClientCacheSize.Name():    strconv.FormatInt(2*p.size, 10),
	})
	if err != nil {
		return nil, err
	}
	return client.New(conf, client.Options{})
}

func (s *stack) measureClientCache(ctx context.Context, p params, f, small warmFile) ([]figure, error) {
	cached, err := s.cachingClient(p, filepath.Join(p.dir, "pages"))
	if err != nil {
		return nil, err
	}
	defer cached.Close()
	var figures []figure
	for _, c := range []struct {
		way           way
		plain, remote float64 // goals
	}{
		{reading(1<<20, "Read of 1 MiB"), 0.7, 2},
		{reading(128<<10, "Read of 128 KiB"), 0.7, 2},
		{reading(4<<10, "Read of 4 KiB"), 0.7, 2},
		{jumping(64<<10, "ReadAt of 64 KiB"), 0.7, 3},
		{jumping(4<<10, "ReadAt of 4 KiB"), 0.2, 5},
	} {
		file := f
		if c.way.buf == 4<<10 {
			file = small
		}
		ours, err := s.openOften(ctx, cached, file, c.way)
		if err != nil {
			return nil, err
		}
		remote, err := s.openOften(ctx, s.client, file, c.way)
		if err != nil {
			return nil, err
		}
		plain, err := repeated(file, 1, c.way, func() (reader, func() error, error) {
			r, err := file.openPlain()
			return r, r.Close, err
		})
		if err != nil {
			return nil, err
		}
		a, b, err := alternate(p.rounds, ours.run, plain.run)
		if err != nil {
			return nil, err
		}
		a2, b2, err := alternate(min(p.rounds, 3), ours.run, remote.run)
		if err = errors.Join(err, ours.close(), plain.close(), remote.close()); err != nil {
			return nil, err
		}
		bytes := file.size * int64(ours.times)
		figures = append(figures,
			figure{"client cache: " + c.way.name + " ÷ plain read", b / a, true, c.plain, rate(bytes, a) + " against " + rate(bytes, b)},
			figure{"client cache: " + c.way.name + " ÷ remote read", b2 / a2, true, c.remote, rate(bytes, a2) + " against " + rate(bytes, b2)})
	}
	first, err := s.measureFilling(ctx, p, f)
	return append(figures, first), err
}

func (s *stack) openOften(ctx context.Context, c *client.Client, f warmFile, w way) (*repeats, error) {
	return repeated(f, 1, w, func() (reader, func() error, error) {
		r, err := c.Open(ctx, f.path, client.OpenOptions{})
		if err != nil {
			return nil, nil, err
		}
		return r, r.Close, nil
	})
}

// firstRead times a read of a file by a new client, with an empty page cache or
// without any.
func (s *stack) firstRead(ctx context.Context, p params, path string, size int64, caching bool) (took time.Duration, err error) {
	c, dir := (*client.Client)(nil), filepath.Join(p.dir, "empty")
	if caching {
		c, err = s.cachingClient(p, dir)
	} else {
		c, err = client.New(s.conf, client.Options{})
	}
	if err != nil {
		return 0, err
	}
	if _, err := c.Stat(ctx, path, client.StatOptions{}); err != nil {
		return 0, err
	}
	begin := time.Now()
	r, err := c.Open(ctx, path, client.OpenOptions{})
	if err != nil {
		return 0, err
	}
	w := reading(1<<20, "")
	err = w.read(r, size, make([]byte, w.buf))
	took = time.Since(begin)
	return took, errors.Join(err, r.Close(), c.Close(), os.RemoveAll(dir))
}

// measureFilling reads a file that its worker has in memory for the first time
// through a page cache, and without one. All of it shares the processors of one
// machine, so that writing pages is seen whole.
func (s *stack) measureFilling(ctx context.Context, p params, f warmFile) (figure, error) {
	ours, theirs, err := alternateTimed(p.rounds,
		func() (time.Duration, error) { return s.firstRead(ctx, p, f.path, f.size, true) },
		func() (time.Duration, error) { return s.firstRead(ctx, p, f.path, f.size, false) })
	return figure{"client cache: first read of a warm file, filling it ÷ without", theirs / ours, true, 0.3,
		fmt.Sprintf("%s against %s", rate(f.size, ours), rate(f.size, theirs))}, err
}

// slowLink is the share of the link that is measured with when writing pages is not
// to compete for processors with the store, the worker and the client.
const slowLink = 0.15

// measureClientCacheCold does the same for a file that only a store has, behind a
// slow link.
func measureClientCacheCold(ctx context.Context, p params) ([]figure, error) {
	s, err := newStack(ctx, p, kodotest.Limits{Latency: 10 * time.Millisecond, PerConnBytesPerSec: int64(slowLink * p.link)}, 2*p.size,
		"alluxio.user.short.circuit.enabled=false")
	if err != nil {
		return nil, err
	}
	p.size, p.rounds = p.size/2, min(p.rounds, 3)
	fig, err := s.measureFillingCold(ctx, p)
	return []figure{fig}, errors.Join(err, s.close())
}

func (s *stack) measureFillingCold(ctx context.Context, p params) (figure, error) {
	if err := s.put("big", bytes.Repeat(pattern, int(p.size)/len(pattern)+1)[:p.size]); err != nil {
		return figure{}, err
	}
	cold := func(caching bool) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			if err := s.cool(ctx, "/big"); err != nil {
				return 0, err
			}
			return s.firstRead(ctx, p, "/big", p.size, caching)
		}
	}
	if _, err := s.client.Stat(ctx, "/big", client.StatOptions{}); err != nil {
		return figure{}, err
	}
	ours, theirs, err := alternateTimed(p.rounds, cold(true), cold(false))
	return figure{"client cache: first read of a file behind a slow link, filling it ÷ without", theirs / ours, true, 0.85,
		fmt.Sprintf("%s against %s", rate(p.size, ours), rate(p.size, theirs))}, err
}
