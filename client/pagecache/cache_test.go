package pagecache

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Every way to read agrees with the file, with nothing in the cache and with
// everything, and what is there is not asked for again.
func TestReads(t *testing.T) {
	for name, o := range map[string]Options{
		"local":  options(t.TempDir(), 16<<20),
		"async":  func() Options { o := options(t.TempDir(), 16<<20); o.AsyncWrite = true; return o }(),
		"memory": func() Options { o := options("", 16<<20); o.Memory = true; return o }(),
		"timed": func() Options {
			o := options(t.TempDir(), 16<<20)
			o.IOTimeout = time.Minute
			o.IOThreads = 4
			return o
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			h := use(t, o)
			for i, size := range []int{1, 128*kib - 1, 128 * kib, 128*kib + 1, 1000*kib + 77} {
				seed := byte(10 * i)
				s := newSource(seed, size)
				whole := func(id byte, read func(*Reader) ([]byte, error)) {
					t.Helper()
					for round := range 2 {
						r := h.NewReader(t.Context(), idOf(seed+id), int64(size), s)
						if got, err := read(r); err != nil || !bytes.Equal(got, s.data) {
							t.Fatalf("size %d, way %d, round %d: %d bytes, %v", size, id, round, len(got), err)
						}
						r.Close()
						h.settle(t)
						if _, n := s.take(); round == 0 && n != int64(size) || round == 1 && n != 0 {
							t.Errorf("size %d, way %d, round %d: %d bytes fetched", size, id, round, n)
						}
					}
				}
				whole(0, func(r *Reader) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{r}) })
				whole(1, func(r *Reader) ([]byte, error) { var b bytes.Buffer; _, err := r.WriteTo(&b); return b.Bytes(), err })
				whole(2, func(r *Reader) ([]byte, error) {
					p := make([]byte, size)
					n, err := r.ReadAt(p, 0)
					return p[:n], err
				})
				whole(3, func(r *Reader) ([]byte, error) { return io.ReadAll(io.NewSectionReader(r, 0, int64(size))) })
			}
		})
	}
}

// A read of a few bytes brings one page, and one request, not more.
func TestRandomReadsBringOnePage(t *testing.T) {
	h := use(t, options(t.TempDir(), 16<<20))
	s := newSource(1, 2<<20)
	r := h.reader(t, 1, s)
	for _, page := range []int{9, 3, 12} {
		check(t, r, s, page*128*kib+5, 10)
		check(t, r, s, page*128*kib+70*kib, 100)
		if reads, n := s.take(); reads != 1 || n != 128*kib {
			t.Errorf("page %d: %d requests, %d bytes", page, reads, n)
		}
	}
	p := make([]byte, 10)
	for _, page := range []int64{7, 1} { // seeking
		r.SetPos(page * 128 * kib)
		if _, err := io.ReadFull(r, p); err != nil {
			t.Fatal(err)
		}
		if reads, n := s.take(); reads != 1 || n != 128*kib {
			t.Errorf("seek to page %d: %d requests, %d bytes", page, reads, n)
		}
	}
}

// A large ReadAt is one request, a sequence of reads one stream.
func TestSequencesAreStreams(t *testing.T) {
	h := use(t, options(t.TempDir(), 64<<20))
	s := newSource(1, 8<<20)
	check(t, h.reader(t, 1, s), s, 0, 8<<20)
	if reads, n := s.take(); reads != 1 || n != 8<<20 {
		t.Errorf("ReadAt: %d requests, %d bytes", reads, n)
	}
	for name, size := range map[byte]int{2: 4 * kib, 3: 128 * kib, 4: 1 << 20} {
		r := h.reader(t, name, s)
		buf, got := make([]byte, size), bytes.Buffer{}
		if _, err := io.CopyBuffer(&got, struct{ io.Reader }{r}, buf); err != nil || !bytes.Equal(got.Bytes(), s.data) {
			t.Fatal(got.Len(), err)
		}
		if reads, n := s.take(); reads != 1 || n != 8<<20 {
			t.Errorf("Read of %d: %d requests, %d bytes", size, reads, n)
		}
	}
	r := h.reader(t, 5, s)
	r.SetPos(5 << 20)
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	s.take()
	all(t, r, s)
	if reads, n := s.take(); reads > 2 || n != 8<<20-128*kib {
		t.Errorf("WriteTo: %d requests, %d bytes", reads, n)
	}
	until(t, "streams are closed", func() bool { return s.streams.Load() == 0 })
}

