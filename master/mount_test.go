package master

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs/mem"
)

func (w *world) mount(path, uri string, o MountOptions) error {
	o.CommonOptions = trust
	return w.term().Mount(context.Background(), System, path, uri, o)
}

func TestMount(t *testing.T) {
	w := newWorld(t, nil)
	w.stores.Store("mem://other/dir", mem.NewStore(mem.StoreOptions{}))
	w.mkdir("/exists", MustCache)
	w.write("/file", 1, MustCache)
	w.put("/below", "hidden by nothing")
	for _, c := range []struct {
		path, uri string
		kind      errors.Kind
		text      string
	}{
		{"/exists", "mem://x", errors.Invalid, "Mount point target path /exists already exists in Alluxio namespace. Try mounting to another path."},
		{"/", "mem://x", errors.Invalid, "already exists"},
		{"/no/parent", "mem://x", errors.Invalid, "has no parent directory"},
		{"/file/m", "mem://x", errors.Invalid, "Component file is not a directory"},
		{"/m", "mem://base/sub", errors.Invalid, "is a prefix of"},
		{"/m", "what://x", errors.Invalid, "scheme"},
		{"/below", "mem://x", errors.Invalid, "Mount path /below shadows an existing path mem://base/below in the parent underlying filesystem"},
	} {
		wantError(t, w.mount(c.path, c.uri, MountOptions{}), c.kind, c.text)
	}
	if err := w.mount("/m", "mem://other/dir/", MountOptions{Shared: true, Properties: map[string]string{"fs.kodo.secretkey": "hush"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.mount("/m/nested", "mem://third", MountOptions{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	m := w.mustStat("/m")
	if !m.MountPoint || m.Mode != 0o777 || m.UFSPath != "mem://other/dir" {
		t.Errorf("%+v", m)
	}
	w.write("/m/f", 10, CacheThrough)
	if fi := w.mustStat("/m/f"); fi.UFSPath != "mem://other/dir/f" || fi.MountID == 1 {
		t.Errorf("%+v", fi)
	}
	readOnly := "A write operation on /m/nested/f under a readonly mount point /m/nested is not allowed"
	wantError(t, w.tryWrite("/m/nested/f", 1, MustCache), errors.Permission, readOnly)
	w.put("/m/nested/g", "1")
	wantError(t, w.delete("/m/nested/g", DeleteOptions{}), errors.Permission, "readonly")
	wantError(t, w.rename("/m/nested/g", "/m/nested/h"), errors.Permission, "readonly")
	wantError(t, w.rename("/m/f", "/f2"), errors.Invalid, "Renaming /m/f to /f2 is a cross mount operation")
	wantError(t, w.rename("/m", "/m2"), errors.Invalid, "mount point")
	wantError(t, w.rename("/exists", "/m"), errors.Invalid, "/m is a mount point and cannot be renamed onto")
	wantError(t, w.delete("/m", DeleteOptions{Recursive: true}), errors.Permission, "without --deleteMountPoint/-m option specified")

	for _, i := range w.term().MountTable(context.Background(), true) {
		if i.Path == "/m" && (i.UFSType != "mem" || !i.Shared || i.Options["fs.kodo.secretkey"] == "hush") {
			t.Errorf("%+v", i)
		}
	}
	if p, err := w.term().UFSInfo(w.mustStat("/m/f").MountID); err != nil || p.Options["fs.kodo.secretkey"] != "hush" {
		t.Errorf("workers get %v, %v", p, err)
	}
	if path, err := w.term().ReverseResolve("mem://other/dir/x"); err != nil || path != "/m/x" {
		t.Errorf("%s, %v", path, err)
	}
	w.failover()
	w.mustStat("/m/f")
	unmount := func(path string) error { return w.term().Unmount(context.Background(), System, path) }
	wantError(t, unmount("/m"), errors.Invalid, "Unmount /m/nested below it first")
	wantError(t, unmount("/exists"), errors.Invalid, "Please ensure the path is an existing mount point")
	wantError(t, unmount("/"), errors.Invalid, "not root")
	wantError(t, unmount("/none"), errors.NotFound, "Path /none does not exist")
	for _, p := range []string{"/m/nested", "/m"} {
		if err := unmount(p); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.stat("/m")
	wantError(t, err, errors.NotFound, "/m")
	if err := w.mount("/m", "mem://other/dir", MountOptions{}); err != nil {
		t.Fatal(err)
	}
	w.mustStat("/m/f")
	if err := w.delete("/m", DeleteOptions{Recursive: true, MountPoints: true}); err != nil {
		t.Fatal(err)
	}
	if s, _ := w.stores.Load("mem://other/dir"); s == nil {
		t.Fatal("no store")
	} else if _, err := s.(*mem.Store).Head(context.Background(), "f"); err != nil {
		t.Errorf("unmounting deleted the data: %v", err)
	}
}

func TestUpdateMount(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.mount("/m", "mem://o", MountOptions{}); err != nil {
		t.Fatal(err)
	}
	w.write("/m/f", 1, CacheThrough)
	before := w.mustStat("/m/f").MountID
	if err := w.term().UpdateMount(context.Background(), System, "/m", MountOptions{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	if after := w.mustStat("/m/f").MountID; after == before {
		t.Error("a changed mount keeps its id")
	}
	wantError(t, w.tryWrite("/m/g", 1, MustCache), errors.Permission, "readonly")
	wantError(t, w.term().UpdateMount(context.Background(), System, "/x", MountOptions{}), errors.NotFound, "/x")
}

func TestUFSMode(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/f", 1, CacheThrough)
	if err := w.term().UpdateUFSMode(System, "mem://base/", ufsReadOnly); err != nil {
		t.Fatal(err)
	}
	wantError(t, w.delete("/f", DeleteOptions{}), errors.Permission, "Operation WRITE not allowed on ufs path mem://base/f under maintenance mode READ_ONLY")
	for _, wt := range []WriteType{CacheThrough, Through, AsyncThrough} {
		wantError(t, w.tryWrite("/new", 1, wt), errors.Permission, "Operation WRITE not allowed on ufs path mem://base/new under maintenance mode READ_ONLY")
	}
	w.write("/cached", 1, MustCache) // changes nothing in the store
	wantError(t, w.term().UpdateUFSMode(System, "mem://unknown/", ufsReadOnly), errors.Invalid, "mem://unknown/")
	w.failover()
	wantError(t, w.delete("/f", DeleteOptions{}), errors.Permission, "READ_ONLY")
	if err := w.term().UpdateUFSMode(System, "mem://base/", ufsReadWrite); err != nil {
		t.Fatal(err)
	}
	if err := w.delete("/f", DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// TestChangedRoot: a journal is only served over the root that it was made for.
func TestChangedRoot(t *testing.T) {
	w := newWorld(t, nil)
	conf, err := w.conf.With(5, map[string]string{"alluxio.master.mount.table.root.ufs": "mem://elsewhere"})
	if err != nil {
		t.Fatal(err)
	}
	err = w.term().begin(context.Background(), conf)
	if err != nil {
		t.Errorf("the same root is refused: %v", err)
	}
	w.m.state.root.UFS = "mem://elsewhere"
	err = w.term().begin(context.Background(), conf)
	wantError(t, err, errors.FailedPrecondition, "was made for mem://base")
	if !strings.Contains(err.Error(), "alluxio format") {
		t.Errorf("no instruction: %v", err)
	}
}

// TestSilentRoot: a root that does not answer at the start does not keep the
// master from serving what it knows; one that refuses does.
func TestSilentRoot(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/f", 1, MustCache)
	again := func() error {
		tm := w.m.newTerm(context.Background(), w.mem)
		defer tm.stores.closeAll()
		return tm.begin(context.Background(), w.conf)
	}
	w.faults.on(errors.Unavailable, "open")
	if err := again(); err != nil {
		t.Errorf("an outage: %v", err)
	}
	w.faults.on(errors.Permission, "open")
	wantError(t, again(), errors.Permission, "The root under file system mem://base (alluxio.master.mount.table.root.ufs) cannot be used")
	if w.faults.injected.Load() != 2 {
		t.Errorf("%d faults", w.faults.injected.Load())
	}
}

// TestBeginPatiently: a journal that cannot be written delays the first term and
// does not end the master.
func TestBeginPatiently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{tb: t, faults: newFaults()}
		st := emptyState(t)
		full := errors.Errorf(errors.NoSpace, "the disk is full")
		p := &flakyProposer{st: st, err: full, left: 3}
		m := &Master{state: st, opts: Options{UFS: w.registry()}, conf: emptyConfig(t), log: slog.New(slog.DiscardHandler), metrics: newMetrics(nil), now: time.Now,
			set: &settings{}, groups: newGroups(time.Minute, time.Now)}
		tm := m.newTerm(t.Context(), p)
		if err := tm.beginPatiently(t.Context(), m.conf); err != nil || p.left != 0 || st.mu.cluster == nil {
			t.Errorf("%v, %d refusals left, cluster %v", err, p.left, st.mu.cluster)
		}
		tm.stores.closeAll()
	})
}

// flakyProposer applies records after it has refused some.
type flakyProposer struct {
	st   *state
	err  error
	left int
}

func (p *flakyProposer) Propose(_ context.Context, record []byte) (any, uint64, error) {
	if p.left > 0 {
		p.left--
		return nil, 0, p.err
	}
	return p.st.Apply(record), 1, nil
}

func emptyConfig(t *testing.T) *config.Config {
	t.Helper()
	conf, err := config.FromMap(config.Master, map[string]string{"alluxio.master.mount.table.root.ufs": rootURI})
	if err != nil {
		t.Fatal(err)
	}
	return conf
}
