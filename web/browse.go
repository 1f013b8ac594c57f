package web

import (
	"context"
	"net/http"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master"
)

// File is the JSON of a file or directory, and of a log.
type File struct {
	ID                  int64                  `json:"id"`
	Name                string                 `json:"name"`
	AbsolutePath        string                 `json:"absolutePath"`
	BlockSize           string                 `json:"blockSizeBytes"`
	Size                string                 `json:"size"`
	CreationTime        string                 `json:"creationTime"`
	ModificationTime    string                 `json:"modificationTime"`
	InAlluxio           bool                   `json:"inAlluxio"`
	InAlluxioPercentage int                    `json:"inAlluxioPercentage"`
	IsDirectory         bool                   `json:"isDirectory"`
	Pinned              bool                   `json:"pinned"`
	Owner               string                 `json:"owner"`
	Group               string                 `json:"group"`
	Mode                string                 `json:"mode"`
	PersistenceState    string                 `json:"persistenceState"`
	FileLocations       []string               `json:"fileLocations"`
	BlocksOnTier        map[string][]FileBlock `json:"blocksOnTier"`
	OnTierPercentages   map[string]int         `json:"onTierPercentages"`
	BlockIDs            []int64                `json:"blockIds"`
}

// FileBlock is the JSON of a block of a file.
type FileBlock struct {
	ID               int64    `json:"id"`
	Length           int64    `json:"blockLength"`
	InHighestTier    bool     `json:"isInHighestTier"`
	LastAccessTimeMS int64    `json:"lastAccessTimeMs"`
	Locations        []string `json:"locations"`
}

// Browse is the JSON of webui_browse.
type Browse struct {
	AccessControlException    string      `json:"accessControlException"`
	BlockSizeBytes            string      `json:"blockSizeBytes"`
	CurrentDirectory          File        `json:"currentDirectory"`
	CurrentPath               string      `json:"currentPath"`
	Debug                     bool        `json:"debug"`
	FatalError                string      `json:"fatalError"`
	FileBlocks                []FileBlock `json:"fileBlocks"`
	FileData                  *string     `json:"fileData"`
	FileDoesNotExistException string      `json:"fileDoesNotExistException"`
	FileInfos                 []File      `json:"fileInfos"`
	HighestTierAlias          string      `json:"highestTierAlias"`
	InvalidPathError          string      `json:"invalidPathError"`
	InvalidPathException      string      `json:"invalidPathException"`
	MasterNodeAddress         string      `json:"masterNodeAddress"`
	PathInfos                 []File      `json:"pathInfos"`
	ShowPermissions           bool        `json:"showPermissions"`
	TotalFiles                int         `json:"ntotalFile"`
	ViewingOffset             int64       `json:"viewingOffset"`
	*Failure

	Size     int64  `json:"-"` // of the file that is shown
	DataNote string `json:"-"` // why its contents are not
	paging   paging
}

// browse shows a directory, or a file with a part of its contents. A path that
// cannot be shown is told in the fields of Alluxio and in the HTTP status.
func (p *masterPages) browse(r *http.Request) (any, error) {
	q := r.URL.Query()
	b := &Browse{
		Debug: p.debug, MasterNodeAddress: p.src.Info().Address, HighestTierAlias: p.topTier(),
		ShowPermissions: p.opts.Config.Bool(config.SecurityAuthorizationPermissionEnabled),
		FileBlocks:      []FileBlock{}, FileInfos: []File{}, PathInfos: []File{},
	}
	path := q.Get("path")
	if path == "" {
		path = "/"
	}
	b.CurrentPath = path
	clean, err := fspath.Clean(path)
	if err != nil {
		return b.fail(err)
	}
	b.CurrentPath = clean
	b.PathInfos = breadcrumb(clean)
	// In a file, offset counts bytes; it may be larger than any list is long.
	if b.paging, err = pagingOf(q); err != nil {
		return b.fail(err)
	}
	page, err := p.src.Browse(r.Context(), stranger, clean, b.paging.offset, b.paging.limit)
	if err != nil {
		return b.fail(err)
	}
	b.CurrentDirectory = p.file(page.Current)
	if page.Current.IsDir() {
		b.TotalFiles = page.Total
		for _, e := range page.Entries {
			b.FileInfos = append(b.FileInfos, p.file(e))
		}
		return b, nil
	}
	return b.showFile(r, p, page.Current)
}

// fail tells err in the field where Alluxio's pages look for it.
func (b *Browse) fail(err error) (any, error) {
	b.Failure = failureOf(err)
	switch errors.KindOf(err) {
	case errors.Invalid:
		b.InvalidPathError, b.InvalidPathException = err.Error(), err.Error()
	case errors.NotFound:
		b.FileDoesNotExistException = err.Error()
	case errors.Permission:
		b.AccessControlException = err.Error()
	default:
		b.FatalError = err.Error()
	}
	return b, err
}

// breadcrumb is the way from the root down to path, the root first.
func breadcrumb(path string) []File {
	crumbs := []File{{Name: "root", AbsolutePath: "/", IsDirectory: true}}
	at := "/"
	for _, name := range fspath.Components(path) {
		at = fspath.Join(at, name)
		crumbs = append(crumbs, File{Name: name, AbsolutePath: at, IsDirectory: true})
	}
	return crumbs
}

