package contract_test

import (
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/mem"
	"github.com/alluxio-go/alluxio/ufs/ufstest/contract"
)

// failing runs the tests and returns the names of those that fail.
func failing(t *testing.T, u ufs.UFS) (names []string) {
	t.Helper()
	failed := contract.Check(t.Context(), u, "base", "", func(r contract.Result) {
		if r.Err != nil {
			names = append(names, r.Test)
		}
	})
	if failed != len(names) {
		t.Errorf("%d failures were counted, %d reported", failed, len(names))
	}
	return names
}

func TestCheckPasses(t *testing.T) {
	u := mem.New("mem://x")
	if got := failing(t, u); len(got) != 0 {
		t.Errorf("a right store fails %q", got)
	}
	for info, err := range u.List(t.Context(), "", ufs.ListOptions{Recursive: true}) {
		if err != nil || info.Path != "base" {
			t.Errorf("the tests have left %s (%v)", info.Path, err)
		}
	}
}

// TestCheckSkips checks that what a store cannot do is not called passed.
func TestCheckSkips(t *testing.T) {
	var skipped []string
	contract.Check(t.Context(), mem.New("mem://x"), "", "", func(r contract.Result) {
		if r.Skipped != "" {
			skipped = append(skipped, r.Test)
		}
	})
	if !slices.Equal(skipped, []string{"Space", "Sweep"}) {
		t.Errorf("skipped %q", skipped)
	}
}

func TestCheckFilter(t *testing.T) {
	var names []string
	contract.Check(t.Context(), mem.New("mem://x"), "", "listSTART", func(r contract.Result) { names = append(names, r.Test) })
	if !slices.Equal(names, []string{"ListStartAfter"}) {
		t.Errorf("the filter chose %q", names)
	}
}

// broken is a store with one defect.
type broken struct {
	*mem.FS
	defect string
}

func (b *broken) Open(ctx context.Context, path string, opts ufs.OpenOptions) (io.ReadCloser, error) {
	switch b.defect {
	case "pin":
		opts.Fingerprint = ""
	case "panic":
		panic("broken")
	}
	r, err := b.FS.Open(ctx, path, opts)
	if b.defect == "range" && errors.Is(err, errors.OutOfRange) {
		return io.NopCloser(strings.NewReader("")), nil
	}
	return r, err
}

func (b *broken) Create(ctx context.Context, path string, opts ufs.CreateOptions) (ufs.Writer, error) {
	if b.defect == "exclusive" {
		opts.Exclusive = false
	}
	w, err := b.FS.Create(ctx, path, opts)
	if err == nil && b.defect == "abort" {
		w = committing{w}
	}
	return w, err
}

// committing makes files of what is aborted.
type committing struct{ ufs.Writer }

func (w committing) Abort(ctx context.Context) error {
	_, _ = w.Commit(ctx)
	return nil
}

func (b *broken) List(ctx context.Context, dir string, opts ufs.ListOptions) iter.Seq2[ufs.Info, error] {
	if b.defect == "after" {
		opts.StartAfter = ""
	}
	return func(yield func(ufs.Info, error) bool) {
		var all []ufs.Info
		for info, err := range b.FS.List(ctx, dir, opts) {
			if err != nil {
				yield(info, err)
				return
			}
			all = append(all, info)
		}
		if b.defect == "order" { // of the names instead of the paths with "/"
			slices.SortFunc(all, func(a, b ufs.Info) int { return strings.Compare(a.Path, b.Path) })
		}
		for _, info := range all {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (b *broken) Stat(ctx context.Context, path string) (ufs.Info, error) {
	info, err := b.FS.Stat(ctx, path)
	if b.defect == "outage" && errors.Is(err, errors.Cancelled) {
		err = errors.E("stat", path, errors.NotFound, nil)
	}
	return info, err
}

func (b *broken) Rename(ctx context.Context, src, dst string) error {
	if _, err := b.FS.Stat(ctx, dst); err == nil && b.defect == "replace" {
		return errors.E("rename", dst, errors.Exists, nil)
	}
	return b.FS.Rename(ctx, src, dst)
}

// TestCheckFails checks that the tests find what they are there to find.
func TestCheckFails(t *testing.T) {
	for defect, tests := range map[string][]string{
		"pin":       {"ReadPinned"},
		"range":     {"CreateEmpty", "ReadRanges"},
		"exclusive": {"CreateExclusive", "CreateExclusiveRace"},
		"abort":     {"AbortLeavesNothing", "AbortKeepsOldVersion"},
		"order":     {"ListSorted", "ListRecursive"},
		"after":     {"ListStartAfter", "ListMany"},
		"outage":    {"CancelledContext"},
		"replace":   {"Rename"},
		"panic":     {"ReadRanges", "OpenDirectory"},
	} {
		got := failing(t, &broken{FS: mem.New("mem://x"), defect: defect})
		for _, test := range tests {
			if !slices.Contains(got, test) {
				t.Errorf("%s passes with the defect %q; %q fail", test, defect, got)
			}
		}
	}
}
