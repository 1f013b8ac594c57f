package client_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/testcluster"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/all"
)

// countedUFS is a local store that counts the bytes read of its files.
type countedUFS struct {
	ufs.UFS
	bytes *atomic.Int64
}

func (u countedUFS) Unwrap() ufs.UFS { return u.UFS }

func (u countedUFS) Open(ctx context.Context, path string, o ufs.OpenOptions) (io.ReadCloser, error) {
	r, err := u.UFS.Open(ctx, path, o)
	if err != nil {
		return nil, err
	}
	return countedReader{r, u.bytes}, nil
}

type countedReader struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (r countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.bytes.Add(int64(n))
	return n, err
}

// coldCluster is a cluster over a store with files of a few blocks of 16 MiB, and
// counts what is fetched.
func coldCluster(t *testing.T, workers int, properties map[string]string) (c *testcluster.Cluster, fetched *atomic.Int64) {
	fetched = new(atomic.Int64)
	registry := all.Registry()
	open := registry["file"]
	registry["file"] = func(ctx context.Context, uri string, o ufs.Options) (ufs.UFS, error) {
		u, err := open(ctx, uri, o)
		return countedUFS{u, fetched}, err
	}
	return testcluster.Start(t, testcluster.Options{Workers: workers, UFS: registry, Properties: map[string]string{
		"alluxio.user.block.size.bytes.default": "16MB", "alluxio.worker.ramdisk.size": "512MB",
	}}), fetched
}

