package kodo

import (
	"bytes"
	"context"
	"encoding/json"
	stderrors "errors"
	"io"
	"strings"
	"sync"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs/kodo/etag"
	"github.com/alluxio-go/alluxio/ufs/object"
)

// Get reads a range of the object at key: by one request or, when it is long
// and read on, by several at a time (see ranges). An object that is read from
// its first to its last byte is checked against its hash: a small one before
// the first byte is handed out, so that it can be fetched again.
func (s *Store) Get(ctx context.Context, key string, r object.Range) (io.ReadCloser, error) {
	for attempt := 0; ; attempt++ {
		out, size, err := s.get(ctx, key, r)
		v, whole := out.(*verified)
		if err != nil || !whole || size > smallObject {
			return out, err
		}
		small, err := readSmall(v, int(size))
		v.Close()
		if err == nil {
			return small, nil
		}
		again := errors.Is(err, errors.Corrupt) || r.Version == "" && errors.Is(err, errors.Aborted)
		if !again || attempt >= s.set.retryMax {
			return nil, err
		}
	}
}

// smallObject is the most bytes that are checked before they are handed out.
const smallObject = mib

// smallBuffers hold small objects until they are read.
var smallBuffers = sync.Pool{New: func() any { b := make([]byte, smallObject); return &b }}

// small is an object in memory.
type small struct {
	bytes.Reader
	buf *[]byte
}

// readSmall reads an object of the given size to its end, so that it is checked.
func readSmall(r io.Reader, size int) (io.ReadCloser, error) {
	s := &small{buf: smallBuffers.Get().(*[]byte)}
	data := (*s.buf)[:size]
	_, err := io.ReadFull(r, data)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	if err != nil {
		smallBuffers.Put(s.buf)
		return nil, err
	}
	s.Reset(data)
	return s, nil
}

// Close gives the memory back.
func (s *small) Close() error {
	s.Reset(nil)
	if s.buf != nil {
		smallBuffers.Put(s.buf)
		s.buf = nil
	}
	return nil
}

// get opens the range and returns the size of the object.
func (s *Store) get(ctx context.Context, key string, r object.Range) (out io.ReadCloser, size int64, err error) {
	sp := span{r.Offset, r.Length}
	if s.set.downloadThreads > 1 && (sp.length < 0 || sp.length > s.set.rangeBytes) {
		sp.length = s.set.rangeBytes
	}
	p, err := s.openPiece(ctx, key, sp, r.Version)
	if errors.Is(err, errors.OutOfRange) && r.Offset == 0 && r.Length < 0 {
		out, err = s.getEmpty(ctx, key, r.Version)
		return out, 0, err
	}
	if err != nil {
		return nil, 0, err
	}
	want := p.size - r.Offset
	if r.Length >= 0 {
		want = min(want, r.Length)
	}
	first := &stream{s: s, ctx: ctx, key: key, hash: p.hash, at: r.Offset, end: r.Offset + p.length, cur: p}
	out = first
	if want > p.length {
		out = newRanges(first, r.Offset+want)
	}
	if s.set.verify && r.Offset == 0 && want == p.size {
		if h := s.hasher(ctx, key, p.hash); h != nil {
			out = &verified{ReadCloser: out, key: key, want: p.hash, hash: h}
		}
	}
	return out, p.size, nil
}

// hasher returns what computes an object's hash from its bytes. For one made of
// uneven parts their sizes have to be asked for; without them it is nil.
func (s *Store) hasher(ctx context.Context, key, hash string) hasher {
	if etag.IsV1(hash) {
		return etag.New()
	}
	st, err := s.statParts(ctx, key)
	if err != nil || st.Hash != hash || len(st.Parts) == 0 {
		return nil
	}
	return etag.NewParts(st.Parts)
}

// hasher computes a hash of what is written to it.
type hasher interface {
	io.Writer
	Sum() string
}

// getEmpty opens an object in which there is no range at all.
func (s *Store) getEmpty(ctx context.Context, key, version string) (io.ReadCloser, error) {
	st, err := s.stat(ctx, key)
	switch {
	case err != nil:
		return nil, err
	case version != "" && st.Hash != version:
		return nil, errors.E("kodo.get", key, errors.Aborted, &changedError{version, st.Hash})
	case st.Size > 0:
		return nil, errors.E("kodo.get", key, errors.Unavailable, badAnswerf("it refuses to send an object of %d bytes", st.Size))
	}
	return io.NopCloser(strings.NewReader("")), nil
}

// stream reads the bytes from at to end of one version of an object. When a
// connection breaks it goes on at the same byte.
type stream struct {
	s       *Store
	ctx     context.Context
	key     string
	hash    string
	at, end int64
	cur     *piece // nil when there is none
	breaks  int    // without a byte between them
}

func (r *stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if r.at == r.end {
			return 0, io.EOF
		}
		if err := r.connect(); err != nil {
			return 0, err
		}
		n, err := r.cur.body.Read(p[:min(int64(len(p)), r.end-r.at)])
		if r.at += int64(n); n > 0 {
			r.breaks = 0
		}
		if err != nil || r.at == r.end {
			r.disconnect()
		}
		if n > 0 {
			return n, nil
		}
		if err == nil {
			continue
		}
		if err := r.broken(err); err != nil {
			return 0, err
		}
	}
}

// connect makes sure that there is a connection at the present offset.
func (r *stream) connect() (err error) {
	if r.cur == nil {
		r.cur, err = r.s.openPiece(r.ctx, r.key, span{r.at, r.end - r.at}, r.hash)
	}
	return err
}

func (r *stream) disconnect() {
	if r.cur != nil {
		r.cur.body.Close()
		r.cur = nil
	}
}

// broken decides whether to go on after the connection has ended early.
func (r *stream) broken(err error) error {
	if stderrors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if ctxErr := context.Cause(r.ctx); ctxErr != nil {
		return errors.E("kodo.get", r.key, errors.KindOf(r.ctx.Err()), ctxErr)
	}
	if r.breaks++; r.breaks > r.s.set.retryMax {
		return errors.E("kodo.get", r.key, errors.Unavailable, err)
	}
	r.s.metrics.retried("kodo.get")
	return sleep(r.ctx, r.s.run.pause(r.breaks-1))
}

func (r *stream) Close() error {
	r.disconnect()
	r.at = r.end
	return nil
}

// verified hashes what passes and gives an error instead of the end when that
// is not the object's hash.
type verified struct {
	io.ReadCloser
	key, want string
	hash      hasher
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.hash.Write(p[:n])
	if err == io.EOF {
		if got := v.hash.Sum(); got != v.want {
			err = errors.E("kodo.get", v.key, errors.Corrupt,
				errors.Errorf(errors.Corrupt, "the bytes received have the hash %s, the object has %s", got, v.want))
		}
	}
	return n, err
}

// errorAs is errors.As of the standard library with a result.
func errorAs[T error](err error) (T, bool) {
	var t T
	ok := stderrors.As(err, &t)
	return t, ok
}

// errorText returns the text in an answer's JSON, or nothing.
func errorText(body []byte) string {
	var answer struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(body, &answer) // proxies answer in HTML
	return answer.Error
}
