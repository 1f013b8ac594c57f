package master

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/master/blockmap"
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

// clusterMetrics sums what workers and clients report, as metrics of the
// cluster. Clients tell what they read and wrote in place, workers the rest.
type clusterMetrics struct {
	now func() time.Time
	mu  struct {
		sync.Mutex
		sums   map[string]*sum // of counters, by the name as Alluxio shows it
		gauges map[blockmap.WorkerID]workerGauges
	}
}

// sum is a counter of the cluster.
type sum struct {
	name string
	tags map[string]string
	n    float64
	rate *rate // of what has a throughput, else nil
}

// workerGauges are the gauges of one worker when it was last heard.
type workerGauges struct {
	at     time.Time
	values map[string]float64
}

// gaugeAge is the silence of a worker after which its gauges do not count.
const gaugeAge = time.Minute

func newClusterMetrics(now func() time.Time) *clusterMetrics {
	c := &clusterMetrics{now: now}
	c.mu.gauges = map[blockmap.WorkerID]workerGauges{}
	c.clear()
	return c
}

// throughputs are the counters that have a throughput.
var throughputs = []string{
	"BytesReadLocal", "BytesReadDomain", "BytesReadRemote", "BytesReadDirect", "BytesReadUfsAll",
	"BytesWrittenLocal", "BytesWrittenDomain", "BytesWrittenRemote", "BytesWrittenUfsAll",
}

// evictionRate is what Alluxio calls the throughput of BlocksEvicted.
const evictionRate = "Cluster.BlocksEvictionRate"

// shown are the sums that are there from the beginning.
var shown = slices.Concat(throughputs, []string{"BytesReadMissed", "BytesReadUncached", "BlocksCached", "BlocksEvicted", "BlocksPromoted", "BlocksLost"})

func (c *clusterMetrics) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.sums = make(map[string]*sum)
	for _, name := range shown {
		c.sumLocked(name, nil)
	}
}

// goodName is what a metric may be called.
var goodName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,99}$`)

// addClient adds the counters of a client.
func (c *clusterMetrics) addClient(report []ReportedMetric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addLocked(report)
}

// addWorker adds the counters of a worker and keeps its gauges.
func (c *clusterMetrics) addWorker(id blockmap.WorkerID, report []ReportedMetric) {
	g := workerGauges{c.now(), map[string]float64{}}
	for _, r := range report {
		if !r.Counter && goodName.MatchString(r.Name) && finite(r.Value) {
			g.values[r.Name] = r.Value
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.gauges[id] = g
	c.addLocked(report)
}

func (c *clusterMetrics) addLocked(report []ReportedMetric) {
	for _, r := range report {
		if !r.Counter || r.Value < 0 || !finite(r.Value) {
			continue
		}
		if s := c.sumLocked(r.Name, r.Tags); s != nil {
			s.n += r.Value
			if s.rate != nil {
				s.rate.add(c.now(), r.Value)
			}
		}
	}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// sumLocked returns the sum of a name and tags, nil when there are too many or
// the name is none. Reports of clients that have the instance in the name are
// taken too.
func (c *clusterMetrics) sumLocked(name string, tags map[string]string) *sum {
	name = strings.TrimPrefix(name, "Client.")
	full := "Cluster." + name
	kept := map[string]string{}
	for _, tag := range []string{"UFS", "User"} {
		if v, ok := tags[tag]; ok {
			full += "." + tag + ":" + escapeTag(v)
			kept[tag] = v
		}
	}
	if s, ok := c.mu.sums[full]; ok {
		return s
	}
	if len(c.mu.sums) >= maxMetricNames || !goodName.MatchString(name) {
		return nil
	}
	s := &sum{name: name, tags: kept}
	if len(kept) == 0 && (name == "BlocksEvicted" || slices.Contains(throughputs, name)) {
		s.rate = new(rate)
	}
	c.mu.sums[full] = s
	return s
}

var tagEscaper = strings.NewReplacer("%", "%25", "/", "%2F", ".", "%2E")

func escapeTag(v string) string { return tagEscaper.Replace(v) }

// counters are the sums.
func (c *clusterMetrics) counters() map[string]float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string]float64, len(c.mu.sums))
	for full, s := range c.mu.sums {
		out[full] = s.n
	}
	return out
}

// gauges are the throughputs (bytes, and blocks evicted, in the last minute), the ratios, and the sums
// of the workers' gauges.
func (c *clusterMetrics) gauges() map[string]float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]float64{}
	for full, s := range c.mu.sums {
		switch {
		case s.rate == nil:
		case s.name == "BlocksEvicted":
			out[evictionRate] = s.rate.lastMinute(c.now())
		default:
			out[full+"Throughput"] = s.rate.lastMinute(c.now())
		}
	}
	n := func(name string) float64 {
		if s := c.mu.sums["Cluster."+name]; s != nil {
			return s.n
		}
		return 0
	}
	asked, missed := n("BytesReadLocal")+n("BytesReadDomain")+n("BytesReadRemote"), n("BytesReadMissed")
	fetched := n("BytesReadUfsAll") + n("BytesReadFromWorkers") - n("CacheBlocksSize")
	out["Cluster.CacheHitRate"] = ratio(asked-missed, asked)
	out["Cluster.FetchAmplification"] = ratio(fetched, missed)
	for id, g := range c.mu.gauges {
		if c.now().Sub(g.at) > gaugeAge {
			delete(c.mu.gauges, id)
			continue
		}
		for name, v := range g.values {
			out["Cluster."+name] += v
		}
	}
	return out
}

func ratio(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return max(0, part) / whole
}

// Describe describes nothing: which sums there are shows as they are reported.
func (c *clusterMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect exports the sums, with their tags as labels, and the gauges.
func (c *clusterMetrics) Collect(ch chan<- prometheus.Metric) {
	for name, v := range c.gauges() {
		name = strings.Replace(name, ".", "_", 1)
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, name+" of Alluxio.", nil, nil), prometheus.GaugeValue, v)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.mu.sums {
		name := "Cluster_" + s.name
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, name+" of Alluxio.", nil, s.tags), prometheus.CounterValue, s.n)
	}
}

// rate sums up the last minute in slots.
type rate struct {
	slots  [rateSlots]float64
	newest int64 // the number of the slot that is being filled
}

const (
	rateSlot  = 5 * time.Second
	rateSlots = int64(time.Minute/rateSlot) + 1
)

func (r *rate) add(now time.Time, n float64) {
	r.advance(now)
	r.slots[r.newest%rateSlots] += n
}

func (r *rate) lastMinute(now time.Time) float64 {
	r.advance(now)
	var total float64
	for _, n := range r.slots {
		total += n
	}
	return total
}

// advance empties the slots that the time since has passed over.
func (r *rate) advance(now time.Time) {
	at := now.UnixNano() / int64(rateSlot)
	for n := max(r.newest+1, at-rateSlots+1); n <= at; n++ {
		r.slots[n%rateSlots] = 0
	}
	r.newest = max(r.newest, at)
}
