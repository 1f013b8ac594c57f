package object

import (
	"context"
	"iter"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// List lists a directory, recursively in one flat pass over its keys. A page
// of the store is in memory at a time.
func (u *UFS) List(ctx context.Context, dir string, opts ufs.ListOptions) iter.Seq2[ufs.Info, error] {
	return func(yield func(ufs.Info, error) bool) {
		if err := ufs.CheckPath("list", dir); err != nil {
			yield(ufs.Info{}, err)
			return
		}
		l := &lister{u: u, ctx: ctx, dir: dir, after: opts.StartAfter, yield: yield}
		req := ListRequest{Prefix: u.dirKey(dir), Limit: u.opts.PageSize}
		if !opts.Recursive {
			req.Delimiter = "/"
		}
		if opts.StartAfter != "" {
			req.After = req.Prefix + opts.StartAfter
		}
		more, err := true, error(nil)
		if len(req.Prefix) <= u.opts.MaxKeyBytes {
			more, err = l.run(req)
		}
		if more && err == nil && !l.found && dir != "" {
			err = l.absent()
		}
		if more && err != nil {
			yield(ufs.Info{}, errors.E("list", dir, errors.Other, err))
		}
	}
}

// lister turns keys in byte order into the entries of a directory.
type lister struct {
	u     *UFS
	ctx   context.Context
	dir   string
	after string // entries that sort up to here are not yielded
	yield func(ufs.Info, error) bool

	found bool   // some key lies below dir
	last  string // the key before, to see that the store keeps its order
	// in is the innermost directory of the key before, with "/": it and what
	// it lies in have been yielded.
	in string
	// files are the files before whose paths begin the present key. Each
	// begins the next; a directory of the same path is hidden behind them.
	files []string
}

// run lists page after page. It reports false when the consumer has had enough.
func (l *lister) run(req ListRequest) (bool, error) {
	for {
		var page Page
		err := l.u.opts.Retry(l.ctx, func(ctx context.Context) (err error) {
			page, err = l.u.store.List(ctx, req)
			return err
		})
		if err != nil {
			return true, err
		}
		for key, o := range page.merged() {
			if l.found = true; key == l.last {
				continue // a prefix that two pages share
			}
			if key < l.last || !strings.HasPrefix(key, req.Prefix) {
				return true, errors.Errorf(errors.Internal, "the store listed the key %q behind %q below the prefix %q", key, l.last, req.Prefix)
			}
			l.last = key
			if more, err := l.visit(key[len(req.Prefix):], o); !more || err != nil {
				return more, err
			}
		}
		if page.Next == "" {
			return true, nil
		}
		req.Marker, req.After = page.Next, ""
	}
}

// merged yields the objects and prefixes of the page together, in order. The
// object is nil for a prefix.
func (p *Page) merged() iter.Seq2[string, *Object] {
	return func(yield func(string, *Object) bool) {
		prefixes := p.Prefixes
		for i := range p.Objects {
			o := &p.Objects[i]
			for len(prefixes) > 0 && prefixes[0] < o.Key {
				if !yield(prefixes[0], nil) {
					return
				}
				prefixes = prefixes[1:]
			}
			if !yield(o.Key, o) {
				return
			}
		}
		for _, prefix := range prefixes {
			if !yield(prefix, nil) {
				return
			}
		}
	}
}

// visit yields what the key rel, relative to the directory listed, brings: the
// directories it is the first to lie in, and its file.
func (l *lister) visit(rel string, o *Object) (more bool, err error) {
	for len(l.files) > 0 && !strings.HasPrefix(rel, l.files[len(l.files)-1]) {
		l.files = l.files[:len(l.files)-1]
	}
	start := 0
	for i := strings.IndexByte(rel, '/'); i >= 0; {
		if !ufs.ValidName(rel[start:i]) {
			l.u.hidden.Add(1)
			return true, nil
		}
		if more, err := l.enter(rel[:i]); !more || err != nil {
			return more, err
		}
		if !strings.HasPrefix(l.in, rel[:i+1]) {
			return true, nil // hidden behind a file
		}
		start = i + 1
		next := strings.IndexByte(rel[start:], '/')
		if next < 0 {
			break
		}
		i = start + next
	}
	switch name := rel[start:]; {
	case o == nil:
		return true, nil
	case name == "":
		if o.Size > 0 {
			l.u.hidden.Add(1)
		}
		return true, nil
	case isIntent(name):
		return true, nil
	case !ufs.ValidName(name):
		l.u.hidden.Add(1)
		return true, nil
	}
	l.files = append(l.files, rel)
	if rel <= l.after {
		return true, nil
	}
	return l.yield(l.u.fileInfo(*o), nil), nil
}

// enter yields the directory rel unless it has been yielded, or is hidden
// behind a file.
func (l *lister) enter(rel string) (more bool, err error) {
	if strings.HasPrefix(l.in, rel+"/") {
		return true, nil
	}
	hidden, err := l.behindFile(rel)
	if err != nil {
		return true, err
	}
	if hidden {
		l.u.hidden.Add(1)
		return true, nil
	}
	if l.in = rel + "/"; l.in <= l.after {
		return true, nil
	}
	return l.yield(ufs.Info{Path: ufs.Join(l.dir, rel), Dir: true}, nil), nil
}

// behindFile reports whether a file has the path of the directory rel. Such a
// file was listed before, except where the listing began behind it.
func (l *lister) behindFile(rel string) (bool, error) {
	for _, f := range l.files {
		if f == rel {
			return true, nil
		}
	}
	if rest, ok := strings.CutPrefix(l.after, rel); !ok || rest != "" && rest[0] >= '/' {
		return false, nil
	}
	_, err := l.u.store.Head(l.ctx, l.u.fileKey(ufs.Join(l.dir, rel)))
	if errors.Is(err, errors.NotFound) {
		return false, nil
	}
	if err == nil {
		l.files = append(l.files, rel)
	}
	return err == nil, err
}

// absent tells why nothing was found below dir: nil when it is there and only
// has nothing behind StartAfter.
func (l *lister) absent() error {
	info, err := l.u.Stat(l.ctx, l.dir)
	if err == nil && !info.Dir {
		err = errors.Errorf(errors.Invalid, "not a directory")
	}
	return err
}
