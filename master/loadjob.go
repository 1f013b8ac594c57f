package master

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

// Load jobs bring what is at and below a path into the cache, on the cluster's
// own account: who submitted one may go. That there is a job, and how it ended, is
// journaled; how far it is is not, so that a new leader begins it anew, which
// costs a look at what is cached already.

// LoadState is what a load job is doing.
type LoadState int32

// The states are those of the journal.
const (
	LoadRunning   LoadState = 1
	LoadStopped   LoadState = 2
	LoadSucceeded LoadState = 3
	LoadFailed    LoadState = 4
	LoadVerifying LoadState = 100 // running, and looking for what got lost again; never journaled
)

// LoadOptions are those of a load job.
type LoadOptions struct {
	Bandwidth      int64 // bytes a second of all workers together; 0 for no limit
	Verify         bool  // look whether everything stayed cached, and load again what did not
	PartialListing bool  // do not count everything before the first byte is loaded
}

// LoadProgress is how far a load job is.
type LoadProgress struct {
	LoadOptions
	State        LoadState
	Files        int64 // worked on
	FailedFiles  int64
	Blocks       int64 // tried
	FailedBlocks int64
	LoadedBytes  int64
	TotalBytes   int64 // known when PartialListing is not set
	TookMS       int64
	Failure      string            // why the job failed
	Failed       map[string]string // why files did, some of them, by path
}

const (
	// maxLoadJobs bounds the jobs that are remembered; those that ended first go
	// when there are more.
	maxLoadJobs = 1000
	// loadRetentionMS is how long a job that has ended is remembered.
	loadRetentionMS = 24 * 60 * 60 * 1000
)

// loadJobs are the jobs that run in a term, by path.
type loadJobs struct {
	submit sync.Mutex // one change of the journaled jobs at a time
	mu     struct {
		sync.Mutex
		running map[string]*loadRun
		ended   map[string]LoadProgress // of a few, with more than the journal has
	}
}

// keptProgress bounds the jobs whose failed files are remembered after their end.
const keptProgress = 100

// SubmitLoad has a path loaded and returns the id of the job. A job that runs for
// the path already goes on with the new options; created is false then.
func (t *term) SubmitLoad(ctx context.Context, c Caller, path string, o LoadOptions) (id string, created bool, err error) {
	if o.Bandwidth < 0 {
		return "", false, errors.Errorf(errors.Invalid, "A bandwidth of %d bytes a second is not possible.", o.Bandwidth)
	}
	if err := t.refresh(ctx, path, CommonOptions{}, LoadOnce, depthNone); err != nil {
		return "", false, err
	}
	n, err := t.mustLook(path)
	if err == nil {
		err = t.check(c, &n, read)
	}
	if err != nil {
		return "", false, err
	}
	t.loads.submit.Lock()
	defer t.loads.submit.Unlock()
	job := &journalpb.LoadJob{Path: path, Id: rand.Text(), User: c.User, State: int32(LoadRunning),
		Bandwidth: o.Bandwidth, Verify: o.Verify, PartialListing: o.PartialListing}
	known := t.loadJob(path)
	running := known != nil && LoadState(known.GetState()) == LoadRunning
	if running {
		job.Id, job.User = known.GetId(), known.GetUser()
	}
	if err := t.propose(opID{}, append(t.forgottenLoads(), loadChange(job))...); err != nil {
		return "", false, err
	}
	t.startLoad(job)
	return job.GetId(), !running, nil
}

// StopLoad ends the job of a path and reports whether there was one.
func (t *term) StopLoad(c Caller, path string) (bool, error) {
	t.loads.submit.Lock()
	defer t.loads.submit.Unlock()
	known := t.loadJob(path)
	if known == nil || LoadState(known.GetState()) != LoadRunning {
		return false, nil
	}
	if c.User != known.GetUser() {
		if err := t.checkSuper(c); err != nil {
			return false, err
		}
	}
	return true, t.endLoad(known, LoadStopped, "")
}

// LoadProgress tells how far the job of a path is. NotFound without one.
func (t *term) LoadProgress(c Caller, path string) (LoadProgress, error) {
	n := t.look(path)
	if n.exists() {
		if err := t.check(c, &n, read); err != nil {
			return LoadProgress{}, err
		}
	}
	if r := t.loads.run(path); r != nil {
		return r.progress(), nil
	}
	if p, ok := t.loads.outcome(path); ok {
		return p, nil
	}
	j := t.loadJob(path)
	if j == nil {
		return LoadProgress{}, errors.Errorf(errors.NotFound, "Load for path '%s' cannot be found.", path)
	}
	return LoadProgress{
		LoadOptions: loadOptionsOf(j), State: LoadState(j.GetState()), Failure: j.GetFailure(), TookMS: j.GetTookMs(),
		Files: j.GetFiles(), FailedFiles: j.GetFailedFiles(), Blocks: j.GetBlocks(), FailedBlocks: j.GetFailedBlocks(),
		LoadedBytes: j.GetLoadedBytes(), TotalBytes: j.GetTotalBytes(),
	}, nil
}

