package store

import (
	"cmp"
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
	used time.Time // when its sidecar was written
}

// scanAll rebuilds the index from all directories.
func (s *Store) scanAll() error {
	start := time.Now()
	var g errgroup.Group
	for _, d := range s.dirs {
		g.Go(func() error {
			if err := s.scanDir(d, true); err != nil {
				s.takeOut(d, err)
			}
			return nil
		})
	}
	_ = g.Wait()
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

// scanDir reads the data folder of d and puts its blocks into the index. With
// clean, what a previous process left in the temporary folder and in quarantine is
// deleted.
func (s *Store) scanDir(d *dir, clean bool) error {
	if err := s.prepare(d); err != nil {
		return err
	}
	if clean {
		for _, folder := range [...]string{d.tmp, d.quarantine()} {
			if err := s.empty(folder); err != nil {
				return err
			}
		}
	}
	entries, err := s.fs.ReadDir(d.folder)
	if err != nil {
		return err
	}
	blocks, metas := map[blockid.ID]bool{}, []blockid.ID{}
	for _, e := range entries {
		name := e.Name()
		id, isBlock := blockName(strings.TrimSuffix(name, metaSuffix))
		switch {
		case strings.HasPrefix(name, "."):
		case !isBlock || !e.Type().IsRegular():
			s.setAside(d, name, errors.Errorf(errors.Corrupt, "not a block file"))
		case strings.HasSuffix(name, metaSuffix):
			metas = append(metas, id)
		default:
			blocks[id] = true
		}
	}
	list, err := s.loadAll(d, metas, blocks)
	if err != nil {
		return err
	}
	for id := range blocks { // those that loadAll left have no sidecar
		s.setAside(d, blockFile(id), errors.Errorf(errors.Corrupt, "no sidecar"))
	}
	s.admit(d, list)
	return nil
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
	entries, err := s.fs.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := s.removeTree(filepath.Join(folder, e.Name()), e.IsDir()); err != nil {
			return err
		}
	}
	return nil
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

// loadAll reads the sidecars and takes those blocks out of the set blocks that
// have one, good or not.
func (s *Store) loadAll(d *dir, metas []blockid.ID, blocks map[blockid.ID]bool) ([]found, error) {
	results := make([]found, len(metas))
	var g errgroup.Group
	per := (len(metas) + scanners - 1) / scanners
	for from := 0; from < len(metas); from += per {
		to := min(from+per, len(metas))
		g.Go(func() error {
			for i := from; i < to; i++ {
				f, err := s.load(d, metas[i], blocks[metas[i]])
				if err != nil {
					return err
				}
				results[i] = f
			}
			return nil
		})
	}
	err := g.Wait()
	for _, id := range metas {
		delete(blocks, id)
	}
	return slices.DeleteFunc(results, func(f found) bool { return f.b == nil }), err
}

// load reads one sidecar. The result is empty for a block that was set aside.
func (s *Store) load(d *dir, id blockid.ID, hasBlock bool) (found, error) {
	name := blockFile(id)
	metaPath := filepath.Join(d.folder, name+metaSuffix)
	if !hasBlock {
		return found{}, s.fs.Remove(metaPath)
	}
	raw, err := readFile(s.fs, metaPath, metaLimit)
	if err != nil && !isBadFile(err) {
		return found{}, err
	}
	var m meta
	if err == nil {
		m, err = decodeMeta(raw, id)
	}
	var fi fs.FileInfo
	if err == nil {
		fi, err = s.fs.Stat(filepath.Join(d.folder, name))
	}
	if err == nil && fi.Size() != m.length && m.fingerprint != "" {
		err = errors.Errorf(errors.Corrupt, "the file has %d bytes, the block %d", fi.Size(), m.length)
	}
	if err != nil {
		s.setAside(d, name, err)
		s.setAside(d, name+metaSuffix, nil)
		return found{}, nil
	}
	if fi.Size() != m.length {
		s.log.Error("the file of a block that may be the only copy has a wrong length; what is left of it is served", "block", id, "dir", d.Path, "bytes", fi.Size(), "want", m.length)
	}
	return found{b: newBlock(&m, d), used: fi.ModTime()}, nil
}

// isBadFile tells a file that cannot be read from a directory that fails.
func isBadFile(err error) bool {
	return errors.Is(err, errors.NotFound) || errors.Is(err, errors.Permission) || isIOError(err) || err == fs.ErrInvalid
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

// admit puts the blocks found in d into the index, the longest unused first, and
// makes them fit its quota.
func (s *Store) admit(d *dir, list []found) {
	slices.SortFunc(list, func(a, b found) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.b.id, b.b.id)) })
	var extra []*block
	s.mu.Lock()
	for _, f := range list {
		b := f.b
		if other, twice := s.mu.blocks[b.id]; twice {
			if other.dir.tier.index <= d.tier.index || other.refs > 0 {
				extra = append(extra, b)
				continue
			}
			s.dropLocked(other)
			extra = append(extra, other)
		}
		d.used += b.bytes
		s.indexLocked(b)
		if b.whole {
			s.opts.Observer.BlockAdded(s.infoLocked(b))
		}
	}
	victims, ok := s.evictLocked(d, 0)
	s.mu.Unlock()
	for _, b := range extra {
		s.log.Warn("a block is in two directories; the copy in the lower tier is deleted", "block", b.id, "dir", b.dir.Path)
		final := b.dir.blockPath(b.id)
		s.removeFiles(b.dir, final, final+metaSuffix)
	}
	s.evicted(victims)
	if !ok {
		s.log.Warn("a storage directory holds more than its quota, and nothing of it may be evicted", "dir", d.Path, "quota", d.Quota, "used", d.used)
	}
}
