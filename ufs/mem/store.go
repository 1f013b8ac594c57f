// Package mem keeps files in memory, for tests: New as a file system with real
// directories, NewStore as a flat store for package object. Nothing survives
// the process.
package mem

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs/object"
)

// StoreOptions choose what a Store can do and how it behaves where real ones
// differ.
type StoreOptions struct {
	// PartBytes is the part size of uploads; 0 is 64 KiB.
	PartBytes int
	// PageSize bounds the pages of listings from the store's side; 0: no bound.
	PageSize int
	// EmptyPages makes every second page of a listing empty.
	EmptyPages bool
	// NoAfter ignores ListRequest.After.
	NoAfter bool
}

// Store is a flat store in memory. Its versions are content counters.
type Store struct {
	opts StoreOptions
	mu   struct {
		sync.Mutex
		keys    []string // sorted
		objects map[string]stored
		uploads map[string]map[int][]byte
		version int
	}
}

type stored struct {
	object.Object
	data []byte
}

// NewStore returns an empty store. It is an object.Store, object.Mover,
// object.BatchDeleter, object.Sweeper and object.Parts.
func NewStore(opts StoreOptions) *Store {
	if opts.PartBytes == 0 {
		opts.PartBytes = 64 << 10
	}
	s := &Store{opts: opts}
	s.mu.objects = map[string]stored{}
	s.mu.uploads = map[string]map[int][]byte{}
	return s
}

// Head describes the object at key.
func (s *Store) Head(ctx context.Context, key string) (object.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.get(ctx, key)
	return o.Object, err
}

// get looks key up; the caller holds the lock.
func (s *Store) get(ctx context.Context, key string) (stored, error) {
	if err := ctx.Err(); err != nil {
		return stored{}, err
	}
	o, ok := s.mu.objects[key]
	if !ok {
		return stored{}, errors.E("mem", key, errors.NotFound, nil)
	}
	return o, nil
}

// List returns a page of keys and prefixes.
func (s *Store) List(ctx context.Context, req object.ListRequest) (object.Page, error) {
	if err := ctx.Err(); err != nil {
		return object.Page{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	marker, pause := strings.CutPrefix(req.Marker, "pause:")
	if s.opts.EmptyPages && !pause {
		return object.Page{Next: "pause:" + req.Marker}, nil
	}
	if marker == "" && !s.opts.NoAfter {
		marker = req.After
	}
	limit := req.Limit
	if s.opts.PageSize > 0 {
		limit = min(limit, s.opts.PageSize)
	}
	return s.page(req, marker, limit), nil
}

// page lists what sorts behind marker; the caller holds the lock.
func (s *Store) page(req object.ListRequest, marker string, limit int) (page object.Page) {
	i, _ := slices.BinarySearch(s.mu.keys, max(req.Prefix, marker))
	for n := 0; i < len(s.mu.keys) && strings.HasPrefix(s.mu.keys[i], req.Prefix); {
		key := s.mu.keys[i]
		prefix := ""
		if j := strings.IndexByte(key[len(req.Prefix):], '/'); j >= 0 && req.Delimiter != "" {
			prefix = key[:len(req.Prefix)+j+1]
		}
		i++
		if key <= marker || prefix != "" && strings.HasSuffix(marker, "/") && strings.HasPrefix(marker, prefix) {
			continue
		}
		if n == limit {
			page.Next = marker
			return page
		}
		n++
		if prefix == "" {
			page.Objects = append(page.Objects, s.mu.objects[key].Object)
			marker = key
			continue
		}
		page.Prefixes = append(page.Prefixes, prefix)
		for marker = prefix; i < len(s.mu.keys) && strings.HasPrefix(s.mu.keys[i], prefix); {
			i++
		}
	}
	return page
}

// Get reads a range of the object.
func (s *Store) Get(ctx context.Context, key string, r object.Range) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.get(ctx, key)
	switch {
	case err != nil:
		return nil, err
	case r.Version != "" && r.Version != o.Version:
		return nil, errors.E("mem", key, errors.Aborted, nil)
	case r.Offset >= o.Size && (r.Offset > 0 || r.Length >= 0):
		return nil, errors.E("mem", key, errors.OutOfRange, nil)
	}
	data := o.data[r.Offset:]
	if r.Length >= 0 {
		data = data[:min(r.Length, int64(len(data)))]
	}
	return io.NopCloser(&ctxReader{ctx, bytes.NewReader(data)}), nil
}

// ctxReader stops reading when its context ends.
type ctxReader struct {
	ctx context.Context
	io.Reader
}

func (r *ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// Put starts an upload in parts.
func (s *Store) Put(ctx context.Context, key string, opts object.PutOptions) (object.Upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return object.NewUpload(ctx, s, key, object.UploadOptions{PutOptions: opts, PartBytes: s.opts.PartBytes}), nil
}

// PutWhole stores an object.
func (s *Store) PutWhole(ctx context.Context, key string, data []byte, opts object.PutOptions) (object.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(ctx, key, bytes.Clone(data), opts)
}

// put stores an object; the caller holds the lock.
func (s *Store) put(ctx context.Context, key string, data []byte, opts object.PutOptions) (object.Object, error) {
	if err := ctx.Err(); err != nil {
		return object.Object{}, err
	}
	i, found := slices.BinarySearch(s.mu.keys, key)
	if found && opts.Exclusive {
		return object.Object{}, errors.E("mem", key, errors.Exists, nil)
	}
	if !found {
		s.mu.keys = slices.Insert(s.mu.keys, i, key)
	}
	s.mu.version++
	o := object.Object{Key: key, Size: int64(len(data)), ModTime: time.Now(), Version: fmt.Sprintf("v%d", s.mu.version)}
	s.mu.objects[key] = stored{Object: o, data: data}
	return o, nil
}

// Begin starts an upload in parts.
func (s *Store) Begin(ctx context.Context, key string, _ object.PutOptions) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.version++
	id := fmt.Sprintf("u%d", s.mu.version)
	s.mu.uploads[id] = map[int][]byte{}
	return id, ctx.Err()
}

// PutPart keeps a part.
func (s *Store) PutPart(ctx context.Context, key, id string, number int, data []byte) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts, ok := s.mu.uploads[id]
	if !ok {
		return "", errors.E("mem", key, errors.Aborted, errors.Errorf(errors.Aborted, "no such upload %s", id))
	}
	parts[number] = bytes.Clone(data)
	return fmt.Sprint(number), ctx.Err()
}

