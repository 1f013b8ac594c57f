package worker

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/rpc"
)

// metrics of one worker. Names follow Alluxio's "Worker.BytesReadDomain" and so on.
// What is counted on the way of data is resolved here, once: a chunk costs a few
// atomic additions.
type metrics struct {
	own *prometheus.Registry // everything of this worker and its store

	tcp, unix                      flow
	bytesDirect, bytesInPlace      prometheus.Counter
	bytesMissed, bytesUncached     prometheus.Counter
	bytesUFS, bytesCopied          prometheus.Counter
	bytesWrittenUFS                prometheus.Counter
	readPerUFS, writtenPerUFS      *prometheus.CounterVec
	blocksLocal, blocksRemote      prometheus.Counter
	blocksUFS                      prometheus.Counter
	cacheSync, cacheAsync          prometheus.Counter
	cacheDropped                   prometheus.Counter
	cacheSucceeded, cacheFailed    prometheus.Counter
	bytesLoaded                    prometheus.Counter
	persisted, registrations       prometheus.Counter
	readTime, firstChunk           prometheus.Histogram
	writeTime, openTime, fetchTime prometheus.Histogram

	master toldMaster
}

// flow is what clients move through one kind of connection.
type flow struct{ read, written prometheus.Counter }

// latencyBuckets reach from a page in memory to a store that hangs, in seconds.
var latencyBuckets = []float64{
	50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10, 30,
}

// newMetrics makes the metrics, of which reg (which may be nil) is shown
// everything that is registered with metrics.own.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{own: prometheus.NewRegistry()}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "Worker_" + name, Help: help})
		m.own.MustRegister(c)
		return c
	}
	perUFS := func(name, help string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "Worker_" + name, Help: help}, []string{"UFS"})
		m.own.MustRegister(v)
		return v
	}
	timer := func(name, help string) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "Worker_" + name, Help: help, Buckets: latencyBuckets})
		m.own.MustRegister(h)
		return h
	}
	m.tcp = flow{counter("BytesReadRemote", "Bytes sent to clients over TCP, from here or from under stores."),
		counter("BytesWrittenRemote", "Bytes that clients wrote over TCP.")}
	m.unix = flow{counter("BytesReadDomain", "Bytes sent to clients over the unix domain socket, from here or from under stores."),
		counter("BytesWrittenDomain", "Bytes that clients wrote over the unix domain socket.")}
	m.bytesDirect = counter("BytesReadDirect", "Bytes that the worker read from its storage for itself, as to persist a file.")
	m.bytesInPlace = counter("BytesReadInPlace", "Bytes that local clients, reading through the worker, took from its files.")
	m.bytesMissed = counter("BytesReadMissed", "Bytes sent to clients, or read by them in place, that had to be fetched first.")
	m.bytesUncached = counter("BytesReadUncached", "Bytes sent to clients past the cache; a part of those missed.")
	m.bytesUFS = counter("BytesReadUfsAll", "Bytes read from under stores.")
	m.readPerUFS = perUFS("BytesReadPerUfs", "Bytes read from each under store.")
	m.bytesCopied = counter("BytesReadFromWorkers", "Bytes copied from other workers.")
	m.bytesWrittenUFS = counter("BytesWrittenUfsAll", "Bytes written to under stores.")
	m.writtenPerUFS = perUFS("BytesWrittenPerUfs", "Bytes written to each under store.")
	m.blocksLocal = counter("BlocksReadLocal", "Blocks opened in place by local clients.")
	m.blocksRemote = counter("BlocksReadRemote", "Reads of blocks over the network that were answered.")
	m.blocksUFS = counter("BlocksReadUfs", "Those of them that missed something.")
	m.cacheSync = counter("CacheRequestsSync", "Requests to cache a block and wait.")
	m.cacheAsync = counter("CacheRequestsAsync", "Requests to cache a block in the background.")
	m.cacheDropped = counter("CacheRequestsDropped", "Requests dropped because too many were waiting.")
	m.cacheSucceeded = counter("CacheSucceededBlocks", "Blocks cached on request.")
	m.cacheFailed = counter("CacheFailedBlocks", "Blocks that could not be cached.")
	m.bytesLoaded = counter("CacheBlocksSize", "Bytes fetched on request, not for a reader.")
	m.persisted = counter("FilesPersisted", "Files written to under stores for the master.")
	m.registrations = counter("MasterRegistrationSuccessCount", "Registrations with the master.")
	m.readTime = timer("ReadBlockSeconds", "How long reads of blocks took, from the request to the last byte.")
	m.firstChunk = timer("ReadBlockFirstChunkSeconds", "How long reads of blocks took until their first bytes were sent.")
	m.writeTime = timer("WriteBlockSeconds", "How long writes of blocks took, with their commit.")
	m.openTime = timer("OpenLocalBlockSeconds", "How long it took to let a local client open a block in place.")
	m.fetchTime = timer("UfsFetchSeconds", "How long requests to under stores took, from asking to the last byte.")
	if reg != nil {
		reg.MustRegister(m.own)
	}
	return m
}

