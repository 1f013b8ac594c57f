package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/master"
	"github.com/alluxio-go/alluxio/master/blockmap"
)

// MasterInfo is the JSON of info of a master.
type MasterInfo struct {
	Capacity      amount               `json:"capacity"`
	Configuration map[string]string    `json:"configuration"`
	LostWorkers   []Worker             `json:"lostWorkers"`
	Metrics       map[string]int64     `json:"metrics"`
	MountPoints   map[string]MountInfo `json:"mountPoints"`
	RPCAddress    string               `json:"rpcAddress"`
	StartTimeMS   int64                `json:"startTimeMs"`
	TierCapacity  map[string]amount    `json:"tierCapacity"`
	UFSCapacity   amount               `json:"ufsCapacity"`
	UptimeMS      int64                `json:"uptimeMs"`
	Version       string               `json:"version"`
	Revision      string               `json:"revision"`
	Workers       []Worker             `json:"workers"`
}

// amount is a pair of bytes.
type amount struct {
	Total int64 `json:"total"`
	Used  int64 `json:"used"`
}

// Worker is the JSON of a worker in info.
type Worker struct {
	ID              int64            `json:"id"`
	Address         workerAddress    `json:"address"`
	LastContactSec  int64            `json:"lastContactSec"`
	State           string           `json:"state"`
	CapacityBytes   int64            `json:"capacityBytes"`
	UsedBytes       int64            `json:"usedBytes"`
	StartTimeMS     int64            `json:"startTimeMs"`
	CapacityOnTiers map[string]int64 `json:"capacityBytesOnTiers"`
	UsedOnTiers     map[string]int64 `json:"usedBytesOnTiers"`
	BlockCount      int              `json:"blockCount"`
	Version         string           `json:"version"`
	Revision        string           `json:"revision"`
}

type workerAddress struct {
	Host             string         `json:"host"`
	ContainerHost    string         `json:"containerHost"`
	RPCPort          int32          `json:"rpcPort"`
	DataPort         int32          `json:"dataPort"`
	WebPort          int32          `json:"webPort"`
	DomainSocketPath string         `json:"domainSocketPath"`
	TieredIdentity   tieredIdentity `json:"tieredIdentity"`
}

type tieredIdentity struct {
	Tiers []localityTier `json:"tiers"`
}

type localityTier struct {
	Name  string `json:"tierName"`
	Value string `json:"value"`
}

// MountInfo is the JSON of a mount point.
type MountInfo struct {
	MountPoint       string            `json:"mountPoint,omitempty"`
	UFSURI           string            `json:"ufsUri"`
	UFSType          string            `json:"ufsType"`
	UFSCapacityBytes int64             `json:"ufsCapacityBytes"`
	UFSUsedBytes     int64             `json:"ufsUsedBytes"`
	ReadOnly         bool              `json:"readOnly"`
	Shared           bool              `json:"shared"`
	Properties       map[string]string `json:"properties"`
	MountID          int64             `json:"mountId,omitempty"`

	SpaceError string `json:"-"`
}

func (p *masterPages) info(r *http.Request) (any, error) {
	i := p.src.Info()
	workers := p.src.Workers()
	sum := sumTiers(workers)
	m := &MasterInfo{
		Capacity: amount{sum.capacity, sum.used}, Configuration: map[string]string{},
		LostWorkers: []Worker{}, Workers: []Worker{}, Metrics: map[string]int64{}, MountPoints: map[string]MountInfo{},
		RPCAddress: i.Address, StartTimeMS: i.Started.UnixMilli(), UptimeMS: i.Uptime.Milliseconds(),
		Version: i.Version, Revision: i.Revision, TierCapacity: map[string]amount{}, UFSCapacity: amount{-1, -1},
	}
	for _, prop := range p.src.Config() {
		m.Configuration[prop.Name] = prop.Value
	}
	for name, v := range p.src.Metrics() {
		m.Metrics[name] = int64(v)
	}
	for _, t := range sum.tiers {
		m.TierCapacity[t.alias] = amount{t.capacity, t.used}
	}
	for _, w := range workers {
		switch w.State {
		case blockmap.Live, blockmap.Decommissioned:
			m.Workers = append(m.Workers, workerJSON(w))
		case blockmap.Lost:
			m.LostWorkers = append(m.LostWorkers, workerJSON(w))
		}
	}
	for _, mt := range p.mounts(r.Context()) {
		info := mountJSON(mt)
		info.MountPoint = ""
		m.MountPoints[mt.Path] = info
		if mt.Path == "/" {
			m.UFSCapacity = amount{mt.CapacityBytes, mt.UsedBytes}
		}
	}
	return m, nil
}

