package client

import (
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

// PersistenceState says whether a file's content is in the under store.
type PersistenceState string

// The states.
const (
	NotPersisted  PersistenceState = "NOT_PERSISTED"
	ToBePersisted PersistenceState = "TO_BE_PERSISTED"
	Persisted     PersistenceState = "PERSISTED"
	Lost          PersistenceState = "LOST"
)

// NoTTL is the time to live of what never expires.
const NoTTL time.Duration = -time.Millisecond

// TTLAction is what happens when a time to live ends.
type TTLAction string

// The actions.
const (
	TTLDelete        TTLAction = "DELETE"         // delete in the namespace and the under store
	TTLFree          TTLAction = "FREE"           // drop the cached copies
	TTLDeleteAlluxio TTLAction = "DELETE_ALLUXIO" // delete in the namespace only
)

// FileInfo is what the master knows about a file or directory.
type FileInfo struct {
	Path      string
	Name      string // "" for the root
	FileID    int64
	UFSPath   string // full URI in the under store, also when not persisted
	Length    int64  // bytes; for directories the number of children
	BlockSize int64  // bytes
	BlockIDs  []int64

	Folder     bool
	Completed  bool // false while a file is being written
	Pinned     bool
	Cacheable  bool
	Persisted  bool
	MountPoint bool

	Created, Modified, Accessed time.Time

	TTL       time.Duration // NoTTL when it never expires
	TTLAction TTLAction

	Owner, Group string
	Mode         Mode
	ACL          []ACLEntry // beyond the mode; nil when there is none
	DefaultACL   []ACLEntry // for new children of a directory

	PersistenceState    PersistenceState
	MountID             int64
	InAlluxioPercentage int // of the bytes, cached anywhere; 100 for empty files
	InMemoryPercentage  int
	ReplicationMin      int
	ReplicationMax      int // -1 without limit
	UFSFingerprint      string
	Xattr               map[string][]byte
	MediumTypes         []string // media the file is pinned to
	Blocks              []FileBlock

	ticket []byte // proves to workers which object the file is
}

// FileBlock is one block of a file and where it is cached.
type FileBlock struct {
	BlockInfo
	Offset       int64    // of its first byte in the file
	UFSLocations []string // "host:port" of store nodes that hold it
}

// BlockInfo is a block and its cached copies.
type BlockInfo struct {
	ID        int64
	Length    int64
	Locations []BlockLocation
}

// BlockLocation is one cached copy of a block.
type BlockLocation struct {
	WorkerID   int64
	Worker     WorkerAddress
	TierAlias  string
	MediumType string
}

// WorkerAddress is how a worker announces itself.
type WorkerAddress struct {
	Host             string
	ContainerHost    string // replaces Host for dialling when not empty
	RPCPort          int
	DataPort         int
	WebPort          int
	DomainSocketPath string
	Tiers            []LocalityTier
}

// LocalityTier is a worker's place on one level of locality.
type LocalityTier struct {
	Name  string // "node", "rack"
	Value string
}

// DataAddr returns the host:port to dial.
func (a WorkerAddress) DataAddr() string {
	host := a.Host
	if a.ContainerHost != "" {
		host = a.ContainerHost
	}
	return net.JoinHostPort(host, strconv.Itoa(a.DataPort))
}

// String returns host:port for messages.
func (a WorkerAddress) String() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.RPCPort)) }

// Equal reports whether both name the same worker, which means agreement in
// every field.
func (a WorkerAddress) Equal(b WorkerAddress) bool {
	return a.Host == b.Host && a.ContainerHost == b.ContainerHost &&
		a.RPCPort == b.RPCPort && a.DataPort == b.DataPort && a.WebPort == b.WebPort &&
		a.DomainSocketPath == b.DomainSocketPath && slices.Equal(a.Tiers, b.Tiers)
}

// Mode is the permission bits of a file: rwx for owner, group and others.
type Mode uint16

// String returns "rwxr-xr-x".
func (m Mode) String() string { return fs.FileMode(m & 0o777).String()[1:] }

// bits returns the wire form.
func (m Mode) bits() *grpcpb.PMode {
	class := func(shift uint) *grpcpb.Bits { return grpcpb.Bits(m>>shift&7 + 1).Enum() }
	return &grpcpb.PMode{OwnerBits: class(6), GroupBits: class(3), OtherBits: class(0)}
}

// ACLType says whom an ACL entry is about.
type ACLType int32

// The types of entries, by their wire numbers.
const (
	ACLOwner       = ACLType(filepb.PAclEntryType_Owner)
	ACLNamedUser   = ACLType(filepb.PAclEntryType_NamedUser)
	ACLOwningGroup = ACLType(filepb.PAclEntryType_OwningGroup)
	ACLNamedGroup  = ACLType(filepb.PAclEntryType_NamedGroup)
	ACLMask        = ACLType(filepb.PAclEntryType_Mask)
	ACLOther       = ACLType(filepb.PAclEntryType_Other)
)

