package client_test

import (
	"io"
	"math/rand/v2"
	"testing"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/testcluster"
)

// BenchmarkRead reads a cached file of 256 MB: through its block files, over
// gRPC, and 4 KiB at random places either way.
func BenchmarkRead(b *testing.B) {
	cl := testcluster.Start(b, testcluster.Options{Properties: map[string]string{
		"alluxio.worker.ramdisk.size": "1GB", "alluxio.user.block.size.bytes.default": "64MB",
	}})
	const size = 256 << 20
	write(b, cl.Client(nil), "/f", pattern(1, size), client.CreateOptions{WriteType: client.MustCache})
	for way, props := range map[string]map[string]string{"direct": nil, "grpc": noShortCircuit} {
		r, err := cl.Client(props).Open(b.Context(), "/f", client.OpenOptions{})
		if err != nil {
			b.Fatal(err)
		}
		defer r.Close()
		b.Run(way+"/sequential", func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				r.Seek(0, io.SeekStart)
				if n, err := r.WriteTo(io.Discard); n != size || err != nil {
					b.Fatal(n, err)
				}
			}
		})
		b.Run(way+"/4KiB", func(b *testing.B) {
			p := make([]byte, 4096)
			for b.Loop() {
				if _, err := r.ReadAt(p, rand.Int64N(size-4096)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWrite writes files of 256 MB to the cache.
func BenchmarkWrite(b *testing.B) {
	cl := testcluster.Start(b, testcluster.Options{Properties: map[string]string{
		"alluxio.worker.ramdisk.size": "1GB", "alluxio.user.block.size.bytes.default": "64MB",
	}})
	const size = 256 << 20
	data := pattern(1, 1<<20)
	for way, props := range map[string]map[string]string{"direct": nil, "grpc": noShortCircuit} {
		c := cl.Client(props)
		b.Run(way, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				w, err := c.Create(b.Context(), "/f", client.CreateOptions{WriteType: client.MustCache})
				if err != nil {
					b.Fatal(err)
				}
				for range size / len(data) {
					if _, err := w.Write(data); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
				if err := c.Delete(b.Context(), "/f", client.DeleteOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStat asks for one file.
func BenchmarkStat(b *testing.B) {
	cl := testcluster.Start(b, testcluster.Options{})
	c := cl.Client(nil)
	write(b, c, "/f", []byte("x"), client.CreateOptions{WriteType: client.MustCache})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Stat(b.Context(), "/f", client.StatOptions{}); err != nil {
				b.Error(err)
			}
		}
	})
}
