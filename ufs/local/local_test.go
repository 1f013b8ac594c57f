package local

import (
	"testing"

	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/ufstest"
)

func open(t *testing.T) ufs.UFS {
	t.Helper()
	u, err := Open(t.Context(), t.TempDir(), ufs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestConformance(t *testing.T) { ufstest.Run(t, open) }
