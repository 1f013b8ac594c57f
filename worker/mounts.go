package worker

import (
	"context"
	"strings"
	"sync"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// mounts holds the under stores that this worker opened, by mount id. A mount
// whose options change gets another id, so an opened store stays right.
type mounts struct {
	open func(ctx context.Context, id int64) (*mounted, error)
	mu   struct {
		sync.Mutex
		byID map[int64]*opening
	}
}

// mounted is an opened under store.
type mounted struct {
	id       int64
	uri      string
	readOnly bool
	ufs      ufs.UFS

	read, written func(n int) // count bytes
}

// create begins a file of the under store.
func (m *mounted) create(ctx context.Context, path string, opts ufs.CreateOptions) (ufs.Writer, error) {
	w, err := m.ufs.Create(ctx, path, opts)
	if err != nil {
		return nil, err
	}
	return &countedWriter{Writer: w, count: m.written}, nil
}

// countedWriter counts what is written to an under store.
type countedWriter struct {
	ufs.Writer
	count func(n int)
}

func (c *countedWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.count(n)
	return n, err
}

// opening is a store being opened, or open.
type opening struct {
	done chan struct{}
	m    *mounted
	err  error
}

// get returns the store of a mount, opening it when it is first used.
func (ms *mounts) get(ctx context.Context, id int64) (*mounted, error) {
	for {
		ms.mu.Lock()
		o, ok := ms.mu.byID[id]
		if !ok {
			o = &opening{done: make(chan struct{})}
			if ms.mu.byID == nil {
				ms.mu.byID = map[int64]*opening{}
			}
			ms.mu.byID[id] = o
		}
		ms.mu.Unlock()
		if !ok {
			o.m, o.err = ms.open(ctx, id)
			if o.err != nil { // the next user tries again
				ms.mu.Lock()
				delete(ms.mu.byID, id)
				ms.mu.Unlock()
			}
			close(o.done)
			return o.m, o.err
		}
		select {
		case <-o.done:
		case <-ctx.Done():
			return nil, errors.E("worker.mount", "", errors.Other, ctx.Err())
		}
		if o.err == nil || !errors.Is(o.err, errors.Cancelled) {
			return o.m, o.err
		}
	}
}

// close closes all stores.
func (ms *mounts) close() {
	ms.mu.Lock()
	all := ms.mu.byID
	ms.mu.byID = nil
	ms.mu.Unlock()
	for _, o := range all {
		<-o.done
		if o.m != nil {
			_ = o.m.ufs.Close()
		}
	}
}

// openMount opens the store of a mount as the master describes it.
func (w *Worker) openMount(ctx context.Context, id int64) (*mounted, error) {
	info, err := w.master.ufsInfo(ctx, id)
	if err != nil {
		return nil, err
	}
	uri := info.GetUri()
	u, err := w.opts.UFS.Open(ctx, uri, ufs.Options{
		Properties: w.conf.UFSProperties(info.GetProperties().GetProperties()),
		Logger:     w.log,
		Registerer: w.opts.Registerer,
	})
	if err != nil {
		return nil, err
	}
	return &mounted{id: id, uri: uri, readOnly: info.GetProperties().GetReadOnly(), ufs: u,
		read: w.m.readFrom(uri), written: w.m.writtenTo(uri)}, nil
}

// rel returns the path, relative to the root of the mount, of a file's UFS URI.
func (m *mounted) rel(uri string) (string, error) {
	base, path := localPath(m.uri), localPath(uri)
	if base != "/" {
		base = strings.TrimSuffix(base, "/") + "/"
	}
	rel, ok := strings.CutPrefix(path, base)
	if rel = strings.TrimPrefix(rel, "/"); !ok || rel == "" || !ufs.ValidPath(rel) {
		return "", errors.Errorf(errors.Invalid, "%s is not a file below %s, the under store of mount %d.", uri, m.uri, m.id)
	}
	return rel, nil
}

// localPath cuts the scheme off the URI of a local file.
func localPath(uri string) string {
	if rest, ok := strings.CutPrefix(uri, "file:"); ok {
		return "/" + strings.TrimLeft(rest, "/")
	}
	return uri
}

// contentFingerprint is the store's own part of the fingerprint that the master
// keeps: a digest of owner, group and mode may follow it.
func contentFingerprint(fingerprint string) string {
	if i := strings.LastIndexByte(fingerprint, '#'); i >= 0 && len(fingerprint)-i == 9 {
		return fingerprint[:i]
	}
	return fingerprint
}

// fileVersion is what of an under-store file the blocks of one container hold.
type fileVersion struct {
	fingerprint string
	size        int64
}

// versions remembers the version that belongs to a container. It never changes: a
// file that changes below gets another container.
type versions struct {
	mu struct {
		sync.Mutex
		known map[blockid.Container]fileVersion
		older map[blockid.Container]fileVersion
	}
}

// maxVersions bounds each of the two generations.
const maxVersions = 16 << 10

func (vs *versions) get(c blockid.Container) (fileVersion, bool) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	v, ok := vs.mu.known[c]
	if !ok {
		if v, ok = vs.mu.older[c]; ok {
			vs.putLocked(c, v)
		}
	}
	return v, ok
}

func (vs *versions) put(c blockid.Container, v fileVersion) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	vs.putLocked(c, v)
}

func (vs *versions) putLocked(c blockid.Container, v fileVersion) {
	if vs.mu.known == nil || len(vs.mu.known) >= maxVersions {
		vs.mu.older, vs.mu.known = vs.mu.known, map[blockid.Container]fileVersion{}
	}
	vs.mu.known[c] = v
}

func (vs *versions) forget(c blockid.Container) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	delete(vs.mu.known, c)
	delete(vs.mu.older, c)
}
