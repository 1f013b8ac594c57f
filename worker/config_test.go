package worker

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store"
)

// TestMoverOptions: what is set for moves between tiers reaches the store, and Alluxio's
// defaults do.
func TestMoverOptions(t *testing.T) {
	const management, review = "alluxio.worker.management.", "alluxio.worker.reviewer."
	defaults := store.MoverOptions{Reserve: 1 << 30, PromoteQuota: 0.9, AlignRange: 100, PromoteRange: 100, Backoff: store.BackoffAny,
		CoolDown: 10 * time.Second, Tasks: max(4, runtime.NumCPU()), Transfers: max(2, runtime.NumCPU()/2)}
	for _, c := range []struct {
		name, value string
		change      func(o *store.MoverOptions)
	}{
		{"tier.align.enabled", "true", func(*store.MoverOptions) {}},
		{"tier.align.enabled", "false", func(o *store.MoverOptions) { o.NoAlign = true }},
		{"tier.align.range", "7", func(o *store.MoverOptions) { o.AlignRange = 7 }},
		{"tier.align.reserved.bytes", "2MB", func(o *store.MoverOptions) { o.Reserve = 2 << 20 }},
		{"tier.promote.enabled", "false", func(o *store.MoverOptions) { o.NoPromote = true }},
		{"tier.promote.range", "8", func(o *store.MoverOptions) { o.PromoteRange = 8 }},
		{"tier.promote.quota.percent", "50", func(o *store.MoverOptions) { o.PromoteQuota = 0.5 }},
		{"tier.promote.quota.percent", "0", func(o *store.MoverOptions) { o.NoPromote, o.PromoteQuota = true, 0 }},
		{"tier.swap.restore.enabled", "false", func(o *store.MoverOptions) { o.NoRestore = true }},
		{"task.thread.count", "1", func(o *store.MoverOptions) { o.Tasks = 1 }},
		{"block.transfer.concurrency.limit", "9", func(o *store.MoverOptions) { o.Transfers = 9 }},
		{"backoff.strategy", "DIRECTORY", func(o *store.MoverOptions) { o.Backoff = store.BackoffDirectory }},
		{"load.detection.cool.down.time", "3s", func(o *store.MoverOptions) { o.CoolDown = 3 * time.Second }},
		{"load.detection.cool.down.time", "0s", func(o *store.MoverOptions) { o.CoolDown = 1 }},
	} {
		want := defaults
		c.change(&want)
		if got := moverOptions(conf(t, map[string]string{management + c.name: c.value})); got != want {
			t.Errorf("%s=%s: %+v, want %+v", c.name, c.value, got, want)
		}
	}
	for _, c := range []struct {
		values     map[string]string
		soft, hard int64
	}{
		{nil, 256 << 20, 64 << 20},
		{map[string]string{review + "probabilistic.softlimit.bytes": "10MB", review + "probabilistic.hardlimit.bytes": "5MB"}, 10 << 20, 5 << 20},
		{map[string]string{review + "class": "alluxio.worker.block.reviewer.AcceptingReviewer"}, 0, 0},
	} {
		if o, err := storeOptions(conf(t, c.values), nil, nil, nil); err != nil || o.SoftLimit != c.soft || o.HardLimit != c.hard {
			t.Errorf("%v: limits %d and %d, %v", c.values, o.SoftLimit, o.HardLimit, err)
		}
	}
	_, err := storeOptions(conf(t, map[string]string{review + "probabilistic.hardlimit.bytes": "1GB"}), nil, nil, nil)
	if !errors.Is(err, errors.Invalid) || !strings.Contains(err.Error(), review+"probabilistic.hardlimit.bytes=1073741824") {
		t.Errorf("limits the wrong way round: %v", err)
	}
}
