// Package soak writes, reads, moves and deletes through ufs/kodo while the
// emulator fails a share of all requests in every way it knows, and compares
// everything with a model: what is in the bucket, every byte read, every
// listing.
package soak

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/kodo"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

// Transient are the faults that another attempt can mend.
var Transient = []kodotest.Fault{
	kodotest.Slow, kodotest.Stall, kodotest.StallBody, kodotest.Error500, kodotest.Error502HTML, kodotest.Error503,
	kodotest.Error504, kodotest.Error571, kodotest.Error573, kodotest.Error429, kodotest.Error599, kodotest.ResetBefore,
	kodotest.ResetAfter, kodotest.ResetBody, kodotest.ShortBody, kodotest.LongBody, kodotest.WrongRange, kodotest.WrongHash,
	kodotest.WrongETag, kodotest.NoReqid, kodotest.BadJSON, kodotest.EmptyPage, kodotest.DiskFull, kodotest.BatchPartial,
}

// Options describe a run.
type Options struct {
	Seed     uint64
	Requests int64 // stop after this many
	Rate     float64
	Workers  int
	Kinds    []kodotest.Fault // nil is Transient
}

// Report is what came of a run. Wrong, Lost and Leftovers must be 0.
type Report struct {
	Operations, Failed int64
	Requests           int64 // sent
	Needed             int64 // requests that the same operations take without faults
	Faults             map[kodotest.Fault]int
	Wrong              int64 // reads, stats or listings that were not what is stored
	Lost               int64 // acknowledged changes that the bucket does not show
	Leftovers          int   // unfinished uploads that hold parts
	Elapsed            time.Duration
	Details            []string // of the first few things that went wrong or failed
}

// Faulted returns the number of requests that faulted.
func (r *Report) Faulted() (n int) {
	for _, count := range r.Faults {
		n += count
	}
	return n
}

// Overhead returns the requests sent for each one needed.
func (r *Report) Overhead() float64 { return float64(r.Requests) / float64(max(r.Needed, 1)) }

// Success returns the share of operations that succeeded.
func (r *Report) Success() float64 { return 1 - float64(r.Failed)/float64(max(r.Operations, 1)) }

// String returns the figures in one line.
func (r *Report) String() string {
	return fmt.Sprintf("%d requests (%d faulted, %d kinds) for %d operations in %v: %.4f %% succeeded, %.3f requests per one needed, %d wrong, %d lost, %d leftovers",
		r.Requests, r.Faulted(), len(r.Faults), r.Operations, r.Elapsed.Round(time.Millisecond), 100*r.Success(), r.Overhead(), r.Wrong, r.Lost, r.Leftovers)
}

const bucket = "soak"

// Run makes operations until the emulator has seen as many requests as wanted.
// How many are needed is learnt by the same operations without faults.
func Run(ctx context.Context, opts Options) (*Report, error) {
	if opts.Kinds == nil {
		opts.Kinds = Transient
	}
	faulty, err := run(ctx, opts, 0)
	if err != nil || opts.Rate == 0 {
		return faulty, err
	}
	clean := opts
	clean.Rate = 0
	base, err := run(ctx, clean, faulty.Operations)
	if err != nil {
		return nil, err
	}
	faulty.Needed = base.Requests
	faulty.Wrong += base.Wrong
	faulty.Lost += base.Lost
	faulty.Failed += base.Failed
	return faulty, nil
}

// run makes the given number of operations, or of requests when that is 0.
func run(ctx context.Context, opts Options, operations int64) (*Report, error) {
	ctx, stop := context.WithCancel(ctx)
	counter := &lineCounter{}
	srv, err := kodotest.New(kodotest.Options{
		AccessKey: "ak", SecretKey: "sk", Buckets: []kodotest.Bucket{{Name: bucket, Private: true}}, RequestLog: counter,
	})
	if err != nil {
		stop()
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		stop()
		return nil, err
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, l) }()
	defer func() {
		stop()
		<-served
	}()
	addr := l.Addr().String()
	u, err := kodo.Open(ctx, "kodo://"+bucket+"/root", ufs.Options{Properties: map[string]string{
		"fs.kodo.accesskey": "ak", "fs.kodo.secretkey": "sk",
		"alluxio.underfs.kodo.endpoint": addr, "alluxio.underfs.kodo.downloadhost": addr,
		"alluxio.underfs.kodo.retry.base.sleep":    "1ms",
		"alluxio.underfs.kodo.request.timeout":     "500ms",
		"alluxio.underfs.kodo.upload.part.size":    "1MB",
		"alluxio.underfs.kodo.download.range.size": "256KB",
	}})
	if err != nil {
		return nil, err
	}
	defer u.Close()
	counter.n.Store(0)
	srv.SetPlan(kodotest.Plan{Seed: opts.Seed, Rate: opts.Rate, Kinds: opts.Kinds, Delay: 5 * time.Millisecond, Stall: time.Second})
	s := &soak{srv: srv, u: u, done: func(ops int64) bool {
		if operations > 0 {
			return ops >= operations/int64(opts.Workers)
		}
		return counter.n.Load() >= opts.Requests
	}}
	started := time.Now()
	s.work(ctx, opts)
	s.report.Elapsed = time.Since(started)
	s.report.Requests = counter.n.Load()
	s.report.Faults = srv.FaultCounts()
	s.report.Leftovers, _ = srv.PendingUploads()
	return &s.report, ctx.Err()
}

