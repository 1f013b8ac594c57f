package client

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

// WriteType says where a written file goes.
type WriteType string

// The write types.
const (
	MustCache    WriteType = "MUST_CACHE"    // the cache only
	CacheThrough WriteType = "CACHE_THROUGH" // cache and under store, before Close returns
	Through      WriteType = "THROUGH"       // the under store only
	AsyncThrough WriteType = "ASYNC_THROUGH" // the cache, and the under store later
)

// ReadType says what reading does to the cache.
type ReadType string

// The read types.
const (
	NoCache      ReadType = "NO_CACHE"      // leave it alone
	Cache        ReadType = "CACHE"         // keep what was read
	CachePromote ReadType = "CACHE_PROMOTE" // and move it to the fastest tier
)

// LoadMetadata says when the master looks for unknown paths in the under store.
type LoadMetadata string

// The choices.
const (
	LoadNever  LoadMetadata = "NEVER"
	LoadOnce   LoadMetadata = "ONCE"
	LoadAlways LoadMetadata = "ALWAYS"
)

// StatOptions are options of Stat and Exists.
type StatOptions struct {
	// LoadMetadata defaults to alluxio.user.file.metadata.load.type.
	LoadMetadata LoadMetadata
	// Sync is how old metadata may be before the under store is asked: 0 always
	// asks, negative never. Nil means alluxio.user.file.metadata.sync.interval.
	Sync *time.Duration
	// KeepAccessTime leaves the file's access time as it is.
	KeepAccessTime bool
}

// ListOptions are options of List.
type ListOptions struct {
	// Recursive lists all descendants, depth first.
	Recursive bool
	// LoadMetadata and Sync are as in StatOptions.
	LoadMetadata LoadMetadata
	Sync         *time.Duration
	// LoadOnly loads metadata into the namespace and lists nothing.
	LoadOnly bool
	// OmitMountInfo leaves out what is costly to know of mount points.
	OmitMountInfo bool
}

// MkdirOptions are options of Mkdir.
type MkdirOptions struct {
	Recursive   bool      // create missing parents
	AllowExists bool      // an existing directory is no error
	Mode        *Mode     // nil means 0777 without the umask
	WriteType   WriteType // CacheThrough and Through create it in the under store at once
	TTL         time.Duration
	TTLAction   TTLAction
	Xattr       map[string][]byte
}

// CreateOptions are options of Create.
type CreateOptions struct {
	Recursive bool // create missing parents
	WriteType WriteType
	BlockSize int64 // bytes
	Mode      *Mode // nil means 0666 without the umask
	TTL       time.Duration
	TTLAction TTLAction
	Xattr     map[string][]byte
	// ReplicationMin and ReplicationMax bound the cached copies; a zero Max means
	// the default, -1 no limit. ReplicationDurable is how many copies an
	// AsyncThrough file has until it is persisted.
	ReplicationMin, ReplicationMax, ReplicationDurable int
	// PersistDelay is how long an AsyncThrough file waits before it is persisted;
	// negative waits for a rename or Persist. Nil means the default.
	PersistDelay *time.Duration
	// Tier is the storage tier of new blocks: 0 the fastest, -1 the slowest.
	Tier *int
	// Medium restricts new blocks to directories of a medium type.
	Medium string
	// LocationPolicy is the class name, long or short, of the policy that chooses
	// workers; empty means alluxio.user.block.write.location.policy.class.
	LocationPolicy string
}

// OpenOptions are options of Open.
type OpenOptions struct {
	ReadType       ReadType
	KeepAccessTime bool
	// LocationPolicy is the class name, long or short, of the policy that chooses
	// the worker that fetches uncached blocks; empty means
	// alluxio.user.ufs.block.read.location.policy.
	LocationPolicy string
	// Sync is as in StatOptions.
	Sync *time.Duration
}

// RenameOptions are options of Rename.
type RenameOptions struct {
	Persist bool // persist what is not, or alluxio.user.file.persist.on.rename
}

// DeleteOptions are options of Delete.
type DeleteOptions struct {
	Recursive        bool
	AlluxioOnly      bool // leave the under store alone
	Unchecked        bool // do not compare with the under store first
	DeleteMountPoint bool // also through mount points
}

// Attributes are changes for SetAttribute. Nil fields stay as they are.
type Attributes struct {
	Owner, Group *string
	Mode         *Mode
	Pinned       *bool
	PinnedMedia  []string
	Persisted    *bool
	TTL          *time.Duration // NoTTL removes it
	TTLAction    *TTLAction
	ReplicationMin,
	ReplicationMax *int
	Xattr         map[string][]byte
	XattrStrategy XattrStrategy
	Recursive     bool
}

// XattrStrategy says how extended attributes are combined with those a file has.
type XattrStrategy int32

