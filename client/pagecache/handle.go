package pagecache

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// registry is the caches that are open in this process. Users that ask for the
// same share one; those who ask for the same folder in another way only read it.
var registry = struct {
	sync.Mutex
	caches map[string]*shared
}{caches: map[string]*shared{}}

type shared struct {
	*Cache
	users int
}

// Handle is the use of a cache by one client.
type Handle struct {
	c    *Cache
	life *life
	name string
	reg  *registration
	once sync.Once
}

// Acquire returns the cache with the given options, which is shared by all of this
// process that ask for the same. An error has kind Invalid: the options are
// wrong; folders that cannot be used are no error. Metrics go to reg if it is not
// nil.
func Acquire(o Options, reg prometheus.Registerer) (*Handle, error) {
	registry.Lock()
	defer registry.Unlock()
	name := o.name()
	s := registry.caches[name]
	if s == nil {
		c, err := open(o)
		if err != nil {
			return nil, err
		}
		s = &shared{Cache: c}
		registry.caches[name] = s
	}
	s.users++
	h := newHandle(s.Cache, reg)
	h.name = name
	return h, nil
}

func newHandle(c *Cache, reg prometheus.Registerer) *Handle {
	return &Handle{c: c, life: newLife(c.life.ctx), reg: c.metrics.register(reg)}
}

// Close waits until the pages that this client has fetched are written, and gives
// the cache back. Readers that are still open go on without fetching ahead.
func (h *Handle) Close() { h.once.Do(h.close) }

func (h *Handle) close() {
	if !h.life.end(closeTimeout) {
		h.c.opts.Logger.Warn("pages are left behind on the way to the client cache: a folder does not answer")
	}
	h.reg.end()
	registry.Lock()
	defer registry.Unlock()
	s := registry.caches[h.name]
	if s == nil || s.Cache != h.c {
		return
	}
	if s.users--; s.users == 0 {
		delete(registry.caches, h.name)
		s.close()
	}
}
