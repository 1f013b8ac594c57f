package pagecache

import (
	"context"
	"io"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Reader reads one version of a file through a cache. Like an os.File it has a
// place, which Read and WriteTo share; ReadAt may be called concurrently with
// everything but Close.
type Reader struct {
	c      *Cache
	h      *Handle
	src    Source
	file   FileID
	length int64
	ctx    context.Context
	cancel context.CancelFunc
	pos    int64

	filler *filler           // fetches ahead
	direct io.ReadSeekCloser // past the cache
	page   *flight           // that was waited for last, to be read on from
	small  stepBuffer
	last   int64 // page that was read last in sequence, -1 in the beginning
	past   int64 // page whose rest is read past the cache, -1 for none

	resting bool // page stays in memory between calls
}

// NewReader returns a Reader of a file of a length, and of a version which id
// names. It ends with ctx.
func (h *Handle) NewReader(ctx context.Context, id FileID, length int64, src Source) *Reader {
	r := &Reader{c: h.c, h: h, src: src, file: id, length: length, last: -1, past: -1}
	r.ctx, r.cancel = context.WithCancel(ctx)
	return r
}

// Close ends reading.
func (r *Reader) Close() error {
	r.cancel()
	r.leavePage()
	r.small.free()
	if r.direct != nil {
		return r.direct.Close()
	}
	return nil
}

// SetPos moves the place of the next Read, to any place that is not negative.
func (r *Reader) SetPos(pos int64) { r.pos = pos }

// Pos returns the place of the next Read.
func (r *Reader) Pos() int64 { return r.pos }

func (r *Reader) key(off int64) Key { return Key{r.file, off / r.c.opts.PageBytes} }

func (r *Reader) pageLen(page int64) int { return r.c.pageLen(page, r.length) }

// within returns where in its page a place is, and how many of n bytes lie there.
func (r *Reader) within(off int64, n int) (at, part int) {
	page := off / r.c.opts.PageBytes
	at = int(off - page*r.c.opts.PageBytes)
	return at, min(n, r.pageLen(page)-at)
}

// ReadAt reads len(p) bytes from a place of the file.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	want := p
	if off >= r.length {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.length-off)]
	done := 0
	for done < len(p) {
		n, err := r.readSome(p[done:], off+int64(done))
		done += n
		if err != nil {
			return done, err
		}
	}
	if done < len(want) {
		return done, io.EOF
	}
	return done, nil
}

// readSome reads some of p, from wherever it is.
func (r *Reader) readSome(p []byte, off int64) (int, error) {
	k := r.key(off)
	at, n := r.within(off, len(p))
	for {
		v := r.get(k, p[:n], at)
		if v == hit {
			r.c.metrics.bytesCached.Add(float64(n))
			return n, nil
		}
		if f := r.c.join(k); f != nil {
			done, err := r.copyFrom(f, p[:n], at)
			if err == errAgain {
				continue
			}
			return done, err
		}
		if v == silent || !r.c.dir(k).accepts() {
			return r.readPast(p, off)
		}
		f := r.lead(k, v, nil)
		switch {
		case f == nil:
		case n == r.pageLen(k.Page):
			return r.fetchInto(f, p, off)
		case !r.c.load(f, r.pageLen(k.Page)):
			r.c.fail(f, errAgain)
			return r.readPast(p[:n], off)
		default:
			return r.fetch(f, p[:n], at)
		}
	}
}

// get reads from the cache.
func (r *Reader) get(k Key, p []byte, at int) verdict {
	begin := time.Now()
	v := r.c.dir(k).get(k, r.pageLen(k.Page), p, at)
	if v == hit {
		r.c.metrics.readNanos.Add(float64(time.Since(begin)))
	}
	return v
}

// copyFrom waits for a flight that was joined and copies from it.
func (r *Reader) copyFrom(f *flight, p []byte, at int) (int, error) {
	defer r.c.release(f)
	f.filler.wanted(f.key.Page)
	if err := f.wait(r.ctx); err != nil {
		return 0, r.explain(err)
	}
	r.c.metrics.bytesRequested.Add(float64(len(p)))
	return copy(p, f.data[at:]), nil
}

