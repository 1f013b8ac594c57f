package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/internal/testcluster"
)

// below puts n files of size bytes into the under store and makes them known.
func (s *clusterShell) below(dir string, n, size int) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Join(s.cluster.Root(), dir), 0o755); err != nil {
		s.t.Fatal(err)
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(s.cluster.Root(), dir, fmt.Sprintf("f%02d", i)), make([]byte, size), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	s.ok("fs", "ls", "/"+dir)
}

func TestLoadNamesWhatFailed(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	s.below("d", 20, 300_000)
	for _, gone := range []string{"f03", "f11"} {
		if err := os.Remove(filepath.Join(s.cluster.Root(), "d", gone)); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := s.run("fs", "load", "/d")
	if code != exitNotFound || strings.Count(stdout, " loaded\n") != 18 || strings.Contains(stdout, "/d loaded") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	for _, part := range []string{"/d: 2 of 20 files could not be loaded. 18 of 20 files are cached; 5.15MB fetched in ", "\n/d/f03: ", "\n/d/f11: "} {
		if !strings.Contains(stderr, part) {
			t.Errorf("stderr does not say %q:\n%s", part, stderr)
		}
	}
	if out := s.ok("fs", "ls", "/d/f00"); !strings.Contains(out, "100%") {
		t.Errorf("ls: %s", out)
	}
	s.fails(exitNotFound, []string{"fs", "load", "/d/f03"}, "/d/f03")
}

func TestLoadOfMoreThanFits(t *testing.T) {
	s := startCluster(t, testcluster.Options{Properties: map[string]string{"alluxio.worker.ramdisk.size": "4MB"}})
	s.below("d", 20, 1<<20)
	code, _, stderr := s.run("fs", "load", "/d")
	if code != exitNoSpace || !strings.Contains(stderr, "of 20 files could not be loaded.") || !strings.Contains(stderr, "evicted again for want of room") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
}

// interrupting cancels when a text is written for the n-th time.
type interrupting struct {
	bytes.Buffer
	text   string
	left   int
	cancel context.CancelFunc
}

func (w *interrupting) Write(p []byte) (int, error) {
	if w.left -= strings.Count(string(p), w.text); w.left <= 0 {
		w.cancel()
	}
	return w.Buffer.Write(p)
}

func TestLoadInterrupted(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	s.below("d", 99, 200_000)
	ctx, cancel := context.WithCancel(t.Context())
	s.env.Stdout = &interrupting{text: "loaded", left: 5, cancel: cancel}
	s.err.Reset()
	if code := execute(ctx, s.env, []string{"fs", "load", "--thread", "1", "/d"}); code != exitInterrupted {
		t.Errorf("exit %d", code)
	}
	if got := s.err.String(); !strings.Contains(got, " of 99 files are cached; ") || !strings.Contains(got, "goes on from there.\nInterrupted.\n") {
		t.Errorf("stderr %q", got)
	}
	s.env.Stdout = &s.out
	if out := s.ok("fs", "load", "/d"); strings.Count(out, "already in Alluxio fully") < 5 || !strings.HasSuffix(out, "/d loaded\n") {
		t.Errorf("second run printed %s", out)
	}
}

func TestLoadOnTerminal(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	s.below("d", 5, 1<<20)
	s.env.IsTerminal = true
	out := s.ok("fs", "load", "/d")
	for _, part := range []string{"5.0 MiB / 5.0 MiB", "5/5 files", "/d: 5 of 5 files are cached; 5120.00KB fetched in "} {
		if !strings.Contains(out, part) {
			t.Errorf("the terminal does not show %q: %q", part, out)
		}
	}
	if strings.Contains(out, "/d/f00 loaded") {
		t.Errorf("lines for scripts are on the terminal: %q", out)
	}
}
