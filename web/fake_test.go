package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
	"github.com/alluxio-go/alluxio/master"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// secret must never be served.
const secret = "s3cr3t-0f-k0d0"

// testConfig is a configuration with a secret and a directory with a log.
func testConfig(t *testing.T, more ...string) *config.Config {
	t.Helper()
	logs := t.TempDir()
	if err := os.WriteFile(filepath.Join(logs, "master.log"), []byte(strings.Repeat("a line of the log\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"alluxio.logs.dir": logs, "fs.kodo.secretkey": secret, "alluxio.master.hostname": "m"}
	for i := 0; i < len(more); i += 2 {
		values[more[i]] = more[i+1]
	}
	c, err := config.FromMap(config.Master, values)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fakeMaster is a MasterSource of fixed values.
type fakeMaster struct {
	conf    *config.Config
	standby bool
	caller  master.Caller // of the last Browse
	mounts  int           // calls of Mounts with space
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.Local)

func (f *fakeMaster) Info() master.Info {
	return master.Info{ClusterID: "cluster-id", Address: "m:19998", Host: "m", RPCPort: 19998, WebPort: 19999, Started: epoch,
		Uptime: 3*time.Hour + 12*time.Second, Version: "2.9.5", Revision: "r", Leading: !f.standby, Leader: "m:19998",
		Masters: []string{"m:19998", "n:19998"},
		Journal: journal.Stats{Dir: "/j", Leading: !f.standby, EntriesSinceCheckpoint: 7, CheckpointTime: epoch, GainedLead: epoch,
			DiskFreeBytes: 5 << 30, DiskTotalBytes: 100 << 30}}
}

func (f *fakeMaster) Workers() []blockmap.Worker {
	w := func(host string, state blockmap.State) blockmap.Worker {
		return blockmap.Worker{ID: 11, Address: blockmap.Address{Host: host, RPCPort: 29999, DataPort: 29999, WebPort: 30000}, State: state,
			Started: epoch, LastContact: time.Now().Add(-3 * time.Second), Tiers: []string{"MEM", "SSD"},
			Capacity: map[string]int64{"MEM": 1 << 30, "SSD": 3 << 30}, Used: map[string]int64{"MEM": 1 << 29, "SSD": 0},
			LostStorage: map[string][]string{"SSD": {"/broken"}}, Blocks: 9, Version: "2.9.5"}
	}
	return []blockmap.Worker{w("w1", blockmap.Live), w("w0", blockmap.Live), w("gone", blockmap.Lost)}
}

func (f *fakeMaster) Mounts(_ context.Context, space bool) []master.MountInfo {
	if space {
		f.mounts++
	}
	return []master.MountInfo{
		{Point: mount.Point{ID: 1, Path: "/", UFS: "/under"}, UFSType: "local", CapacityBytes: 100, UsedBytes: 40},
		{Point: mount.Point{ID: 2, Path: "/kodo", UFS: "kodo://b/d", ReadOnly: true, Options: map[string]string{"fs.kodo.secretkey": secret, "a": "b"}},
			UFSType: "kodo", CapacityBytes: -1, UsedBytes: -1, SpaceError: "refused"},
	}
}

const evilName = `<script>alert(1)<!-- & "x"`

func (f *fakeMaster) file(path string) (master.FileInfo, error) {
	fi := master.FileInfo{Path: path, InAlluxioPercent: 100}
	fi.Name = path[strings.LastIndexByte(path, '/')+1:]
	fi.Owner, fi.Group, fi.Mode, fi.CreatedMS, fi.ModifiedMS = "o", "g", 0o644, epoch.UnixMilli(), epoch.UnixMilli()
	fi.Persistence = inode.Persisted
	switch {
	case strings.Contains(path, "missing"):
		return fi, errors.Errorf(errors.NotFound, "Path %q does not exist.", path)
	case strings.Contains(path, "private"):
		return fi, errors.Errorf(errors.Permission, "Permission denied on %q.", path)
	case path == "/" || strings.HasSuffix(path, "dir") || strings.HasSuffix(path, "sub"):
		fi.Kind, fi.Mode = inode.KindDirectory, 0o755
		return fi, nil
	}
	if strings.Contains(path, "0640") {
		fi.Mode = 0o640
	}
	fi.ID = blockid.FileID(33)
	fi.Completed, fi.Length, fi.BlockSize = true, 20_000, 1<<20
	fi.Blocks = []master.BlockInfo{{ID: 1, Length: 20_000, Locations: []blockmap.Location{
		{Worker: 11, Address: blockmap.Address{Host: "w1", RPCPort: 29999}, Placement: blockmap.Placement{Tier: "MEM"}}}}}
	return fi, nil
}

func (f *fakeMaster) Browse(_ context.Context, c master.Caller, path string, offset, limit int) (master.Page, error) {
	f.caller = c
	fi, err := f.file(path)
	p := master.Page{Current: fi}
	if err != nil || !fi.IsDir() {
		return p, err
	}
	p.Total = 101
	for i := offset; i < min(offset+limit, p.Total); i++ {
		name := fmt.Sprintf("file%03d", i)
		if i == 0 {
			name = evilName
		}
		e, _ := f.file(strings.TrimSuffix(path, "/") + "/" + name)
		p.Entries = append(p.Entries, e)
	}
	return p, nil
}

func (f *fakeMaster) GetStatus(_ context.Context, _ master.Caller, path string) (master.FileInfo, error) {
	return f.file(path)
}

func (f *fakeMaster) InAlluxio() ([]master.FileInfo, bool) {
	var files []master.FileInfo
	for i := range 30 {
		fi, _ := f.file(fmt.Sprintf("/cached%d", i))
		files = append(files, fi)
	}
	fi, _ := f.file("/private")
	files[1] = fi
	return files, false
}

func (f *fakeMaster) PathCount() int64          { return 1234 }
func (f *fakeMaster) Config() []config.Property { return f.conf.All() }
func (f *fakeMaster) ConfigHash() string        { return "hash" }
func (f *fakeMaster) ConfigReport() []master.Inconsistency {
	return []master.Inconsistency{{Name: "alluxio.x", Error: true, Values: map[string][]string{"1": {"m"}, "2": {"w1"}}}, {Name: "alluxio.y"}}
}

func (f *fakeMaster) Metrics() map[string]float64 {
	return map[string]float64{"Master.UniqueBlocks": 17, "Master.FilesCreated": 5, "Master.CreateFileOps": 6,
		"Cluster.CapacityTotal": 400, "Cluster.CapacityUsed": 100, "Cluster.BytesReadLocal": 3000, "Cluster.BytesReadRemote": 2000,
		"Cluster.BytesReadUfsAll": 1000, "Cluster.BytesReadMissed": 1000, "Cluster.BytesReadLocalThroughput": 60, "Cluster.BytesReadPerUfs.UFS:kodo:%2F%2Fb": 1000}
}

// ReadFileAt implements FileReader: byte n is 'a' + n%26.
func (f *fakeMaster) ReadFileAt(_ context.Context, path string, offset int64, length int) ([]byte, error) {
	if strings.Contains(path, "unreadable") {
		return nil, errors.Errorf(errors.Unavailable, "no worker")
	}
	b := make([]byte, length)
	for i := range b {
		b[i] = 'a' + byte((offset+int64(i))%26)
	}
	return b, nil
}

// fakeWorker is a WorkerSource of fixed values.
type fakeWorker struct{ blocks []store.Info }

func (fakeWorker) ID() int64            { return 11 }
func (fakeWorker) StartTime() time.Time { return epoch }
func (fakeWorker) NetAddress() *grpcpb.WorkerNetAddress {
	host, port := "w1", int32(29999)
	return &grpcpb.WorkerNetAddress{Host: &host, RpcPort: &port}
}
func (fakeWorker) Tiers() []store.TierInfo {
	return []store.TierInfo{
		{Alias: "MEM", Capacity: 1 << 20, Used: 1 << 19, Dirs: []store.DirInfo{{Tier: "MEM", Path: "/mem", Quota: 1 << 20, Capacity: 1 << 20, Used: 1 << 19}}},
		{Alias: "HDD", Capacity: 1 << 30, Dirs: []store.DirInfo{{Tier: "HDD", Medium: "SSD", Path: "/hdd", Quota: 1 << 30, Lost: true, Cause: "input/output error"}}},
	}
}
func (f fakeWorker) Blocks() []store.Info { return f.blocks }

// FileID and FilePath implement FileNames: the first file has a name.
func (f fakeWorker) FileID(_ context.Context, path string) (blockid.FileID, error) {
	if path != "/named" {
		return 0, errors.Errorf(errors.NotFound, "Path %q does not exist.", path)
	}
	return f.blocks[0].ID.Container().File(), nil
}

func (f fakeWorker) FilePath(_ context.Context, id blockid.FileID) (string, error) {
	if id == f.blocks[0].ID.Container().File() {
		return "/named", nil
	}
	return "", errors.Errorf(errors.NotFound, "no file %d", id)
}

func newFakeWorker() fakeWorker {
	var f fakeWorker
	for n := range 3 {
		c := blockid.Container(7 + n)
		f.blocks = append(f.blocks, store.Info{ID: c.Block(0), Length: 100, Bytes: 100, Whole: true, Tier: "MEM"},
			store.Info{ID: c.Block(1), Length: 100, Bytes: 50, Tier: "HDD", TierIndex: 1})
	}
	return f
}

// masterHandler is a master's handler over fixed values.
func masterHandler(t *testing.T, f *fakeMaster, more ...string) http.Handler {
	t.Helper()
	f.conf = testConfig(t, more...)
	return NewMasterHandler(f, f.options())
}

func (f *fakeMaster) options() Options {
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "Master_Operations", Help: "h"}, []string{"name"})
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "Master_JournalFlushTimer", Help: "h"})
	reg.MustRegister(c, h)
	c.WithLabelValues("FilesCreated").Add(5)
	h.Observe(0.5)
	return Options{Config: f.conf, Gatherer: reg, Files: f}
}

func workerHandler(t *testing.T, f fakeWorker, more ...string) http.Handler {
	t.Helper()
	conf := testConfig(t, more...)
	return NewWorkerHandler(f, WorkerOptions{Options: Options{Config: conf}, Names: f, Operations: func() (int, int) { return 2, 1 }})
}

// do sends a request from this machine.
func do(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = "127.0.0.1:5"
	for i := 0; i < len(header); i += 2 {
		if header[i] == "remote" {
			r.RemoteAddr = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
