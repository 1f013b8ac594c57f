package store

import (
	"context"
	"testing"
)

// missedBy reads [off, off+n) in chunks as one reader does and sums up what it
// missed.
func missedBy(t *testing.T, h *Handle, off, n int64, chunk int) int64 {
	t.Helper()
	var missed int64
	for end := off + n; off < end; {
		k := int(min(int64(chunk), end-off))
		if _, err := h.Read(context.Background(), make([]byte, BufferSize(off, k)), off, k); err != nil {
			t.Fatal(err)
		}
		missed += h.Missed(off, k)
		off += int64(k)
	}
	return missed
}

func openSource(t *testing.T, s *Store, src *memSource) *Handle {
	t.Helper()
	h, err := s.OpenFill(block1(0), FillOptions{Length: int64(len(src.data)), Fingerprint: "v1"}, src)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func TestMissedIsTheFirstReading(t *testing.T) {
	const n = 10*page + 1000
	s := open(t, oneDir(t.TempDir(), 100*page))
	src := source(block1(0), n)
	if got := missedBy(t, openSource(t, s, src), 0, n, 50_000); got != n {
		t.Errorf("cold, in order and read ahead: missed %d of %d", got, n)
	}
	if got := missedBy(t, openSource(t, s, src), 0, n, 50_000); got != 0 {
		t.Errorf("warm: missed %d", got)
	}
	h, err := s.Open(block1(0))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if got := missedBy(t, h, 0, n, 50_000); got != 0 {
		t.Errorf("warm and whole: missed %d", got)
	}
}

func TestMissedOfRandomReads(t *testing.T) {
	const n = 8 * page
	s := open(t, oneDir(t.TempDir(), 100*page))
	src := source(block1(0), n)
	if got := missedBy(t, openSource(t, s, src), 3*page+10, 4096, 4096); got != 4096 {
		t.Errorf("a small read of a cold page: missed %d", got)
	}
	if got := missedBy(t, openSource(t, s, src), 3*page+8000, 4096, 4096); got != 0 {
		t.Errorf("another of the same page: missed %d", got)
	}
	if got := missedBy(t, openSource(t, s, src), 4*page-1000, 4096, 4096); got != 3096 {
		t.Errorf("one that ends in a cold page: missed %d", got)
	}
}

func TestMissedWithoutRoom(t *testing.T) {
	const n = 4 * page
	s := open(t, oneDir(t.TempDir(), page+page/2))
	src := source(block1(0), n)
	if got := missedBy(t, openSource(t, s, src), 0, n, 50_000); got != n {
		t.Errorf("what could not be kept: missed %d of %d", got, n)
	}
}
