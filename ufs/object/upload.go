package object

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Parts is what a store with multipart uploads implements to get a streaming
// Upload from NewUpload. Methods may be called concurrently, and again with the
// same arguments after a failure; none keeps data after it has returned.
type Parts interface {
	// PutWhole stores an object that fits into one part, in one request.
	PutWhole(ctx context.Context, key string, data []byte, opts PutOptions) (Object, error)
	// Begin starts a multipart upload and returns its id.
	Begin(ctx context.Context, key string, opts PutOptions) (id string, err error)
	// PutPart uploads part number (from 1) and returns the tag that Complete
	// wants for it. It verifies what the store says it has received.
	PutPart(ctx context.Context, key, id string, number int, data []byte) (tag string, err error)
	// Complete makes the object of the parts, in order. Asked again after an
	// unclear failure it finds out whether the object is there.
	Complete(ctx context.Context, key, id string, parts []Part, opts PutOptions) (Object, error)
	// AbortParts drops the upload; absent is success.
	AbortParts(ctx context.Context, key, id string) error
}

// Part is an uploaded part.
type Part struct {
	Number int
	Tag    string
	Size   int64
}

// UploadOptions tune NewUpload.
type UploadOptions struct {
	PutOptions
	// PartBytes is the size of the parts; with PartSize nil all but the last
	// have it. PartSize gives the size of part number n (from 1) instead, for
	// stores that limit the number of parts.
	PartBytes int
	PartSize  func(n int) int
	// Parallel is the number of parts in flight; 0 is 4. An upload holds at
	// most Parallel+1 parts in memory.
	Parallel int
	// Do runs one request, again if that helps (package retry has one); nil
	// runs it once. Parts cannot be sent again by a wrapper around the UFS,
	// which no longer has their bytes.
	Do func(ctx context.Context, request func(ctx context.Context) error) error
}

// NewUpload returns a streaming upload of key through p. ctx bounds all of it.
func NewUpload(ctx context.Context, p Parts, key string, opts UploadOptions) (Upload, error) {
	return nil, errors.E("object.put", key, errors.Unsupported, nil)
}
