package master

import (
	"testing"

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
	c := newClientMetrics()
	report := []ReportedMetric{
		{Name: "BytesReadPerUfs", Tags: map[string]string{"UFS": "s3://b.c"}, Value: 3, Counter: true},
		{Name: "CapacityTotal", Value: 100},
		{Name: "BytesReadLocal", Value: -1, Counter: true},
	}
	c.add(report)
	c.add(report)
	if got := c.all(); len(got) != 1 || got["Cluster.BytesReadPerUfs.UFS:s3:%2F%2Fb%2Ec"] != 6 {
		t.Errorf("%v", got)
	}
	c.clear()
	if got := c.all(); len(got) != 0 {
		t.Errorf("cleared: %v", got)
	}
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
