package master

import (
	"context"
	"testing"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/inode"
)

func TestCreateAndStat(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		path  string
		wt    WriteType
		state inode.Persistence
		inUFS bool
	}{
		{"/d/must", MustCache, inode.NotPersisted, false},
		{"/d/through", Through, inode.Persisted, true},
		{"/d/cachethrough", CacheThrough, inode.Persisted, true},
		{"/d/async", AsyncThrough, inode.ToBePersisted, false},
	} {
		w.write(c.path, 2500, c.wt)
		fi := w.mustStat(c.path)
		if fi.Persistence != c.state || fi.Length != 2500 || !fi.Completed || len(fi.Blocks) != 3 || fi.Blocks[2].Length != 452 {
			t.Errorf("%s: %+v", c.path, fi)
		}
		wantCached := 100
		if c.wt == Through {
			wantCached = 0
		}
		if fi.InAlluxioPercent != wantCached || fi.InMemoryPercent != wantCached {
			t.Errorf("%s: %d%% in Alluxio, %d%% in memory", c.path, fi.InAlluxioPercent, fi.InMemoryPercent)
		}
		if got := w.inUFS(c.path); got != c.inUFS {
			t.Errorf("%s in the UFS: %v", c.path, got)
		}
		if (fi.Fingerprint != "") != c.inUFS {
			t.Errorf("%s: fingerprint %q", c.path, fi.Fingerprint)
		}
	}
	if d := w.mustStat("/d"); d.Persistence != inode.Persisted || d.Length != 4 {
		t.Errorf("/d: %+v", d)
	}
	wantPaths(t, w.list("/d", ListOptions{CommonOptions: trust, Load: LoadOnce}), "/d/async", "/d/cachethrough", "/d/must", "/d/through")
}

func TestCreateErrors(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/f", 1, MustCache)
	create := func(path string, recursive bool) error {
		_, err := w.term().CreateFile(context.Background(), System, path, CreateOptions{CommonOptions: trust, Recursive: recursive, BlockSize: 1, WriteType: MustCache})
		return err
	}
	mkdir := func(path string, o CreateOptions) error {
		o.CommonOptions = trust
		return w.term().CreateDirectory(context.Background(), System, path, o)
	}
	wantError(t, create("/f", false), errors.Exists, "/f already exists. If you want to overwrite the file")
	wantError(t, create("/", false), errors.Exists, "Not allowed to create existing root path: /")
	wantError(t, create("/a/b", false), errors.NotFound, `Path "/a" does not exist.`)
	wantError(t, create("/f/x", true), errors.Invalid, "Could not traverse to parent directory of path /f/x. Component f is not a directory.")
	wantError(t, mkdir("/f", CreateOptions{AllowExists: true}), errors.Exists, "Not allowed to create directory because path already exists: /f")
	wantError(t, mkdir("/", CreateOptions{AllowExists: true}), errors.Exists, "existing root path")
	if err := mkdir("/d", CreateOptions{}); err != nil {
		t.Error(err)
	}
	wantError(t, mkdir("/d", CreateOptions{}), errors.Exists, "/d")
	if err := mkdir("/d", CreateOptions{AllowExists: true}); err != nil {
		t.Error(err)
	}
	wantError(t, create("/"+persistDir+"/1", true), errors.Invalid, "is reserved")
	wantError(t, w.rename("/f", "/"+persistDir), errors.Invalid, "is reserved")
	_, err := w.stat("/nothing")
	wantError(t, err, errors.NotFound, `Path "/nothing" does not exist.`)
}

func TestCompleteErrors(t *testing.T) {
	w := newWorld(t, nil)
	tm, ctx := w.term(), context.Background()
	create := func(path string, wt WriteType) {
		if _, err := tm.CreateFile(ctx, System, path, CreateOptions{CommonOptions: trust, BlockSize: 100, WriteType: wt}); err != nil {
			t.Fatal(err)
		}
	}
	complete := func(path string) error {
		return tm.CompleteFile(ctx, System, path, CompleteOptions{CommonOptions: trust})
	}
	create("/uncommitted", MustCache)
	if _, err := tm.NewBlockID(ctx, System, "/uncommitted", CommonOptions{}); err != nil {
		t.Fatal(err)
	}
	wantError(t, complete("/uncommitted"), errors.Invalid, "Cannot complete a file without all the blocks committed")
	create("/short", MustCache)
	b, _ := tm.NewBlockID(ctx, System, "/short", CommonOptions{})
	if err := tm.CommitBlock(ctx, w.worker, b, 7, place("MEM"), -1); err != nil {
		t.Fatal(err)
	}
	_, err := tm.NewBlockID(ctx, System, "/short", CommonOptions{})
	wantError(t, err, errors.Invalid, "only the last block of a file may be shorter")
	if err := complete("/short"); err != nil {
		t.Error(err)
	}
	if fi := w.mustStat("/short"); fi.Length != 7 || fi.Blocks[0].Length != 7 {
		t.Errorf("%+v", fi)
	}
	wantError(t, complete("/short"), errors.Exists, "has already been completed")
	create("/nothingbelow", Through)
	wantError(t, complete("/nothingbelow"), errors.Aborted, "its under file system has nothing at mem://base/nothingbelow")
	if fi := w.mustStat("/nothingbelow"); fi.Completed || fi.Length != 0 {
		t.Errorf("%+v", fi)
	}
}
