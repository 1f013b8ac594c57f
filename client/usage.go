package client

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/proto/metricpb"
)

// usage counts what a client moves past the workers, which they cannot see, and
// tells the master: some time after something was counted, and when the client
// is closed. While nothing is counted nothing runs.
type usage struct {
	master  *rpc.Master
	every   time.Duration // between reports; 0 for none
	log     *slog.Logger
	source  string // names this client
	read    counted
	written counted
	due     atomic.Bool // a report will come, or must not
	mu      struct {
		sync.Mutex
		timer  *time.Timer
		closed bool
	}
	reports sync.WaitGroup
}

// counted is a number of bytes, and how many of them the master knows.
type counted struct{ n, told atomic.Int64 }

// usageTimeout bounds a report. None is repeated: the next has its numbers.
const usageTimeout = time.Second

func newUsage(master *rpc.Master, conf *config.Config, log *slog.Logger) *usage {
	u := &usage{master: master, log: log, source: "app-" + strconv.FormatUint(rand.Uint64(), 36)}
	if conf.Bool(config.UserMetricsCollectionEnabled) {
		u.every = conf.Duration(config.UserMetricsHeartbeatInterval)
	}
	return u
}

// readLocal counts n bytes that were read in place.
func (u *usage) readLocal(n int) { u.add(&u.read, n) }

// wroteLocal counts n bytes that were written in place.
func (u *usage) wroteLocal(n int) { u.add(&u.written, n) }

func (u *usage) add(to *counted, n int) {
	to.n.Add(int64(n))
	if !u.due.Load() && u.due.CompareAndSwap(false, true) {
		u.reportLater()
	}
}

// reportLater starts the timer of the next report.
func (u *usage) reportLater() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.mu.closed || u.every == 0 {
		return
	}
	u.reports.Add(1)
	u.mu.timer = time.AfterFunc(u.every, func() {
		defer u.reports.Done()
		u.due.Store(false)
		u.report()
	})
}

// report tells the master what was counted since the last time.
func (u *usage) report() {
	ctx, cancel := context.WithTimeout(context.Background(), usageTimeout)
	defer cancel()
	var list []*grpcpb.Metric
	var told []func()
	for name, counter := range map[string]*counted{"BytesReadLocal": &u.read, "BytesWrittenLocal": &u.written} {
		n := counter.n.Load()
		grown := float64(n - counter.told.Load())
		if grown == 0 {
			continue
		}
		instance, name := "Client", name
		list = append(list, &grpcpb.Metric{Instance: &instance, Source: &u.source, Name: &name, Value: &grown, MetricType: grpcpb.MetricType_COUNTER.Enum()})
		told = append(told, func() { counter.told.Store(n) })
	}
	if len(list) == 0 {
		return
	}
	err := u.master.Do(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) error {
		_, err := metricpb.NewMetricsMasterClientServiceClient(cc).MetricsHeartbeat(ctx, &metricpb.MetricsHeartbeatPRequest{
			Options: &metricpb.MetricsHeartbeatPOptions{ClientMetrics: []*metricpb.ClientMetrics{{Source: &u.source, Metrics: list}}}})
		return err
	})
	if err != nil {
		u.log.Debug("the master was not told what this client read in place", "err", err)
		return
	}
	for _, f := range told {
		f()
	}
}

// close reports what is left, if a report was due.
func (u *usage) close() {
	u.mu.Lock()
	u.mu.closed = true
	pending := u.mu.timer != nil && u.mu.timer.Stop()
	u.mu.Unlock()
	if pending {
		u.report()
		u.reports.Done()
	}
	u.reports.Wait()
}
