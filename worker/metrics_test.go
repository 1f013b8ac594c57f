package worker_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/alluxio-go/alluxio/internal/testcluster"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/metricpb"
)

// metric returns a worker's counter, gauge, or count of observations.
func metric(t *testing.T, c *testcluster.Cluster, name string) float64 {
	t.Helper()
	families, err := c.WorkerMetrics(0).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "Worker_"+name {
			continue
		}
		var sum float64
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
		return sum
	}
	t.Fatalf("there is no metric Worker_%s", name)
	return 0
}

// wantMetrics waits for counters to have the given values: a client has its last
// byte before it is counted.
func wantMetrics(t *testing.T, c *testcluster.Cluster, want map[string]float64) {
	t.Helper()
	for name, v := range want {
		c.Until(fmt.Sprintf("%s is %v", name, v), func() bool {
			got := metric(t, c, name)
			if got > v {
				t.Fatalf("%s is %v, want %v", name, got, v)
			}
			return got == v
		})
	}
}

func TestMetricsOfReading(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{})
	p := newPeer(t, c)
	const size = 3*blockSize + 12345
	content := data(1, size)
	p.put("f", content)

	p.wantFile("/f", content)
	wantMetrics(t, c, map[string]float64{
		"BytesReadUfsAll": size, "BytesReadPerUfs": size, "BytesReadRemote": size, "BytesReadMissed": size, "BytesReadUncached": 0,
		"BlocksReadRemote": 4, "BlocksReadUfs": 4, "BlocksCached": 4, "ReadBlockSeconds": 4, "ReadBlockFirstChunkSeconds": 4,
		"CacheHitRate": 0, "FetchAmplification": 1, "BytesReadDomain": 0, "ActiveRpcReadCount": 0, "PageFetchesInFlight": 0,
	})
	p.wantFile("/f", content)
	wantMetrics(t, c, map[string]float64{
		"BytesReadUfsAll": size, "BytesReadRemote": 2 * size, "BytesReadMissed": size, "BlocksReadRemote": 8, "BlocksReadUfs": 4,
		"CacheHitRate": 0.5, "FetchAmplification": 1,
	})
}

func TestMetricsOfRandomReads(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{Properties: map[string]string{"alluxio.worker.page.store.page.size": "256KB"}})
	p := newPeer(t, c)
	p.put("f", data(2, blockSize))
	info := p.stat("/f")
	for range 4 {
		req := &blockpb.ReadRequest{BlockId: ptr(info.GetBlockIds()[0]), Offset: ptr(int64(300 << 10)), Length: ptr(int64(4096)),
			OpenUfsBlockOptions: below(info, 0), PositionShort: ptr(true)}
		if _, err := p.read(req); err != nil {
			t.Fatal(err)
		}
	}
	wantMetrics(t, c, map[string]float64{
		"BytesReadUfsAll": 256 << 10, "BytesReadRemote": 4 * 4096, "BytesReadMissed": 4096, "CacheHitRate": 0.75, "FetchAmplification": 64,
	})
}

func TestMetricsOfLoadingAndPersisting(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{})
	p := newPeer(t, c)
	content := data(3, blockSize)
	p.put("f", content)
	info := p.stat("/f")
	id := info.GetBlockIds()[0]
	if _, err := p.worker.Cache(t.Context(), &blockpb.CacheRequest{BlockId: &id, Length: ptr(int64(blockSize)), OpenUfsBlockOptions: below(info, 0)}); err != nil {
		t.Fatal(err)
	}
	wantMetrics(t, c, map[string]float64{"BytesReadUfsAll": blockSize, "CacheBlocksSize": blockSize, "CacheSucceededBlocks": 1, "BytesReadMissed": 0})
	p.wantFile("/f", content)
	wantMetrics(t, c, map[string]float64{"BytesReadRemote": blockSize, "BytesReadMissed": 0, "CacheHitRate": 1, "BytesReadUfsAll": blockSize})

	p.create("/g", filepb.WritePType_ASYNC_THROUGH, data(4, 1000))
	wantMetrics(t, c, map[string]float64{"BytesWrittenRemote": 1000, "BytesWrittenUfsAll": 1000, "BytesWrittenPerUfs": 1000, "BytesReadDirect": 1000, "WriteBlockSeconds": 1, "FilesPersisted": 1})
}

// What the workers count arrives at the master, by under store too.
func TestMetricsOfTheCluster(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{})
	p := newPeer(t, c)
	content := data(5, blockSize)
	p.put("f", content)
	p.wantFile("/f", content)
	p.wantFile("/f", content)
	master := metricpb.NewMetricsMasterClientServiceClient(p.pool.Conn(c.MasterAddr()))
	want := map[string]float64{
		"Cluster.BytesReadRemote": 2 * blockSize, "Cluster.BytesReadUfsAll": blockSize, "Cluster.CacheHitRate": 0.5,
		"Cluster.BlocksCached": 1, "Cluster.FetchAmplification": 1, "Cluster.ActiveRpcReadCount": 0, "Cluster.BytesReadRemoteThroughput": 2 * blockSize,
		"Cluster.BytesReadPerUfs.UFS:" + escaped(c.Root()): blockSize,
	}
	var got map[string]*metricpb.MetricValue
	c.Until("the master has heard of all reads", func() bool {
		resp, err := master.GetMetrics(t.Context(), &metricpb.GetMetricsPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got = resp.GetMetrics()
		return got["Cluster.BytesReadRemote"].GetDoubleValue() == 2*blockSize
	})
	for name, v := range want {
		if m, ok := got[name]; !ok || m.GetDoubleValue() != v {
			t.Errorf("%s is %v, want %v", name, m, v)
		}
	}
}

func escaped(uri string) string {
	out := ""
	for _, r := range filepath.ToSlash(uri) {
		switch r {
		case '/':
			out += "%2F"
		case '.':
			out += "%2E"
		default:
			out += string(r)
		}
	}
	return out
}
