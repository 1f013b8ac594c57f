package pagecache

import "sync"

// smallStep is how much is read at a time for reads in sequence that are smaller.
const smallStep = 64 << 10

// stepBuffer holds bytes that small reads in sequence take from.
type stepBuffer struct {
	buf  *[]byte
	data []byte
	off  int64 // in the file
}

var stepBuffers = sync.Pool{New: func() any { b := make([]byte, smallStep); return &b }}

// at returns what it holds from a place on.
func (s *stepBuffer) at(off int64) []byte {
	if off < s.off || off >= s.off+int64(len(s.data)) {
		return nil
	}
	return s.data[off-s.off:]
}

// room returns memory for n bytes of the file from a place on.
func (s *stepBuffer) room(off int64, n int) []byte {
	if s.buf == nil {
		s.buf = stepBuffers.Get().(*[]byte)
	}
	s.data, s.off = (*s.buf)[:n], off
	return s.data
}

func (s *stepBuffer) free() {
	if s.buf != nil {
		stepBuffers.Put(s.buf)
	}
	*s = stepBuffer{}
}
