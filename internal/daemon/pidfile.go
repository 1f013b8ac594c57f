// Package daemon starts, finds and stops the processes of a node.
//
// A running daemon holds a lock on its pid file for as long as it lives; the
// kernel drops the lock when the process ends, however it ends. So a pid file
// left behind by a crash is recognised as stale, a pid that now belongs to
// another program is never signalled, and two daemons of one kind cannot run on
// one pid file. Nothing is ever found, or killed, by searching process names.
//
// The package survives a kill at any instant: all state is the lock.
package daemon

import (
	stderrors "errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Lock is a held pid file.
type Lock struct {
	file *os.File
	path string
}

// Acquire locks the pid file at path for this process and writes its pid. When
// another live process holds it, the error is of kind Exists and names the pid.
func Acquire(path string) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, errors.E("lock pid file", path, errors.Other, err)
	}
	if pid := holderOfRemoved(path); pid != 0 {
		return nil, errors.Errorf(errors.Exists, "already running with pid %d, which has lost its pid file %s", pid, path)
	}
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, errors.E("lock pid file", path, errors.Other, err)
		}
		if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, wholeFile()); err != nil {
			pid, _ := readPid(f)
			f.Close()
			if err == unix.EAGAIN || err == unix.EACCES {
				return nil, errors.Errorf(errors.Exists, "already running with pid %d (pid file %s)", pid, path)
			}
			return nil, errors.E("lock pid file", path, errors.Other, err)
		}
		// The former holder may have removed the file between open and lock.
		if !sameFile(f, path) {
			f.Close()
			continue
		}
		if err := writePid(f); err != nil {
			f.Close()
			return nil, errors.E("write pid file", path, errors.Other, err)
		}
		return &Lock{file: f, path: path}, nil
	}
}

// Release removes the pid file and gives the lock up.
func (l *Lock) Release() error {
	err := os.Remove(l.path)
	for _, failed := range [...]error{unix.ENOENT, unix.ENOTDIR, unix.EROFS, unix.EIO} {
		if stderrors.Is(err, failed) {
			err = nil // its folder is gone or failed; closing is what gives the lock up
		}
	}
	if cerr := l.file.Close(); err == nil {
		err = cerr
	}
	return err
}

// Holder returns the pid of the live process that holds the pid file at path,
// or the one that was there and has been removed, or 0 when there is none (no
// file, or a stale one).
func Holder(path string) (pid int, err error) {
	pid, err = holderOf(path)
	if os.IsNotExist(err) {
		pid, err = 0, nil
	}
	if err != nil {
		return 0, errors.E("read pid file", path, errors.Other, err)
	}
	if pid == 0 {
		pid = holderOfRemoved(path)
	}
	return pid, nil
}

// holderOf returns the pid of the process that locks the file, 0 if none does.
func holderOf(path string) (int, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lock := wholeFile()
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, lock); err != nil {
		return 0, err
	}
	if lock.Type == unix.F_UNLCK {
		return 0, nil
	}
	return readPid(f)
}

// holderOfRemoved is holderOf for a file that is not at path any more. Such a
// file is reached through the process that has it open.
func holderOfRemoved(path string) int {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return 0
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	removed := filepath.Join(dir, filepath.Base(path)) + " (deleted)"
	self := "/proc/" + strconv.Itoa(os.Getpid()) + "/"
	open, _ := filepath.Glob("/proc/[0-9]*/fd/*") // those of other users are not seen
	for _, fd := range open {
		if link, err := os.Readlink(fd); err != nil || link != removed || strings.HasPrefix(fd, self) {
			continue
		}
		if pid, err := holderOf(fd); err == nil && pid != 0 {
			return pid
		}
	}
	return 0
}

func wholeFile() *unix.Flock_t {
	return &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
}

func sameFile(f *os.File, path string) bool {
	held, err1 := f.Stat()
	there, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(held, there)
}

func writePid(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readPid(f *os.File) (int, error) {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 64))
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("pid file %s holds no pid: %q", f.Name(), text)
	}
	return pid, nil
}
