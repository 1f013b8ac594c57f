package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STORE_CRASH_DIR"); dir != "" {
		crashChild(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func TestWriteReadRestart(t *testing.T) {
	sizes := []int64{0, 1, SpanSize - 1, SpanSize, SpanSize + 1, page - 1, page, page + 1, 3*page + 5, 9 * page}
	for _, chunk := range []int{1000, SpanSize, 256 << 10, 1 << 20} {
		dir := t.TempDir()
		s, err := New(oneDir(dir, 64*page))
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, s)
		for i, n := range sizes {
			if _, err := write(s, block1(i), n, CreateOptions{}, chunk); err != nil {
				t.Fatal(err)
			}
			check(t, s, block1(i), n, nil)
		}
		if got := len(s.Blocks(nil)); got != len(sizes) {
			t.Fatalf("%d blocks, want %d", got, len(sizes))
		}
		stop()
		s = open(t, oneDir(dir, 64*page))
		for i, n := range sizes {
			check(t, s, block1(i), n, nil)
			if info, err := s.Info(block1(i)); err != nil || info.Length != n || info.Confirmed || !info.Whole {
				t.Fatalf("after restart: %+v, %v", info, err)
			}
		}
	}
}

func TestReadAtAnyOffset(t *testing.T) {
	s := open(t, oneDir(t.TempDir(), 64*page))
	const n = 5*page + 12345
	put(t, s, block1(0), n, CreateOptions{})
	want := content(block1(0), n)
	h, err := s.Open(block1(0))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, c := range []struct{ off, n int }{{0, 1}, {1, 2}, {SpanSize - 1, 2}, {page - 3, 7}, {0, n}, {7, n - 9}, {n - 1, 1}, {3 * page, page}} {
		p := make([]byte, c.n)
		if k, err := h.ReadAt(context.Background(), p, int64(c.off)); err != nil || k != c.n || !bytes.Equal(p, want[c.off:c.off+c.n]) {
			t.Errorf("ReadAt(%d, %d) = %d, %v", c.off, c.n, k, err)
		}
	}
	if k, err := h.ReadAt(context.Background(), make([]byte, 10), n-4); k != 4 || err != io.EOF {
		t.Errorf("at the end: %d, %v", k, err)
	}
	_, err = h.Read(context.Background(), make([]byte, SpanSize*2), n-1, 2)
	wantKind(t, err, errors.OutOfRange)
}

func TestWriterEnds(t *testing.T) {
	s := open(t, oneDir(t.TempDir(), 8*page))
	put(t, s, block1(0), page, CreateOptions{})
	_, err := s.Create(block1(0), CreateOptions{})
	wantKind(t, err, errors.Exists)

	a, err := s.Create(block1(1), CreateOptions{Reserve: 2 * page})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Create(block1(1), CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []*Writer{a, b} {
		if _, err := w.Write(content(block1(1), 10)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Commit(); err != nil {
		t.Fatal(err)
	}
	_, err = b.Commit()
	wantKind(t, err, errors.Exists)
	check(t, s, block1(1), 10, nil)

	if _, err := write(s, block1(2), 9*page, CreateOptions{}, page); !errors.Is(err, errors.NoSpace) {
		t.Fatalf("more than the quota: %v", err)
	}
	if err := s.Remove(block1(1)); err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.Remove(block1(1)), errors.NotFound)
	_, err = s.Open(block1(1))
	wantKind(t, err, errors.NotFound)
}

func TestInPlaceWrite(t *testing.T) {
	s := open(t, oneDir(t.TempDir(), 8*page))
	w, err := s.Create(block1(0), CreateOptions{InPlace: true, Reserve: page})
	if err != nil {
		t.Fatal(err)
	}
	const n = 3*page + 77
	if err := w.Reserve(n); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.Path(), content(block1(0), n), 0o666); err != nil {
		t.Fatal(err)
	}
	info, err := w.Commit()
	if err != nil || info.Length != n {
		t.Fatalf("%+v, %v", info, err)
	}
	check(t, s, block1(0), n, nil)

	w, err = s.Create(block1(1), CreateOptions{InPlace: true, Reserve: page})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.Path(), make([]byte, 7*page), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = w.Commit() // more than there is room for
	wantKind(t, err, errors.NoSpace)
}

func TestFillFetchesOnce(t *testing.T) {
	const n = 20*page + 99
	s := open(t, oneDir(t.TempDir(), 64*page))
	src := source(block1(0), n)
	src.delay = 200 * time.Microsecond
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			got, err := fetchAll(s, block1(0), n, src)
			if err != nil || !bytes.Equal(got, content(block1(0), n)) {
				t.Errorf("wrong bytes or %v", err)
			}
		})
	}
	wg.Wait()
	if most := src.most(); most != 1 {
		t.Errorf("a page was fetched %d times", most)
	}
	before := src.requests
	check(t, s, block1(0), n, src)
	if src.requests != before {
		t.Errorf("a warm block was asked of its source again")
	}
	if info, _ := s.Info(block1(0)); !info.Whole || !info.Confirmed || info.Fingerprint != "v1" {
		t.Errorf("%+v", info)
	}
}

