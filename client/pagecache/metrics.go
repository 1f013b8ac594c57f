package pagecache

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// metrics of one cache. Names follow Alluxio's "Client.CachePages" and so on.
type metrics struct {
	bytesCached, bytesExternal, bytesRequested, readNanos       prometheus.Counter
	bytesWritten, bytesEvicted, pagesEvicted                    prometheus.Counter
	bytesDiscarded, pagesDiscarded, unremovable                 prometheus.Counter
	getErrors, readErrors, putErrors, writeErrors, deleteErrors prometheus.Counter
	noRoom, writeNoSpace, rejectedPuts, rejected                prometheus.Counter
	getTimeouts, putTimeouts, deleteTimeouts                    prometheus.Counter

	all []prometheus.Collector
	mu  struct {
		sync.Mutex
		users map[prometheus.Registerer]int
	}
}

func newMetrics(c *Cache) *metrics {
	m := new(metrics)
	m.mu.users = map[prometheus.Registerer]int{}
	for _, d := range []struct {
		to         *prometheus.Counter
		name, help string
	}{
		{&m.bytesCached, "BytesReadCache", "Bytes read from the client cache."},
		{&m.bytesExternal, "BytesReadExternal", "Bytes fetched from workers because they were not in the client cache."},
		{&m.bytesRequested, "BytesRequestedExternal", "Bytes that readers wanted and the client cache did not have; pages are fetched whole."},
		{&m.readNanos, "PageReadCacheTimeNanos", "Time spent reading from the client cache."},
		{&m.bytesWritten, "BytesWrittenCache", "Bytes written to the client cache."},
		{&m.bytesEvicted, "BytesEvicted", "Bytes given up to make room."},
		{&m.pagesEvicted, "PagesEvicted", "Pages given up to make room."},
		{&m.bytesDiscarded, "BytesDiscarded", "Bytes dropped because they were damaged, lost or too old."},
		{&m.pagesDiscarded, "PagesDiscarded", "Pages dropped because they were damaged, lost or too old."},
		{&m.unremovable, "UnremovableFiles", "Pages that could not be removed and go on taking room."},
		{&m.getErrors, "GetErrors", "Pages that were there and could not be used."},
		{&m.readErrors, "GetStoreReadErrors", "Pages that could not be read from a folder."},
		{&m.putErrors, "PutErrors", "Pages that could not be kept."},
		{&m.writeErrors, "PutStoreWriteErrors", "Pages that could not be written to a folder."},
		{&m.writeNoSpace, "PutStoreWriteNoSpaceErrors", "Pages that could not be written because the disk was full."},
		{&m.noRoom, "PutInsufficientSpaceErrors", "Pages that there was no room for within the quota."},
		{&m.rejectedPuts, "PutAsyncRejectionErrors", "Pages that were not kept because too many were waiting to be written."},
		{&m.deleteErrors, "DeleteErrors", "Pages that could not be removed."},
		{&m.getTimeouts, "StoreGetTimeout", "Reads from a folder that took too long."},
		{&m.putTimeouts, "StorePutTimeout", "Writes to a folder that took too long."},
		{&m.deleteTimeouts, "StoreDeleteTimeout", "Removals from a folder that took too long."},
		{&m.rejected, "StoreThreadsRejected", "Accesses to a folder that were not tried because too many were waiting."},
	} {
		*d.to = prometheus.NewCounter(prometheus.CounterOpts{Name: "Client_Cache" + d.name, Help: d.help})
		m.all = append(m.all, *d.to)
	}
	gauge := func(name, help string, f func() float64) {
		m.all = append(m.all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "Client_Cache" + name, Help: help}, f))
	}
	gauge("Pages", "Pages in the client cache.", func() float64 { n, _, _ := c.stats(); return float64(n) })
	gauge("SpaceUsed", "Bytes that the client cache takes.", func() float64 { _, used, _ := c.stats(); return float64(used) })
	gauge("SpaceAvailable", "Bytes that the client cache may still take.", func() float64 { _, used, quota := c.stats(); return float64(quota - used) })
	gauge("State", "0: not in use, 1: only read, 2: read and written.", func() float64 { return float64(c.state()) })
	gauge("HitRate", "Bytes from the client cache over bytes asked for.", func() float64 { return hitRate(value(m.bytesCached), value(m.bytesRequested)) })
	return m
}

// value returns what a counter has counted.
func value(c prometheus.Counter) float64 {
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		return 0
	}
	return m.GetCounter().GetValue()
}

// hitRate is bytes from the cache over bytes asked for.
func hitRate(cached, external float64) float64 {
	if sum := cached + external; sum > 0 {
		return cached / sum
	}
	return 0
}

// registration is a use of the metrics in a registry.
type registration struct {
	m   *metrics
	reg prometheus.Registerer
}

// register puts the metrics into a registry, if there is one, for as long as
// somebody of that registry uses the cache.
func (m *metrics) register(reg prometheus.Registerer) *registration {
	if reg == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.users[reg]++; m.mu.users[reg] == 1 {
		for _, c := range m.all {
			_ = reg.Register(c) // a second cache with other options stays out
		}
	}
	return &registration{m, reg}
}

func (r *registration) end() {
	if r == nil {
		return
	}
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if r.m.mu.users[r.reg]--; r.m.mu.users[r.reg] == 0 {
		delete(r.m.mu.users, r.reg)
		for _, c := range r.m.all {
			r.reg.Unregister(c)
		}
	}
}
