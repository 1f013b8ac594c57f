package store

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// faultFS fails operations below a folder with an error, and counts them.
type faultFS struct {
	osFS
	mu     sync.Mutex
	below  string
	reads  error // of reading and opening for reading
	writes error // of everything else
	faults int
}

func (f *faultFS) set(below string, reads, writes error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.below, f.reads, f.writes = below, reads, writes
}

// count is the number of faults so far.
func (f *faultFS) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.faults
}

func (f *faultFS) check(name string, write bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.reads
	if write {
		err = f.writes
	}
	if err == nil || !strings.HasPrefix(name, f.below) {
		return nil
	}
	f.faults++
	return &fs.PathError{Op: "fault", Path: name, Err: err}
}

func (f *faultFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := f.check(name, flag&os.O_CREATE != 0); err != nil {
		return nil, err
	}
	file, err := f.osFS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, fs: f, name: name}, nil
}

func (f *faultFS) Rename(from, to string) error {
	if err := f.check(to, true); err != nil {
		return err
	}
	return f.osFS.Rename(from, to)
}

func (f *faultFS) List(name string, yield func(fs.DirEntry) error) error {
	if err := f.check(name, false); err != nil {
		return err
	}
	return f.osFS.List(name, yield)
}

func (f *faultFS) ReadFile(name string, limit int) ([]byte, error) {
	if err := f.check(name, false); err != nil {
		return nil, err
	}
	return f.osFS.ReadFile(name, limit)
}

type faultFile struct {
	File
	fs   *faultFS
	name string
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fs.check(f.name, false); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fs.check(f.name, true); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, off)
}

// twoDirs are options with two directories of one tier and faults in between.
func twoDirs(t *testing.T) (Options, *faultFS, string, string) {
	f := &faultFS{}
	a, b := t.TempDir(), t.TempDir()
	return Options{PageSize: page, FS: f, Allocator: Greedy, ProbeInterval: 5 * time.Millisecond, Tiers: []TierOptions{{Alias: "SSD",
		Dirs: []DirOptions{{Path: a, Quota: 40 * page}, {Path: b, Quota: 40 * page}}}}}, f, a, b
}

func TestFailingDirectory(t *testing.T) {
	const size = 2*page + 9
	opts, faults, a, b := twoDirs(t)
	s := open(t, opts)
	put(t, s, block1(0), size, CreateOptions{})
	check(t, s, block1(1), size, source(block1(1), size))

	faults.set(a, syscall.EIO, syscall.EIO)
	// Creating a block notices, and goes elsewhere.
	if info := put(t, s, block1(2), size, CreateOptions{}); info.Dir != b {
		t.Errorf("block in %s", info.Dir)
	}
	if d := s.Tiers()[0].Dirs[0]; !d.Lost || s.Tiers()[0].Capacity != 40*page {
		t.Errorf("%+v", s.Tiers()[0])
	}
	_, err := s.Open(block1(0))
	wantKind(t, err, errors.NotFound)

	eventually(t, "a probe has failed", func() bool { return faults.count() >= 3 })
	faults.set("", nil, nil)
	eventually(t, "the directory is back", func() bool { return !s.Tiers()[0].Dirs[0].Lost && s.scanning.Load() == 0 })
	check(t, s, block1(0), size, nil)
	check(t, s, block1(1), size, nil) // what could be fetched again is kept too

	faults.set(a, syscall.EIO, syscall.EIO)
	put(t, s, block1(3), size, CreateOptions{})
	check(t, s, block1(1), size, source(block1(1), size)) // fetched again, elsewhere
	faults.set("", nil, nil)
}

// TestOwnTrouble: what is the process's fault costs one operation, no block.
func TestOwnTrouble(t *testing.T) {
	for _, err := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		opts, faults, a, _ := twoDirs(t)
		s := open(t, opts)
		put(t, s, block1(0), page, CreateOptions{})
		faults.set(a, err, err)
		if _, err := write(s, block1(1), page, CreateOptions{}, page); err == nil {
			t.Error("written without a file")
		}
		_, openErr := s.Open(block1(0))
		wantKind(t, openErr, errors.Unavailable)
		faults.set("", nil, nil)
		check(t, s, block1(0), page, nil)
		if d := s.Tiers()[0].Dirs[0]; d.Lost || d.Full {
			t.Errorf("%v: %+v", err, d)
		}
	}
}

