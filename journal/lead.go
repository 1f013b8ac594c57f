package journal

import (
	"context"
	stderrors "errors"
	"time"

	"github.com/hashicorp/raft"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// retry is the pause before trying again what failed while it should not have.
const (
	barrierRetry    = 50 * time.Millisecond
	checkpointRetry = 10 * time.Second
)

// The log's mapping is given back when it has grown by so many entries, at
// most so often.
const (
	dropEvery   = 5 * time.Second
	dropEntries = 50_000
)

// leadLoop follows raft's leadership and lives one Term for each.
func (j *Journal) leadLoop(ctx context.Context, r *raft.Raft, notify <-chan bool) {
	leading := false
	for {
		for !leading {
			select {
			case leading = <-notify:
			case <-ctx.Done():
				return
			}
		}
		tctx, end := context.WithCancel(ctx)
		over := make(chan struct{})
		go func() { defer close(over); j.lead(tctx, r) }()
		for leading && ctx.Err() == nil {
			select {
			case leading = <-notify:
			case <-ctx.Done():
			}
		}
		end()
		for waiting := true; waiting; { // raft must not wait for OnLead to return
			select {
			case leading = <-notify:
			case <-over:
				waiting = false
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// lead lives one term: a barrier, then OnLead until ctx ends.
func (j *Journal) lead(ctx context.Context, r *raft.Raft) {
	number, ok := j.begin(ctx, r)
	if !ok {
		return
	}
	term := &Term{number: number, ctx: ctx, propose: j.propose, replace: j.replace}
	j.mu.Lock()
	j.mu.term, j.mu.gained = term, time.Now()
	j.mu.Unlock()
	j.opts.Logger.Debug("term began", "term", number, "index", j.fsm.applied.Load())
	if j.opts.OnLead != nil {
		j.opts.OnLead(ctx, term)
	}
	<-ctx.Done()
	j.mu.Lock()
	j.mu.term, j.mu.lost = nil, time.Now()
	j.mu.Unlock()
	j.opts.Logger.Debug("term ended", "term", number)
}

// begin waits until everything from earlier terms has been applied.
func (j *Journal) begin(ctx context.Context, r *raft.Raft) (term uint64, ok bool) {
	for ctx.Err() == nil {
		term = r.CurrentTerm()
		err := j.barrier(ctx, r)
		if err == nil && r.CurrentTerm() == term && ctx.Err() == nil {
			return term, true
		}
		select {
		case <-time.After(barrierRetry):
		case <-ctx.Done():
		}
	}
	return 0, false
}

// Term returns this node's current term, nil when it does not lead.
func (j *Journal) Term() *Term {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.mu.term
}

// Propose proposes in the current term; see Term.Propose.
func (j *Journal) Propose(ctx context.Context, record []byte) (any, uint64, error) {
	t := j.Term()
	if t == nil {
		return nil, 0, ErrNotLeader
	}
	return t.Propose(ctx, record)
}

// enter counts a proposal in, unless raft is not running.
func (j *Journal) enter() *raft.Raft {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.mu.raft == nil || j.mu.cause != nil {
		return nil
	}
	j.proposing.Add(1)
	return j.mu.raft
}

func (j *Journal) propose(ctx context.Context, t *Term, record []byte) (any, uint64, error) {
	if err := j.opts.checkRecord(record); err != nil {
		return nil, 0, err
	}
	if err := ctx.Err(); err != nil {
		return nil, 0, errors.E("", "", errors.Other, err)
	}
	r := j.enter()
	if r == nil {
		return nil, 0, ErrNotLeader
	}
	defer j.proposing.Done()
	if t.ctx.Err() != nil {
		return nil, 0, ErrNotLeader
	}
	data := wrapRecord(t.number, record)
	future, err := await(ctx, j, func() raft.ApplyFuture { return r.Apply(data, 0) })
	if err != nil {
		return nil, 0, err
	}
	done := future.Response().(outcome)
	if done.fenced {
		return nil, 0, ErrNotLeader
	}
	return done.result, future.Index(), nil
}

// await runs a request to raft and waits for its end, the caller's or raft's:
// raft leaves requests unanswered when it is stopped.
func await[F raft.Future](ctx context.Context, j *Journal, request func() F) (F, error) {
	type answer struct {
		future F
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		f := request()
		answered <- answer{f, f.Error()}
	}()
	var none F
	select {
	case a := <-answered:
		return a.future, meaning(a.err)
	case <-ctx.Done():
		return none, uncertain(context.Cause(ctx).Error())
	case <-j.ended:
		return none, uncertain("the journal has been closed")
	}
}

// meaning translates an error of raft.
func meaning(err error) error {
	switch {
	case err == nil:
		return nil
	case stderrors.Is(err, raft.ErrNotLeader), stderrors.Is(err, raft.ErrLeadershipTransferInProgress):
		return ErrNotLeader
	case errors.Is(err, errors.NoSpace):
		return err
	}
	return uncertain(err.Error())
}

// Barrier returns when everything proposed before has been applied here.
func (j *Journal) Barrier(ctx context.Context) error {
	r := j.enter()
	if r == nil {
		return ErrNotLeader
	}
	defer j.proposing.Done()
	return j.barrier(ctx, r)
}

func (j *Journal) barrier(ctx context.Context, r *raft.Raft) error {
	_, err := await(ctx, j, func() raft.Future { return r.Barrier(0) })
	return err
}

// TransferLeadership hands leadership to the member at address, or with "" to
// the one that lags least. Invalid: there is no such member.
func (j *Journal) TransferLeadership(ctx context.Context, address string) error {
	r := j.enter()
	if r == nil {
		return ErrNotLeader
	}
	defer j.proposing.Done()
	if j.Term() == nil {
		return ErrNotLeader
	}
	others := 0
	known := address == ""
	for _, p := range peersOf(r.GetConfiguration().Configuration(), "") {
		known = known || p.Address == address
		if p.Address != j.opts.Address {
			others++
		}
	}
	switch {
	case !known:
		return errors.Errorf(errors.Invalid, "%s is not a master of this cluster (%s).", address, peerList(j.Stats().Peers))
	case address == j.opts.Address:
		return nil
	case others == 0:
		return errors.Errorf(errors.FailedPrecondition, "This is the only master; there is no other to lead.")
	}
	_, err := await(ctx, j, func() raft.Future {
		if address == "" {
			return r.LeadershipTransfer()
		}
		return r.LeadershipTransferToServer(raft.ServerID(address), raft.ServerAddress(address))
	})
	return err
}

// Checkpoint takes a checkpoint now and truncates the log behind it. It works
// on any member. There may be nothing to do.
func (j *Journal) Checkpoint(ctx context.Context) error {
	r := j.enter()
	if r == nil {
		return errors.Errorf(errors.Unavailable, "the journal is not running")
	}
	defer j.proposing.Done()
	return j.checkpoint(ctx, r)
}

func (j *Journal) checkpoint(ctx context.Context, r *raft.Raft) error {
	_, err := await(ctx, j, func() checkpointFuture { return checkpointFuture{r.Snapshot()} })
	return err
}

// checkpointFuture is raft's future of a snapshot, without an error when there was
// nothing new.
type checkpointFuture struct{ raft.SnapshotFuture }

func (f checkpointFuture) Error() error {
	err := f.SnapshotFuture.Error()
	if stderrors.Is(err, raft.ErrNothingNewToSnapshot) {
		return nil
	}
	return err
}

// checkpointLoop takes a checkpoint whenever enough entries have been applied,
// and in between gives back memory that bbolt's mapping has collected.
func (j *Journal) checkpointLoop(ctx context.Context, r *raft.Raft) {
	tidy := time.NewTicker(dropEvery)
	defer tidy.Stop()
	var dropped uint64
	for {
		select {
		case <-j.fsm.due:
		case <-tidy.C:
			if _, last := j.store.bounds(); last-dropped >= dropEntries {
				dropped = last
				j.store.dropMapped()
			}
			continue
		case <-ctx.Done():
			return
		}
		if !j.fsm.overdue() {
			continue
		}
		err := j.checkpoint(ctx, r)
		if err == nil || ctx.Err() != nil {
			continue
		}
		j.opts.Logger.Error("a checkpoint failed; the log goes on growing until one succeeds", "dir", j.opts.Dir, "error", err)
		select {
		case <-time.After(checkpointRetry):
		case <-ctx.Done():
			return
		}
	}
}
