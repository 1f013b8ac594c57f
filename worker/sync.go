package worker

import (
	"context"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	build "github.com/alluxio-go/alluxio/internal/version"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// drain receives until the stream ends well.
func drain[T any](stream grpc.BidiStreamingClient[T, blockpb.RegisterWorkerPResponse]) error {
	for {
		if _, err := stream.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// retryPause is the longest pause between attempts to reach the master.
const retryPause = 3 * time.Second

// persevere repeats f until it succeeds or ctx ends; the log has the first and
// then every tenth failure.
func (w *Worker) persevere(ctx context.Context, what string, f func(context.Context) error) error {
	for attempt := 0; ; attempt++ {
		err := f(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if attempt%10 == 0 {
			w.log.Warn(what+" failed; trying again", "attempts", attempt+1, "error", err)
		}
		pause := min(retryPause, 50*time.Millisecond<<min(attempt, 10))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stayRegistered registers and then reports, again whenever the master has
// forgotten this worker.
func (w *Worker) stayRegistered(ctx context.Context) error {
	for {
		if err := w.persevere(ctx, "registering with the master", w.registerOnce); err != nil {
			return nil
		}
		w.markReady()
		if err := w.heartbeats(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		w.log.Info("the master asks for registration")
	}
}

// registerOnce gets an id and reports everything.
func (w *Worker) registerOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.conf.Duration(config.WorkerRegisterStreamDeadline))
	defer cancel()
	id, err := w.master.workerID(ctx, w.addr)
	if err != nil {
		return err
	}
	blocks := w.store.Blocks(w.report.reset)
	key, err := w.master.register(ctx, w.registration(id, blocks))
	if err != nil {
		return err
	}
	w.tickets.Store(key)
	w.id.Store(id)
	w.m.registrations.Inc()
	w.log.Info("registered with the master", "worker", id, "blocks", len(blocks))
	return nil
}

// registration renders the messages of a registration.
func (w *Worker) registration(id int64, blocks []store.Info) []*blockpb.RegisterWorkerPRequest {
	st := storageOf(w.store.Tiers())
	first := &blockpb.RegisterWorkerPRequest{WorkerId: &id, StorageTiers: st.aliases, TotalBytesOnTiers: st.total,
		UsedBytesOnTiers: st.used, LostStorage: st.lost, Options: &blockpb.RegisterWorkerPOptions{
			Configs: w.properties(), BuildVersion: &grpcpb.BuildVersion{Version: proto.String(build.Version), Revision: proto.String(build.Revision)}}}
	batches := []*blockpb.RegisterWorkerPRequest{first}
	size := max(1, w.conf.Int(config.WorkerRegisterStreamBatchSize))
	for part := range slices.Chunk(blocks, size) {
		lists := map[place][]int64{}
		for _, b := range part {
			at := place{b.Tier, b.Medium}
			lists[at] = append(lists[at], int64(b.ID))
		}
		last := batches[len(batches)-1]
		if last.CurrentBlocks != nil {
			last = &blockpb.RegisterWorkerPRequest{WorkerId: &id}
			batches = append(batches, last)
		}
		last.CurrentBlocks = blockLists(lists)
	}
	return batches
}

// properties are what the operator set for this worker, for the master's check
// that workers agree.
func (w *Worker) properties() []*grpcpb.ConfigProperty {
	var out []*grpcpb.ConfigProperty
	for _, p := range w.conf.All() {
		if p.Source != config.SourceDefault.String() {
			out = append(out, &grpcpb.ConfigProperty{Name: &p.Name, Source: &p.Source, Value: &p.Value})
		}
	}
	return out
}

// heartbeats reports changes each interval and obeys, until the master wants a
// registration. It fails when no report got through for the time-out.
func (w *Worker) heartbeats(ctx context.Context) error {
	interval := w.conf.Duration(config.WorkerBlockHeartbeatInterval)
	timeout := w.conf.Duration(config.WorkerBlockHeartbeatTimeout)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	last, failures := time.Now(), 0
	for {
		command, err := w.heartbeat(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			last, failures = time.Now(), 0
		case time.Since(last) > timeout:
			return errors.Errorf(errors.Unavailable, "No report reached the master for %v: %w", timeout, err)
		default:
			if failures%60 == 0 {
				w.log.Warn("a heartbeat did not reach the master; trying on", "failures", failures+1, "error", err)
			}
			failures++
		}
		switch command.GetCommandType() {
		case grpcpb.CommandType_Register:
			return nil
		case grpcpb.CommandType_Free:
			w.free(command.GetData())
		}
		select {
		case <-tick.C:
		case <-w.poke:
		case <-ctx.Done():
			return nil
		}
	}
}

// heartbeat sends one report. Changes that did not arrive stay for the next.
func (w *Worker) heartbeat(ctx context.Context) (*grpcpb.Command, error) {
	ctx, cancel := context.WithTimeout(ctx, w.conf.Duration(config.WorkerMasterPeriodicalRPCTimeout))
	defer cancel()
	id := w.id.Load()
	st := storageOf(w.store.Tiers())
	taken := w.report.take()
	added, removed := split(taken.changes)
	metrics := w.m.forMaster()
	command, err := w.master.heartbeat(ctx, &blockpb.BlockHeartbeatPRequest{WorkerId: &id, UsedBytesOnTiers: st.used,
		RemovedBlockIds: removed, AddedBlocks: blockLists(added), LostStorage: st.lost,
		Options: &blockpb.BlockHeartbeatPOptions{CapacityBytesOnTiers: st.total, Metrics: metrics}})
	if err != nil {
		w.report.restore(taken)
		return nil, err
	}
	w.report.reported(taken)
	w.m.reported(metrics)
	return command, nil
}

// tellWithin reports what has changed to the master now, together with whoever
// else wants that meanwhile, and returns when it knows, or after the limit: then it
// is told later.
func (w *Worker) tellWithin(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	reported := w.report.wait()
	w.heartbeatSoon()
	select {
	case <-reported:
	case <-ctx.Done():
	}
}

// free removes the blocks that the master named. Their removal is confirmed by a
// later heartbeat; until then it repeats them.
func (w *Worker) free(ids []int64) {
	for _, id := range ids {
		err := w.store.Remove(blockid.ID(id))
		if errors.Is(err, errors.NotFound) {
			// The master believes in a block that is not here.
			w.report.BlockRemoved(store.Info{ID: blockid.ID(id)})
			continue
		}
		if err != nil {
			w.log.Warn("a block could not be freed", "block", id, "error", err)
		}
	}
	w.log.Info("freed blocks for the master", "blocks", len(ids))
}

// each calls f at once, each interval and when it is poked, until ctx ends.
func (w *Worker) each(ctx context.Context, interval time.Duration, poke <-chan struct{}, f func()) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for ctx.Err() == nil {
		f()
		select {
		case <-t.C:
		case <-poke:
		case <-ctx.Done():
		}
	}
}

// confirmLater remembers when to ask again about a file whose blocks may be its
// only copies.
type confirmLater struct {
	at    time.Time
	pause time.Duration
}

const (
	confirmBatch    = 100 // files asked about in one round
	confirmPause    = 2 * time.Second
	confirmMaxPause = 10 * time.Minute
)

// confirmPersisted asks the master about files whose blocks clients wrote here:
// once a file is in the under store its blocks may be evicted.
func (w *Worker) confirmPersisted(ctx context.Context) error {
	waiting := map[blockid.FileID]confirmLater{}
	w.each(ctx, time.Second, nil, func() {
		asked := 0
		open := map[blockid.FileID]bool{}
		for _, file := range w.store.Unconfirmed() {
			open[file] = true
			later, known := waiting[file]
			if !known {
				waiting[file] = confirmLater{at: time.Now().Add(confirmPause), pause: confirmPause}
				continue
			}
			if asked == confirmBatch || time.Now().Before(later.at) || ctx.Err() != nil {
				continue
			}
			asked++
			if w.confirm(ctx, file) {
				delete(waiting, file)
				continue
			}
			pause := min(2*later.pause, confirmMaxPause)
			waiting[file] = confirmLater{at: time.Now().Add(pause), pause: pause}
		}
		for file := range waiting {
			if !open[file] {
				delete(waiting, file)
			}
		}
	})
	return nil
}

// confirm reports whether the file is in the under store, and tells the store.
func (w *Worker) confirm(ctx context.Context, file blockid.FileID) bool {
	info, err := w.master.fileInfo(ctx, file, rpc.Retry{})
	if err != nil || !info.GetPersisted() || !info.GetCompleted() || info.GetUfsFingerprint() == "" {
		return false
	}
	w.store.Confirm(file, contentFingerprint(info.GetUfsFingerprint()))
	return true
}
