package rpc

import (
	"context"
	stderrors "errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/versionpb"
)

// Defaults of Retry.
const (
	retryBase = 50 * time.Millisecond
	retryMax  = 3 * time.Second
)

// probeTimeout bounds one question to one address whether it is the primary.
const probeTimeout = 10 * time.Second

// Retry says how long and how often a call is repeated while nobody answers.
type Retry struct {
	// Base is the first pause, default 50 ms; pauses double up to Max, default
	// 3 s, and vary by up to a fifth.
	Base, Max time.Duration
	// Budget is the time from the first attempt after which no other begins. Zero
	// means a single attempt.
	Budget time.Duration
}

// pause returns the wait before the attempt after the given one (1, 2, …).
func (r Retry) pause(attempt int) time.Duration {
	d, limit := r.Base, r.Max
	if d <= 0 {
		d = retryBase
	}
	if limit <= 0 {
		limit = retryMax
	}
	for ; attempt > 1 && d < limit; attempt-- {
		d *= 2
	}
	d = min(d, limit)
	return d - time.Duration(rand.Float64()*float64(d)/5)
}

// MasterOptions configure a Master.
type MasterOptions struct {
	// Addrs are the RPC addresses of all masters, in order of preference.
	Addrs []string
	// Service is asked for to recognise the primary. Default
	// META_MASTER_CLIENT_SERVICE.
	Service versionpb.ServiceType
	// Retry applies to every Do.
	Retry Retry
}

// Master makes calls to whichever of several masters is the primary. It is safe
// for concurrent use and owns no goroutine between calls.
type Master struct {
	pool *Pool
	opts MasterOptions
	mu   struct {
		sync.Mutex
		primary string // empty when not known
	}
}

// Master returns the caller's view of a group of masters.
func (p *Pool) Master(opts MasterOptions) *Master {
	if opts.Service == versionpb.ServiceType_UNKNOWN_SERVICE {
		opts.Service = versionpb.ServiceType_META_MASTER_CLIENT_SERVICE
	}
	return &Master{pool: p, opts: opts}
}

// Addrs returns the addresses of all masters.
func (m *Master) Addrs() []string { return m.opts.Addrs }

// Primary returns the address of the primary, looking for it when it is not
// known. With a single address nobody is asked.
func (m *Master) Primary(ctx context.Context) (string, error) {
	switch len(m.opts.Addrs) {
	case 0:
		return "", errors.Errorf(errors.Invalid,
			"no master address is configured; set alluxio.master.hostname or alluxio.master.rpc.addresses")
	case 1:
		return m.opts.Addrs[0], nil
	}
	m.mu.Lock()
	known := m.mu.primary
	m.mu.Unlock()
	if known != "" {
		return known, nil
	}
	found, err := m.find(ctx)
	if err != nil {
		return "", err
	}
	m.mu.Lock()
	m.mu.primary = found
	m.mu.Unlock()
	return found, nil
}

// find asks all masters at once; the first to answer is the primary, since a
// standby refuses.
func (m *Master) find(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	type answer struct {
		addr string
		err  error
	}
	answers := make(chan answer, len(m.opts.Addrs))
	for _, addr := range m.opts.Addrs {
		go func() { answers <- answer{addr, m.Probe(ctx, addr)} }()
	}
	var refusals []string
	primary := ""
	for range m.opts.Addrs {
		a := <-answers
		switch {
		case a.err == nil && primary == "":
			primary = a.addr
			cancel() // the others need not answer any more
		case a.err != nil:
			refusals = append(refusals, fmt.Sprintf("%s: %v", a.addr, a.err))
		}
	}
	if primary != "" {
		return primary, nil
	}
	return "", errors.Errorf(errors.Unavailable, "Failed to determine primary master rpc address (%s)", strings.Join(refusals, "; "))
}

// Probe returns nil if the master at addr is the primary.
func (m *Master) Probe(ctx context.Context, addr string) error {
	resp, err := versionpb.NewServiceVersionClientServiceClient(m.pool.Conn(addr)).
		GetServiceVersion(ctx, &versionpb.GetServiceVersionPRequest{ServiceType: m.opts.Service.Enum()})
	if err != nil {
		return err
	}
	for _, s := range serviceVersions {
		if s.typ == m.opts.Service && s.version != resp.GetVersion() {
			return errors.Errorf(errors.FailedPrecondition, "%s client version %d is not compatible with server version %d",
				s.typ, s.version, resp.GetVersion())
		}
	}
	return nil
}

// forget drops addr as primary, so that the next call looks for it again.
func (m *Master) forget(addr string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.primary == addr {
		m.mu.primary = ""
	}
}

// Do makes a call to the primary, and repeats it within the retry budget while
// nobody answers. An unanswered call may have had its effect: what call does
// must be harmless to repeat, by its nature or because its request carries an
// operation id.
func (m *Master) Do(ctx context.Context, call func(ctx context.Context, primary grpc.ClientConnInterface) error) error {
	return m.DoWithin(ctx, m.opts.Retry, call)
}

// Once is Do without repetition.
func (m *Master) Once(ctx context.Context, call func(ctx context.Context, primary grpc.ClientConnInterface) error) error {
	return m.DoWithin(ctx, Retry{}, call)
}

// DoWithin is Do with another budget.
func (m *Master) DoWithin(ctx context.Context, r Retry, call func(ctx context.Context, primary grpc.ClientConnInterface) error) error {
	begin := time.Now()
	for attempt := 1; ; attempt++ {
		err := m.attempt(ctx, call)
		if err == nil || !retryable(ctx, err) {
			return err
		}
		wait := r.pause(attempt)
		if time.Since(begin)+wait > r.Budget {
			return exhausted(m.opts.Addrs, attempt, err)
		}
		if ctxErr := sleep(ctx, wait); ctxErr != nil {
			return errors.Errorf(errors.KindOf(ctxErr), "%w after %d attempts: %v", ctxErr, attempt, err)
		}
	}
}

// attempt makes the call once, forgetting a primary that does not answer.
func (m *Master) attempt(ctx context.Context, call func(context.Context, grpc.ClientConnInterface) error) error {
	primary, err := m.Primary(ctx)
	if err != nil {
		return err
	}
	err = call(ctx, m.pool.Conn(primary))
	if err != nil && retryable(ctx, err) {
		m.forget(primary)
	}
	return err
}

// retryable reports whether an error means that nobody answered. Cancelled only
// does when it was not the caller who gave up.
func retryable(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	switch errors.KindOf(err) {
	case errors.Unavailable:
		return true
	case errors.Cancelled:
		return !stderrors.Is(err, context.Canceled) && !stderrors.Is(err, errClosed)
	}
	return false
}

// exhausted is the error after the last attempt: that of a master that answered,
// for example about a store that does not, or that there is no master.
func exhausted(addrs []string, attempts int, err error) error {
	if attempts == 1 || answered(err) {
		return err
	}
	return errors.Errorf(errors.Unavailable, "Failed to connect to master (%s) after %d attempts. "+
		"Please check if Alluxio master is currently running on \"%s\". Last failure: %w",
		strings.Join(addrs, ", "), attempts, strings.Join(addrs, ", "), err)
}

// sleep waits, or returns why ctx ended first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
