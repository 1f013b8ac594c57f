package worker

import (
	"sync"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// place is a tier and medium, as block lists of the master are keyed.
type place struct{ tier, medium string }

// change is the last thing that happened to a block.
type change struct {
	here bool
	at   place
}

// report collects what happened to whole blocks until the master knows it. It
// is the store's Observer.
type report struct {
	mu struct {
		sync.Mutex
		changes map[blockid.ID]change
		sending map[blockid.ID]change // what is on its way to the master
		waiting []chan struct{}       // who wait until the changes so far are reported
	}
}

func newReport() *report {
	r := &report{}
	r.reset()
	return r
}

func (r *report) reset() {
	r.mu.Lock()
	r.mu.changes = map[blockid.ID]change{}
	r.mu.Unlock()
}

// BlockAdded implements store.Observer.
func (r *report) BlockAdded(i store.Info) {
	r.mu.Lock()
	r.mu.changes[i.ID] = change{here: true, at: place{i.Tier, i.Medium}}
	r.mu.Unlock()
}

// BlockRemoved implements store.Observer.
func (r *report) BlockRemoved(i store.Info) {
	r.mu.Lock()
	r.mu.changes[i.ID] = change{}
	r.mu.Unlock()
}

// untold reports whether the master has not heard yet that the block is here.
func (r *report) untold(id blockid.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.changes[id].here || r.mu.sending[id].here
}

// told notes that the master knows that the block is here.
func (r *report) told(id blockid.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.changes[id].here {
		delete(r.mu.changes, id)
	}
}

// wait returns what is closed when the changes so far have been reported.
func (r *report) wait() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	reported := make(chan struct{})
	r.mu.waiting = append(r.mu.waiting, reported)
	return reported
}

// batch is what one report says, and who wait for it.
type batch struct {
	changes map[blockid.ID]change
	waiting []chan struct{}
}

// reported is called when the report has arrived.
func (r *report) reported(b batch) {
	r.mu.Lock()
	r.mu.sending = nil
	r.mu.Unlock()
	for _, w := range b.waiting {
		close(w)
	}
}

// take returns the changes so far and starts anew. It is followed by reported or
// restore.
func (r *report) take() batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := batch{r.mu.changes, r.mu.waiting}
	r.mu.changes, r.mu.sending, r.mu.waiting = map[blockid.ID]change{}, taken.changes, nil
	return taken
}

// restore puts back changes that could not be reported. What happened since wins.
func (r *report) restore(taken batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.sending = nil
	for id, c := range taken.changes {
		if _, newer := r.mu.changes[id]; !newer {
			r.mu.changes[id] = c
		}
	}
	r.mu.waiting = append(taken.waiting, r.mu.waiting...)
}

// split separates changes into the lists of a heartbeat.
func split(changes map[blockid.ID]change) (added map[place][]int64, removed []int64) {
	added = map[place][]int64{}
	for id, c := range changes {
		if c.here {
			added[c.at] = append(added[c.at], int64(id))
		} else {
			removed = append(removed, int64(id))
		}
	}
	return added, removed
}

// blockLists renders lists of blocks by place.
func blockLists(lists map[place][]int64) []*blockpb.LocationBlockIdListEntry {
	var entries []*blockpb.LocationBlockIdListEntry
	for at, ids := range lists {
		entries = append(entries, &blockpb.LocationBlockIdListEntry{
			Key:   &grpcpb.BlockStoreLocationProto{TierAlias: &at.tier, MediumType: &at.medium},
			Value: &blockpb.BlockIdList{BlockId: ids},
		})
	}
	return entries
}

// storage is what the store's directories amount to, in the master's form.
type storage struct {
	aliases     []string
	total, used map[string]int64
	lost        map[string]*blockpb.StorageList
}

func storageOf(tiers []store.TierInfo) storage {
	st := storage{total: map[string]int64{}, used: map[string]int64{}, lost: map[string]*blockpb.StorageList{}}
	for _, t := range tiers {
		st.aliases = append(st.aliases, t.Alias)
		st.total[t.Alias] += t.Capacity
		st.used[t.Alias] += t.Used
		for _, d := range t.Dirs {
			if !d.Lost {
				continue
			}
			list := st.lost[t.Alias]
			if list == nil {
				list = &blockpb.StorageList{}
				st.lost[t.Alias] = list
			}
			list.Storage = append(list.Storage, d.Path)
		}
	}
	return st
}
