package s3

import (
	"context"
	stderrors "errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// fail gives an error of a request its kind. What is neither an answer of the
// store nor the end of the caller's context is a failure of the connection.
func (s *store) fail(ctx context.Context, op, key string, err error) error {
	if err == nil {
		return nil
	}
	where := s.bucket + "/" + key
	var answer minio.ErrorResponse
	if stderrors.As(err, &answer) {
		text := answer.Code
		if answer.Message != "" {
			text += ": " + answer.Message
		}
		if answer.RequestID != "" {
			text += " (request " + answer.RequestID + ")"
		}
		return errors.E("s3 "+op, where, kindOf(answer), &answered{text: text, code: answer.Code})
	}
	if ctx.Err() != nil {
		return errors.E("s3 "+op, where, errors.KindOf(ctx.Err()), ctx.Err())
	}
	kind := errors.KindOf(err)
	if kind == errors.Other || kind == errors.Cancelled {
		kind = errors.Unavailable
	}
	return errors.E("s3 "+op, where, kind, err)
}

// answered is an error that the store has answered with.
type answered struct{ text, code string }

func (a *answered) Error() string { return a.text }

// codeOf returns the store's code in err, or "".
func codeOf(err error) string {
	var a *answered
	if stderrors.As(err, &a) {
		return a.code
	}
	return ""
}

// kinds maps the store's codes; what is missing is judged by the status.
var kinds = map[string]errors.Kind{
	minio.NoSuchKey:                  errors.NotFound,
	minio.NoSuchBucket:               errors.FailedPrecondition,
	"NoSuchUpload":                   errors.Aborted,
	"InvalidPart":                    errors.Aborted,
	minio.PreconditionFailed:         errors.Aborted,
	"ConditionalRequestConflict":     errors.Aborted,
	"InvalidRange":                   errors.OutOfRange,
	"InvalidAccessKeyId":             errors.Permission,
	"SignatureDoesNotMatch":          errors.Permission,
	"ExpiredToken":                   errors.Permission,
	"InvalidToken":                   errors.Permission,
	"RequestTimeTooSkewed":           errors.Permission,
	minio.AccessDenied:               errors.Permission,
	"AccountProblem":                 errors.Permission,
	"InvalidObjectState":             errors.FailedPrecondition, // archived
	"BadDigest":                      errors.Unavailable,        // damaged on the way
	"XAmzContentSHA256Mismatch":      errors.Unavailable,
	"IncompleteBody":                 errors.Unavailable,
	"RequestTimeout":                 errors.Unavailable,
	"SlowDown":                       errors.Unavailable,
	"InternalError":                  errors.Unavailable,
	"OperationAborted":               errors.Unavailable,
	"ServiceUnavailable":             errors.Unavailable,
	"XMinioStorageFull":              errors.NoSpace,
	"QuotaExceeded":                  errors.NoSpace,
	"XMinioAdminBucketQuotaExceeded": errors.NoSpace,
	"MethodNotAllowed":               errors.Unsupported,
	"NotImplemented":                 errors.Unsupported,
	"KeyTooLongError":                errors.Invalid,
	"EntityTooLarge":                 errors.Invalid,
	"AuthorizationHeaderMalformed":   errors.Invalid, // the wrong region
	"PermanentRedirect":              errors.Invalid,
}

func kindOf(answer minio.ErrorResponse) errors.Kind {
	if kind, ok := kinds[answer.Code]; ok {
		return kind
	}
	switch status := answer.StatusCode; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return errors.Permission
	case status == http.StatusRequestedRangeNotSatisfiable:
		return errors.OutOfRange
	case status == http.StatusPreconditionFailed:
		return errors.Aborted
	case status == http.StatusRequestTimeout || status == http.StatusTooManyRequests:
		return errors.Unavailable
	case status == http.StatusInsufficientStorage:
		return errors.NoSpace
	case status == http.StatusNotImplemented:
		return errors.Unsupported
	case status >= 500:
		return errors.Unavailable
	case status >= 400:
		return errors.Invalid
	}
	return errors.Unavailable // an answer that could not be understood
}

// errCopied is the answer to a copy that the store has broken off.
var errCopied = fmt.Errorf("the store has answered without the ETag of the copy")
