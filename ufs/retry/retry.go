package retry

import (
	"context"
	"io"
	"iter"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/layer"
)

// New returns u with its operations repeated by p. Listings go on behind the
// last entry, and reads of a pinned version behind the last byte. Writes and
// commits are not repeated here, where the bytes are gone: stores repeat the
// requests they consist of (ufs.Options.Retry).
func New(u ufs.UFS, p *Policy) ufs.UFS {
	return layer.New(u, &retrier{u: u, p: p})
}

type retrier struct {
	layer.Pass
	u ufs.UFS
	p *Policy
}

// Do repeats an operation; one that changes something is not held to have
// failed because an earlier attempt, whose answer was lost, has done it.
func (r *retrier) Do(ctx context.Context, c layer.Call, call func(context.Context) error) error {
	switch c.Op {
	case layer.Commit, layer.Abort:
		return call(ctx)
	case layer.Rename, layer.RenameDir:
		return r.rename(ctx, c, call)
	}
	lost := false
	return r.p.Do(ctx, func(ctx context.Context) error {
		err := call(ctx)
		if lost && err != nil && r.done(ctx, c, err) {
			return nil
		}
		lost = lost || unclear(err)
		return err
	})
}

// done reports whether err says that an earlier attempt has succeeded.
func (r *retrier) done(ctx context.Context, c layer.Call, err error) bool {
	switch c.Op {
	case layer.Delete:
		return errors.Is(err, errors.NotFound)
	case layer.Mkdir:
		if !errors.Is(err, errors.Exists) {
			return false
		}
		info, err := r.look(ctx, c.Path)
		return err == nil && info.Dir
	}
	return false
}

// rename looks at the source first: if it was there, and after an attempt
// without an answer is at the destination instead, that attempt has moved it.
func (r *retrier) rename(ctx context.Context, c layer.Call, call func(context.Context) error) error {
	src, known := r.look(ctx, c.Path)
	lost := false
	return r.p.Do(ctx, func(ctx context.Context) error {
		err := call(ctx)
		if lost && known == nil && errors.Is(err, errors.NotFound) {
			dst, lookErr := r.look(ctx, c.Dst)
			switch {
			case lookErr == nil && dst.Dir == src.Dir && dst.Size == src.Size:
				return nil
			case lookErr != nil && !errors.Is(lookErr, errors.NotFound):
				return lookErr
			}
		}
		lost = lost || unclear(err)
		return err
	})
}

// look describes path.
func (r *retrier) look(ctx context.Context, path string) (info ufs.Info, err error) {
	err = r.p.Do(ctx, func(ctx context.Context) (err error) {
		info, err = r.u.Stat(ctx, path)
		return err
	})
	return info, err
}

// Entries lists on behind the last entry after a failure.
func (r *retrier) Entries(ctx context.Context, c layer.Call, list func(ufs.ListOptions) iter.Seq2[ufs.Info, error]) iter.Seq2[ufs.Info, error] {
	return func(yield func(ufs.Info, error) bool) {
		opts := c.List
		for attempt := 1; ; attempt++ {
			var failed error
			for info, err := range list(opts) {
				if err != nil {
					failed = err
					break
				}
				if !yield(info, nil) {
					return
				}
				opts.StartAfter = relative(c.Path, info.ListKey())
				attempt = 0
			}
			if failed == nil {
				r.p.earn()
				return
			}
			if err := r.p.again(ctx, max(attempt, 1), failed); err != nil {
				yield(ufs.Info{}, err)
				return
			}
		}
	}
}

// relative returns key relative to dir.
func relative(dir, key string) string {
	if dir == "" {
		return key
	}
	return strings.TrimPrefix(key, dir+"/")
}

// Reader makes reads of a pinned version survive broken connections.
func (r *retrier) Reader(ctx context.Context, c layer.Call, rc io.ReadCloser) io.ReadCloser {
	if c.Open.Fingerprint == "" {
		return rc
	}
	return &reader{r: r, ctx: ctx, path: c.Path, opts: c.Open, rc: rc}
}

// reader opens its file again where reading broke off. Its range moves along
// with what has been read.
type reader struct {
	r        *retrier
	ctx      context.Context
	path     string
	opts     ufs.OpenOptions
	rc       io.ReadCloser // nil between a failure and the next attempt
	attempts int           // since the last byte
}

func (r *reader) Read(p []byte) (int, error) {
	for {
		n, err := r.read(p)
		if n > 0 {
			r.attempts = 0
			r.opts.Offset += int64(n)
			if r.opts.Length > 0 {
				r.opts.Length = max(r.opts.Length-int64(n), 0)
			}
		}
		if err == nil || err == io.EOF {
			return n, err
		}
		r.attempts++
		if !unclear(err) {
			return n, err
		}
		r.drop()
		if n > 0 {
			return n, nil // the next call goes on
		}
		if err := r.r.p.again(r.ctx, r.attempts, err); err != nil {
			return 0, err
		}
	}
}

func (r *reader) read(p []byte) (int, error) {
	if r.opts.Length == 0 {
		return 0, io.EOF
	}
	if r.rc == nil {
		rc, err := r.r.u.Open(r.ctx, r.path, r.opts)
		if err != nil {
			return 0, err
		}
		r.rc = rc
	}
	return r.rc.Read(p)
}

func (r *reader) drop() {
	if r.rc != nil {
		r.rc.Close() // of a broken connection
		r.rc = nil
	}
}

func (r *reader) Close() error {
	if r.rc == nil {
		return nil
	}
	return r.rc.Close()
}
