package master

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/ufs"
)

func (w *world) delete(path string, o DeleteOptions) error {
	o.CommonOptions.SyncIntervalMS = NeverSync
	return w.term().Delete(context.Background(), System, path, o)
}

func (w *world) rename(src, dst string) error {
	return w.term().Rename(context.Background(), System, src, dst, RenameOptions{CommonOptions: trust})
}

func (w *world) wantGone(paths ...string) {
	w.tb.Helper()
	for _, p := range paths {
		if n := w.term().look(p); n.exists() {
			w.tb.Errorf("%s is still in the tree", p)
		}
	}
}

func TestDelete(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/d/sub/f1", 10, CacheThrough)
	w.write("/d/sub/f2", 10, MustCache)
	w.write("/d/f3", 10, Through)
	wantError(t, w.delete("/", DeleteOptions{Recursive: true}), errors.Invalid, "Cannot delete the root directory")
	wantError(t, w.delete("/none", DeleteOptions{}), errors.NotFound, `Path "/none" does not exist.`)
	wantError(t, w.delete("/d", DeleteOptions{}), errors.NotEmpty, "because recursive is set to false")
	w.put("/d/sub/unknown", "precious")
	wantError(t, w.delete("/d", DeleteOptions{Recursive: true}), errors.NotEmpty,
		"/d/sub (UFS dir not in sync. Sync UFS, or delete with unchecked flag.)")
	if !w.inUFS("/d/f3") || !w.inUFS("/d/sub/unknown") {
		t.Fatal("a refused delete deleted something")
	}
	block := w.mustStat("/d/sub/f1").Blocks[0].ID
	if err := w.delete("/d", DeleteOptions{Recursive: true, Unchecked: true}); err != nil {
		t.Fatal(err)
	}
	w.wantGone("/d", "/d/sub/f1", "/d/f3")
	if w.inUFS("/d") || w.inUFS("/d/sub/unknown") {
		t.Error("the UFS still has it")
	}
	if l := w.term().blocks.Locations(block); len(l) != 0 {
		t.Errorf("the block is still listed: %v", l)
	}
}

func TestDeleteAlluxioOnly(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/d/f", 10, CacheThrough)
	id := w.mustStat("/d/f").ID
	if err := w.delete("/d", DeleteOptions{Recursive: true, AlluxioOnly: true}); err != nil {
		t.Fatal(err)
	}
	w.wantGone("/d")
	if !w.inUFS("/d/f") {
		t.Fatal("alluxioOnly deleted from the UFS")
	}
	if fi := w.mustStat("/d/f"); fi.ID == id || fi.InAlluxioPercent != 0 {
		t.Errorf("loaded again as %+v", fi)
	}
}

func TestDeleteFailing(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/f", 10, CacheThrough)
	w.write("/d/f", 10, CacheThrough)
	w.faults.on(errors.Unavailable, "delete", "deletedir")
	wantError(t, w.delete("/f", DeleteOptions{}), errors.Unavailable, "Failed to delete 1 paths from the under file system: /f")
	wantError(t, w.delete("/d", DeleteOptions{Recursive: true}), errors.Unavailable, "Failed to delete 1 paths")
	w.faults.set(nil)
	for _, p := range []string{"/f", "/d/f"} {
		w.mustStat(p)
		if !w.inUFS(p) {
			t.Errorf("%s is gone", p)
		}
	}
	if w.faults.injected.Load() < 2 {
		t.Errorf("only %d faults", w.faults.injected.Load())
	}
}

