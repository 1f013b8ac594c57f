package retry_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/fault"
	"github.com/alluxio-go/alluxio/ufs/layer"
	"github.com/alluxio-go/alluxio/ufs/mem"
	"github.com/alluxio-go/alluxio/ufs/object"
	"github.com/alluxio-go/alluxio/ufs/retry"
	"github.com/alluxio-go/alluxio/ufs/ufstest"
)

func store() ufs.UFS {
	return object.New(mem.NewStore(mem.StoreOptions{}), object.Options{URI: "mem://x"})
}

func quick() *retry.Policy {
	return retry.NewPolicy(retry.Options{Attempts: 50, Base: time.Nanosecond, Max: time.Nanosecond, Budget: 1e9})
}

// TestConformance runs the whole suite over a store that often fails: whoever
// is behind the retries must not notice.
func TestConformance(t *testing.T) {
	var faulty []*fault.UFS
	ufstest.Run(t, func(*testing.T) ufs.UFS {
		f := fault.New(store(), uint64(len(faulty)),
			fault.Rule{Op: layer.Stat, Rate: 0.1, Kind: errors.Unavailable},
			fault.Rule{Op: layer.List, Rate: 0.02, Kind: errors.Timeout},
			fault.Rule{Op: layer.Open, Rate: 0.1, Kind: errors.Unavailable},
			fault.Rule{Op: layer.Create, Rate: 0.1, Kind: errors.Unavailable},
			fault.Rule{Op: layer.Delete, Rate: 0.2, Kind: errors.Unavailable, After: true},
			fault.Rule{Op: layer.Mkdir, Rate: 0.2, Kind: errors.Unavailable, After: true},
			fault.Rule{Op: layer.Rename, Rate: 0.2, Kind: errors.Timeout, After: true},
			fault.Rule{Op: layer.RenameDir, Rate: 0.2, Kind: errors.Unavailable, After: true},
			fault.Rule{Op: layer.DeleteDir, Rate: 0.2, Kind: errors.Unavailable, After: true},
			fault.Rule{Op: layer.DeleteFiles, Rate: 0.5, Kind: errors.Unavailable, After: true},
		)
		faulty = append(faulty, f)
		return retry.New(f, quick())
	}, ufstest.Many(2000))
	total := make([]int, 10)
	for _, f := range faulty {
		for i, n := range f.Injected() {
			total[i] += n
		}
	}
	for rule, n := range total {
		if n == 0 && rule != 9 { // of DeleteFiles there are two calls only
			t.Errorf("rule %d never struck", rule)
		}
	}
	t.Logf("faults injected by rule: %v", total)
}

// TestReadResumes breaks a pinned read off again and again.
func TestReadResumes(t *testing.T) {
	f := fault.New(store(), 1, fault.Rule{Op: layer.Read, Rate: 0.5, Kind: errors.Unavailable})
	u := retry.New(f, quick())
	w, err := u.Create(t.Context(), "f", ufs.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 100_000)
	for i := range data {
		data[i] = byte(i * i / 7)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	info, err := w.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int64{-1, 70_000} {
		r, err := u.Open(t.Context(), "f", ufs.OpenOptions{Offset: 10_000, Length: length, Fingerprint: info.Fingerprint})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		want := data[10_000:]
		if length >= 0 {
			want = want[:length]
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("read %d bytes of %d, %v", len(got), len(want), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if f.Total() < 10 {
		t.Errorf("only %d faults", f.Total())
	}
	f = fault.New(f, 1, fault.Rule{Op: layer.Read, Kind: errors.Unavailable})
	r, err := retry.New(f, quick()).Open(t.Context(), "f", ufs.OpenOptions{Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); !errors.Is(err, errors.Unavailable) || f.Total() != 1 {
		t.Errorf("an unpinned read was resumed (%d faults): %v", f.Total(), err)
	}
}

// TestRenameOfNothing checks that a lost answer does not turn "there is no such
// file" into a success because something else is at the destination.
func TestRenameOfNothing(t *testing.T) {
	f := fault.New(store(), 1, fault.Rule{Op: layer.Rename, Kind: errors.Timeout, Max: 1})
	u := retry.New(f, quick())
	w, err := u.Create(t.Context(), "dst", ufs.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := u.Rename(t.Context(), "src", "dst"); !errors.Is(err, errors.NotFound) || f.Total() != 1 {
		t.Errorf("rename of nothing = %v after %d faults", err, f.Total())
	}
}

func TestKinds(t *testing.T) {
	for kind, want := range map[errors.Kind]int{
		errors.Unavailable: 3, errors.Timeout: 3,
		errors.NotFound: 1, errors.Permission: 1, errors.Invalid: 1, errors.NoSpace: 1, errors.Aborted: 1, errors.Cancelled: 1, errors.Corrupt: 1,
	} {
		p := retry.NewPolicy(retry.Options{Attempts: 3, Base: time.Nanosecond})
		n := 0
		err := p.Do(t.Context(), func(context.Context) error {
			n++
			return errors.E("op", "p", kind, fmt.Errorf("no"))
		})
		if n != want || errors.KindOf(err) != kind {
			t.Errorf("%v: %d attempts, want %d; %v", kind, n, want, err)
		}
	}
}

// TestNested checks that giving up is final for the policies around.
func TestNested(t *testing.T) {
	inner := retry.NewPolicy(retry.Options{Attempts: 3, Base: time.Nanosecond})
	outer := retry.NewPolicy(retry.Options{Attempts: 5, Base: time.Nanosecond})
	n := 0
	err := outer.Do(t.Context(), func(ctx context.Context) error {
		err := inner.Do(ctx, func(context.Context) error { n++; return errors.E("", "", errors.Unavailable, nil) })
		return errors.E("outer", "", errors.Other, err)
	})
	if n != 3 || !errors.Is(err, errors.Unavailable) {
		t.Errorf("%d attempts, %v", n, err)
	}
}

func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := retry.NewPolicy(retry.Options{Attempts: 5, Base: time.Second, Max: 4 * time.Second})
		start := time.Now()
		err := p.Do(t.Context(), func(context.Context) error { return errors.E("", "", errors.Unavailable, nil) })
		if took := time.Since(start); took < 5500*time.Millisecond || took > 11*time.Second || err == nil {
			t.Errorf("pauses of at most 1, 2, 4 and 4 s, at least half of that, took %v (%v)", took, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start = time.Now()
		err = p.Do(ctx, func(context.Context) error { return errors.E("", "", errors.Unavailable, nil) })
		if time.Since(start) != 100*time.Millisecond || !errors.Is(err, errors.Unavailable) {
			t.Errorf("a pause outlasted the caller: %v, %v", time.Since(start), err)
		}
	})
}

func TestBudget(t *testing.T) {
	p := retry.NewPolicy(retry.Options{Attempts: 1000, Base: time.Nanosecond, Max: time.Nanosecond, Budget: 10})
	n := 0
	fail := func(context.Context) error { n++; return errors.E("", "", errors.Unavailable, nil) }
	for range 20 {
		_ = p.Do(t.Context(), fail)
	}
	if n != 20+10 {
		t.Errorf("20 failing calls made %d attempts, want 30 with a budget of 10", n)
	}
	for range 10 {
		if err := p.Do(t.Context(), func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	n = 0
	_ = p.Do(t.Context(), fail)
	if n != 3 {
		t.Errorf("after 10 successes a failing call made %d attempts, want 3", n)
	}
}
