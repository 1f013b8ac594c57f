package master

import (
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
)

// errSafeMode is what whoever needs workers is told before they have come back.
var errSafeMode = errors.Errorf(errors.Unavailable, "Alluxio master is in safe mode. Please try again later.")

// safeMode reports whether the term is so young that workers may not have
// registered yet. It ends with the first registration or after the configured
// wait.
func (t *term) safeMode() bool {
	return !t.registered.Load() && t.now().Sub(t.began) < t.set.safeModeWait
}

// checkWorkersKnown refuses questions about workers in safe mode.
func (t *term) checkWorkersKnown() error {
	if t.safeMode() {
		return errSafeMode
	}
	return nil
}

// info describes an inode at a path.
func (t *term) info(path string, in inode.Inode) FileInfo {
	loc := t.locate(path)
	fi := FileInfo{Inode: in, Path: path, UFSPath: loc.UFSURI(), MountID: loc.ID, InAlluxioPercent: 100, InMemoryPercent: 100}
	if in.IsDir() {
		fi.Length = int64(in.ChildCount)
		fi.InAlluxioPercent, fi.InMemoryPercent = 0, 0
		return fi
	}
	t.fillBlocks(&fi)
	return fi
}

func (t *term) fillBlocks(fi *FileInfo) {
	in := fi.Inode
	n := in.Blocks()
	fi.Blocks = make([]BlockInfo, n)
	var cached, memory int64
	for i := range n {
		b := BlockInfo{ID: in.ID.Container().Block(i), Offset: int64(i) * in.BlockSize}
		if in.Completed {
			b.Length = in.BlockLength(i)
		}
		b.Locations = t.blocks.Locations(b.ID)
		if len(b.Locations) > 0 {
			cached += b.Length
			if inTier(b.Locations, t.set.topTier) {
				memory += b.Length
			}
		}
		fi.Blocks[i] = b
	}
	if !in.Completed {
		fi.Length = 0
	}
	if fi.Length > 0 {
		fi.InAlluxioPercent = percent(cached, fi.Length)
		fi.InMemoryPercent = percent(memory, fi.Length)
	}
}

// percent rounds down, so that 100 means all.
func percent(part, whole int64) int { return int(float64(part) / float64(whole) * 100) }

func inTier(locations []blockmap.Location, tier string) bool {
	for _, l := range locations {
		if l.Tier == tier {
			return true
		}
	}
	return false
}

// mayBeIncomplete reports whether copies of a file's blocks may exist on
// workers that have not registered yet, so that nobody can say where they are.
func (t *term) mayBeIncomplete(fi *FileInfo) bool {
	if fi.Persistence == inode.Persisted || t.now().Sub(t.began) >= t.set.safeModeWait {
		return false
	}
	for _, b := range fi.Blocks {
		if len(b.Locations) == 0 {
			return true
		}
	}
	return false
}
