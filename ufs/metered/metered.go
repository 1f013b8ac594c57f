// Package metered measures the operations of under file systems: how many, how
// long, how many bytes, and which errors, per root URI. Operations that take
// long are logged.
package metered

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"time"

	stderrors "errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/layer"
)

// Options say where measurements go.
type Options struct {
	Registerer prometheus.Registerer // nil: nowhere
	Logger     *slog.Logger          // nil: nothing is logged
	// Slow is the duration from which an operation is logged; 0: none is.
	Slow time.Duration
}

// New returns u, measured. UFSs with one Registerer share their metrics, told
// apart by the label "ufs", the root URI.
func New(u ufs.UFS, opts Options) ufs.UFS {
	m := &meter{
		u: u, opts: opts, uri: u.URI(),
		requests: shared(opts.Registerer, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alluxio_ufs_requests_total", Help: "Operations of under file systems that have ended.",
		}, []string{"ufs", "op"})),
		failures: shared(opts.Registerer, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alluxio_ufs_errors_total", Help: "Operations of under file systems that have failed, by kind of error.",
		}, []string{"ufs", "op", "kind"})),
		seconds: shared(opts.Registerer, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alluxio_ufs_request_seconds", Help: "Duration of the operations of under file systems.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10),
		}, []string{"ufs", "op"})),
		bytes: shared(opts.Registerer, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alluxio_ufs_bytes_total", Help: "Bytes read from and written to under file systems.",
		}, []string{"ufs", "direction"})),
		hidden: shared(opts.Registerer, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "alluxio_ufs_hidden_entries", Help: "Entries that listings of under file systems have left out because their names cannot be paths.",
		}, []string{"ufs"})),
	}
	if m.opts.Logger == nil {
		m.opts.Logger = slog.New(slog.DiscardHandler)
	}
	return layer.New(u, m)
}

// shared registers c, or returns the equal collector that is registered.
func shared[T prometheus.Collector](reg prometheus.Registerer, c T) T {
	if reg == nil {
		return c
	}
	var already prometheus.AlreadyRegisteredError
	if err := reg.Register(c); stderrors.As(err, &already) {
		return already.ExistingCollector.(T)
	} else if err != nil {
		panic("metered: metrics of other shapes have its names: " + err.Error()) // a bug
	}
	return c
}

type meter struct {
	layer.Pass
	u        ufs.UFS
	opts     Options
	uri      string
	requests *prometheus.CounterVec
	failures *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
	hidden   *prometheus.GaugeVec
}

// Do measures an operation.
func (m *meter) Do(ctx context.Context, c layer.Call, call func(context.Context) error) error {
	start := time.Now()
	err := call(ctx)
	m.ended(c, time.Since(start), err)
	return err
}

func (m *meter) ended(c layer.Call, took time.Duration, err error) {
	m.requests.WithLabelValues(m.uri, string(c.Op)).Inc()
	m.seconds.WithLabelValues(m.uri, string(c.Op)).Observe(took.Seconds())
	m.failed(c.Op, err)
	if m.opts.Slow > 0 && took >= m.opts.Slow {
		m.opts.Logger.Warn("An under file system was slow", "ufs", m.uri, "op", string(c.Op), "path", c.Path, "took", took, "err", err)
	}
}

func (m *meter) failed(op layer.Op, err error) {
	if err != nil {
		m.failures.WithLabelValues(m.uri, string(op), errors.KindOf(err).String()).Inc()
	}
}

// Entries measures the time that the store takes for a listing, not what its
// consumer does between the entries.
func (m *meter) Entries(_ context.Context, c layer.Call, list func(ufs.ListOptions) iter.Seq2[ufs.Info, error]) iter.Seq2[ufs.Info, error] {
	return func(yield func(ufs.Info, error) bool) {
		var took time.Duration
		var failed error
		start := time.Now()
		defer func() {
			m.ended(c, took, failed)
			if h, ok := ufs.As[ufs.Hider](m.u); ok {
				m.hidden.WithLabelValues(m.uri).Set(float64(h.Hidden()))
			}
		}()
		for info, err := range list(c.List) {
			took += time.Since(start)
			failed = err
			if !yield(info, err) {
				return
			}
			start = time.Now()
		}
		took += time.Since(start)
	}
}

// Reader counts the bytes read.
func (m *meter) Reader(_ context.Context, _ layer.Call, r io.ReadCloser) io.ReadCloser {
	return &reader{ReadCloser: r, m: m, bytes: m.bytes.WithLabelValues(m.uri, "read")}
}

type reader struct {
	io.ReadCloser
	m     *meter
	bytes prometheus.Counter
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.bytes.Add(float64(n))
	if err != io.EOF {
		r.m.failed(layer.Read, err)
	}
	return n, err
}

// Writer counts the bytes written.
func (m *meter) Writer(_ context.Context, _ layer.Call, w ufs.Writer) ufs.Writer {
	return &writer{Writer: w, m: m, bytes: m.bytes.WithLabelValues(m.uri, "written")}
}

type writer struct {
	ufs.Writer
	m     *meter
	bytes prometheus.Counter
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.bytes.Add(float64(n))
	w.m.failed(layer.Write, err)
	return n, err
}
