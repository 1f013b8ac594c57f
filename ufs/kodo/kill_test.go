package kodo

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/kodo/kodotest"
)

// victimEnv tells the test binary to be the writer that gets killed.
const victimEnv = "KODO_TEST_VICTIM"

func TestMain(m *testing.M) {
	if addr := os.Getenv(victimEnv); addr != "" {
		if err := victim(addr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// victimSize is the size of object i: a form upload, or up to four parts.
func victimSize(i int) int { return 1000 + i%4*mib }

// victim writes objects f0, f1 … until it is killed, and says which are done.
func victim(addr string) error {
	ctx := context.Background()
	u, err := Open(ctx, "kodo://"+testBucket+"/", ufs.Options{Properties: map[string]string{
		keyAccessKey: "ak", keySecretKey: "sk", keyEndpoint: addr, keyDownloadHost: addr, keyPartBytes: "1MB",
	}})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		w, err := u.Create(ctx, fmt.Sprint("f", i), ufs.CreateOptions{})
		if err != nil {
			return err
		}
		if _, err := w.Write(pattern(victimSize(i))); err != nil {
			return err
		}
		if _, err := w.Commit(ctx); err != nil {
			return err
		}
		fmt.Println("done", i)
	}
}

// A writer killed at any point leaves each object whole or absent, and all that
// it has reported.
func TestKilledWriter(t *testing.T) {
	t.Parallel()
	srv := kodotest.Start(t, kodotest.Options{
		Buckets: []kodotest.Bucket{{Name: testBucket, Private: true}},
		Limits:  kodotest.Limits{Latency: 2 * time.Millisecond},
	})
	interrupted := 0
	for round := 0; round < 12 || interrupted == 0 && round < 60; round++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), victimEnv+"="+srv.Addr)
		cmd.Stderr = os.Stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := bufio.NewScanner(stdout)
		if !said.Scan() {
			t.Fatal("the writer wrote nothing")
		}
		time.Sleep(time.Duration(round%12*7) * time.Millisecond) // where the kill strikes
		cmd.Process.Kill()
		done := 1
		for said.Scan() {
			done++
		}
		cmd.Wait()
		keys := srv.Keys(testBucket)
		for _, key := range keys {
			var i int
			fmt.Sscanf(key, "f%d", &i)
			if got, err := srv.Get(testBucket, key); err != nil || !bytes.Equal(got, pattern(victimSize(i))) {
				t.Fatalf("%s has %d bytes, %v", key, len(got), err)
			}
		}
		if done > len(keys) {
			t.Fatalf("%d objects reported, %d there", done, len(keys))
		}
		if parts, empty := srv.PendingUploads(); parts+empty > interrupted {
			interrupted = parts + empty
		}
	}
	if interrupted == 0 {
		t.Error("no upload was interrupted by a kill")
	}
}

// waitFor polls until cond holds.
func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen")
		}
	}
}
