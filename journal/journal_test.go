package journal_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashChildDir); dir != "" {
		crashChild(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// subject is what the conformance suite runs against.
type subject interface {
	Run(context.Context) error
	Term() *journal.Term
	Propose(context.Context, []byte) (any, uint64, error)
	Barrier(context.Context) error
	Checkpoint(context.Context) error
	Stats() journal.Stats
}

// running is a journal with its Run under way.
type running struct {
	subject
	t    *testing.T
	end  context.CancelFunc
	done chan struct{}
	err  error
}

func start(t *testing.T, s subject) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{subject: s, t: t, end: cancel, done: make(chan struct{})}
	go func() { defer close(r.done); r.err = s.Run(ctx) }()
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *running) stop() error {
	r.end()
	<-r.done
	return r.err
}

// leads waits until the journal leads.
func (r *running) leads() *running {
	r.t.Helper()
	eventually(r.t, "leadership", func() bool {
		select {
		case <-r.done:
			r.t.Fatalf("the journal ended: %v", r.err)
		default:
		}
		return r.Term() != nil
	})
	return r
}

func (r *running) propose(record string) uint64 {
	r.t.Helper()
	_, index, err := r.Propose(r.t.Context(), []byte(record))
	if err != nil {
		r.t.Fatalf("Propose(%q): %v", record, err)
	}
	return index
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func formatted(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "journal")
	if err := journal.Format(dir, journal.FormatOptions{ID: "test"}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, opts journal.Options) *journal.Journal {
	t.Helper()
	j, err := journal.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func wantKind(t *testing.T, err error, kind errors.Kind, texts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v is of kind %v, want %v", err, errors.KindOf(err), kind)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func TestConformance(t *testing.T) {
	kinds := map[string]func(t *testing.T, opts journal.Options) subject{
		"mem": func(t *testing.T, opts journal.Options) subject { return journal.NewMem(opts) },
		"real": func(t *testing.T, opts journal.Options) subject {
			opts.Dir = formatted(t)
			return open(t, opts)
		},
	}
	tests := map[string]func(t *testing.T, mk func(journal.Options) *running){
		"Propose":    conformPropose,
		"Refusals":   conformRefusals,
		"Leadership": conformLeadership,
		"Callers":    conformCallers,
		"Checkpoint": conformCheckpoint,
	}
	for kind, mk := range kinds {
		for name, test := range tests {
			t.Run(kind+"/"+name, func(t *testing.T) {
				test(t, func(opts journal.Options) *running { return start(t, mk(t, opts)) })
			})
		}
	}
}

func conformPropose(t *testing.T, mk func(journal.Options) *running) {
	l := &list{}
	j := mk(journal.Options{StateMachine: l}).leads()
	var last uint64
	for i := range 10 {
		result, index, err := j.Propose(t.Context(), fmt.Appendf(nil, "r%d", i))
		if err != nil || result != at(i+1) || index <= last {
			t.Fatalf("Propose %d = %v, %d, %v after index %d", i, result, index, err, last)
		}
		last = index
	}
	if got := strings.Join(l.all(), " "); got != "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9" {
		t.Errorf("applied %s", got)
	}
	if err := j.Barrier(t.Context()); err != nil {
		t.Errorf("Barrier: %v", err)
	}
	s := j.Stats()
	if !s.Leading || s.AppliedIndex < last || s.LastIndex < last || s.Term == 0 || s.Leader == "" || s.GainedLead.IsZero() {
		t.Errorf("stats %+v", s)
	}
	if len(s.Peers) != 1 || !s.Peers[0].Leader {
		t.Errorf("peers %+v", s.Peers)
	}
}

func conformRefusals(t *testing.T, mk func(journal.Options) *running) {
	l := &list{}
	j := mk(journal.Options{StateMachine: l, MaxRecordBytes: 100})
	if _, _, err := j.Propose(t.Context(), nil); err == nil {
		t.Error("proposed nothing")
	}
	j.leads()
	_, _, err := j.Propose(t.Context(), nil)
	wantKind(t, err, errors.Invalid)
	_, _, err = j.Propose(t.Context(), make([]byte, 101))
	wantKind(t, err, errors.Invalid, "101")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = j.Propose(ctx, []byte("late"))
	wantKind(t, err, errors.Cancelled)
	if l.len() != 0 {
		t.Errorf("applied %q", l.all())
	}
	if _, _, err := j.Propose(t.Context(), make([]byte, 100)); err != nil {
		t.Error(err)
	}
	term := j.Term()
	if err := j.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	for _, propose := range []func(context.Context, []byte) (any, uint64, error){j.Propose, term.Propose} {
		_, _, err = propose(t.Context(), []byte("after the end"))
		wantKind(t, err, errors.Unavailable)
		if journal.IsUncertain(err) {
			t.Errorf("%v: nothing is uncertain here", err)
		}
	}
	if l.len() != 1 || j.Term() != nil {
		t.Errorf("after the end: %d records, term %v", l.len(), j.Term())
	}
}

func conformLeadership(t *testing.T, mk func(journal.Options) *running) {
	began := make(chan *journal.Term, 1)
	ended := make(chan error, 1)
	j := mk(journal.Options{StateMachine: &list{}, OnLead: func(ctx context.Context, term *journal.Term) {
		if _, _, err := term.Propose(ctx, []byte("first")); err != nil {
			t.Errorf("a leader cannot propose: %v", err)
		}
		began <- term
		<-ctx.Done()
		_, _, err := term.Propose(context.Background(), []byte("too late"))
		ended <- err
	}})
	term := <-began
	if term.Context().Err() != nil || term.Number() == 0 {
		t.Errorf("term %d: %v", term.Number(), term.Context().Err())
	}
	j.stop()
	wantKind(t, <-ended, errors.Unavailable)
	if term.Context().Err() == nil {
		t.Error("the term outlives the journal")
	}
}

func conformCallers(t *testing.T, mk func(journal.Options) *running) {
	const callers, each = 16, 50
	l := &list{}
	j := mk(journal.Options{StateMachine: l}).leads()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				record := fmt.Sprintf("%d/%d", c, i)
				result, _, err := j.Propose(t.Context(), []byte(record))
				if err != nil || l.all()[result.(at)-1] != record {
					t.Errorf("%s: %v, %v", record, result, err)
					return
				}
			}
		})
	}
	wg.Wait()
	next := make([]int, callers)
	for _, r := range l.all() {
		var c, i int
		fmt.Sscanf(r, "%d/%d", &c, &i)
		if i != next[c] {
			t.Fatalf("caller %d: %d instead of %d", c, i, next[c])
		}
		next[c]++
	}
	if l.len() != callers*each {
		t.Errorf("%d records", l.len())
	}
}

