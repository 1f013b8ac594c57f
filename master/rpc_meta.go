package master

import (
	"context"
	"net"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/proto/journalmasterpb"
	"github.com/alluxio-go/alluxio/proto/metapb"
	"github.com/alluxio-go/alluxio/proto/metricpb"
)

// configService hands out the configuration; it is the first that a client
// calls, before it logs in.
type configService struct {
	metapb.UnimplementedMetaMasterConfigurationServiceServer
	m *Master
}

func configMessages(props []config.Property) []*grpcpb.ConfigProperty {
	ms := make([]*grpcpb.ConfigProperty, len(props))
	for i, p := range props {
		ms[i] = &grpcpb.ConfigProperty{Name: proto.String(p.Name), Source: proto.String(p.Source), Value: proto.String(p.Value)}
	}
	return ms
}

func (s *configService) GetConfiguration(_ context.Context, r *metapb.GetConfigurationPOptions) (*metapb.GetConfigurationPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	paths := pathProperties(t.PathConfig())
	resp := &metapb.GetConfigurationPResponse{
		ClusterConfigHash: proto.String(s.m.ConfigHash()), PathConfigHash: proto.String(pathHash(paths)),
	}
	if !r.GetIgnoreClusterConf() {
		resp.ClusterConfigs = configMessages(s.clusterProperties(r.GetRawValue()))
	}
	if !r.GetIgnorePathConf() {
		resp.PathConfigs = make(map[string]*metapb.ConfigProperties, len(paths))
		for path, props := range paths {
			resp.PathConfigs[path] = &metapb.ConfigProperties{Properties: configMessages(props)}
		}
	}
	return resp, nil
}

// clusterProperties are, raw, what clients and workers adopt: only what the
// operator has set; otherwise everything in effect, as getConf --master shows.
func (s *configService) clusterProperties(raw bool) []config.Property {
	conf := s.m.config.get()
	defaults := conf.ClusterDefaults(raw)
	if raw {
		return defaults
	}
	props := conf.All()
	if i := slices.IndexFunc(defaults, func(p config.Property) bool { return p.Name == config.VersionProperty }); i >= 0 {
		props = append(props, defaults[i])
	}
	return props
}

func (s *configService) GetConfigHash(context.Context, *metapb.GetConfigHashPOptions) (*metapb.GetConfigHashPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	return &metapb.GetConfigHashPResponse{
		ClusterConfigHash: proto.String(s.m.ConfigHash()), PathConfigHash: proto.String(pathHash(pathProperties(t.PathConfig()))),
	}, nil
}

func (s *configService) SetPathConfiguration(ctx context.Context, r *metapb.SetPathConfigurationPRequest) (*metapb.SetPathConfigurationPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	if _, err := s.m.conf.With(config.SourcePathDefault, r.GetProperties()); err != nil {
		return nil, err
	}
	return &metapb.SetPathConfigurationPResponse{}, t.SetPathConfig(callerOf(ctx), r.GetPath(), r.GetProperties(), nil)
}

func (s *configService) RemovePathConfiguration(ctx context.Context, r *metapb.RemovePathConfigurationPRequest) (*metapb.RemovePathConfigurationPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	return &metapb.RemovePathConfigurationPResponse{}, t.SetPathConfig(callerOf(ctx), r.GetPath(), nil, r.GetKeys())
}

func (s *configService) UpdateConfiguration(ctx context.Context, r *metapb.UpdateConfigurationPRequest) (*metapb.UpdateConfigurationPResponse, error) {
	status, err := s.m.UpdateConfiguration(callerOf(ctx), r.GetProperties())
	return &metapb.UpdateConfigurationPResponse{Status: status}, err
}

// metaService tells about the cluster and administers the master.
type metaService struct {
	metapb.UnimplementedMetaMasterClientServiceServer
	m *Master
}

