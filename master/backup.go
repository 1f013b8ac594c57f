package master

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/ufs"
)

// BackupState says how far a backup is.
type BackupState uint8

// The states of a backup.
const (
	BackupRunning BackupState = iota
	BackupCompleted
	BackupFailed
)

// BackupStatus describes a backup of this term.
type BackupStatus struct {
	ID      string
	State   BackupState
	URI     string // of the file, when it is complete
	Entries int64  // files and directories in it
	Err     error  // when it has failed
}

// BackupOptions are those of StartBackup.
type BackupOptions struct {
	Dir   string // "" is the configured one
	Local bool   // write to this machine instead of the root UFS
}

// backups are the backups of a term, one at a time.
type backups struct {
	mu struct {
		sync.Mutex
		byID    map[string]BackupStatus
		order   []string
		running string // id, "" if none is
	}
}

// keepBackups is how many backups are remembered.
const keepBackups = 20

func newBackups() *backups {
	b := &backups{}
	b.mu.byID = make(map[string]BackupStatus)
	return b
}

// set notes how a backup is doing.
func (b *backups) set(s BackupStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.mu.byID[s.ID]; !known {
		b.mu.order = append(b.mu.order, s.ID)
	}
	b.mu.byID[s.ID] = s
	if s.State != BackupRunning && b.mu.running == s.ID {
		b.mu.running = ""
	}
	for len(b.mu.order) > keepBackups {
		delete(b.mu.byID, b.mu.order[0])
		b.mu.order = b.mu.order[1:]
	}
}

// begin notes that a backup begins, unless another is running.
func (b *backups) begin(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.running != "" {
		return errors.Errorf(errors.FailedPrecondition, "Backup %s is under way; there can be one at a time.", b.mu.running)
	}
	b.mu.running = id
	return nil
}

// BackupStatus describes a backup of this term.
func (t *term) BackupStatus(id string) (BackupStatus, error) {
	t.backups.mu.Lock()
	defer t.backups.mu.Unlock()
	s, ok := t.backups.mu.byID[id]
	if !ok {
		return s, errors.Errorf(errors.NotFound, "Backup %q is not known to this master since it leads.", id)
	}
	return s, nil
}

// StartBackup begins to write the state of this moment to a file. done is closed
// at the end; BackupStatus knows how it went.
func (t *term) StartBackup(o BackupOptions) (id string, done <-chan struct{}, err error) {
	taken := t.now()
	dest, err := t.backupDest(o, taken)
	if err != nil {
		return "", nil, err
	}
	id = newClusterID() // a random UUID
	if err := t.backups.begin(id); err != nil {
		return "", nil, err
	}
	t.backups.set(BackupStatus{ID: id})
	ended := make(chan struct{})
	t.tasks.Go(func() {
		defer close(ended)
		entries, err := t.writeBackup(t.ctx, dest, taken)
		if err != nil {
			t.log.Error("A backup failed.", "to", dest.uri(), "err", err)
			t.backups.set(BackupStatus{ID: id, State: BackupFailed, Err: err})
			return
		}
		t.log.Info("A backup is complete.", "to", dest.uri(), "entries", entries, "took", t.now().Sub(taken))
		t.backups.set(BackupStatus{ID: id, State: BackupCompleted, URI: dest.uri(), Entries: entries})
	})
	return id, ended, nil
}

// writeBackup writes the present state, in a form that is there whole or not at all.
func (t *term) writeBackup(ctx context.Context, dest backupPlace, taken time.Time) (entries int64, err error) {
	snap, err := t.state.Snapshot()
	if err != nil {
		return 0, err
	}
	defer snap.Release()
	if s, ok := snap.(*stateSnapshot); ok {
		entries = s.tree.Inodes()
	}
	u, err := t.stores.open(ctx, dest.store)
	if err != nil {
		return 0, err
	}
	defer t.stores.close(u)
	dir, _ := ufs.Split(dest.path)
	if err := u.Mkdir(ctx, dir, ufs.MkdirOptions{Parents: true, Mode: 0o700}); dir != "" && err != nil && !errors.Is(err, errors.Exists) {
		return 0, err
	}
	w, err := u.Create(ctx, dest.path, ufs.CreateOptions{Mode: 0o600}) // it holds credentials of mounts
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	if err = journal.WriteBackup(out, snap, taken); err == nil {
		err = out.Flush()
	}
	if err != nil {
		_ = w.Abort(ctx) // err says why
		return 0, err
	}
	_, err = w.Commit(ctx)
	return entries, err
}

// backupPlace is a file outside of the namespace.
type backupPlace struct {
	store mount.Point // from the top of its UFS
	path  string      // relative to it
}

func (p backupPlace) uri() string { return strings.TrimSuffix(p.store.UFS, "/") + "/" + p.path }

// backupDest is where a backup taken at the time goes.
func (t *term) backupDest(o BackupOptions, taken time.Time) (backupPlace, error) {
	root := t.state.root
	if o.Local {
		root.UFS = "/"
	}
	dir := o.Dir
	switch {
	case dir != "":
	case ufs.Scheme(root.UFS) == "file":
		dir = t.set.localBackupDir
	default:
		dir = t.set.backupDir
	}
	name := fmt.Sprintf("alluxio-backup-%s-%d.bak", taken.Format("2006-1-2"), taken.UnixMilli())
	return placeOf(root, strings.TrimSuffix(dir, "/")+"/"+name)
}

