package store

import (
	"slices"
	"sync/atomic"
	"time"
)

// Users come first: what nobody waits for (moves between tiers that are not needed to
// make room, and most of scrubbing) stands back while they read or write, and for a
// while after. What a process reads in place is seen when it opens and closes a block.

// The back-off strategies: what users do stops which background moves.
const (
	BackoffAny       = "ANY"       // all of them
	BackoffDirectory = "DIRECTORY" // those from and to the directories that users use
)

// touch notes that a user reads or writes, in d unless that is nil.
func (s *Store) touch(d *dir) {
	now := time.Now().UnixNano()
	s.lastUser.Store(now)
	if d != nil {
		d.lastUser.Store(now)
	}
}

// busy reports whether a user was there a short while ago.
func (s *Store) busy() bool { return s.recent(&s.lastUser) }

func (s *Store) recent(at *atomic.Int64) bool {
	return time.Since(time.Unix(0, at.Load())) < s.opts.Mover.CoolDown
}

// loaded reports whether background moves from or to dirs have to stand back.
func (s *Store) loaded(dirs ...*dir) bool {
	if s.opts.Mover.Backoff == BackoffAny {
		return s.busy()
	}
	return slices.ContainsFunc(dirs, func(d *dir) bool { return s.recent(&d.lastUser) })
}

// quiet lists those of dirs that background moves may use now.
func (s *Store) quiet(dirs []*dir) []*dir {
	return slices.DeleteFunc(slices.Clone(dirs), func(d *dir) bool { return s.loaded(d) })
}
