package journal

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
)

// Layout of what checkpoints and backups have in common; see
// docs/journal-format.md.
const (
	magicBytes     = 8
	sectionBytes   = 1 << 20
	sectionHeader  = 8
	endBytes       = 16
	headerMaxBytes = 1 << 20
)

// writeHead writes the magic and the header, as JSON with its checksum.
func writeHead(w io.Writer, magic string, header any) error {
	head, err := json.Marshal(header)
	if err != nil {
		return err
	}
	b := append([]byte(magic), make([]byte, 8)...)
	binary.LittleEndian.PutUint32(b[magicBytes:], uint32(len(head)))
	binary.LittleEndian.PutUint32(b[magicBytes+4:], crc32.Checksum(head, castagnoli))
	_, err = w.Write(append(b, head...))
	return err
}

// readHead reads what writeHead wrote; what names such a file.
func readHead(r io.Reader, magic, what string, header any) error {
	var b [magicBytes + 8]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return shortFile(err)
	}
	size := binary.LittleEndian.Uint32(b[magicBytes:])
	if string(b[:magicBytes]) != magic || size > headerMaxBytes {
		return corrupt("this is not a %s", what)
	}
	head := make([]byte, size)
	if _, err := io.ReadFull(r, head); err != nil {
		return shortFile(err)
	}
	if crc32.Checksum(head, castagnoli) != binary.LittleEndian.Uint32(b[magicBytes+4:]) || json.Unmarshal(head, header) != nil {
		return corrupt("the header does not match its checksum")
	}
	return nil
}

// sectionWriter cuts bytes into sections with checksums, which also cover the
// place: a number of the file, so that sections of two files cannot be mixed.
type sectionWriter struct {
	w       io.Writer
	place   uint64
	section uint64
	total   uint64
	buf     []byte // room for the section's header, then its bytes
}

func newSectionWriter(w io.Writer, place uint64) *sectionWriter {
	return &sectionWriter{w: w, place: place, buf: make([]byte, sectionHeader, sectionHeader+sectionBytes)}
}

// Write adds bytes.
func (s *sectionWriter) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		n := min(len(p), cap(s.buf)-len(s.buf))
		s.buf = append(s.buf, p[:n]...)
		p, written = p[n:], written+n
		if len(s.buf) == cap(s.buf) {
			if err := s.flush(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// flush writes the section in buf.
func (s *sectionWriter) flush() error {
	data := s.buf[sectionHeader:]
	if len(data) == 0 {
		return nil
	}
	s.section++
	s.total += uint64(len(data))
	binary.LittleEndian.PutUint32(s.buf, uint32(len(data)))
	binary.LittleEndian.PutUint32(s.buf[4:], sectionSum(s.section, s.place, data))
	_, err := s.w.Write(s.buf)
	s.buf = s.buf[:sectionHeader]
	return err
}

// end writes the last section and the end.
func (s *sectionWriter) end() error {
	if err := s.flush(); err != nil {
		return err
	}
	b := make([]byte, sectionHeader+endBytes)
	binary.LittleEndian.PutUint64(b[8:], s.section)
	binary.LittleEndian.PutUint64(b[16:], s.total)
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	_, err := s.w.Write(b)
	return err
}

// sectionReader verifies sections and joins their bytes. It ends with io.EOF
// behind a good end, with nothing after it.
type sectionReader struct {
	in      *bufio.Reader
	place   uint64
	section uint64
	total   uint64
	buf     []byte // the rest of the current section
	space   []byte
	err     error
}

// Read reads the bytes of the sections.
func (s *sectionReader) Read(p []byte) (int, error) {
	for len(s.buf) == 0 && s.err == nil {
		s.err = s.next()
	}
	if len(s.buf) == 0 {
		return 0, s.err
	}
	n := copy(p, s.buf)
	s.buf = s.buf[n:]
	return n, nil
}

// next reads one section, or the end: io.EOF.
func (s *sectionReader) next() error {
	var h [sectionHeader]byte
	if _, err := io.ReadFull(s.in, h[:]); err != nil {
		return shortFile(err)
	}
	size, sum := binary.LittleEndian.Uint32(h[:]), binary.LittleEndian.Uint32(h[4:])
	if size == 0 {
		return s.end(sum)
	}
	s.section++
	if size > sectionBytes {
		return corrupt("section %d is damaged: it claims %d bytes", s.section, size)
	}
	if s.space == nil {
		s.space = make([]byte, sectionBytes)
	}
	b := s.space[:size]
	if _, err := io.ReadFull(s.in, b); err != nil {
		return shortFile(err)
	}
	if sectionSum(s.section, s.place, b) != sum {
		return corrupt("section %d does not match its checksum", s.section)
	}
	s.total += uint64(size)
	s.buf = b
	return nil
}

// end verifies what follows the last section.
func (s *sectionReader) end(sum uint32) error {
	var b [endBytes]byte
	if _, err := io.ReadFull(s.in, b[:]); err != nil {
		return shortFile(err)
	}
	_, more := s.in.ReadByte()
	if more != nil && more != io.EOF {
		return more
	}
	if crc32.Checksum(b[:], castagnoli) != sum || more != io.EOF ||
		binary.LittleEndian.Uint64(b[:]) != s.section || binary.LittleEndian.Uint64(b[8:]) != s.total {
		return corrupt("the end of the file is damaged")
	}
	return io.EOF
}

func shortFile(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return corrupt("the file has been cut off")
	}
	return err
}

func sectionSum(section, place uint64, b []byte) uint32 {
	var at [16]byte
	binary.LittleEndian.PutUint64(at[:], section)
	binary.LittleEndian.PutUint64(at[8:], place)
	return crc32.Update(crc32.Checksum(at[:], castagnoli), castagnoli, b)
}
