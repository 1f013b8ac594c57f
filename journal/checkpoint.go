package journal

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Layout of a checkpoint file; see docs/journal-format.md.
const (
	checkpointMagic  = "ALXCKPT1"
	checkpointSuffix = ".ckpt"
	tmpSuffix        = ".tmp"
	sectionBytes     = 1 << 20
	sectionHeader    = 8
	endBytes         = 16
	headerMaxBytes   = 1 << 20
	keepCheckpoints  = 2
)

// checkpointHeader opens a checkpoint file, as JSON.
type checkpointHeader struct {
	Index              uint64 `json:"index"`
	Term               uint64 `json:"term"`
	ConfigurationIndex uint64 `json:"configurationIndex"`
	Configuration      []byte `json:"configuration"`
	CreatedMs          int64  `json:"created"`
}

// checkpointStore is raft's SnapshotStore: one file per checkpoint.
type checkpointStore struct {
	dir     string
	logger  *slog.Logger
	metrics *metrics

	mu struct {
		sync.Mutex
		index uint64 // that the newest checkpoint covers, 0 if there is none
		at    time.Time
	}
}

// newest tells which index the newest checkpoint covers and when it was taken.
func (s *checkpointStore) newest() (index uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.index, s.mu.at
}

func (s *checkpointStore) newestIndex() uint64 {
	index, _ := s.newest()
	return index
}

func (s *checkpointStore) setNewest(index uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.index, s.mu.at = index, at
}

func checkpointName(index, term uint64) string {
	return fmt.Sprintf("%020d-%020d%s", index, term, checkpointSuffix)
}

// sweep removes what unfinished checkpoints have left.
func (s *checkpointStore) sweep() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), tmpSuffix) {
			continue
		}
		s.logger.Info("removing an unfinished checkpoint", "file", e.Name())
		if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// names lists the checkpoints, the newest first: the names sort like
// index and term.
func (s *checkpointStore) names() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), checkpointSuffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names, nil
}

// verifyNewest reads every byte of the newest checkpoint, nil if there is none.
func (s *checkpointStore) verifyNewest() (*raft.SnapshotMeta, error) {
	names, err := s.names()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	r, err := s.open(names[0])
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, err
	}
	s.setNewest(r.header.Index, time.UnixMilli(r.header.CreatedMs))
	return r.meta(), nil
}

// List returns the checkpoints, the newest first.
func (s *checkpointStore) List() ([]*raft.SnapshotMeta, error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	metas := make([]*raft.SnapshotMeta, 0, len(names))
	for _, name := range names {
		r, err := s.open(name)
		if err != nil {
			return nil, err
		}
		r.Close()
		metas = append(metas, r.meta())
	}
	return metas, nil
}

// Open returns a reader of the snapshot in a checkpoint, which fails with an
// error of kind Corrupt instead of giving a wrong byte, or too few.
func (s *checkpointStore) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	r, err := s.open(id)
	if err != nil {
		return nil, nil, err
	}
	return r.meta(), r, nil
}

func (s *checkpointStore) open(id string) (*checkpointReader, error) {
	path := filepath.Join(s.dir, id)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &checkpointReader{f: f, in: bufio.NewReaderSize(f, 256<<10)}
	if err := r.open(id); err != nil {
		f.Close()
		return nil, errors.E("checkpoint", path, errors.Other, err)
	}
	return r, nil
}

// checkpointReader verifies and joins the sections of a checkpoint.
type checkpointReader struct {
	f       *os.File
	in      *bufio.Reader
	header  checkpointHeader
	payload int64 // bytes of the snapshot, as the end of the file says
	section uint64
	total   uint64
	buf     []byte // the rest of the current section
	space   []byte
	err     error
}

