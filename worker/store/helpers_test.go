package store

import (
	"bytes"
	"context"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

const page = 128 << 10 // two spans: small enough for many pages in a test

// content is what block id has: no two blocks share a span.
func content(id blockid.ID, n int64) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24), 7})
	_, _ = r.Read(b)
	return b
}

func block1(i int) blockid.ID { return blockid.Container(i + 1).Block(0) }

// memSource is an under store object with the content of a block.
type memSource struct {
	data  []byte
	delay time.Duration
	fail  error

	mu       sync.Mutex
	requests int
	fetched  map[int64]int // bytes by page offset, how often
}

func source(id blockid.ID, n int64) *memSource {
	return &memSource{data: content(id, n), fetched: map[int64]int{}}
}

func (m *memSource) Open(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests++
	if m.fail != nil {
		return nil, m.fail
	}
	for p := off; p < off+n; p += page {
		m.fetched[p]++
	}
	var r io.Reader = bytes.NewReader(m.data[off:min(off+n, int64(len(m.data)))])
	if m.delay > 0 {
		r = slowReader{r, m.delay}
	}
	return io.NopCloser(r), nil
}

func (m *memSource) most() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	most := 0
	for _, n := range m.fetched {
		most = max(most, n)
	}
	return most
}

func (m *memSource) pages() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.fetched)
}

type slowReader struct {
	r     io.Reader
	delay time.Duration
}

func (s slowReader) Read(p []byte) (int, error) {
	time.Sleep(s.delay)
	return s.r.Read(p)
}

// oneDir are the options of a store with a single directory.
func oneDir(dir string, quota int64) Options {
	return Options{PageSize: page, Tiers: []TierOptions{{Alias: "MEM", Dirs: []DirOptions{{Path: dir, Quota: quota}}}}}
}

// open opens a store and runs it until the test ends.
func open(t testing.TB, opts Options) *Store {
	t.Helper()
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	return s
}

// run runs s; stop ends it early.
func run(t testing.TB, s *Store) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		checkAccounts(t, s)
	})
	t.Cleanup(stop)
	return stop
}

// put writes a block as a client would.
func put(t testing.TB, s *Store, id blockid.ID, n int64, opts CreateOptions) Info {
	t.Helper()
	info, err := write(s, id, n, opts, 100<<10)
	if err != nil {
		t.Fatalf("writing block %d: %v", id, err)
	}
	return info
}

func write(s *Store, id blockid.ID, n int64, opts CreateOptions, chunk int) (Info, error) {
	w, err := s.Create(id, opts)
	if err != nil {
		return Info{}, err
	}
	for data := content(id, n); len(data) > 0; {
		k := min(chunk, len(data))
		if _, err := w.Write(data[:k]); err != nil {
			w.Abort()
			return Info{}, err
		}
		data = data[k:]
	}
	return w.Commit()
}

// readAll reads a block whole in chunks.
func readAll(h *Handle, chunk int) ([]byte, error) {
	var out []byte
	for off := int64(0); off < h.Len(); {
		n := int(min(int64(chunk), h.Len()-off))
		p, release, err := h.Lend(context.Background(), off, n)
		if err == nil && p == nil {
			p, err = h.Read(context.Background(), make([]byte, BufferSize(off, n)), off, n)
			release = func() {}
		}
		if err != nil {
			return out, err
		}
		out = append(out, p...)
		release()
		off += int64(n)
	}
	return out, nil
}

// check reads block id, from src if not nil, and compares it with its content.
func check(t testing.TB, s *Store, id blockid.ID, n int64, src *memSource) {
	t.Helper()
	got, err := fetchAll(s, id, n, src)
	if err != nil {
		t.Fatalf("reading block %d: %v", id, err)
	}
	if !bytes.Equal(got, content(id, n)) {
		t.Fatalf("block %d: wrong bytes", id)
	}
}

func fetchAll(s *Store, id blockid.ID, n int64, src *memSource) ([]byte, error) {
	var h *Handle
	var err error
	if src != nil {
		h, err = s.OpenFill(id, FillOptions{Length: n, Fingerprint: "v1"}, src)
	} else {
		h, err = s.Open(id)
	}
	if err != nil {
		return nil, err
	}
	defer h.Close()
	defer h.Settle(context.Background())
	return readAll(h, 100_000)
}

// checkAccounts compares the accounting of an idle store with its index and
// with the files on disk.
func checkAccounts(t testing.TB, s *Store) {
	t.Helper()
	s.fetching.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	used, evictable := map[*dir]int64{}, map[*dir]int64{}
	only := map[blockid.Container]int{}
	for id, b := range s.mu.blocks {
		if !b.confirmed {
			only[id.Container()]++
		}
		if b.refs != 0 || b.moving {
			t.Errorf("block %d: %d references left, moving %v", id, b.refs, b.moving)
		}
		m := meta{length: b.length, pageSize: b.pageSize, present: b.mu.present}
		if m.bytes() != b.bytes || m.whole() != b.whole {
			t.Errorf("block %d: accounted %d bytes, whole %v; has %d, %v", id, b.bytes, b.whole, m.bytes(), m.whole())
		}
		used[b.dir] += b.bytes
		if b.tracked {
			evictable[b.dir] += b.bytes
		}
		if _, err := os.Stat(b.path()); err != nil && b.dir.state != dirFailed {
			t.Errorf("block %d is in the index: %v", id, err)
		}
	}
	for _, d := range s.dirs {
		if d.evictable != evictable[d] {
			t.Errorf("%s: evictable %d, of blocks %d", d.Path, d.evictable, evictable[d])
		}
		if d.used != used[d] || d.reserved != 0 || d.written != 0 || d.leaving != 0 {
			t.Errorf("%s: used %d, reserved %d, written %d, leaving %d; its blocks have %d", d.Path, d.used, d.reserved, d.written, d.leaving, used[d])
		}
		if d.used > d.Quota {
			t.Errorf("%s: %d used of %d", d.Path, d.used, d.Quota)
		}
		if left, _ := filepath.Glob(filepath.Join(d.tmp, "*.meta")); len(left) > 0 {
			t.Errorf("temporary sidecars left: %v", left)
		}
	}
	if !maps.Equal(only, s.mu.only) || len(s.mu.open) != 0 {
		t.Errorf("unconfirmed blocks %v, counted %v; %d open", only, s.mu.only, len(s.mu.open))
	}
	if len(s.mu.claims) != 0 {
		t.Errorf("claims left: %v", s.mu.claims)
	}
}

// wantKind fails the test unless err has the kind.
func wantKind(t testing.TB, err error, kind errors.Kind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want kind %v", err, kind)
	}
}

// eventually polls until ok or ten seconds passed.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting until %s", what)
		}
	}
}
