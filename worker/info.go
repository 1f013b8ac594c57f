package worker

import (
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// What the web page shows.

// Config is the configuration, with the master's defaults once it has answered.
// It must not be called before Ready.
func (w *Worker) Config() *config.Config { return w.conf }

// ID is the id that the master gave this worker, 0 before Ready.
func (w *Worker) ID() int64 { return w.id.Load() }

// StartTime is when the worker was made.
func (w *Worker) StartTime() time.Time { return w.started }

// NetAddress is the worker's address as the master and clients have it. It must
// not be modified.
func (w *Worker) NetAddress() *grpcpb.WorkerNetAddress { return w.addr }

// Tiers describes the storage: tiers, directories, capacity and use in bytes.
func (w *Worker) Tiers() []store.TierInfo { return w.store.Tiers() }

// Capacity is the sum over all directories that work, in bytes.
func (w *Worker) Capacity() (total, used int64) {
	for _, t := range w.store.Tiers() {
		total, used = total+t.Capacity, used+t.Used
	}
	return total, used
}

// MemoryForBlocks is how many bytes of memory blocks may take.
func (w *Worker) MemoryForBlocks() (n int64) {
	for _, t := range w.store.Tiers() {
		for _, d := range t.Dirs {
			if d.Medium == store.MemoryMedium {
				n += d.Capacity
			}
		}
	}
	return n
}

// Blocks describes all blocks here, also those that are here in part.
func (w *Worker) Blocks() []store.Info { return w.store.AllBlocks() }

// Operations counts the calls being served, and the blocks that wait to be cached
// in the background.
func (w *Worker) Operations() (running, waiting int) {
	if s := w.server.Load(); s != nil {
		running = s.Running()
	}
	return running, len(w.cacher.queue)
}

// Block describes one block; NotFound when nothing of it is here.
func (w *Worker) Block(id blockid.ID) (store.Info, error) { return w.store.Info(id) }
