package main

import (
	"context"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
)

// copyOptions are what the copying commands have in common.
type copyOptions struct {
	recursive, preserve bool
	overwrite           bool // replace files that exist already
	threads             int
	bufferSize          string
}

func (o *copyOptions) addTo(cmd *cobra.Command, buffer string) {
	cmd.Flags().IntVar(&o.threads, "thread", 0, "files copied at the same time; 0 means two for each CPU")
	cmd.Flags().StringVar(&o.bufferSize, "buffersize", buffer, "size of the buffer of each file")
}

// buffer checks the options and returns the buffer size in bytes.
func (o *copyOptions) buffer(cmd *cobra.Command) (int, error) {
	if o.threads < 0 {
		return 0, usagef(cmd, "--thread must not be negative")
	}
	if o.threads == 0 {
		o.threads = 2 * runtime.NumCPU()
	}
	n, err := sizeFlag("--buffersize", o.bufferSize)
	if err == nil && n > 1<<30 {
		return 0, usagef(cmd, "--buffersize must be at most 1GB")
	}
	return int(n), err
}

// copier copies files, several at the same time, and collects what fails.
type copier struct {
	*shell
	threads int
	buffers sync.Pool
	group   errgroup.Group
	*progress

	mu struct {
		sync.Mutex
		errs []error
	}
}

func newCopier(sh *shell, opts copyOptions, buffer int, total int64) *copier {
	c := &copier{shell: sh, threads: opts.threads, progress: newBytesProgress(sh.Env, "copy", total)}
	c.buffers.New = func() any { b := make([]byte, buffer); return &b }
	c.group.SetLimit(opts.threads)
	return c
}

// each runs copy beside others.
func (c *copier) each(copy func() error) {
	c.group.Go(func() error {
		if err := copy(); err != nil {
			c.mu.Lock()
			c.mu.errs = append(c.mu.errs, err)
			c.mu.Unlock()
		}
		return nil
	})
}

// wait returns when all copies have ended, with all errors.
func (c *copier) wait() error {
	_ = c.group.Wait()
	c.progress.done()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mu.errs) > 1 {
		c.warnf("ERRORS:")
	}
	return errors.Join(c.mu.errs...)
}

// printf keeps lines above the progress bar.
func (c *copier) printf(format string, args ...any) { c.progress.printf(format, args...) }

// upload copies a stream to a new file; nothing is left of it when that fails.
func (c *copier) upload(ctx context.Context, from io.Reader, dst string, opts client.CreateOptions) error {
	opts.Recursive = true
	w, err := c.fs.Create(ctx, dst, opts)
	if err != nil {
		return err
	}
	buf := c.buffers.Get().(*[]byte)
	defer c.buffers.Put(buf)
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, c.reader(from), *buf); err != nil {
		w.Abort()
		return err
	}
	return w.Close()
}

// about names the path in an error that does not yet.
func about(path string, err error) error {
	if strings.Contains(err.Error(), path) {
		return err
	}
	return errors.Errorf(errors.KindOf(err), "%s: %w", path, err)
}

func newCpCmd(env *Env) *cobra.Command {
	var opts copyOptions
	cmd := &cobra.Command{
		Use:     "cp [-R] [-p] [--thread N] SRC DST",
		Short:   "Copy files and directories",
		Long:    "Copies within Alluxio, or from or to the local disk when one side is file:///…. Into an existing directory SRC is copied under its name.",
		Example: examples("fs cp /data/a /data/b", "fs cp -R /data /backup", "fs cp file:///etc/hosts /data/", "fs cp -R /data file:///srv/data"),
		Args:    argCount(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			buffer, err := opts.buffer(cmd)
			if err != nil {
				return err
			}
			fromLocal, toLocal := strings.HasPrefix(args[0], "file:"), strings.HasPrefix(args[1], "file:")
			return withShell(env, func(ctx context.Context, sh *shell, args []string) error {
				switch {
				case fromLocal && toLocal:
					return usagef(cmd, "Only one of source and destination may be a local path")
				case fromLocal:
					return runCpFromLocal(ctx, sh, opts, buffer, args[0], args[1])
				case toLocal:
					return runCpToLocal(ctx, sh, opts, buffer, args[0], args[1])
				}
				return runCp(ctx, sh, opts, buffer, args[0], args[1])
			})(cmd, args)
		},
	}
	recursiveFlags(cmd, &opts.recursive, true, "directories with all that is in them")
	cmd.Flags().BoolVarP(&opts.preserve, "preserve", "p", false, "keep owner, group and mode")
	opts.addTo(cmd, "8MB")
	return cmd
}

// mustBeRecursive refuses a directory without -R.
func mustBeRecursive(opts copyOptions, path string, isDir bool) error {
	if isDir && !opts.recursive {
		return errors.Errorf(errors.Invalid, `%s is a directory, to copy it please use "cp -R/-r/--recursive <src> <dst>"`, path)
	}
	return nil
}

