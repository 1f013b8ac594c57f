// Package fspath cleans and takes apart the absolute, slash-separated paths of
// the namespace. Every path is cleaned once, where it enters (an RPC, the
// command line, a URL); everything further in may rely on the clean form.
//
// A clean path starts with "/", has no empty, "." or ".." component, no
// trailing slash except "/" itself, no NUL byte and is valid UTF-8.
// The rules are those of Alluxio's AlluxioURI, except that "..", which Alluxio
// resolves, is refused: a path that leaves its parent is always a mistake.
package fspath

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Root is the path of the root directory.
const Root = "/"

// MaxBytes bounds a path's length, MaxComponentBytes that of one component.
const (
	MaxBytes          = 16 << 10
	MaxComponentBytes = 4 << 10
)

// Clean returns the clean form of p. A scheme and authority
// ("alluxio://host:port") are cut off; repeated slashes collapse. Errors are of
// kind Invalid and name the path.
func Clean(p string) (string, error) {
	raw := p
	p = stripScheme(p)
	if p == "" || p[0] != '/' {
		if scheme, _, ok := strings.Cut(p, "://"); ok {
			return "", invalid(raw, "is of scheme "+strconv.Quote(scheme)+", not a path of Alluxio")
		}
		return "", invalid(raw, "is not absolute")
	}
	if len(p) > MaxBytes {
		return "", errors.Errorf(errors.Invalid, "Invalid path: longer than %d bytes (%d): %.60q…", MaxBytes, len(p), p)
	}
	if !utf8.ValidString(p) {
		return "", invalid(raw, "is not valid UTF-8")
	}
	if isClean(p) {
		return p, nil
	}
	parts := make([]string, 0, strings.Count(p, "/"))
	for part := range strings.SplitSeq(p, "/") {
		switch {
		case part == "" || part == ".":
			continue
		case part == "..":
			return "", invalid(raw, `contains ".."`)
		case len(part) > MaxComponentBytes:
			return "", errors.Errorf(errors.Invalid, "Invalid path: a component is longer than %d bytes: %.60q…", MaxComponentBytes, part)
		case strings.IndexByte(part, 0) >= 0:
			return "", invalid(raw, "contains a NUL byte")
		}
		parts = append(parts, part)
	}
	return "/" + strings.Join(parts, "/"), nil
}

func invalid(p, why string) error {
	return errors.Errorf(errors.Invalid, "Invalid path %q: it %s.", p, why)
}

// stripScheme cuts "alluxio://authority" off; other schemes stay, so that they
// are refused as not absolute.
func stripScheme(p string) string {
	rest, ok := strings.CutPrefix(p, "alluxio:")
	if !ok {
		return p
	}
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		if i := strings.IndexByte(after, '/'); i >= 0 {
			return after[i:]
		}
		return "/"
	}
	return rest
}

// isClean reports whether p, which starts with "/", needs no work, without
// allocating.
func isClean(p string) bool {
	if p == "/" {
		return true
	}
	start := 1
	for i := 1; i <= len(p); i++ {
		if i < len(p) && p[i] != '/' {
			if p[i] == 0 {
				return false
			}
			continue
		}
		if part := p[start:i]; part == "" || part == "." || part == ".." || len(part) > MaxComponentBytes {
			return false
		}
		start = i + 1
	}
	return true
}

// Split returns the parent directory and last component of a clean path; for
// the root ("/", "").
func Split(p string) (dir, name string) {
	i := strings.LastIndexByte(p, '/')
	if i == 0 {
		return Root, p[1:]
	}
	return p[:i], p[i+1:]
}

// Parent returns the parent of a clean path; the root is its own parent.
func Parent(p string) string { dir, _ := Split(p); return dir }

// Base returns the last component of a clean path, "" for the root.
func Base(p string) string { _, name := Split(p); return name }

// Join appends a relative path (of one or more clean components, or "") to a
// clean path.
func Join(dir, rel string) string {
	switch {
	case rel == "":
		return dir
	case dir == Root:
		return Root + rel
	}
	return dir + "/" + rel
}

// Components returns the components of a clean path, none for the root.
func Components(p string) []string {
	if p == Root {
		return nil
	}
	return strings.Split(p[1:], "/")
}

// Within reports whether the clean path p is dir or lies below it.
func Within(dir, p string) bool {
	_, ok := Rel(dir, p)
	return ok
}

// Rel returns p relative to dir ("" when they are equal) and whether p is dir
// or lies below it; both are clean.
func Rel(dir, p string) (string, bool) {
	if dir == Root {
		return p[1:], true
	}
	rest, ok := strings.CutPrefix(p, dir)
	switch {
	case !ok:
		return "", false
	case rest == "":
		return "", true
	case rest[0] == '/':
		return rest[1:], true
	}
	return "", false
}
