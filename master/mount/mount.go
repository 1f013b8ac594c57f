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
// and the write lock around Add, Remove, Update and Restore. Points are values
// whose Options must not be modified in place.
package mount

import (
	"io"
)

// ID identifies a mount point. A changed mount gets a new one, so that whoever
// holds an old id asks again.
type ID int64

// RootID is the id of the root mount.
const RootID ID = 1

// Point is one mount point.
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
func (p Point) Masked() map[string]string { panic("mount: in work") }

// URI returns the UFS URI of a path relative to the UFS root of the mount.
func (p Point) URI(rel string) string { panic("mount: in work") }

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
type Table struct{}

// New returns an empty table. The root must be added first.
func New() *Table { panic("mount: in work") }

// NormalizeURI returns the form of a UFS URI that the table keeps: scheme in
// lower case, no trailing or repeated slash. A bare absolute path is a URI of
// the local file system. Invalid when it is none of these.
func NormalizeURI(uri string) (string, error) { panic("mount: in work") }

// Check reports whether Add would accept the point, in words for the user:
// Invalid when the UFS is, contains or lies within one that is mounted already, Exists when the path is
// a mount point.
func (t *Table) Check(p Point) error { panic("mount: in work") }

// Add adds a mount point, after Check.
func (t *Table) Add(p Point) error { panic("mount: in work") }

// Remove removes the mount point at the path. Invalid, in words for the user,
// when there is none, it is the root, or mounts lie below it.
func (t *Table) Remove(path string) (Point, error) { panic("mount: in work") }

// Update replaces options and flags of the mount point at p.Path and gives it
// the id p.ID; its UFS stays. Invalid when there is none.
func (t *Table) Update(p Point) error { panic("mount: in work") }

// Resolve returns where the clean path lies: the mount point that is its
// longest prefix, and the rest. It fails (ok is false) only without a root mount.
func (t *Table) Resolve(path string) (loc Location, ok bool) { panic("mount: in work") }

// Reverse returns the path under which a UFS URI is visible, and its mount
// point. A URI below a directory that another mount point hides is not visible.
func (t *Table) Reverse(uri string) (path string, p Point, ok bool) { panic("mount: in work") }

// Get returns the mount point with the id.
func (t *Table) Get(id ID) (Point, bool) { panic("mount: in work") }

// At returns the mount point at exactly the path.
func (t *Table) At(path string) (Point, bool) { panic("mount: in work") }

// Under returns the mount points at or below the path, in order of their paths.
func (t *Table) Under(path string) []Point { panic("mount: in work") }

// All returns all mount points in order of their paths.
func (t *Table) All() []Point { panic("mount: in work") }

// MaxID returns the largest id in the table, at least RootID.
func (t *Table) MaxID() ID { panic("mount: in work") }

// WriteTo writes the table in the format that Restore reads. The caller keeps
// the bytes from others: they contain credentials.
func (t *Table) WriteTo(w io.Writer) (int64, error) { panic("mount: in work") }

// Restore reads a table that WriteTo wrote, reading not one byte past its end.
func Restore(r io.Reader) (*Table, error) { panic("mount: in work") }
