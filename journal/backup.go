package journal

import (
	"bufio"
	"context"
	"io"
	"time"

	"github.com/hashicorp/raft"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// A backup is a snapshot outside of any journal, in a file of its own, of which
// every byte is checksummed (docs/journal-format.md). It goes into an empty
// journal by Term.Replace.
const backupMagic = "ALXBKUP1"

// backupHeader opens a backup, as JSON.
type backupHeader struct {
	CreatedMs int64 `json:"created"`
}

// WriteBackup writes a snapshot, taken at the time, as a backup.
func WriteBackup(w io.Writer, snap Snapshot, taken time.Time) error {
	if err := writeHead(w, backupMagic, backupHeader{taken.UnixMilli()}); err != nil {
		return err
	}
	s := newSectionWriter(w, uint64(taken.UnixMilli()))
	if err := snap.Write(s); err != nil {
		return err
	}
	return s.end()
}

// ReadBackup returns the snapshot in a backup, and when it was taken. Reading it
// fails with kind Corrupt where a byte is not what was written; only io.EOF says
// that all of it was.
func ReadBackup(r io.Reader) (snapshot io.Reader, taken time.Time, err error) {
	in := bufio.NewReaderSize(r, 256<<10)
	var h backupHeader
	if err := readHead(in, backupMagic, "backup", &h); err != nil {
		return nil, time.Time{}, err
	}
	return &sectionReader{in: in, place: uint64(h.CreatedMs)}, time.UnixMilli(h.CreatedMs), nil
}

// replace has raft install the snapshot as if it were a later checkpoint.
func (j *Journal) replace(_ context.Context, t *Term, snap Snapshot) error {
	r := j.enter()
	if r == nil {
		return ErrNotLeader
	}
	defer j.proposing.Done()
	if err := t.ctx.Err(); err != nil || j.Term() != t {
		return ErrNotLeader
	}
	var size counter
	if err := snap.Write(&size); err != nil { // raft wants to know before
		return err
	}
	bytes, into := io.Pipe()
	defer bytes.Close()
	go func() { into.CloseWithError(snap.Write(into)) }()
	meta := &raft.SnapshotMeta{Version: raft.SnapshotVersionMax, Size: int64(size)}
	if err := r.Restore(meta, bytes, 0); err != nil {
		return errors.E("replacing the state of the journal", j.opts.Dir, errors.Other, meaning(err))
	}
	return nil
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