func (s *metaService) GetMasterInfo(_ context.Context, r *metapb.GetMasterInfoPOptions) (*metapb.GetMasterInfoPResponse, error) {
	i := s.m.Info()
	fields := map[metapb.MasterInfoField]func(*metapb.MasterInfo){
		metapb.MasterInfoField_LEADER_MASTER_ADDRESS: func(m *metapb.MasterInfo) { m.LeaderMasterAddress = &i.Leader },
		metapb.MasterInfoField_MASTER_ADDRESSES:      func(m *metapb.MasterInfo) { m.MasterAddresses = netAddresses(i.Masters) },
		metapb.MasterInfoField_RPC_PORT:              func(m *metapb.MasterInfo) { m.RpcPort = proto.Int32(int32(i.RPCPort)) },
		metapb.MasterInfoField_SAFE_MODE:             func(m *metapb.MasterInfo) { m.SafeMode = &i.SafeMode },
		metapb.MasterInfoField_START_TIME_MS:         func(m *metapb.MasterInfo) { m.StartTimeMs = proto.Int64(i.Started.UnixMilli()) },
		metapb.MasterInfoField_UP_TIME_MS:            func(m *metapb.MasterInfo) { m.UpTimeMs = proto.Int64(i.Uptime.Milliseconds()) },
		metapb.MasterInfoField_VERSION:               func(m *metapb.MasterInfo) { m.Version = &i.Version },
		metapb.MasterInfoField_WEB_PORT:              func(m *metapb.MasterInfo) { m.WebPort = proto.Int32(int32(i.WebPort)) },
		metapb.MasterInfoField_WORKER_ADDRESSES:      func(m *metapb.MasterInfo) { m.WorkerAddresses = s.workerAddresses() },
		metapb.MasterInfoField_CLUSTER_ID:            func(m *metapb.MasterInfo) { m.ClusterId = &i.ClusterID },
		metapb.MasterInfoField_RAFT_JOURNAL:          func(m *metapb.MasterInfo) { m.RaftJournal = proto.Bool(true) },
		metapb.MasterInfoField_RAFT_ADDRESSES: func(m *metapb.MasterInfo) {
			for _, p := range i.Journal.Peers {
				m.RaftAddress = append(m.RaftAddress, p.Address)
			}
		},
		metapb.MasterInfoField_MASTER_VERSION: func(m *metapb.MasterInfo) {
			state := "Primary"
			m.MasterVersions = []*metapb.MasterVersion{{Addresses: netAddress(i.Address), Version: &i.Version, State: &state}}
		},
	}
	m := &metapb.MasterInfo{}
	for f, fill := range fields {
		if len(r.GetFilter()) == 0 || slices.Contains(r.GetFilter(), f) {
			fill(m)
		}
	}
	return &metapb.GetMasterInfoPResponse{MasterInfo: m}, nil
}

func netAddress(hostPort string) *grpcpb.NetAddress {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	n, _ := strconv.Atoi(port) // 0 for what is no port
	return &grpcpb.NetAddress{Host: &host, RpcPort: proto.Int32(int32(n))}
}

func netAddresses(list []string) []*grpcpb.NetAddress {
	ms := make([]*grpcpb.NetAddress, len(list))
	for i, a := range list {
		ms[i] = netAddress(a)
	}
	return ms
}

func (s *metaService) workerAddresses() []*grpcpb.NetAddress {
	var ms []*grpcpb.NetAddress
	for _, w := range s.m.Workers() {
		if w.State == blockmap.Live {
			ms = append(ms, &grpcpb.NetAddress{Host: proto.String(w.Address.Host), RpcPort: proto.Int32(w.Address.RPCPort)})
		}
	}
	return ms
}

