package web

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// History remembers how the metrics of reading and of space were, for the graphs
// and rates of the metrics pages. It samples them while Run runs.
type History struct {
	read func() map[string]float64
	mu   struct {
		sync.Mutex
		samples []sample // the oldest first
	}
	ready chan struct{}
}

const (
	sampleEvery = 5 * time.Second
	maxSamples  = int(2 * time.Hour / sampleEvery)
)

// sample is what was, without instance: the same of a cluster and of a worker.
type sample struct {
	at time.Time
	// Bytes sent to clients: from block files in place, over the unix domain
	// socket, over TCP. Missed is the part that had to be fetched.
	local, domain, remote, missed float64
	// Bytes that came from under stores and from other workers, and the part of
	// both that nobody read at the time: load and background caching.
	ufs, copied, loaded float64
	evicted             float64 // blocks
	capacity, used      float64 // bytes
}

// NewMasterHistory samples the metrics of a cluster.
func NewMasterHistory(src MasterSource) *History { return newHistory("Cluster.", src.Metrics) }

// NewWorkerHistory samples the metrics of a worker.
func NewWorkerHistory(g prometheus.Gatherer) *History {
	return newHistory("Worker.", func() map[string]float64 {
		all, _ := gathered(g) // what contradicts itself shows on the page
		return all
	})
}

func newHistory(instance string, all func() map[string]float64) *History {
	read := func() map[string]float64 {
		out := map[string]float64{}
		for name, v := range all() {
			if len(name) > len(instance) && name[:len(instance)] == instance {
				out[name[len(instance):]] = v
			}
		}
		return out
	}
	h := &History{read: read, ready: make(chan struct{})}
	close(h.ready)
	return h
}

// Ready is closed: there is nothing to wait for.
func (h *History) Ready() <-chan struct{} { return h.ready }

// Run samples until ctx ends.
func (h *History) Run(ctx context.Context) error {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		h.add(h.now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// now is a sample of this moment.
func (h *History) now() sample {
	m := h.read()
	return sample{
		at: time.Now(), local: m["BytesReadLocal"], domain: m["BytesReadDomain"], remote: m["BytesReadRemote"], missed: m["BytesReadMissed"],
		ufs: m["BytesReadUfsAll"], copied: m["BytesReadFromWorkers"], loaded: m["CacheBlocksSize"],
		evicted: m["BlocksEvicted"], capacity: m["CapacityTotal"], used: m["CapacityUsed"],
	}
}

func (h *History) add(s sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.mu.samples) == maxSamples {
		h.mu.samples = slices.Delete(h.mu.samples, 0, 1)
	}
	h.mu.samples = append(h.mu.samples, s)
}

// until are the samples so far, and now.
func (h *History) until(now sample) []sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append(slices.Clone(h.mu.samples), now)
}

// since is what happened between two samples. Metrics that were cleared, or lost
// with a leader, begin anew.
func (s sample) since(before sample) sample {
	grown := func(now, then float64) float64 {
		if now < then {
			return now
		}
		return now - then
	}
	return sample{
		at: s.at, local: grown(s.local, before.local), domain: grown(s.domain, before.domain), remote: grown(s.remote, before.remote),
		missed: grown(s.missed, before.missed), ufs: grown(s.ufs, before.ufs), copied: grown(s.copied, before.copied),
		loaded: grown(s.loaded, before.loaded), evicted: grown(s.evicted, before.evicted), capacity: s.capacity, used: s.used,
	}
}

// sent are the bytes that clients got.
func (s sample) sent() float64 { return s.local + s.domain + s.remote }

// hitRatio is the share of them that was cached; ok is false when there were none.
func (s sample) hitRatio() (ratio float64, ok bool) {
	if s.sent() == 0 {
		return 0, false
	}
	return max(0, s.sent()-s.missed) / s.sent(), true
}

// amplification is how many bytes were fetched for one that a reader missed.
func (s sample) amplification() (factor float64, ok bool) {
	if s.missed == 0 {
		return 0, false
	}
	return max(0, s.ufs+s.copied-s.loaded) / s.missed, true
}

// sources splits what clients got by where it was. What was missed went through
// a worker, over TCP unless that is not enough.
func (s sample) sources() (local, domain, remote, fetched float64) {
	fetched = min(s.missed, s.domain+s.remote)
	remote = max(0, s.remote-fetched)
	domain = s.domain - max(0, fetched-s.remote)
	return s.local, domain, remote, fetched
}
