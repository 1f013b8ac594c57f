// Package mount keeps the mount table: which UFS lies under which path.
//
// It owns mount points with their options, translates paths to UFS locations
// and back, and checks the rules that concern the table alone (what the
// namespace and the UFS must look like is the caller's to check). It does no
// I/O, and is the same for the same sequence of calls: it is state under a
// journal.
//
// # Locking
//
// A Table locks nothing: its owner holds a read lock around reading methods
// and the write lock around Add, Remove and Update. Points are values whose
// Options must not be modified in place.
package mount

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
)

// ID identifies a mount point. A changed mount gets a new one, so that whoever
// holds an old id asks again.
type ID int64

// RootID is the id of the root mount.
const RootID ID = 1

// Point is one mount point. However it is formatted or logged, credentials in
// its options are masked.
type Point struct {
	ID       ID
	Path     string // clean path in the namespace
	UFS      string // URI of the UFS root, as NormalizeURI returns it
	ReadOnly bool
	Shared   bool
	// Options are the UFS properties of this mount, with credentials. Show
	// Masked instead.
	Options map[string]string
}

// Masked returns the options with the values of credentials replaced by stars.
func (p Point) Masked() map[string]string {
	masked := maps.Clone(p.Options)
	for name, value := range masked {
		if value != "" && config.IsCredential(name) {
			masked[name] = config.Masked
		}
	}
	return masked
}

// Format prints the point with its options masked, for every verb.
func (p Point) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{%d %s on %s readonly=%t shared=%t %v}", p.ID, p.UFS, p.Path, p.ReadOnly, p.Shared, p.Masked())
}

// LogValue makes slog print what Format does.
func (p Point) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// URI returns the UFS URI of a path relative to the UFS root of the mount.
func (p Point) URI(rel string) string {
	if rel == "" {
		return p.UFS
	}
	return strings.TrimSuffix(p.UFS, "/") + "/" + rel
}

// Location is where a path of the namespace lies.
type Location struct {
	Point
	// Rel is the path relative to the UFS root of the mount, "" for the root
	// itself: what the methods of ufs.UFS take.
	Rel string
}

// UFSURI is the UFS URI of the location.
func (l Location) UFSURI() string { return l.URI(l.Rel) }

// IsMountPoint reports whether the location is the mount point itself.
func (l Location) IsMountPoint() bool { return l.Rel == "" }

// Table is the mount table.
type Table struct {
	byPath map[string]Point
	byID   map[ID]string // path
}

// New returns an empty table. The root must be added first.
func New() *Table { return &Table{byPath: make(map[string]Point), byID: make(map[ID]string)} }

// NormalizeURI returns the form of a UFS URI that the table keeps: scheme in
// lower case, no trailing or repeated slash. The local file system is written
// as a bare absolute path, without "file:". Invalid when it is neither.
func NormalizeURI(uri string) (string, error) {
	store, dir, err := splitURI(uri)
	switch {
	case err != nil:
		return "", err
	case dir == fspath.Root && store != "":
		return store, nil
	}
	return store + dir, nil
}

// splitURI returns the scheme and authority of a URI ("" for a local path),
// and the clean path.
func splitURI(uri string) (store, dir string, err error) {
	dir = uri
	if scheme, rest, ok := strings.Cut(uri, ":/"); ok && !strings.Contains(scheme, "/") {
		scheme, dir = strings.ToLower(scheme), "/"+rest
		if authority, ok := strings.CutPrefix(rest, "/"); ok {
			authority, below, _ := strings.Cut(authority, "/")
			store, dir = authority, "/"+below
		}
		if scheme == "" || scheme == "file" && store != "" || scheme != "file" && store == "" {
			return "", "", invalidURI(uri)
		}
		if scheme != "file" {
			store = scheme + "://" + store
		}
	}
	if !strings.HasPrefix(dir, "/") {
		return "", "", invalidURI(uri)
	}
	dir, err = fspath.Clean(dir)
	if err != nil {
		return "", "", errors.Errorf(errors.Invalid, "Invalid UFS URI %q: %w", uri, err)
	}
	return store, dir, nil
}

func invalidURI(uri string) error {
	return errors.Errorf(errors.Invalid, "Invalid UFS URI %q: it is neither an absolute path nor of the form scheme://authority/path.", uri)
}

