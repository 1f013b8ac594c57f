package master

import (
	"maps"

	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/ticket"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

// commonOptions reads the options of every operation. Absent means the trusted
// tree, no TTL and no operation id.
func commonOptions(m *filepb.FileSystemMasterCommonPOptions) CommonOptions {
	o := CommonOptions{SyncIntervalMS: NeverSync}
	if m == nil {
		return o
	}
	if m.SyncIntervalMs != nil {
		o.SyncIntervalMS = *m.SyncIntervalMs
	}
	if m.Ttl != nil && *m.Ttl >= 0 {
		o.TTL = inode.TTL{Set: true, Millis: *m.Ttl, Action: inode.TTLAction(m.GetTtlAction())}
	}
	if id := m.GetOperationId(); id != nil {
		o.op = opID{uint64(id.GetMostSignificantBits()), uint64(id.GetLeastSignificantBits())}
	}
	return o
}

// bitsOf reads a permission triple.
func bitsOf(b grpcpb.Bits) access { return access(max(0, int(b)-1)) }

func modeOf(m *grpcpb.PMode) *uint16 {
	if m == nil {
		return nil
	}
	return ptr(uint16(bitsOf(m.GetOwnerBits()))<<6 | uint16(bitsOf(m.GetGroupBits()))<<3 | uint16(bitsOf(m.GetOtherBits())))
}

func fileInfoMessage(fi *FileInfo) *filepb.FileInfo {
	in := &fi.Inode
	m := &filepb.FileInfo{
		FileId: proto.Int64(int64(in.ID)), Name: &in.Name, Path: &fi.Path, UfsPath: &fi.UFSPath,
		Length: &fi.Length, BlockSizeBytes: &in.BlockSize, CreationTimeMs: &in.CreatedMS,
		Completed: proto.Bool(in.Completed || in.IsDir()), Folder: proto.Bool(in.IsDir()), Pinned: &in.Pinned,
		Cacheable: &in.Cacheable, Persisted: proto.Bool(in.Persistence == inode.Persisted),
		LastModificationTimeMs: &in.ModifiedMS, LastAccessTimeMs: &in.AccessedMS,
		Owner: &in.Owner, Group: &in.Group, Mode: proto.Int32(int32(in.Mode)),
		PersistenceState: proto.String(in.Persistence.String()), MountPoint: &in.MountPoint,
		MountId: proto.Int64(int64(fi.MountID)), Ttl: proto.Int64(-1), TtlAction: grpcpb.TtlAction(in.TTL.Action).Enum(),
		InAlluxioPercentage: proto.Int32(int32(fi.InAlluxioPercent)), InMemoryPercentage: proto.Int32(int32(fi.InMemoryPercent)),
		ReplicationMin: &in.Replication.Min, ReplicationMax: &in.Replication.Max,
		Xattr: in.XAttr, MediumType: in.PinnedMedia,
	}
	if in.TTL.Set {
		m.Ttl = &in.TTL.Millis
	}
	if f := contentFingerprint(in.Fingerprint); f != "" {
		m.UfsFingerprint = &f
	}
	m.Acl, m.DefaultAcl = aclMessages(in)
	for i := range fi.Blocks {
		b := &fi.Blocks[i]
		m.BlockIds = append(m.BlockIds, int64(b.ID))
		if in.Completed {
			m.FileBlockInfos = append(m.FileBlockInfos, &filepb.FileBlockInfo{BlockInfo: blockInfoMessage(b), Offset: &b.Offset})
		}
	}
	return m
}

// ticket is what a reader of the file shows to workers, nil when they have nothing to
// fetch.
func (t *term) ticket(fi *FileInfo) []byte {
	in := &fi.Inode
	fingerprint := contentFingerprint(in.Fingerprint)
	if in.IsDir() || in.Persistence != inode.Persisted || fingerprint == "" {
		return nil
	}
	return t.tickets.Sign(ticket.File{Container: in.ID.Container(), Length: fi.Length, UFSPath: fi.UFSPath, Fingerprint: fingerprint})
}

func fileInfoMessages(infos []FileInfo) []*filepb.FileInfo {
	ms := make([]*filepb.FileInfo, len(infos))
	for i := range infos {
		ms[i] = fileInfoMessage(&infos[i])
	}
	return ms
}

// aclMessages are the access ACL, always there, and the default ACL, if there
// is one. Both list only what goes beyond the mode.
func aclMessages(in *inode.Inode) (own, def *filepb.PAcl) {
	own = &filepb.PAcl{Owner: &in.Owner, OwningGroup: &in.Group, Mode: proto.Int32(int32(in.Mode)),
		Entries: aclEntryMessages(in.ACL, false), IsDefault: proto.Bool(false)}
	if len(in.DefaultACL) > 0 {
		mode, rest := splitACL(0, in.DefaultACL)
		def = &filepb.PAcl{Owner: &in.Owner, OwningGroup: &in.Group, Mode: proto.Int32(int32(mode)),
			Entries: aclEntryMessages(rest, true), IsDefault: proto.Bool(true), IsDefaultEmpty: proto.Bool(false)}
	}
	return own, def
}

func aclEntryMessages(entries []inode.ACLEntry, isDefault bool) []*filepb.PAclEntry {
	var ms []*filepb.PAclEntry
	for _, e := range entries {
		m := &filepb.PAclEntry{Type: filepb.PAclEntryType(e.Type).Enum(), Subject: proto.String(e.Subject), IsDefault: &isDefault}
		for i, bit := range []access{read, write, execute} {
			if access(e.Perm)&bit != 0 {
				m.Actions = append(m.Actions, filepb.PAclAction(i))
			}
		}
		ms = append(ms, m)
	}
	return ms
}

func aclChange(m *filepb.PAclEntry) ACLChange {
	c := ACLChange{ACLEntry: inode.ACLEntry{Type: inode.ACLEntryType(m.GetType()), Subject: m.GetSubject()}, Default: m.GetIsDefault()}
	for _, a := range m.GetActions() {
		c.Perm |= []uint8{uint8(read), uint8(write), uint8(execute)}[a]
	}
	return c
}

func blockInfoMessage(b *BlockInfo) *grpcpb.BlockInfo {
	m := &grpcpb.BlockInfo{BlockId: proto.Int64(int64(b.ID)), Length: &b.Length}
	for _, l := range b.Locations {
		m.Locations = append(m.Locations, &grpcpb.BlockLocation{
			WorkerId: proto.Int64(int64(l.Worker)), WorkerAddress: addressMessage(l.Address),
			TierAlias: &l.Tier, MediumType: &l.Medium,
		})
	}
	return m
}

func addressMessage(a blockmap.Address) *grpcpb.WorkerNetAddress {
	m := &grpcpb.WorkerNetAddress{
		Host: &a.Host, RpcPort: &a.RPCPort, DataPort: &a.DataPort, WebPort: &a.WebPort,
		DomainSocketPath: &a.DomainSocketPath, ContainerHost: &a.ContainerHost, TieredIdentity: &grpcpb.TieredIdentity{},
	}
	for _, l := range a.Locality {
		tier := &grpcpb.LocalityTier{TierName: proto.String(l.Name)}
		if l.HasValue {
			tier.Value = proto.String(l.Value)
		}
		m.TieredIdentity.Tiers = append(m.TieredIdentity.Tiers, tier)
	}
	return m
}

func addressOf(m *grpcpb.WorkerNetAddress) blockmap.Address {
	a := blockmap.Address{
		Host: m.GetHost(), RPCPort: m.GetRpcPort(), DataPort: m.GetDataPort(), WebPort: m.GetWebPort(),
		DomainSocketPath: m.GetDomainSocketPath(), ContainerHost: m.GetContainerHost(),
	}
	for _, t := range m.GetTieredIdentity().GetTiers() {
		a.Locality = append(a.Locality, blockmap.LocalityTier{Name: t.GetTierName(), Value: t.GetValue(), HasValue: t.Value != nil})
	}
	return a
}

func mountMessageOf(i *MountInfo) *filepb.MountPointInfo {
	return &filepb.MountPointInfo{
		UfsUri: &i.UFS, UfsType: &i.UFSType, UfsCapacityBytes: &i.CapacityBytes, UfsUsedBytes: &i.UsedBytes,
		ReadOnly: &i.ReadOnly, Shared: &i.Shared, MountId: proto.Int64(int64(i.ID)), Properties: i.Options,
	}
}

func ufsInfoMessage(p mount.Point) *filepb.UfsInfo {
	props := maps.Clone(p.Options)
	if props == nil {
		props = map[string]string{}
	}
	return &filepb.UfsInfo{Uri: &p.UFS, Properties: &filepb.MountPOptions{
		ReadOnly: &p.ReadOnly, Shared: &p.Shared, Properties: props}}
}

func blockIDs(ids []int64) []blockid.ID {
	out := make([]blockid.ID, len(ids))
	for i, id := range ids {
		out[i] = blockid.ID(id)
	}
	return out
}

// loadMetadata reads how metadata is loaded; absent is what clients mean by
// default.
func loadMetadata(m *filepb.LoadMetadataPType) LoadMetadata {
	if m == nil {
		return LoadOnce
	}
	return LoadMetadata(*m)
}

func checkFileID(id int64) (blockid.FileID, error) {
	if f := blockid.FileID(id); f.Valid() {
		return f, nil
	}
	return 0, errors.Errorf(errors.NotFound, "File id %d does not exist.", id)
}
