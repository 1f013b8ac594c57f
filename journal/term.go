package journal

import "context"

// Term is one span of leadership of this node. It is safe for concurrent use
// and stays valid, refusing everything, after the term has ended.
type Term struct {
	number  uint64
	ctx     context.Context
	propose func(ctx context.Context, t *Term, record []byte) (any, uint64, error)
	replace func(ctx context.Context, t *Term, snap Snapshot) error
}

// Number is the term's number; later terms have higher ones.
func (t *Term) Number() uint64 { return t.number }

// Context ends when the term does.
func (t *Term) Context() context.Context { return t.ctx }

// Propose adds record to the journal and returns, once it is durable and
// applied, what Apply returned and the record's index. Callers that run
// at the same time share the cost of reaching the disk. The record must not be
// changed afterwards.
//
// ErrNotLeader: the term has ended; the record has had and will have no effect.
// ErrUncertain (see IsUncertain): it may have. Invalid: empty or
// larger than Options.MaxRecordBytes. NoSpace: the disk is full; the record
// has had no effect, but the node ceases to lead.
func (t *Term) Propose(ctx context.Context, record []byte) (result any, index uint64, err error) {
	return t.propose(ctx, t, record)
}

// Replace puts the state of a snapshot, of another state machine of the same
// kind, in place of the present one, on all members. Nothing may be proposed
// meanwhile. It is meant for an empty journal: what was in it is lost. When it
// fails, the journal may have ended, or any of the two states be there.
func (t *Term) Replace(ctx context.Context, snap Snapshot) error { return t.replace(ctx, t, snap) }
