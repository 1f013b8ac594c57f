// Package ufstest is the conformance suite of under file systems: a store's
// test calls Run with its constructor. The tests themselves are in package
// contract; this package adds random operations against a model, and checks
// that nothing is left running.
package ufstest

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/ufstest/contract"
)

// Option tunes Run.
type Option func(*options)

type options struct {
	many int
	skip map[string]string
}

// Many sets the number of entries in the tests of long listings; it is 10,000
// without.
func Many(n int) Option { return func(o *options) { o.many = n } }

// Skip leaves a test out, for a reason that is printed.
func Skip(test, reason string) Option {
	return func(o *options) { o.skip[test] = reason }
}

// Run runs the suite. open returns a new, empty store, which Run closes.
func Run(t *testing.T, open func(t *testing.T) ufs.UFS, opts ...Option) {
	o := options{many: 10_000, skip: map[string]string{}}
	for _, opt := range opts {
		opt(&o)
	}
	for _, test := range contract.Tests() {
		t.Run(test.Name, func(t *testing.T) {
			if reason := o.skip[test.Name]; reason != "" {
				t.Skip(reason)
			}
			u := opened(t, open)
			test.Run(&contract.Env{T: t, UFS: u, Dir: "some/dir", Many: o.many, Alone: true})
		})
	}
	t.Run("Random", func(t *testing.T) {
		if reason := o.skip["Random"]; reason != "" {
			t.Skip(reason)
		}
		random(t, open)
	})
}

// opened opens a store for one test, after which nothing of it may run on.
func opened(t *testing.T, open func(t *testing.T) ufs.UFS) ufs.UFS {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	u := open(t)
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return u
}
