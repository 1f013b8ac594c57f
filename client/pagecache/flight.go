package pagecache

import (
	"context"
	stderrors "errors"
)

// flight is a page on its way from a worker, and then to a folder. While it is
// known, everybody who wants the page waits for it.
type flight struct {
	key    Key
	filler *filler // that brings it, nil if a reader does it for itself
	done   chan struct{}

	// After done is closed:
	data []byte // of the page
	err  error  // errAgain: look for the page again

	buffer *[]byte // what data is part of
	refs   int     // guarded by Cache.flights
}

// errAgain is for those who waited in vain but may succeed themselves.
var errAgain = stderrors.New("the page was not brought")

// join returns the flight of a page, nil if there is none. The caller releases it.
func (c *Cache) join(k Key) *flight {
	c.flights.Lock()
	defer c.flights.Unlock()
	f := c.flights.byKey[k]
	if f != nil {
		f.refs++
	}
	return f
}

// begin makes the caller the one who brings a page; nil if somebody else does. The
// flight has to be finished, then removed.
func (c *Cache) begin(k Key, by *filler) *flight {
	c.flights.Lock()
	defer c.flights.Unlock()
	if c.flights.byKey[k] != nil {
		return nil
	}
	f := &flight{key: k, filler: by, done: make(chan struct{}), refs: 1}
	c.flights.byKey[k] = f
	return f
}

// hold adds a holder.
func (c *Cache) hold(f *flight) {
	c.flights.Lock()
	defer c.flights.Unlock()
	f.refs++
}

// load gives a flight memory for n bytes; false when enough is in use.
func (c *Cache) load(f *flight, n int) bool {
	if f.buffer = c.buffer(); f.buffer == nil {
		return false
	}
	f.data = (*f.buffer)[:n]
	return true
}

// finish lets those who wait go on. A flight without data to hand out finishes
// with an error.
func (c *Cache) finish(f *flight, err error) {
	f.err = err
	close(f.done)
}

// fail finishes and removes a flight that brought nothing.
func (c *Cache) fail(f *flight, err error) {
	c.finish(f, err)
	c.remove(f)
}

// remove ends a finished flight.
func (c *Cache) remove(f *flight) {
	if f.buffer != nil {
		c.landed()
	}
	c.flights.Lock()
	delete(c.flights.byKey, f.key)
	c.flights.Unlock()
	c.release(f)
}

// release ends the use of a flight.
func (c *Cache) release(f *flight) {
	c.flights.Lock()
	f.refs--
	last := f.refs == 0
	c.flights.Unlock()
	if last && f.buffer != nil {
		c.buffers.Put(f.buffer)
	}
}

// wait waits for the page of a flight that the caller holds.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// failure is what those who wait for a fetch are told: when it was given up for
// reasons of the one who made it, they have to make it themselves.
func failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errAgain
	}
	return err
}
