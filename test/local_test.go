// Package test tries the whole product: real binaries, scripts and processes.
package test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/test/world"
)

func TestMain(m *testing.M) {
	code := m.Run()
	world.Cleanup()
	os.Exit(code)
}

var (
	readTypes  = []string{"CACHE_PROMOTE", "CACHE", "NO_CACHE"}
	writeTypes = []string{"MUST_CACHE", "CACHE_THROUGH", "THROUGH", "ASYNC_THROUGH"}
	operations = map[string]int64{"BasicFile": 80, "BasicNonByteBuffer": 84}
)

// The first five minutes: format, start, smoke suite, the files in the under
// store and on the page, stop.
func TestFirstFiveMinutes(t *testing.T) {
	w := world.New(t)
	if out := w.OK("alluxio", "format"); !strings.Contains(out, "Formatting Alluxio Master") {
		t.Errorf("format printed %q", out)
	}
	w.OK("alluxio-start.sh", "local")
	if out := w.OK("alluxio-start.sh", "local"); strings.Count(out, "already running") != 2 {
		t.Errorf("second start printed %q", out)
	}
	out := w.OK("alluxio", "runTests")
	if n := strings.Count(out, "Passed the test!"); n != 24 {
		t.Errorf("%d tests passed:\n%s", n, out)
	}
	for op, size := range operations {
		for _, read := range readTypes {
			for _, write := range writeTypes {
				name := filepath.Join("default_tests_files", op+"_"+read+"_"+write)
				if info, err := os.Stat(w.Path("underFSStorage", name)); err != nil || info.Size() != size {
					t.Errorf("%s in the under store: %v, %v", name, info, err)
				}
			}
		}
	}
	for _, page := range []string{"/", "/api/v1/master/info", "/api/v1/master/webui_browse?path=/default_tests_files", "/metrics/prometheus"} {
		get(t, fmt.Sprintf("http://localhost:%d%s", w.Port.MasterWeb, page))
	}
	get(t, fmt.Sprintf("http://localhost:%d/api/v1/worker/info", w.Port.WorkerWeb))
	w.OK("alluxio-monitor.sh", "local")
	w.OK("alluxio-stop.sh", "local")
	if w.Pid("master") != 0 || w.Pid("worker") != 0 {
		t.Error("a process survived the stop")
	}
	if r := w.Run("alluxio-monitor.sh", "local"); r.Code == 0 {
		t.Errorf("monitor of a stopped cluster: %+v", r)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	c := http.Client{Timeout: 10 * time.Second}
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s\n%.300s", url, resp.Status, &body)
	}
	return body.String()
}

