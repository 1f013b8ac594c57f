// Package evict chooses what a full cache gives up. A policy keeps keys and
// sizes, never contents, and is not safe for concurrent use: whoever owns the
// cache calls it under its own lock. The block store, the client's page cache
// and the trace simulator share it.
package evict

import (
	"hash/maphash"
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
	// Keys for which keep returns true stay, as if in use just now; ok is false
	// when all do. It costs O(1), amortised, but for keys that are kept.
	Victim(keep func(K) bool) (key K, ok bool)
	// Next is Victim but that the key stays; asked again the policy may have thought
	// better of it.
	Next(keep func(K) bool) (key K, ok bool)
	// Len is the number of keys.
	Len() int
}

// Options choose a policy.
type Options struct {
	// Policy is one of Names, or a class name of Alluxio's kind that means one:
	// LRUAnnotator, LRFUAnnotator, S3FIFOAnnotator, WTinyLFUAnnotator, with or
	// without a package. Empty is W-TinyLFU.
	Policy string
	// Capacity is the size of the cache in bytes (the sizes given to Add).
	Capacity int64
	// LRFU: weight (1/Attenuation)^(Step·age); 2 and 0.25.
	Attenuation, Step float64
}

// Names lists the policies, the default first.
func Names() []string { return []string{"W-TinyLFU", "S3-FIFO", "LRU", "LRFU"} }

// Find returns which of Names a policy's name or class name means; Invalid if none.
func Find(policy string) (string, error) {
	if policy == "" {
		return Names()[0], nil
	}
	simple := func(name string) string {
		name = strings.ToUpper(name[strings.LastIndexByte(name, '.')+1:])
		return strings.ReplaceAll(strings.TrimSuffix(name, "ANNOTATOR"), "-", "")
	}
	for _, name := range Names() {
		if simple(name) == simple(policy) {
			return name, nil
		}
	}
	return "", errors.Errorf(errors.Invalid, "Unknown eviction policy %q: choose one of %s.", policy, strings.Join(Names(), ", "))
}

// New returns the policy that o chooses; Invalid for an unknown name.
func New[K comparable](o Options) (Policy[K], error) {
	seed := maphash.MakeSeed()
	return NewHashed(o, func(key K) uint64 { return maphash.Comparable(seed, key) })
}

// NewHashed is New with the hash function to use, which decides what is sampled
// and estimated: with the same one, the same calls have the same answers.
func NewHashed[K comparable](o Options, hash func(K) uint64) (Policy[K], error) {
	name, err := Find(o.Policy)
	if err != nil {
		return nil, err
	}
	switch name {
	case "LRU":
		return newLRU[K](), nil
	case "LRFU":
		return newLRFU[K](o), nil
	case "S3-FIFO":
		return newS3FIFO[K](o.Capacity), nil
	default:
		return newWTinyLFU(o.Capacity, hash), nil
	}
}
