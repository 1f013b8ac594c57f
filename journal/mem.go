package journal

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Mem is a journal in memory, for tests: one voter, nothing survives the
// process. It keeps the contract of Journal, with leadership in the test's hands.
type Mem struct {
	opts Options
	mu   struct {
		sync.Mutex
		term     *Term
		end      context.CancelFunc
		number   uint64
		index    uint64
		fail     error
		stats    Stats
		elect    chan struct{} // closed when an election is wanted
		stood    bool          // whether Run may lead
		snapshot []byte
	}
}

// NewMem returns a journal in memory. Of opts only StateMachine, OnLead and
// MaxRecordBytes matter.
func NewMem(opts Options) *Mem {
	m := &Mem{opts: opts.withDefaults()}
	m.mu.elect = make(chan struct{})
	m.mu.stood = true
	return m
}

// Started is closed: there is nothing to restore.
func (m *Mem) Started() <-chan struct{} {
	started := make(chan struct{})
	close(started)
	return started
}

// Run leads, one term after another, until ctx ends.
func (m *Mem) Run(ctx context.Context) error {
	for {
		m.mu.Lock()
		stood, elect := m.mu.stood, m.mu.elect
		m.mu.Unlock()
		if !stood {
			select {
			case <-elect:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		term := m.begin(ctx)
		if m.opts.OnLead != nil {
			m.opts.OnLead(term.ctx, term)
		}
		<-term.ctx.Done()
		m.Demote()
		if ctx.Err() != nil {
			return nil
		}
	}
}

func (m *Mem) begin(ctx context.Context) *Term {
	tctx, end := context.WithCancel(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.number++
	m.mu.term = &Term{number: m.mu.number, ctx: tctx, propose: m.propose, replace: m.replace}
	m.mu.end = end
	m.mu.stats.GainedLead = time.Now()
	return m.mu.term
}

// Demote ends the current term; no other begins before Elect.
func (m *Mem) Demote() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.term == nil {
		return
	}
	m.mu.end()
	m.mu.term, m.mu.end = nil, nil
	m.mu.stood = false
	m.mu.stats.LostLead = time.Now()
}

// Elect lets Run begin a term again after Demote.
func (m *Mem) Elect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.mu.stood {
		m.mu.stood = true
		close(m.mu.elect)
		m.mu.elect = make(chan struct{})
	}
}

// Fail makes every Propose fail with err, without effect, until Fail(nil).
func (m *Mem) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.fail = err
}

// Term returns the current term, nil when there is none.
func (m *Mem) Term() *Term {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.term
}

// Propose proposes in the current term; see Term.Propose.
func (m *Mem) Propose(ctx context.Context, record []byte) (any, uint64, error) {
	t := m.Term()
	if t == nil {
		return nil, 0, ErrNotLeader
	}
	return t.Propose(ctx, record)
}

func (m *Mem) propose(ctx context.Context, t *Term, record []byte) (any, uint64, error) {
	if err := m.opts.checkRecord(record); err != nil {
		return nil, 0, err
	}
	if err := ctx.Err(); err != nil {
		return nil, 0, errors.E("", "", errors.Other, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.mu.term != t || t.ctx.Err() != nil:
		return nil, 0, ErrNotLeader
	case m.mu.fail != nil:
		return nil, 0, m.mu.fail
	}
	m.mu.index++
	return m.opts.StateMachine.Apply(bytes.Clone(record)), m.mu.index, nil
}

func (m *Mem) replace(_ context.Context, t *Term, snap Snapshot) error {
	var b bytes.Buffer
	if err := snap.Write(&b); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.term != t || t.ctx.Err() != nil {
		return ErrNotLeader
	}
	m.mu.index++
	return m.opts.StateMachine.Restore(&b)
}

// Barrier returns at once: whatever was proposed is applied.
func (m *Mem) Barrier(context.Context) error {
	if m.Term() == nil {
		return ErrNotLeader
	}
	return nil
}

// Checkpoint takes a snapshot of the state machine and keeps it; Reload
// restores it.
func (m *Mem) Checkpoint(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	snap, err := m.opts.StateMachine.Snapshot()
	if err != nil {
		return fmt.Errorf("taking a checkpoint: %w", err)
	}
	defer snap.Release()
	var b bytes.Buffer
	if err := snap.Write(&b); err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	m.mu.snapshot = b.Bytes()
	m.mu.stats.CheckpointIndex, m.mu.stats.CheckpointTime = m.mu.index, time.Now()
	return nil
}

// Reload restores the state machine from the last Checkpoint, as a start does.
func (m *Mem) Reload() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.opts.StateMachine.Restore(bytes.NewReader(m.mu.snapshot))
}

// Stats describes the journal.
func (m *Mem) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.mu.stats
	s.ID = "memory"
	s.Leading = m.mu.term != nil
	s.Term, s.LastIndex, s.AppliedIndex = m.mu.number, m.mu.index, m.mu.index
	s.EntriesSinceCheckpoint = s.LastIndex - s.CheckpointIndex
	s.Peers = []Peer{{Address: standalone, Leader: s.Leading}}
	if s.Leading {
		s.Leader = standalone
	}
	return s
}
