package rpc

import (
	"context"
	stderrors "errors"
	"fmt"
	"io/fs"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Every kind keeps its meaning and its text over the wire.
func TestKindsSurviveTheWire(t *testing.T) {
	for k := errors.Other; k <= errors.Internal; k++ {
		err := ToStatus(errors.Errorf(k, "what went wrong: %v", k))
		back := FromStatus(err)
		if !errors.Is(back, k) || back.Error() != "what went wrong: "+k.String() {
			t.Errorf("%v came back as %v: %q", k, errors.KindOf(back), back)
		}
	}
}

// The codes are chosen by what a Java client makes of them.
func TestCodes(t *testing.T) {
	for kind, want := range map[errors.Kind]codes.Code{
		errors.NotFound:           codes.NotFound,
		errors.Exists:             codes.AlreadyExists,
		errors.Invalid:            codes.InvalidArgument,
		errors.NotEmpty:           codes.FailedPrecondition,
		errors.FailedPrecondition: codes.Unknown, // FAILED_PRECONDITION reads as DirectoryNotEmptyException
		errors.Permission:         codes.PermissionDenied,
		errors.NoSpace:            codes.ResourceExhausted,
		errors.Unavailable:        codes.Unavailable,
		errors.Corrupt:            codes.DataLoss,
		errors.Other:              codes.Unknown,
	} {
		if got := Code(kind); got != want {
			t.Errorf("%v is sent as %v, want %v", kind, got, want)
		}
	}
	if k := errors.KindOf(FromStatus(status.Error(codes.FailedPrecondition, "worker is busy"))); k != errors.FailedPrecondition {
		t.Errorf("a Java server's FAILED_PRECONDITION is read as %v", k)
	}
}

func TestTextsAreKept(t *testing.T) {
	inner := status.Error(codes.NotFound, `Path "/a" does not exist.`)
	for name, c := range map[string]struct {
		err  error
		code codes.Code
		text string
	}{
		"status":          {inner, codes.NotFound, `Path "/a" does not exist.`},
		"wrapped status":  {fmt.Errorf("load: %w", inner), codes.NotFound, `load: rpc error: code = NotFound desc = Path "/a" does not exist.`},
		"with context":    {errors.E("stat", "/a", errors.Unavailable, stderrors.New("no answer")), codes.Unavailable, "stat /a: no answer"},
		"standard":        {fmt.Errorf("open: %w", fs.ErrNotExist), codes.NotFound, "open: file does not exist"},
		"kind over cause": {errors.E("", "", errors.Unavailable, inner), codes.Unavailable, inner.Error()},
	} {
		s := status.Convert(ToStatus(c.err))
		if s.Code() != c.code || s.Message() != c.text {
			t.Errorf("%s: got %v %q", name, s.Code(), s.Message())
		}
	}
	if ToStatus(nil) != nil || FromStatus(nil) != nil {
		t.Error("success became an error")
	}
}

func TestSentinelsOfFS(t *testing.T) {
	for kind, want := range map[errors.Kind]error{
		errors.NotFound: fs.ErrNotExist, errors.Exists: fs.ErrExist, errors.Permission: fs.ErrPermission,
	} {
		if err := FromStatus(ToStatus(errors.Errorf(kind, "text"))); !stderrors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}
	if err := FromStatus(status.Error(codes.Unavailable, "gone")); stderrors.Is(err, fs.ErrNotExist) {
		t.Error("an outage is taken for a missing file")
	}
}

// A caller that did not cancel is never told that it did: it would repeat the
// call for minutes.
func TestCancelledIsOnlyForWhoCancelled(t *testing.T) {
	err := errors.E("fetch", "/a", errors.Other, context.Canceled)
	if c := status.Code(callStatus(t.Context(), err)); c != codes.Unavailable {
		t.Errorf("got %v", c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c := status.Code(callStatus(ctx, err)); c != codes.Canceled {
		t.Errorf("got %v", c)
	}
}
