package web

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master"
	"github.com/alluxio-go/alluxio/master/blockmap"
)

// MasterSource is what the pages of a master ask; *master.Master is one.
type MasterSource interface {
	Info() master.Info
	Workers() []blockmap.Worker
	Mounts(ctx context.Context, space bool) []master.MountInfo
	Browse(ctx context.Context, c master.Caller, path string, offset, limit int) (master.Page, error)
	GetStatus(ctx context.Context, c master.Caller, path string) (master.FileInfo, error)
	InAlluxio() (files []master.FileInfo, more bool)
	PathCount() int64
	Config() []config.Property
	ConfigHash() string
	ConfigReport() []master.Inconsistency
	Metrics() map[string]float64
}

// FileReader reads files of the file system.
type FileReader interface {
	// ReadFileAt reads up to length bytes of the file at path from offset on;
	// fewer only where the file ends.
	ReadFileAt(ctx context.Context, path string, offset int64, length int) ([]byte, error)
}

// Options configure a handler.
type Options struct {
	// Config is the process's configuration.
	Config *config.Config
	// Gatherer has the process's metrics. nil: none.
	Gatherer prometheus.Gatherer
	// Level is the level of the process's log. nil: it cannot be changed.
	Level *slog.LevelVar
	// Logger receives failures of the pages. nil: none.
	Logger *slog.Logger
	// Files reads what the file view of a master shows. nil: no contents.
	Files FileReader
	// History has the past of the metrics; whoever made it runs it. nil: the
	// pages know the present only.
	History *History
}

