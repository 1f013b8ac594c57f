package journal_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
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

// BenchmarkRestart reports how long a journal of a million records without a
// checkpoint takes until it leads again.
func BenchmarkRestart(b *testing.B) {
	const records, callers = 1_000_000, 500
	dir := b.TempDir()
	if err := journal.Format(dir, journal.FormatOptions{}); err != nil {
		b.Fatal(err)
	}
	record := bytes.Repeat([]byte("r"), 200)
	run := func(work func(j *journal.Journal)) {
		ctx, cancel := context.WithCancel(b.Context())
		j, err := journal.Open(journal.Options{Dir: dir, StateMachine: &counter{}, CheckpointEntries: 1 << 40})
		if err != nil {
			b.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- j.Run(ctx) }()
		for j.Term() == nil {
			time.Sleep(time.Millisecond)
		}
		work(j)
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	run(func(j *journal.Journal) {
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for range records / callers {
					if _, _, err := j.Propose(b.Context(), record); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
	for b.Loop() {
		run(func(j *journal.Journal) {
			if n := j.Stats().AppliedIndex; n < records {
				b.Fatalf("leads after %d records", n)
			}
		})
	}
}
