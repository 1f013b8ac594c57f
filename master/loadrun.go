package master

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/dataserverpb"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

const (
	loadWidth    = 64        // blocks of one job at a time
	loadInFlight = 512 << 20 // bytes of them
	loadLimit    = 15 * time.Minute
	loadTries    = 3
	loadPause    = time.Second // before a block is tried again
	loadRounds   = 3           // of verifying
	loadReasons  = 1000        // failed files whose reasons are kept
)

// loadRun is the work on one job in one term.
type loadRun struct {
	t      *term
	path   string
	id     string
	caller Caller
	ctx    context.Context
	cancel context.CancelFunc
	began  time.Time
	bytes  *semaphore.Weighted
	mu     struct {
		sync.Mutex
		LoadProgress
		seen    map[blockid.FileID]bool // files counted
		bad     map[blockid.FileID]bool // those of them that failed
		free    time.Time               // when the bandwidth allows another block
		changed chan struct{}           // closed when the options change
		nextTry int
	}
}

func newLoadRun(t *term, j *journalpb.LoadJob) *loadRun {
	r := &loadRun{t: t, path: j.GetPath(), id: j.GetId(), caller: Caller{User: j.GetUser()}, began: t.now(), bytes: semaphore.NewWeighted(loadInFlight)}
	r.ctx, r.cancel = context.WithCancel(t.ctx)
	r.mu.LoadOptions, r.mu.State, r.mu.changed = loadOptionsOf(j), LoadRunning, make(chan struct{})
	r.mu.Failed, r.mu.seen, r.mu.bad = map[string]string{}, map[blockid.FileID]bool{}, map[blockid.FileID]bool{}
	return r
}

func (r *loadRun) setOptions(o LoadOptions) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.LoadOptions, r.mu.free = o, time.Time{}
	close(r.mu.changed)
	r.mu.changed = make(chan struct{})
}

func (r *loadRun) progress() LoadProgress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.mu.LoadProgress
	p.TookMS = r.t.now().Sub(r.began).Milliseconds()
	p.Failed = maps.Clone(p.Failed)
	return p
}

// load does the job: it finds the files, loads what is missing of them, and
// verifies if that is asked for.
func (r *loadRun) load() error {
	for r.t.safeMode() { // what is cached where is not known yet
		if err := r.sleep(loadPause); err != nil {
			return err
		}
	}
	if err := r.t.refresh(r.ctx, r.path, CommonOptions{}, LoadOnce, depthAll); err != nil {
		return err
	}
	files, err := r.files()
	if err != nil {
		return err
	}
	r.count(files)
	if err := r.loadAll(files); err != nil {
		return err
	}
	for range loadRounds {
		if r.ctx.Err() != nil || !r.verifying() {
			break
		}
		if files, err = r.files(); err != nil {
			return err
		}
		if files = slices.DeleteFunc(files, func(tg target) bool { return len(r.missing(tg.in)) == 0 }); len(files) == 0 {
			break
		}
		if err := r.loadAll(files); err != nil {
			return err
		}
	}
	return r.ctx.Err()
}

// verifying begins a round of verification if one is wanted.
func (r *loadRun) verifying() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.Verify {
		r.mu.State = LoadVerifying
	}
	return r.mu.Verify
}

// files are the files of the job that can be loaded and that its user may read.
func (r *loadRun) files() ([]target, error) {
	targets, err := r.t.targets(r.path, true)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(targets, func(tg target) bool {
		if tg.in.IsDir() || !tg.in.Completed {
			return true
		}
		n := r.t.look(tg.node.path)
		return !n.exists() || r.t.check(r.caller, &n, read) != nil
	}), nil
}

