package master

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/ufs"
)

var (
	listOnce  = ListOptions{CommonOptions: trust, Load: LoadOnce}
	listNow   = ListOptions{CommonOptions: compare}
	listAll   = ListOptions{CommonOptions: compare, Recursive: true}
	listForce = ListOptions{CommonOptions: trust, Load: LoadAlways}
)

func TestLoadMetadata(t *testing.T) {
	w := newWorld(t, nil)
	w.put("/d/a", "12345")
	w.put("/d/s/b", "1")
	w.put("/"+persistDir+"/77", "temporary")
	never := StatusOptions{CommonOptions: trust, Load: LoadNever}
	_, err := w.term().GetStatus(context.Background(), System, "/d/a", never)
	wantError(t, err, errors.NotFound, "/d/a")
	fi := w.mustStat("/d/s/b")
	if fi.Length != 1 || fi.Persistence != inode.Persisted || !fi.Completed || fi.Fingerprint == "" || len(fi.Blocks) != 1 || fi.Blocks[0].Length != 1 {
		t.Errorf("loaded %+v", fi)
	}
	wantPaths(t, w.list("/", listOnce), "/d")
	wantPaths(t, w.list("/d", listOnce), "/d/a", "/d/s")
	_, err = w.stat("/" + persistDir)
	wantError(t, err, errors.NotFound, persistDir)

	w.put("/d/new", "1")
	wantPaths(t, w.list("/d", listOnce), "/d/a", "/d/s") // never after the first listing
	wantPaths(t, w.list("/d", listForce), "/d/a", "/d/new", "/d/s")
	w.remove("/d/new")
	wantPaths(t, w.list("/d", listForce), "/d/a", "/d/new", "/d/s")
	wantPaths(t, w.list("/d", listNow), "/d/a", "/d/s")
}

func TestLoadManyInBatches(t *testing.T) {
	w := newWorld(t, nil)
	const n = 2*loadBatch + 17
	want := make([]string, n)
	for i := range n {
		want[i] = fmt.Sprintf("/big/%05d", i)
		w.put(want[i], "")
	}
	before := w.mem.Stats().AppliedIndex
	wantPaths(t, w.list("/big", listOnce), want...)
	if records := w.mem.Stats().AppliedIndex - before; records < 3 || records > 6 {
		t.Errorf("%d records for %d inodes", records, n)
	}
	before = w.mem.Stats().AppliedIndex
	wantPaths(t, w.list("/big", listNow), want...)
	if records := w.mem.Stats().AppliedIndex - before; records != 0 {
		t.Errorf("%d records for a comparison without differences", records)
	}
}

func TestSyncChanges(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/d/changed", 1500, CacheThrough)
	w.write("/d/same", 1500, CacheThrough)
	w.write("/d/vanished", 10, CacheThrough)
	w.write("/d/cached", 10, MustCache)
	w.write("/d/sub/deep", 10, CacheThrough)
	w.write("/d/sub/keep", 10, MustCache)
	changed, same := w.mustStat("/d/changed"), w.mustStat("/d/same")
	block := changed.Blocks[0].ID
	w.put("/d/changed", "other content")
	w.put("/d/added", "x")
	w.remove("/d/vanished")
	w.remove("/d/sub/deep")
	u, rel, _ := w.below("/d/sub")
	if err := u.Delete(context.Background(), rel); err != nil && !errors.Is(err, errors.NotFound) {
		t.Fatal(err)
	}

	wantPaths(t, w.list("/d", listAll), "/d/added", "/d/cached", "/d/changed", "/d/same", "/d/sub", "/d/sub/keep")
	now := w.mustStat("/d/changed")
	if now.ID == changed.ID || now.Length != 13 || now.InAlluxioPercent != 0 {
		t.Errorf("changed content: %+v", now)
	}
	if l := w.term().blocks.Locations(block); len(l) != 0 {
		t.Errorf("a block of the old content is still listed: %v", l)
	}
	if s := w.mustStat("/d/same"); s.ID != same.ID || s.InAlluxioPercent != 100 {
		t.Errorf("unchanged: %+v", s)
	}
	if sub := w.mustStat("/d/sub"); sub.Persistence != inode.NotPersisted {
		t.Errorf("a directory that the UFS lost: %v", sub.Persistence)
	}
}

