package master

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/version"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/proto/metapb"
	"github.com/alluxio-go/alluxio/proto/metricpb"
	"github.com/alluxio-go/alluxio/proto/saslpb"
	"github.com/alluxio-go/alluxio/proto/versionpb"
)

var channels atomic.Int64 // opened by dial

// dial connects to the master and logs in, as a foreign client does.
func (w *world) dial(user string) *grpc.ClientConn {
	w.tb.Helper()
	id := fmt.Sprintf("channel-%d-of-%s", channels.Add(1), user)
	cc, err := grpc.NewClient(w.m.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return invoke(metadata.AppendToOutgoingContext(ctx, "channel-id", id), method, req, reply, cc, opts...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, stream grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return stream(metadata.AppendToOutgoingContext(ctx, "channel-id", id), desc, cc, method, opts...)
		}))
	if err != nil {
		w.tb.Fatal(err)
	}
	w.tb.Cleanup(func() { _ = cc.Close() })
	login, err := saslpb.NewSaslAuthenticationServiceClient(cc).Authenticate(context.Background())
	if err != nil {
		w.tb.Fatal(err)
	}
	err = login.Send(&saslpb.SaslMessage{MessageType: saslpb.SaslMessageType_CHALLENGE.Enum(), ClientId: &id,
		Message: []byte("\x00" + user + "\x00noPassword"), AuthenticationScheme: saslpb.ChannelAuthenticationScheme_SIMPLE.Enum()})
	if err != nil {
		w.tb.Fatal(err)
	}
	if m, err := login.Recv(); err != nil || m.GetMessageType() != saslpb.SaslMessageType_SUCCESS {
		w.tb.Fatalf("login: %v, %v", m, err)
	}
	return cc
}

// TestEveryMethodHasAPolicy: nobody can call what nobody thought about.
func TestEveryMethodHasAPolicy(t *testing.T) {
	w := newWorld(t, nil)
	if missing := w.m.server.MissingPolicies(); len(missing) > 0 {
		t.Errorf("without policy: %v", missing)
	}
}

