package rpc

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/versionpb"
)

// serviceVersion is how one service of the protocol is named and numbered
// towards clients. They refuse to talk to a server with another number.
type serviceVersion struct {
	typ     versionpb.ServiceType
	service string // gRPC service name
	version int64
}

var serviceVersions = [...]serviceVersion{
	{versionpb.ServiceType_FILE_SYSTEM_MASTER_CLIENT_SERVICE, "alluxio.grpc.file.FileSystemMasterClientService", 2},
	{versionpb.ServiceType_FILE_SYSTEM_MASTER_WORKER_SERVICE, "alluxio.grpc.file.FileSystemMasterWorkerService", 2},
	{versionpb.ServiceType_FILE_SYSTEM_MASTER_JOB_SERVICE, "alluxio.grpc.file.FileSystemMasterJobService", 2},
	{versionpb.ServiceType_BLOCK_MASTER_CLIENT_SERVICE, "alluxio.grpc.block.BlockMasterClientService", 2},
	{versionpb.ServiceType_BLOCK_MASTER_WORKER_SERVICE, "alluxio.grpc.block.BlockMasterWorkerService", 2},
	{versionpb.ServiceType_META_MASTER_CONFIG_SERVICE, "alluxio.grpc.meta.MetaMasterConfigurationService", 2},
	{versionpb.ServiceType_META_MASTER_CLIENT_SERVICE, "alluxio.grpc.meta.MetaMasterClientService", 2},
	{versionpb.ServiceType_META_MASTER_MASTER_SERVICE, "alluxio.grpc.meta.MetaMasterMasterService", 1},
	{versionpb.ServiceType_META_MASTER_PROXY_SERVICE, "alluxio.grpc.meta.MetaMasterProxyService", 1},
	{versionpb.ServiceType_METRICS_MASTER_CLIENT_SERVICE, "alluxio.grpc.metric.MetricsMasterClientService", 2},
	{versionpb.ServiceType_JOB_MASTER_CLIENT_SERVICE, "alluxio.grpc.job.JobMasterClientService", 1},
	{versionpb.ServiceType_JOB_MASTER_WORKER_SERVICE, "alluxio.grpc.job.JobMasterWorkerService", 1},
	{versionpb.ServiceType_JOB_MASTER_MASTER_SERVICE, "alluxio.grpc.job.JobMasterMasterService", 1},
	{versionpb.ServiceType_JOURNAL_MASTER_CLIENT_SERVICE, "alluxio.grpc.journal.JournalMasterClientService", 1},
	{versionpb.ServiceType_BLOCK_WORKER_CLIENT_SERVICE, "alluxio.grpc.block.BlockWorker", 1},
}

// unknownVersion answers for a service type nobody has: it is always known.
const unknownVersion = -1

// versionService answers getServiceVersion for the services its server hosts.
type versionService struct {
	versionpb.UnimplementedServiceVersionClientServiceServer
	server *Server
}

func (v versionService) GetServiceVersion(_ context.Context, req *versionpb.GetServiceVersionPRequest) (*versionpb.GetServiceVersionPResponse, error) {
	if err := v.server.opts.serving(); err != nil && !req.GetAllowedOnStandbyMasters() {
		return nil, err
	}
	version, err := v.versionOf(req.GetServiceType())
	if err != nil {
		return nil, err
	}
	return &versionpb.GetServiceVersionPResponse{Version: &version}, nil
}

func (v versionService) versionOf(typ versionpb.ServiceType) (int64, error) {
	if typ == versionpb.ServiceType_UNKNOWN_SERVICE {
		return unknownVersion, nil
	}
	hosted := v.server.grpc.GetServiceInfo()
	for _, s := range serviceVersions {
		if _, ok := hosted[s.service]; ok && s.typ == typ {
			return s.version, nil
		}
	}
	return 0, errors.Errorf(errors.NotFound, "Service %s is not found.", typ)
}
