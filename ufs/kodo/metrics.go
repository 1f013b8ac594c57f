package kodo

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// metrics are one mount's.
type metrics struct {
	requests  *prometheus.HistogramVec // by operation
	failures  *prometheus.CounterVec   // by operation and kind
	retries   *prometheus.CounterVec   // by operation
	throttled prometheus.Counter
	bytes     *prometheus.CounterVec // by direction

	registerer prometheus.Registerer
}

// newMetrics makes the metrics of the mount of a root and registers them with r,
// unless it is nil or has them already from another mount of the same root.
func newMetrics(r prometheus.Registerer, root string) *metrics {
	labels := prometheus.Labels{"mount": root}
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "alluxio", Subsystem: "ufs_kodo", Name: name, Help: help, ConstLabels: labels}
	}
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "alluxio", Subsystem: "ufs_kodo", Name: "request_seconds", ConstLabels: labels,
			Help:    "Time until an attempt of a request to Kodo was answered.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		}, []string{"op"}),
		failures:   prometheus.NewCounterVec(opts("request_failures_total", "Attempts that failed."), []string{"op", "kind"}),
		retries:    prometheus.NewCounterVec(opts("retries_total", "Attempts after a failed one."), []string{"op"}),
		throttled:  prometheus.NewCounter(opts("throttled_total", "Answers that ask for fewer requests.")),
		bytes:      prometheus.NewCounterVec(opts("bytes_total", "Bytes of bodies."), []string{"direction"}),
		registerer: r,
	}
	for _, c := range m.all() {
		if r != nil && r.Register(c) != nil {
			m.registerer = nil // another mount of the root reports
			break
		}
	}
	return m
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.failures, m.retries, m.throttled, m.bytes}
}

func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.all() {
		m.registerer.Unregister(c)
	}
}

func (m *metrics) observe(op string, d time.Duration, v verdict) {
	m.requests.WithLabelValues(op).Observe(d.Seconds())
	if v.err != nil {
		m.failures.WithLabelValues(op, errors.KindOf(v.err).String()).Inc()
	}
	if v.throttled {
		m.throttled.Inc()
	}
}

func (m *metrics) retried(op string) { m.retries.WithLabelValues(op).Inc() }
func (m *metrics) sent(n int64)      { m.bytes.WithLabelValues("sent").Add(float64(n)) }
func (m *metrics) received(n int64)  { m.bytes.WithLabelValues("received").Add(float64(n)) }
