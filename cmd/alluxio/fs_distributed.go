package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
)

// distributedOptions are options of the commands that Alluxio's job service
// carries out. Without one they run here, over many connections to the workers.
type distributedOptions struct {
	jobs      int
	batch     int
	overwrite bool
}

func (o *distributedOptions) addTo(cmd *cobra.Command) {
	cmd.Flags().IntVar(&o.jobs, "active-jobs", 16, "files, or blocks to load, worked on at the same time")
	cmd.Flags().IntVar(&o.batch, "batch-size", 1, "accepted for compatibility: files are handled one by one")
}

// check refuses numbers that cannot be.
func (o *distributedOptions) check(cmd *cobra.Command) error {
	if o.jobs < 1 || o.batch < 1 {
		return usagef(cmd, "--active-jobs and --batch-size must be greater than 0")
	}
	o.jobs = min(o.jobs, 1024)
	return nil
}

func newDistributedCpCmd(env *Env) *cobra.Command {
	var opts distributedOptions
	cmd := &cobra.Command{
		Use:     "distributedCp [--active-jobs N] [--overwrite] SRC DST",
		Short:   "Copy a directory with many files at the same time",
		Example: examples("fs distributedCp /data /backup", "fs distributedCp --active-jobs 64 /data /backup"),
		Args:    argCount(2, 2),
		RunE:    runDistributed(env, &opts, distributedCp),
	}
	opts.addTo(cmd)
	cmd.Flags().BoolVar(&opts.overwrite, "overwrite", true, "replace files that exist already")
	return cmd
}

func newDistributedMvCmd(env *Env) *cobra.Command {
	var opts distributedOptions
	cmd := &cobra.Command{
		Use:     "distributedMv [--active-jobs N] SRC DST",
		Short:   "Copy a directory as distributedCp does, and remove it when every copy succeeded",
		Example: examples("fs distributedMv /kodo/in /archive/in"),
		Args:    argCount(2, 2),
		RunE: runDistributed(env, &opts, func(ctx context.Context, sh *shell, opts distributedOptions, src, dst string) error {
			if err := distributedCp(ctx, sh, opts, src, dst); err != nil {
				return err
			}
			sh.printf("Deleting %s", src)
			return sh.fs.Delete(ctx, src, client.DeleteOptions{Recursive: true, Unchecked: true})
		}),
	}
	opts.addTo(cmd)
	return cmd
}

func runDistributed(env *Env, opts *distributedOptions, f func(ctx context.Context, sh *shell, opts distributedOptions, src, dst string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := opts.check(cmd); err != nil {
			return err
		}
		return withShell(env, func(ctx context.Context, sh *shell, args []string) error {
			return f(ctx, sh, *opts, args[0], args[1])
		})(cmd, args)
	}
}

// distributedCp copies SRC to DST itself, unlike cp also when DST is a directory.
func distributedCp(ctx context.Context, sh *shell, opts distributedOptions, src, dst string) error {
	src, err := fspath.Clean(src)
	if err != nil {
		return err
	}
	if dst, err = fspath.Clean(dst); err != nil {
		return err
	}
	if fspath.Within(src, dst) {
		return errors.Errorf(errors.Invalid, "Cannot migrate because %s is a prefix of %s", src, dst)
	}
	copying := copyOptions{recursive: true, overwrite: opts.overwrite, threads: opts.jobs}
	c := newCopier(sh, copying, 1<<20, 0)
	if err := c.copyTree(ctx, copying, src, dst); err != nil {
		c.each(func() error { return err })
	}
	return c.wait()
}

func newDistributedLoadCmd(env *Env) *cobra.Command {
	var opts distributedOptions
	cmd := &cobra.Command{
		Use:     "distributedLoad [--active-jobs N] PATH...",
		Short:   "Fetch many files into the cache at the same time",
		Example: examples("fs distributedLoad /data", "fs distributedLoad --active-jobs 64 /data"),
		Args:    argCount(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.check(cmd); err != nil {
				return err
			}
			return onEach(env, func(ctx context.Context, sh *shell, path string) error {
				return runLoad(ctx, sh, loadOptions{parallel: opts.jobs}, path)
			})(cmd, args)
		},
	}
	opts.addTo(cmd)
	return cmd
}
