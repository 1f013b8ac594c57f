// Package evict chooses what a full cache gives up. A policy keeps keys and
// sizes, never contents, and is not safe for concurrent use: whoever owns the
// cache calls it under its own lock. The block store, the client's page cache
// and the trace simulator share it.
package evict

import (
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Policy orders the keys of one cache by how soon to give them up.
type Policy[K comparable] interface {
	// Add says that key, of size bytes, came into the cache. For a key that is
	// there it only changes the size.
	Add(key K, size int64)
	// Use says that key was used. Unknown keys are ignored.
	Use(key K)
	// Remove says that key left the cache for another reason than Victim.
	Remove(key K)
	// Victim takes the key to give up next out of the policy and returns it.
	// Keys for which keep returns true stay; ok is false when all do.
	Victim(keep func(K) bool) (key K, ok bool)
	// Coldest yields keys, those to be given up soonest first as far as the
	// policy can tell without being changed, until yield returns false.
	Coldest(yield func(K) bool)
	// Len is the number of keys.
	Len() int
}

// Options choose a policy.
type Options struct {
	// Policy is LRU (default), LRFU, S3-FIFO or W-TinyLFU; Alluxio's class
	// names ending in LRUAnnotator and LRFUAnnotator are understood.
	Policy string
	// Capacity is the size of the cache in bytes (the sizes given to Add).
	Capacity int64
	// LRFU: weight (1/Attenuation)^(Step·age); 2 and 0.25.
	Attenuation, Step float64
}

// Names lists the policies.
func Names() []string { return []string{"LRU", "LRFU", "S3-FIFO", "W-TinyLFU"} }

// New returns the policy that o chooses; Invalid for an unknown name.
func New[K comparable](o Options) (Policy[K], error) {
	name := strings.ToUpper(o.Policy)
	name = strings.TrimSuffix(name[strings.LastIndexByte(name, '.')+1:], "ANNOTATOR")
	switch name {
	case "", "LRU":
		return newLRU[K](), nil
	case "LRFU":
		return newLRFU[K](o), nil
	case "S3-FIFO", "S3FIFO":
		return newS3FIFO[K](o.Capacity), nil
	case "W-TINYLFU", "WTINYLFU", "TINYLFU":
		return newTinyLFU[K](o.Capacity), nil
	}
	return nil, errors.Errorf(errors.Invalid, "Unknown eviction policy %q: choose one of %s.", o.Policy, strings.Join(Names(), ", "))
}
