package store

import (
	"syscall"
	"time"
)

// Stamp identifies the state of a block file as its file system knows it: when
// it has not changed, neither have the bytes, short of damage below the file system.
// Times are in nanoseconds since 1970. The zero value is no file's.
type Stamp struct {
	Inode        uint64
	Size         int64
	Mtime, Ctime int64
}

// settleTime is how long ago a file must have changed for its stamp to be
// believed: a write changes the stamp before the bytes, and file systems count time in
// steps of milliseconds.
const settleTime = 100 * time.Millisecond

// settled reports whether a change from now on will show in the stamp.
func (s Stamp) settled() bool {
	return s != Stamp{} && time.Now().UnixNano()-s.Ctime > int64(settleTime)
}

// stampOf returns the zero Stamp when the file system does not tell.
func stampOf(f File) Stamp {
	fi, err := f.Stat()
	if err != nil {
		return Stamp{}
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return Stamp{}
	}
	return stampFrom(st)
}

func stampFrom(st *syscall.Stat_t) Stamp {
	return Stamp{Inode: st.Ino, Size: st.Size, Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano()}
}

// fdStamp is stampOf without allocations.
func fdStamp(fd int) Stamp {
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return Stamp{}
	}
	return stampFrom(&st)
}
