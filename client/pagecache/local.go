package pagecache

import (
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// local keeps pages in files of a folder.
type local struct {
	fs      FS
	now     func() time.Time
	path    string // as configured
	root    string // what is ours of it
	pages   string // the folder of this size of pages
	buckets uint64
	owns    func(Key) bool // is this the folder for a page?
	lock    io.Closer      // held while claimed
	seq     atomic.Uint64  // of temporary files
	open    openFiles
}

const (
	rootName = "pages-v1"
	lockName = "lock"
	tmpName  = "tmp"
)

func newLocal(o Options, path string, owns func(Key) bool) *local {
	root := filepath.Join(path, rootName)
	l := &local{
		fs: o.fs, now: o.now, path: path, root: root, owns: owns, buckets: uint64(o.Buckets),
		pages: filepath.Join(root, strconv.FormatInt(o.PageBytes, 10)),
	}
	l.open.init(l)
	return l
}

func (l *local) bucket(k Key) string {
	return filepath.Join(l.pages, strconv.FormatUint(k.hash()>>32%l.buckets, 10))
}

func (l *local) file(k Key) string { return filepath.Join(l.bucket(k), k.String()) }

func (l *local) read(k Key, n int, p []byte, off int) (time.Time, error) {
	f, err := l.open.take(k, n)
	if err != nil {
		return time.Time{}, err
	}
	defer l.open.giveBack(f)
	if err := f.read(p, off); err != nil {
		l.open.forget(k) // whoever comes next looks again
		return time.Time{}, err
	}
	return f.written, nil
}

// openPage opens the file of a page of n bytes and reads its trailer.
func (l *local) openPage(k Key, n int) (*openFile, error) {
	file, err := l.fs.Open(l.file(k))
	if err != nil {
		return nil, err
	}
	raw := make([]byte, trailerLen(n))
	f := &openFile{file: file, key: k, n: n}
	if err = readFull(file, raw, n); err == nil {
		f.trailer, err = parseTrailer(raw, k, n)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return f, nil
}

// readFull reads all of p; a file that ends before is damaged.
func readFull(f File, p []byte, off int) error {
	n, err := f.ReadAt(p, int64(off))
	switch {
	case n == len(p):
		return nil
	case err == io.EOF:
		return errors.Errorf(errors.Corrupt, "the file is cut off at %d", off+n)
	}
	return err
}

func (l *local) has(k Key) bool {
	_, err := l.fs.Lstat(l.file(k))
	return err == nil
}

func (l *local) write(k Key, data []byte) error {
	tmp := filepath.Join(l.root, tmpName, strconv.FormatUint(l.seq.Add(1), 10))
	err := l.writeFile(tmp, k, data)
	if err == nil {
		l.open.forget(k)
		err = l.place(tmp, k)
	}
	if err != nil {
		_ = l.fs.Remove(tmp) // what is left is removed at the next start
	}
	return err
}

func (l *local) writeFile(name string, k Key, data []byte) error {
	f, err := l.fs.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		_, err = f.Write(newTrailer(k, data, l.now()))
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// place renames a file to a page; its bucket is made when it is needed.
func (l *local) place(tmp string, k Key) error {
	err := l.fs.Rename(tmp, l.file(k))
	if !errors.Is(err, errors.NotFound) {
		return err
	}
	if err := l.fs.Mkdir(l.bucket(k), 0o700); err != nil {
		return err
	}
	return l.fs.Rename(tmp, l.file(k))
}

func (l *local) remove(k Key) error {
	l.open.forget(k)
	if err := l.fs.Remove(l.file(k)); !errors.Is(err, errors.NotFound) {
		return err
	}
	return nil
}

// used keeps the last use as the file's access time, beside its time of writing.
func (l *local) used(k Key, written time.Time) {
	_ = l.fs.Chtimes(l.file(k), l.now(), written) // it orders what is restored; no more
}

// blockBytes is what files take in multiples of.
const blockBytes = 4 << 10

func (l *local) cost(n int) int64 { return fileCost(int64(n + trailerLen(n))) }

func fileCost(size int64) int64 {
	if size > math.MaxInt64-blockBytes {
		return size
	}
	return (size + blockBytes - 1) / blockBytes * blockBytes
}

// isPage reports whether an entry of a bucket is a page of this folder.
func (l *local) isPage(bucket string, e fs.DirEntry) (Key, bool) {
	k, ok := parseKey(e.Name())
	return k, ok && e.Type().IsRegular() && l.bucket(k) == bucket && l.owns(k)
}
