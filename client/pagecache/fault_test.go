package pagecache

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Whatever happens to the files of pages, it is noticed before a wrong byte is
// served, and mended.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	h := use(t, options(dir, 16<<20))
	s, other := newSource(1, 700*kib), newSource(2, 700*kib)
	all(t, h.reader(t, 1, s), s)
	all(t, h.reader(t, 2, other), other)
	h.settle(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	damages := map[string]func(b []byte) []byte{
		"flip":     func(b []byte) []byte { b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8); return b },
		"truncate": func(b []byte) []byte { return b[:rnd.IntN(len(b))] },
		"zero":     func(b []byte) []byte { clear(b[len(b)/2:]); return b },
		"all zero": func(b []byte) []byte { clear(b); return b },
		"noise":    func(b []byte) []byte { return content(byte(rnd.Uint32()), len(b)) },
		"longer": func(b []byte) []byte {
			return append(b[:len(b)/2:len(b)/2], append(content(3, 100), b[len(b)/2:]...)...)
		},
		"swap": nil, // the bytes of another page of the same length
	}
	names, _ := pageFiles(t, dir)
	done := 0
	for name, damage := range damages {
		for range 25 {
			victim := names[rnd.IntN(len(names))]
			b, err := os.ReadFile(victim)
			if err != nil {
				t.Fatal(err)
			}
			if damage != nil {
				b = damage(b)
			} else if b, err = os.ReadFile(names[rnd.IntN(len(names))]); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(victim, b, 0o600); err != nil {
				t.Fatal(err)
			}
			done++
			for _, f := range []struct {
				seed byte
				s    *source
			}{{1, s}, {2, other}} {
				r := h.reader(t, f.seed, f.s)
				if rnd.IntN(2) == 0 {
					all(t, r, f.s)
				}
				for range 3 {
					check(t, r, f.s, rnd.IntN(700*kib), rnd.IntN(200*kib))
				}
				all(t, r, f.s)
			}
			h.settle(t)
			if t.Failed() {
				t.Fatalf("after %q", name)
			}
		}
	}
	if fetched := s.bytes.Load() + other.bytes.Load(); fetched < int64(done/2)*60*kib {
		t.Errorf("%d damages, and only %d bytes were fetched again", done, fetched)
	}
	s.take()
	all(t, h.reader(t, 1, s), s)
	if _, n := s.take(); n != 0 {
		t.Errorf("%d bytes fetched after everything was mended", n)
	}
	exact(t, h, dir)
}

// Bytes that were verified are believed while the file stays as it is, and no
// longer: whoever sets its times back is noticed too.
func TestDamageAfterVerification(t *testing.T) {
	dir := t.TempDir()
	h := use(t, options(dir, 16<<20))
	s := newSource(1, 128*kib)
	r := h.reader(t, 1, s)
	check(t, r, s, 0, 128*kib)
	names, _ := pageFiles(t, dir)
	page := names[0]
	fi, err := os.Stat(page)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the file is settled", func() bool { return time.Since(fi.ModTime()) > 2*settled })
	for range 3 {
		check(t, r, s, 100, 100*kib)
	}
	if f := h.c.dirs[0].pages.(*local).open.mu.byKey[Key{idOf(1), 0}]; !f.state.Load().has(0, 100*kib) {
		t.Error("nothing is remembered as verified")
	}
	flip(t, page, 5000)
	if err := os.Chtimes(page, fi.ModTime(), fi.ModTime()); err != nil {
		t.Fatal(err)
	}
	s.take()
	check(t, r, s, 4000, 10_000)
	if _, n := s.take(); n != 128*kib {
		t.Errorf("%d bytes fetched: the damage went unnoticed", n)
	}
}

// exact compares the accounts with the disk.
func exact(t *testing.T, h *Handle, dir string) {
	t.Helper()
	names, size := pageFiles(t, dir)
	if _, pages, used := h.c.dirs[0].stats(); pages != len(names) || used != size {
		t.Errorf("%d pages of %d bytes in the books, %d of %d on the disk", pages, used, len(names), size)
	}
}

