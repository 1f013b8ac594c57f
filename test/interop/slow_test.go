//go:build interop

package interop

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/test/world"
)

// slowReader is a Java client in the middle of a file.
type slowReader struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
}

// startSlowReader starts a reader that reaches the worker's files only through
// the worker, or as the command (its program and arguments before java's) has it.
func startSlowReader(t *testing.T, cp string, w *world.World, path string, command ...string) *slowReader {
	t.Helper()
	shortCircuit := len(command) > 0
	command = append(command, "java", fmt.Sprintf("-Dalluxio.user.short.circuit.enabled=%v", shortCircuit),
		"-cp", "java/target/interop-1.jar:"+cp, "interop.Slow", "localhost", fmt.Sprint(w.Port.Master), path)
	r := &slowReader{t: t, cmd: exec.Command(command[0], command[1:]...)}
	r.cmd.Stderr = os.Stderr
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill(); _ = r.cmd.Wait() })
	r.lines = bufio.NewScanner(stdout)
	r.line("waiting")
	return r
}

// line waits for a line that ends so.
func (r *slowReader) line(suffix string) {
	r.t.Helper()
	for r.lines.Scan() {
		if strings.HasSuffix(r.lines.Text(), suffix) {
			return
		}
	}
	r.t.Fatalf("the reader ended without %q", suffix)
}

// goOn lets it read the rest, which must have the hash.
func (r *slowReader) goOn(hash string) {
	r.t.Helper()
	if _, err := io.WriteString(r.stdin, "\n"); err != nil {
		r.t.Fatal(err)
	}
	r.line(hash)
}

// sourceFile writes a file of random bytes below the store and returns its hash.
func sourceFile(t *testing.T, w *world.World, size int) (path, hash string) {
	t.Helper()
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	path = w.Path("source")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return path, hex.EncodeToString(sum[:])
}

// A worker killed under a Java reader does not fail the read.
func TestJavaReaderLosesItsWorker(t *testing.T) {
	cp := classpath(t, "java")
	w := startCluster(t)
	w.StartWorker()
	w.Until(20*time.Second, "two workers", func() bool {
		return strings.Contains(w.OK("alluxio", "fsadmin", "report", "summary"), "Live Workers: 2")
	})
	path, hash := sourceFile(t, w, 40<<20)
	w.FS("-Dalluxio.user.file.writetype.default=CACHE_THROUGH", "copyFromLocal", path, "/f")
	r := startSlowReader(t, cp, w, "/f")
	w.Kill("worker")
	r.goOn(hash)
}

// A Java client on the worker's host that cannot see the worker's files, as in
// another container, reads through the worker.
func TestJavaReaderWithoutTheFiles(t *testing.T) {
	cp := classpath(t, "java")
	w := startCluster(t)
	path, hash := sourceFile(t, w, 10<<20)
	w.FS("-Dalluxio.user.file.writetype.default=MUST_CACHE", "copyFromLocal", path, "/f")
	hide := []string{"unshare", "-r", "-m", "sh", "-c", `mount -t tmpfs none "$0" && exec "$@"`, w.Path("ramdisk")}
	if out, err := exec.Command(hide[0], append(hide[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: no name space of mounts can be made: %v %s", err, out)
	}
	startSlowReader(t, cp, w, "/f", hide...).goOn(hash)
}

// A Java client that is left alone keeps its connections: the master tolerates
// its pings, one in 30 seconds. With INTEROP_IDLE=1h it is left alone for an hour.
func TestJavaClientStaysConnected(t *testing.T) {
	idle := 100 * time.Second
	if s := os.Getenv("INTEROP_IDLE"); s != "" {
		var err error
		if idle, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	cp := classpath(t, "java")
	w := startCluster(t)
	path, hash := sourceFile(t, w, 10<<20)
	w.FS("-Dalluxio.user.file.writetype.default=CACHE_THROUGH", "copyFromLocal", path, "/f")
	r := startSlowReader(t, cp, w, "/f")
	before := connections(t, r.cmd.Process.Pid, w.Port.Master)
	if len(before) == 0 {
		t.Fatal("no connection to the master is seen")
	}
	time.Sleep(idle)
	if after := connections(t, r.cmd.Process.Pid, w.Port.Master); !slices.Equal(before, after) {
		t.Errorf("connections to the master: %v, after %v: %v", before, idle, after)
	}
	r.goOn(hash)
}

// connections returns the sockets of a process that are connected to the port.
func connections(t *testing.T, pid, port int) []string {
	t.Helper()
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	owned := map[string]bool{}
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err == nil {
			if inode, ok := strings.CutPrefix(link, "socket:["); ok {
				owned[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	var found []string
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			const established = "01"
			if len(f) > 9 && f[3] == established && strings.HasSuffix(f[2], fmt.Sprintf(":%04X", port)) && owned[f[9]] {
				found = append(found, f[1]+">"+f[2])
			}
		}
	}
	slices.Sort(found)
	return found
}
