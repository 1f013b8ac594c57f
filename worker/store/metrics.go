package store

import "github.com/prometheus/client_golang/prometheus"

// metrics of one store. Names follow Alluxio's "Worker.BlocksCached" and so on.
type metrics struct {
	cached, accessed, evicted, deleted, lost, cancelled prometheus.Counter
	moved, promoted, demoted, notDemoted                prometheus.Counter
	corrupt, stale, quarantined, dirFailures            prometheus.Counter
	scrubbed, pagesAside                                prometheus.Counter
	fetches, fetchedBytes, readBytes, coalesced         prometheus.Counter
	notKept                                             prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, s *Store) *metrics {
	var all []prometheus.Collector
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "Worker_" + name, Help: help})
		all = append(all, c)
		return c
	}
	m := &metrics{
		cached:       counter("BlocksCached", "Blocks that became whole in this worker."),
		accessed:     counter("BlocksAccessed", "Times a block was opened for reading."),
		evicted:      counter("BlocksEvicted", "Blocks given up to make room."),
		deleted:      counter("BlocksDeleted", "Blocks removed on request."),
		lost:         counter("BlocksLost", "Blocks whose files could not be opened any more."),
		cancelled:    counter("BlocksCancelled", "Blocks whose writing was given up."),
		moved:        counter("BlocksMoved", "Blocks moved between directories."),
		promoted:     counter("BlocksPromoted", "Blocks moved to a higher tier in the background."),
		demoted:      counter("BlocksDemoted", "Blocks moved to a lower tier in the background."),
		notDemoted:   counter("BlocksNotDemoted", "Blocks given up to make room in a tier that is not the last, because moving them down did not keep pace."),
		corrupt:      counter("PagesCorrupt", "Pages whose bytes did not match their checksum."),
		stale:        counter("BlocksStale", "Blocks dropped because their object changed in the under store."),
		quarantined:  counter("FilesQuarantined", "Damaged or foreign files set aside."),
		scrubbed:     counter("BytesScrubbed", "Bytes of idle blocks verified in the background."),
		pagesAside:   counter("PagesQuarantined", "Damaged pages of which a copy was kept aside."),
		dirFailures:  counter("StorageDirFailures", "Times a storage directory was taken out."),
		fetches:      counter("PageFetches", "Requests to sources for missing pages."),
		coalesced:    counter("PageReadsCoalesced", "Reads of a missing page that waited for the fetch of another reader."),
		notKept:      counter("PagesNotKept", "Pages that were fetched and read, and not kept because writing them was too slow."),
		fetchedBytes: counter("BytesFetched", "Bytes fetched from sources into pages."),
		readBytes:    counter("BytesReadVerified", "Bytes read from storage directories and verified."),
	}
	sum := func(f func(TierInfo) int64) func() float64 {
		return func() float64 {
			var n int64
			for _, t := range s.Tiers() {
				n += f(t)
			}
			return float64(n)
		}
	}
	gauge := func(name, help string, f func() float64) {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "Worker_" + name, Help: help}, f))
	}
	gauge("CapacityTotal", "Capacity of all storage directories in bytes.", sum(func(t TierInfo) int64 { return t.Capacity }))
	gauge("CapacityUsed", "Used and reserved bytes of all storage directories.", sum(func(t TierInfo) int64 { return t.Used }))
	gauge("CapacityFree", "Free bytes of all storage directories.", sum(func(t TierInfo) int64 { return t.Capacity - t.Used }))
	gauge("PageFetchesInFlight", "Requests to sources that are being answered now.", func() float64 { return float64(len(s.slots)) })
	if reg != nil {
		reg.MustRegister(all...)
	}
	return m
}
