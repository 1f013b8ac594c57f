package master

import (
	"context"
	"hash/fnv"
	"log/slog"
	"strings"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// persistDir is where workers put files of an asynchronous persist before the
// master renames them into place, relative to a mount's UFS root. It is never
// part of the namespace.
const persistDir = ".alluxio_ufs_persistence"

// hidden reports whether a path relative to a UFS root is kept out of the
// namespace.
func hidden(rel string) bool {
	return rel == persistDir || strings.HasPrefix(rel, persistDir+"/")
}

// opener opens the store of a mount point, with all wrappers and properties.
type opener func(ctx context.Context, p mount.Point) (ufs.UFS, error)

// stores are the opened UFSs of a term, one for each mount id.
type stores struct {
	open   opener
	log    *slog.Logger
	flight singleflight.Group
	mu     struct {
		sync.Mutex
		byID   map[mount.ID]ufs.UFS
		closed bool
	}
}

func newStores(open opener, log *slog.Logger) *stores {
	s := &stores{open: open, log: log}
	s.mu.byID = make(map[mount.ID]ufs.UFS)
	return s
}

// get returns the store of a mount point, opening it at its first use. A
// failure is not remembered.
func (s *stores) get(ctx context.Context, p mount.Point) (ufs.UFS, error) {
	s.mu.Lock()
	u, ok := s.mu.byID[p.ID]
	s.mu.Unlock()
	if ok {
		return u, nil
	}
	opened, err, _ := s.flight.Do(p.Path, func() (any, error) {
		u, err := s.open(ctx, p)
		if err != nil {
			return nil, err
		}
		return s.put(p.ID, u), nil
	})
	if err != nil {
		return nil, outage(err)
	}
	return opened.(ufs.UFS), nil
}

// outage turns the failure to open a mounted store into an outage: that the
// root of a mount is missing says nothing about the path asked for.
func outage(err error) error {
	if errors.Is(err, errors.NotFound) {
		return errors.E("", "", errors.Unavailable, err)
	}
	return err
}

// put keeps an opened store, or closes it when there is one by now.
func (s *stores) put(id mount.ID, u ufs.UFS) ufs.UFS {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.mu.byID[id]; ok {
		s.close(u)
		return old
	}
	if s.mu.closed {
		s.close(u)
		return u
	}
	s.mu.byID[id] = u
	return u
}

// drop closes the store of a mount that is gone.
func (s *stores) drop(id mount.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.mu.byID[id]; ok {
		delete(s.mu.byID, id)
		s.close(u)
	}
}

func (s *stores) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.closed = true
	for id, u := range s.mu.byID {
		delete(s.mu.byID, id)
		s.close(u)
	}
}

func (s *stores) close(u ufs.UFS) {
	if err := u.Close(); err != nil {
		s.log.Warn("Closing an under file system failed.", "ufs", u.URI(), "err", err)
	}
}

// The maintenance modes of a UFS, by their wire values.
const (
	ufsNoAccess  = 1
	ufsReadOnly  = 2
	ufsReadWrite = 3
)

// reading returns the store below a path for looking.
func (t *term) reading(ctx context.Context, loc mount.Location) (ufs.UFS, error) {
	if mode := t.ufsMode(loc.UFS); mode == ufsNoAccess {
		return nil, underMaintenance("READ", loc, mode)
	}
	return t.stores.get(ctx, loc.Point)
}

// writing returns the store below a path for changing it.
func (t *term) writing(ctx context.Context, loc mount.Location) (ufs.UFS, error) {
	if err := t.checkMaintained(loc); err != nil {
		return nil, err
	}
	return t.stores.get(ctx, loc.Point)
}

// checkMaintained refuses changes of a store whose maintenance mode forbids them.
func (t *term) checkMaintained(loc mount.Location) error {
	if mode := t.ufsMode(loc.UFS); mode == ufsNoAccess || mode == ufsReadOnly {
		return underMaintenance("WRITE", loc, mode)
	}
	return nil
}

func underMaintenance(op string, loc mount.Location, mode int32) error {
	return errors.Errorf(errors.Permission, "Operation %s not allowed on ufs path %s under maintenance mode %s",
		op, loc.UFSURI(), map[int32]string{ufsNoAccess: "NO_ACCESS", ufsReadOnly: "READ_ONLY"}[mode])
}

func (t *term) ufsMode(uri string) int32 {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	mode, ok := t.state.mu.ufsModes[authority(uri)]
	if !ok {
		return ufsReadWrite
	}
	return mode
}

// authority cuts a UFS URI down to "scheme://authority/".
func authority(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return "file:///"
	}
	host, _, _ := strings.Cut(rest, "/")
	return strings.ToLower(scheme) + "://" + host + "/"
}

// UpdateUFSMode puts all mounts of a UFS under a maintenance mode.
func (t *term) UpdateUFSMode(c Caller, uri string, mode int32) error {
	if err := t.checkSuper(c); err != nil {
		return err
	}
	if mode < ufsNoAccess || mode > ufsReadWrite {
		return errors.Errorf(errors.Invalid, "UFS mode %d is not known.", mode)
	}
	key, mounted := authority(uri), false
	t.state.mu.RLock()
	for _, p := range t.state.mu.mounts.All() {
		mounted = mounted || authority(p.UFS) == key
	}
	t.state.mu.RUnlock()
	if !mounted {
		return errors.Errorf(errors.Invalid, "No mount uses the under file system %s.", key)
	}
	return t.propose(opID{}, &journalpb.Change{Change: &journalpb.Change_UfsMode{
		UfsMode: &journalpb.UfsMode{Ufs: key, Mode: mode}}})
}

// fingerprintOf is what an inode remembers of the UFS entry that it stands for:
// the store's own fingerprint of the content and a digest of owner, group and
// mode, if the store has those.
func fingerprintOf(info ufs.Info) string {
	if info.Owner == "" && info.Group == "" && info.Mode == 0 {
		return info.Fingerprint
	}
	h := fnv.New32a()
	for _, s := range []string{info.Owner, "\x00", info.Group, "\x00"} {
		_, _ = h.Write([]byte(s))
	}
	_, _ = h.Write([]byte{byte(info.Mode >> 8), byte(info.Mode)})
	var b [9]byte
	b[0] = '#'
	for i, sum := 8, h.Sum32(); i > 0; i, sum = i-1, sum>>4 {
		b[i] = "0123456789abcdef"[sum&15]
	}
	return info.Fingerprint + string(b[:])
}

// contentFingerprint is the store's own part of a fingerprint.
func contentFingerprint(fingerprint string) string {
	if i := strings.LastIndexByte(fingerprint, '#'); i >= 0 && len(fingerprint)-i == 9 {
		return fingerprint[:i]
	}
	return fingerprint
}
