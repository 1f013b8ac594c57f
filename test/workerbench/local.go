package main

import (
	"context"
	"io"
	"os"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/worker/store"
)

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
	first, bare, err := alternate(p.rounds, through(func(path string) (readerAtCloser, error) { return new(store.LocalFiles).Open(path, blockSize, store.Stamp{}) }), plain)
	if err != nil {
		return nil, err
	}
	kept := map[string]*store.LocalFile{}
	again := through(func(path string) (readerAtCloser, error) {
		f := kept[path]
		if f == nil {
			if f, err = new(store.LocalFiles).Open(path, blockSize, store.Stamp{}); err != nil {
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