// A stream for a page that is missing between others ends where those begin.
func TestStreamsEndAtWhatIsThere(t *testing.T) {
	h := use(t, options(t.TempDir(), 64<<20))
	s := newSource(1, 2<<20)
	check(t, h.reader(t, 1, s), s, 0, 512*kib)
	check(t, h.reader(t, 1, s), s, 1<<20, 1<<20)
	s.take()
	all(t, h.reader(t, 1, s), s)
	if _, n := s.take(); n != 512*kib || s.ahead.Load() != 1<<20 {
		t.Errorf("%d bytes fetched, stream to %d", n, s.ahead.Load())
	}
}

// A reader that stops in the beginning has not fetched much.
func TestShortReadsDoNotFetchAhead(t *testing.T) {
	h := use(t, options(t.TempDir(), 64<<20))
	s := newSource(1, 8<<20)
	r := h.reader(t, 1, s)
	if _, err := io.ReadFull(r, make([]byte, 4*kib)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	until(t, "the stream is closed", func() bool { return s.streams.Load() == 0 })
	if _, n := s.take(); n != 128*kib {
		t.Errorf("%d bytes fetched for 4 KiB", n)
	}
}

// However many want the same bytes, they are fetched once.
func TestOneFetchForMany(t *testing.T) {
	h := use(t, options(t.TempDir(), 64<<20))
	s := newSource(1, 3<<20)
	s.slow = 2 * time.Millisecond
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			r := h.NewReader(t.Context(), idOf(1), int64(len(s.data)), s)
			defer r.Close()
			for off := range 24 {
				p := make([]byte, 1000)
				at := (off*128 + i) * kib
				if n, err := r.ReadAt(p, int64(at)); err != nil || !bytes.Equal(p[:n], s.data[at:at+1000]) {
					t.Errorf("%d bytes at %d, %v", n, at, err)
				}
			}
		})
	}
	wg.Wait()
	if reads, n := s.take(); reads != 24 || n != 3<<20 {
		t.Errorf("%d requests, %d bytes for a file of 24 pages", reads, n)
	}
	for range 64 {
		wg.Go(func() {
			r := h.NewReader(t.Context(), idOf(2), int64(len(s.data)), s)
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, s.data) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
	if _, n := s.take(); n != 3<<20 {
		t.Errorf("%d bytes fetched for 64 readers in sequence of %d", n, 3<<20)
	}
}

// Memory does not grow with the number of readers, and no byte is fetched twice
// for want of it.
func TestManyReadersInTheMiddleOfPages(t *testing.T) {
	h := use(t, options(t.TempDir(), 64<<20))
	h.c.maxResting = 5
	sources, readers := make([]*source, 40), make([]*Reader, 40)
	for i := range readers {
		sources[i] = newSource(byte(i), 300*kib)
		readers[i] = h.reader(t, byte(i), sources[i])
	}
	p := make([]byte, 10*kib)
	for off := 0; off < 300*kib; off += len(p) {
		for i, r := range readers {
			if n, err := io.ReadFull(r, p); err != nil || !bytes.Equal(p[:n], sources[i].data[off:off+n]) {
				t.Fatalf("reader %d at %d: %d bytes, %v", i, off, n, err)
			}
		}
		if n := h.c.resting.Load(); n > 5 {
			t.Fatalf("%d pages are kept", n)
		}
	}
	for i, s := range sources {
		if _, n := s.take(); n != 300*kib {
			t.Errorf("reader %d: %d bytes fetched", i, n)
		}
		readers[i].Close()
	}
	if n := h.c.resting.Load(); n != 0 {
		t.Errorf("%d pages are kept by nobody", n)
	}
}

// An error of a worker reaches whoever waits, and nothing of it stays.
func TestErrorsOfTheSource(t *testing.T) {
	h := use(t, options(t.TempDir(), 64<<20))
	s := newSource(1, 1<<20)
	r := h.reader(t, 1, s)
	for name, read := range map[string]func() (int, error){
		"part":  func() (int, error) { return r.ReadAt(make([]byte, 10), 300*kib) },
		"pages": func() (int, error) { return r.ReadAt(make([]byte, 512*kib), 256*kib) },
		"next":  func() (int, error) { r.SetPos(0); return r.Read(make([]byte, 10)) },
		"seek":  func() (int, error) { r.SetPos(900 * kib); return r.Read(make([]byte, 10)) },
	} {
		s.fails.Store(1)
		if n, err := read(); n != 0 || err != io.ErrNoProgress {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
	s.fails.Store(0)
	check(t, r, s, 0, 1<<20)
	h.settle(t)
}

// A reader that is closed while others wait for what it fetches leaves the fetching
// to them.
func TestLeaderLeaves(t *testing.T) {
	h := use(t, options(t.TempDir(), 64<<20))
	s := newSource(1, 4<<20)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			r := h.NewReader(t.Context(), idOf(1), int64(len(s.data)), s)
			defer r.Close()
			want := s.data
			if i%2 == 0 { // leaves early
				want = want[:(i+1)*100*kib]
			}
			p := make([]byte, len(want))
			if n, err := io.ReadFull(r, p); err != nil || !bytes.Equal(p[:n], want) {
				t.Errorf("reader %d: %d bytes, %v", i, n, err)
			}
		})
	}
	wg.Wait()
}

