package web

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"context"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// A cluster that reads 100 bytes a sample, of which every other hundred is fetched.
func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0.0
		h := newHistory("Cluster.", func() map[string]float64 {
			n++
			return map[string]float64{"Cluster.BytesReadRemote": 100 * n, "Cluster.BytesReadMissed": 100 * math.Floor(n/2),
				"Cluster.BytesReadUfsAll": 200 * math.Floor(n/2), "Cluster.BlocksEvicted": n, "Cluster.CapacityTotal": 100, "Cluster.CapacityUsed": 30}
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = h.Run(ctx) }()
		time.Sleep(3 * time.Hour)
		cancel()
		synctest.Wait()
		if got := len(h.mu.samples); got != maxSamples {
			t.Errorf("%d samples are kept, want %d", got, maxSamples)
		}
		r := reading(h)
		if r.HitRatio != "50.0%" || r.Amplification != "2.00" || r.SentRate != "1300B/min" && r.SentRate != "1200B/min" {
			t.Errorf("%+v", r)
		}
		s := h.series()
		if len(s) != 2 || s[0].Points[5].Value != 30 || len(s[1].Points) != maxSamples {
			t.Errorf("series: %d, %+v", len(s), s[0].Points[:6])
		}
		for _, c := range r.Charts {
			for _, curve := range c.Curves {
				if strings.Contains(curve.Path, "NaN") || strings.Count(curve.Path, "L") > 2*chartPoints || len(c.Times) == 0 {
					t.Errorf("%s: %s", c.Title, curve.Path)
				}
			}
		}
	})
}

func TestHistoryAfterMetricsWereCleared(t *testing.T) {
	before, after := sample{remote: 1000, missed: 500}, sample{remote: 10}
	d := after.since(before)
	if ratio, ok := d.hitRatio(); !ok || ratio != 1 || d.remote != 10 || d.missed != 0 {
		t.Errorf("%+v", d)
	}
}

func TestSources(t *testing.T) {
	for _, c := range []struct {
		s    sample
		want [4]float64
	}{
		{sample{local: 1, domain: 2, remote: 30, missed: 10}, [4]float64{1, 2, 20, 10}},
		{sample{domain: 20, remote: 5, missed: 10}, [4]float64{0, 15, 0, 10}},
		{sample{local: 7, remote: 5, missed: 10}, [4]float64{7, 0, 0, 5}},
	} {
		local, domain, remote, fetched := c.s.sources()
		if got := [4]float64{local, domain, remote, fetched}; got != c.want {
			t.Errorf("%+v: %v, want %v", c.s, got, c.want)
		}
	}
}

// What has no value leaves a gap, and a value alone is a dot.
func TestChartGaps(t *testing.T) {
	at := []time.Time{time.Unix(0, 0), time.Unix(60, 0), time.Unix(120, 0), time.Unix(180, 0), time.Unix(300, 0)}
	c := newChart("t", at, []line{{"l", "c1", []float64{0, 100, math.NaN(), 50, 100}}}, axis{100, 10, shortSize})
	if got, want := c.Curves[0].Path, "M64.0 166.0h0L156.8 10.0M342.4 88.0h0L528.0 10.0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRoundAbove(t *testing.T) {
	for _, c := range []struct{ v, base, want float64 }{
		{0, 10, 4}, {3, 10, 4}, {9, 10, 10}, {70, 10, 80}, {1000, 1024, 1024}, {5000, 1024, 8192}, {900 << 20, 1024, 1 << 30},
	} {
		if got := roundAbove(c.v, c.base); got != c.want {
			t.Errorf("above %v: %v, want %v", c.v, got, c.want)
		}
	}
}

func TestQuantiles(t *testing.T) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: []float64{1, 2, 4}})
	for range 90 {
		h.Observe(0.5)
	}
	for range 9 {
		h.Observe(3)
	}
	h.Observe(100)
	var m dto.Metric
	if err := h.Write(&m); err != nil {
		t.Fatal(err)
	}
	for q, want := range map[float64]float64{0.45: 0.5, 0.9: 1, 0.99: 4, 1: 4} {
		if got := quantile(m.GetHistogram(), q); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	timer := timerOf(m.GetHistogram())
	if timer.Count != 100 || timer.P99 != 4 || timer.P50 >= 1 || timer.Unit != "seconds" {
		t.Errorf("%+v", timer)
	}
	for s, want := range map[float64]string{0: "0 µs", 42e-6: "42 µs", 1.5e-3: "1.5 ms", 2.345: "2.35 s"} {
		if got := secondsText(s); got != want {
			t.Errorf("%v s: %q, want %q", s, got, want)
		}
	}
}
