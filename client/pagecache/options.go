package pagecache

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

// Options of a Cache.
type Options struct {
	// Dirs are the folders and their quotas. Pages are spread over them by quota.
	// With Memory the paths are ignored.
	Dirs []Dir
	// Memory keeps pages in memory instead of folders.
	Memory bool
	// PageBytes is the size of a page; only the last of a file is shorter.
	PageBytes int64
	// Policy chooses what is given up: a name of package evict, or LFU.
	Policy string
	// Buckets is how many folders the pages of a folder are spread over.
	Buckets int
	// EvictionRetries is how often more room is made for a page that does not fit
	// at first, on a disk that is fuller than the quota says.
	EvictionRetries int
	// AsyncWrite lets readers go on while what they fetched is written, by at most
	// WriteThreads at a time.
	AsyncWrite   bool
	WriteThreads int
	// SyncRestore makes Acquire wait until the index is rebuilt.
	SyncRestore bool
	// IOTimeout bounds each access to a folder, of which then at most IOThreads are
	// under way; zero or negative is no limit.
	IOTimeout time.Duration
	IOThreads int
	// TTL is how old a page may become; zero is no limit. Every TTLInterval the
	// ones beyond it are removed.
	TTL, TTLInterval time.Duration

	// Logger receives what went wrong with folders; nil discards.
	Logger *slog.Logger

	fs  FS               // of tests
	now func() time.Time // of tests
}

// Dir is a folder with its quota.
type Dir struct {
	Path       string
	QuotaBytes int64
}

// maxPageBytes bounds pages to what one buffer may reasonably be.
const maxPageBytes = 256 << 20

// complete checks the options and fills in defaults.
func (o Options) complete() (Options, error) {
	switch {
	case len(o.Dirs) == 0:
		return o, errors.Errorf(errors.Invalid, "The client cache has no folder.")
	case o.PageBytes < 1 || o.PageBytes > maxPageBytes:
		return o, errors.Errorf(errors.Invalid, "The client cache cannot have pages of %d bytes: choose between 1 B and %d MB.", o.PageBytes, maxPageBytes>>20)
	}
	if _, err := o.policy(1); err != nil {
		return o, err
	}
	if o.fs == nil {
		o.fs = osFS{}
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Buckets, o.WriteThreads, o.IOThreads = max(1, o.Buckets), max(1, o.WriteThreads), max(1, o.IOThreads)
	if o.TTLInterval <= 0 {
		o.TTLInterval = time.Hour
	}
	return o, nil
}

// policy returns the order in which a folder gives up pages. LFU is LRFU with a
// decay that only settles ties.
func (o Options) policy(capacity int64) (evict.Policy[Key], error) {
	if o.Policy == "LFU" {
		return evict.New[Key](evict.Options{Policy: "LRFU", Capacity: capacity, Attenuation: 2, Step: 1e-6})
	}
	return evict.New[Key](evict.Options{Policy: o.Policy, Capacity: capacity})
}

// name tells caches of one process apart.
func (o Options) name() string {
	o.Logger, o.fs, o.now = nil, nil, nil
	return fmt.Sprintf("%+v", o)
}
