package master

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

const (
	snapshotVersion  = 1
	maxSnapshotField = 1 << 30 // of the header, as a guard against damage

	rootContainer = blockid.Container(0)
)

// state is what the journal's records act on: the replicated state machine.
// Reading needs the read lock; Apply and Restore, driven by the journal, are
// the only writers. The lock is never held across I/O.
type state struct {
	root    mount.Point // the configured root mount, put into every table
	maxOps  int
	removed atomic.Pointer[func(inode.Inode)] // told of each file whose blocks nobody needs any more

	mu struct {
		sync.RWMutex
		tree          *inode.Tree
		mounts        *mount.Table
		lastMount     mount.ID // the largest ever used
		nextContainer blockid.Container
		nextIntent    int64
		ops           *opCache
		ufsModes      map[string]int32
		pathConfig    map[string]map[string]string
		intents       map[int64]*journalpb.Intent
		loads         map[string]*journalpb.LoadJob // by path
		cluster       *journalpb.Cluster            // nil before the first leader
	}
}

// newState returns the state of an empty journal: a root directory over the
// root mount.
func newState(root mount.Point, maxOps int) (*state, error) {
	s := &state{root: root, maxOps: maxOps}
	mounts := mount.New()
	if err := mounts.Add(root); err != nil {
		return nil, err
	}
	s.mu.tree = inode.New(emptyRoot())
	s.mu.mounts = mounts
	s.mu.lastMount = mount.RootID
	s.mu.nextContainer = rootContainer + 1
	s.mu.nextIntent = 1
	s.mu.ops = newOpCache(maxOps)
	s.mu.ufsModes = make(map[string]int32)
	s.mu.pathConfig = make(map[string]map[string]string)
	s.mu.intents = make(map[int64]*journalpb.Intent)
	s.mu.loads = make(map[string]*journalpb.LoadJob)
	return s, nil
}

// emptyRoot is the root directory before the first leader gives it an owner.
func emptyRoot() inode.Inode {
	in := newInode(inode.KindDirectory)
	in.ID, in.Parent = rootContainer.File(), inode.NoParent
	in.Mode, in.Persistence, in.MountPoint = 0o755, inode.Persisted, true
	return in
}

