package inode

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

func fileID(i int) blockid.FileID { return blockid.Container(i).File() }

func mustCreate(t testing.TB, tree *Tree, id, parent int, name string, kind Kind) {
	t.Helper()
	in := Inode{ID: fileID(id), Parent: fileID(parent), Name: name, Kind: kind, Owner: "al", Group: "staff", Mode: 0o644, CreatedMS: 1_700_000_000_000 + int64(id)}
	if kind == KindFile {
		in.BlockSize, in.Replication = 64<<20, DefaultReplication
	}
	if err := tree.Create(in); err != nil {
		t.Fatal(err)
	}
}

// fill makes files spread over directories of a hundred.
func fill(t testing.TB, tree *Tree, files int) {
	t.Helper()
	dir := 0
	for i := 1; i <= files; i++ {
		if i%101 == 1 {
			dir = i
			mustCreate(t, tree, i, 0, fmt.Sprintf("directory-%06d", i), KindDirectory)
			continue
		}
		mustCreate(t, tree, i, dir, fmt.Sprintf("part-%05d-of-100", i), KindFile)
	}
}

func TestWalk(t *testing.T) {
	tree := New(rootInode)
	mustCreate(t, tree, 1, 0, "d", KindDirectory)
	mustCreate(t, tree, 2, 1, "f", KindFile)
	for path, want := range map[string]string{
		"/":        "| ",
		"/d":       "|d ",
		"/d/f":     "|d|f ",
		"/x/y":     "| x y",
		"/d/x":     "|d x",
		"/d/f/x/y": "|d|f x y",
	} {
		found, missing := tree.Walk(path)
		var names []string
		for _, in := range found {
			names = append(names, in.Name)
		}
		if got := strings.Join(names, "|") + " " + strings.Join(missing, " "); strings.TrimLeft(got, "|") != strings.TrimLeft(want, "|") {
			t.Errorf("Walk(%s) = %q, want %q", path, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	tree := New(rootInode)
	mustCreate(t, tree, 1, 0, "d", KindDirectory)
	mustCreate(t, tree, 2, 1, "f", KindFile)
	for name, err := range map[string]error{
		"no name":          tree.Create(Inode{ID: fileID(3), Parent: fileID(1)}),
		"slash":            tree.Create(Inode{ID: fileID(3), Parent: fileID(1), Name: "a/b"}),
		"dots":             tree.Create(Inode{ID: fileID(3), Parent: fileID(1), Name: ".."}),
		"long name":        tree.Create(Inode{ID: fileID(3), Parent: fileID(1), Name: strings.Repeat("x", 4097)}),
		"long fingerprint": tree.Create(Inode{ID: fileID(3), Parent: fileID(1), Name: "x", Fingerprint: strings.Repeat("x", maxPrint+1)}),
		"block id":         tree.Create(Inode{ID: 5, Parent: fileID(1), Name: "x"}),
		"into itself":      tree.Rename(fileID(1), fileID(1), "x"),
		"root":             tree.Rename(fileID(0), fileID(1), "x"),
		"delete root":      tree.DeleteAll(fileID(0), nil),
		"fingerprint":      tree.Update(fileID(2), func(in *Inode) { in.Fingerprint = strings.Repeat("x", maxPrint+1) }),
		"no file id":       tree.ChangeID(fileID(2), 7),
	} {
		if !errors.Is(err, errors.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := tree.ChangeID(fileID(2), fileID(1)); !errors.Is(err, errors.Exists) {
		t.Errorf("an id that is taken: %v", err)
	}
	if err := tree.Touch(fileID(9), 1, 1); !errors.Is(err, errors.NotFound) {
		t.Errorf("Touch of nothing: %v", err)
	}
	if got := tree.Stats(); got.Files != 1 || got.Directories != 2 {
		t.Errorf("something changed: %+v", got)
	}
}

// TestBigDirectory pages through a directory whose names came in random order.
func TestBigDirectory(t *testing.T) {
	const n = 50_000
	tree := New(rootInode)
	for i, k := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		mustCreate(t, tree, i+1, 0, fmt.Sprintf("f%06d", k), KindFile)
	}
	next, last := 0, ""
	for {
		page := 0
		for in := range tree.Children(rootInode.ID, last) {
			if want := fmt.Sprintf("f%06d", next); in.Name != want {
				t.Fatalf("child %d is %s", next, in.Name)
			}
			next, last = next+1, in.Name
			if page++; page == 1000 {
				break
			}
		}
		if page < 1000 {
			break
		}
	}
	if next != n || tree.Root().ChildCount != n {
		t.Errorf("%d children listed, count %d", next, tree.Root().ChildCount)
	}
	var depth func(r ref) int
	depth = func(r ref) int {
		if r == 0 {
			return 0
		}
		return 1 + max(depth(tree.at(r).left), depth(tree.at(r).right))
	}
	if root, _ := tree.at(rootRef).children(); depth(root) > 60 {
		t.Errorf("the treap is %d deep", depth(root))
	}
}

// TestArenaIsEmptied deletes nine of ten files while others come, and expects
// the memory of the names back and the names that are left right.
func TestArenaIsEmptied(t *testing.T) {
	const n = 60_000
	name := func(i int) string { return fmt.Sprintf("%06d-%s", i, strings.Repeat("n", 200)) }
	tree := New(rootInode)
	for i := 1; i <= n; i++ {
		mustCreate(t, tree, i, 0, name(i), KindFile)
	}
	full := tree.text.capacity
	snap := tree.Snapshot()
	for i := 1; i <= n; i++ {
		if i%10 != 0 {
			if err := tree.Delete(fileID(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range n {
		mustCreate(t, tree, n+1, 0, "x", KindFile)
		if err := tree.Delete(fileID(n + 1)); err != nil {
			t.Fatal(i, err)
		}
	}
	if now := tree.text.capacity; now > full/2 && now > evacuateMin+chunkSize {
		t.Errorf("the arena has %d of %d bytes for a tenth of the names", now, full)
	}
	i := 0
	for in := range tree.Children(rootInode.ID, "") {
		if i += 10; in.Name != name(i) {
			t.Fatalf("child %q, want %q", in.Name, name(i))
		}
	}
	if restored := rewrite(t, snap); restored.Root().ChildCount != n {
		t.Errorf("the snapshot has %d children", restored.Root().ChildCount)
	} else if in, ok := restored.Lookup("/" + name(77)); !ok || in.ID != fileID(77) {
		t.Errorf("the snapshot lost a file")
	}
	snap.Release()
}

// TestSnapshotBesideWriter writes a snapshot while the tree changes and others
// read; run with -race.
func TestSnapshotBesideWriter(t *testing.T) {
	tree := New(rootInode)
	fill(t, tree, 20_000)
	var lock sync.RWMutex
	snap := tree.Snapshot()
	want := tree.Stats()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 20_001; i < 40_000; i++ {
			lock.Lock()
			mustCreate(t, tree, i, 0, fmt.Sprint(i), KindFile)
			_ = tree.Update(fileID(i-20_000), func(in *Inode) { in.Owner, in.Pinned = "bo", true })
			if i%3 == 0 {
				_ = tree.Delete(fileID(i - 20_000))
			}
			lock.Unlock()
		}
	})
	wg.Go(func() {
		for range 2000 {
			lock.RLock()
			tree.Lookup("/directory-000001/part-00002-of-100")
			lock.RUnlock()
		}
	})
	restored := rewrite(t, snap)
	wg.Wait()
	snap.Release()
	snap.Release()
	if got := restored.Stats(); got != want {
		t.Errorf("restored %+v, want %+v", got, want)
	}
	for _, in := range restored.Descendants(rootInode.ID) {
		if in.Owner != "al" || in.Pinned {
			t.Fatalf("the snapshot changed: %+v", in)
		}
	}
	if tree.sharedEpoch != 0 {
		t.Error("slabs are still shared")
	}
}

// TestDamageIsFound flips and cuts a snapshot at many places.
func TestDamageIsFound(t *testing.T) {
	tree := New(rootInode)
	fill(t, tree, 3000)
	in := Inode{ID: fileID(5000), Parent: fileID(0), Name: "rare", XAttr: map[string][]byte{"k": []byte("v")}, ACL: []ACLEntry{{ACLNamedUser, "bo", 7}}}
	if err := tree.Create(in); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if _, err := tree.Snapshot().WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	good := buf.Bytes()
	rnd := rand.New(rand.NewPCG(3, 4))
	faults := 0
	for range 2000 {
		bad := bytes.Clone(good)
		switch at := rnd.IntN(len(bad)); rnd.IntN(3) {
		case 0:
			bad[at] ^= 1 << rnd.IntN(8)
		case 1:
			bad = bad[:at]
		case 2:
			copy(bad[at:], bad[rnd.IntN(len(bad)):])
			if bytes.Equal(bad, good) {
				continue
			}
		}
		faults++
		if _, err := Restore(bytes.NewReader(bad)); !errors.Is(err, errors.Corrupt) && !errors.Is(err, errors.Unsupported) {
			t.Fatalf("damage was not found: %v", err)
		}
	}
	if faults < 1500 {
		t.Errorf("only %d faults", faults)
	}
	failing := errors.Errorf(errors.Unavailable, "disk gone")
	if _, err := Restore(io.MultiReader(bytes.NewReader(good[:1000]), &failingReader{failing})); !errors.Is(err, errors.Unavailable) {
		t.Errorf("an outage is read as %v", err)
	}
}

type failingReader struct{ err error }

func (r *failingReader) Read([]byte) (int, error) { return 0, r.err }

// FuzzRestore must neither crash nor hang, also when the checksums are right.
func FuzzRestore(f *testing.F) {
	tree := New(rootInode)
	fill(f, tree, 20)
	_ = tree.Update(fileID(2), func(in *Inode) { in.XAttr = map[string][]byte{"k": nil}; in.TTL = TTL{Set: true, Millis: 5} })
	var buf bytes.Buffer
	if _, err := tree.Snapshot().WriteTo(&buf); err != nil {
		f.Fatal(err)
	}
	sr := &sectionReader{r: &buf}
	var parts [][]byte
	for _, kind := range []byte{sectionHeader, sectionSlab, sectionTrailer} {
		if err := sr.next(kind); err != nil {
			f.Fatal(err)
		}
		parts = append(parts, bytes.Clone(sr.rest))
	}
	f.Add(parts[0], parts[1], parts[2])
	f.Fuzz(func(t *testing.T, header, slab, trailer []byte) {
		var image bytes.Buffer
		sw := &sectionWriter{w: &image}
		for i, part := range [][]byte{header, slab, trailer} {
			sw.buf = append(sw.payload(), part...)
			sw.flush([]byte{sectionHeader, sectionSlab, sectionTrailer}[i])
		}
		tree, err := Restore(&image)
		if err != nil {
			return
		}
		n := int64(1)
		for path, in := range tree.Descendants(tree.Root().ID) {
			if got, ok := tree.Lookup("/" + path); !ok || got.ID != in.ID {
				t.Fatalf("%q is listed but not found", path)
			}
			n++
		}
		if s := tree.Stats(); s.Files+s.Directories != n {
			t.Fatalf("%d inodes are reachable of %+v", n, s)
		}
	})
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// TestBytesPerInode holds the tree to its budget.
func TestBytesPerInode(t *testing.T) {
	const n = 400_000
	before := heap()
	tree := New(rootInode)
	fill(t, tree, n)
	perInode := (heap() - before) / n
	t.Logf("%d bytes an inode", perInode)
	if perInode > 105 {
		t.Errorf("an inode takes %d bytes, more than 105", perInode)
	}
	runtime.KeepAlive(tree)
}

func BenchmarkCreate(b *testing.B) {
	tree := New(rootInode)
	before := heap()
	b.ResetTimer()
	fill(b, tree, b.N)
	b.StopTimer()
	b.ReportMetric(float64(heap()-before)/float64(b.N), "B/inode")
	runtime.KeepAlive(tree)
}

func BenchmarkCreateInOneDirectory(b *testing.B) {
	tree := New(rootInode)
	for i := 1; i <= b.N; i++ {
		mustCreate(b, tree, i, 0, fmt.Sprintf("f%d", i), KindFile)
	}
}

func million(b *testing.B) *Tree {
	tree := New(rootInode)
	fill(b, tree, 1_000_000)
	b.ResetTimer()
	return tree
}

func BenchmarkLookup(b *testing.B) {
	tree := million(b)
	for i := 0; b.Loop(); i++ {
		id := i * 7919 % 1_000_000
		if _, ok := tree.Get(fileID(id)); !ok {
			b.Fatal(id)
		}
		tree.Child(fileID(id-id%101+1), "part-00002-of-100")
	}
}

func BenchmarkSnapshotMillion(b *testing.B) {
	tree := million(b)
	for b.Loop() {
		s := tree.Snapshot()
		n, err := s.WriteTo(io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		s.Release()
		b.SetBytes(n)
	}
}

func BenchmarkRestoreMillion(b *testing.B) {
	tree := million(b)
	var buf bytes.Buffer
	if _, err := tree.Snapshot().WriteTo(&buf); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(buf.Len()))
	for b.Loop() {
		if _, err := Restore(bytes.NewReader(buf.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