// open reads the header and looks at the end.
func (r *checkpointReader) open(id string) (err error) {
	var b [len(checkpointMagic) + 8]byte
	if _, err := io.ReadFull(r.in, b[:]); err != nil {
		return shortFile(err)
	}
	size := binary.LittleEndian.Uint32(b[8:])
	if string(b[:8]) != checkpointMagic || size > headerMaxBytes {
		return corrupt("this is not a checkpoint")
	}
	head := make([]byte, size)
	if _, err := io.ReadFull(r.in, head); err != nil {
		return shortFile(err)
	}
	h := &r.header
	if crc32.Checksum(head, castagnoli) != binary.LittleEndian.Uint32(b[12:]) || json.Unmarshal(head, h) != nil {
		return corrupt("the header does not match its checksum")
	}
	if id != checkpointName(h.Index, h.Term) {
		return corrupt("the file holds the checkpoint %s", checkpointName(h.Index, h.Term))
	}
	r.payload, err = r.payloadBytes()
	return err
}

func (r *checkpointReader) meta() *raft.SnapshotMeta {
	h := &r.header
	return &raft.SnapshotMeta{
		Version: raft.SnapshotVersionMax, ID: checkpointName(h.Index, h.Term), Index: h.Index, Term: h.Term,
		Configuration: raft.DecodeConfiguration(h.Configuration), ConfigurationIndex: h.ConfigurationIndex,
		Size: r.payload,
	}
}

// payloadBytes reads the snapshot's size at the end of the file.
func (r *checkpointReader) payloadBytes() (int64, error) {
	st, err := r.f.Stat()
	if err != nil {
		return 0, err
	}
	var end [4 + endBytes]byte
	if _, err := r.f.ReadAt(end[:], max(0, st.Size()-int64(len(end)))); err != nil {
		return 0, shortFile(err)
	}
	if crc32.Checksum(end[4:], castagnoli) != binary.LittleEndian.Uint32(end[:]) {
		return 0, corrupt("the end of the file is damaged or cut off")
	}
	return int64(binary.LittleEndian.Uint64(end[12:])), nil
}

// Read reads the snapshot.
func (r *checkpointReader) Read(p []byte) (int, error) {
	for len(r.buf) == 0 && r.err == nil {
		r.err = r.next()
		if r.err != nil && r.err != io.EOF {
			r.err = errors.E("checkpoint", r.f.Name(), errors.Other, r.err)
		}
	}
	if len(r.buf) == 0 {
		return 0, r.err
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

// next reads one section, or the end: io.EOF.
func (r *checkpointReader) next() error {
	var h [sectionHeader]byte
	if _, err := io.ReadFull(r.in, h[:]); err != nil {
		return shortFile(err)
	}
	size, sum := binary.LittleEndian.Uint32(h[:]), binary.LittleEndian.Uint32(h[4:])
	if size == 0 {
		return r.end(sum)
	}
	r.section++
	if size > sectionBytes {
		return corrupt("section %d is damaged: it claims %d bytes", r.section, size)
	}
	if r.space == nil {
		r.space = make([]byte, sectionBytes)
	}
	b := r.space[:size]
	if _, err := io.ReadFull(r.in, b); err != nil {
		return shortFile(err)
	}
	if sectionSum(r.section, r.header.Index, b) != sum {
		return corrupt("section %d does not match its checksum", r.section)
	}
	r.total += uint64(size)
	r.buf = b
	return nil
}

// end verifies what follows the last section.
func (r *checkpointReader) end(sum uint32) error {
	var b [endBytes]byte
	if _, err := io.ReadFull(r.in, b[:]); err != nil {
		return shortFile(err)
	}
	_, more := r.in.ReadByte()
	if crc32.Checksum(b[:], castagnoli) != sum || more != io.EOF ||
		binary.LittleEndian.Uint64(b[:]) != r.section || binary.LittleEndian.Uint64(b[8:]) != r.total {
		return corrupt("the end of the file is damaged")
	}
	return io.EOF
}

// Close closes the file.
func (r *checkpointReader) Close() error { return r.f.Close() }

func shortFile(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return corrupt("the file has been cut off")
	}
	return err
}

func sectionSum(section, index uint64, b []byte) uint32 {
	var place [16]byte
	binary.LittleEndian.PutUint64(place[:], section)
	binary.LittleEndian.PutUint64(place[8:], index)
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, b)
}

