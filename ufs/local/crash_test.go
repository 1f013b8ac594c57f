package local

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/ufs"
)

// crashDir, when set, makes the test binary a writer that is going to be
// killed.
const crashDir = "LOCAL_UFS_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// writeUntilKilled replaces a few files again and again with content that tells
// its own length, and prints each path when its commit is acknowledged.
func writeUntilKilled(dir string) {
	u, err := Open(context.Background(), dir, ufs.Options{})
	for i := 0; err == nil; i++ {
		path := fmt.Sprintf("d%d/f%d", i%3, i%7)
		err = replace(u, path, content(i))
		fmt.Println(path, i)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func content(i int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%07d\n", i), 1000*(1+i%20))
}

func replace(u ufs.UFS, path string, data []byte) error {
	ctx := context.Background()
	w, err := u.Create(ctx, path, ufs.CreateOptions{})
	if err != nil {
		return err
	}
	for len(data) > 0 {
		n, err := w.Write(data[:min(len(data), 10_000)])
		if err != nil {
			return err
		}
		data = data[n:]
	}
	_, err = w.Commit(ctx)
	return err
}

// TestKilledWriter kills writers at arbitrary moments: every file is then one
// whole version, and no older than the last one acknowledged.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	u := openAt(t, dir)
	defer u.Close()
	left := 0
	// Whether a kill comes in the middle of a file is chance: some runs more if none did.
	for run := 0; run < 8 || left == 0 && run < 64; run++ {
		acked := runAndKill(t, dir, 20+run%8*13)
		for path, version := range acked {
			r, err := u.Open(t.Context(), path, ufs.OpenOptions{Length: -1})
			must(t, err)
			data, err := io.ReadAll(r)
			must(t, err)
			r.Close()
			var got int
			if _, err := fmt.Sscanf(string(data), "%d", &got); err != nil || !bytes.Equal(data, content(got)) {
				t.Errorf("run %d: %s is not a whole version: %d bytes", run, path, len(data))
			}
			if got < version {
				t.Errorf("run %d: %s is version %d, but %d was acknowledged", run, path, got, version)
			}
		}
		for _, key := range list(t, u, "", true) {
			if isTemp(key[strings.LastIndexByte(key, '/')+1:]) {
				t.Errorf("a temporary file is listed: %s", key)
			}
		}
		s, _ := ufs.As[ufs.Sweeper](u)
		n, err := s.Sweep(t.Context(), 0)
		must(t, err)
		left += n
	}
	if left == 0 {
		t.Error("no writer was killed in the middle of a file")
	}
}

// runAndKill starts a writer, kills it after n acknowledgements, and returns
// the last version acknowledged of each path.
func runAndKill(t *testing.T, dir string, n int) map[string]int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	acked := map[string]int{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var path string
		var version int
		if _, err := fmt.Sscan(lines.Text(), &path, &version); err != nil {
			continue // the last line may be cut off
		}
		acked[path] = version
		if n--; n == 0 {
			must(t, cmd.Process.Kill())
		}
	}
	if err := cmd.Wait(); n > 0 || err == nil {
		t.Fatalf("the writer ended by itself: %v", err)
	}
	return acked
}
