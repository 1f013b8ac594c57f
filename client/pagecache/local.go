package pagecache

import (
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"
	"sync"
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
	spans   sync.Pool      // of *[]byte, of a span each
}

const (
	rootName = "pages-v1"
	lockName = "lock"
	tmpName  = "tmp"
)

func newLocal(o Options, path string, owns func(Key) bool) *local {
	root := filepath.Join(path, rootName)
	return &local{
		fs: o.fs, now: o.now, path: path, root: root, owns: owns, buckets: uint64(o.Buckets),
		pages: filepath.Join(root, strconv.FormatInt(o.PageBytes, 10)),
		spans: sync.Pool{New: func() any { b := make([]byte, spanBytes); return &b }},
	}
}

func (l *local) bucket(k Key) string {
	return filepath.Join(l.pages, strconv.FormatUint(k.hash()>>32%l.buckets, 10))
}

func (l *local) file(k Key) string { return filepath.Join(l.bucket(k), k.String()) }

// readStep is how much is read at a time, so that it is still in the processor's
// cache when its checksum is computed.
const readStep = 4 * spanBytes

func (l *local) read(k Key, n int, p []byte, off int) (time.Time, error) {
	f, err := l.fs.Open(l.file(k))
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	raw := make([]byte, trailerLen(n))
	if err := readFull(f, raw, n); err != nil {
		return time.Time{}, err
	}
	t, err := parseTrailer(raw, k, n)
	if err != nil {
		return time.Time{}, err
	}
	for len(p) > 0 {
		done, err := l.readSpans(f, t, p, off, n)
		if err != nil {
			return time.Time{}, err
		}
		p, off = p[done:], off+done
	}
	return t.written, nil
}

// readSpans reads a few whole spans into p, or as much of one as p wants.
func (l *local) readSpans(f File, t trailer, p []byte, off, n int) (int, error) {
	begin := off / spanBytes * spanBytes
	end := min(begin+readStep, n)
	if off == begin && len(p) < end-begin {
		end = off + len(p)
		if end != n {
			end = end / spanBytes * spanBytes
		}
	}
	if off == begin && end > begin {
		if err := readFull(f, p[:end-begin], begin); err != nil {
			return 0, err
		}
		return end - begin, t.verify(p[:end-begin], begin)
	}
	buf := l.spans.Get().(*[]byte)
	defer l.spans.Put(buf)
	span := (*buf)[:min(spanBytes, n-begin)]
	if err := readFull(f, span, begin); err != nil {
		return 0, err
	}
	if err := t.verify(span, begin); err != nil {
		return 0, err
	}
	return copy(p, span[off-begin:]), nil
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