func TestReadErrors(t *testing.T) {
	const size = 8 * page
	opts, faults, a, _ := twoDirs(t)
	opts.ProbeInterval = time.Hour
	s := open(t, opts)
	put(t, s, block1(0), size, CreateOptions{})
	src := source(block1(1), size)
	check(t, s, block1(1), size, src)
	faults.set(a, syscall.EIO, nil)
	_, err := fetchAll(s, block1(0), size, nil)
	if !errors.Is(err, errors.Corrupt) && !errors.Is(err, errors.Unavailable) {
		t.Errorf("only copy on a bad disk: %v", err)
	}
	// A block that has a source is read right, or the caller told to read past the
	// store, until the directory is out.
	for range maxReadErrors {
		got, err := fetchAll(s, block1(1), size, src)
		if !errors.Is(err, errors.Unavailable) && !bytes.Equal(got, src.data) {
			t.Errorf("wrong bytes, or %v", err)
		}
	}
	check(t, s, block1(1), size, src)
	if !s.Tiers()[0].Dirs[0].Lost {
		t.Error("errors in a row did not take the directory out")
	}
	if faults.count() < maxReadErrors {
		t.Errorf("only %d faults", faults.count())
	}
	faults.set("", nil, nil)
}

func TestFullDisk(t *testing.T) {
	const size = 6 * page
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		opts, faults, a, b := twoDirs(t)
		s := open(t, opts)
		put(t, s, block1(0), size, CreateOptions{})
		faults.set(a, nil, full)
		h, err := s.OpenFill(block1(1), FillOptions{Length: size, Fingerprint: "v1"}, source(block1(1), size))
		if err == nil {
			got, err := readAll(h, page)
			h.Close()
			if err != nil || !bytes.Equal(got, content(block1(1), size)) {
				t.Fatalf("on a full disk: wrong bytes, or %v", err)
			}
		} else {
			wantKind(t, err, errors.NoSpace)
		}
		if d := s.Tiers()[0].Dirs[0]; !d.Full || d.Lost {
			t.Errorf("%+v", d)
		}
		check(t, s, block1(0), size, nil) // what is there can be read
		if info := put(t, s, block1(2), size, CreateOptions{}); info.Dir != b {
			t.Errorf("block in %s", info.Dir)
		}
		faults.set("", nil, nil)
		eventually(t, "the directory is written to again", func() bool { return !s.Tiers()[0].Dirs[0].Full })
		if faults.count() == 0 {
			t.Error("no faults")
		}
	}
}

// TestFullDiskGoesOnCaching: what is evicted makes room.
func TestFullDiskGoesOnCaching(t *testing.T) {
	opts := oneDir(t.TempDir(), 100*page)
	disk := &smallDisk{pages: 10}
	opts.FS = disk
	s := open(t, opts)
	for i := range 30 {
		check(t, s, block1(i), 2*page, source(block1(i), 2*page))
	}
	if disk.refused == 0 || !s.Tiers()[0].Dirs[0].Full {
		t.Errorf("the disk was never full: %+v", s.Tiers()[0])
	}
	here := 0
	for i := 20; i < 30; i++ {
		if info, err := s.Info(block1(i)); err == nil && info.Whole {
			here++
		}
	}
	if here < 3 {
		t.Errorf("only %d of the last 10 blocks were cached on a disk for 5", here)
	}
}

// smallDisk has room for so many pages, whatever the quota says.
type smallDisk struct {
	osFS
	mu      sync.Mutex
	pages   int
	used    map[string]int // by block id
	refused int
}

func blockOf(name string) string {
	name, _, _ = strings.Cut(filepath.Base(name), "-")
	return name
}

func (d *smallDisk) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := d.osFS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &smallFile{f, d, name}, nil
}

func (d *smallDisk) Remove(name string) error {
	d.mu.Lock()
	if !strings.HasSuffix(name, metaSuffix) {
		delete(d.used, blockOf(name))
	}
	d.mu.Unlock()
	return d.osFS.Remove(name)
}

type smallFile struct {
	File
	d    *smallDisk
	name string
}

func (f *smallFile) WriteAt(p []byte, off int64) (int, error) {
	if len(p) == page {
		f.d.mu.Lock()
		total := 1
		for _, n := range f.d.used {
			total += n
		}
		full := total > f.d.pages
		if full {
			f.d.refused++
		} else {
			if f.d.used == nil {
				f.d.used = map[string]int{}
			}
			f.d.used[blockOf(f.name)]++
		}
		f.d.mu.Unlock()
		if full {
			return 0, syscall.ENOSPC
		}
	}
	return f.File.WriteAt(p, off)
}

