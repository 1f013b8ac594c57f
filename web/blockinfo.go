package web

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store"
)

// BlockInfo is the JSON of webui_blockinfo: the files with blocks here, or the
// blocks of one of them.
type BlockInfo struct {
	FatalError       string                   `json:"fatalError"`
	InvalidPathError string                   `json:"invalidPathError"`
	FileInfos        []File                   `json:"fileInfos"`
	TotalFiles       int                      `json:"ntotalFile"`
	TierAliases      []string                 `json:"orderedTierAliases"`
	BlocksOnTier     map[string][]workerBlock `json:"fileBlocksOnTier"`
	BlockSize        string                   `json:"blockSizeBytes"`
	Path             string                   `json:"path"`
	*Failure
}

// workerBlock is one block here.
type workerBlock struct {
	ID               int64 `json:"id"`
	Length           int64 `json:"blockLength"`
	InHighestTier    bool  `json:"isInHighestTier"`
	LastAccessTimeMS int64 `json:"lastAccessTimeMs"`

	Present int64 `json:"-"` // bytes of it that are here
}

// localFile is a file with blocks here.
type localFile struct {
	id     blockid.FileID
	blocks []store.Info
}

func (p *workerPages) blockInfo(r *http.Request) (any, error) {
	v := &BlockInfo{FileInfos: []File{}, BlocksOnTier: map[string][]workerBlock{}, TierAliases: []string{}}
	for _, t := range p.src.Tiers() {
		v.TierAliases = append(v.TierAliases, t.Alias)
	}
	files := localFiles(p.src.Blocks())
	v.TotalFiles = len(files)
	if v.Path = r.URL.Query().Get("path"); v.Path != "" {
		return p.oneFile(r.Context(), v, files)
	}
	pg, err := pagingOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	for _, f := range pageOf(files, pg) {
		v.FileInfos = append(v.FileInfos, p.localFile(f, p.name(r.Context(), f.id)))
	}
	return v, nil
}

// localFiles groups blocks by file, in order of ids.
func localFiles(blocks []store.Info) []localFile {
	byFile := map[blockid.FileID][]store.Info{}
	for _, b := range blocks {
		id := b.ID.Container().File()
		byFile[id] = append(byFile[id], b)
	}
	files := make([]localFile, 0, len(byFile))
	for id, blocks := range byFile {
		slices.SortFunc(blocks, func(a, b store.Info) int { return int(a.ID.Sequence()) - int(b.ID.Sequence()) })
		files = append(files, localFile{id, blocks})
	}
	slices.SortFunc(files, func(a, b localFile) int {
		switch {
		case a.id < b.id:
			return -1
		case a.id > b.id:
			return 1
		}
		return 0
	})
	return files
}

const nameWait = 2 * time.Second

// name is the path of a file, or its id when nobody can tell the path.
func (p *workerPages) name(ctx context.Context, id blockid.FileID) string {
	if p.opts.Names != nil {
		ctx, cancel := context.WithTimeout(ctx, nameWait)
		defer cancel()
		if path, err := p.opts.Names.FilePath(ctx, id); err == nil {
			return path
		}
	}
	return idName(id)
}

// idPrefix begins the names of files without a known path.
const idPrefix = "file id "

func idName(id blockid.FileID) string { return idPrefix + strconv.FormatInt(int64(id), 10) }

func (p *workerPages) localFile(f localFile, name string) File {
	var present int64
	onTier := map[string]int64{}
	out := File{ID: int64(f.id), Name: name[strings.LastIndexByte(name, '/')+1:], AbsolutePath: name,
		FileLocations: []string{p.address()}, BlocksOnTier: map[string][]FileBlock{}, OnTierPercentages: map[string]int{}, BlockIDs: []int64{}}
	var length int64
	var newest time.Time
	for _, b := range f.blocks {
		out.BlockIDs = append(out.BlockIDs, int64(b.ID))
		out.Pinned = out.Pinned || b.Pinned
		length, present = length+b.Length, present+b.Bytes
		onTier[b.Tier] += b.Bytes
		if st, err := os.Stat(b.Path); err == nil && st.ModTime().After(newest) {
			newest = st.ModTime()
		}
	}
	out.Size, out.InAlluxioPercentage = sizeText(length), percentOf(present, length)
	out.InAlluxio = out.InAlluxioPercentage == 100
	out.ModificationTime, out.CreationTime = p.dates.text(newest), p.dates.text(newest)
	for tier, n := range onTier {
		out.OnTierPercentages[tier] = percentOf(n, length)
	}
	return out
}

// oneFile shows the blocks of the file at v.Path, which may be the name that
// the list gives to a file without a known path.
func (p *workerPages) oneFile(ctx context.Context, v *BlockInfo, files []localFile) (any, error) {
	id, err := p.fileID(ctx, v.Path)
	if err != nil {
		return v.fail(err)
	}
	at := slices.IndexFunc(files, func(f localFile) bool { return f.id == id })
	if at < 0 {
		return v.fail(errors.Errorf(errors.NotFound, "No block of %s is on this worker.", v.Path))
	}
	var size int64
	for _, b := range files[at].blocks {
		size = max(size, b.Length)
		v.BlocksOnTier[b.Tier] = append(v.BlocksOnTier[b.Tier], workerBlock{ID: int64(b.ID), Length: b.Length, InHighestTier: b.TierIndex == 0, Present: b.Bytes})
	}
	v.BlockSize = sizeText(size)
	return v, nil
}

func (v *BlockInfo) fail(err error) (any, error) {
	v.InvalidPathError, v.Failure = err.Error(), failureOf(err)
	return v, err
}

// fileID is the id of the file that the list calls name.
func (p *workerPages) fileID(ctx context.Context, name string) (blockid.FileID, error) {
	if text, ok := strings.CutPrefix(name, idPrefix); ok {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, errors.Errorf(errors.Invalid, "%q is not a file id.", text)
		}
		return blockid.FileID(n), nil
	}
	if p.opts.Names == nil {
		return 0, errors.Errorf(errors.Unsupported, "This worker cannot look up paths.")
	}
	ctx, cancel := context.WithTimeout(ctx, nameWait)
	defer cancel()
	return p.opts.Names.FileID(ctx, name)
}
