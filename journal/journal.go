package journal

import (
	"context"
	"log/slog"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// standalone is the name and address of the only voter of a single-voter
// journal. It is no host name, so that a host may change its name.
const standalone = "standalone"

// withDefaults fills in what is not set.
func (o Options) withDefaults() Options {
	if o.CheckpointEntries == 0 {
		o.CheckpointEntries = 100_000
	}
	if o.TrailingEntries == 0 {
		o.TrailingEntries = 10_000
	}
	if o.MaxRecordBytes == 0 {
		o.MaxRecordBytes = 16 << 20
	}
	if o.ElectionTimeout == 0 {
		o.ElectionTimeout = time.Second
		if len(o.Peers) == 0 {
			o.ElectionTimeout = 50 * time.Millisecond
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (o *Options) checkRecord(record []byte) error {
	switch {
	case len(record) == 0:
		return errors.Errorf(errors.Invalid, "an empty record cannot be journaled")
	case len(record) > o.MaxRecordBytes:
		return errors.Errorf(errors.Invalid, "a record of %d bytes is larger than the journal takes (%d bytes)", len(record), o.MaxRecordBytes)
	}
	return nil
}

// Journal is an open journal directory.
type Journal struct{ opts Options }

// FormatOptions configure Format.
type FormatOptions struct {
	// ID names the journal. "": a random one.
	ID string
	// Force wipes an existing journal of this project first.
	Force bool
}

// Format makes dir an empty journal.
func Format(dir string, opts FormatOptions) error {
	return errors.Errorf(errors.Unsupported, "not there yet")
}

// Formatted reports whether dir holds a journal; an error says why that cannot
// be told, or what is there instead.
func Formatted(dir string) (bool, error) {
	return false, errors.Errorf(errors.Unsupported, "not there yet")
}

// Open opens and verifies the journal, restores the newest checkpoint into the
// state machine, and starts nothing; Run goes on from there.
func Open(opts Options) (*Journal, error) {
	return nil, errors.Errorf(errors.Unsupported, "not there yet")
}

// Run takes part in the cluster until ctx ends (nil) or the journal cannot go
// on (the reason). It closes the journal in either case.
func (j *Journal) Run(ctx context.Context) error { return nil }

// Close releases an opened journal that is never Run.
func (j *Journal) Close() error { return nil }

// Term returns this node's current term, nil when it does not lead.
func (j *Journal) Term() *Term { return nil }

// Propose proposes in the current term; see Term.Propose.
func (j *Journal) Propose(ctx context.Context, record []byte) (any, uint64, error) {
	return nil, 0, ErrNotLeader
}

// Barrier returns when everything proposed before has been applied here.
func (j *Journal) Barrier(ctx context.Context) error { return ErrNotLeader }

// Checkpoint takes a checkpoint now and truncates the log behind it.
func (j *Journal) Checkpoint(ctx context.Context) error { return ErrNotLeader }

// TransferLeadership hands leadership to the member at address, or with "" to
// any other.
func (j *Journal) TransferLeadership(ctx context.Context, address string) error { return ErrNotLeader }

// Stats describes the journal.
func (j *Journal) Stats() Stats { return Stats{} }
