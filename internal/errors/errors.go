// Package errors defines the one error type of the project and the short list
// of kinds that every error belongs to.
//
// A kind says what the caller can do about an error; the text says what was
// wrong, where, and how to mend it. Kinds cross process borders: Code and
// FromStatus (package rpc), HTTP statuses, errno values and exit codes are each
// derived from a kind by one table, so that an outage is never read as
// "not found" on the other side.
//
// The shape {Op, Path, Kind, Err} follows upspin.io/errors.
package errors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Kind classifies an error by what its receiver can do about it.
type Kind uint8

// The kinds. Their order is not significant and is never stored or sent.
const (
	Other              Kind = iota // unclassified
	Invalid                        // the request itself is wrong; repeating it cannot help
	NotFound                       // positively known to be absent (never an outage)
	Exists                         // positively known to exist already
	NotEmpty                       // a directory has children
	FailedPrecondition             // the state of the object forbids the operation
	Permission                     // the caller is known but not allowed
	Unauthenticated                // the caller is not known
	Unavailable                    // nobody could answer; repeating later may help
	NoSpace                        // out of space, quota or slots
	Cancelled                      // the caller gave up
	Timeout                        // a deadline passed
	Aborted                        // lost a race; a retry from the start may succeed
	OutOfRange                     // beyond the end
	Corrupt                        // stored bytes are not what was written
	Unsupported                    // not implemented here
	Internal                       // a bug on our side
)

var kindNames = [...]string{
	Other: "error", Invalid: "invalid", NotFound: "not found", Exists: "already exists",
	NotEmpty: "not empty", FailedPrecondition: "failed precondition", Permission: "permission denied",
	Unauthenticated: "unauthenticated", Unavailable: "unavailable", NoSpace: "no space",
	Cancelled: "cancelled", Timeout: "timed out", Aborted: "aborted", OutOfRange: "out of range",
	Corrupt: "corrupt", Unsupported: "not supported", Internal: "internal error",
}

// String returns the kind in words.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Error is an error with its context. Op is what was being done ("kodo.stat"),
// Path what it was done to; both may be empty when Err's text is a whole
// sentence for the user already.
type Error struct {
	Op   string
	Path string
	Kind Kind
	Err  error
}

// Error returns "op path: cause", leaving out what is empty.
func (e *Error) Error() string {
	msg := e.Kind.String()
	if e.Err != nil {
		msg = e.Err.Error()
	}
	switch {
	case e.Op != "" && e.Path != "":
		return e.Op + " " + e.Path + ": " + msg
	case e.Op != "":
		return e.Op + ": " + msg
	case e.Path != "":
		return e.Path + ": " + msg
	}
	return msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// E builds an error with context. With kind Other the kind of err is kept.
// E returns nil when err is nil and kind is Other.
func E(op, path string, kind Kind, err error) error {
	if err == nil && kind == Other {
		return nil
	}
	if kind == Other {
		kind = KindOf(err)
	}
	return &Error{Op: op, Path: path, Kind: kind, Err: err}
}

// Errorf builds an error of a kind whose text is a whole sentence for the
// user; %w wraps as in fmt.Errorf.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// KindOf returns the kind of the outermost *Error in err's chain that has one,
// else what the standard library's sentinel errors and errno values mean.
func KindOf(err error) Kind {
	for e := (*Error)(nil); errors.As(err, &e); err = e.Err {
		if e.Kind != Other {
			return e.Kind
		}
	}
	for _, m := range sentinels {
		if errors.Is(err, m.err) {
			return m.kind
		}
	}
	return Other
}

// sentinels is searched in order: ENOTEMPTY matches fs.ErrExist too, so it
// comes first.
var sentinels = []struct {
	err  error
	kind Kind
}{
	{syscall.ENOTEMPTY, NotEmpty},
	{syscall.ENOSPC, NoSpace},
	{syscall.EDQUOT, NoSpace},
	{fs.ErrNotExist, NotFound},
	{fs.ErrExist, Exists},
	{fs.ErrPermission, Permission},
	{context.Canceled, Cancelled},
	{context.DeadlineExceeded, Timeout},
	{syscall.ECONNREFUSED, Unavailable},
	{syscall.ECONNRESET, Unavailable},
	{errors.ErrUnsupported, Unsupported},
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// As is the standard library's errors.As, so that most files need one errors
// package only.
func As(err error, target any) bool { return errors.As(err, target) }

// Join is the standard library's errors.Join.
func Join(errs ...error) error { return errors.Join(errs...) }
