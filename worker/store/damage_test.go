package store

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// damage is one way in which a cached file goes bad. It reports whether it
// changed anything.
type damage struct {
	name string
	do   func(r *rand.Rand, path, other string) (changed bool, err error)
}

var damages = []damage{
	{"flip", func(r *rand.Rand, path, _ string) (bool, error) {
		return true, edit(path, func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b })
	}},
	{"truncate", func(r *rand.Rand, path, _ string) (bool, error) {
		return true, edit(path, func(b []byte) []byte { return b[:r.IntN(len(b))] })
	}},
	{"zero", func(r *rand.Rand, path, _ string) (bool, error) {
		return true, edit(path, func(b []byte) []byte {
			from := r.IntN(len(b))
			clear(b[from:min(len(b), from+4096)])
			return b
		})
	}},
	{"swap", func(_ *rand.Rand, path, other string) (bool, error) {
		if err := os.Rename(path, path+".x"); err != nil {
			return false, err
		}
		if err := os.Rename(other, path); err != nil {
			return false, err
		}
		return true, os.Rename(path+".x", other)
	}},
	{"stale copy", func(r *rand.Rand, path, _ string) (bool, error) {
		return true, edit(path, func(b []byte) []byte { return rotate(b, SpanSize) })
	}},
	{"delete", func(_ *rand.Rand, path, _ string) (bool, error) { return true, os.Remove(path) }},
	{"extend", func(_ *rand.Rand, path, _ string) (bool, error) {
		return false, edit(path, func(b []byte) []byte { return append(b, 1, 2, 3) })
	}},
}

func rotate(b []byte, n int) []byte {
	n %= len(b)
	return append(append([]byte(nil), b[n:]...), b[:n]...)
}

func edit(path string, f func([]byte) []byte) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, f(b), 0o644)
}

var damageRounds = flag.Int("damages", 150, "how many files TestDamage damages")

// TestDamage damages block files and sidecars of a store, while it runs and
// while it does not, and reads everything back: right bytes always, or for blocks
// without a source, an error.
func TestDamage(t *testing.T) {
	const blocks, size = 8, 3*page + 500
	rounds := *damageRounds
	dir := t.TempDir()
	opts := oneDir(dir, 1000*page)
	r := rand.New(rand.NewPCG(1, 2))
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, s)
	done, noticed := 0, 0
	for round := range rounds {
		for i := range blocks {
			check(t, s, block1(i), size, source(block1(i), size))
		}
		a, b := r.IntN(blocks), r.IntN(blocks)
		if a == b {
			b = (a + 1) % blocks
		}
		how := damages[r.IntN(len(damages))]
		path, other := s.dirs[0].blockPath(block1(a)), s.dirs[0].blockPath(block1(b))
		stopped := r.IntN(3) == 0
		sidecar := stopped && r.IntN(3) == 0
		if stopped {
			stop()
		}
		if sidecar {
			path, other = path+metaSuffix, other+metaSuffix
		}
		changed, err := how.do(r, path, other)
		if err != nil {
			t.Fatal(err)
		}
		done++
		if stopped {
			if s, err = New(opts); err != nil {
				t.Fatal(err)
			}
			stop = run(t, s)
		}
		name := fmt.Sprintf("round %d: %s (stopped %v, sidecar %v)", round, how.name, stopped, sidecar)
		before := reads(a, b, size)
		if readBoth(t, s, name, before) < len(before) && !changed {
			noticed++
		}
		for _, src := range before {
			if src.requests > 0 {
				noticed++
				break
			}
		}
	}
	if done != rounds || noticed < done/2 {
		t.Errorf("%d damages done, %d noticed", done, noticed)
	}
}

// reads are sources for two blocks, so that fetches can be counted.
func reads(a, b int, size int64) map[blockid.ID]*memSource {
	return map[blockid.ID]*memSource{block1(a): source(block1(a), size), block1(b): source(block1(b), size)}
}

