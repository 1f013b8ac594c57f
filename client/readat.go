package client

import (
	"io"
	"io/fs"
)

// ReadAt reads len(p) bytes from a place of the file, asking a worker for exactly
// these. It may be called concurrently with every other method except Close.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, &fs.PathError{Op: "readat", Path: r.info.Path, Err: fs.ErrInvalid}
	}
	if r.cached != nil {
		return r.cached.ReadAt(p, off)
	}
	return r.readAt(p, off)
}

// readAt is ReadAt from the workers.
func (r *Reader) readAt(p []byte, off int64) (int, error) {
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
		if n, ok := r.readLocal(open, p, off); ok {
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
	if open := r.openNear(src, b, length); open != nil {
		if n, ok := r.readLocal(open, p, off); ok {
			return n, nil
		}
	}
	why := readAll
	if int64(len(p)) < r.conf.pread {
		why = readShort
	}
	// The file has been found not to be readable directly, if it is here at all.
	remote := source{src.worker, fromRemote}
	br, err := r.openBlock(b, index, remote, off, int64(len(p)), length, why)
	if err != nil {
		return 0, err
	}
	defer br.Close()
	return io.ReadFull(br, p)
}

// readLocal fills p from a block's file, which it releases. Bytes that are not
// good there are to be had through the worker.
func (r *Reader) readLocal(b *sharedBlock, p []byte, off int64) (int, bool) {
	n, err := b.ReadAt(p, off)
	b.release()
	if err == nil {
		return n, true
	}
	r.avoidFile(b.id, err)
	return 0, false
}