func conformCheckpoint(t *testing.T, mk func(journal.Options) *running) {
	l := &list{}
	j := mk(journal.Options{StateMachine: l}).leads()
	for range 2 { // the second finds little to do
		index := j.propose("x")
		if err := j.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := j.Stats()
		if s.CheckpointIndex < index || s.EntriesSinceCheckpoint > 1 || time.Since(s.CheckpointTime) > time.Minute {
			t.Errorf("stats %+v after a checkpoint of %d", s, index)
		}
	}
	if l.released != 2 {
		t.Errorf("%d snapshots released, want 2", l.released)
	}
}

// TestRestart restarts a journal many times: with and without checkpoints, all
// records are there, once and in order.
func TestRestart(t *testing.T) {
	dir := formatted(t)
	var want []string
	for round := range 8 {
		l := &list{}
		j := start(t, open(t, journal.Options{Dir: dir, StateMachine: l, TrailingEntries: 5})).leads()
		if got := l.all(); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("round %d: got %q, want %q", round, got, want)
		}
		for i := range 20 {
			r := fmt.Sprintf("%d.%d", round, i)
			j.propose(r)
			want = append(want, r)
			if round%3 == 1 && i == 12 {
				if err := j.Checkpoint(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := j.stop(); err != nil {
			t.Fatal(err)
		}
		if round > 1 && l.mu.restored != 1 {
			t.Errorf("round %d: restored %d times", round, l.mu.restored)
		}
	}
}

// TestElectsItselfAtOnce: the start of a cluster has little time for this.
func TestElectsItselfAtOnce(t *testing.T) {
	dir := formatted(t)
	best := time.Hour
	for range 3 {
		began := time.Now()
		j := start(t, open(t, journal.Options{Dir: dir, StateMachine: &list{}})).leads()
		best = min(best, time.Since(began))
		j.stop()
	}
	if best > 300*time.Millisecond {
		t.Errorf("leads after %v at best", best)
	}
}

// TestCheckpointsByItself: the log stays short without being asked.
func TestCheckpointsByItself(t *testing.T) {
	dir := formatted(t)
	l := &list{}
	reg := prometheus.NewRegistry()
	j := start(t, open(t, journal.Options{Dir: dir, StateMachine: l, CheckpointEntries: 100, TrailingEntries: 10, Registerer: reg})).leads()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				j.propose("record")
			}
		})
	}
	wg.Wait()
	eventually(t, "a checkpoint", func() bool { return j.Stats().EntriesSinceCheckpoint < 100 })
	if fams, err := reg.Gather(); err != nil || len(fams) < 8 {
		t.Errorf("%d metric families, %v", len(fams), err)
	}
	j.stop()
	if fams, _ := reg.Gather(); len(fams) != 0 {
		t.Errorf("%d metric families are left registered", len(fams))
	}
	first := uint64(0)
	var info journal.CheckpointInfo
	err := journal.Dump(dir, journal.Visitor{Entry: func(e journal.Entry) error {
		if first == 0 {
			first = e.Index
		}
		return nil
	}, Checkpoint: func(i journal.CheckpointInfo, r io.Reader) error { info = i; return nil }})
	if err != nil || info.Index < 700 || first < 2 || first > info.Index+1 {
		t.Errorf("log begins with %d, checkpoint at %d: %v", first, info.Index, err)
	}
	again := &list{}
	start(t, open(t, journal.Options{Dir: dir, StateMachine: again})).leads()
	if again.hash() != l.hash() {
		t.Error("another state after the restart")
	}
}

func logTo(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}
