package web

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/version"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// WorkerSource is what the pages of a worker ask; *worker.Worker is one.
type WorkerSource interface {
	ID() int64
	StartTime() time.Time
	NetAddress() *grpcpb.WorkerNetAddress
	Tiers() []store.TierInfo
	Blocks() []store.Info
}

// FileNames tells the paths of files and the ids of paths.
type FileNames interface {
	FileID(ctx context.Context, path string) (blockid.FileID, error)
	FilePath(ctx context.Context, id blockid.FileID) (string, error)
}

// WorkerOptions configure the handler of a worker.
type WorkerOptions struct {
	Options
	// Names finds the paths of the files whose blocks are here. nil: files are
	// shown by their ids.
	Names FileNames
	// Operations counts the calls that the worker is serving. nil: the endpoint
	// that tells them answers that it cannot.
	Operations func() (running, waiting int)
}

// workerPages are the views of a worker.
type workerPages struct {
	src     WorkerSource
	opts    WorkerOptions
	dates   dates
	debug   bool
	history *History
}

// NewWorkerHandler returns the pages and endpoints of a worker.
func NewWorkerHandler(src WorkerSource, opts WorkerOptions) http.Handler {
	p := newWorkerPages(src, opts)
	return newRouter(p.routes(), routerOptions{
		fileInfo: p.opts.Config.Bool(config.WebFileInfoEnabled), cors: p.opts.Config.Bool(config.WebCORSEnabled),
		logger: p.opts.Logger, notFound: p.site().notFound,
	})
}

func newWorkerPages(src WorkerSource, opts WorkerOptions) *workerPages {
	opts.Options = opts.withDefaults()
	return &workerPages{src: src, opts: opts, dates: dates{opts.Config.String(config.UserDateFormatPattern)},
		debug: opts.Config.Bool(config.Debug), history: cmp.Or(opts.History, NewWorkerHistory(opts.Gatherer))}
}

const workerAPI = "/api/v1/worker/"

// routes are all routes of a worker.
func (p *workerPages) routes() []route {
	logs := logDir{dir: p.opts.Config.String(config.LogsDir), dates: p.dates, debug: p.debug}
	get := func(path string, a Access, v view) route {
		return route{http.MethodGet, workerAPI + path, a, api(v)}
	}
	routes := append(commonRoutes(p.opts.Options, nil),
		get("info", Everyone, p.info),
		get("webui_init", Everyone, p.init),
		get("webui_overview", Everyone, p.overview),
		get("webui_blockinfo", Files, p.blockInfo),
		get("webui_logs", Files, logs.view),
		get("webui_config", Everyone, p.config),
		get("webui_metrics", Everyone, p.metrics),
		get("operations", Everyone, p.operations),
		route{http.MethodPost, workerAPI + "logLevel", Local, api(logLevelView(p.opts.Level))},
	)
	if !p.opts.Config.Bool(config.WebUIEnabled) {
		return routes
	}
	s := p.site()
	return append(routes,
		s.page("/{$}", "worker", Everyone, p.overview),
		s.page("/overview", "worker", Everyone, p.overview),
		s.page("/blockInfo", "blockinfo", Files, p.blockInfo),
		s.page("/logs", "logs", Files, logs.view),
		s.page("/metrics", "workermetrics", Everyone, p.metrics),
		s.page("/config", "config", Everyone, p.config),
		s.page("/stacks", "stacks", Everyone, threadDumpText),
		assetRoute(),
	)
}

func (p *workerPages) site() *site {
	back := "http://" + net.JoinHostPort(p.opts.Config.MasterHost(), strconv.Itoa(p.opts.Config.Int(config.MasterWebPort))) + "/"
	return &site{
		process: "Worker", config: p.opts.Config, logger: p.opts.Logger, node: p.address,
		nav: []navItem{{"/overview", "Overview"}, {"/blockInfo", "Blocks"}, {"/logs", "Logs"}, {"/metrics", "Metrics"},
			{"/config", "Configuration"}, {"/stacks", "Stacks"}},
		back: back, backText: "Return to Master",
	}
}

