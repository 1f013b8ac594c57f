package blockmap

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// fixture is a Map with a clock and a set of containers that exist.
type fixture struct {
	*Map
	now     time.Time
	nextID  WorkerID
	missing map[blockid.Container]bool
	asking  func() // called while Unknown is asked
}

func newFixture() *fixture {
	f := &fixture{now: time.Unix(1_000_000, 0), missing: make(map[blockid.Container]bool), asking: func() {}}
	f.Map = New(Options{
		Now: func() time.Time { return f.now },
		NewID: func() WorkerID {
			f.nextID++
			return f.nextID / 2 // each id twice: one of them is taken already
		},
		Unknown: func(cs []blockid.Container) []blockid.Container {
			f.asking()
			return slices.DeleteFunc(cs, func(c blockid.Container) bool { return !f.missing[c] })
		},
		WorkerTimeout: time.Minute,
		ForgetAfter:   time.Hour,
		MaxFreeBatch:  3,
	})
	return f
}

func addr(i int) Address {
	return Address{Host: fmt.Sprintf("w%d", i), RPCPort: 29999, Locality: []LocalityTier{{Name: "node", Value: "n", HasValue: true}}}
}

var (
	mem = Placement{"MEM", "MEM"}
	hdd = Placement{"HDD", "HDD"}
	reg = Registration{Tiers: []string{"MEM", "HDD"}, Capacity: map[string]int64{"MEM": 10, "HDD": 20}, Used: map[string]int64{"MEM": 1}}
)

// join registers a worker that holds the blocks in memory.
func (f *fixture) join(t rapid.TB, i int, blocks ...blockid.ID) WorkerID {
	t.Helper()
	id := f.WorkerID(addr(i))
	if err := f.Register(id, reg, []Held{{mem, blocks}}); err != nil {
		t.Fatal(err)
	}
	return id
}

func (f *fixture) holders(b blockid.ID) []WorkerID {
	var ids []WorkerID
	for _, l := range f.Locations(b) {
		ids = append(ids, l.Worker)
	}
	return ids
}

func want[T any](t rapid.TB, what string, got, want T) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

func block(c, seq int) blockid.ID { return blockid.Container(c).Block(seq) }

func TestIdentityIsTheWholeAddress(t *testing.T) {
	f := newFixture()
	a := addr(1)
	id := f.WorkerID(a)
	want(t, "again", f.WorkerID(a), id)
	seen := map[WorkerID]bool{id: true}
	for _, change := range []func(*Address){
		func(a *Address) { a.Host = "x" }, func(a *Address) { a.ContainerHost = "x" },
		func(a *Address) { a.RPCPort++ }, func(a *Address) { a.DataPort++ }, func(a *Address) { a.WebPort++ },
		func(a *Address) { a.DomainSocketPath = "/x" }, func(a *Address) { a.Locality = nil },
		func(a *Address) { a.Locality = []LocalityTier{{Name: "node"}} },
		func(a *Address) { a.Locality = []LocalityTier{{Name: "node", HasValue: true}} },
		func(a *Address) { a.Host, a.ContainerHost = "w1\" \"", "" },
	} {
		b := addr(1)
		change(&b)
		if other := f.WorkerID(b); seen[other] || other < 0 {
			t.Errorf("%+v has the id %d of another", b, other)
		} else {
			seen[other] = true
		}
	}
	want(t, "workers before registration", len(f.Workers()), 0)
}

