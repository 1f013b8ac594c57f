package master

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

// PersistFile is a file that a worker is told to write to its UFS, below
// persistDir.
type PersistFile struct {
	ID         blockid.FileID
	Blocks     []blockid.ID
	Assignment int64 // a worker with the result of another one writes it again
}

// PersistedFile is a file that a worker has written there.
type PersistedFile struct {
	ID          blockid.FileID
	Fingerprint string // of the temporary object; "" when not known
	Assignment  int64  // that it was written for; an earlier leader may have given it
}

// persister has the files in state ToBePersisted written to their UFS: a worker
// that holds the blocks writes a temporary object, the master renames it into
// place and journals that the file is persisted (persist_finish.go).
//
// The set of those files is in the tree and survives everything; how far each
// is, a job, belongs to the term. A new leader asks for the work again, unless
// the worker reports that it is done. A job whose file is deleted meanwhile is
// dropped, and the worker told of it no more.
//
// Its lock comes before state.mu.
type persister struct {
	wake chan struct{}
	mu   struct {
		sync.Mutex
		jobs     map[blockid.FileID]*persistJob
		assigned chan struct{} // closed with the next assignment
		garbage  []persistGarbage
		last     time.Time // of schedulePersists
		armed    bool      // a poke comes when the next round may be
	}
}

// persistJob is one file on its way.
type persistJob struct {
	id        blockid.FileID
	mount     mount.Point
	length    int64
	blocks    []blockid.ID
	state     jobState
	notBefore time.Time // of the next step
	attempts  int       // that failed
	giveUp    time.Time

	worker     blockmap.WorkerID // that writes or has written
	assignment int64             // by which it was told to; random, so no two leaders give the same
	assigned   time.Time
	placed     string // where the object has been moved to, if it has
}

// persistGarbage is a temporary object that nobody wants any more.
type persistGarbage struct {
	mount mount.Point
	id    blockid.FileID
	after time.Time // when the worker will have stopped writing it
}

type jobState uint8

const (
	jobWaiting   jobState = iota // for a worker
	jobWriting                   // by the worker
	jobWritten                   // waits to be put into place
	jobFinishing                 // is being put into place
)

const (
	maxPersistJobs  = 1000 // at a time
	maxWorkerJobs   = 300  // of one worker at a time
	maxPersistLooks = 5000 // inodes looked at in one round
	// persistFinishers is how many files are put into place at a time. Each
	// waits for a few requests and holds no data.
	persistFinishers = 64
	// persistPatience is how long a heartbeat waits for work.
	persistPatience = 500 * time.Millisecond
	// A round follows the one before only after this time, however many
	// workers report.
	persistPause = 50 * time.Millisecond
	// A worker that has not written a file after this time, and one second
	// more for each of slowestPersist bytes, is taken for stuck; twice that
	// after one failure, and so on.
	stuckAfter     = 2 * time.Minute
	slowestPersist = 1 << 20
	// garbagePause is how long a worker has to stop writing a file that is not
	// to be persisted any more.
	garbagePause = 5 * time.Second
	// garbageAfter is how long what a crash left in persistDir stays there.
	garbageAfter = 24 * time.Hour
)

func newPersister() *persister {
	p := &persister{wake: make(chan struct{}, 1)}
	p.mu.jobs = make(map[blockid.FileID]*persistJob)
	p.mu.assigned = make(chan struct{})
	return p
}

// WorkerHeartbeat takes note of the files that a worker has written for the
// master and returns those that it is to write. A file that the worker reported
// is among them until the master needs the report no more. When there is nothing
// new to write it waits a little for something, so that files need not wait for
// the worker's next heartbeat.
func (t *term) WorkerHeartbeat(ctx context.Context, w blockmap.WorkerID, done []PersistedFile) []PersistFile {
	p := t.persist
	p.mu.Lock()
	for _, f := range done {
		t.noteWritten(w, f)
	}
	t.schedulePersists()
	p.mu.Unlock()
	if len(done) > 0 {
		p.poke()
	}
	patience := time.NewTimer(persistPatience)
	defer patience.Stop()
	for {
		p.mu.Lock()
		busy, assigned := p.writing(w), p.mu.assigned
		p.mu.Unlock()
		if busy {
			break
		}
		select {
		case <-assigned:
			continue
		case <-patience.C:
		case <-ctx.Done():
		case <-t.ctx.Done():
		}
		break
	}
	return t.answerWorker(w)
}

// writing reports whether the worker has a file to write.
func (p *persister) writing(w blockmap.WorkerID) bool {
	for _, j := range p.mu.jobs {
		if j.worker == w && j.state == jobWriting {
			return true
		}
	}
	return false
}

