package store

import (
	"io"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// relocate goes on with a block in another directory, where total bytes are
// reserved: the one it was begun in is full or has failed, for the given reason,
// which is returned if that is not possible. A file that a local client writes stays
// where it is.
func (w *Writer) relocate(total int64, cause error) error {
	if w.opts.InPlace || w.opts.Place.Strict || w.file == nil {
		return cause
	}
	old := *w
	d, err := w.s.allocateBut(w.dir, w.id, total, w.opts.Place)
	if err != nil {
		return cause
	}
	w.dir, w.reserved, w.counted, w.file, w.path = d, total, 0, nil, w.s.tmpName(d, w.id)
	if err = w.openFile(); err == nil {
		err = w.copyFrom(old.file)
	}
	if err != nil {
		w.s.fault(d, err)
		w.discard()
		w.dir, w.reserved, w.counted, w.file, w.path = old.dir, old.reserved, old.counted, old.file, old.path
		return cause
	}
	w.count()
	w.s.log.Info("a block being written goes on in another directory", "block", w.id, "from", old.dir.Path, "to", d.Path, "reason", cause)
	old.discard()
	return nil
}

// copyFrom copies what was written so far, verifying the spans that are complete.
func (w *Writer) copyFrom(src File) error {
	buf := w.s.page()
	defer w.s.putPage(buf)
	for off := int64(0); off < w.written; {
		p := (*buf)[:min(int64(len(*buf)), w.written-off)]
		if n, err := src.ReadAt(p, off); n < len(p) {
			if err == nil || err == io.EOF {
				err = errors.Errorf(errors.Corrupt, "the file of block %d has lost its end", w.id)
			}
			return err
		}
		for i := 0; i+SpanSize <= len(p); i += SpanSize {
			if sumOf(p[i:i+SpanSize]) != w.sums[(off+int64(i))/SpanSize] {
				return errors.Errorf(errors.Corrupt, "what was written of block %d does not read back", w.id)
			}
		}
		if _, err := w.file.WriteAt(p, off); err != nil {
			return err
		}
		off += int64(len(p))
	}
	return nil
}