func TestHandshake(t *testing.T) {
	w := newWorld(t, nil)
	ctx := context.Background()
	cc, err := grpc.NewClient(w.m.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	confs := metapb.NewMetaMasterConfigurationServiceClient(cc)
	conf, err := confs.GetConfiguration(ctx, &metapb.GetConfigurationPOptions{RawValue: proto.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, p := range conf.GetClusterConfigs() {
		values[p.GetName()] = p.GetValue()
	}
	if values[config.VersionProperty] != version.Version || values["alluxio.user.block.size.bytes.default"] != "1KB" {
		t.Errorf("configuration %v", values)
	}
	if _, ok := values["alluxio.user.file.readtype.default"]; ok {
		t.Error("a default of ours is forced on clients")
	}
	hash, err := confs.GetConfigHash(ctx, &metapb.GetConfigHashPOptions{})
	if err != nil || hash.GetClusterConfigHash() != conf.GetClusterConfigHash() || hash.GetPathConfigHash() != conf.GetPathConfigHash() {
		t.Errorf("hashes %v, %v", hash, err)
	}
	_, err = confs.UpdateConfiguration(ctx, &metapb.UpdateConfigurationPRequest{})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("an update without login: %v", err)
	}
	versions := versionpb.NewServiceVersionClientServiceClient(cc)
	for typ, want := range map[versionpb.ServiceType]int64{
		versionpb.ServiceType_FILE_SYSTEM_MASTER_CLIENT_SERVICE: 2, versionpb.ServiceType_FILE_SYSTEM_MASTER_WORKER_SERVICE: 2,
		versionpb.ServiceType_FILE_SYSTEM_MASTER_JOB_SERVICE: 2, versionpb.ServiceType_BLOCK_MASTER_CLIENT_SERVICE: 2,
		versionpb.ServiceType_BLOCK_MASTER_WORKER_SERVICE: 2, versionpb.ServiceType_META_MASTER_CONFIG_SERVICE: 2,
		versionpb.ServiceType_META_MASTER_CLIENT_SERVICE: 2, versionpb.ServiceType_METRICS_MASTER_CLIENT_SERVICE: 2,
		versionpb.ServiceType_JOURNAL_MASTER_CLIENT_SERVICE: 1,
	} {
		v, err := versions.GetServiceVersion(ctx, &versionpb.GetServiceVersionPRequest{ServiceType: typ.Enum()})
		if err != nil || v.GetVersion() != want {
			t.Errorf("%v: %v, %v", typ, v, err)
		}
	}
}

func TestFileInfoOnTheWire(t *testing.T) {
	w := newWorld(t, nil)
	ctx := context.Background()
	files := filepb.NewFileSystemMasterClientServiceClient(w.dial("root"))
	path := "alluxio://localhost:19998//d//f/"
	created, err := files.CreateFile(ctx, &filepb.CreateFilePRequest{Path: &path, Options: &filepb.CreateFilePOptions{
		Recursive: proto.Bool(true), BlockSizeBytes: proto.Int64(1024), WriteType: filepb.WritePType_MUST_CACHE.Enum(),
		Mode:          &grpcpb.PMode{OwnerBits: grpcpb.Bits_READ_WRITE.Enum(), GroupBits: grpcpb.Bits_READ.Enum(), OtherBits: grpcpb.Bits_NONE.Enum()},
		CommonOptions: &filepb.FileSystemMasterCommonPOptions{Ttl: proto.Int64(5000), TtlAction: grpcpb.TtlAction_FREE.Enum()}}})
	if err != nil {
		t.Fatal(err)
	}
	if i := created.GetFileInfo(); i.GetCompleted() || i.GetLength() != 0 || i.GetUfsPath() != "mem://base/d/f" || i.GetMode() != 0o640 || i.GetPath() != "/d/f" {
		t.Errorf("created %v", i)
	}
	for _, n := range []int64{1024, 100} {
		id, err := files.GetNewBlockIdForFile(ctx, &filepb.GetNewBlockIdForFilePRequest{Path: &path})
		if err != nil {
			t.Fatal(err)
		}
		blocks := blockpb.NewBlockMasterWorkerServiceClient(w.dial("root"))
		_, err = blocks.CommitBlock(ctx, &blockpb.CommitBlockPRequest{WorkerId: proto.Int64(int64(w.worker)), BlockId: id.Id, Length: &n, TierAlias: proto.String("MEM"), MediumType: proto.String("MEM")})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := files.CompleteFile(ctx, &filepb.CompleteFilePRequest{Path: &path}); err != nil {
		t.Fatal(err)
	}
	got, err := files.GetStatus(ctx, &filepb.GetStatusPRequest{Path: &path})
	if err != nil {
		t.Fatal(err)
	}
	i := got.GetFileInfo()
	if !i.GetCompleted() || i.GetLength() != 1124 || i.GetPersistenceState() != "NOT_PERSISTED" || i.GetPersisted() ||
		i.GetInAlluxioPercentage() != 100 || i.GetTtl() != 5000 || i.GetTtlAction() != grpcpb.TtlAction_FREE || i.GetReplicationMax() != -1 ||
		i.GetMountId() == 0 || i.GetOwner() != "root" || i.GetDefaultAcl() != nil || i.UfsFingerprint != nil {
		t.Errorf("%v", i)
	}
	if len(i.GetFileBlockInfos()) != 2 || i.GetFileBlockInfos()[1].GetOffset() != 1024 || i.GetFileBlockInfos()[1].GetBlockInfo().GetLength() != 100 {
		t.Fatalf("blocks %v", i.GetFileBlockInfos())
	}
	list, err := blockpb.NewBlockMasterClientServiceClient(w.dial("root")).GetWorkerInfoList(ctx, &blockpb.GetWorkerInfoListPOptions{})
	if err != nil || len(list.GetWorkerInfos()) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if at := i.GetFileBlockInfos()[0].GetBlockInfo().GetLocations()[0].GetWorkerAddress(); !proto.Equal(at, list.GetWorkerInfos()[0].GetAddress()) {
		t.Errorf("a location has the address %v, the list %v", at, list.GetWorkerInfos()[0].GetAddress())
	}
	_, err = files.GetStatus(ctx, &filepb.GetStatusPRequest{Path: proto.String("/none")})
	if s := status.Convert(err); s.Code() != codes.NotFound || s.Message() != `Path "/none" does not exist.` {
		t.Errorf("%v", s)
	}
	_, err = files.Remove(ctx, &filepb.DeletePRequest{Path: proto.String("/d")})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("removing a directory with children: %v", err)
	}
	_, err = files.Free(ctx, &filepb.FreePRequest{Path: &path})
	if status.Code(err) != codes.Unknown {
		t.Errorf("freeing an unpersisted file: %v", err)
	}
	_, err = files.StartSync(ctx, &filepb.StartSyncPRequest{Path: &path})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("startSync: %v", err)
	}
	ok, err := files.Exists(ctx, &filepb.ExistsPRequest{Path: proto.String("no path")})
	if err != nil || ok.GetExists() {
		t.Errorf("exists of a wrong path: %v, %v", ok, err)
	}
}

func TestRegistrationOnTheWire(t *testing.T) {
	w := newWorld(t, nil)
	ctx := context.Background()
	w.write("/f", 3000, CacheThrough)
	fi := w.mustStat("/f")
	blocks := blockpb.NewBlockMasterWorkerServiceClient(w.dial("root"))
	address := &grpcpb.WorkerNetAddress{Host: proto.String("w2"), RpcPort: proto.Int32(1), DataPort: proto.Int32(1),
		TieredIdentity: &grpcpb.TieredIdentity{Tiers: []*grpcpb.LocalityTier{{TierName: proto.String("node"), Value: proto.String("w2")}, {TierName: proto.String("rack")}}}}
	id, err := blocks.GetWorkerId(ctx, &blockpb.GetWorkerIdPRequest{WorkerNetAddress: address})
	if err != nil {
		t.Fatal(err)
	}
	again, err := blocks.GetWorkerId(ctx, &blockpb.GetWorkerIdPRequest{WorkerNetAddress: address})
	if err != nil || again.GetWorkerId() != id.GetWorkerId() {
		t.Errorf("the same address has ids %v and %v", id, again)
	}
	beat, err := blocks.BlockHeartbeat(ctx, &blockpb.BlockHeartbeatPRequest{WorkerId: id.WorkerId})
	if err != nil || beat.GetCommand().GetCommandType() != grpcpb.CommandType_Register {
		t.Errorf("a heartbeat before the registration: %v, %v", beat, err)
	}
	_, err = blocks.RegisterWorker(ctx, &blockpb.RegisterWorkerPRequest{WorkerId: id.WorkerId})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("a registration without lease: %v", err)
	}
	stream, err := blocks.RegisterWorkerStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	orphan := int64(fi.ID.Container()+1000) << 24
	for i, ids := range [][]int64{{int64(fi.Blocks[0].ID)}, {int64(fi.Blocks[1].ID), orphan}} {
		r := &blockpb.RegisterWorkerPRequest{WorkerId: id.WorkerId, CurrentBlocks: []*blockpb.LocationBlockIdListEntry{{
			Key: &grpcpb.BlockStoreLocationProto{TierAlias: proto.String("MEM"), MediumType: proto.String("MEM")}, Value: &blockpb.BlockIdList{BlockId: ids}}}}
		if i == 0 {
			r.StorageTiers, r.TotalBytesOnTiers = []string{"MEM"}, map[string]int64{"MEM": 100}
		}
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != io.EOF {
		t.Fatalf("the end of a registration: %v", err)
	}
	beat, err = blocks.BlockHeartbeat(ctx, &blockpb.BlockHeartbeatPRequest{WorkerId: id.WorkerId})
	if err != nil || beat.GetCommand().GetCommandType() != grpcpb.CommandType_Free || len(beat.GetCommand().GetData()) != 1 || beat.GetCommand().GetData()[0] != orphan {
		t.Errorf("a block without file: %v, %v", beat, err)
	}
	info, err := blockpb.NewBlockMasterClientServiceClient(w.dial("root")).GetBlockInfo(ctx, &blockpb.GetBlockInfoPRequest{BlockId: proto.Int64(int64(fi.Blocks[1].ID))})
	if err != nil || len(info.GetBlockInfo().GetLocations()) != 2 || info.GetBlockInfo().GetLength() != 1024 {
		t.Errorf("%v, %v", info, err)
	}
	for _, l := range info.GetBlockInfo().GetLocations() {
		if l.GetWorkerId() == id.GetWorkerId() && !proto.Equal(l.GetWorkerAddress().GetTieredIdentity(), address.GetTieredIdentity()) {
			t.Errorf("identity %v", l.GetWorkerAddress())
		}
	}
}

// TestWorkersOnly: what workers are told is not for everybody.
func TestWorkersOnly(t *testing.T) {
	w := newWorld(t, nil)
	eve := filepb.NewFileSystemMasterWorkerServiceClient(w.dial("eve"))
	_, err := eve.GetUfsInfo(context.Background(), &filepb.GetUfsInfoPRequest{MountId: proto.Int64(1)})
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("mount credentials for eve: %v", err)
	}
	ours := filepb.NewFileSystemMasterWorkerServiceClient(w.dial("root"))
	info, err := ours.GetUfsInfo(context.Background(), &filepb.GetUfsInfoPRequest{MountId: proto.Int64(1)})
	if err != nil || info.GetUfsInfo().GetUri() != rootURI || info.GetUfsInfo().GetProperties() == nil {
		t.Errorf("%v, %v", info, err)
	}
}