// showFile adds blocks and a window of the contents.
func (b *Browse) showFile(r *http.Request, p *masterPages, fi master.FileInfo) (any, error) {
	b.Size, b.BlockSizeBytes = fi.Length, sizeText(fi.BlockSize)
	for _, bl := range fi.Blocks {
		b.FileBlocks = append(b.FileBlocks, fileBlock(bl, b.HighestTierAlias))
	}
	var err error
	if b.ViewingOffset, err = windowStart(r.URL.Query(), fi.Length); err != nil {
		return b.fail(err)
	}
	switch {
	case !fi.Completed:
		b.DataNote = "The file is still being written."
	case b.ShowPermissions && fi.Mode&0o004 == 0:
		b.DataNote = "The contents are not shown: only its owner and group may read this file."
	case p.opts.Files == nil:
		b.DataNote = "The contents cannot be shown here."
	default:
		b.FileData, err = p.contents(r.Context(), fi, b.ViewingOffset)
		if err != nil {
			b.DataNote = "The contents cannot be read: " + err.Error()
		}
	}
	return b, nil
}

func (p *masterPages) contents(ctx context.Context, fi master.FileInfo, offset int64) (*string, error) {
	data, err := p.opts.Files.ReadFileAt(ctx, fi.Path, offset, int(min(windowBytes, fi.Length-offset)))
	if err != nil {
		return nil, err
	}
	text := windowText(data, offset)
	return &text, nil
}

func fileBlock(b master.BlockInfo, topTier string) FileBlock {
	f := FileBlock{ID: int64(b.ID), Length: b.Length, Locations: []string{}}
	for _, l := range b.Locations {
		f.InHighestTier = f.InHighestTier || l.Tier == topTier
		f.Locations = append(f.Locations, l.Address.Host)
	}
	return f
}

// topTier is the alias of the fastest tier.
func (p *masterPages) topTier() string {
	return p.opts.Config.String(config.MasterTieredstoreGlobalLevelAlias.At(0))
}

// file renders one file or directory.
func (p *masterPages) file(fi master.FileInfo) File {
	f := File{
		ID: int64(fi.ID), Name: fi.Name, AbsolutePath: fi.Path, IsDirectory: fi.IsDir(), Pinned: fi.Pinned,
		CreationTime: p.dates.ms(fi.CreatedMS), ModificationTime: p.dates.ms(fi.ModifiedMS),
		Owner: fi.Owner, Group: fi.Group, Mode: modeText(fi.IsDir(), fi.Mode, len(fi.ACL) > 0 || len(fi.DefaultACL) > 0),
		PersistenceState: fi.Persistence.String(),
		FileLocations:    []string{}, BlocksOnTier: map[string][]FileBlock{}, OnTierPercentages: map[string]int{}, BlockIDs: []int64{},
	}
	if f.Name == "" {
		f.Name = "root"
	}
	if fi.IsDir() {
		return f
	}
	f.Size, f.BlockSize = sizeText(fi.Length), sizeText(fi.BlockSize)
	f.InAlluxioPercentage, f.InAlluxio = fi.InAlluxioPercent, fi.InAlluxioPercent == 100
	f.addBlocks(fi, p.topTier())
	return f
}

func (f *File) addBlocks(fi master.FileInfo, topTier string) {
	onTier := map[string]int64{}
	hosts := map[string]bool{}
	for _, b := range fi.Blocks {
		f.BlockIDs = append(f.BlockIDs, int64(b.ID))
		tiers := map[string]bool{}
		for _, l := range b.Locations {
			if !tiers[l.Tier] {
				tiers[l.Tier] = true
				onTier[l.Tier] += b.Length
				f.BlocksOnTier[l.Tier] = append(f.BlocksOnTier[l.Tier], fileBlock(b, topTier))
			}
			if host := l.Address.String(); !hosts[host] {
				hosts[host] = true
				f.FileLocations = append(f.FileLocations, host)
			}
		}
	}
	for tier, bytes := range onTier {
		f.OnTierPercentages[tier] = percentOf(bytes, fi.Length)
	}
}

// Data is the JSON of webui_data.
type Data struct {
	FatalError        string `json:"fatalError"`
	FileInfos         []File `json:"fileInfos"`
	InAlluxioFiles    int    `json:"inAlluxioFileNum"`
	MasterNodeAddress string `json:"masterNodeAddress"`
	PermissionError   string `json:"permissionError"`
	ShowPermissions   bool   `json:"showPermissions"`

	More   bool `json:"-"` // there are files beyond those counted
	paging paging
}

// data lists files that are cached completely, as far as strangers may know of
// them.
func (p *masterPages) data(r *http.Request) (any, error) {
	pg, err := pagingOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	d := &Data{MasterNodeAddress: p.src.Info().Address, FileInfos: []File{}, paging: pg,
		ShowPermissions: p.opts.Config.Bool(config.SecurityAuthorizationPermissionEnabled)}
	files, more := p.src.InAlluxio()
	limit := p.opts.Config.Int(config.MasterWebInAlluxioDataPageCount)
	if len(files) > limit {
		files, more = files[:limit], true
	}
	d.InAlluxioFiles, d.More = len(files), more
	for _, fi := range pageOf(files, pg) {
		if _, err := p.src.GetStatus(r.Context(), stranger, fi.Path); err == nil {
			d.FileInfos = append(d.FileInfos, p.file(fi))
		}
	}
	return d, nil
}
