// Package all is the product's list of under file systems.
package all

import (
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/local"
)

// Registry returns the built-in stores by URI scheme.
func Registry() ufs.Registry {
	return ufs.Registry{
		"file": local.Open,
	}
}