func (r *Reader) explain(err error) error {
	if err == r.ctx.Err() {
		return errors.E("read", "", errors.Other, err)
	}
	return err
}

// lead begins a flight for a page that was looked for in vain. It returns nil when
// the page came meanwhile, or is on its way.
func (r *Reader) lead(k Key, v verdict, by *filler) *flight {
	f := r.c.begin(k, by)
	if f == nil {
		return nil
	}
	d := r.c.dir(k)
	if v == unfit {
		d.drop(k)
	} else if d.has(k) {
		r.c.fail(f, errAgain)
		return nil
	}
	return f
}

// fetch brings one page and copies a part of it to p.
func (r *Reader) fetch(f *flight, p []byte, at int) (int, error) {
	if err := r.bring(f); err != nil {
		return 0, err
	}
	r.c.metrics.bytesRequested.Add(float64(len(p)))
	n := copy(p, f.data[at:])
	r.c.keep(f, r.h.life.spawn)
	return n, nil
}

// bring fills the memory of a flight and finishes it; in case of an error it is
// removed too.
func (r *Reader) bring(f *flight) error {
	n, err := r.src.ReadAt(f.data, f.key.Page*r.c.opts.PageBytes)
	r.c.metrics.bytesExternal.Add(float64(n))
	if n < len(f.data) {
		r.c.fail(f, failure(r.ctx, err))
		return err
	}
	r.c.finish(f, nil)
	return nil
}

// maxRun bounds the bytes that one request brings for ReadAt.
const maxRun = 16 << 20

// fetchInto brings whole pages right to where they are wanted: the one of f and
// those after it that p has room for.
func (r *Reader) fetchInto(f *flight, p []byte, off int64) (int, error) {
	run := []*flight{f}
	end := r.pageLen(f.key.Page)
	for end < min(len(p), maxRun) {
		k := r.key(off + int64(end))
		if n := r.pageLen(k.Page); end+n > len(p) || !r.c.dir(k).accepts() {
			break
		}
		next := r.lead(k, miss, nil)
		if next == nil {
			break
		}
		run = append(run, next)
		end += r.pageLen(k.Page)
	}
	n, err := r.src.ReadAt(p[:end], off)
	if n == end {
		err = nil
	}
	r.c.metrics.bytesExternal.Add(float64(n))
	r.c.metrics.bytesRequested.Add(float64(n))
	for done := 0; len(run) > 0; run = run[1:] {
		part := r.pageLen(run[0].key.Page)
		if done+part > n {
			r.c.fail(run[0], failure(r.ctx, err))
		} else {
			r.keepCopy(run[0], p[done:done+part])
		}
		done += part
	}
	return n, err
}

// keepCopy keeps a page whose memory belongs to somebody else.
func (r *Reader) keepCopy(f *flight, data []byte) {
	d := r.c.dir(f.key)
	switch {
	case !r.c.opts.AsyncWrite && d.isReady():
		d.put(f.key, data)
	case r.c.load(f, len(data)):
		copy(f.data, data)
		r.c.finish(f, nil)
		r.c.keep(f, r.h.life.spawn)
		return
	default:
		r.c.metrics.rejectedPuts.Inc()
	}
	r.c.fail(f, errAgain)
}

// readPast reads past the cache, as far as pages are neither there nor wanted.
func (r *Reader) readPast(p []byte, off int64) (int, error) {
	_, n := r.within(off, len(p))
	for n < min(len(p), maxRun) {
		k := r.key(off + int64(n))
		if d := r.c.dir(k); d.accepts() || d.has(k) {
			break
		}
		_, part := r.within(off+int64(n), len(p)-n)
		n += part
	}
	got, err := r.src.ReadAt(p[:n], off)
	r.c.metrics.bytesExternal.Add(float64(got))
	r.c.metrics.bytesRequested.Add(float64(got))
	if got == n {
		err = nil
	}
	return got, err
}
