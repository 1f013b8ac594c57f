package master

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/master/blockmap"
)

// loops are the background tasks of a term. Each runs until its context ends.
func (t *term) loops() []func(context.Context) {
	return []func(context.Context){t.runAccess, t.runIntents}
}

// PersistFile is a file that a worker is told to write to its UFS, below
// persistDir.
type PersistFile struct {
	ID     blockid.FileID
	Blocks []blockid.ID
}

// PersistedFile is a file that a worker has written there.
type PersistedFile struct {
	ID          blockid.FileID
	Fingerprint string // of the temporary object; "" when not known
}

// WorkerHeartbeat takes note of the files that a worker has written for the
// master and returns those that it is to write.
func (t *term) WorkerHeartbeat(ctx context.Context, w blockmap.WorkerID, done []PersistedFile) []PersistFile {
	return nil
}
