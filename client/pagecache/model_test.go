package pagecache

import (
	"bytes"
	"io"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestModel runs random reads of several files, restarts, damage and faults of the
// disk against plain byte slices. The bytes are right at all times, what is used
// stays within the quota, and the books agree with the disk.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(t, rt)
		defer m.close()
		rt.Repeat(map[string]func(*rapid.T){
			"readAt":  m.readAt,
			"read":    m.read,
			"writeTo": m.writeTo,
			"restart": func(*rapid.T) { m.close(); m.open() },
			"damage":  m.damage,
			"disk":    m.spoil,
			"time":    func(*rapid.T) { m.clock.add(2 * brokenRetry) },
			"":        m.check,
		})
	})
}

type model struct {
	t       *testing.T
	rt      *rapid.T
	o       Options
	disk    *faultyFS
	clock   *clock
	h       *Handle
	files   []*source
	readers map[int]*Reader
	lossy   bool // something could not be removed or its size has changed: the books only know an upper bound
}

func newModel(t *testing.T, rt *rapid.T) *model {
	m := &model{t: t, rt: rt, disk: new(faultyFS), clock: newClock()}
	m.o = options(t.TempDir(), rapid.Int64Range(1, 12).Draw(rt, "quota")*40*kib)
	m.o.PageBytes = rapid.SampledFrom([]int64{1000, 32 * kib, 100 * kib}).Draw(rt, "page")
	m.o.Policy = rapid.SampledFrom([]string{"LRU", "LFU", "S3-FIFO", "W-TinyLFU"}).Draw(rt, "policy")
	m.o.AsyncWrite = rapid.Bool().Draw(rt, "async")
	m.o.fs, m.o.now = m.disk, m.clock.now
	for i := range 3 {
		m.files = append(m.files, newSource(byte(i), rapid.IntRange(1, 300*kib).Draw(rt, "size")))
	}
	m.open()
	return m
}

func (m *model) open() {
	c, err := open(m.o)
	if err != nil {
		m.rt.Fatal(err)
	}
	m.h, m.readers = newHandle(c, nil), map[int]*Reader{}
}

func (m *model) close() {
	for _, r := range m.readers {
		r.Close()
	}
	stop(m.h)
}

// file draws a file and returns its Reader, which stays open.
func (m *model) file(t *rapid.T) (*Reader, *source) {
	i := rapid.IntRange(0, len(m.files)-1).Draw(t, "file")
	if m.readers[i] == nil {
		m.readers[i] = m.h.NewReader(m.t.Context(), idOf(byte(i)), int64(len(m.files[i].data)), m.files[i])
	}
	return m.readers[i], m.files[i]
}

func (m *model) readAt(t *rapid.T) {
	r, s := m.file(t)
	off := rapid.IntRange(0, len(s.data)).Draw(t, "off")
	p := make([]byte, rapid.IntRange(1, len(s.data)).Draw(t, "n"))
	n, err := r.ReadAt(p, int64(off))
	want := s.data[off:min(off+len(p), len(s.data))]
	if !bytes.Equal(p[:n], want) || (err == nil) != (n == len(p)) || err != nil && err != io.EOF {
		t.Fatalf("%d bytes, %v; want %d", n, err, len(want))
	}
}

func (m *model) read(t *rapid.T) {
	r, s := m.file(t)
	if rapid.Bool().Draw(t, "seek") {
		r.SetPos(rapid.Int64Range(0, int64(len(s.data))).Draw(t, "pos"))
	}
	for range rapid.IntRange(1, 5).Draw(t, "reads") {
		from := r.Pos()
		p := make([]byte, rapid.IntRange(1, 100*kib).Draw(t, "n"))
		n, err := r.Read(p)
		if from == int64(len(s.data)) && (n != 0 || err != io.EOF) || from < int64(len(s.data)) && (n == 0 || err != nil) {
			t.Fatalf("%d bytes at %d of %d, %v", n, from, len(s.data), err)
		}
		if r.Pos() != from+int64(n) || !bytes.Equal(p[:n], s.data[from:from+int64(n)]) {
			t.Fatalf("%d bytes at %d are wrong", n, from)
		}
	}
}

func (m *model) writeTo(t *rapid.T) {
	r, s := m.file(t)
	from := rapid.IntRange(0, len(s.data)).Draw(t, "from")
	r.SetPos(int64(from))
	var got bytes.Buffer
	if n, err := r.WriteTo(&got); err != nil || n != int64(len(s.data)-from) || !bytes.Equal(got.Bytes(), s.data[from:]) {
		t.Fatalf("%d bytes, %v", n, err)
	}
}

// damage changes a byte of a page, or removes it.
func (m *model) damage(t *rapid.T) {
	m.h.settle(m.t)
	names, _ := pageFiles(m.t, m.o.Dirs[0].Path)
	if len(names) == 0 {
		return
	}
	name := names[rapid.IntRange(0, len(names)-1).Draw(t, "page")]
	if rapid.Bool().Draw(t, "remove") {
		m.lossy = true
		m.disk.osFS.Remove(name)
		return
	}
	flip(m.t, name, rapid.Int64Range(0, 1<<20).Draw(t, "at"))
}

// spoil makes the disk fail or mends it.
func (m *model) spoil(t *rapid.T) {
	op := rapid.SampledFrom([]string{"", "", "write", "create", "rename", "open", "read", "remove", "mkdir"}).Draw(t, "op")
	err := rapid.SampledFrom([]error{errIO, errFull}).Draw(t, "error")
	if op == "" {
		m.disk.set(nil)
		return
	}
	m.lossy = m.lossy || op == "remove" || op == "write" // half a page may be left in tmp
	m.disk.set(always(op, err))
}

// check waits until what is fetched ahead has come to rest.
func (m *model) check(t *rapid.T) {
	d, quota := m.h.c.dirs[0], m.o.Dirs[0].QuotaBytes
	deadline := time.Now().Add(5 * time.Second)
	for {
		m.h.settle(m.t)
		names, size := pageFiles(m.t, m.o.Dirs[0].Path)
		_, pages, used := d.stats()
		same := pages == len(names) && used == size
		if size <= quota && used <= quota && (same || m.lossy || !d.isReady()) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d pages of %d bytes in the books, %d of %d on the disk, with a quota of %d", pages, used, len(names), size, quota)
		}
	}
}

// clock is a time that tests advance.
type clock struct{ at chan time.Time }

func newClock() *clock {
	c := &clock{make(chan time.Time, 1)}
	c.at <- time.Now()
	return c
}

func (c *clock) now() time.Time { t := <-c.at; c.at <- t; return t }

func (c *clock) add(d time.Duration) { c.at <- (<-c.at).Add(d) }
