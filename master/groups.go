package master

import (
	"os/user"
	"sync"
	"time"
)

const maxCachedUsers = 10_000

// groups looks up the groups of users on this host and remembers them for a
// while.
type groups struct {
	timeout time.Duration
	now     func() time.Time
	lookup  func(user string) []string
	mu      struct {
		sync.Mutex
		users map[string]userGroups
	}
}

type userGroups struct {
	names   []string // the primary group first
	expires time.Time
}

func newGroups(timeout time.Duration, now func() time.Time) *groups {
	g := &groups{timeout: timeout, now: now, lookup: hostGroups}
	g.mu.users = make(map[string]userGroups)
	return g
}

// of returns the groups of the user, the primary one first; none for a user
// that this host does not know.
func (g *groups) of(name string) []string {
	if name == "" {
		return nil
	}
	now := g.now()
	g.mu.Lock()
	u, ok := g.mu.users[name]
	g.mu.Unlock()
	if ok && now.Before(u.expires) {
		return u.names
	}
	names := g.lookup(name)
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.mu.users) >= maxCachedUsers {
		clear(g.mu.users)
	}
	g.mu.users[name] = userGroups{names, now.Add(g.timeout)}
	return names
}

// primary is the first group of the user, "" when there is none.
func (g *groups) primary(name string) string {
	if names := g.of(name); len(names) > 0 {
		return names[0]
	}
	return ""
}

func hostGroups(name string) []string {
	u, err := user.Lookup(name)
	if err != nil {
		return nil
	}
	ids := []string{u.Gid}
	if all, err := u.GroupIds(); err == nil {
		for _, id := range all {
			if id != u.Gid {
				ids = append(ids, id)
			}
		}
	}
	var names []string
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			names = append(names, g.Name)
		}
	}
	return names
}