func TestSafeMode(t *testing.T) {
	w := newWorld(t, map[string]string{"alluxio.master.worker.connect.wait.time": "1h"})
	w.write("/cached", 10, MustCache)
	w.write("/persisted", 10, CacheThrough)
	w.m.term.Load().registered.Store(false)
	blocks := blockpb.NewBlockMasterClientServiceClient(w.dial("root"))
	_, err := blocks.GetWorkerInfoList(context.Background(), &blockpb.GetWorkerInfoListPOptions{})
	if s := status.Convert(err); s.Code() != codes.Unavailable || s.Message() != "Alluxio master is in safe mode. Please try again later." {
		t.Errorf("%v", s)
	}
	w.addWorker() // ends it, without the blocks
	if _, err := blocks.GetWorkerInfoList(context.Background(), &blockpb.GetWorkerInfoListPOptions{}); err != nil {
		t.Error(err)
	}
	open := loadOnce
	open.Access = uint8(read)
	_, err = w.term().GetStatus(context.Background(), System, "/cached", open)
	if status.Code(err) == codes.OK || err.Error() != errSafeMode.Error() {
		t.Errorf("opening a file whose only copy may be on a worker to come: %v", err)
	}
	if _, err := w.term().GetStatus(context.Background(), System, "/persisted", open); err != nil {
		t.Error(err)
	}
}

