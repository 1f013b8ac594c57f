package master

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/local"
	"github.com/alluxio-go/alluxio/ufs/mem"
	"github.com/alluxio-go/alluxio/ufs/object"
)

// world is a master over a journal in memory, with stores that the test holds.
type world struct {
	tb     testing.TB
	m      *Master
	mem    *journal.Mem
	conf   *config.Config
	faults *faults
	stores sync.Map // uri → *mem.Store
	cancel context.CancelFunc
	ended  chan error
	worker blockmap.WorkerID
}

// rootURI is the root mount of most tests: an object store in memory.
const rootURI = "mem://base"

// newWorld starts a master. Properties come over the tests' own.
func newWorld(tb testing.TB, properties map[string]string) *world {
	tb.Helper()
	props := map[string]string{
		"alluxio.master.mount.table.root.ufs":             rootURI,
		"alluxio.user.block.size.bytes.default":           "1KB",
		"alluxio.master.worker.connect.wait.time":         "0",
		"alluxio.work.dir":                                tb.TempDir(),
		"alluxio.security.login.username":                 "root",
		"alluxio.master.hostname":                         "localhost",
		"alluxio.security.authorization.permission.umask": "022",
	}
	maps.Copy(props, properties)
	conf, err := config.FromMap(config.Master, props)
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{tb: tb, conf: conf, faults: newFaults()}
	w.start()
	tb.Cleanup(w.stop)
	return w
}

func (w *world) registry() ufs.Registry {
	return ufs.Registry{
		"mem": func(_ context.Context, uri string, _ ufs.Options) (ufs.UFS, error) {
			if err := w.faults.check("open", uri); err != nil {
				return nil, err
			}
			s, _ := w.stores.LoadOrStore(uri, mem.NewStore(mem.StoreOptions{}))
			return &faultyUFS{object.New(s.(*mem.Store), object.Options{URI: uri}), w.faults}, nil
		},
		"file": func(ctx context.Context, uri string, o ufs.Options) (ufs.UFS, error) {
			u, err := local.Open(ctx, uri, o)
			if err != nil {
				return nil, err
			}
			return &faultyUFS{u, w.faults}, nil
		},
	}
}

func (w *world) start() {
	w.tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.tb.Fatal(err)
	}
	opts := Options{UFS: w.registry(), Listener: l, Logger: slog.New(slog.NewTextHandler(testWriter{w.tb}, nil)),
		Journal: func(o journal.Options) (Journal, error) {
			w.mem = journal.NewMem(o)
			return memJournal{w.mem}, nil
		}}
	if w.m, err = New(w.conf, opts); err != nil {
		w.tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel, w.ended = cancel, make(chan error, 1)
	go func() { w.ended <- w.m.Run(ctx) }()
	select {
	case <-w.m.Ready():
	case err := <-w.ended:
		w.tb.Fatalf("the master ended: %v", err)
	case <-time.After(10 * time.Second):
		w.tb.Fatal("the master does not lead")
	}
	w.addWorker()
}

func (w *world) stop() {
	if w.cancel == nil {
		return
	}
	w.cancel()
	if err := <-w.ended; err != nil {
		w.tb.Errorf("Run: %v", err)
	}
	w.cancel = nil
}

// term is the current term.
func (w *world) term() *term {
	w.tb.Helper()
	t, err := w.m.leading()
	if err != nil {
		w.tb.Fatal(err)
	}
	return t
}

// addWorker registers a worker of one terabyte.
func (w *world) addWorker() {
	w.tb.Helper()
	t := w.term()
	w.worker = t.WorkerID(blockmap.Address{Host: "w1", RPCPort: 29999, Locality: []blockmap.LocalityTier{{Name: "node", Value: "w1", HasValue: true}}})
	t.leases.request(w.worker)
	err := t.Register(w.worker, blockmap.Registration{Tiers: []string{"MEM"}, Capacity: map[string]int64{"MEM": 1 << 40}}, nil, nil)
	if err != nil {
		w.tb.Fatal(err)
	}
}

// failover ends the term and begins another, with the state restored from a
// snapshot, as another master would have it.
func (w *world) failover() {
	w.tb.Helper()
	old := w.m.term.Load()
	w.mem.Demote()
	waitFor(w.tb, func() bool { return w.m.term.Load() == nil })
	before := snapshotBytes(w.tb, w.m.state)
	if err := w.mem.Checkpoint(context.Background()); err != nil {
		w.tb.Fatal(err)
	}
	if err := w.mem.Reload(); err != nil {
		w.tb.Fatal(err)
	}
	if !bytes.Equal(before, snapshotBytes(w.tb, w.m.state)) {
		w.tb.Fatal("the state differs from the snapshot that it was restored from")
	}
	w.mem.Elect()
	waitFor(w.tb, func() bool { t := w.m.term.Load(); return t != nil && t != old })
	w.addWorker()
}

