package master

import (
	"context"
	"fmt"
	"testing"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/inode"
)

func TestGranted(t *testing.T) {
	groupsOf := map[string][]string{"al": {"staff"}, "bob": {"dev", "ops"}, "cy": {"staff"}, "dee": {}}
	acl := []inode.ACLEntry{
		{Type: inode.ACLNamedUser, Subject: "dee", Perm: 7},
		{Type: inode.ACLNamedGroup, Subject: "dev", Perm: 4},
		{Type: inode.ACLNamedGroup, Subject: "ops", Perm: 2},
		{Type: inode.ACLMask, Perm: 6},
	}
	for _, c := range []struct {
		user string
		acl  []inode.ACLEntry
		mode uint16
		want string
	}{
		{"al", nil, 0o741, "rwx"},
		{"cy", nil, 0o741, "r--"},
		{"bob", nil, 0o741, "--x"},
		{"al", nil, 0o077, "---"}, // the owner's bits, even if others have more
		{"cy", nil, 0o707, "---"},
		{"al", acl, 0o700, "rwx"},
		{"dee", acl, 0o700, "rw-"}, // masked
		{"bob", acl, 0o700, "rw-"}, // the union of his groups
		{"cy", acl, 0o751, "r--"},  // group, masked
		{"eve", acl, 0o757, "rwx"}, // other is not masked
	} {
		in := inode.Inode{Owner: "al", Group: "staff", Mode: c.mode, ACL: c.acl}
		if got := granted(&in, c.user, groupsOf[c.user]).String(); got != c.want {
			t.Errorf("%s with mode %o and %d entries: %s, want %s", c.user, c.mode, len(c.acl), got, c.want)
		}
	}
}

// TestPermissions runs every operation as somebody who may not, and checks that
// one bit makes the difference.
func TestPermissions(t *testing.T) {
	w := newWorld(t, nil)
	w.m.groups.lookup = func(user string) []string {
		return map[string][]string{"bob": {"users"}, "admin": {"supergroup"}}[user]
	}
	w.write("/d/f", 10, CacheThrough)
	w.mkdir("/d/empty", CacheThrough)
	ctx := context.Background()
	type attempt struct {
		name string
		do   func(tm *term, c Caller) error
	}
	chmod := func(path string, mode uint16) {
		t.Helper()
		if err := w.term().SetAttribute(ctx, System, path, AttributeOptions{CommonOptions: trust, Mode: &mode}); err != nil {
			t.Fatal(err)
		}
	}
	attribute := func(path string, o AttributeOptions) attempt {
		o.CommonOptions = trust
		return attempt{fmt.Sprint("attribute ", path), func(tm *term, c Caller) error { return tm.SetAttribute(ctx, c, path, o) }}
	}
	inDir := []attempt{
		{"create", func(tm *term, c Caller) error {
			_, err := tm.CreateFile(ctx, c, "/d/new", CreateOptions{CommonOptions: trust, BlockSize: 1, WriteType: MustCache})
			return err
		}},
		{"mkdir", func(tm *term, c Caller) error {
			return tm.CreateDirectory(ctx, c, "/d/newdir", CreateOptions{CommonOptions: trust, WriteType: MustCache})
		}},
		{"rename", func(tm *term, c Caller) error {
			return tm.Rename(ctx, c, "/d/f", "/d/g", RenameOptions{CommonOptions: trust})
		}},
		{"delete", func(tm *term, c Caller) error {
			return tm.Delete(ctx, c, "/d/empty", DeleteOptions{CommonOptions: trust})
		}},
		{"mount", func(tm *term, c Caller) error {
			return tm.Mount(ctx, c, "/d/mnt", "mem://m", MountOptions{CommonOptions: trust})
		}},
	}
	for _, a := range inDir {
		chmod("/d", 0o755)
		wantError(t, a.do(w.term(), bob), errors.Permission, "Permission denied: user=bob, access=-w-, path=/d")
		chmod("/d", 0o756)
		wantError(t, a.do(w.term(), bob), errors.Permission, "failed at d, inode owner=") // not searchable
		chmod("/d", 0o757)
		if err := a.do(w.term(), bob); err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
	}
	onFile := []attempt{
		{"list", func(tm *term, c Caller) error {
			return tm.ListStatus(ctx, c, "/d", listOnce, func([]FileInfo) error { return nil })
		}},
		attribute("/d/g", AttributeOptions{TTLMillis: ptr(int64(5))}),
		attribute("/d/g", AttributeOptions{Pinned: ptr(true)}),
	}
	chmod("/d", 0o751)
	chmod("/d/g", 0o644)
	for _, a := range onFile {
		wantError(t, a.do(w.term(), bob), errors.Permission, "Permission denied: user=bob, access=")
	}
	chmod("/d", 0o755)
	chmod("/d/g", 0o666)
	for _, a := range onFile {
		if err := a.do(w.term(), bob); err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
	}
	err := attribute("/d/g", AttributeOptions{Mode: ptr(uint16(0o777))}).do(w.term(), bob)
	wantError(t, err, errors.Permission, "Permission denied: user=bob is not the owner of path=/d/g")
	err = attribute("/d/g", AttributeOptions{Owner: ptr("bob")}).do(w.term(), bob)
	wantError(t, err, errors.Permission, "Permission denied: bob is not a super user or in super group")
	if err := attribute("/d/g", AttributeOptions{Mode: ptr(uint16(0o600))}).do(w.term(), Caller{User: "admin"}); err != nil {
		t.Errorf("a member of the supergroup: %v", err)
	}
	wantError(t, w.term().CheckAccess(ctx, bob, "/d/g", uint8(read), trust), errors.Permission, "access=r--")
	_, err = w.term().GetStatus(ctx, bob, "/d/new", loadOnce) // his own
	if err != nil {
		t.Error(err)
	}
	chmod("/d", 0o700)
	_, err = w.term().GetStatus(ctx, bob, "/d/new", loadOnce)
	wantError(t, err, errors.Permission, "failed at d")
}

