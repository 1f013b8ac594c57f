package cachesim

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Curve is a ratio over the size of the cache.
type Curve struct {
	Name   string
	Points []Point // by growing Bytes
}

// Point is one of a Curve.
type Point struct {
	Bytes float64 // capacity
	Ratio float64 // 0 … 1
}

const (
	chartWidth  = 64
	chartHeight = 16 // 15 steps: a fifth of the axis is three
)

// WriteChart draws curves of the same sizes as text, each with a letter, the first
// on top of the others. Labels stand below the sizes. paint, if not nil, dresses
// what belongs to a curve (in a colour).
func WriteChart(w io.Writer, title string, curves []Curve, labels []string, paint func(curve int, text string) string) error {
	if paint == nil {
		paint = func(_ int, text string) string { return text }
	}
	letters := curveLetters(curves)
	top := axisTop(curves)
	g := newGrid(curves, letters, top)
	var b strings.Builder
	fmt.Fprintln(&b, title)
	for row := range chartHeight {
		axis := "       │"
		if row%3 == 0 {
			axis = fmt.Sprintf("%5.0f%% ┤", 100*top*float64(chartHeight-1-row)/(chartHeight-1))
		}
		b.WriteString(axis)
		line := strings.Builder{}
		for _, c := range g[row] {
			if c.curve < 0 {
				line.WriteByte(' ')
			} else {
				line.WriteString(paint(c.curve, string(c.mark)))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	b.WriteString("       └" + strings.Repeat("─", chartWidth) + "\n")
	b.WriteString("        " + axisLabels(curves[0].Points, labels) + "\n       ")
	for i, c := range curves {
		b.WriteString(" " + paint(i, letters[i]+" "+c.Name) + " ")
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// curveLetters names each curve by a letter of its name that is free.
func curveLetters(curves []Curve) []string {
	letters := make([]string, len(curves))
	used := map[string]bool{}
	for i, c := range curves {
		letters[i] = "?"
		for _, r := range strings.ToUpper(c.Name) {
			if l := string(r); r >= 'A' && r <= 'Z' && !used[l] {
				letters[i], used[l] = l, true
				break
			}
		}
	}
	return letters
}

// axisTop is the ratio at the upper end of the chart: the next tenth.
func axisTop(curves []Curve) float64 {
	top := 0.1
	for _, c := range curves {
		for _, p := range c.Points {
			top = max(top, math.Ceil(10*p.Ratio)/10)
		}
	}
	return top
}

// cell is one character of a chart.
type cell struct {
	curve int // -1: none
	mark  rune
}

func newGrid(curves []Curve, letters []string, top float64) [chartHeight][chartWidth]cell {
	var g [chartHeight][chartWidth]cell
	for row := range g {
		for x := range g[row] {
			g[row][x].curve = -1
		}
	}
	row := func(ratio float64) int { return chartHeight - 1 - int(math.Round(ratio/top*(chartHeight-1))) }
	for i := len(curves) - 1; i >= 0; i-- {
		for x := range chartWidth {
			g[row(ratioAt(curves[i].Points, x))][x] = cell{i, '·'}
		}
	}
	for i := len(curves) - 1; i >= 0; i-- {
		for _, p := range curves[i].Points {
			g[row(p.Ratio)][column(curves[i].Points, p.Bytes)] = cell{i, rune(letters[i][0])}
		}
	}
	return g
}

// column is where a size stands on the axis, which is logarithmic.
func column(points []Point, bytes float64) int {
	return int(math.Round(position(points, bytes) * (chartWidth - 1)))
}

// position is that from 0 to 1.
func position(points []Point, bytes float64) float64 {
	low, high := math.Log(points[0].Bytes), math.Log(points[len(points)-1].Bytes)
	if high <= low {
		return 0
	}
	return (math.Log(bytes) - low) / (high - low)
}

// ratioAt is the ratio at column x, between the points by a straight line.
func ratioAt(points []Point, x int) float64 {
	at := float64(x) / (chartWidth - 1)
	for i := 1; i < len(points); i++ {
		from, to := position(points, points[i-1].Bytes), position(points, points[i].Bytes)
		if at <= to && to > from {
			part := (at - from) / (to - from)
			return points[i-1].Ratio + part*(points[i].Ratio-points[i-1].Ratio)
		}
	}
	return points[len(points)-1].Ratio
}

// axisLabels puts each label below its size, or leaves it out if there is no room.
func axisLabels(points []Point, labels []string) string {
	line := []rune(strings.Repeat(" ", chartWidth+8))
	free := 0
	for i, p := range points {
		at := max(0, column(points, p.Bytes)-len(labels[i])/2)
		if at < free {
			continue
		}
		copy(line[at:], []rune(labels[i]))
		free = at + len(labels[i]) + 1
	}
	return strings.TrimRight(string(line), " ")
}

// WriteBars draws the ratios of one size as bars.
func WriteBars(w io.Writer, title string, names []string, ratios []float64) error {
	var b strings.Builder
	fmt.Fprintln(&b, title)
	for i, name := range names {
		fmt.Fprintf(&b, "  %-10s %5.1f%% %s\n", name, 100*ratios[i], strings.Repeat("█", int(math.Round(50*ratios[i]))))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
