package local

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// List lists a directory. The names of a directory, and of those it lies in,
// are in memory at a time.
func (f *FS) List(ctx context.Context, dir string, opts ufs.ListOptions) iter.Seq2[ufs.Info, error] {
	return func(yield func(ufs.Info, error) bool) {
		if err := f.check(ctx, "list", dir); err != nil {
			yield(ufs.Info{}, err)
			return
		}
		w := &walker{f: f, ctx: ctx, base: dir, opts: opts, yield: yield}
		if err := w.walk(dir, ""); err != nil && err != errStop {
			yield(ufs.Info{}, err)
		}
	}
}

var errStop = errors.Errorf(errors.Cancelled, "the consumer of a listing has had enough")

// walker lists a directory tree in order.
type walker struct {
	f     *FS
	ctx   context.Context
	base  string
	opts  ufs.ListOptions
	yield func(ufs.Info, error) bool
	above []fs.FileInfo // the directories that the present one lies in, and itself
}

// walk lists dir, which is rel relative to the directory listed.
func (w *walker) walk(dir, rel string) error {
	sub, entries, err := w.f.readDir(w.ctx, dir)
	if err != nil {
		if rel != "" && errors.Is(err, errors.NotFound) {
			return nil // removed since its parent was read
		}
		return err
	}
	defer sub.Close()
	self, err := sub.Stat(".")
	if err != nil {
		return w.f.fail("list", dir, err)
	}
	w.above = append(w.above, self)
	defer func() { w.above = w.above[:len(w.above)-1] }()
	for _, e := range entries {
		if err := w.ctx.Err(); err != nil {
			return errors.E("list", dir, errors.Other, err)
		}
		if err := w.entry(sub, dir, ufs.Join(rel, e.name), e); err != nil {
			return err
		}
	}
	return nil
}

// entry yields an entry of the directory sub, and what lies below it.
func (w *walker) entry(sub *os.Root, dir, rel string, e entry) error {
	path := ufs.Join(dir, e.name)
	key := rel
	if e.dir {
		key += "/"
	}
	if skip := key <= w.opts.StartAfter; !skip {
		fi, err := w.f.look(sub, dir, e)
		if err != nil {
			return w.vanished(path, err)
		}
		if special(fi) != "" || e.link && fi.IsDir() && w.loops(fi) {
			w.f.hidden.Add(1)
			return nil
		}
		if !w.yield(w.f.info(path, fi), nil) {
			return errStop
		}
	} else if !strings.HasPrefix(w.opts.StartAfter, key) {
		return nil // so is all below it
	}
	if e.dir && w.opts.Recursive {
		return w.walk(path, rel)
	}
	return nil
}

// vanished handles the error of looking at an entry that was listed: it is
// passed over if it is gone.
func (w *walker) vanished(path string, err error) error {
	if errors.Is(w.f.fail("list", path, err), errors.NotFound) {
		return nil
	}
	return w.f.fail("list", path, err)
}

// loops reports whether the target of a link is a directory that the link
// itself lies in: one of those being walked, or one that they lie in.
func (w *walker) loops(target fs.FileInfo) bool {
	for _, fi := range w.above {
		if os.SameFile(fi, target) {
			return true
		}
	}
	root := w.f.root.Load()
	for dir := w.base; ; dir, _ = ufs.Split(dir) {
		if fi, err := root.Stat(name(dir)); err == nil && os.SameFile(fi, target) {
			return true
		}
		if dir == "" {
			return false
		}
	}
}

// entry is a name in a directory. dir and link tell what it is: a link to a
// directory is both.
type entry struct {
	name      string
	dir, link bool
}

func (e entry) key() string {
	if e.dir {
		return e.name + "/"
	}
	return e.name
}

// readDir returns the entries of dir that can be paths, in the order of
// listings, and dir opened.
func (f *FS) readDir(ctx context.Context, dir string) (*os.Root, []entry, error) {
	sub, err := f.root.Load().OpenRoot(name(dir))
	if err != nil {
		if info, statErr := f.Stat(ctx, dir); statErr == nil && !info.Dir {
			return nil, nil, errors.E("list", dir, errors.Invalid, errors.Errorf(errors.Invalid, "not a directory"))
		}
		return nil, nil, f.fail("list", dir, err)
	}
	entries, err := f.entries(sub, dir)
	if err != nil {
		sub.Close()
		return nil, nil, f.fail("list", dir, err)
	}
	return sub, entries, nil
}

// look describes an entry of the directory dir, opened as sub. A link may lead
// out of sub, so it is followed from the root.
func (f *FS) look(sub *os.Root, dir string, e entry) (fs.FileInfo, error) {
	if e.link {
		return f.root.Load().Stat(ufs.Join(dir, e.name))
	}
	return sub.Stat(e.name)
}

func (f *FS) entries(sub *os.Root, dir string) ([]entry, error) {
	d, err := sub.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	all, err := d.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(all))
	for _, de := range all {
		e := entry{name: de.Name(), dir: de.IsDir(), link: de.Type()&fs.ModeSymlink != 0}
		switch {
		case isTemp(e.name):
			continue
		case !ufs.ValidName(e.name):
			f.hidden.Add(1)
			continue
		case e.link:
			fi, err := f.look(sub, dir, e)
			if err != nil { // it dangles, or leads out of the root
				f.hidden.Add(1)
				continue
			}
			e.dir = fi.IsDir()
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key(), b.key()) })
	return entries, nil
}
