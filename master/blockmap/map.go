package blockmap

import (
	"cmp"
	"slices"
	"sync"

	"github.com/alluxio-go/alluxio/internal/blockid"
)

// Map is the block map of one term.
type Map struct {
	opts Options

	mu struct {
		sync.RWMutex
		blocks map[blockid.ID]copies
		more   map[blockid.ID][]place // of blocks with more than len(copies) copies

		workers   map[WorkerID]*worker
		byAddress map[string]*worker

		slots      []*slot // by number; number 0 is not used
		vacant     []uint16
		dead       []*slot
		placements []Placement
	}
}

// New returns an empty Map.
func New(opts Options) *Map {
	if opts.MaxFreeBatch <= 0 {
		opts.MaxFreeBatch = 10_000
	}
	m := &Map{opts: opts}
	m.mu.blocks = make(map[blockid.ID]copies)
	m.mu.more = make(map[blockid.ID][]place)
	m.mu.workers = make(map[WorkerID]*worker)
	m.mu.byAddress = make(map[string]*worker)
	m.mu.slots = make([]*slot, 1)
	return m
}

// A slot stands for one registration of a worker in the places of blocks. When
// a worker is lost or registers anew its old slot dies, and with it all its
// places, at once and whatever their number; Purge takes them out of memory.
type slot struct {
	number uint16
	worker *worker
	dead   bool
	blocks int
	toFree map[blockid.ID]struct{}
	parts  map[blockid.ID]struct{} // blocks of which parts are to be freed, if it has any
}

const maxSlots = 1<<16 - 1

// place is a slot number and the number of a placement; 0 is none.
type place uint32

func (p place) slot() uint16 { return uint16(p >> 16) }

// copies are the places of one block, empty ones anywhere between.
type copies [4]place

// lockedStep bounds how many blocks are handled under one hold of the lock.
const lockedStep = 1000

func (m *Map) newSlot(w *worker) (*slot, bool) {
	s := &slot{worker: w, toFree: make(map[blockid.ID]struct{}), parts: make(map[blockid.ID]struct{})}
	switch k := len(m.mu.vacant); {
	case k > 0:
		s.number = m.mu.vacant[k-1]
		m.mu.vacant = m.mu.vacant[:k-1]
		m.mu.slots[s.number] = s
	case len(m.mu.slots) <= maxSlots:
		s.number = uint16(len(m.mu.slots))
		m.mu.slots = append(m.mu.slots, s)
	default:
		return nil, false
	}
	return s, true
}

func (m *Map) kill(s *slot) {
	if s == nil || s.dead {
		return
	}
	s.dead, s.toFree, s.parts, s.blocks = true, nil, nil, 0
	m.mu.dead = append(m.mu.dead, s)
}

// placement numbers a tier and medium. There are as many as workers' settings
// differ, so few; beyond what fits, all are taken for the first.
func (m *Map) placement(p Placement) uint16 {
	i := slices.Index(m.mu.placements, p)
	if i < 0 {
		if i = len(m.mu.placements); i > 1<<16-1 {
			return 0
		}
		m.mu.placements = append(m.mu.placements, p)
	}
	return uint16(i)
}

// add notes that the slot has the block. A block that the worker has yet to
// free is not listed.
func (m *Map) add(s *slot, id blockid.ID, placement uint16) {
	delete(s.parts, id)
	if _, ok := s.toFree[id]; ok {
		return
	}
	p := place(s.number)<<16 | place(placement)
	c := m.mu.blocks[id]
	more := m.mu.more[id]
	free := -1
	for i, old := range c {
		switch {
		case old.slot() == s.number:
			c[i] = p
			m.mu.blocks[id] = c
			return
		case free < 0 && (old == 0 || m.mu.slots[old.slot()].dead):
			free = i
		}
	}
	for i, old := range more {
		if old.slot() == s.number {
			more[i] = p
			return
		}
	}
	s.blocks++
	if free >= 0 {
		c[free] = p
		m.mu.blocks[id] = c
		return
	}
	m.mu.more[id] = append(more, p)
}

// remove notes that the slot has the block no longer.
func (m *Map) remove(s *slot, id blockid.ID) {
	m.removeIf(id, func(p place) bool { return p.slot() == s.number })
}

// removeIf takes out those places of a block for which gone is true.
func (m *Map) removeIf(id blockid.ID, gone func(place) bool) {
	c, ok := m.mu.blocks[id]
	if !ok {
		return
	}
	left := 0
	for i, p := range c {
		switch {
		case p == 0:
		case gone(p):
			c[i] = 0
			m.mu.slots[p.slot()].blocks--
		default:
			left++
		}
	}
	more := slices.DeleteFunc(m.mu.more[id], func(p place) bool {
		if gone(p) {
			m.mu.slots[p.slot()].blocks--
			return true
		}
		return false
	})
	if len(more) > 0 && left == 0 { // so that a block with places has an entry in blocks
		c[0], more = more[0], more[1:]
		left = 1
	}
	if len(more) > 0 {
		m.mu.more[id] = more
	} else {
		delete(m.mu.more, id)
	}
	if left > 0 {
		m.mu.blocks[id] = c
	} else {
		delete(m.mu.blocks, id)
	}
}

// places yields the places of a block.
func (m *Map) places(id blockid.ID, yield func(place)) {
	for _, p := range m.mu.blocks[id] {
		if p != 0 {
			yield(p)
		}
	}
	for _, p := range m.mu.more[id] {
		yield(p)
	}
}

// free forgets all places of a block and has the workers free it. A worker
// that did not report the block may hold it all the same; if so, it is told
// when it does.
func (m *Map) free(id blockid.ID) {
	if _, ok := m.mu.blocks[id]; !ok {
		return
	}
	m.markToFree(id)
	m.removeIf(id, func(place) bool { return true })
}

