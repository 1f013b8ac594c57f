package metered_test

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/fault"
	"github.com/alluxio-go/alluxio/ufs/layer"
	"github.com/alluxio-go/alluxio/ufs/mem"
	"github.com/alluxio-go/alluxio/ufs/metered"
	"github.com/alluxio-go/alluxio/ufs/object"
	"github.com/alluxio-go/alluxio/ufs/ufstest"
)

func store(uri string) ufs.UFS {
	return object.New(mem.NewStore(mem.StoreOptions{}), object.Options{URI: uri})
}

func TestConformance(t *testing.T) {
	reg := prometheus.NewRegistry()
	ufstest.Run(t, func(*testing.T) ufs.UFS {
		return metered.New(store("mem://x"), metered.Options{Registerer: reg, Slow: time.Nanosecond})
	}, ufstest.Many(1000))
}

func TestCounts(t *testing.T) {
	reg := prometheus.NewRegistry()
	a := metered.New(store("mem://a"), metered.Options{Registerer: reg})
	b := metered.New(fault.New(store("mem://b"), 1, fault.Rule{Op: layer.Stat, Kind: errors.Unavailable}), metered.Options{Registerer: reg})
	w, err := a.Create(t.Context(), "f", ufs.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := a.Open(t.Context(), "f", ufs.OpenOptions{Length: 300})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	r.Close()
	_, _ = a.Stat(t.Context(), "missing")
	_, _ = b.Stat(t.Context(), "x")
	for range a.List(t.Context(), "", ufs.ListOptions{}) {
	}
	want := map[string]float64{
		"alluxio_ufs_bytes_total read mem://a":              300,
		"alluxio_ufs_bytes_total written mem://a":           1000,
		"alluxio_ufs_errors_total not found stat mem://a":   1,
		"alluxio_ufs_errors_total unavailable stat mem://b": 1,
		"alluxio_ufs_hidden_entries mem://a":                0,
		"alluxio_ufs_request_seconds commit mem://a":        1,
		"alluxio_ufs_request_seconds create mem://a":        1,
		"alluxio_ufs_request_seconds list mem://a":          1,
		"alluxio_ufs_request_seconds open mem://a":          1,
		"alluxio_ufs_request_seconds stat mem://a":          1,
		"alluxio_ufs_request_seconds stat mem://b":          1,
		"alluxio_ufs_requests_total commit mem://a":         1,
		"alluxio_ufs_requests_total create mem://a":         1,
		"alluxio_ufs_requests_total list mem://a":           1,
		"alluxio_ufs_requests_total open mem://a":           1,
		"alluxio_ufs_requests_total stat mem://a":           1,
		"alluxio_ufs_requests_total stat mem://b":           1,
	}
	if got := gather(t, reg); !maps.Equal(got, want) {
		t.Errorf("measured %v,\nwant %v", got, want)
	}
}

// gather returns the values of all series, counts for histograms.
func gather(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			series := f.GetName()
			for _, l := range m.Label {
				series += " " + l.GetValue()
			}
			got[series] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return got
}

func TestSlowIsLogged(t *testing.T) {
	var out bytes.Buffer
	f := fault.New(store("mem://a"), 1, fault.Rule{Op: layer.Stat, Delay: 5 * time.Millisecond})
	u := metered.New(f, metered.Options{Logger: slog.New(slog.NewTextHandler(&out, nil)), Slow: 5 * time.Millisecond})
	_, _ = u.Stat(t.Context(), "some/path")
	if got := out.String(); !strings.Contains(got, "some/path") || !strings.Contains(got, "mem://a") {
		t.Errorf("logged %q", got)
	}
}
