package journal

import (
	"encoding/binary"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/alluxio-go/alluxio/internal/errors"
)

var (
	logBucket  = []byte("log")
	voteBucket = []byte("vote")
	voteKey    = []byte("state")
)

// Bounds of one transaction and of one read-ahead.
const (
	deleteBatch    = 4096
	readAheadCount = 512
	readAheadBytes = 1 << 20
	writeRetry     = 500 * time.Millisecond
)

// logStore is raft's LogStore and StableStore over one bbolt file.
//
// A full disk is reported to raft as an error of kind NoSpace: a leader steps
// down. A failure that says that the store itself cannot be trusted any
// more (damage, a failed fsync) goes to fail, and the goroutine of raft that
// met it ends: raft would panic over the error or go on without the entry.
type logStore struct {
	path    string
	db      *bolt.DB
	logger  *slog.Logger
	metrics *metrics
	closing chan struct{} // closed before the journal ends
	fail    func(error)   // stops the journal
	running atomic.Bool   // raft's goroutines run: they may be ended

	mu struct {
		sync.Mutex
		first, last uint64 // 0, 0: empty
		ahead       []raft.Log
		vote        vote
		writeErr    error
	}
}

var boltOptions = bolt.Options{
	Timeout:         time.Second,
	NoFreelistSync:  true,
	FreelistType:    bolt.FreelistMapType,
	InitialMmapSize: 1 << 30,
	PageSize:        pageSize,
	NoStatistics:    true,
}

// createLog makes a complete empty log file at path.
func createLog(path string) error {
	o := boltOptions
	db, err := bolt.Open(path, 0o600, &o)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		if _, err := tx.CreateBucket(logBucket); err != nil {
			return err
		}
		b, err := tx.CreateBucket(voteBucket)
		if err != nil {
			return err
		}
		return b.Put(voteKey, (&vote{}).encode())
	})
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	return err
}

// openLog opens a log that verifyLog has found whole.
func openLog(path string, found logSummary, logger *slog.Logger, m *metrics) (*logStore, error) {
	s := &logStore{path: path, logger: logger, metrics: m, closing: make(chan struct{}), fail: func(error) {}}
	s.mu.first, s.mu.last, s.mu.vote = found.first, found.last, found.vote
	o := boltOptions
	err := s.guard(func() (err error) {
		s.db, err = bolt.Open(path, 0o600, &o)
		return err
	})
	if err != nil {
		return nil, errors.E("opening the journal's log", path, errors.Other, err)
	}
	return s, nil
}

// guard turns bbolt's panics, and faults in its mapping, into errors.
func (s *logStore) guard(f func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			err = corrupt("the log's pages are damaged: %v", r)
		}
	}()
	return f()
}

// giveUp ends the journal: the store cannot be trusted any more.
func (s *logStore) giveUp(err error) error {
	err = errors.E("journal log", s.path, errors.Other, err)
	s.fail(err)
	if s.running.Load() {
		runtime.Goexit()
	}
	return err
}

func (s *logStore) close() error { return s.db.Close() }

// FirstIndex returns the first index, 0 for an empty log.
func (s *logStore) FirstIndex() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.first, nil
}

// LastIndex returns the last index, 0 for an empty log.
func (s *logStore) LastIndex() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.last, nil
}

// IsMonotonic tells raft that the log must not have gaps.
func (s *logStore) IsMonotonic() bool { return true }

// GetLog reads the entry at index. raft.ErrLogNotFound beyond the ends.
// Readers go forward, so the entries that follow are read along.
func (s *logStore) GetLog(index uint64, l *raft.Log) error {
	s.mu.Lock()
	if index < s.mu.first || index > s.mu.last || index == 0 {
		s.mu.Unlock()
		return raft.ErrLogNotFound
	}
	if n := len(s.mu.ahead); n > 0 && s.mu.ahead[0].Index <= index && index <= s.mu.ahead[n-1].Index {
		*l = s.mu.ahead[index-s.mu.ahead[0].Index]
		s.mu.Unlock()
		return nil
	}
	ahead, err := s.readAhead(index, s.mu.last)
	if err == nil {
		s.mu.ahead = ahead
		*l = ahead[0]
	}
	s.mu.Unlock()
	if err != nil {
		return s.giveUp(err)
	}
	return nil
}

// readAhead reads some entries from index on, at least one, none beyond last.
func (s *logStore) readAhead(index, last uint64) (logs []raft.Log, err error) {
	err = s.guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			size := 0
			c := tx.Bucket(logBucket).Cursor()
			for k, v := c.Seek(key(index)); index <= last; k, v = c.Next() {
				if len(k) != keyBytes || binary.BigEndian.Uint64(k) != index {
					return corrupt("entry %d is missing", index)
				}
				if size += len(v); len(logs) > 0 && (size > readAheadBytes || len(logs) == readAheadCount) {
					return nil
				}
				var l raft.Log
				if err := decodeEntry(index, append([]byte(nil), v...), &l); err != nil {
					return err
				}
				logs = append(logs, l)
				index++
			}
			return nil
		})
	})
	return logs, err
}

