package kodo

import (
	"context"
	"io"
	"sync"
)

// ranges reads a long stretch of an object by several requests at a time. It
// begins with one; each range that the consumer finishes doubles the number
// fetched ahead, up to the mount's download threads, so that closing early has
// asked for little in vain. Buffers come from the store's budget: without one
// free, the next range is read without a buffer, when the consumer gets there.
type ranges struct {
	s      *Store
	ctx    context.Context
	cancel context.CancelFunc
	key    string
	hash   string
	now    io.ReadCloser // what is being consumed
	ahead  []*chunk      // fetched or being fetched, in order, behind now
	next   int64         // where the range behind the last of ahead begins
	end    int64
	window int
	closed bool
	wg     sync.WaitGroup
	// consumed counts the bytes read of the present range: fetching ahead
	// begins in the middle of the first.
	consumed int64
}

// newRanges goes on behind first up to end.
func newRanges(first *stream, end int64) *ranges {
	r := &ranges{s: first.s, key: first.key, hash: first.hash, now: first, next: first.end, end: end, window: 1}
	r.ctx, r.cancel = context.WithCancel(first.ctx)
	return r
}

func (r *ranges) Read(p []byte) (int, error) {
	if r.closed {
		return 0, io.ErrClosedPipe
	}
	for {
		n, err := r.now.Read(p)
		r.consumed += int64(n)
		if len(r.ahead) == 0 && r.consumed >= r.s.set.rangeBytes/2 {
			r.fill()
		}
		if n > 0 || err != io.EOF {
			return n, noEOF(err)
		}
		r.now.Close()
		if !r.advance() {
			r.now = eof{}
			return 0, io.EOF
		}
	}
}

// noEOF hides the end of a range from the reader of all.
func noEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// eof is a reader at its end.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
func (eof) Close() error             { return nil }

// advance moves on to the next range. It reports false at the end.
func (r *ranges) advance() bool {
	r.consumed = 0
	r.window = min(2*r.window, r.s.set.downloadThreads)
	if len(r.ahead) == 0 {
		if r.next == r.end {
			return false
		}
		sp := r.take()
		r.now = &stream{s: r.s, ctx: r.ctx, key: r.key, hash: r.hash, at: sp.offset, end: sp.offset + sp.length}
		return true
	}
	r.now = r.ahead[0]
	r.ahead = r.ahead[1:]
	r.fill()
	return true
}

// take cuts the next range off what is left.
func (r *ranges) take() span {
	sp := span{r.next, min(r.s.set.rangeBytes, r.end-r.next)}
	r.next += sp.length
	return sp
}

// fill begins to fetch ranges up to the window, as far as there are buffers.
func (r *ranges) fill() {
	for len(r.ahead) < r.window && r.next < r.end {
		buf := r.s.buffers.get()
		if buf == nil {
			return
		}
		sp := r.take()
		c := newChunk(buf[:sp.length], r.s.buffers)
		r.ahead = append(r.ahead, c)
		from := &stream{s: r.s, ctx: r.ctx, key: r.key, hash: r.hash, at: sp.offset, end: sp.offset + sp.length}
		r.wg.Go(func() { c.fetch(from) })
	}
}

// Close ends all requests and waits until their buffers are free again.
func (r *ranges) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.cancel()
	r.now.Close()
	r.wg.Wait()
	for _, c := range r.ahead {
		c.Close()
	}
	return nil
}

// chunk is a range being fetched into a buffer. It can be read while it fills.
type chunk struct {
	buf  []byte
	pool *bufferPool
	read int
	mu   struct {
		sync.Mutex
		filled  int
		err     error // io.EOF when all is there
		waiting chan struct{}
	}
	done chan struct{}
}

func newChunk(buf []byte, pool *bufferPool) *chunk {
	return &chunk{buf: buf, pool: pool, done: make(chan struct{})}
}

// fetch fills the chunk from a stream.
func (c *chunk) fetch(from *stream) {
	defer close(c.done)
	defer from.Close()
	for at := 0; ; {
		n, err := from.Read(c.buf[at:])
		at += n
		if err == nil && at == len(c.buf) {
			err = io.EOF
		}
		c.progress(at, err)
		if err != nil {
			return
		}
	}
}

// progress tells the reader how far the chunk is filled.
func (c *chunk) progress(filled int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.filled, c.mu.err = filled, err
	if c.mu.waiting != nil {
		close(c.mu.waiting)
		c.mu.waiting = nil
	}
}

// Read returns bytes as they come.
func (c *chunk) Read(p []byte) (int, error) {
	for {
		c.mu.Lock()
		filled, err := c.mu.filled, c.mu.err
		if c.read < filled {
			c.mu.Unlock()
			n := copy(p, c.buf[c.read:filled])
			c.read += n
			return n, nil
		}
		if err != nil {
			c.mu.Unlock()
			return 0, err
		}
		if c.mu.waiting == nil {
			c.mu.waiting = make(chan struct{})
		}
		waiting := c.mu.waiting
		c.mu.Unlock()
		<-waiting
	}
}

// Close gives the buffer back once nobody writes to it.
func (c *chunk) Close() error {
	<-c.done
	if c.buf != nil {
		c.pool.put(c.buf)
		c.buf = nil
	}
	return nil
}

// bufferPool is the budget of read-ahead buffers of a store.
type bufferPool struct {
	size int
	mu   struct {
		sync.Mutex
		free  [][]byte
		spare int // buffers that may still be made
	}
}

// newBufferPool returns a pool of buffers of size bytes, in all total at most.
func newBufferPool(size, total int64) *bufferPool {
	p := &bufferPool{size: int(size)}
	p.mu.spare = int(max(total/size, 1))
	return p
}

// get returns a buffer, or nil when the budget is spent.
func (p *bufferPool) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.mu.free); n > 0 {
		buf := p.mu.free[n-1]
		p.mu.free = p.mu.free[:n-1]
		return buf
	}
	if p.mu.spare == 0 {
		return nil
	}
	p.mu.spare--
	return make([]byte, p.size)
}

// keepFree is how many unused buffers are kept for the next reader.
const keepFree = 8

// put gives a buffer back.
func (p *bufferPool) put(buf []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.mu.free) < keepFree {
		p.mu.free = append(p.mu.free, buf[:p.size])
		return
	}
	p.mu.spare++
}
