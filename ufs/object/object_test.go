package object_test

import (
	"testing"

	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/mem"
	"github.com/alluxio-go/alluxio/ufs/object"
	"github.com/alluxio-go/alluxio/ufs/ufstest"
)

func TestConformance(t *testing.T) {
	ufstest.Run(t, func(*testing.T) ufs.UFS {
		return object.New(mem.NewStore(mem.StoreOptions{}), object.Options{URI: "mem://store/", Prefix: "pre/fix/"})
	})
}
