package master

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

func emptyState(tb testing.TB) *state {
	tb.Helper()
	s, err := newState(mount.Point{ID: mount.RootID, Path: "/", UFS: rootURI}, 100)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// apply applies changes as a record; an error is the record's.
func (s *state) applyChanges(timeMS int64, op opID, changes ...*journalpb.Change) error {
	b, err := proto.Marshal(&journalpb.Record{TimeMs: timeMS, Op: op.message(), Changes: changes})
	if err != nil {
		return err
	}
	err, _ = s.Apply(b).(error)
	return err
}

// drawInode draws any attributes that an inode can have.
func drawInode(r *rapid.T, label string) inode.Inode {
	str := rapid.StringN(0, 5, -1)
	ms := rapid.Int64Range(0, 1<<40)
	entries := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) inode.ACLEntry {
		return inode.ACLEntry{Type: inode.ACLEntryType(rapid.IntRange(0, 5).Draw(r, "type")), Subject: str.Draw(r, "subject"), Perm: uint8(rapid.IntRange(0, 7).Draw(r, "perm"))}
	}), 0, 3)
	in := inode.Inode{
		Kind: inode.Kind(rapid.IntRange(0, 1).Draw(r, label+" kind")),
		Mode: uint16(rapid.IntRange(0, 0o7777).Draw(r, "mode")), Owner: str.Draw(r, "owner"), Group: str.Draw(r, "group"),
		CreatedMS: ms.Draw(r, "created"), ModifiedMS: ms.Draw(r, "modified"), AccessedMS: ms.Draw(r, "accessed"),
		Persistence: inode.Persistence(rapid.IntRange(0, 3).Draw(r, "persistence")), Pinned: rapid.Bool().Draw(r, "pinned"),
		Fingerprint: str.Draw(r, "fingerprint"), ACL: entries.Draw(r, "acl"),
		TTL: inode.TTL{Set: rapid.Bool().Draw(r, "ttl"), Millis: ms.Draw(r, "millis"), Action: inode.TTLAction(rapid.IntRange(0, 2).Draw(r, "action"))},
	}
	in.PinnedMedia = rapid.SliceOfN(str, 0, 2).Draw(r, "media")
	in.XAttr = rapid.MapOfN(str, rapid.SliceOfN(rapid.Byte(), 0, 3), 0, 2).Draw(r, "xattr")
	if in.IsDir() {
		in.MountPoint, in.ChildrenLoaded, in.DefaultACL = rapid.Bool().Draw(r, "mount"), rapid.Bool().Draw(r, "loaded"), entries.Draw(r, "default acl")
		return in
	}
	in.Length, in.BlockSize, in.Completed, in.Cacheable = ms.Draw(r, "length"), ms.Draw(r, "block"), rapid.Bool().Draw(r, "completed"), rapid.Bool().Draw(r, "cacheable")
	in.PersistAfterMS = ms.Draw(r, "persist after")
	in.Replication = inode.Replication{Min: rapid.Int32().Draw(r, "min"), Max: rapid.Int32().Draw(r, "max"), Durable: rapid.Int32().Draw(r, "durable")}
	return in
}

// normal makes empty and absent collections the same.
func normal(in inode.Inode) inode.Inode {
	if len(in.PinnedMedia) == 0 {
		in.PinnedMedia = nil
	}
	if len(in.ACL) == 0 {
		in.ACL = nil
	}
	if len(in.DefaultACL) == 0 {
		in.DefaultACL = nil
	}
	if len(in.XAttr) == 0 {
		in.XAttr = nil
	}
	for k, v := range in.XAttr {
		in.XAttr[k] = append([]byte{}, v...)
	}
	return in
}

// TestRecordsKeepEverything: whatever two inodes differ in goes through the
// journal, as a creation and as an update.
func TestRecordsKeepEverything(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		from, to := drawInode(r, "from"), drawInode(r, "to")
		through := func(c *journalpb.Change) *journalpb.Change {
			b, err := proto.Marshal(&journalpb.Record{Changes: []*journalpb.Change{c}})
			if err != nil {
				r.Fatal(err)
			}
			var back journalpb.Record
			if err := proto.Unmarshal(b, &back); err != nil {
				r.Fatal(err)
			}
			return back.Changes[0]
		}
		from.ID, from.Parent, from.Name = 7, 9, "n"
		if got := inodeOf(through(createChange(from)).GetCreate()); !reflect.DeepEqual(normal(got), normal(from)) {
			r.Errorf("created %+v\nwant %+v", got, from)
		}
		if to.Kind != from.Kind {
			return
		}
		to.ID, to.Parent, to.Name = from.ID, from.Parent, from.Name
		c := updateChange(from, to)
		if c == nil {
			if !reflect.DeepEqual(normal(from), normal(to)) {
				r.Errorf("no change from %+v to %+v", from, to)
			}
			return
		}
		got := from
		patch(&got, through(c).GetUpdate().GetAttributes())
		if !reflect.DeepEqual(normal(got), normal(to)) {
			r.Errorf("updated to %+v\nwant %+v", got, to)
		}
	})
}

// TestNoAttributeForgotten fails when a field is added to inodes that records
// do not know.
func TestNoAttributeForgotten(t *testing.T) {
	fields := reflect.TypeFor[inode.Inode]().NumField() + reflect.TypeFor[inode.File]().NumField() + reflect.TypeFor[inode.Directory]().NumField()
	if known := 17 + 2 + 6 + 4; fields != known {
		t.Errorf("inodes have %d fields; diff and patch were written for %d", fields, known)
	}
}

