package main

import (
	"fmt"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// The exit codes of every command, also in `alluxio help exit-codes`. Codes of
// failures are grouped by what a script can do about them.
const (
	exitOK          = 0
	exitFailed      = 1   // anything not listed below
	exitUsage       = 2   // the command line or the configuration is wrong
	exitNotFound    = 3   // the path, mount or block does not exist
	exitDenied      = 4   // the caller is not known or not allowed
	exitUnavailable = 5   // master, worker or store did not answer; try again
	exitConflict    = 6   // it exists already, is not empty, or its state forbids it
	exitNoSpace     = 7   // out of space or quota
	exitInterrupted = 130 // by SIGINT or SIGTERM, as shells count it
)

const exitCodesHelp = `Exit codes of all commands:

    0  success
    1  failure of any other kind
    2  the command line or the configuration is wrong
    3  the path, mount point or block does not exist
    4  the caller is not known or not allowed to
    5  master, worker or under store did not answer (trying again may help)
    6  it exists already, is not empty, or its state forbids the operation
    7  out of space
  130  interrupted

Commands with codes of their own:

  fs test   0 true, 1 false, 2 the question could not be answered
  runTests  the number of failed tests (at most 255)
`

// statusError ends a command with a code of its own; text may be empty.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return e.text }

// exitWith returns an error that ends the process with the code, printing
// nothing.
func exitWith(code int) error {
	if code == exitOK {
		return nil
	}
	return &statusError{code: code}
}

// usageError is a mistake in the command line; cmd's usage is shown after it.
type usageError struct {
	text  string
	usage string
}

func (e *usageError) Error() string { return e.text }

// exitCode maps the error of a command to the exit code of the process.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if s := (*statusError)(nil); errors.As(err, &s) {
		return s.code
	}
	if u := (*usageError)(nil); errors.As(err, &u) {
		return exitUsage
	}
	switch errors.KindOf(err) {
	case errors.Invalid:
		return exitUsage
	case errors.NotFound:
		return exitNotFound
	case errors.Permission, errors.Unauthenticated:
		return exitDenied
	case errors.Unavailable, errors.Timeout:
		return exitUnavailable
	case errors.Exists, errors.NotEmpty, errors.FailedPrecondition, errors.Aborted:
		return exitConflict
	case errors.NoSpace:
		return exitNoSpace
	}
	return exitFailed
}

// errorText returns what to print about the error of a command.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	if u := (*usageError)(nil); errors.As(err, &u) {
		return u.text + "\n" + u.usage
	}
	return fmt.Sprint(err)
}