func (s *metaService) GetConfigReport(context.Context, *metapb.GetConfigReportPOptions) (*metapb.GetConfigReportPResponse, error) {
	r := &metapb.ConfigCheckReport{Status: metapb.ConfigStatus_PASSED.Enum(),
		Errors: map[string]*metapb.InconsistentProperties{}, Warns: map[string]*metapb.InconsistentProperties{}}
	for _, i := range s.m.ConfigReport() {
		p := &metapb.InconsistentProperty{Name: proto.String(i.Name), Values: map[string]*metapb.InconsistentPropertyValues{}}
		for value, nodes := range i.Values {
			p.Values[value] = &metapb.InconsistentPropertyValues{Values: nodes}
		}
		into := r.Warns
		if i.Error {
			into, r.Status = r.Errors, metapb.ConfigStatus_FAILED.Enum()
		} else if r.GetStatus() == metapb.ConfigStatus_PASSED {
			r.Status = metapb.ConfigStatus_WARN.Enum()
		}
		const scope = "SERVER"
		if into[scope] == nil {
			into[scope] = &metapb.InconsistentProperties{}
		}
		into[scope].Properties = append(into[scope].Properties, p)
	}
	return &metapb.GetConfigReportPResponse{Report: r}, nil
}

func (s *metaService) Checkpoint(ctx context.Context, _ *metapb.CheckpointPOptions) (*metapb.CheckpointPResponse, error) {
	if err := s.m.journal.Checkpoint(ctx); err != nil {
		return nil, err
	}
	return &metapb.CheckpointPResponse{MasterHostname: proto.String(s.m.conf.MasterHost())}, nil
}

// Backup writes a backup, and waits for its end unless told otherwise.
func (s *metaService) Backup(ctx context.Context, r *metapb.BackupPRequest) (*metapb.BackupPStatus, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	id, done, err := t.StartBackup(BackupOptions{Dir: r.GetTargetDirectory(), Local: r.GetOptions().GetLocalFileSystem()})
	if err != nil {
		return nil, err
	}
	if !r.GetOptions().GetRunAsync() {
		select {
		case <-done:
		case <-ctx.Done():
			return nil, errors.E("backup", id, errors.Other, ctx.Err())
		}
	}
	return s.backupStatus(t, id)
}

// GetBackupStatus describes a backup that this master has taken since it leads.
func (s *metaService) GetBackupStatus(_ context.Context, r *metapb.BackupStatusPRequest) (*metapb.BackupPStatus, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	return s.backupStatus(t, r.GetBackupId())
}

// backupStatus is a status on the wire. A failure is an error: Java's exceptions
// are not for us to write.
func (s *metaService) backupStatus(t *term, id string) (*metapb.BackupPStatus, error) {
	b, err := t.BackupStatus(id)
	if err != nil {
		return nil, err
	}
	if b.State == BackupFailed {
		return nil, errors.Errorf(errors.KindOf(b.Err), "Backup %s failed: %w", id, b.Err)
	}
	state := metapb.BackupState_Running
	if b.State == BackupCompleted {
		state = metapb.BackupState_Completed
	}
	return &metapb.BackupPStatus{BackupId: &b.ID, BackupState: &state, BackupUri: &b.URI, EntryCount: &b.Entries,
		BackupHost: proto.String(s.m.conf.MasterHost())}, nil
}

// ListProxyStatus lists no proxies: none register.
func (s *metaService) ListProxyStatus(context.Context, *metapb.ListProxyStatusPRequest) (*metapb.ListProxyStatusPResponse, error) {
	return &metapb.ListProxyStatusPResponse{}, nil
}

// metricsService collects the metrics of clients and shows all.
type metricsService struct {
	metricpb.UnimplementedMetricsMasterClientServiceServer
	m *Master
}

func (s *metricsService) MetricsHeartbeat(_ context.Context, r *metricpb.MetricsHeartbeatPRequest) (*metricpb.MetricsHeartbeatPResponse, error) {
	for _, c := range r.GetOptions().GetClientMetrics() {
		s.m.reported.addClient(reportOf(c.GetMetrics()))
	}
	return &metricpb.MetricsHeartbeatPResponse{}, nil
}

