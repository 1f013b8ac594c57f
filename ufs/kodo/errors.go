package kodo

import (
	"context"
	stderrors "errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/qiniu/go-sdk/v7/client"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Status codes of the service that HTTP does not have.
const (
	codePartly    = 298 // a batch with failures
	codeThrottled = 571
	codeBusy      = 573 // one resource asked for too often
	codeFailed    = 599
	codeCallback  = 579
	codeChanged   = 608
	codeAbsent    = 612
	codeExists    = 614
	codeNoBucket  = 631
	codeBadMarker = 640
)

// answerError is an answer of the service that is not a success. Its text ends
// in the request's id, which the service's support asks for.
type answerError struct {
	code  int
	text  string
	reqid string
	hint  string // what to do, a sentence
}

func (e *answerError) Error() string {
	text := strings.TrimSpace(e.text)
	if text == "" {
		text = http.StatusText(e.code)
	}
	msg := fmt.Sprintf("Kodo answered %d %s", e.code, text)
	if e.reqid != "" {
		msg += " (X-Reqid " + e.reqid + ")"
	}
	if e.hint != "" {
		msg += ". " + e.hint
	}
	return msg
}

// isCode reports whether err is an answer with the code.
func isCode(err error, code int) bool {
	var a *answerError
	return stderrors.As(err, &a) && a.code == code
}

// isFrozen reports whether err is the refusal to read an archived object.
func isFrozen(err error) bool {
	a, ok := errorAs[*answerError](err)
	return ok && a.frozen()
}

// frozen reports whether the answer is about an archived object.
func (e *answerError) frozen() bool {
	text := strings.ToLower(e.text)
	return e.code == http.StatusForbidden && (strings.Contains(text, "unrestored") || strings.Contains(text, "archive"))
}

// badAnswer is an answer that cannot be right: not JSON, cut short, with
// another hash than that of the bytes sent. What the request did is unknown.
type badAnswer struct{ err error }

func (e *badAnswer) Error() string { return "Kodo's answer is unusable: " + e.err.Error() }
func (e *badAnswer) Unwrap() error { return e.err }

func badAnswerf(format string, args ...any) error {
	return &badAnswer{fmt.Errorf(format, args...)}
}

// verdict is what an attempt's error means.
type verdict struct {
	err       error // nil, or an *errors.Error; Unavailable and Timeout may be retried
	unclear   bool  // the request may have been carried out
	throttled bool  // the service wants fewer requests
}

// judge classifies the error of one attempt. This is the only place where
// answers become kinds.
func judge(ctx context.Context, op, key string, err error, skew time.Duration) verdict {
	if err == nil {
		return verdict{}
	}
	var known *errors.Error
	if stderrors.As(err, &known) {
		return verdict{err: err}
	}
	if ctxErr := context.Cause(ctx); ctxErr != nil {
		return verdict{err: errors.E(op, key, errors.KindOf(ctx.Err()), ctxErr), unclear: true}
	}
	var info *client.ErrorInfo
	if stderrors.As(err, &info) && info.Code != 0 {
		err = &answerError{code: info.Code, text: info.Err, reqid: info.Reqid}
	}
	var a *answerError
	if stderrors.As(err, &a) {
		return judgeAnswer(op, key, a, skew)
	}
	return judgeTransport(op, key, err)
}

// judgeAnswer classifies what the service said.
func judgeAnswer(op, key string, a *answerError, skew time.Duration) verdict {
	v := verdict{}
	kind := errors.Other
	switch a.code {
	case codeAbsent:
		kind = errors.NotFound
	case http.StatusNotFound: // downloads find out what their 404 means
		kind = errors.FailedPrecondition
		a.hint = "Absent objects are answered otherwise, so this is not the right host."
	case codeExists:
		kind = errors.Exists
	case codeNoBucket:
		kind = errors.Invalid
		a.hint = "The bucket is gone or the mount names a wrong one."
	case http.StatusUnauthorized:
		if text := strings.ToLower(a.text); strings.Contains(text, "expired") || strings.Contains(text, "out of date") {
			kind = errors.Unavailable // the next one is made by the clock in this answer
			a.hint = "The token was too old when it arrived; check this machine's clock."
			break
		}
		kind = errors.Permission
		a.hint = fmt.Sprintf("Check the properties %s and %s.", keyAccessKey, keySecretKey)
	case http.StatusForbidden:
		kind = judgeForbidden(a, skew)
	case http.StatusNotAcceptable:
		kind = errors.Unavailable
		a.hint = "The bytes were damaged on their way."
	case http.StatusRequestedRangeNotSatisfiable:
		kind = errors.OutOfRange
	case codeChanged:
		kind = errors.Aborted
	case codeBadMarker:
		kind = errors.Aborted
		a.hint = "The listing must be started again."
	case http.StatusRequestEntityTooLarge:
		kind = errors.Invalid
	case 419:
		kind = errors.Permission
		a.hint = "The account is frozen."
	case codeThrottled, codeBusy, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		kind, v.throttled = errors.Unavailable, true
	case http.StatusNotImplemented:
		kind = errors.Unsupported
	case 509:
		kind = errors.NoSpace
		a.hint = "The bandwidth or quota of the account is used up."
	case codeCallback:
		kind, v.unclear = errors.Unavailable, true
	default:
		switch {
		case a.code >= 500 && a.code < 600 || a.code == 478:
			kind, v.unclear = errors.Unavailable, true
		default:
			kind = errors.Invalid
		}
	}
	v.err = errors.E(op, key, kind, a)
	return v
}

// judgeForbidden tells the reasons of a 403 apart, by the service's words.
func judgeForbidden(a *answerError, skew time.Duration) errors.Kind {
	text := strings.ToLower(a.text)
	switch {
	case strings.Contains(text, "skewed"):
		a.hint = "This machine's clock is wrong: " + describeSkew(skew)
		return errors.Permission
	case a.frozen():
		a.hint = "The object is archived and must be thawed before it can be read; property " + keyThaw + "=true asks for that."
		return errors.FailedPrecondition
	case strings.Contains(text, "disabled"):
		a.hint = "The object is disabled in the store."
		return errors.FailedPrecondition
	}
	return errors.Permission
}

func describeSkew(skew time.Duration) string {
	switch {
	case skew.Abs() < 2*time.Second:
		return "compare it with the service's."
	case skew < 0:
		return fmt.Sprintf("it is %v ahead of Kodo's.", -skew.Round(time.Second))
	}
	return fmt.Sprintf("it is %v behind Kodo's.", skew.Round(time.Second))
}

// judgeTransport classifies failures to get any answer.
func judgeTransport(op, key string, err error) verdict {
	v := verdict{unclear: true}
	err = unwrapURL(err)
	var dns *net.DNSError
	var dial *net.OpError
	switch {
	case stderrors.As(err, &dns):
		v.unclear = false
		err = fmt.Errorf("no address for the host %q: %w", dns.Name, err)
	case stderrors.As(err, &dial) && dial.Op == "dial", stderrors.Is(err, syscall.ECONNREFUSED):
		v.unclear = false
	}
	kind := errors.Unavailable
	if stderrors.Is(err, context.DeadlineExceeded) {
		kind = errors.Timeout
		err = stderrors.New("no answer in time")
	}
	v.err = errors.E(op, key, kind, err)
	return v
}

// unwrapURL takes the URL, which may carry a download token, out of an error of
// package http.
func unwrapURL(err error) error {
	var u *url.Error
	if stderrors.As(err, &u) {
		return u.Err
	}
	return err
}
