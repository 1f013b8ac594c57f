package soak

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// stored returns what the bucket holds at a path, nil for nothing.
func (w *worker) stored(path string) []byte {
	data, err := w.s.srv.Get(bucket, "root/"+path)
	if err != nil {
		return nil
	}
	return append([]byte{}, data...)
}

// wrong notes something that was not as stored.
func (w *worker) wrong(format string, args ...any) {
	w.s.note(&w.s.report.Wrong, "wrong: "+format, args...)
}

// settle checks a change of path after it was reported as done (err nil) or
// failed. A failed one may have taken effect, but only as a whole.
func (w *worker) settle(path string, after []byte, err error) {
	before, now := w.files[path], w.stored(path)
	switch {
	case same(now, after):
	case err != nil && same(now, before):
		return
	case err == nil:
		w.s.note(&w.s.report.Lost, "lost: %s has %d bytes, not the %d acknowledged", path, len(now), len(after))
	default:
		w.s.note(&w.s.report.Lost, "lost: %s has %d bytes after a failed change from %d to %d: %v", path, len(now), len(before), len(after), err)
	}
	if now == nil {
		delete(w.files, path)
	} else {
		w.files[path] = now
	}
}

// same reports whether both are absent, or have the same bytes.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func (w *worker) create(ctx context.Context) error {
	path, data := w.name(), w.content()
	exclusive := w.rand.IntN(4) == 0
	out, err := w.s.u.Create(ctx, path, ufs.CreateOptions{Exclusive: exclusive})
	if err == nil {
		if _, err = out.Write(data); err == nil {
			_, err = out.Commit(ctx)
		} else {
			_ = out.Abort(ctx) // err says why
		}
	}
	if exclusive && w.files[path] != nil {
		if err == nil {
			w.wrong("%s was created although it existed", path)
		}
		if errors.Is(err, errors.Exists) {
			err = nil
		}
		w.settle(path, w.files[path], err)
		return err
	}
	w.settle(path, data, err)
	return err
}