func (s *metricsService) GetMetrics(context.Context, *metricpb.GetMetricsPOptions) (*metricpb.GetMetricsPResponse, error) {
	resp := &metricpb.GetMetricsPResponse{Metrics: map[string]*metricpb.MetricValue{}}
	add := func(metrics map[string]float64, kind grpcpb.MetricType) {
		for name, v := range metrics {
			resp.Metrics[name] = &metricpb.MetricValue{DoubleValue: proto.Float64(v), MetricType: kind.Enum()}
		}
	}
	add(s.m.Gauges(), grpcpb.MetricType_GAUGE)
	add(s.m.Counters(), grpcpb.MetricType_COUNTER)
	return resp, nil
}

func (s *metricsService) ClearMetrics(context.Context, *metricpb.ClearMetricsPRequest) (*metricpb.ClearMetricsPResponse, error) {
	s.m.reported.clear()
	return &metricpb.ClearMetricsPResponse{}, nil
}

// journalService tells about the journal's quorum.
type journalService struct {
	journalmasterpb.UnimplementedJournalMasterClientServiceServer
	m *Master
}

func (s *journalService) GetQuorumInfo(context.Context, *journalmasterpb.GetQuorumInfoPRequest) (*journalmasterpb.GetQuorumInfoPResponse, error) {
	resp := &journalmasterpb.GetQuorumInfoPResponse{Domain: journalmasterpb.JournalDomain_MASTER.Enum()}
	for _, p := range s.m.JournalStats().Peers {
		resp.ServerInfo = append(resp.ServerInfo, &journalmasterpb.QuorumServerInfo{
			ServerAddress: netAddress(p.Address), IsLeader: &p.Leader, Priority: proto.Int32(0),
			ServerState: journalmasterpb.QuorumServerState_AVAILABLE.Enum(),
		})
	}
	return resp, nil
}

func (s *journalService) GetNodeState(context.Context, *journalmasterpb.GetNodeStatePRequest) (*journalmasterpb.GetNodeStatePResponse, error) {
	state := journalmasterpb.NodeState_STANDBY
	if s.m.term.Load() != nil {
		state = journalmasterpb.NodeState_PRIMARY
	}
	return &journalmasterpb.GetNodeStatePResponse{NodeState: &state}, nil
}

// TransferLeadership hands leadership over before it answers, so there is
// nothing to wait for.
func (s *journalService) TransferLeadership(ctx context.Context, r *journalmasterpb.TransferLeadershipPRequest) (*journalmasterpb.TransferLeadershipPResponse, error) {
	a := r.GetServerAddress()
	address := ""
	if a.GetHost() != "" {
		address = net.JoinHostPort(a.GetHost(), strconv.Itoa(int(a.GetRpcPort())))
	}
	if err := s.m.journal.TransferLeadership(ctx, address); err != nil {
		return nil, err
	}
	return &journalmasterpb.TransferLeadershipPResponse{TransferId: proto.String("done")}, nil
}

// GetTransferLeaderMessage has nothing to say: a transfer that failed has said so.
func (s *journalService) GetTransferLeaderMessage(context.Context, *journalmasterpb.GetTransferLeaderMessagePRequest) (*journalmasterpb.GetTransferLeaderMessagePResponse, error) {
	return &journalmasterpb.GetTransferLeaderMessagePResponse{TransMsg: &journalmasterpb.TransferLeaderMessage{}}, nil
}

// ResetPriorities has nothing to do: members have no priorities.
func (s *journalService) ResetPriorities(context.Context, *journalmasterpb.ResetPrioritiesPRequest) (*journalmasterpb.ResetPrioritiesPResponse, error) {
	return &journalmasterpb.ResetPrioritiesPResponse{}, nil
}

// RemoveQuorumServer is refused: members are those of the configuration.
func (s *journalService) RemoveQuorumServer(context.Context, *journalmasterpb.RemoveQuorumServerPRequest) (*journalmasterpb.RemoveQuorumServerPResponse, error) {
	return nil, unimplemented("Removing a member from the quorum (change alluxio.master.embedded.journal.addresses on all masters instead)")
}
