package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/time/rate"

	"github.com/alluxio-go/alluxio/internal/blockid"
)

// busyShare is the part of its rate at which the scrubber goes on while users read
// or write.
const busyShare = 8

// scrubLoop reads idle blocks and verifies them, so that damage is found while
// another copy may exist.
func (s *Store) scrubLoop(ctx context.Context) {
	if s.opts.ScrubBytesPerSecond <= 0 {
		return
	}
	burst := max(busyShare*s.opts.PageSize, int(s.opts.ScrubBytesPerSecond))
	limit := rate.NewLimiter(rate.Limit(s.opts.ScrubBytesPerSecond), burst)
	every(ctx, time.Second, func() {
		for _, id := range s.ids() {
			if err := s.scrub(ctx, id, limit); err != nil {
				return
			}
		}
	})
}

// ids lists all blocks.
func (s *Store) ids() []blockid.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]blockid.ID, 0, len(s.mu.blocks))
	for id := range s.mu.blocks {
		ids = append(ids, id)
	}
	return ids
}

// scrub verifies what is present of one block, page by page, so that it is not in
// the way of moves for long; an error only when ctx ended.
func (s *Store) scrub(ctx context.Context, id blockid.ID, limit *rate.Limiter) error {
	for p := 0; ; p++ {
		s.mu.Lock()
		b, ok := s.mu.blocks[id]
		ok = ok && b.refs == 0 && !b.moving && p < b.pages()
		s.mu.Unlock()
		if !ok {
			return nil
		}
		n := int(b.pageLen(p))
		if s.busy() {
			n *= busyShare
		}
		if err := limit.WaitN(ctx, min(n, limit.Burst())); err != nil {
			return err
		}
		s.scrubPage(id, p)
	}
}

// scrubPage verifies one page of an idle block, and with the first one the sidecar.
func (s *Store) scrubPage(id blockid.ID, p int) {
	s.mu.Lock()
	b, ok := s.mu.blocks[id]
	if ok = ok && b.refs == 0 && !b.moving && p < b.pages(); ok {
		b.refs++
	}
	s.mu.Unlock()
	if !ok {
		return
	}
	defer s.unref(b) // writes the sidecar if it is behind
	if err := s.ensureOpen(b); err != nil {
		return // the next reader deals with it
	}
	if p == 0 {
		s.scrubSidecar(b)
	}
	buf := s.pageOf(b)
	defer s.putPage(buf)
	out, bad, err := s.readVerified(b, *buf, b.pageOff(p), int(b.pageLen(p)))
	s.m.scrubbed.Add(float64(len(out)))
	if bad >= 0 {
		s.dropPage(b, bad, err)
	}
}

// scrubSidecar has a sidecar written anew that is not what it should be.
func (s *Store) scrubSidecar(b *block) {
	b.io.Lock()
	defer b.io.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tmpPath != "" || b.mu.dirty {
		return
	}
	raw, err := s.fs.ReadFile(b.finalPath()+metaSuffix, metaLimit)
	var m meta
	if err == nil {
		m, err = decodeMeta(raw, b.id)
	}
	if err == nil && sumsCRC(m.sums) == sumsCRC(b.mu.sums) {
		return
	}
	b.mu.dirty = true
	s.log.Error("the sidecar of a block is damaged and is written anew", "block", b.id, "path", b.finalPath()+metaSuffix, "error", err)
	s.m.quarantined.Inc()
}

// maxAside bounds how many damaged pages each directory keeps aside.
const maxAside = 64

// keepAside copies a damaged page into quarantine before it is fetched again, for
// whoever wants to know what happened to it. Once in a while is enough.
func (s *Store) keepAside(b *block, p int) {
	if b.dir.aside.Add(1) > maxAside {
		return
	}
	buf := s.pageOf(b)
	defer s.putPage(buf)
	n, _ := b.file.ReadAt((*buf)[:b.pageLen(p)], b.pageOff(p))
	name := filepath.Join(b.dir.quarantine(), fmt.Sprintf("%s.page%d", blockFile(b.id), p))
	if err := writeFile(s.fs, name, (*buf)[:n], false); err != nil {
		_ = s.fs.Remove(name)
		if !os.IsNotExist(err) {
			s.log.Debug("a damaged page could not be kept aside", "path", name, "error", err)
		}
		return
	}
	s.m.pagesAside.Inc()
}
