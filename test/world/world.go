// Package world runs the product as a user does: the built binaries and scripts
// in an installation folder of their own, on free ports, as real processes.
//
// A World owns its folder and every process started through it; Close ends them
// by pid. Tests that share a machine with a running cluster do not touch it.
package world

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/daemon"
)

// World is one installation.
type World struct {
	t    testing.TB
	Home string // holds bin/, conf/, logs/ and all data
	Env  []string
	Port struct{ Master, MasterWeb, Raft, Job, Worker, WorkerWeb int }
}

// New makes an installation with a site file of the given lines after its own
// (ports, folders). Nothing is formatted or started.
func New(t testing.TB, lines ...string) *World {
	t.Helper()
	w := &World{t: t, Home: t.TempDir()}
	link(t, Binaries(t), filepath.Join(w.Home, "bin"))
	w.freePorts()
	base := []string{
		"alluxio.master.hostname=localhost",
		"alluxio.master.rpc.port=" + strconv.Itoa(w.Port.Master),
		"alluxio.master.web.port=" + strconv.Itoa(w.Port.MasterWeb),
		"alluxio.master.embedded.journal.port=" + strconv.Itoa(w.Port.Raft),
		"alluxio.job.master.rpc.port=" + strconv.Itoa(w.Port.Job),
		"alluxio.worker.rpc.port=" + strconv.Itoa(w.Port.Worker),
		"alluxio.worker.web.port=" + strconv.Itoa(w.Port.WorkerWeb),
		"alluxio.worker.tieredstore.level0.dirs.path=" + filepath.Join(w.Home, "ramdisk"),
		"alluxio.worker.ramdisk.size=512MB",
	}
	w.WriteConf("alluxio-site.properties", strings.Join(append(base, lines...), "\n")+"\n")
	w.WriteConf("masters", "localhost\n")
	w.WriteConf("workers", "localhost\n")
	t.Cleanup(w.Close)
	return w
}

