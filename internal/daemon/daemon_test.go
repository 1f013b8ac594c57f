package daemon

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// The test binary plays the daemon when this variable says how.
const roleEnv = "DAEMON_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "serve", "deaf":
		lock, err := Acquire(os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if os.Getenv(roleEnv) == "deaf" {
			signal.Ignore(syscall.SIGTERM)
		}
		_ = NotifyReady()
		time.Sleep(time.Minute)
		_ = lock.Release()
	case "die":
		fmt.Fprintln(os.Stderr, "port 19998 is taken")
		os.Exit(7)
	case "hang":
		time.Sleep(time.Minute)
	}
}

func spec(t *testing.T, role string) Spec {
	t.Helper()
	t.Setenv(roleEnv, role)
	dir := t.TempDir()
	s := Spec{
		Args:    []string{os.Args[0], filepath.Join(dir, "x.pid")},
		OutFile: filepath.Join(dir, "logs", "x.out"),
		PidFile: filepath.Join(dir, "x.pid"),
	}
	t.Cleanup(func() { _, _ = Stop(context.Background(), s.PidFile, 0, false) })
	return s
}

func TestStartStop(t *testing.T) {
	s := spec(t, "serve")
	ctx := t.Context()
	pid, err := Start(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	if held, err := Holder(s.PidFile); err != nil || held != pid {
		t.Fatalf("Holder = %d, %v; want %d", held, err, pid)
	}
	if _, err := Start(ctx, s); !errors.Is(err, errors.Exists) || !strings.Contains(err.Error(), fmt.Sprint(pid)) {
		t.Fatalf("second start: %v", err)
	}
	if stopped, err := Stop(ctx, s.PidFile, 10*time.Second, true); err != nil || stopped != pid {
		t.Fatalf("Stop = %d, %v", stopped, err)
	}
	if stopped, err := Stop(ctx, s.PidFile, time.Second, false); err != nil || stopped != 0 {
		t.Fatalf("Stop of nothing = %d, %v", stopped, err)
	}
}

func TestStopKillsTheDeaf(t *testing.T) {
	s := spec(t, "deaf")
	pid, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Stop(t.Context(), s.PidFile, 50*time.Millisecond, true); !errors.Is(err, errors.Timeout) {
		t.Fatalf("soft stop of a deaf daemon: %v", err)
	}
	if stopped, err := Stop(t.Context(), s.PidFile, 50*time.Millisecond, false); err != nil || stopped != pid {
		t.Fatalf("Stop = %d, %v", stopped, err)
	}
}

func TestStartOfADyingDaemon(t *testing.T) {
	s := spec(t, "die")
	_, err := Start(t.Context(), s)
	if err == nil || !strings.Contains(err.Error(), "port 19998 is taken") || !strings.Contains(err.Error(), "exit status 7") {
		t.Fatalf("got %v", err)
	}
}

func TestStartGivesUp(t *testing.T) {
	s := spec(t, "hang")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Start(ctx, s); !errors.Is(err, errors.Timeout) {
		t.Fatalf("got %v", err)
	}
}

// A pid file that survived a crash must not be taken for a live daemon, and the
// process that has that pid now must not be signalled.
func TestStalePidFile(t *testing.T) {
	bystander := exec.Command("sleep", "60")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bystander.Process.Kill(); _ = bystander.Wait() }()
	path := filepath.Join(t.TempDir(), "x.pid")
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", bystander.Process.Pid), 0o644); err != nil {
		t.Fatal(err)
	}
	if pid, err := Stop(t.Context(), path, time.Second, false); err != nil || pid != 0 {
		t.Fatalf("Stop = %d, %v", pid, err)
	}
	if err := bystander.Process.Signal(syscall.Signal(0)); err != nil {
		t.Fatalf("the bystander was ended: %v", err)
	}
	lock, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatalf("pid file left behind: %v", err)
	}
}

// A folder removed under a running daemon does not make its end a failure.
func TestReleaseWithoutTheFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	lock, err := Acquire(filepath.Join(dir, "x.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// TestRemovedPidFile takes the pid file away from a running daemon: it is found,
// not started twice, and stopped all the same.
func TestRemovedPidFile(t *testing.T) {
	s := spec(t, "serve")
	pid, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	for range 2 { // the second time somebody has put another file at its place
		if err := os.Remove(s.PidFile); err != nil {
			t.Fatal(err)
		}
		if held, err := Holder(s.PidFile); err != nil || held != pid {
			t.Errorf("Holder = %d, %v; want %d", held, err, pid)
		}
		if l, err := Acquire(s.PidFile); !errors.Is(err, errors.Exists) || !strings.Contains(fmt.Sprint(err), fmt.Sprint(pid)) {
			t.Errorf("a second daemon gets the lock: %v, %v", l, err)
		}
		if err := os.WriteFile(s.PidFile, []byte("12345\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if stopped, err := Stop(t.Context(), s.PidFile, 10*time.Second, true); err != nil || stopped != pid {
		t.Fatalf("Stop = %d, %v", stopped, err)
	}
	if held, err := Holder(s.PidFile); err != nil || held != 0 {
		t.Errorf("Holder = %d, %v after the end", held, err)
	}
}