func TestStartRefusesWhatCannotWork(t *testing.T) {
	t.Run("unformatted", func(t *testing.T) {
		w := world.New(t)
		r := w.Run("alluxio-start.sh", "master")
		if r.Code == 0 || !strings.Contains(r.Stderr, "alluxio format") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("port taken", func(t *testing.T) {
		w := world.New(t)
		w.OK("alluxio", "format")
		w.OK("alluxio-start.sh", "master")
		other := world.New(t, fmt.Sprintf("alluxio.master.rpc.port=%d", w.Port.Master))
		other.OK("alluxio", "format")
		r := other.Run("alluxio-start.sh", "master")
		if r.Code == 0 || !strings.Contains(r.Stderr, fmt.Sprint(w.Port.Master)) {
			t.Errorf("%+v", r)
		}
	})
	t.Run("changed root", func(t *testing.T) {
		w := world.New(t)
		w.OK("alluxio", "format")
		w.OK("alluxio-start.sh", "master")
		w.OK("alluxio-stop.sh", "master")
		if err := os.Mkdir(w.Path("elsewhere"), 0o755); err != nil {
			t.Fatal(err)
		}
		r := w.Run("alluxio", "master", "-Dalluxio.master.mount.table.root.ufs="+w.Path("elsewhere"))
		if r.Code == 0 || !strings.Contains(r.Stderr, "elsewhere") || !strings.Contains(r.Stderr, "underFSStorage") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("no such configuration folder", func(t *testing.T) {
		w := world.New(t)
		w.Env = []string{"ALLUXIO_CONF_DIR=/nonexistent/conf"}
		r := w.Run("alluxio-start.sh", "local")
		if r.Code == 0 || !strings.Contains(r.Stderr, "/nonexistent/conf") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("misspelt key", func(t *testing.T) {
		w := world.New(t, "alluxio.master.hostnam=localhost")
		r := w.Run("alluxio", "fs", "ls", "/")
		if r.Code == 0 || !strings.Contains(r.Stderr, `alluxio.master.hostname`) {
			t.Errorf("%+v", r)
		}
	})
}

// A start right after a kill -9, or while a stop is under way, does not take the
// ending process for a running one; and a pid file removed by hand hides none.
func TestStartAndStopAtOddMoments(t *testing.T) {
	w := world.New(t)
	w.Start()
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		for range 5 {
			master, worker := w.Pid("master"), w.Pid("worker")
			for _, pid := range []int{master, worker} {
				if err := syscall.Kill(pid, signal); err != nil {
					t.Fatal(err)
				}
			}
			out := w.OK("alluxio-start.sh", "local")
			if p := w.Pid("master"); p == 0 || p == master {
				t.Fatalf("%v: master %d after %d: %s", signal, p, master, out)
			}
			if p := w.Pid("worker"); p == 0 || p == worker {
				t.Fatalf("%v: worker %d after %d: %s", signal, p, worker, out)
			}
		}
	}
	pid := w.Pid("master")
	if err := os.Remove(w.Path("logs", "master.pid")); err != nil {
		t.Fatal(err)
	}
	if out := w.OK("alluxio-start.sh", "master"); !strings.Contains(out, fmt.Sprintf("already running (pid %d)", pid)) {
		t.Errorf("start without the pid file: %s", out)
	}
	if out := w.OK("alluxio-stop.sh", "local"); !strings.Contains(out, fmt.Sprintf("Stopped the master (pid %d)", pid)) {
		t.Errorf("stop without the pid file: %s", out)
	}
}

// Everything acknowledged before a kill -9 is there after it, and what was
// being written is not visible as complete.
func TestKillAndRestart(t *testing.T) {
	w := world.New(t, "alluxio.user.block.size.bytes.default=4MB")
	w.Start()
	local := w.Path("big")
	want := randomFile(t, local, 9<<20)
	w.FS("mkdir", "/dir")
	w.FS("-Dalluxio.user.file.writetype.default=MUST_CACHE", "copyFromLocal", local, "/dir/cached")
	w.FS("-Dalluxio.user.file.writetype.default=CACHE_THROUGH", "copyFromLocal", local, "/dir/through")
	w.FS("-Dalluxio.user.file.writetype.default=ASYNC_THROUGH", "copyFromLocal", local, "/dir/async")

	for round, victims := range [][]string{{"master"}, {"worker"}, {"master", "worker"}} {
		for _, v := range victims {
			w.Kill(v)
		}
		w.OK("alluxio-start.sh", "local")
		for _, name := range []string{"cached", "through", "async"} {
			copied := w.Path(fmt.Sprintf("%s.%d", name, round))
			w.FS("copyToLocal", "/dir/"+name, copied)
			if got := sum(t, copied); got != want {
				t.Fatalf("round %d: %s came back with other bytes", round, name)
			}
		}
		if out := w.FS("ls", "/dir/cached"); !strings.Contains(out, "100%") {
			t.Errorf("round %d: no longer cached: %s", round, out)
		}
	}
	w.Until(30*time.Second, "async file persisted", func() bool {
		return strings.Contains(w.FS("ls", "/dir/async"), " PERSISTED")
	})
	if sum(t, w.Path("underFSStorage", "dir", "async")) != want {
		t.Error("the persisted file has other bytes")
	}
}

// A damaged cached block is never served: the reader gets right bytes.
func TestDamagedBlocks(t *testing.T) {
	w := world.New(t, "alluxio.user.block.size.bytes.default=1MB")
	w.Start()
	local := w.Path("source")
	want := randomFile(t, local, 4<<20)
	w.FS("-Dalluxio.user.file.writetype.default=CACHE_THROUGH", "copyFromLocal", local, "/f")

	damaged := 0
	for name, damage := range map[string]func(blocks []string) error{
		"flip":     func(b []string) error { return patch(b[0], 512<<10, []byte{1, 2, 3}) },
		"truncate": func(b []string) error { return os.Truncate(b[1], 1000) },
		"swap": func(b []string) error {
			if err := os.Rename(b[2], b[2]+".x"); err != nil {
				return err
			}
			if err := os.Rename(b[3], b[2]); err != nil {
				return err
			}
			return os.Rename(b[2]+".x", b[3])
		},
	} {
		for _, short := range []string{"true", "false"} {
			blocks := blockFiles(t, w)
			if len(blocks) != 4 {
				t.Fatalf("%d block files: %v", len(blocks), blocks)
			}
			if err := damage(blocks); err != nil {
				t.Fatal(err)
			}
			damaged++
			copied := w.Path("copy-" + name + short)
			w.FS("-Dalluxio.user.short.circuit.enabled="+short, "copyToLocal", "/f", copied)
			if sum(t, copied) != want {
				t.Errorf("%s, short circuit %s: wrong bytes", name, short)
			}
			w.Until(20*time.Second, "all blocks cached again", func() bool {
				return len(blockFiles(t, w)) == 4 && strings.Contains(w.FS("ls", "/f"), "100%")
			})
		}
	}
	if damaged != 6 {
		t.Errorf("only %d damages were done", damaged)
	}
}

// blockFiles returns the files of whole cached blocks, in the order of their ids.
func blockFiles(t *testing.T, w *world.World) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(w.Path("ramdisk"), func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == ".quarantine" { // copies of damaged pages
			return filepath.SkipDir
		}
		if info, err := d.Info(); err == nil && d.Type().IsRegular() && info.Size() >= 1<<20 {
			found = append(found, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func patch(path string, offset int64, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(b, offset)
	return err
}

// randomFile writes a file of size random bytes and returns its hash.
func randomFile(t *testing.T, path string, size int) [sha256.Size]byte {
	t.Helper()
	b := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{1})
	if _, err := rng.Read(b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

func sum(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}
