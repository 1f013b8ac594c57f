package master

import (
	"context"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/version"
	"github.com/alluxio-go/alluxio/journal"
	"github.com/alluxio-go/alluxio/master/blockmap"
)

// This file is what the master's web pages and reports are made of: plain
// values, read at one moment. While standing by, what only a leader knows is
// empty or an error of kind Unavailable.

// Info describes the master itself.
type Info struct {
	ClusterID     string
	Address       string // host:port of the RPC service
	Host          string
	RPCPort       int
	WebPort       int
	Started       time.Time
	Uptime        time.Duration
	Version       string
	Revision      string
	Leading       bool
	SafeMode      bool
	Leader        string // the leading master's address, "" when not known
	Masters       []string
	WorkerTimeout time.Duration
	Journal       journal.Stats
}

// Info describes the master itself.
func (m *Master) Info() Info {
	i := Info{
		Host: m.conf.MasterHost(), RPCPort: m.port(), WebPort: m.conf.Int(config.MasterWebPort),
		Started: m.started, Uptime: m.now().Sub(m.started),
		Version: version.Version, Revision: version.Revision,
		Masters: m.conf.MasterAddresses(), WorkerTimeout: m.set.workerTimeout, Journal: m.JournalStats(),
	}
	i.Address = net.JoinHostPort(i.Host, strconv.Itoa(i.RPCPort))
	if t := m.term.Load(); t != nil {
		i.Leading, i.SafeMode, i.Leader = true, t.safeMode(), i.Address
	} else if host, _, err := net.SplitHostPort(i.Journal.Leader); err == nil {
		i.Leader = net.JoinHostPort(host, strconv.Itoa(m.conf.Int(config.MasterRPCPort)))
	}
	m.state.mu.RLock()
	defer m.state.mu.RUnlock()
	i.ClusterID = m.state.mu.cluster.GetId()
	return i
}

func (m *Master) port() int {
	if a, ok := m.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return m.conf.Int(config.MasterRPCPort)
}

// nodeName names this master in comparisons with workers.
func (m *Master) nodeName() string { return m.conf.MasterHost() }

// Workers are the registered workers: live, lost and decommissioned.
func (m *Master) Workers() []blockmap.Worker {
	if t := m.term.Load(); t != nil {
		return t.blocks.Workers()
	}
	return nil
}

// clusterUsage sums up the workers.
type clusterUsage struct {
	live, lost, blocks int
	capacity, used     int64
}

func (m *Master) usage() clusterUsage {
	var u clusterUsage
	t := m.term.Load()
	if t == nil {
		return u
	}
	u.blocks = t.blocks.Blocks()
	for _, w := range t.blocks.Workers() {
		switch w.State {
		case blockmap.Live:
			u.live++
			u.capacity += w.CapacityBytes()
			u.used += w.UsedBytes()
		case blockmap.Lost:
			u.lost++
		}
	}
	return u
}

// Mounts are the mount points; with space, with the sizes of their stores,
// which may take seconds.
func (m *Master) Mounts(ctx context.Context, space bool) []MountInfo {
	if t := m.term.Load(); t != nil {
		return t.MountTable(ctx, space)
	}
	return nil
}

// Page is a part of a directory's listing, or a file.
type Page struct {
	Current FileInfo
	Entries []FileInfo // of a directory
	Total   int        // entries of the directory
}

// Browse describes a path and a part of its entries, in order of their names,
// on behalf of the caller.
func (m *Master) Browse(ctx context.Context, c Caller, path string, offset, limit int) (Page, error) {
	t, err := m.leading()
	if err != nil {
		return Page{}, err
	}
	common := CommonOptions{SyncIntervalMS: NeverSync}
	p := Page{}
	if p.Current, err = t.GetStatus(ctx, c, path, StatusOptions{CommonOptions: common, Load: LoadOnce}); err != nil || !p.Current.IsDir() {
		return p, err
	}
	list, err := t.ListStatusPartial(ctx, c, path, PartialOptions{
		ListOptions: ListOptions{CommonOptions: common, Load: LoadOnce}, OffsetCount: max(0, offset), BatchSize: limit})
	p.Entries, p.Total = list.Infos, int(list.Count)
	return p, err
}

