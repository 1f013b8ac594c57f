package s3

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs/object"
)

// store is a bucket as an object.Store and object.Sweeper.
type store struct {
	bucket    string
	set       settings
	opts      minio.Options
	core      *minio.Core
	transport *http.Transport
	retry     func(ctx context.Context, request func(ctx context.Context) error) error
}

// timed bounds a request without a body.
func (s *store) timed(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.set.requestTimeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, s.set.requestTimeout)
}

// Head implements object.Store.
func (s *store) Head(ctx context.Context, key string) (object.Object, error) {
	limited, cancel := s.timed(ctx)
	defer cancel()
	info, err := s.core.StatObject(limited, s.bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return object.Object{}, s.fail(ctx, "head", key, err)
	}
	info.Key = key
	return objectOf(info), nil
}

func objectOf(info minio.ObjectInfo) object.Object {
	return object.Object{Key: info.Key, Size: info.Size, ModTime: info.LastModified, Version: strings.Trim(info.ETag, `"`)}
}

// List implements object.Store. Core's listings take no context, so each has a
// client of its own with the context in its transport.
func (s *store) List(ctx context.Context, req object.ListRequest) (object.Page, error) {
	limited, cancel := s.timed(ctx)
	defer cancel()
	opts := s.opts
	opts.Transport = withContext{s.transport, limited}
	core, err := minio.NewCore(s.set.endpoint, &opts)
	if err != nil {
		return object.Page{}, errors.E("s3 list", s.bucket, errors.Invalid, err)
	}
	var page object.Page
	if s.set.listV1 {
		page, err = s.listV1(core, req)
	} else {
		page, err = s.listV2(core, req)
	}
	return page, s.fail(ctx, "list", req.Prefix, err)
}

func (s *store) listV2(core *minio.Core, req object.ListRequest) (object.Page, error) {
	res, err := core.ListObjectsV2(s.bucket, req.Prefix, req.After, req.Marker, req.Delimiter, req.Limit)
	page := pageOf(res.Contents, res.CommonPrefixes)
	if res.IsTruncated {
		page.Next = res.NextContinuationToken
	}
	return page, err
}

func (s *store) listV1(core *minio.Core, req object.ListRequest) (object.Page, error) {
	res, err := core.ListObjects(s.bucket, req.Prefix, max(req.Marker, req.After), req.Delimiter, req.Limit)
	page := pageOf(res.Contents, res.CommonPrefixes)
	if res.IsTruncated {
		page.Next = res.NextMarker
		// Without a delimiter there is no NextMarker: the last key is it.
		if n := len(page.Objects); page.Next == "" && n > 0 {
			page.Next = page.Objects[n-1].Key
		}
	}
	return page, err
}

func pageOf(contents []minio.ObjectInfo, prefixes []minio.CommonPrefix) (page object.Page) {
	for _, info := range contents {
		page.Objects = append(page.Objects, objectOf(info))
	}
	for _, p := range prefixes {
		page.Prefixes = append(page.Prefixes, p.Prefix)
	}
	return page
}

// Get implements object.Store.
func (s *store) Get(ctx context.Context, key string, r object.Range) (io.ReadCloser, error) {
	var opts minio.GetObjectOptions
	var err error
	switch {
	case r.Length > 0:
		err = opts.SetRange(r.Offset, r.Offset+r.Length-1)
	case r.Offset > 0:
		err = opts.SetRange(r.Offset, 0)
	}
	if err == nil && r.Version != "" {
		err = opts.SetMatchETag(r.Version)
	}
	if err != nil {
		return nil, errors.E("s3 get", s.bucket+"/"+key, errors.Invalid, err)
	}
	body, info, _, err := s.core.GetObject(ctx, s.bucket, key, opts)
	if err != nil {
		return nil, s.fail(ctx, "get", key, err)
	}
	if etag := strings.Trim(info.ETag, `"`); r.Version != "" && etag != r.Version {
		body.Close() // of a store that does not know If-Match
		return nil, errors.E("s3 get", s.bucket+"/"+key, errors.Aborted, errors.Errorf(errors.Aborted, "the object has changed"))
	}
	return body, nil
}

// Copy implements object.Store. Objects too large for one request are copied in
// parts.
func (s *store) Copy(ctx context.Context, src, dst string) error {
	put := s.putOptions(object.PutOptions{})
	info, err := s.core.CopyObject(ctx, s.bucket, src, s.bucket, dst, s.copyHeaders(), minio.CopySrcOptions{}, put)
	if err == nil && info.ETag == "" {
		err = errCopied // S3 may begin with status 200 and then fail
	}
	if code := minio.ToErrorResponse(err).Code; err != nil && (code == "EntityTooLarge" || code == "InvalidRequest") {
		_, err = s.core.ComposeObject(ctx,
			minio.CopyDestOptions{Bucket: s.bucket, Object: dst, Encryption: put.ServerSideEncryption},
			minio.CopySrcOptions{Bucket: s.bucket, Object: src})
	}
	return s.fail(ctx, "copy", src, err)
}

// Delete implements object.Store; of an absent object it is a success.
func (s *store) Delete(ctx context.Context, key string) error {
	limited, cancel := s.timed(ctx)
	defer cancel()
	return s.fail(ctx, "delete", key, s.core.RemoveObject(limited, s.bucket, key, minio.RemoveObjectOptions{}))
}

// Close implements object.Store.
func (s *store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// Sweep implements object.Sweeper.
func (s *store) Sweep(ctx context.Context, prefix string, olderThan time.Duration) (removed int, err error) {
	for key, id := "", ""; ; {
		page, err := s.core.ListMultipartUploads(ctx, s.bucket, prefix, key, id, "", 1000)
		if err != nil {
			return removed, s.fail(ctx, "list uploads", prefix, err)
		}
		for _, up := range page.Uploads {
			if time.Since(up.Initiated) < olderThan {
				continue
			}
			if err := s.AbortParts(ctx, up.Key, up.UploadID); err != nil {
				return removed, err
			}
			removed++
		}
		if !page.IsTruncated {
			return removed, nil
		}
		key, id = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// batchStore is a store that may be asked to delete many objects at once.
type batchStore struct{ *store }

// MaxBatch implements object.BatchDeleter.
func (s *batchStore) MaxBatch() int { return 1000 }

// DeleteBatch implements object.BatchDeleter. A key that the answer does not
// mention is deleted by a request of its own.
func (s *batchStore) DeleteBatch(ctx context.Context, keys []string) []error {
	outcomes := make(map[string]error, len(keys))
	results, err := s.core.RemoveObjectsWithIter(ctx, s.bucket, func(yield func(minio.ObjectInfo) bool) {
		for _, key := range keys {
			if !yield(minio.ObjectInfo{Key: key}) {
				return
			}
		}
	}, minio.RemoveObjectsOptions{})
	if err == nil {
		for r := range results {
			if r.ObjectName != "" {
				outcomes[r.ObjectName] = s.fail(ctx, "delete", r.ObjectName, r.Err)
			}
		}
	}
	errs := make([]error, len(keys))
	for i, key := range keys {
		outcome, told := outcomes[key]
		if !told {
			outcome = s.Delete(ctx, key)
		}
		errs[i] = outcome
	}
	return errs
}