func readBoth(t *testing.T, s *Store, name string, srcs map[blockid.ID]*memSource) int {
	t.Helper()
	right := 0
	for id, src := range srcs {
		got, err := fetchAll(s, id, int64(len(src.data)), src)
		if err != nil || !bytes.Equal(got, src.data) {
			t.Fatalf("%s: block %d: wrong bytes, or error %v", name, id, err)
		}
		right++
	}
	return right
}

// TestDamageOfOnlyCopies: what cannot be fetched again is an error, never wrong
// bytes, and the undamaged pages stay readable.
func TestDamageOfOnlyCopies(t *testing.T) {
	const size = 4*page + 10
	for _, how := range damages {
		for _, stopped := range []bool{false, true} {
			dir := t.TempDir()
			s, err := New(oneDir(dir, 100*page))
			if err != nil {
				t.Fatal(err)
			}
			stop := run(t, s)
			put(t, s, block1(0), size, CreateOptions{})
			put(t, s, block1(1), size, CreateOptions{})
			if stopped {
				stop()
			}
			changed, err := how.do(rand.New(rand.NewPCG(3, 4)), s.dirs[0].blockPath(block1(0)), s.dirs[0].blockPath(block1(1)))
			if err != nil {
				t.Fatal(err)
			}
			if stopped {
				s = open(t, oneDir(dir, 100*page))
			}
			got, err := fetchAll(s, block1(0), size, nil)
			switch {
			case !changed:
				if err != nil || !bytes.Equal(got, content(block1(0), size)) {
					t.Errorf("%s: %v", how.name, err)
				}
			case how.name == "delete":
				wantKind(t, err, errors.NotFound)
			case !errors.Is(err, errors.Corrupt):
				t.Errorf("%s, stopped %v: got error %v, want Corrupt", how.name, stopped, err)
			}
			if !bytes.HasPrefix(content(block1(0), size), got) {
				t.Errorf("%s: wrong bytes before the error", how.name)
			}
			stop()
		}
	}
}

// TestScrub: damage is found though nobody reads, kept aside and counted; a damaged
// sidecar is written anew.
func TestScrub(t *testing.T) {
	opts := oneDir(t.TempDir(), 100*page)
	opts.ScrubBytesPerSecond = 1 << 30
	reg := prometheus.NewRegistry()
	opts.Registerer = reg
	s := open(t, opts)
	const size = 4 * page
	put(t, s, block1(0), size, CreateOptions{Fingerprint: "v1"})
	put(t, s, block1(1), size, CreateOptions{Fingerprint: "v1"})
	put(t, s, block1(2), size, CreateOptions{})
	flip := func(b []byte) []byte { b[len(b)*3/4] ^= 1; return b }
	sidecar := s.dirs[0].blockPath(block1(1)) + metaSuffix
	good, err := os.ReadFile(sidecar)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{s.dirs[0].blockPath(block1(0)), sidecar, s.dirs[0].blockPath(block1(2))} {
		if err := edit(path, flip); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the bad page is dropped", func() bool {
		info, err := s.Info(block1(0))
		return err == nil && !info.Whole && info.Bytes == 3*page
	})
	eventually(t, "the sidecar is mended", func() bool {
		b, err := os.ReadFile(sidecar)
		return err == nil && bytes.Equal(b, good)
	})
	kept, err := os.ReadFile(filepath.Join(s.dirs[0].quarantine(), blockFile(block1(0))+".page3"))
	if want := flip(content(block1(0), size))[3*page:]; err != nil || !bytes.Equal(kept, want) {
		t.Errorf("the damaged page was not kept: %d bytes, %v", len(kept), err)
	}
	eventually(t, "the damage of the only copy is known", func() bool {
		return counted(t, reg, "Worker_PagesCorrupt") == 2 && counted(t, reg, "Worker_BytesScrubbed") > 0
	})
	if info, err := s.Info(block1(2)); err != nil || !info.Whole {
		t.Errorf("the only copy: %+v, %v", info, err)
	}
	if n := counted(t, reg, "Worker_PagesQuarantined"); n != 1 {
		t.Errorf("%g pages kept aside", n)
	}
}

// counted is the value of a counter.
func counted(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
