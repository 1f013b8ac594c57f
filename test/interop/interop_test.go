//go:build interop

// Package interop runs clients that we did not write against a cluster of ours:
// Alluxio's Java client, its Hadoop file system and its shell. It needs Java and
// Maven with a registry; without them the tests are skipped, and say so.
package interop

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/test/compat"
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

func startCluster(t *testing.T, lines ...string) *world.World {
	t.Helper()
	w := world.New(t, append(lines, "alluxio.user.block.size.bytes.default=4MB")...)
	w.Start()
	return w
}

var passedCheck = regexp.MustCompile(`(?m)^ok +(.*?) +\d+ ms$`)

// runChecks runs a program of the Maven project that makes checks, which must
// all pass, and returns their names.
func runChecks(t *testing.T, cp, program string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("java", append([]string{"-Dalluxio.user.rpc.retry.max.duration=15s",
		"-cp", "java/target/interop-1.jar:" + cp, program}, args...)...)
	out, err := cmd.CombinedOutput()
	t.Log(strings.Join(regexp.MustCompile(`(?m)^(ok|FAIL|failed:|\d+ passed).*$`).FindAllString(string(out), -1), "\n"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var names []string
	for _, m := range passedCheck.FindAllStringSubmatch(string(out), -1) {
		names = append(names, m[1])
	}
	return names
}

func TestJavaClients(t *testing.T) {
	cp := classpath(t, "java")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	w := startCluster(t, "alluxio.master.security.impersonation."+me.Username+".users=alice")
	passed := runChecks(t, cp, "interop.Main", "localhost", fmt.Sprint(w.Port.Master), t.TempDir())
	for _, section := range []string{"alluxio.client.file.FileSystem", "org.apache.hadoop.fs.FileSystem"} {
		requireChecks(t, section, func(check string) bool {
			return slices.ContainsFunc(passed, func(name string) bool {
				return name == check || strings.HasPrefix(name, check+" (")
			})
		})
	}
}

// requireChecks holds the rows of a section of docs/compatibility.md to what ran:
// each that works or is refused names checks, and all of them passed.
func requireChecks(t *testing.T, section string, passed func(check string) bool) {
	t.Helper()
	rows, err := compat.Read(filepath.Join("..", "..", "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, row := range rows {
		if row.Section != section {
			continue
		}
		found++
		if len(row.Checks) == 0 && row.Answer != compat.Differs {
			t.Errorf("docs/compatibility.md names no check for %s of %s", row.Name, section)
		}
		for _, check := range row.Checks {
			if !passed(check) {
				t.Errorf("docs/compatibility.md: %s of %s %s; no check %q has passed", row.Name, section, row.Answer, check)
			}
		}
	}
	if found == 0 {
		t.Errorf("docs/compatibility.md has no section %s", section)
	}
}

func TestJavaWithoutAuthentication(t *testing.T) {
	cp := classpath(t, "java")
	w := startCluster(t, "alluxio.security.authentication.type=NOSASL", "alluxio.security.authorization.permission.enabled=false")
	runChecks(t, cp, "interop.NoSasl", "localhost", fmt.Sprint(w.Port.Master))
}
