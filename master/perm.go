package master

import (
	"slices"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/inode"
)

// access is a set of permission bits.
type access uint8

const (
	execute access = 1
	write   access = 2
	read    access = 4
)

// String returns the bits as ls shows them.
func (a access) String() string {
	b := []byte("---")
	for i, bit := range []access{read, write, execute} {
		if a&bit != 0 {
			b[i] = "rwx"[i]
		}
	}
	return string(b)
}

// modeString shows nine permission bits.
func modeString(mode uint16) string {
	return access(mode>>6&7).String() + access(mode>>3&7).String() + access(mode&7).String()
}

// all reports whether the caller may do everything.
func (t *term) all(c Caller) bool {
	return c.System || !t.set.permissions || c.User == t.set.superUser ||
		slices.Contains(t.groups.of(c.User), t.set.superGroup)
}

// checkSuper permits what only superusers may.
func (t *term) checkSuper(c Caller) error {
	if t.all(c) {
		return nil
	}
	return errors.Errorf(errors.Permission, "Permission denied: %s is not a super user or in super group", c.User)
}

// checkOwner permits what the owner of the inode and superusers may.
func (t *term) checkOwner(c Caller, n *node) error {
	if in := n.last(); t.all(c) || in.Owner == c.User {
		return nil
	}
	return errors.Errorf(errors.Permission, "Permission denied: user=%s is not the owner of path=%s", c.User, n.path)
}

// check permits the access to the inode at the path, or, when it does not
// exist, to the deepest one above it; all directories on the way must be
// searchable.
func (t *term) check(c Caller, n *node, want access) error {
	if t.all(c) {
		return nil
	}
	last := len(n.found) - 1
	for i := range n.found {
		need := execute
		if i == last {
			need = want
			if !n.exists() && n.found[i].IsDir() {
				need |= execute
			}
		}
		if err := t.checkInode(c, n, i, need); err != nil {
			return err
		}
	}
	return nil
}

// checkTraverse permits reaching the path.
func (t *term) checkTraverse(c Caller, n *node) error { return t.check(c, n, 0) }

// checkParent permits adding or removing the entry at the path. For the root
// the root itself counts.
func (t *term) checkParent(c Caller, n *node) error {
	up := *n
	if n.exists() && len(n.found) > 1 {
		up.found = n.found[:len(n.found)-1]
		up.missing = []string{n.last().Name}
	}
	return t.check(c, &up, write|execute)
}

// checkInode permits the access to one of the inodes on the way.
func (t *term) checkInode(c Caller, n *node, i int, want access) error {
	in := &n.found[i]
	if want == 0 {
		return nil
	}
	lacking := want &^ granted(in, c.User, t.groups.of(c.User))
	if lacking == 0 {
		return nil
	}
	name := in.Name
	if name == "" {
		name = "/"
	}
	return errors.Errorf(errors.Permission, "Permission denied: user=%s, access=%s, path=%s: failed at %s, inode owner=%s, inode group=%s, inode mode=%s",
		c.User, lacking, n.path, name, in.Owner, in.Group, modeString(in.Mode))
}

// granted is what the inode's mode and ACL grant a user: the first of owner,
// named user, groups and other that applies, as in POSIX. The mode holds the
// entries of owner, owning group and other; the ACL those of named users and
// groups, and the mask, which limits all entries but owner and other.
func granted(in *inode.Inode, user string, groups []string) access {
	if user == in.Owner {
		return access(in.Mode >> 6 & 7)
	}
	mask := maskOf(in.ACL)
	if p, ok := namedUser(in.ACL, user); ok {
		return p & mask
	}
	var union access
	member := false
	if slices.Contains(groups, in.Group) {
		union, member = access(in.Mode>>3&7), true
	}
	for _, e := range in.ACL {
		if e.Type == inode.ACLNamedGroup && slices.Contains(groups, e.Subject) {
			union, member = union|access(e.Perm), true
		}
	}
	if member {
		return union & mask
	}
	return access(in.Mode & 7)
}

func namedUser(entries []inode.ACLEntry, user string) (access, bool) {
	for _, e := range entries {
		if e.Type == inode.ACLNamedUser && e.Subject == user {
			return access(e.Perm), true
		}
	}
	return 0, false
}

// maskOf is the mask of an ACL, everything without one.
func maskOf(entries []inode.ACLEntry) access {
	for _, e := range entries {
		if e.Type == inode.ACLMask {
			return access(e.Perm)
		}
	}
	return read | write | execute
}
