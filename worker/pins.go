package worker

import (
	"context"
	"slices"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/worker/store"
)

// watchPins keeps the set of pinned files current, and their blocks on the media
// that they are pinned to.
func (w *Worker) watchPins(ctx context.Context) error {
	p := pinner{w: w, known: map[blockid.FileID]pinnedMedia{}}
	for _, t := range w.store.Tiers() {
		for _, d := range t.Dirs {
			p.media = append(p.media, d.Medium)
		}
	}
	slices.Sort(p.media)
	p.media = slices.Compact(p.media)
	w.each(ctx, w.conf.Duration(config.WorkerBlockHeartbeatInterval), nil, func() {
		files, err := w.master.pinned(ctx)
		if err != nil {
			w.log.Debug("the list of pinned files could not be fetched", "error", err)
			return
		}
		w.store.SetPinned(files)
		if len(p.media) > 1 {
			p.place(ctx, files)
		}
	})
	return nil
}

// pinner moves blocks to the media that their files are pinned to.
type pinner struct {
	w     *Worker
	media []string // of this worker
	known map[blockid.FileID]pinnedMedia
}

// pinnedMedia is what the master said of a file. It is asked again after pinTerm.
type pinnedMedia struct {
	media []string
	asked time.Time
}

const (
	pinTerm  = 30 * time.Second
	pinBatch = 50              // files asked about in one round
	pinRound = 5 * time.Second // spent on moving in one round
)

// place looks at the files that have blocks here.
func (p *pinner) place(ctx context.Context, files []blockid.FileID) {
	known, asked := map[blockid.FileID]pinnedMedia{}, 0
	end := time.Now().Add(pinRound)
	for _, file := range files {
		blocks := p.w.store.FileBlocks(file)
		if len(blocks) == 0 {
			continue
		}
		k, ok := p.known[file]
		if (!ok || time.Since(k.asked) > pinTerm) && asked < pinBatch && ctx.Err() == nil {
			asked++
			if info, err := p.w.master.fileInfo(ctx, file, rpc.Retry{}); err == nil {
				k, ok = pinnedMedia{media: info.GetMediumType(), asked: time.Now()}, true
			}
		}
		if !ok {
			continue
		}
		known[file] = k
		for _, b := range blocks {
			if time.Now().Before(end) {
				p.move(ctx, b, k.media)
			}
		}
	}
	p.known = known
}

// move brings a block to the first of the media that has room.
func (p *pinner) move(ctx context.Context, b store.Info, media []string) {
	if !b.Whole || len(media) == 0 || slices.Contains(media, b.Medium) {
		return
	}
	for _, m := range media {
		if !slices.Contains(p.media, m) {
			continue
		}
		err := p.w.store.Move(ctx, b.ID, store.Place{Medium: m})
		if err == nil {
			return
		}
		if !errors.Is(err, errors.NotFound) && !errors.Is(err, errors.FailedPrecondition) && ctx.Err() == nil {
			p.w.log.Debug("a pinned block was not moved to its medium", "block", b.ID, "medium", m, "error", err)
		}
	}
}
