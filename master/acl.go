package master

import (
	"cmp"
	"slices"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/inode"
)

// ACLAction says what SetACL does with the entries it is given.
type ACLAction uint8

// The actions, by their wire values.
const (
	ACLReplace       ACLAction = iota // the whole ACL, or the whole default ACL
	ACLModify                         // add entries, replacing those for the same subject
	ACLRemove                         // the entries for the subjects given
	ACLRemoveAll                      // all extended entries
	ACLRemoveDefault                  // the default ACL
)

// ACLChange is one entry given to SetACL.
type ACLChange struct {
	inode.ACLEntry
	Default bool
}

// applyACL returns the inode with its ACLs changed.
func applyACL(in inode.Inode, action ACLAction, changes []ACLChange) (inode.Inode, error) {
	if action == ACLRemoveAll {
		in.ACL = nil
		return in, nil
	}
	if action == ACLRemoveDefault {
		in.DefaultACL = nil
		return in, nil
	}
	var own, def []inode.ACLEntry
	for _, c := range changes {
		if c.Default {
			def = append(def, c.ACLEntry)
		} else {
			own = append(own, c.ACLEntry)
		}
	}
	if len(def) > 0 && !in.IsDir() {
		return in, errors.Errorf(errors.Invalid, "Default ACL entries can only be set on directories.")
	}
	if len(own) > 0 {
		entries, err := editACL(fullACL(in), action, own)
		if err != nil {
			return in, err
		}
		in.Mode, in.ACL = splitACL(in.Mode, entries)
	}
	if len(def) > 0 {
		base := in.DefaultACL
		if len(base) == 0 {
			base = baseEntries(in.Mode)
		}
		entries, err := editACL(base, action, def)
		if err != nil {
			return in, err
		}
		in.DefaultACL = entries
	}
	return in, nil
}

// editACL performs a replace, modify or remove on a full list of entries.
func editACL(entries []inode.ACLEntry, action ACLAction, given []inode.ACLEntry) ([]inode.ACLEntry, error) {
	maskGiven := slices.ContainsFunc(given, func(e inode.ACLEntry) bool { return e.Type == inode.ACLMask })
	switch action {
	case ACLReplace:
		if missing := missingBase(given); missing != "" {
			return nil, errors.Errorf(errors.Invalid, "Replacing ACL entries must include the base entries for 'user', 'group', and 'other'. missing: %s", missing)
		}
		entries = slices.Clone(given)
	case ACLModify:
		entries = withoutSubjects(entries, given)
		entries = append(entries, given...)
	case ACLRemove:
		for _, e := range given {
			if e.Type == inode.ACLOwner || e.Type == inode.ACLOwningGroup || e.Type == inode.ACLOther {
				return nil, errors.Errorf(errors.Invalid, "The base entries for 'user', 'group', and 'other' cannot be removed.")
			}
		}
		entries = withoutSubjects(entries, given)
		if maskGiven && extended(entries) {
			return nil, errors.Errorf(errors.Invalid, "Deleting the mask for an extended ACL is not allowed. Remove the named entries first.")
		}
		maskGiven = false
	default:
		return nil, errors.Errorf(errors.Invalid, "ACL action %d is not known.", action)
	}
	if !maskGiven {
		entries = withMask(entries)
	}
	slices.SortFunc(entries, func(a, b inode.ACLEntry) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Subject, b.Subject))
	})
	return entries, nil
}

func withoutSubjects(entries, given []inode.ACLEntry) []inode.ACLEntry {
	return slices.DeleteFunc(slices.Clone(entries), func(e inode.ACLEntry) bool {
		return slices.ContainsFunc(given, func(g inode.ACLEntry) bool {
			return g.Type == e.Type && g.Subject == e.Subject
		})
	})
}

// withMask computes the mask: the union of all that it limits; none when
// nothing is extended.
func withMask(entries []inode.ACLEntry) []inode.ACLEntry {
	entries = slices.DeleteFunc(slices.Clone(entries), func(e inode.ACLEntry) bool { return e.Type == inode.ACLMask })
	if !extended(entries) {
		return entries
	}
	mask := inode.ACLEntry{Type: inode.ACLMask}
	for _, e := range entries {
		if e.Type != inode.ACLOwner && e.Type != inode.ACLOther {
			mask.Perm |= e.Perm
		}
	}
	return append(entries, mask)
}

func extended(entries []inode.ACLEntry) bool {
	return slices.ContainsFunc(entries, func(e inode.ACLEntry) bool {
		return e.Type == inode.ACLNamedUser || e.Type == inode.ACLNamedGroup
	})
}

func missingBase(entries []inode.ACLEntry) string {
	for _, b := range []struct {
		kind inode.ACLEntryType
		name string
	}{{inode.ACLOwner, "user"}, {inode.ACLOwningGroup, "group"}, {inode.ACLOther, "other"}} {
		if !slices.ContainsFunc(entries, func(e inode.ACLEntry) bool { return e.Type == b.kind }) {
			return b.name
		}
	}
	return ""
}

func baseEntries(mode uint16) []inode.ACLEntry {
	return []inode.ACLEntry{
		{Type: inode.ACLOwner, Perm: uint8(mode >> 6 & 7)},
		{Type: inode.ACLOwningGroup, Perm: uint8(mode >> 3 & 7)},
		{Type: inode.ACLOther, Perm: uint8(mode & 7)},
	}
}

// fullACL are the entries of an inode with the base ones from its mode.
func fullACL(in inode.Inode) []inode.ACLEntry { return append(baseEntries(in.Mode), in.ACL...) }

// splitACL puts the base entries of a full ACL into the mode.
func splitACL(mode uint16, entries []inode.ACLEntry) (uint16, []inode.ACLEntry) {
	var rest []inode.ACLEntry
	for _, e := range entries {
		p := uint16(e.Perm)
		switch e.Type {
		case inode.ACLOwner:
			mode = mode&^0o700 | p<<6
		case inode.ACLOwningGroup:
			mode = mode&^0o070 | p<<3
		case inode.ACLOther:
			mode = mode&^0o007 | p
		default:
			rest = append(rest, e)
		}
	}
	return mode, rest
}

// inheritACL gives a new inode what its parent's default ACL says: its bits
// limit the mode that was asked for, and directories pass it on.
func inheritACL(in *inode.Inode, parent inode.Inode) {
	if len(parent.DefaultACL) == 0 {
		return
	}
	mode, rest := splitACL(0, parent.DefaultACL)
	in.Mode = in.Mode&^0o777 | in.Mode&mode
	in.ACL = rest
	if in.IsDir() {
		in.DefaultACL = parent.DefaultACL
	}
}
