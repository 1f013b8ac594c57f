// Package cachesim replays a trace of reads through caches of several eviction
// policies and sizes and counts what they would have held. The policies are those
// of the block store, called as the store calls them, so that a choice made here is
// one for the store. It keeps keys and sizes, never contents; what it holds grows
// with the number of distinct keys, not with the length of the trace.
package cachesim

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/worker/store/evict"
)

// Access is one read of one key.
type Access struct {
	Key  uint64
	Size int64 // bytes of the key, not of the read
}

// Trace calls visit for each access in order until it fails, and returns that
// error or its own.
type Trace func(visit func(Access) error) error

// Cache is one cache of one policy. Not safe for concurrent use.
type Cache struct {
	Policy   string // as evict.Names has it
	Capacity int64  // bytes
	Result

	policy  evict.Policy[uint64]
	used    int64
	sizes   map[uint64]int64
	filling uint64
	keep    func(uint64) bool // whether it is filling
}

// Result is what a cache, or a bound of all caches, was good for.
type Result struct {
	Reads, Hits     int64
	Bytes, HitBytes int64
}

// HitRatio is the part of the reads that were hits, 0 … 1.
func (r Result) HitRatio() float64 { return ratio(r.Hits, r.Reads) }

// ByteHitRatio is the part of the bytes read that were hits, 0 … 1.
func (r Result) ByteHitRatio() float64 { return ratio(r.HitBytes, r.Bytes) }

func ratio(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// NewCache returns an empty cache; Invalid for an unknown policy.
func NewCache(o evict.Options) (*Cache, error) {
	name, err := evict.Find(o.Policy)
	if err != nil {
		return nil, err
	}
	policy, err := evict.NewHashed(o, mix)
	if err != nil {
		return nil, err
	}
	c := &Cache{Policy: name, Capacity: o.Capacity, policy: policy, sizes: map[uint64]int64{}}
	c.keep = func(key uint64) bool { return key == c.filling }
	return c, nil
}

// Read makes one access. A key that comes with another size than it has is
// another version of it: the cached one is dropped. One larger than the cache is
// not cached.
func (c *Cache) Read(a Access) {
	c.Reads++
	c.Bytes += a.Size
	size, cached := c.sizes[a.Key]
	switch {
	case cached && size == a.Size:
		c.Hits++
		c.HitBytes += a.Size
		c.policy.Use(a.Key)
		return
	case cached:
		c.policy.Remove(a.Key)
		c.drop(a.Key)
	}
	if a.Size <= c.Capacity {
		c.fill(a)
	}
}

// fill does what the store does: the block is there, empty and open; then room is
// made for it; then it has its size.
func (c *Cache) fill(a Access) {
	c.filling = a.Key
	c.policy.Add(a.Key, 0)
	for c.used+a.Size > c.Capacity {
		victim, ok := c.policy.Victim(c.keep)
		if !ok {
			panic("cachesim: a full cache has nothing to give up")
		}
		c.drop(victim)
	}
	c.policy.Add(a.Key, a.Size)
	c.sizes[a.Key] = a.Size
	c.used += a.Size
}

func (c *Cache) drop(key uint64) {
	c.used -= c.sizes[key]
	delete(c.sizes, key)
}

// mix spreads keys, which may be small numbers, over all bits (splitmix64).
func mix(h uint64) uint64 {
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// batchSize is how many accesses go to the caches at a time, batchesAhead how many
// batches a slow cache may be behind.
const (
	batchSize    = 4096
	batchesAhead = 8
)

// Reader takes accesses: a Cache, a Profile.
type Reader interface{ Read(Access) }

// Replay reads the trace once, into all readers at the same time, each of which is
// called from one goroutine of its own. It ends early when ctx does.
func Replay(ctx context.Context, trace Trace, readers []Reader) error {
	g, ctx := errgroup.WithContext(ctx)
	inputs := make([]chan []Access, len(readers))
	for i, r := range readers {
		in := make(chan []Access, batchesAhead)
		inputs[i] = in
		g.Go(func() error {
			for batch := range in {
				for _, a := range batch {
					r.Read(a)
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer func() {
			for _, in := range inputs {
				close(in)
			}
		}()
		return feed(ctx, trace, inputs)
	})
	return g.Wait()
}

// feed sends the trace to all inputs, in batches that nobody changes any more.
func feed(ctx context.Context, trace Trace, inputs []chan []Access) error {
	batch := make([]Access, 0, batchSize)
	flush := func() error {
		for _, in := range inputs {
			select {
			case in <- batch:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		batch = make([]Access, 0, batchSize)
		return nil
	}
	err := trace(func(a Access) error {
		if batch = append(batch, a); len(batch) < batchSize {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