// address is the worker's host:port.
func (p *workerPages) address() string {
	a := p.src.NetAddress()
	return net.JoinHostPort(a.GetHost(), strconv.Itoa(int(a.GetRpcPort())))
}

// WorkerInfo is the JSON of info of a worker.
type WorkerInfo struct {
	Capacity      amount              `json:"capacity"`
	Configuration map[string]string   `json:"configuration"`
	Metrics       map[string]int64    `json:"metrics"`
	RPCAddress    string              `json:"rpcAddress"`
	StartTimeMS   int64               `json:"startTimeMs"`
	TierCapacity  map[string]amount   `json:"tierCapacity"`
	TierPaths     map[string][]string `json:"tierPaths"`
	UptimeMS      int64               `json:"uptimeMs"`
	Version       string              `json:"version"`
	Revision      string              `json:"revision"`
}

func (p *workerPages) info(*http.Request) (any, error) {
	v := &WorkerInfo{
		Configuration: map[string]string{}, Metrics: map[string]int64{}, TierCapacity: map[string]amount{}, TierPaths: map[string][]string{},
		RPCAddress: p.address(), StartTimeMS: p.src.StartTime().UnixMilli(), UptimeMS: since(p.src.StartTime()).Milliseconds(),
		Version: version.Version, Revision: version.Revision,
	}
	for _, prop := range p.opts.Config.All() {
		v.Configuration[prop.Name] = prop.Value
	}
	metrics, err := gathered(p.opts.Gatherer)
	if err != nil {
		return nil, err
	}
	for name, value := range metrics {
		v.Metrics[name] = int64(value)
	}
	for _, t := range p.src.Tiers() {
		v.Capacity.Total += t.Capacity
		v.Capacity.Used += t.Used
		v.TierCapacity[t.Alias] = amount{t.Capacity, t.Used}
		v.TierPaths[t.Alias] = []string{}
		for _, d := range t.Dirs {
			v.TierPaths[t.Alias] = append(v.TierPaths[t.Alias], d.Path)
		}
	}
	return v, nil
}

// gathered are the gatherer's counters and gauges under Alluxio's names.
func gathered(g prometheus.Gatherer) (map[string]float64, error) {
	families, err := g.Gather()
	if err != nil {
		return nil, errors.E("gathering metrics", "", errors.Internal, err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			switch name := alluxioName(f.GetName(), s.GetLabel()); f.GetType() {
			case dto.MetricType_COUNTER:
				out[name] = finite(s.GetCounter().GetValue())
			case dto.MetricType_GAUGE:
				out[name] = finite(s.GetGauge().GetValue())
			}
		}
	}
	return out, nil
}

// WorkerInit is the JSON of webui_init of a worker.
type WorkerInit struct {
	Debug              bool   `json:"debug"`
	MasterHostname     string `json:"masterHostname"`
	MasterPort         int    `json:"masterPort"`
	RefreshIntervalMS  int64  `json:"refreshInterval"`
	PermissionEnabled  bool   `json:"securityAuthorizationPermissionEnabled"`
	WebFileInfoEnabled bool   `json:"webFileInfoEnabled"`
}

func (p *workerPages) init(*http.Request) (any, error) {
	c := p.opts.Config
	return WorkerInit{
		Debug: p.debug, MasterHostname: c.MasterHost(), MasterPort: c.Int(config.MasterWebPort),
		RefreshIntervalMS: c.Duration(config.WebRefreshInterval).Milliseconds(),
		PermissionEnabled: c.Bool(config.SecurityAuthorizationPermissionEnabled), WebFileInfoEnabled: c.Bool(config.WebFileInfoEnabled),
	}, nil
}

