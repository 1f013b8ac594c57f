package master

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/ufs"
)

// persistSilence is the number of answers without a file after which its worker
// forgets it.
const persistSilence = 5

// quick makes the persister impatient.
func quick(more ...string) map[string]string {
	props := map[string]string{
		"alluxio.master.persistence.scheduler.interval": "5ms",
		"alluxio.master.persistence.initial.interval":   "5ms",
		"alluxio.master.persistence.max.interval":       "20ms",
	}
	for i := 0; i < len(more); i += 2 {
		props[more[i]] = more[i+1]
	}
	return props
}

// impatient is the context of a heartbeat that does not wait for work.
var impatient = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// persistWorker does what a worker does with the files that it is told to write.
type persistWorker struct {
	w    *world
	id   blockmap.WorkerID
	done map[blockid.FileID]PersistedFile // written and not yet acknowledged
	told []PersistFile                    // by the last heartbeat
	// silent counts the answers in a row that did not name a file written.
	silent map[blockid.FileID]int
	// length changes how much is written.
	length func(inode.Inode) int64
	writes int
}

func (w *world) persistWorker() *persistWorker {
	return &persistWorker{w: w, id: w.worker, done: map[blockid.FileID]PersistedFile{}, silent: map[blockid.FileID]int{}, length: func(in inode.Inode) int64 { return in.Length }}
}

// beat sends one heartbeat and writes what is asked for.
func (p *persistWorker) beat() {
	p.w.tb.Helper()
	var done []PersistedFile
	for _, f := range p.done {
		done = append(done, f)
	}
	p.told = p.w.term().WorkerHeartbeat(impatient, p.id, done)
	told := map[blockid.FileID]bool{}
	for _, f := range p.told {
		told[f.ID] = true
		if got, ok := p.done[f.ID]; !ok || got.Assignment != f.Assignment {
			p.write(f)
		}
	}
	for id := range p.done {
		if p.silent[id]++; told[id] {
			p.silent[id] = 0
		} else if p.silent[id] == persistSilence {
			delete(p.done, id)
			delete(p.silent, id)
		}
	}
}

func (p *persistWorker) write(told PersistFile) {
	p.w.tb.Helper()
	id := told.ID
	t := p.w.term()
	path, in, ok := t.pathOf(id)
	if !ok {
		return
	}
	u, _, err := p.w.below(path)
	if err != nil {
		p.w.tb.Fatal(err)
	}
	f, err := u.Create(context.Background(), tempOf(id), ufs.CreateOptions{})
	if err != nil {
		p.w.tb.Fatal(err)
	}
	if _, err := f.Write([]byte(strings.Repeat("x", int(p.length(in))))); err != nil {
		p.w.tb.Fatal(err)
	}
	info, err := f.Commit(context.Background())
	if err != nil {
		p.w.tb.Fatal(err)
	}
	p.writes++
	p.done[id] = PersistedFile{id, info.Fingerprint, told.Assignment}
}

// until beats until ok.
func (p *persistWorker) until(ok func() bool) {
	p.w.tb.Helper()
	waitFor(p.w.tb, func() bool { p.beat(); return ok() })
}

func (w *world) persisted(path string) func() bool {
	return func() bool { return w.mustStat(path).Persistence == inode.Persisted }
}

func TestAsyncPersist(t *testing.T) {
	w := newWorld(t, quick())
	p := w.persistWorker()
	w.mkdir("/a/b", MustCache)
	w.write("/a/b/f", 3000, AsyncThrough)
	w.write("/empty", 0, AsyncThrough)
	if fi := w.mustStat("/a/b/f"); fi.Persistence != inode.ToBePersisted || w.inUFS("/a/b/f") {
		t.Fatalf("before: %v", fi.Persistence)
	}
	p.until(w.persisted("/a/b/f"))
	p.until(w.persisted("/empty"))
	for _, path := range []string{"/a/b/f", "/empty", "/a/b"} {
		if !w.inUFS(path) {
			t.Errorf("the UFS does not have %s", path)
		}
	}
	fi := w.mustStat("/a/b/f")
	if fi.Fingerprint == "" || w.mustStat("/a").Persistence != inode.Persisted {
		t.Errorf("fingerprint %q, parent %v", fi.Fingerprint, w.mustStat("/a").Persistence)
	}
	id := fi.ID
	if _, err := w.term().GetStatus(context.Background(), System, "/a/b/f", StatusOptions{CommonOptions: compare}); err != nil || w.mustStat("/a/b/f").ID != id {
		t.Errorf("the next synchronisation replaces the file: %v", err)
	}
	p.until(func() bool { return len(p.told) == 0 && len(p.done) == 0 })
	if p.writes != 2 {
		t.Errorf("%d writes for two files", p.writes)
	}
	if u, _, _ := w.below("/"); exists(t, u, persistDir+"/"+fmt.Sprint(int64(id))) {
		t.Error("a temporary object is left")
	}
	wantPaths(t, w.list("/", ListOptions{CommonOptions: compare}), "/a", "/empty")
}

