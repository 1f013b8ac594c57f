package master

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/dataserverpb"
)

const (
	replicators    = 4 // copies made at a time
	replicateLimit = 10 * time.Minute
)

// copier has a worker cache a block. It returns when the copy is there.
type copier func(ctx context.Context, to blockmap.Address, req *blockpb.CacheRequest) error

// rpcCopier calls workers over the pool.
func rpcCopier(pool *rpc.Pool) copier {
	return func(ctx context.Context, to blockmap.Address, req *blockpb.CacheRequest) error {
		addr := net.JoinHostPort(to.Host, strconv.Itoa(int(to.RPCPort)))
		_, err := blockpb.NewBlockWorkerClient(pool.Conn(addr)).Cache(ctx, req)
		return err
	}
}

// runReplication keeps the number of cached copies of files that ask for it
// within their bounds.
func (t *term) runReplication(ctx context.Context) {
	every(ctx, t.set.loops.replicationInterval, func() { t.replicate(ctx) })
}

// replicate makes the copies that are missing and frees those too many.
func (t *term) replicate(ctx context.Context) {
	if t.safeMode() {
		return
	}
	var g errgroup.Group
	g.SetLimit(replicators)
	for _, id := range t.replicated() {
		path, in, ok := t.pathOf(id)
		if !ok || !in.Completed || in.IsDir() || ctx.Err() != nil {
			continue
		}
		low, high := copiesWanted(in)
		for i := range in.Blocks() {
			locations := t.blocks.Locations(in.ID.Container().Block(i))
			if high >= 0 && len(locations) > high {
				t.freeSurplus(in.ID.Container().Block(i), locations, high)
			}
			for _, to := range t.copyTargets(in, i, locations, low) {
				g.Go(func() error {
					t.copyBlock(ctx, path, in, i, locations, to)
					return nil
				})
			}
		}
	}
	_ = g.Wait() // copies return no errors
}

func (t *term) replicated() []blockid.FileID {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	var ids []blockid.FileID
	for id := range t.state.mu.tree.Replicated() {
		ids = append(ids, id)
	}
	return ids
}

// copiesWanted are the bounds for the number of copies; high is negative for
// none. What the UFS does not have keeps a copy, and as many as make it durable
// until it is persisted.
func copiesWanted(in inode.Inode) (low, high int) {
	low, high = int(in.Replication.Min), int(in.Replication.Max)
	keep := 0
	switch in.Persistence {
	case inode.ToBePersisted:
		keep = max(1, int(in.Replication.Durable))
	case inode.NotPersisted, inode.Lost:
		keep = 1
	}
	low = max(low, keep)
	if high >= 0 {
		high = max(high, low)
	}
	return low, high
}

// freeSurplus frees the copies on the slowest tiers.
func (t *term) freeSurplus(b blockid.ID, locations []blockmap.Location, keep int) {
	for _, l := range locations[keep:] {
		t.blocks.FreeCopy(b, l.Worker)
		t.metrics.ops.WithLabelValues("ReplicasEvicted").Inc()
	}
}

// copyTargets chooses workers for the copies that a block lacks: those with the
// most space free. A block without any copy can only come from the UFS.
func (t *term) copyTargets(in inode.Inode, i int, locations []blockmap.Location, low int) []blockmap.Worker {
	missing := low - len(locations)
	if missing <= 0 || len(locations) == 0 && in.Persistence != inode.Persisted {
		return nil
	}
	workers := slices.DeleteFunc(t.blocks.Workers(), func(w blockmap.Worker) bool {
		return w.State != blockmap.Live || w.CapacityBytes() < in.BlockLength(i) ||
			slices.ContainsFunc(locations, func(l blockmap.Location) bool { return l.Worker == w.ID })
	})
	slices.SortFunc(workers, func(a, b blockmap.Worker) int {
		return cmp.Compare(b.CapacityBytes()-b.UsedBytes(), a.CapacityBytes()-a.UsedBytes())
	})
	return workers[:min(missing, len(workers))]
}

// copyBlock has one worker cache a block, from another worker or the UFS.
func (t *term) copyBlock(ctx context.Context, path string, in inode.Inode, i int, locations []blockmap.Location, to blockmap.Worker) {
	ctx, cancel := context.WithTimeout(ctx, replicateLimit)
	defer cancel()
	loc := t.locate(path)
	req := &blockpb.CacheRequest{BlockId: ptr(int64(in.ID.Container().Block(i))), Length: ptr(in.BlockLength(i)), Async: ptr(false)}
	if in.Persistence == inode.Persisted {
		req.OpenUfsBlockOptions = &dataserverpb.OpenUfsBlockOptions{
			UfsPath: ptr(loc.UFSURI()), OffsetInFile: ptr(int64(i) * in.BlockSize), BlockSize: ptr(in.BlockLength(i)), MountId: ptr(int64(loc.ID)),
		}
	}
	if len(locations) > 0 {
		from := locations[0].Address
		req.SourceHost, req.SourcePort = ptr(cmp.Or(from.ContainerHost, from.Host)), ptr(from.DataPort)
	}
	if err := t.copy(ctx, to.Address, req); err != nil && ctx.Err() == nil {
		t.log.Warn("A block could not be replicated; the next check tries again.", "path", path, "block", req.GetBlockId(), "worker", to.Address.String(), "err", err)
		return
	}
	t.metrics.ops.WithLabelValues("ReplicasMade").Inc()
}
