package journal

import (
	"io"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
)

// Kind says what an entry of the log is.
type Kind uint8

// The kinds of entries.
const (
	KindRecord  Kind = Kind(raft.LogCommand)
	KindNoop    Kind = Kind(raft.LogNoop)
	KindBarrier Kind = Kind(raft.LogBarrier)
	KindMembers Kind = Kind(raft.LogConfiguration)
)

// String returns the kind in a word.
func (k Kind) String() string {
	switch k {
	case KindRecord:
		return "record"
	case KindNoop:
		return "noop"
	case KindBarrier:
		return "barrier"
	case KindMembers:
		return "members"
	}
	return "unknown"
}

// Entry is one entry of the log.
type Entry struct {
	Index, Term uint64
	Kind        Kind
	Appended    time.Time
	// Record is the state machine's record; nil for other kinds. It is valid
	// until the callback returns.
	Record []byte
	// Fenced is set for a record that was proposed by a term that had ended:
	// it was never applied.
	Fenced bool
}

// CheckpointInfo describes a checkpoint.
type CheckpointInfo struct {
	Index, Term uint64
	Taken       time.Time
	Bytes       int64
}

// Visitor receives what Dump finds. Either function may be nil.
type Visitor struct {
	// Checkpoint is called at most once, before all entries, with the newest
	// checkpoint.
	Checkpoint func(info CheckpointInfo, snapshot io.Reader) error
	// Entry is called for each entry of the log, in order. Entries up to the
	// checkpoint's index are covered by it.
	Entry func(Entry) error
}

// Dump reads the journal in dir, which no running master may have open, and
// changes nothing in it. Errors as Open's, or the visitor's.
func Dump(dir string, v Visitor) error {
	if _, err := readMarker(dir); err != nil {
		return err
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := dumpCheckpoint(filepath.Join(dir, checkpointsDir), v); err != nil {
		return err
	}
	_, err = verifyLog(filepath.Join(dir, logName), func(l *raft.Log) error {
		if v.Entry == nil {
			return nil
		}
		e := Entry{Index: l.Index, Term: l.Term, Kind: Kind(l.Type), Appended: l.AppendedAt}
		if e.Kind == KindRecord {
			proposer, record, err := unwrapRecord(l.Index, l.Data)
			if err != nil {
				return err
			}
			e.Record, e.Fenced = record, proposer != l.Term
		}
		return v.Entry(e)
	})
	return err
}

func dumpCheckpoint(dir string, v Visitor) error {
	s := &checkpointStore{dir: dir}
	names, err := s.names()
	if err != nil || len(names) == 0 || v.Checkpoint == nil {
		return err
	}
	r, err := s.open(names[0])
	if err != nil {
		return err
	}
	defer r.Close()
	return v.Checkpoint(CheckpointInfo{Index: r.header.Index, Term: r.header.Term,
		Taken: time.UnixMilli(r.header.CreatedMs), Bytes: r.payload}, r)
}
