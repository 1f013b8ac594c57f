package inode

import (
	"math"

	"github.com/alluxio-go/alluxio/internal/blockid"
)

// NoParent is the parent of the root directory.
const NoParent blockid.FileID = -1

// Inode is one file or directory by value: what Get returns, Create takes and
// Update edits. Strings, slices and maps in it are shared with the tree and
// must not be modified in place; replace them.
//
// Times are milliseconds since the Unix epoch.
type Inode struct {
	ID     blockid.FileID
	Parent blockid.FileID // NoParent for the root
	Name   string         // "" for the root
	Kind   Kind

	Mode         uint16 // 12 permission bits
	Owner, Group string
	CreatedMS    int64
	ModifiedMS   int64
	AccessedMS   int64

	Persistence Persistence
	Pinned      bool
	PinnedMedia []string // the media that pinned blocks must be on; empty means any
	TTL         TTL
	// Fingerprint identifies the version of the UFS entry that the inode stands
	// for; "" when it is not known.
	Fingerprint string
	ACL         []ACLEntry        // extended entries; Mode holds the base
	XAttr       map[string][]byte // nil when there are none

	File
	Directory
}

// File holds the attributes that only files have; zero in directories.
type File struct {
	Length    int64 // bytes; final once Completed
	BlockSize int64 // bytes
	Completed bool
	Cacheable bool
	// Replication is the wanted number of cached copies of each block.
	Replication Replication
	// PersistAfterMS is the time before which a ToBePersisted file stays
	// unpersisted; 0 means at once.
	PersistAfterMS int64
}

// Directory holds the attributes that only directories have; zero in files.
type Directory struct {
	MountPoint     bool
	ChildrenLoaded bool // the children of the UFS directory are in the tree
	DefaultACL     []ACLEntry
	ChildCount     int // maintained by the tree; ignored by Create and Update
}

// IsDir reports whether the inode is a directory.
func (in *Inode) IsDir() bool { return in.Kind == KindDirectory }

// DeadlineMS is the time at which the TTL of the inode expires; ok is false
// when it has none.
func (in *Inode) DeadlineMS() (ms int64, ok bool) {
	if !in.TTL.Set {
		return 0, false
	}
	return in.TTL.deadline(in.CreatedMS), true
}

// Blocks returns the number of blocks of a file of the inode's length.
func (in *Inode) Blocks() int {
	if in.BlockSize <= 0 || in.Length <= 0 {
		return 0
	}
	return int((in.Length-1)/in.BlockSize + 1)
}

// BlockLength returns the length in bytes of the file's block with the sequence.
func (in *Inode) BlockLength(sequence int) int64 {
	return max(0, min(in.BlockSize, in.Length-int64(sequence)*in.BlockSize))
}

// Kind tells files from directories.
type Kind uint8

// The kinds of inode.
const (
	KindFile Kind = iota
	KindDirectory
)

// Persistence is the relation of an inode to its UFS entry.
type Persistence uint8

// The persistence states.
const (
	NotPersisted  Persistence = iota // in cache only
	ToBePersisted                    // in cache, to be written to the UFS
	Persisted                        // the UFS has it
	Lost                             // not persisted, and the last cached copy is gone
)

var persistenceNames = [...]string{"NOT_PERSISTED", "TO_BE_PERSISTED", "PERSISTED", "LOST"}

// String returns the state's name on the wire.
func (p Persistence) String() string {
	if int(p) < len(persistenceNames) {
		return persistenceNames[p]
	}
	return "UNKNOWN"
}

// TTL is a time to live, counted from the creation of the inode.
type TTL struct {
	Set    bool
	Millis int64
	Action TTLAction
}

// deadline is when the TTL of an inode created at the time expires.
func (t TTL) deadline(createdMS int64) int64 {
	if t.Millis > math.MaxInt64-max(0, createdMS) {
		return math.MaxInt64
	}
	return createdMS + t.Millis
}

// TTLAction is what happens when a TTL expires.
type TTLAction uint8

// The actions; their values are those of the wire.
const (
	TTLDelete        TTLAction = 0 // from the namespace and the UFS
	TTLFree          TTLAction = 1 // cached copies only
	TTLDeleteAlluxio TTLAction = 2 // from the namespace only
)

// String returns the action's name on the wire.
func (a TTLAction) String() string {
	switch a {
	case TTLDelete:
		return "DELETE"
	case TTLFree:
		return "FREE"
	case TTLDeleteAlluxio:
		return "DELETE_ALLUXIO"
	}
	return "UNKNOWN"
}

// Replication bounds the number of cached copies of a file's blocks.
type Replication struct {
	Min int32
	Max int32 // -1 means no limit
	// Durable is the number of copies until the file is persisted.
	Durable int32
}

// DefaultReplication is that of a file for which nobody asked anything else;
// only it is stored without extra memory.
var DefaultReplication = Replication{Min: 0, Max: -1, Durable: 1}

// ACLEntryType says whom an ACL entry is for.
type ACLEntryType uint8

// The types of ACL entry. The base entries (owner, owning group, other) occur
// in default ACLs only: an access ACL has them in the mode.
const (
	ACLOwner ACLEntryType = iota
	ACLNamedUser
	ACLOwningGroup
	ACLNamedGroup
	ACLMask
	ACLOther
)

// ACLEntry grants permissions. The tree stores entries as given; their meaning
// and order are the caller's.
type ACLEntry struct {
	Type    ACLEntryType
	Subject string // user or group, for named entries
	Perm    uint8  // rwx bits, 0..7
}

// Stats counts what is in the tree.
type Stats struct {
	Files       int64
	Directories int64 // with the root
	Bytes       int64 // lengths of all files
	Pinned      int
	ToPersist   int // files in state ToBePersisted
	WithTTL     int
}