// TestWriterOfUnwritableFile: who created a file may finish it.
func TestWriterOfUnwritableFile(t *testing.T) {
	w := newWorld(t, nil)
	w.mkdir("/d", MustCache)
	ctx, tm := context.Background(), w.term()
	if err := tm.SetAttribute(ctx, System, "/d", AttributeOptions{CommonOptions: trust, Mode: ptr(uint16(0o777))}); err != nil {
		t.Fatal(err)
	}
	_, err := tm.CreateFile(ctx, bob, "/d/f", CreateOptions{CommonOptions: trust, BlockSize: 1, WriteType: MustCache, Mode: ptr(uint16(0o400))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tm.NewBlockID(ctx, Caller{User: "eve"}, "/d/f", CommonOptions{}); !errors.Is(err, errors.Permission) {
		t.Errorf("somebody else: %v", err)
	}
	if err := tm.CompleteFile(ctx, bob, "/d/f", CompleteOptions{CommonOptions: trust}); err != nil {
		t.Error(err)
	}
}

func TestPermissionsOff(t *testing.T) {
	w := newWorld(t, map[string]string{"alluxio.security.authorization.permission.enabled": "false"})
	w.mkdir("/d", MustCache)
	if err := w.term().Delete(context.Background(), bob, "/d", DeleteOptions{CommonOptions: trust}); err != nil {
		t.Error(err)
	}
}

func TestACLs(t *testing.T) {
	dir := inode.Inode{Kind: inode.KindDirectory, Mode: 0o750, Owner: "al", Group: "staff"}
	user := func(name string, perm uint8) ACLChange {
		return ACLChange{ACLEntry: inode.ACLEntry{Type: inode.ACLNamedUser, Subject: name, Perm: perm}}
	}
	in, err := applyACL(dir, ACLModify, []ACLChange{user("bob", 6)})
	if err != nil || fmt.Sprint(in.ACL) != "[{1 bob 6} {4  7}]" || in.Mode != 0o750 {
		t.Errorf("modify: %v %o, %v", in.ACL, in.Mode, err)
	}
	in, err = applyACL(in, ACLModify, []ACLChange{user("bob", 1)})
	if err != nil || fmt.Sprint(in.ACL) != "[{1 bob 1} {4  5}]" {
		t.Errorf("modify again: %v, %v", in.ACL, err)
	}
	_, err = applyACL(in, ACLRemove, []ACLChange{{ACLEntry: inode.ACLEntry{Type: inode.ACLMask}}})
	wantError(t, err, errors.Invalid, "Deleting the mask for an extended ACL is not allowed.")
	_, err = applyACL(in, ACLReplace, []ACLChange{user("bob", 1)})
	wantError(t, err, errors.Invalid, "must include the base entries for 'user', 'group', and 'other'. missing: user")
	removed, err := applyACL(in, ACLRemove, []ACLChange{user("bob", 0)})
	if err != nil || len(removed.ACL) != 0 {
		t.Errorf("remove: %v, %v", removed.ACL, err)
	}
	def := user("eve", 7)
	def.Default = true
	in, err = applyACL(in, ACLModify, []ACLChange{def})
	if err != nil || len(in.DefaultACL) != 5 {
		t.Fatalf("default: %v, %v", in.DefaultACL, err)
	}
	child := inode.Inode{Kind: inode.KindDirectory, Mode: 0o777}
	inheritACL(&child, in)
	if child.Mode != 0o750 || len(child.DefaultACL) != 5 || granted(&child, "eve", nil) != 7 {
		t.Errorf("inherited: %+v", child)
	}
	_, err = applyACL(inode.Inode{}, ACLModify, []ACLChange{def})
	wantError(t, err, errors.Invalid, "only be set on directories")
	if in, _ = applyACL(in, ACLRemoveDefault, nil); len(in.DefaultACL) != 0 || len(in.ACL) == 0 {
		t.Errorf("remove default: %+v", in)
	}
}
