// Package object makes a file system of a flat store of objects: directories
// over keys, once, for every object store.
//
// # What is a directory
//
// The file at path p is the object with the key root+p. A directory d exists
// when any key starts with root+d+"/": an object of exactly that key (a marker,
// what consoles and other tools make for an empty folder) or anything below.
// When both an object "d" and keys below "d/" exist, the file wins.
//
// # Keys that are not paths
//
// A key with an empty, "." or ".." component, a NUL byte or invalid UTF-8 is
// hidden: no path leads to it, listings leave it out and count it (Hidden), and
// so are the objects behind a file of the same name and the content of a
// non-empty marker. Hidden keys still belong to the directory they lie in: it
// is not empty, moves with them and, deleted as a whole, takes them along.
//
// # Crashes
//
// An object is there whole or not at all. Moving and deleting a directory are
// many requests: what was interrupted is finished by repeating it. A directory
// move in progress is remembered in the store by an empty object below its
// destination (see RenameDir).
package object

import (
	"log/slog"

	"github.com/alluxio-go/alluxio/ufs"
)

// Options describe how a store is seen as a file system.
type Options struct {
	// URI is the root, without credentials ("kodo://bucket/dir").
	URI string
	// Prefix is the part of every key that the root stands for: "" or a string
	// ending in "/".
	Prefix string
	// NoMarkers leaves Mkdir without effect on the store: directories are then
	// only what keys imply.
	NoMarkers bool
	// PageSize is the number of entries asked for in one listing request; 0 is
	// 1000.
	PageSize int
	// Parallel bounds the requests in flight of one directory move or delete;
	// 0 is 20.
	Parallel int
	// MaxKeyBytes is the longest key of the store; 0 is 1024.
	MaxKeyBytes int
	// Logger may be nil.
	Logger *slog.Logger
}

// SetProperties fills in what the properties say about any object store:
// alluxio.underfs.listing.length, …object.store.service.threads and
// …object.store.breadcrumbs.enabled.
func (o *Options) SetProperties(opts ufs.Options) error {
	return nil
}

// UFS is a flat store seen as a file system. It has the capabilities
// ufs.BatchDeleter, DirDeleter, DirRenamer, Hider, Sweeper and ObjectStore.
type UFS struct {
	store Store
	opts  Options
}

// New returns the file system over store. Close closes the store.
func New(store Store, opts Options) *UFS {
	return &UFS{store: store, opts: opts}
}
