package worker_test

import (
	"testing"

	"github.com/alluxio-go/alluxio/internal/testcluster"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
)

// Only whole blocks are reported to the master: a file of which parts are cached
// is at 0 %. Who frees it gets the space of those parts too.
func TestFreeOfParts(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{Properties: map[string]string{"alluxio.worker.page.store.page.size": "256KB"}})
	p := newPeer(t, c)
	p.put("f", data(1, blockSize))
	info := p.stat("/f")
	req := &blockpb.ReadRequest{BlockId: ptr(info.GetBlockIds()[0]), Offset: ptr(int64(300 << 10)), Length: ptr(int64(4096)),
		OpenUfsBlockOptions: below(info, 0), PositionShort: ptr(true)}
	if _, err := p.read(req); err != nil {
		t.Fatal(err)
	}
	c.Until("a page is kept", func() bool { return metric(t, c, "CapacityUsed") >= 256<<10 })
	if got := p.stat("/f").GetInAlluxioPercentage(); got != 0 {
		t.Errorf("a file with one page of four is cached to %d%%", got)
	}
	if _, err := p.files.Free(t.Context(), &filepb.FreePRequest{Path: ptr("/f"), Options: &filepb.FreePOptions{}}); err != nil {
		t.Fatal(err)
	}
	c.Until("its space is free", func() bool { return metric(t, c, "CapacityUsed") == 0 })
}
