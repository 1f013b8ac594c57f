package master

import (
	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
)

// Caller is on whose behalf an operation runs.
type Caller struct {
	// User is the name that permissions are checked for; "" without
	// authentication.
	User string
	// System marks the master itself (background work, its own web pages):
	// everything is permitted.
	System bool
}

// System is the master itself as a Caller.
var System = Caller{System: true}

// FileInfo is everything that the namespace and the block map know of one file
// or directory.
type FileInfo struct {
	inode.Inode
	Path    string
	UFSPath string // UFS URI, whether or not anything is there
	MountID mount.ID
	// Blocks of a completed file, cached or not; of an incomplete one, those
	// whose ids were handed out, without lengths.
	Blocks []BlockInfo
	// InAlluxioPercent and InMemoryPercent are of the file's bytes, 100 for
	// empty files.
	InAlluxioPercent, InMemoryPercent int
}

// BlockInfo is one block of a file.
type BlockInfo struct {
	ID        blockid.ID
	Length    int64 // bytes
	Offset    int64 // of its first byte in the file
	Locations []blockmap.Location
}

// MountInfo describes one mount point. Credentials in Point.Options are masked.
type MountInfo struct {
	mount.Point
	UFSType                  string
	CapacityBytes, UsedBytes int64  // -1 when not known
	SpaceError               string // why not, if they should be
}

// WriteType says where a new file's data goes; only the UFS part matters to
// the master.
type WriteType uint8

// The write types, by their wire values.
const (
	MustCache    WriteType = 1
	TryCache     WriteType = 2
	CacheThrough WriteType = 3
	Through      WriteType = 4
	AsyncThrough WriteType = 5
	NoWrite      WriteType = 6
)

// through reports whether data and directories go to the UFS at once.
func (w WriteType) through() bool { return w == CacheThrough || w == Through }

// persists reports whether the data reaches the UFS by itself, now or later.
func (w WriteType) persists() bool { return w.through() || w == AsyncThrough }

// LoadMetadata says when an operation looks into the UFS for metadata that is
// not in the tree.
type LoadMetadata uint8

// The values, as on the wire.
const (
	LoadNever LoadMetadata = iota
	LoadOnce               // what was never looked at
	LoadAlways
)

// NeverSync is the sync interval of an operation that trusts the tree.
const NeverSync int64 = -1

// CommonOptions are those of every operation.
type CommonOptions struct {
	// SyncIntervalMS is how old the last synchronisation with the UFS may be:
	// NeverSync, 0 for none at all, or milliseconds.
	SyncIntervalMS int64
	TTL            inode.TTL // of inodes that the operation loads or creates
	op             opID
}
