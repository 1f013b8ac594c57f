package test

import (
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/test/world"
)

// Two workers on one machine share the load; one killed in the middle of a read
// does not fail it.
func TestTwoWorkers(t *testing.T) {
	w := world.New(t, "alluxio.user.block.size.bytes.default=4MB", "alluxio.master.worker.timeout=10sec")
	w.Start()
	second := w.StartWorker()
	w.Until(20*time.Second, "two workers", func() bool {
		return strings.Contains(w.OK("alluxio", "fsadmin", "report", "summary"), "Live Workers: 2")
	})

	local := w.Path("source")
	want := randomFile(t, local, 64<<20)
	w.FS("-Dalluxio.user.file.writetype.default=CACHE_THROUGH", "copyFromLocal", local, "/f")
	for _, home := range []string{w.Home, second} {
		if n := countBlocks(t, home+"/ramdisk"); n < 4 {
			t.Errorf("%s holds %d of 16 blocks: the load is not shared", home, n)
		}
	}

	// A slow reader: the pipe is drained only after the worker is dead.
	cmd := exec.Command(w.Path("bin", "alluxio"), "fs", "-Dalluxio.user.short.circuit.enabled=false", "cat", "/f")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	if _, err := io.CopyN(h, stdout, 6<<20); err != nil {
		t.Fatal(err)
	}
	w.Kill("worker")
	if _, err := io.Copy(h, stdout); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("cat: %v", err)
	}
	if [sha256.Size]byte(h.Sum(nil)) != want {
		t.Error("wrong bytes after the loss of a worker")
	}
	w.Until(40*time.Second, "the loss noticed", func() bool {
		return strings.Contains(w.OK("alluxio", "fsadmin", "report", "summary"), "Lost Workers: 1")
	})
}

func countBlocks(t *testing.T, dir string) int {
	t.Helper()
	out, err := exec.Command("find", dir, "-type", "f", "-size", "+1000k").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(out), "\n")
}
