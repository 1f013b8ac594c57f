package journal

import (
	"io"
	"runtime"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// fsm adapts a StateMachine to raft. raft calls it from one goroutine.
type fsm struct {
	sm      StateMachine
	fail    func(error)
	running atomic.Bool // raft's goroutines run: they may be ended

	applied atomic.Uint64 // index of the last record applied
	newest  func() uint64 // index that the newest checkpoint covers
	every   uint64        // entries between checkpoints
	due     chan struct{} // told when a checkpoint is due; capacity 1
}

// outcome is what became of a record.
type outcome struct {
	result any
	fenced bool // proposed by a term that had ended: not applied
}

// Apply applies one entry.
func (f *fsm) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch applies entries, in order.
func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	results := make([]any, len(logs))
	for i, l := range logs {
		if l.Type != raft.LogCommand {
			continue
		}
		term, record, err := unwrapRecord(l.Index, l.Data)
		if err != nil {
			f.giveUp(err)
			return results
		}
		if term != l.Term {
			results[i] = outcome{fenced: true}
			continue
		}
		results[i] = outcome{result: f.sm.Apply(record)}
	}
	f.applied.Store(logs[len(logs)-1].Index)
	if f.overdue() {
		select {
		case f.due <- struct{}{}:
		default:
		}
	}
	return results
}

// overdue reports whether it is time for a checkpoint.
func (f *fsm) overdue() bool { return f.applied.Load() >= f.newest()+f.every }

// giveUp ends the journal, and raft's goroutine before it goes on to
// the next entry.
func (f *fsm) giveUp(err error) {
	f.fail(err)
	if f.running.Load() {
		runtime.Goexit()
	}
}

// Snapshot returns a view of the state machine.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	snap, err := f.sm.Snapshot()
	if err != nil {
		return nil, err
	}
	return fsmSnapshot{snap}, nil
}

// Restore replaces the state by that of a checkpoint. The state machine is of
// no use after a failure, and another checkpoint would not be the newest, so a
// failure ends the journal.
func (f *fsm) Restore(r io.ReadCloser) error {
	err := f.sm.Restore(r)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // verifies the end
	}
	if err != nil {
		f.giveUp(err)
	}
	return err
}

type fsmSnapshot struct{ snap Snapshot }

// Persist writes the snapshot; raft closes or cancels the sink.
func (s fsmSnapshot) Persist(sink raft.SnapshotSink) error { return s.snap.Write(sink) }

// Release lets the snapshot go.
func (s fsmSnapshot) Release() { s.snap.Release() }