func TestRename(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/a/f", 10, CacheThrough)
	w.write("/a/m", 10, MustCache)
	w.write("/m/x", 10, MustCache)
	w.mkdir("/dst", MustCache)
	w.write("/file", 1, MustCache)
	for _, c := range []struct {
		src, dst string
		kind     errors.Kind
		text     string
	}{
		{"/", "/x", errors.Invalid, "The root directory cannot be renamed"},
		{"/a", "/a/b", errors.Invalid, "Cannot rename because /a is a prefix of /a/b"},
		{"/a/f", "/a/m", errors.Exists, "Cannot rename because destination already exists. src: /a/f dst: /a/m"},
		{"/a/f", "/no/f", errors.NotFound, "/no/f does not have a valid parent"},
		{"/a/f", "/file/f", errors.NotFound, "/file/f does not have a valid parent"},
		{"/none", "/x", errors.NotFound, `Path "/none" does not exist.`},
	} {
		wantError(t, w.rename(c.src, c.dst), c.kind, c.text)
	}
	before := w.mustStat("/a/f")
	for _, c := range [][2]string{{"/a/f", "/a/f"}, {"/a/f", "/a/g"}, {"/a", "/dst/a2"}, {"/m", "/m2"}} {
		if err := w.rename(c[0], c[1]); err != nil {
			t.Fatalf("rename %v: %v", c, err)
		}
	}
	after := w.mustStat("/dst/a2/g")
	if after.ID != before.ID || after.InAlluxioPercent != 100 || after.UFSPath != "mem://base/dst/a2/g" {
		t.Errorf("after the rename: %+v", after)
	}
	if !w.inUFS("/dst/a2/g") || w.inUFS("/a") {
		t.Error("the UFS did not follow")
	}
	if d := w.mustStat("/dst"); d.Persistence != inode.Persisted {
		t.Error("the parent of a persisted directory is not persisted")
	}
	if w.inUFS("/m2") {
		t.Error("an unpersisted directory went to the UFS")
	}
	w.wantGone("/a", "/m")
}

// TestRenameDirResumed loses the master between the intent and its end.
func TestRenameDirResumed(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 5 {
		w.write(fmt.Sprintf("/a/f%d", i), 10, CacheThrough)
	}
	w.faults.set(func(op, path string) error {
		if op == "renamedir" || op == "stat" && path == "b" { // neither forth nor back
			return errors.E("fault", path, errors.Unavailable, nil)
		}
		return nil
	})
	w.term().absent.add("/b") // nobody looks there before the rename
	wantError(t, w.rename("/a", "/b"), errors.Unavailable, "It will be finished when that answers again.")
	if w.faults.injected.Load() < moveAttempts {
		t.Fatalf("only %d faults", w.faults.injected.Load())
	}
	w.mustStat("/a/f0")
	w.faults.set(nil)
	w.failover()
	waitFor(t, func() bool { n := w.term().look("/b/f4"); return n.exists() })
	w.wantGone("/a")
	if !w.inUFS("/b/f0") || w.inUFS("/a") {
		t.Error("the UFS did not follow")
	}
	if n := len(w.m.state.mu.intents); n != 0 {
		t.Errorf("%d intents left", n)
	}
}

// TestRenameDirUndone: a move that the UFS refuses leaves everything as it was.
func TestRenameDirUndone(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/a/f", 10, CacheThrough)
	w.faults.on(errors.Permission, "renamedir")
	wantError(t, w.rename("/a", "/b"), errors.Permission, "injected")
	w.faults.set(nil)
	w.mustStat("/a/f")
	w.wantGone("/b")
	if n := len(w.m.state.mu.intents); n != 0 || !w.inUFS("/a/f") {
		t.Errorf("%d intents left", n)
	}
}

// TestRenameDirWithoutAnswer moves the directory below and says that it failed:
// the repetition finds nothing to move, and the rename is a success.
func TestRenameDirWithoutAnswer(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/a/f", 10, CacheThrough)
	u, _, err := w.below("/")
	if err != nil {
		t.Fatal(err)
	}
	mover, _ := ufs.As[ufs.DirRenamer](u)
	done := false
	w.faults.set(func(op, path string) error {
		if op != "renamedir" || done {
			return nil
		}
		done = true
		if err := mover.RenameDir(context.Background(), "a", "b"); err != nil {
			t.Error(err)
		}
		return errors.E("fault", path, errors.Unavailable, nil)
	})
	if err := w.rename("/a", "/b"); err != nil || !done {
		t.Fatalf("%v; the fault was injected: %v", err, done)
	}
	w.mustStat("/b/f")
	w.wantGone("/a")
	if !w.inUFS("/b/f") || w.inUFS("/a") {
		t.Error("the UFS did not follow")
	}
}

// blockID asks for a block id of an incomplete file.
func (w *world) blockID(path string, o CommonOptions) blockid.ID {
	w.tb.Helper()
	id, err := w.term().NewBlockID(context.Background(), System, path, o)
	if err != nil {
		w.tb.Fatal(err)
	}
	return id
}