// Complete joins the parts.
func (s *Store) Complete(ctx context.Context, key, id string, parts []object.Part, opts object.PutOptions) (object.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var data []byte
	for _, p := range parts {
		data = append(data, s.mu.uploads[id][p.Number]...)
	}
	o, err := s.put(ctx, key, data, opts)
	if err == nil {
		delete(s.mu.uploads, id)
	}
	return o, err
}

// AbortParts drops an upload.
func (s *Store) AbortParts(_ context.Context, _, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.uploads, id)
	return nil
}

// Uploads returns the number of unfinished uploads.
func (s *Store) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.uploads)
}

// Keys returns all keys, in order.
func (s *Store) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.keys)
}

// Sweep drops all unfinished uploads; memory has no old ones.
func (s *Store) Sweep(context.Context, string, time.Duration) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.mu.uploads)
	clear(s.mu.uploads)
	return n, nil
}

// Copy copies src over dst.
func (s *Store) Copy(ctx context.Context, src, dst string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.get(ctx, src)
	if err == nil {
		_, err = s.put(ctx, dst, o.data, object.PutOptions{})
	}
	return err
}

// Delete removes the object.
func (s *Store) Delete(ctx context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.get(ctx, key); err != nil {
		return err
	}
	delete(s.mu.objects, key)
	i, _ := slices.BinarySearch(s.mu.keys, key)
	s.mu.keys = slices.Delete(s.mu.keys, i, i+1)
	return nil
}

// MaxBatch is small, so that tests see many batches.
func (s *Store) MaxBatch() int { return 100 }

// DeleteBatch deletes keys.
func (s *Store) DeleteBatch(ctx context.Context, keys []string) []error {
	errs := make([]error, len(keys))
	for i, key := range keys {
		if err := s.Delete(ctx, key); !errors.Is(err, errors.NotFound) {
			errs[i] = err
		}
	}
	return errs
}

// Close does nothing.
func (s *Store) Close() error { return nil }
