package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/kodo"
)

// start runs the program and returns the property lines of each bucket.
func start(t *testing.T, args ...string) []map[string]string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r, w := io.Pipe()
	cmd := command()
	cmd.SetArgs(append([]string{"--listen", "127.0.0.1:0"}, args...))
	cmd.SetOut(w)
	ended := make(chan error, 1)
	go func() {
		err := cmd.ExecuteContext(ctx)
		w.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	var buckets []map[string]string
	in := bufio.NewScanner(r)
	for in.Scan() {
		line := in.Text()
		if strings.HasPrefix(line, "# bucket") {
			buckets = append(buckets, make(map[string]string))
		}
		if key, value, ok := strings.Cut(line, "="); ok {
			last := buckets[len(buckets)-1]
			last[key] = value
			if len(last) == 5 && len(buckets) == 2 {
				break
			}
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, r)
	return buckets
}

// The lines that the program prints are all that a mount needs.
func TestPrintedProperties(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "requests")
	buckets := start(t, "--dir", dir, "--bucket", "first", "--bucket", "second:z2:public", "--request-log", log,
		"--access-key", "my-ak", "--secret-key", "my-sk")
	for i, name := range []string{"first", "second"} {
		props := buckets[i]
		if len(props) != 5 {
			t.Fatalf("printed %v", props)
		}
		const root = "alluxio.master.mount.table.root.ufs"
		u, err := kodo.Open(t.Context(), props[root], ufs.Options{Properties: props})
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		w, err := u.Create(t.Context(), "f", ufs.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "hello "+name); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		in, err := u.Open(t.Context(), "f", ufs.OpenOptions{Length: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if got, err := io.ReadAll(in); err != nil || string(got) != "hello "+name {
			t.Errorf("read %q, %v", got, err)
		}
		shown, err := os.ReadFile(filepath.Join(dir, "objects", name, "alluxio", "f"))
		if err != nil || string(shown) != "hello "+name {
			t.Errorf("the folder shows %q, %v", shown, err)
		}
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ok:Qiniu op=list", "ok:UpToken op=form", "ok:URL op=get", "public op=get"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the request log has no %q:\n%s", want, text)
		}
	}
	for _, secret := range []string{"my-sk", "token="} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the request log has %q", secret)
		}
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "100": 100, "50MB": 50e6, "50 MB/s": 50e6, "1.5gb": 1.5e9, "2KB": 2000, "x": -1, "-1MB": -1} {
		got, err := parseRate(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--bucket", "b"}, {"--bucket", "name:z0:secret"}, {"--bucket", "a:b:private:d"}, {"--bandwidth", "fast"},
		{"--faults", "rate=2"}, {"--faults", "kinds=gremlins"}, {"--listen", "nowhere"}, {"extra"}, {"--secret-key", ""},
	} {
		cmd := command()
		cmd.SetArgs(append([]string{"--listen", "127.0.0.1:0"}, args...))
		cmd.SetOut(io.Discard)
		ctx, stop := context.WithCancel(context.Background())
		stop() // a server that starts all the same ends at once
		if err := cmd.ExecuteContext(ctx); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}
