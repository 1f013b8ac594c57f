package inode

import "math/bits"

// table is an open-addressed hash table of refs. What a ref's key is, the
// caller knows: it brings hashes and comparisons. It consists of shards that
// grow one at a time, by a third, so that no insertion takes long.
type table struct {
	shards [shardCount]shard
}

const (
	shardBits  = 10
	shardCount = 1 << shardBits

	// A shard is rebuilt when more than maxLoad of its slots are taken, so
	// that then minLoad are.
	maxLoad = 0.875
	minLoad = 0.65
)

type shard struct {
	// tags tells of each slot: free, deleted, or 8 bits of the hash, which
	// spares nearly all comparisons with other keys.
	tags  []uint8
	slots []ref
	live  int
	taken int // live and deleted
}

const (
	tagFree    = 0
	tagDeleted = 1
)

func tagOf(hash uint64) uint8 {
	if tag := uint8(hash); tag > tagDeleted {
		return tag
	}
	return uint8(hash) + 2
}

func (t *table) shard(hash uint64) *shard { return &t.shards[hash>>(64-shardBits)] }

// home is the slot where the search for the hash begins.
func (s *shard) home(hash uint64) int {
	hi, _ := bits.Mul64(hash<<shardBits, uint64(len(s.tags)))
	return int(hi)
}

// find returns the ref with the hash for which is returns true, or 0.
func (t *table) find(hash uint64, is func(ref) bool) ref {
	s := t.shard(hash)
	if i := s.find(hash, is); i >= 0 {
		return s.slots[i]
	}
	return 0
}

func (s *shard) find(hash uint64, is func(ref) bool) int {
	if len(s.tags) == 0 {
		return -1
	}
	tag := tagOf(hash)
	for i := s.home(hash); ; {
		switch s.tags[i] {
		case tagFree:
			return -1
		case tag:
			if is(s.slots[i]) {
				return i
			}
		}
		if i++; i == len(s.tags) {
			i = 0
		}
	}
}

// insert adds a ref that is not there; hashOf gives the hashes of others when
// the shard must be rebuilt.
func (t *table) insert(hash uint64, r ref, hashOf func(ref) uint64) {
	s := t.shard(hash)
	if float64(s.taken+1) > maxLoad*float64(len(s.tags)) {
		s.rebuild(int(float64(s.live+1)/minLoad)+1, hashOf)
	}
	s.place(hash, r)
	s.live++
}

func (s *shard) place(hash uint64, r ref) {
	i := s.home(hash)
	for s.tags[i] > tagDeleted {
		if i++; i == len(s.tags) {
			i = 0
		}
	}
	if s.tags[i] == tagFree {
		s.taken++
	}
	s.tags[i], s.slots[i] = tagOf(hash), r
}

func (s *shard) rebuild(size int, hashOf func(ref) uint64) {
	tags, slots := s.tags, s.slots
	s.tags, s.slots, s.taken = make([]uint8, size), make([]ref, size), 0
	for i, tag := range tags {
		if tag > tagDeleted {
			s.place(hashOf(slots[i]), slots[i])
		}
	}
}

// remove takes out the ref with the hash.
func (t *table) remove(hash uint64, r ref) {
	s := t.shard(hash)
	i := s.find(hash, func(other ref) bool { return other == r })
	s.live--
	next := i + 1
	if next == len(s.tags) {
		next = 0
	}
	if s.tags[next] == tagFree {
		s.tags[i] = tagFree
		s.taken--
		return
	}
	s.tags[i] = tagDeleted
}

// reserve makes room for n refs in an empty table.
func (t *table) reserve(n int) {
	for i := range t.shards {
		t.shards[i].rebuild(int(float64(n)/shardCount/minLoad)+1, nil)
	}
}
