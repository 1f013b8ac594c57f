package store

import (
	"container/list"
	stderrors "errors"
	"hash/fnv"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

// dirState is the health of a directory.
type dirState uint8

const (
	dirOK     dirState = iota
	dirFull            // the disk is full though the quota is not: only room made by evicting is used
	dirFailed          // taken out; probed
)

// MemoryMedium is the medium type of directories in memory.
const MemoryMedium = "MEM"

// maxReadErrors in a row on one directory take it out.
const maxReadErrors = 3

// dir is one storage directory.
type dir struct {
	DirOptions
	tier   *tier
	folder string // data folder
	tmp    string
	sync   bool   // blocks written by clients are synced
	hash   uint64 // of Path

	// Guarded by Store.mu. used counts the bytes of blocks, reserved what
	// writers and fetches may still write: used+reserved ≤ limit(), except while
	// a lowered one is being enforced.
	used, reserved int64
	written        int64                    // of reserved, what is in files already
	leaving        int64                    // bytes of blocks on their way to other directories
	policy         evict.Policy[blockid.ID] // of the blocks that may be evicted
	unsaved        evict.Policy[blockid.ID] // of those that may be moved only
	wishes         list.List                // of wished, the oldest first
	evictable      int64                    // bytes of used that policy knows of and nobody has open
	state          dirState
	cause          error  // why it is not dirOK
	scanning       bool   // the index does not have all of its blocks
	device         uint64 // the file system of Path
	// beneath is the file system that would be seen at Path if the one there at
	// the start were not mounted; 0 for none.
	beneath    uint64
	fullAt     int64     // dirFull: what was used when the disk was full
	probeAt    time.Time // not before this is it probed
	probePause time.Duration
	room       int64 // what the disk had room for when it was last looked at

	lastUser   atomic.Int64 // like Store.lastUser, here
	readErrors atomic.Int32 // in a row
	aside      atomic.Int32 // damaged pages that were to be kept in quarantine
}

func newDir(t *tier, o DirOptions, opts *Options) (*dir, error) {
	eo := opts.Evict
	eo.Capacity = o.Quota
	p, err := evict.New[blockid.ID](eo)
	if err != nil {
		return nil, err
	}
	unsaved, err := evict.New[blockid.ID](evict.Options{Policy: "LRU"})
	if err != nil {
		return nil, err
	}
	d := &dir{DirOptions: o, tier: t, policy: p, unsaved: unsaved, sync: o.Medium != MemoryMedium, room: math.MaxInt64}
	h := fnv.New64a()
	_, _ = h.Write([]byte(o.Path))
	d.hash = h.Sum64()
	d.folder = filepath.Join(o.Path, opts.DataFolder)
	d.tmp = filepath.Join(d.folder, opts.TmpFolder)
	return d, nil
}

func (d *dir) blockPath(id blockid.ID) string { return filepath.Join(d.folder, blockFile(id)) }

func (d *dir) quarantine() string { return filepath.Join(d.folder, ".quarantine") }

// limit is what blocks and reservations may come to. Store.mu is held.
func (d *dir) limit() int64 {
	switch d.state {
	case dirFailed:
		return 0
	case dirFull:
		return min(d.fullAt, d.room, d.Quota)
	}
	return min(d.room, d.Quota)
}

// free is what may still be reserved. Store.mu is held.
func (d *dir) free() int64 { return d.limit() - d.used - d.reserved }

// spare is what may be reserved if everything is evicted that may be. Store.mu is
// held.
func (d *dir) spare() int64 { return d.free() + d.evictable }

// fault notes an I/O error of d. A disk that is full has no more room than it
// has used, until a probe succeeds; a failing one is taken out with all its blocks. What is the process's own
// trouble (too many open files), or a single file's, is not held against d.
func (s *Store) fault(d *dir, err error) {
	switch {
	case errors.Is(err, errors.NoSpace):
		s.noRoom(d, err)
	case isAny(err, diskErrors[:]) || errors.Is(err, errors.NotFound) && !s.folderExists(d):
		s.takeOut(d, err)
	}
}

// diskErrors are those of a disk or file system that cannot be used.
var diskErrors = [...]error{syscall.EIO, syscall.EROFS, syscall.ENODEV, syscall.ENXIO, syscall.ESTALE, syscall.EUCLEAN,
	syscall.EBADMSG, syscall.ENOTDIR, syscall.EACCES, syscall.EPERM, syscall.ENOTCONN}

func isAny(err error, list []error) bool {
	return slices.ContainsFunc(list, func(e error) bool { return stderrors.Is(err, e) })
}

func (s *Store) folderExists(d *dir) bool {
	for _, name := range [...]string{d.folder, d.tmp} {
		if _, err := s.fs.Stat(name); err != nil {
			return false
		}
	}
	return true
}

// working reports whether d is not taken out.
func (s *Store) working(d *dir) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return d.state != dirFailed
}

