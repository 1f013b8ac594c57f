package blockmap

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// worker is what the map knows of a worker. Registration and the maps in it
// are replaced, never changed in place.
type worker struct {
	Registration
	id          WorkerID
	address     Address
	state       State
	started     time.Time
	lastContact time.Time
	slot        *slot // of the registration that counts; nil when there is none
	pending     *slot // of one in progress
}

// rank is the place of a tier in the worker's order, fastest first.
func (w *worker) rank(tier string) int {
	if i := slices.Index(w.Tiers, tier); i >= 0 {
		return i
	}
	return len(w.Tiers)
}

func (w *worker) view() Worker {
	v := Worker{
		ID: w.id, Address: w.address, State: w.state, Started: w.started, LastContact: w.lastContact,
		Tiers: w.Tiers, Capacity: w.Capacity, Used: w.Used, LostStorage: w.LostStorage,
		Version: w.Version, Revision: w.Revision,
	}
	if w.slot != nil {
		v.Blocks = w.slot.blocks
	}
	return v
}

// key is equal for equal addresses only.
func (a Address) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %d %d %d %q", a.Host, a.ContainerHost, a.RPCPort, a.DataPort, a.WebPort, a.DomainSocketPath)
	for _, l := range a.Locality {
		fmt.Fprintf(&b, " %q %q %t", l.Name, l.Value, l.HasValue)
	}
	return b.String()
}

// String is how people name the worker: host and port.
func (a Address) String() string { return fmt.Sprintf("%s:%d", a.Host, a.RPCPort) }

// WorkerID returns the id of the worker at the address, giving it one when it
// is new.
func (m *Map) WorkerID(a Address) WorkerID {
	key := a.key()
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.mu.byAddress[key]; w != nil {
		return w.id
	}
	a.Locality = slices.Clone(a.Locality)
	w := &worker{address: a, lastContact: m.opts.Now()}
	for {
		w.id = m.opts.NewID()
		if _, taken := m.mu.workers[w.id]; w.id >= 0 && !taken {
			break
		}
	}
	m.mu.workers[w.id] = w
	m.mu.byAddress[key] = w
	return w.id
}

// Register makes the worker live with exactly the blocks held. NotFound for an
// unknown id; Invalid when a placement occurs twice.
func (m *Map) Register(id WorkerID, r Registration, held []Held) error {
	if err := checkHeld(held); err != nil {
		return err
	}
	s, err := m.BeginRegister(id, r)
	if err != nil {
		return err
	}
	defer s.Abort()
	if err := s.Add(held); err != nil {
		return err
	}
	return s.Finish()
}

func checkHeld(held []Held) error {
	seen := make(map[Placement]bool, len(held))
	for _, h := range held {
		if seen[h.Placement] {
			return errors.Errorf(errors.Invalid, "The blocks on tier %s, medium %s are listed twice.", h.Tier, h.Medium)
		}
		seen[h.Placement] = true
	}
	return nil
}

// BeginRegister starts a registration whose blocks come in parts. The worker
// stays as it was until Finish. Only the newest registration of a worker can
// be finished. NotFound for an unknown id.
func (m *Map) BeginRegister(id WorkerID, r Registration) (*RegisterStream, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.mu.workers[id]
	if w == nil {
		return nil, unknownWorker(id)
	}
	s, ok := m.newSlot(w)
	if !ok {
		return nil, errors.Errorf(errors.Unavailable, "Too many registrations of workers at a time. Try again later.")
	}
	m.kill(w.pending)
	w.pending = s
	w.lastContact = m.opts.Now()
	return &RegisterStream{m: m, slot: s, registration: r.clone()}, nil
}

func (r Registration) clone() Registration {
	r.Tiers = slices.Clone(r.Tiers)
	r.Capacity, r.Used = maps.Clone(r.Capacity), maps.Clone(r.Used)
	r.LostStorage = maps.Clone(r.LostStorage)
	return r
}

func unknownWorker(id WorkerID) error {
	return errors.Errorf(errors.NotFound, "No worker has the id %d. It must get an id and register.", id)
}

// RegisterStream is a registration in progress. For one goroutine.
type RegisterStream struct {
	m            *Map
	slot         *slot
	registration Registration
}

// Add adds blocks. Aborted when a newer registration of the worker has begun.
func (s *RegisterStream) Add(held []Held) error {
	for _, h := range held {
		for ids := range slices.Chunk(h.Blocks, lockedStep) {
			if err := s.addSome(ids, h.Placement); err != nil {
				return err
			}
			s.m.freeOrphans(ids)
		}
	}
	return nil
}

func (s *RegisterStream) addSome(ids []blockid.ID, at Placement) error {
	m := s.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.slot.dead {
		return superseded()
	}
	w := s.slot.worker
	w.lastContact = m.opts.Now()
	placement := m.placement(at)
	for _, id := range ids {
		if w.slot != nil {
			if _, ok := w.slot.toFree[id]; ok {
				s.slot.toFree[id] = struct{}{}
			}
		}
		m.add(s.slot, id, placement)
	}
	return nil
}

func superseded() error {
	return errors.Errorf(errors.Aborted, "The registration has been given up: the worker has begun another one.")
}

// Finish makes the worker live with exactly the blocks added. Aborted when a
// newer registration has begun.
func (s *RegisterStream) Finish() error {
	m := s.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.slot.dead {
		return superseded()
	}
	w := s.slot.worker
	m.kill(w.slot)
	w.slot, w.pending = s.slot, nil
	w.Registration = s.registration
	w.state = Live
	w.lastContact = m.opts.Now()
	w.started = w.lastContact
	return nil
}

