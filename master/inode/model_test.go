package inode

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// model is the tree done naively: what a Tree must be equal to.
type model map[blockid.FileID]Inode

func (m model) children(dir blockid.FileID) []Inode {
	var kids []Inode
	for _, in := range m {
		if in.Parent == dir {
			kids = append(kids, in)
		}
	}
	slices.SortFunc(kids, func(a, b Inode) int { return cmp.Compare(a.Name, b.Name) })
	return kids
}

func (m model) child(dir blockid.FileID, name string) (Inode, bool) {
	for _, in := range m {
		if in.Parent == dir && in.Name == name {
			return in, true
		}
	}
	return Inode{}, false
}

func (m model) within(anc, id blockid.FileID) bool {
	for {
		if id == anc {
			return true
		}
		in, ok := m[id]
		if !ok {
			return false
		}
		id = in.Parent
	}
}

func (m model) path(id blockid.FileID) string {
	in := m[id]
	if in.Parent == NoParent {
		return "/"
	}
	return strings.TrimSuffix(m.path(in.Parent), "/") + "/" + in.Name
}

func (m model) place(parent blockid.FileID, name string) errors.Kind {
	dir, ok := m[parent]
	if !ok {
		return errors.NotFound
	}
	if !dir.IsDir() {
		return errors.FailedPrecondition
	}
	if _, taken := m.child(parent, name); taken {
		return errors.Exists
	}
	return errors.Other
}

// view is an inode as the model has it: ChildCount filled in.
func (m model) view(id blockid.FileID) Inode {
	in := m[id]
	if in.IsDir() {
		in.ChildCount = len(m.children(id))
	}
	return in
}

var rootInode = Inode{ID: blockid.Container(0).File(), Parent: NoParent, Kind: KindDirectory, Mode: 0o755, Owner: "root", Group: "root", CreatedMS: 1}

func newModel() model { return model{rootInode.ID: rootInode} }

func drawAttrs(t *rapid.T, in *Inode) {
	in.Mode = uint16(rapid.IntRange(0, 0o7777).Draw(t, "mode"))
	in.Owner = rapid.SampledFrom([]string{"", "al", "bo"}).Draw(t, "owner")
	in.Group = rapid.SampledFrom([]string{"", "staff"}).Draw(t, "group")
	in.CreatedMS = rapid.Int64Range(-5, 1<<45).Draw(t, "created")
	in.ModifiedMS = rapid.Int64Range(0, 1<<45).Draw(t, "modified")
	in.AccessedMS = rapid.Int64Range(0, 1<<45).Draw(t, "accessed")
	in.Persistence = Persistence(rapid.IntRange(0, 3).Draw(t, "persistence"))
	in.Pinned = rapid.Bool().Draw(t, "pinned")
	in.Fingerprint = rapid.SampledFrom([]string{"", "x", "etag-0123456789"}).Draw(t, "print")
	in.PinnedMedia, in.TTL, in.ACL, in.XAttr = nil, TTL{}, nil, nil
	if rapid.Bool().Draw(t, "rare") {
		in.PinnedMedia = rapid.SampledFrom([][]string{nil, {"MEM"}, {"MEM", "SSD"}}).Draw(t, "media")
		in.TTL = rapid.SampledFrom([]TTL{{}, {Set: true}, {Set: true, Millis: 1 << 40, Action: TTLFree}, {Set: true, Millis: 1<<63 - 1}}).Draw(t, "ttl")
		in.ACL = rapid.SampledFrom([][]ACLEntry{nil, {{ACLNamedUser, "bo", 5}, {ACLMask, "", 7}}}).Draw(t, "acl")
		in.XAttr = rapid.SampledFrom([]map[string][]byte{nil, {"a": []byte("1"), "b": []byte{0}}}).Draw(t, "xattr")
	}
	if in.IsDir() {
		in.MountPoint = rapid.Bool().Draw(t, "mountpoint")
		in.ChildrenLoaded = rapid.Bool().Draw(t, "loaded")
		in.DefaultACL = rapid.SampledFrom([][]ACLEntry{nil, {{ACLOwner, "", 7}}}).Draw(t, "defacl")
		return
	}
	in.Length = rapid.Int64Range(0, 1<<50).Draw(t, "length")
	in.BlockSize = rapid.SampledFrom([]int64{0, 64 << 20, 1 << 20}).Draw(t, "blocksize")
	in.Completed = rapid.Bool().Draw(t, "completed")
	in.Cacheable = rapid.Bool().Draw(t, "cacheable")
	in.Replication = rapid.SampledFrom([]Replication{DefaultReplication, {1, 3, 2}, {}}).Draw(t, "replication")
	in.PersistAfterMS = rapid.SampledFrom([]int64{0, 7}).Draw(t, "persistafter")
}

