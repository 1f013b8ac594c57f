package journal_test

import (
	"context"
	"testing"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
)

// TestMem tries what only the twin in memory can do.
func TestMem(t *testing.T) {
	l := &list{}
	terms := make(chan *journal.Term, 4)
	m := journal.NewMem(journal.Options{StateMachine: l, OnLead: func(_ context.Context, term *journal.Term) { terms <- term }})
	j := start(t, m)
	first := <-terms
	j.propose("a")
	if err := m.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Fail(errors.Errorf(errors.NoSpace, "full"))
	_, _, err := m.Propose(t.Context(), []byte("b"))
	wantKind(t, err, errors.NoSpace, "full")
	m.Fail(nil)
	j.propose("c")
	m.Demote()
	_, _, err = m.Propose(t.Context(), []byte("d"))
	wantKind(t, err, errors.Unavailable)
	if m.Barrier(t.Context()) == nil || m.Stats().Leading || first.Context().Err() == nil {
		t.Error("still leads")
	}
	m.Elect()
	second := <-terms
	_, _, err = first.Propose(t.Context(), []byte("of the first term"))
	wantKind(t, err, errors.Unavailable)
	if _, _, err := second.Propose(t.Context(), []byte("e")); err != nil || second.Number() <= first.Number() {
		t.Errorf("term %d: %v", second.Number(), err)
	}
	if err := m.Reload(); err != nil || l.len() != 1 {
		t.Errorf("%q after going back to the checkpoint, %v", l.all(), err)
	}
}
