package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store/cachesim"
)

// simReport is what came of one trace.
type simReport struct {
	source, about string
	sizes         []cacheSize
	policies      []string
	caches        [][]*cachesim.Cache // by policy and size
	profile       *cachesim.Profile
}

// bound is the name of the line that no policy reaches.
const bound = "(bound)"

// simRatio is one of the two ratios of a result.
type simRatio struct {
	name string
	of   func(cachesim.Result) float64
}

var simRatios = [...]simRatio{{"Hit ratio", cachesim.Result.HitRatio}, {"Byte hit ratio", cachesim.Result.ByteHitRatio}}

// ratios are those of a policy by size; of the bound when it is one too many.
func (r *simReport) ratios(policy int, kind simRatio) []float64 {
	list := make([]float64, len(r.sizes))
	for i, size := range r.sizes {
		if policy == len(r.policies) {
			list[i] = kind.of(r.profile.Bound(size.bytes))
		} else {
			list[i] = kind.of(r.caches[policy][i].Result)
		}
	}
	return list
}

// best is the highest ratio of a policy at each size.
func (r *simReport) best(kind simRatio) []float64 {
	best := make([]float64, len(r.sizes))
	for p := range r.policies {
		for i, ratio := range r.ratios(p, kind) {
			best[i] = max(best[i], ratio)
		}
	}
	return best
}

// behind is how many points a policy is behind the best at the size where it is
// furthest.
func (r *simReport) behind(policy int, kind simRatio) float64 {
	most := 0.0
	best := r.best(kind)
	for i, ratio := range r.ratios(policy, kind) {
		most = max(most, 100*(best[i]-ratio))
	}
	return most
}

// curves are the policies' and the bound's.
func (r *simReport) curves(kind simRatio) []cachesim.Curve {
	var curves []cachesim.Curve
	for p, name := range append(r.policies[:len(r.policies):len(r.policies)], bound) {
		c := cachesim.Curve{Name: name}
		for i, ratio := range r.ratios(p, kind) {
			c.Points = append(c.Points, cachesim.Point{Bytes: float64(r.sizes[i].bytes), Ratio: ratio})
		}
		curves = append(curves, c)
	}
	return curves
}

func (r *simReport) labels() []string {
	var labels []string
	for _, size := range r.sizes {
		labels = append(labels, size.text)
	}
	return labels
}

// printSimReports writes tables and plots, and how to act on them.
func printSimReports(env *Env, reports []*simReport) error {
	for _, r := range reports {
		if err := r.print(env); err != nil {
			return err
		}
	}
	if len(reports) > 1 {
		printSimSummary(env, reports)
	}
	env.printf("%s is more than any policy can reach, even one that knows the future.", bound)
	env.printf("%s chooses the worker's policy; see docs/cache-sim.md.", config.WorkerBlockAnnotatorClass.Name())
	return nil
}

func (r *simReport) print(env *Env) error {
	about := ""
	if r.about != "" {
		about = " (" + r.about + ")"
	}
	env.printf("%s%s: %d reads of %d keys, %s; working set %s\n", r.source, about, r.profile.Reads, r.profile.Keys(), simSizeText(r.profile.Bytes), simSizeText(r.profile.WorkingSet))
	kind := simRatios[0]
	r.printTable(env, kind)
	if r.profile.OneSize() {
		env.printf("Byte hit ratio: the same, because all keys are of one size.\n")
	} else {
		r.printTable(env, simRatios[1])
	}
	if len(r.sizes) == 1 {
		names := append(r.policies[:len(r.policies):len(r.policies)], bound)
		var ratios []float64
		for p := range names {
			ratios = append(ratios, r.ratios(p, kind)[0])
		}
		if err := cachesim.WriteBars(env.Stdout, kind.name+" of a cache of "+r.sizes[0].text, names, ratios); err != nil {
			return err
		}
	} else if err := cachesim.WriteChart(env.Stdout, kind.name+" over the size of the cache", r.curves(kind), r.labels(), simPaint(env)); err != nil {
		return err
	}
	env.printf("")
	return nil
}

