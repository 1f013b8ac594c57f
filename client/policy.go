package client

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// locationPolicy chooses a worker. size is how many bytes it has to be able to
// hold; workers is not empty and must not be changed.
type locationPolicy interface {
	choose(workers []WorkerInfo, block int64, size int64) (WorkerInfo, bool)
}

// newPolicy returns the policy of a Java class name, long or short.
func newPolicy(class string, conf *config.Config, l *workerList) (locationPolicy, error) {
	switch short := class[strings.LastIndexByte(class, '.')+1:]; short {
	case "LocalFirstPolicy":
		return localFirst{l}, nil
	case "LocalFirstAvoidEvictionPolicy":
		return localFirstAvoidEviction{l, conf.Bytes(config.UserBlockAvoidEvictionPolicyReservedSizeBytes)}, nil
	case "MostAvailableFirstPolicy":
		return mostAvailable{}, nil
	case "RoundRobinPolicy":
		return &roundRobin{}, nil
	case "DeterministicHashPolicy":
		return deterministicHash{max(1, conf.Int(config.UserUFSBlockReadLocationPolicyDeterministicHashShards))}, nil
	case "CapacityBaseRandomPolicy":
		return capacityRandom{}, nil
	case "SpecificHostPolicy":
		return specificHost{conf.WorkerHost()}, nil
	default:
		return nil, errors.Errorf(errors.Invalid, "%q is no block location policy; there are LocalFirstPolicy, LocalFirstAvoidEvictionPolicy, "+
			"MostAvailableFirstPolicy, RoundRobinPolicy, DeterministicHashPolicy, CapacityBaseRandomPolicy and SpecificHostPolicy", class)
	}
}

// fitting returns the workers for which holds is true.
func fitting(workers []WorkerInfo, holds func(WorkerInfo) bool) []WorkerInfo {
	return slices.DeleteFunc(slices.Clone(workers), func(w WorkerInfo) bool { return !holds(w) })
}

// hasCapacity returns the workers that could hold size bytes if they were empty.
// All policies go by it: a worker without capacity is being taken down, or its
// storage has failed.
func hasCapacity(workers []WorkerInfo, size int64) []WorkerInfo {
	return fitting(workers, func(w WorkerInfo) bool { return w.CapacityBytes > 0 && w.CapacityBytes >= size })
}

// localFirst takes the nearest worker.
type localFirst struct{ l *workerList }

func (p localFirst) choose(workers []WorkerInfo, _ int64, size int64) (WorkerInfo, bool) {
	return p.l.nearestWorker(hasCapacity(workers, size))
}

// nearestWorker returns the nearest of some workers, if there is one.
func (l *workerList) nearestWorker(workers []WorkerInfo) (WorkerInfo, bool) {
	if len(workers) == 0 {
		return WorkerInfo{}, false
	}
	addrs := make([]WorkerAddress, len(workers))
	for i, w := range workers {
		addrs[i] = w.Address
	}
	return workers[l.nearest(addrs)], true
}

// localFirstAvoidEviction takes the nearest worker with room, else the nearest.
type localFirstAvoidEviction struct {
	l        *workerList
	reserved int64 // bytes to leave free
}

func (p localFirstAvoidEviction) choose(workers []WorkerInfo, block int64, size int64) (WorkerInfo, bool) {
	roomy := fitting(hasCapacity(workers, size), func(w WorkerInfo) bool {
		return w.CapacityBytes-w.UsedBytes-p.reserved >= size
	})
	if w, ok := p.l.nearestWorker(roomy); ok {
		return w, true
	}
	return localFirst{p.l}.choose(workers, block, size)
}

// mostAvailable takes the worker with the most room.
type mostAvailable struct{}

func (mostAvailable) choose(workers []WorkerInfo, _ int64, size int64) (WorkerInfo, bool) {
	able := hasCapacity(workers, size)
	if len(able) == 0 {
		return WorkerInfo{}, false
	}
	return slices.MaxFunc(able, func(a, b WorkerInfo) int {
		return cmp.Compare(a.CapacityBytes-a.UsedBytes, b.CapacityBytes-b.UsedBytes)
	}), true
}

// roundRobin takes one worker after the other, beginning anywhere.
type roundRobin struct {
	mu struct {
		sync.Mutex
		begun bool
		next  int
	}
}

func (p *roundRobin) choose(workers []WorkerInfo, _ int64, size int64) (WorkerInfo, bool) {
	able := hasCapacity(workers, size)
	if len(able) == 0 {
		return WorkerInfo{}, false
	}
	slices.SortFunc(able, byAddress)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.mu.begun {
		p.mu.begun, p.mu.next = true, rand.IntN(len(able))
	}
	w := able[p.mu.next%len(able)]
	p.mu.next++
	return w, true
}

// deterministicHash takes, for a block, always one of the same few workers.
type deterministicHash struct{ shards int }

func (p deterministicHash) choose(workers []WorkerInfo, block int64, size int64) (WorkerInfo, bool) {
	able := hasCapacity(workers, size)
	if len(able) == 0 {
		return WorkerInfo{}, false
	}
	slices.SortFunc(able, byAddress)
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(block)))
	first := h.Sum64() % uint64(len(able))
	shard := uint64(rand.IntN(min(p.shards, len(able))))
	return able[(first+shard)%uint64(len(able))], true
}

// capacityRandom takes workers with a frequency proportional to their capacity.
type capacityRandom struct{}

func (capacityRandom) choose(workers []WorkerInfo, _ int64, size int64) (WorkerInfo, bool) {
	able := hasCapacity(workers, size)
	var total int64
	for _, w := range able {
		total += w.CapacityBytes
	}
	if total <= 0 {
		return WorkerInfo{}, false
	}
	at := rand.Int64N(total)
	for _, w := range able {
		if at -= w.CapacityBytes; at < 0 {
			return w, true
		}
	}
	return WorkerInfo{}, false
}

// specificHost takes the worker of one host.
type specificHost struct{ host string }

func (p specificHost) choose(workers []WorkerInfo, _ int64, size int64) (WorkerInfo, bool) {
	for _, w := range hasCapacity(workers, size) {
		if w.Address.Host == p.host {
			return w, true
		}
	}
	return WorkerInfo{}, false
}

// byAddress orders workers, so that all clients see the same order.
func byAddress(a, b WorkerInfo) int {
	return cmp.Or(cmp.Compare(a.Address.Host, b.Address.Host), cmp.Compare(a.Address.RPCPort, b.Address.RPCPort))
}
