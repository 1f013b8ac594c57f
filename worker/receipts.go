package worker

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/worker/store"
)

// sendMemory is how much all reads together may have on its way to clients.
const sendMemory = 128 << 20

// sendWindow is how much one read may have on its way before it waits for its
// client. Many reads share sendMemory. That makes them equal, too: the transport
// would let those go on that have much on its way already.
func (w *Worker) sendWindow() int64 {
	return min(w.conf.Bytes(config.WorkerNetworkReaderBufferSize), sendMemory/max(1, int64(w.readers.taken())))
}

// fairChunk bounds the chunk of each read when there are many: of a few it is
// that one is filled and others wait in the transport. Chunks come in the sizes of
// pooled pages.
func (w *Worker) fairChunk() int64 {
	switch share := sendMemory / 4 / max(1, w.readers.taken()); {
	case share >= rpc.ChunkBytes:
		return rpc.ChunkBytes
	case share >= rpc.ChunkBytes/4:
		return rpc.ChunkBytes / 4
	}
	return store.SpanSize
}

// receipts are what the client of a read says that it has received.
type receipts struct {
	stream readStream
	stop   func()        // called when the call ends
	got    atomic.Int64  // up to where in the block; noReceipt before the first
	moved  chan struct{} // holds a token when got has changed
	left   chan struct{} // closed when the client half-closed
}

const (
	noReceipt = -1
	// receiptTimeout is how long a read waits for a receipt. They are a courtesy:
	// one may get lost.
	receiptTimeout = time.Second
)

func newReceipts(stream readStream, stop func()) *receipts {
	r := &receipts{stream: stream, stop: stop, moved: make(chan struct{}, 1), left: make(chan struct{})}
	r.got.Store(noReceipt)
	return r
}

// watch takes receipts until the call ends.
func (r *receipts) watch() {
	defer r.stop()
	for {
		m, err := r.stream.Recv()
		if err != nil {
			if err == io.EOF {
				close(r.left)
			}
			return
		}
		if m.OffsetReceived == nil {
			continue
		}
		r.got.Store(m.GetOffsetReceived())
		select {
		case r.moved <- struct{}{}:
		default:
		}
	}
}

// await returns when less than window of what was sent, up to an offset in the
// block, is on its way. A client that sends no receipts is never waited for.
func (r *receipts) await(ctx context.Context, sent, window int64) error {
	for {
		if got := r.got.Load(); got == noReceipt || sent-got < window {
			return nil
		}
		late := time.NewTimer(receiptTimeout)
		select {
		case <-r.moved:
			late.Stop()
		case <-late.C:
			return nil
		case <-ctx.Done():
			late.Stop()
			return ctx.Err()
		}
	}
}

// awaitEnd waits until the client half-closes, or the call ends.
func (r *receipts) awaitEnd(ctx context.Context) {
	select {
	case <-r.left:
	case <-ctx.Done():
	}
}

// done reports whether the client has half-closed.
func (r *receipts) done() bool {
	select {
	case <-r.left:
		return true
	default:
		return false
	}
}
