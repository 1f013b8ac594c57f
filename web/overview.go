package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/master"
	"github.com/alluxio-go/alluxio/master/blockmap"
)

// Overview is the JSON of webui_overview of a master.
type Overview struct {
	Debug             bool             `json:"debug"`
	MasterNodeAddress string           `json:"masterNodeAddress"`
	ClusterID         string           `json:"clusterId"`
	StartTime         string           `json:"startTime"`
	Uptime            string           `json:"uptime"`
	Version           string           `json:"version"`
	Revision          string           `json:"revision"`
	LiveWorkerNodes   string           `json:"liveWorkerNodes"`
	ConfigCheckStatus string           `json:"configCheckStatus"`
	ConfigCheckErrors []configMismatch `json:"configCheckErrors"`
	ConfigCheckWarns  []configMismatch `json:"configCheckWarns"`
	ConfigErrorCount  int              `json:"configCheckErrorNum"`
	ConfigWarnCount   int              `json:"configCheckWarnNum"`
	Capacity          string           `json:"capacity"`
	UsedCapacity      string           `json:"usedCapacity"`
	FreeCapacity      string           `json:"freeCapacity"`
	DiskCapacity      string           `json:"diskCapacity"`
	DiskUsedCapacity  string           `json:"diskUsedCapacity"`
	DiskFreeCapacity  string           `json:"diskFreeCapacity"`
	TotalPath         string           `json:"totalPath"`
	UniqueBlocks      string           `json:"uniqueBlockCount"`
	ReplicaBlocks     string           `json:"replicaBlockCount"`
	StorageTiers      []storageTier    `json:"storageTierInfos"`
	DiskWarnings      []string         `json:"journalDiskWarnings"`
	CheckpointWarning string           `json:"journalCheckpointTimeWarning"`
	MasterRole        string           `json:"masterRole"`
	LeaderID          string           `json:"leaderId"`
	SystemStatus      string           `json:"systemStatus"`
}

type configMismatch struct {
	Name   string              `json:"name"`
	Values map[string][]string `json:"values"`
}

type storageTier struct {
	Alias       string `json:"storageTierAlias"`
	Capacity    string `json:"capacity"`
	Used        string `json:"usedCapacity"`
	Free        string `json:"freeCapacity"`
	FreePercent int    `json:"freeSpacePercent"`
	UsedPercent int    `json:"usedSpacePercent"`
}

func (p *masterPages) overview(r *http.Request) (any, error) {
	i := p.src.Info()
	o := &Overview{
		Debug: p.debug, MasterNodeAddress: i.Address, ClusterID: i.ClusterID,
		StartTime: p.dates.text(i.Started), Uptime: clockText(i.Uptime), Version: i.Version, Revision: i.Revision,
		TotalPath: strconv.FormatInt(p.src.PathCount(), 10), LeaderID: i.Leader, MasterRole: "STANDBY", SystemStatus: "Standing by",
	}
	if i.Leading {
		o.MasterRole, o.SystemStatus = "PRIMARY", "Serving"
		if i.SafeMode {
			o.SystemStatus = "Safe mode: waiting for workers"
		}
	}
	o.addWorkers(p.src.Workers())
	o.UniqueBlocks = strconv.FormatInt(int64(p.src.Metrics()["Master.UniqueBlocks"]), 10)
	o.addConfigCheck(p.src.ConfigReport())
	o.addDisk(p.root(r.Context()))
	o.addJournal(p.opts.Config, i)
	return o, nil
}

func (o *Overview) addWorkers(workers []blockmap.Worker) {
	live, blocks := 0, 0
	sum := sumTiers(workers)
	for _, w := range workers {
		if w.State == blockmap.Live {
			live++
			blocks += w.Blocks
		}
	}
	o.LiveWorkerNodes = strconv.Itoa(live)
	o.ReplicaBlocks = strconv.Itoa(blocks)
	o.Capacity, o.UsedCapacity, o.FreeCapacity = sizeText(sum.capacity), sizeText(sum.used), sizeText(sum.capacity-sum.used)
	o.StorageTiers = []storageTier{}
	for _, t := range sum.tiers {
		used := percentOf(t.used, t.capacity)
		o.StorageTiers = append(o.StorageTiers, storageTier{Alias: t.alias, Capacity: sizeText(t.capacity), Used: sizeText(t.used),
			Free: sizeText(t.capacity - t.used), UsedPercent: used, FreePercent: 100 - used})
	}
}

// tierSum is the space of live workers.
type tierSum struct {
	capacity, used int64
	tiers          []tierSpace // the fastest first
}

type tierSpace struct {
	alias          string
	capacity, used int64
}

