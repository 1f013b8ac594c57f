//go:build interop

package interop

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// What the Java shells make of our job service. {id} is the id of the first load.
var jobSteps = []struct {
	shell, args string
	fails       bool
	want        string // a regular expression
}{
	{"fs", "distributedLoad /d", false, `(?s)jobControlId = \d+.*Successfully loaded path /d/x\n.*Total completed file count is 2, failed file count is 0`},
	{"fs", "ls /d/x", false, `100% /d/x`},
	{"fs", "distributedLoad --async /single", false, `jobControlId = \d+`},
	{"fs", "distributedLoad /none", true, `Path "/none" does not exist\.\n$`},
	{"fs", "distributedLoad --replication 2 /d", true, `setReplication --min 2`},
	{"fs", "distributedCp /d /e", true, "Copying is not done by this cluster's job service"},
	{"fs", "distributedMv /d /e", true, "Copying is not done by this cluster's job service"},
	{"job", "ls", false, `(?m)^{id} +Load +COMPLETED`},
	{"job", "stat {id}", false, `(?s)Description: load /d\n.*Status: COMPLETED`},
	{"job", "getCmdStatus {id}", false, `Total completed file count is 2, failed file count is 0`},
	{"job", "cancel {id}", false, ``},
	{"job", "stat 1", true, `Failed to get status of the job 1`},
	{"job", "leader", false, `localhost`},
	{"fsadmin", "report jobservice", false, `Status: COMPLETED +Count: 2`},
}

func TestJavaJobShell(t *testing.T) {
	shells := map[string]string{
		"fs": "alluxio.cli.fs.FileSystemShell", "job": "alluxio.cli.job.JobShell", "fsadmin": "alluxio.cli.fsadmin.FileSystemAdminShell",
	}
	cp := classpath(t, "shell")
	w := startCluster(t)
	for _, path := range []string{"/d/x", "/d/sub/y", "/single"} {
		w.FS("-Dalluxio.user.file.writetype.default=THROUGH", "copyFromLocal", w.Path("conf", "masters"), path)
	}
	id := "no id"
	for _, step := range jobSteps {
		args := append([]string{"-cp", cp, "-Dalluxio.master.hostname=localhost", "-Dlog4j.rootLogger=OFF", "-Dalluxio.logger.type=Console",
			fmt.Sprintf("-Dalluxio.master.rpc.port=%d", w.Port.Master), fmt.Sprintf("-Dalluxio.job.master.rpc.port=%d", w.Port.Job),
			shells[step.shell]}, strings.Fields(strings.ReplaceAll(step.args, "{id}", id))...)
		out, err := exec.Command("java", args...).Output()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(step.want, "{id}", id)
		if step.fails != (err != nil) || !regexp.MustCompile(want).Match(out) {
			t.Errorf("%s %s: %v, want failure: %v and %q; it printed\n%s", step.shell, step.args, err, step.fails, want, out)
		}
		if m := regexp.MustCompile(`jobControlId = (\d+)`).FindSubmatch(out); m != nil && id == "no id" {
			id = string(m[1])
		}
	}
}
