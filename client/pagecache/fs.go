package pagecache

import (
	"io"
	"io/fs"
	"os"
	"syscall"
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
	// Stamp tells the state of the file.
	Stamp() (Stamp, error)
}

// Stamp is the state of a file as its file system knows it: when it has not
// changed, neither have the bytes, short of damage below the file system.
type Stamp struct {
	Inode, Links    uint64
	Size            int64
	Written, Status syscall.Timespec // last change of the bytes, of anything
}

// Changed is the time of the last change.
func (s Stamp) Changed() time.Time { return time.Unix(s.Status.Unix()) }

// osFile is a file of the operating system.
type osFile struct {
	*os.File
	fd int
}

func (f osFile) Stamp() (Stamp, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(f.fd, &st); err != nil {
		return Stamp{}, &fs.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	return Stamp{st.Ino, uint64(st.Nlink), st.Size, st.Mtim, st.Ctim}, nil
}

type osFS struct{}

func (osFS) Open(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return osFile{f, int(f.Fd())}, nil
}

func (osFS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f, int(f.Fd())}, nil
}

func (osFS) Rename(from, to string) error                     { return os.Rename(from, to) }
func (osFS) Remove(name string) error                         { return os.Remove(name) }
func (osFS) RemoveAll(name string) error                      { return os.RemoveAll(name) }
func (osFS) Mkdir(name string, perm fs.FileMode) error        { return os.MkdirAll(name, perm) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error)       { return os.ReadDir(name) }
func (osFS) Lstat(name string) (fs.FileInfo, error)           { return os.Lstat(name) }
func (osFS) Chtimes(name string, used, wrote time.Time) error { return os.Chtimes(name, used, wrote) }