// Apply performs one record. Its result is nil or an error; an error means that
// the leader proposed what its own state did not allow, which is a bug.
func (s *state) Apply(record []byte) any {
	var r journalpb.Record
	if err := proto.Unmarshal(record, &r); err != nil {
		return errors.E("journal record", "", errors.Internal, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range r.GetChanges() {
		if err := s.change(c, r.GetTimeMs()); err != nil {
			return errors.E(fmt.Sprintf("journal record: change %d (%T)", i, c.GetChange()), "", errors.Internal, err)
		}
	}
	s.mu.ops.add(opOf(r.GetOp()))
	return nil
}

func (s *state) change(c *journalpb.Change, timeMS int64) error {
	switch c := c.GetChange().(type) {
	case *journalpb.Change_Create:
		return s.create(inodeOf(c.Create), timeMS)
	case *journalpb.Change_Update:
		return s.update(c.Update)
	case *journalpb.Change_Remove:
		return s.remove(blockid.FileID(c.Remove.GetId()), timeMS)
	case *journalpb.Change_Move:
		return s.move(c.Move, timeMS)
	case *journalpb.Change_Mount:
		return s.mount(pointOf(c.Mount))
	case *journalpb.Change_Unmount:
		_, err := s.mu.mounts.Remove(c.Unmount)
		return err
	case *journalpb.Change_UfsMode:
		s.setUFSMode(c.UfsMode)
	case *journalpb.Change_PathConfig:
		s.setPathConfig(c.PathConfig)
	case *journalpb.Change_Intent:
		s.addIntent(c.Intent)
	case *journalpb.Change_IntentDone:
		delete(s.mu.intents, c.IntentDone)
	case *journalpb.Change_Cluster:
		s.mu.cluster = c.Cluster
	case *journalpb.Change_Touch:
		return s.touch(c.Touch)
	case *journalpb.Change_LoadJob:
		s.setLoadJob(c.LoadJob)
	default:
		return errors.Errorf(errors.Internal, "unknown to this version")
	}
	return nil
}

func (s *state) create(in inode.Inode, timeMS int64) error {
	s.use(in.ID)
	if err := s.mu.tree.Create(in); err != nil {
		return err
	}
	return s.mu.tree.Touch(in.Parent, timeMS, 0)
}

// use notes that an id is taken, so that no later leader allocates it again.
func (s *state) use(id blockid.FileID) {
	s.mu.nextContainer = max(s.mu.nextContainer, id.Container()+1)
}

func (s *state) update(u *journalpb.Update) error {
	id := blockid.FileID(u.GetId())
	if u.NewId != nil {
		old, ok := s.mu.tree.Get(id)
		if !ok {
			return errors.Errorf(errors.NotFound, "no inode %d", id)
		}
		newID := blockid.FileID(u.GetNewId())
		s.use(newID)
		if err := s.mu.tree.ChangeID(id, newID); err != nil {
			return err
		}
		s.forget(old)
		id = newID
	}
	if u.GetAttributes() == nil {
		return nil
	}
	return s.mu.tree.Update(id, func(in *inode.Inode) { patch(in, u.GetAttributes()) })
}

func (s *state) touch(m *journalpb.Touch) error {
	err := s.mu.tree.Touch(blockid.FileID(m.GetId()), 0, m.GetAccessedMs())
	if errors.Is(err, errors.NotFound) {
		return nil
	}
	return err
}

func (s *state) remove(id blockid.FileID, timeMS int64) error {
	in, ok := s.mu.tree.Get(id)
	if !ok {
		return errors.Errorf(errors.NotFound, "no inode %d", id)
	}
	if err := s.mu.tree.DeleteAll(id, s.forget); err != nil {
		return err
	}
	return s.mu.tree.Touch(in.Parent, timeMS, 0)
}

// forget tells the leader's term, if there is one, of a file that is gone.
func (s *state) forget(in inode.Inode) {
	if f := s.removed.Load(); f != nil && !in.IsDir() {
		(*f)(in)
	}
}

func (s *state) move(m *journalpb.Move, timeMS int64) error {
	id, parent := blockid.FileID(m.GetId()), blockid.FileID(m.GetParent())
	in, ok := s.mu.tree.Get(id)
	if !ok {
		return errors.Errorf(errors.NotFound, "no inode %d", id)
	}
	if err := s.mu.tree.Rename(id, parent, m.GetName()); err != nil {
		return err
	}
	if err := s.mu.tree.Touch(in.Parent, timeMS, 0); err != nil {
		return err
	}
	return s.mu.tree.Touch(parent, timeMS, 0)
}

func (s *state) mount(p mount.Point) error {
	s.mu.lastMount = max(s.mu.lastMount, p.ID)
	if _, ok := s.mu.mounts.At(p.Path); ok {
		return s.mu.mounts.Update(p)
	}
	return s.mu.mounts.Add(p)
}

func (s *state) setUFSMode(m *journalpb.UfsMode) {
	s.mu.ufsModes[m.GetUfs()] = m.GetMode()
}

func (s *state) setPathConfig(c *journalpb.PathConfig) {
	if len(c.GetProperties()) == 0 {
		delete(s.mu.pathConfig, c.GetPath())
		return
	}
	s.mu.pathConfig[c.GetPath()] = c.GetProperties()
}

func (s *state) addIntent(i *journalpb.Intent) {
	s.mu.intents[i.GetId()] = i
	s.mu.nextIntent = max(s.mu.nextIntent, i.GetId()+1)
}

func (s *state) setLoadJob(j *journalpb.LoadJob) {
	if j.GetId() == "" {
		delete(s.mu.loads, j.GetPath())
		return
	}
	s.mu.loads[j.GetPath()] = j
}

// Snapshot returns the state as it is; the tree copies on write from here on.
func (s *state) Snapshot() (journal.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &stateSnapshot{s: s, header: s.header(), tree: s.mu.tree.Snapshot()}, nil
}

// header copies everything but the tree. Messages in it are never changed in
// place, so they may be shared.
func (s *state) header() *journalpb.SnapshotHeader {
	h := &journalpb.SnapshotHeader{
		Version:       snapshotVersion,
		NextContainer: int64(s.mu.nextContainer),
		NextIntent:    s.mu.nextIntent,
		LastMount:     int64(s.mu.lastMount),
		Cluster:       s.mu.cluster,
		Ops:           s.mu.ops.messages(),
	}
	for _, p := range s.mu.mounts.All() {
		if p.Path != s.root.Path {
			h.Mounts = append(h.Mounts, mountMessage(p))
		}
	}
	for _, ufs := range slices.Sorted(maps.Keys(s.mu.ufsModes)) {
		h.UfsModes = append(h.UfsModes, &journalpb.UfsMode{Ufs: ufs, Mode: s.mu.ufsModes[ufs]})
	}
	for _, path := range slices.Sorted(maps.Keys(s.mu.pathConfig)) {
		h.PathConfigs = append(h.PathConfigs, &journalpb.PathConfig{Path: path, Properties: s.mu.pathConfig[path]})
	}
	for _, id := range slices.Sorted(maps.Keys(s.mu.intents)) {
		h.Intents = append(h.Intents, s.mu.intents[id])
	}
	for _, path := range slices.Sorted(maps.Keys(s.mu.loads)) {
		h.LoadJobs = append(h.LoadJobs, s.mu.loads[path])
	}
	return h
}

type stateSnapshot struct {
	s      *state
	header *journalpb.SnapshotHeader
	tree   *inode.Snapshot
}

// Write writes the length of the header in 8 bytes, little endian, the header,
// and the image of the tree. Checksums are the journal's.
func (s *stateSnapshot) Write(w io.Writer) error {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(s.header)
	if err != nil {
		return err
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(b)))); err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	_, err = s.tree.WriteTo(w)
	return err
}