func TestRandomReadFetchesOnePage(t *testing.T) {
	const n = 64 * page
	s := open(t, oneDir(t.TempDir(), 128*page))
	src := source(block1(0), n)
	for i, p := range []int64{40, 3, 17, 60, 9} {
		h, err := s.OpenFill(block1(0), FillOptions{Length: n, Fingerprint: "v1"}, src)
		if err != nil {
			t.Fatal(err)
		}
		off := p*page + 5000
		h.Expect(off, 4096)
		got := make([]byte, 4096)
		if _, err := h.ReadAt(context.Background(), got, off); err != nil || !bytes.Equal(got, content(block1(0), n)[off:off+4096]) {
			t.Fatalf("wrong bytes or %v", err)
		}
		h.Settle(context.Background())
		h.Close()
		if src.pages() != i+1 {
			t.Fatalf("%d reads fetched %d pages", i+1, src.pages())
		}
	}
	if info, _ := s.Info(block1(0)); info.Bytes != 5*page || info.Whole {
		t.Errorf("%+v", info)
	}
	if got := s.Blocks(nil); len(got) != 0 {
		t.Errorf("a partial block is listed as whole: %+v", got)
	}
}

func TestSequentialReadAhead(t *testing.T) {
	const n = 512 * page
	for _, c := range []struct {
		name  string
		chunk int
		open  bool // a handle for each read
	}{{"stream", page, false}, {"small preads", 16 << 10, true}} {
		opts := oneDir(t.TempDir(), 1024*page)
		opts.FetchSize = 8 * page
		opts.ReadAheadMax = 4 * requestsAhead * page
		s := open(t, opts)
		src := source(block1(0), n)
		h, err := s.OpenFill(block1(0), FillOptions{Length: n, Fingerprint: "v1"}, src)
		if err != nil {
			t.Fatal(err)
		}
		keep := h
		if !c.open {
			h.Expect(0, n)
		}
		for off := int64(0); off < n; off += int64(c.chunk) {
			if c.open {
				if h, err = s.OpenFill(block1(0), FillOptions{Length: n, Fingerprint: "v1"}, src); err != nil {
					t.Fatal(err)
				}
				h.Expect(off, int64(c.chunk))
			}
			if _, err := h.ReadAt(context.Background(), make([]byte, c.chunk), off); err != nil {
				t.Fatal(err)
			}
			if c.open {
				h.Close()
			}
		}
		h.Close()
		keep.Close()
		if src.requests > 512/3 || src.most() != 1 {
			t.Errorf("%s: %d requests for 512 pages, one page %d times", c.name, src.requests, src.most())
		}
	}
}

func TestReaderThatStopsEarly(t *testing.T) {
	const n = 64 * page
	s := open(t, oneDir(t.TempDir(), 128*page))
	src := source(block1(0), n)
	h, err := s.OpenFill(block1(0), FillOptions{Length: n, Fingerprint: "v1"}, src)
	if err != nil {
		t.Fatal(err)
	}
	h.Expect(0, n) // as a client does that asks for all and reads 4 KiB
	if _, err := h.ReadAt(context.Background(), make([]byte, 4096), 0); err != nil {
		t.Fatal(err)
	}
	h.Close()
	if src.pages() > 2 {
		t.Errorf("4 KiB cost %d pages", src.pages())
	}
}

