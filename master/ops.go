package master

import "github.com/alluxio-go/alluxio/proto/journalpb"

// opID is a client's operation id; the zero value is none.
type opID struct{ high, low uint64 }

func opOf(m *journalpb.OpID) opID { return opID{m.GetHigh(), m.GetLow()} }

func (o opID) message() *journalpb.OpID {
	if o == (opID{}) {
		return nil
	}
	return &journalpb.OpID{High: o.high, Low: o.low}
}

// opCache remembers the last operation ids that were applied.
type opCache struct {
	limit int
	known map[opID]struct{}
	ring  []opID // oldest at next, once full
	next  int
}

func newOpCache(limit int) *opCache {
	return &opCache{limit: limit, known: make(map[opID]struct{})}
}

func (c *opCache) has(o opID) bool {
	_, ok := c.known[o]
	return ok
}

func (c *opCache) add(o opID) {
	if o == (opID{}) || c.limit == 0 || c.has(o) {
		return
	}
	c.known[o] = struct{}{}
	if len(c.ring) < c.limit {
		c.ring = append(c.ring, o)
		return
	}
	delete(c.known, c.ring[c.next])
	c.ring[c.next] = o
	c.next = (c.next + 1) % c.limit
}

// messages are the ids, oldest first.
func (c *opCache) messages() []*journalpb.OpID {
	ms := make([]*journalpb.OpID, 0, len(c.ring))
	for i := range c.ring {
		ms = append(ms, c.ring[(c.next+i)%len(c.ring)].message())
	}
	return ms
}
