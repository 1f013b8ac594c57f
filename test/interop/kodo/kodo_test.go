//go:build interop

// Package kodo runs Qiniu's Python, Java and Node.js SDKs, unmodified, against
// the emulator. They come from PyPI, Maven and npm; where a tool is missing or a registry
// cannot be reached the test is skipped, and says so.
package kodo

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

const (
	bucket    = "interop"
	pythonSDK = "qiniu==7.18.0"
)

func start(t *testing.T) *kodotest.Instance {
	t.Helper()
	return kodotest.Start(t, kodotest.Options{Dir: t.TempDir(), Buckets: []kodotest.Bucket{{Name: bucket, Private: true}}})
}

// unreachable matches what the tools say when there is no registry.
var unreachable = regexp.MustCompile(`Could not (resolve|transfer|find a version)|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|Connection refused|Unknown host|NewConnectionError`)

// prepare runs a command that may download; without a registry it skips.
func prepare(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && unreachable.Match(out):
		t.Skipf("SKIPPED, NOT TESTED: the registry is not reachable:\n%s", out)
	case err != nil:
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED, NOT TESTED: %s is not installed", tool)
		}
	}
}

// run runs a suite and prints its summary.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := lines[len(lines)-1]; strings.HasSuffix(last, "passed, 0 failed") {
		t.Log(last)
	} else {
		t.Fatalf("the suite did not end:\n%s", out)
	}
}

func TestPythonSDK(t *testing.T) {
	need(t, "python3")
	venv := filepath.Join(t.TempDir(), "venv")
	prepare(t, exec.Command("python3", "-m", "venv", venv))
	prepare(t, exec.Command(filepath.Join(venv, "bin", "pip"), "install", "-q", pythonSDK))
	srv := start(t)
	cmd := exec.Command(filepath.Join(venv, "bin", "python"), "python/suite.py", srv.Addr, bucket)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	run(t, cmd)
}

func TestJavaSDK(t *testing.T) {
	need(t, "mvn", "java")
	tmp := t.TempDir()
	file, classes := filepath.Join(tmp, "classpath"), filepath.Join(tmp, "target")
	cmd := exec.Command("mvn", "-q", "package", "dependency:build-classpath", "-Dmdep.outputFile="+file)
	cmd.Dir = "java"
	prepare(t, cmd)
	t.Cleanup(func() { os.RemoveAll("java/target") })
	path, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename("java/target", classes); err != nil {
		t.Fatal(err)
	}
	srv := start(t)
	run(t, exec.Command("java", "-Djava.io.tmpdir="+t.TempDir(), "-cp", classes+"/kodo-1.jar:"+strings.TrimSpace(string(path)), "kodo.Main", srv.Addr, bucket))
}

func TestNodeSDK(t *testing.T) {
	need(t, "node", "npm")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("node")); err != nil {
		t.Fatal(err)
	}
	install := exec.Command("npm", "install", "--no-audit", "--no-fund", "--no-package-lock")
	install.Dir = dir
	prepare(t, install)
	srv := start(t)
	cmd := exec.Command("node", "--no-deprecation", filepath.Join(dir, "suite.js"), srv.Addr, bucket)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	run(t, cmd)
}