func TestRegistrationReplacesAndHeartbeatsChange(t *testing.T) {
	f := newFixture()
	w1 := f.join(t, 1, block(1, 0), block(1, 1))
	w2 := f.join(t, 2, block(1, 0))
	want(t, "two copies", f.holders(block(1, 0)), []WorkerID{w1, w2})
	f.join(t, 1, block(2, 0))
	want(t, "replaced", f.holders(block(1, 1)), []WorkerID(nil))
	want(t, "the other's stays", f.holders(block(1, 0)), []WorkerID{w2})

	c := f.Heartbeat(w1, Heartbeat{Used: map[string]int64{"MEM": 5, "HDD": 2}, Removed: []blockid.ID{block(2, 0), block(3, 1)},
		Added: []Held{{hdd, []blockid.ID{block(1, 0), block(3, 0), block(3, 1)}}}})
	want(t, "command", c.Type, Nothing)
	want(t, "removed", f.holders(block(2, 0)), []WorkerID(nil))
	want(t, "added and removed", f.holders(block(3, 1)), []WorkerID(nil))
	want(t, "fast tier first", f.holders(block(1, 0)), []WorkerID{w2, w1})
	f.Heartbeat(w1, Heartbeat{Added: []Held{{mem, []blockid.ID{block(1, 0)}}}})
	want(t, "moved up", f.holders(block(1, 0)), []WorkerID{w1, w2})
	w, _ := f.Worker(w1)
	want(t, "blocks", w.Blocks, 2)
	want(t, "capacity", w.CapacityBytes(), 30)

	if err := f.Commit(w1, block(4, 0), hdd, 9); err != nil {
		t.Fatal(err)
	}
	w, _ = f.Worker(w1)
	want(t, "used", w.Used["HDD"], 9)
	want(t, "committed", f.holders(block(4, 0)), []WorkerID{w1})
	if err := f.Commit(77, block(4, 0), hdd, 9); !errors.Is(err, errors.NotFound) {
		t.Errorf("Commit of an unknown worker: %v", err)
	}
	want(t, "unknown worker", f.Heartbeat(77, Heartbeat{}).Type, Register)
	if err := f.Register(w1, reg, []Held{{mem, nil}, {mem, nil}}); !errors.Is(err, errors.Invalid) {
		t.Errorf("a placement twice: %v", err)
	}
	if err := f.Register(77, reg, nil); !errors.Is(err, errors.NotFound) {
		t.Errorf("Register of an unknown worker: %v", err)
	}
}

