package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/kodo"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

// stack is the product as it is run: a master and a worker, each a process of
// bin/, over an emulated Kodo, with a client and the bare connector beside it.
type stack struct {
	binary  string
	defines []string
	srv     *kodotest.Server
	bare    ufs.UFS
	conf    *config.Config // of clients
	client  *client.Client
	launch  func([]string) []string // wraps the command that starts the worker; nil for none
	closers []func() error
}

const (
	stackBucket = "bench"
	stackRoot   = "root/" // of the namespace, in the bucket
)

// newStack starts everything over a store with the given limits. Properties in
// defines (key=value) hold for all of it.
func newStack(ctx context.Context, p params, limits kodotest.Limits, quota int64, defines ...string) (*stack, error) {
	s := &stack{defines: defines}
	return s, s.start(ctx, p, limits, quota)
}

// start starts what newStack does. If it fails nothing runs.
func (s *stack) start(ctx context.Context, p params, limits kodotest.Limits, quota int64) (err error) {
	defer func() {
		if err != nil {
			_ = s.close()
		}
	}()
	if s.binary, err = filepath.Abs(filepath.Join("bin", "alluxio")); err != nil {
		return err
	}
	if _, err := os.Stat(s.binary); err != nil {
		return fmt.Errorf("the product is measured as built: run make build first, from the top of the tree: %w", err)
	}
	addr, err := s.startStore(limits)
	if err != nil {
		return err
	}
	properties := map[string]string{
		"fs.kodo.accesskey": "ak", "fs.kodo.secretkey": "sk",
		"alluxio.underfs.kodo.endpoint": addr, "alluxio.underfs.kodo.downloadhost": addr,
	}
	if s.bare, err = kodo.Open(ctx, "kodo://"+stackBucket+"/"+stackRoot, ufs.Options{Properties: properties}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.bare.Close)
	for k, v := range properties {
		s.define(k, v)
	}
	if err := s.configure(p.dir, quota); err != nil {
		return err
	}
	if err := s.alluxio(ctx, "formatJournal"); err != nil {
		return err
	}
	for _, process := range []string{"master", "worker"} {
		start := s.command("process", "start", process)
		if process == "worker" && s.launch != nil {
			start = s.launch(start)
		}
		if err := run1(ctx, start); err != nil {
			return err
		}
		s.closers = append(s.closers, func() error { return s.alluxio(context.Background(), "process", "stop", process) })
	}
	s.conf, err = config.Load(config.Options{Role: config.Client, Defines: s.defines, Environ: []string{}, Executable: s.binary})
	if err != nil {
		return err
	}
	if s.client, err = client.New(s.conf, client.Options{}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.client.Close)
	return nil
}

// startStore serves an emulated Kodo in this process and returns its address.
func (s *stack) startStore(limits kodotest.Limits) (addr string, err error) {
	s.srv, err = kodotest.New(kodotest.Options{
		AccessKey: "ak", SecretKey: "sk", Limits: limits,
		Buckets: []kodotest.Bucket{{Name: stackBucket, Private: true}},
	})
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.srv.Serve(ctx, l) }()
	s.closers = append(s.closers, func() error {
		cancel()
		<-served
		return s.srv.Close()
	})
	return l.Addr().String(), nil
}

func (s *stack) define(key, value string) { s.defines = append(s.defines, key+"="+value) }

// property returns what was defined.
func (s *stack) property(key string) string {
	for _, d := range s.defines {
		if value, ok := strings.CutPrefix(d, key+"="); ok {
			return value
		}
	}
	return ""
}

