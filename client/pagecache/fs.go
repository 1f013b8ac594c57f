package pagecache

import (
	"io"
	"io/fs"
	"os"
	"time"
)

// FS is what the cache needs of a file system; tests put faults in between.
type FS interface {
	Open(name string) (File, error)
	Create(name string) (File, error) // fails if it exists
	Rename(from, to string) error
	Remove(name string) error
	RemoveAll(name string) error
	Mkdir(name string, perm fs.FileMode) error // with parents
	ReadDir(name string) ([]fs.DirEntry, error)
	Lstat(name string) (fs.FileInfo, error)
	Chtimes(name string, used, written time.Time) error
}

// File is an open file of an FS.
type File interface {
	io.ReaderAt
	io.Writer
	io.Closer
}

type osFS struct{}

func (osFS) Open(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osFS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osFS) Rename(from, to string) error                     { return os.Rename(from, to) }
func (osFS) Remove(name string) error                         { return os.Remove(name) }
func (osFS) RemoveAll(name string) error                      { return os.RemoveAll(name) }
func (osFS) Mkdir(name string, perm fs.FileMode) error        { return os.MkdirAll(name, perm) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error)       { return os.ReadDir(name) }
func (osFS) Lstat(name string) (fs.FileInfo, error)           { return os.Lstat(name) }
func (osFS) Chtimes(name string, used, wrote time.Time) error { return os.Chtimes(name, used, wrote) }
