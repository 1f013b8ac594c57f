package web

import (
	"fmt"
	"math"
	"time"
)

// Reading is what metrics pages show of how clients read.
type Reading struct {
	HitRatio         string // of all, in percent
	RecentHitRatio   string // of the last minute
	Amplification    string
	Sent             string
	SentRate         string
	Fetched          string
	FetchedRate      string
	Evicted          int64
	EvictedPerMinute int64 // in the last minute
	Charts           []chart
}

// reading sums up what a history has seen.
func reading(h *History) Reading {
	samples := h.until(h.now())
	now := samples[len(samples)-1]
	minute := now.since(aMinuteBefore(samples))
	r := Reading{
		HitRatio: "–", RecentHitRatio: "–", Amplification: "–",
		Sent: sizeText(int64(now.sent())), SentRate: sizeText(int64(minute.sent())) + "/min",
		Fetched: sizeText(int64(now.ufs)), FetchedRate: sizeText(int64(minute.ufs)) + "/min",
		Evicted: int64(now.evicted), EvictedPerMinute: int64(math.Round(minute.evicted)),
		Charts: readCharts(samples),
	}
	percent := func(v float64) string { return fmt.Sprintf("%.1f%%", 100*v) }
	if v, ok := now.hitRatio(); ok {
		r.HitRatio = percent(v)
	}
	if v, ok := minute.hitRatio(); ok {
		r.RecentHitRatio = percent(v)
	}
	if v, ok := now.amplification(); ok {
		r.Amplification = fmt.Sprintf("%.2f", v)
	}
	return r
}

// aMinuteBefore is the newest sample that is a minute older than the last, or the
// oldest there is.
func aMinuteBefore(samples []sample) sample {
	last := samples[len(samples)-1]
	found := samples[0]
	for _, s := range samples {
		if last.at.Sub(s.at) >= time.Minute {
			found = s
		}
	}
	return found
}

// series is one line of the graphs, for programs.
type series struct {
	Name   string  `json:"name"`
	Points []point `json:"dataPoints"`
}

type point struct {
	TimeMS int64 `json:"timeStamp"`
	Value  int64 `json:"value"`
}

// series are the graphs in percent: space used, and hits between two samples.
func (h *History) series() []series {
	samples := h.until(h.now())
	used, hits := series{"% Alluxio Space Used", []point{}}, series{"% Cache Hits", []point{}}
	for i, s := range samples {
		ms := s.at.UnixMilli()
		used.Points = append(used.Points, point{ms, int64(percentOf(int64(s.used), int64(s.capacity)))})
		if i == 0 {
			continue
		}
		if ratio, ok := s.since(samples[i-1]).hitRatio(); ok {
			hits.Points = append(hits.Points, point{ms, int64(100 * ratio)})
		}
	}
	return []series{used, hits}
}
