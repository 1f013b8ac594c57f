package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Metrics is the JSON of webui_metrics of a master.
type Metrics struct {
	CapacityUsedPercent    int                         `json:"masterCapacityUsedPercentage"`
	CapacityFreePercent    int                         `json:"masterCapacityFreePercentage"`
	UFSUsedPercent         int                         `json:"masterUnderfsCapacityUsedPercentage"`
	UFSFreePercent         int                         `json:"masterUnderfsCapacityFreePercentage"`
	ReadLocal              string                      `json:"totalBytesReadLocal"`
	ReadLocalRate          string                      `json:"totalBytesReadLocalThroughput"`
	ReadDomain             string                      `json:"totalBytesReadDomainSocket"`
	ReadDomainRate         string                      `json:"totalBytesReadDomainSocketThroughput"`
	ReadRemote             string                      `json:"totalBytesReadRemote"`
	ReadRemoteRate         string                      `json:"totalBytesReadRemoteThroughput"`
	ReadUFS                string                      `json:"totalBytesReadUfs"`
	ReadUFSRate            string                      `json:"totalBytesReadUfsThroughput"`
	WrittenLocal           string                      `json:"totalBytesWrittenLocal"`
	WrittenLocalRate       string                      `json:"totalBytesWrittenLocalThroughput"`
	WrittenDomain          string                      `json:"totalBytesWrittenDomainSocket"`
	WrittenDomainRate      string                      `json:"totalBytesWrittenDomainSocketThroughput"`
	WrittenRemote          string                      `json:"totalBytesWrittenRemote"`
	WrittenRemoteRate      string                      `json:"totalBytesWrittenRemoteThroughput"`
	WrittenUFS             string                      `json:"totalBytesWrittenUfs"`
	WrittenUFSRate         string                      `json:"totalBytesWrittenUfsThroughput"`
	CacheHitLocal          string                      `json:"cacheHitLocal"`
	CacheHitRemote         string                      `json:"cacheHitRemote"`
	CacheMiss              string                      `json:"cacheMiss"`
	UFSReadSize            map[string]string           `json:"ufsReadSize"`
	UFSWriteSize           map[string]string           `json:"ufsWriteSize"`
	UFSOps                 map[string]map[string]int64 `json:"ufsOps"`
	UFSOpsSaved            map[string]map[string]int64 `json:"ufsOpsSaved"`
	Operations             map[string]Counter          `json:"operationMetrics"`
	RPCs                   map[string]Counter          `json:"rpcInvocationMetrics"`
	TimeSeries             []series                    `json:"timeSeriesMetrics"`
	Reading                Reading                     `json:"-"`
	Latencies              []Latency                   `json:"-"`
	JournalDisks           []journalDisk               `json:"journalDiskMetrics"`
	LastCheckpoint         string                      `json:"journalLastCheckpointTime"`
	EntriesSinceCheckpoint string                      `json:"journalEntriesSinceCheckpoint"`
}

type journalDisk struct {
	DiskPath         string `json:"diskPath"`
	TotalBytes       int64  `json:"totalAllocatedBytes"`
	UsedBytes        int64  `json:"usedBytes"`
	AvailableBytes   int64  `json:"availableBytes"`
	PercentAvailable int    `json:"percentAvailable"`
	MountPath        string `json:"mountPath"`
}

// operationNames are the logical operations that the page shows, without
// "Master.".
var operationNames = []string{
	"DirectoriesCreated", "FileBlockInfosGot", "FileInfosGot", "FilesCompleted", "FilesCreated", "FilesFreed", "FilesPersisted",
	"FilesPinned", "NewBlocksGot", "PathsDeleted", "PathsMounted", "PathsRenamed", "PathsUnmounted", "TotalPaths", "UniqueBlocks",
}

func (p *masterPages) metrics(r *http.Request) (any, error) {
	all := p.src.Metrics()
	v := &Metrics{
		UFSReadSize: map[string]string{}, UFSWriteSize: map[string]string{},
		UFSOps: map[string]map[string]int64{}, UFSOpsSaved: map[string]map[string]int64{},
		Operations: map[string]Counter{}, RPCs: map[string]Counter{},
	}
	v.addSpace(all)
	if root, ok := p.root(r.Context()); ok && root.CapacityBytes > 0 && root.UsedBytes >= 0 {
		v.UFSUsedPercent = percentOf(root.UsedBytes, root.CapacityBytes)
		v.UFSFreePercent = 100 - v.UFSUsedPercent
	}
	v.addFlows(all)
	v.Reading = reading(p.history)
	v.addHits(p.history.now())
	v.addTagged(all)
	v.addCounts(all)
	v.TimeSeries = p.history.series()
	v.addJournal(p)
	var err error
	v.Latencies, err = latencies(p.opts.Gatherer, [][2]string{{"Master_TotalRpcs", "Calls of clients and workers"}, {"Master_JournalFlushTimer", "Writes of the journal"}})
	return v, err
}