// abandon begins to write and gives up.
func (w *worker) abandon(ctx context.Context) error {
	path, data := w.name(), w.content()
	out, err := w.s.u.Create(ctx, path, ufs.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	if abortErr := out.Abort(ctx); err == nil {
		err = abortErr
	}
	if now := w.stored(path); !same(now, w.files[path]) {
		w.wrong("an abandoned write changed %s", path)
	}
	return err
}

func (w *worker) read(ctx context.Context) error {
	path := w.existing()
	want := w.files[path]
	opts := ufs.OpenOptions{Length: -1}
	if len(want) > 0 && w.rand.IntN(2) == 0 {
		opts.Offset = w.rand.Int64N(int64(len(want)))
		opts.Length = 1 + w.rand.Int64N(int64(len(want))-opts.Offset)
	}
	in, err := w.s.u.Open(ctx, path, opts)
	if errors.Is(err, errors.NotFound) {
		if want != nil {
			w.wrong("%s is not found", path)
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	got, err := io.ReadAll(in)
	want = want[opts.Offset:]
	if opts.Length >= 0 {
		want = want[:opts.Length]
	}
	if len(got) > len(want) || !bytes.Equal(got, want[:len(got)]) || err == nil && len(got) < len(want) {
		w.wrong("%s: %d other bytes than the %d stored (%v)", path, len(got), len(want), err)
	}
	return err
}

func (w *worker) stat(ctx context.Context) error {
	path := w.name()
	info, err := w.s.u.Stat(ctx, path)
	want := w.files[path]
	switch {
	case errors.Is(err, errors.NotFound):
		if want != nil {
			w.wrong("%s is not found", path)
		}
		return nil
	case err == nil && (want == nil || info.Size != int64(len(want)) || info.Dir):
		w.wrong("%s: stat says %+v, it has %d bytes", path, info, len(want))
	}
	return err
}

func (w *worker) list(ctx context.Context) error {
	var got []string
	for info, err := range w.s.u.List(ctx, w.dir, ufs.ListOptions{Recursive: true}) {
		if errors.Is(err, errors.NotFound) && len(w.files) == 0 {
			break
		}
		if err != nil {
			return err
		}
		if !info.Dir {
			got = append(got, info.Path)
		}
	}
	if want := slices.Sorted(maps.Keys(w.files)); !slices.Equal(got, want) {
		w.wrong("%s lists %d files, not %d", w.dir, len(got), len(want))
	}
	return nil
}

func (w *worker) rename(ctx context.Context) error {
	src, dst := w.existing(), w.name()
	if src == dst {
		return nil
	}
	data := w.files[src]
	err := w.s.u.Rename(ctx, src, dst)
	if data == nil {
		if errors.Is(err, errors.NotFound) {
			return nil
		}
		if err == nil {
			w.wrong("%s was renamed although it is absent", src)
		}
		return err
	}
	if err != nil && same(w.stored(src), data) {
		return err
	}
	w.settle(dst, data, err)
	w.settle(src, nil, err)
	return err
}

func (w *worker) remove(ctx context.Context) error {
	path := w.existing()
	err := w.s.u.Delete(ctx, path)
	if w.files[path] == nil && errors.Is(err, errors.NotFound) {
		return nil
	}
	w.settle(path, nil, err)
	return err
}

func (w *worker) removeMany(ctx context.Context) error {
	paths := []string{w.name(), w.name(), w.existing(), w.existing()}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	deleter, ok := ufs.As[ufs.BatchDeleter](w.s.u)
	if !ok {
		return errors.E("delete files", w.dir, errors.Unsupported, nil)
	}
	var failed error
	for i, err := range deleter.DeleteFiles(ctx, paths) {
		w.settle(paths[i], nil, err)
		if err != nil {
			failed = err
		}
	}
	return failed
}

// renameDir moves a directory away, and moves it back.
func (w *worker) renameDir(ctx context.Context) error {
	src, dst := w.dir+"/a", w.dir+"/moved"
	mover, ok := ufs.As[ufs.DirRenamer](w.s.u)
	if !ok {
		return errors.E("rename directory", w.dir, errors.Unsupported, nil)
	}
	err := w.moveDir(ctx, mover, src, dst)
	if err == nil {
		err = w.moveDir(ctx, mover, dst, src)
	}
	return err
}

// moveDir moves a directory; after a failure it finishes the move by repeating
// it, as the contract says.
func (w *worker) moveDir(ctx context.Context, mover ufs.DirRenamer, src, dst string) error {
	var moved []string
	for path := range w.files {
		if strings.HasPrefix(path, src+"/") {
			moved = append(moved, path)
		}
	}
	err := mover.RenameDir(ctx, src, dst)
	if len(moved) == 0 && errors.Is(err, errors.NotFound) {
		return nil
	}
	for tries := 0; err != nil && tries < 10 && ctx.Err() == nil; tries++ {
		err = mover.RenameDir(ctx, src, dst)
	}
	for _, path := range moved {
		data := w.files[path]
		w.settle(dst+strings.TrimPrefix(path, src), data, err)
		w.settle(path, nil, err)
	}
	return err
}

// compare checks the whole directory against the model, without requests.
func (w *worker) compare(when string) {
	var keys []string
	for _, key := range w.s.srv.Keys(bucket) {
		if path, ok := strings.CutPrefix(key, "root/"+w.dir+"/"); ok && !strings.HasSuffix(path, "/") {
			keys = append(keys, w.dir+"/"+path)
		}
	}
	if want := slices.Sorted(maps.Keys(w.files)); !slices.Equal(keys, want) {
		w.s.note(&w.s.report.Lost, "lost: %s: %s holds %q, not %q", when, w.dir, keys, want)
	}
	for path, want := range w.files {
		if got := w.stored(path); !same(got, want) {
			w.s.note(&w.s.report.Lost, "lost: %s: %s has %d bytes, not %d", when, path, len(got), len(want))
		}
	}
}
