package client

import (
	"context"
	"maps"
	"net"
	"strconv"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/proto/metapb"
	"github.com/alluxio-go/alluxio/proto/metricpb"
)

// WorkerInfo is a worker as the master sees it.
type WorkerInfo struct {
	ID              int64
	Address         WorkerAddress
	LastContact     time.Duration // since its last heartbeat
	State           string        // "In Service", "Out of Service", …
	CapacityBytes   int64
	UsedBytes       int64
	CapacityOnTiers map[string]int64 // by tier alias
	UsedOnTiers     map[string]int64
	Started         time.Time
	Version         string // "" when not reported, like Revision
	Revision        string
}

// Workers returns the workers in service.
func (c *Client) Workers(ctx context.Context) ([]WorkerInfo, error) {
	var workers []WorkerInfo
	err := c.blocks(ctx, func(ctx context.Context, m blockpb.BlockMasterClientServiceClient) error {
		resp, err := m.GetWorkerInfoList(ctx, &blockpb.GetWorkerInfoListPOptions{})
		workers = workerInfos(resp.GetWorkerInfos())
		return err
	})
	return workers, err
}

// WorkerRange selects workers for a report.
type WorkerRange int32

// The ranges, by their wire numbers.
const (
	AllWorkers       = WorkerRange(blockpb.WorkerRange_ALL)
	LiveWorkers      = WorkerRange(blockpb.WorkerRange_LIVE)
	LostWorkers      = WorkerRange(blockpb.WorkerRange_LOST)
	SpecifiedWorkers = WorkerRange(blockpb.WorkerRange_SPECIFIED)
)

// WorkerReport returns the workers of a range with all that is known of them.
// hosts name them when the range is SpecifiedWorkers.
func (c *Client) WorkerReport(ctx context.Context, r WorkerRange, hosts ...string) ([]WorkerInfo, error) {
	req := &blockpb.GetWorkerReportPOptions{Addresses: hosts, WorkerRange: blockpb.WorkerRange(r).Enum()}
	for f := range blockpb.WorkerInfoField_name { // those that Alluxio 2.9 does not know it ignores
		req.FieldRanges = append(req.FieldRanges, blockpb.WorkerInfoField(f))
	}
	var workers []WorkerInfo
	err := c.blocks(ctx, func(ctx context.Context, m blockpb.BlockMasterClientServiceClient) error {
		resp, err := m.GetWorkerReport(ctx, req)
		workers = workerInfos(resp.GetWorkerInfos())
		return err
	})
	return workers, err
}

func workerInfos(list []*blockpb.WorkerInfo) []WorkerInfo {
	workers := make([]WorkerInfo, 0, len(list))
	for _, p := range list {
		workers = append(workers, WorkerInfo{
			ID: p.GetId(), Address: workerAddress(p.GetAddress()),
			LastContact: time.Duration(p.GetLastContactSec()) * time.Second, State: p.GetState(),
			CapacityBytes: p.GetCapacityBytes(), UsedBytes: p.GetUsedBytes(),
			CapacityOnTiers: maps.Clone(p.GetCapacityBytesOnTiers()), UsedOnTiers: maps.Clone(p.GetUsedBytesOnTiers()),
			Started: time.UnixMilli(p.GetStartTimeMs()), Version: p.GetBuildVersion().GetVersion(), Revision: p.GetBuildVersion().GetRevision(),
		})
	}
	return workers
}

// LostStorage returns the failed storage directories of each worker, by tier
// alias.
func (c *Client) LostStorage(ctx context.Context) (map[string]map[string][]string, error) {
	var lost map[string]map[string][]string
	err := c.blocks(ctx, func(ctx context.Context, m blockpb.BlockMasterClientServiceClient) error {
		resp, err := m.GetWorkerLostStorage(ctx, &blockpb.GetWorkerLostStoragePOptions{})
		lost = map[string]map[string][]string{}
		for _, w := range resp.GetWorkerLostStorageInfo() {
			tiers := map[string][]string{}
			for tier, dirs := range w.GetLostStorage() {
				tiers[tier] = dirs.GetStorage()
			}
			lost[w.GetAddress().GetHost()] = tiers
		}
		return err
	})
	return lost, err
}

// BlockInfo returns the length and the cached copies of a block.
func (c *Client) BlockInfo(ctx context.Context, id int64) (BlockInfo, error) {
	s, err := c.session(ctx)
	if err != nil {
		return BlockInfo{}, err
	}
	return s.blockInfo(ctx, id)
}