// Release lets the tree forget the moment of the snapshot.
func (s *stateSnapshot) Release() {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	s.tree.Release()
}

// Restore replaces the state by a snapshot's.
func (s *state) Restore(r io.Reader) error {
	h, err := readHeader(r)
	if err != nil {
		return err
	}
	tree, err := inode.Restore(r)
	if err != nil {
		return err
	}
	fresh, err := newState(s.root, s.maxOps)
	if err != nil {
		return err
	}
	if err := fresh.load(h); err != nil {
		return errors.E("snapshot", "", errors.Corrupt, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &fresh.mu
	s.mu.tree, s.mu.mounts, s.mu.lastMount = tree, f.mounts, f.lastMount
	s.mu.nextContainer, s.mu.nextIntent = f.nextContainer, f.nextIntent
	s.mu.ops, s.mu.ufsModes, s.mu.pathConfig = f.ops, f.ufsModes, f.pathConfig
	s.mu.intents, s.mu.cluster, s.mu.loads = f.intents, f.cluster, f.loads
	return nil
}

func readHeader(r io.Reader) (*journalpb.SnapshotHeader, error) {
	var size [8]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, errors.E("snapshot header", "", errors.Other, err)
	}
	n := binary.LittleEndian.Uint64(size[:])
	if n > maxSnapshotField {
		return nil, errors.Errorf(errors.Corrupt, "snapshot header: a length of %d bytes cannot be", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, errors.E("snapshot header", "", errors.Other, err)
	}
	var h journalpb.SnapshotHeader
	if err := proto.Unmarshal(b, &h); err != nil {
		return nil, errors.E("snapshot header", "", errors.Corrupt, err)
	}
	if h.GetVersion() != snapshotVersion {
		return nil, errors.Errorf(errors.Invalid, "The journal's checkpoint has version %d; this program reads version %d. "+
			"Start the release that wrote it.", h.GetVersion(), snapshotVersion)
	}
	return &h, nil
}

// load fills an empty state from a header.
func (s *state) load(h *journalpb.SnapshotHeader) error {
	s.mu.nextContainer = blockid.Container(h.GetNextContainer())
	s.mu.nextIntent = h.GetNextIntent()
	s.mu.cluster = h.GetCluster()
	for _, m := range h.GetMounts() {
		if err := s.mount(pointOf(m)); err != nil {
			return err
		}
	}
	s.mu.lastMount = max(s.mu.lastMount, mount.ID(h.GetLastMount()))
	for _, o := range h.GetOps() {
		s.mu.ops.add(opOf(o))
	}
	for _, m := range h.GetUfsModes() {
		s.setUFSMode(m)
	}
	for _, c := range h.GetPathConfigs() {
		s.setPathConfig(c)
	}
	for _, i := range h.GetIntents() {
		s.addIntent(i)
	}
	for _, j := range h.GetLoadJobs() {
		s.setLoadJob(j)
	}
	return nil
}
