package journal

import (
	"context"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// StateMachine is what the records act on. The journal calls it from one
// goroutine at a time.
type StateMachine interface {
	// Apply performs one record and returns what Propose hands to its caller.
	// It must be quick and deterministic: no clock, no randomness, no I/O. The
	// record is only valid during the call. A record that cannot be applied is
	// a result too (an error value, say), the same on every node.
	Apply(record []byte) (result any)

	// Snapshot returns a view of the state as it is now. It must be quick:
	// records wait for it.
	Snapshot() (Snapshot, error)

	// Restore replaces the whole state by what Snapshot.Write has written. The
	// reader fails with an error of kind Corrupt instead of giving wrong
	// bytes. After an error the machine is not used again.
	Restore(r io.Reader) error
}

// Snapshot is the state of a StateMachine at one moment.
type Snapshot interface {
	// Write writes the state; it runs beside later Apply calls.
	Write(w io.Writer) error
	// Release is called once, after Write or instead of it.
	Release()
}

// Peer is one voting member of a journal's cluster.
type Peer struct {
	// Address is the "host:port" under which the other members reach it. It is
	// the member's name as well and must be spelled alike on all of them.
	Address string
	// Leader reports whether it leads, as far as this node knows. Open
	// ignores it.
	Leader bool
}

// Options configure Open.
type Options struct {
	// Dir is a directory prepared by Format.
	Dir string
	// StateMachine is driven by the journal.
	StateMachine StateMachine
	// OnLead, if set, is called in a goroutine of its own each time this node
	// has begun to lead and has applied a barrier of the new term. ctx ends
	// with the term. The next term does not begin before OnLead has returned.
	OnLead func(ctx context.Context, term *Term)

	// Peers are all voting members, this node included. Empty: this node is
	// the only one, and nothing listens on the network.
	Peers []Peer
	// Address is this node's entry in Peers. Ignored without Peers.
	Address string
	// Listener overrides the listener on Address's port (tests). Run closes it.
	Listener net.Listener

	// ElectionTimeout is how long a follower waits for its leader before it
	// stands for election itself; elections take one to two of it. A single
	// voter elects itself at once when it starts. 0: 500 ms for a single
	// voter, 1 s otherwise.
	ElectionTimeout time.Duration
	// CheckpointEntries is the number of entries after which a checkpoint is
	// taken. 0: 100 000.
	CheckpointEntries uint64
	// TrailingEntries is the number of entries kept in the log behind a
	// checkpoint, for members that lag. 0: 10 000.
	TrailingEntries uint64
	// MaxRecordBytes is the largest record that Propose takes. 0: 16 MiB.
	MaxRecordBytes int

	// Logger receives the journal's messages. nil: none.
	Logger *slog.Logger
	// Registerer receives the journal's metrics. nil: none.
	Registerer prometheus.Registerer
}

// Stats tells about a journal at one moment.
type Stats struct {
	// ID names the journal; Format gave it.
	ID string
	// Dir is the journal's directory, "" in memory.
	Dir string
	// Leading is set while a term of this node is under way (after its
	// barrier).
	Leading bool
	// Leader is the address of the leading member, "" when none is known.
	Leader string
	// Term is the current election term.
	Term uint64
	// Peers are the voting members. A single voter has one, with the address
	// "standalone".
	Peers []Peer
	// LastIndex is the index of the last entry in the log; AppliedIndex that
	// of the last record applied here.
	LastIndex, AppliedIndex uint64
	// CheckpointIndex is the last index that the newest checkpoint covers, 0
	// without one. CheckpointTime is when it was taken, zero without one.
	CheckpointIndex uint64
	CheckpointTime  time.Time
	// EntriesSinceCheckpoint counts entries in the log after the checkpoint.
	EntriesSinceCheckpoint uint64
	// LogBytes is the size of the log's file; it does not shrink.
	LogBytes int64
	// DiskFreeBytes and DiskTotalBytes describe the file system below Dir.
	DiskFreeBytes, DiskTotalBytes int64
	// WriteError is the last failure to write the log, "" once a write has
	// succeeded again.
	WriteError string
	// GainedLead and LostLead are when this node last began and ceased to
	// lead; zero when it never did.
	GainedLead, LostLead time.Time
}

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
			o.ElectionTimeout = 500 * time.Millisecond
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