func exists(t *testing.T, u ufs.UFS, rel string) bool {
	t.Helper()
	_, err := u.Stat(context.Background(), rel)
	if err != nil && !errors.Is(err, errors.NotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// TestPersistIsGivenOutAtOnce has a heartbeat wait for a file to come.
func TestPersistIsGivenOutAtOnce(t *testing.T) {
	w := newWorld(t, nil) // with the scheduler's second
	tm := w.term()
	for range 20 { // the first may be too slow for a heartbeat that waits
		told := make(chan []PersistFile)
		go func() { told <- tm.WorkerHeartbeat(context.Background(), w.worker, nil) }()
		w.write("/f", 10, AsyncThrough)
		if files := <-told; len(files) == 1 && files[0].ID == w.mustStat("/f").ID {
			return
		}
		if err := tm.Delete(context.Background(), System, "/f", DeleteOptions{CommonOptions: trust}); err != nil {
			t.Fatal(err)
		}
	}
	t.Error("no heartbeat was told of a file that came while it waited")
}

func TestPersistWaitsForItsTime(t *testing.T) {
	w := newWorld(t, quick())
	p := w.persistWorker()
	w.write("/f", 10, MustCache)
	begin := time.Now()
	if err := w.term().ScheduleAsyncPersistence(context.Background(), System, "/f", 300, trust); err != nil {
		t.Fatal(err)
	}
	p.until(w.persisted("/f"))
	if took := time.Since(begin); took < 300*time.Millisecond {
		t.Errorf("persisted after %v", took)
	}
	if fi := w.mustStat("/f"); fi.PersistAfterMS != 0 {
		t.Errorf("PersistAfterMS is still %d", fi.PersistAfterMS)
	}
}

func TestPersistBlacklist(t *testing.T) {
	w := newWorld(t, quick("alluxio.master.persistence.blacklist", ".tmp,_temporary"))
	for path, want := range map[string]inode.Persistence{
		"/a.tmp/f": inode.NotPersisted, "/f_temporary": inode.NotPersisted, "/f": inode.ToBePersisted,
	} {
		w.write(path, 10, AsyncThrough)
		if got := w.mustStat(path).Persistence; got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}

// TestPersistFollowsTheFile renames a file between writing and placing it.
func TestPersistFollowsTheFile(t *testing.T) {
	w := newWorld(t, quick())
	p := w.persistWorker()
	w.write("/f", 10, AsyncThrough)
	p.until(func() bool { return len(p.done) == 1 })
	if err := w.term().Rename(context.Background(), System, "/f", "/g", RenameOptions{CommonOptions: trust}); err != nil {
		t.Fatal(err)
	}
	p.until(w.persisted("/g"))
	if w.inUFS("/f") || !w.inUFS("/g") {
		t.Error("the object is at the old path")
	}
}

func TestPersistIsCancelledByDelete(t *testing.T) {
	w := newWorld(t, quick())
	p := w.persistWorker()
	w.write("/f", 10, AsyncThrough)
	id := w.mustStat("/f").ID
	p.until(func() bool { return len(p.told) == 1 })
	if err := w.term().Delete(context.Background(), System, "/f", DeleteOptions{CommonOptions: trust}); err != nil {
		t.Fatal(err)
	}
	p.until(func() bool { return len(p.told) == 0 })
	if w.inUFS("/f") {
		t.Error("a deleted file was persisted")
	}
	u, _, _ := w.below("/")
	waitFor(t, func() bool { return !exists(t, u, tempOf(id)) })
}

func TestPersistSurvivesFailover(t *testing.T) {
	w := newWorld(t, quick())
	w.write("/f", 10, AsyncThrough)
	w.write("/g", 10, AsyncThrough)
	p := w.persistWorker()
	w.faults.on(errors.Unavailable, "rename") // nothing is put into place before
	p.until(func() bool { return len(p.done) == 2 })
	w.failover()
	w.faults.set(nil)
	p.id = w.worker
	w.report("/f", "/g")
	p.until(w.persisted("/f"))
	p.until(w.persisted("/g"))
	if p.writes != 2 {
		t.Errorf("%d writes: the new leader did not take what had been written", p.writes)
	}
}

// report has the worker report the blocks of files to a new leader.
func (w *world) report(paths ...string) {
	for _, path := range paths {
		for _, b := range w.mustStat(path).Blocks {
			if err := w.term().blocks.Commit(w.worker, b.ID, blockmap.Placement{Tier: "MEM", Medium: "MEM"}, -1); err != nil {
				w.tb.Fatal(err)
			}
		}
	}
}

// TestPersistRetriesThroughOutage lets the rename fail for a while.
func TestPersistRetriesThroughOutage(t *testing.T) {
	w := newWorld(t, quick())
	p := w.persistWorker()
	w.write("/f", 10, AsyncThrough)
	w.faults.on(errors.Unavailable, "rename")
	p.until(func() bool { return w.faults.injected.Load() > 3 })
	if fi := w.mustStat("/f"); fi.Persistence != inode.ToBePersisted {
		t.Fatalf("during the outage: %v", fi.Persistence)
	}
	w.faults.set(nil)
	p.until(w.persisted("/f"))
	if p.writes != 1 {
		t.Errorf("%d writes: an outage at the rename is no reason to write again", p.writes)
	}
}

// TestPersistWritesAgain damages temporary objects: too short, then gone.
func TestPersistWritesAgain(t *testing.T) {
	w := newWorld(t, quick())
	p := w.persistWorker()
	p.length = func(in inode.Inode) int64 {
		if p.writes == 0 {
			return in.Length - 1
		}
		return in.Length
	}
	w.write("/f", 10, AsyncThrough)
	p.until(w.persisted("/f"))
	if p.writes != 2 {
		t.Errorf("%d writes, want 2", p.writes)
	}
	w.write("/g", 10, AsyncThrough)
	id := w.mustStat("/g").ID
	u, _, _ := w.below("/")
	p.until(func() bool { return p.done[id].ID == id })
	if err := u.Delete(context.Background(), tempOf(id)); err != nil {
		t.Fatal(err)
	}
	p.until(w.persisted("/g"))
	if p.writes != 4 {
		t.Errorf("%d writes, want 4", p.writes)
	}
}

// TestPersistOverwritesWhatACrashLeft places a file where its object lies
// already, because an earlier leader renamed it and did not journal that.
func TestPersistOverwritesWhatACrashLeft(t *testing.T) {
	w := newWorld(t, quick())
	p := w.persistWorker()
	w.write("/f", 10, AsyncThrough)
	p.until(func() bool { return len(p.done) == 1 })
	u, rel, _ := w.below("/f")
	if err := u.Rename(context.Background(), tempOf(w.mustStat("/f").ID), rel); err != nil {
		t.Fatal(err)
	}
	p.until(w.persisted("/f"))
	if info, err := u.Stat(context.Background(), rel); err != nil || fingerprintOf(info) != w.mustStat("/f").Fingerprint {
		t.Errorf("the tree does not know the object at the path: %v", err)
	}
}

// TestPersistDoesNotMoveTwice lets the look at the moved object fail.
func TestPersistDoesNotMoveTwice(t *testing.T) {
	w := newWorld(t, quick())
	p := w.persistWorker()
	w.write("/f", 10, AsyncThrough)
	_, rel, _ := w.below("/f")
	w.faults.set(func(op, path string) error {
		if op == "stat" && path == rel && w.inUFS("/f") {
			return errors.E(op, path, errors.Unavailable, fmt.Errorf("injected"))
		}
		return nil
	})
	p.until(func() bool { return w.faults.injected.Load() > 2 })
	w.faults.set(nil)
	p.until(w.persisted("/f"))
	if p.writes != 1 {
		t.Errorf("%d writes, want 1", p.writes)
	}
}

// TestPersistMovesToAnotherWorker loses the worker that was to write.
func TestPersistMovesToAnotherWorker(t *testing.T) {
	w := newWorld(t, quick("alluxio.master.worker.timeout", "200ms"))
	w.write("/f", 10, AsyncThrough)
	first := w.worker
	files := func(id blockmap.WorkerID) int {
		return len(w.term().WorkerHeartbeat(impatient, id, nil))
	}
	waitFor(t, func() bool { return files(first) == 1 })
	tm := w.term()
	second := tm.WorkerID(blockmap.Address{Host: "w2", RPCPort: 1})
	if err := tm.blocks.Register(second, blockmap.Registration{}, []blockmap.Held{{Blocks: []blockid.ID{w.mustStat("/f").Blocks[0].ID}}}); err != nil {
		t.Fatal(err)
	}
	if files(second) != 0 {
		t.Fatal("two workers write one file")
	}
	waitFor(t, func() bool {
		tm.blocks.Heartbeat(second, blockmap.Heartbeat{})
		tm.detectLostWorkers()
		return files(second) == 1
	})
	if files(first) != 0 {
		t.Error("the lost worker is still told to write")
	}
}

func TestPersistIsGivenUp(t *testing.T) {
	w := newWorld(t, quick("alluxio.master.persistence.max.total.wait.time", "150ms"))
	p := w.persistWorker()
	w.faults.on(errors.Permission, "rename")
	w.write("/f", 10, AsyncThrough)
	p.until(func() bool { return w.mustStat("/f").Persistence == inode.NotPersisted })
	if w.faults.injected.Load() == 0 {
		t.Error("no fault was injected")
	}
	w.faults.set(nil)
	if err := w.term().ScheduleAsyncPersistence(context.Background(), System, "/f", 0, trust); err != nil {
		t.Fatal(err)
	}
	p.until(w.persisted("/f"))
}

// TestPersistOfMany persists more files than are worked on at a time, with a
// UFS that fails one call in ten.
func TestPersistOfMany(t *testing.T) {
	w := newWorld(t, quick())
	p := w.persistWorker()
	const n = 250
	for i := range n {
		w.write(fmt.Sprintf("/d%d/f%d", i%7, i), i, AsyncThrough)
	}
	var calls atomic.Int64
	w.faults.set(func(op, path string) error {
		if calls.Add(1)%10 == 0 && op != "open" {
			return errors.E(op, path, errors.Unavailable, fmt.Errorf("injected"))
		}
		return nil
	})
	p.until(func() bool { return w.m.stats().ToPersist == 0 })
	w.faults.set(nil)
	if got := w.faults.injected.Load(); got < 20 {
		t.Errorf("only %d faults", got)
	}
	for i := range n {
		path := fmt.Sprintf("/d%d/f%d", i%7, i)
		if fi := w.mustStat(path); fi.Persistence != inode.Persisted || !w.inUFS(path) {
			t.Fatalf("%s is %v", path, fi.Persistence)
		}
	}
}

func TestSweepKeepsWhatIsNeeded(t *testing.T) {
	w := newWorld(t, map[string]string{"alluxio.master.persistence.scheduler.interval": "1h"})
	w.write("/wanted", 10, AsyncThrough)
	w.write("/done", 10, MustCache)
	tm := w.term()
	old, young := time.Now().Add(-25*time.Hour), time.Now()
	for _, c := range []struct {
		name    string
		at      time.Time
		garbage bool
	}{
		{fmt.Sprint(int64(w.mustStat("/wanted").ID)), old, false},
		{fmt.Sprint(int64(w.mustStat("/done").ID)), old, true},
		{fmt.Sprint(int64(w.mustStat("/done").ID)), young, false},
		{fmt.Sprint(int64(blockid.Container(1 << 30).File())), old, true},
		{fmt.Sprint(int64(blockid.Container(1 << 30).File())), time.Time{}, false},
		{"part.alluxio.0x1.tmp", old, false},
	} {
		if got := tm.isGarbage(ufs.Info{Path: persistDir + "/" + c.name, ModTime: c.at}); got != c.garbage {
			t.Errorf("%s of %v: garbage %v", c.name, c.at, got)
		}
	}
	u, _, _ := w.below("/")
	f, err := u.Create(context.Background(), persistDir+"/7", ufs.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	tm.sweepTemps(context.Background())
	if !exists(t, u, persistDir+"/7") {
		t.Error("a young object was swept")
	}
}