// answerWorker lists the files of a worker.
func (t *term) answerWorker(w blockmap.WorkerID) []PersistFile {
	p := t.persist
	p.mu.Lock()
	defer p.mu.Unlock()
	var files []PersistFile
	for _, j := range p.mu.jobs {
		if j.worker == w && j.state != jobWaiting {
			files = append(files, PersistFile{ID: j.id, Blocks: j.blocks, Assignment: j.assignment})
		}
	}
	slices.SortFunc(files, func(a, b PersistFile) int { return cmp.Compare(a.ID, b.ID) })
	return files
}

// poke has the next round begin at once.
func (p *persister) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// noticed begins a round when a record may have made files due.
func (p *persister) noticed(changes []*journalpb.Change) {
	for _, c := range changes {
		a := c.GetUpdate().GetAttributes()
		if a.GetCompleted() || inode.Persistence(a.GetPersistence()) == inode.ToBePersisted {
			p.poke()
			return
		}
	}
}

// noteWritten notes that a file lies complete below persistDir. The work may
// have been given out by an earlier leader.
func (t *term) noteWritten(w blockmap.WorkerID, f PersistedFile) {
	j := t.persist.mu.jobs[f.ID]
	if j == nil {
		t.state.mu.RLock()
		defer t.state.mu.RUnlock()
		in, ok := t.state.mu.tree.Get(f.ID)
		if !ok || !awaitsPersist(in) {
			return
		}
		j = t.newPersistJob(in)
	}
	if !j.wants(w, f) {
		return // of no use any more, or known
	}
	j.state, j.worker, j.assignment, j.notBefore = jobWritten, w, f.Assignment, t.now()
}

// wants reports whether what a worker has written is what is waited for. Once
// an attempt has failed that is the result of the last assignment only: an
// earlier one may be what failed.
func (j *persistJob) wants(w blockmap.WorkerID, f PersistedFile) bool {
	switch j.state {
	case jobWaiting:
		return j.attempts == 0
	case jobWriting:
		return j.worker == w && (j.attempts == 0 || f.Assignment == j.assignment)
	default:
		return false
	}
}

// awaitsPersist reports whether the content of a file is to be written to the UFS.
func awaitsPersist(in inode.Inode) bool {
	return !in.IsDir() && in.Completed && in.Persistence == inode.ToBePersisted
}

// neverPersisted reports whether the configuration keeps a path from being
// persisted by itself (alluxio.master.persistence.blacklist).
func (t *term) neverPersisted(path string) bool {
	return slices.ContainsFunc(t.set.persistBlacklist, func(part string) bool { return strings.Contains(path, part) })
}

// newPersistJob takes a file on. The caller holds the persister's lock and that
// of the state.
func (t *term) newPersistJob(in inode.Inode) *persistJob {
	path, _ := t.state.mu.tree.Path(in.ID)
	loc, _ := t.state.mu.mounts.Resolve(path)
	due := time.UnixMilli(max(in.PersistAfterMS, in.ModifiedMS, t.began.UnixMilli()))
	j := &persistJob{id: in.ID, mount: loc.Point, length: in.Length, giveUp: due.Add(t.set.loops.persistTotal)}
	for i := range in.Blocks() {
		j.blocks = append(j.blocks, in.ID.Container().Block(i))
	}
	t.persist.mu.jobs[in.ID] = j
	return j
}

// runPersist drives the persistence of files until the term ends.
func (t *term) runPersist(ctx context.Context) {
	p := t.persist
	var finishers errgroup.Group
	finishers.SetLimit(persistFinishers)
	defer func() { _ = finishers.Wait() }() // they return no errors
	tick := time.NewTicker(max(t.set.loops.persistInterval, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-p.wake:
		}
		t.giveUpPersists(ctx)
		p.mu.Lock()
		t.schedulePersists()
		written, garbage := p.take(t.now()), p.takeGarbage(t.now())
		p.mu.Unlock()
		for _, g := range garbage {
			t.removeTemp(ctx, g.mount, g.id)
		}
		for i, j := range written {
			started := finishers.TryGo(func() error {
				t.finishPersist(ctx, j)
				p.poke()
				return nil
			})
			if !started {
				p.putBack(written[i:])
				break
			}
		}
	}
}

// take returns the jobs that are to be put into place now.
func (p *persister) take(now time.Time) []*persistJob {
	var due []*persistJob
	for _, j := range p.mu.jobs {
		if j.state == jobWritten && !j.notBefore.After(now) {
			j.state = jobFinishing
			due = append(due, j)
		}
	}
	return due
}

func (p *persister) takeGarbage(now time.Time) []persistGarbage {
	var due []persistGarbage
	p.mu.garbage = slices.DeleteFunc(p.mu.garbage, func(g persistGarbage) bool {
		if g.after.After(now) {
			return false
		}
		due = append(due, g)
		return true
	})
	return due
}

func (p *persister) putBack(jobs []*persistJob) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range jobs {
		j.state = jobWritten
	}
}

