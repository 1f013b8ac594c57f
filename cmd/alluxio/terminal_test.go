package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/testcluster"
)

// TestNamesOnATerminal shows names with control characters: escaped on a
// terminal, as they are in a pipe.
func TestNamesOnATerminal(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	const name = "/d/a\x1b[31mred\nnl"
	s.ok("fs", "mkdir", name)
	for _, terminal := range []bool{true, false} {
		s.env.IsTerminal = terminal
		shown := name
		if terminal {
			shown = `/d/a\x1b[31mred\nnl`
		}
		if out := s.ok("fs", "ls", "/d"); !strings.HasSuffix(out, " "+shown+"\n") {
			t.Errorf("terminal %v: ls printed %q", terminal, out)
		}
		if out := s.ok("fs", "rm", "-R", name); strings.Contains(out, "\x1b") == terminal || !strings.Contains(out, "31mred") {
			t.Errorf("terminal %v: rm printed %q", terminal, out)
		}
		s.env.IsTerminal = false
		s.ok("fs", "mkdir", name)
	}
}

// TestOwnersOfBlocks asks for blocks of a file, of a directory and of nothing.
func TestOwnersOfBlocks(t *testing.T) {
	s := startCluster(t, testcluster.Options{})
	s.ok("fs", "copyFromLocal", s.write("one", "1"), "/one")
	id := strings.TrimSpace(s.ok("fs", "stat", "-f", "%i", "/one"))
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	block := func(i int) string { return strconv.FormatInt(int64(blockid.FileID(n).Container().Block(i)), 10) }
	if out := s.ok("fsadmin", "getBlockInfo", block(0)); !strings.HasSuffix(out, "\nThis block belongs to file {id="+id+", path=/one}\n") {
		t.Errorf("printed %q", out)
	}
	for b, text := range map[string]string{
		"1":            "This block belongs to no file: the id 16777215 is of the directory /.",
		block(1):       "This block belongs to no file: /one (id " + id + ") has 1 blocks, and not this one.",
		"999999999999": "This block belongs to no file: there is none with the id 1000005959679.",
	} {
		s.fails(exitNotFound, []string{"fsadmin", "getBlockInfo", b}, text)
	}
}
