// Package s3 is the under file system on Amazon S3 and stores that speak its
// protocol: s3://bucket/dir/ (or s3a://).
//
// It is package object's Store over minio-go, whose own retries are off: one
// call is one request. Reads are pinned by If-Match to an ETag, which is the
// fingerprint. Writes stream in parts, of which a few are in memory; an object
// of one part is stored by a single PUT. An exclusive create is decided by the
// store (If-None-Match).
//
// What survives a crash: objects are whole or absent. The parts of an upload
// cut off by kill -9 are invisible; Sweep drops them.
package s3

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/object"
)

// Open opens s3://bucket/dir/. It finds out the bucket's region if the
// properties do not tell it and lists one key, so that wrong credentials
// (Permission), a missing bucket (NotFound) or an endpoint that does not answer
// (Unavailable) are found now. It is a ufs.OpenFunc.
func Open(ctx context.Context, uri string, opts ufs.Options) (ufs.UFS, error) {
	bucket, prefix, err := parseURI(uri)
	if err != nil {
		return nil, err
	}
	set, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	root := strings.TrimSuffix(ufs.Scheme(uri)+"://"+bucket+"/"+prefix, "/")
	view := object.Options{URI: root, Prefix: prefix, MaxKeyBytes: maxKeyBytes}
	if err := view.SetProperties(opts); err != nil {
		return nil, err
	}
	s := &store{bucket: bucket, set: set, transport: newTransport(set), retry: opts.Retry}
	if err := s.connect(ctx, prefix); err != nil {
		s.transport.CloseIdleConnections()
		return nil, openError(root, set.endpoint, err)
	}
	if set.bulkDelete {
		return object.New(&batchStore{s}, view), nil
	}
	return object.New(s, view), nil
}

// minio-go pauses after every attempt, also the only one.
func init() { minio.DefaultRetryUnit = time.Nanosecond }

// maxKeyBytes is the longest key of S3.
const maxKeyBytes = 1024

// parseURI takes "s3://bucket/dir/" apart.
func parseURI(uri string) (bucket, prefix string, err error) {
	_, rest, ok := strings.Cut(uri, "://")
	bucket, dir, _ := strings.Cut(rest, "/")
	if !ok || bucket == "" || strings.ContainsAny(bucket, "@:?#") {
		return "", "", errors.Errorf(errors.Invalid, "%q does not name a bucket: write s3://bucket/directory/.", uri)
	}
	if dir = strings.Trim(dir, "/"); !ufs.ValidPath(dir) {
		return "", "", errors.Errorf(errors.Invalid, "%q has a directory with an empty, \".\" or \"..\" component.", uri)
	}
	if dir != "" {
		dir += "/"
	}
	return bucket, dir, nil
}

// connect makes the client and tries it.
func (s *store) connect(ctx context.Context, prefix string) error {
	lookup := minio.BucketLookupDNS
	if s.set.pathStyle || strings.Contains(s.bucket, ".") {
		lookup = minio.BucketLookupPath
	}
	s.opts = minio.Options{
		Creds: s.set.creds, Secure: s.set.secure, Region: s.set.region,
		BucketLookup: lookup, Transport: s.transport, MaxRetries: 1,
	}
	core, err := minio.NewCore(s.set.endpoint, &s.opts)
	if err != nil {
		return errors.Errorf(errors.Invalid, "the endpoint %q is not usable: %w", s.set.endpoint, err)
	}
	s.core = core
	if s.opts.Region == "" {
		if s.opts.Region, err = core.GetBucketLocation(ctx, s.bucket); err != nil {
			return s.fail(ctx, "locate bucket", "", err)
		}
		if s.core, err = minio.NewCore(s.set.endpoint, &s.opts); err != nil {
			return errors.E("connect", s.bucket, errors.Invalid, err)
		}
	}
	_, err = s.List(ctx, object.ListRequest{Prefix: prefix, Limit: 1})
	return err
}

// openError says what to do about a store that could not be opened.
func openError(root, endpoint string, err error) error {
	kind := errors.KindOf(err)
	switch code := codeOf(err); {
	case code == minio.NoSuchBucket:
		return errors.Errorf(errors.NotFound, "The bucket of %s does not exist at %s: %w. Check its name in the URI, and the endpoint.", root, endpoint, err)
	case kind == errors.Permission:
		return errors.Errorf(kind, "The store %s has refused the credentials for %s; check %s and %s: %w.",
			endpoint, root, keyAccess, keySecret, err)
	case kind == errors.Unavailable || kind == errors.Timeout:
		return errors.Errorf(kind, "The store %s of %s does not answer; check %s: %w.", endpoint, root, keyEndpoint, err)
	}
	return errors.E("open", root, kind, err)
}

// credentialsOf returns the keys given, or else the usual sources: environment,
// shared credentials file, instance role.
func credentialsOf(opts ufs.Options, signer string) (*credentials.Credentials, error) {
	access := opts.String(keyAccess, opts.String("aws.accessKeyId", ""))
	secret := opts.String(keySecret, opts.String("aws.secretKey", ""))
	switch {
	case access != "" && secret == "":
		return nil, errors.Errorf(errors.Invalid, "Property %s is set, but %s is not.", keyAccess, keySecret)
	case access == "" && secret != "":
		return nil, errors.Errorf(errors.Invalid, "Property %s is set, but %s is not.", keySecret, keyAccess)
	case access == "":
		return credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{},
			// Elsewhere than on Amazon nobody answers, after a while or at once.
			&credentials.IAM{Client: &http.Client{Timeout: 2 * time.Second}},
		}), nil
	}
	switch signer {
	case "", "AWSS3V4SignerType", "AWS4SignerType":
		return credentials.NewStaticV4(access, secret, ""), nil
	case "S3SignerType":
		return credentials.NewStaticV2(access, secret, ""), nil
	}
	return nil, errors.Errorf(errors.Invalid, "Property %s is %q; known are AWSS3V4SignerType and S3SignerType.", keySigner, signer)
}

// String keeps secrets out of what prints a store.
func (s *store) String() string { return fmt.Sprintf("s3 store %s at %s", s.bucket, s.set.endpoint) }
