package store

import (
	"bytes"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// late returns opts with which no folder is scanned before the store runs.
func late(opts Options) Options {
	opts.inlineFolder = 1
	return opts
}

// TestServesBeforeTheScan: blocks are found, written and removed while nothing has
// been scanned yet, and the scan respects all of that.
func TestServesBeforeTheScan(t *testing.T) {
	const size = 2*page + 5
	dir := t.TempDir()
	before, err := New(oneDir(dir, 1000*page))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		o := CreateOptions{}
		if i%2 == 0 {
			o.Fingerprint = "v1"
		}
		put(t, before, block1(i), size, o)
	}
	folder := before.dirs[0].folder
	for _, name := range []string{blockFile(block1(50)), blockFile(block1(51)) + metaSuffix, "foreign"} {
		if err := os.WriteFile(folder+"/"+name, []byte("left by a crash"), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	seen := newRecorder()
	opts := late(oneDir(dir, 1000*page))
	opts.Observer = seen
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.Blocks(nil)); n != 0 {
		t.Fatalf("%d blocks were scanned", n)
	}
	check(t, s, block1(0), size, nil)
	check(t, s, block1(2), size, source(block1(2), size))
	if err := s.Remove(block1(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(block1(4)); err != nil {
		t.Fatal(err)
	}
	put(t, s, block1(4), size, CreateOptions{}) // in its place
	put(t, s, block1(30), size, CreateOptions{})
	_, err = s.Create(block1(3), CreateOptions{})
	wantKind(t, err, errors.Exists)
	_, err = s.Open(block1(50))
	wantKind(t, err, errors.NotFound)

	stop := run(t, s)
	eventually(t, "the scan has ended", func() bool { return s.scanning.Load() == 0 })
	want := map[blockid.ID]bool{block1(30): true}
	for i := range 20 {
		want[block1(i)] = i != 1
	}
	for _, info := range s.Blocks(nil) {
		if !want[info.ID] {
			t.Errorf("block %d is there", info.ID)
		}
		delete(want, info.ID)
		check(t, s, info.ID, size, nil)
	}
	delete(want, block1(1))
	if len(want) > 0 {
		t.Errorf("blocks %v are missing", want)
	}
	seen.compare(t, s)
	stop()
	if left, _ := os.ReadDir(folder); len(left) != 2+2*20 {
		t.Errorf("%d entries are left", len(left))
	}
}

// recorder is an Observer that knows what is there.
type recorder struct {
	mu   sync.Mutex
	here map[blockid.ID]bool
}

func newRecorder() *recorder { return &recorder{here: map[blockid.ID]bool{}} }

func (r *recorder) BlockAdded(i Info) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.here[i.ID] = true
}

func (r *recorder) BlockRemoved(i Info) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.here, i.ID)
}

func (r *recorder) compare(t *testing.T, s *Store) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	blocks := s.Blocks(nil)
	for _, info := range blocks {
		if !r.here[info.ID] {
			t.Errorf("block %d was not reported", info.ID)
		}
	}
	if len(blocks) != len(r.here) {
		t.Errorf("%d blocks reported, %d there", len(r.here), len(blocks))
	}
}

// TestScanUnderLoad: reads, writes and removals while the scan runs.
func TestScanUnderLoad(t *testing.T) {
	const blocks, size = 400, page + 5
	dir := t.TempDir()
	before, err := New(oneDir(dir, 1000*page))
	if err != nil {
		t.Fatal(err)
	}
	for i := range blocks {
		put(t, before, block1(i), size, CreateOptions{Fingerprint: "v1"})
	}
	for range 3 {
		seen := newRecorder()
		opts := late(oneDir(dir, 500*page))
		opts.Observer = seen
		s, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, s)
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(g), 3))
				for s.scanning.Load() > 0 {
					id := block1(r.IntN(blocks))
					if r.IntN(4) == 0 {
						_ = s.Remove(id)
						continue
					}
					if got, err := fetchAll(s, id, size, source(id, size)); err != nil || !bytes.Equal(got, content(id, size)) {
						t.Errorf("block %d: wrong bytes, or %v", id, err)
					}
				}
			})
		}
		wg.Wait()
		seen.compare(t, s)
		for i := range blocks {
			check(t, s, block1(i), size, source(block1(i), size))
		}
		stop()
	}
}

// TestFailsWhileScanned: what was indexed of a directory that fails is taken out.
func TestFailsWhileScanned(t *testing.T) {
	opts, faults, a, _ := twoDirs(t)
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		put(t, s, block1(i), page, CreateOptions{Fingerprint: "v1"})
	}
	if s, err = New(late(opts)); err != nil {
		t.Fatal(err)
	}
	check(t, s, block1(0), page, nil)
	faults.set(a, syscall.EIO, syscall.EIO)
	run(t, s)
	eventually(t, "the directory is taken out", func() bool { return s.Tiers()[0].Dirs[0].Lost })
	faults.set("", nil, nil)
	eventually(t, "all blocks are back", func() bool { return len(s.Blocks(nil)) == 10 })
	for i := range 10 {
		check(t, s, block1(i), page, nil)
	}
}
