package store

import (
	"container/list"
	"context"
	stderrors "errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// block is one block in the index.
type block struct {
	id       blockid.ID
	length   int64
	pageSize int

	// io serialises opening and closing file, replacing the sidecar, moving and
	// deleting the files.
	io   sync.Mutex
	file File       // guarded by io; stable while refs > 0
	turn sync.Mutex // of those who write pages

	// Changed with io and Store.mu held, read with either, or with refs > 0.
	dir     *dir
	tmpPath string // where a block is that was never flushed

	// Guarded by Store.mu.
	bytes       int64 // accounted in dir.used
	handles     int   // open for readers
	refs        int   // handles, fetches and flushes
	whole       bool
	confirmed   bool // fingerprint != ""
	fingerprint string
	tracked     bool  // in dir.policy
	evictable   int64 // what dir.evictable has of it
	gone        bool  // not in the index any more
	restored    bool  // from disk, and not vouched for
	moving      bool
	used        bool          // by a reader since it was last idle
	filling     bool          // and not idle since it was begun
	wanted      bool          // asked for by Handle.Wish, and not idle since
	wish        *list.Element // of dir.wishes; nil unless it is kept for readers to come
	hot         *list.Element // of its tier's; nil unless it may be moved up
	heat        float64       // see warmLocked
	damaged     bool          // it could not be copied
	misplaced   bool          // dir has no room for the rest of it, another directory has

	turnTaken bool // guarded by turns.mu: somebody writes into file

	unread atomic.Int32 // pages in mu.unread

	mu struct {
		sync.Mutex
		present bitmap
		sums    []uint32
		calls   map[int]*call // pages being fetched, or in memory until they are written
		writing int           // of calls, pages that are being written
		settled chan struct{} // closed when writing becomes 0; nil when nobody waits
		unread  bitmap        // fetched pages that no reader got yet; see Handle.Missed
		dirty   bool          // the sidecar is behind
		failed  bool          // a page could not be written straight to the file
		bad     bitmap        // damaged pages that cannot be fetched again
		// what the file looked like when all of it was last verified
		verified Stamp
		// fetches of this block live until its last reader has gone
		ctx    context.Context
		cancel context.CancelFunc
		// where the last reader stopped, and how far ahead it was reading
		lastEnd, lastWindow int64
	}
}

// newBlock makes a block of a sidecar. Its dir and accounting are the caller's.
func newBlock(m *meta, d *dir) *block {
	b := &block{id: m.id, length: m.length, pageSize: m.pageSize, dir: d, bytes: m.bytes(),
		whole: m.whole(), fingerprint: m.fingerprint, confirmed: m.fingerprint != "", heat: math.Inf(-1)}
	b.mu.present, b.mu.sums = m.present, m.sums
	return b
}

func (b *block) finalPath() string { return b.dir.blockPath(b.id) }

// path is where the block file is now.
func (b *block) path() string {
	if b.tmpPath != "" {
		return b.tmpPath
	}
	return b.finalPath()
}

func (b *block) pages() int           { return ceilDiv(b.length, int64(b.pageSize)) }
func (b *block) pageOf(off int64) int { return int(off / int64(b.pageSize)) }
func (b *block) pageOff(p int) int64  { return int64(p) * int64(b.pageSize) }
func (b *block) pageLen(p int) int64  { return min(int64(b.pageSize), b.length-b.pageOff(p)) }
func (b *block) spansPerPage() int    { return b.pageSize / SpanSize }

// markBad notes that page p is damaged for good, and reports whether that is news.
func (b *block) markBad(p int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.bad == nil {
		b.mu.bad = newBitmap(b.pages())
	}
	news := !b.mu.bad.has(p)
	b.mu.bad.set(p)
	return news
}

// resized tells the policy of the directory that b has another number of bytes, if
// it may be evicted. Store.mu is held.
func (b *block) resized() {
	if b.tracked {
		b.dir.policy.Add(b.id, b.bytes)
		b.countEvictable()
	}
}

// use counts a use of b where it is. Store.mu is held.
func (b *block) use() {
	b.dir.policy.Use(b.id)
	b.dir.unsaved.Use(b.id)
}

// countEvictable counts the bytes of b in its directory if b could be evicted now:
// not while it is open. Store.mu is held.
func (b *block) countEvictable() {
	n := b.bytes
	if !b.tracked || b.handles > 0 {
		n = 0
	}
	b.dir.evictable += n - b.evictable
	b.evictable = n
}

// busy reports whether b cannot be evicted now. Store.mu is held.
func (b *block) busy() bool { return b.refs > 0 || b.moving }

// untrack says that b cannot be evicted. Store.mu is held.
func (b *block) untrack() {
	b.dropWish()
	b.dir.policy.Remove(b.id)
	b.dir.unsaved.Remove(b.id)
	b.tracked = false
	b.countEvictable()
}

// ensureOpen opens the file of b. The caller has counted itself in b.refs, so
// that it stays open.
func (s *Store) ensureOpen(b *block) error {
	b.io.Lock()
	defer b.io.Unlock()
	if b.file != nil {
		return nil
	}
	f, err := s.fs.OpenFile(b.path(), os.O_RDWR, 0)
	if errors.Is(err, errors.Permission) || stderrors.Is(err, syscall.EROFS) {
		f, err = s.fs.OpenFile(b.path(), os.O_RDONLY, 0)
	}
	if err != nil {
		return err
	}
	b.file = f
	return nil
}

// unref gives up one reference. The last closes the file, and removes a block
// to be filled of which nothing came, or that should rather be begun elsewhere.
func (s *Store) unref(b *block) {
	s.mu.Lock()
	last := b.refs == 1
	if !last {
		b.refs--
	}
	s.mu.Unlock()
	if !last {
		return
	}
	s.flush(b) // keeps the reference: the block stays open meanwhile
	b.io.Lock()
	s.mu.Lock()
	b.refs--
	last = b.refs == 0
	if last {
		delete(s.mu.open, b)
	}
	drop := last && !b.gone && !b.whole && (b.bytes == 0 || b.misplaced && b.confirmed)
	switch {
	case last && b.gone:
		b.dir.used -= b.bytes
		b.bytes = 0
	case drop:
		s.removeLocked(b)
	case last && b.used:
		s.noteUseLocked(b)
	}
	s.mu.Unlock()
	if last && b.file != nil {
		if err := b.file.Close(); err != nil {
			s.fault(b.dir, err)
		}
		b.file = nil
	}
	b.io.Unlock()
	if drop {
		s.unlink(b)
	}
}

// flush replaces the sidecar if it is behind, and puts a block that was only a
// temporary file so far into place.
func (s *Store) flush(b *block) {
	b.io.Lock()
	defer b.io.Unlock()
	s.mu.Lock()
	gone, m := b.gone, meta{id: b.id, length: b.length, pageSize: b.pageSize, fingerprint: b.fingerprint}
	s.mu.Unlock()
	b.mu.Lock()
	dirty := b.mu.dirty && !gone
	if dirty {
		m.present = append(bitmap(nil), b.mu.present...)
		m.sums = append([]uint32(nil), b.mu.sums...)
		b.mu.dirty = false
	}
	b.mu.Unlock()
	if !dirty {
		return
	}
	var err error
	if b.tmpPath == "" {
		err = s.putSidecar(b.dir, &m, false)
	} else if err = s.firstSidecar(b, &m); err == nil {
		s.mu.Lock()
		b.tmpPath = ""
		s.mu.Unlock()
	}
	if err != nil {
		s.log.Warn("the sidecar of a block could not be written; its new pages will be forgotten at restart", "block", b.id, "dir", b.dir.Path, "error", err)
		s.fault(b.dir, err)
	}
}

// firstSidecar puts a block that was a temporary file into place. As long as it is one,
// its sidecar means nothing, whole or not, so that it is written where it stays: with many
// small files a rename counts.
func (s *Store) firstSidecar(b *block, m *meta) error {
	path := b.finalPath()
	err := writeFile(s.fs, path+metaSuffix, m.encode(), false)
	if err == nil {
		err = s.fs.Rename(b.tmpPath, path)
	}
	if err != nil {
		_ = s.fs.Remove(path + metaSuffix)
	}
	return err
}

// putSidecar writes and renames the sidecar of a block in d.
func (s *Store) putSidecar(d *dir, m *meta, sync bool) error {
	tmp := s.tmpName(d, m.id) + metaSuffix
	err := writeFile(s.fs, tmp, m.encode(), sync)
	if err == nil {
		err = s.fs.Rename(tmp, d.blockPath(m.id)+metaSuffix)
	}
	if err != nil {
		_ = s.fs.Remove(tmp)
	}
	return err
}

// tmpName is a fresh name in d's folder of temporary files.
func (s *Store) tmpName(d *dir, id blockid.ID) string {
	return filepath.Join(d.tmp, blockFile(id)+"-"+strconv.FormatUint(s.tmpSeq.Add(1), 10))
}