// lineCounter counts the lines of a request log.
type lineCounter struct{ n atomic.Int64 }

func (c *lineCounter) Write(p []byte) (int, error) {
	c.n.Add(int64(bytes.Count(p, []byte{'\n'})))
	return len(p), nil
}

// soak is a run in progress.
type soak struct {
	srv    *kodotest.Server
	u      ufs.UFS
	done   func(operations int64) bool
	mu     sync.Mutex // guards report
	report Report
}

// work runs the workers, each in a directory of its own with a model of its own.
func (s *soak) work(ctx context.Context, opts Options) {
	var wg sync.WaitGroup
	for i := range opts.Workers {
		w := &worker{s: s, dir: fmt.Sprintf("w%d", i), rand: rand.New(rand.NewPCG(opts.Seed, uint64(i))), files: make(map[string][]byte)}
		wg.Go(func() {
			for n := int64(0); ctx.Err() == nil && !s.done(n); n++ {
				w.step(ctx)
			}
			w.compare("at the end")
		})
	}
	wg.Wait()
}

// maxDetails bounds Report.Details.
const maxDetails = 20

func (s *soak) note(counter *int64, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*counter++
	if len(s.report.Details) < maxDetails {
		s.report.Details = append(s.report.Details, fmt.Sprintf(format, args...))
	}
}

// worker makes random operations on the files of one directory.
type worker struct {
	s     *soak
	dir   string
	rand  *rand.Rand
	files map[string][]byte // the model: what every file holds
}

// names is how many different files there are in a directory.
const names = 24

func (w *worker) name() string {
	return fmt.Sprintf("%s/%c/f %02d", w.dir, 'a'+w.rand.IntN(3), w.rand.IntN(names))
}

// existing returns a file of the model, or any name when there is none.
func (w *worker) existing() string {
	if len(w.files) == 0 {
		return w.name()
	}
	all := make([]string, 0, len(w.files))
	for name := range w.files {
		all = append(all, name)
	}
	slices.Sort(all)
	return all[w.rand.IntN(len(all))]
}

// content returns new bytes: mostly a few, now and then several parts.
func (w *worker) content() []byte {
	size := w.rand.IntN(2000)
	switch w.rand.IntN(40) {
	case 0:
		size = 1<<20 + w.rand.IntN(2<<20)
	case 1, 2, 3:
		size = w.rand.IntN(700 << 10)
	}
	data := make([]byte, size)
	word := w.rand.Uint64()
	for i := range data {
		if i%8 == 0 {
			word = word*6364136223846793005 + 1442695040888963407
		}
		data[i] = byte(word >> (8 * (i % 8)))
	}
	return data
}

// step makes one operation and checks what came of it.
func (w *worker) step(ctx context.Context) {
	var err error
	switch pick := w.rand.IntN(100); {
	case pick < 25:
		err = w.create(ctx)
	case pick < 55:
		err = w.read(ctx)
	case pick < 70:
		err = w.stat(ctx)
	case pick < 78:
		err = w.list(ctx)
	case pick < 86:
		err = w.rename(ctx)
	case pick < 94:
		err = w.remove(ctx)
	case pick < 96:
		err = w.abandon(ctx)
	case pick < 98:
		err = w.removeMany(ctx)
	default:
		err = w.renameDir(ctx)
	}
	w.s.mu.Lock()
	w.s.report.Operations++
	w.s.mu.Unlock()
	if err != nil && ctx.Err() == nil {
		w.s.note(&w.s.report.Failed, "failed: %v", err)
	}
}