// A disk that is full, broken or read-only fails no read, is complained of once,
// and is used again when it is mended.
func TestBrokenFolder(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(op, name string) error
		kept bool // what is there is still used
	}{
		"full":             {always("write", errFull), false},
		"cannot create":    {always("create", errIO), true},
		"cannot rename":    {always("rename", errIO), true},
		"writing fails":    {always("write", errIO), true},
		"reading fails":    {always("read", errIO), false},
		"opening fails":    {always("open", errIO), false},
		"everything fails": {func(string, string) error { return errIO }, false},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			clock := time.Now()
			disk := new(faultyFS)
			var log logged
			dir := t.TempDir()
			o := options(dir, 16<<20)
			o.fs, o.Logger = disk, log.logger()
			o.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return clock }
			h := use(t, o)
			s, more := newSource(1, 1<<20), newSource(2, 1<<20)
			all(t, h.reader(t, 1, s), s)
			h.settle(t)
			s.take()
			disk.set(c.fail)
			for range 3 {
				all(t, h.reader(t, 1, s), s)
				all(t, h.reader(t, 2, more), more)
				check(t, h.reader(t, 2, more), more, 100*kib, 600*kib)
				h.settle(t)
			}
			if disk.count() == 0 {
				t.Error("nothing has failed")
			}
			if _, n := s.take(); c.kept && n != 0 {
				t.Errorf("%d bytes fetched that were there", n)
			}
			warnings := 1
			if name == "everything fails" {
				warnings = 3 // reading, removing and writing
			}
			if n := log.count("level=WARN"); n != warnings {
				t.Errorf("%d warnings:\n%s", n, log.text.String())
			}
			disk.set(nil)
			mu.Lock()
			clock = clock.Add(2 * brokenRetry)
			mu.Unlock()
			for range 2 {
				all(t, h.reader(t, 1, s), s)
				all(t, h.reader(t, 2, more), more)
				h.settle(t)
			}
			s.take()
			more.take()
			all(t, h.reader(t, 1, s), s)
			all(t, h.reader(t, 2, more), more)
			if _, n := s.take(); n != 0 {
				t.Errorf("%d bytes fetched when it was mended", n)
			}
			if _, n := more.take(); n != 0 {
				t.Errorf("%d other bytes fetched when it was mended", n)
			}
			exact(t, h, dir)
		})
	}
}

// On a disk that is fuller than the quota says, pages make room for others.
func TestFullerDisk(t *testing.T) {
	disk := new(faultyFS)
	dir := t.TempDir()
	o := options(dir, 16<<20)
	o.fs = disk
	h := use(t, o)
	s := newSource(1, 2<<20)
	disk.set(func(op, _ string) error { // room for 6 pages
		if names, _ := pageFiles(t, dir); op == "write" && len(names) > 6 {
			return errFull
		}
		return nil
	})
	for range 3 {
		all(t, h.reader(t, 1, s), s)
		h.settle(t)
	}
	if names, _ := pageFiles(t, dir); len(names) < 5 || disk.count() == 0 {
		t.Errorf("%d pages kept, %d failures", len(names), disk.count())
	}
	check(t, h.reader(t, 1, s), s, 2<<20-10, 10)
	if s.take(); true {
		check(t, h.reader(t, 1, s), s, 2<<20-10, 10)
	}
	if _, n := s.take(); n != 0 {
		t.Error("the last page is not there")
	}
	disk.set(nil)
	exact(t, h, dir)
}

// What cannot be removed goes on taking its room, so that the quota holds.
func TestUnremovablePages(t *testing.T) {
	disk := new(faultyFS)
	dir := t.TempDir()
	o := options(dir, 5*132*kib)
	o.fs = disk
	h := use(t, o)
	s := newSource(1, 1<<20)
	disk.set(always("remove", errIO))
	for range 4 {
		all(t, h.reader(t, 1, s), s)
		h.settle(t)
		if _, size := pageFiles(t, dir); size > o.Dirs[0].QuotaBytes {
			t.Fatalf("%d bytes on the disk", size)
		}
	}
	disk.set(nil)
	stop(h)
	h = use(t, o)
	all(t, h.reader(t, 1, s), s)
	h.settle(t)
	exact(t, h, dir)
}

// A folder that does not answer costs the time that is allowed for it, and not for
// every page.
func TestHangingFolder(t *testing.T) {
	disk := new(faultyFS)
	dir := t.TempDir()
	o := options(dir, 16<<20)
	o.fs, o.IOTimeout, o.IOThreads = disk, 20*time.Millisecond, 3
	h := use(t, o)
	s := newSource(1, 1<<20)
	all(t, h.reader(t, 1, s), s)
	h.settle(t)
	hang := make(chan struct{})
	disk.set(func(op, _ string) error { <-hang; return nil })
	begin := time.Now()
	for range 5 {
		all(t, h.reader(t, 1, s), s)
	}
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("40 pages took %v", d)
	}
	if n := value(h.c.metrics.getTimeouts); n == 0 || n > 10 {
		t.Errorf("%v timeouts", n)
	}
	close(hang)
	until(t, "the accesses have ended", func() bool { return len(h.c.dirs[0].pages.(*bounded).slots) == 0 })
}

