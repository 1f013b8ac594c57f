package store

import (
	"cmp"
	"context"
	stderrors "errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// found is a block that a scan believes in.
type found struct {
	b    *block
	used time.Time // when its file was last written
}

// A folder whose own size is below inlineFolder (bytes: some ten thousand blocks)
// is scanned before the store is opened. A larger one is scanned while the store
// serves: until that has ended, each block that is asked for is looked up by
// itself (find), and those ids are left alone by the scan (mu.seen).
const inlineFolder = 512 << 10

// openAll prepares all directories and rebuilds the index of those that are
// small. The others are left to scanLoop.
func (s *Store) openAll() error {
	start := time.Now()
	var g errgroup.Group
	for _, d := range s.dirs {
		g.Go(func() error {
			if err := s.openDir(d); err != nil {
				s.takeOut(d, err)
			}
			return nil
		})
	}
	_ = g.Wait()
	s.measureAll()
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, d := range s.dirs {
		if d.state != dirFailed {
			s.log.Info("block store opened", "blocks", len(s.mu.blocks), "took", time.Since(start))
			return nil
		}
		err = d.cause
	}
	return errors.E("store.open", s.dirs[0].Path, errors.Unavailable, err)
}

// openDir prepares d at the start of the store.
func (s *Store) openDir(d *dir) error {
	if device, beneath, err := s.mountOf(d.Path); err == nil {
		s.mu.Lock()
		d.device, d.beneath = device, beneath
		s.mu.Unlock()
	}
	if err := s.prepare(d); err != nil {
		return err
	}
	for _, folder := range [...]string{d.tmp, d.quarantine()} { // what the last process left
		if err := s.empty(folder); err != nil {
			return err
		}
	}
	s.measure(d)
	fi, err := s.fs.Stat(d.folder)
	if err != nil {
		return err
	}
	s.beginScan(d)
	if fi.Size() < s.opts.inlineFolder {
		return s.scan(context.Background(), d)
	}
	s.log.Info("a storage directory holds many blocks; it is scanned while the worker serves", "dir", d.Path)
	s.mu.Lock()
	s.mu.unscanned = append(s.mu.unscanned, d)
	s.mu.Unlock()
	return nil
}

// scanLoop scans what openAll left.
func (s *Store) scanLoop(ctx context.Context) {
	s.mu.Lock()
	dirs := s.mu.unscanned
	s.mu.unscanned = nil
	s.mu.Unlock()
	var g errgroup.Group
	for _, d := range dirs {
		g.Go(func() error {
			start := time.Now()
			err := s.scan(ctx, d)
			switch {
			case ctx.Err() != nil:
			case err != nil:
				s.takeOut(d, err)
			default:
				s.log.Info("a storage directory was scanned", "dir", d.Path, "took", time.Since(start))
			}
			return nil
		})
	}
	_ = g.Wait()
}

// beginScan says that the index does not have all blocks of d.
func (s *Store) beginScan(d *dir) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.scanning = true
	s.scanning.Add(1)
	if s.mu.seen == nil {
		s.mu.seen = map[blockid.ID]struct{}{}
	}
}

func (s *Store) endScan(d *dir) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.scanning = false
	if s.scanning.Add(-1) == 0 {
		s.mu.seen = nil
	}
}

// find makes sure that the block id is in the index if there are files of it,
// although its directory may not have been scanned yet.
func (s *Store) find(id blockid.ID) {
	if s.scanning.Load() == 0 || !id.Valid() {
		return
	}
	s.mu.Lock()
	_, claimed := s.mu.claims[id] // somebody is about to know
	_, seen := s.mu.seen[id]
	_, here := s.mu.blocks[id]
	dirs := slices.DeleteFunc(slices.Clone(s.dirs), func(d *dir) bool { return !d.scanning || d.state == dirFailed })
	s.mu.Unlock()
	if !here && (claimed || !seen) {
		s.settle(id, dirs)
	}
}

// settle indexes the block id if one of dirs has it whole or in part, and sets
// right what is wrong with its files.
func (s *Store) settle(id blockid.ID, dirs []*dir) {
	if s.claim(id) != nil {
		return // it is in the index
	}
	defer s.release(id)
	for _, d := range dirs {
		f, err := s.load(d, id)
		var bad *unfit
		if stderrors.As(err, &bad) {
			s.setRight(d, id, bad)
			continue
		}
		if err != nil {
			s.readFault(d, err)
			continue
		}
		s.mu.Lock()
		if d.state != dirFailed {
			s.admitLocked(f.b)
		}
		s.mu.Unlock()
		return // the scan deletes copies in lower tiers
	}
}