func workerJSON(w blockmap.Worker) Worker {
	a := w.Address
	out := Worker{
		ID: int64(w.ID), LastContactSec: int64(since(w.LastContact) / time.Second), State: stateText(w.State),
		CapacityBytes: w.CapacityBytes(), UsedBytes: w.UsedBytes(), StartTimeMS: w.Started.UnixMilli(),
		CapacityOnTiers: w.Capacity, UsedOnTiers: w.Used, BlockCount: w.Blocks, Version: w.Version, Revision: w.Revision,
		Address: workerAddress{Host: a.Host, ContainerHost: a.ContainerHost, RPCPort: a.RPCPort, DataPort: a.DataPort,
			WebPort: a.WebPort, DomainSocketPath: a.DomainSocketPath, TieredIdentity: tieredIdentity{[]localityTier{}}},
	}
	for _, l := range a.Locality {
		out.Address.TieredIdentity.Tiers = append(out.Address.TieredIdentity.Tiers, localityTier{l.Name, l.Value})
	}
	return out
}

// stateText is Alluxio's word for the state of a worker.
func stateText(s blockmap.State) string {
	switch s {
	case blockmap.Live:
		return "In Service"
	case blockmap.Lost:
		return "Out of Service"
	case blockmap.Decommissioned:
		return "Decommissioned"
	}
	return "Unregistered"
}

// Workers is the JSON of webui_workers.
type Workers struct {
	Debug  bool         `json:"debug"`
	Normal []WorkerNode `json:"normalNodeInfos"`
	Failed []WorkerNode `json:"failedNodeInfos"`
}

// WorkerNode is the JSON of a worker in webui_workers.
type WorkerNode struct {
	Host          string `json:"host"`
	WebPort       int32  `json:"webPort"`
	LastHeartbeat string `json:"lastHeartbeat"` // seconds ago
	State         string `json:"state"`
	Capacity      string `json:"capacity"`
	Used          string `json:"usedMemory"`
	FreePercent   int    `json:"freeSpacePercent"`
	UsedPercent   int    `json:"usedSpacePercent"`
	Uptime        string `json:"uptimeClockTime"`
	WorkerID      int64  `json:"workerId"`
	BlockCount    string `json:"blockCount"`
	Version       string `json:"version"`
	Revision      string `json:"revision"`

	RPCPort     int32               `json:"-"`
	LostStorage map[string][]string `json:"-"`
	Tiers       []tierRow           `json:"-"` // the fastest first; for a worker with several
}

func (p *masterPages) workers(*http.Request) (any, error) {
	v := &Workers{Debug: p.debug, Normal: []WorkerNode{}, Failed: []WorkerNode{}}
	for _, w := range p.src.Workers() {
		used := percentOf(w.UsedBytes(), w.CapacityBytes())
		n := WorkerNode{
			Host: w.Address.Host, WebPort: w.Address.WebPort, RPCPort: w.Address.RPCPort,
			LastHeartbeat: strconv.FormatInt(int64(since(w.LastContact)/time.Second), 10), State: stateText(w.State),
			Capacity: sizeText(w.CapacityBytes()), Used: sizeText(w.UsedBytes()), UsedPercent: used, FreePercent: 100 - used,
			Uptime: clockText(since(w.Started)), WorkerID: int64(w.ID), BlockCount: strconv.Itoa(w.Blocks),
			Version: w.Version, Revision: w.Revision, LostStorage: w.LostStorage, Tiers: tierRows(w),
		}
		switch w.State {
		case blockmap.Live, blockmap.Decommissioned:
			v.Normal = append(v.Normal, n)
		case blockmap.Lost:
			v.Failed = append(v.Failed, n)
		}
	}
	byHost := func(a, b WorkerNode) int {
		if c := strings.Compare(a.Host, b.Host); c != 0 {
			return c
		}
		return int(a.WebPort) - int(b.WebPort)
	}
	slices.SortFunc(v.Normal, byHost)
	slices.SortFunc(v.Failed, byHost)
	return v, nil
}

// Masters is the JSON of webui_masters.
type Masters struct {
	Debug   bool         `json:"debug"`
	Primary MasterNode   `json:"primaryMasterInfo"`
	Standby []MasterNode `json:"standbyMasterInfos"`
	Lost    []MasterNode `json:"lostMasterInfos"`
}