// count sums up what is to be loaded.
func (r *loadRun) count(files []target) {
	var total int64
	for _, tg := range files {
		for _, i := range r.missing(tg.in) {
			total += tg.in.BlockLength(i)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.TotalBytes = total
}

// missing are the blocks of a file that are cached nowhere.
func (r *loadRun) missing(in inode.Inode) []int {
	var missing []int
	for i := range in.Blocks() {
		if len(r.t.blocks.Locations(in.ID.Container().Block(i))) == 0 {
			missing = append(missing, i)
		}
	}
	return missing
}

// loadAll loads the missing blocks of files, several at a time.
func (r *loadRun) loadAll(files []target) error {
	var g errgroup.Group
	g.SetLimit(loadWidth)
	for _, tg := range files {
		if r.ctx.Err() != nil {
			break
		}
		missing := r.missing(tg.in)
		r.seen(tg)
		for _, i := range missing {
			length := min(tg.in.BlockLength(i), loadInFlight)
			if r.bytes.Acquire(r.ctx, length) != nil {
				break
			}
			g.Go(func() error {
				defer r.bytes.Release(length)
				if err := r.block(tg, i); r.ctx.Err() == nil {
					r.tried(tg, err)
				}
				return nil
			})
		}
	}
	return g.Wait()
}

func (r *loadRun) seen(tg target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.mu.seen[tg.in.ID] {
		r.mu.seen[tg.in.ID] = true
		r.mu.Files++
	}
}

// tried counts a block, and its file if it is the first that failed.
func (r *loadRun) tried(tg target, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.Blocks++
	if err == nil {
		return
	}
	r.mu.FailedBlocks++
	if r.mu.bad[tg.in.ID] {
		return
	}
	r.mu.bad[tg.in.ID] = true
	r.mu.FailedFiles++
	if len(r.mu.Failed) < loadReasons {
		r.mu.Failed[tg.node.path] = err.Error()
	}
}

// block loads one block, trying several workers when one does not answer.
func (r *loadRun) block(tg target, i int) error {
	var err error
	for try := range loadTries {
		if try > 0 && r.sleep(loadPause) != nil {
			return r.ctx.Err()
		}
		if err = r.pace(tg.in.BlockLength(i)); err != nil {
			return err
		}
		var to blockmap.Worker
		if to, err = r.worker(tg.in.BlockLength(i)); err != nil {
			continue
		}
		if err = r.cache(tg, i, to.Address); err == nil {
			r.mu.Lock()
			r.mu.LoadedBytes += tg.in.BlockLength(i)
			r.mu.Unlock()
			return nil
		}
		if !errors.Is(err, errors.Unavailable) && !errors.Is(err, errors.Timeout) {
			return err
		}
	}
	return err
}

// cache has a worker fetch a block from the under store.
func (r *loadRun) cache(tg target, i int, to blockmap.Address) error {
	if tg.in.Persistence != inode.Persisted {
		return errors.Errorf(errors.FailedPrecondition, "it is not in the under store, and the worker that had it is gone")
	}
	ctx, cancel := context.WithTimeout(r.ctx, loadLimit)
	defer cancel()
	loc := r.t.locate(tg.node.path)
	return r.t.copy(ctx, to, &blockpb.CacheRequest{
		BlockId: ptr(int64(tg.in.ID.Container().Block(i))), Length: ptr(tg.in.BlockLength(i)), Async: ptr(false),
		OpenUfsBlockOptions: &dataserverpb.OpenUfsBlockOptions{
			UfsPath: ptr(loc.UFSURI()), OffsetInFile: ptr(int64(i) * tg.in.BlockSize), BlockSize: ptr(tg.in.BlockLength(i)), MountId: ptr(int64(loc.ID)),
		},
	})
}

// worker chooses the live workers one after the other, of those that are large
// enough.
func (r *loadRun) worker(length int64) (blockmap.Worker, error) {
	workers := slices.DeleteFunc(r.t.blocks.Workers(), func(w blockmap.Worker) bool {
		return w.State != blockmap.Live || w.CapacityBytes() < length
	})
	if len(workers) == 0 {
		return blockmap.Worker{}, errors.Errorf(errors.Unavailable, "there is no worker that can hold a block of %d bytes", length)
	}
	slices.SortFunc(workers, func(a, b blockmap.Worker) int { return int(a.ID - b.ID) })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.nextTry++
	return workers[r.mu.nextTry%len(workers)], nil
}

// pace waits until the bandwidth allows n more bytes.
func (r *loadRun) pace(n int64) error {
	for {
		r.mu.Lock()
		limit, changed, wait := r.mu.Bandwidth, r.mu.changed, r.mu.free.Sub(r.t.now())
		if limit > 0 && wait <= 0 {
			r.mu.free = r.t.now().Add(time.Duration(float64(n) / float64(limit) * float64(time.Second)))
		}
		r.mu.Unlock()
		if limit <= 0 || wait <= 0 {
			return r.ctx.Err()
		}
		if err := r.sleepUntil(wait, changed); err != nil {
			return err
		}
	}
}

func (r *loadRun) sleep(d time.Duration) error { return r.sleepUntil(d, nil) }

// sleepUntil waits for some time, or until something has changed.
func (r *loadRun) sleepUntil(d time.Duration, changed <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-r.ctx.Done():
	}
	return r.ctx.Err()
}
