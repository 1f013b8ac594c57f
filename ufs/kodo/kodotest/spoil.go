package kodotest

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// failures are the answers of faults that happen instead of the operation.
var failures = map[Fault]*apiError{
	Error500: {500, "internal error"},
	Error503: {503, "service unavailable"},
	Error571: {571, "request is throttled"},
	Error573: {573, "too many requests"},
	Error429: {429, "too many requests"},
	Error599: {599, "server internal error"},
	Skew:     errSkewed,
	Frozen:   errFrozen,
	BadToken: errBadToken,
	DiskFull: {599, "no space left on device"},
}

// failBefore lets the call's fault happen if it is one that keeps the operation
// from being carried out, and reports whether it answered.
func (c *call) failBefore() bool {
	delay, stall := c.inject.times()
	switch c.fault {
	case None:
		return false
	case Slow:
		pause(c.r.Context(), delay)
		return false
	case Stall:
		pause(c.r.Context(), stall)
		c.reset()
		return true
	case ResetBefore:
		c.reset()
		return true
	case Error502HTML:
		c.w.Header().Del("X-Reqid")
		c.w.Header().Del("X-Log")
		c.w.Header().Set("Content-Type", "text/html")
		c.w.WriteHeader(http.StatusBadGateway)
		io.WriteString(c.w, "<html><body><h1>502 Bad Gateway</h1></body></html>")
		return true
	}
	if c.fault == PartLost {
		f := strings.Split(c.path, "/")
		if m := c.uploads.take(f[len(f)-1]); m != nil {
			m.discard(true)
		}
		return false
	}
	if e := failures[c.fault]; e != nil {
		fault := c.fault
		c.fault = None
		c.answer(nil, e)
		c.fault = fault
		return true
	}
	return false
}

// failAfter lets the call's fault happen to an answer that is about to be
// written, and reports whether that was the end of it.
func (c *call) failAfter(code int, body []byte) bool {
	switch c.fault {
	case Error504:
		c.w.Header().Set("Content-Type", "application/json")
		c.w.WriteHeader(http.StatusGatewayTimeout)
		io.WriteString(c.w, `{"error":"upstream timed out"}`)
	case ResetAfter, ResetBody:
		c.reset()
	case StallBody:
		_, stall := c.inject.times()
		pause(c.r.Context(), stall)
		c.reset()
	case ShortBody:
		c.w.Header().Set("Content-Type", "application/json")
		c.w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
		c.w.WriteHeader(code)
		c.w.Write(body[:len(body)/2])
		c.hangUp()
	case BadJSON:
		c.w.Header().Set("Content-Type", "application/json")
		c.w.WriteHeader(code)
		io.WriteString(c.w, `{"hash":"<html>`)
	case NoReqid:
		c.w.Header().Del("X-Reqid")
		c.w.Header().Del("X-Log")
		return false
	default:
		return false
	}
	return true
}

// spoilHash returns the hash that an upload is answered with.
func (c *call) spoilHash(hash string) string {
	if c.fault == WrongHash {
		return otherHash(hash)
	}
	return hash
}

// spoilETag returns the ETag that a download is labelled with.
func (c *call) spoilETag(hash string) string {
	if c.fault == WrongETag {
		return otherHash(hash)
	}
	return hash
}

// otherHash returns a well-formed hash that is not hash.
func otherHash(hash string) string {
	b := []byte(hash)
	if b[len(b)/2] == 'A' {
		b[len(b)/2] = 'B'
	} else {
		b[len(b)/2] = 'A'
	}
	return string(b)
}

// reset breaks the connection so that the client sees a reset, not an end.
func (c *call) reset() {
	if l, ok := c.seize().(interface{ SetLinger(int) error }); ok {
		l.SetLinger(0)
	}
}

// hangUp ends the connection in good order, whatever was still to come.
func (c *call) hangUp() { c.seize() }

// seize takes the connection away from the HTTP server and closes it when the
// call is over.
func (c *call) seize() net.Conn {
	conn, _, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: this ends the stream
	}
	c.seized = conn
	return conn
}

// spoilBody returns where a download is to be written and the request to serve,
// each changed as the call's fault wants it.
func (c *call) spoilBody(size int64) (http.ResponseWriter, *http.Request) {
	switch c.fault {
	case WrongRange:
		r := c.r.Clone(c.r.Context())
		r.Header.Del("Range")
		return c.w, r
	case LongBody, ShortBody, ResetBody, StallBody:
		return &spoiler{writer: c.w, c: c}, c.r
	}
	return c.w, c.r
}

// spoiler is a writer for a download that ends in a fault.
type spoiler struct {
	*writer
	c    *call
	left int64 // bytes to let through
}

const excess = "excess!"

// WriteHeader announces a body that is longer than it should be, or notes how
// much of it to send.
func (s *spoiler) WriteHeader(code int) {
	length, err := strconv.ParseInt(s.Header().Get("Content-Length"), 10, 64)
	if err != nil {
		length = 0
	}
	s.left = length / 2
	if s.c.fault == LongBody && s.c.r.Method != http.MethodHead {
		s.left = length
		s.Header().Set("Content-Length", strconv.FormatInt(length+int64(len(excess)), 10))
	}
	s.writer.WriteHeader(code)
}

// Write lets the bytes through up to where the fault happens.
func (s *spoiler) Write(p []byte) (int, error) {
	n, err := s.writer.Write(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// ReadFrom keeps content in memory from going past Write.
func (s *spoiler) ReadFrom(src io.Reader) (int64, error) { return io.Copy(onlyWriter{s}, src) }

// end lets the fault happen.
func (s *spoiler) end() {
	if s.c.r.Method == http.MethodHead {
		return
	}
	rc := http.NewResponseController(s.writer)
	switch s.c.fault {
	case LongBody:
		s.writer.Write([]byte(excess))
	case StallBody:
		rc.Flush()
		_, stall := s.c.inject.times()
		pause(s.c.r.Context(), stall)
		s.c.reset()
	case ResetBody:
		rc.Flush()
		s.c.reset()
	case ShortBody:
		rc.Flush()
		s.c.hangUp()
	}
}