func TestSyncKinds(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/a", 10, CacheThrough)
	w.write("/b/f", 10, CacheThrough)
	w.remove("/a")
	w.put("/a/f", "1")
	if err := w.delete("/b", DeleteOptions{Recursive: true, AlluxioOnly: true}); err != nil {
		t.Fatal(err)
	}
	wantPaths(t, w.list("/", listAll), "/a", "/a/f", "/b", "/b/f")
	w.remove("/b/f")
	if u, rel, _ := w.below("/b"); u.Delete(context.Background(), rel) != nil {
		t.Log("no marker for /b")
	}
	w.put("/b", "now a file")
	wantPaths(t, w.list("/", listAll), "/a", "/a/f", "/b")
	if fi := w.mustStat("/b"); fi.IsDir() || fi.Length != 10 {
		t.Errorf("%+v", fi)
	}
}

func TestSyncInterval(t *testing.T) {
	w := newWorld(t, nil)
	w.put("/d/f", "1")
	hour := CommonOptions{SyncIntervalMS: time.Hour.Milliseconds()}
	wantPaths(t, w.list("/d", ListOptions{CommonOptions: hour}), "/d/f")
	w.put("/d/g", "1")
	wantPaths(t, w.list("/d", ListOptions{CommonOptions: hour}), "/d/f")
	calls := w.faults.calls.Load()
	if _, err := w.term().GetStatus(context.Background(), System, "/d/f", StatusOptions{CommonOptions: hour}); err != nil {
		t.Fatal(err)
	}
	if n := w.faults.calls.Load() - calls; n != 0 {
		t.Errorf("%d calls for an entry of a directory listed a moment ago", n)
	}
	if err := w.term().NeedsSync(context.Background(), System, "/d"); err != nil {
		t.Fatal(err)
	}
	wantPaths(t, w.list("/d", ListOptions{CommonOptions: hour}), "/d/f", "/d/g")
}

func TestSyncIncompleteFileStays(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.term().CreateFile(context.Background(), System, "/f", CreateOptions{CommonOptions: trust, BlockSize: 10, WriteType: Through})
	if err != nil {
		t.Fatal(err)
	}
	wantPaths(t, w.list("/", listAll), "/f")
}

// TestOutageIsNotAbsence: no failure of the UFS makes a path absent or an
// operation half done.
func TestOutageIsNotAbsence(t *testing.T) {
	w := newWorld(t, nil)
	w.put("/d/there", "1")
	w.write("/d/known", 10, CacheThrough)
	w.faults.on(errors.Unavailable)
	ctx, tm := context.Background(), w.term()
	check := func(what string, err error) {
		t.Helper()
		if k := errors.KindOf(err); err == nil || k != errors.Unavailable {
			t.Errorf("%s: %v (%v)", what, err, k)
		}
	}
	_, err := w.stat("/d/there")
	check("stat", err)
	_, err = tm.Exists(ctx, System, "/d/there", loadOnce)
	check("exists", err)
	_, err = tm.GetStatus(ctx, System, "/d/known", StatusOptions{CommonOptions: compare})
	check("stat with sync", err)
	check("list", tm.ListStatus(ctx, System, "/d", listNow, func([]FileInfo) error { return nil }))
	check("load", tm.ListStatus(ctx, System, "/d", listForce, func([]FileInfo) error { return nil }))
	_, err = tm.CreateFile(ctx, System, "/x/y", CreateOptions{CommonOptions: trust, Recursive: true, BlockSize: 1, WriteType: CacheThrough})
	check("create", err)
	check("mkdir", tm.CreateDirectory(ctx, System, "/e", CreateOptions{CommonOptions: trust, WriteType: CacheThrough}))
	check("delete", w.delete("/d/known", DeleteOptions{}))
	check("rename", w.rename("/d/known", "/d/other"))
	check("mount", tm.Mount(ctx, System, "/m", "mem://other", MountOptions{CommonOptions: trust}))
	n := w.faults.injected.Load()
	w.faults.set(nil)
	if n < 10 {
		t.Errorf("only %d faults", n)
	}
	w.wantGone("/x", "/e", "/d/other", "/m")
	w.mustStat("/d/known")
	wantPaths(t, w.list("/d", listAll), "/d/known", "/d/there")
}

