package worker

import (
	"context"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/worker/store"
)

// vouchTimeout bounds how long a read waits for the master, and vouchPause is how
// long it is left alone when it did not answer.
const (
	vouchTimeout = 2 * time.Second
	vouchPause   = 10 * time.Second
)

// vouched is what the store knows of a block. What was on disk when the worker
// started may be a copy that somebody put back, or of another cluster: before the first
// use of a file its fingerprint is compared with the master's. When the master does not
// answer, the sums of the block have to do.
func (w *Worker) vouched(ctx context.Context, id blockid.ID) (store.Info, error) {
	info, err := w.store.Info(id)
	if err != nil || !info.Restored || !info.Confirmed || time.Now().UnixNano() < w.vouchAfter.Load() {
		return info, err
	}
	asking, cancel := context.WithTimeout(ctx, vouchTimeout)
	defer cancel()
	file, err := w.master.fileInfo(asking, id.File(), rpc.Retry{})
	switch {
	case err == nil && file.GetUfsFingerprint() != "":
		w.store.Vouch(id.File(), contentFingerprint(file.GetUfsFingerprint()))
		return w.store.Info(id)
	case err != nil && !errors.Is(err, errors.NotFound) && ctx.Err() == nil:
		w.vouchAfter.Store(time.Now().Add(vouchPause).UnixNano())
		w.log.Debug("the master did not vouch for blocks found on disk", "block", id, "error", err)
	}
	return info, nil
}
