//go:build interop

// Package interop runs clients that we did not write against a cluster of ours:
// Alluxio's Java client, its Hadoop file system and its shell. It needs Java and
// Maven with a registry; without them the tests are skipped, and say so.
package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/test/world"
)

func TestMain(m *testing.M) {
	code := m.Run()
	world.Cleanup()
	os.Exit(code)
}

// classpath builds the Maven project and returns its runtime class path.
func classpath(t *testing.T, project string) string {
	t.Helper()
	for _, tool := range []string{"mvn", "java"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED, NOT TESTED: %s is not installed", tool)
		}
	}
	file := filepath.Join(t.TempDir(), "classpath")
	cmd := exec.Command("mvn", "-q", "-DskipTests", "package", "dependency:build-classpath", "-Dmdep.outputFile="+file)
	cmd.Dir = project
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && regexp.MustCompile(`Could not (resolve|transfer)|Connection refused|Unknown host`).Match(out):
		t.Skipf("SKIPPED, NOT TESTED: the Maven registry is not reachable:\n%s", out)
	case err != nil:
		t.Fatalf("mvn: %v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func startCluster(t *testing.T) *world.World {
	t.Helper()
	w := world.New(t, "alluxio.user.block.size.bytes.default=4MB")
	w.Start()
	return w
}

func TestJavaClients(t *testing.T) {
	cp := classpath(t, "java")
	w := startCluster(t)
	cmd := exec.Command("java", "-cp", "java/target/interop-1.jar:"+cp, "interop.Main", "localhost", fmt.Sprint(w.Port.Master), t.TempDir())
	out, err := cmd.CombinedOutput()
	t.Log(strings.Join(regexp.MustCompile(`(?m)^(ok|FAIL|failed:|\d+ passed).*$`).FindAllString(string(out), -1), "\n"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
