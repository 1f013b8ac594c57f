package rpc

import (
	"context"
	stderrors "errors"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// kindCodes is the one table between error kinds and gRPC codes. It is chosen
// by what Alluxio's Java client makes of a code: FAILED_PRECONDITION shows as
// "directory not empty" and INVALID_ARGUMENT as "invalid path" whatever the
// text says, UNAVAILABLE, CANCELLED and UNAUTHENTICATED are retried for
// minutes, UNKNOWN shows the text as it is.
var kindCodes = [...]struct {
	kind errors.Kind
	code codes.Code
}{
	{errors.Other, codes.Unknown},
	{errors.Invalid, codes.InvalidArgument},
	{errors.NotFound, codes.NotFound},
	{errors.Exists, codes.AlreadyExists},
	{errors.NotEmpty, codes.FailedPrecondition},
	{errors.FailedPrecondition, codes.Unknown},
	{errors.Permission, codes.PermissionDenied},
	{errors.Unauthenticated, codes.Unauthenticated},
	{errors.Unavailable, codes.Unavailable},
	{errors.NoSpace, codes.ResourceExhausted},
	{errors.Cancelled, codes.Canceled},
	{errors.Timeout, codes.DeadlineExceeded},
	{errors.Aborted, codes.Aborted},
	{errors.OutOfRange, codes.OutOfRange},
	{errors.Corrupt, codes.DataLoss},
	{errors.Unsupported, codes.Unimplemented},
	{errors.Internal, codes.Internal},
}

// Code returns the gRPC code that stands for a kind.
func Code(k errors.Kind) codes.Code {
	for _, m := range kindCodes {
		if m.kind == k {
			return m.code
		}
	}
	return codes.Unknown
}

// kindOf returns the kind a code stands for when nothing more is known.
func kindOf(c codes.Code) errors.Kind {
	if c == codes.FailedPrecondition { // a Java server uses it for more than directories
		return errors.FailedPrecondition
	}
	for _, m := range kindCodes {
		if m.code == c {
			return m.kind
		}
	}
	return errors.Other
}

// ToStatus turns an error into the status a server ends a call with. The text is
// err's text. A kind that its code alone does not name travels in a detail that
// other clients ignore; so does Unavailable, which without it is also the code
// of a connection that broke. A status in err's chain keeps its code unless an
// outer *errors.Error says otherwise.
func ToStatus(err error) error {
	if err == nil {
		return nil
	}
	kind := errors.KindOf(err)
	if s, ok := status.FromError(err); ok && kind == errors.Other {
		return s.Err()
	}
	s := status.New(Code(kind), err.Error())
	if kindOf(s.Code()) != kind || kind == errors.Unavailable {
		if detailed, derr := s.WithDetails(wrapperspb.String(kind.String())); derr == nil {
			s = detailed
		}
	}
	return s.Err()
}

// FromStatus turns the error of a gRPC call into an *errors.Error of the kind
// the server meant, its text unchanged. Errors that are no status, io.EOF among
// them, and nil are returned as they are.
func FromStatus(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	var own *errors.Error
	if stderrors.As(err, &own) {
		return err
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	kind, named := detailedKind(s)
	if !named {
		kind = kindOf(s.Code())
	}
	return &errors.Error{Kind: kind, Err: remoteError{s.Message(), kind, named}}
}

// remoteError is a server's text, or gRPC's about a server that cannot be
// reached. It answers to the sentinels of io/fs.
type remoteError struct {
	text  string
	kind  errors.Kind
	named bool // the server itself named the kind
}

// answered reports whether err is what one of our servers answered, as opposed
// to a call that had no answer.
func answered(err error) bool {
	remote := remoteError{}
	return stderrors.As(err, &remote) && remote.named
}

func (e remoteError) Error() string { return e.text }

func (e remoteError) Is(target error) bool {
	switch e.kind {
	case errors.NotFound:
		return target == fs.ErrNotExist
	case errors.Exists:
		return target == fs.ErrExist
	case errors.Permission:
		return target == fs.ErrPermission
	}
	return false
}

// fromPeer is FromStatus for a call to an address. gRPC's own words about broken
// connections become ones that name the address.
func fromPeer(addr string, err error) error {
	err = FromStatus(err)
	if !errors.Is(err, errors.Unavailable) {
		return err
	}
	text := err.Error()
	if quoted, ok := strings.CutPrefix(text, "connection error: desc = "); ok {
		if cause, uerr := strconv.Unquote(quoted); uerr == nil {
			cause = strings.TrimPrefix(cause, "transport: ")
			cause = strings.TrimPrefix(cause, "Error while dialing: ")
			return errors.Errorf(errors.Unavailable, "cannot connect to %s: %s", addr, cause)
		}
	}
	for _, start := range []string{"error reading from server: ", "closing transport due to: ", "keepalive ping failed"} {
		if strings.HasPrefix(text, start) {
			return errors.Errorf(errors.Unavailable, "the connection to %s broke: %s", addr, text)
		}
	}
	return err
}

// detailedKind returns the kind named by a detail, if there is one.
func detailedKind(s *status.Status) (errors.Kind, bool) {
	for _, d := range s.Details() {
		name, ok := d.(*wrapperspb.StringValue)
		if !ok {
			continue
		}
		for _, m := range kindCodes {
			if m.kind.String() == name.GetValue() {
				return m.kind, true
			}
		}
	}
	return errors.Other, false
}

// callStatus is ToStatus for the end of a call: CANCELLED is only said to a
// caller that has itself given up. Anyone else would repeat the call for
// minutes believing it to be its own cancellation.
func callStatus(ctx context.Context, err error) error {
	err = ToStatus(err)
	if status.Code(err) == codes.Canceled && ctx.Err() == nil {
		return status.Error(codes.Unavailable, status.Convert(err).Message())
	}
	return err
}