// WorkerOverview is the JSON of webui_overview of a worker.
type WorkerOverview struct {
	BlockCount  string       `json:"blockCount"`
	Capacity    string       `json:"capacityBytes"`
	Used        string       `json:"usedBytes"`
	StorageDirs []storageDir `json:"storageDirs"`
	Tiers       []tierUsage  `json:"usageOnTiers"`
	Version     string       `json:"version"`
	Revision    string       `json:"revision"`
	Worker      workerBrief  `json:"workerInfo"`
}

type workerBrief struct {
	Address   string `json:"workerAddress"`
	StartTime string `json:"startTime"`
	Uptime    string `json:"uptime"`
}

type tierUsage struct {
	Alias       string `json:"tierAlias"`
	Capacity    int64  `json:"capacityBytes"`
	Used        int64  `json:"usedBytes"`
	UsedPercent int    `json:"-"`
}

type storageDir struct {
	Alias       string `json:"tierAlias"`
	Path        string `json:"dirPath"`
	Capacity    int64  `json:"capacityBytes"`
	Used        int64  `json:"usedBytes"`
	UsedPercent int    `json:"-"`
	Medium      string `json:"-"`
	Problem     string `json:"-"`
}

func (p *workerPages) overview(*http.Request) (any, error) {
	v := &WorkerOverview{
		StorageDirs: []storageDir{}, Tiers: []tierUsage{}, Version: version.Version, Revision: version.Revision,
		BlockCount: strconv.Itoa(len(wholeBlocks(p.src.Blocks()))),
		Worker:     workerBrief{p.address(), p.dates.text(p.src.StartTime()), clockText(since(p.src.StartTime()))},
	}
	var capacity, used int64
	for _, t := range p.src.Tiers() {
		capacity, used = capacity+t.Capacity, used+t.Used
		v.Tiers = append(v.Tiers, tierUsage{t.Alias, t.Capacity, t.Used, percentOf(t.Used, t.Capacity)})
		for _, d := range t.Dirs {
			size := d.Capacity
			if d.Lost {
				size = d.Quota // what it should have
			}
			dir := storageDir{Alias: t.Alias, Medium: d.Medium, Path: d.Path, Capacity: size, Used: d.Used, UsedPercent: percentOf(d.Used, size)}
			if d.Lost || d.Full {
				dir.Problem = cmp.Or(d.Cause, "not usable")
			}
			v.StorageDirs = append(v.StorageDirs, dir)
		}
	}
	v.Capacity, v.Used = sizeText(capacity), sizeText(used)
	return v, nil
}

func wholeBlocks(all []store.Info) []store.Info {
	return slices.DeleteFunc(slices.Clone(all), func(b store.Info) bool { return !b.Whole })
}

func (p *workerPages) config(*http.Request) (any, error) {
	all := p.opts.Config.All()
	return &WorkerConfiguration{
		Configuration: Configuration{Properties: properties(all), Whitelist: p.opts.Config.List(config.WorkerWhitelist)},
		ClusterHash:   config.HashProperties(all),
	}, nil
}

// WorkerConfiguration is the JSON of webui_config of a worker.
type WorkerConfiguration struct {
	Configuration
	ClusterHash       string `json:"clusterConfigHash"`
	PathHash          string `json:"pathConfigHash"`
	ClusterLastUpdate string `json:"clusterConfigLastUpdateTime"`
	PathLastUpdate    string `json:"pathConfigLastUpdateTime"`
}

// WorkerMetrics is the JSON of webui_metrics of a worker.
type WorkerMetrics struct {
	UsedPercent int                `json:"workerCapacityUsedPercentage"`
	FreePercent int                `json:"workerCapacityFreePercentage"`
	Operations  map[string]Counter `json:"operationMetrics"`

	// For the page; programs have /metrics/json.
	Reading   Reading      `json:"-"`
	Latencies []Latency    `json:"-"`
	Flows     []sizeRow    `json:"-"`
	Counts    []countGroup `json:"-"`
}

// sizeRow is an amount of bytes by name.
type sizeRow struct{ Name, Size string }

// countGroup are counters that belong together.
type countGroup struct {
	Title  string
	Counts []countRow
}

