package journal

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/alluxio-go/alluxio/internal/errors"
)

func testStore(t *testing.T) *logStore {
	t.Helper()
	path := filepath.Join(t.TempDir(), logName)
	if err := createLog(path); err != nil {
		t.Fatal(err)
	}
	return reopen(t, path)
}

func reopen(t *testing.T, path string) *logStore {
	t.Helper()
	found, err := verifyLog(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openLog(path, found, slog.New(slog.DiscardHandler), newMetrics(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	return s
}

func logs(from, to, term uint64) []*raft.Log {
	var l []*raft.Log
	for i := from; i <= to; i++ {
		l = append(l, &raft.Log{Index: i, Term: term, Data: fmt.Appendf(nil, "%d@%d", i, term), AppendedAt: time.Unix(int64(i), 5)})
	}
	return l
}

// check compares the store with what it should hold, entry by entry, and again
// after reopening it.
func (s *logStore) check(t *testing.T, want []*raft.Log) *logStore {
	t.Helper()
	for range 2 {
		first, last := uint64(0), uint64(0)
		if len(want) > 0 {
			first, last = want[0].Index, want[len(want)-1].Index
		}
		if f, l := s.bounds(); f != first || l != last {
			t.Fatalf("holds %d to %d, want %d to %d", f, l, first, last)
		}
		for _, w := range want {
			var l raft.Log
			if err := s.GetLog(w.Index, &l); err != nil {
				t.Fatal(err)
			}
			if l.Term != w.Term || l.Type != w.Type || !bytes.Equal(l.Data, w.Data) || !l.AppendedAt.Equal(w.AppendedAt) {
				t.Fatalf("entry %d is %+v, want %+v", w.Index, l, w)
			}
		}
		for _, i := range []uint64{0, first - 1, last + 1} {
			var l raft.Log
			if err := s.GetLog(i, &l); i+1 != 0 && err != raft.ErrLogNotFound {
				t.Fatalf("entry %d: %v", i, err)
			}
		}
		s.close()
		s = reopen(t, s.path)
	}
	return s
}

func TestLogStore(t *testing.T) {
	s := testStore(t).check(t, nil)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.SetUint64([]byte(raftTerm), 9))
	must(s.StoreLogs(logs(1, 2000, 1)))
	must(s.StoreLog(logs(2001, 2001, 2)[0]))
	all := append(logs(1, 2000, 1), logs(2001, 2001, 2)...)
	s = s.check(t, all)
	must(s.DeleteRange(1, 700))
	s = s.check(t, all[700:])
	must(s.DeleteRange(1990, 5000))
	s = s.check(t, all[700:1989])
	must(s.StoreLogs(logs(1985, 2100, 3))) // what a failed write left behind is replaced
	all = append(all[700:1984:1984], logs(1985, 2100, 3)...)
	s = s.check(t, all)
	if err := s.StoreLogs(logs(2102, 2102, 3)); !errors.Is(err, errors.Internal) {
		t.Errorf("a gap: %v", err)
	}
	s = s.check(t, all)
	if err := s.DeleteRange(1000, 1010); err == nil {
		t.Error("deleted from the middle")
	}
	must(s.DeleteRange(1, 1<<40))
	s = s.check(t, nil)
	must(s.StoreLogs(logs(9000, 9001, 4))) // after a checkpoint from the leader
	s.check(t, logs(9000, 9001, 4))
}

func TestVote(t *testing.T) {
	s := testStore(t)
	if err := s.SetUint64([]byte(raftTerm), 7); err != nil {
		t.Fatal(err)
	}
	if err := s.SetUint64([]byte(raftVotedTerm), 6); err != nil {
		t.Fatal(err)
	}
	if err := s.Set([]byte(raftCandidate), []byte("node")); err != nil {
		t.Fatal(err)
	}
	s.close()
	s = reopen(t, s.path)
	term, err1 := s.GetUint64([]byte(raftTerm))
	voted, err2 := s.GetUint64([]byte(raftVotedTerm))
	whom, err3 := s.Get([]byte(raftCandidate))
	if term != 7 || voted != 6 || string(whom) != "node" || err1 != nil || err2 != nil || err3 != nil {
		t.Errorf("%d %d %q %v %v %v", term, voted, whom, err1, err2, err3)
	}
	if err := s.SetUint64([]byte("x"), 1); err == nil {
		t.Error("kept something unknown")
	}
}

// TestDamageWhileRunning: an entry that is damaged behind bbolt's back is not
// handed out; the reader's goroutine ends and the journal is told why.
func TestDamageWhileRunning(t *testing.T) {
	s := testStore(t)
	if err := s.bootstrap(raft.Configuration{}); err != nil {
		t.Fatal(err)
	}
	if err := s.StoreLogs(logs(2, 500, 1)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(b, []byte("250@1"))
	f, err := os.OpenFile(s.path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("X"), int64(at)); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	s.fail = func(err error) { failed <- err }
	s.running.Store(true)
	returned, ended := false, make(chan struct{})
	go func() {
		defer close(ended)
		var l raft.Log
		s.GetLog(250, &l)
		returned = true
	}()
	<-ended
	if err := <-failed; !errors.Is(err, errors.Corrupt) {
		t.Errorf("failed with %v", err)
	}
	if returned {
		t.Error("the reader went on")
	}
}

// TestFence: a record whose proposer's term had ended is not applied.
func TestFence(t *testing.T) {
	m := &recorder{}
	f := &fsm{sm: m, newest: func() uint64 { return 0 }, every: 100}
	got := f.ApplyBatch([]*raft.Log{
		{Index: 1, Term: 5, Data: wrapRecord(5, []byte("a"))},
		{Index: 2, Term: 7, Data: wrapRecord(5, []byte("stale"))},
		{Index: 3, Term: 7, Type: raft.LogNoop},
		{Index: 4, Term: 7, Data: wrapRecord(7, []byte("b"))},
	})
	if m.all != "ab" || !got[1].(outcome).fenced || got[3].(outcome).result != "b" || got[2] != nil {
		t.Errorf("applied %q, %v", m.all, got)
	}
	if f.applied.Load() != 4 {
		t.Errorf("applied up to %d", f.applied.Load())
	}
}

type recorder struct{ all string }

func (r *recorder) Apply(b []byte) any          { r.all += string(b); return string(b) }
func (r *recorder) Snapshot() (Snapshot, error) { return nil, nil }
func (r *recorder) Restore(io.Reader) error     { return nil }

// TestDropMapped: reading a log through the mapping costs no memory for long.
func TestDropMapped(t *testing.T) {
	s := testStore(t)
	for from := uint64(1); from < 20_000; from += 1000 {
		batch := logs(from, from+999, 0)
		for _, l := range batch {
			l.Data = make([]byte, 500)
		}
		if err := s.StoreLogs(batch); err != nil {
			t.Fatal(err)
		}
	}
	read := func() {
		t.Helper()
		for i := uint64(1); i <= 20_000; i++ {
			var l raft.Log
			if err := s.GetLog(i, &l); err != nil {
				t.Fatal(err)
			}
		}
	}
	read()
	before := mappedBytes(t)
	s.dropMapped()
	if after := mappedBytes(t); before-after < 5<<20 {
		t.Errorf("%d bytes of files were mapped, now %d", before, after)
	}
	read()
}

// mappedBytes is the memory of the process that files back.
func mappedBytes(t *testing.T) (n int64) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	_, rest, ok := bytes.Cut(b, []byte("RssFile:"))
	if _, err := fmt.Sscan(string(rest), &n); !ok || err != nil {
		t.Skip("the kernel does not tell")
	}
	return n << 10
}