// The strategies, by their wire numbers.
const (
	XattrTruncate      XattrStrategy = 1 // replace all
	XattrUnionReplace  XattrStrategy = 2 // add, new values win
	XattrUnionPreserve XattrStrategy = 3 // add, old values win
	XattrDeleteKeys    XattrStrategy = 4 // remove those named
)

// ACLAction is what SetACL does with its entries.
type ACLAction int32

// The actions, by their wire numbers.
const (
	ACLReplace       = ACLAction(filepb.SetAclAction_REPLACE)
	ACLModify        = ACLAction(filepb.SetAclAction_MODIFY)
	ACLRemove        = ACLAction(filepb.SetAclAction_REMOVE)
	ACLRemoveAll     = ACLAction(filepb.SetAclAction_REMOVE_ALL)
	ACLRemoveDefault = ACLAction(filepb.SetAclAction_REMOVE_DEFAULT)
)

// FreeOptions are options of Free.
type FreeOptions struct {
	Recursive bool
	Forced    bool // also what is pinned
}

// PersistOptions are options of Persist.
type PersistOptions struct {
	// Delay is how long the master waits before it begins.
	Delay time.Duration
	// Async returns as soon as the master has taken note.
	Async bool
}

// LoadOptions are options of Load and LoadFiles.
type LoadOptions struct {
	// Local caches a copy on the worker of this machine even when others have
	// one.
	Local bool
	// Parallel is how many blocks are loaded at a time, fewer when they are large;
	// 0 for a number that suits most stores.
	Parallel int
	// Progress is called for each block that is cached, with its length in bytes,
	// also for those that were cached before; from several goroutines. It may be
	// nil.
	Progress func(bytes int64)
}

// MountOptions are options of Mount and UpdateMount.
type MountOptions struct {
	ReadOnly   bool
	Shared     bool              // everybody may read and write below the mount point
	Properties map[string]string // of the store; credentials among them are never shown again
}

// common returns the options that every request has.
func common(conf *config.Config, sync *time.Duration) *filepb.FileSystemMasterCommonPOptions {
	interval := conf.Duration(config.UserFileMetadataSyncInterval)
	if sync != nil {
		interval = *sync
	}
	return &filepb.FileSystemMasterCommonPOptions{SyncIntervalMs: new(millis(interval))}
}

// changing adds an operation id, so that the master recognises a repetition.
func changing(o *filepb.FileSystemMasterCommonPOptions) *filepb.FileSystemMasterCommonPOptions {
	var b [16]byte
	rand.Read(b[:]) // never fails
	o.OperationId = &filepb.FsOpPId{
		MostSignificantBits:  new(int64(binary.BigEndian.Uint64(b[:8]))),
		LeastSignificantBits: new(int64(binary.BigEndian.Uint64(b[8:]))),
	}
	return o
}

// withTTL adds a time to live for what is created; zero values mean the defaults.
func withTTL(o *filepb.FileSystemMasterCommonPOptions, conf *config.Config, ttl time.Duration, action TTLAction) *filepb.FileSystemMasterCommonPOptions {
	if ttl == 0 {
		ttl = conf.Duration(config.UserFileCreateTTL)
	}
	if action == "" {
		action = TTLAction(conf.Enum(config.UserFileCreateTTLAction))
	}
	o.Ttl = new(millis(ttl))
	o.TtlAction = action.proto()
	return o
}

func (a TTLAction) proto() *grpcpb.TtlAction {
	return grpcpb.TtlAction(grpcpb.TtlAction_value[string(a)]).Enum()
}

// millis returns d in milliseconds; everything negative is -1, "none".
func millis(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return d.Milliseconds()
}

func (l LoadMetadata) proto(conf *config.Config) *filepb.LoadMetadataPType {
	if l == "" {
		l = LoadMetadata(conf.Enum(config.UserFileMetadataLoadType))
	}
	return filepb.LoadMetadataPType(filepb.LoadMetadataPType_value[string(l)]).Enum()
}

func (w WriteType) orDefault(conf *config.Config) WriteType {
	if w == "" {
		return WriteType(conf.Enum(config.UserFileWritetypeDefault))
	}
	return w
}

func (w WriteType) proto() *filepb.WritePType {
	return filepb.WritePType(filepb.WritePType_value[string(w)]).Enum()
}

// cached reports whether the cache is written, and through whether the under
// store is before the file is complete.
func (w WriteType) cached() bool  { return w != Through }
func (w WriteType) through() bool { return w == Through || w == CacheThrough }

// masked returns *m, or the default without the bits of the umask.
func (m *Mode) masked(conf *config.Config, def Mode) *grpcpb.PMode {
	if m != nil {
		return m.bits()
	}
	umask, err := strconv.ParseUint(conf.String(config.SecurityAuthorizationPermissionUmask), 8, 16)
	if err != nil {
		umask = 0o022 // the table of keys admits octal numbers only
	}
	return (def &^ Mode(umask)).bits()
}
