package web

import (
	"fmt"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Latency sums up how long something took.
type Latency struct {
	Name  string
	Count uint64
	Mean  string
	P50   string
	P95   string
	P99   string
}

// latencies are those histograms that the gatherer has, under the names that
// people are shown.
func latencies(g prometheus.Gatherer, names [][2]string) ([]Latency, error) {
	families, err := g.Gather()
	if err != nil {
		return nil, err
	}
	byName := map[string]*dto.Histogram{}
	for _, f := range families {
		if f.GetType() == dto.MetricType_HISTOGRAM && len(f.GetMetric()) == 1 {
			byName[f.GetName()] = f.GetMetric()[0].GetHistogram()
		}
	}
	out := []Latency{}
	for _, n := range names {
		h := byName[n[0]]
		if h == nil {
			continue
		}
		l := Latency{Name: n[1], Count: h.GetSampleCount(), Mean: "–", P50: "–", P95: "–", P99: "–"}
		if l.Count > 0 {
			l.Mean = secondsText(h.GetSampleSum() / float64(l.Count))
			l.P50, l.P95, l.P99 = secondsText(quantile(h, 0.5)), secondsText(quantile(h, 0.95)), secondsText(quantile(h, 0.99))
		}
		out = append(out, l)
	}
	return out, nil
}

// secondsText writes a time with three digits.
func secondsText(s float64) string {
	switch d := time.Duration(s * float64(time.Second)); {
	case d < time.Millisecond:
		return fmt.Sprintf("%.3g µs", s*1e6)
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", s*1e3)
	}
	return fmt.Sprintf("%.3g s", s)
}

// quantile estimates the value below which the share q of the observations lies:
// in its bucket they are taken as spread evenly. Beyond the last bucket it is
// that bucket's bound.
func quantile(h *dto.Histogram, q float64) float64 {
	rank := q * float64(h.GetSampleCount())
	var below uint64
	low := 0.0
	for _, b := range h.GetBucket() {
		high := b.GetUpperBound()
		if n := b.GetCumulativeCount(); float64(n) >= rank && n > below {
			if math.IsInf(high, 1) {
				return low
			}
			return low + (high-low)*(rank-float64(below))/float64(n-below)
		}
		below, low = b.GetCumulativeCount(), high
	}
	return low
}