// What one process has written another one finds, whatever became of the first.
func TestRestore(t *testing.T) {
	for name, sync := range map[string]bool{"sync": true, "async": false} {
		t.Run(name, func(t *testing.T) {
			o := options(t.TempDir(), 16<<20)
			o.SyncRestore = sync
			s := newSource(1, 1<<20+5)
			first := use(t, o)
			all(t, first.reader(t, 1, s), s)
			stop(first)
			_, pages, used := first.c.dirs[0].stats()
			s.take()
			second := use(t, o)
			all(t, second.reader(t, 1, s), s)
			if _, n := s.take(); n != 0 {
				t.Errorf("%d bytes fetched again", n)
			}
			second.c.dirs[0].waitRestored(t.Context())
			if _, p, u := second.c.dirs[0].stats(); p != 9 || p != pages || u != used {
				t.Errorf("%d pages, %d bytes; before %d, %d", p, u, pages, used)
			}
		})
	}
}

// Restoring removes what is not a page of this cache, and touches nothing else.
func TestRestoreRemovesWhatIsForeign(t *testing.T) {
	dir := t.TempDir()
	o := options(dir, 16<<20)
	s := newSource(1, 300*kib)
	h := use(t, o)
	all(t, h.reader(t, 1, s), s)
	stop(h)
	names, _ := pageFiles(t, dir)
	bucket := filepath.Dir(names[0])
	mine := filepath.Join(dir, "mine")
	foreign := []string{
		filepath.Join(dir, rootName, "stray"), filepath.Join(dir, rootName, tmpName, "7"), filepath.Join(dir, rootName, "4096", "0", "x"),
		filepath.Join(bucket, "stray"), names[0] + "x", filepath.Join(filepath.Dir(bucket), "99", "y"),
		filepath.Join(bucket, Key{idOf(9), 0}.String()+"0"), filepath.Join(filepath.Dir(bucket), "no bucket"),
	}
	for _, name := range append(foreign, mine) {
		os.MkdirAll(filepath.Dir(name), 0o700)
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stop(use(t, o))
	for _, name := range foreign {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is left", name)
		}
	}
	if after, _ := pageFiles(t, dir); len(after) != len(names) {
		t.Errorf("%d pages became %d", len(names), len(after))
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("a file beside the cache: %v", err)
	}
}

