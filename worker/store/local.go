package store

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Stamp identifies the state of a block file as its file system knows it: when
// it has not changed, neither have the bytes, short of damage below the file system.
type Stamp struct {
	Inode        uint64
	Size         int64
	Mtime, Ctime syscall.Timespec
}

func stampOf(f File) (Stamp, bool) {
	fi, err := f.Stat()
	if err != nil {
		return Stamp{}, false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return Stamp{}, false
	}
	return stampFrom(st), true
}

func stampFrom(st *syscall.Stat_t) Stamp {
	return Stamp{Inode: st.Ino, Size: st.Size, Mtime: st.Mtim, Ctime: st.Ctim}
}

// fdStamp is stampOf without allocations.
func fdStamp(fd int) (Stamp, bool) {
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return Stamp{}, false
	}
	return stampFrom(&st), true
}

// Local prepares the block for being read in place by a process on this host and
// returns the path of its file. All of it must be present, and is verified, unless
// the file has not changed since it was. The path is good while the handle is open.
func (h *Handle) Local(ctx context.Context) (string, error) {
	s, b := h.s, h.b
	if info := h.Info(); !info.Whole {
		return "", errors.Errorf(errors.NotFound, "Block %d is not whole on this worker.", b.id)
	}
	s.flush(b) // a block that became whole just now may not be in its place yet
	stamp, ok := stampOf(b.file)
	b.mu.Lock()
	known := ok && b.mu.verified == stamp
	b.mu.Unlock()
	if known {
		return h.path(), nil
	}
	buf := s.pageOf(b)
	defer s.putPage(buf)
	for p := range b.pages() {
		if err := ctx.Err(); err != nil {
			return "", errors.E("store.verify", "", errors.Other, err)
		}
		if _, bad, err := s.readVerified(b, *buf, b.pageOff(p), int(b.pageLen(p))); err != nil || bad >= 0 {
			if bad >= 0 {
				s.dropPage(b, bad, err)
			}
			return "", errors.Errorf(errors.Corrupt, "Block %d is damaged on disk at %d.", b.id, b.pageOff(p))
		}
	}
	b.mu.Lock()
	b.mu.verified = stamp
	b.mu.Unlock()
	return h.path(), nil
}

func (h *Handle) path() string {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	return h.b.path()
}

// LocalFile reads a block file in place, in another process than the worker's,
// verifying it against its sidecar. A span is verified when it is first read, and
// again when the file has changed since. Not safe for concurrent use.
type LocalFile struct {
	f       *os.File
	fd      int // of f
	m       meta
	stamp   Stamp
	checked bitmap // spans verified while the file had the stamp
	buf     []byte
}

// OpenLocal opens the block file at path, as a worker named it. The error has
// kind NotFound when the file or its sidecar is not there or not readable here (a
// worker in another container may name paths that mean nothing on this side),
// and Corrupt when they do not fit each other.
func OpenLocal(path string) (*LocalFile, error) {
	id, ok := blockName(filepath.Base(path))
	if !ok {
		return nil, errors.Errorf(errors.Corrupt, "%s is not the path of a block file.", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.E("block.open", path, errors.NotFound, err)
	}
	raw, err := readFile(osFS{}, path+metaSuffix, metaLimit)
	if err != nil {
		_ = f.Close()
		return nil, errors.E("block.open", path, errors.NotFound, err)
	}
	m, err := decodeMeta(raw, id)
	if err == nil && !m.whole() {
		err = errors.Errorf(errors.Corrupt, "block %d is not whole", id)
	}
	if err != nil {
		_ = f.Close()
		return nil, errors.E("block.open", path, errors.Corrupt, err)
	}
	return &LocalFile{f: f, fd: int(f.Fd()), m: m, checked: newBitmap(len(m.sums))}, nil
}

// Len is the length of the block in bytes.
func (l *LocalFile) Len() int64 { return l.m.length }

// Close closes the file.
func (l *LocalFile) Close() error { return l.f.Close() }

// ReadAt reads into p like io.ReaderAt; Corrupt when the bytes are not what was
// written.
func (l *LocalFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > l.m.length {
		return 0, errors.Errorf(errors.OutOfRange, "Offset %d is not in block %d of %d bytes.", off, l.m.id, l.m.length)
	}
	if stamp, ok := fdStamp(l.fd); !ok || stamp != l.stamp {
		l.stamp = stamp
		clear(l.checked)
	}
	want := min(int64(len(p)), l.m.length-off)
	n := 0
	for int64(n) < want {
		k, err := l.readSome(p[n:want], off+int64(n))
		n += k
		if err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// readSome reads spans that were verified before, or verifies one, directly in p
// if p covers it.
func (l *LocalFile) readSome(p []byte, off int64) (int, error) {
	first := int(off / SpanSize)
	if l.checked.has(first) {
		last := first
		for end := off + int64(len(p)); int64(last+1)*SpanSize < end && l.checked.has(last+1); {
			last++
		}
		n := int(min(int64(len(p)), int64(last+1)*SpanSize-off))
		return l.read(p[:n], off)
	}
	lo := int64(first) * SpanSize
	size := int(min(SpanSize, l.m.length-lo))
	direct := off == lo && len(p) >= size
	span := p
	if !direct {
		if l.buf == nil {
			l.buf = make([]byte, SpanSize)
		}
		span = l.buf
	}
	span = span[:size]
	if _, err := l.read(span, lo); err != nil {
		return 0, err
	}
	if sumOf(span) != l.m.sums[first] {
		return 0, l.damaged(lo, nil)
	}
	l.checked.set(first)
	if direct {
		return size, nil
	}
	return copy(p, span[off-lo:]), nil
}

func (l *LocalFile) read(p []byte, off int64) (int, error) {
	n, err := l.f.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	return 0, l.damaged(off, err)
}

func (l *LocalFile) damaged(off int64, cause error) error {
	return errors.E("block.read", l.f.Name()+" at "+strconv.FormatInt(off, 10), errors.Corrupt, cause)
}