// printTable writes the ratios of one kind in percent, the best at each size
// marked, and by how much the best is ahead at most.
func (r *simReport) printTable(env *Env, kind simRatio) {
	head, line := fmt.Sprintf("%-18s", kind.name+", %"), strings.Repeat(" ", 18)
	for _, size := range r.sizes {
		head += fmt.Sprintf("%9s ", size.text)
		text := simSizeText(size.bytes)
		if size.part == 0 {
			text = ""
		}
		line += fmt.Sprintf("%9s ", text)
	}
	env.printf("%s behind by", head)
	if text := strings.TrimRight(line, " "); text != "" {
		env.printf("%s", text)
	}
	best := r.best(kind)
	for p, name := range append(r.policies[:len(r.policies):len(r.policies)], bound) {
		line := fmt.Sprintf("  %-16s", name)
		for i, ratio := range r.ratios(p, kind) {
			mark := " "
			if p < len(r.policies) && ratio >= best[i]-0.0005 {
				mark = "*"
			}
			line += fmt.Sprintf("%9.1f%s", 100*ratio, mark)
		}
		if p < len(r.policies) {
			line += fmt.Sprintf("%10.1f", r.behind(p, kind))
		}
		env.printf("%s", strings.TrimRight(line, " "))
	}
	env.printf("")
}

// printSimSummary compares the policies over several traces.
func printSimSummary(env *Env, reports []*simReport) {
	kind := simRatios[0]
	env.printf("All traces: points of hit ratio behind the best policy, at the size where it is most")
	head := strings.Repeat(" ", 24)
	for _, name := range reports[0].policies {
		head += fmt.Sprintf("%12s", name)
	}
	env.printf("%s", head)
	for _, r := range reports {
		line := fmt.Sprintf("  %-22s", r.source)
		for p := range r.policies {
			line += fmt.Sprintf("%12.1f", r.behind(p, kind))
		}
		env.printf("%s", line)
	}
	env.printf("")
}

// simPaint gives each curve its colour on a terminal.
func simPaint(env *Env) func(int, string) string {
	colours := [...]string{green, red, yellow, "\033[36m", "\033[90m"}
	return func(curve int, text string) string { return string(env.colour(colours[curve%len(colours)], text)) }
}

// simSizeText is a size with three digits, which --size understands.
func simSizeText(n int64) string {
	value, unit := float64(n), "B"
	for _, next := range [...]string{"KB", "MB", "GB", "TB", "PB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1024, next
	}
	digits := 2
	switch {
	case unit == "B" || value >= 100:
		digits = 0
	case value >= 10:
		digits = 1
	}
	text := strconv.FormatFloat(value, 'f', digits, 64)
	if digits > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + unit
}

// printSimCSV writes one line for each trace, policy and size.
func printSimCSV(to io.Writer, reports []*simReport) error {
	w := csv.NewWriter(to)
	_ = w.Write([]string{"trace", "policy", "size", "size_bytes", "reads", "hits", "hit_ratio", "bytes", "hit_bytes", "byte_hit_ratio"})
	for _, r := range reports {
		for i, size := range r.sizes {
			for p, name := range append(r.policies[:len(r.policies):len(r.policies)], bound) {
				result := r.profile.Bound(size.bytes)
				if p < len(r.policies) {
					result = r.caches[p][i].Result
				}
				_ = w.Write([]string{r.source, name, size.text, strconv.FormatInt(size.bytes, 10),
					strconv.FormatInt(result.Reads, 10), strconv.FormatInt(result.Hits, 10), fmt.Sprintf("%.5f", result.HitRatio()),
					strconv.FormatInt(result.Bytes, 10), strconv.FormatInt(result.HitBytes, 10), fmt.Sprintf("%.5f", result.ByteHitRatio())})
			}
		}
	}
	w.Flush()
	return w.Error()
}

// writePicture writes the plots of all reports, one line of plots for each.
func writePicture(file string, reports []*simReport) error {
	var plots []cachesim.Plot
	for _, r := range reports {
		for _, kind := range simRatios {
			plots = append(plots, cachesim.Plot{Title: kind.name + ": " + r.source, Curves: r.curves(kind), Labels: r.labels()})
		}
	}
	f, err := os.Create(file)
	if err == nil {
		err = cachesim.WriteSVG(f, plots, len(simRatios))
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		return errors.E("cache-sim", file, errors.KindOf(err), err)
	}
	return nil
}
