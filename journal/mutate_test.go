package journal

import (
	"bytes"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// mutate changes a few bytes of b from offset on, gently or wildly.
func mutate(rnd *rand.Rand, b []byte, offset int) []byte {
	m := bytes.Clone(b)
	for range 1 + rnd.IntN(4) {
		at := offset + rnd.IntN(len(m)-offset)
		switch rnd.IntN(4) {
		case 0:
			m[at] ^= 1 << rnd.IntN(8)
		case 1:
			m[at] = byte(rnd.Uint32())
		case 2: // whole words, as page numbers and sizes are
			for i := at &^ 3; i < min(len(m), at&^3+4); i++ {
				m[i] = []byte{0, 0xff, byte(rnd.Uint32())}[rnd.IntN(3)]
			}
		case 3: // a piece from elsewhere
			from := rnd.IntN(len(m))
			copy(m[at:min(len(m), at+rnd.IntN(200))], m[from:])
		}
	}
	return m
}

func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 2))
}

// TestMutatedLog reads thousands of damaged logs: each is refused as damaged or
// has exactly its entries; reading always ends.
func TestMutatedLog(t *testing.T) {
	s := testStore(t)
	if err := s.bootstrap(raft.Configuration{}); err != nil {
		t.Fatal(err)
	}
	for from := uint64(2); from < 1000; from += 100 {
		if err := s.StoreLogs(logs(from, from+99, 1)); err != nil {
			t.Fatal(err)
		}
	}
	s.close()
	b, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	b = b[:min(len(b), 60*pageSize)] // the rest is not in use
	read := func(b []byte) (uint64, error) {
		h := fnv.New64a()
		_, err := readLog(bytes.NewReader(b), int64(len(b)), func(l *raft.Log) error {
			h.Write(key(l.Index))
			h.Write(l.Data)
			return nil
		})
		return h.Sum64(), err
	}
	want, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	rnd := seeded(t)
	refused := 0
	for range 4000 {
		got, err := read(mutate(rnd, b, 2*pageSize))
		switch {
		case err == nil && got != want:
			t.Fatal("a damaged log was read with other entries")
		case err != nil && !errors.Is(err, errors.Corrupt):
			t.Fatalf("%v is of kind %v", err, errors.KindOf(err))
		case err != nil:
			refused++
		}
	}
	if t.Logf("%d of 4000 refused", refused); refused < 500 {
		t.Errorf("only %d of 4000 damaged logs were refused", refused)
	}
}

// TestMutatedCheckpoint is the same for checkpoints, of which every byte counts.
func TestMutatedCheckpoint(t *testing.T) {
	s := &checkpointStore{dir: t.TempDir(), metrics: newMetrics(nil, nil)}
	sink, err := s.Create(1, 7, 3, raft.Configuration{Servers: []raft.Server{{ID: standalone, Address: standalone}}}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("state "), 100)
	if _, err := sink.Write(want); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, sink.ID())
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rnd := seeded(t)
	refused := 0
	for range 500 {
		m := mutate(rnd, b, 0)
		if err := os.WriteFile(path, m, 0o600); err != nil {
			t.Fatal(err)
		}
		var got []byte
		_, r, err := s.Open(sink.ID())
		if err == nil {
			got, err = io.ReadAll(r)
			r.Close()
		}
		switch {
		case err == nil && !bytes.Equal(m, b):
			t.Fatalf("a damaged checkpoint was read: %q", got)
		case err != nil && !errors.Is(err, errors.Corrupt):
			t.Fatalf("%v is of kind %v", err, errors.KindOf(err))
		case err != nil:
			refused++
		}
	}
	if refused < 400 {
		t.Errorf("only %d of 500 damaged checkpoints were refused", refused)
	}
}
