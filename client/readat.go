package client

import (
	"io"
	"io/fs"
	"sync"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// ReadAt reads len(p) bytes from a place of the file, asking a worker for exactly
// these. It may be called concurrently with every other method except Close.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, &fs.PathError{Op: "readat", Path: r.info.Path, Err: fs.ErrInvalid}
	}
	want := p
	if off >= r.info.Length {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.info.Length-off)]
	done := 0
	for done < len(p) {
		n, err := r.readBlockAt(p[done:], off+int64(done))
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

// readBlockAt fills p as far as the block at a place reaches, trying other
// workers when one fails.
func (r *Reader) readBlockAt(p []byte, pos int64) (int, error) {
	index := int(pos / r.info.BlockSize)
	b, length, err := r.block(index)
	if err != nil {
		return 0, err
	}
	off := pos - int64(index)*r.info.BlockSize
	p = p[:min(int64(len(p)), length-off)]
	if open := r.near.lookup(b.ID); open != nil {
		n, err := open.ReadAt(p, off)
		r.near.release(open)
		if err == nil {
			return n, nil
		}
	}
	var trouble outage
	for {
		src, err := r.pick.source(r.ctx, b, length)
		if err == nil {
			var n int
			if n, err = r.readFrom(src, b, index, p, off, length); err == nil {
				r.hint.after(r, index, src)
				return n, nil
			}
			if endsEarly(err) {
				return n, r.changed(pos + int64(n))
			}
			r.noteFailure(src.worker, err)
		}
		if err = trouble.another(r.ctx, r, err); err != nil {
			return 0, err
		}
	}
}

// readFrom fills p from one worker.
func (r *Reader) readFrom(src source, b FileBlock, index int, p []byte, off, length int64) (int, error) {
	if r.direct(src) {
		if n, err, ok := r.near.readAt(r, src, b.ID, p, off); ok {
			return n, err
		}
	}
	short := int64(len(p)) < r.conf.pread
	// The file has been found not to be readable directly, if it is here at all.
	remote := source{src.worker, fromRemote}
	br, err := r.openBlock(b, index, remote, off, int64(len(p)), length, short)
	if err != nil {
		return 0, err
	}
	defer br.Close()
	return io.ReadFull(br, p)
}

// keptBlocks is how many block files a Reader keeps open for ReadAt. The worker
// cannot evict their blocks meanwhile.
const keptBlocks = 8

// localBlocks are the block files that ReadAt reads from.
type localBlocks struct {
	mu struct {
		sync.Mutex
		open   map[int64]*sharedBlock
		closed bool
	}
}

// sharedBlock is an open block with its users counted.
type sharedBlock struct {
	*localBlock
	users   int
	dropped bool // no longer in the map: the last user closes it
}

func (l *localBlocks) init() { l.mu.open = map[int64]*sharedBlock{} }

// readAt reads from a block's file. ok is false when it is not to be had.
func (l *localBlocks) readAt(r *Reader, src source, id int64, p []byte, off int64) (n int, err error, ok bool) {
	b, err := l.take(r, src, id)
	if err != nil {
		if !errors.Is(err, errors.Cancelled) {
			r.c.opts.Logger.Debug("block file not readable directly", "block", id, "err", err)
		}
		return 0, nil, false
	}
	defer l.release(b)
	n, err = b.ReadAt(p, off)
	return n, err, true
}

// lookup returns a block if it is open. The caller releases it.
func (l *localBlocks) lookup(id int64) *sharedBlock {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.mu.open[id]
	if b != nil {
		b.users++
	}
	return b
}

// take returns an open block, opening it if need be.
func (l *localBlocks) take(r *Reader, src source, id int64) (*sharedBlock, error) {
	if b := l.lookup(id); b != nil {
		return b, nil
	}
	opened, err := openLocal(r.ctx, r.s.worker(src.worker), id, r.conf.readType == CachePromote, r.conf.timeout)
	if err != nil {
		return nil, err
	}
	opened.usage = r.s.usage
	return l.keep(id, &sharedBlock{localBlock: opened, users: 1}), nil
}

// keep makes a block available to others, in the place of an idle one if there
// are many.
func (l *localBlocks) keep(id int64, b *sharedBlock) *sharedBlock {
	l.mu.Lock()
	var idle *sharedBlock
	if len(l.mu.open) >= keptBlocks {
		idle = l.dropIdle()
	}
	if _, taken := l.mu.open[id]; taken || l.mu.closed || len(l.mu.open) >= keptBlocks {
		b.dropped = true
	} else {
		l.mu.open[id] = b
	}
	l.mu.Unlock()
	if idle != nil {
		idle.Close()
	}
	return b
}

// dropIdle takes a block that nobody uses out of the map.
func (l *localBlocks) dropIdle() *sharedBlock {
	for id, b := range l.mu.open {
		if b.users == 0 {
			delete(l.mu.open, id)
			return b
		}
	}
	return nil
}

func (l *localBlocks) release(b *sharedBlock) {
	l.mu.Lock()
	b.users--
	last := b.dropped && b.users == 0
	l.mu.Unlock()
	if last {
		b.Close()
	}
}

// close closes what is idle; calls under way close the rest.
func (l *localBlocks) close() {
	l.mu.Lock()
	l.mu.closed = true
	var idle []*sharedBlock
	for _, b := range l.mu.open {
		b.dropped = true
		if b.users == 0 {
			idle = append(idle, b)
		}
	}
	clear(l.mu.open)
	l.mu.Unlock()
	for _, b := range idle {
		b.Close()
	}
}
