package object

import (
	"context"
	"sync"
	"time"

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
	// Retry runs one request, again if that helps (ufs.Options.Retry); nil runs
	// it once. A wrapper around the UFS could not send a part again: it no
	// longer has the bytes.
	Retry func(ctx context.Context, request func(ctx context.Context) error) error
}

// NewUpload returns a streaming upload of key through p, bounded by ctx. An
// object of one part is stored whole by a single request at Commit; the first
// request of a larger one is made when its second part begins.
func NewUpload(ctx context.Context, p Parts, key string, opts UploadOptions) Upload {
	if opts.Parallel <= 0 {
		opts.Parallel = 4
	}
	if opts.PartSize == nil {
		size := opts.PartBytes
		opts.PartSize = func(int) int { return size }
	}
	if opts.Retry == nil {
		opts.Retry = func(ctx context.Context, request func(context.Context) error) error { return request(ctx) }
	}
	u := &upload{p: p, key: key, opts: opts, free: make(chan []byte, opts.Parallel+1)}
	u.ctx, u.cancel = context.WithCancelCause(ctx)
	for range opts.Parallel {
		u.free <- nil // allocated when needed
	}
	u.next(make([]byte, 0, min(opts.PartSize(1), max(int(min(opts.SizeHint, 1<<30)), firstBuffer))))
	return u
}

// firstBuffer is what the buffer of an object of unknown size begins with.
const firstBuffer = 64 << 10

// abortTimeout bounds the clean-up of an upload, which happens even when the
// caller's context has ended.
const abortTimeout = 30 * time.Second

// upload cuts what is written into parts and sends each in a goroutine of its
// own. Write, Commit and Abort are called by one goroutine at a time.
type upload struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	p      Parts
	key    string
	opts   UploadOptions

	id     string // of the multipart upload, once begun
	number int    // of the part that buf is
	size   int    // that this part shall have
	buf    []byte
	total  int64
	ended  bool

	free  chan []byte // buffers of no part; their number bounds the memory
	sends sync.WaitGroup
	mu    struct {
		sync.Mutex
		parts []Part // by number
	}
}

// next begins the next part in buf.
func (u *upload) next(buf []byte) {
	u.number++
	u.size = u.opts.PartSize(u.number)
	u.buf = buf[:0]
}

func (u *upload) Write(p []byte) (n int, err error) {
	if u.ended {
		return 0, errors.Errorf(errors.FailedPrecondition, "write to an upload that has ended")
	}
	for len(p) > 0 {
		if len(u.buf) == u.size {
			if err := u.flush(); err != nil {
				return n, err
			}
		}
		k := min(len(p), u.size-len(u.buf))
		u.grow(k)
		u.buf = append(u.buf, p[:k]...)
		p, n, u.total = p[k:], n+k, u.total+int64(k)
	}
	return n, context.Cause(u.ctx)
}

// grow makes room for k more bytes in buf, doubling up to the part's size.
func (u *upload) grow(k int) {
	if need := len(u.buf) + k; need > cap(u.buf) {
		bigger := make([]byte, len(u.buf), min(u.size, max(need, 2*cap(u.buf))))
		copy(bigger, u.buf)
		u.buf = bigger
	}
}

// flush hands buf to a goroutine that sends it, and waits for a free buffer.
func (u *upload) flush() error {
	if u.id == "" {
		var id string
		err := u.opts.Retry(u.ctx, func(ctx context.Context) (err error) {
			id, err = u.p.Begin(ctx, u.key, u.opts.PutOptions)
			return err
		})
		if err != nil {
			u.cancel(err)
			return err
		}
		u.id = id
	}
	u.sends.Add(1)
	go u.send(u.number, u.buf)
	select {
	case buf := <-u.free:
		u.next(buf)
		return context.Cause(u.ctx)
	case <-u.ctx.Done():
		u.next(nil)
		return context.Cause(u.ctx)
	}
}

func (u *upload) send(number int, data []byte) {
	defer u.sends.Done()
	var tag string
	err := u.opts.Retry(u.ctx, func(ctx context.Context) (err error) {
		tag, err = u.p.PutPart(ctx, u.key, u.id, number, data)
		return err
	})
	if err != nil {
		u.cancel(err)
		return
	}
	u.mu.Lock()
	for len(u.mu.parts) < number {
		u.mu.parts = append(u.mu.parts, Part{})
	}
	u.mu.parts[number-1] = Part{Number: number, Tag: tag, Size: int64(len(data))}
	u.mu.Unlock()
	u.free <- data
}

// Commit makes the object. When that fails the parts are dropped.
func (u *upload) Commit(ctx context.Context) (Object, error) {
	if u.ended {
		return Object{}, errors.Errorf(errors.FailedPrecondition, "commit of an upload that has ended")
	}
	stop := context.AfterFunc(ctx, func() { u.cancel(context.Cause(ctx)) })
	defer stop()
	o, err := u.complete()
	if err == nil && o.Size != u.total {
		err = errors.Errorf(errors.Corrupt, "the store has made an object of %d bytes out of %d", o.Size, u.total)
	}
	if err != nil {
		_ = u.Abort(ctx) // the error that matters is err
		return Object{}, err
	}
	u.ended = true
	u.cancel(nil)
	return o, nil
}

// complete sends what is left and makes the object.
func (u *upload) complete() (o Object, err error) {
	if u.id != "" {
		u.sends.Add(1)
		go u.send(u.number, u.buf)
		u.sends.Wait()
	}
	if err := context.Cause(u.ctx); err != nil {
		return Object{}, err
	}
	unclear := false
	err = u.opts.Retry(u.ctx, func(ctx context.Context) (err error) {
		if u.id == "" {
			o, err = u.p.PutWhole(ctx, u.key, u.buf, u.opts.PutOptions)
		} else {
			o, err = u.p.Complete(ctx, u.key, u.id, u.mu.parts, u.opts.PutOptions)
		}
		unclear = unclear || errors.Is(err, errors.Unavailable) || errors.Is(err, errors.Timeout)
		return err
	})
	if unclear && errors.Is(err, errors.Exists) {
		err = errors.Errorf(errors.Unavailable, "an attempt without an answer may have made the object that now exists: %w", err)
	}
	return o, err
}

// Abort stops the parts in flight and drops what the store has of them.
func (u *upload) Abort(ctx context.Context) error {
	if u.ended {
		return nil
	}
	u.ended = true
	u.cancel(context.Canceled)
	u.sends.Wait()
	u.buf = nil
	if u.id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	return u.opts.Retry(ctx, func(ctx context.Context) error { return u.p.AbortParts(ctx, u.key, u.id) })
}
