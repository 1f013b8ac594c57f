package mem_test

import (
	"testing"

	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/mem"
	"github.com/alluxio-go/alluxio/ufs/ufstest"
)

func TestConformance(t *testing.T) {
	ufstest.Run(t, func(*testing.T) ufs.UFS { return mem.New("mem://x") }, ufstest.Many(2000))
}
