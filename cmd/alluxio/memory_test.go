package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestGroupLimit(t *testing.T) {
	for name, c := range map[string]struct {
		list  string
		files map[string]string
		want  int64
	}{
		"version 2":                  {"0::/a/b\n", map[string]string{"a/b/memory.max": "1000\n", "a/memory.max": "max\n"}, 1000},
		"version 2, parent":          {"0::/a/b\n", map[string]string{"a/b/memory.max": "max\n", "a/memory.max": "700\n"}, 700},
		"version 1":                  {"3:cpu:/x\n2:memory:/a\n0::/u\n", map[string]string{"memory/a/memory.limit_in_bytes": "500\n", "memory/memory.limit_in_bytes": "9223372036854771712\n"}, 500},
		"version 1 in a container":   {"2:memory:/docker/123\n", map[string]string{"memory/memory.limit_in_bytes": "600\n"}, 600},
		"of another controller only": {"3:cpu:/x\n", map[string]string{"cpu/x/memory.max": "5\n"}, math.MaxInt64},
		"no limit":                   {"0::/\n", nil, math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, content := range c.files {
				path := filepath.Join(root, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			list := filepath.Join(root, "list")
			if err := os.WriteFile(list, []byte(c.list), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := groupLimit(list, root); got != c.want {
				t.Errorf("%d instead of %d", got, c.want)
			}
		})
	}
}

func TestHeapLimit(t *testing.T) {
	for _, c := range []struct{ limit, blocks, want int64 }{
		{1000, 0, 600}, {1000, 300, 600}, {1000, 400, 550}, {1000, 800, 400}, {1000, 5000, 400},
	} {
		if got := heapLimit(c.limit, c.blocks); got != c.want {
			t.Errorf("of %d beside %d of blocks: %d instead of %d", c.limit, c.blocks, got, c.want)
		}
	}
}
