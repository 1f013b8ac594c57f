package web

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// endpoints are Alluxio's fields of each endpoint.
var endpoints = map[string]string{
	"master/info":             "capacity configuration lostWorkers metrics mountPoints rpcAddress startTimeMs tierCapacity ufsCapacity uptimeMs version revision workers",
	"master/webui_init":       "debug newerVersionAvailable webFileInfoEnabled securityAuthorizationPermissionEnabled workerPort refreshInterval proxyDownloadFileApiUrl",
	"master/webui_overview":   "debug masterNodeAddress clusterId startTime uptime version revision liveWorkerNodes configCheckStatus configCheckErrors configCheckWarns configCheckErrorNum configCheckWarnNum capacity usedCapacity freeCapacity diskCapacity diskUsedCapacity diskFreeCapacity totalPath uniqueBlockCount replicaBlockCount storageTierInfos journalDiskWarnings journalCheckpointTimeWarning masterRole leaderId systemStatus",
	"master/webui_browse":     "currentPath currentDirectory pathInfos fileInfos ntotalFile fileBlocks fileData viewingOffset blockSizeBytes highestTierAlias showPermissions debug masterNodeAddress invalidPathError invalidPathException fileDoesNotExistException accessControlException fatalError",
	"master/webui_data":       "fileInfos inAlluxioFileNum showPermissions masterNodeAddress permissionError fatalError",
	"master/webui_logs":       "fileInfos ntotalFile currentPath fileData viewingOffset invalidPathError fatalError debug",
	"master/webui_config":     "configuration whitelist configHash",
	"master/webui_workers":    "normalNodeInfos failedNodeInfos debug",
	"master/webui_masters":    "primaryMasterInfo standbyMasterInfos lostMasterInfos debug",
	"master/webui_mounttable": "mountPointInfos debug",
	"master/webui_metrics": "masterCapacityUsedPercentage masterCapacityFreePercentage masterUnderfsCapacityUsedPercentage masterUnderfsCapacityFreePercentage " +
		"totalBytesReadLocal totalBytesReadDomainSocket totalBytesReadRemote totalBytesReadUfs totalBytesReadLocalThroughput totalBytesReadDomainSocketThroughput totalBytesReadRemoteThroughput totalBytesReadUfsThroughput " +
		"totalBytesWrittenLocal totalBytesWrittenDomainSocket totalBytesWrittenRemote totalBytesWrittenUfs totalBytesWrittenLocalThroughput totalBytesWrittenDomainSocketThroughput totalBytesWrittenRemoteThroughput totalBytesWrittenUfsThroughput " +
		"cacheHitLocal cacheHitRemote cacheMiss ufsReadSize ufsWriteSize ufsOps ufsOpsSaved operationMetrics rpcInvocationMetrics timeSeriesMetrics journalDiskMetrics journalLastCheckpointTime journalEntriesSinceCheckpoint",
	"worker/info":            "capacity configuration metrics rpcAddress startTimeMs tierCapacity tierPaths uptimeMs version revision",
	"worker/webui_init":      "debug webFileInfoEnabled securityAuthorizationPermissionEnabled masterHostname masterPort refreshInterval",
	"worker/webui_overview":  "workerInfo capacityBytes usedBytes usageOnTiers storageDirs blockCount version revision",
	"worker/webui_blockinfo": "fileInfos ntotalFile orderedTierAliases fileBlocksOnTier blockSizeBytes path fatalError invalidPathError",
	"worker/webui_logs":      "fileInfos ntotalFile currentPath fileData viewingOffset invalidPathError fatalError debug",
	"worker/webui_config":    "configuration whitelist clusterConfigHash pathConfigHash clusterConfigLastUpdateTime pathConfigLastUpdateTime configHash",
	"worker/webui_metrics":   "workerCapacityUsedPercentage workerCapacityFreePercentage operationMetrics",
	"worker/operations":      "operationCount rpcQueueLength",
}

func TestFieldNames(t *testing.T) {
	all := handlers(t)
	for path, want := range endpoints {
		process, _, _ := strings.Cut(path, "/")
		got := getJSON[map[string]json.RawMessage](t, all[process].handler, "/api/v1/"+path, http.StatusOK)
		names := strings.Fields(want)
		for _, name := range names {
			if v, ok := got[name]; !ok {
				t.Errorf("%s lacks %s", path, name)
			} else if string(v) == "null" && name != "fileData" {
				t.Errorf("%s: %s is null", path, name)
			}
		}
		for name := range got {
			if !slices.Contains(names, name) {
				t.Errorf("%s has %s, which Alluxio has not", path, name)
			}
		}
	}
}

