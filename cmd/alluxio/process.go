package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/daemon"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// How long the scripts wait for a process to serve, and to end.
const (
	startTimeout = 2 * time.Minute
	stopTimeout  = 2 * time.Minute
)

// processes are the daemons of a node with their roles.
var processes = map[string]config.Scope{"master": config.Master, "worker": config.Worker}

// newProcessCmd returns what the start, stop and monitor scripts call.
func newProcessCmd(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "process",
		Short: "Start, stop and watch the processes of this machine",
		Long: "What alluxio-start.sh, alluxio-stop.sh and alluxio-monitor.sh call. PROCESS is master or worker.\n" +
			"A process is known by the lock that it holds on its pid file in the logs directory.",
		RunE: group,
	}
	cmd.AddCommand(newProcessStartCmd(env), newProcessStopCmd(env), newProcessStatusCmd(env), newProcessRunningCmd(env))
	return cmd
}

func newProcessStartCmd(env *Env) *cobra.Command {
	var async bool
	cmd := &cobra.Command{
		Use:       "start [--async] PROCESS",
		Short:     "Start a process in the background and wait until it serves",
		Example:   examples("process start master", "process start worker -Dalluxio.worker.rpc.port=29998"),
		Args:      argCount(1, 1),
		ValidArgs: []string{"master", "worker"},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runProcessStart(cmd.Context(), env, args[0], async)
		},
	}
	cmd.Flags().BoolVar(&async, "async", false, "do not wait until it serves")
	return cmd
}

func newProcessStopCmd(env *Env) *cobra.Command {
	var soft bool
	cmd := &cobra.Command{
		Use:     "stop [--soft] PROCESS...",
		Short:   "Stop processes: ask, wait, and kill after two minutes",
		Example: examples("process stop worker master"),
		Args:    argCount(1, len(processes)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return forEachProcess(args, func(name string) error { return runProcessStop(cmd.Context(), env, name, soft) })
		},
	}
	cmd.Flags().BoolVar(&soft, "soft", false, "give up instead of killing")
	return cmd
}

func newProcessStatusCmd(env *Env) *cobra.Command {
	var logs bool
	cmd := &cobra.Command{
		Use:     "status [--logs] PROCESS...",
		Short:   "Say whether processes serve",
		Example: examples("process status master worker"),
		Args:    argCount(1, len(processes)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return forEachProcess(args, func(name string) error {
				if logs {
					return runProcessLogs(env, name)
				}
				return runProcessStatus(cmd.Context(), env, name)
			})
		},
	}
	cmd.Flags().BoolVar(&logs, "logs", false, "print the last lines of the logs instead")
	return cmd
}

func newProcessRunningCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "running PROCESS",
		Short:   "Print the pid of a process, or fail when it does not run",
		Example: examples("process running master"),
		Args:    argCount(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			_, files, err := processFiles(env, args[0])
			if err != nil {
				return err
			}
			pid, err := daemon.Holder(files.pid)
			if err != nil {
				return err
			}
			if pid == 0 {
				return errors.Errorf(errors.NotFound, "The %s does not run.", args[0])
			}
			env.printf("%d", pid)
			return nil
		},
	}
}

