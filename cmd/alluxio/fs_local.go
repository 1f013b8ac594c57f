package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
)

func newCopyFromLocalCmd(env *Env) *cobra.Command {
	var opts copyOptions
	cmd := &cobra.Command{
		Use:     "copyFromLocal [--thread N] [--buffersize SIZE] SRC DST",
		Short:   "Copy local files into Alluxio",
		Long:    "Copies a local file, the files that a pattern with \"*\" matches, or what is in a local directory. What is copied into an existing directory keeps its name.",
		Example: examples("fs copyFromLocal README.md /data/", "fs copyFromLocal --thread 16 /srv/images /data/images", "fs copyFromLocal '/var/log/*.log' /logs"),
		Args:    argCount(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			buffer, err := opts.buffer(cmd)
			if err != nil {
				return err
			}
			return withShell(env, func(ctx context.Context, sh *shell, args []string) error {
				return runCopyFromLocal(ctx, sh, opts, buffer, args[0], args[1])
			})(cmd, args)
		},
	}
	opts.addTo(cmd, "8MB")
	return cmd
}

// localFile is a local file to be copied, and where to.
type localFile struct {
	path, dst string
	size      int64
}

func runCopyFromLocal(ctx context.Context, sh *shell, opts copyOptions, buffer int, src, dst string) error {
	dst, err := fspath.Clean(dst)
	if err != nil {
		return err
	}
	sources, err := localSources(src)
	if err != nil {
		return err
	}
	files, dirs, err := planUpload(ctx, sh, sources, dst)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := sh.fs.Mkdir(ctx, dir, client.MkdirOptions{Recursive: true, AllowExists: true}); err != nil {
			return err
		}
	}
	var total int64
	for _, f := range files {
		total += f.size
	}
	c := newCopier(sh, opts, buffer, total)
	create := client.CreateOptions{LocationPolicy: sh.conf.Class(config.UserFileCopyfromlocalBlockLocationPolicyClass)}
	for _, f := range files {
		c.each(func() error { return c.uploadFile(ctx, f, create) })
	}
	if err := c.wait(); err != nil {
		return err
	}
	if len(files) != 1 || len(sources) != 1 || files[0].path != sources[0] {
		sh.printf("Copied file://%s to %s", absolute(strings.TrimPrefix(src, "file://")), dst)
	}
	return nil
}