func snapshotBytes(tb testing.TB, s *state) []byte {
	tb.Helper()
	snap, err := s.Snapshot()
	if err != nil {
		tb.Fatal(err)
	}
	defer snap.Release()
	var b bytes.Buffer
	if err := snap.Write(&b); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func waitFor(tb testing.TB, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("it does not happen")
		}
	}
}

var (
	trust    = CommonOptions{SyncIntervalMS: NeverSync}
	compare  = CommonOptions{SyncIntervalMS: 0}
	bob      = Caller{User: "bob"}
	loadOnce = StatusOptions{CommonOptions: trust, Load: LoadOnce}
)

// write makes a complete file of n bytes, as a client and worker do.
func (w *world) write(path string, n int, wt WriteType) {
	w.tb.Helper()
	if err := w.tryWrite(path, n, wt); err != nil {
		w.tb.Fatalf("write %s: %v", path, err)
	}
}

func (w *world) tryWrite(path string, n int, wt WriteType) error {
	t, ctx := w.term(), context.Background()
	_, err := t.CreateFile(ctx, System, path, CreateOptions{CommonOptions: trust, Recursive: true, WriteType: wt,
		BlockSize: 1024, Replication: inode.DefaultReplication})
	if err != nil {
		return err
	}
	if wt != Through {
		for left := n; left > 0; left -= 1024 {
			id, err := t.NewBlockID(ctx, System, path, CommonOptions{})
			if err != nil {
				return err
			}
			if err := t.CommitBlock(ctx, w.worker, id, int64(min(left, 1024)), blockmap.Placement{Tier: "MEM", Medium: "MEM"}, -1); err != nil {
				return err
			}
		}
	}
	o := CompleteOptions{CommonOptions: trust, Async: wt == AsyncThrough}
	if wt.through() {
		if err := w.tryPut(path, strings.Repeat("x", n)); err != nil {
			return err
		}
		o.UFSLength = ptr(int64(n))
	}
	return t.CompleteFile(ctx, System, path, o)
}

// put writes a file into the UFS below a path, behind the master's back.
func (w *world) put(path, content string) {
	w.tb.Helper()
	if err := w.tryPut(path, content); err != nil {
		w.tb.Fatalf("put %s: %v", path, err)
	}
}

func (w *world) tryPut(path, content string) error {
	ctx := context.Background()
	u, rel, err := w.below(path)
	if err != nil {
		return err
	}
	f, err := u.Create(ctx, rel, ufs.CreateOptions{})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, content); err != nil {
		return err
	}
	_, err = f.Commit(ctx)
	return err
}

// below is the store below a path, without faults.
func (w *world) below(path string) (ufs.UFS, string, error) {
	t := w.term()
	loc := t.locate(path)
	u, err := t.stores.get(context.Background(), loc.Point)
	if err != nil {
		return nil, "", err
	}
	return u.(*faultyUFS).UFS, loc.Rel, nil
}

// remove deletes a file from the UFS behind the master's back.
func (w *world) remove(path string) {
	w.tb.Helper()
	u, rel, err := w.below(path)
	if err == nil {
		err = u.Delete(context.Background(), rel)
	}
	if err != nil {
		w.tb.Fatal(err)
	}
}

// inUFS reports whether the UFS has the path.
func (w *world) inUFS(path string) bool {
	w.tb.Helper()
	u, rel, err := w.below(path)
	if err == nil {
		_, err = u.Stat(context.Background(), rel)
	}
	if err != nil && !errors.Is(err, errors.NotFound) {
		w.tb.Fatal(err)
	}
	return err == nil
}

func (w *world) mkdir(path string, wt WriteType) {
	w.tb.Helper()
	if err := w.term().CreateDirectory(context.Background(), System, path, CreateOptions{CommonOptions: trust, Recursive: true, WriteType: wt}); err != nil {
		w.tb.Fatal(err)
	}
}

func (w *world) stat(path string) (FileInfo, error) {
	return w.term().GetStatus(context.Background(), System, path, loadOnce)
}

func (w *world) mustStat(path string) FileInfo {
	w.tb.Helper()
	fi, err := w.stat(path)
	if err != nil {
		w.tb.Fatalf("stat %s: %v", path, err)
	}
	return fi
}

// list are the paths of a listing.
func (w *world) list(path string, o ListOptions) []string {
	w.tb.Helper()
	var out []string
	err := w.term().ListStatus(context.Background(), System, path, o, func(infos []FileInfo) error {
		for _, i := range infos {
			out = append(out, i.Path)
		}
		return nil
	})
	if err != nil {
		w.tb.Fatalf("list %s: %v", path, err)
	}
	return out
}

