package master

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

// backupTo takes a backup into a folder of this machine and returns its file.
func (w *world) backupTo(dir string) string {
	w.tb.Helper()
	tm := w.term()
	id, done, err := tm.StartBackup(BackupOptions{Dir: dir, Local: true})
	if err != nil {
		w.tb.Fatal(err)
	}
	<-done
	s, err := tm.BackupStatus(id)
	if err != nil || s.State != BackupCompleted || s.Entries != int64(len(w.everything())+1) {
		w.tb.Fatalf("%+v, %v; want %d entries", s, err, len(w.everything())+1)
	}
	return s.URI
}

// TestBackup begins a cluster with the backup of another.
func TestBackup(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/d/f", 3000, MustCache)
	w.write("/d/g", 10, CacheThrough)
	if err := w.mount("/m", "mem://other", MountOptions{Properties: map[string]string{"k": "v"}}); err != nil {
		t.Fatal(err)
	}
	w.faults.on(errors.Unavailable, "deletedir") // so that the intent stays
	if err := w.term().propose(opID{}, &journalpb.Change{Change: &journalpb.Change_Intent{Intent: &journalpb.Intent{Id: 77,
		Kind: &journalpb.Intent_Delete{Delete: &journalpb.DeleteIntent{Path: "/d", Inode: int64(w.mustStat("/d").ID)}}}}}); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "new", "folder")
	file := w.backupTo(dir)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	before := w.everything()
	w.write("/after", 10, MustCache)
	last := w.mustStat("/after").ID.Container()

	n := newWorld(t, map[string]string{"alluxio.master.journal.init.from.backup": file})
	if got := n.everything(); !slices.Equal(got, before) {
		t.Errorf("the backup has\n%q, was\n%q", got, before)
	}
	if len(n.m.state.mu.intents) != 0 {
		t.Error("an intent of the past is gone on with")
	}
	n.write("/new", 10, MustCache)
	if c := n.mustStat("/new").ID.Container(); c < last+1000 {
		t.Errorf("container %d may be that of a file made after the backup (%d)", c, last)
	}
	n.failover() // with a journal that is not empty any more
	if s := n.mustStat("/new").Persistence; s != inode.NotPersisted {
		t.Errorf("/new is %v", s)
	}
	n.mustStat("/d/f")
}

func TestBackupRefusals(t *testing.T) {
	w := newWorld(t, nil)
	tm := w.term()
	for _, o := range []BackupOptions{{Dir: "relative", Local: true}, {Dir: "kodo://b/x"}, {Dir: "file:///x"}, {Dir: "/a/../b", Local: true}} {
		if _, _, err := tm.StartBackup(o); !errors.Is(err, errors.Invalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("no backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	id, done, err := tm.StartBackup(BackupOptions{Dir: file, Local: true}) // a file in the way
	if err != nil {
		t.Fatal(err)
	}
	<-done
	if s, err := tm.BackupStatus(id); err != nil || s.State != BackupFailed || s.Err == nil {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := tm.BackupStatus("nothing"); !errors.Is(err, errors.NotFound) {
		t.Error(err)
	}
	if _, _, err := w.m.readBackup(context.Background(), file); !errors.Is(err, errors.Corrupt) {
		t.Error(err)
	}
	good := w.backupTo(t.TempDir())
	other, err := newState(w.m.state.root, 10)
	if err != nil {
		t.Fatal(err)
	}
	other.root.UFS = "mem://elsewhere"
	w.m.state.root, other.root = other.root, w.m.state.root
	_, _, err = w.m.readBackup(context.Background(), good)
	w.m.state.root = other.root
	wantError(t, err, errors.FailedPrecondition, "root under file system")
}

// everything are the paths below the root.
func (w *world) everything() []string {
	return w.list("/", ListOptions{CommonOptions: trust, Recursive: true})
}
