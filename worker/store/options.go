package store

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

// Options describe a store. Zero values of everything but Tiers mean the
// default named beside them.
type Options struct {
	Tiers []TierOptions // fastest first; at least one, each with at least one dir

	DataFolder string // folder below each dir; "alluxioworker"
	TmpFolder  string // folder below the data folder; ".tmp_blocks"
	PageSize   int    // bytes, a multiple of SpanSize; 1 MiB

	Allocator string        // MaxFree (default), RoundRobin, Greedy
	Evict     evict.Options // policy and its parameters; W-TinyLFU

	ReadAheadMax        int64         // bytes fetched ahead of a sequential reader at most; 64 MiB, like WriteBehind: what comes sooner is written and read back
	FetchSize           int64         // bytes asked of a Source in one request at most; 4 MiB
	SoftLimit           int64         // a directory with less than these bytes free gets fewer new blocks while others have room; 0
	HardLimit           int64         // with no more than these, none
	FreeAhead           int64         // bytes of room made beyond what is needed when blocks are evicted
	MaxFetches          int           // requests to Sources at one time, in the whole store; 128
	WriteBehind         int64         // bytes of fetched pages in memory, besides one page a request; 64 MiB
	Writers             int           // pages being written to directories at one time; the number of processors, at least 4
	FlushInterval       time.Duration // between sidecar updates of a block being filled; 5 s
	ProbeInterval       time.Duration // between probes of a failed directory at most; 10 s
	ScrubBytesPerSecond int64         // background verification; 0 turns it off

	Mover MoverOptions

	FS         FS // the file system; nil is the real one
	Observer   Observer
	Logger     *slog.Logger
	Registerer prometheus.Registerer

	inlineFolder int64 // see there; tests make it small
}

// TierOptions describe one tier.
type TierOptions struct {
	Alias string // "MEM", "SSD", "HDD"
	Dirs  []DirOptions
	// When more than HighWatermark of the tier is used, cold blocks are moved in the
	// background to the tier below, as far as that has room, down to LowWatermark.
	HighWatermark, LowWatermark float64 // 0.95, 0.7
}

// DirOptions describe one storage directory.
type DirOptions struct {
	Path   string // absolute
	Quota  int64  // bytes
	Medium string // "" is the tier's alias
}

// MoverOptions tune what is moved between tiers without being asked for.
type MoverOptions struct {
	NoAlign   bool          // nothing is moved down, to make room or for hotter blocks
	NoPromote bool          // nothing is moved up into room that is there
	NoRestore bool          // room that blocks took which changed tiers is not made anew by that
	Interval  time.Duration // between looks; 1 s
	// Reserve is kept free in each directory of a tier above another, up to a tenth
	// of it; 0.
	Reserve      int64
	PromoteQuota float64       // blocks move up while less than this part of the upper tier is used; 0.9
	AlignRange   int           // blocks of a tier that are considered for changing places; 100
	PromoteRange int           // and for moving up; 100
	Backoff      string        // BackoffAny (default), BackoffDirectory
	CoolDown     time.Duration // how long background moves stand back after a user's read or write; 10 s
	Tasks        int           // pairs of tiers that are put in order at one time; the number of processors, at least 4
	Transfers    int           // blocks that are moved at one time; half the number of processors, at least 2
}

// Info describes a block.
type Info struct {
	ID          blockid.ID
	Length      int64
	Tier        string // alias
	TierIndex   int
	Medium      string
	Dir         string // storage directory, as configured
	Path        string // of the block file
	Bytes       int64  // present: Length when Whole
	Whole       bool
	Confirmed   bool // known to be in the under store, so evictable
	Fingerprint string
	Pinned      bool
	// Restored is true of a block that was on disk when the store was opened, until
	// Vouch.
	Restored bool
}

// Observer learns of whole blocks coming and going. Calls are in order, under
// the store's lock: they must return at once and not call the store.
type Observer interface {
	// BlockAdded reports a block that became whole, or whole in another place.
	BlockAdded(Info)
	// BlockRemoved reports that a whole block is gone (or not whole any more).
	BlockRemoved(Info)
}

