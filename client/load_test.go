package client_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/testcluster"
)

func listed(t *testing.T, cl *client.Client, path string) []*client.FileInfo {
	t.Helper()
	var files []*client.FileInfo
	for f, err := range cl.List(t.Context(), path, client.ListOptions{Recursive: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if !f.Folder {
			files = append(files, f)
		}
	}
	return files
}

// Many files, of no block, one and several, over two workers; a file that is gone
// is reported and holds up nobody.
func TestLoadFiles(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{Workers: 2})
	cl := c.Client(map[string]string{"alluxio.user.ufs.block.read.location.policy": "alluxio.client.block.policy.RoundRobinPolicy"})
	total := int64(0)
	for i := range 40 {
		n := []int{0, 1000, 1 << 20, 3<<20 + 77}[i%4]
		if err := os.WriteFile(filepath.Join(c.Root(), fmt.Sprintf("f%02d", i)), bytes.Repeat([]byte{byte(i)}, n), 0o644); err != nil {
			t.Fatal(err)
		}
		total += int64(n)
	}
	files := listed(t, cl, "/")
	if err := os.Remove(filepath.Join(c.Root(), "f05")); err != nil {
		t.Fatal(err)
	}
	var progress atomic.Int64
	done := map[string]error{}
	opts := client.LoadOptions{Parallel: 5, Progress: func(n int64) { progress.Add(n) }}
	cl.LoadFiles(t.Context(), files, opts, func(f *client.FileInfo, err error) { done[f.Path] = err })
	if len(done) != 40 || progress.Load() != total-1000 {
		t.Errorf("%d files are reported, %d bytes of %d", len(done), progress.Load(), total)
	}
	for path, err := range done {
		if failed := err != nil; failed != (path == "/f05") {
			t.Errorf("%s: %v", path, err)
		}
	}
	workers := map[int64]int{}
	for _, f := range listed(t, cl, "/") {
		if f.Path != "/f05" && f.InAlluxioPercentage != 100 {
			t.Errorf("%s is cached to %d%%", f.Path, f.InAlluxioPercentage)
		}
		for _, b := range f.Blocks {
			for _, l := range b.Locations {
				workers[l.WorkerID]++
			}
		}
	}
	if len(workers) != 2 {
		t.Errorf("copies by worker: %v", workers)
	}
}

// What is not finished when the caller gives up is not reported, and nothing
// runs on.
func TestLoadFilesCancelled(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{})
	cl := c.Client(nil)
	for i := range 100 {
		if err := os.WriteFile(filepath.Join(c.Root(), fmt.Sprintf("f%02d", i)), make([]byte, 100<<10), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files := listed(t, cl, "/")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reported := 0
	cl.LoadFiles(ctx, files, client.LoadOptions{Parallel: 2}, func(f *client.FileInfo, err error) {
		if err != nil {
			t.Errorf("%s: %v", f.Path, err)
		}
		if reported++; reported == 10 {
			cancel()
		}
	})
	if reported < 10 || reported > 20 {
		t.Errorf("%d files were reported", reported)
	}
	if err := cl.Load(ctx, "/f99", client.LoadOptions{}); !errors.Is(err, errors.Cancelled) {
		t.Errorf("load without a context: %v", err)
	}
}