// The least recently used pages go, also those of a process before.
func TestEvictionOrderSurvives(t *testing.T) {
	dir := t.TempDir()
	clock := time.Now()
	o := options(dir, 4*(132*kib))
	o.now = func() time.Time { return clock }
	s := newSource(1, 4*128*kib)
	h := use(t, o)
	for page := range 4 {
		clock = clock.Add(time.Minute)
		check(t, h.reader(t, 1, s), s, page*128*kib, 10)
	}
	clock = clock.Add(time.Minute)
	check(t, h.reader(t, 1, s), s, 0, 10) // page 0 is used again
	stop(h)
	o.Dirs[0].QuotaBytes = 2 * (132 * kib)
	h = use(t, o)
	if !h.c.dirs[0].has(Key{idOf(1), 0}) {
		t.Error("the page that was used last has gone")
	}
	if _, n, _ := h.c.dirs[0].stats(); n != 2 {
		t.Errorf("%d pages", n)
	}
	if _, size := pageFiles(t, dir); size > o.Dirs[0].QuotaBytes {
		t.Errorf("%d bytes on the disk", size)
	}
}

// Two caches in one folder: one writes, the other reads what it finds, and takes
// over when the first has gone.
func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	clock := time.Now()
	o := options(dir, 16<<20)
	o.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return clock }
	a, b := use(t, o), use(t, o)
	s := newSource(1, 512*kib)
	all(t, a.reader(t, 1, s), s)
	a.settle(t)
	s.take()
	all(t, b.reader(t, 1, s), s)
	if _, n := s.take(); n != 0 {
		t.Errorf("the second fetched %d bytes that the first had kept", n)
	}
	other := newSource(2, 512*kib)
	r := b.reader(t, 2, other)
	all(t, r, other)
	check(t, r, other, 7, 10)
	if reads, n := other.take(); n != 512*kib+10 || reads != 2 {
		t.Errorf("the second, which cannot keep anything, fetched %d bytes with %d requests", n, reads)
	}
	if names, _ := pageFiles(t, dir); len(names) != 4 {
		t.Errorf("%d pages: the second has written", len(names))
	}
	stop(a)
	mu.Lock()
	clock = clock.Add(2 * busyRetry)
	mu.Unlock()
	all(t, r, other)
	until(t, "the second has taken over", func() bool { return b.c.state() == 2 })
	all(t, r, other)
	b.settle(t)
	if names, _ := pageFiles(t, dir); len(names) != 8 {
		t.Errorf("%d pages after the second took over", len(names))
	}
}

// A folder that another user could have filled is not used.
func TestForeignFolder(t *testing.T) {
	for name, prepare := range map[string]func(root string) error{
		"writable by all": func(root string) error { os.Mkdir(root, 0o700); return os.Chmod(root, 0o777) },
		"a link":          func(root string) error { return os.Symlink(t.TempDir(), root) },
		"a file":          func(root string) error { return os.WriteFile(root, nil, 0o600) },
		"somebody's": func(root string) error {
			os.Mkdir(root, 0o700)
			if os.Geteuid() != 0 {
				return os.Chmod(root, 0o777)
			}
			return os.Chown(root, 4711, 4711)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := prepare(filepath.Join(dir, rootName)); err != nil {
				t.Fatal(err)
			}
			var log logged
			o := options(dir, 16<<20)
			o.Logger = log.logger()
			h := use(t, o)
			s := newSource(1, 512*kib)
			all(t, h.reader(t, 1, s), s)
			all(t, h.reader(t, 1, s), s)
			if _, n := s.take(); n != 2*512*kib || log.count("cannot be used") != 1 {
				t.Errorf("%d bytes fetched; log %q", n, log.text.String())
			}
		})
	}
}

// Pages are spread by quota, and found again.
func TestSeveralFolders(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	o := options(a, 4<<20)
	o.Dirs = append(o.Dirs, Dir{b, 12 << 20})
	s := newSource(1, 8<<20)
	h := use(t, o)
	all(t, h.reader(t, 1, s), s)
	stop(h)
	na, _ := pageFiles(t, a)
	nb, _ := pageFiles(t, b)
	if len(na)+len(nb) != 64 || len(na) < 6 || len(na) > 28 {
		t.Errorf("%d and %d pages", len(na), len(nb))
	}
	s.take()
	all(t, use(t, o).reader(t, 1, s), s)
	if _, n := s.take(); n != 0 {
		t.Errorf("%d bytes fetched again", n)
	}
}

