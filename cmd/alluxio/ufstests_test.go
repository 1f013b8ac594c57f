package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestRunUFSTests(t *testing.T) {
	in := newInstallation(t)
	dir := t.TempDir()
	out := in.ok("runUfsTests", "--path", dir, "--test", "Create")
	if !strings.Contains(out, "PASSED CreateAndStat (") || !strings.HasSuffix(out, "Tests completed with 0 failed.\n") {
		t.Errorf("printed %q", out)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	in.fails(exitUsage, []string{"runUfsTests"}, "--path is missing")
	in.fails(exitUsage, []string{"runUfsTests", "--path", dir, "--test", "nonsense"}, `No test has "nonsense" in its name`)
	in.fails(exitNotFound, []string{"runUfsTests", "--path", dir + "/missing"}, "missing")
	in.fails(exitUsage, []string{"runUfsTests", "--path", "ftp://host/"}, "ftp")
}

func TestRunUFSIOTest(t *testing.T) {
	in := newInstallation(t)
	dir := t.TempDir()
	var sum ioSummary
	out := in.ok("runUfsIOTest", "--path", dir, "--io-size", "1MB", "--threads", "2")
	if err := json.Unmarshal([]byte(out), &sum); err != nil || sum.Threads != 2 || sum.BytesEach != 1<<20 || sum.WriteMiBs <= 0 || sum.ReadMiBs <= 0 {
		t.Errorf("%v: %s", err, out)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	in.fails(exitUsage, []string{"runUfsIOTest", "--path", dir, "--io-size", "0"}, "--io-size")
}
