// Package blockmap knows which worker holds which block, and the workers
// themselves. It is the soft state of one leadership term: nothing of it is
// journaled, a new leader begins with an empty Map that workers fill by
// registering.
//
// It owns worker ids, addresses and space, block locations, and for each
// worker the list of blocks that it must free. It knows neither files nor
// lengths of blocks (both follow from inodes), does no I/O and starts no
// goroutine: the time is Options.Now, and the caller calls DetectLost and
// Purge periodically.
//
// # Orphans
//
// A block whose file does not exist is an orphan: it is not listed, and its
// worker is told to free it until it confirms that. Map asks Options.Unknown
// after it has stored what a worker reported, and whoever deletes a file calls
// Free after the inode is gone; so in whatever order the two happen, no orphan
// stays. Options.Unknown is called without any lock of this package held.
//
// # Locking
//
// A Map may be used from any number of goroutines. Its locks are leaves: it
// calls nothing while holding them, so callers may hold any lock of their own.
package blockmap

import (
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
)

// WorkerID identifies a worker for one term. It is not negative.
type WorkerID int64

// Address is where a worker is reached. Two addresses are the same worker only
// if every field is equal: clients compare them so.
type Address struct {
	Host             string
	ContainerHost    string
	RPCPort          int32
	DataPort         int32
	WebPort          int32
	DomainSocketPath string
	Locality         []LocalityTier // ordered, nearest first
}

// LocalityTier is one level of a worker's place, such as node or rack.
type LocalityTier struct {
	Name     string
	Value    string
	HasValue bool
}

// State is what the master thinks of a worker.
type State uint8

// The states of a worker.
const (
	Unregistered   State = iota // has an id only
	Live                        // registered and heard of
	Lost                        // silent for too long; must register again
	Decommissioned              // told to leave; serves no new clients
)

// Worker describes one worker. Maps and slices are copies.
type Worker struct {
	ID          WorkerID
	Address     Address
	State       State
	Started     time.Time // of its registration in this term
	LastContact time.Time
	Tiers       []string         // aliases, fastest first
	Capacity    map[string]int64 // bytes by tier alias
	Used        map[string]int64
	LostStorage map[string][]string // failed directories by tier alias
	Blocks      int
	Version     string
	Revision    string
}

// CapacityBytes is the worker's capacity over all tiers.
func (w *Worker) CapacityBytes() int64 { return sum(w.Capacity) }

// UsedBytes is what is used of it.
func (w *Worker) UsedBytes() int64 { return sum(w.Used) }

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// Placement is where on a worker a block lies.
type Placement struct {
	Tier   string // alias
	Medium string // type
}

// Location is one copy of a block.
type Location struct {
	Worker  WorkerID
	Address Address
	Placement
}

// Held is a set of blocks in one place of a worker.
type Held struct {
	Placement
	Blocks []blockid.ID
}

// Registration is what a worker says of itself when it registers.
type Registration struct {
	Tiers       []string
	Capacity    map[string]int64
	Used        map[string]int64
	LostStorage map[string][]string
	Version     string
	Revision    string
}

// Heartbeat is what changed on a worker since its last one. A block in both
// Removed and Added counts as removed.
type Heartbeat struct {
	Capacity    map[string]int64 // nil when not sent
	Used        map[string]int64
	LostStorage map[string][]string
	Removed     []blockid.ID
	Added       []Held
}

// CommandType is what a worker is told in answer to a heartbeat.
type CommandType uint8

// The commands.
const (
	Nothing      CommandType = iota
	Register                 // get an id and register with all blocks
	FreeBlocks               // remove Command.Blocks
	Decommission             // stop serving
)

// Command answers a heartbeat.
type Command struct {
	Type   CommandType
	Blocks []blockid.ID
}

