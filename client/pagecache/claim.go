package pagecache

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// claim makes the folders and takes the lock. A folder that others may write to
// could be given pages with wrong bytes and right checksums: it is refused.
func (l *local) claim() error {
	for _, dir := range []string{l.path, l.root, filepath.Join(l.root, tmpName), l.pages} {
		if err := l.fs.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	if err := l.private(); err != nil {
		return err
	}
	lock, err := lockFile(filepath.Join(l.root, lockName))
	if err != nil {
		return err
	}
	l.lock = lock
	return nil
}

// private checks that the folder is a folder, of this user, and nobody else's.
func (l *local) private() error {
	fi, err := l.fs.Lstat(l.root)
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	switch {
	case !fi.IsDir():
		return errors.Errorf(errors.Permission, "%s is not a folder", l.root)
	case ok && int(st.Uid) != os.Geteuid():
		return errors.Errorf(errors.Permission, "%s belongs to the user with id %d; a client cache belongs to the user who reads", l.root, st.Uid)
	case fi.Mode().Perm()&0o022 != 0:
		return errors.Errorf(errors.Permission, "%s can be written to by others; take the right away (chmod go-w) or remove it", l.root)
	}
	return nil
}

// lockFile takes the lock, which ends with the process at the latest.
func lockFile(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if err == syscall.EWOULDBLOCK {
		return nil, errors.Errorf(errors.Exists, "another process holds %s", name)
	}
	return nil, err
}

func (l *local) release() {
	l.open.close()
	if l.lock != nil {
		_ = l.lock.Close()
		l.lock = nil
	}
}

// restore lists the buckets in parallel. found is called by one goroutine at a
// time.
func (l *local) restore(ctx context.Context, found func(foundPage)) error {
	if err := l.sweep(); err != nil {
		return err
	}
	buckets, err := l.fs.ReadDir(l.pages)
	if err != nil {
		return err
	}
	lists := make(chan []foundPage)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2*runtime.GOMAXPROCS(0) + 1)
	g.Go(func() error {
		defer close(lists)
		listing, ctx := errgroup.WithContext(ctx)
		listing.SetLimit(2 * runtime.GOMAXPROCS(0))
		for _, b := range buckets {
			listing.Go(func() error { return l.restoreBucket(ctx, b, lists) })
		}
		return listing.Wait()
	})
	g.Go(func() error {
		for list := range lists {
			for _, page := range list {
				found(page)
			}
		}
		return nil
	})
	return g.Wait()
}

// sweep removes what no cache with this size of pages has made.
func (l *local) sweep() error {
	entries, err := l.fs.ReadDir(l.root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch name := filepath.Join(l.root, e.Name()); {
		case e.Name() == lockName, name == l.pages:
		case e.Name() == tmpName:
			if err := l.sweepTemporary(name); err != nil {
				return err
			}
		default:
			if err := l.fs.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *local) sweepTemporary(dir string) error {
	entries, err := l.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := l.fs.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// restoreBucket sends the pages of a bucket and removes what is none.
func (l *local) restoreBucket(ctx context.Context, b fs.DirEntry, lists chan<- []foundPage) error {
	dir := filepath.Join(l.pages, b.Name())
	n, err := strconv.ParseUint(b.Name(), 10, 64)
	if err != nil || n >= l.buckets || !b.IsDir() {
		return l.fs.RemoveAll(dir)
	}
	entries, err := l.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	list := make([]foundPage, 0, len(entries))
	for _, e := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		name := filepath.Join(dir, e.Name())
		k, ok := l.isPage(dir, e)
		if !ok {
			if err := l.fs.RemoveAll(name); err != nil {
				return err
			}
			continue
		}
		fi, err := l.fs.Lstat(name)
		if err != nil {
			return err
		}
		list = append(list, foundPage{k, fileCost(fi.Size()), fi.ModTime(), usedAt(fi)})
	}
	select {
	case lists <- list:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// usedAt returns the access time of a file.
func usedAt(fi fs.FileInfo) time.Time {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Atim.Unix())
	}
	return fi.ModTime()
}
