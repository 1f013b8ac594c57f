package store

import (
	"io"
	"os"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// CreateOptions say where a new block goes.
type CreateOptions struct {
	Place   Place
	Reserve int64 // bytes reserved at once; more is reserved as bytes arrive
	// Pin keeps the block from eviction until SetPinned has heard of its file.
	Pin bool
	// Fingerprint binds the block to the UFS object it was copied from; empty
	// for a block whose only copy this may be.
	Fingerprint string
	// InPlace makes the temporary file writable for local clients, which write it
	// themselves through Path.
	InPlace bool
}

const (
	reserveStep = 1 << 20
	writeUnit   = 256 << 10 // block files are written in at least this much: they are read faster then
	freshTime   = 10 * time.Minute
	maxPuts     = 4 // how often a piece is tried to be written, in other directories or after evicting
)

// Writer receives one block. Not safe for concurrent use. It ends with Commit
// or Abort.
type Writer struct {
	s        *Store
	id       blockid.ID
	opts     CreateOptions
	dir      *dir
	path     string
	file     File
	reserved int64
	pos      int64  // bytes received
	written  int64  // of them, in the file
	counted  int64  // of them, in dir.written
	buf      []byte // received, not yet in the file; less than writeUnit
	sums     []uint32
	span     uint32 // sum of the span begun
	err      error
	done     bool
}

// Create begins writing the block id. Exists when the store has it already.
func (s *Store) Create(id blockid.ID, opts CreateOptions) (*Writer, error) {
	if !id.Valid() {
		return nil, errors.Errorf(errors.Invalid, "%d is not a block id.", id)
	}
	s.touch(nil)
	if s.has(id) {
		return nil, exists(id)
	}
	opts.Reserve = max(opts.Reserve, 1) // so that a full directory is not chosen
	for range s.dirs {                  // one that turns out bad is not chosen again
		d, err := s.allocate(id, opts.Reserve, opts.Place)
		if err != nil {
			return nil, err
		}
		w := &Writer{s: s, id: id, opts: opts, dir: d, path: s.tmpName(d, id), reserved: opts.Reserve}
		if err = w.openFile(); err == nil {
			return w, nil
		}
		s.fault(d, err)
		w.discard()
		if s.usable(d) {
			return nil, errors.E("store.create", w.path, errors.Other, err)
		}
	}
	return nil, errors.Errorf(errors.NoSpace, "No storage directory of this worker can take block %d.", id)
}

func (w *Writer) openFile() (err error) {
	w.s.touch(w.dir)
	w.file, err = w.s.fs.OpenFile(w.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil && w.opts.InPlace {
		err = w.s.fs.Chmod(w.path, 0o666)
	}
	return err
}

// usable reports whether nothing is known against d.
func (s *Store) usable(d *dir) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return d.state == dirOK
}

func (s *Store) has(id blockid.ID) bool {
	s.find(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.mu.blocks[id]
	return ok
}

func exists(id blockid.ID) error {
	return errors.Errorf(errors.Exists, "Block %d is on this worker already.", id)
}

// Path is the temporary file, for a local client to write.
func (w *Writer) Path() string { return w.path }

// Len is the number of bytes received by Write.
func (w *Writer) Len() int64 { return w.pos }

// Reserve makes room for the block to grow to total bytes, in another directory if
// need be.
func (w *Writer) Reserve(total int64) error {
	if total <= w.reserved || w.reserveHere(total) {
		return nil
	}
	return w.relocate(total, noRoomIn(w.dir, total-w.reserved))
}

// reserveHere makes room for total bytes in the directory of the block.
func (w *Writer) reserveHere(total int64) bool {
	ok := w.s.reserve(w.dir, total-w.reserved) == nil
	if ok {
		w.reserved = total
	}
	return ok
}

// ReserveMore makes room for n bytes beyond what is reserved.
func (w *Writer) ReserveMore(n int64) error { return w.Reserve(w.reserved + n) }

// Write appends p. After a NoSpace error nothing of p was taken and the writer
// is still good for Abort, or for reading back what was written.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if need := w.pos + int64(len(p)); need > w.reserved && !w.reserveHere(max(need, w.reserved+reserveStep)) {
		if err := w.Reserve(need); err != nil {
			return 0, err
		}
	}
	w.s.touch(w.dir)
	w.sum(p)
	w.pos += int64(len(p))
	n := len(p)
	if len(w.buf) > 0 || len(p) < writeUnit {
		if w.buf == nil {
			w.buf = make([]byte, 0, writeUnit)
		}
		k := min(len(p), writeUnit-len(w.buf))
		w.buf, p = append(w.buf, p[:k]...), p[k:]
		if len(w.buf) < writeUnit {
			return n, nil
		}
		if err := w.drain(); err != nil {
			return 0, err
		}
	}
	if whole := len(p) - len(p)%writeUnit; whole > 0 || len(p) >= writeUnit {
		if err := w.put(p[:whole]); err != nil {
			return 0, err
		}
		p = p[whole:]
	}
	w.buf = append(w.buf, p...)
	return n, nil
}