// When too much is waiting to be written, readers go on without the cache.
func TestSlowWrites(t *testing.T) {
	disk := new(faultyFS)
	o := options(t.TempDir(), 64<<20)
	o.fs, o.AsyncWrite, o.PageBytes = disk, true, 1<<20
	h := use(t, o)
	h.c.maxPages = 4
	hang := make(chan struct{})
	disk.set(func(op, _ string) error {
		if op == "create" {
			<-hang
		}
		return nil
	})
	s := newSource(1, 20<<20)
	all(t, h.reader(t, 1, s), s)
	check(t, h.reader(t, 1, s), s, 3<<20, 10<<20)
	check(t, h.reader(t, 1, s), s, 3<<20+5, 10<<20)
	if n := h.c.inFlight.Load(); n != 4 {
		t.Errorf("%d pages in memory", n)
	}
	close(hang)
	h.settle(t)
}

// A kill in the middle of writing leaves no half page behind, and the lock is free.
func TestLeftovers(t *testing.T) {
	disk := new(faultyFS)
	dir := t.TempDir()
	o := options(dir, 16<<20)
	o.fs = disk
	h := use(t, o)
	s := newSource(1, 1<<20)
	disk.set(func(op, name string) error { // the process is no more
		if op == "write" || op == "remove" {
			return errIO
		}
		return nil
	})
	all(t, h.reader(t, 1, s), s)
	h.settle(t)
	tmp, err := os.ReadDir(filepath.Join(dir, rootName, tmpName))
	if err != nil || len(tmp) == 0 {
		t.Fatalf("%d half pages, %v", len(tmp), err)
	}
	stop(h)
	disk.set(nil)
	h = use(t, o)
	all(t, h.reader(t, 1, s), s)
	h.settle(t)
	exact(t, h, dir)
}

// Reading, closing and damaging at the same time, with little room.
func TestEverythingAtOnce(t *testing.T) {
	for _, async := range []bool{false, true} {
		dir := t.TempDir()
		o := options(dir, 10*132*kib)
		o.AsyncWrite = async
		h := use(t, o)
		sources := []*source{newSource(0, 900*kib), newSource(1, 100*kib), newSource(2, 1500*kib), newSource(3, 1)}
		var readers, breaker sync.WaitGroup
		ended := make(chan struct{})
		breaker.Go(func() {
			rnd := rand.New(rand.NewPCG(7, 8))
			for {
				select {
				case <-ended:
					return
				case <-time.After(time.Millisecond):
				}
				files, _ := filepath.Glob(filepath.Join(dir, rootName, "*", "*", "*"))
				if len(files) == 0 {
					continue
				}
				name := files[rnd.IntN(len(files))]
				if f, err := os.OpenFile(name, os.O_WRONLY, 0); err == nil {
					if fi, err := f.Stat(); err == nil && fi.Size() > 6 {
						f.WriteAt([]byte("damage"), rnd.Int64N(fi.Size()-6))
					}
					f.Close()
				}
			}
		})
		for i := range 12 {
			readers.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), 1))
				for range 40 {
					seed := rnd.IntN(len(sources))
					s := sources[seed]
					r := h.NewReader(t.Context(), idOf(byte(seed)), int64(len(s.data)), s)
					off := rnd.IntN(len(s.data))
					p := make([]byte, rnd.IntN(len(s.data)-off+1))
					var err error
					if rnd.IntN(2) == 0 {
						r.SetPos(int64(off))
						_, err = io.ReadFull(r, p)
					} else {
						_, err = r.ReadAt(p, int64(off))
					}
					if err != nil || !bytes.Equal(p, s.data[off:off+len(p)]) {
						t.Errorf("%d bytes at %d of file %d: %v", len(p), off, seed, err)
					}
					r.Close()
				}
			})
		}
		readers.Wait()
		close(ended)
		breaker.Wait()
		h.settle(t)
		if _, size := pageFiles(t, dir); size > o.Dirs[0].QuotaBytes {
			t.Errorf("%d bytes on the disk", size)
		}
		exact(t, h, dir)
	}
}
