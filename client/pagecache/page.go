package pagecache

import (
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// FileID names one version of one file.
type FileID [16]byte

// Key names a page.
type Key struct {
	File FileID
	Page int64 // index in the file
}

// String returns the name of the page's file.
func (k Key) String() string {
	return hex.EncodeToString(k.File[:]) + "-" + strconv.FormatInt(k.Page, 10)
}

// parseKey is the reverse of String.
func parseKey(name string) (k Key, ok bool) {
	file, page, found := strings.Cut(name, "-")
	if !found || len(file) != 2*len(k.File) {
		return k, false
	}
	if _, err := hex.Decode(k.File[:], []byte(file)); err != nil {
		return k, false
	}
	n, err := strconv.ParseInt(page, 10, 64)
	k.Page = n
	return k, err == nil && n >= 0 && k.String() == name
}

// hash spreads pages evenly, the same in every process.
func (k Key) hash() uint64 {
	x := binary.LittleEndian.Uint64(k.File[:]) + uint64(k.Page)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// The file of a page holds its bytes and a trailer, all integers little-endian:
//
//	 0  4  magic "APC1"
//	 4  4  CRC32C of the rest of the trailer
//	 8 16  file
//	24  8  page
//	32  4  length of the page in bytes
//	36  8  when it was written, in milliseconds since 1970
//	44 4n  CRC32C of each 16 KiB of the page
const (
	spanBytes    = 16 << 10
	trailerBytes = 44
	trailerMagic = 0x31435041
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// trailerLen is the length of the trailer of a page of n bytes.
func trailerLen(n int) int { return trailerBytes + 4*spansOf(n) }

// spansOf is the number of spans of n bytes.
func spansOf(n int) int { return (n + spanBytes - 1) / spanBytes }

// newTrailer returns the trailer of a page.
func newTrailer(k Key, data []byte, written time.Time) []byte {
	le := binary.LittleEndian
	t := make([]byte, trailerBytes, trailerLen(len(data)))
	le.PutUint32(t, trailerMagic)
	copy(t[8:], k.File[:])
	le.PutUint64(t[24:], uint64(k.Page))
	le.PutUint32(t[32:], uint32(len(data)))
	le.PutUint64(t[36:], uint64(written.UnixMilli()))
	for i := 0; i < len(data); i += spanBytes {
		t = le.AppendUint32(t, crc32.Checksum(data[i:min(i+spanBytes, len(data))], castagnoli))
	}
	le.PutUint32(t[4:], crc32.Checksum(t[8:], castagnoli))
	return t
}

// trailer is what a verified trailer says.
type trailer struct {
	written time.Time
	sums    []byte
}

// parseTrailer verifies the trailer of the page k of n bytes.
func parseTrailer(t []byte, k Key, n int) (trailer, error) {
	le := binary.LittleEndian
	switch {
	case le.Uint32(t) != trailerMagic || le.Uint32(t[4:]) != crc32.Checksum(t[8:], castagnoli):
		return trailer{}, errors.Errorf(errors.Corrupt, "the trailer is damaged")
	case FileID(t[8:24]) != k.File || le.Uint64(t[24:]) != uint64(k.Page) || le.Uint32(t[32:]) != uint32(n):
		return trailer{}, errors.Errorf(errors.Corrupt, "it is another page")
	}
	return trailer{time.UnixMilli(int64(le.Uint64(t[36:]))), t[trailerBytes:]}, nil
}

// verify checks bytes that begin at a span.
func (t trailer) verify(p []byte, off int) error {
	for i := 0; i < len(p); i += spanBytes {
		want := binary.LittleEndian.Uint32(t.sums[4*((off+i)/spanBytes):])
		if crc32.Checksum(p[i:min(i+spanBytes, len(p))], castagnoli) != want {
			return errors.Errorf(errors.Corrupt, "the bytes at %d are damaged", off+i)
		}
	}
	return nil
}
