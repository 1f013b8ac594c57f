// Package all is the product's list of under file systems, and the one place
// where their wrappers are put around them.
//
// From the outside in: retry (so that each attempt takes its turn and is
// measured), limit, metered, the store. Stores that repeat and limit their
// requests themselves, or have nothing to repeat, are only measured.
package all

import (
	"context"
	"time"

	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/kodo"
	"github.com/alluxio-go/alluxio/ufs/local"
	"github.com/alluxio-go/alluxio/ufs/metered"
)

// Registry returns the built-in stores by URI scheme.
func Registry() ufs.Registry {
	return ufs.Registry{
		"file": measured(local.Open),
		"kodo": measured(kodo.Open),
	}
}

// measured puts metrics and the log of slow operations around a store.
func measured(open ufs.OpenFunc) ufs.OpenFunc {
	return func(ctx context.Context, uri string, opts ufs.Options) (ufs.UFS, error) {
		slow, err := opts.Duration("alluxio.underfs.logging.threshold", 10*time.Second)
		if err != nil {
			return nil, err
		}
		u, err := open(ctx, uri, opts)
		if err != nil {
			return nil, err
		}
		return metered.New(u, metered.Options{Registerer: opts.Registerer, Logger: opts.Logger, Slow: slow}), nil
	}
}
