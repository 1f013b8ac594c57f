package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// loopTrace reads ten keys of 1 MB in a loop, a hundred times.
var loopTrace = "key,size\n" + strings.Repeat("a,1MB\nb,1MB\nc,1MB\nd,1MB\ne,1MB\nf,1MB\ng,1MB\nh,1MB\ni,1MB\nj,1MB\n", 100)

func TestCacheSim(t *testing.T) {
	in := newInstallation(t)
	file := in.write("loop.csv", loopTrace)
	const ratios = `
Hit ratio, %            50%       9MB      100%      20MB  behind by
                        5MB                10MB
  LRU                   0.0       0.0      99.0*     99.0*      `
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"file", []string{file}, []string{"loop.csv: 1000 reads of 10 keys, 0.98GB; working set 10MB", ratios, "Byte hit ratio: the same", "Hit ratio over the size"}},
		{"stdin", []string{"-"}, []string{"standard input: 1000 reads", ratios, "(bound)"}},
	} {
		in.env.Stdin = strings.NewReader(loopTrace)
		code, out, stderr := in.run(append([]string{"cache-sim", "--policy", "lru,W-TinyLFU,LRU", "--size", "100%,50%,5MB,9MB,20MB"}, c.args...)...)
		if code != exitOK || stderr != "" {
			t.Errorf("%s: %d, %s", c.name, code, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, out)
			}
		}
		if strings.Count(out, "  LRU  ") != 1 {
			t.Errorf("%s: LRU more than once in\n%s", c.name, out)
		}
	}
	// What can be read once only, and need not be read twice.
	in.env.Stdin = strings.NewReader(loopTrace)
	if code, out, stderr := in.run("cache-sim", "--size", "10MB", "-"); code != exitOK || !strings.Contains(out, "LRU         99.0% ███") {
		t.Errorf("%d, %s\n%s", code, out, stderr)
	}
}

func TestCacheSimFormats(t *testing.T) {
	in := newInstallation(t)
	file := filepath.Join(in.home, "loop.csv")
	if code, out, stderr := in.run("cache-sim", "--builtin", "loop", "--write-trace", file); code != exitOK || out != "Wrote "+file+"\n" {
		t.Fatalf("%d, %s, %s", code, out, stderr)
	}
	picture := filepath.Join(in.home, "loop.svg")
	code, out, stderr := in.run("cache-sim", "--format", "csv", "--policy", "S3-FIFO", "--size", "50%", "--builtin", "loop", "--svg", picture, file)
	if code != exitOK {
		t.Fatalf("%d, %s", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[0], "trace,policy,size,") || !strings.HasPrefix(lines[1], "loop,S3-FIFO,50%,5242880000,200000,") {
		t.Fatalf("%q", lines)
	}
	// A built-in trace and the file made of it are the same trace.
	if strings.TrimPrefix(lines[1], "loop,") != strings.TrimPrefix(lines[3], file+",") {
		t.Errorf("%q differs from %q", lines[1], lines[3])
	}
	if svg, err := os.ReadFile(picture); err != nil || strings.Count(string(svg), "<polyline") != 8 {
		t.Errorf("picture: %v, %s", err, svg)
	}
}

func TestCacheSimRefuses(t *testing.T) {
	in := newInstallation(t)
	bad := in.write("bad.csv", "a,1\nb\n")
	good := in.write("good.csv", "a,1\n")
	for want, args := range map[string][]string{
		bad + ":2: 1 columns; expected":                {bad},
		"none.csv":                                     {filepath.Join(in.home, "none.csv")},
		"is a directory":                               {in.home},
		"standard input holds no reads":                {"-"},
		`Unknown eviction policy "MRU": choose one of`: {"--policy", "lru,MRU", good},
		"--size 0% is no part":                         {"--size", "0%", good},
		"--size 120% is no part":                       {"--size", "120%", good},
		"--size x is not a size":                       {"--size", "x", good},
		"--size 0 is no size of a cache":               {"--size", "0", good},
		`no built-in trace "zipf"`:                     {"--builtin", "zipf"},
		"--format json is neither":                     {"--format", "json", good},
		"--write-trace writes one built-in trace":      {"--write-trace", "x"},
		"--policy and --size must name":                {"--policy", "", good},
		"nodir/x.svg":                                  {"--svg", filepath.Join(in.home, "nodir/x.svg"), good},
		"nodir/x.csv":                                  {"--builtin", "loop", "--write-trace", filepath.Join(in.home, "nodir/x.csv")},
	} {
		code, out, stderr := in.run(append([]string{"cache-sim"}, args...)...)
		if code == exitOK || out != "" || !strings.Contains(stderr, want) {
			t.Errorf("%v: %d, %q, %q; want %q", args, code, out, stderr, want)
		}
	}
}

func TestCacheSimCompletion(t *testing.T) {
	complete := completeList(func() []string { return []string{"LRU", "LRFU", "S3-FIFO"} })
	got, _ := complete(nil, nil, "LRU,l")
	if want := []string{"LRU,LRFU"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