// configure chooses ports and folders.
func (s *stack) configure(dir string, quota int64) error {
	for _, key := range []string{"alluxio.master.rpc.port", "alluxio.master.web.port", "alluxio.master.embedded.journal.port",
		"alluxio.job.master.rpc.port", "alluxio.worker.rpc.port", "alluxio.worker.web.port"} {
		l, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			return err
		}
		defer l.Close()
		s.define(key, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	s.define("alluxio.master.hostname", "localhost")
	s.define("alluxio.worker.hostname", "localhost")
	s.define("alluxio.user.hostname", "localhost")
	s.define("alluxio.work.dir", dir)
	s.define("alluxio.logs.dir", filepath.Join(dir, "logs"))
	s.define("alluxio.master.mount.table.root.ufs", "kodo://"+stackBucket+"/"+stackRoot)
	s.define("alluxio.worker.tieredstore.level0.dirs.path", filepath.Join(dir, "store"))
	s.define("alluxio.worker.tieredstore.level0.dirs.quota", strconv.FormatInt(quota, 10))
	s.define("alluxio.master.worker.connect.wait.time", "0")
	s.define("alluxio.user.metrics.collection.enabled", "false")
	return nil
}

// alluxio runs a command of the product.
func (s *stack) alluxio(ctx context.Context, args ...string) error {
	return run1(ctx, s.command(args...))
}

// command is the command line of a command of the product.
func (s *stack) command(args ...string) []string {
	line := append([]string{s.binary}, args...)
	for _, d := range s.defines {
		line = append(line, "-D"+d)
	}
	return line
}

func run1(ctx context.Context, line []string) error {
	out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(line, " "), err, out)
	}
	return nil
}

func (s *stack) close() error {
	var first error
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i](); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// put places an object below the root of the namespace.
func (s *stack) put(name string, content []byte) error {
	return s.srv.Put(stackBucket, stackRoot+name, content)
}

// cool drops what is cached of a path and waits until the worker has done it. The master
// frees what it has heard of: after a crowd of readers a heartbeat may bring it more, so
// that it is told again.
func (s *stack) cool(ctx context.Context, path string) error {
	const again = time.Second
	for {
		if err := s.client.Free(ctx, path, client.FreeOptions{Recursive: true, Forced: true}); err != nil {
			return err
		}
		for told := time.Now(); time.Since(told) < again; {
			capacity, err := s.client.Capacity(ctx)
			if err != nil || capacity.UsedBytes == 0 {
				return err
			}
			if !sleep(ctx, 20*time.Millisecond) {
				return ctx.Err()
			}
		}
	}
}