func sumTiers(workers []blockmap.Worker) tierSum {
	var s tierSum
	level := map[string]int{} // the lowest place of a tier among its worker's
	total := map[string]*tierSpace{}
	for _, w := range workers {
		if w.State != blockmap.Live {
			continue
		}
		for n, alias := range w.Tiers {
			t := total[alias]
			if t == nil {
				t = &tierSpace{alias: alias}
				total[alias] = t
			}
			level[alias] = max(level[alias], n)
			t.capacity += w.Capacity[alias]
			t.used += w.Used[alias]
		}
		s.capacity += w.CapacityBytes()
		s.used += w.UsedBytes()
	}
	for _, t := range total {
		s.tiers = append(s.tiers, *t)
	}
	slices.SortFunc(s.tiers, func(a, b tierSpace) int {
		return cmp.Or(cmp.Compare(level[a.alias], level[b.alias]), cmp.Compare(a.alias, b.alias))
	})
	return s
}

func (o *Overview) addConfigCheck(found []master.Inconsistency) {
	o.ConfigCheckStatus = "PASSED"
	o.ConfigCheckErrors, o.ConfigCheckWarns = []configMismatch{}, []configMismatch{}
	for _, f := range found {
		m := configMismatch{f.Name, f.Values}
		if f.Error {
			o.ConfigCheckErrors = append(o.ConfigCheckErrors, m)
		} else {
			o.ConfigCheckWarns = append(o.ConfigCheckWarns, m)
		}
	}
	o.ConfigErrorCount, o.ConfigWarnCount = len(o.ConfigCheckErrors), len(o.ConfigCheckWarns)
	switch {
	case o.ConfigErrorCount > 0:
		o.ConfigCheckStatus = "FAILED"
	case o.ConfigWarnCount > 0:
		o.ConfigCheckStatus = "WARN"
	}
}

func (o *Overview) addDisk(root master.MountInfo, known bool) {
	o.DiskCapacity, o.DiskUsedCapacity, o.DiskFreeCapacity = "UNKNOWN", "UNKNOWN", "UNKNOWN"
	if !known {
		return
	}
	o.DiskCapacity, o.DiskUsedCapacity = knownSize(root.CapacityBytes), knownSize(root.UsedBytes)
	if root.CapacityBytes >= 0 && root.UsedBytes >= 0 {
		o.DiskFreeCapacity = sizeText(root.CapacityBytes - root.UsedBytes)
	}
}

// addJournal warns of a journal that runs out of room or whose log only grows.
func (o *Overview) addJournal(c *config.Config, i master.Info) {
	o.DiskWarnings = []string{}
	s := i.Journal
	if s.WriteError != "" {
		o.DiskWarnings = append(o.DiskWarnings, "The journal cannot be written: "+s.WriteError)
	}
	if least := c.Int(config.MasterJournalSpaceMonitorPercentFreeThreshold); s.DiskTotalBytes > 0 && percentOf(s.DiskFreeBytes, s.DiskTotalBytes) < least {
		o.DiskWarnings = append(o.DiskWarnings, fmt.Sprintf("The journal disk of %s has only %s of %s left (less than %d%%).",
			s.Dir, sizeText(s.DiskFreeBytes), sizeText(s.DiskTotalBytes), least))
	}
	if period := c.Int(config.MasterJournalCheckpointPeriodEntries); s.EntriesSinceCheckpoint > 3*uint64(period) {
		o.CheckpointWarning = fmt.Sprintf("%d journal entries since the last checkpoint; one is due every %d. The master's log says why none succeeds.",
			s.EntriesSinceCheckpoint, period)
	}
}

// spaces remembers the mounts with their sizes for a moment: asking stores for
// them takes time.
type spaces struct {
	mu struct {
		sync.Mutex
		mounts []master.MountInfo
		at     time.Time
	}
}

const (
	spaceAge  = 10 * time.Second
	spaceWait = 3 * time.Second
)

// mounts are the mount points with sizes that are at most spaceAge old.
func (p *masterPages) mounts(ctx context.Context) []master.MountInfo {
	p.space.mu.Lock()
	defer p.space.mu.Unlock()
	if time.Since(p.space.mu.at) > spaceAge || !sameMounts(p.space.mu.mounts, p.src.Mounts(ctx, false)) {
		ctx, cancel := context.WithTimeout(ctx, spaceWait)
		defer cancel()
		p.space.mu.mounts, p.space.mu.at = p.src.Mounts(ctx, true), time.Now()
	}
	return p.space.mu.mounts
}

// sameMounts reports whether the mount table is as it was.
func sameMounts(a, b []master.MountInfo) bool {
	return slices.EqualFunc(a, b, func(x, y master.MountInfo) bool {
		return x.ID == y.ID && x.Path == y.Path && x.ReadOnly == y.ReadOnly && x.Shared == y.Shared
	})
}

// root is the root mount with its sizes.
func (p *masterPages) root(ctx context.Context) (master.MountInfo, bool) {
	for _, m := range p.mounts(ctx) {
		if m.Path == "/" {
			return m, true
		}
	}
	return master.MountInfo{}, false
}
