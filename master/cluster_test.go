package master

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/local"
)

// TestConcurrentOperations lets many callers work on the same few paths, with a
// store that fails now and then: no record may be one that cannot be applied,
// and in the end the tree must be what the UFS has.
func TestConcurrentOperations(t *testing.T) {
	w := newWorld(t, nil)
	w.faults.set(func(op, path string) error {
		if rand.IntN(20) == 0 {
			return errors.E("fault "+op, path, errors.Unavailable, nil)
		}
		return nil
	})
	ctx := context.Background()
	var done [errors.Internal + 1]atomic.Int64 // operations by the kind of their error
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 3))
			path := func() string {
				p := ""
				for range 1 + rnd.IntN(3) {
					p += "/" + string(rune('a'+rnd.IntN(3)))
				}
				return p
			}
			for range 500 {
				err := w.anyOperation(ctx, rnd, path)
				done[errors.KindOf(err)].Add(1)
				if errors.Is(err, errors.Internal) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.faults.set(nil)
	waitFor(t, func() bool {
		w.term().finishIntents(ctx)
		w.m.state.mu.RLock()
		defer w.m.state.mu.RUnlock()
		return len(w.m.state.mu.intents) == 0
	})
	w.term().tasks.Wait()
	if err := w.term().sync(ctx, "/", inode.TTL{}, depthAll); err != nil {
		t.Fatal(err)
	}
	w.wantTreeLikeUFS()
	if n := w.faults.injected.Load(); n < 10 {
		t.Errorf("only %d faults", n)
	}
	if n := done[errors.Other].Load(); n < 100 {
		t.Errorf("only %d operations succeeded", n)
	}
	if held := w.term().latches.holders(); len(held) > 0 {
		t.Errorf("latches left: %v", held)
	}
}

func (w *world) anyOperation(ctx context.Context, rnd *rand.Rand, path func() string) error {
	switch rnd.IntN(8) {
	case 0:
		return w.tryWrite(path(), rnd.IntN(2000), CacheThrough)
	case 1:
		return w.tryWrite(path(), rnd.IntN(2000), MustCache)
	case 2:
		return w.delete(path(), DeleteOptions{Recursive: true})
	case 3:
		return w.rename(path(), path())
	case 4:
		return w.term().CreateDirectory(ctx, System, path(), CreateOptions{CommonOptions: trust, Recursive: true, WriteType: CacheThrough})
	case 5:
		return w.term().ListStatus(ctx, System, path(), listAll, func([]FileInfo) error { return nil })
	case 6:
		return w.term().SetAttribute(ctx, System, path(), AttributeOptions{CommonOptions: trust, Recursive: true, TTLMillis: ptr(int64(1 << 40))})
	}
	_, err := w.stat(path())
	return err
}

// wantTreeLikeUFS compares what the tree calls persisted with the UFS. Writers
// whose file was deleted or renamed meanwhile have put theirs where the tree has
// something unpersisted or incomplete; what is there does not count.
func (w *world) wantTreeLikeUFS() {
	w.tb.Helper()
	unclear := w.unclear()
	tree, below := w.lines(), w.ufsLines()
	drop := func(l string) bool {
		path, _, _ := strings.Cut(l, " ")
		return strings.HasSuffix(l, "persisted=false") ||
			slices.ContainsFunc(unclear, func(p string) bool { return fspath.Within(p, path) })
	}
	tree, below = slices.DeleteFunc(tree, drop), slices.DeleteFunc(below, drop)
	if !slices.Equal(tree, below) {
		w.tb.Errorf("the tree has\n%s\nthe UFS has\n%s", strings.Join(tree, "\n"), strings.Join(below, "\n"))
	}
}

// unclear are the inodes that the UFS does not have, or has something else for.
func (w *world) unclear() []string {
	var out []string
	w.m.state.mu.RLock()
	defer w.m.state.mu.RUnlock()
	for rel, in := range w.m.state.mu.tree.Descendants(rootContainer.File()) {
		if !inUFS(in) {
			out = append(out, "/"+rel)
		}
	}
	return out
}

// testNode is a master over a journal on disk.
type testNode struct {
	m      *Master
	cancel context.CancelFunc
	ended  chan error
}