func wantPaths(tb testing.TB, got []string, want ...string) {
	tb.Helper()
	if !slices.Equal(got, want) {
		tb.Errorf("got %v, want %v", got, want)
	}
}

func wantError(tb testing.TB, err error, kind errors.Kind, text string) {
	tb.Helper()
	if err == nil || errors.KindOf(err) != kind || !strings.Contains(err.Error(), text) {
		tb.Errorf("got %v (%v), want %v with %q", err, errors.KindOf(err), kind, text)
	}
}

// faults makes calls of stores fail.
type faults struct {
	mu struct {
		sync.Mutex
		when func(op, path string) error
		gone chan struct{}
	}
	injected atomic.Int64
	calls    atomic.Int64
}

func newFaults() *faults { return &faults{} }

// reached stops the next call of the operation; the channel is closed when it
// is there. release lets it go on.
func (f *faults) reached(op string) <-chan struct{} {
	there, gone := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.gone = gone
	f.mu.when = func(o, _ string) error {
		if o == op {
			once.Do(func() { close(there); <-gone })
		}
		return nil
	}
	return there
}

func (f *faults) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.when = nil
	close(f.mu.gone)
}

// set makes calls fail for which when says so; nil ends it.
func (f *faults) set(when func(op, path string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.when = when
}

// on makes all calls of the operations fail with a kind.
func (f *faults) on(kind errors.Kind, ops ...string) {
	f.set(func(op, path string) error {
		if slices.Contains(ops, op) || len(ops) == 0 {
			return errors.E("fault "+op, path, kind, fmt.Errorf("injected"))
		}
		return nil
	})
}

func (f *faults) check(op, path string) error {
	f.calls.Add(1)
	f.mu.Lock()
	when := f.mu.when
	f.mu.Unlock()
	if when == nil {
		return nil
	}
	err := when(op, path)
	if err != nil {
		f.injected.Add(1)
	}
	return err
}

// faultyUFS is a store whose calls may fail before they have an effect.
type faultyUFS struct {
	ufs.UFS
	f *faults
}

func (u *faultyUFS) Stat(ctx context.Context, path string) (ufs.Info, error) {
	if err := u.f.check("stat", path); err != nil {
		return ufs.Info{}, err
	}
	return u.UFS.Stat(ctx, path)
}

func (u *faultyUFS) List(ctx context.Context, dir string, o ufs.ListOptions) iter.Seq2[ufs.Info, error] {
	return func(yield func(ufs.Info, error) bool) {
		if err := u.f.check("list", dir); err != nil {
			yield(ufs.Info{}, err)
			return
		}
		n := 0
		for info, err := range u.UFS.List(ctx, dir, o) {
			if n++; n%3 == 0 {
				if err := u.f.check("next", dir); err != nil {
					yield(ufs.Info{}, err)
					return
				}
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

func (u *faultyUFS) Delete(ctx context.Context, path string) error {
	if err := u.f.check("delete", path); err != nil {
		return err
	}
	return u.UFS.Delete(ctx, path)
}

func (u *faultyUFS) Mkdir(ctx context.Context, path string, o ufs.MkdirOptions) error {
	if err := u.f.check("mkdir", path); err != nil {
		return err
	}
	return u.UFS.Mkdir(ctx, path, o)
}

func (u *faultyUFS) Rename(ctx context.Context, src, dst string) error {
	if err := u.f.check("rename", src); err != nil {
		return err
	}
	return u.UFS.Rename(ctx, src, dst)
}

func (u *faultyUFS) DeleteDir(ctx context.Context, path string) error {
	if err := u.f.check("deletedir", path); err != nil {
		return err
	}
	d, _ := ufs.As[ufs.DirDeleter](u.UFS)
	return d.DeleteDir(ctx, path)
}

func (u *faultyUFS) RenameDir(ctx context.Context, src, dst string) error {
	if err := u.f.check("renamedir", src); err != nil {
		return err
	}
	d, _ := ufs.As[ufs.DirRenamer](u.UFS)
	return d.RenameDir(ctx, src, dst)
}

func (u *faultyUFS) Unwrap() ufs.UFS { return u.UFS }

// testWriter sends the log to the test's.
type testWriter struct{ tb testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.tb.Logf("%s", bytes.TrimRight(b, "\n"))
	return len(b), nil
}

func place(tier string) blockmap.Placement { return blockmap.Placement{Tier: tier, Medium: tier} }

// memJournal is a journal in memory of a single master.
type memJournal struct{ *journal.Mem }

func (memJournal) TransferLeadership(context.Context, string) error {
	return errors.Errorf(errors.FailedPrecondition, "there is nobody to lead instead")
}