// saved is a snapshot with what it must contain.
type saved struct {
	snap *Snapshot
	want model
}

func TestRandomOperationsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree, m := New(rootInode), newModel()
		var snaps []saved
		next := blockid.Container(1)
		anyID := func(label string) blockid.FileID {
			if rapid.IntRange(0, 20).Draw(t, label+"?") == 0 {
				return blockid.Container(1 << 30).File()
			}
			return rapid.SampledFrom(slices.Sorted(maps.Keys(m))).Draw(t, label)
		}
		name := rapid.StringMatching(`[ab]{1,3}`)
		t.Repeat(map[string]func(*rapid.T){
			"create": func(t *rapid.T) {
				in := Inode{ID: next.File(), Parent: anyID("parent"), Name: name.Draw(t, "name")}
				if rapid.Bool().Draw(t, "dir") {
					in.Kind = KindDirectory
				}
				drawAttrs(t, &in)
				want := m.place(in.Parent, in.Name)
				checkErr(t, tree.Create(in), want)
				if want == errors.Other {
					m[in.ID] = in
					next += blockid.Container(rapid.IntRange(1, 5).Draw(t, "gap"))
				}
			},
			"delete": func(t *rapid.T) {
				id := anyID("id")
				want := errors.Other
				if _, ok := m[id]; !ok {
					want = errors.NotFound
				} else if id == rootInode.ID {
					want = errors.Invalid
				} else if len(m.children(id)) > 0 {
					want = errors.NotEmpty
				}
				checkErr(t, tree.Delete(id), want)
				if want == errors.Other {
					delete(m, id)
				}
			},
			"deleteAll": func(t *rapid.T) {
				id := anyID("id")
				if _, ok := m[id]; !ok || id == rootInode.ID {
					return
				}
				err := tree.DeleteAll(id, func(in Inode) {
					if in.ChildCount = 0; len(m.children(in.ID)) > 0 {
						t.Fatalf("removed %d before its children", in.ID)
					}
					equal(t, in, m[in.ID])
					delete(m, in.ID)
				})
				checkErr(t, err, errors.Other)
				if _, ok := m[id]; ok {
					t.Fatalf("%d was not removed", id)
				}
			},
			"rename": func(t *rapid.T) {
				id, parent, name := anyID("id"), anyID("parent"), name.Draw(t, "name")
				in, ok := m[id]
				want := m.place(parent, name)
				switch {
				case !ok:
					want = errors.NotFound
				case id == rootInode.ID:
					want = errors.Invalid
				case in.Parent == parent && in.Name == name:
					want = errors.Other
				case want == errors.Other && m.within(id, parent):
					want = errors.Invalid
				}
				checkErr(t, tree.Rename(id, parent, name), want)
				if want == errors.Other {
					in.Parent, in.Name = parent, name
					m[id] = in
				}
			},
			"update": func(t *rapid.T) {
				id := anyID("id")
				in, ok := m[id]
				if !ok {
					checkErr(t, tree.Update(id, nil), errors.NotFound)
					return
				}
				drawAttrs(t, &in)
				m[id] = in
				checkErr(t, tree.Update(id, func(got *Inode) {
					*got = in
					got.ID, got.Parent, got.Name, got.Kind, got.ChildCount = 0, 0, "no", 9, 9
				}), errors.Other)
			},
			"touch": func(t *rapid.T) {
				id := anyID("id")
				in, ok := m[id]
				if !ok {
					return
				}
				modified, accessed := rapid.Int64Range(0, 1<<45).Draw(t, "m"), rapid.Int64Range(0, 1<<45).Draw(t, "a")
				in.ModifiedMS, in.AccessedMS = max(in.ModifiedMS, modified), max(in.AccessedMS, accessed)
				m[id] = in
				checkErr(t, tree.Touch(id, modified, accessed), errors.Other)
			},
			"changeID": func(t *rapid.T) {
				id := anyID("id")
				in, ok := m[id]
				if !ok || in.IsDir() {
					return
				}
				checkErr(t, tree.ChangeID(id, next.File()), errors.Other)
				delete(m, id)
				in.ID = next.File()
				m[in.ID] = in
				next++
			},
			"snapshot": func(t *rapid.T) {
				if len(snaps) < 3 {
					snaps = append(snaps, saved{tree.Snapshot(), maps.Clone(m)})
				}
			},
			"verify": func(t *rapid.T) {
				if len(snaps) == 0 {
					return
				}
				i := rapid.IntRange(0, len(snaps)-1).Draw(t, "snap")
				s := snaps[i]
				restored := rewrite(t, s.snap)
				compare(t, restored, s.want)
				s.snap.Release()
				snaps = slices.Delete(snaps, i, i+1)
				if rapid.Bool().Draw(t, "goOn") {
					tree, m, snaps = restored, s.want, nil
				}
			},
			"": func(t *rapid.T) {},
		})
		compare(t, tree, m)
		for _, s := range snaps {
			compare(t, rewrite(t, s.snap), s.want)
		}
	})
}

