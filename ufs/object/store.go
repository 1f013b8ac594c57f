package object

import (
	"context"
	"io"
	"time"
)

// Store is a flat store: keys, in byte order, to immutable versions of bytes.
// A key is any non-empty string the store accepts; it is handed over as it is,
// never cleaned or escaped by this package. Methods may be called from any
// number of goroutines, and each is one request (an upload: a few).
//
// Errors are *errors.Error. NotFound is only the store's positive word that a
// key is absent; a missing bucket, a refusal or an outage has another kind.
// Retrying, limiting and measuring are not a Store's business: wrappers do it.
type Store interface {
	// Head describes the object at key; NotFound when there is none.
	Head(ctx context.Context, key string) (Object, error)

	// List returns one page of a listing.
	List(ctx context.Context, req ListRequest) (Page, error)

	// Get reads [r.Offset, r.Offset+r.Length) of the object, to its end when
	// r.Length is negative. The reader gives io.EOF only after the last byte
	// wanted, or at the object's end; a broken connection is an error. With
	// r.Version another version is refused with Aborted. An offset at or past
	// the end may be refused with OutOfRange (this package finds out which);
	// r.Offset 0 with a negative r.Length reads an empty object, too.
	Get(ctx context.Context, key string, r Range) (io.ReadCloser, error)

	// Put starts writing the object at key, replacing an older one when the
	// upload commits. Memory is bounded by the part size and the number of
	// parallel parts, whatever the size of the object; see NewUpload.
	Put(ctx context.Context, key string, opts PutOptions) (Upload, error)

	// Copy copies src over dst in the store. NotFound when src is absent.
	Copy(ctx context.Context, src, dst string) error

	// Delete removes the object; NotFound or success when it is absent.
	Delete(ctx context.Context, key string) error

	// Close releases connections.
	Close() error
}

// Object describes one stored object.
type Object struct {
	Key     string
	Size    int64
	ModTime time.Time
	// Version changes whenever the content may have changed; it becomes the
	// fingerprint of the file. Never empty.
	Version string
	Owner   string // "" when the store does not tell
}

// ListRequest asks for a page of the keys that start with Prefix.
type ListRequest struct {
	Prefix string
	// Delimiter is "/" or "": with it, keys that have it behind the prefix are
	// rolled up into Page.Prefixes.
	Delimiter string
	// Marker is the Next of the page before, "" for the first page.
	Marker string
	// After asks to begin behind this key. It comes with the first page only
	// and is a hint: a store that cannot do it lists from the start of the
	// prefix.
	After string
	// Limit is the number of entries wanted at most; a store may return fewer.
	Limit int
}

// Page is one page of a listing. Objects and Prefixes each ascend in byte
// order, within and across pages. A page may be empty although more follow.
type Page struct {
	Objects  []Object
	Prefixes []string // with their trailing delimiter
	Next     string   // marker of the next page; "" after the last one
}

// Range selects what Get reads, and of which version ("": any).
type Range struct {
	Offset, Length int64
	Version        string
}

// PutOptions modify Put.
type PutOptions struct {
	// Exclusive refuses, with Exists, to replace an object; the store decides
	// that atomically when the upload commits, if it can.
	Exclusive bool
	// SizeHint is the expected size in bytes, 0 when not known.
	SizeHint int64
}

// Upload receives the bytes of one object. Its rules are those of ufs.Writer.
type Upload interface {
	io.Writer
	Commit(ctx context.Context) (Object, error)
	Abort(ctx context.Context) error
}

// The optional abilities of a Store.
type (
	// Mover moves src over dst in one request. A failure that leaves open what
	// happened is Unavailable or Timeout; NotFound when src is absent.
	Mover interface {
		Move(ctx context.Context, src, dst string) error
	}

	// BatchDeleter deletes up to MaxBatch keys in one request. The result has
	// one entry a key, nil when it is gone (also when it was absent before).
	BatchDeleter interface {
		MaxBatch() int
		DeleteBatch(ctx context.Context, keys []string) []error
	}

	// BatchMover moves up to MaxBatch objects, each over its destination, in
	// one request. The result has one entry a pair, as Mover.Move would give.
	BatchMover interface {
		MaxBatch() int
		MoveBatch(ctx context.Context, pairs []Pair) []error
	}

	// Sweeper drops unfinished uploads below prefix that were begun longer ago
	// than the given age, and tells how many.
	Sweeper interface {
		Sweep(ctx context.Context, prefix string, olderThan time.Duration) (int, error)
	}
)

// Pair names the two ends of a move.
type Pair struct{ Src, Dst string }
