package journal_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"sync"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
)

// list is a StateMachine: the records it was given, with a running hash over
// all of them so that order, loss and duplication show.
type list struct {
	mu struct {
		sync.Mutex
		records  []string
		restored int
		fail     error // of Restore
	}
	released int
}

// at is the result of Apply: the place of the record in the list.
type at int

func (l *list) Apply(record []byte) any {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.records = append(l.mu.records, string(record))
	return at(len(l.mu.records))
}

func (l *list) Snapshot() (journal.Snapshot, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &listSnapshot{of: l, records: l.mu.records[:len(l.mu.records):len(l.mu.records)]}, nil
}

func (l *list) Restore(r io.Reader) error {
	all, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.fail != nil {
		return l.mu.fail
	}
	l.mu.records = nil
	for len(all) > 0 {
		n, used := binary.Uvarint(all)
		if used <= 0 || uint64(len(all)-used) < n {
			return errors.Errorf(errors.Corrupt, "the list is cut off")
		}
		l.mu.records = append(l.mu.records, string(all[used:used+int(n)]))
		all = all[used+int(n):]
	}
	l.mu.restored++
	return nil
}

func (l *list) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.mu.records...)
}

func (l *list) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.mu.records)
}

func (l *list) hash() string {
	h := fnv.New64a()
	for _, r := range l.all() {
		fmt.Fprintf(h, "%d:%s,", len(r), r)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

type listSnapshot struct {
	of      *list
	records []string
}

func (s *listSnapshot) Write(w io.Writer) error {
	var b bytes.Buffer
	for _, r := range s.records {
		b.Reset()
		b.Write(binary.AppendUvarint(nil, uint64(len(r))))
		b.WriteString(r)
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (s *listSnapshot) Release() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.released++
}