// scan reads the data folder of d and puts its blocks into the index, the longest
// unused first. beginScan was called.
func (s *Store) scan(ctx context.Context, d *dir) error {
	defer s.endScan(d)
	l, err := s.list(ctx, d)
	if err != nil {
		return err
	}
	list, odd, err := s.loadAll(ctx, d, l.metas)
	if err != nil {
		return err
	}
	s.admit(ctx, d, list)
	for _, id := range append(odd, l.orphans()...) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !s.isSeen(id) {
			s.settle(id, []*dir{d})
		}
	}
	return nil
}

func (s *Store) isSeen(id blockid.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, seen := s.mu.seen[id]
	return seen
}

// listing is what a data folder holds.
type listing struct{ metas, blocks []blockid.ID }

// orphans are block files without a sidecar.
func (l *listing) orphans() []blockid.ID {
	slices.Sort(l.metas)
	slices.Sort(l.blocks)
	var list []blockid.ID
	metas := l.metas
	for _, id := range l.blocks {
		for len(metas) > 0 && metas[0] < id {
			metas = metas[1:]
		}
		if len(metas) == 0 || metas[0] != id {
			list = append(list, id)
		}
	}
	return list
}

// list reads the folder of d and sets aside what does not belong there.
func (s *Store) list(ctx context.Context, d *dir) (l listing, err error) {
	var foreign []string
	err = s.fs.List(d.folder, func(e fs.DirEntry) error {
		name := e.Name()
		base, isMeta := strings.CutSuffix(name, metaSuffix)
		id, isBlock := blockName(base)
		switch {
		case strings.HasPrefix(name, "."):
		case !isBlock || !e.Type().IsRegular():
			foreign = append(foreign, name)
		case isMeta:
			l.metas = append(l.metas, id)
		default:
			l.blocks = append(l.blocks, id)
		}
		return ctx.Err()
	})
	for _, name := range foreign {
		s.setAside(d, name, errors.Errorf(errors.Corrupt, "not a block file"))
	}
	return l, err
}

func blockFile(id blockid.ID) string { return strconv.FormatInt(int64(id), 10) }

// blockName parses the name of a block file.
func blockName(name string) (blockid.ID, bool) {
	n, err := strconv.ParseInt(name, 10, 64)
	id := blockid.ID(n)
	return id, err == nil && id.Valid() && blockFile(id) == name
}

// empty deletes the files in folder.
func (s *Store) empty(folder string) error {
	var entries []fs.DirEntry
	err := s.fs.List(folder, func(e fs.DirEntry) error { entries = append(entries, e); return nil })
	for _, e := range entries {
		if err == nil {
			err = s.removeTree(filepath.Join(folder, e.Name()), e.IsDir())
		}
	}
	return err
}

func (s *Store) removeTree(name string, isDir bool) error {
	if isDir {
		if err := s.empty(name); err != nil {
			return err
		}
	}
	return s.fs.Remove(name)
}

// scanners is how many sidecars of a directory are read at one time.
const scanners = 4