func TestPartialBlockSurvivesRestart(t *testing.T) {
	const n = 16 * page
	dir := t.TempDir()
	s, err := New(oneDir(dir, 64*page))
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, s)
	src := source(block1(0), n)
	h, err := s.OpenFill(block1(0), FillOptions{Length: n, Fingerprint: "v1"}, src)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ReadAt(context.Background(), make([]byte, 10), 5*page); err != nil {
		t.Fatal(err)
	}
	h.Close()
	stop()
	s = open(t, oneDir(dir, 64*page))
	if info, err := s.Info(block1(0)); err != nil || info.Bytes != page || info.Whole {
		t.Fatalf("%+v, %v", info, err)
	}
	check(t, s, block1(0), n, src)
	if src.most() != 1 {
		t.Errorf("a page on disk was fetched again")
	}
}

func TestChangedObject(t *testing.T) {
	const n = 8 * page
	s := open(t, oneDir(t.TempDir(), 64*page))
	check(t, s, block1(0), n, source(block1(0), n))

	// Another fingerprint: nothing of the old version may be served.
	newer := source(block1(5), n)
	h, err := s.OpenFill(block1(0), FillOptions{Length: n, Fingerprint: "v2"}, newer)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(h, page)
	h.Close()
	if err != nil || !bytes.Equal(got, newer.data) {
		t.Fatalf("wrong bytes or %v", err)
	}

	// Changing between two pages: an error, and the block is gone.
	src := source(block1(1), n)
	h, err = s.OpenFill(block1(1), FillOptions{Length: n, Fingerprint: "v1"}, src)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ReadAt(context.Background(), make([]byte, 10), 0); err != nil {
		t.Fatal(err)
	}
	src.fail = errors.Errorf(errors.Aborted, "the object changed")
	_, err = h.ReadAt(context.Background(), make([]byte, 10), 7*page)
	wantKind(t, err, errors.Aborted)
	h.Close()
	_, err = s.Info(block1(1))
	wantKind(t, err, errors.NotFound)
}