// Abort drops the registration; after Finish it does nothing.
func (s *RegisterStream) Abort() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if w := s.slot.worker; w.pending == s.slot {
		w.pending = nil
		s.m.kill(s.slot)
	}
}

// Heartbeat notes that the worker lives and what changed, and returns what it
// is to do. An unknown, unregistered or lost worker is told to register.
func (m *Map) Heartbeat(id WorkerID, h Heartbeat) Command {
	added, known := m.heartbeat(id, h)
	if !known {
		return Command{Type: Register}
	}
	for ids := range slices.Chunk(added, lockedStep) {
		m.freeOrphans(ids)
	}
	return m.command(id)
}

func (m *Map) heartbeat(id WorkerID, h Heartbeat) (added []blockid.ID, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.mu.workers[id]
	if w == nil || w.slot == nil {
		return nil, false
	}
	w.lastContact = m.opts.Now()
	if h.Capacity != nil {
		w.Capacity = maps.Clone(h.Capacity)
	}
	w.Used = maps.Clone(h.Used)
	w.LostStorage = maps.Clone(h.LostStorage)
	for _, held := range h.Added {
		placement := m.placement(held.Placement)
		for _, id := range held.Blocks {
			m.addTo(w, id, placement)
		}
		added = append(added, held.Blocks...)
	}
	for _, id := range h.Removed {
		for _, s := range [...]*slot{w.slot, w.pending} {
			if s != nil {
				delete(s.toFree, id)
				m.remove(s, id)
			}
		}
	}
	return added, true
}

// addTo adds a block that the worker has now: to a registration in progress
// too, which may have been begun before.
func (m *Map) addTo(w *worker, id blockid.ID, placement uint16) {
	m.add(w.slot, id, placement)
	if w.pending != nil {
		m.add(w.pending, id, placement)
	}
}

func (m *Map) command(id WorkerID) Command {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.mu.workers[id]
	switch {
	case w == nil || w.slot == nil:
		return Command{Type: Register}
	case w.state == Decommissioned:
		return Command{Type: Decommission}
	case len(w.slot.toFree) == 0 && len(w.slot.parts) == 0:
		return Command{Type: Nothing}
	}
	c := Command{Type: FreeBlocks}
	for id := range w.slot.toFree {
		if len(c.Blocks) == m.opts.MaxFreeBatch {
			break
		}
		c.Blocks = append(c.Blocks, id)
	}
	for id := range w.slot.parts {
		if len(c.Blocks) == m.opts.MaxFreeBatch {
			break
		}
		c.Blocks = append(c.Blocks, id)
		delete(w.slot.parts, id)
	}
	slices.Sort(c.Blocks)
	return c
}

// Commit adds one block that the worker has just written; usedOnTier is the
// space then used on its tier, negative when not known. NotFound for a worker
// that is not registered.
func (m *Map) Commit(id WorkerID, block blockid.ID, p Placement, usedOnTier int64) error {
	if err := m.commit(id, block, p, usedOnTier); err != nil {
		return err
	}
	m.freeOrphans([]blockid.ID{block})
	return nil
}

func (m *Map) commit(id WorkerID, block blockid.ID, p Placement, usedOnTier int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.mu.workers[id]
	if w == nil || w.slot == nil {
		return unknownWorker(id)
	}
	w.lastContact = m.opts.Now()
	if usedOnTier >= 0 {
		used := maps.Clone(w.Used)
		if used == nil {
			used = make(map[string]int64)
		}
		used[p.Tier] = usedOnTier
		w.Used = used
	}
	// The worker has written the block anew, whatever it was to free before.
	delete(w.slot.toFree, block)
	m.addTo(w, block, m.placement(p))
	return nil
}

// Worker returns the worker with the id.
func (m *Map) Worker(id WorkerID) (Worker, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	w := m.mu.workers[id]
	if w == nil {
		return Worker{}, false
	}
	return w.view(), true
}

// Workers returns all registered workers (live, lost and decommissioned),
// ordered by address.
func (m *Map) Workers() []Worker {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var all []Worker
	for _, w := range m.mu.workers {
		if w.state != Unregistered {
			all = append(all, w.view())
		}
	}
	slices.SortFunc(all, func(a, b Worker) int {
		return cmp.Or(cmp.Compare(a.Address.Host, b.Address.Host), cmp.Compare(a.Address.RPCPort, b.Address.RPCPort), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// DecommissionWorker marks a registered worker: its blocks are listed no more,
// and it is told so in its heartbeats until it registers again. NotFound for an
// unknown worker.
func (m *Map) DecommissionWorker(id WorkerID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.mu.workers[id]
	if w == nil || w.slot == nil {
		return unknownWorker(id)
	}
	w.state = Decommissioned
	return nil
}

// DetectLost marks the workers that were silent for too long, forgets those
// that were silent for long after, and returns the newly lost.
func (m *Map) DetectLost() []Worker {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.opts.Now()
	var lost []Worker
	for id, w := range m.mu.workers {
		silent := now.Sub(w.lastContact)
		if w.slot != nil && silent > m.opts.WorkerTimeout {
			lost = append(lost, w.view())
			w.state = Lost
			m.kill(w.slot)
			w.slot = nil
		}
		if w.slot == nil && m.opts.ForgetAfter > 0 && silent > m.opts.WorkerTimeout+m.opts.ForgetAfter {
			m.kill(w.pending)
			delete(m.mu.workers, id)
			delete(m.mu.byAddress, w.address.key())
		}
	}
	return lost
}
