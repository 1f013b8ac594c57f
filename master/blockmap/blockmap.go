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
// stays. CheckOrphans asks about everything, for what nobody thought of.
//
// # Locking
//
// A Map may be used from any number of goroutines. Its lock is a leaf: it is
// never held while Options.Unknown is called, nor for long. Free and the
// reading methods call nothing, so callers may hold any lock of their own; the
// others may only be called without the locks that Options.Unknown takes.
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

// Worker describes one worker. Its maps and slices must not be modified.
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
	// Unknown returns those of the containers that no inode has; the slice it
	// is given is its to keep. Required.
	Unknown func([]blockid.Container) []blockid.Container
	// WorkerTimeout is the silence after which DetectLost calls a worker lost.
	WorkerTimeout time.Duration
	// ForgetAfter is how long after its last contact a lost worker is
	// forgotten; 0 means never.
	ForgetAfter time.Duration
	// MaxFreeBatch bounds the blocks of one FreeBlocks command; 0 means 10000.
	MaxFreeBatch int
}