// forEachProcess runs f for every name, also after failures.
func forEachProcess(names []string, f func(name string) error) error {
	var errs []error
	for _, name := range names {
		if err := f(name); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// files are where a process writes besides its data.
type files struct{ pid, out, log string }

func filesOf(conf *config.Config, process string) files {
	base := filepath.Join(conf.String(config.LogsDir), process)
	return files{pid: base + ".pid", out: base + ".out", log: base + ".log"}
}

func processFiles(env *Env, process string) (*config.Config, files, error) {
	role, ok := processes[process]
	if !ok {
		return nil, files{}, errors.Errorf(errors.Invalid, "%q is no process: use master or worker.", process)
	}
	conf, err := env.Config(role)
	if err != nil {
		return nil, files{}, err
	}
	return conf, filesOf(conf, process), nil
}

func runProcessStart(ctx context.Context, env *Env, name string, async bool) error {
	conf, files, err := processFiles(env, name)
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	spec := daemon.Spec{Args: []string{program, name}, OutFile: files.out, PidFile: files.pid}
	for _, def := range env.Defines {
		spec.Args = append(spec.Args, "-D"+def)
	}
	if pid, err := alreadyServing(ctx, conf, name, files.pid); err != nil {
		return err
	} else if pid != 0 {
		env.printf("The %s is already running (pid %d).", name, pid)
		return nil
	}
	env.printf("Starting %s @ %s. Logging to %s", name, conf.LocalHost(), filepath.Dir(files.log))
	if async {
		_, err := daemon.StartAsync(spec)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if _, err := daemon.Start(ctx, spec); err != nil {
		return errors.Errorf(errors.KindOf(err), "The %s was not started: %w", name, err)
	}
	return nil
}

// settleTimeout is how long a process that runs without serving has to do either.
const settleTimeout = 15 * time.Second

// alreadyServing returns the pid of the process if it runs and serves, 0 if it
// does not run. One that is ending, for example because it was killed a moment
// ago, or just starting, is waited for.
func alreadyServing(ctx context.Context, conf *config.Config, name, pidFile string) (pid int, err error) {
	deadline := time.Now().Add(settleTimeout)
	for {
		pid, err = daemon.Holder(pidFile)
		if err != nil || pid == 0 {
			return pid, err
		}
		err = probe(ctx, conf, name, time.Second)
		switch {
		case err == nil:
			return pid, nil
		case time.Now().After(deadline):
			return 0, errors.Errorf(errors.Unavailable, "The %s runs (pid %d) but does not serve: %w. See its log, or stop it and start it again.", name, pid, err)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func runProcessStop(ctx context.Context, env *Env, name string, soft bool) error {
	conf, files, err := processFiles(env, name)
	if err != nil {
		return err
	}
	pid, err := daemon.Stop(ctx, files.pid, stopTimeout, soft)
	switch {
	case err != nil:
		return errors.Errorf(errors.KindOf(err), "The %s was not stopped: %w", name, err)
	case pid == 0:
		env.printf("The %s is not running.", name)
	default:
		env.printf("Stopped the %s (pid %d) on %s", name, pid, conf.LocalHost())
	}
	return nil
}

func runProcessStatus(ctx context.Context, env *Env, name string) error {
	conf, files, err := processFiles(env, name)
	if err != nil {
		return err
	}
	pid, err := daemon.Holder(files.pid)
	if err != nil {
		return err
	}
	if pid != 0 {
		if err = probe(ctx, conf, name, probeTimeout); err == nil {
			env.printf("%s The %s service @ %s is in a healthy state.", env.colour(green, "[ OK ]"), name, conf.LocalHost())
			return nil
		}
	} else {
		err = errors.Errorf(errors.Unavailable, "it does not run (no process holds %s)", files.pid)
	}
	env.printf("%s The %s service @ %s is not serving requests: %v", env.colour(red, "[ FAILED ]"), name, conf.LocalHost(), err)
	return exitWith(exitUnavailable)
}

// runProcessLogs prints the last lines of what a process wrote.
func runProcessLogs(env *Env, name string) error {
	_, files, err := processFiles(env, name)
	if err != nil {
		return err
	}
	for _, path := range []string{files.log, files.out} {
		lines, err := lastLines(path, 30)
		if err != nil && !errors.Is(err, errors.NotFound) {
			return err
		}
		env.printf("--- %s\n%s", path, strings.Join(lines, "\n"))
	}
	return nil
}

// lastLines returns the last n lines of a file.
func lastLines(path string, n int) ([]string, error) {
	const window = 64 << 10
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(0, size-window), window))
	if err != nil {
		return nil, err
	}
	lines := slices.Collect(strings.Lines(string(text)))
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, "\n")
	}
	return lines[max(0, len(lines)-n):], nil
}