// ACLEntry grants rights to one subject.
type ACLEntry struct {
	Type    ACLType
	Subject string // user or group name of named entries, else ""
	Default bool   // applies to new children of a directory
	Rights  Mode   // three bits: 4 read, 2 write, 1 execute
}

// String returns the entry as getfacl prints it: "default:user:bob:rw-".
func (e ACLEntry) String() string {
	kind := map[ACLType]string{
		ACLOwner: "user", ACLNamedUser: "user", ACLOwningGroup: "group",
		ACLNamedGroup: "group", ACLMask: "mask", ACLOther: "other",
	}[e.Type]
	prefix := ""
	if e.Default {
		prefix = "default:"
	}
	return fmt.Sprintf("%s%s:%s:%s", prefix, kind, e.Subject, e.Rights.String()[6:])
}

func (e ACLEntry) proto() *filepb.PAclEntry {
	p := &filepb.PAclEntry{Type: filepb.PAclEntryType(e.Type).Enum(), Subject: &e.Subject, IsDefault: &e.Default}
	for bit, action := range aclActions {
		if e.Rights&bit != 0 {
			p.Actions = append(p.Actions, action)
		}
	}
	slices.Sort(p.Actions)
	return p
}

var aclActions = map[Mode]filepb.PAclAction{
	4: filepb.PAclAction_Read,
	2: filepb.PAclAction_Write,
	1: filepb.PAclAction_Execute,
}

func aclEntries(acl *filepb.PAcl) []ACLEntry {
	var entries []ACLEntry
	for _, p := range acl.GetEntries() {
		e := ACLEntry{Type: ACLType(p.GetType()), Subject: p.GetSubject(), Default: p.GetIsDefault() || acl.GetIsDefault()}
		for bit, action := range aclActions {
			if slices.Contains(p.GetActions(), action) {
				e.Rights |= bit
			}
		}
		entries = append(entries, e)
	}
	return entries
}

func fileInfo(p *filepb.FileInfo) *FileInfo {
	f := &FileInfo{
		Path: p.GetPath(), Name: p.GetName(), FileID: p.GetFileId(), UFSPath: p.GetUfsPath(),
		Length: p.GetLength(), BlockSize: p.GetBlockSizeBytes(), BlockIDs: p.GetBlockIds(),
		Folder: p.GetFolder(), Completed: p.GetCompleted(), Pinned: p.GetPinned(),
		Cacheable: p.GetCacheable(), Persisted: p.GetPersisted(), MountPoint: p.GetMountPoint(),
		Created:  time.UnixMilli(p.GetCreationTimeMs()),
		Modified: time.UnixMilli(p.GetLastModificationTimeMs()),
		Accessed: time.UnixMilli(p.GetLastAccessTimeMs()),
		TTL:      NoTTL, TTLAction: TTLAction(p.GetTtlAction().String()),
		Owner: p.GetOwner(), Group: p.GetGroup(), Mode: Mode(p.GetMode()),
		ACL: aclEntries(p.GetAcl()), DefaultACL: aclEntries(p.GetDefaultAcl()),
		PersistenceState: PersistenceState(p.GetPersistenceState()), MountID: p.GetMountId(),
		InAlluxioPercentage: int(p.GetInAlluxioPercentage()), InMemoryPercentage: int(p.GetInMemoryPercentage()),
		ReplicationMin: int(p.GetReplicationMin()), ReplicationMax: int(p.GetReplicationMax()),
		UFSFingerprint: p.GetUfsFingerprint(), Xattr: maps.Clone(p.GetXattr()), MediumTypes: p.GetMediumType(),
		ticket: p.GetTicket(),
	}
	if ttl := p.GetTtl(); p != nil && p.Ttl != nil && ttl >= 0 {
		f.TTL = time.Duration(ttl) * time.Millisecond
	}
	for _, b := range p.GetFileBlockInfos() {
		f.Blocks = append(f.Blocks, FileBlock{
			BlockInfo:    blockInfo(b.GetBlockInfo()),
			Offset:       b.GetOffset(),
			UFSLocations: b.GetUfsStringLocations(),
		})
	}
	return f
}

func blockInfo(p *grpcpb.BlockInfo) BlockInfo {
	b := BlockInfo{ID: p.GetBlockId(), Length: p.GetLength()}
	for _, l := range p.GetLocations() {
		b.Locations = append(b.Locations, BlockLocation{
			WorkerID: l.GetWorkerId(), Worker: workerAddress(l.GetWorkerAddress()),
			TierAlias: l.GetTierAlias(), MediumType: l.GetMediumType(),
		})
	}
	return b
}

func workerAddress(p *grpcpb.WorkerNetAddress) WorkerAddress {
	a := WorkerAddress{
		Host: p.GetHost(), ContainerHost: p.GetContainerHost(),
		RPCPort: int(p.GetRpcPort()), DataPort: int(p.GetDataPort()), WebPort: int(p.GetWebPort()),
		DomainSocketPath: p.GetDomainSocketPath(),
	}
	for _, t := range p.GetTieredIdentity().GetTiers() {
		a.Tiers = append(a.Tiers, LocalityTier{Name: t.GetTierName(), Value: t.GetValue()})
	}
	return a
}