func TestOpCache(t *testing.T) {
	c := newOpCache(3)
	for i := range uint64(5) {
		c.add(opID{1, i})
		c.add(opID{1, i}) // once is enough
		c.add(opID{})
	}
	for i := range uint64(5) {
		if got, want := c.has(opID{1, i}), i >= 2; got != want {
			t.Errorf("%d is known: %v", i, got)
		}
	}
	again := newOpCache(3)
	for _, m := range c.messages() {
		again.add(opOf(m))
	}
	again.add(opID{1, 5})
	if again.has(opID{1, 2}) || !again.has(opID{1, 3}) {
		t.Error("the order is lost")
	}
}

func TestStateSnapshot(t *testing.T) {
	s := emptyState(t)
	dir := newInode(inode.KindDirectory)
	dir.ID, dir.Parent, dir.Name = blockid.Container(5).File(), rootContainer.File(), "d"
	err := s.applyChanges(77, opID{1, 2},
		&journalpb.Change{Change: &journalpb.Change_Cluster{Cluster: &journalpb.Cluster{Id: "c", RootUfs: rootURI}}},
		createChange(dir),
		&journalpb.Change{Change: &journalpb.Change_Mount{Mount: &journalpb.Mount{Id: 4, Path: "/m", UfsUri: "mem://m", Properties: map[string]string{"k": "v"}}}},
		&journalpb.Change{Change: &journalpb.Change_Mount{Mount: &journalpb.Mount{Id: 5, Path: "/m", UfsUri: "mem://m", ReadOnly: true}}},
		&journalpb.Change{Change: &journalpb.Change_UfsMode{UfsMode: &journalpb.UfsMode{Ufs: "mem://m/", Mode: 2}}},
		&journalpb.Change{Change: &journalpb.Change_PathConfig{PathConfig: &journalpb.PathConfig{Path: "/d", Properties: map[string]string{"a": "b"}}}},
		&journalpb.Change{Change: &journalpb.Change_Intent{Intent: &journalpb.Intent{Id: 3, Kind: &journalpb.Intent_Delete{Delete: &journalpb.DeleteIntent{Path: "/d"}}}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	image := snapshotBytes(t, s)
	other := emptyState(t)
	if err := other.Restore(bytes.NewReader(image)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(snapshotBytes(t, other), image) {
		t.Error("the restored state has another image")
	}
	m := &other.mu
	root := m.tree.Root()
	p, _ := m.mounts.At("/m")
	if m.nextContainer != 6 || m.nextIntent != 4 || m.lastMount != 5 || !p.ReadOnly || root.ModifiedMS != 77 ||
		!m.ops.has(opID{1, 2}) || m.ufsModes["mem://m/"] != 2 || m.pathConfig["/d"]["a"] != "b" || m.cluster.GetId() != "c" {
		t.Errorf("restored %+v", m)
	}
	for _, n := range []int{3, 20, len(image) / 2, len(image) - 1} {
		if err := emptyState(t).Restore(bytes.NewReader(image[:n])); err == nil {
			t.Errorf("%d of %d bytes were taken for a snapshot", n, len(image))
		}
	}
}

// TestApplyRefusesNonsense: a record that cannot be applied is an error, the
// same everywhere, and no panic.
func TestApplyRefusesNonsense(t *testing.T) {
	s := emptyState(t)
	orphan := newInode(inode.KindFile)
	orphan.ID, orphan.Parent, orphan.Name = blockid.Container(9).File(), blockid.Container(8).File(), "x"
	for _, c := range []*journalpb.Change{
		{}, createChange(orphan), removeChange(5), moveChange(1, 2, "x"), updateChange(orphan, inode.Inode{ID: orphan.ID}),
		{Change: &journalpb.Change_Unmount{Unmount: "/none"}},
	} {
		if err := s.applyChanges(1, opID{}, c); !errors.Is(err, errors.Internal) {
			t.Errorf("%v: %v", c, err)
		}
	}
	if err, _ := s.Apply([]byte{0xff}).(error); !errors.Is(err, errors.Internal) {
		t.Errorf("bytes that are no record: %v", err)
	}
	touch := &journalpb.Change{Change: &journalpb.Change_Touch{Touch: &journalpb.Touch{Id: 12345, AccessedMs: 1}}}
	if err := s.applyChanges(1, opID{}, touch); err != nil {
		t.Errorf("an access to a file that is gone: %v", err)
	}
}

// TestFootprint bounds the memory of the whole state for each empty file.
func TestFootprint(t *testing.T) {
	const files, perRecord, perDir = 200_000, 100, 1000
	s := emptyState(t)
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	next := blockid.Container(1)
	var dir blockid.FileID
	for i := 0; i < files; i += perRecord {
		var changes []*journalpb.Change
		if i%perDir == 0 {
			d := newInode(inode.KindDirectory)
			d.ID, d.Parent, d.Name = next.File(), rootContainer.File(), fmt.Sprintf("directory-%d", i)
			next++
			dir = d.ID
			changes = append(changes, createChange(d))
		}
		for j := range perRecord {
			f := newInode(inode.KindFile)
			f.ID, f.Parent, f.Name = next.File(), dir, fmt.Sprintf("file-%07d", i+j)
			f.Owner, f.Group, f.Mode, f.BlockSize, f.Completed = "user", "group", 0o644, 64<<20, true
			f.CreatedMS, f.ModifiedMS, f.AccessedMS = 1e12, 1e12, 1e12
			next++
			changes = append(changes, createChange(f))
		}
		if err := s.applyChanges(1e12, opID{}, changes...); err != nil {
			t.Fatal(err)
		}
	}
	perFile := (heap() - before) / files
	runtime.KeepAlive(s)
	if perFile > 150 {
		t.Errorf("%d bytes for each file", perFile)
	}
	t.Logf("%d bytes for each file", perFile)
}
