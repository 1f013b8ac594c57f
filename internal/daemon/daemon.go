package daemon

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// readyFDEnv names the file descriptor on which a started daemon says that it
// serves: a pipe whose other end Start reads. A line "ready" means yes; the end
// of the pipe without it means that the daemon died.
const readyFDEnv = "ALLUXIO_READY_FD"

// Spec says what to start.
type Spec struct {
	Args    []string // program and arguments
	OutFile string   // receives stdout and stderr, truncated at each start
	PidFile string   // the file that the daemon itself will Acquire
}

// Start starts the daemon in a session of its own and returns its pid when it
// says that it serves. When it is running already the error is of kind Exists;
// when it ends instead, or does not serve before ctx is done, the error carries
// the last lines of its output, and the process is not left half up.
func Start(ctx context.Context, spec Spec) (pid int, err error) {
	cmd, ready, err := spawn(spec)
	if err != nil {
		return 0, err
	}
	defer ready.Close()

	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	serving := make(chan bool, 1)
	go func() {
		line, _ := bufio.NewReader(ready).ReadString('\n')
		serving <- line == "ready\n"
	}()
	select {
	case ok := <-serving:
		if ok {
			return cmd.Process.Pid, nil
		}
		return 0, failed(spec, <-exited)
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		<-exited
		return 0, errors.Errorf(errors.Timeout, "it did not serve in time and was ended; see %s%s", spec.OutFile, tail(spec.OutFile))
	}
}

// StartAsync is Start without waiting for the daemon to serve.
func StartAsync(spec Spec) (pid int, err error) {
	cmd, ready, err := spawn(spec)
	if err != nil {
		return 0, err
	}
	ready.Close()
	pid = cmd.Process.Pid
	return pid, cmd.Process.Release()
}

func spawn(spec Spec) (*exec.Cmd, *os.File, error) {
	if pid, err := Holder(spec.PidFile); err != nil {
		return nil, nil, err
	} else if pid != 0 {
		return nil, nil, errors.Errorf(errors.Exists, "already running with pid %d", pid)
	}
	if err := os.MkdirAll(filepath.Dir(spec.OutFile), 0o755); err != nil {
		return nil, nil, errors.E("start", spec.OutFile, errors.Other, err)
	}
	out, err := os.Create(spec.OutFile)
	if err != nil {
		return nil, nil, errors.E("start", spec.OutFile, errors.Other, err)
	}
	defer out.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer w.Close()

	cmd := exec.Command(spec.Args[0], spec.Args[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{w} // becomes descriptor 3
	cmd.Env = append(os.Environ(), readyFDEnv+"=3")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		r.Close()
		return nil, nil, errors.E("start", spec.Args[0], errors.Other, err)
	}
	return cmd, r, nil
}

func failed(spec Spec, exit error) error {
	return errors.Errorf(errors.Unavailable, "it did not come up (%v); see %s%s", exit, spec.OutFile, tail(spec.OutFile))
}

// tail returns the last lines of the file, each on a line of its own.
func tail(path string) string {
	const lines, window = 30, 16 << 10
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err == nil && size > window {
		_, _ = f.Seek(-window, io.SeekEnd)
	} else {
		_, _ = f.Seek(0, io.SeekStart)
	}
	text, _ := io.ReadAll(f)
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	all = all[max(0, len(all)-lines):]
	if len(all) == 1 && all[0] == "" {
		return ""
	}
	return "\n  " + strings.Join(all, "\n  ")
}

// NotifyReady tells whoever started this process with Start that it serves.
// Without such a starter it does nothing.
func NotifyReady() error {
	fd, err := strconv.Atoi(os.Getenv(readyFDEnv))
	if err != nil {
		return nil
	}
	os.Unsetenv(readyFDEnv)
	f := os.NewFile(uintptr(fd), "ready")
	if f == nil {
		return fmt.Errorf("%s=%d is not an open file descriptor", readyFDEnv, fd)
	}
	// A starter that is gone already (StartAsync) has closed its end.
	_, _ = f.WriteString("ready\n")
	return f.Close()
}

// Stop asks the process that holds the pid file to end and waits until it has.
// After grace it is killed, unless soft, when Stop gives up with kind Timeout.
// It returns the pid that was stopped, 0 when nothing was running.
func Stop(ctx context.Context, pidFile string, grace time.Duration, soft bool) (pid int, err error) {
	pid, err = Holder(pidFile)
	if err != nil || pid == 0 {
		return 0, err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && err != syscall.ESRCH {
		return 0, errors.E("stop", strconv.Itoa(pid), errors.Other, err)
	}
	if gone, err := waitGone(ctx, pidFile, pid, grace); gone || err != nil {
		return pid, err
	}
	if soft {
		return 0, errors.Errorf(errors.Timeout, "pid %d did not end within %v of being asked to", pid, grace)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		return 0, errors.E("kill", strconv.Itoa(pid), errors.Other, err)
	}
	if gone, err := waitGone(ctx, pidFile, pid, 10*time.Second); !gone && err == nil {
		return 0, errors.Errorf(errors.Timeout, "pid %d does not end, although killed", pid)
	} else if err != nil {
		return 0, err
	}
	return pid, nil
}

// waitGone polls until pid no longer holds the pid file.
func waitGone(ctx context.Context, pidFile string, pid int, within time.Duration) (bool, error) {
	deadline := time.Now().Add(within)
	for {
		holder, err := Holder(pidFile)
		if err != nil || holder != pid {
			return true, nil
		}
		if time.Now().After(deadline) {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
