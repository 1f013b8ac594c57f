package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

// warmFile is a file that is wholly cached, with the files of its blocks.
type warmFile struct {
	path   string
	size   int64
	blocks []string
}

// newWarm starts the product and caches files of the given sizes in it.
func newWarm(ctx context.Context, p params, sizes []int64, properties ...string) (s *stack, files []warmFile, err error) {
	quota := int64(blockSize)
	for _, size := range sizes {
		quota += size
	}
	if s, err = newStack(ctx, p, kodotest.Limits{}, quota, properties...); err != nil {
		return nil, nil, err
	}
	for _, size := range sizes {
		f, err := s.warm(ctx, p, size)
		if err != nil {
			_ = s.close()
			return nil, nil, err
		}
		files = append(files, f)
	}
	return s, files, nil
}

// warm writes a file into the cache only.
func (s *stack) warm(ctx context.Context, p params, size int64) (warmFile, error) {
	f := warmFile{path: "/warm-" + strconv.FormatInt(size, 10), size: size}
	w, err := s.client.Create(ctx, f.path, client.CreateOptions{WriteType: client.MustCache})
	if err != nil {
		return f, err
	}
	for at := int64(0); at < size && err == nil; {
		piece := pattern[at%int64(len(pattern)):]
		n := min(int64(len(piece)), size-at)
		_, err = w.Write(piece[:n])
		at += n
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return f, err
	}
	info, err := s.client.Stat(ctx, f.path, client.StatOptions{})
	if err != nil {
		return f, err
	}
	for _, b := range info.Blocks {
		f.blocks = append(f.blocks, filepath.Join(p.dir, "store", "alluxioworker", strconv.FormatInt(b.ID, 10)))
	}
	return f, nil
}

// plainFile reads the files of blocks one after another, as if they were one.
type plainFile struct {
	files []*os.File
	pos   int64
	size  int64
}

func (f warmFile) openPlain() (*plainFile, error) {
	p := &plainFile{size: f.size}
	for _, path := range f.blocks {
		file, err := os.Open(path)
		if err != nil {
			_ = p.Close()
			return nil, err
		}
		p.files = append(p.files, file)
	}
	return p, nil
}

func (p *plainFile) Read(b []byte) (int, error) {
	n, err := p.ReadAt(b, p.pos)
	p.pos += int64(n)
	return n, err
}

func (p *plainFile) ReadAt(b []byte, off int64) (int, error) {
	if off >= p.size {
		return 0, io.EOF
	}
	n, err := p.files[off/blockSize].ReadAt(b, off%blockSize)
	if err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}

func (p *plainFile) Seek(off int64, _ int) (int64, error) {
	p.pos = off
	return off, nil
}

func (p *plainFile) Close() error {
	var err error
	for _, f := range p.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// reader is what a way of reading needs of a file.
type reader interface {
	io.ReadSeeker
	io.ReaderAt
}

// way is a way of reading all of a file, or as many bytes as it has.
type way struct {
	name string
	read func(r reader, size int64, buf []byte) error
	buf  int
}

// reading reads a file from the start to its end, in steps of a size.
func reading(step int, name string) way {
	return way{name, func(r reader, size int64, buf []byte) error {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return err
		}
		n, err := io.CopyBuffer(writerOnly{io.Discard}, readerOnly{r}, buf)
		if err == nil && n != size {
			err = fmt.Errorf("%d bytes instead of %d", n, size)
		}
		return err
	}, step}
}

// jumping reads as many bytes as a file has, in steps at scattered places.
func jumping(step int, name string) way {
	return way{name, func(r reader, size int64, buf []byte) error {
		steps := size / int64(step)
		for i, at := int64(0), int64(0); i < steps; i++ {
			at = (at + 7919) % steps
			if _, err := r.ReadAt(buf, at*int64(step)); err != nil && err != io.EOF {
				return err
			}
		}
		return nil
	}, step}
}

// compare reads warm files through readers that open makes, and plainly, in several
// ways by several threads. Each way is a figure: the worst of the files.
func compare(files []warmFile, p params, threads []int, ways []way, name string, open func(f warmFile) (reader, func() error, error)) ([]figure, error) {
	var figures []figure
	for _, w := range ways {
		for _, n := range threads {
			fig := figure{name: fmt.Sprintf("%s, %s, %d at a time", name, w.name, n), value: 1e9, atLeast: true, bound: 0.9}
			var notes []string
			for _, f := range files {
				ours, err := repeated(f, n, w, func() (reader, func() error, error) { return open(f) })
				if err != nil {
					return nil, err
				}
				theirs, err := repeated(f, n, w, func() (reader, func() error, error) {
					p, err := f.openPlain()
					return p, p.Close, err
				})
				if err != nil {
					return nil, err
				}
				a, b, err := alternate(p.rounds, ours.run, theirs.run)
				if err = errors.Join(err, ours.close(), theirs.close()); err != nil {
					return nil, err
				}
				fig.value = min(fig.value, b/a)
				notes = append(notes, fmt.Sprintf("%s %.2f", human(f.size), b/a))
			}
			fig.note = strings.Join(notes, ", ")
			figures = append(figures, fig)
		}
	}
	return figures, nil
}

// repeats reads a file by several threads, often enough to be timed.
type repeats struct {
	file    warmFile
	way     way
	times   int
	readers []reader
	bufs    [][]byte
	closers []func() error
}

// timedBytes is how much each thread reads at least.
const timedBytes = 64 << 20

func repeated(f warmFile, threads int, w way, open func() (reader, func() error, error)) (*repeats, error) {
	t := &repeats{file: f, way: w, times: int(max(1, timedBytes/f.size))}
	for range threads {
		r, closer, err := open()
		if err != nil {
			_ = t.close()
			return nil, err
		}
		t.readers, t.closers = append(t.readers, r), append(t.closers, closer)
		t.bufs = append(t.bufs, make([]byte, w.buf))
	}
	return t, nil
}

func (t *repeats) run() error {
	var g errgroup.Group
	for i, r := range t.readers {
		g.Go(func() error {
			for range t.times {
				if err := t.way.read(r, t.file.size, t.bufs[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func (t *repeats) close() error {
	var err error
	for _, c := range t.closers {
		err = errors.Join(err, c())
	}
	return err
}

// human prints a number of bytes that is a power of two or nearly.
func human(n int64) string {
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if n < 1<<10 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n >>= 10
	}
	return fmt.Sprintf("%d GiB", n)
}
