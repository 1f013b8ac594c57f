package store

import (
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
)

// Small reads of a LocalFile come from mapped memory and are verified every time
// against the checksums of the pages of 4 KiB that they touch, which costs less than
// asking the file system whether the file has changed. Sidecars have no checksums of
// so little: they are taken from a span when it is verified, or when it is read from
// often.

const (
	smallPage   = 4 << 10
	smallRead   = 4 * smallPage // the largest small read
	oftenEnough = 32            // reads of a span that pay for its checksums
)

// smallSpan is what is known of a span for small reads.
type smallSpan struct {
	reads  atomic.Int32
	sums   atomic.Pointer[pageSums]
	passed atomic.Bool // by a large read
}

// pageSums are the checksums of the pages of a span.
type pageSums [SpanSize / smallPage]uint32

// smallBuffers hold the pages that a small read touches.
var smallBuffers = sync.Pool{New: func() any { return new([smallRead + 2*smallPage]byte) }}

// readSmall reads a few pages, if it can and they are good.
func (l *LocalFile) readSmall(p []byte, off int64) bool {
	if len(p) > smallRead {
		return false
	}
	lo := off - off%smallPage
	hi := min((off+int64(len(p))+smallPage-1)/smallPage*smallPage, l.length)
	if lo == off && hi-lo == int64(len(p)) {
		return l.copyPages(p, lo)
	}
	buf := smallBuffers.Get().(*[smallRead + 2*smallPage]byte)
	defer smallBuffers.Put(buf)
	if !l.copyPages(buf[:hi-lo], lo) {
		return false
	}
	copy(p, buf[off-lo:])
	return true
}

// copyPages copies whole pages and verifies the copies.
func (l *LocalFile) copyPages(p []byte, off int64) bool {
	for len(p) > 0 {
		span := int(off / SpanSize)
		sums := l.pageSums(span)
		n := int(min(int64(len(p)), int64(span+1)*SpanSize-off))
		if sums == nil || !l.memory.copy(l, p[:n], off) || !sums.match(p[:n], int(off%SpanSize/smallPage)) {
			return false
		}
		p, off = p[n:], off+int64(n)
	}
	return true
}

// match reports whether p is the pages from the given one on.
func (s *pageSums) match(p []byte, page int) bool {
	for ; len(p) > 0; page++ {
		n := min(smallPage, len(p))
		if sumOf(p[:n]) != s[page] {
			return false
		}
		p = p[n:]
	}
	return true
}

// pageSums returns the checksums of the pages of a span; nil if they cannot be had
// or are not worth it yet.
func (l *LocalFile) pageSums(span int) *pageSums {
	small := &l.small[span]
	if sums := small.sums.Load(); sums != nil {
		return sums
	}
	if l.view.Load().has(span, span) && small.reads.Add(1) < oftenEnough {
		return nil
	}
	want, err := l.sums()
	if err != nil {
		return nil
	}
	buf := spanBuffers.Get().(*[SpanSize]byte)
	defer spanBuffers.Put(buf)
	lo := int64(span) * SpanSize
	rest := buf[:min(SpanSize, l.length-lo)]
	if l.readSpans(rest, lo, want[span:]) != nil {
		return nil
	}
	sums := new(pageSums)
	for i := 0; len(rest) > 0; i++ {
		n := min(smallPage, len(rest))
		sums[i] = sumOf(rest[:n])
		rest = rest[n:]
	}
	small.sums.Store(sums)
	return sums
}

// mapping is a block file in memory, made when first used.
type mapping struct {
	limit int // size up to which a read is faster from here than by a call of the system
	once  sync.Once
	bytes []byte // nil if it could not be made
}

// mapLimit returns the limit of mappings of a file: there is none for files that
// are in memory anyway.
func mapLimit(fd int) int {
	const tmpfs = 0x01021994
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(fd, &st); err == nil && st.Type == tmpfs {
		return math.MaxInt
	}
	return SpanSize
}

// mapped reports whether a read is to come from mapped memory. The first large read of
// a span is not: mapping it costs more than is gained then.
func (l *LocalFile) mapped(p []byte, off int64) bool {
	if len(p) <= SpanSize {
		return true
	}
	return len(p) <= l.memory.limit && l.small[off/SpanSize].passed.Swap(true)
}

// copy copies from the file. It reports false for what the file does not have, or
// cannot be read.
func (m *mapping) copy(l *LocalFile, p []byte, off int64) (ok bool) {
	m.once.Do(func() {
		if int64(int(l.length)) == l.length {
			m.bytes, _ = syscall.Mmap(l.fd, 0, int(l.length), syscall.PROT_READ, syscall.MAP_SHARED)
		}
	})
	if m.bytes == nil {
		return false
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			if _, fault := p.(interface{ Addr() uintptr }); !fault {
				panic(p)
			}
			ok = false
		}
	}()
	return copy(p, m.bytes[off:]) == len(p)
}

func (m *mapping) close() {
	if m.bytes != nil {
		_ = syscall.Munmap(m.bytes)
		m.bytes = nil
	}
}
