package worker

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store"
)

func conf(t *testing.T, values map[string]string) *config.Config {
	t.Helper()
	c, err := config.FromMap(config.Worker, values)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStoreOptions(t *testing.T) {
	const level = "alluxio.worker.tieredstore.level"
	c := conf(t, map[string]string{
		"alluxio.worker.tieredstore.levels": "2",
		level + "0.alias":                   "MEM", level + "0.dirs.path": "/a", level + "0.dirs.quota": "1GB",
		level + "1.alias": "HDD", level + "1.dirs.path": "/b,/c", level + "1.dirs.quota": "2GB,3GB", level + "1.dirs.mediumtype": "SSD,HDD",
		"alluxio.worker.allocator.class":       "alluxio.worker.block.allocator.RoundRobinAllocator",
		"alluxio.worker.block.annotator.class": "alluxio.worker.block.annotator.LRFUAnnotator",
		"alluxio.worker.page.store.page.size":  "2MB",
	})
	o, err := storeOptions(c, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []store.TierOptions{
		{Alias: "MEM", Dirs: []store.DirOptions{{Path: "/a", Quota: 1 << 30, Medium: "MEM"}}},
		{Alias: "HDD", Dirs: []store.DirOptions{{Path: "/b", Quota: 2 << 30, Medium: "SSD"}, {Path: "/c", Quota: 3 << 30, Medium: "HDD"}}},
	}
	for i, tier := range o.Tiers {
		if tier.Alias != want[i].Alias || !slices.Equal(tier.Dirs, want[i].Dirs) {
			t.Errorf("tier %d: %+v", i, tier)
		}
	}
	if o.Allocator != store.RoundRobin || o.Evict.Policy != "LRFUAnnotator" || o.PageSize != 2<<20 || o.DataFolder != "alluxioworker" {
		t.Errorf("%+v", o)
	}
	_, err = storeOptions(conf(t, map[string]string{"alluxio.worker.tieredstore.levels": "2"}), nil, nil, nil)
	if !errors.Is(err, errors.Invalid) || !strings.Contains(err.Error(), "level1.alias") {
		t.Errorf("a level without a folder: %v", err)
	}
	old := conf(t, map[string]string{"alluxio.worker.evictor.class": "alluxio.worker.block.evictor.LRFUEvictor"})
	if got := evictionPolicy(old); got != "LRFU" {
		t.Errorf("an old evictor became %s", got)
	}
}

// TestBadStorage: what is wrong with the storage levels is said with key and value.
func TestBadStorage(t *testing.T) {
	const level = "alluxio.worker.tieredstore.level"
	two := map[string]string{"alluxio.worker.tieredstore.levels": "2", level + "0.dirs.path": "/a,/b", level + "0.dirs.quota": "1GB",
		level + "1.alias": "SSD", level + "1.dirs.path": "/c", level + "1.dirs.quota": "1GB"}
	if _, err := storeOptions(conf(t, two), nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ key, value, want string }{
		{"alluxio.worker.tieredstore.levels", "0", "levels=0"},
		{level + "1.alias", "MEM", "level1.alias=MEM"},
		{level + "1.dirs.path", "/x,/a/", "level1.dirs.path: /a is named twice"},
		{level + "0.dirs.path", "/a,/b,/a", "/a is named twice"},
		{level + "0.dirs.path", "/a,rel/b", `level0.dirs.path: "rel/b"`},
		{level + "1.dirs.quota", "0", "level1.dirs.quota: the quota of /c is 0 bytes"},
		{level + "1.dirs.path", "", "level1.dirs.path"},
		{level + "0.watermark.high.ratio", "0.5", "level0.watermark.high.ratio=0.5"},
		{level + "1.watermark.low.ratio", "0.99", "level1.watermark.low.ratio=0.99"},
	} {
		bad := maps.Clone(two)
		bad[c.key] = c.value
		if _, err := storeOptions(conf(t, bad), nil, nil, nil); !errors.Is(err, errors.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: %v", c.key, c.value, err)
		}
	}
	for key, value := range map[string]string{level + "0.dirs.quota": "10XB", "alluxio.worker.allocator.class": "SmartAllocator", level + "0.watermark.low.ratio": "much"} {
		bad := maps.Clone(two)
		bad[key] = value
		if _, err := config.FromMap(config.Worker, bad); err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), value) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
}

func TestNetAddress(t *testing.T) {
	c := conf(t, map[string]string{"alluxio.worker.hostname": "w1", "alluxio.locality.rack": "r7",
		"alluxio.worker.data.server.domain.socket.address": "/run/x", "alluxio.worker.data.server.domain.socket.as.uuid": "true"})
	a, b := netAddress(c, 29999, 30000), netAddress(c, 29999, 30000)
	if a.String() != b.String() {
		t.Errorf("the address is not stable: %v, %v", a, b)
	}
	tiers := a.GetTieredIdentity().GetTiers()
	if len(tiers) != 2 || tiers[0].GetTierName() != "node" || tiers[0].GetValue() != "w1" || tiers[1].GetValue() != "r7" {
		t.Errorf("identity %v", tiers)
	}
	dir, name := filepath.Split(a.GetDomainSocketPath())
	if dir != "/run/x/" || len(name) != 36 || name == filepath.Base(netAddress(c, 30001, 30000).GetDomainSocketPath()) {
		t.Errorf("socket %s", a.GetDomainSocketPath())
	}
	if a.GetRpcPort() != a.GetDataPort() || a.ContainerHost == nil || a.WebPort == nil {
		t.Errorf("%v", a)
	}
}

func TestRelativePaths(t *testing.T) {
	for _, x := range []struct{ mount, uri, want string }{
		{"/ufs", "/ufs/a/b", "a/b"},
		{"/", "/a", "a"},
		{"file:///ufs", "/ufs/a", "a"},
		{"/ufs/", "file:///ufs/a", "a"},
		{"kodo://bucket/dir", "kodo://bucket/dir/ä b", "ä b"},
		{"kodo://bucket", "kodo://bucket/x", "x"},
		{"/ufs", "/ufs", ""},
		{"/ufs", "/ufs2/a", ""},
		{"/ufs", "/ufs/../etc/passwd", ""},
		{"/ufs", "/etc/passwd", ""},
		{"kodo://bucket/dir", "kodo://other/dir/x", ""},
	} {
		got, err := (&mounted{uri: x.mount}).rel(x.uri)
		if got != x.want || (err == nil) != (x.want != "") {
			t.Errorf("%s below %s: %q, %v", x.uri, x.mount, got, err)
		}
	}
}

func TestReportKeepsWhatDidNotArrive(t *testing.T) {
	r := newReport()
	at := func(id int, tier string) store.Info {
		return store.Info{ID: blockid.ID(id), Tier: tier, Medium: tier}
	}
	r.BlockAdded(at(1, "MEM"))
	r.BlockAdded(at(2, "MEM"))
	r.BlockRemoved(at(3, "MEM"))
	lost := r.take()
	r.BlockRemoved(at(1, "MEM")) // newer than what is put back
	r.BlockAdded(at(2, "SSD"))
	r.restore(lost)
	if !r.untold(2) || r.untold(1) || r.untold(3) {
		t.Error("untold is wrong")
	}
	added, removed := split(r.take().changes)
	slices.Sort(removed)
	if !slices.Equal(removed, []int64{1, 3}) || len(added) != 1 || !slices.Equal(added[place{"SSD", "SSD"}], []int64{2}) {
		t.Errorf("added %v, removed %v", added, removed)
	}
	r.BlockAdded(at(4, "MEM"))
	r.told(4)
	if r.untold(4) || len(r.take().changes) != 0 {
		t.Error("what was told is told again")
	}
}

func TestVersionsAreBounded(t *testing.T) {
	var vs versions
	for c := range blockid.Container(5 * maxVersions) {
		vs.put(c, fileVersion{fingerprint: "v", size: int64(c)})
		if v, ok := vs.get(0); c < maxVersions && (!ok || v.size != 0) {
			t.Fatalf("a version in use was forgotten after %d others", c)
		}
	}
	if n := len(vs.mu.known) + len(vs.mu.older); n > 2*maxVersions {
		t.Errorf("%d versions are kept", n)
	}
	vs.put(7, fileVersion{})
	vs.forget(7)
	if _, ok := vs.get(7); ok {
		t.Error("not forgotten")
	}
}

func TestFingerprintOfContent(t *testing.T) {
	for in, want := range map[string]string{"": "", "abc": "abc", "1-2-3#0123abcd": "1-2-3", "#x": "#x"} {
		if got := contentFingerprint(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestNextChunk(t *testing.T) {
	const span = store.SpanSize
	for _, x := range []struct {
		off, end, chunk int64
		want            int
	}{
		{0, 10, 1 << 20, 10},
		{0, 3 << 20, 1 << 20, 1 << 20},
		{5, 3 << 20, 1 << 20, 1<<20 - 5},
		{span + 1, 2 * span, 1 << 20, span - 1},
		{5, 1 << 20, 4096, 4096},
	} {
		if got := nextChunk(x.off, x.end, x.chunk); got != x.want {
			t.Errorf("nextChunk(%d, %d, %d) = %d, want %d", x.off, x.end, x.chunk, got, x.want)
		}
	}
}

func TestSlots(t *testing.T) {
	s := newSlots("reads", 2)
	for range 2 {
		if err := s.acquire(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.acquire(); !errors.Is(err, errors.NoSpace) {
		t.Errorf("a third of two: %v", err)
	}
	s.release()
	if err := s.acquire(); err != nil || s.taken() != 2 {
		t.Errorf("%v, %d", err, s.taken())
	}
}
