package test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/test/world"
)

const (
	kodoAccessKey = "walk-access-key"
	kodoSecretKey = "walk-secret-key-never-shown"
)

// kodo is a running kodo-emulator with one bucket, "walk".
type kodo struct {
	t    *testing.T
	dir  string
	addr string
	log  string
}

// startKodo starts the emulator with more flags.
func startKodo(t *testing.T, flags ...string) *kodo {
	t.Helper()
	k := &kodo{t: t, dir: t.TempDir()}
	k.log = filepath.Join(k.dir, "requests.log")
	args := append([]string{"--listen", "127.0.0.1:0", "--dir", filepath.Join(k.dir, "state"), "--bucket", "walk",
		"--access-key", kodoAccessKey, "--secret-key", kodoSecretKey, "--request-log", k.log}, flags...)
	cmd := exec.Command(filepath.Join(world.Binaries(t), "kodo-emulator"), args...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), "alluxio.underfs.kodo.endpoint="); ok {
			k.addr = addr
			return k
		}
	}
	t.Fatal("the emulator printed no endpoint")
	return nil
}

// properties are the five lines of the site file.
func (k *kodo) properties(secret string) []string {
	return []string{
		"fs.kodo.accesskey=" + kodoAccessKey,
		"fs.kodo.secretkey=" + secret,
		"alluxio.underfs.kodo.downloadhost=" + k.addr,
		"alluxio.underfs.kodo.endpoint=" + k.addr,
	}
}

// mountArgs are the arguments of `fs mount`.
func (k *kodo) mountArgs(secret, path, uri string) []string {
	args := []string{"fs", "mount"}
	for _, p := range k.properties(secret) {
		args = append(args, "--option", p)
	}
	return append(args, path, uri)
}

// requests returns the lines of the request log that name the key.
func (k *kodo) requests(key string) []string {
	k.t.Helper()
	text, err := os.ReadFile(k.log)
	if err != nil {
		k.t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, key) {
			found = append(found, line)
		}
	}
	return found
}

// object returns the path of an object in the emulator's folder.
func (k *kodo) object(key string) string {
	return filepath.Join(k.dir, "state", "objects", "walk", key)
}

// keys counts the emulator's objects by the first two components of their keys.
func (k *kodo) keys() map[string]int {
	k.t.Helper()
	root := k.object("")
	count := map[string]int{}
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, p)
		parts := strings.Split(rel, string(filepath.Separator))
		count[strings.Join(parts[:min(2, len(parts))], "/")]++
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return count
}

// The bucket is the root: five lines of configuration and nothing else.
func TestKodoRoot(t *testing.T) {
	k := startKodo(t)
	w := world.New(t, append(k.properties(kodoSecretKey), "alluxio.master.mount.table.root.ufs=kodo://walk/dir/")...)
	w.Start()
	w.OK("alluxio", "runTests")
	for op, size := range operations {
		for _, read := range readTypes {
			for _, write := range writeTypes {
				key := "dir/default_tests_files/" + op + "_" + read + "_" + write
				if info, err := os.Stat(k.object(key)); err != nil || info.Size() != size {
					t.Errorf("object %s: %v, %v", key, info, err)
				}
			}
		}
	}
	secretNowhere(t, w)
}

// A bucket below a folder: what was there is seen and read, what is written
// arrives, and a wrong key is refused.
func TestKodoMount(t *testing.T) {
	k := startKodo(t)
	seed := world.New(t, append(k.properties(kodoSecretKey), "alluxio.master.mount.table.root.ufs=kodo://walk/")...)
	seed.Start()
	local := seed.Path("object")
	want := randomFile(t, local, 5<<20)
	seed.FS("-Dalluxio.user.file.writetype.default=THROUGH", "copyFromLocal", local, "/dir/sub/before")
	seed.OK("alluxio-stop.sh", "local")

	w := world.New(t)
	w.Start()
	r := w.Run("alluxio", k.mountArgs("wrong", "/kodo", "kodo://walk/dir/")...)
	if r.Code == 0 || !strings.Contains(r.Stderr, "fs.kodo.secretkey") && !strings.Contains(r.Stderr, "credentials") {
		t.Errorf("a wrong key: %+v", r)
	}
	if out := w.FS("mount"); strings.Contains(out, "/kodo") {
		t.Errorf("mounted in spite of the wrong key: %s", out)
	}
	w.OK("alluxio", k.mountArgs(kodoSecretKey, "/kodo", "kodo://walk/dir/")...)
	if out := w.FS("ls", "-R", "/kodo"); !strings.Contains(out, "/kodo/sub/before") {
		t.Errorf("ls -R: %s", out)
	}
	w.FS("copyToLocal", "/kodo/sub/before", w.Path("got"))
	if sum(t, w.Path("got")) != want {
		t.Error("wrong bytes")
	}
	w.FS("-Dalluxio.user.file.writetype.default=CACHE_THROUGH", "copyFromLocal", w.Path("got"), "/kodo/after")
	if sum(t, k.object("dir/after")) != want {
		t.Error("the object has other bytes")
	}
	w.FS("mv", "/kodo/after", "/kodo/renamed")
	if sum(t, k.object("dir/renamed")) != want {
		t.Error("the renamed object has other bytes")
	}
	w.FS("mv", "/kodo/sub", "/kodo/moved")
	if sum(t, k.object("dir/moved/before")) != want {
		t.Error("the object in the renamed folder has other bytes")
	}
	w.FS("rm", "-R", "/kodo/moved")
	w.FS("rm", "/kodo/renamed")
	for _, key := range []string{"dir/moved/before", "dir/renamed", "dir/after", "dir/sub/before"} {
		if _, err := os.Stat(k.object(key)); !os.IsNotExist(err) {
			t.Errorf("%s: %v", key, err)
		}
	}
	secretNowhere(t, w)
}

