package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/master"
	"github.com/alluxio-go/alluxio/ufs/all"
	"github.com/alluxio-go/alluxio/web"
	"github.com/alluxio-go/alluxio/worker"
)

// live is a master and a worker with their pages, and some files.
type live struct {
	t              *testing.T
	master, worker *httptest.Server
	client         *client.Client
	logs           string
}

func startLive(t *testing.T) *live {
	t.Helper()
	dir := t.TempDir()
	ml, wl := listen(t), listen(t)
	masterPages, workerPages := listen(t), listen(t)
	for _, d := range []string{"under", "logs", "ram"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	load := func(role config.Scope) *config.Config {
		c, err := config.Load(config.Options{Role: role, Environ: []string{}, Executable: filepath.Join(dir, "bin", "alluxio"), Defines: []string{
			"alluxio.master.hostname=localhost", "alluxio.worker.hostname=localhost", "alluxio.user.hostname=localhost",
			"alluxio.work.dir=" + dir, "alluxio.logs.dir=" + filepath.Join(dir, "logs"),
			"alluxio.master.mount.table.root.ufs=" + filepath.Join(dir, "under"),
			"alluxio.master.rpc.port=" + port(ml), "alluxio.worker.rpc.port=" + port(wl),
			"alluxio.master.web.port=" + port(masterPages), "alluxio.worker.web.port=" + port(workerPages),
			"alluxio.worker.ramdisk.size=64MB", "alluxio.worker.tieredstore.level0.dirs.path=" + filepath.Join(dir, "ram"),
			"alluxio.worker.block.heartbeat.interval=50ms", "alluxio.user.block.size.bytes.default=1MB",
			"alluxio.web.refresh.interval=300ms", "fs.kodo.secretkey=never-shown",
		}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	l := &live{t: t, logs: filepath.Join(dir, "logs")}
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	mc, wc := load(config.Master), load(config.Worker)
	if err := master.Format(mc, false); err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	m, err := master.New(mc, master.Options{Logger: logger, Registerer: reg, UFS: all.Registry(), Listener: ml})
	if err != nil {
		t.Fatal(err)
	}
	run(t, m)
	wreg := prometheus.NewRegistry()
	w, err := worker.New(wc, worker.Options{Logger: logger, Registerer: wreg, UFS: all.Registry(), Listener: wl})
	if err != nil {
		t.Fatal(err)
	}
	run(t, w)
	files, err := web.NewClientFiles(mc, logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	l.master = serve(t, masterPages, web.NewMasterHandler(m, web.Options{Config: mc, Gatherer: reg, Logger: logger, Files: files}))
	l.worker = serve(t, workerPages, web.NewWorkerHandler(w, web.WorkerOptions{Options: web.Options{Config: wc, Gatherer: wreg, Logger: logger}, Names: files, Operations: w.Operations}))
	if l.client, err = client.New(load(config.Client), client.Options{Logger: logger}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.client.Close() })
	return l
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func port(l net.Listener) string { return strconv.Itoa(l.Addr().(*net.TCPAddr).Port) }

func serve(t *testing.T, l net.Listener, h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func run(t *testing.T, s interface {
	Run(context.Context) error
	Ready() <-chan struct{}
}) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	select {
	case <-s.Ready():
	case err := <-ended:
		ended <- err
		t.Fatalf("ended at once: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("does not serve in time")
	}
}

// write makes a file.
func (l *live) write(path string, size int, o client.CreateOptions) {
	l.t.Helper()
	o.Recursive = true
	w, err := l.client.Create(l.t.Context(), path, o)
	if err != nil {
		l.t.Fatal(err)
	}
	line := "the quick brown fox jumps over the lazy dog\n"
	if _, err := io.WriteString(w, strings.Repeat(line, size/len(line)+1)[:size]); err != nil {
		l.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		l.t.Fatal(err)
	}
}

func get(t *testing.T, url string, status int) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("%s: %d, %v: %s", url, resp.StatusCode, err, b)
	}
	if strings.Contains(string(b), "never-shown") {
		t.Errorf("%s shows the secret", url)
	}
	return string(b)
}

func wants(t *testing.T, where, body string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(body, w) {
			t.Errorf("%s does not show %q:\n%s", where, w, body)
		}
	}
}

// TestLive looks at the pages of a real master and worker.
func TestLive(t *testing.T) {
	l := startLive(t)
	l.write("/data/cached", 2_500_000, client.CreateOptions{WriteType: client.CacheThrough})
	l.write("/data/through", 1000, client.CreateOptions{WriteType: client.Through})
	private := client.Mode(0o600)
	l.write("/data/mine", 1000, client.CreateOptions{WriteType: client.MustCache, Mode: &private})
	hidden := client.Mode(0o700)
	if err := l.client.Mkdir(t.Context(), "/hidden", client.MkdirOptions{Mode: &hidden}); err != nil {
		t.Fatal(err)
	}
	l.write("/hidden/secretname", 1000, client.CreateOptions{WriteType: client.MustCache})
	m, w := l.master.URL, l.worker.URL

	wants(t, "browse", get(t, m+"/browse?path=/data", 200), ">cached<", "2441.41KB", "100%", "PERSISTED", ">through<", "0%")
	wants(t, "file", get(t, m+"/browse?path=/data/cached&offset=44", 200), "the quick brown fox", "1048576", "402848")
	wants(t, "end of file", get(t, m+"/browse?path=/data/through&end=1", 200), "the quick brown fox", "not cached")
	if body := get(t, m+"/browse?path=/data/mine", 200); strings.Contains(body, "quick brown") {
		t.Error("the contents of a private file are shown")
	}
	get(t, m+"/browse?path=/hidden", 403)
	get(t, m+"/browse?path=/none", 404)
	wants(t, "data", get(t, m+"/data", 200), "/data/cached")
	wants(t, "workers", get(t, m+"/workers", 200), strings.Replace(w, "127.0.0.1", "localhost", 1)+"/", "In Service")
	wants(t, "overview", get(t, m+"/overview", 200), "PRIMARY", "PASSED")
	wants(t, "info", get(t, m+"/api/v1/master/info", 200), `"rpcAddress":"localhost:`, `"fs.kodo.secretkey":"******"`)
	wants(t, "mounts", get(t, m+"/mounttable", 200), "under", "local")
	wants(t, "metrics", get(t, m+"/metrics/prometheus", 200), "Master_JournalFlushTimer", "Master_TotalPaths")
	wants(t, "metrics page", get(t, m+"/metrics", 200), "FilesCompleted")

	blocks := get(t, w+"/blockInfo", 200)
	wants(t, "blocks", blocks, "/data/cached", "file id ")
	if strings.Contains(blocks, "secretname") {
		t.Error("the worker's page tells names that others may not know")
	}
	wants(t, "blocks of a file", get(t, w+"/blockInfo?path=/data/cached", 200), "1048576", "402848")
	wants(t, "worker", get(t, w+"/overview", 200), "MEM", filepath.Dir(l.logs), strings.Replace(m, "127.0.0.1", "localhost", 1))
	wants(t, "worker operations", get(t, w+"/api/v1/worker/operations", 200), `{"operationCount":0,"rpcQueueLength":0}`)
	wants(t, "worker metrics", get(t, w+"/metrics/json", 200), "Worker.BlocksCached")
}

// TestChromium looks at pages in a browser and finds what only the script does.
// With WEB_SCREENSHOTS=directory it takes pictures of all pages instead.
func TestChromium(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	if testing.Short() {
		t.Skip("takes seconds")
	}
	l := startLive(t)
	for i := range 25 {
		l.write(fmt.Sprintf("/data/part-%03d", i), 70_000, client.CreateOptions{WriteType: client.CacheThrough})
	}
	if err := os.WriteFile(filepath.Join(l.logs, "master.log"), []byte(strings.Repeat("time=12:00 level=INFO msg=\"this master leads\"\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	m, w := l.master.URL, l.worker.URL
	pages := map[string]string{
		"overview": m + "/", "browse": m + "/browse?path=/data", "file": m + "/browse?path=/data/part-000", "data": m + "/data", "logs": m + "/logs",
		"log": m + "/logs?path=master.log&end=1", "config": m + "/config", "masters": m + "/masters", "workers": m + "/workers", "metrics": m + "/metrics",
		"mounttable": m + "/mounttable", "missing": m + "/browse?path=/none",
		"worker": w + "/", "blocks": w + "/blockInfo", "workermetrics": w + "/metrics",
	}
	out := os.Getenv("WEB_SCREENSHOTS")
	for name, url := range pages {
		if out == "" && name != "browse" && name != "config" && name != "worker" {
			continue
		}
		args := []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--user-data-dir=" + t.TempDir(), "--virtual-time-budget=2000", "--window-size=1280,900"}
		if out != "" {
			args = append(args, "--screenshot="+filepath.Join(out, name+".png"))
		} else {
			args = append(args, "--dump-dom")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, browser, append(args, url)...)
		dom, err := cmd.Output()
		cancel()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if out == "" && (!strings.Contains(string(dom), `<label class="auto"><input`) || !strings.Contains(string(dom), "<h1>")) {
			t.Errorf("%s: the script did not run, or the page is not there:\n%s", name, dom)
		}
	}
}
