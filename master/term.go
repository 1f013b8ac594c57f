package master

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/ticket"
	"github.com/alluxio-go/alluxio/journal"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

// term is one span of leadership: the file system rules and all soft state. It
// is dropped whole when leadership ends.
type term struct {
	ctx     context.Context // ends with the term
	set     *settings
	state   *state
	journal proposer
	log     *slog.Logger
	now     func() time.Time
	began   time.Time
	metrics *metrics

	latches *latches
	loading *latches // directories whose entries are being loaded for the first time
	groups  *groups
	stores  *stores
	blocks  *blockmap.Map
	syncs   *syncTimes
	absent  *absentPaths
	access  *accessTimes
	leases  *leases
	workers *workerConfigs
	persist *persister
	backups *backups
	copy    copier
	loads   loadJobs

	tickets ticket.Key // of this term

	registered atomic.Bool // whether a worker has registered in this term

	tasks sync.WaitGroup // work that outlives the call that began it

	nextContainer atomic.Int64 // the next to be allocated
	nextIntent    atomic.Int64
	nextMount     atomic.Int64
}

// proposer is what a term needs of the journal.
type proposer interface {
	Propose(ctx context.Context, record []byte) (result any, index uint64, err error)
}

// allocate returns a new file id. An id that no record uses in the end is lost,
// which does no harm.
func (t *term) allocate() blockid.FileID {
	return blockid.Container(t.nextContainer.Add(1) - 1).File()
}

// nowMS is the leader's clock, as facts carry it.
func (t *term) nowMS() int64 { return t.now().UnixMilli() }

// propose journals one operation; nil changes are left out, and without any
// there is no record unless an operation id has to be remembered. It runs to
// its end even when the caller gives up: the UFS may have been changed already.
func (t *term) propose(op opID, changes ...*journalpb.Change) error {
	r := &journalpb.Record{TimeMs: t.nowMS(), Op: op.message()}
	for _, c := range changes {
		if c != nil {
			r.Changes = append(r.Changes, c)
		}
	}
	if len(r.Changes) == 0 && r.Op == nil {
		return nil
	}
	b, err := proto.Marshal(r)
	if err != nil {
		return errors.E("journal record", "", errors.Internal, err)
	}
	result, _, err := t.journal.Propose(t.ctx, b)
	if err != nil && t.ctx.Err() != nil && !journal.IsUncertain(err) {
		return journal.ErrNotLeader
	}
	if err != nil {
		return err
	}
	if err, ok := result.(error); ok && err != nil {
		t.log.Error("A record could not be applied; this is a bug.", "err", err)
		return err
	}
	t.persist.noticed(r.Changes)
	return nil
}

// repeated reports whether the client's operation was done already.
func (t *term) repeated(op opID) bool {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	return t.state.mu.ops.has(op)
}

// detached is a context for work that must not stop half-way because a client
// went away; it ends with the term.
func (t *term) detached() context.Context { return t.ctx }

// node is what the tree says of a path.
type node struct {
	path    string
	found   []inode.Inode // the inodes passed, the root first
	missing []string      // components that do not exist
}

func (n *node) exists() bool { return len(n.missing) == 0 }

// last is the inode at the path, or the deepest one above it.
func (n *node) last() inode.Inode { return n.found[len(n.found)-1] }

// isDir reports whether last is a directory.
func (n *node) isDir() bool { return n.found[len(n.found)-1].Kind == inode.KindDirectory }

// parent is the directory of the inode at an existing path; of the root, itself.
func (n *node) parent() inode.Inode { return n.found[max(0, len(n.found)-2)] }

// look looks a clean path up.
func (t *term) look(path string) node {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	found, missing := t.state.mu.tree.Walk(path)
	return node{path, found, missing}
}

// mustLook is look for an existing path.
func (t *term) mustLook(path string) (node, error) {
	n := t.look(path)
	if !n.exists() {
		return n, notExist(path)
	}
	return n, nil
}

func (t *term) inode(id blockid.FileID) (inode.Inode, bool) {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	return t.state.mu.tree.Get(id)
}

// pathOf returns the inode with the id and its path.
func (t *term) pathOf(id blockid.FileID) (string, inode.Inode, bool) {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	in, ok := t.state.mu.tree.Get(id)
	if !ok {
		return "", in, false
	}
	path, ok := t.state.mu.tree.Path(id)
	return path, in, ok
}

// locate says where in which UFS a path lies.
func (t *term) locate(path string) mount.Location {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	loc, _ := t.state.mu.mounts.Resolve(path) // there is always a root mount
	return loc
}

func notExist(path string) error {
	return errors.Errorf(errors.NotFound, "Path %q does not exist.", path)
}
