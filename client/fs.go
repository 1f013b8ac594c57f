package client

import (
	"context"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// FS returns the whole namespace as a read-only file system of package io/fs,
// whose root is "/". Its calls end with ctx. Files implement io.Seeker,
// io.ReaderAt and io.WriterTo.
func FS(ctx context.Context, c *Client) fs.FS { return tree{ctx, c} }

// tree is the adapter.
type tree struct {
	ctx context.Context
	c   *Client
}

var (
	_ fs.StatFS     = tree{}
	_ fs.ReadDirFS  = tree{}
	_ fs.ReadFileFS = tree{}
)

// path checks a name and returns its path in the namespace.
func (t tree) path(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		return "/", nil
	}
	return "/" + name, nil
}

func (t tree) stat(op, name string) (*FileInfo, error) {
	path, err := t.path(op, name)
	if err != nil {
		return nil, err
	}
	info, err := t.c.Stat(t.ctx, path, StatOptions{KeepAccessTime: true})
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return info, nil
}

func (t tree) Stat(name string) (fs.FileInfo, error) {
	info, err := t.stat("stat", name)
	if err != nil {
		return nil, err
	}
	return entry{info}, nil
}

func (t tree) Open(name string) (fs.File, error) {
	info, err := t.stat("open", name)
	if err != nil {
		return nil, err
	}
	if info.Folder {
		return &dirFile{tree: t, name: name, info: info}, nil
	}
	r, err := t.c.Open(t.ctx, info.Path, OpenOptions{})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return file{r}, nil
}

func (t tree) ReadDir(name string) ([]fs.DirEntry, error) {
	info, err := t.stat("readdir", name)
	if err != nil {
		return nil, err
	}
	if !info.Folder {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.Errorf(errors.Invalid, "not a directory")}
	}
	var entries []fs.DirEntry
	for child, err := range t.c.List(t.ctx, info.Path, ListOptions{}) {
		if err != nil {
			return entries, &fs.PathError{Op: "readdir", Path: name, Err: err}
		}
		entries = append(entries, fs.FileInfoToDirEntry(entry{child}))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

func (t tree) ReadFile(name string) ([]byte, error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		err = &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return data, err
}

// entry is a FileInfo as package io/fs sees it.
type entry struct{ info *FileInfo }

func (e entry) Name() string {
	if e.info.Name == "" {
		return "."
	}
	return e.info.Name
}
func (e entry) Size() int64        { return e.info.Length }
func (e entry) ModTime() time.Time { return e.info.Modified }
func (e entry) IsDir() bool        { return e.info.Folder }
func (e entry) Sys() any           { return e.info }

func (e entry) Mode() fs.FileMode {
	m := fs.FileMode(e.info.Mode & 0o777)
	if e.info.Folder {
		m |= fs.ModeDir
	}
	return m
}

// file is an open file.
type file struct{ *Reader }

func (f file) Stat() (fs.FileInfo, error) { return entry{f.Info()}, nil }

// dirFile is an open directory.
type dirFile struct {
	tree    tree
	name    string
	info    *FileInfo
	entries []fs.DirEntry
	read    bool
}

func (d *dirFile) Stat() (fs.FileInfo, error) { return entry{d.info}, nil }
func (d *dirFile) Close() error               { return nil }

func (d *dirFile) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.Errorf(errors.Invalid, "is a directory")}
}

// ReadDir returns the next n entries, or all that are left if n is not positive.
func (d *dirFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.read {
		entries, err := d.tree.ReadDir(d.name)
		if err != nil {
			return nil, err
		}
		d.entries, d.read = entries, true
	}
	if n <= 0 {
		n = len(d.entries)
	} else if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	next := d.entries[:n]
	d.entries = d.entries[n:]
	return next, nil
}
