package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

const (
	manyReaders   = 1000
	slowReaders   = 50 // of them take a chunk now and then
	readerClients = 8  // programs that they belong to
	memoryLimit   = 1 << 30
	crowdGrace    = 20 * time.Second // a read that takes longer has failed
)

// measureReaders has a thousand readers of one worker that has a gigabyte of memory:
// of a cached file first, then of one that has to be fetched.
func measureReaders(ctx context.Context, p params) ([]figure, error) {
	group, err := newMemoryGroup(memoryLimit)
	if err != nil {
		return nil, err
	}
	const size = 256 << 20
	s := &stack{launch: group.launch}
	err = s.start(ctx, p, kodotest.Limits{Latency: time.Millisecond}, 2*size+blockSize)
	if err != nil {
		return nil, errors.Join(err, group.remove())
	}
	figures, err := s.measureReaders(ctx, p, group, size)
	return figures, errors.Join(err, s.close(), group.remove())
}

func (s *stack) measureReaders(ctx context.Context, p params, group *memoryGroup, size int64) ([]figure, error) {
	warm, err := s.warm(ctx, p, size)
	if err != nil {
		return nil, err
	}
	if err := s.put("cold", bytes.Repeat(pattern, int(size)/len(pattern)+1)[:size]); err != nil {
		return nil, err
	}
	var figures []figure
	for _, f := range []struct{ name, path string }{{"a cached file", warm.path}, {"a cold file", "/cold"}} {
		before, err := s.goroutines(ctx)
		if err != nil {
			return nil, err
		}
		r, err := s.crowd(ctx, f.path, p.crowd)
		if err != nil {
			return nil, err
		}
		left, err := s.settle(ctx, before)
		if err != nil {
			return nil, err
		}
		peak, killed, err := group.usage()
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("readers: %d of %s, ", manyReaders, f.name)
		figures = append(figures,
			figure{name + "slowest ÷ mean", r.slowest / r.mean, true, 0.3, fmt.Sprintf("%s together, %.1f MB the slowest", rate(int64(r.total), p.crowd.Seconds()), r.slowest/1e6)},
			figure{name + "failed reads", float64(r.failed), false, 0, r.why},
			figure{name + "goroutines left", float64(left), false, 0, ""},
			figure{name + "peak memory ÷ limit", float64(peak) / memoryLimit, false, 1, fmt.Sprintf("%s in the worker's group, killed %d times", human(peak), killed)},
		)
	}
	return figures, nil
}

// crowdResult is what readers got, in bytes.
type crowdResult struct {
	slowest, mean, total float64
	failed               int64
	why                  string
}

// crowd reads a file over and over with many readers for a time, each from another
// place of it.
func (s *stack) crowd(ctx context.Context, path string, during time.Duration) (crowdResult, error) {
	info, err := s.client.Stat(ctx, path, client.StatOptions{})
	if err != nil {
		return crowdResult{}, err
	}
	conf, err := config.Load(config.Options{Role: config.Client, Defines: append(slices.Clone(s.defines), "alluxio.user.short.circuit.enabled=false"), Environ: []string{}, Executable: s.binary})
	if err != nil {
		return crowdResult{}, err
	}
	var clients []*client.Client
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
	}()
	for range readerClients {
		c, err := client.New(conf, client.Options{})
		if err != nil {
			return crowdResult{}, err
		}
		clients = append(clients, c)
	}
	deadline := time.Now().Add(during)
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(crowdGrace))
	defer cancel()
	counts := make([]atomic.Int64, manyReaders)
	var failed atomic.Int64
	var why atomic.Pointer[string]
	var g sync.WaitGroup
	for i := range manyReaders {
		g.Go(func() {
			err := s.readUntil(ctx, clients[i%len(clients)], path, info.Length, i, deadline, &counts[i])
			if err != nil {
				failed.Add(1)
				why.Store(new(err.Error()))
			}
		})
	}
	g.Wait()
	r := crowdResult{slowest: 1e18, failed: failed.Load()}
	if w := why.Load(); w != nil {
		r.why = *w
	}
	for i := range counts {
		n := float64(counts[i].Load())
		r.total += n
		if i >= slowReaders {
			r.slowest = min(r.slowest, n)
			r.mean += n / (manyReaders - slowReaders)
		}
	}
	return r, nil
}