// Create begins a checkpoint.
func (s *checkpointStore) Create(_ raft.SnapshotVersion, index, term uint64, members raft.Configuration,
	membersIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	name := checkpointName(index, term)
	path := filepath.Join(s.dir, name)
	f, err := os.OpenFile(path+tmpSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := &checkpointWriter{store: s, name: name, path: path, f: f, index: index,
		buf: make([]byte, sectionHeader, sectionHeader+sectionBytes), started: time.Now()}
	head, err := json.Marshal(checkpointHeader{Index: index, Term: term, ConfigurationIndex: membersIndex,
		Configuration: raft.EncodeConfiguration(members), CreatedMs: w.started.UnixMilli()})
	if err == nil {
		b := append([]byte(checkpointMagic), make([]byte, 8)...)
		binary.LittleEndian.PutUint32(b[8:], uint32(len(head)))
		binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(head, castagnoli))
		_, err = f.Write(append(b, head...))
	}
	if err != nil {
		w.Cancel()
		return nil, errors.E("writing the checkpoint", path, errors.Other, err)
	}
	return w, nil
}

// checkpointWriter cuts a snapshot into sections. The file gets its name at
// Close, when it is whole and durable.
type checkpointWriter struct {
	store   *checkpointStore
	name    string
	path    string
	f       *os.File
	index   uint64
	section uint64
	total   uint64
	buf     []byte // room for the section's header, then its bytes
	started time.Time
	done    bool
}

// ID returns the checkpoint's name.
func (w *checkpointWriter) ID() string { return w.name }

// Write adds to the snapshot.
func (w *checkpointWriter) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		n := min(len(p), cap(w.buf)-len(w.buf))
		w.buf = append(w.buf, p[:n]...)
		p, written = p[n:], written+n
		if len(w.buf) == cap(w.buf) {
			if err := w.flush(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// flush writes the section in buf.
func (w *checkpointWriter) flush() error {
	data := w.buf[sectionHeader:]
	if len(data) == 0 {
		return nil
	}
	w.section++
	w.total += uint64(len(data))
	binary.LittleEndian.PutUint32(w.buf, uint32(len(data)))
	binary.LittleEndian.PutUint32(w.buf[4:], sectionSum(w.section, w.index, data))
	_, err := w.f.Write(w.buf)
	w.buf = w.buf[:sectionHeader]
	return err
}

// Close makes the checkpoint durable and visible.
func (w *checkpointWriter) Close() error {
	if w.done {
		return nil
	}
	if err := w.finish(); err != nil {
		w.Cancel()
		return errors.E("writing the checkpoint", w.path, errors.Other, err)
	}
	w.done = true
	w.store.setNewest(w.index, w.started)
	w.store.metrics.checkpointed(time.Since(w.started), int64(w.total))
	w.store.retire()
	return nil
}

func (w *checkpointWriter) finish() error {
	if err := w.flush(); err != nil {
		return err
	}
	b := make([]byte, sectionHeader+endBytes)
	binary.LittleEndian.PutUint64(b[8:], w.section)
	binary.LittleEndian.PutUint64(b[16:], w.total)
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	if _, err := w.f.Write(b); err != nil {
		return err
	}
	if err := w.f.Sync(); err != nil {
		return err
	}
	if err := w.f.Close(); err != nil {
		return err
	}
	return replacePath(w.path+tmpSuffix, w.path, w.store.dir)
}

// Cancel gives the checkpoint up.
func (w *checkpointWriter) Cancel() error {
	if w.done {
		return nil
	}
	w.done = true
	w.f.Close()
	return os.Remove(w.path + tmpSuffix)
}

// retire removes all but the newest checkpoints.
func (s *checkpointStore) retire() {
	names, err := s.names()
	if err != nil {
		s.logger.Warn("cannot list the checkpoints", "dir", s.dir, "error", err)
		return
	}
	for _, name := range names[min(keepCheckpoints, len(names)):] {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
			s.logger.Warn("cannot remove an old checkpoint", "file", name, "error", err)
		}
	}
}