// schedulePersists drops the jobs that nobody wants any more, takes on new ones
// and gives them to workers. The caller holds the persister's lock.
func (t *term) schedulePersists() {
	p, now := t.persist, t.now()
	if early := persistPause - now.Sub(p.mu.last); early > 0 {
		if !p.mu.armed {
			p.mu.armed = true
			time.AfterFunc(early, p.poke)
		}
		return
	}
	p.mu.last, p.mu.armed = now, false
	t.dropPersists()
	t.adoptPersists(now)
	workers := t.persistWorkers()
	for _, j := range p.mu.jobs {
		t.checkWriting(j, workers, now)
	}
	for _, j := range p.mu.jobs {
		if j.state == jobWaiting && !j.notBefore.After(now) {
			t.assign(j, workers, now)
		}
	}
}

// dropPersists forgets the jobs of files that are gone or have changed state.
func (t *term) dropPersists() {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	for id, j := range t.persist.mu.jobs {
		in, ok := t.state.mu.tree.Get(id)
		if j.state == jobFinishing || ok && awaitsPersist(in) {
			continue
		}
		delete(t.persist.mu.jobs, id)
		if j.state != jobWaiting || j.attempts > 0 {
			t.persist.mu.garbage = append(t.persist.mu.garbage, persistGarbage{j.mount, id, t.now().Add(garbagePause)})
		}
		t.metrics.ops.WithLabelValues("AsyncPersistCancel").Inc()
	}
}

// adoptPersists makes jobs of files that are due and whose blocks are there. A
// file that misses a block is nobody's failure: its worker may be coming.
func (t *term) adoptPersists(now time.Time) {
	room := maxPersistJobs - len(t.persist.mu.jobs)
	if room <= 0 {
		return
	}
	looks := 0
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	for id := range t.state.mu.tree.ToBePersisted() { // from another beginning each time
		if looks++; looks > maxPersistLooks || room == 0 {
			return
		}
		if t.persist.mu.jobs[id] != nil {
			continue
		}
		in, ok := t.state.mu.tree.Get(id)
		if ok && awaitsPersist(in) && in.PersistAfterMS <= now.UnixMilli() && t.whole(in) {
			t.newPersistJob(in)
			room--
		}
	}
}

// persistWorkers are the live workers with the number of their jobs.
func (t *term) persistWorkers() map[blockmap.WorkerID]int {
	jobs := make(map[blockmap.WorkerID]int)
	for _, w := range t.blocks.Workers() {
		if w.State == blockmap.Live {
			jobs[w.ID] = 0
		}
	}
	for _, j := range t.persist.mu.jobs {
		if _, live := jobs[j.worker]; live && j.state != jobWaiting {
			jobs[j.worker]++
		}
	}
	return jobs
}

// checkWriting takes a file from a worker that is lost or stuck.
func (t *term) checkWriting(j *persistJob, workers map[blockmap.WorkerID]int, now time.Time) {
	if j.state != jobWriting {
		return
	}
	if _, live := workers[j.worker]; !live {
		j.state = jobWaiting
		return
	}
	patience := stuckAfter + time.Duration(j.length/slowestPersist)*time.Second
	if now.Sub(j.assigned) > patience<<min(j.attempts, 10) {
		t.log.Warn("A worker has not written a file to its under file system in time; it is asked for again.",
			"file", j.id, "worker", j.worker, "after", now.Sub(j.assigned))
		workers[j.worker]--
		t.retryWriting(j)
	}
}

// assign has a worker write the file: the one that holds most of its blocks;
// other workers have the rest. It waits while a block has no copy anywhere.
func (t *term) assign(j *persistJob, workers map[blockmap.WorkerID]int, now time.Time) {
	held := make(map[blockmap.WorkerID]int)
	for _, b := range j.blocks {
		locations := t.blocks.Locations(b)
		if len(locations) == 0 {
			return
		}
		for _, l := range locations {
			held[l.Worker]++
		}
	}
	var best blockmap.WorkerID = -1
	for w, load := range workers {
		if load >= maxWorkerJobs || len(j.blocks) > 0 && held[w] == 0 {
			continue
		}
		order := cmp.Or(cmp.Compare(held[best], held[w]), cmp.Compare(load, workers[best]), cmp.Compare(w, best))
		if best < 0 || order < 0 {
			best = w
		}
	}
	if best < 0 {
		return
	}
	j.state, j.worker, j.assignment, j.assigned = jobWriting, best, rand.Int64(), now
	workers[best]++
	close(t.persist.mu.assigned)
	t.persist.mu.assigned = make(chan struct{})
}

// retryWriting has the file written again after a while.
func (t *term) retryWriting(j *persistJob) {
	j.state, j.placed = jobWaiting, ""
	t.later(j)
}

// later puts the next step of a job off after a failure.
func (t *term) later(j *persistJob) {
	pause := t.set.loops.persistFirst << min(j.attempts, 20)
	j.notBefore = t.now().Add(min(max(pause, t.set.loops.persistFirst), t.set.loops.persistMax))
	j.attempts++
}
