package store

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// probeLoop tries the directories that are out of use and takes back those that
// work again: after a second, and then less and less often.
func (s *Store) probeLoop(ctx context.Context) {
	first := min(time.Second, s.opts.ProbeInterval)
	every(ctx, first, func() {
		for _, d := range s.dirs {
			s.mu.Lock()
			state := d.state
			if state == dirOK {
				d.probePause = 0
			}
			due := state != dirOK && !time.Now().Before(d.probeAt)
			if due {
				d.probePause = min(max(2*d.probePause, first), s.opts.ProbeInterval)
				d.probeAt = time.Now().Add(d.probePause)
			}
			s.mu.Unlock()
			if due && ctx.Err() == nil {
				s.recover(ctx, d, state)
			}
		}
	})
}

// recover brings d back if a probe succeeds.
func (s *Store) recover(ctx context.Context, d *dir, was dirState) {
	err := s.checkMount(d)
	if err == nil {
		err = s.probe(d)
	}
	if err != nil {
		s.log.Debug("a storage directory is still out of use", "dir", d.Path, "error", err)
		return
	}
	if was == dirFailed {
		s.beginScan(d)
	}
	s.mu.Lock()
	d.state, d.cause = dirOK, nil
	s.mu.Unlock()
	d.readErrors.Store(0)
	s.measure(d)
	s.log.Info("a storage directory is back in use", "dir", d.Path)
	if was == dirFailed {
		if err := s.scan(ctx, d); err != nil && ctx.Err() == nil {
			s.takeOut(d, err)
		}
	}
}

// probe writes a page to d, reads it back and deletes it.
func (s *Store) probe(d *dir) error {
	if err := s.prepare(d); err != nil {
		return err
	}
	name := filepath.Join(d.folder, ".probe")
	want := bytes.Repeat([]byte("probe..."), SpanSize/8)
	if err := writeFile(s.fs, name, want, true); err != nil {
		_ = s.fs.Remove(name)
		return err
	}
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	got := make([]byte, len(want))
	_, err = f.ReadAt(got, 0)
	_ = f.Close()
	if err != nil && err != io.EOF {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.Errorf(errors.Corrupt, "%s does not read back as written", name)
	}
	return s.fs.Remove(name)
}

// flushLoop keeps the sidecars of blocks being filled not far behind.
func (s *Store) flushLoop(ctx context.Context) {
	every(ctx, s.opts.FlushInterval, s.flushAll)
}

func (s *Store) flushAll() {
	for _, b := range s.openBlocks() {
		s.flush(b)
	}
}

// openBlocks lists the blocks that readers have.
func (s *Store) openBlocks() []*block {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.mu.open))
}