func startNode(t *testing.T, props map[string]string, jl net.Listener) *testNode {
	t.Helper()
	conf, err := config.FromMap(config.Master, props)
	if err != nil {
		t.Fatal(err)
	}
	if err := Format(conf, false); err != nil && !errors.Is(err, errors.Exists) {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(conf, Options{UFS: ufs.Registry{"file": local.Open}, Listener: l, JournalListener: jl,
		ElectionTimeout: 50 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(testWriter{t}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &testNode{m: m, cancel: cancel, ended: make(chan error, 1)}
	go func() { n.ended <- m.Run(ctx) }()
	return n
}

func (n *testNode) stop(t *testing.T) {
	t.Helper()
	n.cancel()
	if err := <-n.ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestRestart: everything acknowledged is there after a start over the same
// journal, and the cluster is the same.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	props := map[string]string{"alluxio.work.dir": dir, "alluxio.master.mount.table.root.ufs": dir + "/ufs", "alluxio.master.hostname": "localhost"}
	n := startNode(t, props, nil)
	<-n.m.Ready()
	ctx := context.Background()
	for i := range 10 {
		if err := n.m.term.Load().CreateDirectory(ctx, System, fmt.Sprintf("/d%d/e", i), CreateOptions{CommonOptions: trust, Recursive: true, WriteType: CacheThrough}); err != nil {
			t.Fatal(err)
		}
	}
	before, cluster := snapshotBytes(t, n.m.state), n.m.Info().ClusterID
	n.stop(t)

	n = startNode(t, props, nil)
	<-n.m.Ready()
	if i := n.m.Info(); i.ClusterID != cluster || cluster == "" || !i.Leading {
		t.Errorf("%+v, was cluster %s", i, cluster)
	}
	if len(snapshotBytes(t, n.m.state)) != len(before) || n.m.PathCount() != 21 {
		t.Errorf("%d paths", n.m.PathCount())
	}
	in, _ := n.m.term.Load().inode(rootContainer.File())
	id := n.m.term.Load().allocate()
	if _, taken := n.m.term.Load().inode(id); taken || in.Owner == "" {
		t.Errorf("id %d is taken: %v; owner %q", id, taken, in.Owner)
	}
	n.stop(t)

	props["alluxio.master.mount.table.root.ufs"] = dir + "/other"
	n = startNode(t, props, nil)
	wantError(t, <-n.ended, errors.FailedPrecondition, "The root under file system has changed")
	n.cancel()
}

func TestUnformatted(t *testing.T) {
	dir := t.TempDir()
	conf, err := config.FromMap(config.Master, map[string]string{"alluxio.work.dir": dir, "alluxio.master.mount.table.root.ufs": dir + "/ufs"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(conf, Options{UFS: ufs.Registry{"file": local.Open}}); err == nil || !strings.Contains(err.Error(), "format") {
		t.Errorf("%v", err)
	}
}

// TestThreeMasters loses the leader of three and finds its work on the next.
func TestThreeMasters(t *testing.T) {
	dir := t.TempDir()
	var listeners []net.Listener
	var addresses []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
		addresses = append(addresses, net.JoinHostPort("localhost", strconv.Itoa(l.Addr().(*net.TCPAddr).Port)))
	}
	nodes := make(map[int]*testNode)
	for i, l := range listeners {
		nodes[i] = startNode(t, map[string]string{
			"alluxio.work.dir":                                 fmt.Sprint(dir, "/", i),
			"alluxio.master.mount.table.root.ufs":              dir + "/ufs",
			"alluxio.master.hostname":                          "localhost",
			"alluxio.master.embedded.journal.addresses":        strings.Join(addresses, ","),
			"alluxio.master.embedded.journal.port":             strconv.Itoa(l.Addr().(*net.TCPAddr).Port),
			"alluxio.master.journal.checkpoint.period.entries": "100",
		}, l)
	}
	leader := func() (int, *term) {
		for i, n := range nodes {
			if tm := n.m.term.Load(); tm != nil {
				return i, tm
			}
		}
		return -1, nil
	}
	made := 0
	for len(nodes) > 1 {
		waitFor(t, func() bool { _, tm := leader(); return tm != nil })
		i, tm := leader()
		for p := range made { // what earlier leaders have acknowledged
			if n := tm.look(fmt.Sprintf("/d%d", p)); !n.exists() {
				t.Fatalf("/d%d is lost", p)
			}
		}
		for range 20 {
			o := CreateOptions{CommonOptions: CommonOptions{SyncIntervalMS: NeverSync, op: opID{1, uint64(made)}}, WriteType: MustCache}
			if err := tm.CreateDirectory(context.Background(), System, fmt.Sprintf("/d%d", made), o); err != nil {
				t.Fatal(err)
			}
			made++
		}
		nodes[i].stop(t)
		delete(nodes, i)
		if len(nodes) == 1 { // no quorum is left
			for _, n := range nodes {
				n.stop(t)
			}
			break
		}
	}
	if made != 40 {
		t.Errorf("%d directories made", made)
	}
}
