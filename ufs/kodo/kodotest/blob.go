package kodotest

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"crypto/md5"
	"encoding/hex"

	"github.com/alluxio-go/alluxio/ufs/kodo/etag"
)

// blob is the immutable content of an object or of an uploaded part.
type blob interface {
	// Open returns a reader at offset 0.
	Open() (io.ReadSeekCloser, error)
	// Name identifies the blob in the state file; "" in memory.
	Name() string
	// Remove frees it; open readers may go on.
	Remove()
}

// digest describes received bytes.
type digest struct {
	size  int64
	etag  string
	md5   string
	crc32 uint32
}

// blobs makes blobs, in memory or as files of a folder.
type blobs struct {
	dir  string // "" keeps bytes in memory
	next atomic.Int64
}

// receive stores all that r yields.
func (b *blobs) receive(r io.Reader) (blob, digest, error) {
	tag, sum, crc := etag.New(), md5.New(), crc32.NewIEEE()
	in := io.TeeReader(r, io.MultiWriter(tag, sum, crc))
	stored, size, err := b.store(in)
	if err != nil {
		return nil, digest{}, err
	}
	return stored, digest{size, tag.Sum(), hex.EncodeToString(sum.Sum(nil)), crc.Sum32()}, nil
}

func (b *blobs) store(r io.Reader) (blob, int64, error) {
	if b.dir == "" {
		var buf bytes.Buffer
		n, err := buf.ReadFrom(r)
		return &memBlob{segments: [][]byte{buf.Bytes()}}, n, err
	}
	f, err := os.CreateTemp(b.dir, "incoming-*")
	if err != nil {
		return nil, 0, err
	}
	n, err := io.Copy(f, r)
	if e := f.Close(); err == nil {
		err = e
	}
	name := strconv.FormatInt(b.next.Add(1), 10)
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(b.dir, name))
	}
	if err != nil {
		os.Remove(f.Name())
		return nil, 0, err
	}
	return &fileBlob{dir: b.dir, name: name}, n, nil
}

// concat makes one blob of several, which stay as they are.
func (b *blobs) concat(parts []blob) (blob, error) {
	if b.dir == "" {
		whole := &memBlob{}
		for _, p := range parts {
			whole.segments = append(whole.segments, p.(*memBlob).segments...)
		}
		return whole, nil
	}
	f, err := os.CreateTemp(b.dir, "incoming-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	for _, p := range parts {
		if err := appendFile(f, p.(*fileBlob).path()); err != nil {
			return nil, err
		}
	}
	name := strconv.FormatInt(b.next.Add(1), 10)
	if err := os.Rename(f.Name(), filepath.Join(b.dir, name)); err != nil {
		return nil, err
	}
	return &fileBlob{dir: b.dir, name: name}, nil
}

func appendFile(f *os.File, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = f.ReadFrom(in)
	return err
}

// memBlob is content in memory, in segments so that parts need no copy.
type memBlob struct{ segments [][]byte }

func (b *memBlob) Name() string { return "" }
func (b *memBlob) Remove()      {}

func (b *memBlob) Open() (io.ReadSeekCloser, error) {
	return &memReader{blob: b}, nil
}

// size returns the length of the content in bytes.
func (b *memBlob) size() (n int64) {
	for _, s := range b.segments {
		n += int64(len(s))
	}
	return n
}

type memReader struct {
	blob *memBlob
	pos  int64
}

func (r *memReader) Read(p []byte) (int, error) {
	ahead := r.ahead()
	if len(ahead) == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	n := copy(p, ahead)
	r.pos += int64(n)
	return n, nil
}

// ahead returns the rest of the segment at the present place, nothing at the end.
func (r *memReader) ahead() []byte {
	at := r.pos
	for _, s := range r.blob.segments {
		if at < int64(len(s)) {
			return s[at:]
		}
		at -= int64(len(s))
	}
	return nil
}

func (r *memReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.blob.size()
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d", offset)
	}
	r.pos = offset
	return offset, nil
}

func (r *memReader) Close() error { return nil }

// fileBlob is content in a file.
type fileBlob struct{ dir, name string }

func (b *fileBlob) path() string                     { return filepath.Join(b.dir, b.name) }
func (b *fileBlob) Name() string                     { return b.name }
func (b *fileBlob) Open() (io.ReadSeekCloser, error) { return os.Open(b.path()) }
func (b *fileBlob) Remove()                          { os.Remove(b.path()) }