func (o Options) withDefaults() Options {
	if o.Gatherer == nil {
		o.Gatherer = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// stranger is on whose behalf the pages look at files: nobody who logged in.
// It is no possible user name.
var stranger = master.Caller{User: "<web>"}

// masterPages are the views of a master.
type masterPages struct {
	src     MasterSource
	opts    Options
	dates   dates
	debug   bool
	space   spaces
	history *History
}

// NewMasterHandler returns the pages and endpoints of a master.
func NewMasterHandler(src MasterSource, opts Options) http.Handler {
	p := newMasterPages(src, opts)
	return newRouter(p.routes(), routerOptions{
		fileInfo: p.opts.Config.Bool(config.WebFileInfoEnabled), cors: p.opts.Config.Bool(config.WebCORSEnabled),
		logger: p.opts.Logger, notFound: p.site().notFound,
	})
}

func newMasterPages(src MasterSource, opts Options) *masterPages {
	opts = opts.withDefaults()
	return &masterPages{src: src, opts: opts, dates: dates{opts.Config.String(config.UserDateFormatPattern)},
		debug: opts.Config.Bool(config.Debug), history: cmp.Or(opts.History, NewMasterHistory(src))}
}

// proxyPort is where Alluxio's proxy serves downloads.
const proxyPort = "39999"

const masterAPI = "/api/v1/master/"

// routes are all routes of a master.
func (p *masterPages) routes() []route {
	logs := logDir{dir: p.opts.Config.String(config.LogsDir), dates: p.dates, debug: p.debug}
	get := func(path string, a Access, v view) route {
		return route{http.MethodGet, masterAPI + path, a, api(v)}
	}
	routes := append(commonRoutes(p.opts, p.src.Metrics),
		get("info", Everyone, p.info),
		get("webui_init", Everyone, p.init),
		get("webui_overview", Everyone, p.overview),
		get("webui_browse", Files, p.leading(p.browse)),
		get("webui_data", Files, p.leading(p.data)),
		get("webui_logs", Files, logs.view),
		get("webui_config", Everyone, p.config),
		get("webui_workers", Everyone, p.workers),
		get("webui_masters", Everyone, p.masters),
		get("webui_mounttable", Everyone, p.mountTable),
		get("webui_metrics", Everyone, p.metrics),
		route{http.MethodPost, masterAPI + "logLevel", Local, api(logLevelView(p.opts.Level))},
	)
	if !p.opts.Config.Bool(config.WebUIEnabled) {
		return routes
	}
	s := p.site()
	return append(routes,
		s.page("/{$}", "overview", Everyone, p.overview),
		s.page("/overview", "overview", Everyone, p.overview),
		s.page("/browse", "browse", Files, p.leading(p.browse)),
		s.page("/data", "data", Files, p.leading(p.data)),
		s.page("/logs", "logs", Files, logs.view),
		s.page("/config", "config", Everyone, p.config),
		s.page("/masters", "masters", Everyone, p.masters),
		s.page("/workers", "workers", Everyone, p.workers),
		s.page("/metrics", "metrics", Everyone, p.metrics),
		s.page("/stacks", "stacks", Everyone, threadDumpText),
		s.page("/mounttable", "mounttable", Everyone, p.mountTable),
		assetRoute(),
	)
}

// commonRoutes are those of every process.
func commonRoutes(o Options, extra func() map[string]float64) []route {
	return []route{
		{http.MethodGet, "/metrics/prometheus", Everyone, prometheusHandler(o.Gatherer)},
		{http.MethodGet, "/metrics/prometheus/{$}", Everyone, prometheusHandler(o.Gatherer)},
		{http.MethodGet, "/metrics/json", Everyone, api(metricsJSON(o.Gatherer, extra))},
		{http.MethodGet, "/metrics/json/{$}", Everyone, api(metricsJSON(o.Gatherer, extra))},
		{http.MethodGet, "/api/v1/common/thread_dump", Everyone, threadDump},
	}
}

// leading refuses what only a leading master knows.
func (p *masterPages) leading(v view) view {
	return func(r *http.Request) (any, error) {
		if i := p.src.Info(); !i.Leading {
			leader := i.Leader
			if leader == "" {
				leader = "not known yet"
			}
			return nil, errors.Errorf(errors.Unavailable, "This master is standing by. The leading master is %s.", leader)
		}
		return v(r)
	}
}

// MasterInit is the JSON of webui_init of a master.
type MasterInit struct {
	Debug                 bool        `json:"debug"`
	NewerVersionAvailable bool        `json:"newerVersionAvailable"`
	PermissionEnabled     bool        `json:"securityAuthorizationPermissionEnabled"`
	ProxyDownloadFile     downloadURL `json:"proxyDownloadFileApiUrl"`
	RefreshIntervalMS     int64       `json:"refreshInterval"`
	WebFileInfoEnabled    bool        `json:"webFileInfoEnabled"`
	WorkerPort            int         `json:"workerPort"`
}

type downloadURL struct {
	Prefix string `json:"prefix"`
	Suffix string `json:"suffix"`
}

func (p *masterPages) init(*http.Request) (any, error) {
	c := p.opts.Config
	proxy := net.JoinHostPort(p.src.Info().Host, proxyPort)
	return MasterInit{
		Debug: p.debug, PermissionEnabled: c.Bool(config.SecurityAuthorizationPermissionEnabled),
		ProxyDownloadFile:  downloadURL{"http://" + proxy + "/api/v1/paths/", "/download-file/"},
		RefreshIntervalMS:  c.Duration(config.WebRefreshInterval).Milliseconds(),
		WebFileInfoEnabled: c.Bool(config.WebFileInfoEnabled), WorkerPort: c.Int(config.WorkerWebPort),
	}, nil
}

// site is the frame of a master's pages.
func (p *masterPages) site() *site {
	return &site{
		process: "Master", config: p.opts.Config, logger: p.opts.Logger,
		node: func() string { return p.src.Info().Address },
		nav: []navItem{{"/overview", "Overview"}, {"/browse", "Browse"}, {"/data", "In-Alluxio Data"}, {"/logs", "Logs"},
			{"/config", "Configuration"}, {"/masters", "Masters"}, {"/workers", "Workers"}, {"/metrics", "Metrics"},
			{"/stacks", "Stacks"}, {"/mounttable", "Mount Table"}},
	}
}

// since is the time from t until now, 0 for no time.
func since(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return max(0, time.Since(t))
}
