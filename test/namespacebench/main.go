// Command namespacebench measures what a large namespace costs: it starts a
// master of its own from bin/, creates empty files through the client API, and
// prints the master's memory for each, before and after a restart, how long the
// restart took, and the rate against a bare call of the same master.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
)

func main() {
	files := flag.Int("files", 1_000_000, "how many files to create")
	callers := flag.Int("callers", 128, "how many create at the same time")
	binary := flag.String("alluxio", "bin/alluxio", "the program to measure")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *binary, *files, *callers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, files, callers int) (err error) {
	m, err := newMaster(ctx, binary)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := m.close(); err == nil {
			err = cerr
		}
	}()
	if _, err := m.start(ctx); err != nil {
		return err
	}
	c, err := m.client()
	if err != nil {
		return err
	}
	defer c.Close()

	bare, err := rate(ctx, callers, 20_000, func(ctx context.Context, _ int) error {
		_, err := c.Exists(ctx, "/", client.StatOptions{})
		return err
	})
	if err != nil {
		return err
	}
	idle, err := m.rss()
	if err != nil {
		return err
	}
	creates, err := rate(ctx, callers, files, func(ctx context.Context, i int) error {
		w, err := c.Create(ctx, fmt.Sprintf("/d%d/file-%08d", i/10_000, i), client.CreateOptions{WriteType: client.MustCache, Recursive: true})
		if err != nil {
			return err
		}
		return w.Close()
	})
	if err != nil {
		return err
	}
	full, err := m.rss()
	if err != nil {
		return err
	}
	fmt.Printf("%d empty files, %d callers\n", files, callers)
	fmt.Printf("creates (two journaled calls each) per bare call    %.2f  (%.0f/s, %.0f/s)\n", creates/bare, creates, bare)
	fmt.Printf("master RSS per file over idle, after creating      %4.0f B  (idle %d MiB, now %d MiB)\n", float64(full-idle)/float64(files), idle>>20, full>>20)

	took, err := m.restart(ctx)
	if err != nil {
		return err
	}
	again, err := m.rss()
	if err != nil {
		return err
	}
	if ok, err := c.Exists(ctx, fmt.Sprintf("/d%d/file-%08d", (files-1)/10_000, files-1), client.StatOptions{}); err != nil || !ok {
		return fmt.Errorf("the last file after the restart: %v, %v", ok, err)
	}
	fmt.Printf("restart until the master serves                    %4.1f s\n", took.Seconds())
	fmt.Printf("master RSS per file over idle, after the restart   %4.0f B  (now %d MiB)\n", float64(again-idle)/float64(files), again>>20)
	return nil
}

// rate calls f n times from many goroutines and returns the calls per second.
func rate(ctx context.Context, callers, n int, f func(ctx context.Context, i int) error) (float64, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range callers {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(ctx, i); err != nil {
					fail(err)
				}
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(start).Seconds(), context.Cause(ctx)
}

// master is a master process in a folder of its own.
type master struct {
	binary  string
	dir     string
	defines []string
}

func newMaster(ctx context.Context, binary string) (*master, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "namespacebench-")
	if err != nil {
		return nil, err
	}
	m := &master{binary: binary, dir: dir}
	for _, key := range []string{"alluxio.master.rpc.port", "alluxio.master.web.port", "alluxio.job.master.rpc.port"} {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		m.defines = append(m.defines, key+"="+strconv.Itoa(port))
	}
	m.defines = append(m.defines, "alluxio.master.hostname=localhost", "alluxio.work.dir="+dir, "alluxio.logs.dir="+filepath.Join(dir, "logs"))
	return m, m.alluxio(ctx, "formatJournal")
}

// alluxio runs a command on the master's folder.
func (m *master) alluxio(ctx context.Context, args ...string) error {
	for _, d := range m.defines {
		args = append(args, "-D"+d)
	}
	out, err := exec.CommandContext(ctx, m.binary, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("alluxio %s: %w\n%s", args[0], err, out)
	}
	return nil
}

func (m *master) start(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	err := m.alluxio(ctx, "process", "start", "master")
	return time.Since(began), err
}

// restart ends the master and returns how long it took to serve again.
func (m *master) restart(ctx context.Context) (time.Duration, error) {
	if err := m.alluxio(ctx, "process", "stop", "master"); err != nil {
		return 0, err
	}
	return m.start(ctx)
}

func (m *master) close() error {
	err := m.alluxio(context.Background(), "process", "stop", "master")
	if rerr := os.RemoveAll(m.dir); err == nil {
		err = rerr
	}
	return err
}

func (m *master) client() (*client.Client, error) {
	conf, err := config.Load(config.Options{Role: config.Client, Defines: m.defines, Environ: []string{}, Executable: filepath.Join(m.dir, "bin", "alluxio")})
	if err != nil {
		return nil, err
	}
	return client.New(conf, client.Options{})
}

// rss returns the resident memory of the master in bytes.
func (m *master) rss() (int64, error) {
	pid, err := os.ReadFile(filepath.Join(m.dir, "logs", "master.pid"))
	if err != nil {
		return 0, err
	}
	status, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in the status of %s", pid)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
