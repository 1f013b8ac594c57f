package kodo

import (
	"testing"

	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
	"github.com/alluxio-go/alluxio/ufs/ufstest"
)

func TestContract(t *testing.T) {
	srv := serve(t)
	n := 0
	ufstest.Run(t, func(t *testing.T) ufs.UFS {
		n++
		return openBucket(t, srv, n)
	}, ufstest.Many(2500))
}

// openBucket opens a folder of a new, empty bucket.
func openBucket(t *testing.T, srv *kodotest.Instance, n int) ufs.UFS {
	t.Helper()
	name := "bucket-" + string(rune('a'+n/26)) + string(rune('a'+n%26))
	if err := srv.MakeBucket(kodotest.Bucket{Name: name, Private: true}); err != nil {
		t.Fatal(err)
	}
	props := classic(srv)
	props[keyDownloadHost] = name + ".kodo.test"
	u, err := Open(t.Context(), "kodo://"+name+"/top/", ufs.Options{Properties: props})
	if err != nil {
		t.Fatal(err)
	}
	return u
}
