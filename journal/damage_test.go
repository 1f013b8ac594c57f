package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
)

// damaged is a journal with checkpoints and a log of several pages and levels,
// to be damaged.
func damaged(t *testing.T) (dir, hash string) {
	t.Helper()
	dir = formatted(t)
	l := &list{}
	j := start(t, open(t, journal.Options{Dir: dir, StateMachine: l, TrailingEntries: 100})).leads()
	write := func(n, size int) {
		done := make(chan error)
		for i := range n {
			go func() {
				_, _, err := j.Propose(t.Context(), fmt.Appendf(nil, "%d:%s", i, strings.Repeat("v", size)))
				done <- err
			}()
		}
		for range n {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	}
	write(300, 100)
	write(3, 9000) // overflow pages
	if err := j.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(1500, 60)
	j.stop()
	return dir, l.hash()
}

// attempt starts the journal in dir and returns the hash of the state when it
// leads, or why it does not.
func attempt(t *testing.T, dir string) (hash string, err error) {
	t.Helper()
	l := &list{}
	j, err := journal.Open(journal.Options{Dir: dir, StateMachine: l})
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	for j.Term() == nil {
		select {
		case err := <-done:
			if err == nil {
				err = fmt.Errorf("neither leads nor fails")
			}
			return "", err
		case <-time.After(time.Millisecond):
		}
	}
	hash = l.hash()
	cancel()
	return hash, <-done
}

func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "journal")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func files(t *testing.T, dir string) (log, checkpoint, marker string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "checkpoints", "*.ckpt"))
	if err != nil || len(names) != 1 {
		t.Fatalf("checkpoints %v, %v", names, err)
	}
	return filepath.Join(dir, "log.db"), names[0], filepath.Join(dir, "journal.json")
}

