package fault_test

import (
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
)

func store() ufs.UFS {
	return object.New(mem.NewStore(mem.StoreOptions{}), object.Options{URI: "mem://x"})
}

func TestBeforeAndAfter(t *testing.T) {
	u := fault.New(store(), 1,
		fault.Rule{Op: layer.Mkdir, Prefix: "before", Kind: errors.Unavailable, Max: 1},
		fault.Rule{Op: layer.Mkdir, Prefix: "after", Kind: errors.Timeout, After: true, Max: 1},
		fault.Rule{Op: layer.Stat, Skip: 2, Kind: errors.Permission, Max: 1},
	)
	if err := u.Mkdir(t.Context(), "before", ufs.MkdirOptions{}); !errors.Is(err, errors.Unavailable) {
		t.Errorf("mkdir = %v", err)
	}
	if err := u.Mkdir(t.Context(), "after", ufs.MkdirOptions{}); !errors.Is(err, errors.Timeout) {
		t.Errorf("mkdir = %v", err)
	}
	if _, err := u.Stat(t.Context(), "before"); !errors.Is(err, errors.NotFound) {
		t.Errorf("a fault before the operation let it happen: %v", err)
	}
	if _, err := u.Stat(t.Context(), "after"); err != nil {
		t.Errorf("a fault after the operation kept it from happening: %v", err)
	}
	if _, err := u.Stat(t.Context(), "after"); !errors.Is(err, errors.Permission) {
		t.Errorf("the third stat = %v", err)
	}
	if got := u.Injected(); !slices.Equal(got, []int{1, 1, 1}) || u.Total() != 3 {
		t.Errorf("counted %v", got)
	}
}

func TestSeedRepeats(t *testing.T) {
	outcomes := func(seed uint64) (failed []int) {
		u := fault.New(store(), seed, fault.Rule{Rate: 0.3, Kind: errors.Unavailable})
		for i := range 200 {
			if _, err := u.Stat(t.Context(), "x"); errors.Is(err, errors.Unavailable) {
				failed = append(failed, i)
			}
		}
		return failed
	}
	first := outcomes(7)
	if !slices.Equal(first, outcomes(7)) || slices.Equal(first, outcomes(8)) {
		t.Error("faults are not a function of the seed")
	}
	if len(first) < 30 || len(first) > 90 {
		t.Errorf("%d of 200 operations failed at a rate of 0.3", len(first))
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := fault.New(store(), 1, fault.Rule{Op: layer.Stat, Delay: time.Minute})
		start := time.Now()
		if _, err := u.Stat(t.Context(), ""); err != nil || time.Since(start) != time.Minute {
			t.Errorf("delayed stat took %v, %v", time.Since(start), err)
		}
	})
}

func TestStreams(t *testing.T) {
	u := fault.New(store(), 1,
		fault.Rule{Op: layer.Write, Skip: 1, Kind: errors.Unavailable, Max: 1},
		fault.Rule{Op: layer.Read, Kind: errors.Unavailable, Max: 1},
		fault.Rule{Op: layer.List, Kind: errors.Unavailable, Max: 1},
	)
	w, err := u.Create(t.Context(), "f", ufs.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Errorf("first write: %v", err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, errors.Unavailable) {
		t.Errorf("second write: %v", err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := u.Open(t.Context(), "f", ufs.OpenOptions{Length: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); !errors.Is(err, errors.Unavailable) {
		t.Errorf("read: %v", err)
	}
	for _, err := range u.List(t.Context(), "", ufs.ListOptions{}) {
		if !errors.Is(err, errors.Unavailable) {
			t.Errorf("list: %v", err)
		}
	}
	if u.Total() != 3 {
		t.Errorf("counted %v", u.Injected())
	}
}
