package web

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// chart is a graph over time as an SVG: the template draws it, this computes it.
type chart struct {
	Title  string
	Curves []curve
	Grid   []tick // lines across, from the bottom
	Times  []tick // along the bottom
}

// Where the template puts what is the same in every chart.
func (chart) Width() int   { return chartWidth }
func (chart) Height() int  { return chartHeight }
func (chart) Left() int    { return chartLeft }
func (chart) Right() int   { return chartWidth - chartMargin }
func (chart) LabelX() int  { return chartLeft - 8 }
func (chart) LabelY() int  { return chartHeight - 6 }
func (chart) MiddleX() int { return chartWidth / 2 }
func (chart) MiddleY() int { return chartHeight / 2 }

// curve is one line or area.
type curve struct {
	Name  string
	Class string
	Path  string // the d attribute of an SVG path
}

// tick is a labelled place on an axis.
type tick struct {
	At   float64
	Text string
}

// Where things are in a chart.
const (
	chartWidth, chartHeight = 560, 190
	chartLeft, chartBottom  = 64, 166
	chartTop, chartMargin   = 10, 32
	chartPoints             = 160 // at most, of a curve
	chartLeast              = 5 * time.Minute
)

// line is a curve's values; NaN where there is none.
type line struct {
	name, class string // c1 to c5, and area, stack
	values      []float64
}

// axis is what values are measured in.
type axis struct {
	top  float64 // the highest value; 0 for a round one above all
	base float64 // of round numbers
	text func(float64) string
}

// newChart draws lines over the times at.
func newChart(title string, at []time.Time, lines []line, a axis) chart {
	c := chart{Title: title}
	top := a.top
	if top == 0 {
		top = roundAbove(highest(lines), a.base)
	}
	y := func(v float64) float64 {
		return chartBottom - (chartBottom-chartTop)*math.Min(v, top)/top
	}
	for i := range 5 {
		v := top * float64(i) / 4
		c.Grid = append(c.Grid, tick{y(v), a.text(v)})
	}
	if len(at) == 0 {
		return c
	}
	end := at[len(at)-1]
	span := max(end.Sub(at[0]), chartLeast)
	x := func(t time.Time) float64 {
		const right = chartWidth - chartMargin
		return right - (right-chartLeft)*end.Sub(t).Seconds()/span.Seconds()
	}
	format := "15:04"
	if span < 10*time.Minute {
		format = "15:04:05"
	}
	for i := range 5 {
		t := end.Add(-span * time.Duration(4-i) / 4)
		c.Times = append(c.Times, tick{x(t), t.Format(format)})
	}
	for _, l := range lines {
		c.Curves = append(c.Curves, curve{Name: l.name, Class: l.class, Path: l.path(at, x, y)})
	}
	return c
}

// path writes the line as the d attribute of an SVG path.
func (l line) path(at []time.Time, x func(time.Time) float64, y func(float64) float64) string {
	var b strings.Builder
	drawing := false
	from := 0.0
	end := func(to float64) {
		if drawing && strings.Contains(l.class, "area") {
			fmt.Fprintf(&b, "L%.1f %d L%.1f %d Z", to, chartBottom, from, chartBottom)
		}
		drawing = false
	}
	last := 0.0
	for i, v := range l.values {
		px := x(at[i])
		switch {
		case math.IsNaN(v):
			end(last)
			continue
		case drawing:
			fmt.Fprintf(&b, "L%.1f %.1f", px, y(v))
		default:
			drawing, from = true, px
			fmt.Fprintf(&b, "M%.1f %.1fh0", px, y(v)) // a dot, if nothing follows
		}
		last = px
	}
	end(last)
	return b.String()
}

func highest(lines []line) float64 {
	top := 0.0
	for _, l := range lines {
		for _, v := range l.values {
			if !math.IsNaN(v) {
				top = math.Max(top, v)
			}
		}
	}
	return top
}

// roundAbove is a power of two times a power of base, at or above v: a quarter of
// it is a round number too.
func roundAbove(v, base float64) float64 {
	unit := 1.0
	for unit*base <= v {
		unit *= base
	}
	for n := 1.0; n < base; n *= 2 {
		if unit*n >= v {
			return max(unit*n, 4)
		}
	}
	return unit * base
}

// readCharts are the graphs of a metrics page: where bytes came from, and what
// that makes.
func readCharts(samples []sample) []chart {
	step := max(1, len(samples)/chartPoints)
	var at []time.Time
	var hit, local, domain, remote, fetched, ufs, evicted, amplified, used []float64
	for i := (len(samples)-1)%step + step; i < len(samples); i += step { // up to the newest
		d := samples[i].since(samples[i-step])
		seconds := samples[i].at.Sub(samples[i-step].at).Seconds()
		if seconds <= 0 {
			continue
		}
		at = append(at, samples[i].at)
		hit = append(hit, 100*orNaN(d.hitRatio()))
		amplified = append(amplified, orNaN(d.amplification()))
		l, dom, rem, fet := d.sources()
		local, domain = append(local, l/seconds), append(domain, dom/seconds)
		remote, fetched = append(remote, rem/seconds), append(fetched, fet/seconds)
		ufs = append(ufs, d.ufs/seconds)
		evicted = append(evicted, 60*d.evicted/seconds)
		used = append(used, float64(percentOf(int64(d.used), int64(d.capacity))))
	}
	percent := axis{100, 10, func(v float64) string { return fmt.Sprintf("%.0f%%", v) }}
	count := axis{0, 10, func(v float64) string { return fmt.Sprintf("%.4g", v) }}
	rate := axis{0, 1024, func(v float64) string { return shortSize(v) + "/s" }}
	return []chart{
		newChart("Cache hit ratio", at, []line{{"hit ratio", "c1", hit}}, percent),
		newChart("Reads by source", at, stacked([]line{
			{"cached, short-circuit", "c1 area stack", local}, {"cached, domain socket", "c2 area stack", domain},
			{"cached, over the network", "c3 area stack", remote}, {"fetched", "c4 area stack", fetched}}), rate),
		newChart("Read from under stores", at, []line{{"under stores", "c4 area", ufs}}, rate),
		newChart("Blocks evicted a minute", at, []line{{"evicted", "c5 area", evicted}}, count),
		newChart("Fetch amplification", at, []line{{"fetched for a missed byte", "c4", amplified}}, count),
		newChart("Space used", at, []line{{"space used", "c1 area", used}}, percent),
	}
}

func orNaN(v float64, ok bool) float64 {
	if !ok {
		return math.NaN()
	}
	return v
}

// stacked puts each line on those before it, which are drawn over it. A line of
// nothing is left out.
func stacked(lines []line) []line {
	var out []line
	var below []float64
	for _, l := range lines {
		if highest([]line{l}) == 0 {
			continue
		}
		values := slices.Clone(l.values)
		for i := range below {
			values[i] += below[i]
		}
		below, l.values = values, values
		out = append(out, l)
	}
	slices.Reverse(out)
	return out
}

// shortSize writes bytes in few characters, for an axis.
func shortSize(n float64) string {
	for _, unit := range []string{"B", "KB", "MB", "GB", "TB"} {
		if n < 1024 {
			return fmt.Sprintf("%.4g%s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.4gPB", n)
}
