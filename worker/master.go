package worker

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/internal/ticket"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/proto/metapb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// masterClient is the master as a worker sees it. Calls on behalf of a client's
// request are repeated for a while; those of loops are not, since the loop is.
type masterClient struct {
	master *rpc.Master
}

// requestRetry is how long a client's request waits for a master to answer.
var requestRetry = rpc.Retry{Budget: 30 * time.Second}

// do makes one call of a generated client method.
func do[C, Req, Resp any](ctx context.Context, m *masterClient, retry rpc.Retry, client func(grpc.ClientConnInterface) C,
	method func(C, context.Context, *Req, ...grpc.CallOption) (*Resp, error), req *Req) (*Resp, error) {
	var resp *Resp
	err := m.master.DoWithin(ctx, retry, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		var err error
		resp, err = method(client(conn), ctx, req)
		return err
	})
	return resp, err
}

type (
	blockClient = blockpb.BlockMasterWorkerServiceClient
	fileClient  = filepb.FileSystemMasterWorkerServiceClient
)

// clusterDefaults asks for the configuration that the master has for workers.
func (m *masterClient) clusterDefaults(ctx context.Context) ([]config.Property, error) {
	yes := true
	resp, err := do(ctx, m, rpc.Retry{}, metapb.NewMetaMasterConfigurationServiceClient,
		metapb.MetaMasterConfigurationServiceClient.GetConfiguration,
		&metapb.GetConfigurationPOptions{RawValue: &yes, IgnorePathConf: &yes})
	if err != nil {
		return nil, err
	}
	var props []config.Property
	for _, p := range resp.GetClusterConfigs() {
		props = append(props, config.Property{Name: p.GetName(), Value: p.GetValue(), Source: p.GetSource()})
	}
	return props, nil
}

// workerID asks for this worker's id; the same address gets the same one.
func (m *masterClient) workerID(ctx context.Context, addr *grpcpb.WorkerNetAddress) (int64, error) {
	resp, err := do(ctx, m, rpc.Retry{}, blockpb.NewBlockMasterWorkerServiceClient, blockClient.GetWorkerId,
		&blockpb.GetWorkerIdPRequest{WorkerNetAddress: addr})
	return resp.GetWorkerId(), err
}

// register replaces all that the master knows about this worker. It streams the
// blocks in batches, each acknowledged. It returns the key of the master's tickets, nil
// if it has none.
func (m *masterClient) register(ctx context.Context, batches []*blockpb.RegisterWorkerPRequest) (key *ticket.Key, err error) {
	err = m.master.Once(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := blockpb.NewBlockMasterWorkerServiceClient(conn).RegisterWorkerStream(ctx)
		if err != nil {
			return err
		}
		for _, b := range batches {
			if err := stream.Send(b); err != nil {
				_, err = stream.Recv() // says why
				return err
			}
			resp, err := stream.Recv()
			if err != nil {
				return err
			}
			if k, ok := ticket.KeyOf(resp.GetTicketKey()); ok {
				key = &k
			}
		}
		if err := stream.CloseSend(); err != nil {
			return err
		}
		return drain(stream)
	})
	return key, err
}

// commitBlock tells the master of a block that became whole here.
func (m *masterClient) commitBlock(ctx context.Context, worker int64, i store.Info, used int64) error {
	id := int64(i.ID)
	_, err := do(ctx, m, requestRetry, blockpb.NewBlockMasterWorkerServiceClient, blockClient.CommitBlock,
		&blockpb.CommitBlockPRequest{WorkerId: &worker, UsedBytesOnTier: &used, TierAlias: &i.Tier,
			MediumType: &i.Medium, BlockId: &id, Length: &i.Length})
	return err
}

// commitBlockInUFS tells the master of a block that was written below.
func (m *masterClient) commitBlockInUFS(ctx context.Context, block blockid.ID, length int64) error {
	id := int64(block)
	_, err := do(ctx, m, requestRetry, blockpb.NewBlockMasterWorkerServiceClient, blockClient.CommitBlockInUfs,
		&blockpb.CommitBlockInUfsPRequest{BlockId: &id, Length: &length})
	return err
}

func (m *masterClient) heartbeat(ctx context.Context, req *blockpb.BlockHeartbeatPRequest) (*grpcpb.Command, error) {
	resp, err := do(ctx, m, rpc.Retry{}, blockpb.NewBlockMasterWorkerServiceClient, blockClient.BlockHeartbeat, req)
	return resp.GetCommand(), err
}

func (m *masterClient) fileHeartbeat(ctx context.Context, req *filepb.FileSystemHeartbeatPRequest) (*filepb.FileSystemCommand, error) {
	resp, err := do(ctx, m, rpc.Retry{}, filepb.NewFileSystemMasterWorkerServiceClient, fileClient.FileSystemHeartbeat, req)
	return resp.GetCommand(), err
}

// pinned lists the files whose blocks must not be evicted.
func (m *masterClient) pinned(ctx context.Context) ([]blockid.FileID, error) {
	resp, err := do(ctx, m, rpc.Retry{}, filepb.NewFileSystemMasterWorkerServiceClient, fileClient.GetPinnedFileIds,
		&filepb.GetPinnedFileIdsPRequest{})
	files := make([]blockid.FileID, 0, len(resp.GetPinnedFileIds()))
	for _, id := range resp.GetPinnedFileIds() {
		files = append(files, blockid.FileID(id))
	}
	return files, err
}

func (m *masterClient) fileInfo(ctx context.Context, file blockid.FileID, retry rpc.Retry) (*filepb.FileInfo, error) {
	id := int64(file)
	resp, err := do(ctx, m, retry, filepb.NewFileSystemMasterWorkerServiceClient, fileClient.GetFileInfo,
		&filepb.GetFileInfoPRequest{FileId: &id})
	return resp.GetFileInfo(), err
}

func (m *masterClient) ufsInfo(ctx context.Context, mount int64) (*filepb.UfsInfo, error) {
	resp, err := do(ctx, m, requestRetry, filepb.NewFileSystemMasterWorkerServiceClient, fileClient.GetUfsInfo,
		&filepb.GetUfsInfoPRequest{MountId: &mount})
	if err == nil && resp.GetUfsInfo().GetUri() == "" {
		err = errors.Errorf(errors.NotFound, "Mount %d does not exist.", mount)
	}
	return resp.GetUfsInfo(), err
}
