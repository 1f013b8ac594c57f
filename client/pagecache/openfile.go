package pagecache

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// openFile is the file of a page that is open. Spans that were verified while the
// file was in its present state are not verified again. Concurrent use is safe.
type openFile struct {
	trailer
	file  File
	n     int // length of the page
	state atomic.Pointer[fileState]

	key   Key
	place *list.Element // nil when it is not among the open files any more
	users int           // guarded by openFiles.mu, as is place
}

// fileState is what a file's bytes are known to be in one state of the file.
type fileState struct {
	stamp   Stamp
	checked []atomic.Uint32 // a bit for each span
}

func (s *fileState) mark(off, end int) {
	for i := off / spanBytes; i < spansOf(end); i++ {
		s.checked[i/32].Or(1 << (i % 32))
	}
}

func (s *fileState) has(off, end int) bool {
	for i := off / spanBytes; i < spansOf(end); i++ {
		if s.checked[i/32].Load()&(1<<(i%32)) == 0 {
			return false
		}
	}
	return true
}

// settled is how long ago a file must have changed for its times to tell that it
// has not changed since: clocks of file systems tick, at most every 10 ms.
const settled = 100 * time.Millisecond

// current returns what is known of the file as it is.
func (f *openFile) current() (*fileState, error) {
	stamp, err := f.file.Stamp()
	if err != nil {
		return nil, err
	}
	if stamp.Links == 0 {
		return nil, errors.Errorf(errors.NotFound, "the file has been removed")
	}
	s := f.state.Load()
	if s == nil || s.stamp != stamp || time.Since(stamp.Changed()) < settled {
		s = &fileState{stamp: stamp, checked: make([]atomic.Uint32, (spansOf(f.n)+31)/32)}
		f.state.Store(s)
	}
	return s, nil
}

// read fills p with verified bytes.
func (f *openFile) read(p []byte, off int) error {
	s, err := f.current()
	if err != nil {
		return err
	}
	if s.has(off, off+len(p)) {
		return readFull(f.file, p, off)
	}
	for len(p) > 0 {
		done, err := f.readSpans(s, p, off)
		if err != nil {
			return err
		}
		p, off = p[done:], off+done
	}
	return nil
}

// readStep is how much is read at a time, so that it is still in the processor's
// cache when its checksum is computed.
const readStep = 256 << 10

var spans = sync.Pool{New: func() any { return new([spanBytes]byte) }}

// readSpans reads a few whole spans into p, or as much of one as p wants.
func (f *openFile) readSpans(s *fileState, p []byte, off int) (int, error) {
	begin := off / spanBytes * spanBytes
	if whole := f.wholeSpans(off, len(p)); off == begin && whole > 0 {
		return whole, f.readSpan(s, p[:whole], begin)
	}
	buf := spans.Get().(*[spanBytes]byte)
	defer spans.Put(buf)
	span := buf[:min(spanBytes, f.n-begin)]
	if err := f.readSpan(s, span, begin); err != nil {
		return 0, err
	}
	return copy(p, span[off-begin:]), nil
}

// wholeSpans returns how many of n bytes from a place on are whole spans, up to
// what is read at a time. The last span of a page may be short.
func (f *openFile) wholeSpans(off, n int) int {
	n = min(n, readStep)
	if off+n == f.n {
		return n
	}
	return n / spanBytes * spanBytes
}

// readSpan reads and verifies whole spans.
func (f *openFile) readSpan(s *fileState, p []byte, off int) error {
	if err := readFull(f.file, p, off); err != nil {
		return err
	}
	if err := f.verify(p, off); err != nil {
		return err
	}
	s.mark(off, off+len(p))
	return nil
}

// keptOpen is how many files of a folder are kept open. What another process
// evicts takes its room while it is open here.
const keptOpen = 32

// knownStates is of how many files it is remembered, beyond that, which of their
// bytes were verified; that is 100 bytes each for pages of 1 MB.
const knownStates = 1 << 14

// openFiles are the files that were read last.
type openFiles struct {
	l  *local
	mu struct {
		sync.Mutex
		byKey map[Key]*openFile
		order list.List // of *openFile, the one used last in front
		known map[Key]*fileState
	}
}

func (o *openFiles) init(l *local) {
	o.l = l
	o.mu.byKey, o.mu.known = map[Key]*openFile{}, map[Key]*fileState{}
}

// take returns the file of a page of n bytes. The caller gives it back.
func (o *openFiles) take(k Key, n int) (*openFile, error) {
	if f := o.lookup(k, n); f != nil {
		return f, nil
	}
	f, err := o.l.openPage(k, n)
	if err != nil {
		return nil, err
	}
	o.keep(f)
	return f, nil
}

func (o *openFiles) lookup(k Key, n int) *openFile {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.mu.byKey[k]
	if f == nil || f.n != n {
		return nil
	}
	f.users++
	o.mu.order.MoveToFront(f.place)
	return f
}

// keep makes a file available to others, in the place of the one that was not used
// for longest.
func (o *openFiles) keep(f *openFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f.users = 1
	f.state.Store(o.mu.known[f.key])
	if o.mu.byKey[f.key] != nil {
		return
	}
	f.place = o.mu.order.PushFront(f)
	o.mu.byKey[f.key] = f
	if o.mu.order.Len() > keptOpen {
		o.leave(o.mu.order.Back().Value.(*openFile))
	}
}

// leave is drop for a file that may come back. o.mu is held.
func (o *openFiles) leave(f *openFile) {
	for k := range o.mu.known {
		if len(o.mu.known) < knownStates {
			break
		}
		delete(o.mu.known, k) // any
	}
	if s := f.state.Load(); s != nil {
		o.mu.known[f.key] = s
	}
	o.drop(f)
}

// drop takes a file out of those that are open. It is closed when nobody uses it.
// o.mu is held.
func (o *openFiles) drop(f *openFile) {
	o.mu.order.Remove(f.place)
	f.place = nil
	delete(o.mu.byKey, f.key)
	if f.users == 0 {
		_ = f.file.Close() // it was only read
	}
}

func (o *openFiles) giveBack(f *openFile) {
	o.mu.Lock()
	f.users--
	last := f.users == 0 && f.place == nil
	o.mu.Unlock()
	if last {
		_ = f.file.Close()
	}
}

// forget is called when the file of a page is to be looked for again.
func (o *openFiles) forget(k Key) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.mu.known, k)
	if f := o.mu.byKey[k]; f != nil {
		o.drop(f)
	}
}

// close closes all files; those in use when they are given back.
func (o *openFiles) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.mu.known)
	for o.mu.order.Len() > 0 {
		o.drop(o.mu.order.Back().Value.(*openFile))
	}
}