// maxInAlluxio bounds the files that InAlluxio looks for.
const maxInAlluxio = 1_000

// InAlluxio are files that are cached completely, at most a thousand of those
// that are found first, and whether there may be more.
func (m *Master) InAlluxio() (files []FileInfo, more bool) {
	t := m.term.Load()
	if t == nil {
		return nil, false
	}
	for _, tg := range t.cachedCandidates(maxInAlluxio * 10) {
		fi := t.info(tg.node.path, tg.in)
		if fi.InAlluxioPercent == 100 && fi.Length > 0 {
			files = append(files, fi)
		}
		if len(files) == maxInAlluxio {
			return files, true
		}
	}
	return files, false
}

// cachedCandidates are completed files with bytes, so many at most.
func (t *term) cachedCandidates(limit int) []target {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	var out []target
	for rel, in := range t.state.mu.tree.Descendants(rootContainer.File()) {
		if !in.IsDir() && in.Completed && in.Length > 0 && len(t.blocks.Locations(in.ID.Container().Block(0))) > 0 {
			if out = append(out, target{node{path: "/" + rel}, in}); len(out) == limit {
				break
			}
		}
	}
	return out
}

// GetStatus describes a path on behalf of the caller.
func (m *Master) GetStatus(ctx context.Context, c Caller, path string) (FileInfo, error) {
	t, err := m.leading()
	if err != nil {
		return FileInfo{}, err
	}
	return t.GetStatus(ctx, c, path, StatusOptions{CommonOptions: CommonOptions{SyncIntervalMS: NeverSync}, Load: LoadOnce})
}

// FilePath is the path of the file with the id.
func (m *Master) FilePath(id blockid.FileID) (string, error) {
	t, err := m.leading()
	if err != nil {
		return "", err
	}
	fi, err := t.GetFileInfo(System, id)
	return fi.Path, err
}

// Config are the properties in effect, credentials masked.
func (m *Master) Config() []config.Property { return m.config.get().All() }

// ConfigHash identifies the configuration handed to clients.
func (m *Master) ConfigHash() string {
	return config.HashProperties(m.config.get().ClusterDefaults(true))
}

// JournalStats describes the journal. The only voter of a journal, which has no
// address in it, is shown with the one that it would have among others.
func (m *Master) JournalStats() journal.Stats {
	stats := m.journal.Stats()
	if len(stats.Peers) == 1 {
		only := &stats.Peers[0]
		only.Address = m.journalAddress()
		if only.Leader {
			stats.Leader = only.Address
		}
	}
	return stats
}

// journalAddress is where other masters reach this one's journal.
func (m *Master) journalAddress() string {
	return net.JoinHostPort(m.conf.MasterHost(), strconv.Itoa(m.conf.Int(config.MasterEmbeddedJournalPort)))
}

// PathCount is the number of files and directories.
func (m *Master) PathCount() int64 {
	s := m.stats()
	return s.Files + s.Directories
}

// Metrics are the metrics under Alluxio's names: the master's own and what
// workers and clients have reported.
func (m *Master) Metrics() map[string]float64 {
	out := m.Gauges()
	maps.Copy(out, m.Counters())
	return out
}

// Counters are the metrics that only grow, until they are cleared.
func (m *Master) Counters() map[string]float64 {
	out := m.reported.counters()
	maps.Copy(out, m.metrics.counts())
	return out
}

// Gauges are the metrics that tell how it is now.
func (m *Master) Gauges() map[string]float64 {
	out := m.reported.gauges()
	for name, f := range m.gauges() {
		out[name] = f()
	}
	return out
}

func (m *Master) registerGauges() {
	if m.opts.Registerer == nil {
		return
	}
	m.opts.Registerer.MustRegister(m.reported)
	for name, f := range m.gauges() {
		m.opts.Registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: strings.ReplaceAll(name, ".", "_"), Help: name + " of Alluxio.",
		}, f))
	}
}
