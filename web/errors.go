package web

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// kindStatus is the one table between error kinds and HTTP statuses.
var kindStatus = map[errors.Kind]int{
	errors.Invalid:            http.StatusBadRequest,
	errors.OutOfRange:         http.StatusRequestedRangeNotSatisfiable,
	errors.NotFound:           http.StatusNotFound,
	errors.Exists:             http.StatusConflict,
	errors.NotEmpty:           http.StatusConflict,
	errors.FailedPrecondition: http.StatusConflict,
	errors.Aborted:            http.StatusConflict,
	errors.Permission:         http.StatusForbidden,
	errors.Unauthenticated:    http.StatusUnauthorized,
	errors.Unavailable:        http.StatusServiceUnavailable,
	errors.Cancelled:          http.StatusServiceUnavailable,
	errors.Timeout:            http.StatusGatewayTimeout,
	errors.NoSpace:            http.StatusInsufficientStorage,
	errors.Unsupported:        http.StatusNotImplemented,
}

// httpStatus is the status that tells err, 200 for none.
func httpStatus(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if s, ok := kindStatus[errors.KindOf(err)]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Failure is the JSON of an error, Alluxio's.
type Failure struct {
	StatusCode string `json:"statusCode"`
	Message    string `json:"message"`
}

func failureOf(err error) *Failure {
	code := "UNKNOWN"
	if k := errors.KindOf(err); k != errors.Other {
		code = strings.ToUpper(strings.ReplaceAll(k.String(), " ", "_"))
	}
	if errors.Is(err, errors.Invalid) {
		code = "INVALID_ARGUMENT"
	}
	return &Failure{StatusCode: code, Message: err.Error()}
}

// writeJSON answers with v.
func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"statusCode":"INTERNAL","message":"the answer cannot be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a client that left is not ours to tell
}