// sum continues the checksums over p.
func (w *Writer) sum(p []byte) {
	at := int(w.pos % SpanSize)
	for len(p) > 0 {
		k := min(len(p), SpanSize-at)
		w.span = update(w.span, p[:k])
		if at += k; at == SpanSize {
			w.sums = append(w.sums, w.span)
			w.span, at = 0, 0
		}
		p = p[k:]
	}
}

// drain writes the buffer out.
func (w *Writer) drain() error {
	if len(w.buf) == 0 {
		return nil
	}
	err := w.put(w.buf)
	w.buf = w.buf[:0]
	return err
}

func (w *Writer) put(p []byte) error {
	var err error
	for range maxPuts {
		if _, err = w.file.WriteAt(p, w.written); err == nil {
			w.written += int64(len(p))
			w.count()
			return nil
		}
		w.s.fault(w.dir, err)
		evicted := errors.Is(err, errors.NoSpace) && w.s.reserve(w.dir, 0) == nil
		if !evicted && w.relocate(w.reserved, err) != nil {
			break
		}
	}
	w.err = errors.E("store.write", w.path, errors.Other, err)
	return w.err
}

// count has what is written so far counted in the directory.
func (w *Writer) count() {
	w.s.mu.Lock()
	w.dir.written += w.written - w.counted
	w.s.mu.Unlock()
	w.counted = w.written
}

// Flush hands everything received so far to the file system and gives up the
// buffer; a crash of the worker still discards it, as it is not committed.
func (w *Writer) Flush() error {
	if w.err != nil {
		return w.err
	}
	err := w.drain()
	w.buf = nil
	return err
}

// ReadBack reads what was written so far, for moving it elsewhere.
func (w *Writer) ReadBack(p []byte, off int64) (int, error) {
	if err := w.Flush(); err != nil {
		return 0, err
	}
	return w.file.ReadAt(p, off)
}

// Commit makes the block visible and describes it. On an error it is aborted;
// kind Exists when another writer was first.
func (w *Writer) Commit() (Info, error) {
	info, err := w.commit()
	if err != nil {
		w.Abort()
		return Info{}, err
	}
	return info, nil
}

func (w *Writer) commit() (Info, error) {
	if w.done {
		return Info{}, errors.Errorf(errors.FailedPrecondition, "The writer of block %d has ended.", w.id)
	}
	w.s.touch(w.dir)
	if err := w.Flush(); err != nil {
		return Info{}, err
	}
	m, err := w.finish()
	if err != nil {
		return Info{}, err
	}
	s := w.s
	if err := s.claim(w.id); err != nil {
		return Info{}, err
	}
	b := newBlock(m, w.dir)
	if err := w.publish(m, b.finalPath()); err != nil {
		s.release(w.id)
		s.fault(w.dir, err)
		return Info{}, errors.E("store.commit", b.finalPath(), errors.Other, err)
	}
	w.done = true
	s.mu.Lock()
	defer s.mu.Unlock()
	s.releaseLocked(w.id)
	w.dir.reserved -= w.reserved
	w.dir.written -= w.counted
	if w.dir.state == dirFailed {
		return Info{}, errors.E("store.commit", b.finalPath(), errors.Unavailable, w.dir.cause)
	}
	w.dir.used += b.bytes
	if w.opts.Pin {
		s.mu.fresh[w.id] = time.Now().Add(freshTime)
	}
	s.indexLocked(b)
	info := s.infoLocked(b)
	s.opts.Observer.BlockAdded(info)
	s.m.cached.Inc()
	return info, nil
}

