// Package kodo is the under file system on Qiniu Kodo: kodo://bucket/dir/.
//
// It owns one bucket's objects below a prefix, as package object's Store: the
// directories over them are made there. The SDK signs and sends; its retries,
// telemetry and cache files are off. Each single request is repeated by
// ufs.Options.Retry, or by a policy of its own without one, and no more
// requests are in flight than the service bears.
//
// Reads are pinned to a version, the object's hash; they go on at the byte they
// broke off at, never with another version's bytes. Writes hold a few parts in
// memory and never touch a disk; each part's and the object's hash are compared
// with what the service says it has stored. When an answer is lost, the outcome
// is found out by looking before anything is reported.
//
// What survives a crash: objects are whole or absent. An upload cut off by
// kill -9 leaves parts that no listing shows and that the service drops after
// seven days; every other end of an upload removes them at once.
//
// Locks: Store has none; limiter, route and bufferPool each guard only themselves.
package kodo

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/qiniu/go-sdk/v7/storagev2/apis"
	"github.com/qiniu/go-sdk/v7/storagev2/credentials"
	"github.com/qiniu/go-sdk/v7/storagev2/http_client"
	"github.com/qiniu/go-sdk/v7/storagev2/resolver"
	"github.com/qiniu/go-sdk/v7/storagev2/retrier"
	"github.com/qiniu/go-sdk/v7/storagev2/uplog"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/object"
)

// The SDK would otherwise collect request logs in a temporary folder and send
// them to its maker.
func init() { uplog.DisableUplog() }

// maxKeyBytes is the longest key that the service stores.
const maxKeyBytes = 750

// Open opens kodo://bucket/dir/. It looks up the bucket's hosts if the
// properties do not tell them, lists one key and asks the download host for one
// that is not there, so that wrong credentials (Permission), a missing bucket
// (NotFound) or a host that does not answer (Unavailable) are found now. It is a ufs.OpenFunc.
func Open(ctx context.Context, uri string, opts ufs.Options) (ufs.UFS, error) {
	bucket, prefix, err := parseURI(uri)
	if err != nil {
		return nil, err
	}
	set, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	set.bucket, set.prefix = bucket, prefix
	view := object.Options{URI: rootURI(bucket, prefix), Prefix: prefix, MaxKeyBytes: maxKeyBytes}
	if err := view.SetProperties(opts); err != nil {
		return nil, err
	}
	view.Retry = nil // every request of the store is repeated by itself
	s, err := newStore(ctx, set, opts)
	if err != nil {
		return nil, err
	}
	if err := s.check(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return object.New(s, view), nil
}

// rootURI is the URI of the root as it is shown.
func rootURI(bucket, prefix string) string {
	return strings.TrimSuffix("kodo://"+bucket+"/"+prefix, "/")
}

// parseURI splits kodo://bucket/dir/ into the bucket and the prefix of all keys.
func parseURI(uri string) (bucket, prefix string, err error) {
	_, rest, found := strings.Cut(uri, "://")
	bucket, dir, _ := strings.Cut(rest, "/")
	dir = strings.TrimRight(dir, "/")
	if !found || bucket == "" || strings.ContainsAny(bucket, ":@?#") {
		return "", "", errors.Errorf(errors.Invalid, "%q is not a Kodo URI; it should look like kodo://bucket/dir/.", uri)
	}
	if !ufs.ValidPath(dir) {
		return "", "", errors.Errorf(errors.Invalid, "%q is not a Kodo URI: its directory has an empty, \".\" or \"..\" part.", uri)
	}
	if dir != "" {
		dir += "/"
	}
	return bucket, dir, nil
}

// Store is one bucket. It implements object.Store with batches, server-side
// moves and multipart uploads.
type Store struct {
	set     settings
	route   *route
	sdk     *apis.Storage       // uploads
	manage  *http_client.Client // everything signed by header
	down    *http.Client        // downloads
	run     *runner
	buffers *bufferPool
	metrics *metrics
	close   func()
}

func newStore(ctx context.Context, set settings, opts ufs.Options) (*Store, error) {
	m := newMetrics(opts.Registerer, rootURI(set.bucket, set.prefix))
	tr := newTransports(set)
	rt, err := findRoute(ctx, set, tr.api)
	if err != nil {
		tr.close()
		m.unregister()
		return nil, err
	}
	tr.dialDownloadsTo(rt.dial)
	never := &http_client.RetryConfig{RetryMax: 1, Retrier: retrier.NewNeverRetrier()}
	sdk := &http_client.Options{
		BasicHTTPClient:     tr.api,
		Regions:             rt,
		Credentials:         credentials.NewCredentials(set.accessKey, set.secretKey),
		UseInsecureProtocol: !set.https,
		Resolver:            resolver.NewEmptyResolver(),
		HostRetryConfig:     never,
		HostsRetryConfig:    never,
	}
	return &Store{
		set:     set,
		route:   rt,
		sdk:     apis.NewStorage(sdk),
		manage:  http_client.NewClient(sdk),
		down:    tr.down,
		run:     newRunner(set, opts, m, tr.clock),
		buffers: newBufferPool(set.rangeBytes, set.bufferBytes),
		metrics: m,
		close:   tr.close,
	}, nil
}

// checkTimeout bounds what a mount waits for hosts that do not answer.
const checkTimeout = 30 * time.Second

// adviseBucket is what to look at when a bucket is not found.
const adviseBucket = "Check its name in the URI, and that it belongs to the account of the access key (" + keyAccessKey + ")."

// check makes one request that proves the credentials and the bucket, and one
// that proves that the download host answers.
func (s *Store) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	_, err := s.List(ctx, object.ListRequest{Prefix: s.set.prefix, Limit: 1})
	if isCode(err, codeNoBucket) {
		return errors.Errorf(errors.NotFound, "The bucket %q does not exist: %w. "+adviseBucket, s.set.bucket, err)
	}
	if err == nil {
		err = s.checkDownload(ctx)
	}
	return errors.E("mount", rootURI(s.set.bucket, s.set.prefix), errors.Other, err)
}

// probeKey names no object.
const probeKey = ".alluxio_ufs_probe"

// checkDownload asks the download host for an object that is not there. That it
// says so, or anything else, will do; only silence and a refused signature do
// not.
func (s *Store) checkDownload(ctx context.Context) error {
	_, err := s.run.do(ctx, request{op: "kodo.probe", try: func(ctx context.Context) error {
		p, err := s.tryPiece(ctx, s.set.prefix+probeKey, span{0, 1}, "")
		if err == nil {
			p.body.Close()
		}
		return err
	}})
	_, answered := errorAs[*answerError](err)
	switch {
	case errors.Is(err, errors.Permission), errors.Is(err, errors.Cancelled):
		return err
	case err == nil || answered || errors.Is(err, errors.OutOfRange):
		return nil
	}
	return errors.Errorf(errors.KindOf(err), "The download host %s (property %s) does not answer: %w", s.route.base, keyDownloadHost, err)
}

// Close releases connections and metrics.
func (s *Store) Close() error {
	s.close()
	s.metrics.unregister()
	return nil
}
