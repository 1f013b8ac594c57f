// Package testcluster runs a master and workers inside the test process: real
// services on real sockets and folders, without processes. Whole-system tests
// with binaries are in test/.
//
// A Cluster owns its folders and goroutines; all have ended when the test ends.
package testcluster

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/master"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/all"
	"github.com/alluxio-go/alluxio/worker"
)

// startTimeout bounds how long a process may take to serve.
const startTimeout = 20 * time.Second

// Options describe a cluster. The zero value is one worker over a local folder.
type Options struct {
	// Workers is the number of workers; 0 means one, negative none.
	Workers int
	// Properties are set on every process and client.
	Properties map[string]string
	// UFS replaces the product's stores.
	UFS ufs.Registry
}

// Cluster is a running cluster.
type Cluster struct {
	t       testing.TB
	opts    Options
	dir     string
	log     *slog.Logger
	master  *process
	address string // of the master
	workers []*process
}

// process is a part of the cluster that runs.
type process struct {
	listener net.Listener
	dir      string
	port     int
	metrics  *prometheus.Registry
	cancel   context.CancelFunc
	ended    chan struct{}
	err      error
}

// Start starts a cluster and returns when its master and workers serve.
func Start(t testing.TB, opts Options) *Cluster {
	t.Helper()
	if opts.UFS == nil {
		opts.UFS = all.Registry()
	}
	if opts.Workers == 0 {
		opts.Workers = 1
	}
	c := &Cluster{t: t, opts: opts, dir: t.TempDir(), log: testLogger(t)}
	t.Cleanup(c.stop)
	if err := os.MkdirAll(c.Root(), 0o755); err != nil {
		t.Fatal(err)
	}
	c.StartMaster()
	for range opts.Workers {
		c.StartWorker()
	}
	return c
}

// Root returns the folder below the root of the namespace.
func (c *Cluster) Root() string { return filepath.Join(c.dir, "underFSStorage") }

// WorkerDir returns the storage directory of a worker.
func (c *Cluster) WorkerDir(i int) string { return filepath.Join(c.workers[i].dir, "ramdisk") }

// WorkerMetrics gathers the metrics of a worker.
func (c *Cluster) WorkerMetrics(i int) prometheus.Gatherer { return c.workers[i].metrics }

// WorkerAddr returns where a worker listens.
func (c *Cluster) WorkerAddr(i int) string {
	return net.JoinHostPort("localhost", strconv.Itoa(c.workers[i].port))
}

// MasterAddr returns where the master listens.
func (c *Cluster) MasterAddr() string { return c.address }

