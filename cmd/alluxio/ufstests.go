package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/all"
	"github.com/alluxio-go/alluxio/ufs/ufstest/contract"
)

func newRunUFSTestsCmd(env *Env) *cobra.Command {
	var path, test string
	cmd := &cobra.Command{
		Use:   "runUfsTests --path URI [--test NAME]",
		Short: "Check that a store behaves as an under store must",
		Long: "Runs the conformance suite on a store, in directories of its own below URI, which are deleted again. " +
			"Credentials come from the site file or -D. The exit code is 1 when a test failed.",
		Example: examples("runUfsTests --path kodo://bucket/scratch/", "runUfsTests --path /tmp/scratch --test Rename"),
		Args:    argCount(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runUFSTests(cmd.Context(), env, path, test) },
	}
	cmd.Flags().StringVar(&path, "path", "", "the store and a directory in it")
	cmd.Flags().StringVar(&test, "test", "", "only tests with this in their names")
	return cmd
}

// openUFS opens the store of a --path option with the site's properties.
func openUFS(ctx context.Context, env *Env, uri string) (ufs.UFS, error) {
	if uri == "" {
		return nil, errors.Errorf(errors.Invalid, "--path is missing: name the store, such as --path kodo://bucket/scratch/.")
	}
	conf, err := env.Config(config.Server)
	if err != nil {
		return nil, err
	}
	return all.Registry().Open(ctx, uri, ufs.Options{Properties: conf.UFSProperties(nil)})
}

func runUFSTests(ctx context.Context, env *Env, uri, filter string) error {
	store, err := openUFS(ctx, env, uri)
	if err != nil {
		return err
	}
	defer store.Close()
	ran := 0
	failed := contract.Check(ctx, store, "", filter, func(r contract.Result) {
		ran++
		took := r.Took.Round(time.Millisecond)
		if r.Err != nil {
			env.printf("%s %s (%v): %v", env.colour(red, "FAILED"), r.Test, took, r.Err)
		} else {
			env.printf("%s %s (%v)", env.colour(green, "PASSED"), r.Test, took)
		}
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case ran == 0:
		return errors.Errorf(errors.Invalid, "No test has %q in its name.", filter)
	}
	env.printf("Tests completed with %d failed.", failed)
	if failed > 0 {
		return exitWith(exitFailed)
	}
	return nil
}

func newRunUFSIOTestCmd(env *Env) *cobra.Command {
	var path, size string
	var threads int
	cmd := &cobra.Command{
		Use:     "runUfsIOTest --path URI [--io-size SIZE] [--threads N]",
		Short:   "Measure how fast a store is written and read",
		Long:    "Each of N threads writes a file of SIZE below URI, then reads it again; the files are deleted. The result is JSON, with rates in MiB/s.",
		Example: examples("runUfsIOTest --path kodo://bucket/scratch/ --io-size 512MB --threads 4"),
		Args:    argCount(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			bytes, err := sizeFlag("--io-size", size)
			if err != nil {
				return err
			}
			if threads < 1 || threads > 1024 {
				return usagef(cmd, "--threads must be between 1 and 1024")
			}
			return runUFSIOTest(cmd.Context(), env, path, bytes, threads)
		},
	}
	cmd.Flags().StringVar(&path, "path", "", "the store and a directory in it")
	cmd.Flags().StringVar(&size, "io-size", "4G", "size of each file")
	cmd.Flags().IntVar(&threads, "threads", 4, "files at the same time")
	return cmd
}

// ioSummary is the result of runUfsIOTest.
type ioSummary struct {
	Path        string  `json:"path"`
	Threads     int     `json:"threads"`
	BytesEach   int64   `json:"ioSizeBytes"`
	WriteMiBs   float64 `json:"writeMiBPerSecond"`
	ReadMiBs    float64 `json:"readMiBPerSecond"`
	WriteMillis int64   `json:"writeMs"`
	ReadMillis  int64   `json:"readMs"`
}

func runUFSIOTest(ctx context.Context, env *Env, uri string, size int64, threads int) error {
	store, err := openUFS(ctx, env, uri)
	if err != nil {
		return err
	}
	defer store.Close()
	dir := fmt.Sprintf("ufs-io-test-%08x", rand.Uint32())
	defer func() { _ = contract.RemoveAll(context.WithoutCancel(ctx), store, dir) }()
	sum := ioSummary{Path: store.URI(), Threads: threads, BytesEach: size}
	name := func(i int) string { return ufs.Join(dir, fmt.Sprintf("file-%d", i)) }
	wrote, err := timed(threads, func(i int) error { return ioWrite(ctx, store, name(i), size, uint64(i)) })
	if err != nil {
		return err
	}
	read, err := timed(threads, func(i int) error { return ioRead(ctx, store, name(i), size) })
	if err != nil {
		return err
	}
	rate := func(d time.Duration) float64 {
		return float64(size) * float64(threads) / (1 << 20) / max(d.Seconds(), 1e-9)
	}
	sum.WriteMillis, sum.WriteMiBs = wrote.Milliseconds(), rate(wrote)
	sum.ReadMillis, sum.ReadMiBs = read.Milliseconds(), rate(read)
	text, err := json.MarshalIndent(sum, "", "  ")
	if err == nil {
		env.printf("%s", text)
	}
	return err
}

// timed runs f once for each thread and returns how long all together took.
func timed(threads int, f func(i int) error) (time.Duration, error) {
	var group errgroup.Group
	began := time.Now()
	for i := range threads {
		group.Go(func() error { return f(i) })
	}
	err := group.Wait()
	return time.Since(began), err
}

// ioWrite writes a file of random bytes, which no store can compress.
func ioWrite(ctx context.Context, store ufs.UFS, path string, size int64, seed uint64) error {
	w, err := store.Create(ctx, path, ufs.CreateOptions{SizeHint: size})
	if err != nil {
		return err
	}
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, io.LimitReader(rand.NewChaCha8(key), size), make([]byte, 1<<20)); err != nil {
		return errors.Join(err, w.Abort(context.WithoutCancel(ctx)))
	}
	_, err = w.Commit(ctx)
	return err
}

func ioRead(ctx context.Context, store ufs.UFS, path string, size int64) error {
	r, err := store.Open(ctx, path, ufs.OpenOptions{Length: -1})
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, 1<<20))
	if err == nil && n != size {
		return errors.Errorf(errors.Corrupt, "%s: read %d bytes of %d", strings.TrimSuffix(path, "/"), n, size)
	}
	return err
}
