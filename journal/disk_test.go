package journal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
)

// TestDiskFull fills the journal's file system: the node refuses, leads no
// more, loses nothing, and leads again when there is room.
func TestDiskFull(t *testing.T) {
	mount := t.TempDir()
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, "size=6m"); err != nil {
		t.Skipf("cannot mount a small file system here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(mount, 0) })
	ballast := filepath.Join(mount, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(mount, "journal")
	if err := journal.Format(dir, journal.FormatOptions{}); err != nil {
		t.Fatal(err)
	}
	l := &list{}
	j := start(t, open(t, journal.Options{Dir: dir, StateMachine: l, Logger: logTo(t)})).leads()
	record := bytes.Repeat([]byte("r"), 100<<10)
	acked := 0
	var err error
	for err == nil && acked < 100 {
		if _, _, err = j.Propose(t.Context(), record); err == nil {
			acked++
		}
	}
	wantKind(t, err, errors.NoSpace, "log.db")
	if acked < 5 || acked == 100 {
		t.Fatalf("%d records acknowledged", acked)
	}
	eventually(t, "the node to cease leading", func() bool { return j.Term() == nil })
	if j.Stats().WriteError == "" {
		t.Error("the stats do not show the failure")
	}
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if j.Term() != nil {
			t.Fatal("leads although it cannot write")
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	j.leads()
	j.propose("room again")
	if j.Stats().WriteError != "" {
		t.Error("the stats still show the failure")
	}
	if err := j.stop(); err != nil {
		t.Fatal(err)
	}
	again := &list{}
	start(t, open(t, journal.Options{Dir: dir, StateMachine: again})).leads()
	if again.hash() != l.hash() || again.len() != acked+1 {
		t.Errorf("%d records after the restart, want %d", again.len(), acked+1)
	}
}
