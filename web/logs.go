package web

import (
	"cmp"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Logs is the JSON of webui_logs.
type Logs struct {
	CurrentPath      string `json:"currentPath"`
	Debug            bool   `json:"debug"`
	FatalError       string `json:"fatalError"`
	FileData         string `json:"fileData"`
	FileInfos        []File `json:"fileInfos"`
	InvalidPathError string `json:"invalidPathError"`
	TotalFiles       int    `json:"ntotalFile"`
	ViewingOffset    int64  `json:"viewingOffset"`
	*Failure

	Size   int64  `json:"-"` // of the file that is shown
	paging paging // of the list
}

// logDir is a directory of log files.
type logDir struct {
	dir   string
	dates dates
	debug bool
}

// isLog reports whether a file of the log directory is shown: logs, and rolled
// ones ("master.log", "master-2026-01-02T03-04-05.000.log").
func isLog(name string) bool {
	return strings.HasSuffix(name, ".log") || strings.HasSuffix(name, ".out")
}

// view lists the logs, or shows a part of the one named by path.
func (l logDir) view(r *http.Request) (any, error) {
	name := r.URL.Query().Get("path")
	if name == "" || name == "/" {
		return l.list(r)
	}
	return l.window(r, path.Base(name))
}

func (l logDir) list(r *http.Request) (any, error) {
	v := &Logs{CurrentPath: "", Debug: l.debug, FileInfos: []File{}}
	var err error
	if v.paging, err = pagingOf(r.URL.Query()); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil && !errors.Is(err, errors.NotFound) {
		return nil, errors.E("listing the logs", l.dir, errors.Other, err)
	}
	var infos []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && isLog(e.Name()) {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	v.TotalFiles = len(infos)
	for _, info := range pageOf(infos, v.paging) {
		v.FileInfos = append(v.FileInfos, File{
			Name: info.Name(), AbsolutePath: info.Name(), Size: sizeText(info.Size()),
			ModificationTime: l.dates.text(info.ModTime()), PersistenceState: "NOT_PERSISTED",
		})
	}
	return v, nil
}

func (l logDir) window(r *http.Request, name string) (any, error) {
	v := &Logs{CurrentPath: name, Debug: l.debug, FileInfos: []File{}}
	if !isLog(name) {
		return v.fail(errors.Errorf(errors.Invalid, "%q is not a log file.", name))
	}
	root, err := os.OpenRoot(l.dir)
	if err != nil {
		return v.fail(errors.E("opening the log directory", "", errors.Other, err))
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		return v.fail(errors.Errorf(errors.KindOf(err), "There is no log file %q.", name))
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return v.fail(errors.Errorf(errors.Invalid, "%q is not a log file.", name))
	}
	v.Size = st.Size()
	if v.ViewingOffset, err = windowStart(r.URL.Query(), v.Size); err != nil {
		return v.fail(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, v.ViewingOffset, windowBytes))
	if err != nil {
		return v.fail(errors.E("reading the log", name, errors.Other, err))
	}
	v.FileData = strings.ToValidUTF8(string(b), "\uFFFD")
	return v, nil
}

func (l *Logs) fail(err error) (any, error) {
	l.InvalidPathError, l.Failure = err.Error(), failureOf(err)
	return l, err
}
