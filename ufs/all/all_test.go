package all_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/all"
	"github.com/alluxio-go/alluxio/ufs/ufstest"
)

func TestSchemes(t *testing.T) {
	want := []string{"file", "kodo", "s3", "s3a"}
	if got := slices.Sorted(maps.Keys(all.Registry())); !slices.Equal(got, want) {
		t.Errorf("schemes %q, want %q", got, want)
	}
	_, err := all.Registry().Open(t.Context(), "hdfs://host/dir", ufs.Options{})
	if !errors.Is(err, errors.Invalid) || !strings.Contains(err.Error(), "hdfs") {
		t.Errorf("an unknown scheme: %v", err)
	}
}

// TestConformance runs the suite through the wrappers of the product, and
// checks that the capabilities of the store reach its callers and no others do.
func TestConformance(t *testing.T) {
	reg := prometheus.NewRegistry()
	open := func(t *testing.T) ufs.UFS {
		u, err := all.Registry().Open(t.Context(), t.TempDir(), ufs.Options{Registerer: reg})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	ufstest.Run(t, open, ufstest.Many(500))
	families, err := reg.Gather()
	if err != nil || len(families) == 0 {
		t.Errorf("measured %d families of metrics, %v", len(families), err)
	}

	u := open(t)
	defer u.Close()
	has := map[string]bool{}
	_, has["BatchDeleter"] = ufs.As[ufs.BatchDeleter](u)
	_, has["DirDeleter"] = ufs.As[ufs.DirDeleter](u)
	_, has["DirRenamer"] = ufs.As[ufs.DirRenamer](u)
	_, has["AttrSetter"] = ufs.As[ufs.AttrSetter](u)
	_, has["SpaceReporter"] = ufs.As[ufs.SpaceReporter](u)
	_, has["Hider"] = ufs.As[ufs.Hider](u)
	_, has["Sweeper"] = ufs.As[ufs.Sweeper](u)
	for capability, ok := range has {
		if !ok {
			t.Errorf("a local folder is no ufs.%s", capability)
		}
	}
	if _, ok := ufs.As[ufs.ObjectStore](u); ok {
		t.Error("a local folder is an ufs.ObjectStore")
	}
}

// TestS3IsRepeated opens a store that is throttled at first.
func TestS3IsRepeated(t *testing.T) {
	var requests atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The first request is that of Open; the next two are refused.
		if n := requests.Add(1); n == 2 || n == 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(`<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`))
	}))
	defer s.Close()
	u, err := all.Registry().Open(t.Context(), "s3://bucket/", ufs.Options{Properties: map[string]string{
		"s3a.accessKeyId": "a", "s3a.secretKey": "s", "alluxio.underfs.s3.endpoint": s.URL,
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if _, err := u.Stat(t.Context(), ""); err != nil || requests.Load() != 4 {
		t.Errorf("stat = %v after %d requests, want 4", err, requests.Load())
	}
	if _, ok := ufs.As[ufs.ObjectStore](u); !ok {
		t.Error("S3 is no ufs.ObjectStore")
	}
	if _, ok := ufs.As[ufs.AttrSetter](u); ok {
		t.Error("S3 is an ufs.AttrSetter")
	}
	for _, bad := range []map[string]string{{"alluxio.underfs.s3.threads.max": "0"}, {"alluxio.underfs.s3.max.error.retry": "x"}, {"alluxio.underfs.logging.threshold": "soon"}} {
		if _, err := all.Registry().Open(t.Context(), "s3a://bucket/", ufs.Options{Properties: bad}); !errors.Is(err, errors.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