// finish completes the sums: of what was written, or of what a local client put
// into the file, for which space is made sure of.
func (w *Writer) finish() (*meta, error) {
	if w.opts.InPlace {
		if err := w.sumFile(); err != nil {
			return nil, err
		}
		if err := w.s.fs.Chmod(w.path, 0o644); err != nil {
			return nil, errors.E("store.commit", w.path, errors.Other, err)
		}
	}
	if w.pos%SpanSize != 0 {
		w.sums = append(w.sums, w.span)
	}
	m := newMeta(w.id, w.pos, w.s.opts.PageSize, w.opts.Fingerprint)
	m.present.setAll(m.pages())
	m.sums = w.sums
	return &m, nil
}

func (w *Writer) sumFile() error {
	fi, err := w.file.Stat()
	if err != nil {
		return errors.E("store.commit", w.path, errors.Other, err)
	}
	if err := w.Reserve(fi.Size()); err != nil {
		return err
	}
	buf := w.s.page()
	defer w.s.putPage(buf)
	w.pos, w.sums, w.span = 0, nil, 0
	for w.pos < fi.Size() {
		n, err := w.file.ReadAt((*buf)[:min(int64(len(*buf)), fi.Size()-w.pos)], w.pos)
		if n == 0 && err != nil && err != io.EOF {
			return errors.E("store.commit", w.path, errors.Other, err)
		}
		if n == 0 {
			return errors.Errorf(errors.Aborted, "The file of block %d shrank while it was committed.", w.id)
		}
		w.sum((*buf)[:n])
		w.pos += int64(n)
	}
	return nil
}

// publish puts sidecar and block file in place.
func (w *Writer) publish(m *meta, final string) error {
	sync := w.dir.sync && w.opts.Fingerprint == ""
	if sync {
		if err := w.file.Sync(); err != nil {
			return err
		}
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	w.file = nil
	if err := w.s.putSidecar(w.dir, m, sync); err != nil {
		return err
	}
	err := w.s.fs.Rename(w.path, final)
	if err == nil && sync {
		err = syncDir(w.s.fs, w.dir.folder)
	}
	if err != nil {
		_ = w.s.fs.Remove(final)
		_ = w.s.fs.Remove(final + metaSuffix)
	}
	return err
}

// Abort discards the block. After Commit or a second time it does nothing.
func (w *Writer) Abort() {
	if w.done {
		return
	}
	w.done = true
	w.discard()
	w.s.m.cancelled.Inc()
}

func (w *Writer) discard() {
	w.s.mu.Lock()
	w.dir.written -= w.counted
	w.s.mu.Unlock()
	w.counted = 0
	if w.file != nil {
		_ = w.file.Close()
		w.file = nil
	}
	if err := w.s.fs.Remove(w.path); err != nil && !errors.Is(err, errors.NotFound) {
		w.s.log.Warn("a temporary block file could not be deleted", "path", w.path, "error", err)
	}
	w.s.unreserve(w.dir, w.reserved)
	w.reserved = 0
}

// claim takes the right to put the files of block id in place, after those of a
// removed one are gone. The claim ends with releaseLocked.
func (s *Store) claim(id blockid.ID) error {
	for {
		s.mu.Lock()
		if _, there := s.mu.blocks[id]; there {
			s.mu.Unlock()
			return exists(id)
		}
		other, claimed := s.mu.claims[id]
		if !claimed {
			s.claimLocked(id)
			s.mu.Unlock()
			return nil
		}
		s.mu.Unlock()
		<-other
	}
}

func (s *Store) claimLocked(id blockid.ID) {
	s.mu.claims[id] = make(chan struct{})
	if s.mu.seen != nil {
		s.mu.seen[id] = struct{}{}
	}
}

// releaseLocked ends the claim on id.
func (s *Store) releaseLocked(id blockid.ID) {
	if ch, ok := s.mu.claims[id]; ok {
		close(ch)
		delete(s.mu.claims, id)
	}
}

func (s *Store) release(id blockid.ID) {
	s.mu.Lock()
	s.releaseLocked(id)
	s.mu.Unlock()
}

// page lends a buffer of the store's page size.
func (s *Store) page() *[]byte { return s.pages.Get().(*[]byte) }

// pageOf lends a buffer for a page of b, which may be older than the store's
// page size.
func (s *Store) pageOf(b *block) *[]byte {
	if b.pageSize <= s.opts.PageSize {
		return s.page()
	}
	big := make([]byte, b.pageSize)
	return &big
}

func (s *Store) putPage(b *[]byte) {
	if len(*b) == s.opts.PageSize {
		s.pages.Put(b)
	}
}