// Check reports whether Add would accept the point, in words for the user:
// Invalid when the path is a mount point already, or the UFS is, contains or
// lies within one that is mounted.
func (t *Table) Check(p Point) error {
	if _, ok := t.byPath[p.Path]; ok {
		return errors.Errorf(errors.Invalid, "Mount point target path %s already exists in Alluxio namespace. Try mounting to another path.", p.Path)
	}
	if normal, err := NormalizeURI(p.UFS); err != nil {
		return err
	} else if normal != p.UFS {
		return errors.Errorf(errors.Invalid, "UFS URI %q is not in its normal form %q.", p.UFS, normal)
	}
	if at, ok := t.byID[p.ID]; ok {
		return errors.Errorf(errors.Invalid, "Mount id %d is that of %s already.", p.ID, at)
	}
	for _, other := range t.All() {
		if _, ok := relURI(other.UFS, p.UFS); ok {
			return errors.Errorf(errors.Invalid, "Mount point %s is a prefix of %s: it is mounted at %s already", other.UFS, p.UFS, other.Path)
		}
		if _, ok := relURI(p.UFS, other.UFS); ok {
			return errors.Errorf(errors.Invalid, "Mount point %s is a prefix of %s, which is mounted at %s already", p.UFS, other.UFS, other.Path)
		}
	}
	return nil
}

// relURI returns a URI relative to another one, and whether it is or lies
// below it; both are normal.
func relURI(base, uri string) (string, bool) {
	if base == uri {
		return "", true
	}
	if base != fspath.Root {
		base += "/"
	}
	return strings.CutPrefix(uri, base)
}

// Add adds a mount point, after Check.
func (t *Table) Add(p Point) error {
	if err := t.Check(p); err != nil {
		return err
	}
	t.put(p)
	return nil
}

func (t *Table) put(p Point) {
	p.Options = maps.Clone(p.Options)
	t.byPath[p.Path] = p
	t.byID[p.ID] = p.Path
}

// Remove removes the mount point at the path. Invalid, in words for the user,
// when there is none, it is the root, or mounts lie below it.
func (t *Table) Remove(path string) (Point, error) {
	p, ok := t.byPath[path]
	if !ok {
		return p, errors.Errorf(errors.Invalid, "Failed to unmount %s. Please ensure the path is an existing mount point.", path)
	}
	if path == fspath.Root {
		return p, errors.Errorf(errors.Invalid, "Failed to unmount /. The root mount cannot be unmounted.")
	}
	if below := t.Under(path); len(below) > 1 {
		return p, errors.Errorf(errors.Invalid, "Failed to unmount %s. Unmount %s below it first.", path, below[1].Path)
	}
	delete(t.byPath, path)
	delete(t.byID, p.ID)
	return p, nil
}

// Update replaces options and flags of the mount point at p.Path and gives it
// the id p.ID; its UFS stays. Invalid when there is none, or the id is another's.
func (t *Table) Update(p Point) error {
	old, ok := t.byPath[p.Path]
	if !ok {
		return errors.Errorf(errors.Invalid, "Path %s is not a mount point.", p.Path)
	}
	if at, ok := t.byID[p.ID]; ok && at != p.Path {
		return errors.Errorf(errors.Invalid, "Mount id %d is that of %s already.", p.ID, at)
	}
	delete(t.byID, old.ID)
	p.UFS = old.UFS
	t.put(p)
	return nil
}

// Resolve returns where the clean path lies: the mount point that is its
// longest prefix, and the rest. It fails (ok is false) only without a root mount.
func (t *Table) Resolve(path string) (loc Location, ok bool) {
	for at := path; ; at = fspath.Parent(at) {
		if p, ok := t.byPath[at]; ok {
			rel, _ := fspath.Rel(at, path)
			return Location{Point: p, Rel: rel}, true
		}
		if at == fspath.Root {
			return Location{}, false
		}
	}
}

// Reverse returns the path under which a UFS URI is visible, and its mount
// point. A URI below a directory that another mount point hides is not visible.
func (t *Table) Reverse(uri string) (path string, p Point, ok bool) {
	uri, err := NormalizeURI(uri)
	if err != nil {
		return "", Point{}, false
	}
	for _, p := range t.byPath {
		rel, ok := relURI(p.UFS, uri)
		if !ok {
			continue
		}
		path := fspath.Join(p.Path, rel)
		if loc, _ := t.Resolve(path); loc.ID != p.ID {
			return "", Point{}, false
		}
		return path, p, true // UFS roots do not overlap
	}
	return "", Point{}, false
}

// Get returns the mount point with the id.
func (t *Table) Get(id ID) (Point, bool) {
	path, ok := t.byID[id]
	if !ok {
		return Point{}, false
	}
	return t.byPath[path], true
}

// At returns the mount point at exactly the path.
func (t *Table) At(path string) (Point, bool) {
	p, ok := t.byPath[path]
	return p, ok
}

// Under returns the mount points at or below the path, in order of their paths.
func (t *Table) Under(path string) []Point {
	return slices.DeleteFunc(t.All(), func(p Point) bool { return !fspath.Within(path, p.Path) })
}

// All returns all mount points in order of their paths.
func (t *Table) All() []Point {
	points := make([]Point, 0, len(t.byPath))
	for _, path := range slices.Sorted(maps.Keys(t.byPath)) {
		points = append(points, t.byPath[path])
	}
	return points
}
