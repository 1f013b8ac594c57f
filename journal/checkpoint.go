package journal

import (
	"bufio"
	"encoding/binary"
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
	r := &checkpointReader{f: f, sections: sectionReader{in: bufio.NewReaderSize(f, 256<<10)}}
	if err := r.open(id); err != nil {
		f.Close()
		return nil, errors.E("checkpoint", path, errors.Other, err)
	}
	return r, nil
}

// checkpointReader reads the snapshot in a checkpoint.
type checkpointReader struct {
	f        *os.File
	sections sectionReader
	header   checkpointHeader
	payload  int64 // bytes of the snapshot, as the end of the file says
}

// open reads the header and looks at the end.
func (r *checkpointReader) open(id string) (err error) {
	h := &r.header
	if err := readHead(r.sections.in, checkpointMagic, "checkpoint", h); err != nil {
		return err
	}
	if id != checkpointName(h.Index, h.Term) {
		return corrupt("the file holds the checkpoint %s", checkpointName(h.Index, h.Term))
	}
	r.sections.place = h.Index
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
	n, err := r.sections.Read(p)
	if err != nil && err != io.EOF {
		err = errors.E("checkpoint", r.f.Name(), errors.Other, err)
	}
	return n, err
}

// Close closes the file.
func (r *checkpointReader) Close() error { return r.f.Close() }

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
		sectionWriter: newSectionWriter(f, index), started: time.Now()}
	err = writeHead(f, checkpointMagic, checkpointHeader{Index: index, Term: term, ConfigurationIndex: membersIndex,
		Configuration: raft.EncodeConfiguration(members), CreatedMs: w.started.UnixMilli()})
	if err != nil {
		w.Cancel()
		return nil, errors.E("writing the checkpoint", path, errors.Other, err)
	}
	return w, nil
}

// checkpointWriter writes a snapshot. The file gets its name at Close, when it is
// whole and durable.
type checkpointWriter struct {
	*sectionWriter
	store   *checkpointStore
	name    string
	path    string
	f       *os.File
	index   uint64
	started time.Time
	done    bool
}

// ID returns the checkpoint's name.
func (w *checkpointWriter) ID() string { return w.name }

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
	if err := w.end(); err != nil {
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