// MasterNode is the JSON of one master.
type MasterNode struct {
	ID                 string        `json:"id"`
	Address            masterAddress `json:"address"`
	LastUpdated        string        `json:"lastUpdatedTime"`
	Start              string        `json:"startTime"`
	GainPrimacy        string        `json:"gainPrimacyTime"`
	LosePrimacy        string        `json:"losePrimacyTime"`
	LastCheckpoint     string        `json:"lastCheckpointTime"`
	EntriesSinceCheckp string        `json:"journalEntriesSinceCheckpoint"`
	Version            string        `json:"version"`
	Revision           string        `json:"revision"`
}

type masterAddress struct {
	Host    string `json:"host"`
	RPCPort int    `json:"rpcPort"`
}

func (p *masterPages) masters(*http.Request) (any, error) {
	i := p.src.Info()
	j := i.Journal
	own := MasterNode{
		ID: i.Address, Address: masterAddress{i.Host, i.RPCPort}, LastUpdated: p.dates.text(time.Now()),
		Start: p.dates.text(i.Started), GainPrimacy: p.dates.text(j.GainedLead), LosePrimacy: p.dates.text(j.LostLead),
		LastCheckpoint: p.dates.text(j.CheckpointTime), EntriesSinceCheckp: strconv.FormatUint(j.EntriesSinceCheckpoint, 10),
		Version: i.Version, Revision: i.Revision,
	}
	v := &Masters{Debug: p.debug, Standby: []MasterNode{}, Lost: []MasterNode{}}
	if i.Leading {
		v.Primary = own
	} else {
		v.Standby = append(v.Standby, own)
	}
	for _, address := range i.Masters {
		if address == i.Address {
			continue
		}
		host, port, ok := strings.Cut(address, ":")
		n := MasterNode{ID: address, Address: masterAddress{Host: host}}
		if ok {
			n.Address.RPCPort, _ = strconv.Atoi(port)
		}
		if address == i.Leader {
			v.Primary = n
		} else {
			v.Standby = append(v.Standby, n)
		}
	}
	return v, nil
}

// MountTable is the JSON of webui_mounttable.
type MountTable struct {
	Debug  bool        `json:"debug"`
	Mounts []MountInfo `json:"mountPointInfos"`
}

func (p *masterPages) mountTable(r *http.Request) (any, error) {
	v := &MountTable{Debug: p.debug, Mounts: []MountInfo{}}
	for _, m := range p.mounts(r.Context()) {
		v.Mounts = append(v.Mounts, mountJSON(m))
	}
	slices.SortFunc(v.Mounts, func(a, b MountInfo) int { return strings.Compare(a.MountPoint, b.MountPoint) })
	return v, nil
}

func mountJSON(m master.MountInfo) MountInfo {
	props := m.Masked()
	if props == nil {
		props = map[string]string{}
	}
	return MountInfo{MountPoint: m.Path, UFSURI: m.UFS, UFSType: m.UFSType, UFSCapacityBytes: m.CapacityBytes, UFSUsedBytes: m.UsedBytes,
		ReadOnly: m.ReadOnly, Shared: m.Shared, Properties: props, MountID: int64(m.ID), SpaceError: m.SpaceError}
}

// Configuration is the JSON of webui_config.
type Configuration struct {
	Properties []property `json:"configuration"`
	Whitelist  []string   `json:"whitelist"`
	Hash       string     `json:"configHash"`
}

// property is Alluxio's triple of name, value and source.
type property struct {
	Name   string `json:"left"`
	Value  string `json:"middle"`
	Source string `json:"right"`
}

func properties(all []config.Property) []property {
	out := make([]property, len(all))
	for i, p := range all {
		out[i] = property{p.Name, p.Value, p.Source}
	}
	return out
}

func (p *masterPages) config(*http.Request) (any, error) {
	return &Configuration{Properties: properties(p.src.Config()), Whitelist: p.opts.Config.List(config.MasterWhitelist), Hash: p.src.ConfigHash()}, nil
}

// tierRow is the space of one tier of a worker.
type tierRow struct {
	Alias, Capacity, Used string
	UsedPercent           int
}

// tierRows are the tiers of a worker that has several.
func tierRows(w blockmap.Worker) []tierRow {
	if len(w.Tiers) < 2 {
		return nil
	}
	rows := make([]tierRow, len(w.Tiers))
	for i, alias := range w.Tiers {
		rows[i] = tierRow{alias, sizeText(w.Capacity[alias]), sizeText(w.Used[alias]), percentOf(w.Used[alias], w.Capacity[alias])}
	}
	return rows
}
