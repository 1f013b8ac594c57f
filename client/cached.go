package client

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/client/pagecache"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// pageCache is the use of a page cache, from the first file that is read on.
type pageCache struct {
	once   sync.Once
	handle *pagecache.Handle // nil for none
	err    error
}

func (p *pageCache) open(conf *config.Config, opts Options) (*pagecache.Handle, error) {
	p.once.Do(func() { p.handle, p.err = openPageCache(conf, opts) })
	return p.handle, p.err
}

func (p *pageCache) close() {
	p.once.Do(func() {}) // it is not opened any more
	if p.handle != nil {
		p.handle.Close()
	}
}

// openPageCache returns the page cache that the configuration asks for, nil for
// none. Servers that are clients of their own cluster have none: the properties of
// a site file are meant for those who read.
func openPageCache(conf *config.Config, opts Options) (*pagecache.Handle, error) {
	if !conf.Bool(config.UserClientCacheEnabled) || conf.Role()&config.Client == 0 {
		return nil, nil
	}
	o, err := pageCacheOptions(conf)
	if err != nil {
		return nil, err
	}
	if o.Logger = opts.CacheLogger; o.Logger == nil {
		o.Logger = opts.Logger
	}
	if conf.Enum(config.UserClientCacheStoreType) == "ROCKS" {
		o.Logger.Warn("alluxio.user.client.cache.store.type: pages are kept as with LOCAL; there is no ROCKS here")
	}
	return pagecache.Acquire(o, opts.Metrics)
}

// localOverhead is the share of a quota that file systems need for themselves.
const localOverhead = 0.05

func pageCacheOptions(conf *config.Config) (pagecache.Options, error) {
	o := pagecache.Options{
		Memory:          conf.Enum(config.UserClientCacheStoreType) == "MEM",
		PageBytes:       conf.Bytes(config.UserClientCachePageSize),
		Policy:          strings.TrimSuffix(conf.Class(config.UserClientCacheEvictorClass), "CacheEvictor"),
		Buckets:         conf.Int(config.UserClientCacheLocalStoreFileBuckets),
		EvictionRetries: conf.Int(config.UserClientCacheEvictionRetries),
		AsyncWrite:      conf.Bool(config.UserClientCacheAsyncWriteEnabled),
		WriteThreads:    conf.Int(config.UserClientCacheAsyncWriteThreads),
		SyncRestore:     !conf.Bool(config.UserClientCacheAsyncRestoreEnabled),
		IOTimeout:       conf.Duration(config.UserClientCacheTimeoutDuration),
		IOThreads:       conf.Int(config.UserClientCacheTimeoutThreads),
	}
	if conf.Bool(config.UserClientCacheTTLEnabled) {
		o.TTL = time.Duration(conf.Int(config.UserClientCacheTTLThresholdSeconds)) * time.Second
		o.TTLInterval = time.Duration(conf.Int(config.UserClientCacheTTLCheckIntervalSeconds)) * time.Second
	}
	overhead := 0.0
	if !o.Memory {
		overhead = localOverhead
	}
	if conf.IsSet(config.UserClientCacheStoreOverhead) {
		overhead = conf.Float(config.UserClientCacheStoreOverhead)
	}
	if overhead < 0 || math.IsInf(overhead, 0) {
		return o, errors.Errorf(errors.Invalid, "%s is %v: it is a share of the cache's size, such as 0.05.", config.UserClientCacheStoreOverhead.Name(), overhead)
	}
	dirs, sizes := conf.List(config.UserClientCacheDirs), conf.BytesList(config.UserClientCacheSize)
	if len(sizes) != 1 && len(sizes) != len(dirs) {
		return o, errors.Errorf(errors.Invalid, "%s has %d sizes for the %d folders of %s: give one for each, or one for all.",
			config.UserClientCacheSize.Name(), len(sizes), len(dirs), config.UserClientCacheDirs.Name())
	}
	if o.Memory {
		dirs, sizes = []string{"memory"}, []int64{sum(sizes)}
	}
	for i, path := range dirs {
		size := sizes[min(i, len(sizes)-1)]
		if !o.Memory && !filepath.IsAbs(path) {
			return o, errors.Errorf(errors.Invalid, "%s has %q: write absolute paths.", config.UserClientCacheDirs.Name(), path)
		}
		o.Dirs = append(o.Dirs, pagecache.Dir{Path: filepath.Clean(path), QuotaBytes: int64(float64(size) / (1 + overhead))})
	}
	return o, nil
}

func sum(list []int64) (total int64) {
	for _, n := range list {
		total += n
	}
	return total
}

// version names what a file has now, in a page cache. An id is given to one file of
// a namespace only, and another one when its object in the under store changes; the
// rest tells namespaces apart, also that of a formatted master from the one before.
func (r *Reader) version() pagecache.FileID {
	masters := r.s.settings.cluster().MasterAddresses()
	slices.Sort(masters)
	h := sha256.New()
	fmt.Fprintf(h, "%q %d %d %d %d", masters, r.info.FileID, r.info.Length, r.info.Created.UnixMilli(), r.info.Modified.UnixMilli())
	return pagecache.FileID(h.Sum(nil)[:16])
}

// useCache puts the page cache, if there is one, between the Reader and the
// workers.
func (r *Reader) useCache() error {
	if r.info.Length == 0 {
		return nil
	}
	h, err := r.s.pages.open(r.s.settings.cluster(), r.c.opts)
	if h != nil {
		r.cached = h.NewReader(r.ctx, r.version(), r.info.Length, workerSource{r})
	}
	return err
}

// readCached is Read through the page cache.
func (r *Reader) readCached(p []byte) (int, error) {
	if r.closed {
		return 0, &fs.PathError{Op: "read", Path: r.info.Path, Err: fs.ErrClosed}
	}
	r.cached.SetPos(r.pos)
	n, err := r.cached.Read(p)
	r.pos += int64(n)
	return n, err
}

// writeCachedTo is WriteTo through the page cache.
func (r *Reader) writeCachedTo(w io.Writer) (int64, error) {
	if r.closed {
		return 0, &fs.PathError{Op: "read", Path: r.info.Path, Err: fs.ErrClosed}
	}
	r.cached.SetPos(r.pos)
	n, err := r.cached.WriteTo(w)
	r.pos += n
	return n, err
}

// workerSource is a file as the workers have it.
type workerSource struct{ r *Reader }

func (s workerSource) ReadAt(p []byte, off int64) (int, error) { return s.r.readAt(p, off) }

// Stream returns a Reader of the same file that does not use the page cache.
func (s workerSource) Stream(ctx context.Context, end int64) io.ReadSeekCloser {
	r := &Reader{c: s.r.c, s: s.r.s, info: s.r.info, conf: s.r.conf, pick: s.r.pick, until: end}
	r.ctx, r.cancel = context.WithCancel(ctx)
	r.near.open = r.openFile
	return r
}