func TestTTL(t *testing.T) {
	var mu sync.Mutex
	clock := time.Now()
	o := options(t.TempDir(), 16<<20)
	o.TTL, o.TTLInterval = time.Hour, 5*time.Millisecond
	o.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return clock }
	later := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); clock = clock.Add(d) }
	h := use(t, o)
	s := newSource(1, 256*kib)
	r := h.reader(t, 1, s)
	check(t, r, s, 0, 256*kib)
	later(59 * time.Minute)
	check(t, r, s, 0, 256*kib)
	if _, n := s.take(); n != 256*kib {
		t.Errorf("%d bytes fetched before the time is over", n)
	}
	later(2 * time.Minute)
	check(t, r, s, 0, 10)
	if _, n := s.take(); n != 128*kib {
		t.Errorf("%d bytes fetched for an old page", n)
	}
	until(t, "the other page is removed", func() bool { _, n, _ := h.c.dirs[0].stats(); return n == 1 })
}

func TestOptionsAreChecked(t *testing.T) {
	for _, wrong := range []func(*Options){
		func(o *Options) { o.Dirs = nil },
		func(o *Options) { o.PageBytes = 0 },
		func(o *Options) { o.PageBytes = 1 << 30 },
		func(o *Options) { o.Policy = "MRU" },
	} {
		o := options(t.TempDir(), 1<<20)
		wrong(&o)
		if _, err := Acquire(o, nil); !errors.Is(err, errors.Invalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, policy := range []string{"LRU", "LFU", "LRFU", "S3-FIFO", "W-TinyLFU"} {
		o := options(t.TempDir(), 1<<20)
		o.Policy = policy
		h, err := Acquire(o, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := newSource(1, 4<<20)
		all(t, h.reader(t, 1, s), s)
		all(t, h.reader(t, 1, s), s)
		if _, size := pageFiles(t, o.Dirs[0].Path); size > 1<<20 || size < 700*kib {
			t.Errorf("%s: %d bytes", policy, size)
		}
		h.Close()
	}
}

// Clients of one process share a cache, and its metrics are there once.
func TestSharedByClients(t *testing.T) {
	o := options(t.TempDir(), 16<<20)
	reg := prometheus.NewRegistry()
	a, err := Acquire(o, reg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Acquire(o, reg)
	if err != nil {
		t.Fatal(err)
	}
	s := newSource(1, 512*kib)
	all(t, a.reader(t, 1, s), s)
	a.Close()
	a.Close()
	all(t, b.reader(t, 1, s), s)
	if _, n := s.take(); n != 512*kib {
		t.Errorf("%d bytes fetched", n)
	}
	check := func(want map[string]float64) {
		t.Helper()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			m := f.GetMetric()[0]
			got[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
		for name, v := range want {
			if got[name] != v {
				t.Errorf("%s is %v, want %v", name, got[name], v)
			}
		}
		if want == nil && len(got) != 0 {
			t.Errorf("metrics left: %v", got)
		}
	}
	check(map[string]float64{
		"Client_CacheBytesReadCache": 512 * kib, "Client_CacheBytesRequestedExternal": 512 * kib, "Client_CacheBytesReadExternal": 512 * kib,
		"Client_CacheHitRate": 0.5, "Client_CachePages": 4, "Client_CacheSpaceUsed": 4 * 132 * kib, "Client_CacheBytesWrittenCache": 512 * kib,
		"Client_CacheSpaceAvailable": 16<<20 - 4*132*kib, "Client_CacheState": 2, "Client_CachePutErrors": 0,
	})
	b.Close()
	check(nil)
	if len(registry.caches) != 0 {
		t.Error("the cache is still open")
	}
}

// The names of files tell pages apart, and nothing else is taken for one.
func TestKeyNames(t *testing.T) {
	k := Key{idOf(1), 12}
	if got, ok := parseKey(k.String()); !ok || got != k {
		t.Error(got, ok)
	}
	hex := strings.TrimSuffix(k.String(), "-12")
	for _, name := range []string{"", "x", hex, hex + "-", hex + "--1", hex + "-012", hex + "-+1", hex + "-1x", hex[1:] + "-1", strings.ToUpper(hex) + "-1"} {
		if _, ok := parseKey(name); ok {
			t.Errorf("%q is taken for a page", name)
		}
	}
}
