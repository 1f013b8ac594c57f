package master

import (
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/fspath"
)

// depth is how far below a path an operation looks.
type depth uint8

const (
	depthNone depth = iota // the path itself
	depthOne               // its children too
	depthAll               // everything below
)

// maxSyncTimes bounds the memory of synchronisations; forgetting one only
// means to synchronise again.
const maxSyncTimes = 100_000

// syncTimes remembers when a path was last compared with its UFS.
type syncTimes struct {
	mu struct {
		sync.Mutex
		at map[string][depthAll + 1]int64 // milliseconds, by depth
	}
}

func newSyncTimes() *syncTimes {
	s := &syncTimes{}
	s.mu.at = make(map[string][depthAll + 1]int64)
	return s
}

// fresh reports whether the path was synchronised, at least as deep, since the
// time: by itself, by a listing of its parent, or by a recursive one above.
func (s *syncTimes) fresh(path string, d depth, sinceMS int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for up := 0; ; up++ {
		at := s.mu.at[path]
		for have := depthNone; have <= depthAll; have++ {
			covers := have == depthAll || up == 0 && have >= d || up == 1 && have == depthOne && d == depthNone
			if covers && at[have] > 0 && at[have] >= sinceMS {
				return true
			}
		}
		if path == fspath.Root {
			return false
		}
		path = fspath.Parent(path)
	}
}

// done notes a synchronisation that began at the time.
func (s *syncTimes) done(path string, d depth, atMS int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.at) >= maxSyncTimes {
		evictHalf(s.mu.at)
	}
	at := s.mu.at[path]
	at[d] = max(at[d], atMS)
	s.mu.at[path] = at
}

// evictHalf removes an arbitrary half of a map.
func evictHalf[K comparable, V any](m map[K]V) {
	n := len(m) / 2
	for k := range m {
		if n == 0 {
			return
		}
		delete(m, k)
		n--
	}
}

// absentFor is how long a path that the UFS did not have is not asked for again
// by operations that load what was never looked at: long enough for the calls
// of one command, short enough for what somebody uploads meanwhile.
const absentFor = 2 * time.Second

// absentPaths remembers paths that the UFS did not have.
type absentPaths struct {
	limit int
	now   func() time.Time
	mu    struct {
		sync.Mutex
		since        map[string]time.Time
		hits, misses int64
	}
}

func newAbsentPaths(limit int, now func() time.Time) *absentPaths {
	a := &absentPaths{limit: limit, now: now}
	a.mu.since = make(map[string]time.Time)
	return a
}

// has reports whether the path, or one above it, was absent a moment ago.
func (a *absentPaths) has(path string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.mu.since) == 0 {
		a.mu.misses++
		return false
	}
	oldest := a.now().Add(-absentFor)
	for p := path; ; p = fspath.Parent(p) {
		if since, ok := a.mu.since[p]; ok {
			if since.After(oldest) {
				a.mu.hits++
				return true
			}
			delete(a.mu.since, p)
		}
		if p == fspath.Root {
			a.mu.misses++
			return false
		}
	}
}

func (a *absentPaths) add(path string) {
	if a.limit <= 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.mu.since) >= a.limit {
		evictHalf(a.mu.since)
	}
	a.mu.since[path] = a.now()
}

// remove forgets that the path, or one above it, was absent.
func (a *absentPaths) remove(path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.mu.since) == 0 {
		return
	}
	for ; path != fspath.Root; path = fspath.Parent(path) {
		delete(a.mu.since, path)
	}
}

// counts are the answers so far that spared a look into the UFS, and that did not.
func (a *absentPaths) counts() (hits, misses int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.hits, a.mu.misses
}

// forget forgets the synchronisations of a path and of those above and below it.
func (s *syncTimes) forget(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.mu.at {
		if fspath.Within(path, p) || fspath.Within(p, path) {
			delete(s.mu.at, p)
		}
	}
}
