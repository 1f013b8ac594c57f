package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// The part of the memory allowed to a daemon that its heap may grow to without being
// collected: what the blocks of a tier in memory leave, which count as the daemon's, and
// what the kernel buffers. With too little a daemon would do nothing but collect.
const (
	heapShareMax = 0.6
	heapShareMin = 0.4
	kernelShare  = 0.05
)

// limitMemory has garbage collected in time when a control group limits the memory
// of this process, of which blocks may take so many bytes. The variable GOMEMLIMIT
// overrides it.
func limitMemory(blocks int64) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit := groupLimit("/proc/self/cgroup", "/sys/fs/cgroup"); limit < math.MaxInt64 {
		debug.SetMemoryLimit(heapLimit(limit, blocks))
	}
}

// heapLimit is what of a memory limit the heap gets beside blocks.
func heapLimit(limit, blocks int64) int64 {
	all := float64(limit)
	return int64(max(heapShareMin*all, min(heapShareMax*all, (1-kernelShare)*all-float64(blocks))))
}

// groupLimit returns the smallest limit in bytes of the control groups that a
// process belongs to, as its file in /proc lists them; math.MaxInt64 if there is none.
// In a container the path of its own group is the root.
func groupLimit(list, root string) int64 {
	limit := int64(math.MaxInt64)
	groups, err := os.ReadFile(list)
	if err != nil {
		return limit
	}
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3) // number:controllers:path
		if len(fields) != 3 || fields[1] != "" && fields[1] != "memory" {
			continue
		}
		for dir := fields[2]; ; dir = filepath.Dir(dir) {
			for _, file := range []string{"memory.max", "memory.limit_in_bytes"} {
				b, err := os.ReadFile(filepath.Join(root, fields[1], dir, file))
				if err != nil {
					continue
				}
				if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n < unlimited {
					limit = min(limit, n)
				}
			}
			if dir == "/" || dir == "." {
				break
			}
		}
	}
	return limit
}

// unlimited is about what version 1 of control groups says for no limit.
const unlimited = 1 << 60

// When a daemon gives memory back to the system that its heap does not use. The
// runtime does so by itself, but keeps a reserve for growth and takes minutes;
// next to computation that memory has a better use.
const (
	returnEvery = 5 * time.Second
	returnBytes = 16 << 20
)

// returnMemory runs until ctx ends.
func returnMemory(ctx context.Context) {
	unused := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}}
	tick := time.NewTicker(returnEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if metrics.Read(unused); unused[0].Value.Uint64() > returnBytes {
				debug.FreeOSMemory()
			}
		}
	}
}
