package client_test

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/testcluster"
)

// pageCache are the properties of a client with a page cache in a folder of the
// test.
func pageCache(t testing.TB, more map[string]string) map[string]string {
	props := map[string]string{
		"alluxio.user.client.cache.enabled":   "true",
		"alluxio.user.client.cache.dirs":      t.TempDir(),
		"alluxio.user.client.cache.size":      "64MB",
		"alluxio.user.client.cache.page.size": "300KB", // blocks end in the middle of pages
	}
	maps.Copy(props, more)
	return props
}

// Through the page cache, files are what they are without it; and what has been
// read once is there without any worker, also for the next client.
func TestPageCache(t *testing.T) {
	for name, more := range map[string]map[string]string{
		"local":  nil,
		"grpc":   noShortCircuit,
		"async":  {"alluxio.user.client.cache.async.write.enabled": "true"},
		"lfu":    {"alluxio.user.client.cache.evictor.class": "alluxio.client.file.cache.evictor.LFUCacheEvictor"},
		"memory": {"alluxio.user.client.cache.store.type": "MEM"},
	} {
		t.Run(name, func(t *testing.T) {
			cl := testcluster.Start(t, testcluster.Options{})
			const size = 5<<20 + 333
			files := map[string][]byte{"/warm": pattern(3, size), "/cold": pattern(4, size), "/empty": nil, "/small": pattern(5, 10)}
			if err := os.WriteFile(filepath.Join(cl.Root(), "cold"), files["/cold"], 0o644); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"/warm", "/empty", "/small"} {
				write(t, cl.Client(nil), path, files[path], client.CreateOptions{WriteType: client.MustCache})
			}
			props := pageCache(t, more)
			first := cl.Client(props)
			for _, path := range []string{"/warm", "/cold"} {
				r, err := first.Open(t.Context(), path, client.OpenOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if err := fstestReader(r, files[path]); err != nil {
					t.Error(err)
				}
				tryWriteTo(t, r, files[path])
				r.Close()
				if _, err := r.Read(make([]byte, 1)); err == nil {
					t.Error("a closed Reader reads")
				}
			}
			again := cl.Client(props)
			if name != "memory" {
				first.Close() // the next one finds it on the disk
			}
			for path, data := range files {
				if got := read(t, again, path, client.OpenOptions{}); !bytes.Equal(got, data) {
					t.Errorf("%s: %d bytes, not what was written", path, len(got))
				}
			}
			if name == "async" { // the last pages may be on their way
				again.Close()
				again = cl.Client(props)
			}
			cl.StopWorker(0)
			for path, data := range files {
				if got := read(t, again, path, client.OpenOptions{}); !bytes.Equal(got, data) {
					t.Errorf("%s: %d bytes without a worker", path, len(got))
				}
			}
		})
	}
}

// A file that is written anew under its name, or changed in the store, is never
// served from the pages of before.
func TestPageCacheOfChangedFiles(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	c := cl.Client(pageCache(t, nil))
	const size = 1<<20 + 7
	for i := range 5 {
		data := pattern(uint64(i), size)
		if i > 0 {
			if err := c.Delete(t.Context(), "/f", client.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		write(t, c, "/f", data, client.CreateOptions{WriteType: client.MustCache})
		for range 2 {
			if got := read(t, c, "/f", client.OpenOptions{}); !bytes.Equal(got, data) {
				t.Fatalf("version %d: not what was written", i)
			}
		}
		if err := c.Rename(t.Context(), "/f", "/g", client.RenameOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := read(t, c, "/g", client.OpenOptions{}); !bytes.Equal(got, data) {
			t.Fatalf("version %d: not what was written, under another name", i)
		}
		if err := c.Rename(t.Context(), "/g", "/f", client.RenameOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	stored := filepath.Join(cl.Root(), "found")
	for i := range 5 {
		data := pattern(uint64(10+i), size)
		if err := os.WriteFile(stored, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(stored, time.Time{}, time.UnixMilli(int64(1000*i))); err != nil {
			t.Fatal(err)
		}
		if got := read(t, c, "/found", client.OpenOptions{Sync: new(time.Duration(0))}); !bytes.Equal(got, data) {
			t.Fatalf("version %d: not what is in the store", i)
		}
	}
}

// Many readers of one file, concurrently and in every way, ask the workers for
// each byte once.
func TestPageCacheConcurrently(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	data := pattern(6, 4<<20+5)
	write(t, cl.Client(nil), "/f", data, client.CreateOptions{WriteType: client.MustCache})
	reg := prometheus.NewRegistry()
	c, err := client.New(cl.Config(config.Client, pageCache(t, nil)), client.Options{Metrics: reg})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			r, err := c.Open(t.Context(), "/f", client.OpenOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			var got []byte
			if i%2 == 0 {
				got, err = io.ReadAll(r)
			} else {
				got, err = io.ReadAll(io.NewSectionReader(r, 0, int64(len(data))))
			}
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
	if n := metric(t, reg, "Client_CacheBytesReadExternal"); n != float64(len(data)) {
		t.Errorf("%v bytes fetched of %d", n, len(data))
	}
	if n := metric(t, reg, "Client_CacheBytesReadCache") + metric(t, reg, "Client_CacheBytesRequestedExternal"); n != float64(24*len(data)) {
		t.Errorf("%v bytes read", n)
	}
}

func metric(t *testing.T, g prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// Wrong properties are refused with the name of what is wrong; a folder that
// cannot be used is no obstacle.
func TestPageCacheProperties(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Options{})
	data := pattern(7, 100_000)
	write(t, cl.Client(nil), "/f", data, client.CreateOptions{WriteType: client.MustCache})
	for name, value := range map[string]string{
		"alluxio.user.client.cache.dirs":           "relative",
		"alluxio.user.client.cache.size":           "1MB,2MB,3MB",
		"alluxio.user.client.cache.page.size":      "1GB",
		"alluxio.user.client.cache.store.overhead": "-1",
	} {
		c := cl.Client(pageCache(t, map[string]string{name: value}))
		if _, err := c.Open(t.Context(), "/f", client.OpenOptions{}); !errors.Is(err, errors.Invalid) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "x"), "/proc/nothing"} {
		c := cl.Client(pageCache(t, map[string]string{"alluxio.user.client.cache.dirs": dir}))
		for range 2 {
			if got := read(t, c, "/f", client.OpenOptions{}); !bytes.Equal(got, data) {
				t.Errorf("%s: not what was written", dir)
			}
		}
	}
	// Servers have no page cache.
	dir := t.TempDir()
	server, err := client.New(cl.Config(config.Master, pageCache(t, map[string]string{"alluxio.user.client.cache.dirs": dir})), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	read(t, server, "/f", client.OpenOptions{})
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("a server has filled %d entries, %v", len(entries), err)
	}
}