// TestDiskFillsWhileFetching: the pages that find no room are handed through.
func TestDiskFillsWhileFetching(t *testing.T) {
	const size = 16 * page
	opts, faults, a, _ := twoDirs(t)
	s := open(t, opts)
	src := source(block1(0), size)
	h, err := s.OpenFill(block1(0), FillOptions{Length: size, Fingerprint: "v1"}, src)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.ReadAt(t.Context(), make([]byte, page), 0); err != nil {
		t.Fatal(err)
	}
	faults.set(a, nil, syscall.ENOSPC)
	got, err := readAll(h, page)
	if err != nil || !bytes.Equal(got, src.data) {
		t.Fatalf("wrong bytes, or %v", err)
	}
	if faults.count() == 0 {
		t.Error("no faults")
	}
	faults.set("", nil, nil)
}

func TestNoDirectoryWorks(t *testing.T) {
	faults := &faultFS{reads: syscall.EIO, writes: syscall.EIO}
	opts := oneDir(t.TempDir(), page)
	faults.below = opts.Tiers[0].Dirs[0].Path
	opts.FS = faults
	_, err := New(opts)
	wantKind(t, err, errors.Unavailable)
}

func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	s, err := New(oneDir(dir, 100*page))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, block1(0), page, CreateOptions{})
	folder := s.dirs[0].folder
	for _, name := range []string{"README", "12x", "99999999999999999999", "16777216.bak", "-5", "007", "33554432"} {
		if err := os.WriteFile(folder+"/"+name, []byte("not ours"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(folder+"/lost+found", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder+"/50331648.meta", []byte("orphan"), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err = New(oneDir(dir, 100*page)); err != nil {
		t.Fatal(err)
	}
	check(t, s, block1(0), page, nil)
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != ".quarantine .tmp_blocks 16777216 16777216.meta" {
		t.Errorf("left in the folder: %s", got)
	}
	kept, err := os.ReadDir(s.dirs[0].quarantine())
	if err != nil || len(kept) != 8 {
		t.Errorf("in quarantine: %v, %v", kept, err)
	}
	if _, err = New(oneDir(dir, 100*page)); err != nil {
		t.Fatal(err)
	}
	if kept, _ = os.ReadDir(s.dirs[0].quarantine()); len(kept) != 0 {
		t.Errorf("quarantine was not emptied: %v", kept)
	}
}

// TestRemovedFolder: a folder that somebody deletes is made anew, empty.
func TestRemovedFolder(t *testing.T) {
	const size = 2 * page
	for _, what := range []string{"", ".tmp_blocks"} {
		opts := oneDir(t.TempDir(), 100*page)
		opts.ProbeInterval = 5 * time.Millisecond
		s := open(t, opts)
		check(t, s, block1(0), size, source(block1(0), size))
		if err := os.RemoveAll(filepath.Join(s.dirs[0].folder, what)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a block is written", func() bool {
			_, err := write(s, block1(1), size, CreateOptions{}, page)
			return err == nil
		})
		check(t, s, block1(0), size, source(block1(0), size))
		check(t, s, block1(1), size, nil)
	}
}

// TestWriteGoesOnElsewhere: a block being written moves on when its directory
// fails, fills up, or turns out to be smaller than its quota.
func TestWriteGoesOnElsewhere(t *testing.T) {
	const size = 8 * page
	for _, err := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS} {
		opts, faults, a, b := twoDirs(t)
		opts.ProbeInterval = time.Hour
		s := open(t, opts)
		w, cerr := s.Create(block1(0), CreateOptions{})
		if cerr != nil {
			t.Fatal(cerr)
		}
		data := content(block1(0), size)
		if _, werr := w.Write(data[:5*page+7]); werr != nil {
			t.Fatal(werr)
		}
		faults.set(a, nil, err)
		if _, werr := w.Write(data[5*page+7:]); werr != nil {
			t.Fatalf("%v: %v", err, werr)
		}
		info, cerr := w.Commit()
		if cerr != nil || info.Dir != b {
			t.Fatalf("%v: in %s, %v", err, info.Dir, cerr)
		}
		check(t, s, block1(0), size, nil)
		if d := s.Tiers()[0].Dirs[0]; faults.count() == 0 || !d.Full && !d.Lost {
			t.Errorf("%v: %d faults, %+v", err, faults.count(), d)
		}
		faults.set("", nil, nil)
	}
}

// TestQuotaGrownOver: a block that grows beyond what its directory can give goes
// on in another.
func TestQuotaGrownOver(t *testing.T) {
	opts, _, a, b := twoDirs(t)
	s := open(t, opts)
	put(t, s, block1(0), 30*page, CreateOptions{}) // in a, and not to be evicted
	if info := put(t, s, block1(1), 20*page, CreateOptions{}); info.Dir != b {
		t.Errorf("%d bytes in %s beside %d", info.Length, info.Dir, 30*page)
	}
	check(t, s, block1(1), 20*page, nil)
	if d := s.Tiers()[0].Dirs; d[0].Path != a || d[0].Used != 30*page || d[1].Used != 20*page {
		t.Errorf("%+v", d)
	}
}

// leanDisk says that it has so many bytes left.
type leanDisk struct {
	osFS
	free map[string]int64 // by prefix
}

func (l *leanDisk) Free(name string) (int64, error) {
	for prefix, n := range l.free {
		if strings.HasPrefix(name, prefix) {
			return n, nil
		}
	}
	return -1, nil
}

// TestDiskSmallerThanQuota: the capacity is the disk's, and blocks go where there
// is room.
func TestDiskSmallerThanQuota(t *testing.T) {
	opts, _, a, b := twoDirs(t)
	opts.FS = &leanDisk{free: map[string]int64{a: 10 * page}}
	opts.Allocator = MaxFree
	opts.Tiers[0].Dirs[0].Quota = 1000 * page
	s := open(t, opts)
	if dirs := s.Tiers()[0]; dirs.Capacity != 9*page+40*page || dirs.Dirs[0].Capacity != 9*page || dirs.Dirs[0].Quota != 1000*page {
		t.Errorf("%+v", dirs)
	}
	for i := range 3 {
		if info := put(t, s, block1(i), 10*page, CreateOptions{Reserve: 10 * page}); info.Dir != b {
			t.Errorf("block %d is in %s", i, info.Dir)
		}
	}
}

// usedDisk has so many bytes, less what is in the files of a folder.
type usedDisk struct {
	osFS
	size   int64
	folder string
}

func (u *usedDisk) Free(string) (int64, error) {
	free := u.size
	err := filepath.WalkDir(u.folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(name, metaSuffix) {
			return err
		}
		fi, err := e.Info()
		if err == nil {
			free -= fi.Size()
		}
		return err
	})
	return free, err
}

