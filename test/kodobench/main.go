// Command kodobench measures ufs/kodo against the emulator and against the SDK
// on its own, as ratios and request counts within one run. It exits with 1 when
// a figure misses its goal.
//
//	kodobench [--size 1GB] [--only read,upload,list,rename]
//	kodobench --soak 1000000 [--seed 1]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/ufs/kodo/soak"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	good, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "kodobench:", err)
		os.Exit(2)
	}
	if !good {
		os.Exit(1)
	}
}

// run reports whether every goal was met.
func run(ctx context.Context, args []string) (bool, error) {
	flags := flag.NewFlagSet("kodobench", flag.ContinueOnError)
	size := flags.String("size", "1GB", "size of the object that is read and written")
	only := flags.String("only", "read,upload,list,rename", "what to measure")
	requests := flags.Int64("soak", 0, "make this many requests of random operations under faults instead")
	seed := flags.Uint64("seed", 1, "seed of the random operations and of the faults")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if *requests > 0 {
		return runSoak(ctx, *requests, *seed)
	}
	bytes, err := config.ParseBytes(*size)
	if err != nil {
		return false, fmt.Errorf("--size %w", err)
	}
	good := true
	for _, name := range strings.Split(*only, ",") {
		measure := measures[name]
		if measure == nil {
			return false, fmt.Errorf("--only: there is no %q", name)
		}
		f, err := measure(ctx, bytes)
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		fmt.Println(f)
		good = good && f.met
	}
	return good, nil
}

// figure is one measured result.
type figure struct {
	name, value, goal string
	met               bool
}

func (f figure) String() string {
	verdict := "ok"
	if !f.met {
		verdict = "MISSED"
	}
	return fmt.Sprintf("%-8s %-90s goal %-22s %s", f.name, f.value, f.goal, verdict)
}

// runSoak makes the long run.
func runSoak(ctx context.Context, requests int64, seed uint64) (bool, error) {
	r, err := soak.Run(ctx, soak.Options{Seed: seed, Requests: requests, Rate: 0.2, Workers: 16})
	if err != nil {
		return false, err
	}
	fmt.Println(r)
	for _, d := range r.Details {
		fmt.Println("  ", d)
	}
	return r.Wrong == 0 && r.Lost == 0 && r.Leftovers == 0 && r.Success() >= 0.999 && r.Overhead() <= 1.3 && len(r.Faults) >= 16, nil
}

// rate describes an amount of bytes in a time.
func rate(bytes int64, d time.Duration) string {
	return fmt.Sprintf("%.0f MB/s", float64(bytes)/1e6/d.Seconds())
}