// readFault notes an error of reading a block file. A single bad sector costs
// its page only; errors in a row, or a missing folder, cost the directory.
func (s *Store) readFault(d *dir, err error) {
	if !isIOError(err) {
		s.fault(d, err)
		return
	}
	if d.readErrors.Add(1) >= maxReadErrors {
		s.takeOut(d, err)
	}
}

func isIOError(err error) bool { return stderrors.Is(err, syscall.EIO) }

// noRoom notes that the disk of d is full.
func (s *Store) noRoom(d *dir, cause error) {
	s.mu.Lock()
	was := d.state
	if was != dirFailed {
		d.state, d.cause, d.fullAt = dirFull, cause, d.used
	}
	s.mu.Unlock()
	if was == dirOK {
		s.log.Error("a storage directory is full below its quota; until there is room only what is evicted is replaced", "dir", d.Path, "error", cause)
	}
}

// takeOut ends the use of d, until a probe succeeds.
func (s *Store) takeOut(d *dir, cause error) {
	s.mu.Lock()
	if d.state == dirFailed {
		s.mu.Unlock()
		return
	}
	d.state, d.cause = dirFailed, cause
	lost := s.evacuateLocked(d)
	s.mu.Unlock()
	s.m.dirFailures.Inc()
	s.log.Error("a storage directory failed and was taken out; it is probed until it works again", "dir", d.Path, "blocks", lost, "error", cause)
}

// evacuateLocked takes all blocks of a failed directory out of the index. Their
// files stay: the scan after a successful probe finds them again.
func (s *Store) evacuateLocked(d *dir) int {
	n := 0
	for _, b := range s.mu.blocks {
		if b.dir == d {
			s.dropLocked(b)
			n++
		}
	}
	return n
}

// DirInfo describes a storage directory.
type DirInfo struct {
	Tier, Medium, Path string
	TierIndex          int
	Quota, Used        int64 // bytes; Used includes reservations
	Capacity           int64 // what the disk lets it have of Quota; 0 when lost
	Lost               bool  // failed and taken out
	Full               bool  // the disk is full though the quota is not
	Cause              string
}

// TierInfo describes a tier: the sum over the directories that work.
type TierInfo struct {
	Alias          string
	Capacity, Used int64
	Dirs           []DirInfo
}

// Tiers describes all tiers, the fastest first.
func (s *Store) Tiers() []TierInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := make([]TierInfo, len(s.tiers))
	for i, t := range s.tiers {
		ti := TierInfo{Alias: t.Alias}
		for _, d := range t.dirs {
			di := DirInfo{Tier: t.Alias, TierIndex: i, Medium: d.Medium, Path: d.Path, Quota: d.Quota, Capacity: d.limit(),
				Used: d.used + d.reserved, Lost: d.state == dirFailed, Full: d.state == dirFull}
			if d.cause != nil {
				di.Cause = d.cause.Error()
			}
			if !di.Lost {
				ti.Capacity += di.Capacity
				ti.Used += di.Used
			}
			ti.Dirs = append(ti.Dirs, di)
		}
		infos[i] = ti
	}
	return infos
}

// prepare makes the folders of d.
func (s *Store) prepare(d *dir) error {
	for _, name := range [...]string{d.folder, d.tmp, d.quarantine()} {
		if err := s.fs.MkdirAll(name, 0o755); err != nil {
			return err
		}
	}
	fi, err := s.fs.Stat(d.folder)
	if err == nil && !fi.IsDir() {
		err = &fs.PathError{Op: "mkdir", Path: d.folder, Err: syscall.ENOTDIR}
	}
	return err
}