// markToFree has the workers that hold the block free it.
func (m *Map) markToFree(id blockid.ID) {
	m.places(id, func(p place) {
		if s := m.mu.slots[p.slot()]; !s.dead {
			s.toFree[id] = struct{}{}
		}
	})
}

// Locations returns the copies of the block on live workers, those on faster
// tiers first.
func (m *Map) Locations(block blockid.ID) []Location {
	m.mu.RLock()
	defer m.mu.RUnlock()
	type found struct {
		Location
		rank int
	}
	var all []found
	m.places(block, func(p place) {
		s := m.mu.slots[p.slot()]
		if w := s.worker; w.state == Live && w.slot == s {
			at := m.mu.placements[uint16(p)]
			all = append(all, found{Location{Worker: w.id, Address: w.address, Placement: at}, w.rank(at.Tier)})
		}
	})
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.Worker, b.Worker))
	})
	locations := make([]Location, len(all))
	for i, f := range all {
		locations[i] = f.Location
	}
	return locations
}

// Free has the workers free all copies of the container's blocks with sequences
// below blocks. A copy is listed until its worker confirms that it is gone:
// readers may still use it, and who waits for the end of a free must not take
// the intention for it. Of blocks that nobody reported, any worker may have parts,
// which are never reported: all are told once to free those, as far as that fits
// into one command.
func (m *Map) Free(c blockid.Container, blocks int) {
	m.eachOf(c, blocks, func(id blockid.ID) {
		m.markToFree(id)
		if _, reported := m.mu.blocks[id]; !reported {
			m.markPartsToFree(id)
		}
	})
}

// markPartsToFree has every worker free what it may have of a block.
func (m *Map) markPartsToFree(id blockid.ID) {
	for _, w := range m.mu.workers {
		if w.state != Live || w.slot == nil || len(w.slot.parts) >= m.opts.MaxFreeBatch {
			continue
		}
		if _, told := w.slot.toFree[id]; !told {
			w.slot.parts[id] = struct{}{}
		}
	}
}

// Remove forgets all copies of the blocks of a container that is no more, and
// has the workers free them.
func (m *Map) Remove(c blockid.Container, blocks int) {
	m.eachOf(c, blocks, m.free)
}

// eachOf visits the container's blocks with sequences below blocks, locked.
func (m *Map) eachOf(c blockid.Container, blocks int, visit func(blockid.ID)) {
	for first := 0; first < blocks; first += lockedStep {
		m.mu.Lock()
		for seq := first; seq < min(blocks, first+lockedStep); seq++ {
			visit(c.Block(seq))
		}
		m.mu.Unlock()
	}
}

// FreeCopy forgets one copy of a block and has its worker free it; without
// that copy it does nothing.
func (m *Map) FreeCopy(block blockid.ID, id WorkerID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.mu.workers[id]
	if w == nil || w.slot == nil {
		return
	}
	m.places(block, func(p place) {
		if p.slot() == w.slot.number {
			w.slot.toFree[block] = struct{}{}
		}
	})
	m.remove(w.slot, block)
}

// Blocks returns the number of blocks known, which may be more than those with
// a copy on a live worker until Purge has run.
func (m *Map) Blocks() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.mu.blocks)
}

// Purge drops what is known of copies on workers that are gone, in small
// steps. Until it runs they cost memory, but are never listed.
func (m *Map) Purge() {
	m.mu.Lock()
	dead := m.mu.dead
	m.mu.dead = nil
	m.mu.Unlock()
	if len(dead) == 0 {
		return
	}
	gone := make(map[uint16]bool, len(dead))
	for _, s := range dead {
		gone[s.number] = true
	}
	m.eachBlock(func(id blockid.ID) {
		m.removeIf(id, func(p place) bool { return gone[p.slot()] })
	}, nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range dead {
		m.mu.slots[s.number] = nil
		m.mu.vacant = append(m.mu.vacant, s.number)
	}
}

// eachBlock calls visit for each block that is there all the time, holding the
// lock, which it gives up between steps to call pause, if not nil. (A map may
// be changed while it is ranged over; the lock orders the accesses.)
func (m *Map) eachBlock(visit func(blockid.ID), pause func()) {
	rest := func() {
		m.mu.Unlock()
		if pause != nil {
			pause()
		}
		m.mu.Lock()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id := range m.mu.blocks {
		visit(id)
		if n++; n%lockedStep == 0 {
			rest()
		}
	}
	rest()
}

// CheckOrphans asks Options.Unknown about every container in the map and has
// workers free the blocks of those that do not exist. It returns the number of
// blocks.
func (m *Map) CheckOrphans() int {
	var batch []blockid.ID
	orphans := 0
	m.eachBlock(
		func(id blockid.ID) { batch = append(batch, id) },
		func() {
			orphans += m.freeOrphans(batch)
			batch = batch[:0]
		})
	return orphans
}

// freeOrphans frees those of the blocks whose files do not exist.
func (m *Map) freeOrphans(ids []blockid.ID) int {
	if len(ids) == 0 {
		return 0
	}
	containers := make([]blockid.Container, len(ids))
	for i, id := range ids {
		containers[i] = id.Container()
	}
	slices.Sort(containers)
	unknown := m.opts.Unknown(slices.Compact(containers))
	if len(unknown) == 0 {
		return 0
	}
	orphaned := make(map[blockid.Container]bool, len(unknown))
	for _, c := range unknown {
		orphaned[c] = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, id := range ids {
		if _, there := m.mu.blocks[id]; there && orphaned[id.Container()] {
			m.free(id)
			n++
		}
	}
	return n
}
