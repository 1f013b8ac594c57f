// Package ufs defines the contract of an under file system (UFS): the store
// below a mount point. A store implements the small interface UFS and whatever
// of the optional capabilities below it can do better than a loop over UFS
// would; callers find those with As, through any wrappers.
//
// # Paths
//
// A UFS is opened for one root URI, and every path given to it is relative to
// that root: slash-separated, without leading or trailing slash, without empty,
// "." or ".." components; "" is the root itself. An entry of the store whose
// name cannot be written so (an object key such as "a//b") is never mapped to
// another path: listings leave it out and count it (see Hidden).
//
// # Errors
//
// Every error is an *errors.Error. NotFound is only what the store positively
// says does not exist; an outage, a refusal or a time-out has another kind.
// Retry, rate limits, metrics and fault injection are wrappers (packages below
// ufs/), never part of a store.
//
// # Atomicity
//
// A file appears at its path whole, at Commit, or not at all: readers, listings
// and crashes never see a part of it. Nothing is spooled whole to local disk or
// memory on its way.
package ufs

import (
	"context"
	"io"
	"iter"
	"time"
)

// UFS is one opened under file system. Methods may be called from any number
// of goroutines. All of them are safe to retry after an error of kind
// Unavailable or Timeout, except where said otherwise.
type UFS interface {
	// URI returns the root that the UFS was opened for, without credentials.
	URI() string

	// Stat describes the entry at path. NotFound when there is none. On object
	// stores a prefix under which keys exist is a directory.
	Stat(ctx context.Context, path string) (Info, error)

	// List yields the children of the directory dir, or with opts.Recursive all
	// descendants, in byte order of their paths relative to dir (directories
	// compare as their path with "/" appended). Info.Path is relative to the
	// UFS root, like dir. The directory itself is not yielded. A missing dir
	// yields one NotFound error; a file yields an Invalid one. After an error
	// the sequence ends. Memory is bounded by a page, not by the directory
	// (except in stores whose own readdir is unsorted).
	List(ctx context.Context, dir string, opts ListOptions) iter.Seq2[Info, error]

	// Open reads the bytes [opts.Offset, opts.Offset+opts.Length) of the file
	// at path. Fewer bytes with io.EOF only if the file ends there; an offset
	// past the end is OutOfRange (at the end: an empty reader). A directory is
	// Invalid, on object stores NotFound. With opts.Fingerprint, content of any other
	// version is refused with Aborted, also when it changes between reads. The
	// caller closes the reader; closing early costs no more than a connection.
	Open(ctx context.Context, path string, opts OpenOptions) (io.ReadCloser, error)

	// Create starts writing a new version of the file at path; parents are made
	// as needed. With opts.Exclusive an existing file is refused with Exists,
	// at Create or at Commit. The caller must end with Commit or Abort; ctx
	// bounds the whole write.
	Create(ctx context.Context, path string, opts CreateOptions) (Writer, error)

	// Delete removes a file or an empty directory. NotFound when there is
	// none, NotEmpty for a directory with children.
	Delete(ctx context.Context, path string) error

	// Mkdir makes a directory, with its parents if opts.Parents. Exists when a
	// file or directory is there; NotFound when the parent is missing and
	// opts.Parents is not set (a store without real directories need not notice).
	Mkdir(ctx context.Context, path string, opts MkdirOptions) error

	// Rename moves the file src to dst, replacing a file there; a directory
	// there is Exists. The parent of dst must exist (a store without real
	// directories need not notice). Directories are moved by DirRenamer; Rename
	// of one is Unsupported. A retry after an ambiguous failure finds out what happened
	// and reports success if the move is complete.
	Rename(ctx context.Context, src, dst string) error

	// Close releases connections. Calls in progress may fail.
	Close() error
}

// Info describes one entry.
type Info struct {
	Path    string // relative to the UFS root; "" is the root
	Dir     bool
	Size    int64     // bytes; 0 for directories
	ModTime time.Time // zero when the store does not know (implicit directories)
	Owner   string    // "" when the store has no owners
	Group   string
	Mode    uint32 // permission bits; 0 when the store has none
	// Fingerprint changes whenever the content of the file may have changed
	// (ETag, or size and times). Opaque; compared for equality only. Empty for
	// directories.
	Fingerprint string
}

