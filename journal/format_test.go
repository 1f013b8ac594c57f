package journal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
)

func TestFormat(t *testing.T) {
	put := func(name string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600) }
	}
	for _, c := range []struct {
		name   string
		before func(dir string) error
		force  bool
		kind   errors.Kind // Other: works
		text   string
	}{
		{"missing directory", os.Remove, false, errors.Other, ""},
		{"empty directory", func(string) error { return nil }, false, errors.Other, ""},
		{"cut short", put("log.db"), false, errors.Other, ""},
		{"formatted", reformat, false, errors.Exists, "formatted already"},
		{"formatted, forced", reformat, true, errors.Other, ""},
		{"foreign", put("thesis.tex"), false, errors.FailedPrecondition, "thesis.tex"},
		{"foreign, forced", put("thesis.tex"), true, errors.FailedPrecondition, "thesis.tex"},
		{"of the Java master", put("raft"), true, errors.FailedPrecondition, "Java"},
		{"damaged marker", put("journal.json"), false, errors.Corrupt, "journal.json"},
		{"damaged marker, forced", put("journal.json"), true, errors.Other, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "journal")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := c.before(dir); err != nil {
				t.Fatal(err)
			}
			err := journal.Format(dir, journal.FormatOptions{Force: c.force})
			if c.kind != errors.Other {
				wantKind(t, err, c.kind, c.text, dir)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := journal.Formatted(dir); !ok || err != nil {
				t.Errorf("Formatted = %v, %v", ok, err)
			}
			j := start(t, open(t, journal.Options{Dir: dir, StateMachine: &list{}})).leads()
			if len(j.Stats().ID) < 20 {
				t.Errorf("id %q", j.Stats().ID)
			}
		})
	}
}

func reformat(dir string) error { return journal.Format(dir, journal.FormatOptions{}) }

// TestFormatWipes: nothing of the old journal is left.
func TestFormatWipes(t *testing.T) {
	dir := formatted(t)
	j := start(t, open(t, journal.Options{Dir: dir, StateMachine: &list{}})).leads()
	j.propose("old")
	if err := j.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantKind(t, journal.Format(dir, journal.FormatOptions{Force: true}), errors.FailedPrecondition, "in use")
	j.stop()
	if err := journal.Format(dir, journal.FormatOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	l := &list{}
	start(t, open(t, journal.Options{Dir: dir, StateMachine: l})).leads()
	if l.len() != 0 || l.mu.restored != 0 {
		t.Errorf("%q is left", l.all())
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Run("not formatted", func(t *testing.T) {
		_, err := journal.Open(journal.Options{Dir: t.TempDir(), StateMachine: &list{}})
		wantKind(t, err, errors.NotFound, "formatMasters")
	})
	t.Run("in use", func(t *testing.T) {
		dir := formatted(t)
		j := open(t, journal.Options{Dir: dir, StateMachine: &list{}})
		_, err := journal.Open(journal.Options{Dir: dir, StateMachine: &list{}})
		wantKind(t, err, errors.FailedPrecondition, "in use", dir)
		j.Close()
		open(t, journal.Options{Dir: dir, StateMachine: &list{}}).Close()
	})
	t.Run("newer format", func(t *testing.T) {
		dir := formatted(t)
		marker := `{"format":"alluxio-go journal","version":2,"id":"i","created":"c","crc32c":"00000000"}`
		if err := os.WriteFile(filepath.Join(dir, "journal.json"), []byte(marker), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := journal.Open(journal.Options{Dir: dir, StateMachine: &list{}})
		wantKind(t, err, errors.FailedPrecondition, "version 2")
	})
	t.Run("other members", func(t *testing.T) {
		dir := formatted(t)
		start(t, open(t, journal.Options{Dir: dir, StateMachine: &list{}})).leads().stop()
		peers := []journal.Peer{{Address: "a:1"}, {Address: "b:1"}}
		_, err := journal.Open(journal.Options{Dir: dir, StateMachine: &list{}, Peers: peers, Address: "a:1"})
		wantKind(t, err, errors.FailedPrecondition, "a:1, b:1", "standalone")
		_, err = journal.Open(journal.Options{Dir: dir, StateMachine: &list{}, Peers: peers, Address: "c:1"})
		wantKind(t, err, errors.Invalid, "c:1")
	})
}