func (s *session) blockInfo(ctx context.Context, id int64) (BlockInfo, error) {
	var info BlockInfo
	err := s.master.Do(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) error {
		resp, err := blockpb.NewBlockMasterClientServiceClient(cc).GetBlockInfo(ctx, &blockpb.GetBlockInfoPRequest{BlockId: &id})
		info = blockInfo(resp.GetBlockInfo())
		return err
	})
	return info, err
}

// Capacity is the cache space of the cluster, in bytes.
type Capacity struct {
	CapacityBytes, UsedBytes, FreeBytes int64
	CapacityOnTiers, UsedOnTiers        map[string]int64 // by tier alias
	LiveWorkers, LostWorkers            int
}

// Capacity returns the cache space of the cluster.
func (c *Client) Capacity(ctx context.Context) (Capacity, error) {
	var total Capacity
	err := c.blocks(ctx, func(ctx context.Context, m blockpb.BlockMasterClientServiceClient) error {
		resp, err := m.GetBlockMasterInfo(ctx, &blockpb.GetBlockMasterInfoPOptions{})
		p := resp.GetBlockMasterInfo()
		total = Capacity{
			CapacityBytes: p.GetCapacityBytes(), UsedBytes: p.GetUsedBytes(), FreeBytes: p.GetFreeBytes(),
			CapacityOnTiers: maps.Clone(p.GetCapacityBytesOnTiers()), UsedOnTiers: maps.Clone(p.GetUsedBytesOnTiers()),
			LiveWorkers: int(p.GetLiveWorkerNum()), LostWorkers: int(p.GetLostWorkerNum()),
		}
		return err
	})
	return total, err
}

// MasterInfo is what the primary master says about itself.
type MasterInfo struct {
	Leader        string   // host:port of the primary
	Masters       []string // host:port of all masters
	Workers       []string // host:port
	RPCPort       int
	WebPort       int
	SafeMode      bool
	Started       time.Time
	Uptime        time.Duration
	Version       string
	ClusterID     string
	RaftJournal   bool
	RaftAddresses []string
	Zookeeper     []string
}

// MasterInfo returns what the primary master says about itself.
func (c *Client) MasterInfo(ctx context.Context) (MasterInfo, error) {
	var info MasterInfo
	err := c.meta(ctx, func(ctx context.Context, m metapb.MetaMasterClientServiceClient) error {
		resp, err := m.GetMasterInfo(ctx, &metapb.GetMasterInfoPOptions{})
		p := resp.GetMasterInfo()
		info = MasterInfo{
			Leader: p.GetLeaderMasterAddress(), Masters: hostPorts(p.GetMasterAddresses()), Workers: hostPorts(p.GetWorkerAddresses()),
			RPCPort: int(p.GetRpcPort()), WebPort: int(p.GetWebPort()), SafeMode: p.GetSafeMode(),
			Started: time.UnixMilli(p.GetStartTimeMs()), Uptime: time.Duration(p.GetUpTimeMs()) * time.Millisecond,
			Version: p.GetVersion(), ClusterID: p.GetClusterId(), RaftJournal: p.GetRaftJournal(),
			RaftAddresses: p.GetRaftAddress(), Zookeeper: p.GetZookeeperAddresses(),
		}
		return err
	})
	return info, err
}

func hostPorts(list []*grpcpb.NetAddress) []string {
	addrs := make([]string, 0, len(list))
	for _, a := range list {
		addrs = append(addrs, net.JoinHostPort(a.GetHost(), strconv.Itoa(int(a.GetRpcPort()))))
	}
	return addrs
}

// ConfigurationOptions are options of Configuration.
type ConfigurationOptions struct {
	Raw           bool // leave ${…} unresolved
	IgnoreCluster bool
	IgnorePaths   bool
}

// Configuration is what the master hands out.
type Configuration struct {
	Cluster     []config.Property
	Paths       map[string][]config.Property
	ClusterHash string
	PathHash    string
}

// Configuration returns the configuration of the master and the defaults of
// paths. Credentials are masked.
func (c *Client) Configuration(ctx context.Context, o ConfigurationOptions) (Configuration, error) {
	var conf Configuration
	err := c.configuration(ctx, func(ctx context.Context, m metapb.MetaMasterConfigurationServiceClient) error {
		resp, err := m.GetConfiguration(ctx, &metapb.GetConfigurationPOptions{
			RawValue: &o.Raw, IgnoreClusterConf: &o.IgnoreCluster, IgnorePathConf: &o.IgnorePaths,
		})
		conf = Configuration{
			Cluster: properties(resp.GetClusterConfigs()), Paths: map[string][]config.Property{},
			ClusterHash: resp.GetClusterConfigHash(), PathHash: resp.GetPathConfigHash(),
		}
		for path, props := range resp.GetPathConfigs() {
			conf.Paths[path] = properties(props.GetProperties())
		}
		return err
	})
	return conf, err
}

