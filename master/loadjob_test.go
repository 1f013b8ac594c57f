package master

import (
	"fmt"
	"testing"

	"github.com/alluxio-go/alluxio/proto/journalpb"
)

// Jobs that ended are remembered for a day, and not more than a number of them.
func TestForgottenLoads(t *testing.T) {
	w := newWorld(t, nil)
	tm := w.term()
	apply := func(j *journalpb.LoadJob) {
		t.Helper()
		if err := tm.propose(opID{}, loadChange(j)); err != nil {
			t.Fatal(err)
		}
	}
	now := tm.nowMS()
	apply(&journalpb.LoadJob{Path: "/old", Id: "a", State: int32(LoadSucceeded), EndMs: now - loadRetentionMS - 1})
	apply(&journalpb.LoadJob{Path: "/new", Id: "b", State: int32(LoadSucceeded), EndMs: now})
	apply(&journalpb.LoadJob{Path: "/on", Id: "c", State: int32(LoadRunning)})
	if got := tm.forgottenLoads(); len(got) != 1 || got[0].GetLoadJob().GetPath() != "/old" {
		t.Errorf("forgotten: %v", got)
	}
	for i := range maxLoadJobs {
		apply(&journalpb.LoadJob{Path: fmt.Sprint("/", i), Id: "d", State: int32(LoadFailed), EndMs: now + int64(i)})
	}
	if got := tm.forgottenLoads(); len(got) != 4 {
		t.Errorf("%d are forgotten of %d", len(got), maxLoadJobs+3)
	}
	for _, c := range tm.forgottenLoads() {
		apply(c.GetLoadJob())
	}
	if tm.loadJob("/old") != nil || tm.loadJob("/on") == nil || tm.loadJob("/0") != nil {
		t.Error("the wrong ones are forgotten")
	}
}

// A snapshot has the jobs.
func TestLoadJobsInSnapshot(t *testing.T) {
	w := newWorld(t, nil)
	j := &journalpb.LoadJob{Path: "/d", Id: "x", User: "u", State: int32(LoadStopped), Bandwidth: 5}
	if err := w.term().propose(opID{}, loadChange(j)); err != nil {
		t.Fatal(err)
	}
	h := w.term().state.header()
	fresh, err := newState(w.term().state.root, w.term().state.maxOps)
	if err != nil {
		t.Fatal(err)
	}
	if err := fresh.load(h); err != nil {
		t.Fatal(err)
	}
	if got := fresh.mu.loads["/d"]; got.GetId() != "x" || got.GetBandwidth() != 5 {
		t.Errorf("restored %v", got)
	}
}

// Who may not read a path may not load it, nor stop what another user submitted.
func TestLoadPermissions(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/f", 10, CacheThrough)
	if _, _, err := w.term().SubmitLoad(t.Context(), Caller{User: "stranger"}, "/missing", LoadOptions{}); err == nil {
		t.Error("a path that does not exist is loaded")
	}
	if _, _, err := w.term().SubmitLoad(t.Context(), System, "/f", LoadOptions{Bandwidth: -1}); err == nil {
		t.Error("a bandwidth below 0 is possible")
	}
	if err := w.term().propose(opID{}, loadChange(&journalpb.LoadJob{Path: "/f", Id: "x", User: "u", State: int32(LoadRunning)})); err != nil {
		t.Fatal(err)
	}
	if stopped, err := w.term().StopLoad(Caller{User: "stranger"}, "/f"); err == nil || stopped {
		t.Error("a stranger stopped a job")
	}
	if stopped, err := w.term().StopLoad(Caller{User: "u"}, "/f"); err != nil || !stopped {
		t.Errorf("its user did not stop it: %v", err)
	}
}