func TestSourceErrors(t *testing.T) {
	const n = 4 * page
	s := open(t, oneDir(t.TempDir(), 64*page))
	src := source(block1(0), n)
	src.fail = errors.Errorf(errors.Unavailable, "the store is down")
	_, err := fetchAll(s, block1(0), n, src)
	wantKind(t, err, errors.Unavailable)
	if _, err := s.Info(block1(0)); !errors.Is(err, errors.NotFound) {
		t.Errorf("an empty block stayed: %v", err)
	}
	src.fail = nil
	src.data = src.data[:3*page]
	_, err = fetchAll(s, block1(0), n, src)
	wantKind(t, err, errors.Aborted) // shorter than it should be
	src.data = content(block1(0), n)
	check(t, s, block1(0), n, src)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h, err := s.OpenFill(block1(1), FillOptions{Length: n, Fingerprint: "v1"}, &memSource{data: content(block1(1), n), fetched: map[int64]int{}, delay: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.ReadAt(ctx, make([]byte, 10), 0)
	wantKind(t, err, errors.Cancelled)
	h.Close()
}

func TestNoRoomToKeep(t *testing.T) {
	const n = 8 * page
	s := open(t, oneDir(t.TempDir(), 4*page))
	put(t, s, block1(9), 3*page, CreateOptions{}) // unconfirmed: not evicted
	src := source(block1(0), n)
	check(t, s, block1(0), n, src) // read through, one page at a time at least
	check(t, s, block1(9), 3*page, nil)
}

func TestEviction(t *testing.T) {
	for _, policy := range evict.Names() {
		opts := oneDir(t.TempDir(), 8*page)
		opts.Evict.Policy = policy
		s := open(t, opts)
		put(t, s, block1(0), page, CreateOptions{})                  // unconfirmed
		put(t, s, block1(1), page, CreateOptions{Fingerprint: "v1"}) // pinned below
		s.SetPinned([]blockid.FileID{block1(1).File()})
		put(t, s, block1(2), page, CreateOptions{Fingerprint: "v1"})
		h, err := s.Open(block1(2)) // open
		if err != nil {
			t.Fatal(err)
		}
		for i := 10; i < 30; i++ {
			put(t, s, block1(i), page, CreateOptions{Fingerprint: "v1"})
		}
		for i := range 3 {
			check(t, s, block1(i), page, nil)
		}
		if got := len(s.Blocks(nil)); got != 8 {
			t.Errorf("%s: %d blocks in room for 8", policy, got)
		}
		h.Close()
		s.SetPinned(nil)
		s.Confirm(block1(0).File(), "v1")
		for i := 40; i < 80; i++ {
			put(t, s, block1(i), page, CreateOptions{Fingerprint: "v1"})
			check(t, s, block1(i), page, nil)
		}
		left := 0
		for i := range 3 {
			if _, err := s.Info(block1(i)); err == nil {
				left++
			}
		}
		if left == 3 {
			t.Errorf("%s: nothing unpinned was ever evicted", policy)
		}
	}
}

func TestPinOnCreate(t *testing.T) {
	s := open(t, oneDir(t.TempDir(), 2*page))
	put(t, s, block1(0), page, CreateOptions{Pin: true, Fingerprint: "v1"})
	s.SetPinned(nil) // the master has not heard of it yet
	put(t, s, block1(1), page, CreateOptions{Fingerprint: "v1"})
	put(t, s, block1(2), page, CreateOptions{Fingerprint: "v1"})
	check(t, s, block1(0), page, nil)
	s.SetPinned([]blockid.FileID{block1(0).File()})
	s.SetPinned(nil)
	put(t, s, block1(3), page, CreateOptions{Fingerprint: "v1"})
	put(t, s, block1(4), page, CreateOptions{Fingerprint: "v1"})
	if _, err := s.Info(block1(0)); !errors.Is(err, errors.NotFound) {
		t.Errorf("unpinned and not evicted: %v", err)
	}
}

func TestRemoveWhileOpen(t *testing.T) {
	s := open(t, oneDir(t.TempDir(), 4*page))
	put(t, s, block1(0), 3*page, CreateOptions{})
	h, err := s.Open(block1(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(block1(0)); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(h, page); err != nil || !bytes.Equal(got, content(block1(0), 3*page)) {
		t.Fatalf("an open block was lost: %v", err)
	}
	// Its space is free only when it is closed.
	if _, err := write(s, block1(1), 2*page, CreateOptions{}, page); !errors.Is(err, errors.NoSpace) {
		t.Fatalf("space of an open block was given away: %v", err)
	}
	h.Close()
	put(t, s, block1(1), 4*page, CreateOptions{})
}

func TestAllocators(t *testing.T) {
	for allocator, want := range map[string][]int{
		MaxFree: {1, 1, 0, 1}, RoundRobin: {0, 1, 0, 1}, Greedy: {0, 0, 0, 0},
	} {
		a, b := t.TempDir(), t.TempDir()
		s := open(t, Options{PageSize: page, Allocator: allocator, Tiers: []TierOptions{{Alias: "MEM",
			Dirs: []DirOptions{{Path: a, Quota: 6 * page}, {Path: b, Quota: 8 * page}}}}})
		for i, dir := range want {
			info := put(t, s, block1(i), page+page/2, CreateOptions{Reserve: page + page/2})
			if got := map[string]int{a: 0, b: 1}[info.Dir]; got != dir {
				t.Errorf("%s: block %d went to directory %d, want %d", allocator, i, got, dir)
			}
		}
	}
	_, err := New(Options{Allocator: "Nearest", Tiers: []TierOptions{{Alias: "MEM", Dirs: []DirOptions{{Path: t.TempDir()}}}}})
	wantKind(t, err, errors.Invalid)
}

// tiers are options with a small MEM and a larger SSD.
func twoTiers(t *testing.T) Options {
	return Options{PageSize: page, Tiers: []TierOptions{
		{Alias: "MEM", Dirs: []DirOptions{{Path: t.TempDir(), Quota: 4 * page}}},
		{Alias: "SSD", Dirs: []DirOptions{{Path: t.TempDir(), Quota: 16 * page}}},
	}}
}

func TestTiersAndMoves(t *testing.T) {
	s := open(t, twoTiers(t))
	for i := range 6 { // four fit above, the others go below
		put(t, s, block1(i), page, CreateOptions{Fingerprint: "v1", Reserve: page})
	}
	at := func(i int) string {
		info, err := s.Info(block1(i))
		if err != nil {
			t.Fatal(err)
		}
		return info.Tier
	}
	if at(0) != "MEM" || at(5) != "SSD" {
		t.Fatalf("blocks in %s, %s", at(0), at(5))
	}
	if err := s.Move(context.Background(), block1(5), Place{Tier: 0}); err != nil || at(5) != "MEM" {
		t.Fatalf("promotion: %v, in %s", err, at(5))
	}
	if err := s.Move(context.Background(), block1(5), Place{Medium: "SSD"}); err != nil || at(5) != "SSD" {
		t.Fatalf("by medium: %v, in %s", err, at(5))
	}
	check(t, s, block1(5), page, nil)
	h, err := s.Open(block1(5))
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.Move(context.Background(), block1(5), Place{Tier: 0}), errors.FailedPrecondition)
	h.Close()
}

func TestFreeAhead(t *testing.T) {
	opts := oneDir(t.TempDir(), 10*page)
	opts.FreeAhead = 3 * page
	s := open(t, opts)
	for i := range 10 {
		put(t, s, block1(i), page, CreateOptions{Fingerprint: "v1", Reserve: page})
	}
	put(t, s, block1(10), page, CreateOptions{Fingerprint: "v1", Reserve: page})
	if used := s.Tiers()[0].Used; used != 7*page {
		t.Errorf("%d pages are used after eviction", used/page)
	}
	h, err := s.Open(block1(10)) // what cannot be evicted does not fail what fits
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	put(t, s, block1(11), 9*page, CreateOptions{Fingerprint: "v1", Reserve: 9 * page})
}

func TestBackgroundMoves(t *testing.T) {
	opts := twoTiers(t)
	opts.Mover = MoverOptions{Interval: 5 * time.Millisecond, CoolDown: time.Millisecond}
	s := open(t, opts)
	for i := range 4 {
		put(t, s, block1(i), page, CreateOptions{Fingerprint: "v1"})
	}
	eventually(t, "cold blocks have moved down", func() bool {
		tiers := s.Tiers()
		return tiers[0].Used <= 3*page && tiers[1].Used >= page
	})
	var low blockid.ID
	for _, info := range s.Blocks(nil) {
		if info.Tier == "SSD" {
			low = info.ID
		}
	}
	if err := s.Remove(block1(3)); err != nil { // make room above
		t.Fatal(err)
	}
	check(t, s, low, page, nil)
	eventually(t, "a used block has moved up", func() bool {
		info, err := s.Info(low)
		return err == nil && info.Tier == "MEM"
	})
	check(t, s, low, page, nil)
}

func TestLoweredQuotaAndDuplicates(t *testing.T) {
	opts := twoTiers(t)
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, s)
	for i := range 4 {
		put(t, s, block1(i), page, CreateOptions{Fingerprint: "v1"})
	}
	stop()
	// An interrupted move leaves the block in both tiers.
	for _, name := range []string{"", metaSuffix} {
		from := s.dirs[0].blockPath(block1(0)) + name
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.dirs[1].blockPath(block1(0))+name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	opts.Tiers[0].Dirs[0].Quota = 2 * page
	s = open(t, opts)
	if n := len(s.Blocks(nil)); n > 3 || s.Tiers()[0].Used > 2*page {
		t.Errorf("%d blocks, %+v", n, s.Tiers())
	}
	if left, _ := filepath.Glob(filepath.Join(s.dirs[1].folder, "[0-9]*")); len(left) != 0 && len(s.Blocks(nil)) == 2 {
		t.Errorf("the duplicate is still there: %v", left)
	}
}

func TestObserverSeesWholeBlocks(t *testing.T) {
	var mu sync.Mutex
	here := map[blockid.ID]bool{}
	opts := oneDir(t.TempDir(), 4*page)
	opts.Observer = observer{func(i Info) { mu.Lock(); here[i.ID] = true; mu.Unlock() },
		func(i Info) { mu.Lock(); delete(here, i.ID); mu.Unlock() }}
	s := open(t, opts)
	for i := range 20 {
		check(t, s, block1(i), 2*page, source(block1(i), 2*page))
	}
	mu.Lock()
	defer mu.Unlock()
	want := fmt.Sprint(len(s.Blocks(nil)))
	for _, info := range s.Blocks(nil) {
		if !here[info.ID] {
			t.Errorf("block %d was not reported", info.ID)
		}
	}
	if fmt.Sprint(len(here)) != want {
		t.Errorf("%d reported, %s there", len(here), want)
	}
}

type observer struct{ added, removed func(Info) }

func (o observer) BlockAdded(i Info)   { o.added(i) }
func (o observer) BlockRemoved(i Info) { o.removed(i) }
