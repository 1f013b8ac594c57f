package soak_test

import (
	"testing"

	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
	"github.com/alluxio-go/alluxio/ufs/kodo/soak"
)

// check fails the test if the store and the model differ, or if the run was too
// harmless to tell.
func check(t *testing.T, r *soak.Report, err error, kinds int) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	for _, d := range r.Details {
		t.Log(d)
	}
	if r.Wrong > 0 || r.Lost > 0 || r.Leftovers > 0 {
		t.Error("the bucket and the model differ")
	}
	if n := r.Faulted(); float64(n) < 0.18*float64(r.Requests) || len(r.Faults) < kinds {
		t.Errorf("only %d faults of %d kinds were injected", n, len(r.Faults))
	}
}

// A slice of the long run of test/kodobench.
func TestSoak(t *testing.T) {
	t.Parallel()
	r, err := soak.Run(t.Context(), soak.Options{Seed: 1, Requests: 20_000, Rate: 0.2, Workers: 16})
	check(t, r, err, 16)
	if r.Success() < 0.999 {
		t.Error("too few operations succeeded")
	}
	if r.Overhead() > 1.3 {
		t.Error("too many requests")
	}
}

// Refusals that no other attempt mends fail operations, and nothing else.
func TestSoakWithRefusals(t *testing.T) {
	kinds := append([]kodotest.Fault{kodotest.Skew, kodotest.Frozen, kodotest.BadToken, kodotest.PartLost}, soak.Transient...)
	r, err := soak.Run(t.Context(), soak.Options{Seed: 2, Requests: 4_000, Rate: 0.2, Workers: 16, Kinds: kinds})
	check(t, r, err, 20)
	if r.Failed == 0 {
		t.Error("no operation failed")
	}
}
