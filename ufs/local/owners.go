package local

import (
	"os/user"
	"strconv"
	"sync"
	"time"
)

// ownersAge is how long a name found for a number is believed.
const ownersAge = time.Minute

// owners remembers the names of users and groups.
type owners struct {
	mu struct {
		sync.Mutex
		names map[string]ownerName
	}
}

type ownerName struct {
	name string
	at   time.Time
}

// user returns the name of a user, or the number when it has none.
func (o *owners) user(uid uint32) string {
	return o.name("u", uid, func(id string) (string, error) {
		u, err := user.LookupId(id)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	})
}

// group returns the name of a group, or the number when it has none.
func (o *owners) group(gid uint32) string {
	return o.name("g", gid, func(id string) (string, error) {
		g, err := user.LookupGroupId(id)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	})
}

func (o *owners) name(class string, n uint32, lookup func(string) (string, error)) string {
	id := strconv.FormatUint(uint64(n), 10)
	o.mu.Lock()
	defer o.mu.Unlock()
	if known, ok := o.mu.names[class+id]; ok && time.Since(known.at) < ownersAge {
		return known.name
	}
	name, err := lookup(id)
	if err != nil {
		name = id
	}
	if o.mu.names == nil || len(o.mu.names) > 4096 {
		o.mu.names = map[string]ownerName{}
	}
	o.mu.names[class+id] = ownerName{name, time.Now()}
	return name
}

// ids returns the numbers of an owner and a group, -1 for "". A name may be a
// number.
func ids(owner, group string) (uid, gid int, err error) {
	uid, gid = -1, -1
	if owner != "" {
		if uid, err = strconv.Atoi(owner); err != nil {
			u, err := user.Lookup(owner)
			if err != nil {
				return -1, -1, err
			}
			if uid, err = strconv.Atoi(u.Uid); err != nil {
				return -1, -1, err
			}
		}
	}
	if group != "" {
		if gid, err = strconv.Atoi(group); err != nil {
			g, err := user.LookupGroup(group)
			if err != nil {
				return -1, -1, err
			}
			if gid, err = strconv.Atoi(g.Gid); err != nil {
				return -1, -1, err
			}
		}
	}
	return uid, gid, nil
}