// StoreLog stores one entry.
func (s *logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs appends entries durably, all or none. Entries at or after the
// first of them that a failed write may have left behind are replaced.
func (s *logStore) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	start := time.Now()
	first, last := s.bounds()
	err := s.update(func(tx *bolt.Tx) error { return appendLogs(tx, logs, first, last) })
	s.metrics.flushed(time.Since(start), len(logs), err)
	if err != nil {
		return s.writeFailed(err, logs[0].Index)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first == 0 || logs[0].Index <= first {
		s.mu.first = logs[0].Index
	}
	if logs[0].Index <= last {
		s.mu.ahead = nil
	}
	s.mu.last = logs[len(logs)-1].Index
	s.mu.writeErr = nil
	return nil
}

func (s *logStore) bounds() (first, last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.first, s.mu.last
}

// update runs a guarded read-write transaction.
func (s *logStore) update(fn func(tx *bolt.Tx) error) error {
	return s.guard(func() error { return s.db.Update(fn) })
}

func appendLogs(tx *bolt.Tx, logs []*raft.Log, first, last uint64) error {
	b := tx.Bucket(logBucket)
	b.FillPercent = 1
	from := logs[0].Index
	if last != 0 && from > last+1 {
		return errors.Errorf(errors.Internal, "entry %d cannot follow entry %d", from, last)
	}
	for i := max(from, first); last != 0 && i <= last; i++ {
		if err := b.Delete(key(i)); err != nil {
			return err
		}
	}
	size := 0
	for i, l := range logs {
		if l.Index != from+uint64(i) || len(l.Extensions) > 0 {
			return errors.Errorf(errors.Internal, "entry %d in the place of %d, with %d bytes of extensions", l.Index, from+uint64(i), len(l.Extensions))
		}
		size += keyBytes + entryHeader + len(l.Data)
	}
	arena := make([]byte, size) // bbolt keeps the slices until the commit
	for _, l := range logs {
		k, v := arena[:keyBytes:keyBytes], arena[keyBytes:keyBytes+entryHeader+len(l.Data)]
		arena = arena[keyBytes+len(v):]
		putKey(k, l.Index)
		putEntry(v, l)
		if err := b.Put(k, v); err != nil {
			return err
		}
	}
	return b.SetSequence(logs[len(logs)-1].Index)
}

// writeFailed judges a failed append that began with entry from. A full disk
// that provably left nothing behind is passed on; all else ends the journal.
func (s *logStore) writeFailed(err error, from uint64) error {
	s.mu.Lock()
	s.mu.writeErr, s.mu.ahead = err, nil
	s.mu.Unlock()
	if errors.Is(err, errors.NoSpace) {
		var sequence uint64
		verr := s.guard(func() error {
			return s.db.View(func(tx *bolt.Tx) error { sequence = tx.Bucket(logBucket).Sequence(); return nil })
		})
		if verr == nil && sequence < from {
			return errors.E("writing the journal", s.path, errors.NoSpace, err)
		}
	}
	return s.giveUp(err)
}

// DeleteRange removes entries from one end of the log: in slices from the
// front, so that appends get in between; at once from the back, so that no
// crash leaves a gap.
func (s *logStore) DeleteRange(from, to uint64) error {
	first, last := s.bounds()
	if first == 0 || from > last || to < first {
		return nil
	}
	from, to = max(from, first), min(to, last)
	if from > first && to < last {
		return errors.Errorf(errors.Internal, "entries %d to %d are not at an end of the log (%d to %d)", from, to, first, last)
	}
	if from > first || to == last {
		return s.deleteBack(from, to)
	}
	for ; from <= to; from += deleteBatch {
		if err := s.deleteFront(from, min(to, from+deleteBatch-1)); err != nil {
			return err
		}
	}
	return nil
}

func (s *logStore) deleteFront(from, to uint64) error {
	err := s.update(func(tx *bolt.Tx) error { return deleteKeys(tx, from, to) })
	if err != nil {
		return s.deleteFailed(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.first, s.mu.ahead = to+1, nil
	return nil
}

func (s *logStore) deleteBack(from, to uint64) error {
	first, _ := s.bounds()
	left := from - 1
	if from == first {
		first, left = 0, 0
	}
	err := s.update(func(tx *bolt.Tx) error {
		if err := deleteKeys(tx, from, to); err != nil {
			return err
		}
		return tx.Bucket(logBucket).SetSequence(left)
	})
	if err != nil {
		return s.deleteFailed(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.first, s.mu.last, s.mu.ahead = first, left, nil
	return nil
}

func deleteKeys(tx *bolt.Tx, from, to uint64) error {
	b := tx.Bucket(logBucket)
	for i := from; i <= to; i++ {
		if err := b.Delete(key(i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *logStore) deleteFailed(err error) error {
	if errors.Is(err, errors.NoSpace) {
		return errors.E("truncating the journal", s.path, errors.NoSpace, err)
	}
	return s.giveUp(err)
}

// bootstrap writes the first membership, the beginning of every log.
func (s *logStore) bootstrap(members raft.Configuration) error {
	first := &raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(members), AppendedAt: time.Now()}
	s.mu.Lock()
	v := s.mu.vote
	s.mu.Unlock()
	v.term = max(v.term, 1)
	err := s.update(func(tx *bolt.Tx) error {
		if err := tx.Bucket(voteBucket).Put(voteKey, v.encode()); err != nil {
			return err
		}
		return appendLogs(tx, []*raft.Log{first}, 0, 0)
	})
	if err != nil {
		return errors.E("writing the journal", s.path, errors.Other, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.first, s.mu.last, s.mu.vote = 1, 1, v
	return nil
}

// writeError is the last failure to append, nil when a later append succeeded.
func (s *logStore) writeError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.writeErr
}

// dropMapped gives back the memory through which bbolt's mapping has read the
// log; the pages stay in the page cache. Worth it after a replay and after many
// writes.
func (s *logStore) dropMapped() {
	err := s.guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error { // keeps the mapping where it is
			return dropPages(s.db.Info().Data, uintptr(tx.Size()))
		})
	})
	if err != nil {
		s.logger.Debug("cannot give back the log's mapping", "error", err)
	}
}

func dropPages(addr, size uintptr) error {
	if _, _, errno := unix.Syscall(unix.SYS_MADVISE, addr, size, unix.MADV_DONTNEED); errno != 0 {
		return errno
	}
	return nil
}
