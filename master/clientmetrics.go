package master

import (
	"maps"
	"strings"
	"sync"
)

// maxMetricNames bounds what reports of clients and workers can add up to.
const maxMetricNames = 10_000

// ReportedMetric is one value that a worker or client reports.
type ReportedMetric struct {
	Name    string // without instance
	Tags    map[string]string
	Value   float64
	Counter bool // an increment since the last report; otherwise the value now
}

// clientMetrics sums what workers and clients report, as cluster metrics.
type clientMetrics struct {
	mu struct {
		sync.Mutex
		sums map[string]float64
	}
}

func newClientMetrics() *clientMetrics {
	c := &clientMetrics{}
	c.mu.sums = make(map[string]float64)
	return c
}

// add adds the counters of a report.
func (c *clientMetrics) add(report []ReportedMetric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range report {
		if !r.Counter || r.Value < 0 {
			continue
		}
		name := "Cluster." + r.Name
		for _, tag := range []string{"UFS", "User"} {
			if v, ok := r.Tags[tag]; ok {
				name += "." + tag + ":" + escapeTag(v)
			}
		}
		if _, ok := c.mu.sums[name]; ok || len(c.mu.sums) < maxMetricNames {
			c.mu.sums[name] += r.Value
		}
	}
}

var tagEscaper = strings.NewReplacer("%", "%25", "/", "%2F", ".", "%2E")

func escapeTag(v string) string { return tagEscaper.Replace(v) }

func (c *clientMetrics) all() map[string]float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.mu.sums)
}

func (c *clientMetrics) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.mu.sums)
}