// ListOptions modify List.
type ListOptions struct {
	Recursive bool
	// StartAfter skips the entries that sort up to and including this path
	// relative to dir. To continue behind a directory append "/" to its path,
	// as Info.ListKey does: "a!" sorts behind the file "a", but before "a/".
	StartAfter string
}

// OpenOptions select what Open reads.
type OpenOptions struct {
	Offset int64
	// Length is the number of bytes wanted; negative means to the end.
	Length int64
	// Fingerprint pins the version to read; "" reads whatever is there.
	Fingerprint string
	// Random hints that no neighbouring read will follow.
	Random bool
}

// CreateOptions modify Create. Owner, group and mode are best effort; zero
// values leave the store's defaults.
type CreateOptions struct {
	Exclusive    bool
	Owner, Group string
	Mode         uint32
	// SizeHint is the expected size in bytes, 0 when not known.
	SizeHint int64
}

// MkdirOptions modify Mkdir.
type MkdirOptions struct {
	Parents      bool
	Owner, Group string
	Mode         uint32
}

// Writer receives the content of a file being created. Not safe for
// concurrent use. After a failed Write only Abort is useful.
type Writer interface {
	io.Writer
	// Commit makes everything written durable and visible, and describes it;
	// the time is zero when the store does not tell it with its answer.
	// After an error nothing of the new version is visible, or the whole of it
	// is (when the outcome could not be found out: kind Unavailable); what is
	// not visible has been freed as by Abort.
	Commit(ctx context.Context) (Info, error)
	// Abort discards what was written and frees it in the store. It may be
	// called at any time; after Commit or a second time it does nothing.
	Abort(ctx context.Context) error
}

// The optional capabilities. As finds them.
type (
	// BatchDeleter deletes many files (not directories) in few requests. The
	// result has one entry a path, nil for success; an absent file is a success.
	BatchDeleter interface {
		DeleteFiles(ctx context.Context, paths []string) []error
	}

	// DirDeleter deletes a directory with all below it. Not atomic: after an
	// error a part may be gone; repeating it finishes. An absent directory is a
	// success.
	DirDeleter interface {
		DeleteDir(ctx context.Context, path string) error
	}

	// DirRenamer moves the directory src with all below it to dst, which must
	// not exist. Where the store has no such operation it is not atomic:
	// repeating it after any failure finishes the move. A repetition that finds
	// src absent and dst there says NotFound: the attempt whose answer was lost
	// had finished it.
	DirRenamer interface {
		RenameDir(ctx context.Context, src, dst string) error
	}

	// AttrSetter changes owner, group and permission bits; empty strings and a
	// nil mode leave as is.
	AttrSetter interface {
		SetAttr(ctx context.Context, path, owner, group string, mode *uint32) error
	}

	// SpaceReporter tells the size of the store in bytes.
	SpaceReporter interface {
		Space(ctx context.Context) (total, used int64, err error)
	}

	// Hider counts the entries that listings left out so far because their
	// names cannot be paths.
	Hider interface {
		Hidden() int64
	}

	// Sweeper removes what interrupted writers left behind (temporary files,
	// unfinished uploads) older than the given age.
	Sweeper interface {
		Sweep(ctx context.Context, olderThan time.Duration) (removed int, err error)
	}

	// ObjectStore marks stores without real directories, owners and modes.
	ObjectStore interface {
		IsObjectStore() bool
	}
)

// Wrapper is a UFS around another one. It implements the capabilities whose
// calls it must see; the others pass it by.
type Wrapper interface {
	Unwrap() UFS
}

// As returns the outermost layer of u that has the capability T. A wrapper has
// a capability only if a layer below has it, too: whatever its methods are, it
// cannot do what the store cannot.
func As[T any](u UFS) (T, bool) {
	var zero T
	if u == nil {
		return zero, false
	}
	t, ok := u.(T)
	w, wraps := u.(Wrapper)
	if !wraps {
		return t, ok
	}
	below, has := As[T](w.Unwrap())
	if has && ok {
		return t, true
	}
	return below, has
}
