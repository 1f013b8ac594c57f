package journal

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// metrics are the journal's metrics, under the names of Alluxio's with "_" for
// ".". They are collected but not registered when there is no Registerer.
type metrics struct {
	flush       prometheus.Histogram
	failures    prometheus.Counter
	batch       prometheus.Histogram
	checkpoints prometheus.Histogram
	size        prometheus.Gauge
	registerer  prometheus.Registerer
	registered  bool
	gauges      *statsCollector
}

// newMetrics makes the journal's metrics; stats feeds the gauges.
func newMetrics(r prometheus.Registerer, stats func() Stats) *metrics {
	return &metrics{
		flush: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "Master_JournalFlushTimer", Help: "Seconds to make a batch of entries durable.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "Master_JournalFlushFailure", Help: "Batches of entries that could not be written.",
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "Master_JournalFlushEntries", Help: "Entries in one durable batch.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 11),
		}),
		checkpoints: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "Master_JournalCheckpointTimer", Help: "Seconds to write a checkpoint.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
		size: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "Master_JournalCheckpointBytes", Help: "Size of the last checkpoint written by this process.",
		}),
		registerer: r,
		gauges:     newStatsCollector(stats),
	}
}

// register registers all metrics, or none.
func (m *metrics) register() error {
	if m.registerer == nil {
		return nil
	}
	for i, c := range m.all() {
		if err := m.registerer.Register(c); err != nil {
			for _, done := range m.all()[:i] {
				m.registerer.Unregister(done)
			}
			return errors.E("registering the journal's metrics", "", errors.Internal, err)
		}
	}
	m.registered = true
	return nil
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.flush, m.failures, m.batch, m.checkpoints, m.size, m.gauges}
}

func (m *metrics) unregister() {
	if !m.registered {
		return
	}
	for _, c := range m.all() {
		m.registerer.Unregister(c)
	}
}

// flushed counts a write to the log.
func (m *metrics) flushed(took time.Duration, entries int, err error) {
	if err != nil {
		m.failures.Inc()
		return
	}
	m.flush.Observe(took.Seconds())
	m.batch.Observe(float64(entries))
}

// checkpointed counts a checkpoint.
func (m *metrics) checkpointed(took time.Duration, bytes int64) {
	m.checkpoints.Observe(took.Seconds())
	m.size.Set(float64(bytes))
}

// statsCollector shows Stats as gauges.
type statsCollector struct {
	stats func() Stats
	of    []gauge
}

type gauge struct {
	desc  *prometheus.Desc
	value func(*Stats) float64
}

func newStatsCollector(stats func() Stats) *statsCollector {
	g := func(name, help string, value func(*Stats) float64) gauge {
		return gauge{prometheus.NewDesc(name, help, nil, nil), value}
	}
	return &statsCollector{stats: stats, of: []gauge{
		g("Master_JournalLastCheckPointTime", "When the newest checkpoint was taken, ms since 1970, -1 if never.",
			func(s *Stats) float64 {
				if s.CheckpointTime.IsZero() {
					return -1
				}
				return float64(s.CheckpointTime.UnixMilli())
			}),
		g("Master_JournalLogBytes", "Size of the log's file.",
			func(s *Stats) float64 { return float64(s.LogBytes) }),
		g("Master_JournalFreeBytes", "Free bytes on the journal's file system.",
			func(s *Stats) float64 { return float64(s.DiskFreeBytes) }),
		g("Master_JournalFreePercent", "Free part of the journal's file system, in percent.",
			func(s *Stats) float64 { return 100 * float64(s.DiskFreeBytes) / max(1, float64(s.DiskTotalBytes)) }),
		g("Master_JournalTerm", "Current election term.",
			func(s *Stats) float64 { return float64(s.Term) }),
		g("Master_JournalLeading", "1 while this master leads.",
			func(s *Stats) float64 {
				if s.Leading {
					return 1
				}
				return 0
			}),
	}}
}

// Describe implements prometheus.Collector.
func (c *statsCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range c.of {
		ch <- g.desc
	}
}

// Collect implements prometheus.Collector.
func (c *statsCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.stats()
	for _, g := range c.of {
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.value(&s))
	}
}
