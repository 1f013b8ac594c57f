package main

import (
	"context"
	"fmt"

	"github.com/alluxio-go/alluxio/worker/store/cachesim"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

// hitRatioSizes are parts of a trace's working set.
var hitRatioSizes = [...]float64{0.01, 0.05, 0.1, 0.25, 0.5, 0.75}

// measureHitRatio replays the built-in traces of alluxio cache-sim: how far the
// default policy is behind the best of all, at the size where that is most, and how
// far it is ahead of LRU where scans pass through. Neither depends on the machine.
func measureHitRatio(ctx context.Context, _ params) ([]figure, error) {
	var figures []figure
	for _, b := range cachesim.Builtins() {
		points, err := hitRatios(ctx, b)
		if err != nil {
			return nil, err
		}
		behind, ahead, note := 0.0, 0.0, ""
		for i, size := range hitRatioSizes {
			own, best, bestName := points[0][i], 0.0, ""
			for p, name := range evict.Names() {
				if points[p][i] > best {
					best, bestName = points[p][i], name
				}
				if name == "LRU" {
					ahead = max(ahead, own-points[p][i])
				}
			}
			if best-own >= behind {
				behind, note = best-own, fmt.Sprintf("%s has %.1f%% at %g%% of the working set", bestName, best, 100*size)
			}
		}
		figures = append(figures, figure{name: "hit ratio, points behind the best: " + b.Name, value: behind, bound: 2, note: note})
		if b.Name == "scan-mixed" {
			figures = append(figures, figure{name: "hit ratio, points ahead of LRU: " + b.Name, value: ahead, atLeast: true, bound: 10})
		}
	}
	return figures, nil
}

// hitRatios returns percentages by policy and size.
func hitRatios(ctx context.Context, b cachesim.Builtin) ([][]float64, error) {
	trace := func(visit func(cachesim.Access) error) error {
		for a := range b.Accesses(1) {
			if err := visit(a); err != nil {
				return err
			}
		}
		return nil
	}
	profile := cachesim.NewProfile()
	if err := cachesim.Replay(ctx, trace, []cachesim.Reader{profile}); err != nil {
		return nil, err
	}
	var readers []cachesim.Reader
	for _, policy := range evict.Names() {
		for _, size := range hitRatioSizes {
			c, err := cachesim.NewCache(evict.Options{Policy: policy, Capacity: int64(size * float64(profile.WorkingSet))})
			if err != nil {
				return nil, err
			}
			readers = append(readers, c)
		}
	}
	if err := cachesim.Replay(ctx, trace, readers); err != nil {
		return nil, err
	}
	points := make([][]float64, len(evict.Names()))
	for i, r := range readers {
		p := i / len(hitRatioSizes)
		points[p] = append(points[p], 100*r.(*cachesim.Cache).HitRatio())
	}
	return points, nil
}