// registerRatios registers the gauges that are made of counters, and those of
// work in progress.
func (m *metrics) registerRatios(reads, writes func() int) {
	gauge := func(name, help string, f func() float64) {
		m.own.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "Worker_" + name, Help: help}, f))
	}
	gauge("CacheHitRate", "The share of the bytes read through the worker that was cached already. Short-circuit reads are not known here.", func() float64 {
		return share(m.read()-value(m.bytesMissed), m.read())
	})
	gauge("FetchAmplification", "Bytes fetched for readers by bytes that they missed.", func() float64 {
		return share(value(m.bytesUFS)+value(m.bytesCopied)-value(m.bytesLoaded), value(m.bytesMissed))
	})
	gauge("ActiveRpcReadCount", "Reads being answered.", func() float64 { return float64(reads()) })
	gauge("ActiveRpcWriteCount", "Writes being taken.", func() float64 { return float64(writes()) })
}

// read are all bytes that clients read through the worker.
func (m *metrics) read() float64 {
	return value(m.tcp.read) + value(m.unix.read) + value(m.bytesInPlace)
}

func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return max(0, part) / whole
}

// over returns the counters of the connection that a call came by.
func (m *metrics) over(ctx context.Context) *flow {
	if rpc.OverUnixSocket(ctx) {
		return &m.unix
	}
	return &m.tcp
}

// reading counts one read of a block.
type reading struct {
	m      *metrics
	bytes  prometheus.Counter
	begun  time.Time
	any    bool // bytes were sent, or told of
	missed bool // of which some had to be fetched
}

func (m *metrics) reading(ctx context.Context) reading {
	return reading{m: m, bytes: m.over(ctx).read, begun: time.Now()}
}

// sent counts n bytes sent to the client, missed of which had to be fetched for it.
func (r *reading) sent(n int, missed int64) { r.add(r.bytes, n, missed) }

// told counts n bytes that the client was told of, and takes from a file.
func (r *reading) told(n int, missed int64) { r.add(r.m.bytesInPlace, n, missed) }

func (r *reading) add(bytes prometheus.Counter, n int, missed int64) {
	if !r.any {
		r.any = true
		took(r.m.firstChunk, r.begun)
	}
	bytes.Add(float64(n))
	if missed > 0 {
		r.missed = true
		r.m.bytesMissed.Add(float64(missed))
	}
}

// end counts the read itself, if it was of any use.
func (r *reading) end() {
	if !r.any {
		return
	}
	took(r.m.readTime, r.begun)
	r.m.blocksRemote.Inc()
	if r.missed {
		r.m.blocksUFS.Inc()
	}
}

// took adds the time since then to a timer.
func took(h prometheus.Observer, then time.Time) { h.Observe(time.Since(then).Seconds()) }

// readFrom returns what counts the bytes read from one under store.
func (m *metrics) readFrom(uri string) func(n int) {
	return counting(m.bytesUFS, m.readPerUFS.WithLabelValues(uri))
}

// writtenTo returns what counts the bytes written to one under store.
func (m *metrics) writtenTo(uri string) func(n int) {
	return counting(m.bytesWrittenUFS, m.writtenPerUFS.WithLabelValues(uri))
}

func counting(all, one prometheus.Counter) func(n int) {
	return func(n int) {
		all.Add(float64(n))
		one.Add(float64(n))
	}
}

func (m *metrics) bytesFromWorkers(n int) { m.bytesCopied.Add(float64(n)) }

func (m *metrics) cacheDone(err error) {
	if err != nil {
		m.cacheFailed.Inc()
	} else {
		m.cacheSucceeded.Inc()
	}
}