// TestFlips flips bits everywhere. Whatever is hit: the journal starts with
// exactly the state it had, or refuses with an error of kind Corrupt that
// names the file. It never starts with another state and never panics.
func TestFlips(t *testing.T) {
	dir, want := damaged(t)
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	log, checkpoint, marker := files(t, dir)
	work := copyDir(t, dir)
	refused := map[string]int{}
	try := func(what, path string, off int64) {
		t.Helper()
		rel, _ := filepath.Rel(dir, path)
		pristine, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		flipped := bytes.Clone(pristine)
		flipped[off] ^= 1 << rnd.IntN(8)
		target := filepath.Join(work, rel)
		if err := os.WriteFile(target, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		hash, err := attempt(t, work)
		switch {
		case errors.Is(err, errors.Corrupt):
			refused[what]++
			if !strings.Contains(err.Error(), filepath.Base(rel)) {
				t.Errorf("%s at %d: the error does not name the file: %v", what, off, err)
			}
		case err != nil && !(what == "marker" && errors.Is(err, errors.FailedPrecondition)):
			t.Errorf("%s at %d: %v", what, off, err)
		case err == nil && hash != want:
			t.Errorf("%s at %d: started with another state", what, off)
		}
		// The start may have written to the log.
		for _, p := range []string{path, log} {
			rel, _ := filepath.Rel(dir, p)
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(work, rel), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	n := 16
	if testing.Short() {
		n = 6
	}
	size := func(path string) int64 {
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return st.Size()
	}
	for range n {
		try("marker", marker, rnd.Int64N(size(marker)))
		try("checkpoint", checkpoint, rnd.Int64N(size(checkpoint)))
		page := rnd.Int64N(2) * 4096
		try("meta page", log, page+16+rnd.Int64N(64))
		live := livePages(t, log)
		page = live[rnd.IntN(len(live))] * 4096
		try("page header", log, page+rnd.Int64N(16))
		try("page element", log, page+16+rnd.Int64N(16*4))
		try("page data", log, page+rnd.Int64N(4096))
	}
	t.Logf("of %d flips each, refused: %v", n, refused)
	for what, least := range map[string]int{"marker": n / 2, "checkpoint": n, "meta page": n, "page header": n / 4, "page element": n / 2, "page data": n / 4} {
		if refused[what] < least {
			t.Errorf("%s: only %d of %d flips were noticed", what, refused[what], n)
		}
	}
}

// livePages lists the pages of a log that carry its newest state: those from
// which the newest meta page can be reached.
func livePages(t *testing.T, log string) []int64 {
	t.Helper()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	meta := b[16:]
	if le.Uint64(b[4096+16+48:]) > le.Uint64(b[16+48:]) {
		meta = b[4096+16:]
	}
	var live []int64
	var walk func(id uint64)
	walk = func(id uint64) {
		live = append(live, int64(id))
		p := b[id*4096:]
		for i := range int(le.Uint16(p[10:])) {
			e := p[16+16*i:]
			switch flags := le.Uint16(p[8:]); {
			case flags == 1:
				walk(le.Uint64(e[8:]))
			case le.Uint32(e) == 1: // a bucket
				v := e[le.Uint32(e[4:])+le.Uint32(e[8:]):]
				if root := le.Uint64(v); root != 0 {
					walk(root)
				}
			}
		}
	}
	walk(le.Uint64(meta[16:]))
	return live
}

// TestMissingAndCut removes and truncates files.
func TestMissingAndCut(t *testing.T) {
	dir, want := damaged(t)
	log, checkpoint, marker := files(t, dir)
	rel := func(path string) string { r, _ := filepath.Rel(dir, path); return r }
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		kind   errors.Kind
		text   string
	}{
		{"log gone", func(d string) error { return os.Remove(filepath.Join(d, rel(log))) }, errors.Corrupt, "missing"},
		{"log empty", func(d string) error { return os.Truncate(filepath.Join(d, rel(log)), 0) }, errors.Corrupt, "log.db"},
		{"log cut", func(d string) error { return os.Truncate(filepath.Join(d, rel(log)), 5*4096) }, errors.Corrupt, "cut off"},
		{"checkpoint gone", func(d string) error { return os.Remove(filepath.Join(d, rel(checkpoint))) }, errors.Corrupt, "begins with entry"},
		{"checkpoint empty", func(d string) error { return os.Truncate(filepath.Join(d, rel(checkpoint)), 0) }, errors.Corrupt, "cut off"},
		{"checkpoint cut", func(d string) error { return os.Truncate(filepath.Join(d, rel(checkpoint)), 2000) }, errors.Corrupt, ".ckpt"},
		{"checkpoint renamed", func(d string) error {
			return os.Rename(filepath.Join(d, rel(checkpoint)), filepath.Join(d, "checkpoints", "00000000000000999999-00000000000000000001.ckpt"))
		}, errors.Corrupt, "holds the checkpoint"},
		{"checkpoint longer", func(d string) error {
			f, err := os.OpenFile(filepath.Join(d, rel(checkpoint)), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteString("more")
			return err
		}, errors.Corrupt, ".ckpt"},
		{"marker gone", func(d string) error { return os.Remove(filepath.Join(d, rel(marker))) }, errors.NotFound, "formatMasters"},
		{"unfinished checkpoint", func(d string) error {
			return os.WriteFile(filepath.Join(d, "checkpoints", "00000000000000009999-00000000000000000001.ckpt.tmp"), []byte("half"), 0o600)
		}, errors.Other, ""},
		{"nothing", func(string) error { return nil }, errors.Other, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			work := copyDir(t, dir)
			if err := c.damage(work); err != nil {
				t.Fatal(err)
			}
			hash, err := attempt(t, work)
			if c.kind == errors.Other {
				if err != nil || hash != want {
					t.Fatalf("%v, state %s instead of %s", err, hash, want)
				}
				if left, _ := filepath.Glob(filepath.Join(work, "checkpoints", "*.tmp")); len(left) > 0 {
					t.Errorf("left %v", left)
				}
				return
			}
			wantKind(t, err, c.kind, c.text)
		})
	}
}

// TestSwappedSections: each section is bound to its place.
func TestSwappedSections(t *testing.T) {
	dir := formatted(t)
	j := start(t, open(t, journal.Options{Dir: dir, StateMachine: &list{}})).leads()
	for _, c := range "ab" {
		j.propose(strings.Repeat(string(c), 1<<20))
	}
	if err := j.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	j.stop()
	_, path, _ := files(t, dir)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := 16 + int(binary.LittleEndian.Uint32(b[8:]))
	second := first + 8 + 1<<20
	swapped := bytes.Clone(b)
	copy(swapped[first:], b[second:second+8+1<<20])
	copy(swapped[second:], b[first:second])
	if err := os.WriteFile(path, swapped, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = attempt(t, dir)
	wantKind(t, err, errors.Corrupt, "section 1")
}

// TestRestoreFails: a state machine that cannot take its checkpoint ends the
// journal with its reason.
func TestRestoreFails(t *testing.T) {
	dir, _ := damaged(t)
	l := &list{}
	l.mu.fail = errors.Errorf(errors.Unsupported, "written by a newer version")
	j := start(t, open(t, journal.Options{Dir: dir, StateMachine: l}))
	<-j.done
	wantKind(t, j.err, errors.Unsupported, "newer version")
}

// TestDump: a dump shows what was written, and refuses a journal in use.
func TestDump(t *testing.T) {
	dir := formatted(t)
	j := start(t, open(t, journal.Options{Dir: dir, StateMachine: &list{}})).leads()
	j.propose("one")
	if err := j.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := j.propose("two")
	wantKind(t, journal.Dump(dir, journal.Visitor{}), errors.FailedPrecondition, "in use", fmt.Sprint(os.Getpid()))
	j.stop()
	var got []string
	err := journal.Dump(dir, journal.Visitor{
		Checkpoint: func(info journal.CheckpointInfo, r io.Reader) error {
			b, err := io.ReadAll(r)
			got = append(got, fmt.Sprintf("checkpoint %q %d", b, info.Bytes))
			return err
		},
		Entry: func(e journal.Entry) error {
			if e.Kind == journal.KindRecord {
				got = append(got, fmt.Sprintf("%s %s %v", e.Kind, e.Record, e.Fenced))
			}
			if e.Index == last && time.Since(e.Appended).Abs() > time.Minute {
				t.Errorf("appended %v", e.Appended)
			}
			return nil
		},
	})
	if want := `[checkpoint "\x03one" 4 record one false record two false]`; err != nil || fmt.Sprint(got) != want {
		t.Errorf("dump %v, %v; want %s", got, err, want)
	}
}