// Config returns the configuration of a process of the cluster, with the given
// properties over the cluster's.
func (c *Cluster) Config(role config.Scope, properties map[string]string) *config.Config {
	c.t.Helper()
	props := map[string]string{
		"alluxio.master.hostname":                       "localhost",
		"alluxio.worker.hostname":                       "localhost",
		"alluxio.user.hostname":                         "localhost",
		"alluxio.work.dir":                              c.dir,
		"alluxio.master.mount.table.root.ufs":           c.Root(),
		"alluxio.worker.ramdisk.size":                   "256MB",
		"alluxio.master.worker.connect.wait.time":       "0",
		"alluxio.user.block.size.bytes.default":         "1MB",
		"alluxio.user.rpc.retry.max.duration":           "20s",
		"alluxio.master.lost.worker.detection.interval": "200ms",
		"alluxio.worker.block.heartbeat.interval":       "100ms",
	}
	if c.address != "" {
		_, port, _ := net.SplitHostPort(c.address)
		props["alluxio.master.rpc.port"] = port
	}
	maps.Copy(props, c.opts.Properties)
	maps.Copy(props, properties)
	defines := make([]string, 0, len(props))
	for _, name := range slices.Sorted(maps.Keys(props)) {
		defines = append(defines, name+"="+props[name])
	}
	conf, err := config.Load(config.Options{
		Role: role, Defines: defines, Environ: []string{}, Executable: filepath.Join(c.dir, "bin", "alluxio"),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return conf
}

// StartMaster starts the master, formatting its journal the first time.
func (c *Cluster) StartMaster() {
	c.t.Helper()
	l := c.listen(c.address)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	c.address = net.JoinHostPort("localhost", port)
	conf := c.Config(config.Master, nil)
	if _, err := os.Stat(conf.String(config.MasterJournalFolder)); os.IsNotExist(err) {
		if err := master.Format(conf, false); err != nil {
			c.t.Fatal(err)
		}
	}
	m, err := master.New(conf, master.Options{Logger: c.log.With("process", "master"), UFS: c.opts.UFS, Listener: l})
	if err != nil {
		c.t.Fatal(err)
	}
	c.master = c.run(m, &process{listener: l})
}

// StopMaster ends the master. StartMaster brings it back at the same address.
func (c *Cluster) StopMaster() { c.t.Helper(); c.end(c.master) }

// StartWorker starts one more worker and returns its number.
func (c *Cluster) StartWorker() int {
	c.t.Helper()
	p := &process{dir: filepath.Join(c.dir, "worker"+strconv.Itoa(len(c.workers)))}
	c.workers = append(c.workers, p)
	c.runWorker(len(c.workers)-1, "")
	return len(c.workers) - 1
}

// StopWorker ends a worker; calls in progress fail.
func (c *Cluster) StopWorker(i int) { c.t.Helper(); c.end(c.workers[i]) }

// RestartWorker starts a stopped worker again, at the same address over the same
// storage.
func (c *Cluster) RestartWorker(i int) { c.t.Helper(); c.runWorker(i, c.WorkerAddr(i)) }

func (c *Cluster) runWorker(i int, addr string) {
	c.t.Helper()
	p := c.workers[i]
	l := c.listen(addr)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p.port, _ = strconv.Atoi(port)
	conf := c.Config(config.Worker, map[string]string{
		"alluxio.worker.rpc.port":                     port,
		"alluxio.worker.web.port":                     strconv.Itoa(30000 + i),
		"alluxio.worker.tieredstore.level0.dirs.path": filepath.Join(p.dir, "ramdisk"),
	})
	metrics := prometheus.NewRegistry()
	w, err := worker.New(conf, worker.Options{Logger: c.log.With("process", "worker", "n", i), UFS: c.opts.UFS, Listener: l, Registerer: metrics})
	if err != nil {
		c.t.Fatal(err)
	}
	c.workers[i] = c.run(w, &process{listener: l, dir: p.dir, port: p.port, metrics: metrics})
}

// Client returns a client of the cluster with the given properties. It is closed
// when the test ends.
func (c *Cluster) Client(properties map[string]string) *client.Client {
	c.t.Helper()
	cl, err := client.New(c.Config(config.Client, properties), client.Options{Logger: c.log.With("process", "client")})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := cl.Close(); err != nil {
			c.t.Errorf("close client: %v", err)
		}
	})
	return cl
}

// Until polls the condition and fails the test when it does not hold in time.
func (c *Cluster) Until(what string, done func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(startTimeout); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("not within %v: %s", startTimeout, what)
		}
	}
}

func (c *Cluster) listen(addr string) net.Listener {
	c.t.Helper()
	if addr == "" {
		addr = "localhost:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		c.t.Fatal(err)
	}
	return l
}

// server is a master or a worker.
type server interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
}

// run runs a process and returns when it serves.
func (c *Cluster) run(s server, p *process) *process {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.ended = cancel, make(chan struct{})
	go func() {
		defer close(p.ended)
		p.err = s.Run(ctx)
	}()
	select {
	case <-s.Ready():
	case <-p.ended:
		c.t.Fatalf("ended at once: %v", p.err)
	case <-time.After(startTimeout):
		c.t.Fatal("does not serve in time")
	}
	return p
}

// end ends a process and waits for it.
func (c *Cluster) end(p *process) {
	c.t.Helper()
	if p == nil || p.cancel == nil {
		return
	}
	p.cancel()
	<-p.ended
	p.cancel = nil
	if p.err != nil {
		c.t.Errorf("process ended with %v", p.err)
	}
}

func (c *Cluster) stop() {
	for _, w := range c.workers {
		c.end(w)
	}
	c.end(c.master)
}

// testLogger logs to the test, which shows it when it fails.
func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}