func rewrite(t rapid.TB, s *Snapshot) *Tree {
	var buf bytes.Buffer
	n, err := s.WriteTo(&buf)
	if err != nil || n != int64(buf.Len()) {
		t.Fatalf("WriteTo: %d of %d bytes, %v", n, buf.Len(), err)
	}
	buf.WriteString("what follows")
	tree, err := Restore(&buf)
	if err != nil {
		t.Fatalf("Restore: %v", err)
	}
	if buf.String() != "what follows" {
		t.Fatalf("Restore left %q", buf.String())
	}
	return tree
}

func checkErr(t rapid.TB, err error, want errors.Kind) {
	t.Helper()
	if errors.KindOf(err) != want || (err == nil) != (want == errors.Other) {
		t.Fatalf("error %v, want kind %v", err, want)
	}
}

func equal(t rapid.TB, got, want Inode) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Fatalf("inode is\n%s\nwant\n%s", g, w)
	}
}

// compare checks every reading method against the model.
func compare(t rapid.TB, tree *Tree, m model) {
	t.Helper()
	var stats Stats
	pinned, toPersist, replicated, cacheOnly, expired := set{}, set{}, set{}, set{}, set{}
	const now = 1 << 44
	for id, in := range m {
		want := m.view(id)
		got, ok := tree.Get(id)
		if !ok {
			t.Fatalf("%d is missing", id)
		}
		equal(t, got, want)
		path := m.path(id)
		if p, ok := tree.Path(id); !ok || p != path {
			t.Fatalf("path of %d is %q, want %q", id, p, path)
		}
		got, ok = tree.Lookup(path)
		if !ok {
			t.Fatalf("%s is missing", path)
		}
		equal(t, got, want)
		if in.IsDir() {
			compareChildren(t, tree, id, m.children(id))
			stats.Directories++
		} else {
			stats.Files++
			stats.Bytes += in.Length
		}
		pinned.addIf(in.Pinned, id)
		toPersist.addIf(!in.IsDir() && in.Persistence == ToBePersisted, id)
		replicated.addIf(!in.IsDir() && in.Replication != DefaultReplication, id)
		cacheOnly.addIf(!in.IsDir() && in.Persistence != Persisted && in.Completed && in.Length > 0, id)
		deadline, has := in.DeadlineMS()
		expired.addIf(has && deadline <= now, id)
		if has {
			stats.WithTTL++
		}
	}
	stats.Pinned, stats.ToPersist = len(pinned), len(toPersist)
	if got := tree.Stats(); got != stats {
		t.Fatalf("stats %+v, want %+v", got, stats)
	}
	for _, c := range []struct {
		got  []blockid.FileID
		want set
	}{
		{slices.Collect(tree.Pinned()), pinned},
		{slices.Collect(tree.ToBePersisted()), toPersist},
		{slices.Collect(tree.Replicated()), replicated},
		{slices.Collect(tree.CacheOnly()), cacheOnly},
		{slices.Collect(tree.Expired(now)), expired},
	} {
		slices.Sort(c.got)
		if want := slices.Sorted(maps.Keys(c.want)); !slices.Equal(c.got, want) {
			t.Fatalf("set is %v, want %v", c.got, want)
		}
	}
	var below []string
	for path, in := range tree.Descendants(rootInode.ID) {
		below = append(below, path)
		if m.path(in.ID) != "/"+path {
			t.Fatalf("descendant %d at %q, want %q", in.ID, path, m.path(in.ID))
		}
	}
	if len(below) != len(m)-1 {
		t.Fatalf("%d descendants, want %d", len(below), len(m)-1)
	}
}

type set map[blockid.FileID]bool

func (s set) addIf(cond bool, id blockid.FileID) {
	if cond {
		s[id] = true
	}
}

func compareChildren(t rapid.TB, tree *Tree, dir blockid.FileID, want []Inode) {
	t.Helper()
	names := func(s []Inode) (names []string) {
		for _, in := range s {
			names = append(names, in.Name)
		}
		return names
	}
	after := []string{"", "a", "b", "ab", "zz"}
	for _, in := range want {
		got, ok := tree.Child(dir, in.Name)
		if !ok || got.ID != in.ID {
			t.Fatalf("child %q is %d (%v), want %d", in.Name, got.ID, ok, in.ID)
		}
	}
	for _, a := range after {
		rest := slices.DeleteFunc(slices.Clone(want), func(in Inode) bool { return in.Name <= a })
		if got := slices.Collect(tree.Children(dir, a)); !slices.Equal(names(got), names(rest)) {
			t.Fatalf("children after %q are %v, want %v", a, names(got), names(rest))
		}
	}
}