// TestListingInterrupted: a listing that fails in between removes nothing.
func TestListingInterrupted(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 10 {
		w.write(fmt.Sprintf("/d/%d", i), 1, CacheThrough)
	}
	w.faults.on(errors.Unavailable, "next")
	err := w.term().ListStatus(context.Background(), System, "/d", listNow, func([]FileInfo) error { return nil })
	wantError(t, err, errors.Unavailable, "injected")
	w.faults.set(nil)
	if got := w.list("/d", listOnce); len(got) != 10 {
		t.Errorf("left %v", got)
	}
}

// TestListingBesideChanges changes a directory while its UFS is being listed:
// what the listing says of the changed entries is out of date.
func TestListingBesideChanges(t *testing.T) {
	w := newWorld(t, nil)
	for _, p := range []string{"/d/a", "/d/b", "/d/c", "/d/z"} {
		w.write(p, 1, CacheThrough)
	}
	changed, reached := make(chan struct{}), w.faults.reached("next")
	go func() {
		defer close(changed)
		<-reached
		if err := w.delete("/d/a", DeleteOptions{}); err != nil {
			t.Error(err)
		}
		if err := w.tryWrite("/d/new", 1, CacheThrough); err != nil {
			t.Error(err)
		}
		if err := w.rename("/d/b", "/d/y"); err != nil {
			t.Error(err)
		}
		w.faults.release()
	}()
	got := w.list("/d", listNow)
	<-changed
	if !slices.Equal(got, []string{"/d/c", "/d/new", "/d/y", "/d/z"}) {
		t.Errorf("%v", got)
	}
	w.mustStat("/d/new")
}

// TestLocalModes: owners and modes of the store are taken, and what is set
// through the master is no new content.
func TestLocalModes(t *testing.T) {
	w := newWorld(t, map[string]string{"alluxio.master.mount.table.root.ufs": t.TempDir()})
	w.write("/f", 10, CacheThrough)
	u, rel, _ := w.below("/f")
	s, _ := ufs.As[ufs.AttrSetter](u)
	if err := s.SetAttr(context.Background(), rel, "", "", ptr(uint32(0o640))); err != nil {
		t.Fatal(err)
	}
	w.list("/", listNow)
	fi := w.mustStat("/f")
	if fi.Mode != 0o640 {
		t.Errorf("mode %o after a chmod below", fi.Mode)
	}
	if err := w.term().SetAttribute(context.Background(), System, "/f", AttributeOptions{CommonOptions: trust, Mode: ptr(uint16(0o600))}); err != nil {
		t.Fatal(err)
	}
	if err := w.rename("/f", "/g"); err != nil {
		t.Fatal(err)
	}
	if info, err := u.Stat(context.Background(), "g"); err != nil || info.Mode&0o777 != 0o600 {
		t.Errorf("the UFS has mode %o, %v", info.Mode, err)
	}
	w.list("/", listNow)
	if again := w.mustStat("/g"); again.ID != fi.ID || again.Mode != 0o600 {
		t.Errorf("a chmod or a rename made new content: %+v", again)
	}
}

// TestSyncAdoptsDirectories: a directory made in the tree alone is the UFS's
// once that has one of the same name.
func TestSyncAdoptsDirectories(t *testing.T) {
	w := newWorld(t, nil)
	w.mkdir("/d/e", MustCache)
	w.write("/d/e/cached", 1, MustCache)
	w.put("/d/e/there", "1")
	wantPaths(t, w.list("/d", listAll), "/d/e", "/d/e/cached", "/d/e/there")
	if p := w.mustStat("/d/e").Persistence; p != inode.Persisted {
		t.Errorf("/d/e is %v", p)
	}
}
