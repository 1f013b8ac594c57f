package store

import (
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// LocalFiles opens block files in place, in another process than the worker's. It
// remembers which spans have been verified, for as long as their files do not change, so
// that each is verified once however often the block is opened. The zero value is ready;
// it is safe for concurrent use.
type LocalFiles struct {
	mu struct {
		sync.Mutex
		views map[string]*view // by path
	}
}

// maxViews bounds what is remembered: a kilobyte or so for each.
const maxViews = 1 << 13

// view is what is known of a file as long as it has one stamp.
type view struct {
	stamp   Stamp
	checked []atomic.Uint64 // a bit for each span that was verified
}

func (v *view) has(first, last int) bool {
	for i := first; i <= last; i++ {
		if v.checked[i/64].Load()&(1<<(i%64)) == 0 {
			return false
		}
	}
	return true
}

func (v *view) mark(first, last int) {
	for i := first; i <= last; i++ {
		v.checked[i/64].Or(1 << (i % 64))
	}
}

// view returns the view of a file of so many spans, an empty one if there is none
// of that stamp.
func (l *LocalFiles) view(path string, stamp Stamp, spans int) *view {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.mu.views[path]
	if v != nil && v.stamp == stamp && len(v.checked) == (spans+63)/64 {
		return v
	}
	v = &view{stamp: stamp, checked: make([]atomic.Uint64, (spans+63)/64)}
	if l.mu.views == nil {
		l.mu.views = map[string]*view{}
	}
	if len(l.mu.views) >= maxViews {
		for other := range l.mu.views {
			delete(l.mu.views, other)
			break
		}
	}
	l.mu.views[path] = v
	return v
}

// LocalFile reads a block file in place and verifies it against its sidecar. ReadAt
// may be called concurrently, but not with Close.
type LocalFile struct {
	spanFile
	all *LocalFiles
	fd  int // of f
	// sumsCRC is Local.SumsCRC.
	sumsCRC uint32
	view    atomic.Pointer[view]
	memory  mapping
	small   []smallSpan // by span
	side    struct {
		sync.Mutex
		sums []uint32 // nil until the sidecar is needed
	}
}

// Open opens the file of a block of length bytes, as a worker described it. The error
// has kind NotFound when the file or its sidecar is not there or not readable here (a
// worker in another container may name paths that mean nothing on this side), and
// Corrupt when they do not fit each other, the length, or what the worker knows.
func (l *LocalFiles) Open(at Local, length int64) (*LocalFile, error) {
	spans, err := openSpans(at.Path, length)
	if err != nil {
		return nil, err
	}
	file := &LocalFile{spanFile: spans, all: l, fd: int(spans.f.Fd()), sumsCRC: at.SumsCRC}
	file.memory.limit = mapLimit(file.fd)
	file.small = make([]smallSpan, file.spans())
	stamp := fdStamp(file.fd)
	view := file.viewOf(stamp)
	switch spans := file.spans(); {
	case spans == 0:
	case stamp == at.Verified && stamp.settled() && stamp.Size >= length:
		view.mark(0, spans-1)
	case !view.has(0, spans-1):
		if _, err := file.sums(); err != nil {
			_ = file.f.Close()
			return nil, err
		}
	}
	return file, nil
}

// Len is the length of the block in bytes.
func (l *LocalFile) Len() int64 { return l.length }

// Close closes the file.
func (l *LocalFile) Close() error {
	l.memory.close()
	return l.f.Close()
}

func (l *LocalFile) spans() int { return ceilDiv(l.length, SpanSize) }

// viewOf returns what is known of the file with a stamp.
func (l *LocalFile) viewOf(stamp Stamp) *view {
	if v := l.view.Load(); v != nil && v.stamp == stamp {
		return v
	}
	v := l.all.view(l.path, stamp, l.spans())
	l.view.Store(v)
	return v
}

// sums returns the checksums of the spans.
func (l *LocalFile) sums() ([]uint32, error) {
	l.side.Lock()
	defer l.side.Unlock()
	if l.side.sums != nil {
		return l.side.sums, nil
	}
	raw, err := osFS{}.ReadFile(l.path+metaSuffix, metaLimit)
	if err != nil {
		return nil, errors.E("block.open", l.path, errors.NotFound, err)
	}
	id, _ := blockName(filepath.Base(l.path))
	m, err := decodeMeta(raw, id)
	if err == nil && (!m.whole() || m.length != l.length) {
		err = errors.Errorf(errors.Corrupt, "the sidecar describes %d of %d bytes where %d are expected", m.bytes(), m.length, l.length)
	}
	if err == nil && l.sumsCRC != 0 && sumsCRC(m.sums) != l.sumsCRC {
		err = errors.Errorf(errors.Corrupt, "the sidecar is not the one that the worker knows")
	}
	if err != nil {
		return nil, errors.E("block.open", l.path, errors.Corrupt, err)
	}
	l.side.sums = m.sums
	return m.sums, nil
}

// ReadAt reads into p like io.ReaderAt; Corrupt when the bytes are not what was
// written, NotFound when that cannot be told any more because the block was removed.
func (l *LocalFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > l.length {
		return 0, errors.Errorf(errors.OutOfRange, "Offset %d is not in %s of %d bytes.", off, l.path, l.length)
	}
	n := int(min(int64(len(p)), l.length-off))
	if n > 0 && !l.readSmall(p[:n], off) && !l.readKnown(p[:n], off) {
		if err := l.verify(p[:n], off); err != nil {
			return 0, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// readKnown reads bytes that were verified before. It reports false if they were
// not, or if the file has changed since. The file is looked at after the bytes were
// taken: a write changes its stamp first.
func (l *LocalFile) readKnown(p []byte, off int64) bool {
	v := l.view.Load()
	if !v.has(int(off/SpanSize), int((off+int64(len(p))-1)/SpanSize)) {
		return false
	}
	if !l.mapped(p, off) || !l.memory.copy(l, p, off) {
		if n, _ := l.f.ReadAt(p, off); n < len(p) {
			return false
		}
	}
	return fdStamp(l.fd) == v.stamp
}

// verify reads bytes and verifies all spans that they touch.
func (l *LocalFile) verify(p []byte, off int64) error {
	sums, err := l.sums()
	if err != nil {
		return err
	}
	before := fdStamp(l.fd)
	for at, rest := off, p; len(rest) > 0; {
		n, err := l.readSome(rest, at, sums[at/SpanSize:])
		if err != nil {
			return err
		}
		at, rest = at+int64(n), rest[n:]
	}
	if before.settled() && fdStamp(l.fd) == before {
		l.viewOf(before).mark(int(off/SpanSize), int((off+int64(len(p))-1)/SpanSize))
	}
	return nil
}
