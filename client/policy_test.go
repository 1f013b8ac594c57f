package client

import (
	"testing"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

func workerAt(host string, port int, capacity, used int64) WorkerInfo {
	return WorkerInfo{
		Address:       WorkerAddress{Host: host, RPCPort: port, DataPort: port, Tiers: []LocalityTier{{"node", host}, {"rack", "r-" + host[:1]}}},
		CapacityBytes: capacity, UsedBytes: used,
	}
}

// here is the worker list of a client on host a1 in rack r-a.
func here() *workerList {
	return &workerList{host: "a1", tiers: []LocalityTier{{"node", "a1"}, {"rack", "r-a"}}}
}

func policyOf(t *testing.T, class string, props map[string]string) locationPolicy {
	t.Helper()
	conf, err := config.FromMap(config.Client, props)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPolicy(class, conf, here())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// chosen returns how often each host is chosen for blocks 0, 1, …
func chosen(p locationPolicy, workers []WorkerInfo, size int64, times int) map[string]int {
	counts := map[string]int{}
	for block := range times {
		if w, ok := p.choose(workers, int64(block), size); ok {
			counts[w.Address.Host]++
		}
	}
	return counts
}

func TestPoliciesPrefer(t *testing.T) {
	a1, a2, b1 := workerAt("a1", 1, 100, 95), workerAt("a2", 1, 100, 0), workerAt("b1", 1, 100, 50)
	reserved := map[string]string{"alluxio.user.block.avoid.eviction.policy.reserved.size.bytes": "60B"}
	for name, c := range map[string]struct {
		class   string
		props   map[string]string
		workers []WorkerInfo
		size    int64
		want    string
	}{
		"own node":                   {"alluxio.client.block.policy.LocalFirstPolicy", nil, []WorkerInfo{b1, a2, a1}, 10, "a1"},
		"own rack":                   {"LocalFirstPolicy", nil, []WorkerInfo{b1, a2}, 10, "a2"},
		"anything":                   {"LocalFirstPolicy", nil, []WorkerInfo{b1}, 10, "b1"},
		"not the small one":          {"LocalFirstPolicy", nil, []WorkerInfo{b1, workerAt("a1", 1, 5, 0)}, 10, "b1"},
		"room over nearness":         {"LocalFirstAvoidEvictionPolicy", nil, []WorkerInfo{a1, a2, b1}, 10, "a2"},
		"near with room":             {"LocalFirstAvoidEvictionPolicy", nil, []WorkerInfo{a1, a2, b1}, 5, "a1"},
		"no room anywhere":           {"LocalFirstAvoidEvictionPolicy", reserved, []WorkerInfo{a1, b1}, 10, "a1"},
		"most room":                  {"MostAvailableFirstPolicy", nil, []WorkerInfo{a1, b1, a2}, 10, "a2"},
		"the host named":             {"SpecificHostPolicy", map[string]string{"alluxio.worker.hostname": "b1"}, []WorkerInfo{a1, b1, a2}, 10, "b1"},
		"capacity decides":           {"CapacityBaseRandomPolicy", nil, []WorkerInfo{workerAt("a1", 1, 0, 0), b1}, 0, "b1"},
		"the only one that is able":  {"RoundRobinPolicy", nil, []WorkerInfo{workerAt("a1", 1, 5, 0), b1}, 10, "b1"},
		"hash among those able only": {"DeterministicHashPolicy", nil, []WorkerInfo{workerAt("a1", 1, 5, 0), b1}, 10, "b1"},
	} {
		if got := chosen(policyOf(t, c.class, c.props), c.workers, c.size, 20); got[c.want] != 20 {
			t.Errorf("%s: %v, want always %s", name, got, c.want)
		}
	}
}

func TestPoliciesSpread(t *testing.T) {
	workers := []WorkerInfo{workerAt("a1", 1, 100, 0), workerAt("b1", 1, 100, 0), workerAt("c1", 1, 200, 0)}
	if got := chosen(policyOf(t, "RoundRobinPolicy", nil), workers, 1, 300); got["a1"] != 100 || got["b1"] != 100 || got["c1"] != 100 {
		t.Errorf("round robin: %v", got)
	}
	if got := chosen(policyOf(t, "CapacityBaseRandomPolicy", nil), workers, 1, 4000); got["c1"] < 1700 || got["c1"] > 2300 {
		t.Errorf("half of the capacity should get about half of 4000 blocks: %v", got)
	}
	hash := policyOf(t, "DeterministicHashPolicy", nil)
	if got := chosen(hash, workers, 1, 3000); got["a1"] < 800 || got["b1"] < 800 || got["c1"] < 800 {
		t.Errorf("hash: %v", got)
	}
	for block := range int64(50) { // the order of the list does not matter
		x, _ := hash.choose(workers, block, 1)
		y, _ := hash.choose([]WorkerInfo{workers[2], workers[0], workers[1]}, block, 1)
		if !x.Address.Equal(y.Address) {
			t.Errorf("block %d: %v and %v", block, x.Address, y.Address)
		}
	}
	sharded := policyOf(t, "DeterministicHashPolicy", map[string]string{"alluxio.user.ufs.block.read.location.policy.deterministic.hash.shards": "2"})
	seen := map[string]bool{}
	for range 200 {
		w, _ := sharded.choose(workers, 7, 1)
		seen[w.Address.Host] = true
	}
	if len(seen) != 2 {
		t.Errorf("two shards: %v", seen)
	}
}

func TestPoliciesWithoutWorkers(t *testing.T) {
	none := []WorkerInfo{workerAt("a1", 1, 0, 0)}
	for _, class := range []string{"LocalFirstPolicy", "LocalFirstAvoidEvictionPolicy", "MostAvailableFirstPolicy", "RoundRobinPolicy",
		"DeterministicHashPolicy", "CapacityBaseRandomPolicy", "SpecificHostPolicy"} {
		if w, ok := policyOf(t, class, nil).choose(none, 1, 0); ok {
			t.Errorf("%s chose %v, which has no capacity", class, w.Address)
		}
	}
	if _, err := newPolicy("com.example.MyPolicy", nil, here()); !errors.Is(err, errors.Invalid) {
		t.Errorf("unknown class: %v", err)
	}
}

func TestLocality(t *testing.T) {
	l := here()
	for _, c := range []struct {
		a    WorkerAddress
		want bool
	}{
		{workerAt("a1", 1, 1, 0).Address, true},
		{workerAt("a2", 1, 1, 0).Address, false},
		{WorkerAddress{Host: "a1"}, true}, // a worker that does not say where it is
		{WorkerAddress{Host: "a1", Tiers: []LocalityTier{{"node", "elsewhere"}}}, false},
	} {
		if got := l.local(c.a); got != c.want {
			t.Errorf("%+v: %v", c.a, got)
		}
	}
}

// Workers that failed are avoided; when all have, the one that failed first is
// tried again first.
func TestPickerAvoidsFailures(t *testing.T) {
	l := here()
	a1, a2 := workerAt("a1", 1, 10, 0).Address, workerAt("a2", 2, 10, 0).Address
	s := &session{workers: l}
	p := newPicker(s, &FileInfo{PersistenceState: NotPersisted}, localFirst{l})
	holders := []WorkerAddress{a1, a2}
	if src := p.cached(p.usable(holders)); src.kind != fromLocal || !src.worker.Equal(a1) {
		t.Errorf("first choice: %+v", src)
	}
	p.markFailed(a1)
	if src := p.cached(p.usable(holders)); src.kind != fromRemote || !src.worker.Equal(a2) {
		t.Errorf("after a failure: %+v", src)
	}
	p.markFailed(a2)
	if left := p.usable(holders); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if got := p.oldestFailure(holders)[0]; !got.Equal(a1) {
		t.Errorf("after all failed: %v", got)
	}
	p.markFailed(a1)
	if got := p.oldestFailure(holders)[0]; !got.Equal(a2) {
		t.Errorf("after one failed again: %v", got)
	}
}