func TestOperationIDs(t *testing.T) {
	w := newWorld(t, nil)
	ctx := context.Background()
	op := func(n uint64) CommonOptions { return CommonOptions{SyncIntervalMS: NeverSync, op: opID{1, n}} }
	file := CreateOptions{CommonOptions: op(1), BlockSize: 10, WriteType: MustCache}
	for _, again := range []bool{false, true} {
		tm := w.term()
		first, err := tm.CreateFile(ctx, System, "/f", file)
		if err != nil {
			t.Fatalf("create, again %v: %v", again, err)
		}
		if again && first.Completed != true {
			t.Error("a repeated create does not show the file as it is")
		}
		if !again {
			b := w.blockID("/f", op(6))
			w.failover()
			if tm = w.term(); w.blockID("/f", op(6)) != b { // nor does it take one more
				t.Error("a repeated call gets another block")
			}
			if err := tm.CommitBlock(ctx, w.worker, b, 10, place("MEM"), -1); err != nil {
				t.Fatal(err)
			}
			if next := w.blockID("/f", op(7)); next.Sequence() != 1 {
				t.Errorf("the second block is %v", next)
			} else if err := tm.CommitBlock(ctx, w.worker, next, 3, place("MEM"), -1); err != nil {
				t.Fatal(err)
			}
		}
		if err := tm.CompleteFile(ctx, System, "/f", CompleteOptions{CommonOptions: op(2)}); err != nil {
			t.Fatalf("complete, again %v: %v", again, err)
		}
		if err := tm.CreateDirectory(ctx, System, "/d", CreateOptions{CommonOptions: op(3)}); err != nil {
			t.Fatalf("mkdir, again %v: %v", again, err)
		}
		if !again {
			w.failover()
		}
	}
	for _, again := range []bool{false, true} {
		tm := w.term()
		if err := tm.Rename(ctx, System, "/f", "/d/g", RenameOptions{CommonOptions: op(4)}); err != nil {
			t.Fatalf("rename, again %v: %v", again, err)
		}
	}
	for _, again := range []bool{false, true} {
		if err := w.term().Delete(ctx, System, "/d", DeleteOptions{CommonOptions: op(5), Recursive: true}); err != nil {
			t.Fatalf("delete, again %v: %v", again, err)
		}
		w.failover()
	}
	wantError(t, w.delete("/d", DeleteOptions{}), errors.NotFound, "/d")
}

func TestSetAttribute(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/d/f", 10, CacheThrough)
	set := func(path string, o AttributeOptions) error {
		o.CommonOptions.SyncIntervalMS = NeverSync
		return w.term().SetAttribute(context.Background(), System, path, o)
	}
	must := func(path string, o AttributeOptions) {
		t.Helper()
		if err := set(path, o); err != nil {
			t.Fatal(err)
		}
	}
	must("/d/f", AttributeOptions{TTLMillis: ptr(int64(60000)), TTLAction: ptr(inode.TTLFree)})
	must("/d/f", AttributeOptions{Mode: ptr(uint16(0o600))})
	must("/d", AttributeOptions{Pinned: ptr(true), PinnedMedia: []string{"MEM"}})
	must("/d/f", AttributeOptions{XAttr: map[string][]byte{"a": []byte("1")}, XAttrStrategy: XAttrUnionReplace})
	must("/d/f", AttributeOptions{XAttr: map[string][]byte{"a": []byte("2"), "b": []byte("3")}, XAttrStrategy: XAttrUnionPreserve})
	must("/d/f", AttributeOptions{ReplicationMin: ptr(int32(2))})
	fi := w.mustStat("/d/f")
	if fi.TTL != (inode.TTL{Set: true, Millis: 60000, Action: inode.TTLFree}) || fi.Mode != 0o600 || !fi.Pinned ||
		string(fi.XAttr["a"]) != "1" || string(fi.XAttr["b"]) != "3" || fi.Replication.Min != 2 {
		t.Errorf("%+v", fi)
	}
	if got := w.term().PinnedFiles(); len(got) != 1 || got[0] != int64(fi.ID) {
		t.Errorf("pinned: %v", got)
	}
	wantError(t, w.term().Free(context.Background(), System, "/d", FreeOptions{Recursive: true}), errors.Other, "Cannot free file /d/f which is pinned")
	if err := w.term().Free(context.Background(), System, "/d", FreeOptions{Recursive: true, Forced: true}); err != nil {
		t.Fatal(err)
	}
	if fi = w.mustStat("/d/f"); fi.Pinned || fi.InAlluxioPercent != 100 {
		t.Errorf("after a forced free that no worker has confirmed: %+v", fi)
	}
	must("/d/f", AttributeOptions{TTLMillis: ptr(int64(-1))})
	if fi = w.mustStat("/d/f"); fi.TTL.Set {
		t.Errorf("ttl stays: %+v", fi.TTL)
	}
	w.write("/cached", 10, MustCache)
	wantError(t, w.term().Free(context.Background(), System, "/cached", FreeOptions{}), errors.Other, "Cannot free file /cached which is not persisted")
	wantError(t, set("/d/f", AttributeOptions{Owner: ptr("nobody-there"), Group: ptr("g")}), errors.FailedPrecondition, "Owner nobody-there does not belong to the group g")
}

