package kodo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// span is a range of an object; a negative length is to its end.
type span struct{ offset, length int64 }

// header returns the value of the Range header.
func (sp span) header() string {
	if sp.length < 0 {
		return fmt.Sprintf("bytes=%d-", sp.offset)
	}
	return fmt.Sprintf("bytes=%d-%d", sp.offset, sp.offset+sp.length-1)
}

// piece is the open answer to one download request.
type piece struct {
	body   io.ReadCloser
	length int64 // bytes to come
	size   int64 // of the whole object
	hash   string
}

// changedError tells that an answer has the bytes of another version.
type changedError struct{ want, got string }

func (e *changedError) Error() string {
	return fmt.Sprintf("the object has changed: its hash is %s, not %s", e.got, e.want)
}

// openPiece asks for a range of the object at key, of the version with the hash
// version unless that is "".
func (s *Store) openPiece(ctx context.Context, key string, sp span, version string) (*piece, error) {
	for attempt := 0; ; attempt++ {
		p, err := s.requestPiece(ctx, key, sp, version)
		switch changed, ok := errorAs[*changedError](err); {
		case ok:
			if err := s.confirmChange(ctx, key, changed); err != nil {
				return nil, err
			}
			if attempt >= s.set.retryMax {
				return nil, errors.E("kodo.get", key, errors.Unavailable, badAnswerf("it labels the object %s, not %s", changed.got, changed.want))
			}
			continue
		case isCode(err, http.StatusNotFound):
			return nil, s.explainAbsence(ctx, key, err)
		case s.set.thaw && isFrozen(err):
			return nil, s.beginThaw(ctx, key, err)
		}
		return p, err
	}
}

// confirmChange asks whether the object really has another version than the
// wanted one. It returns nil when it has not: then a cache on the way answered.
func (s *Store) confirmChange(ctx context.Context, key string, changed *changedError) error {
	st, err := s.stat(ctx, key)
	switch {
	case err == nil && st.Hash == changed.want:
		return nil
	case err == nil, errors.Is(err, errors.NotFound):
		return errors.E("kodo.get", key, errors.Aborted, changed)
	}
	return err
}

// explainAbsence finds out what a download's 404 means: the object is absent
// only if the management host says so.
func (s *Store) explainAbsence(ctx context.Context, key string, answer error) error {
	if _, err := s.stat(ctx, key); err != nil {
		return err
	}
	a, _ := errorAs[*answerError](answer)
	a.hint = fmt.Sprintf("The object exists, but the download host %s does not serve it: is that domain bound to bucket %q (property %s)?",
		s.route.base, s.set.bucket, keyDownloadHost)
	return errors.E("kodo.get", key, errors.FailedPrecondition, a)
}

// beginThaw asks for an archived object to be thawed and says so.
func (s *Store) beginThaw(ctx context.Context, key string, refused error) error {
	if err := s.thawObject(ctx, key); err != nil {
		return err
	}
	if a, ok := errorAs[*answerError](refused); ok {
		a.hint = "Thawing it has been asked for; an archived object is readable after some minutes, a deeply archived one after hours."
	}
	return refused
}

// requestPiece sends the download request.
func (s *Store) requestPiece(ctx context.Context, key string, sp span, version string) (*piece, error) {
	var p *piece
	_, err := s.run.do(ctx, request{op: "kodo.get", key: key, try: func(limited context.Context) error {
		body, cancel := context.WithCancel(ctx)
		stop := context.AfterFunc(limited, cancel)
		var err error
		p, err = s.tryPiece(body, key, sp, version)
		if !stop() {
			if err == nil {
				p.body.Close()
			}
			err = context.DeadlineExceeded
		}
		if err != nil {
			cancel()
			return err
		}
		p.body = s.newBody(p.body, cancel)
		return nil
	}})
	return p, err
}

