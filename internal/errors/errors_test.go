package errors

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

func TestKindOf(t *testing.T) {
	inner := E("kodo.stat", "b/k", NotFound, fmt.Errorf("612"))
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{nil, Other},
		{fmt.Errorf("plain"), Other},
		{inner, NotFound},
		{fmt.Errorf("wrapped: %w", inner), NotFound},
		{E("outer", "", Other, inner), NotFound},
		{E("outer", "", Unavailable, inner), Unavailable},
		{&os.PathError{Op: "rmdir", Path: "x", Err: syscall.ENOTEMPTY}, NotEmpty},
		{&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, NoSpace},
		{fs.ErrNotExist, NotFound},
		{fs.ErrExist, Exists},
		{context.Canceled, Cancelled},
		{context.DeadlineExceeded, Timeout},
		{&os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}, Unavailable},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%v) = %v, want %v", c.err, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	cause := fmt.Errorf("no such entry (reqid r1)")
	for _, c := range []struct {
		err  error
		want string
	}{
		{E("kodo.stat", "b/k", NotFound, cause), "kodo.stat b/k: no such entry (reqid r1)"},
		{E("kodo.list", "", NotFound, cause), "kodo.list: no such entry (reqid r1)"},
		{Errorf(NotFound, "Path %q does not exist.", "/x"), `Path "/x" does not exist.`},
		{E("", "", Corrupt, nil), "corrupt"},
	} {
		if c.err.Error() != c.want {
			t.Errorf("got %q, want %q", c.err, c.want)
		}
	}
	if E("op", "p", Other, nil) != nil {
		t.Error("E of no error is an error")
	}
}
