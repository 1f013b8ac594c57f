package client

import (
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
)

// workerList remembers the workers in service and knows which are near.
type workerList struct {
	s       *session
	refresh time.Duration
	tiers   []LocalityTier // where this process is, nearest level first
	host    string
	mu      struct {
		sync.Mutex
		workers []WorkerInfo
		fetched time.Time
	}
}

func newWorkerList(s *session, conf *config.Config) *workerList {
	l := &workerList{s: s, refresh: conf.Duration(config.UserWorkerListRefreshInterval), host: conf.ClientHost()}
	for _, tier := range conf.List(config.LocalityOrder) {
		switch tier {
		case "node":
			l.tiers = append(l.tiers, LocalityTier{Name: tier, Value: l.host})
		case "rack":
			if rack := conf.String(config.LocalityRack); rack != "" {
				l.tiers = append(l.tiers, LocalityTier{Name: tier, Value: rack})
			}
		}
	}
	return l
}

// all returns the workers in service. An empty list is an error.
func (l *workerList) all(ctx context.Context) ([]WorkerInfo, error) {
	l.mu.Lock()
	workers, age := l.mu.workers, time.Since(l.mu.fetched)
	l.mu.Unlock()
	if len(workers) > 0 && age < l.refresh {
		return workers, nil
	}
	var resp *blockpb.GetWorkerInfoListPResponse
	err := l.s.master.Do(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) (err error) {
		resp, err = blockpb.NewBlockMasterClientServiceClient(cc).GetWorkerInfoList(ctx, &blockpb.GetWorkerInfoListPOptions{})
		return err
	})
	if err != nil {
		return nil, err
	}
	workers = workerInfos(resp.GetWorkerInfos())
	if len(workers) == 0 {
		return nil, errors.Errorf(errors.Unavailable, "No available Alluxio worker found")
	}
	l.mu.Lock()
	l.mu.workers, l.mu.fetched = workers, time.Now()
	l.mu.Unlock()
	return workers, nil
}

// forget makes the next caller ask the master again: a worker has failed.
func (l *workerList) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.fetched = time.Time{}
}

// local reports whether a worker is on this machine.
func (l *workerList) local(a WorkerAddress) bool {
	if len(l.tiers) > 0 && len(a.Tiers) > 0 && l.tiers[0].Name == "node" {
		return a.Tiers[0] == l.tiers[0]
	}
	return a.Host == l.host
}

// nearest returns the index of the address that shares the nearest locality tier
// with this process, else of a random one.
func (l *workerList) nearest(addrs []WorkerAddress) int {
	order := rand.Perm(len(addrs))
	for _, tier := range l.tiers {
		for _, i := range order {
			if slices.Contains(addrs[i].Tiers, tier) {
				return i
			}
		}
	}
	for _, i := range order {
		if addrs[i].Host == l.host {
			return i
		}
	}
	return order[0]
}

// dialAddr returns how to reach a worker's data port: its unix socket when that
// is on this machine.
func (l *workerList) dialAddr(a WorkerAddress) string {
	if a.DomainSocketPath != "" && l.hasSocket(a) {
		return rpc.UnixAddr(a.DomainSocketPath)
	}
	return a.DataAddr()
}

// hasSocket reports whether a worker's unix socket can be reached: another
// machine may have a socket of the same name.
func (l *workerList) hasSocket(a WorkerAddress) bool {
	info, err := os.Stat(a.DomainSocketPath)
	return err == nil && info.Mode()&fs.ModeSocket != 0 && l.local(a)
}

// worker returns the data service of a worker over its streaming connections.
func (s *session) worker(a WorkerAddress) blockpb.BlockWorkerClient {
	return blockpb.NewBlockWorkerClient(s.pool.StreamConn(s.workers.dialAddr(a)))
}

// workerControl returns the data service of a worker for small calls.
func (s *session) workerControl(a WorkerAddress) blockpb.BlockWorkerClient {
	return blockpb.NewBlockWorkerClient(s.pool.Conn(s.workers.dialAddr(a)))
}
