package pagecache

import (
	"context"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// pages is where the pages of one folder are. Calls for different pages may be
// concurrent; a page is not written twice at a time.
type pages interface {
	// read fills p with the bytes of a page of n bytes from off on, verified, and
	// returns when the page was written. NotFound: there is none; Corrupt: it is
	// not what was written.
	read(k Key, n int, p []byte, off int) (written time.Time, err error)
	// has reports whether there is a page, whole or not.
	has(k Key) bool
	// write puts a page there, whole or not at all.
	write(k Key, data []byte) error
	// remove makes a page go away; NotFound is no error.
	remove(k Key) error
	// used notes that a page was used now.
	used(k Key, written time.Time)
	// cost is what a page of n bytes takes of the quota.
	cost(n int) int64

	// claim makes this cache the one that writes. An error of kind Exists means
	// that another one does.
	claim() error
	// restore finds the pages that are there and removes everything else.
	restore(ctx context.Context, found func(foundPage)) error
	// release ends the claim.
	release()
}

// foundPage is a page that was there before.
type foundPage struct {
	key           Key
	cost          int64
	written, used time.Time
}

// memory keeps pages in memory.
type memory struct {
	now func() time.Time
	mu  struct {
		sync.RWMutex
		pages map[Key]memoryPage
	}
}

type memoryPage struct {
	data    []byte // never changed
	written time.Time
}

func newMemory(now func() time.Time) *memory {
	m := &memory{now: now}
	m.mu.pages = map[Key]memoryPage{}
	return m
}

func (m *memory) lookup(k Key) (memoryPage, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	page, ok := m.mu.pages[k]
	return page, ok
}

func (m *memory) read(k Key, n int, p []byte, off int) (time.Time, error) {
	page, ok := m.lookup(k)
	switch {
	case !ok:
		return time.Time{}, errors.Errorf(errors.NotFound, "no such page")
	case len(page.data) != n:
		return time.Time{}, errors.Errorf(errors.Corrupt, "the page has %d bytes instead of %d", len(page.data), n)
	}
	copy(p, page.data[off:])
	return page.written, nil
}

func (m *memory) has(k Key) bool {
	_, ok := m.lookup(k)
	return ok
}

func (m *memory) write(k Key, data []byte) error {
	page := memoryPage{append([]byte(nil), data...), m.now()}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.pages[k] = page
	return nil
}

func (m *memory) remove(k Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.mu.pages, k)
	return nil
}

func (m *memory) used(Key, time.Time)                            {}
func (m *memory) cost(n int) int64                               { return int64(n) }
func (m *memory) claim() error                                   { return nil }
func (m *memory) restore(context.Context, func(foundPage)) error { return nil }
func (m *memory) release()                                       {}

// bounded gives up on accesses that take too long. The access goes on in the
// background, on memory of its own.
type bounded struct {
	pages
	limit   time.Duration
	slots   chan struct{} // one token for each access under way
	metrics *metrics
}

func (b *bounded) read(k Key, n int, p []byte, off int) (written time.Time, err error) {
	type answer struct {
		data    []byte
		written time.Time
	}
	a, err := within(b, func() (a answer, err error) {
		a.data = make([]byte, len(p))
		a.written, err = b.pages.read(k, n, a.data, off)
		return a, err
	})
	if errors.Is(err, errors.Timeout) {
		b.metrics.getTimeouts.Inc()
	}
	copy(p, a.data)
	return a.written, err
}

func (b *bounded) write(k Key, data []byte) error {
	data = append([]byte(nil), data...)
	_, err := within(b, func() (struct{}, error) { return struct{}{}, b.pages.write(k, data) })
	if errors.Is(err, errors.Timeout) {
		b.metrics.putTimeouts.Inc()
	}
	return err
}

func (b *bounded) remove(k Key) error {
	_, err := within(b, func() (struct{}, error) { return struct{}{}, b.pages.remove(k) })
	if errors.Is(err, errors.Timeout) {
		b.metrics.deleteTimeouts.Inc()
	}
	return err
}

func (b *bounded) used(k Key, written time.Time) {
	_, _ = within(b, func() (struct{}, error) { b.pages.used(k, written); return struct{}{}, nil })
}

func (b *bounded) claim() error {
	_, err := within(b, func() (struct{}, error) { return struct{}{}, b.pages.claim() })
	return err
}

func (b *bounded) has(k Key) bool {
	has, err := within(b, func() (bool, error) { return b.pages.has(k), nil })
	return err == nil && has
}

// within runs f; when it takes too long, or too many others do, the result is an
// error of kind Timeout.
func within[T any](b *bounded, f func() (T, error)) (result T, err error) {
	select {
	case b.slots <- struct{}{}:
	default:
		b.metrics.rejected.Inc()
		return result, errors.Errorf(errors.Timeout, "%d accesses are waiting for the folder", cap(b.slots))
	}
	type outcome struct {
		result T
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := f()
		<-b.slots
		done <- outcome{result, err}
	}()
	timer := time.NewTimer(b.limit)
	defer timer.Stop()
	select {
	case o := <-done:
		return o.result, o.err
	case <-timer.C:
		return result, errors.Errorf(errors.Timeout, "no answer from the folder within %v", b.limit)
	}
}