func (o *Options) setDefaults() {
	setDefault(&o.DataFolder, "alluxioworker")
	setDefault(&o.TmpFolder, ".tmp_blocks")
	setDefault(&o.PageSize, 1<<20)
	setDefault(&o.Allocator, MaxFree)
	setDefault(&o.ReadAheadMax, 64<<20)
	setDefault(&o.FetchSize, 4<<20)
	setDefault(&o.MaxFetches, 128)
	setDefault(&o.WriteBehind, 64<<20)
	setDefault(&o.Writers, max(4, runtime.GOMAXPROCS(0)))
	setDefault(&o.FlushInterval, 5*time.Second)
	setDefault(&o.ProbeInterval, 10*time.Second)
	setDefault(&o.inlineFolder, inlineFolder)
	setDefault(&o.Mover.Interval, time.Second)
	setDefault(&o.Mover.CoolDown, 10*time.Second)
	setDefault(&o.Mover.PromoteQuota, 0.9)
	setDefault(&o.Mover.AlignRange, 100)
	setDefault(&o.Mover.PromoteRange, 100)
	setDefault(&o.Mover.Backoff, BackoffAny)
	setDefault(&o.Mover.Tasks, max(4, runtime.GOMAXPROCS(0)))
	setDefault(&o.Mover.Transfers, max(2, runtime.GOMAXPROCS(0)/2))
	if o.FS == nil {
		o.FS = osFS{}
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.DataFolder = strings.Trim(o.DataFolder, "/")
	tiers := make([]TierOptions, len(o.Tiers))
	for i, t := range o.Tiers {
		setDefault(&t.HighWatermark, 0.95)
		setDefault(&t.LowWatermark, 0.7)
		dirs := make([]DirOptions, len(t.Dirs))
		for j, d := range t.Dirs {
			setDefault(&d.Medium, t.Alias)
			dirs[j] = d
		}
		t.Dirs = dirs
		tiers[i] = t
	}
	o.Tiers = tiers
}

func (o *Options) check() error {
	if len(o.Tiers) == 0 {
		return errors.Errorf(errors.Invalid, "The block store needs at least one tier.")
	}
	if o.PageSize <= 0 || o.PageSize%SpanSize != 0 {
		return errors.Errorf(errors.Invalid, "The page size of the block store is %d bytes; it must be a positive multiple of %d.", o.PageSize, SpanSize)
	}
	seen := map[string]bool{}
	for i, t := range o.Tiers {
		if t.Alias == "" || len(t.Dirs) == 0 {
			return errors.Errorf(errors.Invalid, "Storage level %d needs an alias and at least one directory.", i)
		}
		if t.LowWatermark < 0 || t.LowWatermark > t.HighWatermark || t.HighWatermark > 1 {
			return errors.Errorf(errors.Invalid, "Storage level %s: watermarks must satisfy 0 ≤ low (%g) ≤ high (%g) ≤ 1.", t.Alias, t.LowWatermark, t.HighWatermark)
		}
		for _, d := range t.Dirs {
			if !strings.HasPrefix(d.Path, "/") {
				return errors.Errorf(errors.Invalid, "Storage directory %q of level %s is not an absolute path.", d.Path, t.Alias)
			}
			if d.Quota < 0 {
				return errors.Errorf(errors.Invalid, "Storage directory %s of level %s has a negative quota.", d.Path, t.Alias)
			}
			if seen[d.Path] {
				return errors.Errorf(errors.Invalid, "Storage directory %s is configured twice.", d.Path)
			}
			seen[d.Path] = true
		}
	}
	if o.SoftLimit < o.HardLimit || o.HardLimit < 0 {
		return errors.Errorf(errors.Invalid, "The limits for new blocks must satisfy 0 ≤ hard (%d bytes) ≤ soft (%d bytes).", o.HardLimit, o.SoftLimit)
	}
	if o.Mover.Backoff != BackoffAny && o.Mover.Backoff != BackoffDirectory {
		return errors.Errorf(errors.Invalid, "Unknown back-off strategy %q: choose %s or %s.", o.Mover.Backoff, BackoffAny, BackoffDirectory)
	}
	for _, name := range [...]string{MaxFree, RoundRobin, Greedy} {
		if o.Allocator == name {
			return nil
		}
	}
	return errors.Errorf(errors.Invalid, "Unknown block allocator %q: choose %s, %s or %s.", o.Allocator, MaxFree, RoundRobin, Greedy)
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

type nobody struct{}

func (nobody) BlockAdded(Info)   {}
func (nobody) BlockRemoved(Info) {}

// Place says where a block should go.
type Place struct {
	Tier   int    // index from the top; negative counts from the bottom; clamped
	Medium string // not "": any directory of this medium, whatever its tier
	Strict bool   // fail rather than use another tier
}

func (p Place) String() string {
	if p.Medium != "" {
		return "medium " + p.Medium
	}
	return fmt.Sprintf("tier %d", p.Tier)
}
