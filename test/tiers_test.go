package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/test/world"
)

// tierOf returns the tiers on which the blocks of a file are.
func tierOf(t *testing.T, fs *client.Client, path string) []string {
	t.Helper()
	info, err := fs.Stat(t.Context(), path, client.StatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var tiers []string
	for _, b := range info.Blocks {
		for _, l := range b.Locations {
			tiers = append(tiers, l.TierAlias)
		}
	}
	return tiers
}

// Three tiers of several directories: new files go to the top and, when that is full,
// below; reads with CACHE_PROMOTE, pins to a medium and the background move blocks; reports
// and pages show all of it.
func TestTiers(t *testing.T) {
	dirs := t.TempDir()
	dir := func(name string) string { return filepath.Join(dirs, name) }
	w := world.New(t,
		"alluxio.user.block.size.bytes.default=1MB", "alluxio.worker.tieredstore.levels=3",
		"alluxio.worker.tieredstore.level0.dirs.path="+dir("mem"), "alluxio.worker.tieredstore.level0.dirs.quota=4MB",
		"alluxio.worker.tieredstore.level1.alias=SSD",
		"alluxio.worker.tieredstore.level1.dirs.path="+dir("ssd1")+","+dir("ssd2"), "alluxio.worker.tieredstore.level1.dirs.quota=4MB",
		"alluxio.worker.tieredstore.level2.alias=HDD",
		"alluxio.worker.tieredstore.level2.dirs.path="+dir("hdd1")+","+dir("hdd2"), "alluxio.worker.tieredstore.level2.dirs.quota=20MB,30MB",
		"alluxio.worker.allocator.class=alluxio.worker.block.allocator.RoundRobinAllocator",
		"alluxio.worker.management.load.detection.cool.down.time=1h", "alluxio.worker.management.tier.align.reserved.bytes=0", // nothing is moved by itself
	)
	w.Start()
	fs := newClient(t, w)
	u := &diskUser{T: t, w: w, fs: fs, files: map[string][]byte{}}
	for i := range 20 {
		u.mustWrite(fmt.Sprintf("/f%d", i), i, mib, client.MustCache)
	}
	if got := tierOf(t, fs, "/f0"); fmt.Sprint(got) != "[MEM]" {
		t.Errorf("the first file is on %v", got)
	}
	if got := tierOf(t, fs, "/f6"); fmt.Sprint(got) != "[SSD]" {
		t.Errorf("a file that found the top full is on %v", got)
	}
	if got := tierOf(t, fs, "/f19"); fmt.Sprint(got) != "[HDD]" {
		t.Errorf("the last file is on %v", got)
	}
	for _, name := range []string{"ssd1", "ssd2", "hdd1", "hdd2"} { // each in turn
		if n := countBlocks(t, dir(name)); n < 4 {
			t.Errorf("%d blocks in %s", n, name)
		}
	}
	report := w.OK("alluxio", "fsadmin", "report", "capacity")
	for _, want := range []string{"Total Capacity: 62.00MB", "Tier: MEM  Size: 4096.00KB", "Tier: SSD  Size: 8.00MB", "Tier: HDD  Size: 50.00MB"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q:\n%s", want, report)
		}
	}
	var page struct {
		StorageDirs []struct{ TierAlias, DirPath string }
	}
	resp, err := http.Get(fmt.Sprintf("http://localhost:%d/api/v1/worker/webui_overview", w.Port.WorkerWeb))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err := json.Unmarshal(body, &page); err != nil || len(page.StorageDirs) != 5 || page.StorageDirs[2].DirPath != dir("ssd2") {
		t.Errorf("the worker's page: %s, %v", body, err)
	}
	if out := w.FS("location", "/f19"); !strings.Contains(out, "is on nodes:") {
		t.Error(out)
	}

	// Room above, and a wish to be there.
	w.FS("rm", "/f0")
	w.FS("rm", "/f1")
	u.w.Until(10*time.Second, "a block read with CACHE_PROMOTE is on the top", func() bool {
		r, err := fs.Open(t.Context(), "/f19", client.OpenOptions{ReadType: client.CachePromote})
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			_ = r.Close()
		}
		return err == nil && fmt.Sprint(tierOf(t, fs, "/f19")) == "[MEM]"
	})
	w.FS("pin", "/f18", "MEM")
	w.FS("pin", "/f2", "HDD")
	u.w.Until(10*time.Second, "pinned blocks are on their media", func() bool {
		return fmt.Sprint(tierOf(t, fs, "/f18")) == "[MEM]" && fmt.Sprint(tierOf(t, fs, "/f2")) == "[HDD]"
	})
	for i := 2; i < 20; i++ { // the only copies are all there
		u.reads(fmt.Sprintf("/f%d", i))
	}
	if err := u.write("/much", 50, 60*mib, client.MustCache); err == nil {
		t.Error("only copies were evicted")
	}
	for i := 2; i < 20; i++ {
		u.reads(fmt.Sprintf("/f%d", i))
	}
}

// Mistakes in the storage levels: the worker does not start, and says which key and
// value are wrong.
func TestBadTiers(t *testing.T) {
	const level = "alluxio.worker.tieredstore.level"
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w := world.New(t)
	w.OK("alluxio", "format", "-s")
	w.OK("alluxio-start.sh", "master")
	for _, c := range []struct{ key, value, want string }{
		{level + "0.dirs.quota", "10XB", level + "0.dirs.quota=10XB"},
		{level + "0.dirs.quota", "0", level + "0.dirs.quota: the quota"},
		{level + "0.dirs.path", "relative/dir", level + `0.dirs.path: "relative/dir"`},
		{level + "0.dirs.path", file, file},
		{level + "0.dirs.path", "/tmp/x,/tmp/x", "/tmp/x is named twice"},
		{"alluxio.worker.allocator.class", "BestAllocator", "alluxio.worker.allocator.class=BestAllocator"},
		{"alluxio.worker.tieredstore.levels", "2", level + "1"},
		{"alluxio.worker.tieredstore.levels", "0", "alluxio.worker.tieredstore.levels=0"},
		{"alluxio.worker.tieredstore.levels", "9", "alluxio.worker.tieredstore.levels=9"},
	} {
		r := w.Run("alluxio", "process", "start", "worker", "-D"+c.key+"="+c.value)
		out := r.Stdout + r.Stderr
		if r.Code == 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s=%s: exit %d\n%s", c.key, c.value, r.Code, out)
		}
	}
}