// TestReservedIsNoRoomTwice: what a block that is being written will need is not taken
// for room, whenever the disk is looked at.
func TestReservedIsNoRoomTwice(t *testing.T) {
	opts := oneDir(t.TempDir(), 1000*page)
	opts.FS = &usedDisk{size: 20*page + page, folder: opts.Tiers[0].Dirs[0].Path}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	room := func(when string, want int64) {
		t.Helper()
		s.measureAll()
		d := s.Tiers()[0].Dirs[0]
		if got := d.Capacity - d.Used; got != want*page {
			t.Errorf("%s: %d bytes are left, want %d pages", when, got, want)
		}
	}
	room("at first", 20)
	w, err := s.Create(block1(0), CreateOptions{Reserve: 8 * page})
	if err != nil {
		t.Fatal(err)
	}
	room("with 8 pages reserved", 12)
	if _, err := w.Write(content(block1(0), 4*page)); err != nil {
		t.Fatal(err)
	}
	room("with half of them written", 12)
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	room("with a block of half the size", 16)
	if w, err = s.Create(block1(1), CreateOptions{Reserve: 8 * page}); err == nil {
		_, err = w.Write(content(block1(1), 4*page))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Abort()
	room("with another one given up", 16)
}

// TestDirsOfOneDisk: directories on one file system do not each count all of it.
func TestDirsOfOneDisk(t *testing.T) {
	opts, _, _, _ := twoDirs(t)
	opts.FS = &leanDisk{free: map[string]int64{"/": 31 * page}}
	opts.Tiers[0].Dirs[0].Quota = 20 * page
	s := open(t, opts)
	if tier := s.Tiers()[0]; tier.Capacity != 30*page || tier.Dirs[0].Capacity != 10*page || tier.Dirs[1].Capacity != 20*page {
		t.Errorf("%+v", tier)
	}
}
