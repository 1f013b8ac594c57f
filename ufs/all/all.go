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

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/kodo"
	"github.com/alluxio-go/alluxio/ufs/limit"
	"github.com/alluxio-go/alluxio/ufs/local"
	"github.com/alluxio-go/alluxio/ufs/metered"
	"github.com/alluxio-go/alluxio/ufs/retry"
	"github.com/alluxio-go/alluxio/ufs/s3"
)

// The properties that say how the wrappers behave.
const (
	keySlow       = "alluxio.underfs.logging.threshold"
	keyS3Requests = "alluxio.underfs.s3.threads.max"
	keyS3Retries  = "alluxio.underfs.s3.max.error.retry"
)

// Registry returns the built-in stores by URI scheme.
func Registry() ufs.Registry {
	return ufs.Registry{
		"file": measured(local.Open),
		"kodo": measured(kodo.Open), // it repeats and limits its requests itself
		"s3":   patient(measured(s3.Open), keyS3Requests, keyS3Retries),
		"s3a":  patient(measured(s3.Open), keyS3Requests, keyS3Retries),
	}
}

// measured puts metrics and the log of slow operations around a store.
func measured(open ufs.OpenFunc) ufs.OpenFunc {
	return func(ctx context.Context, uri string, opts ufs.Options) (ufs.UFS, error) {
		slow, err := opts.Duration(keySlow, 10*time.Second)
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

// patient puts a bound on the requests at a time, and repetitions, around a
// store; the properties of the names say how many of each.
func patient(open ufs.OpenFunc, keyRequests, keyRetries string) ufs.OpenFunc {
	return func(ctx context.Context, uri string, opts ufs.Options) (ufs.UFS, error) {
		requests, err := opts.Int(keyRequests, 40)
		if err != nil {
			return nil, err
		}
		retries, err := opts.Int(keyRetries, 5)
		if err != nil {
			return nil, err
		}
		if requests < 1 || retries < 0 {
			return nil, errors.Errorf(errors.Invalid, "Property %s (%d) must be at least 1, and %s (%d) at least 0.",
				keyRequests, requests, keyRetries, retries)
		}
		policy := retry.NewPolicy(retry.Options{Attempts: retries + 1, Logger: opts.Logger})
		opts.Retry = policy.Do
		u, err := open(ctx, uri, opts)
		if err != nil {
			return nil, err
		}
		return retry.New(limit.New(u, requests), policy), nil
	}
}
