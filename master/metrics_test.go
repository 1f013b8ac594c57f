package master

import (
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

// TestMetricNames: what is counted is exported under Alluxio's names.
func TestMetricNames(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := newMetrics(reg)
	m.ops.WithLabelValues("FilesCreated").Inc()
	m.calls.WithLabelValues(metricName("Remove")).Add(2)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetCounter().GetValue()
	}
	if got["Master_FilesCreated"] != 1 || got["Master_DeletePathOps"] != 2 {
		t.Errorf("%v", got)
	}
}

func TestReportedMetrics(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	c := newClusterMetrics(func() time.Time { return now })
	report := []ReportedMetric{
		{Name: "BytesReadPerUfs", Tags: map[string]string{"UFS": "s3://b.c"}, Value: 3, Counter: true},
		{Name: "CapacityTotal", Value: 100},
		{Name: "BytesReadLocal", Value: -1, Counter: true},
		{Name: "BytesReadLocal", Value: math.NaN(), Counter: true},
		{Name: "Client.BytesReadLocal", Value: 30, Counter: true},
		{Name: "not a name", Value: 1, Counter: true},
	}
	c.addClient(report)
	c.addWorker(1, report)
	got := c.counters()
	if got["Cluster.BytesReadPerUfs.UFS:s3:%2F%2Fb%2Ec"] != 6 || got["Cluster.BytesReadLocal"] != 60 || got["Cluster.not a name"] != 0 {
		t.Errorf("%v", got)
	}
	c.clear()
	for name, n := range c.counters() {
		if n != 0 {
			t.Errorf("cleared: %s is %v", name, n)
		}
	}
}

// TestClusterRatios: what the workers and clients count makes ratios and
// throughputs of the cluster.
func TestClusterRatios(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	c := newClusterMetrics(func() time.Time { return now })
	count := func(name string, v float64) ReportedMetric {
		return ReportedMetric{Name: name, Value: v, Counter: true}
	}
	want := func(name string, v float64) {
		t.Helper()
		if got := c.gauges()[name]; got != v {
			t.Errorf("%s is %v, want %v", name, got, v)
		}
	}
	want("Cluster.CacheHitRate", 0)
	want("Cluster.FetchAmplification", 0)
	c.addClient([]ReportedMetric{count("BytesReadLocal", 700)})
	c.addWorker(1, []ReportedMetric{count("BytesReadRemote", 200), count("BytesReadMissed", 100), count("BytesReadUfsAll", 950), count("BlocksEvicted", 7),
		count("CacheBlocksSize", 700), {Name: "ActiveRpcReadCount", Value: 3}})
	c.addWorker(2, []ReportedMetric{count("BytesReadDomain", 100), {Name: "ActiveRpcReadCount", Value: 4}})
	want("Cluster.CacheHitRate", 0.9)
	want("Cluster.FetchAmplification", 2.5)
	want("Cluster.ActiveRpcReadCount", 7)
	want("Cluster.BytesReadUfsAllThroughput", 950)
	want("Cluster.BlocksEvictionRate", 7)

	now = now.Add(40 * time.Second)
	c.addWorker(2, []ReportedMetric{count("BytesReadUfsAll", 50), {Name: "ActiveRpcReadCount", Value: 5}})
	want("Cluster.BytesReadUfsAllThroughput", 1000)
	now = now.Add(40 * time.Second)
	want("Cluster.BytesReadUfsAllThroughput", 50)
	want("Cluster.ActiveRpcReadCount", 5) // worker 1 is silent
	now = now.Add(time.Hour)
	want("Cluster.BytesReadUfsAllThroughput", 0)
	want("Cluster.CacheHitRate", 0.9)
}

// TestClusterMetricsForPrometheus: tags are labels, and any mixture of reports
// makes a valid exposition.
func TestClusterMetricsForPrometheus(t *testing.T) {
	c := newClusterMetrics(time.Now)
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	c.addClient([]ReportedMetric{
		{Name: "BytesReadPerUfs", Tags: map[string]string{"UFS": "s3://b"}, Value: 3, Counter: true},
		{Name: "BytesReadPerUfs", Tags: map[string]string{"UFS": "s3://c", "User": "u"}, Value: 4, Counter: true},
	})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "Cluster_BytesReadPerUfs" && len(f.GetMetric()) == 2 {
			return
		}
	}
	t.Error("Cluster_BytesReadPerUfs is missing")
}

// TestRunEndsWithItsGoroutines: nothing of a master outlives Run.
func TestRunEndsWithItsGoroutines(t *testing.T) {
	before := goleak.IgnoreCurrent()
	w := newWorld(t, nil)
	w.write("/d/f", 10, CacheThrough)
	w.list("/", listAll)
	w.failover()
	w.stop()
	goleak.VerifyNone(t, before)
}
