package client_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/testcluster"
)

// wantClusterMetrics waits until the master shows the values.
func wantClusterMetrics(t *testing.T, c *testcluster.Cluster, cl *client.Client, want map[string]float64) {
	t.Helper()
	for name, v := range want {
		var got client.Metric
		c.Until(name, func() bool {
			all, err := cl.Metrics(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			got = all[name]
			if got.Number > v {
				t.Fatalf("%s is %v, want %v", name, got.Number, v)
			}
			return got.Number == v
		})
	}
}

// TestUsageIsReported: what a client reads and writes in place arrives at the
// master, now and then and when the client is closed, and nothing twice.
func TestUsageIsReported(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{Properties: map[string]string{"alluxio.user.metrics.heartbeat.interval": "50ms"}})
	content := bytes.Repeat([]byte("0123456789"), 300_000)
	if err := os.WriteFile(filepath.Join(c.Root(), "f"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	watching := c.Client(nil)
	size := float64(len(content))
	read := func(cl *client.Client) {
		t.Helper()
		r, err := cl.Open(t.Context(), "/f", client.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("read %d bytes, %v", len(got), err)
		}
	}
	read(c.Client(map[string]string{"alluxio.user.short.circuit.enabled": "false"}))
	c.Until("the file is cached", func() bool {
		info, err := watching.Stat(t.Context(), "/f", client.StatOptions{})
		return err == nil && info.InAlluxioPercentage == 100
	})
	wantClusterMetrics(t, c, watching, map[string]float64{"Cluster.BytesReadRemote": size, "Cluster.BytesReadLocal": 0, "Cluster.CacheHitRate": 0})
	cl := c.Client(nil)
	read(cl)
	wantClusterMetrics(t, c, watching, map[string]float64{"Cluster.BytesReadRemote": size, "Cluster.BytesReadLocal": size, "Cluster.CacheHitRate": 0.5})

	hurried := c.Client(map[string]string{"alluxio.user.metrics.heartbeat.interval": "1h"})
	read(hurried)
	if err := hurried.Close(); err != nil {
		t.Fatal(err)
	}
	wantClusterMetrics(t, c, watching, map[string]float64{"Cluster.BytesReadLocal": 2 * size})

	secret := c.Client(map[string]string{"alluxio.user.metrics.collection.enabled": "false"})
	read(secret)
	if err := secret.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := cl.Create(t.Context(), "/g", client.CreateOptions{WriteType: client.MustCache})
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	wantClusterMetrics(t, c, watching, map[string]float64{"Cluster.BytesWrittenLocal": size, "Cluster.BytesReadLocal": 2 * size, "Cluster.BytesWrittenRemote": 0})
}

// TestDomainSocketIsCounted: what goes over the unix socket is not counted with
// what goes over TCP.
func TestDomainSocketIsCounted(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{Properties: map[string]string{
		"alluxio.worker.data.server.domain.socket.address": filepath.Join(t.TempDir(), "worker.sock"),
	}})
	cl := c.Client(nil)
	content := bytes.Repeat([]byte("0123456789"), 200_000)
	size := float64(len(content))
	write(t, cl, "/f", content, client.CreateOptions{WriteType: client.CacheThrough})
	for range 2 {
		if got := read(t, cl, "/f", client.OpenOptions{}); !bytes.Equal(got, content) {
			t.Fatal("not what was written")
		}
	}
	wantClusterMetrics(t, c, cl, map[string]float64{"Cluster.BytesReadDomain": 2 * size, "Cluster.BytesReadRemote": 0, "Cluster.BytesReadLocal": 0,
		"Cluster.BytesReadMissed": 0, "Cluster.CacheHitRate": 1, "Cluster.BytesWrittenDomain": 2 * size, "Cluster.BytesWrittenUfsAll": size})
}
