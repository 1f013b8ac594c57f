package pagecache

import (
	"context"
	"io"

	"github.com/prometheus/client_golang/prometheus"
)

// Read reads the next bytes.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.pos >= r.length {
		return 0, io.EOF
	}
	_, n := r.within(r.pos, len(p))
	n, err := r.next(p[:n])
	r.pos += int64(n)
	r.restPage()
	return n, err
}

// writeStep is how much WriteTo hands on at a time.
const writeStep = readStep

// WriteTo writes the rest of the file to w.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	defer r.restPage()
	begin := r.pos
	buf := make([]byte, min(writeStep, r.c.opts.PageBytes))
	r.last = r.pos/r.c.opts.PageBytes - 1 // it will be read in sequence
	for r.pos < r.length {
		data, err := r.piece(buf)
		if err != nil {
			return r.pos - begin, err
		}
		n, err := w.Write(data)
		r.pos += int64(n)
		if err != nil {
			return r.pos - begin, err
		}
	}
	return r.pos - begin, nil
}

// piece returns the next bytes of a page: those that rest in memory, or others in
// buf.
func (r *Reader) piece(buf []byte) ([]byte, error) {
	if data := r.held(); data != nil && r.resting {
		return data, nil
	}
	at, n := r.within(r.pos, len(buf))
	if n == len(buf) && at%smallStep != 0 { // get back to the beginning of a step
		n -= at % smallStep
	}
	n, err := r.next(buf[:n])
	r.restPage() // whatever takes the bytes may take its time
	return buf[:n], err
}

// held returns the bytes at the place that the Reader has in memory.
func (r *Reader) held() []byte {
	if r.page == nil || r.page.key != r.key(r.pos) {
		return nil
	}
	at, _ := r.within(r.pos, 0)
	return r.page.data[at:]
}

// leavePage gives the memory of the last page back.
func (r *Reader) leavePage() {
	if r.page == nil {
		return
	}
	if r.resting {
		r.c.resting.Add(-1)
		r.resting = false
	}
	r.c.release(r.page)
	r.page = nil
}

// restPage decides whether the last page stays in memory until the next call. If
// too many do, it is given back: it is in the cache by now, or soon, or else the
// rest of it is read past the cache.
func (r *Reader) restPage() {
	switch {
	case r.page == nil || r.resting:
	case r.page.key != r.key(r.pos):
		r.leavePage()
	case r.c.resting.Add(1) > r.c.maxResting:
		r.c.resting.Add(-1)
		r.past = r.page.key.Page
		r.leavePage()
	default:
		r.resting = true
	}
}

// next reads a part of one page.
func (r *Reader) next(p []byte) (int, error) {
	k := r.key(r.pos)
	sequential := k.Page == r.last || k.Page == r.last+1
	r.last = k.Page
	r.filler.wanted(k.Page)
	for r.ctx.Err() == nil {
		if data := r.held(); data != nil {
			r.c.metrics.bytesRequested.Add(float64(min(len(p), len(data))))
			return copy(p, data), nil
		}
		r.leavePage()
		n, v := r.nextCached(k, p)
		if v == hit {
			return n, nil
		}
		if err := r.nextFlight(k, v, sequential); err == errPast {
			return r.nextPast(p)
		} else if err != nil && err != errAgain {
			return 0, r.explain(err)
		}
	}
	return 0, r.explain(r.ctx.Err())
}

// nextCached reads from the cache, a step ahead if p is small.
func (r *Reader) nextCached(k Key, p []byte) (int, verdict) {
	if data := r.small.at(r.pos); data != nil {
		n := copy(p, data)
		r.counter(k).Add(float64(n))
		return n, hit
	}
	at, _ := r.within(r.pos, len(p))
	if len(p) >= smallStep {
		v := r.get(k, p, at)
		if v == hit {
			r.counter(k).Add(float64(len(p)))
		}
		return len(p), v
	}
	lo := at / smallStep * smallStep
	buf := r.small.room(r.pos-int64(at-lo), min(smallStep, r.pageLen(k.Page)-lo))
	v := r.get(k, buf, lo)
	if v != hit {
		r.small.data = nil
		return 0, v
	}
	n := copy(p, buf[at-lo:])
	r.counter(k).Add(float64(n))
	return n, hit
}

// counter returns where bytes that are read in sequence count: what was fetched
// ahead for this reader is no hit.
func (r *Reader) counter(k Key) prometheus.Counter {
	if r.filler.brought(k.Page) {
		return r.c.metrics.bytesRequested
	}
	return r.c.metrics.bytesCached
}

// errPast says that a page has to be read past the cache.
const errPast = sentinel("past the cache")

type sentinel string

func (s sentinel) Error() string { return string(s) }

// nextFlight gets hold of a page that is not in the cache: r.page, unless there is
// an error.
func (r *Reader) nextFlight(k Key, v verdict, sequential bool) error {
	f := r.c.join(k)
	switch {
	case f != nil:
		f.filler.wanted(k.Page)
	case r.filler.brings(k.Page):
		return errAgain
	case v == silent || k.Page == r.past || !r.c.dir(k).accepts():
		return errPast
	default:
		var err error
		if f, err = r.start(k, v, sequential); err != nil {
			return err
		}
	}
	if err := f.wait(r.ctx); err != nil {
		r.c.release(f)
		return err
	}
	r.page = f
	return nil
}

// start begins to bring a page, and what comes after it if that is likely to be
// wanted. It returns the flight, held.
func (r *Reader) start(k Key, v verdict, sequential bool) (*flight, error) {
	var ahead *filler
	if sequential {
		ahead = newFiller(r, k.Page)
	}
	f := r.lead(k, v, ahead)
	if f == nil {
		ahead.stop()
		return nil, errAgain
	}
	if !r.c.load(f, r.pageLen(k.Page)) {
		ahead.stop()
		r.c.fail(f, errAgain)
		return nil, errPast
	}
	r.c.hold(f)
	switch {
	case ahead == nil:
		if r.bring(f) == nil {
			r.c.keep(f, r.h.life.spawn)
		}
	case r.h.life.spawn(func(context.Context) { ahead.run(f) }):
		r.filler.stop()
		r.filler = ahead
	default: // the client is closed
		ahead.stop()
		r.c.fail(f, errAgain)
		r.c.release(f)
		return nil, errPast
	}
	return f, nil
}

// nextPast reads past the cache.
func (r *Reader) nextPast(p []byte) (int, error) {
	if r.direct == nil {
		r.direct = r.src.Stream(r.ctx, r.length)
	}
	if _, err := r.direct.Seek(r.pos, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := r.direct.Read(p)
	r.c.metrics.bytesExternal.Add(float64(n))
	r.c.metrics.bytesRequested.Add(float64(n))
	return n, err
}
