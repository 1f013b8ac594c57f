// Package fault makes an under file system fail, for tests: by rules, at random
// from a seed, and counted, so that a test can tell that its faults happened.
package fault

import (
	"context"
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/layer"
)

// Rule describes a fault. A rule without Rate always strikes.
type Rule struct {
	Op     layer.Op // "" is any operation, reads and writes included
	Prefix string   // of the paths it strikes
	Rate   float64  // its probability, above 0 and up to 1
	Max    int      // how often it strikes at most; 0 is without bound
	Skip   int      // how many operations it lets pass first
	Kind   errors.Kind
	// After lets the operation happen and loses its answer; else it does not
	// happen.
	After bool
	// Delay passes before the operation. A rule with a Delay and no Kind is a
	// delay only.
	Delay time.Duration
}

// UFS is a UFS with faults.
type UFS struct {
	*layer.UFS
	faults *faults
}

// New returns u with the faults of the first rule that strikes each operation.
func New(u ufs.UFS, seed uint64, rules ...Rule) *UFS {
	f := &faults{rules: rules}
	f.mu.rand = rand.New(rand.NewPCG(seed, 0))
	f.mu.seen = make([]int, len(rules))
	f.mu.struck = make([]int, len(rules))
	return &UFS{UFS: layer.New(u, f), faults: f}
}

// Injected returns how often each rule has struck.
func (u *UFS) Injected() []int {
	u.faults.mu.Lock()
	defer u.faults.mu.Unlock()
	return append([]int(nil), u.faults.mu.struck...)
}

// Total returns how many faults there were.
func (u *UFS) Total() (n int) {
	for _, k := range u.Injected() {
		n += k
	}
	return n
}

type faults struct {
	layer.Pass
	rules []Rule
	mu    struct {
		sync.Mutex
		rand         *rand.Rand
		seen, struck []int
	}
}

// strike returns the rule that strikes an operation, or nil.
func (f *faults) strike(op layer.Op, path string) *Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.rules {
		rule := &f.rules[i]
		if rule.Op != "" && rule.Op != op || !strings.HasPrefix(path, rule.Prefix) {
			continue
		}
		f.mu.seen[i]++
		if f.mu.seen[i] <= rule.Skip || rule.Max > 0 && f.mu.struck[i] >= rule.Max ||
			rule.Rate > 0 && f.mu.rand.Float64() >= rule.Rate {
			continue
		}
		f.mu.struck[i]++
		return rule
	}
	return nil
}

// run runs an operation, or what the faults make of it.
func (f *faults) run(ctx context.Context, op layer.Op, path string, call func() error) error {
	rule := f.strike(op, path)
	if rule == nil {
		return call()
	}
	if rule.Delay > 0 {
		timer := time.NewTimer(rule.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return errors.E(string(op), path, errors.Other, ctx.Err())
		}
		if rule.Kind == errors.Other {
			return call()
		}
	}
	if rule.After {
		if err := call(); err != nil {
			return err
		}
	}
	return errors.E(string(op), path, rule.Kind, errors.Errorf(rule.Kind, "injected fault"))
}

// Do implements layer.Layer.
func (f *faults) Do(ctx context.Context, c layer.Call, call func(context.Context) error) error {
	return f.run(ctx, c.Op, c.Path, func() error { return call(ctx) })
}

// Entries strikes before every entry.
func (f *faults) Entries(ctx context.Context, c layer.Call, list func(ufs.ListOptions) iter.Seq2[ufs.Info, error]) iter.Seq2[ufs.Info, error] {
	return func(yield func(ufs.Info, error) bool) {
		pass := func() error { return nil }
		for info, err := range list(c.List) {
			if err == nil {
				err = f.run(ctx, c.Op, c.Path, pass)
			}
			if err != nil {
				yield(ufs.Info{}, err)
				return
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

// Reader strikes the reads of a file.
func (f *faults) Reader(ctx context.Context, c layer.Call, r io.ReadCloser) io.ReadCloser {
	return &reader{ReadCloser: r, f: f, ctx: ctx, path: c.Path}
}

type reader struct {
	io.ReadCloser
	f    *faults
	ctx  context.Context
	path string
}

func (r *reader) Read(p []byte) (n int, err error) {
	err = r.f.run(r.ctx, layer.Read, r.path, func() (err error) {
		n, err = r.ReadCloser.Read(p)
		return err
	})
	return n, err
}

// Writer strikes the writes of a file.
func (f *faults) Writer(ctx context.Context, c layer.Call, w ufs.Writer) ufs.Writer {
	return &writer{Writer: w, f: f, ctx: ctx, path: c.Path}
}

type writer struct {
	ufs.Writer
	f    *faults
	ctx  context.Context
	path string
}

func (w *writer) Write(p []byte) (n int, err error) {
	err = w.f.run(w.ctx, layer.Write, w.path, func() (err error) {
		n, err = w.Writer.Write(p)
		return err
	})
	return n, err
}
