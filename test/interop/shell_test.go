//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The commands that Alluxio's own shell and ours are given, each in a folder of
// its own ({dir}) of one cluster. What they print must be the same, but for the
// times, ids and stores of the folders.
var shellSteps = []string{
	"mkdir {dir}/a {dir}/b/c",
	"copyFromLocal {local}/file {dir}/a/file",
	"copyFromLocal {local}/tree {dir}/tree",
	"persist {dir}/a/file",
	"persist {dir}/tree",
	"touch {dir}/empty",
	"persist {dir}/empty",
	"ls {dir}",
	"ls -R {dir}",
	"ls -h --sort size {dir}/tree",
	"ls -d {dir}/a",
	"cat {dir}/a/file",
	"head -c 10 {dir}/a/file",
	"tail -c 10 {dir}/a/file",
	"checksum {dir}/a/file",
	"stat -f %N-%z-%u-%g-%b {dir}/a/file",
	"count {dir}",
	"count -h {dir}",
	"du {dir}",
	"du -h -s {dir}",
	"test -f {dir}/a/file",
	"test -d {dir}/a/file",
	"cp {dir}/a/file {dir}/a/copy",
	"cp -R {dir}/tree {dir}/tree2",
	"mv {dir}/a/copy {dir}/b/moved",
	"chmod 640 {dir}/a/file",
	"chmod -R 750 {dir}/tree",
	"chown nobody {dir}/a/file",
	"chgrp nogroup {dir}/a/file",
	"ls {dir}/a",
	"setTtl {dir}/a/file 3600000",
	"unsetTtl {dir}/a/file",
	"pin {dir}/a/file",
	"ls -p {dir}/a",
	"unpin {dir}/a/file",
	"setfacl -m user:bob:rwx {dir}/a",
	"getfacl {dir}/a",
	"free {dir}/a/file",
	"ls {dir}/a/file",
	"load {dir}/a/file",
	"ls {dir}/a/file",
	"location {dir}/a/file",
	"mount {dir}/mnt {local}/store-{name}",
	"ls {dir}/mnt",
	"cat {dir}/mnt/object",
	"updateMount --readonly {dir}/mnt",
	"touch {dir}/mnt/new",
	"unmount {dir}/mnt",
	"copyToLocal {dir}/a/file {local}/out-{name}",
	"rm {dir}/b/moved",
	"rm -R {dir}/tree2",
	"ls {dir}",
	"getCapacityBytes",
	"getUsedBytes",
	"checkConsistency {dir}",
	"setReplication --min 1 --max 2 {dir}/a/file",
	"stat -f %r {dir}/a/file",
	// mistakes
	"ls {dir}/none",
	"cat {dir}/a",
	"rm {dir}/tree",
	"mkdir {dir}/a",
	"mv {dir}/none {dir}/x",
	"mv {dir}/a/file {dir}/tree",
	"stat {dir}/none",
	"unmount {dir}/a",
}

func TestJavaShell(t *testing.T) {
	cp := classpath(t, "shell")
	w := startCluster(t)
	local := t.TempDir()
	prepareLocal(t, local)
	java := func(args ...string) (string, int) {
		cmd := exec.Command("java", append([]string{"-cp", cp, "-Dalluxio.master.hostname=localhost",
			fmt.Sprintf("-Dalluxio.master.rpc.port=%d", w.Port.Master), "-Dalluxio.logger.type=Console",
			"-Dlog4j.rootLogger=OFF", "alluxio.cli.fs.FileSystemShell"}, args...)...)
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return out.String(), cmd.ProcessState.ExitCode()
	}
	ours := func(args ...string) (string, int) {
		r := w.Run("alluxio", append([]string{"fs"}, args...)...)
		if r.Code != 0 { // Java prints failures on stdout
			return r.Stdout + r.Stderr, r.Code
		}
		return r.Stdout, r.Code
	}
	var same []string
	for _, step := range shellSteps {
		theirs, theirCode := java(fill(step, "java", local)...)
		our, ourCode := ours(fill(step, "ours", local)...)
		a, b := normal(theirs, "java"), normal(our, "ours")
		switch {
		case (theirCode == 0) != (ourCode == 0):
			t.Errorf("%s: Java's exit code is %d, ours %d\nJava: %s\nours: %s", step, theirCode, ourCode, a, b)
		case a != b:
			t.Errorf("%s:\nJava: %s\nours: %s", step, a, b)
		default:
			same = append(same, step)
		}
	}
	t.Logf("%d of %d commands print the same", len(same), len(shellSteps))
	requireChecks(t, "alluxio fs", func(check string) bool {
		return slices.ContainsFunc(same, func(step string) bool { return step == check || strings.HasPrefix(step, check+" ") })
	})
}

func fill(step, name, local string) []string {
	args := strings.Fields(step)
	for i := range args {
		args[i] = strings.NewReplacer("{dir}", "/"+name, "{local}", local, "{name}", name).Replace(args[i])
	}
	return args
}

var (
	logLines = regexp.MustCompile(`(?m)^(SLF4J|log4j|WARNING|\d{4}-\d\d-\d\d).*\n`)
	times    = regexp.MustCompile(`\d\d-\d\d-\d{4} \d\d:\d\d:\d\d:\d{3}`)
	fileIDs  = regexp.MustCompile(`file id \d+`)
	blanks   = regexp.MustCompile(`[ \t]+`)
)

// normal removes from an output what must differ, and the order of its lines:
// both shells copy files in parallel.
func normal(out, name string) string {
	out = logLines.ReplaceAllString(out, "")
	out = times.ReplaceAllString(out, "TIME")
	out = fileIDs.ReplaceAllString(out, "file id N")
	out = strings.ReplaceAll(out, "/"+name, "/DIR")
	out = strings.ReplaceAll(out, "-"+name, "-NAME")
	var lines []string
	for line := range strings.Lines(blanks.ReplaceAllString(out, " ")) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func prepareLocal(t *testing.T, local string) {
	t.Helper()
	for name, content := range map[string]string{
		"file":              "one line of text, and another\nof some length\n",
		"tree/x":            "x",
		"tree/sub/y":        strings.Repeat("y", 6000),
		"store-java/object": "in the store",
		"store-ours/object": "in the store",
	} {
		p := filepath.Join(local, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