// WriteConf writes a file of conf/.
func (w *World) WriteConf(name, content string) {
	w.t.Helper()
	dir := filepath.Join(w.Home, "conf")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Run runs a program of bin/ to its end.
func (w *World) Run(program string, args ...string) Result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(w.Home, "bin", program), args...)
	cmd.Env = append(cleanEnv(), w.Env...)
	cmd.Dir = w.Home
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		w.t.Fatalf("%s %q did not end:\n%s%s", program, args, &stdout, &stderr)
	}
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		w.t.Fatalf("%s: %v", program, err)
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// OK runs a program of bin/ that must succeed and returns what it printed.
func (w *World) OK(program string, args ...string) string {
	w.t.Helper()
	r := w.Run(program, args...)
	if r.Code != 0 {
		w.t.Fatalf("%s %q: exit %d\nstdout: %s\nstderr: %s", program, args, r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// FS runs `alluxio fs …`, which must succeed.
func (w *World) FS(args ...string) string {
	w.t.Helper()
	return w.OK("alluxio", append([]string{"fs"}, args...)...)
}

// Start formats (only what is unformatted) and starts the local cluster.
func (w *World) Start() {
	w.t.Helper()
	w.OK("alluxio", "format", "-s")
	w.OK("alluxio-start.sh", "local")
}

// StartWorker starts one more worker of the cluster, with ports and folders of
// its own, and returns its folder.
func (w *World) StartWorker() (home string) {
	w.t.Helper()
	home = w.t.TempDir()
	w.OK("alluxio", "process", "start", "worker",
		"-Dalluxio.worker.rpc.port="+strconv.Itoa(FreePort(w.t)),
		"-Dalluxio.worker.web.port="+strconv.Itoa(FreePort(w.t)),
		"-Dalluxio.worker.tieredstore.level0.dirs.path="+filepath.Join(home, "ramdisk"),
		"-Dalluxio.logs.dir="+filepath.Join(home, "logs"))
	w.t.Cleanup(func() {
		if _, err := daemon.Stop(context.Background(), filepath.Join(home, "logs", "worker.pid"), 10*time.Second, false); err != nil {
			w.t.Errorf("stop worker of %s: %v", home, err)
		}
	})
	return home
}

// Kill ends a process ("master", "worker") with SIGKILL and returns when it is
// gone.
func (w *World) Kill(process string) {
	w.t.Helper()
	pid := w.Pid(process)
	if pid == 0 {
		w.t.Fatalf("no %s to kill", process)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		w.t.Fatal(err)
	}
	w.Until(10*time.Second, process+" gone", func() bool { return w.Pid(process) != pid })
}

// Pid returns the pid of a running process, 0 when it does not run.
func (w *World) Pid(process string) int {
	w.t.Helper()
	pid, err := daemon.Holder(filepath.Join(w.Home, "logs", process+".pid"))
	if err != nil {
		w.t.Fatal(err)
	}
	return pid
}

// Until polls the condition.
func (w *World) Until(within time.Duration, what string, done func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(within); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within %v: %s\n%s", within, what, w.logs())
		}
	}
}

// Path returns a path below the installation.
func (w *World) Path(elem ...string) string {
	return filepath.Join(append([]string{w.Home}, elem...)...)
}

// Close ends every process of the installation and, when the test failed, shows
// the ends of the logs.
func (w *World) Close() {
	for _, process := range []string{"worker", "master"} {
		_, err := daemon.Stop(context.Background(), w.Path("logs", process+".pid"), 10*time.Second, false)
		if err != nil {
			w.t.Errorf("stop %s: %v", process, err)
		}
	}
	if out := w.logs(); strings.Contains(out, "DATA RACE") {
		w.t.Error("a process has a data race")
	}
	if w.t.Failed() {
		w.t.Log(w.logs())
	}
}

func (w *World) logs() string {
	var b strings.Builder
	for _, name := range []string{"master.out", "master.log", "worker.out", "worker.log"} {
		text, err := os.ReadFile(w.Path("logs", name))
		if err != nil || len(text) == 0 {
			continue
		}
		fmt.Fprintf(&b, "--- %s\n%s\n", name, text[max(0, len(text)-4<<10):])
	}
	return b.String()
}

func (w *World) freePorts() {
	ports := []*int{&w.Port.Master, &w.Port.MasterWeb, &w.Port.Raft, &w.Port.Job, &w.Port.Worker, &w.Port.WorkerWeb}
	for _, p := range ports {
		*p = FreePort(w.t)
	}
}

var ports struct {
	sync.Mutex
	used map[int]bool
}

// FreePort returns a port that nothing listens on and that no other call in this
// process got. It lies below the range of outgoing connections, so that none of
// those takes it before it is listened on.
func FreePort(t testing.TB) int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	if ports.used == nil {
		ports.used = map[int]bool{}
	}
	start := 12000 + os.Getpid()%1500*12
	for i := range 18000 {
		port := 12000 + (start-12000+i)%18000
		if ports.used[port] {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			continue
		}
		l.Close()
		ports.used[port] = true
		return port
	}
	t.Fatal("no free port")
	return 0
}

var built struct {
	sync.Once
	dir string
	err error
}

// Binaries builds the product once a test process and returns the folder of its
// programs and scripts.
func Binaries(t testing.TB) string {
	t.Helper()
	built.Do(func() { built.dir, built.err = build() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}

func build() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "alluxio-bin-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", dir+"/", "./cmd/...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if raceDetector {
		cmd.Args = slices.Insert(cmd.Args, 2, "-race")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	scripts, err := filepath.Glob(filepath.Join(root, "scripts", "alluxio-*.sh"))
	if err != nil {
		return "", err
	}
	for _, s := range scripts {
		text, err := os.ReadFile(s)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(s)), text, 0o755); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

// link makes dst a folder of hard links to the files of src, so that each
// installation finds its own home beside its binaries.
func link(t testing.TB, src, dst string) {
	t.Helper()
	if err := os.MkdirAll(dst, 0o755); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(src)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Link(filepath.Join(src, e.Name()), filepath.Join(dst, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// Cleanup removes the built binaries; TestMain calls it last.
func Cleanup() {
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
}

// cleanEnv is this process's environment without anything that configures a
// cluster.
func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "ALLUXIO_") {
			env = append(env, kv)
		}
	}
	return env
}
