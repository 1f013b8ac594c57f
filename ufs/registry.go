package ufs

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Options is what a store is opened with.
type Options struct {
	// Properties are the mount's options over the site's configuration, by
	// full key name ("fs.kodo.accesskey"). Values of credential keys are
	// secrets: they must not reach a log, an error or a metric label.
	Properties map[string]string
	// Logger and Registerer may be nil: then nothing is logged or registered.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Retry runs one request of an operation that consists of many (a part of
	// an upload, a batch of a directory move), again when that helps; nil runs
	// it once. Whole operations are retried by a wrapper around the UFS.
	Retry func(ctx context.Context, request func(ctx context.Context) error) error
}

// OpenFunc opens the store that uri (of a scheme it is registered for) names.
// It checks properties and credentials as far as one request can, so that a
// mount with wrong ones is refused: Invalid for bad or missing properties,
// Permission for refused credentials, NotFound for a missing bucket or root
// directory.
type OpenFunc func(ctx context.Context, uri string, opts Options) (UFS, error)

// Registry maps URI schemes to stores. The scheme of a bare absolute path is
// "file". It is a value: package all builds the product's one.
type Registry map[string]OpenFunc

// Open opens the store that uri names.
func (r Registry) Open(ctx context.Context, uri string, opts Options) (UFS, error) {
	scheme := Scheme(uri)
	open, ok := r[scheme]
	if !ok {
		return nil, errors.Errorf(errors.Invalid, "No under file system for %q: its scheme %q is none of %s.",
			uri, scheme, strings.Join(slices.Sorted(maps.Keys(r)), ", "))
	}
	return open(ctx, uri, opts)
}

// Scheme returns the lower-case scheme of a UFS URI, "file" for a bare
// absolute path and "" for anything else.
func Scheme(uri string) string {
	if strings.HasPrefix(uri, "/") {
		return "file"
	}
	scheme, _, ok := strings.Cut(uri, "://")
	if !ok {
		scheme, _, ok = strings.Cut(uri, ":/")
	}
	if !ok {
		return ""
	}
	return strings.ToLower(scheme)
}
