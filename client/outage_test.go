package client

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// How long reading is tried depends on what may mend the error: another worker,
// time, or nothing.
func TestHowLongReadingIsTried(t *testing.T) {
	for name, c := range map[string]struct {
		err         error
		least, most time.Duration
		attempts    int // at least
	}{
		"outage":        {errors.Errorf(errors.Unavailable, "down"), 5 * time.Minute, 5*time.Minute + 3*time.Second, 100},
		"silence":       {errors.Errorf(errors.Timeout, "silent"), 5 * time.Minute, 5*time.Minute + 3*time.Second, 100},
		"no copy left":  {errors.E("", "", errors.Unavailable, noCopyError(7)), 30 * time.Second, 33 * time.Second, 10},
		"not there":     {errors.Errorf(errors.NotFound, "gone"), 0, time.Second, 3},
		"no permission": {errors.Errorf(errors.Permission, "no"), 0, time.Second, 3},
		"damaged":       {errors.Errorf(errors.Corrupt, "bad"), 0, time.Second, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			workers := &workerList{}
			workers.mu.workers = make([]WorkerInfo, 2)
			r := &Reader{info: &FileInfo{Path: "/f"}, conf: readConfig{retry: 5 * time.Minute}}
			r.pick = newPicker(&session{workers: workers}, r.info, nil)
			begin := time.Now()
			var o outage
			var err error
			for err == nil {
				err = o.another(t.Context(), r, c.err)
			}
			if d := time.Since(begin); d < c.least || d > c.most || o.attempts < c.attempts {
				t.Errorf("%s: given up after %v and %d attempts", name, d, o.attempts)
			}
			if errors.KindOf(err) != errors.KindOf(c.err) {
				t.Errorf("%s: reported as %v", name, err)
			}
		})
	}
}

func TestReadingIsNotTriedAfterCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		workers := &workerList{}
		r := &Reader{info: &FileInfo{Path: "/f"}, conf: readConfig{retry: time.Hour}}
		r.pick = newPicker(&session{workers: workers}, r.info, nil)
		o := outage{since: time.Now(), attempts: 5}
		time.AfterFunc(time.Second, cancel)
		err := o.another(ctx, r, errors.Errorf(errors.Unavailable, "down"))
		if !errors.Is(err, errors.Cancelled) {
			t.Errorf("got %v", err)
		}
	})
}