func (s *Store) tryPiece(ctx context.Context, key string, sp span, version string) (*piece, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.link(key), nil)
	if err != nil {
		return nil, errors.E("kodo.get", key, errors.Invalid, unwrapURL(err))
	}
	req.Header.Set("Range", sp.header())
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := s.down.Do(req)
	if err != nil {
		return nil, err
	}
	p, err := readHead(resp, sp)
	if err == nil && version != "" && p.hash != version {
		err = &changedError{version, p.hash}
	}
	if err != nil {
		resp.Body.Close()
		if changed, ok := errorAs[*changedError](err); ok {
			err = errors.E("kodo.get", key, errors.Aborted, changed)
		}
		return nil, err
	}
	return p, nil
}

// maxErrorText bounds what is read of a refusal.
const maxErrorText = 4 << 10

// readHead checks that the answer is what was asked for.
func readHead(resp *http.Response, sp span) (*piece, error) {
	p := &piece{body: resp.Body, length: resp.ContentLength, hash: hashOf(resp.Header.Get("ETag"))}
	switch resp.StatusCode {
	case http.StatusPartialContent:
		first, last, size, err := parseContentRange(resp.Header.Get("Content-Range"))
		if err != nil {
			return nil, &badAnswer{err}
		}
		want := size - sp.offset
		if sp.length >= 0 {
			want = min(sp.length, want)
		}
		if first != sp.offset || last-first+1 != want || resp.ContentLength != want {
			return nil, badAnswerf("asked for %s it sends %d bytes as %q", sp.header(), resp.ContentLength, resp.Header.Get("Content-Range"))
		}
		p.size = size
	case http.StatusOK:
		if sp.offset > 0 && resp.ContentLength == 0 {
			return nil, errors.Errorf(errors.OutOfRange, "the object is empty")
		}
		if sp.offset != 0 || resp.ContentLength < 0 {
			return nil, badAnswerf("asked for %s it sends the whole object", sp.header())
		}
		p.size = resp.ContentLength
		if sp.length >= 0 {
			p.length = min(p.length, sp.length)
		}
	default:
		return nil, refusal(resp)
	}
	if p.hash == "" {
		return nil, badAnswerf("it has no ETag")
	}
	return p, nil
}

// refusal reads an answer that is an error.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorText)) // as much as there is
	return &answerError{code: resp.StatusCode, text: errorText(text), reqid: resp.Header.Get("X-Reqid")}
}

// hashOf returns the hash in an ETag header. Proxies mark versions that they
// made of the object.
func hashOf(header string) string {
	tag := strings.Trim(strings.TrimPrefix(header, "W/"), `"`)
	return strings.TrimSuffix(tag, ".gz")
}

// parseContentRange reads "bytes 0-9/100".
func parseContentRange(text string) (first, last, size int64, err error) {
	rest, ok := strings.CutPrefix(text, "bytes ")
	span, total, ok2 := strings.Cut(rest, "/")
	from, to, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, 0, fmt.Errorf("its Content-Range is %q", text)
	}
	for _, field := range []struct {
		text string
		into *int64
	}{{from, &first}, {to, &last}, {total, &size}} {
		if *field.into, err = strconv.ParseInt(field.text, 10, 64); err != nil {
			return 0, 0, 0, fmt.Errorf("its Content-Range is %q", text)
		}
	}
	return first, last, size, nil
}

// body is an answer's body whose reads fail when no byte comes for too long.
type body struct {
	io.ReadCloser
	s      *Store
	cancel context.CancelFunc
	timer  *time.Timer
	idle   time.Duration
}

func (s *Store) newBody(r io.ReadCloser, cancel context.CancelFunc) *body {
	b := &body{ReadCloser: r, s: s, cancel: cancel, idle: s.set.timeout}
	b.timer = time.AfterFunc(b.idle, cancel)
	b.timer.Stop()
	return b
}

func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.idle)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	b.s.metrics.received(int64(n))
	return n, err
}

func (b *body) Close() error {
	b.timer.Stop()
	b.cancel()
	return b.ReadCloser.Close()
}