func getJSON[T any](t *testing.T, h http.Handler, target string, status int) T {
	t.Helper()
	w := do(h, "GET", target)
	var v T
	if w.Code != status {
		t.Fatalf("%s: %d, want %d: %s", target, w.Code, status, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%s: %v: %s", target, err, w.Body)
	}
	return v
}

func TestOverview(t *testing.T) {
	f := &fakeMaster{}
	h := masterHandler(t, f)
	o := getJSON[Overview](t, h, "/api/v1/master/webui_overview", 200)
	want := map[string]string{
		o.LiveWorkerNodes: "2", o.Capacity: "8.00GB", o.UsedCapacity: "1024.00MB", o.ReplicaBlocks: "18", o.UniqueBlocks: "17",
		o.DiskCapacity: "100B", o.DiskFreeCapacity: "60B", o.ConfigCheckStatus: "FAILED", o.MasterRole: "PRIMARY", o.TotalPath: "1234",
		o.Uptime: "0 day(s), 3 hour(s), 0 minute(s), and 12 second(s)", o.StartTime: "01-02-2026 03:04:05:006",
	}
	for got, w := range want {
		if got != w {
			t.Errorf("got %q, want %q", got, w)
		}
	}
	if len(o.StorageTiers) != 2 || o.StorageTiers[0].Alias != "MEM" || o.StorageTiers[0].UsedPercent != 50 || o.StorageTiers[0].FreePercent != 50 {
		t.Errorf("tiers %+v", o.StorageTiers)
	}
	if len(o.DiskWarnings) != 1 || !strings.Contains(o.DiskWarnings[0], "/j") {
		t.Errorf("5%% free of the journal's disk: warnings %q", o.DiskWarnings)
	}
	if o.ConfigErrorCount != 1 || o.ConfigWarnCount != 1 {
		t.Errorf("configuration check %+v", o)
	}
	getJSON[Overview](t, h, "/api/v1/master/webui_overview", 200)
	if f.mounts != 1 {
		t.Errorf("the stores were asked for their sizes %d times", f.mounts)
	}
}

func TestBrowse(t *testing.T) {
	f := &fakeMaster{}
	h := masterHandler(t, f)
	get := func(query string, status int) Browse {
		t.Helper()
		return getJSON[Browse](t, h, "/api/v1/master/webui_browse?"+query, status)
	}
	b := get("", 200)
	if b.CurrentPath != "/" || b.TotalFiles != 101 || len(b.FileInfos) != 20 || b.CurrentDirectory.Name != "root" || b.FileData != nil {
		t.Errorf("root: %+v", b)
	}
	if f.caller.System || f.caller.User == "" {
		t.Errorf("the page looks as %+v", f.caller)
	}
	b = get("path=/dir/sub/&offset=100&limit=50", 200)
	if len(b.FileInfos) != 1 || b.FileInfos[0].Name != "file100" {
		t.Errorf("last page: %+v", b.FileInfos)
	}
	var crumbs []string
	for _, c := range b.PathInfos {
		crumbs = append(crumbs, c.Name+"="+c.AbsolutePath)
	}
	if got := strings.Join(crumbs, " "); got != "root=/ dir=/dir sub=/dir/sub" {
		t.Errorf("breadcrumb %s", got)
	}
	if e := b.FileInfos[0]; e.Mode != "-rw-r--r--" || e.Size != "19.53KB" || e.InAlluxioPercentage != 100 || !e.InAlluxio ||
		e.OnTierPercentages["MEM"] != 100 || e.FileLocations[0] != "w1:29999" || e.PersistenceState != "PERSISTED" {
		t.Errorf("entry %+v", e)
	}
	for _, c := range []struct {
		path   string
		status int
		field  func(Browse) string
	}{
		{"/missing", 404, func(b Browse) string { return b.FileDoesNotExistException }},
		{"/private", 403, func(b Browse) string { return b.AccessControlException }},
		{"relative", 400, func(b Browse) string { return b.InvalidPathException }},
		{"/a/../b", 400, func(b Browse) string { return b.InvalidPathException }},
	} {
		if b := get("path="+c.path, c.status); c.field(b) == "" || b.Failure == nil || b.Message == "" {
			t.Errorf("%s: %+v", c.path, b)
		}
	}
}

func TestFileWindow(t *testing.T) {
	h := masterHandler(t, &fakeMaster{})
	get := func(query string) Browse {
		t.Helper()
		return getJSON[Browse](t, h, "/api/v1/master/webui_browse?path=/f"+query, 200)
	}
	for _, c := range []struct {
		query  string
		offset int64
		length int
	}{
		{"", 0, windowBytes},
		{"&offset=100", 100, windowBytes},
		{"&end=1", 20_000 - windowBytes, windowBytes},
		{"&end=1&offset=1000", 20_000 - windowBytes - 1000, windowBytes},
		{"&offset=19990", 19990, 10},
		{"&offset=999999", 20_000, 0},
	} {
		b := get(c.query)
		if b.FileData == nil || len(*b.FileData) != c.length || b.ViewingOffset != c.offset {
			t.Fatalf("%s: offset %d, data %v", c.query, b.ViewingOffset, b.FileData)
		}
		if c.length > 0 && (*b.FileData)[0] != 'a'+byte(c.offset%26) {
			t.Errorf("%s: begins with %c", c.query, (*b.FileData)[0])
		}
		if len(b.FileBlocks) != 1 || !b.FileBlocks[0].InHighestTier || b.FileBlocks[0].Locations[0] != "w1" {
			t.Errorf("blocks %+v", b.FileBlocks)
		}
	}
	for _, query := range []string{"0640", "unreadable"} {
		if b := get(query); b.FileData != nil {
			t.Errorf("%s: shows %q", query, *b.FileData)
		}
	}
}

func TestStandby(t *testing.T) {
	h := masterHandler(t, &fakeMaster{standby: true})
	for _, path := range []string{"/api/v1/master/webui_browse", "/api/v1/master/webui_data", "/browse", "/data"} {
		if w := do(h, "GET", path); w.Code != 503 || !strings.Contains(w.Body.String(), "m:19998") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if o := getJSON[Overview](t, h, "/api/v1/master/webui_overview", 200); o.MasterRole != "STANDBY" {
		t.Errorf("role %s", o.MasterRole)
	}
	m := getJSON[Masters](t, h, "/api/v1/master/webui_masters", 200)
	if len(m.Standby) != 2 {
		t.Errorf("masters %+v", m)
	}
}

func TestData(t *testing.T) {
	h := masterHandler(t, &fakeMaster{}, "alluxio.master.web.in.alluxio.data.page.count", "25")
	d := getJSON[Data](t, h, "/api/v1/master/webui_data", 200)
	if d.InAlluxioFiles != 25 || len(d.FileInfos) != 19 { // one of twenty is not for strangers
		t.Errorf("%d files, %d shown", d.InAlluxioFiles, len(d.FileInfos))
	}
	if d := getJSON[Data](t, h, "/api/v1/master/webui_data?offset=20", 200); len(d.FileInfos) != 5 {
		t.Errorf("second page: %d", len(d.FileInfos))
	}
}

func TestMasterLists(t *testing.T) {
	h := masterHandler(t, &fakeMaster{})
	ws := getJSON[Workers](t, h, "/api/v1/master/webui_workers", 200)
	if len(ws.Normal) != 2 || ws.Normal[0].Host != "w0" || ws.Normal[0].UsedPercent != 12 || ws.Normal[0].LastHeartbeat != "3" || len(ws.Failed) != 1 {
		t.Errorf("workers %+v", ws)
	}
	mt := getJSON[MountTable](t, h, "/api/v1/master/webui_mounttable", 200)
	if len(mt.Mounts) != 2 || mt.Mounts[1].Properties["fs.kodo.secretkey"] != "******" || mt.Mounts[1].Properties["a"] != "b" || !mt.Mounts[1].ReadOnly {
		t.Errorf("mounts %+v", mt)
	}
	info := getJSON[MasterInfo](t, h, "/api/v1/master/info", 200)
	if info.Capacity.Total != 8<<30 || info.TierCapacity["MEM"].Used != 1<<30 || len(info.Workers) != 2 || len(info.LostWorkers) != 1 ||
		info.MountPoints["/kodo"].UFSURI != "kodo://b/d" || info.Metrics["Master.FilesCreated"] != 5 || info.UFSCapacity.Used != 40 {
		t.Errorf("info %+v", info)
	}
	m := getJSON[Metrics](t, h, "/api/v1/master/webui_metrics", 200)
	if m.CapacityUsedPercent != 25 || m.CapacityFreePercent != 75 || m.UFSUsedPercent != 40 || m.ReadLocal != "3000B" || m.ReadLocalRate != "60B/min" || len(m.TimeSeries) != 2 ||
		m.CacheHitLocal != "60.00" || m.CacheHitRemote != "20.00" || m.CacheMiss != "20.00" || m.UFSReadSize["kodo://b"] != "1000B" ||
		m.Operations["FilesCreated"].Count != 5 || m.RPCs["CreateFileOps"].Count != 6 || m.JournalDisks[0].PercentAvailable != 5 {
		t.Errorf("metrics %+v", m)
	}
}

func TestLogs(t *testing.T) {
	f := &fakeMaster{}
	h := masterHandler(t, f)
	dir := f.conf.All()
	var logs string
	for _, p := range dir {
		if p.Name == "alluxio.logs.dir" {
			logs = p.Value
		}
	}
	outside := filepath.Join(t.TempDir(), "outside.log")
	for path, text := range map[string]string{outside: "outside", filepath.Join(logs, "notes.txt"): "no log", filepath.Join(filepath.Dir(logs), "up.log"): "up"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(logs, "link.log")); err != nil {
		t.Fatal(err)
	}
	list := getJSON[Logs](t, h, "/api/v1/master/webui_logs", 200)
	if list.TotalFiles != 1 || list.FileInfos[0].Name != "master.log" || list.FileInfos[0].Size != "17.58KB" {
		t.Errorf("list %+v", list)
	}
	get := func(query string, status int) Logs {
		t.Helper()
		return getJSON[Logs](t, h, "/api/v1/master/webui_logs?path="+query, status)
	}
	if l := get("master.log", 200); len(l.FileData) != windowBytes || l.ViewingOffset != 0 {
		t.Errorf("begin: %d bytes at %d", len(l.FileData), l.ViewingOffset)
	}
	if l := get("master.log&end=1", 200); len(l.FileData) != windowBytes || l.ViewingOffset != 18_000-windowBytes || !strings.HasSuffix(l.FileData, "log\n") {
		t.Errorf("end: %d bytes at %d", len(l.FileData), l.ViewingOffset)
	}
	if l := get("/somewhere/master.log", 200); l.CurrentPath != "master.log" {
		t.Errorf("by base name: %+v", l.CurrentPath)
	}
	for query, status := range map[string]int{
		"notes.txt": 400, "missing.log": 404, "../up.log": 404, "..%2fup.log": 404, "link.log": 500, outside: 404, "..": 400, "x%00.log": 400,
	} {
		w := do(h, "GET", "/api/v1/master/webui_logs?path="+query)
		if w.Code == 200 || strings.Contains(w.Body.String(), "outside\"") || w.Code != status && status != 500 && status != 400 {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

func TestWorker(t *testing.T) {
	h := workerHandler(t, newFakeWorker())
	o := getJSON[WorkerOverview](t, h, "/api/v1/worker/webui_overview", 200)
	if o.Worker.Address != "w1:29999" || o.BlockCount != "3" || o.Used != "512.00KB" || len(o.StorageDirs) != 2 {
		t.Errorf("overview %+v", o)
	}
	b := getJSON[BlockInfo](t, h, "/api/v1/worker/webui_blockinfo?limit=2", 200)
	if b.TotalFiles != 3 || len(b.FileInfos) != 2 || b.FileInfos[0].AbsolutePath != "/named" || b.FileInfos[0].OnTierPercentages["MEM"] != 50 ||
		b.FileInfos[0].OnTierPercentages["HDD"] != 25 || !strings.HasPrefix(b.FileInfos[1].AbsolutePath, "file id ") {
		t.Errorf("blocks %+v", b)
	}
	for _, path := range []string{"/named", "file+id+" + strings.TrimPrefix(b.FileInfos[1].AbsolutePath, "file id ")} {
		one := getJSON[BlockInfo](t, h, "/api/v1/worker/webui_blockinfo?path="+path, 200)
		if len(one.BlocksOnTier["MEM"]) != 1 || len(one.BlocksOnTier["HDD"]) != 1 || !one.BlocksOnTier["MEM"][0].InHighestTier {
			t.Errorf("%s: %+v", path, one.BlocksOnTier)
		}
	}
	getJSON[BlockInfo](t, h, "/api/v1/worker/webui_blockinfo?path=/unknown", 404)
	getJSON[BlockInfo](t, h, "/api/v1/worker/webui_blockinfo?path=file+id+1", 404)
	if ops := getJSON[Operations](t, h, "/api/v1/worker/operations", 200); ops.OperationCount != 2 || ops.RPCQueueLength != 1 {
		t.Errorf("operations %+v", ops)
	}
}

func TestMetricsEndpoints(t *testing.T) {
	h := masterHandler(t, &fakeMaster{})
	for _, path := range []string{"/metrics/json", "/metrics/json/"} {
		m := getJSON[MetricsJSON](t, h, path, 200)
		if m.Counters["Master.Operations.name:FilesCreated"].Count != 5 || m.Gauges["Master.UniqueBlocks"].Value != 17 || m.Timers["Master.JournalFlushTimer"].Mean != 0.5 {
			t.Errorf("%s: %+v", path, m)
		}
	}
	for _, path := range []string{"/metrics/prometheus", "/metrics/prometheus/"} {
		if w := do(h, "GET", path); w.Code != 200 || !strings.Contains(w.Body.String(), `Master_Operations{name="FilesCreated"} 5`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := do(h, "GET", "/api/v1/common/thread_dump"); !strings.Contains(w.Body.String(), "goroutine profile") {
		t.Errorf("thread dump: %.200s", w.Body)
	}
}