func TestStreamedRegistration(t *testing.T) {
	f := newFixture()
	w := f.join(t, 1, block(1, 0))
	s, err := f.BeginRegister(w, reg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add([]Held{{mem, []blockid.ID{block(2, 0)}}}); err != nil {
		t.Fatal(err)
	}
	want(t, "not yet", f.holders(block(2, 0)), []WorkerID(nil))
	want(t, "still", f.holders(block(1, 0)), []WorkerID{w})
	if err := f.Commit(w, block(3, 0), mem, -1); err != nil {
		t.Fatal(err)
	}
	f.Heartbeat(w, Heartbeat{Removed: []blockid.ID{block(2, 0)}})

	newer, err := f.BeginRegister(w, reg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add([]Held{{mem, []blockid.ID{block(9, 0)}}}); !errors.Is(err, errors.Aborted) {
		t.Errorf("Add to a superseded registration: %v", err)
	}
	if err := s.Finish(); !errors.Is(err, errors.Aborted) {
		t.Errorf("Finish of a superseded registration: %v", err)
	}
	s.Abort()
	if err := f.Commit(w, block(4, 0), mem, -1); err != nil {
		t.Fatal(err)
	}
	if err := newer.Finish(); err != nil {
		t.Fatal(err)
	}
	newer.Abort()
	for b, there := range map[blockid.ID]bool{block(1, 0): false, block(2, 0): false, block(3, 0): false, block(4, 0): true, block(9, 0): false} {
		want(t, fmt.Sprint(b), len(f.holders(b)) == 1, there)
	}
	f.Purge()
	want(t, "blocks", f.Blocks(), 1)
}

// Parts of blocks are never reported: who frees a file means them too.
func TestFreeOfUnreportedBlocks(t *testing.T) {
	f := newFixture()
	w1, w2 := f.join(t, 1, block(1, 0)), f.join(t, 2)
	f.Free(1, 2)
	want(t, "reported and not", f.Heartbeat(w1, Heartbeat{}).Blocks, []blockid.ID{block(1, 0), block(1, 1)})
	want(t, "the one is repeated", f.Heartbeat(w1, Heartbeat{}).Blocks, []blockid.ID{block(1, 0)})
	if err := f.Commit(w2, block(1, 1), mem, 1); err != nil {
		t.Fatal(err)
	}
	want(t, "whole by now", f.Heartbeat(w2, Heartbeat{}).Type, Nothing)
	want(t, "and listed", f.holders(block(1, 1)), []WorkerID{w2})
	f.Free(3, 100)
	want(t, "no more than a command takes", len(f.Heartbeat(w2, Heartbeat{}).Blocks), 3)
	want(t, "and none later", f.Heartbeat(w2, Heartbeat{}).Type, Nothing)
}

func TestFreeRepeatsUntilConfirmed(t *testing.T) {
	f := newFixture()
	w := f.join(t, 1, block(1, 0), block(1, 1), block(1, 2), block(1, 3), block(2, 0))
	f.Free(1, 4)
	want(t, "listed until confirmed", f.holders(block(1, 2)), []WorkerID{w})
	first := f.Heartbeat(w, Heartbeat{})
	want(t, "command", first.Type, FreeBlocks)
	want(t, "batch", len(first.Blocks), 3)
	confirmed := map[blockid.ID]bool{}
	for c := first; c.Type == FreeBlocks; c = f.Heartbeat(w, Heartbeat{Removed: c.Blocks[:1]}) {
		confirmed[c.Blocks[0]] = true
	}
	want(t, "confirmed", len(confirmed), 4)
	want(t, "gone", f.holders(block(1, 2)), []WorkerID(nil))
	want(t, "untouched", f.holders(block(2, 0)), []WorkerID{w})

	f.FreeCopy(block(2, 0), w)
	f.FreeCopy(block(2, 0), w)
	f.FreeCopy(block(7, 0), w)
	want(t, "a copy", f.Heartbeat(w, Heartbeat{}), Command{FreeBlocks, []blockid.ID{block(2, 0)}})
	f.join(t, 1, block(2, 0))
	want(t, "to be freed after registering anew", f.holders(block(2, 0)), []WorkerID(nil))
	want(t, "still to be freed", f.Heartbeat(w, Heartbeat{}).Type, FreeBlocks)
	f.join(t, 1)
	want(t, "registered without it", f.Heartbeat(w, Heartbeat{}).Type, Nothing)
	f.FreeCopy(block(2, 0), w)
	if err := f.Commit(w, block(2, 0), mem, -1); err != nil {
		t.Fatal(err)
	}
	want(t, "written anew", f.holders(block(2, 0)), []WorkerID{w})
}

func TestOrphansAreFreed(t *testing.T) {
	f := newFixture()
	f.missing[1] = true
	w := f.join(t, 1, block(1, 0), block(1, 5), block(2, 0))
	want(t, "by registration", f.Heartbeat(w, Heartbeat{}), Command{FreeBlocks, []blockid.ID{block(1, 0), block(1, 5)}})
	f.Heartbeat(w, Heartbeat{Removed: []blockid.ID{block(1, 0), block(1, 5)}})
	c := f.Heartbeat(w, Heartbeat{Added: []Held{{mem, []blockid.ID{block(1, 7)}}}})
	want(t, "by heartbeat", c, Command{FreeBlocks, []blockid.ID{block(1, 7)}})
	if err := f.Commit(w, block(1, 8), mem, -1); err != nil {
		t.Fatal(err)
	}
	want(t, "by commit", f.holders(block(1, 8)), []WorkerID(nil))

	// A file deleted while its block is reported: whichever comes first.
	f.asking = func() { f.missing[3] = true; f.Remove(3, 1) }
	f.Heartbeat(w, Heartbeat{Added: []Held{{mem, []blockid.ID{block(3, 0)}}}})
	want(t, "deleted meanwhile", f.holders(block(3, 0)), []WorkerID(nil))
	f.asking = func() {}

	for i := range 3 * lockedStep {
		if err := f.Commit(w, block(100+i, 0), mem, -1); err != nil {
			t.Fatal(err)
		}
		f.missing[blockid.Container(100+i)] = i%3 == 0
	}
	want(t, "found by the check", f.CheckOrphans(), lockedStep)
	want(t, "found again", f.CheckOrphans(), 0)
	want(t, "left", f.Blocks(), 2*lockedStep+1)
}

func TestLostWorkers(t *testing.T) {
	f := newFixture()
	w1, w2 := f.join(t, 1, block(1, 0), block(2, 0)), f.join(t, 2, block(1, 0))
	f.now = f.now.Add(time.Minute)
	f.Heartbeat(w2, Heartbeat{})
	want(t, "in time", len(f.DetectLost()), 0)
	f.now = f.now.Add(time.Second)
	lost := f.DetectLost()
	if len(lost) != 1 || lost[0].ID != w1 || lost[0].Blocks != 2 {
		t.Fatalf("lost %+v", lost)
	}
	want(t, "again", len(f.DetectLost()), 0)
	want(t, "locations", f.holders(block(1, 0)), []WorkerID{w2})
	want(t, "before the purge", f.Blocks(), 2)
	f.Purge()
	want(t, "after the purge", f.Blocks(), 1)
	w, _ := f.Worker(w1)
	want(t, "state", w.State, Lost)
	want(t, "heartbeat of a lost worker", f.Heartbeat(w1, Heartbeat{}).Type, Register)
	f.join(t, 1, block(1, 0))
	want(t, "back", f.holders(block(1, 0)), []WorkerID{w1, w2})
	f.now = f.now.Add(2 * time.Hour)
	f.DetectLost()
	f.now = f.now.Add(time.Second)
	want(t, "forgotten", len(f.Workers()), 0)
	want(t, "unknown", f.Heartbeat(w1, Heartbeat{}).Type, Register)
}

func TestDecommission(t *testing.T) {
	f := newFixture()
	w := f.join(t, 1, block(1, 0))
	if err := f.DecommissionWorker(w); err != nil {
		t.Fatal(err)
	}
	want(t, "command", f.Heartbeat(w, Heartbeat{}).Type, Decommission)
	want(t, "locations", f.holders(block(1, 0)), []WorkerID(nil))
	f.join(t, 1, block(1, 0))
	want(t, "registered again", f.holders(block(1, 0)), []WorkerID{w})
	if err := f.DecommissionWorker(99); !errors.Is(err, errors.NotFound) {
		t.Errorf("unknown worker: %v", err)
	}
}

// TestSlotsAreReused registers more often than there are slots.
func TestSlotsAreReused(t *testing.T) {
	f := newFixture()
	w := f.join(t, 1, block(1, 0))
	for i := range maxSlots - 1 {
		if err := f.Register(w, reg, []Held{{mem, []blockid.ID{block(1, i%3)}}}); err != nil {
			t.Fatalf("registration %d: %v", i, err)
		}
	}
	if err := f.Register(w, reg, nil); !errors.Is(err, errors.Unavailable) {
		t.Fatalf("without a free slot: %v", err)
	}
	f.Purge()
	want(t, "blocks", f.Blocks(), 1)
	f.join(t, 1, block(5, 0))
	want(t, "after the purge", f.holders(block(5, 0)), []WorkerID{w})
}

// TestAgainstModel does random things with workers and compares with plain sets.
func TestAgainstModel(t *testing.T) {
	type naive struct {
		held, toFree map[blockid.ID]bool
		parts        map[blockid.ID]bool // what it may be told to free, once
		live         bool
	}
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture()
		const workers = 7
		var ids [workers]WorkerID
		var model [workers]*naive
		for i := range ids {
			ids[i] = f.WorkerID(addr(i))
			model[i] = &naive{held: map[blockid.ID]bool{}, toFree: map[blockid.ID]bool{}, parts: map[blockid.ID]bool{}}
		}
		anyWorker := rapid.IntRange(0, workers-1)
		anyBlock := rapid.Custom(func(t *rapid.T) blockid.ID {
			return block(rapid.IntRange(1, 3).Draw(t, "c"), rapid.IntRange(0, 2).Draw(t, "seq"))
		})
		someBlocks := rapid.SliceOfDistinct(anyBlock, func(b blockid.ID) blockid.ID { return b })
		t.Repeat(map[string]func(*rapid.T){
			"register": func(t *rapid.T) {
				i, blocks := anyWorker.Draw(t, "w"), someBlocks.Draw(t, "blocks")
				f.join(t, i, blocks...)
				n := &naive{held: map[blockid.ID]bool{}, toFree: map[blockid.ID]bool{}, parts: map[blockid.ID]bool{}, live: true}
				for _, b := range blocks {
					if model[i].toFree[b] {
						n.toFree[b] = true
					} else {
						n.held[b] = true
					}
				}
				model[i] = n
			},
			"heartbeat": func(t *rapid.T) {
				i, added, removed := anyWorker.Draw(t, "w"), someBlocks.Draw(t, "added"), someBlocks.Draw(t, "removed")
				c := f.Heartbeat(ids[i], Heartbeat{Added: []Held{{hdd, added}}, Removed: removed})
				n := model[i]
				if !n.live {
					want(t, "command", c.Type, Register)
					return
				}
				for _, b := range added {
					delete(n.parts, b)
					if !n.toFree[b] {
						n.held[b] = true
					}
				}
				for _, b := range removed {
					delete(n.held, b)
					delete(n.toFree, b)
				}
				kept := 0
				for _, b := range c.Blocks {
					switch {
					case n.toFree[b]:
						kept++
					case n.parts[b]:
						delete(n.parts, b)
					default:
						t.Fatalf("%d is to be freed", b)
					}
				}
				want(t, "blocks to free", kept, min(3, len(n.toFree)))
			},
			"commit": func(t *rapid.T) {
				i, b := anyWorker.Draw(t, "w"), anyBlock.Draw(t, "block")
				err := f.Commit(ids[i], b, mem, 1)
				want(t, "refused", err != nil, !model[i].live)
				if err == nil {
					model[i].held[b] = true
					delete(model[i].toFree, b)
					delete(model[i].parts, b)
				}
			},
			"free": func(t *rapid.T) {
				c := blockid.Container(rapid.IntRange(1, 3).Draw(t, "c"))
				f.Free(c, 2)
				for _, n := range model {
					for seq := range 2 {
						if b := c.Block(seq); n.held[b] {
							n.toFree[b] = true
						} else if n.live {
							n.parts[b] = true
						}
					}
				}
			},
			"remove": func(t *rapid.T) {
				c := blockid.Container(rapid.IntRange(1, 3).Draw(t, "c"))
				f.Remove(c, 2)
				for _, n := range model {
					for seq := range 2 {
						if b := c.Block(seq); n.held[b] {
							delete(n.held, b)
							n.toFree[b] = true
						}
					}
				}
			},
			"freeCopy": func(t *rapid.T) {
				i, b := anyWorker.Draw(t, "w"), anyBlock.Draw(t, "block")
				f.FreeCopy(b, ids[i])
				if n := model[i]; n.held[b] {
					delete(n.held, b)
					n.toFree[b] = true
				}
			},
			"lose": func(t *rapid.T) {
				i := anyWorker.Draw(t, "w")
				f.now = f.now.Add(time.Hour / 2)
				for j, id := range ids {
					if j != i && model[j].live {
						f.Heartbeat(id, Heartbeat{})
					}
				}
				f.DetectLost()
				model[i] = &naive{held: map[blockid.ID]bool{}, toFree: map[blockid.ID]bool{}, parts: map[blockid.ID]bool{}}
				for j := range ids { // forgotten workers get new ids
					ids[j] = f.WorkerID(addr(j))
				}
			},
			"purge": func(t *rapid.T) { f.Purge() },
			"": func(t *rapid.T) {
				for c := range 4 {
					for seq := range 3 {
						var holders []WorkerID
						for i, n := range model {
							if n.held[block(c, seq)] {
								holders = append(holders, ids[i])
							}
						}
						slices.Sort(holders)
						got := f.holders(block(c, seq))
						slices.Sort(got)
						want(t, fmt.Sprintf("holders of %d/%d", c, seq), got, holders)
					}
				}
				for i, id := range ids {
					if w, ok := f.Worker(id); !ok || w.Blocks != len(model[i].held) {
						t.Fatalf("worker %d: %+v, want blocks %v", i, w, slices.Sorted(maps.Keys(model[i].held)))
					}
				}
			},
		})
	})
}

func BenchmarkRegisterMillion(b *testing.B) {
	const n = 1_000_000
	ids := make([]blockid.ID, n)
	for i := range ids {
		ids[i] = block(i/4, i%4)
	}
	for b.Loop() {
		f := newFixture()
		f.join(b, 1, ids...)
	}
}