func (v *Metrics) addSpace(all map[string]float64) {
	total := int64(all["Cluster.CapacityTotal"])
	v.CapacityUsedPercent = percentOf(int64(all["Cluster.CapacityUsed"]), total)
	if total > 0 {
		v.CapacityFreePercent = 100 - v.CapacityUsedPercent
	}
}

// addFlows shows bytes moved, and moved in the last minute.
func (v *Metrics) addFlows(all map[string]float64) {
	for _, f := range []struct {
		name        string
		bytes, rate *string
	}{
		{"Cluster.BytesReadLocal", &v.ReadLocal, &v.ReadLocalRate},
		{"Cluster.BytesReadDomain", &v.ReadDomain, &v.ReadDomainRate},
		{"Cluster.BytesReadRemote", &v.ReadRemote, &v.ReadRemoteRate},
		{"Cluster.BytesReadUfsAll", &v.ReadUFS, &v.ReadUFSRate},
		{"Cluster.BytesWrittenLocal", &v.WrittenLocal, &v.WrittenLocalRate},
		{"Cluster.BytesWrittenDomain", &v.WrittenDomain, &v.WrittenDomainRate},
		{"Cluster.BytesWrittenRemote", &v.WrittenRemote, &v.WrittenRemoteRate},
		{"Cluster.BytesWrittenUfsAll", &v.WrittenUFS, &v.WrittenUFSRate},
	} {
		*f.bytes, *f.rate = sizeText(int64(all[f.name])), sizeText(int64(all[f.name+"Throughput"]))+"/min"
	}
}

func (v *Metrics) addHits(s sample) {
	local, domain, remote, fetched := s.sources()
	share := func(part float64) string {
		if s.sent() > 0 {
			return fmt.Sprintf("%.2f", 100*part/s.sent())
		}
		return "0.00"
	}
	v.CacheHitLocal, v.CacheHitRemote, v.CacheMiss = share(local+domain), share(remote), share(fetched)
}

// addTagged sorts metrics of under stores ("Cluster.BytesReadPerUfs.UFS:…").
func (v *Metrics) addTagged(all map[string]float64) {
	for name, value := range all {
		head, tag, ok := strings.Cut(name, ".UFS:")
		if !ok {
			continue
		}
		store := unescapeTag(tag)
		switch head {
		case "Cluster.BytesReadPerUfs":
			v.UFSReadSize[store] = sizeText(int64(value))
		case "Cluster.BytesWrittenPerUfs":
			v.UFSWriteSize[store] = sizeText(int64(value))
		}
	}
	for name, value := range all {
		head, rest, ok := strings.Cut(name, ".UfsOp:")
		op, store, ok2 := strings.Cut(rest, ".UFS:")
		if !ok || !ok2 {
			continue
		}
		into := v.UFSOps
		if strings.Contains(head, "Saved") {
			into = v.UFSOpsSaved
		}
		store = unescapeTag(store)
		if into[store] == nil {
			into[store] = map[string]int64{}
		}
		into[store][op] = int64(value)
	}
}

// unescapeTag turns a tag's value back into what it names.
func unescapeTag(s string) string {
	return strings.NewReplacer("%2F", "/", "%2E", ".", "%25", "%").Replace(s)
}

func (v *Metrics) addCounts(all map[string]float64) {
	for _, name := range operationNames {
		v.Operations[name] = Counter{finite(all["Master."+name])}
	}
	for name, value := range all {
		if rpc, ok := strings.CutPrefix(name, "Master."); ok && strings.HasSuffix(rpc, "Ops") {
			v.RPCs[rpc] = Counter{finite(value)}
		}
	}
}

func (v *Metrics) addJournal(p *masterPages) {
	s := p.src.Info().Journal
	v.LastCheckpoint, v.EntriesSinceCheckpoint = p.dates.text(s.CheckpointTime), strconv.FormatUint(s.EntriesSinceCheckpoint, 10)
	v.JournalDisks = []journalDisk{}
	if s.DiskTotalBytes > 0 {
		v.JournalDisks = append(v.JournalDisks, journalDisk{
			DiskPath: s.Dir, MountPath: s.Dir, TotalBytes: s.DiskTotalBytes, AvailableBytes: s.DiskFreeBytes,
			UsedBytes: s.DiskTotalBytes - s.DiskFreeBytes, PercentAvailable: percentOf(s.DiskFreeBytes, s.DiskTotalBytes)})
	}
}
