package web

import (
	"math"
	"net/http"
	"runtime/pprof"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// MetricsJSON is the JSON of /metrics/json, in the form of Dropwizard's servlet.
type MetricsJSON struct {
	Version    string             `json:"version"`
	Gauges     map[string]Gauge   `json:"gauges"`
	Counters   map[string]Counter `json:"counters"`
	Histograms map[string]Timer   `json:"histograms"`
	Meters     map[string]Counter `json:"meters"`
	Timers     map[string]Timer   `json:"timers"`
}

// Gauge is a value at this moment.
type Gauge struct {
	Value float64 `json:"value"`
}

// Counter only grows.
type Counter struct {
	Count float64 `json:"count"`
}

// Timer sums up observations, in seconds. The quantiles are estimates.
type Timer struct {
	Count uint64  `json:"count"`
	Mean  float64 `json:"mean"`
	Sum   float64 `json:"sum"`
	P50   float64 `json:"p50"`
	P75   float64 `json:"p75"`
	P95   float64 `json:"p95"`
	P98   float64 `json:"p98"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Unit  string  `json:"duration_units"`
}

// prometheusHandler serves what the gatherer has in Prometheus's text format.
func prometheusHandler(g prometheus.Gatherer) http.HandlerFunc {
	h := promhttp.HandlerFor(g, promhttp.HandlerOpts{Timeout: requestTimeout, MaxRequestsInFlight: 4})
	return h.ServeHTTP
}

// alluxioName turns "Master_FilesCreated" into "Master.FilesCreated", and adds
// labels as Alluxio adds tags, escaped.
func alluxioName(name string, labels []*dto.LabelPair) string {
	for _, instance := range []string{"Master_", "Worker_", "Cluster_", "Client_"} {
		if rest, ok := strings.CutPrefix(name, instance); ok {
			name = instance[:len(instance)-1] + "." + rest
			break
		}
	}
	for _, l := range labels {
		name += "." + l.GetName() + ":" + tagEscaper.Replace(l.GetValue())
	}
	return name
}

var tagEscaper = strings.NewReplacer("%", "%25", "/", "%2F", ".", "%2E")

// metricsJSON serves the gatherer's metrics and extra, by Alluxio's names.
func metricsJSON(g prometheus.Gatherer, extra func() map[string]float64) view {
	return func(*http.Request) (any, error) {
		families, err := g.Gather()
		if err != nil {
			return nil, errors.E("gathering metrics", "", errors.Internal, err)
		}
		m := &MetricsJSON{Version: "4.0.0", Gauges: map[string]Gauge{}, Counters: map[string]Counter{},
			Histograms: map[string]Timer{}, Meters: map[string]Counter{}, Timers: map[string]Timer{}}
		if extra != nil {
			for name, v := range extra() {
				m.Gauges[name] = Gauge{finite(v)}
			}
		}
		for _, f := range families {
			for _, s := range f.GetMetric() {
				m.add(f.GetType(), alluxioName(f.GetName(), s.GetLabel()), s)
			}
		}
		return m, nil
	}
}

func (m *MetricsJSON) add(kind dto.MetricType, name string, s *dto.Metric) {
	switch kind {
	case dto.MetricType_COUNTER:
		delete(m.Gauges, name)
		m.Counters[name] = Counter{finite(s.GetCounter().GetValue())}
	case dto.MetricType_GAUGE:
		m.Gauges[name] = Gauge{finite(s.GetGauge().GetValue())}
	case dto.MetricType_HISTOGRAM:
		m.Timers[name] = timerOf(s.GetHistogram())
	case dto.MetricType_SUMMARY:
		m.Timers[name] = newTimer(s.GetSummary().GetSampleCount(), s.GetSummary().GetSampleSum())
	}
}

func timerOf(h *dto.Histogram) Timer {
	t := newTimer(h.GetSampleCount(), h.GetSampleSum())
	if t.Count > 0 {
		t.P50, t.P75, t.P95 = quantile(h, 0.5), quantile(h, 0.75), quantile(h, 0.95)
		t.P98, t.P99, t.P999 = quantile(h, 0.98), quantile(h, 0.99), quantile(h, 0.999)
	}
	return t
}

func newTimer(count uint64, sum float64) Timer {
	t := Timer{Count: count, Sum: finite(sum), Unit: "seconds"}
	if count > 0 {
		t.Mean = t.Sum / float64(count)
	}
	return t
}

// finite replaces what JSON cannot say.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// threadDump answers with the stacks of all goroutines, equal ones counted
// together.
func threadDump(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_ = pprof.Lookup("goroutine").WriteTo(w, 1) // a client that left is not ours to tell
}

// threadDumpText is the same for a page.
func threadDumpText(*http.Request) (any, error) {
	var b strings.Builder
	err := pprof.Lookup("goroutine").WriteTo(&b, 1)
	return b.String(), err
}
