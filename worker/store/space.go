package store

import (
	"context"
	"math"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// A quota is a wish: the disk below may be smaller, or be filled by others. Each
// directory is limited to what its file system has room for, looked at every
// spaceInterval, so that capacities are true and blocks go where they fit.

const spaceInterval = time.Second

// spaceLoop keeps the limits of all directories current.
func (s *Store) spaceLoop(ctx context.Context) {
	every(ctx, spaceInterval, s.measureAll)
}

func (s *Store) measureAll() {
	for _, d := range s.dirs {
		if s.working(d) {
			s.measure(d)
		}
	}
}

// measure looks at how much room the file system of d has. A page less is counted, for
// sidecars and what else is not accounted for. Directories on one file system share
// what is there in proportion to what they lack of their quotas. What is reserved and not
// yet written is in what is free; where that is not known, or files come and go meanwhile,
// d rather has too little room than too much.
func (s *Store) measure(d *dir) {
	s.mu.Lock()
	before := d.used + d.written
	s.mu.Unlock()
	free, err := s.fs.Free(d.folder)
	if err != nil {
		s.fault(d, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if free < 0 {
		d.room = math.MaxInt64
		return
	}
	free = max(0, free-int64(s.opts.PageSize))
	var wishes int64
	for _, o := range s.dirs {
		if o == d || o.device == d.device && o.state != dirFailed && o.room != math.MaxInt64 {
			wishes += o.wish()
		}
	}
	if d.device != 0 && wishes > free {
		free = int64(float64(free) * float64(d.wish()) / float64(wishes))
	}
	d.room = min(before, d.used+d.written) + free
}

// wish is what d lacks of its quota. Store.mu is held.
func (d *dir) wish() int64 { return max(0, d.Quota-d.used-d.reserved) }

// checkMount fails when the file system that d was on is not mounted any more: what
// lies below it must not be filled instead.
func (s *Store) checkMount(d *dir) error {
	device, _, err := s.mountOf(d.Path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.beneath != 0 && device == d.beneath {
		return errors.Errorf(errors.Unavailable, "The file system of %s is not mounted any more.", d.Path)
	}
	d.device = device
	return nil
}

// mountOf tells on which file system path is, and which one it would be on were
// that not mounted (0 for none). Of a path that does not exist it is the next folder
// above that does.
func (s *Store) mountOf(path string) (device, beneath uint64, err error) {
	for at := path; ; at = filepath.Dir(at) {
		fi, err := s.fs.Stat(at + "/.") // of the folder, should at be a link
		st, ok := (*syscall.Stat_t)(nil), false
		if err == nil {
			st, ok = fi.Sys().(*syscall.Stat_t)
		}
		switch {
		case errors.Is(err, errors.NotFound) && at != "/":
			continue
		case err != nil || !ok:
			return 0, 0, err
		case device == 0:
			device = st.Dev
		case st.Dev != device:
			return device, st.Dev, nil
		}
		if at == "/" {
			return device, 0, nil
		}
	}
}