func runCpFromLocal(ctx context.Context, sh *shell, opts copyOptions, buffer int, src, dst string) error {
	sources, err := localSources(src)
	if err != nil {
		return err
	}
	for _, s := range sources {
		if info, err := os.Stat(s); err == nil {
			if err := mustBeRecursive(opts, s, info.IsDir()); err != nil {
				return err
			}
		}
	}
	return runCopyFromLocal(ctx, sh, opts, buffer, src, dst)
}

func runCpToLocal(ctx context.Context, sh *shell, opts copyOptions, buffer int, src, dst string) error {
	paths, err := sh.paths(ctx, []string{src})
	if err != nil {
		return err
	}
	for _, path := range paths {
		info, err := sh.stat(ctx, path)
		if err != nil {
			return err
		}
		if err := mustBeRecursive(opts, path, info.Folder); err != nil {
			return err
		}
	}
	return runCopyToLocal(ctx, sh, opts, buffer, src, dst)
}

// runCp copies within Alluxio.
func runCp(ctx context.Context, sh *shell, opts copyOptions, buffer int, src, dst string) error {
	dst, err := fspath.Clean(dst)
	if err != nil {
		return err
	}
	sources, err := sh.paths(ctx, []string{src})
	if err != nil {
		return err
	}
	into, err := isDirectory(ctx, sh, dst, len(sources) > 1)
	if err != nil {
		return err
	}
	if len(sources) > 1 && !into {
		if err := sh.fs.Mkdir(ctx, dst, client.MkdirOptions{Recursive: true, AllowExists: true}); err != nil {
			return err
		}
		into = true
	}
	c := newCopier(sh, opts, buffer, 0)
	for _, path := range sources {
		target := dst
		if into {
			target = fspath.Join(dst, fspath.Base(path))
		}
		if err := c.copyTree(ctx, opts, path, target); err != nil {
			c.each(func() error { return err })
		}
	}
	return c.wait()
}

// copyTree copies a file, or a directory with all that is in it, to dst.
func (c *copier) copyTree(ctx context.Context, opts copyOptions, src, dst string) error {
	root, err := c.stat(ctx, src)
	if err != nil {
		return err
	}
	if err := mustBeRecursive(opts, src, root.Folder); err != nil {
		return err
	}
	if fspath.Within(src, dst) {
		return errors.Errorf(errors.Invalid, "Cannot copy because %s is a prefix of %s", src, dst)
	}
	if !root.Folder {
		c.expect(root.Length)
		c.each(func() error { return c.copyFile(ctx, opts, root, dst) })
		return nil
	}
	if err := c.copyDir(ctx, opts, root, dst); err != nil {
		return err
	}
	for info, err := range c.fs.List(ctx, src, client.ListOptions{Recursive: true}) {
		if err != nil {
			return err
		}
		rel, _ := fspath.Rel(src, info.Path)
		target := fspath.Join(dst, rel)
		if info.Folder {
			if err := c.copyDir(ctx, opts, info, target); err != nil {
				return err
			}
			continue
		}
		c.expect(info.Length)
		c.each(func() error { return c.copyFile(ctx, opts, info, target) })
	}
	return nil
}

func (c *copier) copyDir(ctx context.Context, opts copyOptions, info *client.FileInfo, dst string) error {
	if err := c.fs.Mkdir(ctx, dst, client.MkdirOptions{Recursive: true, AllowExists: true}); err != nil {
		return err
	}
	c.printf("Created directory: %s", dst)
	return c.keepAttributes(ctx, opts, info, dst)
}

func (c *copier) copyFile(ctx context.Context, opts copyOptions, info *client.FileInfo, dst string) error {
	from, err := c.fs.Open(ctx, info.Path, client.OpenOptions{})
	if err != nil {
		return err
	}
	defer from.Close()
	err = c.upload(ctx, from, dst, client.CreateOptions{})
	if errors.Is(err, errors.Exists) && opts.overwrite {
		if err = c.fs.Delete(ctx, dst, client.DeleteOptions{}); err == nil {
			err = c.upload(ctx, from, dst, client.CreateOptions{})
		}
	}
	if err != nil {
		return about(dst, err)
	}
	if err := c.keepAttributes(ctx, opts, info, dst); err != nil {
		return err
	}
	c.printf("Copied %s to %s", info.Path, dst)
	return nil
}

// keepAttributes gives a copy the owner, group, mode and ACL of its original.
func (c *copier) keepAttributes(ctx context.Context, opts copyOptions, info *client.FileInfo, dst string) error {
	if !opts.preserve {
		return nil
	}
	if err := c.fs.SetAttribute(ctx, dst, client.Attributes{Owner: &info.Owner, Group: &info.Group, Mode: &info.Mode}); err != nil {
		return err
	}
	if acl := append(aclOf(info), info.DefaultACL...); len(info.ACL)+len(info.DefaultACL) > 0 {
		return c.fs.SetACL(ctx, dst, client.ACLReplace, acl, false)
	}
	return nil
}
