package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

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
