package master

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/alluxio-go/alluxio/master/inode"
)

// metrics are the master's counters. They are exported under Alluxio's names,
// one metric each, with dots as underscores: Master_FilesCreated,
// Master_CreateFileOps.
type metrics struct {
	ops   *prometheus.CounterVec // successful operations by their Alluxio name
	calls *prometheus.CounterVec // calls by method
	fails *prometheus.CounterVec // those of them that failed, by kind of error
	syncs *prometheus.CounterVec // metadata synchronisations by outcome
	rpcs  prometheus.Histogram   // how long calls took that are no streams
}

func newMetrics(reg prometheus.Registerer) *metrics {
	vec := func(name, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: name}, []string{label})
	}
	m := &metrics{
		ops:   vec("Master_Operations", "name"),
		calls: vec("Master_Calls", "name"),
		fails: vec("Master_RpcFailures", "kind"),
		syncs: vec("Master_MetadataSyncs", "outcome"),
		rpcs: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "Master_TotalRpcs", Help: "How long calls took, in seconds.",
			Buckets: []float64{100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10, 30, 60}}),
	}
	if reg != nil {
		reg.MustRegister(m, m.fails, m.syncs, m.rpcs)
	}
	return m
}

// Describe describes nothing: which counters there are shows as they are counted.
func (m *metrics) Describe(chan<- *prometheus.Desc) {}

// Collect exports a metric for each operation and method.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for name, n := range m.counts() {
		desc := prometheus.NewDesc(strings.ReplaceAll(name, ".", "_"), name+" of Alluxio.", nil, nil)
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, n)
	}
}

// counts are the operations, as "Master.FilesCreated", and the calls, as
// "Master.CreateFileOps".
func (m *metrics) counts() map[string]float64 {
	out := make(map[string]float64)
	for suffix, vec := range map[string]*prometheus.CounterVec{"": m.ops, "Ops": m.calls} {
		for name, n := range valuesOf(vec) {
			out["Master."+name+suffix] = n
		}
	}
	return out
}

// valuesOf are the values of a vector with one label.
func valuesOf(vec *prometheus.CounterVec) map[string]float64 {
	ch := make(chan prometheus.Metric)
	go func() {
		vec.Collect(ch)
		close(ch)
	}()
	out := make(map[string]float64)
	for metric := range ch {
		var m dto.Metric
		if metric.Write(&m) == nil && len(m.GetLabel()) == 1 {
			out[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return out
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
	absent := func(f func(hits, misses int64) int64) func() float64 {
		return func() float64 {
			if t := m.term.Load(); t != nil {
				return float64(f(t.absent.counts()))
			}
			return 0
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
		"Master.AbsentCacheHits":               absent(func(hits, _ int64) int64 { return hits }),
		"Master.AbsentCacheMisses":             absent(func(_, misses int64) int64 { return misses }),
		"Master.StartTime":                     func() float64 { return float64(m.started.UnixMilli()) },
	}
}
