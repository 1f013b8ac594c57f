package worker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadsWaitForReceipts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceipts(nil, nil)
		begin := time.Now()
		if err := r.await(t.Context(), 1<<30, 100); err != nil || time.Since(begin) != 0 {
			t.Errorf("a client that sends no receipts was waited for: %v", err)
		}
		r.got.Store(1000)
		if err := r.await(t.Context(), 1099, 100); err != nil || time.Since(begin) != 0 {
			t.Errorf("waited although there is room: %v", err)
		}
		go func() {
			time.Sleep(100 * time.Millisecond)
			r.got.Store(1050)
			r.moved <- struct{}{}
			time.Sleep(100 * time.Millisecond)
			r.got.Store(1051)
			r.moved <- struct{}{}
		}()
		if err := r.await(t.Context(), 1150, 100); err != nil || time.Since(begin) != 200*time.Millisecond {
			t.Errorf("waited %v, %v", time.Since(begin), err)
		}
		begin = time.Now()
		if err := r.await(t.Context(), 1151, 100); err != nil || time.Since(begin) != receiptTimeout {
			t.Errorf("a lost receipt cost %v, %v", time.Since(begin), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if err := r.await(ctx, 1151, 100); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that left: %v", err)
		}
	})
}

// However many read, what they have on its way is bounded, and each gets on.
func TestReadsShareMemory(t *testing.T) {
	for _, n := range []int{1, 4, 32, 33, 128, 129, 1000, 2048} {
		w := &Worker{conf: conf(t, nil), readers: newSlots("reads", 2048)}
		for range n {
			if err := w.readers.acquire(); err != nil {
				t.Fatal(err)
			}
		}
		window, chunk := w.sendWindow(), w.fairChunk()
		if window < 1 || int64(n)*window > sendMemory || window > 4<<20 {
			t.Errorf("%d reads: a window of %d", n, window)
		}
		if got := int64(n) * chunk; got > sendMemory || n <= 32 && chunk != 1<<20 {
			t.Errorf("%d reads: chunks of %d", n, chunk)
		}
	}
}