func loadOptionsOf(j *journalpb.LoadJob) LoadOptions {
	return LoadOptions{Bandwidth: j.GetBandwidth(), Verify: j.GetVerify(), PartialListing: j.GetPartialListing()}
}

func loadChange(j *journalpb.LoadJob) *journalpb.Change {
	return &journalpb.Change{Change: &journalpb.Change_LoadJob{LoadJob: j}}
}

// loadJob is the journaled job of a path, nil if there is none.
func (t *term) loadJob(path string) *journalpb.LoadJob {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	return t.state.mu.loads[path]
}

// forgottenLoads are the changes that forget jobs that ended long ago, or first
// when there are many.
func (t *term) forgottenLoads() []*journalpb.Change {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	ended := slices.DeleteFunc(slices.Collect(maps.Values(t.state.mu.loads)), func(j *journalpb.LoadJob) bool {
		return LoadState(j.GetState()) == LoadRunning
	})
	slices.SortFunc(ended, func(a, b *journalpb.LoadJob) int { return int(a.GetEndMs() - b.GetEndMs()) })
	tooMany := len(t.state.mu.loads) + 1 - maxLoadJobs
	var changes []*journalpb.Change
	for i, j := range ended {
		if i < tooMany || j.GetEndMs() < t.nowMS()-loadRetentionMS {
			changes = append(changes, loadChange(&journalpb.LoadJob{Path: j.GetPath()}))
		}
	}
	return changes
}

// endLoad journals the end of a job and stops its work. loads.submit is held.
func (t *term) endLoad(j *journalpb.LoadJob, state LoadState, failure string) error {
	ended := &journalpb.LoadJob{Path: j.GetPath(), Id: j.GetId(), User: j.GetUser(), Bandwidth: j.GetBandwidth(), Verify: j.GetVerify(),
		PartialListing: j.GetPartialListing(), State: int32(state), EndMs: t.nowMS(), Failure: failure}
	r := t.loads.run(j.GetPath())
	var p LoadProgress
	if r != nil {
		p = r.progress()
		p.State, p.Failure = state, failure
		ended.Files, ended.FailedFiles, ended.TookMs = p.Files, p.FailedFiles, p.TookMS
		ended.LoadedBytes, ended.TotalBytes, ended.Blocks, ended.FailedBlocks = p.LoadedBytes, p.TotalBytes, p.Blocks, p.FailedBlocks
	}
	if err := t.propose(opID{}, loadChange(ended)); err != nil {
		return err
	}
	if r != nil {
		r.cancel()
		t.loads.ended(r, p)
	}
	return nil
}

// run is the work on a path's job, nil if nothing is done.
func (l *loadJobs) run(path string) *loadRun {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.running[path]
}

// outcome is how a path's job ended in this term.
func (l *loadJobs) outcome(path string) (LoadProgress, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.mu.ended[path]
	return p, ok
}

func (l *loadJobs) ended(r *loadRun, p LoadProgress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.mu.running, r.path)
	if l.mu.ended == nil {
		l.mu.ended = map[string]LoadProgress{}
	}
	for path := range l.mu.ended {
		if len(l.mu.ended) < keptProgress {
			break
		}
		delete(l.mu.ended, path)
	}
	l.mu.ended[r.path] = p
}

// runLoads goes on with the jobs that an earlier leader began. All jobs of this
// term have ended when it returns.
func (t *term) runLoads(ctx context.Context) {
	t.state.mu.RLock()
	jobs := slices.Collect(maps.Values(t.state.mu.loads))
	t.state.mu.RUnlock()
	for _, j := range jobs {
		if LoadState(j.GetState()) == LoadRunning {
			t.startLoad(j)
		}
	}
	<-ctx.Done()
}

// startLoad begins the work of a job, or gives new options to work in progress.
func (t *term) startLoad(j *journalpb.LoadJob) {
	t.loads.mu.Lock()
	defer t.loads.mu.Unlock()
	if r := t.loads.mu.running[j.GetPath()]; r != nil {
		r.setOptions(loadOptionsOf(j))
		return
	}
	if t.loads.mu.running == nil {
		t.loads.mu.running = map[string]*loadRun{}
	}
	r := newLoadRun(t, j)
	t.loads.mu.running[j.GetPath()] = r
	t.tasks.Go(func() { t.work(r) })
}

// work does a job and journals how it ended.
func (t *term) work(r *loadRun) {
	err := r.load()
	if r.ctx.Err() != nil {
		return // stopped, or the next leader goes on
	}
	state, failure := LoadSucceeded, ""
	switch p := r.progress(); {
	case err != nil:
		state, failure = LoadFailed, err.Error()
	case p.FailedFiles > 0:
		state, failure = LoadFailed, fmt.Sprintf("%d of %d files could not be loaded", p.FailedFiles, p.Files)
	}
	t.loads.submit.Lock()
	defer t.loads.submit.Unlock()
	known := t.loadJob(r.path)
	if known == nil || known.GetId() != r.id || LoadState(known.GetState()) != LoadRunning {
		return
	}
	if err := t.endLoad(known, state, failure); err != nil {
		t.log.Warn("The end of a load job could not be journaled.", "path", r.path, "err", err)
	}
}
