package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/testcluster"
)

// awaitLoad waits for the job of a path to be in a state and returns the report.
func (s *clusterShell) awaitLoad(path, state string) string {
	s.t.Helper()
	var report string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if report = s.ok("fs", "load", "--progress", path); strings.Contains(report, "Job State: "+state) {
			return report
		}
	}
	s.t.Fatalf("%s is not reached: %s", state, report)
	return ""
}

func TestLoadJob(t *testing.T) {
	s := startCluster(t, testcluster.Options{Workers: 2})
	s.below("d", 10, 3<<20)
	if out := s.ok("fs", "load", "--submit", "--verify", "/d"); !regexp.MustCompile(`^Load '/d' is successfully submitted\. JobId: \w{20,}\n$`).MatchString(out) {
		t.Errorf("submit printed %q", out)
	}
	report := s.awaitLoad("/d", "SUCCEEDED\n")
	for _, line := range []string{"Progress for loading path '/d':\n\tSettings:\tbandwidth: unlimited\tverify: true\n", "\tFiles Processed: 10\n",
		"\tBytes Loaded: 30.00MB out of 30.00MB\n", "\tBlock load failure rate: 0.00%\n\tFiles Failed: 0\n"} {
		if !strings.Contains(report, line) {
			t.Errorf("the report does not say %q: %s", line, report)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(s.ok("fs", "ls", "/d")), "\n") {
		if !strings.Contains(line, "100%") {
			t.Error(line)
		}
	}
	var asJSON map[string]any
	if err := json.Unmarshal([]byte(s.ok("fs", "load", "--progress", "--format", "JSON", "/d")), &asJSON); err != nil {
		t.Fatal(err)
	}
	if asJSON["mJobState"] != "SUCCEEDED" || asJSON["mLoadedByteCount"] != float64(30<<20) || asJSON["mProcessedFileCount"] != 10.0 {
		t.Errorf("JSON %v", asJSON)
	}
	s.fails(exitNotFound, []string{"fs", "load", "--stop", "/d"}, "Cannot find load job for path /d, it might have already been stopped or finished")
	s.fails(exitNotFound, []string{"fs", "load", "--progress", "/other"}, "Load for path '/other' cannot be found.")
	s.fails(exitNotFound, []string{"fs", "load", "--submit", "/other"}, "/other")
	s.fails(exitUsage, []string{"fs", "load", "--submit", "--stop", "/d"}, "Must have one of submit / stop / progress")
	s.fails(exitUsage, []string{"fs", "load", "--verify", "/d"}, "need --submit")
	s.fails(exitUsage, []string{"fs", "load", "--submit", "/d*"}, "wildcard")
	s.fails(exitUsage, []string{"fs", "load", "--submit", "--bandwidth", "much", "/d"}, "such as 100MB")
}

// A job that is slowed down can be stopped, changed, and survives a restart of the
// master, and what failed is told.
func TestLoadJobGoesOn(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	s.below("d", 12, 1<<20)
	s.ok("fs", "load", "--submit", "--bandwidth", "1MB", "/d")
	if out := s.ok("fs", "load", "--submit", "--bandwidth", "2MB", "/d"); out != "Load already running for path '/d', updated the job with new bandwidth: 2MB, verify: false\n" {
		t.Errorf("again: %q", out)
	}
	if report := s.awaitLoad("/d", "RUNNING"); !strings.Contains(report, "bandwidth: 2097152") {
		t.Errorf("%s", report)
	}
	if out := s.ok("fs", "load", "--stop", "/d"); out != "Load '/d' is successfully stopped.\n" {
		t.Errorf("stop: %q", out)
	}
	s.awaitLoad("/d", "STOPPED")

	s.ok("fs", "load", "--submit", "--bandwidth", "500KB", "/d")
	s.cluster.StopMaster()
	s.cluster.StartMaster()
	s.awaitLoad("/d", "RUNNING")
	s.ok("fs", "load", "--submit", "/d") // would take 20 s more otherwise
	s.awaitLoad("/d", "SUCCEEDED\n")

	s.below("e", 4, 1000)
	s.ok("fs", "ls", "/e")                                     // the job finds its files even if it begins after they are gone
	s.ok("fs", "load", "--submit", "--bandwidth", "1KB", "/e") // takes 3 s
	if err := os.RemoveAll(filepath.Join(s.cluster.Root(), "e")); err != nil {
		t.Fatal(err)
	}
	s.awaitLoad("/e", "FAILED")
	if out := s.ok("fs", "load", "--progress", "--verbose", "/e"); !regexp.MustCompile(`Job State: FAILED \([1-4] of 4 files could not be loaded\)`).MatchString(out) || !strings.Contains(out, "\n\t/e/f0") {
		t.Errorf("verbose: %s", out)
	}
	s.cluster.StopMaster()
	s.cluster.StartMaster()
	if report := s.awaitLoad("/e", "FAILED ("); !strings.Contains(report, "Files Processed: 4\n") {
		t.Errorf("after another restart: %s", report)
	}
}