// localBackupDir is where backups go on this machine: the default is made for
// object stores, and would be in the root directory here.
func localBackupDir(conf *config.Config) string {
	if conf.IsSetByUser(config.MasterBackupDirectory) {
		return conf.String(config.MasterBackupDirectory)
	}
	return filepath.Join(conf.String(config.WorkDir), "alluxio_backups")
}

// placeOf takes a URI, or an absolute path in the UFS of the root mount, apart.
func placeOf(root mount.Point, file string) (backupPlace, error) {
	top := topOf(root.UFS)
	if ufs.Scheme(file) != "file" || ufs.Scheme(root.UFS) == "file" {
		if topOf(file) != top {
			return backupPlace{}, errors.Errorf(errors.Invalid, "%q is neither an absolute path nor in %s, the root under file system, whose credentials are used.", file, top)
		}
		file = strings.TrimPrefix(strings.TrimPrefix(file, "file://"), strings.TrimSuffix(top, "/"))
	}
	path := strings.Trim(file, "/")
	if err := ufs.CheckFile("backup", path); err != nil {
		return backupPlace{}, errors.Errorf(errors.Invalid, "%q is no absolute path of a file.", file)
	}
	return backupPlace{mount.Point{ID: mount.RootID, Path: "/", UFS: top, Options: root.Options}, path}, nil
}

// topOf is the top of the UFS that a URI is in: "kodo://bucket", or "/".
func topOf(uri string) string {
	if ufs.Scheme(uri) == "file" {
		return "/"
	}
	scheme, rest, _ := strings.Cut(uri, "://")
	authority, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + authority
}

// containersSkipped is how many container ids a cluster that begins with a backup
// leaves out: those that the old one used after the backup, for workers may still
// hold blocks with them.
const containersSkipped = 1 << 28

// initFromBackup puts the backup that the configuration names into an empty
// journal. All of it is read and verified before.
func (m *Master) initFromBackup(ctx context.Context, jt *journal.Term) error {
	file := m.conf.String(config.MasterJournalInitFromBackup)
	m.state.mu.RLock()
	empty := m.state.mu.cluster == nil
	m.state.mu.RUnlock()
	if file == "" || !empty {
		if file != "" {
			m.log.Info("The journal is not empty, so the backup is not looked at.", "backup", file)
		}
		return nil
	}
	state, taken, err := m.readBackup(ctx, file)
	if err != nil {
		return errors.Errorf(errors.KindOf(err), "The journal cannot begin with the backup %s (%s): %w", file, config.MasterJournalInitFromBackup.Name(), err)
	}
	if n := len(state.mu.intents); n > 0 {
		// What they are about has been finished, or changed, since.
		m.log.Warn("Operations that were under way when the backup was taken are not gone on with.", "n", n)
		clear(state.mu.intents)
	}
	state.mu.nextContainer += containersSkipped
	snap, err := state.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Release()
	if err := jt.Replace(ctx, snap); err != nil {
		return err
	}
	m.log.Info("The journal begins with a backup.", "backup", file, "taken", taken)
	return nil
}

// readBackup reads a backup into a state of its own.
func (m *Master) readBackup(ctx context.Context, file string) (*state, time.Time, error) {
	in, err := m.openBackup(ctx, file)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer in.Close()
	snapshot, taken, err := journal.ReadBackup(in)
	if err != nil {
		return nil, taken, err
	}
	s, err := newState(m.state.root, m.set.maxOps)
	if err != nil {
		return nil, taken, err
	}
	if err := s.Restore(snapshot); err != nil {
		return nil, taken, err
	}
	if _, err := io.Copy(io.Discard, snapshot); err != nil { // verifies the end
		return nil, taken, err
	}
	if was := s.mu.cluster.GetRootUfs(); was != s.root.UFS {
		return nil, taken, errors.Errorf(errors.FailedPrecondition, "it was made with the root under file system %s; set %s to that",
			was, config.MasterMountTableRootUFS.Name())
	}
	return s, taken, nil
}

// openBackup opens a backup: a file of this machine, or a URI in the root UFS.
func (m *Master) openBackup(ctx context.Context, file string) (io.ReadCloser, error) {
	if ufs.Scheme(file) == "file" {
		f, err := os.Open(filepath.Clean("/" + strings.TrimPrefix(file, "file://")))
		if err != nil {
			return nil, errors.E("", "", errors.Other, err)
		}
		return f, nil
	}
	p, err := placeOf(m.state.root, file)
	if err != nil {
		return nil, err
	}
	u, err := m.openUFS(ctx, p.store)
	if err != nil {
		return nil, err
	}
	r, err := u.Open(ctx, p.path, ufs.OpenOptions{Length: -1})
	if err != nil {
		_ = u.Close() // err says why
		return nil, err
	}
	return &backupFile{r, u}, nil
}

// backupFile closes its UFS at the end.
type backupFile struct {
	io.ReadCloser
	u ufs.UFS
}

func (f *backupFile) Close() error {
	err := f.ReadCloser.Close()
	_ = f.u.Close() // nothing was written
	return err
}