// cat reads a file through the client.
func (s *stack) cat(ctx context.Context, path string, want int64) error {
	r, err := s.client.Open(ctx, path, client.OpenOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if err == nil && n != want {
		err = fmt.Errorf("%s: %d bytes instead of %d", path, n, want)
	}
	return err
}

// download reads n bytes of an object with the bare connector over parallel
// connections.
func (s *stack) download(ctx context.Context, name string, n int64, connections int) error {
	g, ctx := errgroup.WithContext(ctx)
	per := (n + int64(connections) - 1) / int64(connections)
	for off := int64(0); off < n; off += per {
		g.Go(func() error { return s.get(ctx, name, off, min(per, n-off)) })
	}
	return g.Wait()
}

// get reads a range of an object with the bare connector, by requests of a few MB
// as that makes itself of what is longer.
func (s *stack) get(ctx context.Context, name string, off, n int64) error {
	const piece = 8 << 20
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for end := off + n; off < end; off += piece {
		k := min(piece, end-off)
		r, err := s.bare.Open(ctx, name, ufs.OpenOptions{Offset: off, Length: k})
		if err != nil {
			return err
		}
		got, err := io.CopyBuffer(writerOnly{io.Discard}, readerOnly{r}, *buf)
		_ = r.Close()
		if err == nil && got != k {
			err = fmt.Errorf("%s: %d bytes instead of %d", name, got, k)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type (
	writerOnly struct{ io.Writer }
	readerOnly struct{ io.Reader }
)

// stackLink is what all connections to the emulated store have together when the link is
// what limits: less than two processors can both serve and read.
const stackLink = 600e6

// measureStack reads a cold file through the whole product: with nothing to limit a
// download but its connections, which is what two processors can do for the store, the
// worker and the client, and with a link that is slower.
func measureStack(ctx context.Context, p params) ([]figure, error) {
	var figures []figure
	for i, link := range []int64{0, stackLink} {
		limits := kodotest.Limits{Latency: 10 * time.Millisecond, PerConnBytesPerSec: int64(p.link), TotalBytesPerSec: link}
		p := p
		p.dir = filepath.Join(p.dir, strconv.Itoa(i))
		s, err := newStack(ctx, p, limits, 2*p.size)
		if err != nil {
			return nil, err
		}
		name := "stack: "
		if link > 0 {
			name = fmt.Sprintf("stack, link of %d MB/s: ", link/1e6)
		}
		some, err := s.measureSequential(ctx, p, name)
		if err = errors.Join(err, s.close()); err != nil {
			return nil, err
		}
		figures = append(figures, some...)
	}
	return figures, nil
}

func (s *stack) measureSequential(ctx context.Context, p params, name string) ([]figure, error) {
	if err := s.put("big", bytes.Repeat(pattern, int(p.size)/len(pattern)+1)[:p.size]); err != nil {
		return nil, err
	}
	if _, err := s.client.Stat(ctx, "/big", client.StatOptions{}); err != nil {
		return nil, err
	}
	connections, err := bestDirect(func(n int) error { return s.download(ctx, "big", p.size, n) })
	if err != nil {
		return nil, err
	}
	against := func() error { return s.download(ctx, "big", p.size, connections) }
	cold := func(read func() error) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			err := s.cool(ctx, "/big")
			if err == nil {
				err = warmUp(p.dir, p.size+blockSize)
			}
			if err != nil {
				return 0, err
			}
			begin := time.Now()
			err = read()
			return time.Since(begin), err
		}
	}
	var figures []figure
	for _, m := range []struct {
		name string
		read func() error
	}{
		{"client reads a cold file ÷ direct download", func() error { return s.cat(ctx, "/big", p.size) }},
		{"client loads a file ÷ direct download", func() error { return s.client.Load(ctx, "/big", client.LoadOptions{}) }},
		{"alluxio fs load ÷ direct download", func() error { return s.alluxio(ctx, "fs", "load", "/big") }},
	} {
		ours, theirs, err := alternateTimed(p.rounds, cold(m.read), timed(against))
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{name + m.name, theirs / ours, true, 0.95,
			fmt.Sprintf("%s against %s on %d connections", rate(p.size, ours), rate(p.size, theirs), connections)})
	}
	return figures, nil
}

// measureStackFiles reads 10,000 cold files of 100 KiB through the whole product.
func measureStackFiles(ctx context.Context, p params) ([]figure, error) {
	s, err := newStack(ctx, p, kodotest.Limits{Latency: 20 * time.Millisecond}, 2<<30)
	if err != nil {
		return nil, err
	}
	figures, err := s.measureFiles(ctx, p.dir)
	if cerr := s.close(); err == nil {
		err = cerr
	}
	return figures, err
}

func (s *stack) measureFiles(ctx context.Context, dir string) ([]figure, error) {
	const files, size = 10_000, 100 << 10
	name := func(i int) string { return fmt.Sprintf("d/f%05d", i) }
	for i := range files {
		if err := s.put(name(i), pattern[i:i+size]); err != nil {
			return nil, err
		}
	}
	if err := s.client.LoadMetadata(ctx, "/d", true); err != nil {
		return nil, err
	}
	var figures []figure
	for _, readers := range []int{32, 64, 128} {
		if err := s.cool(ctx, "/d"); err != nil {
			return nil, err
		}
		theirs, err := each(files, readers, func(i int) error { return s.get(ctx, name(i), 0, size) })
		if err != nil {
			return nil, err
		}
		if err := warmUp(dir, files*size); err != nil {
			return nil, err
		}
		ours, err := each(files, readers, func(i int) error { return s.cat(ctx, "/"+name(i), size) })
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{fmt.Sprintf("stackfiles: 10,000 × 100 KiB, %d readers ÷ bare loop (time)", readers),
			ours / theirs, false, 1.3, fmt.Sprintf("%.2f s against %.2f s", ours, theirs)})
	}
	return figures, nil
}