// readUntil reads a file in pieces of a MB, and compares them, until the deadline.
func (s *stack) readUntil(ctx context.Context, c *client.Client, path string, size int64, i int, deadline time.Time, count *atomic.Int64) error {
	rnd := rand.New(rand.NewPCG(uint64(i), 9))
	r, err := c.Open(ctx, path, client.OpenOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	at := rnd.Int64N(size>>20) << 20
	if _, err := r.Seek(at, io.SeekStart); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for time.Now().Before(deadline) {
		n, err := r.Read(buf)
		if !right(buf[:n], at) {
			return fmt.Errorf("wrong bytes near %d", at)
		}
		at += int64(n)
		count.Add(int64(n))
		if err == io.EOF {
			at, err = r.Seek(0, io.SeekStart)
		}
		if err != nil {
			return err
		}
		if i < slowReaders && !sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// goroutines returns how many the worker has, without those of connections to the
// store below, which are kept for a while.
func (s *stack) goroutines(ctx context.Context) (int, error) {
	url := "http://" + s.property("alluxio.worker.hostname") + ":" + s.property("alluxio.worker.web.port") + "/api/v1/common/thread_dump"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	dump, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	total := 0
	_, groups, _ := strings.Cut(string(dump), "\n") // the first line is the total
	for group := range strings.SplitSeq(groups, "\n\n") {
		count, _, ok := strings.Cut(group, " @ ")
		if n, err := strconv.Atoi(count); ok && err == nil && !strings.Contains(group, "net/http.(*persistConn)") {
			total += n
		}
	}
	return total, nil
}

// settle waits a little for the worker to have no more goroutines than before, and
// returns how many too many there are.
func (s *stack) settle(ctx context.Context, before int) (int, error) {
	for end := time.Now().Add(10 * time.Second); ; {
		now, err := s.goroutines(ctx)
		if err != nil || now <= before || time.Now().After(end) {
			return max(0, now-before), err
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return 0, ctx.Err()
		}
	}
}

// memoryGroup is a control group that limits the memory of processes, or where there
// are none, the hope that somebody else does.
type memoryGroup struct{ dir string }

// newMemoryGroup makes a group with a limit in bytes. It needs to be root, and version
// 1 or 2 of control groups.
func newMemoryGroup(limit int64) (*memoryGroup, error) {
	name := "workerbench-" + strconv.Itoa(os.Getpid())
	for _, g := range []struct{ parent, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"},
	} {
		dir := filepath.Join(g.parent, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, g.limit), []byte(strconv.FormatInt(limit, 10)), 0o644); err == nil {
			return &memoryGroup{dir}, nil
		}
		_ = os.Remove(dir)
	}
	return nil, errors.New("no memory control group can be made here; be root")
}

// launch is a command line that runs another in the group.
func (g *memoryGroup) launch(args []string) []string {
	return append([]string{"sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(g.dir, "cgroup.procs")}, args...)
}

// usage returns the most memory that the group had since it was last asked, page
// cache included, and how often a process was killed for it.
func (g *memoryGroup) usage() (peak int64, killed int, err error) {
	for _, name := range []string{"memory.max_usage_in_bytes", "memory.peak"} {
		b, rerr := os.ReadFile(filepath.Join(g.dir, name))
		if rerr != nil {
			err = rerr
			continue
		}
		if peak, err = strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err != nil {
			return 0, 0, err
		}
		_ = os.WriteFile(filepath.Join(g.dir, name), []byte("0"), 0o644) // not every version can begin anew
		break
	}
	for _, name := range []string{"memory.oom_control", "memory.events"} {
		b, rerr := os.ReadFile(filepath.Join(g.dir, name))
		if rerr != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
				killed, err = strconv.Atoi(strings.TrimSpace(n))
			}
		}
	}
	return peak, killed, err
}

func (g *memoryGroup) remove() error { return os.Remove(g.dir) }
