// Package kodotest is a local Kodo server: the under store's service as far as
// a file system over it can tell, for tests, demonstrations and offline work.
//
// It checks every signature, policy and deadline as the service does and never
// accepts what the service refuses; it can be told to be slow, to fail in the
// ways listed as Fault, and writes down each request with its verdict. All
// roles (uc, up, rs, rsf, api, io) share one address: a request is a download
// if its Host is a bucket's domain, if it carries a download token, or if
// nothing else is meant by it.
//
// State is in memory, or in a folder that survives kill -9 (not a power
// failure); uploads in progress are forgotten when the server ends.
//
// Not implemented: callbacks, persistent operations, fetch, mirrors, image
// processing, lifecycle transitions (their dates are stored and shown).
package kodotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options describe a server.
type Options struct {
	// AccessKey and SecretKey are the only credentials known.
	AccessKey, SecretKey string
	// Dir keeps the state; "" keeps it in memory.
	Dir string
	// Buckets are made if they do not exist. The first one is what downloads
	// from the server's own address mean. An empty Region is z0.
	Buckets []Bucket
	// Domains maps further download hosts to buckets. "<bucket>.<anything>"
	// always means that bucket.
	Domains map[string]string
	// QueryTTL is how long clients may keep the answer of a region query; 0 is
	// one day, negative is not at all.
	QueryTTL time.Duration
	Limits   Limits
	Faults   Plan
	// RequestLog gets one line a request, see Entry. May be nil.
	RequestLog io.Writer
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Server is a Kodo server. It is an http.Handler; serve it without a mux, which
// would clean paths that are keys.
type Server struct {
	opts     Options
	state    *state
	uploads  *uploads
	verifier *verifier
	inject   *injector
	in, out  pacer
	reqids   atomic.Int64
	log      requestLog
}

// New returns a server with the state of opts.Dir.
func New(opts Options) (*Server, error) {
	if opts.AccessKey == "" || opts.SecretKey == "" {
		return nil, errors.New("kodotest: no access key or secret key")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	st, err := openState(opts.Dir, opts.Now)
	if err != nil {
		return nil, fmt.Errorf("kodotest: %w", err)
	}
	s := &Server{
		opts:     opts,
		state:    st,
		uploads:  newUploads(st),
		verifier: &verifier{keys: map[string]string{opts.AccessKey: opts.SecretKey}, now: opts.Now},
		inject:   newInjector(opts.Faults),
		in:       pacer{rate: opts.Limits.TotalBytesPerSec},
		out:      pacer{rate: opts.Limits.TotalBytesPerSec},
		log:      requestLog{w: opts.RequestLog},
	}
	for _, b := range opts.Buckets {
		if err := s.MakeBucket(b); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Close writes the state down and ends. Serve no request after it.
func (s *Server) Close() error { return s.state.close() }

// MakeBucket makes a bucket, or changes the region and privacy of one.
func (s *Server) MakeBucket(b Bucket) error {
	if b.Region == "" {
		b.Region = "z0"
	}
	if !validBucketName(b.Name) {
		return fmt.Errorf("kodotest: %q is not a bucket name: 3 to 63 characters a-z, 0-9 and -", b.Name)
	}
	return s.state.makeBucket(b)
}

// Inject makes matching requests to come fault.
func (s *Server) Inject(r Rule) { s.inject.add(r) }

// ClearFaults forgets what Inject asked for.
func (s *Server) ClearFaults() { s.inject.clear() }

// SetPlan replaces the fault plan.
func (s *Server) SetPlan(p Plan) { s.inject.setPlan(p) }

// FaultCounts tells how often each fault happened.
func (s *Server) FaultCounts() map[Fault]int { return s.inject.counts() }

// PendingUploads returns the number of unfinished multipart uploads that hold
// parts, and of those that have none yet. (When the answer to the beginning of
// an upload is lost, its client cannot know that there is one to be aborted.)
func (s *Server) PendingUploads() (withParts, empty int) { return s.uploads.pending() }

// Put stores an object without a request, as if it had always been there.
func (s *Server) Put(bucket, key string, content []byte) error {
	stored, d, err := s.state.blobs.receive(bytes.NewReader(content))
	if err != nil {
		return err
	}
	o := &Object{Key: key, Hash: d.etag, Size: d.size, MD5: d.md5, Mime: mimeType("", key, false, stored), content: stored}
	return s.state.commitUpload(bucket, o, nil, false)
}

// Get returns the content of an object, without a request.
func (s *Server) Get(bucket, key string) ([]byte, error) {
	s.state.mu.Lock()
	_, o, err := s.state.object(bucket, key)
	s.state.mu.Unlock()
	if err != nil {
		return nil, err
	}
	r, err := o.content.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// Keys returns the keys of a bucket in order.
func (s *Server) Keys(bucket string) []string {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	b, err := s.state.bucket(bucket)
	if err != nil {
		return nil
	}
	return append([]string(nil), b.keys...)
}

// SetType changes the storage class of an object (2 is archive).
func (s *Server) SetType(bucket, key string, class int) error {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	_, o, err := s.state.object(bucket, key)
	if err != nil {
		return err
	}
	changed := *o
	changed.Type = class
	return s.state.commit(record{Bucket: bucket, Put: &changed})
}

// call is one request in progress.
type call struct {
	*Server
	w       *writer
	r       *http.Request
	op      string // short name of the operation, for faults and the log
	bucket  string
	key     string
	path    string // decoded, without the leading slash
	fault   Fault
	verdict string
	seized  net.Conn // taken from the HTTP server by a fault; closed at the end
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	started := s.opts.Now()
	c := &call{Server: s, w: &writer{ResponseWriter: rw}, r: r, verdict: "-"}
	reqid := fmt.Sprintf("emu%013x", s.reqids.Add(1))
	c.w.Header().Set("X-Reqid", reqid)
	c.w.Header().Set("X-Log", "X-Log")
	c.w.Header().Set("Date", started.UTC().Format(http.TimeFormat))
	handle := c.route()
	c.fault = s.inject.pick(c.op, c.key)
	defer func() {
		s.log.add(c.entry(started, reqid))
		if c.seized != nil {
			c.seized.Close()
		}
	}()
	if s.opts.Limits.Latency > 0 {
		pause(r.Context(), s.opts.Limits.Latency)
	}
	if c.failBefore() {
		return
	}
	result, err := handle(c)
	c.answer(result, err)
}

// pause waits for d, or for the client to go away.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// done is the result of a handler that has written its answer itself.
type done struct{}

// partly is a batch result with failures.
type partly struct{ results []batchResult }

// answer writes the result of a handler, or how it failed.
func (c *call) answer(result any, err error) {
	if errors.Is(err, errGone) {
		c.hangUp()
		return
	}
	code := http.StatusOK
	switch v := result.(type) {
	case done:
		return
	case partly:
		code, result = 298, v.results
	case rawJSON:
		c.answerBytes(code, v)
		return
	}
	if err != nil {
		e := asAPIError(err)
		code, result = e.code, map[string]string{"error": e.text}
	}
	var body []byte
	if result != nil {
		body, err = json.Marshal(result)
		if err != nil {
			panic(err) // results are plain maps and structs
		}
	}
	c.answerBytes(code, body)
}

// rawJSON is a result that is JSON already.
type rawJSON []byte

func (c *call) answerBytes(code int, body []byte) {
	if c.failAfter(code, body) {
		return
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	c.w.WriteHeader(code)
	if c.r.Method != http.MethodHead {
		c.w.Write(body)
	}
}

func asAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return &apiError{599, err.Error()}
}

// writer counts what goes out.
type writer struct {
	http.ResponseWriter
	code  int
	bytes int64
}

func (w *writer) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

func (w *writer) Write(p []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom: content is sent from where it is, without a copy
// in this process.
func (w *writer) ReadFrom(src io.Reader) (total int64, err error) {
	part, _ := src.(*io.LimitedReader)
	if part == nil {
		return io.Copy(onlyWriter{w}, src)
	}
	content, inMemory := part.R.(*memReader)
	if !inMemory {
		n, err := io.Copy(w.ResponseWriter, src)
		w.bytes += n
		return n, err
	}
	for err == nil && part.N > 0 {
		piece := content.ahead()
		if len(piece) == 0 {
			break
		}
		var n int
		n, err = w.Write(piece[:min(int64(len(piece)), part.N)])
		content.pos += int64(n)
		part.N -= int64(n)
		total += int64(n)
	}
	return total, err
}

// onlyWriter hides ReadFrom from io.Copy.
type onlyWriter struct{ io.Writer }

// Unwrap lets http.ResponseController reach the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// validBucketName reports whether the service would make a bucket so named.
func validBucketName(name string) bool {
	if len(name) < 3 || len(name) > 63 || strings.Trim(name, "-") != name {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// requestLog writes entries, one at a time.
type requestLog struct {
	w  io.Writer
	mu sync.Mutex
}

func (l *requestLog) add(e Entry) {
	if l.w == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	io.WriteString(l.w, e.String()+"\n")
}

// Entry is one line of the request log:
//
//	TIME METHOD URI RANGE STATUS BYTES VERDICT op=OP key="KEY" in=N fault=F reqid=ID
//
// TIME is RFC 3339 in UTC, URI as received with its tokens cut out, RANGE the
// Range header or "-", STATUS 0 when the connection broke before an answer,
// BYTES those of the answer's body. VERDICT is what came of the credentials:
// "ok:Qiniu", "ok:QBox", "ok:UpToken", "ok:URL", "public", "refused:…" or "-"
// when none are wanted.
type Entry struct {
	Time                     time.Time
	Method, URI, Range       string
	Status                   int
	Bytes, In                int64
	Verdict, Op, Bucket, Key string
	Fault                    Fault
	Reqid                    string
}

// String returns the line without its end.
func (e Entry) String() string {
	line := fmt.Sprintf("%s %s %s %s %d %d %s op=%s key=%q in=%d", e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"),
		e.Method, orDash(e.URI), orDash(strings.ReplaceAll(e.Range, " ", "")), e.Status, e.Bytes, e.Verdict, orDash(e.Op), e.Key, e.In)
	if e.Fault != None {
		line += " fault=" + string(e.Fault)
	}
	return line + " reqid=" + e.Reqid
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// entry describes the call as it ended.
func (c *call) entry(started time.Time, reqid string) Entry {
	uri := c.r.RequestURI
	if at := strings.LastIndex(uri, "&token="); at >= 0 {
		uri = uri[:at]
	}
	return Entry{
		Time: started, Method: c.r.Method, URI: uri, Range: c.r.Header.Get("Range"),
		Status: c.w.code, Bytes: c.w.bytes, In: max(c.r.ContentLength, 0), Verdict: strings.ReplaceAll(c.verdict, " ", "-"),
		Op: c.op, Bucket: c.bucket, Key: c.key, Fault: c.fault, Reqid: reqid,
	}
}

// publicHost is the address under which the client reached the server.
func publicHost(r *http.Request) string {
	if _, _, err := net.SplitHostPort(r.Host); err == nil {
		return r.Host
	}
	forms := hostForms(r)
	return forms[len(forms)-1]
}

// hostOnly returns host without its port.
func hostOnly(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}
