package master

import (
	"context"
	"io"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/proto/journalmasterpb"
	"github.com/alluxio-go/alluxio/proto/metapb"
	"github.com/alluxio-go/alluxio/proto/sharedpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// ask makes one call and fails the test when it fails.
func ask[Q, R any](t *testing.T, call func(context.Context, *Q, ...grpc.CallOption) (*R, error), req *Q) *R {
	t.Helper()
	resp, err := call(context.Background(), req)
	if err != nil {
		t.Fatalf("%T: %v", req, err)
	}
	return resp
}

func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

// TestNamespaceOnTheWire walks through the calls of the namespace as a client
// makes them, and looks at what comes of each.
func TestNamespaceOnTheWire(t *testing.T) {
	w := newWorld(t, nil)
	s := filepb.NewFileSystemMasterClientServiceClient(w.dial("root"))
	status := func(path string) *filepb.FileInfo {
		t.Helper()
		return ask(t, s.GetStatus, &filepb.GetStatusPRequest{Path: &path}).GetFileInfo()
	}
	ask(t, s.CreateDirectory, &filepb.CreateDirectoryPRequest{Path: proto.String("/d/e"), Options: &filepb.CreateDirectoryPOptions{
		Recursive: proto.Bool(true), WriteType: filepb.WritePType_CACHE_THROUGH.Enum(), Xattr: map[string][]byte{"k": []byte("v")}}})
	if d, e := status("/d"), status("/d/e"); !d.GetPersisted() || string(d.GetXattr()["k"]) != "v" || !e.GetFolder() || !e.GetCompleted() {
		t.Errorf("%v %v", d, e)
	}
	w.write("/d/f", 100, CacheThrough)
	ask(t, s.SetAttribute, &filepb.SetAttributePRequest{Path: proto.String("/d/f"), Options: &filepb.SetAttributePOptions{
		Pinned: proto.Bool(true), ReplicationMin: proto.Int32(2),
		Xattr: map[string][]byte{"a": nil}, XattrUpdateStrategy: sharedXAttr(3),
		CommonOptions: &filepb.FileSystemMasterCommonPOptions{SyncIntervalMs: proto.Int64(-1), Ttl: proto.Int64(9), TtlAction: grpcpb.TtlAction_FREE.Enum()}}})
	ask(t, s.SetAttribute, &filepb.SetAttributePRequest{Path: proto.String("/d/f"), Options: &filepb.SetAttributePOptions{
		Mode: &grpcpb.PMode{OwnerBits: grpcpb.Bits_ALL.Enum(), GroupBits: grpcpb.Bits_NONE.Enum(), OtherBits: grpcpb.Bits_EXECUTE.Enum()}}})
	if f := status("/d/f"); !f.GetPinned() || f.GetTtl() != 9 || f.GetMode() != 0o701 || f.GetReplicationMin() != 2 || f.Xattr["a"] == nil {
		t.Errorf("a chmod changed more than the mode: %v", f)
	}
	user := &filepb.PAclEntry{Type: filepb.PAclEntryType_NamedUser.Enum(), Subject: proto.String("bob"), Actions: []filepb.PAclAction{filepb.PAclAction_Read, filepb.PAclAction_Execute}}
	deflt := proto.Clone(user).(*filepb.PAclEntry)
	deflt.IsDefault = proto.Bool(true)
	ask(t, s.SetAcl, &filepb.SetAclPRequest{Path: proto.String("/d"), Action: filepb.SetAclAction_MODIFY.Enum(),
		Entries: []*filepb.PAclEntry{user, deflt}, Options: &filepb.SetAclPOptions{Recursive: proto.Bool(true)}})
	if d := status("/d"); len(d.GetAcl().GetEntries()) != 2 || !d.GetDefaultAcl().GetIsDefault() ||
		!slices.Equal(d.GetAcl().GetEntries()[0].GetActions(), user.Actions) || !d.GetDefaultAcl().GetEntries()[0].GetIsDefault() {
		t.Errorf("%v", d)
	}
	if f := status("/d/f"); len(f.GetAcl().GetEntries()) != 2 || f.DefaultAcl != nil {
		t.Errorf("%v", f)
	}
	ask(t, s.CheckAccess, &filepb.CheckAccessPRequest{Path: proto.String("/d/f"), Options: &filepb.CheckAccessPOptions{Bits: grpcpb.Bits_ALL.Enum()}})
	bob := filepb.NewFileSystemMasterClientServiceClient(w.dial("bob"))
	ask(t, bob.CheckAccess, &filepb.CheckAccessPRequest{Path: proto.String("/d/f"), Options: &filepb.CheckAccessPOptions{Bits: grpcpb.Bits_READ_EXECUTE.Enum()}})
	_, err := bob.CheckAccess(context.Background(), &filepb.CheckAccessPRequest{Path: proto.String("/d/f"), Options: &filepb.CheckAccessPOptions{Bits: grpcpb.Bits_WRITE.Enum()}})
	wantCode(t, err, codes.PermissionDenied)

	ask(t, s.Rename, &filepb.RenamePRequest{Path: proto.String("/d/f"), DstPath: proto.String("/d/g")})
	id := status("/d/g").GetFileId()
	if p := ask(t, s.GetFilePath, &filepb.GetFilePathPRequest{FileId: &id}).GetPath(); p != "/d/g" {
		t.Errorf("path of %d: %s", id, p)
	}
	_, err = s.GetFilePath(context.Background(), &filepb.GetFilePathPRequest{FileId: proto.Int64(5)})
	wantCode(t, err, codes.NotFound)
	if p := ask(t, s.ReverseResolve, &filepb.ReverseResolvePRequest{UfsUri: proto.String("mem://base/d/g")}).GetAlluxioPath(); p != "/d/g" {
		t.Errorf("reverse: %s", p)
	}
	_, err = s.ReverseResolve(context.Background(), &filepb.ReverseResolvePRequest{UfsUri: proto.String("mem://elsewhere")})
	wantCode(t, err, codes.InvalidArgument)

	stream, err := s.ListStatus(context.Background(), &filepb.ListStatusPRequest{Path: proto.String("/"), Options: &filepb.ListStatusPOptions{Recursive: proto.Bool(true)}})
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for {
		r, err := stream.Recv()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, i := range r.GetFileInfos() {
			listed = append(listed, i.GetPath())
		}
	}
	wantPaths(t, listed, "/d", "/d/e", "/d/g")
	part := ask(t, s.ListStatusPartial, &filepb.ListStatusPartialPRequest{Path: proto.String("/d"), Options: &filepb.ListStatusPartialPOptions{
		BatchSize: proto.Int32(1), OffsetType: &filepb.ListStatusPartialPOptions_StartAfter{StartAfter: "e"}}})
	if len(part.GetFileInfos()) != 1 || part.GetFileInfos()[0].GetName() != "g" || part.GetIsTruncated() || part.GetFileCount() != 2 {
		t.Errorf("%v", part)
	}
	if ok := ask(t, s.Exists, &filepb.ExistsPRequest{Path: proto.String("/d/g")}); !ok.GetExists() {
		t.Error("/d/g does not exist")
	}
	w.remove("/d/g")
	if bad := ask(t, s.CheckConsistency, &filepb.CheckConsistencyPRequest{Path: proto.String("/")}).GetInconsistentPaths(); !slices.Equal(bad, []string{"/d/g"}) {
		t.Errorf("inconsistent: %v", bad)
	}
	ask(t, s.NeedsSync, &filepb.NeedsSyncRequest{Path: proto.String("/d")})
	w.write("/c", 1, MustCache)
	ask(t, s.ScheduleAsyncPersistence, &filepb.ScheduleAsyncPersistencePRequest{Path: proto.String("/c")})
	if c := status("/c"); c.GetPersistenceState() != "TO_BE_PERSISTED" {
		t.Errorf("%v", c)
	}
	ask(t, s.Mount, &filepb.MountPRequest{AlluxioPath: proto.String("alluxio://localhost:19998/m"), UfsPath: proto.String("mem://other"),
		Options: &filepb.MountPOptions{Properties: map[string]string{"fs.kodo.secretkey": "hush"}}})
	_, err = s.Mount(context.Background(), &filepb.MountPRequest{AlluxioPath: proto.String("/m2"), UfsPath: proto.String("mem://x"),
		Options: &filepb.MountPOptions{Properties: map[string]string{"alluxio.master.rpc.port": "1"}}})
	wantCode(t, err, codes.InvalidArgument)
	table := ask(t, s.GetMountTable, &filepb.GetMountTablePRequest{}).GetMountPoints()
	if m := table["/m"]; m.GetUfsUri() != "mem://other" || m.GetProperties()["fs.kodo.secretkey"] != "******" || table["/"].GetMountId() != 1 {
		t.Errorf("%v", table)
	}
	ask(t, s.UpdateMount, &filepb.UpdateMountPRequest{AlluxioPath: proto.String("/m"), Options: &filepb.MountPOptions{ReadOnly: proto.Bool(true)}})
	ask(t, s.UpdateUfsMode, &filepb.UpdateUfsModePRequest{UfsPath: proto.String("mem://other/"), Options: &filepb.UpdateUfsModePOptions{UfsMode: filepb.UfsPMode_READ_ONLY.Enum()}})
	ask(t, s.Unmount, &filepb.UnmountPRequest{AlluxioPath: proto.String("/m")})
	if held := ask(t, s.GetStateLockHolders, &filepb.GetStateLockHoldersPRequest{}).GetThreads(); len(held) > 0 {
		t.Errorf("held: %v", held)
	}
	ask(t, s.Remove, &filepb.DeletePRequest{Path: proto.String("/d"), Options: &filepb.DeletePOptions{Recursive: proto.Bool(true)}})
	w.wantGone("/d", "/m")
}

func sharedXAttr(n int32) *sharedpb.XAttrUpdateStrategy {
	return sharedpb.XAttrUpdateStrategy(n).Enum()
}

func TestReportsOnTheWire(t *testing.T) {
	w := newWorld(t, nil)
	cc := w.dial("root")
	blocks := blockpb.NewBlockMasterClientServiceClient(cc)
	info := ask(t, blocks.GetBlockMasterInfo, &blockpb.GetBlockMasterInfoPOptions{}).GetBlockMasterInfo()
	if info.GetCapacityBytes() != 1<<40 || info.GetCapacityBytesOnTiers()["MEM"] != 1<<40 || info.GetFreeBytes() != 1<<40 || info.GetLiveWorkerNum() != 1 {
		t.Errorf("%v", info)
	}
	only := ask(t, blocks.GetBlockMasterInfo, &blockpb.GetBlockMasterInfoPOptions{Filters: []blockpb.BlockMasterInfoField{blockpb.BlockMasterInfoField_USED_BYTES}}).GetBlockMasterInfo()
	if only.UsedBytes == nil || only.CapacityBytes != nil {
		t.Errorf("%v", only)
	}
	if n := ask(t, blocks.GetCapacityBytes, &blockpb.GetCapacityBytesPOptions{}).GetBytes(); n != 1<<40 {
		t.Errorf("capacity %d", n)
	}
	report := ask(t, blocks.GetWorkerReport, &blockpb.GetWorkerReportPOptions{WorkerRange: blockpb.WorkerRange_SPECIFIED.Enum(), Addresses: []string{"w1"},
		FieldRanges: []blockpb.WorkerInfoField{blockpb.WorkerInfoField_ADDRESS, blockpb.WorkerInfoField_STATE}}).GetWorkerInfos()
	if len(report) != 1 || report[0].GetState() != "In Service" || report[0].GetAddress().GetHost() != "w1" || report[0].CapacityBytes != nil {
		t.Errorf("%v", report)
	}
	if lost := ask(t, blocks.GetWorkerReport, &blockpb.GetWorkerReportPOptions{WorkerRange: blockpb.WorkerRange_LOST.Enum()}).GetWorkerInfos(); len(lost) != 0 {
		t.Errorf("lost: %v", lost)
	}
	_, err := blocks.GetWorkerReport(context.Background(), &blockpb.GetWorkerReportPOptions{WorkerRange: blockpb.WorkerRange_SPECIFIED.Enum(), Addresses: []string{"nobody"}})
	wantCode(t, err, codes.InvalidArgument)
	_, err = blocks.DecommissionWorker(context.Background(), &blockpb.DecommissionWorkerPOptions{WorkerHostname: proto.String("nobody")})
	wantCode(t, err, codes.NotFound)

	meta := metapb.NewMetaMasterClientServiceClient(cc)
	m := ask(t, meta.GetMasterInfo, &metapb.GetMasterInfoPOptions{}).GetMasterInfo()
	if m.GetLeaderMasterAddress() == "" || m.GetClusterId() == "" || !m.GetRaftJournal() || len(m.GetWorkerAddresses()) != 1 || m.GetRpcPort() == 0 || m.GetSafeMode() {
		t.Errorf("%v", m)
	}
	few := ask(t, meta.GetMasterInfo, &metapb.GetMasterInfoPOptions{Filter: []metapb.MasterInfoField{metapb.MasterInfoField_RPC_PORT}}).GetMasterInfo()
	if few.RpcPort == nil || few.Version != nil {
		t.Errorf("%v", few)
	}
	if h := ask(t, meta.Checkpoint, &metapb.CheckpointPOptions{}).GetMasterHostname(); h != "localhost" {
		t.Errorf("checkpoint on %q", h)
	}
	_, err = meta.Backup(context.Background(), &metapb.BackupPRequest{TargetDirectory: proto.String("s3://elsewhere/backups")})
	wantCode(t, err, codes.InvalidArgument)
	_, err = meta.GetBackupStatus(context.Background(), &metapb.BackupStatusPRequest{BackupId: proto.String("x")})
	wantCode(t, err, codes.NotFound)

	journals := journalmasterpb.NewJournalMasterClientServiceClient(cc)
	if q := ask(t, journals.GetQuorumInfo, &journalmasterpb.GetQuorumInfoPRequest{}); len(q.GetServerInfo()) != 1 || !q.GetServerInfo()[0].GetIsLeader() {
		t.Errorf("%v", q)
	}
	if n := ask(t, journals.GetNodeState, &journalmasterpb.GetNodeStatePRequest{}); n.GetNodeState() != journalmasterpb.NodeState_PRIMARY {
		t.Errorf("%v", n)
	}
	_, err = journals.TransferLeadership(context.Background(), &journalmasterpb.TransferLeadershipPRequest{})
	wantCode(t, err, codes.Unknown) // there is nobody
}

func TestPathConfiguration(t *testing.T) {
	w := newWorld(t, map[string]string{"alluxio.conf.dynamic.update.enabled": "true"})
	s := metapb.NewMetaMasterConfigurationServiceClient(w.dial("root"))
	hash := func() string { return ask(t, s.GetConfigHash, &metapb.GetConfigHashPOptions{}).GetPathConfigHash() }
	empty := hash()
	props := map[string]string{"alluxio.user.file.readtype.default": "NO_CACHE", "alluxio.user.file.metadata.sync.interval": "1s"}
	ask(t, s.SetPathConfiguration, &metapb.SetPathConfigurationPRequest{Path: proto.String("/d/"), Properties: props})
	w.failover()
	conf := ask(t, s.GetConfiguration, &metapb.GetConfigurationPOptions{})
	if p := conf.GetPathConfigs()["/d"].GetProperties(); len(p) != 2 || p[1].GetValue() != "NO_CACHE" {
		t.Errorf("%v", p)
	}
	if hash() == empty || conf.GetPathConfigHash() != hash() {
		t.Error("the hash does not follow")
	}
	ask(t, s.RemovePathConfiguration, &metapb.RemovePathConfigurationPRequest{Path: proto.String("/d"), Keys: []string{"alluxio.user.file.readtype.default"}})
	ask(t, s.RemovePathConfiguration, &metapb.RemovePathConfigurationPRequest{Path: proto.String("/d")})
	if hash() != empty {
		t.Error("removed properties are still there")
	}
	_, err := s.SetPathConfiguration(context.Background(), &metapb.SetPathConfigurationPRequest{Path: proto.String("/d"), Properties: map[string]string{"alluxio.no.such.key": "1"}})
	wantCode(t, err, codes.InvalidArgument)

	got := ask(t, s.UpdateConfiguration, &metapb.UpdateConfigurationPRequest{Properties: map[string]string{"alluxio.user.file.readtype.default": "CACHE", "alluxio.user.block.size.bytes.default": "nonsense"}}).GetStatus()
	if !got["alluxio.user.file.readtype.default"] || got["alluxio.user.block.size.bytes.default"] {
		t.Errorf("%v", got)
	}
}

// TestDeleteResumed: a delete that a crash interrupted is finished by the next
// leader.
func TestDeleteResumed(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/d/f", 10, CacheThrough)
	w.faults.set(func(op, path string) error {
		if op == "deletedir" {
			w.mem.Demote() // the crash: what follows is not journaled any more
		}
		return nil
	})
	err := w.delete("/d", DeleteOptions{Recursive: true, CommonOptions: CommonOptions{op: opID{1, 7}}})
	w.faults.set(nil)
	if !errors.Is(err, errors.Unavailable) {
		t.Fatalf("the interrupted delete: %v", err)
	}
	w.failover()
	waitFor(t, func() bool { n := w.term().look("/d"); return !n.exists() })
	if w.inUFS("/d") {
		t.Error("the UFS still has it")
	}
	if err := w.delete("/d", DeleteOptions{Recursive: true, CommonOptions: CommonOptions{op: opID{1, 7}}}); err != nil {
		t.Errorf("its repetition: %v", err)
	}
}

// plainUFS is a store without any capability.
type plainUFS struct{ ufs.UFS }

func TestDeleteDirOfPlainStore(t *testing.T) {
	w := newWorld(t, nil)
	for _, p := range []string{"/d/a", "/d/s/b", "/d/s/t/c", "/e"} {
		w.write(p, 1, CacheThrough)
	}
	u, _, _ := w.below("/")
	for range 2 { // an absent directory is a success
		if err := deleteUFSDir(context.Background(), plainUFS{u}, "d"); err != nil {
			t.Fatal(err)
		}
	}
	if w.inUFS("/d") || !w.inUFS("/e") {
		t.Error("not what was to be deleted")
	}
}

// TestDeleteNeedsAllDirectories: a recursive delete needs to write every
// directory that loses something.
func TestDeleteNeedsAllDirectories(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/d/mine/f", 1, MustCache)
	open := func(path string, mode uint16) {
		t.Helper()
		if err := w.term().SetAttribute(context.Background(), System, path, AttributeOptions{CommonOptions: trust, Mode: &mode}); err != nil {
			t.Fatal(err)
		}
	}
	open("/", 0o777)
	open("/d", 0o777)
	remove := func() error {
		return w.term().Delete(context.Background(), bob, "/d", DeleteOptions{CommonOptions: trust, Recursive: true})
	}
	wantError(t, remove(), errors.Permission, "path=/d/mine: failed at mine")
	open("/d/mine", 0o777)
	if err := remove(); err != nil {
		t.Error(err)
	}
}
