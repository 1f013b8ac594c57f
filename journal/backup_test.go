package journal_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
)

// backup returns a backup of n records, and the list that it holds.
func backup(t *testing.T, n int) ([]byte, *list) {
	t.Helper()
	l := &list{}
	for i := range n {
		l.Apply(fmt.Appendf(nil, "record %d of the backup", i))
	}
	snap, err := l.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Release()
	var b bytes.Buffer
	if err := journal.WriteBackup(&b, snap, time.UnixMilli(1234567890123)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), l
}

// restored reads a backup into a list of its own.
func restored(file []byte) (*list, error) {
	r, taken, err := journal.ReadBackup(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	if taken.UnixMilli() != 1234567890123 {
		return nil, fmt.Errorf("taken at %v", taken)
	}
	l := &list{}
	if err := l.Restore(r); err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, r)
	return l, err
}

// TestReplace puts a backup into journals of one and of three members, goes on
// from there, and starts again.
func TestReplace(t *testing.T) {
	file, want := backup(t, 70_000) // several sections
	from, err := restored(file)
	if err != nil || from.hash() != want.hash() {
		t.Fatalf("%v; the backup holds something else", err)
	}
	snap, _ := from.Snapshot()
	t.Run("single", func(t *testing.T) {
		dir, l := formatted(t), &list{}
		r := start(t, open(t, journal.Options{Dir: dir, StateMachine: l})).leads()
		r.propose("to be lost")
		if err := r.Term().Replace(t.Context(), snap); err != nil {
			t.Fatal(err)
		}
		if l.hash() != want.hash() {
			t.Fatalf("%d records instead of %d", l.len(), want.len())
		}
		r.propose("after")
		for range 2 {
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			l = &list{}
			r = start(t, open(t, journal.Options{Dir: dir, StateMachine: l})).leads()
			if got := l.all(); len(got) != want.len()+1 || got[want.len()] != "after" {
				t.Fatalf("%d records after a restart", len(got))
			}
		}
	})
	t.Run("three", func(t *testing.T) {
		c := newCluster(t)
		first := c.leader()
		if err := first.Term().Replace(t.Context(), snap); err != nil {
			t.Fatal(err)
		}
		c.propose("after")
		c.agrees()
		if n := c.leader().list.len(); n != want.len()+1 {
			t.Fatalf("%d records", n)
		}
		c.kill(first)
		c.propose("and after")
		c.start(first, nil)
		c.agrees()
	})
	t.Run("ended term", func(t *testing.T) {
		r := start(t, open(t, journal.Options{Dir: formatted(t), StateMachine: &list{}})).leads()
		term := r.Term()
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if err := term.Replace(t.Context(), snap); !errors.Is(err, errors.KindOf(journal.ErrNotLeader)) {
			t.Errorf("%v", err)
		}
	})
}

// TestDamagedBackup changes, cuts and lengthens a backup in every place: none of
// it is taken.
func TestDamagedBackup(t *testing.T) {
	good, _ := backup(t, 20)
	if _, err := restored(good); err != nil {
		t.Fatal(err)
	}
	try := func(what string, file []byte) {
		if _, err := restored(file); !errors.Is(err, errors.Corrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 0x10
		try(fmt.Sprintf("byte %d changed", i), bad)
		try(fmt.Sprintf("cut at %d", i), good[:i])
	}
	try("more behind the end", append(slices.Clone(good), 0))
}