func TestPersistSchedule(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/d/a", 10, MustCache)
	w.write("/d/b", 10, MustCache)
	if _, err := w.term().CreateFile(context.Background(), System, "/d/open", CreateOptions{CommonOptions: trust, BlockSize: 1, WriteType: MustCache}); err != nil {
		t.Fatal(err)
	}
	err := w.term().ScheduleAsyncPersistence(context.Background(), System, "/d/open", 0, trust)
	wantError(t, err, errors.Invalid, "Cannot persist an incomplete Alluxio file: /d/open")
	if err := w.term().ScheduleAsyncPersistence(context.Background(), System, "/d", 0, trust); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]inode.Persistence{"/d/a": inode.ToBePersisted, "/d/b": inode.ToBePersisted, "/d/open": inode.NotPersisted} {
		if got := w.mustStat(p).Persistence; got != want {
			t.Errorf("%s is %v", p, got)
		}
	}
	if got := w.term().PinnedFiles(); len(got) != 2 {
		t.Errorf("workers are to keep %v", got)
	}
}

func TestListing(t *testing.T) {
	w := newWorld(t, map[string]string{"alluxio.master.filesystem.liststatus.result.message.length": "2"})
	for _, p := range []string{"/d/a", "/d/b/x", "/d/b/y", "/d/b-c", "/d/e"} {
		w.write(p, 1, MustCache)
	}
	o := ListOptions{CommonOptions: trust, Load: LoadOnce}
	wantPaths(t, w.list("/d", o), "/d/a", "/d/b", "/d/b-c", "/d/e")
	wantPaths(t, w.list("/d/a", o), "/d/a")
	o.Recursive = true
	all := []string{"/d/a", "/d/b", "/d/b/x", "/d/b/y", "/d/b-c", "/d/e"}
	wantPaths(t, w.list("/d", o), all...)
	for _, recursive := range []bool{false, true} {
		o.Recursive = recursive
		want := all
		if !recursive {
			want = []string{"/d/a", "/d/b", "/d/b-c", "/d/e"}
		}
		for size := 1; size <= 4; size++ {
			var got []string
			po := PartialOptions{ListOptions: o, BatchSize: size}
			for {
				l, err := w.term().ListStatusPartial(context.Background(), System, "/d", po)
				if err != nil || len(l.Infos) > size {
					t.Fatalf("%v, %d entries", err, len(l.Infos))
				}
				for _, i := range l.Infos {
					got = append(got, i.Path)
				}
				if !l.Truncated {
					break
				}
				if last := l.Infos[len(l.Infos)-1]; size%2 == 0 {
					po.OffsetID = last.ID
				} else {
					po.StartAfter = strings.TrimPrefix(last.Path, "/d/")
				}
			}
			wantPaths(t, got, want...)
		}
	}
	l, err := w.term().ListStatusPartial(context.Background(), System, "/d", PartialOptions{ListOptions: ListOptions{CommonOptions: trust}, OffsetCount: 1, Prefix: "b"})
	if err != nil || len(l.Infos) != 1 || l.Infos[0].Name != "b-c" || l.Count != 4 {
		t.Errorf("%+v, %v", l, err)
	}
	_, err = w.term().ListStatusPartial(context.Background(), System, "/d", PartialOptions{ListOptions: o, OffsetID: 123456})
	wantError(t, err, errors.NotFound, "123456")
}
