package worker

import (
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

// toldMaster is what the master has been told of the counters so far. It sums up
// what they grew by over the cluster.
type toldMaster struct {
	mu struct {
		sync.Mutex
		told map[string]float64 // by what key returns
	}
}

// summedGauges are the gauges that mean something when added up over workers.
var summedGauges = []string{"Worker_ActiveRpcReadCount", "Worker_ActiveRpcWriteCount", "Worker_PageFetchesInFlight"}

// forMaster lists what the counters grew by since the master was last told, and
// the gauges that it adds up.
func (m *metrics) forMaster() []*grpcpb.Metric {
	mu := &m.master.mu
	mu.Lock()
	defer mu.Unlock()
	var list []*grpcpb.Metric
	m.each(func(kind dto.MetricType, metric *grpcpb.Metric) {
		switch kind {
		case dto.MetricType_COUNTER:
			grown := metric.GetValue() - mu.told[key(metric)]
			if grown <= 0 {
				return
			}
			metric.Value, metric.MetricType = &grown, grpcpb.MetricType_COUNTER.Enum()
		case dto.MetricType_GAUGE:
			if !slices.Contains(summedGauges, "Worker_"+metric.GetName()) {
				return
			}
			metric.MetricType = grpcpb.MetricType_GAUGE.Enum()
		default:
			return
		}
		list = append(list, metric)
	})
	return list
}

// each calls f with every counter and gauge of this worker.
func (m *metrics) each(f func(dto.MetricType, *grpcpb.Metric)) {
	families, err := m.own.Gather()
	if err != nil {
		return // a collector that contradicts itself: a bug that tests of the registry show
	}
	instance := "Worker"
	for _, family := range families {
		name := strings.TrimPrefix(family.GetName(), "Worker_")
		for _, s := range family.GetMetric() {
			v := s.GetCounter().GetValue() + s.GetGauge().GetValue() // one of them is there
			metric := &grpcpb.Metric{Instance: &instance, Name: &name, Value: &v}
			for _, l := range s.GetLabel() {
				if metric.Tags == nil {
					metric.Tags = map[string]string{}
				}
				metric.Tags[l.GetName()] = l.GetValue()
			}
			f(family.GetType(), metric)
		}
	}
}

// key tells counters apart: a name, and the under store if there is one.
func key(m *grpcpb.Metric) string { return m.GetName() + " " + m.GetTags()["UFS"] }

// reported notes that the master was told.
func (m *metrics) reported(list []*grpcpb.Metric) {
	mu := &m.master.mu
	mu.Lock()
	defer mu.Unlock()
	if mu.told == nil {
		mu.told = map[string]float64{}
	}
	for _, x := range list {
		if x.GetMetricType() == grpcpb.MetricType_COUNTER {
			mu.told[key(x)] += x.GetValue()
		}
	}
}

// clear makes the master hear only of what comes from now on.
func (m *metrics) clear() { m.reported(m.forMaster()) }

func value(c prometheus.Counter) float64 {
	var d dto.Metric
	if c.Write(&d) != nil {
		return 0
	}
	return d.GetCounter().GetValue()
}