type countRow struct {
	Name string
	N    int64
}

// workerFlows are the amounts that the page shows, without "Worker.".
var workerFlows = [][2]string{
	{"BytesReadRemote", "Sent over the network"}, {"BytesReadDomain", "Sent over the domain socket"}, {"BytesReadInPlace", "Read in place while fetched"}, {"BytesReadMissed", "Of these, fetched first"},
	{"BytesReadUncached", "Of that, past the cache"}, {"BytesReadUfsAll", "Read from under stores"}, {"BytesReadFromWorkers", "Copied from other workers"},
	{"CacheBlocksSize", "Of both, loaded on request"}, {"BytesWrittenRemote", "Written over the network"}, {"BytesWrittenDomain", "Written over the domain socket"},
	{"BytesWrittenUfsAll", "Written to under stores"}, {"BytesScrubbed", "Verified in the background"},
}

// workerCounts are the counters that the page shows, without "Worker.".
var workerCounts = []struct {
	title string
	names []string
}{
	{"Blocks", []string{"BlocksAccessed", "BlocksCached", "BlocksCancelled", "BlocksDeleted", "BlocksEvicted", "BlocksLost", "BlocksPromoted", "BlocksDemoted", "BlocksReadLocal", "BlocksReadRemote", "BlocksReadUfs"}},
	{"Fetching", []string{"PageFetches", "PageFetchesInFlight", "PageReadsCoalesced", "PagesNotKept", "CacheRequestsSync", "CacheRequestsAsync", "CacheRequestsDropped", "CacheSucceededBlocks", "CacheFailedBlocks", "ActiveRpcReadCount", "ActiveRpcWriteCount"}},
	{"Integrity", []string{"PagesCorrupt", "PagesQuarantined", "FilesQuarantined", "BlocksStale", "StorageDirFailures"}},
}

// workerTimes are the latencies that the page shows.
var workerTimes = [][2]string{
	{"Worker_ReadBlockFirstChunkSeconds", "Read: until the first bytes"}, {"Worker_ReadBlockSeconds", "Read: whole request"},
	{"Worker_OpenLocalBlockSeconds", "Open in place"}, {"Worker_UfsFetchSeconds", "Under store request"}, {"Worker_WriteBlockSeconds", "Write of a block"},
}

func (p *workerPages) metrics(*http.Request) (any, error) {
	all, err := gathered(p.opts.Gatherer)
	if err != nil {
		return nil, err
	}
	v := &WorkerMetrics{Operations: map[string]Counter{}}
	var capacity, used int64
	for _, t := range p.src.Tiers() {
		capacity, used = capacity+t.Capacity, used+t.Used
	}
	v.UsedPercent = percentOf(used, capacity)
	v.FreePercent = 100 - v.UsedPercent
	for _, f := range workerFlows {
		v.Flows = append(v.Flows, sizeRow{f[1], sizeText(int64(all["Worker."+f[0]]))})
		v.Operations[f[0]] = Counter{all["Worker."+f[0]]}
	}
	for _, g := range workerCounts {
		group := countGroup{Title: g.title}
		for _, name := range g.names {
			n, known := all["Worker."+name]
			v.Operations[name] = Counter{n}
			if known {
				group.Counts = append(group.Counts, countRow{name, int64(n)})
			}
		}
		v.Counts = append(v.Counts, group)
	}
	v.Reading = reading(p.history)
	v.Latencies, err = latencies(p.opts.Gatherer, workerTimes)
	return v, err
}

// Operations is the JSON of operations of a worker.
type Operations struct {
	OperationCount int `json:"operationCount"`
	RPCQueueLength int `json:"rpcQueueLength"`
}

func (p *workerPages) operations(*http.Request) (any, error) {
	if p.opts.Operations == nil {
		return nil, errors.Errorf(errors.Unsupported, "This worker does not count its operations.")
	}
	running, waiting := p.opts.Operations()
	return Operations{running, waiting}, nil
}