func properties(list []*grpcpb.ConfigProperty) []config.Property {
	props := make([]config.Property, 0, len(list))
	for _, p := range list {
		props = append(props, config.Property{Name: p.GetName(), Value: p.GetValue(), Source: p.GetSource()})
	}
	return props
}

// UpdateConfiguration changes properties of the running master. The result says
// for each whether it was.
func (c *Client) UpdateConfiguration(ctx context.Context, values map[string]string) (map[string]bool, error) {
	var changed map[string]bool
	err := c.configuration(ctx, func(ctx context.Context, m metapb.MetaMasterConfigurationServiceClient) error {
		resp, err := m.UpdateConfiguration(ctx, &metapb.UpdateConfigurationPRequest{Properties: values})
		changed = resp.GetStatus()
		return err
	})
	return changed, err
}

// SetPathConfiguration sets defaults of clients for what lies under a path.
func (c *Client) SetPathConfiguration(ctx context.Context, path string, values map[string]string) error {
	path, _, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	return c.configuration(ctx, func(ctx context.Context, m metapb.MetaMasterConfigurationServiceClient) error {
		_, err := m.SetPathConfiguration(ctx, &metapb.SetPathConfigurationPRequest{Path: &path, Properties: values})
		return err
	})
}

// RemovePathConfiguration removes such defaults; with no names all of the path.
func (c *Client) RemovePathConfiguration(ctx context.Context, path string, names ...string) error {
	path, _, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	return c.configuration(ctx, func(ctx context.Context, m metapb.MetaMasterConfigurationServiceClient) error {
		_, err := m.RemovePathConfiguration(ctx, &metapb.RemovePathConfigurationPRequest{Path: &path, Keys: names})
		return err
	})
}

// ConfigReport is the outcome of the master's comparison of its own and the
// workers' configurations. Errors and Warnings map property → value → hosts.
type ConfigReport struct {
	Status           string // PASSED, WARN, FAILED
	Errors, Warnings map[string]map[string][]string
}

// ConfigReport returns that comparison.
func (c *Client) ConfigReport(ctx context.Context) (ConfigReport, error) {
	var report ConfigReport
	err := c.meta(ctx, func(ctx context.Context, m metapb.MetaMasterClientServiceClient) error {
		resp, err := m.GetConfigReport(ctx, &metapb.GetConfigReportPOptions{})
		p := resp.GetReport()
		report = ConfigReport{
			Status: p.GetStatus().String(), Errors: inconsistencies(p.GetErrors()), Warnings: inconsistencies(p.GetWarns()),
		}
		return err
	})
	return report, err
}

// inconsistencies flattens the report's scopes: a property has one.
func inconsistencies(scopes map[string]*metapb.InconsistentProperties) map[string]map[string][]string {
	all := map[string]map[string][]string{}
	for _, scope := range scopes {
		for _, p := range scope.GetProperties() {
			values := map[string][]string{}
			for value, hosts := range p.GetValues() {
				values[value] = hosts.GetValues()
			}
			all[p.GetName()] = values
		}
	}
	return all
}

// Metric is one metric of the cluster: a number or a text.
type Metric struct {
	Number float64
	Text   string
	Type   string // COUNTER, GAUGE, …
}

// Metrics returns the metrics of the cluster by name.
func (c *Client) Metrics(ctx context.Context) (map[string]Metric, error) {
	var all map[string]Metric
	err := c.metrics(ctx, func(ctx context.Context, m metricpb.MetricsMasterClientServiceClient) error {
		resp, err := m.GetMetrics(ctx, &metricpb.GetMetricsPOptions{})
		all = make(map[string]Metric, len(resp.GetMetrics()))
		for name, v := range resp.GetMetrics() {
			all[name] = Metric{Number: v.GetDoubleValue(), Text: v.GetStringValue(), Type: v.GetMetricType().String()}
		}
		return err
	})
	return all, err
}

// ClearMetrics sets the metrics of the master to zero.
func (c *Client) ClearMetrics(ctx context.Context) error {
	return c.metrics(ctx, func(ctx context.Context, m metricpb.MetricsMasterClientServiceClient) error {
		_, err := m.ClearMetrics(ctx, &metricpb.ClearMetricsPRequest{})
		return err
	})
}

// StateLockHolders returns the names of who holds the master's state lock.
func (c *Client) StateLockHolders(ctx context.Context) ([]string, error) {
	var holders []string
	err := c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.GetStateLockHolders(ctx, &filepb.GetStateLockHoldersPRequest{})
		holders = resp.GetThreads()
		return err
	})
	return holders, err
}