// secretNowhere looks for the secret in all that the product shows or writes,
// except the site file that the user wrote.
func secretNowhere(t *testing.T, w *world.World) {
	t.Helper()
	shown := map[string]string{
		"getConf":          w.OK("alluxio", "getConf"),
		"getConf --master": w.OK("alluxio", "getConf", "--master", "--source"),
		"mount":            w.FS("mount"),
		"report ufs":       w.OK("alluxio", "fsadmin", "report", "ufs"),
	}
	for _, page := range []string{"/api/v1/master/info?raw_configuration=true", "/api/v1/master/webui_config", "/api/v1/master/webui_mounttable", "/config", "/mounttable", "/metrics/prometheus"} {
		shown[page] = get(t, fmt.Sprintf("http://localhost:%d%s", w.Port.MasterWeb, page))
	}
	w.OK("alluxio-stop.sh", "local")
	dump := w.Path("dump")
	w.OK("alluxio", "readJournal", "-outputDir", dump)
	for _, dir := range []string{dump, w.Path("logs")} {
		err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(p)
			shown[p] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(shown) < 12 {
		t.Errorf("only %d places looked at", len(shown))
	}
	for where, text := range shown {
		if strings.Contains(text, kodoSecretKey) {
			t.Errorf("the secret is shown by %s", where)
		}
	}
}

// An object read twice is fetched once, and the second read is faster than the
// store's link.
func TestKodoReadTwice(t *testing.T) {
	const size = 64 << 20
	k := startKodo(t, "--bandwidth", "50MB")
	w := world.New(t, append(k.properties(kodoSecretKey), "alluxio.master.mount.table.root.ufs=kodo://walk/")...)
	w.Start()
	local := w.Path("object")
	want := randomFile(t, local, size)
	w.FS("-Dalluxio.user.file.writetype.default=THROUGH", "copyFromLocal", local, "/big")
	if out := w.FS("ls", "/big"); !strings.Contains(out, "  0%") {
		t.Errorf("cached before it was read: %s", out)
	}
	first := timed(func() { w.FS("copyToLocal", "/big", w.Path("first")) })
	before := len(k.requests("GET /big"))
	if before == 0 {
		t.Fatalf("no request for the object in the log:\n%s", strings.Join(k.requests(""), ""))
	}
	second := timed(func() { w.FS("copyToLocal", "/big", w.Path("second")) })
	if n := len(k.requests("GET /big")); n != before {
		t.Errorf("the second read made %d requests", n-before)
	}
	for _, name := range []string{"first", "second"} {
		if sum(t, w.Path(name)) != want {
			t.Errorf("%s: wrong bytes", name)
		}
	}
	t.Logf("first read %v, second %v", first, second)
	w.Until(10*time.Second, "wholly cached", func() bool { return strings.Contains(w.FS("ls", "/big"), "100%") })
	if out := w.FS("location", "/big"); strings.Count(out, "\n") < 2 {
		t.Errorf("location: %s", out)
	}
	w.FS("free", "/big")
	if out := w.FS("ls", "/big"); !strings.Contains(out, "  0%") {
		t.Errorf("after free: %s", out)
	}
	w.FS("load", "/big")
	if out := w.FS("ls", "/big"); !strings.Contains(out, "100%") {
		t.Errorf("after load: %s", out)
	}
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