// loadAll reads the sidecars. The ids that something is odd about come apart.
func (s *Store) loadAll(ctx context.Context, d *dir, metas []blockid.ID) (list []found, odd []blockid.ID, err error) {
	results := make([]found, len(metas))
	g, ctx := errgroup.WithContext(ctx)
	per := (len(metas) + scanners - 1) / scanners
	for from := 0; from < len(metas); from += per {
		to := min(from+per, len(metas))
		g.Go(func() error {
			for i := from; i < to; i++ {
				f, err := s.load(d, metas[i])
				if bad := (*unfit)(nil); err != nil && !stderrors.As(err, &bad) {
					return err
				}
				results[i] = f
				if i%256 == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	list = results[:0]
	for i, f := range results {
		if f.b == nil {
			odd = append(odd, metas[i])
		} else {
			list = append(list, f)
		}
	}
	return list, odd, nil
}

// unfit says why the files of a block cannot be used.
type unfit struct {
	why     error
	noBlock bool // there is a sidecar only, or nothing
}

func (u *unfit) Error() string { return u.why.Error() }
func (u *unfit) Unwrap() error { return u.why }

// load reads the sidecar of the block id in d and looks at its file. The error is an
// *unfit when they do not make a block; others are the directory's.
func (s *Store) load(d *dir, id blockid.ID) (found, error) {
	path := d.blockPath(id)
	fi, err := s.fs.Stat(path)
	if errors.Is(err, errors.NotFound) {
		return found{}, &unfit{err, true}
	}
	if err != nil {
		return found{}, err
	}
	raw, err := s.fs.ReadFile(path+metaSuffix, metaLimit)
	switch {
	case err == nil && d.readErrors.Load() != 0:
		d.readErrors.Store(0)
	case isIOError(err) && d.readErrors.Add(1) >= maxReadErrors, err != nil && !isBadFile(err):
		return found{}, err
	}
	var m meta
	if err == nil {
		m, err = decodeMeta(raw, id)
	}
	if err == nil && fi.Size() != m.length && m.fingerprint != "" {
		err = errors.Errorf(errors.Corrupt, "the file has %d bytes, the block %d", fi.Size(), m.length)
	}
	if err != nil {
		return found{}, &unfit{err, false}
	}
	if fi.Size() != m.length {
		s.log.Error("the file of a block that may be the only copy has a wrong length; what is left of it is served", "block", id, "dir", d.Path, "bytes", fi.Size(), "want", m.length)
	}
	b := newBlock(&m, d)
	b.restored = true
	return found{b: b, used: fi.ModTime()}, nil
}

// setRight sets files aside that are no block. The id is claimed.
func (s *Store) setRight(d *dir, id blockid.ID, bad *unfit) {
	name := blockFile(id)
	if bad.noBlock { // an interrupted commit or removal
		if err := s.fs.Remove(d.blockPath(id) + metaSuffix); err != nil && !errors.Is(err, errors.NotFound) {
			s.fault(d, err)
		}
		return
	}
	s.setAside(d, name, bad.why)
	s.setAside(d, name+metaSuffix, nil)
}

// isBadFile tells a file that cannot be read from a directory that fails.
func isBadFile(err error) bool {
	return errors.Is(err, errors.NotFound) || errors.Is(err, errors.Permission) || isIOError(err) || stderrors.Is(err, fs.ErrInvalid)
}

// setAside moves a damaged or foreign file into quarantine. The log says why,
// unless why is nil.
func (s *Store) setAside(d *dir, name string, why error) {
	to := filepath.Join(d.quarantine(), name)
	err := s.fs.Rename(filepath.Join(d.folder, name), to)
	if why != nil {
		s.m.quarantined.Inc()
		s.log.Warn("a file in a block folder is set aside until the next start", "path", filepath.Join(d.folder, name), "reason", why, "kept", to, "error", err)
	}
}

// admitBatch is how many blocks are indexed under one hold of the lock.
const admitBatch = 4096

// admit puts the blocks found in d into the index, the longest unused first, and
// makes them fit its limit.
func (s *Store) admit(ctx context.Context, d *dir, list []found) {
	slices.SortFunc(list, func(a, b found) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.b.id, b.b.id)) })
	for part := range slices.Chunk(list, admitBatch) {
		if ctx.Err() != nil {
			return
		}
		for _, id := range s.admitAll(d, part) {
			s.dropCopies(id)
		}
	}
	s.mu.Lock()
	for id := range s.mu.seen { // used while the others were read
		d.policy.Use(id)
	}
	victims, ok := s.evictLocked(d, 0, true)
	s.mu.Unlock()
	s.evicted(victims)
	if !ok {
		s.log.Warn("a storage directory holds more than its quota, and nothing of it may be evicted", "dir", d.Path, "quota", d.Quota, "used", d.used)
	}
}

// admitAll indexes blocks and returns those that are in another directory too, or
// were dealt with while this one was read.
func (s *Store) admitAll(d *dir, list []found) (other []blockid.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range list {
		b := f.b
		_, seen := s.mu.seen[b.id]
		there := s.mu.blocks[b.id]
		switch {
		case d.state == dirFailed:
			return other
		case there == nil && !seen:
			s.admitLocked(b)
		case there == nil || there.dir != d:
			if there != nil && there.dir.tier.index > d.tier.index && there.refs == 0 && !there.moving {
				s.dropLocked(there)
				s.admitLocked(b)
			}
			other = append(other, b.id)
		}
	}
	return other
}

// admitLocked puts a block that was on disk into the index.
func (s *Store) admitLocked(b *block) {
	b.dir.used += b.bytes
	s.indexLocked(b)
	if b.whole {
		s.opts.Observer.BlockAdded(s.infoLocked(b))
	}
}

// dropCopies deletes the files of the block id everywhere but where the index has
// it: what an interrupted move left.
func (s *Store) dropCopies(id blockid.ID) {
	if s.claim(id) == nil {
		s.removeCopies(id, nil)
		s.release(id)
		return
	}
	s.mu.Lock()
	b := s.mu.blocks[id]
	ok := b != nil && !b.moving
	if ok {
		b.moving = true // so that it stays there
	}
	s.mu.Unlock()
	if ok {
		s.removeCopies(id, b.dir)
		s.mu.Lock()
		b.moving = false
		s.mu.Unlock()
	}
}

func (s *Store) removeCopies(id blockid.ID, but *dir) {
	for _, d := range s.dirs {
		if d == but || !s.working(d) {
			continue
		}
		final := d.blockPath(id)
		if _, err := s.fs.Stat(final + metaSuffix); err == nil {
			s.log.Warn("a block is in two directories; one copy is deleted", "block", id, "dir", d.Path)
			s.removeFiles(d, final, final+metaSuffix)
		}
	}
}