func TestStandbyAnswersUnavailable(t *testing.T) {
	w := newWorld(t, nil)
	cc := w.dial("root")
	w.mem.Demote()
	waitFor(t, func() bool { return w.m.term.Load() == nil })
	_, err := filepb.NewFileSystemMasterClientServiceClient(cc).GetStatus(context.Background(), &filepb.GetStatusPRequest{Path: proto.String("/")})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
	_, err = versionpb.NewServiceVersionClientServiceClient(cc).GetServiceVersion(context.Background(),
		&versionpb.GetServiceVersionPRequest{ServiceType: versionpb.ServiceType_META_MASTER_CLIENT_SERVICE.Enum()})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("version: %v", err)
	}
	if w.m.Info().Leading {
		t.Error("says that it leads")
	}
}

func TestMetricsOnTheWire(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/f", 10, MustCache)
	ctx := context.Background()
	cc := w.dial("root")
	_, err := filepb.NewFileSystemMasterClientServiceClient(cc).GetStatus(ctx, &filepb.GetStatusPRequest{Path: proto.String("/f")})
	if err != nil {
		t.Fatal(err)
	}
	s := metricpb.NewMetricsMasterClientServiceClient(cc)
	report := &metricpb.MetricsHeartbeatPRequest{Options: &metricpb.MetricsHeartbeatPOptions{ClientMetrics: []*metricpb.ClientMetrics{{
		Source: proto.String("app"), Metrics: []*grpcpb.Metric{{Name: proto.String("BytesReadLocal"), Value: proto.Float64(5), MetricType: grpcpb.MetricType_COUNTER.Enum()}}}}}}
	for range 2 {
		if _, err := s.MetricsHeartbeat(ctx, report); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.GetMetrics(ctx, &metricpb.GetMetricsPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"Cluster.BytesReadLocal": 10, "Master.FilesCreated": 1, "Master.GetFileInfoOps": 1, "Master.TotalPaths": 2, "Cluster.Workers": 1, "Cluster.CapacityTotal": 1 << 40} {
		if v := got.GetMetrics()[name].GetDoubleValue(); v != want {
			t.Errorf("%s = %v, want %v", name, v, want)
		}
	}
}

func TestConfigReport(t *testing.T) {
	w := newWorld(t, nil)
	tm := w.term()
	tm.workers.set(w.worker, []config.Property{
		{Name: "alluxio.security.authentication.type", Value: "NOSASL"},
		{Name: "alluxio.worker.hostname", Value: "other"},
	})
	report, err := metapb.NewMetaMasterClientServiceClient(w.dial("root")).GetConfigReport(context.Background(), &metapb.GetConfigReportPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := report.GetReport()
	if r.GetStatus() != metapb.ConfigStatus_FAILED || len(r.GetErrors()["SERVER"].GetProperties()) != 1 || len(r.GetWarns()) != 0 {
		t.Errorf("%v", r)
	}
}

func TestAccessTimes(t *testing.T) {
	w := newWorld(t, map[string]string{"alluxio.master.file.access.time.update.precision": "0"})
	w.write("/f", 10, MustCache)
	before := w.mustStat("/f").AccessedMS
	time.Sleep(2 * time.Millisecond) // so that the clock moves
	open := loadOnce
	open.Access = uint8(read)
	if _, err := w.term().GetStatus(context.Background(), System, "/f", open); err != nil {
		t.Fatal(err)
	}
	if err := w.term().flushAccess(); err != nil {
		t.Fatal(err)
	}
	if after := w.mustStat("/f").AccessedMS; after <= before {
		t.Errorf("access time %d, was %d", after, before)
	}
}