// Options configure a Map.
type Options struct {
	// Now is the time, for contacts and timeouts. Required.
	Now func() time.Time
	// NewID proposes a random worker id. Required.
	NewID func() WorkerID
	// Unknown returns those of the containers that no inode has. Required.
	Unknown func([]blockid.Container) []blockid.Container
	// WorkerTimeout is the silence after which DetectLost calls a worker lost.
	WorkerTimeout time.Duration
	// ForgetAfter is how long after its last contact a lost worker is
	// forgotten; 0 means never.
	ForgetAfter time.Duration
	// MaxFreeBatch bounds the blocks of one FreeBlocks command; 0 means 10000.
	MaxFreeBatch int
}

// Map is the block map of one term.
type Map struct{}

// New returns an empty Map.
func New(opts Options) *Map { panic("blockmap: in work") }

// WorkerID returns the id of the worker at the address, giving it one when it
// is new.
func (m *Map) WorkerID(a Address) WorkerID { panic("blockmap: in work") }

// Register makes the worker live with exactly the blocks held. NotFound for an
// unknown id; Invalid when a placement occurs twice.
func (m *Map) Register(id WorkerID, r Registration, held []Held) error { panic("blockmap: in work") }

// BeginRegister starts a registration whose blocks come in parts. The worker
// stays as it was until Finish. Only the newest registration of a worker can
// be finished. NotFound for an unknown id.
func (m *Map) BeginRegister(id WorkerID, r Registration) (*RegisterStream, error) {
	panic("blockmap: in work")
}

// RegisterStream is a registration in progress. For one goroutine.
type RegisterStream struct{}

// Add adds blocks. Aborted when a newer registration of the worker has begun.
func (s *RegisterStream) Add(held []Held) error { panic("blockmap: in work") }

// Finish makes the worker live with exactly the blocks added. Aborted when a
// newer registration has begun.
func (s *RegisterStream) Finish() error { panic("blockmap: in work") }

// Abort drops the registration; after Finish it does nothing.
func (s *RegisterStream) Abort() { panic("blockmap: in work") }

// Heartbeat notes that the worker lives and what changed, and returns what it
// is to do. An unknown, unregistered or lost worker is told to register.
func (m *Map) Heartbeat(id WorkerID, h Heartbeat) Command { panic("blockmap: in work") }

// Commit adds one block that the worker has just written; usedOnTier is the
// space then used on its tier, negative when not known. NotFound for a worker that is not live.
func (m *Map) Commit(id WorkerID, block blockid.ID, p Placement, usedOnTier int64) error {
	panic("blockmap: in work")
}

// Locations returns the copies of the block on live workers, those on faster
// tiers first.
func (m *Map) Locations(block blockid.ID) []Location { panic("blockmap: in work") }

// Free forgets all copies of the container's blocks with sequences below
// blocks, and has the workers free them.
func (m *Map) Free(c blockid.Container, blocks int) { panic("blockmap: in work") }

// FreeCopy forgets one copy of a block and has its worker free it.
func (m *Map) FreeCopy(block blockid.ID, w WorkerID) { panic("blockmap: in work") }

// Worker returns the worker with the id.
func (m *Map) Worker(id WorkerID) (Worker, bool) { panic("blockmap: in work") }

// Workers returns all registered workers (live, lost and decommissioned),
// ordered by address.
func (m *Map) Workers() []Worker { panic("blockmap: in work") }

// DecommissionWorker marks the worker; it is told so in its next heartbeats. NotFound
// for an unknown worker.
func (m *Map) DecommissionWorker(id WorkerID) error { panic("blockmap: in work") }

// DetectLost marks the workers that were silent for too long, forgets those
// lost for long, and returns the newly lost.
func (m *Map) DetectLost() []Worker { panic("blockmap: in work") }

// Purge drops copies on workers that are gone from memory, in small steps, and
// calls orphaned for each block that then has no copy left. Until Purge runs
// such copies cost memory, but are never listed.
func (m *Map) Purge(orphaned func(blockid.ID)) { panic("blockmap: in work") }

// CheckOrphans asks Options.Unknown about every container in the map and has
// workers free the blocks of those that do not exist. It returns their number.
func (m *Map) CheckOrphans() int { panic("blockmap: in work") }

// Blocks returns the number of blocks with a copy on a live worker, about.
func (m *Map) Blocks() int { panic("blockmap: in work") }
