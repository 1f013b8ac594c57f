package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs/object"
)

// Put implements object.Store.
func (s *store) Put(ctx context.Context, key string, opts object.PutOptions) (object.Upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, s.fail(ctx, "put", key, err)
	}
	return object.NewUpload(ctx, s, key, object.UploadOptions{
		PutOptions: opts, PartSize: s.partSize, Parallel: parallelParts, Retry: s.retry,
	}), nil
}

// partSize lets parts grow from firstPartBytes to the size that the properties
// give, so that only large objects take much memory, and from there with every
// thousand, so that the ten thousand that S3 allows hold its largest object.
func (s *store) partSize(n int) int {
	size := min(firstPartBytes<<min((n-1)/16, 10), s.set.partBytes)
	return min(size<<((n-1)/1000), maxPartBytes)
}

func (s *store) putOptions(opts object.PutOptions) minio.PutObjectOptions {
	put := minio.PutObjectOptions{ContentType: "application/octet-stream", DisableContentSha256: true}
	if s.set.encrypt {
		put.ServerSideEncryption = encrypt.NewSSE()
	}
	if opts.Exclusive {
		put.SetMatchETagExcept("*")
	}
	return put
}

// copyHeaders are the headers that ask for encryption of a copy.
func (s *store) copyHeaders() map[string]string {
	if !s.set.encrypt {
		return nil
	}
	return map[string]string{"X-Amz-Server-Side-Encryption": "AES256"}
}

// PutWhole implements object.Parts. The hash of the content is part of what is
// signed, so that the store refuses anything else.
func (s *store) PutWhole(ctx context.Context, key string, data []byte, opts object.PutOptions) (object.Object, error) {
	info, err := s.core.PutObject(ctx, s.bucket, key, bytes.NewReader(data), int64(len(data)), "", hashOf(data), s.putOptions(opts))
	if err != nil {
		return object.Object{}, s.failPut(ctx, key, opts, err)
	}
	return object.Object{Key: key, Size: int64(len(data)), Version: info.ETag}, nil
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// failPut is fail for requests that may have been made on the condition that
// there is no object.
func (s *store) failPut(ctx context.Context, key string, opts object.PutOptions, err error) error {
	err = s.fail(ctx, "put", key, err)
	if opts.Exclusive && codeOf(err) == minio.PreconditionFailed {
		return errors.E("s3 put", s.bucket+"/"+key, errors.Exists, err)
	}
	return err
}

// Begin implements object.Parts. The condition of an exclusive put is checked
// when the upload completes.
func (s *store) Begin(ctx context.Context, key string, _ object.PutOptions) (string, error) {
	id, err := s.core.NewMultipartUpload(ctx, s.bucket, key, s.putOptions(object.PutOptions{}))
	return id, s.fail(ctx, "begin upload", key, err)
}

// PutPart implements object.Parts.
func (s *store) PutPart(ctx context.Context, key, id string, number int, data []byte) (string, error) {
	part, err := s.core.PutObjectPart(ctx, s.bucket, key, id, number, bytes.NewReader(data), int64(len(data)),
		minio.PutObjectPartOptions{Sha256Hex: hashOf(data), DisableContentSha256: true})
	return part.ETag, s.fail(ctx, "put part", key, err)
}

// Complete implements object.Parts. If the upload is gone, an earlier request
// whose answer was lost may have completed it: then the object has the ETag
// that follows from the parts.
func (s *store) Complete(ctx context.Context, key, id string, parts []object.Part, opts object.PutOptions) (object.Object, error) {
	complete := make([]minio.CompletePart, len(parts))
	var size int64
	for i, p := range parts {
		complete[i] = minio.CompletePart{PartNumber: p.Number, ETag: p.Tag}
		size += p.Size
	}
	info, err := s.core.CompleteMultipartUpload(ctx, s.bucket, key, id, complete, s.putOptions(opts))
	if err == nil {
		return object.Object{Key: key, Size: size, Version: strings.Trim(info.ETag, `"`)}, nil
	}
	err = s.failPut(ctx, key, opts, err)
	if codeOf(err) == "NoSuchUpload" {
		if o, headErr := s.Head(ctx, key); headErr == nil && o.Version == etagOf(parts) {
			return o, nil
		}
	}
	return object.Object{}, err
}

// etagOf returns the ETag that an object made of the parts has in stores that
// follow S3 in this, or "".
func etagOf(parts []object.Part) string {
	sum := md5.New()
	for _, p := range parts {
		raw, err := hex.DecodeString(strings.Trim(p.Tag, `"`))
		if err != nil || len(raw) != md5.Size {
			return ""
		}
		sum.Write(raw)
	}
	return fmt.Sprintf("%x-%d", sum.Sum(nil), len(parts))
}

// AbortParts implements object.Parts.
func (s *store) AbortParts(ctx context.Context, key, id string) error {
	limited, cancel := s.timed(ctx)
	defer cancel()
	err := s.fail(ctx, "abort upload", key, s.core.AbortMultipartUpload(limited, s.bucket, key, id))
	if codeOf(err) == "NoSuchUpload" {
		return nil
	}
	return err
}
