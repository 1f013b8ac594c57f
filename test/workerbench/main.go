// Command workerbench measures a worker as ratios within one run: against plain
// reads of the same file, against bare gRPC streams, against direct downloads from
// the same emulated store. It exits with 1 when a figure misses its goal.
//
//	workerbench [--only local,remote,small,cold,random,full,many,readers,files,stack,stackfiles,restart,hitratio,clientcache,clientcachecold,damages] [--size 256MB] [--dir FOLDER]
//
// The machine's own noise is in both halves of a ratio, which alternate; a figure
// is the median of the rounds. Memory that a virtual machine uses for the first time
// can cost more to get than to fill, so as much as the storage will hold is written
// and given back before anything is measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 3 && os.Args[1] == bareMode {
		if err := serveBare(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "workerbench:", err)
			os.Exit(2)
		}
		return
	}
	good, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "workerbench:", err)
		os.Exit(2)
	}
	if !good {
		os.Exit(1)
	}
}

// params are what measures are told.
type params struct {
	dir     string
	size    int64 // bytes of the file that is read
	rounds  int
	link    float64       // bytes per second on one connection to the emulated store
	damages int           // done to cached files
	blocks  int           // small ones, over which a worker is started
	crowd   time.Duration // how long a thousand readers read
}

// figure is one result: a ratio or count and the bound that it has to keep.
type figure struct {
	name    string
	value   float64
	atLeast bool // else at most
	bound   float64
	note    string
}

func (f figure) good() bool {
	if f.atLeast {
		return f.value >= f.bound
	}
	return f.value <= f.bound
}

// measures in the order in which they run.
var measures = []struct {
	name string
	run  func(context.Context, params) ([]figure, error)
}{
	{"local", measureLocal}, {"remote", measureRemote}, {"small", measureSmall}, {"cold", measureCold},
	{"random", measureRandom}, {"full", measureFull}, {"many", measureMany}, {"readers", measureReaders}, {"files", measureFiles},
	{"stack", measureStack}, {"stackfiles", measureStackFiles}, {"restart", measureRestart}, {"hitratio", measureHitRatio},
	{"clientcache", measureClientCache}, {"clientcachecold", measureClientCacheCold},
	{"damages", measureDamages},
}

// run reports whether every goal was met.
func run(ctx context.Context, args []string) (bool, error) {
	flags := flag.NewFlagSet("workerbench", flag.ContinueOnError)
	only := flags.String("only", "", "what to measure, separated by commas; everything by default")
	size := flags.String("size", "256MB", "size of the file that is read")
	dir := flags.String("dir", memoryFolder(), "folder for the worker's storage")
	warm := flags.String("warm", "4GB", "how much of it is written and given back first")
	rounds := flags.Int("rounds", 7, "how often each half of a ratio is measured")
	crowd := flags.Duration("crowd", 15*time.Second, "how long a thousand readers read, twice; 1m is the whole test")
	mbps := flags.Float64("link", 100, "MB/s on one connection to the emulated store")
	blocks := flags.Int("blocks", 100_000, "over how many small blocks a worker is started")
	profile := flags.String("cpuprofile", "", "file for a CPU profile of this process")
	hurts := flags.Int("damages", 300, "how many damages are done to cached files")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	bytes, err := config.ParseBytes(*size)
	if err != nil {
		return false, fmt.Errorf("--size %w", err)
	}
	touch, err := config.ParseBytes(*warm)
	if err != nil {
		return false, fmt.Errorf("--warm %w", err)
	}
	if err := warmUp(*dir, touch); err != nil {
		return false, err
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return false, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return false, err
		}
		defer pprof.StopCPUProfile()
	}
	wanted := strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })
	good := true
	for _, m := range measures {
		if len(wanted) > 0 && !slices.Contains(wanted, m.name) {
			continue
		}
		tmp, err := os.MkdirTemp(*dir, "workerbench")
		if err != nil {
			return false, err
		}
		figures, err := m.run(ctx, params{dir: tmp, size: bytes, rounds: *rounds, link: *mbps * 1e6, damages: *hurts, blocks: *blocks, crowd: *crowd})
		if rerr := os.RemoveAll(tmp); err == nil {
			err = rerr
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", m.name, err)
		}
		for _, f := range figures {
			print1(f)
			good = good && f.good()
		}
	}
	return good, nil
}

// memoryFolder is where a worker keeps blocks by default: a file system in memory
// if there is one.
func memoryFolder() string {
	if fi, err := os.Stat("/dev/shm"); err == nil && fi.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}

// warmUp writes a file of n bytes and removes it.
func warmUp(dir string, n int64) error {
	f, err := os.CreateTemp(dir, "workerbench")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	for buf := make([]byte, 1<<20); n > 0 && err == nil; n -= int64(len(buf)) {
		_, err = f.Write(buf)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func print1(f figure) {
	sign, verdict := "≤", "ok"
	if f.atLeast {
		sign = "≥"
	}
	if !f.good() {
		verdict = "MISSED"
	}
	fmt.Printf("%-58s %8.3f  (%s %g) %-6s %s\n", f.name, f.value, sign, f.bound, verdict, f.note)
}