// localSources returns the local paths that src names; "*" is a wildcard.
func localSources(src string) ([]string, error) {
	src = strings.TrimPrefix(src, "file://")
	if !strings.Contains(src, "*") {
		return []string{absolute(src)}, nil
	}
	// Only "*" is special, as in paths of Alluxio.
	found, err := filepath.Glob(strings.NewReplacer(`\`, `\\`, `[`, `\[`, `?`, `\?`).Replace(absolute(src)))
	if err == nil && len(found) == 0 {
		return nil, errors.Errorf(errors.NotFound, "%s does not exist.", src)
	}
	return found, err
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// planUpload returns the files to be copied and the directories to be made. A
// single directory's children go to dst; a single file goes to dst, or into it
// when it is a directory; several sources go into dst.
func planUpload(ctx context.Context, sh *shell, sources []string, dst string) (files []localFile, dirs []string, err error) {
	for _, src := range sources {
		info, err := os.Stat(src)
		if errors.Is(err, errors.NotFound) {
			return nil, nil, errors.Errorf(errors.NotFound, "Local path %q does not exist.", src)
		}
		if err != nil {
			return nil, nil, err
		}
		target := dst
		if len(sources) > 1 || !info.IsDir() {
			into, err := isDirectory(ctx, sh, dst, len(sources) > 1 || info.IsDir())
			if err != nil {
				return nil, nil, err
			}
			if into || len(sources) > 1 {
				target = fspath.Join(dst, filepath.Base(src))
			}
		} else if _, err := isDirectory(ctx, sh, dst, true); err != nil {
			return nil, nil, err
		}
		f, d, err := walkLocal(src, target)
		if err != nil {
			return nil, nil, err
		}
		files, dirs = append(files, f...), append(dirs, d...)
	}
	if len(sources) > 1 {
		dirs = append([]string{dst}, dirs...)
	}
	return files, dirs, nil
}

// isDirectory reports whether path is a directory. A file there is an error when
// there has to be a directory.
func isDirectory(ctx context.Context, sh *shell, path string, must bool) (bool, error) {
	info, err := sh.stat(ctx, path)
	switch {
	case errors.Is(err, errors.NotFound):
		return false, nil
	case err != nil:
		return false, err
	case must && !info.Folder:
		return false, errors.Errorf(errors.Exists, "The destination cannot be an existing file when the source is a directory or a list of files.")
	}
	return info.Folder, nil
}

// walkLocal returns the regular files and directories at and below src, and
// where they go. Symbolic links are followed, unless they lead back to a
// directory that they are in.
func walkLocal(src, dst string) (files []localFile, dirs []string, err error) {
	return walkLinked(src, dst, nil)
}

// walkLinked is walkLocal inside the directories (by their real paths) above.
func walkLinked(src, dst string, above []string) (files []localFile, dirs []string, err error) {
	info, err := os.Stat(src)
	switch {
	case err != nil:
		return nil, nil, err
	case info.Mode().IsRegular():
		return []localFile{{src, dst, info.Size()}}, nil, nil
	case !info.IsDir():
		return nil, nil, errors.Errorf(errors.Invalid, "%s is neither a file nor a directory.", src)
	}
	real, err := filepath.EvalSymlinks(src)
	if err != nil {
		return nil, nil, err
	}
	if slices.Contains(above, real) {
		return nil, nil, errors.Errorf(errors.Invalid, "%s is a symbolic link to a directory that it is in.", src)
	}
	children, err := os.ReadDir(src)
	if err != nil {
		return nil, nil, err
	}
	dirs = []string{dst}
	for _, child := range children {
		f, d, err := walkLinked(filepath.Join(src, child.Name()), fspath.Join(dst, child.Name()), append(slices.Clone(above), real))
		if err != nil {
			return nil, nil, err
		}
		files, dirs = append(files, f...), append(dirs, d...)
	}
	return files, dirs, nil
}

func (c *copier) uploadFile(ctx context.Context, f localFile, opts client.CreateOptions) error {
	from, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer from.Close()
	if err := c.upload(ctx, from, f.dst, opts); err != nil {
		return about(f.dst, err)
	}
	c.printf("Copied file://%s to %s", f.path, f.dst)
	return nil
}

func newCopyToLocalCmd(env *Env) *cobra.Command {
	var opts copyOptions
	cmd := &cobra.Command{
		Use:     "copyToLocal [--thread N] [--buffersize SIZE] SRC DST",
		Short:   "Copy files out of Alluxio",
		Long:    "Copies a file or what is in a directory to a local path. A local file is replaced only when its new content is complete.",
		Example: examples("fs copyToLocal /data/README.md .", "fs copyToLocal /data/images /srv/images"),
		Args:    argCount(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			buffer, err := opts.buffer(cmd)
			if err != nil {
				return err
			}
			return withShell(env, func(ctx context.Context, sh *shell, args []string) error {
				return runCopyToLocal(ctx, sh, opts, buffer, args[0], args[1])
			})(cmd, args)
		},
	}
	opts.addTo(cmd, "1MB")
	return cmd
}

func runCopyToLocal(ctx context.Context, sh *shell, opts copyOptions, buffer int, src, dst string) error {
	dst = absolute(strings.TrimPrefix(dst, "file://"))
	paths, err := sh.paths(ctx, []string{src})
	if err != nil {
		return err
	}
	c := newCopier(sh, opts, buffer, 0)
	for _, path := range paths {
		if err := c.downloadTree(ctx, path, dst, len(paths) > 1); err != nil {
			c.each(func() error { return err })
		}
	}
	return c.wait()
}

// downloadTree copies a file, or all that is in a directory, to a local path;
// into means that dst is a directory which path goes into.
func (c *copier) downloadTree(ctx context.Context, path, dst string, into bool) error {
	root, err := c.stat(ctx, path)
	if err != nil {
		return err
	}
	if local, err := os.Stat(dst); !root.Folder && err == nil && local.IsDir() || into {
		dst = filepath.Join(dst, root.Name)
	}
	if !root.Folder {
		c.expect(root.Length)
		c.each(func() error { return c.downloadFile(ctx, root, dst) })
		return nil
	}
	if err := c.makeLocalDir(dst); err != nil {
		return err
	}
	for info, err := range c.fs.List(ctx, path, client.ListOptions{Recursive: true}) {
		if err != nil {
			return err
		}
		rel, _ := fspath.Rel(path, info.Path)
		target := filepath.Join(dst, filepath.FromSlash(rel))
		if info.Folder {
			if err := c.makeLocalDir(target); err != nil {
				return err
			}
			continue
		}
		c.expect(info.Length)
		c.each(func() error { return c.downloadFile(ctx, info, target) })
	}
	return nil
}

func (c *copier) makeLocalDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	c.printf("Create directory: file://%s", dir)
	return nil
}

// downloadFile copies a file to a temporary one beside dst and renames that.
func (c *copier) downloadFile(ctx context.Context, info *client.FileInfo, dst string) (err error) {
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	from, err := c.fs.Open(ctx, info.Path, client.OpenOptions{})
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.CreateTemp(filepath.Dir(dst), filepath.Base(dst)+".*_copyToLocal_")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = to.Close()
			_ = os.Remove(to.Name())
		}
	}()
	buf := c.buffers.Get().(*[]byte)
	defer c.buffers.Put(buf)
	if _, err = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{c.reader(from)}, *buf); err != nil {
		return about(info.Path, err)
	}
	if err = to.Chmod(os.FileMode(info.Mode & 0o777)); err != nil {
		return err
	}
	if err = to.Close(); err != nil {
		return err
	}
	if err = os.Rename(to.Name(), dst); err != nil {
		return err
	}
	c.printf("Copied %s to file://%s", info.Path, dst)
	return nil
}
