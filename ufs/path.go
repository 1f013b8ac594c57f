package ufs

import (
	"strings"
	"unicode/utf8"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// ValidPath reports whether p can be a path of a UFS: "" (the root), or
// components joined by single slashes, none of them empty, "." or "..", in
// valid UTF-8 without NUL bytes.
func ValidPath(p string) bool {
	if p == "" {
		return true
	}
	for name := range strings.SplitSeq(p, "/") {
		if !ValidName(name) {
			return false
		}
	}
	return true
}

// ValidName reports whether name can be one component of a path.
func ValidName(name string) bool {
	return name != "" && name != "." && name != ".." &&
		strings.IndexByte(name, '/') < 0 && strings.IndexByte(name, 0) < 0 && utf8.ValidString(name)
}

// CheckPath returns an Invalid error unless p is a valid path.
func CheckPath(op, p string) error {
	if ValidPath(p) {
		return nil
	}
	return errors.E(op, p, errors.Invalid, errors.Errorf(errors.Invalid, "%q is not a path of an under file system", p))
}

// CheckFile is CheckPath for operations that the root refuses, too.
func CheckFile(op, p string) error {
	if p == "" {
		return errors.E(op, p, errors.Invalid, errors.Errorf(errors.Invalid, "the root of an under file system cannot be changed"))
	}
	return CheckPath(op, p)
}

// Split returns the parent directory ("" is the root) and the last component
// of p.
func Split(p string) (dir, name string) {
	i := strings.LastIndexByte(p, '/')
	if i < 0 {
		return "", p
	}
	return p[:i], p[i+1:]
}

// Join appends the relative path rel to dir; either may be "".
func Join(dir, rel string) string {
	if dir == "" || rel == "" {
		return dir + rel
	}
	return dir + "/" + rel
}

// ListKey returns what orders entries in a listing: the path, for directories
// with "/" appended.
func (i Info) ListKey() string {
	if i.Dir {
		return i.Path + "/"
	}
	return i.Path
}
