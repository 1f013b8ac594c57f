package master

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

const (
	rootTimeout = 10 * time.Second // for the root UFS to answer before the master serves without
	beginPause  = time.Second      // before the beginning of a term is tried again
)

// beginPatiently is begin, repeated for as long as the journal cannot be
// written (a full disk, say).
func (t *term) beginPatiently(ctx context.Context, conf *config.Config) error {
	for {
		err := t.begin(ctx, conf)
		if err == nil || !transient(err) && !errors.Is(err, errors.NoSpace) {
			return err
		}
		t.log.Warn("The master cannot begin to lead yet.", "err", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(beginPause):
		}
	}
}

// begin checks at the start of a term that the journal belongs to the
// configured root, and initialises an empty one.
func (t *term) begin(ctx context.Context, conf *config.Config) error {
	t.state.mu.RLock()
	cluster := t.state.mu.cluster
	t.state.mu.RUnlock()
	root := t.state.root
	if cluster != nil && cluster.GetRootUfs() != root.UFS {
		return errors.Errorf(errors.FailedPrecondition,
			"The root under file system has changed: the journal at %s was made for %s, but %s is %s. "+
				"Set the property back, or run \"alluxio format\" to begin anew with the new root (this discards metadata and cached data, not the under file systems).",
			conf.String(config.MasterJournalFolder), cluster.GetRootUfs(), config.MasterMountTableRootUFS.Name(), root.UFS)
	}
	if err := t.checkRoot(ctx, root); err != nil {
		return err
	}
	if cluster != nil {
		return nil
	}
	return t.initialise(root)
}

// checkRoot opens the root UFS. One that does not answer now may later; one
// that refuses has to be configured right first.
func (t *term) checkRoot(ctx context.Context, root mount.Point) error {
	if err := makeLocalRoot(root.UFS); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rootTimeout)
	defer cancel()
	_, err := t.stores.get(ctx, root)
	switch {
	case err == nil:
		return nil
	case transient(err):
		t.log.Warn("The root under file system does not answer; the master serves what it knows.", "ufs", root.UFS, "err", err)
		return nil
	}
	return errors.Errorf(errors.KindOf(err), "The root under file system %s (%s) cannot be used: %w", root.UFS, config.MasterMountTableRootUFS.Name(), err)
}

// initialise gives a new cluster its identity and its root directory an owner.
func (t *term) initialise(root mount.Point) error {
	in, _ := t.inode(rootContainer.File())
	to := in
	to.Owner, to.Group = t.set.superUser, t.groups.primary(t.set.superUser)
	to.CreatedMS = t.nowMS()
	to.ModifiedMS, to.AccessedMS = to.CreatedMS, to.CreatedMS
	return t.propose(opID{},
		&journalpb.Change{Change: &journalpb.Change_Cluster{Cluster: &journalpb.Cluster{Id: newClusterID(), RootUfs: root.UFS}}},
		updateChange(in, to))
}

// newClusterID returns a random UUID.
func newClusterID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