// putBelow writes a file that the cluster has not seen.
func putBelow(t *testing.T, c *testcluster.Cluster, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.Root(), name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestColdFileIsFetchedOnce: read to its end a file costs each byte once and is
// cached then, whether blocks are sent or read in place, however it is read.
func TestColdFileIsFetchedOnce(t *testing.T) {
	c, fetched := coldCluster(t, 1, nil)
	data := pattern(1, 50<<20)
	for name, how := range map[string]struct {
		properties map[string]string
		read       func(r *client.Reader) ([]byte, error)
	}{
		"in-place": {nil, func(r *client.Reader) ([]byte, error) {
			var b bytes.Buffer
			_, err := io.Copy(&b, r)
			return b.Bytes(), err
		}},
		"sent": {map[string]string{"alluxio.user.short.circuit.enabled": "false"}, func(r *client.Reader) ([]byte, error) {
			var b bytes.Buffer
			_, err := io.Copy(&b, r)
			return b.Bytes(), err
		}},
		"small-steps": {nil, func(r *client.Reader) ([]byte, error) {
			b := make([]byte, 0, len(data))
			for step := make([]byte, 20<<10); ; {
				n, err := r.Read(step)
				b = append(b, step[:n]...)
				if err == io.EOF {
					return b, nil
				}
				if err != nil {
					return b, err
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cl := c.Client(how.properties)
			putBelow(t, c, name, data)
			fetched.Store(0)
			r, err := cl.Open(t.Context(), "/"+name, client.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := how.read(r)
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if n := fetched.Load(); n != int64(len(data)) {
				t.Errorf("%d bytes were fetched of %d", n, len(data))
			}
			if p := percentage(t, cl, "/"+name); p != 100 {
				t.Errorf("%d %% cached when the file was read and closed", p)
			}
		})
	}
}

// TestColdRandomReadsFetchPages: a small read fetches the page it is in, through
// every way of reading at a place, and nothing is fetched later on its account.
func TestColdRandomReadsFetchPages(t *testing.T) {
	const page = 1 << 20
	c, fetched := coldCluster(t, 1, nil)
	cl := c.Client(nil)
	data := pattern(2, 60<<20)
	places := rand.New(rand.NewPCG(1, 2)).Perm(59) // pages, none twice
	places = places[:20]
	down := make([]int, 15)
	for i := range down {
		down[i] = 3 * (15 - i)
	}
	for name, how := range map[string]struct {
		pages []int
		read  func(r *client.Reader, p []byte, off int64) error
	}{
		"ReadAt": {places, func(r *client.Reader, p []byte, off int64) error {
			_, err := r.ReadAt(p, off)
			return err
		}},
		"Seek": {places, seekAndRead},
		"down": {down, seekAndRead},
	} {
		t.Run(name, func(t *testing.T) {
			putBelow(t, c, name, data)
			fetched.Store(0)
			r, err := cl.Open(t.Context(), "/"+name, client.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for _, page1 := range how.pages {
				off := int64(page1)*page + 777_777
				p := make([]byte, 4096)
				if err := how.read(r, p, off); err != nil || !bytes.Equal(p, data[off:off+4096]) {
					t.Fatalf("at %d: wrong bytes or %v", off, err)
				}
			}
			if n, most := fetched.Load(), int64(len(how.pages))*page; n > most {
				t.Errorf("%d reads of 4 KiB fetched %d pages", len(how.pages), n/page)
			}
		})
	}
	fetched.Store(0)
	if p := percentage(t, cl, "/ReadAt"); p != 0 {
		t.Errorf("%d %% of the file are cached for the sake of 20 pages", p)
	}
	if n := fetched.Load(); n != 0 {
		t.Errorf("%d bytes were fetched that nobody read", n)
	}
}

func seekAndRead(r *client.Reader, p []byte, off int64) error {
	if _, err := r.Seek(off, io.SeekStart); err != nil {
		return err
	}
	_, err := io.ReadFull(r, p)
	return err
}

// TestManyReadersOfAColdFile: readers that start at different places cost each byte
// once, some who give up no more than the requests that they leave.
func TestManyReadersOfAColdFile(t *testing.T) {
	c, fetched := coldCluster(t, 1, nil)
	cl := c.Client(nil)
	data := pattern(3, 40<<20)
	putBelow(t, c, "f", data)
	if _, err := cl.Stat(t.Context(), "/f", client.StatOptions{}); err != nil {
		t.Fatal(err)
	}
	fetched.Store(0)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, err := cl.Open(ctx, "/f", client.OpenOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if i%8 == 3 { // leaves in the middle
				_, _ = io.CopyN(io.Discard, r, 3<<20)
				return
			}
			off := int64(i%4) * 9_999_999
			if _, err := r.Seek(off, io.SeekStart); err != nil {
				t.Error(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, data[off:]) {
				t.Errorf("reader %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	wg.Wait()
	const left = 4 * 4 << 20
	if n := fetched.Load(); n < int64(len(data)) || n > int64(len(data))+left {
		t.Errorf("%d bytes were fetched of %d", n, len(data))
	}
}

// damagingWriter damages a block file when the first bytes have been read, after the
// worker has filled it.
type damagingWriter struct {
	bytes.Buffer
	damage func()
}

func (d *damagingWriter) Write(p []byte) (int, error) {
	if d.damage != nil {
		d.damage()
		d.damage = nil
	}
	return d.Buffer.Write(p)
}

// TestDamageWhileReadInPlace: a cold file is read in place as it comes; what is damaged
// between the moment that the reader is told of it and that he reads it is noticed and
// fetched again.
func TestDamageWhileReadInPlace(t *testing.T) {
	c, fetched := coldCluster(t, 1, nil)
	cl := c.Client(nil)
	data := pattern(4, 40<<20)
	for name, damage := range map[string]func(path string) error{
		"flip": func(path string) error {
			return edit(path, func(b []byte) []byte { b[9<<20] ^= 1; return b })
		},
		"flip-in-place": func(path string) error {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte{data[9<<20] ^ 1}, 9<<20)
			return err
		},
		"truncate": func(path string) error { return os.Truncate(path, 9<<20+5) },
		"delete":   os.Remove,
	} {
		putBelow(t, c, name, data)
		r, err := cl.Open(t.Context(), "/"+name, client.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		fetched.Store(0)
		file := filepath.Join(c.WorkerDir(0), "alluxioworker", strconv.FormatInt(r.Info().Blocks[0].ID, 10))
		got := damagingWriter{damage: func() {
			c.Until("the block is whole", func() bool { return fetched.Load() >= 16<<20 && settledFile(file) })
			if err := damage(file); err != nil {
				t.Error(name, err)
			}
		}}
		if _, err := io.Copy(&got, r); err != nil || !bytes.Equal(got.Bytes(), data) {
			t.Errorf("%s: %d bytes, wrong from %d on, %v", name, got.Len(), firstDifference(got.Bytes(), data), err)
		}
		if err := r.Close(); err != nil {
			t.Error(name, err)
		}
	}
	if n := metric(t, c.WorkerMetrics(0), "Worker_BytesReadInPlace"); n < 16<<20 {
		t.Errorf("%v bytes were read in place", n)
	}
}

// settledFile reports whether a block file is in its place and is not being written.
func settledFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && time.Since(info.ModTime()) > 100*time.Millisecond
}
