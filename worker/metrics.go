package worker

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

// metrics of one worker. Names follow Alluxio's "Worker.BytesReadDomain" and so on.
type metrics struct {
	bytesDirect, bytesRemote, bytesUFS      prometheus.Counter
	bytesWrittenDirect, bytesWrittenUFS     prometheus.Counter
	bytesCopied                             prometheus.Counter
	blocksLocal, blocksUFS                  prometheus.Counter
	cacheSync, cacheAsync, cacheDropped     prometheus.Counter
	cacheSucceeded, cacheFailed             prometheus.Counter
	openedLocally, persisted, registrations prometheus.Counter
	perUFS                                  *prometheus.CounterVec
	forward                                 []forwarded
	mu                                      sync.Mutex
	told                                    map[string]float64
}

// forwarded is a counter that the master sums over the cluster.
type forwarded struct {
	name    string
	counter prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{told: map[string]float64{}}
	var all []prometheus.Collector
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "Worker_" + name, Help: help})
		all = append(all, c)
		m.forward = append(m.forward, forwarded{name, c})
		return c
	}
	m.bytesDirect = counter("BytesReadDirect", "Bytes served from local storage.")
	m.bytesRemote = counter("BytesReadRemote", "Bytes served through ReadBlock.")
	m.bytesUFS = counter("BytesReadUfsAll", "Bytes read from under stores.")
	m.bytesWrittenDirect = counter("BytesWrittenRemote", "Bytes that clients wrote to blocks.")
	m.bytesWrittenUFS = counter("BytesWrittenUfsAll", "Bytes that clients wrote to under stores.")
	m.bytesCopied = counter("BytesReadFromWorkers", "Bytes copied from other workers.")
	m.blocksLocal = counter("BlocksReadLocal", "Blocks opened in place by local clients.")
	m.blocksUFS = counter("BlocksReadUfs", "Chunks served while fetching from under stores.")
	m.cacheSync = counter("CacheRequestsSync", "Requests to cache a block and wait.")
	m.cacheAsync = counter("CacheRequestsAsync", "Requests to cache a block in the background.")
	m.cacheDropped = counter("CacheRequestsDropped", "Requests dropped because too many were waiting.")
	m.cacheSucceeded = counter("CacheSucceededBlocks", "Blocks cached on request.")
	m.cacheFailed = counter("CacheFailedBlocks", "Blocks that could not be cached.")
	m.persisted = counter("FilesPersisted", "Files written to under stores for the master.")
	m.registrations = counter("MasterRegistrationSuccessCount", "Registrations with the master.")
	m.openedLocally = m.blocksLocal
	m.perUFS = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "Worker_BytesReadPerUfs", Help: "Bytes read, by under store."}, []string{"ufs"})
	if reg != nil {
		reg.MustRegister(append(all, m.perUFS)...)
	}
	return m
}

// served counts n bytes sent to a client.
func (m *metrics) served(cached bool, n int) {
	m.bytesRemote.Add(float64(n))
	if cached {
		m.bytesDirect.Add(float64(n))
	} else {
		m.blocksUFS.Inc()
	}
}

// countUFS returns what counts the bytes read from one under store.
func (m *metrics) countUFS(uri string) func(n int) {
	c := m.perUFS.WithLabelValues(uri)
	return func(n int) {
		c.Add(float64(n))
		m.bytesUFS.Add(float64(n))
	}
}

func (m *metrics) bytesFromWorkers(n int) { m.bytesCopied.Add(float64(n)) }

func (m *metrics) bytesWritten(below bool, n int) {
	if below {
		m.bytesWrittenUFS.Add(float64(n))
	} else {
		m.bytesWrittenDirect.Add(float64(n))
	}
}

func (m *metrics) cacheDone(err error) {
	if err != nil {
		m.cacheFailed.Inc()
	} else {
		m.cacheSucceeded.Inc()
	}
}

// forMaster lists what the counters grew by since the master was last told.
func (m *metrics) forMaster() []*grpcpb.Metric {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*grpcpb.Metric
	instance, kind := "Worker", grpcpb.MetricType_COUNTER
	for _, f := range m.forward {
		grown := value(f.counter) - m.told[f.name]
		if grown > 0 {
			list = append(list, &grpcpb.Metric{Instance: &instance, Name: &f.name, Value: &grown, MetricType: &kind})
		}
	}
	return list
}

// reported notes that the master was told.
func (m *metrics) reported(list []*grpcpb.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range list {
		m.told[x.GetName()] += x.GetValue()
	}
}

// clear makes the master hear only of what comes from now on.
func (m *metrics) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.forward {
		m.told[f.name] = value(f.counter)
	}
}

func value(c prometheus.Counter) float64 {
	var d dto.Metric
	if c.Write(&d) != nil {
		return 0
	}
	return d.GetCounter().GetValue()
}
