package master

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/master/inode"
)

// metrics are the master's counters and gauges, by Alluxio's names
// ("Master.FilesCreated" is Master_FilesCreated).
type metrics struct {
	ops   *prometheus.CounterVec // successful operations by their Alluxio name
	calls *prometheus.CounterVec // calls by method and outcome
	syncs *prometheus.CounterVec // metadata synchronisations by outcome
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		ops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "Master_Operations", Help: "Successful operations on the namespace.",
		}, []string{"name"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "Master_Rpcs", Help: "Calls by method and status.",
		}, []string{"method", "status"}),
		syncs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "Master_MetadataSyncOps", Help: "Comparisons of paths with their under file system.",
		}, []string{"outcome"}),
	}
	if reg != nil {
		reg.MustRegister(m.ops, m.calls, m.syncs)
	}
	return m
}

// gauges are read from the state and the term when they are asked for.
func (m *Master) gauges() map[string]func() float64 {
	stat := func(f func(inode.Stats) int64) func() float64 {
		return func() float64 { return float64(f(m.stats())) }
	}
	worker := func(f func(*clusterUsage) int64) func() float64 {
		return func() float64 {
			u := m.usage()
			return float64(f(&u))
		}
	}
	return map[string]func() float64{
		"Master.TotalPaths":                    stat(func(s inode.Stats) int64 { return s.Files + s.Directories }),
		"Master.FilesPinned":                   stat(func(s inode.Stats) int64 { return int64(s.Pinned) }),
		"Master.FilesToBePersisted":            stat(func(s inode.Stats) int64 { return int64(s.ToPersist) }),
		"Master.TTLInodes":                     stat(func(s inode.Stats) int64 { return int64(s.WithTTL) }),
		"Master.UniqueBlocks":                  worker(func(u *clusterUsage) int64 { return int64(u.blocks) }),
		"Cluster.CapacityTotal":                worker(func(u *clusterUsage) int64 { return u.capacity }),
		"Cluster.CapacityUsed":                 worker(func(u *clusterUsage) int64 { return u.used }),
		"Cluster.CapacityFree":                 worker(func(u *clusterUsage) int64 { return u.capacity - u.used }),
		"Cluster.Workers":                      worker(func(u *clusterUsage) int64 { return int64(u.live) }),
		"Cluster.LostWorkers":                  worker(func(u *clusterUsage) int64 { return int64(u.lost) }),
		"Master.JournalEntriesSinceCheckPoint": func() float64 { return float64(m.journal.Stats().EntriesSinceCheckpoint) },
		"Master.JournalSequenceNumber":         func() float64 { return float64(m.journal.Stats().AppliedIndex) },
		"Master.StartTime":                     func() float64 { return float64(m.started.UnixMilli()) },
	}
}
