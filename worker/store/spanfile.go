package store

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// spanFile is a block file read in another process than the worker's, span by span
// against given checksums.
type spanFile struct {
	f      *os.File
	path   string
	length int64 // of the block
}

// openSpans opens the file of a block of length bytes.
func openSpans(path string, length int64) (spanFile, error) {
	if _, ok := blockName(filepath.Base(path)); !ok {
		return spanFile{}, errors.Errorf(errors.Corrupt, "%s is not the path of a block file.", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return spanFile{}, errors.E("block.open", path, errors.NotFound, err)
	}
	return spanFile{f, path, length}, nil
}

// verifyStep is how much is read before it is verified: it must still be in the
// processor's cache then.
const verifyStep = 4 * SpanSize

// spanBuffers hold spans of which a reader wants only a part.
var spanBuffers = sync.Pool{New: func() any { return new([SpanSize]byte) }}

// readSome reads at least one byte, verified by the checksums of the spans from the one
// at off on: whole spans directly into p, or a part of one.
func (l *spanFile) readSome(p []byte, off int64, sums []uint32) (int, error) {
	lo := off - off%SpanSize
	size := min(SpanSize, l.length-lo)
	if off == lo && int64(len(p)) >= size {
		n := len(p)
		if n > verifyStep {
			n = verifyStep
		} else if off+int64(n) < l.length {
			n -= n % SpanSize
		}
		return n, l.readSpans(p[:n], off, sums)
	}
	buf := spanBuffers.Get().(*[SpanSize]byte)
	defer spanBuffers.Put(buf)
	if err := l.readSpans(buf[:size], lo, sums); err != nil {
		return 0, err
	}
	return copy(p, buf[off-lo:size]), nil
}

// readSpans reads whole spans and compares them with sums.
func (l *spanFile) readSpans(p []byte, off int64, sums []uint32) error {
	if n, err := l.f.ReadAt(p, off); n < len(p) {
		return l.damaged(off+int64(n), err)
	}
	for i := 0; len(p) > 0; i++ {
		n := min(SpanSize, len(p))
		if sumOf(p[:n]) != sums[i] {
			return l.damaged(off+int64(i)*SpanSize, nil)
		}
		p = p[n:]
	}
	return nil
}

func (l *spanFile) damaged(off int64, cause error) error {
	return errors.E("block.read", l.path+" at "+strconv.FormatInt(off, 10), errors.Corrupt, cause)
}

// KeptFile is the file of a block that is being filled, for who was told what of it is
// there: see Handle.Kept. Not safe for concurrent use.
type KeptFile struct{ spanFile }

// OpenKept opens the file of a block of length bytes. The error has kind NotFound when
// it is not there or not readable here.
func OpenKept(path string, length int64) (*KeptFile, error) {
	f, err := openSpans(path, length)
	if err != nil {
		return nil, err
	}
	return &KeptFile{f}, nil
}

// Read reads at least one of the bytes at off into p, all of which are there, verified by
// the checksums of the spans from the one at off on. Corrupt when they do not match.
func (k *KeptFile) Read(p []byte, off int64, sums []uint32) (int, error) {
	return k.readSome(p, off, sums)
}

// Path is where the file was when it was opened.
func (k *KeptFile) Path() string { return k.path }

// Close closes the file.
func (k *KeptFile) Close() error { return k.f.Close() }
