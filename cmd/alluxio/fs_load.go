package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

type loadOptions struct {
	local    bool
	parallel int
}

// loadParallel is how many blocks are fetched at a time unless the user says
// otherwise: enough for small files from a store that answers slowly.
const loadParallel = 64

func newLoadCmd(env *Env) *cobra.Command {
	var opts loadOptions
	var job loadJobOptions
	cmd := &cobra.Command{
		Use:   "load [--local] [--thread N] PATH... | --submit [--bandwidth N] [--verify] PATH | --progress PATH | --stop PATH",
		Short: "Fetch files into the cache",
		Long: "Fetches what is not cached yet of files, of directories with all below them, and waits until it is. On a terminal a bar shows\n" +
			"how far it is. Files that could not be fetched are listed at the end. Repeating the command goes on where it was interrupted.\n" +
			"With --submit the cluster does it, even when the master is restarted meanwhile; --progress and --stop concern that job.",
		Example: examples("fs load /data/2026", "fs load --local /data/model", "fs load --thread 256 /data/small-files",
			"fs load --submit --bandwidth 200MB /data", "fs load --progress /data"),
		Args: argCount(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if opts.parallel < 1 {
				return usagef(cmd, "--thread must be greater than 0")
			}
			if err := job.check(cmd, args); err != nil {
				return err
			}
			if job.job() {
				return withShell(env, func(ctx context.Context, sh *shell, args []string) error { return runLoadJob(ctx, sh, job, args[0]) })(cmd, args)
			}
			return onEach(env, func(ctx context.Context, sh *shell, path string) error { return runLoad(ctx, sh, opts, path) })(cmd, args)
		},
	}
	job.addTo(cmd)
	cmd.Flags().BoolVar(&opts.local, "local", false, "to the worker of this machine")
	cmd.Flags().IntVar(&opts.parallel, "thread", loadParallel, "blocks fetched at the same time, fewer when they are large")
	return cmd
}

// load is one run of the load command on one path.
type load struct {
	sh      *shell
	opts    loadOptions
	path    string
	p       *progress
	began   time.Time
	found   int // files
	all     int64
	fetched map[string]bool // paths of the files that were fetched
	bytes   atomic.Int64    // of blocks that are cached now
	done    atomic.Int64    // files that are cached now
	failed  []loadFailure
	failing atomic.Int64 // its length, for the bar
}

// loadFailure is a file that is not cached, and why.
type loadFailure struct {
	path string
	err  error
}

func runLoad(ctx context.Context, sh *shell, opts loadOptions, path string) error {
	files, err := sh.filesBelow(ctx, path, func(*client.FileInfo) bool { return true })
	if err != nil {
		return err
	}
	l := &load{sh: sh, opts: opts, path: path, began: time.Now(), found: len(files), fetched: map[string]bool{}}
	var wanted []*client.FileInfo
	var already []string
	for _, f := range files {
		if f.InAlluxioPercentage == 100 && !opts.local {
			already = append(already, f.Path)
			l.done.Add(1)
			continue
		}
		wanted = append(wanted, f)
		l.all += f.Length
	}
	l.p = newBytesProgress(sh.Env, "load", l.all, l.filesText)
	for _, p := range already {
		l.line("%s already in Alluxio fully", p)
	}
	l.fetch(ctx, wanted)
	if err := l.settle(ctx); err != nil && ctx.Err() == nil {
		l.fail(path, err)
	}
	l.p.done()
	return l.report(ctx, len(files) != 1 || files[0].Path != path)
}

// line prints a line for scripts; on a terminal the bar and the summary say it.
func (l *load) line(format string, args ...any) {
	if !l.sh.IsTerminal {
		l.p.printf(format, args...)
	}
}

// filesText is what the bar says of the files.
func (l *load) filesText() string {
	text := fmt.Sprintf("  %s/%s files", thousands(l.done.Load()), thousands(int64(l.found)))
	if n := l.failing.Load(); n > 0 {
		text += fmt.Sprintf(", %s failed", thousands(n))
	}
	return text
}

// fetch loads files and notes what became of them.
func (l *load) fetch(ctx context.Context, files []*client.FileInfo) {
	opts := client.LoadOptions{Local: l.opts.local, Parallel: l.opts.parallel, Progress: func(n int64) {
		l.bytes.Add(n)
		l.p.add(n)
	}}
	l.sh.fs.LoadFiles(ctx, files, opts, func(f *client.FileInfo, err error) {
		if err != nil {
			l.fail(f.Path, err)
			return
		}
		l.done.Add(1)
		l.fetched[f.Path] = true
		l.line("%s loaded", f.Path)
	})
}

func (l *load) fail(path string, err error) {
	l.failed = append(l.failed, loadFailure{path, err})
	l.failing.Add(1)
}

// settle makes sure that what was fetched is still cached. What was dropped
// meanwhile, as by a `free` that workers were still carrying out, is fetched once
// more if there is room; without room it would only drive out the rest.
func (l *load) settle(ctx context.Context) error {
	for attempt := 1; len(l.fetched) > 0; attempt++ {
		gone, err := l.awaitCached(ctx)
		if err != nil || len(gone) == 0 {
			return err
		}
		room, err := l.room(ctx, gone)
		if err != nil {
			return err
		}
		l.done.Add(-int64(len(gone)))
		for _, f := range gone {
			delete(l.fetched, f.Path)
		}
		if !room || attempt == 2 {
			for _, f := range gone {
				l.fail(f.Path, errors.Errorf(errors.NoSpace, "it was fetched, but is not cached completely: it was evicted again for want of room, or its worker was lost"))
			}
			return nil
		}
		l.fetch(ctx, gone)
	}
	return nil
}

// awaitCached returns the fetched files that are not wholly cached, after a few
// heartbeats of the workers if need be.
func (l *load) awaitCached(ctx context.Context) (gone []*client.FileInfo, err error) {
	patience, cancel := context.WithTimeout(ctx, max(3*l.sh.conf.Duration(config.WorkerBlockHeartbeatInterval), 2*time.Second))
	defer cancel()
	err = poll(patience, 200*time.Millisecond, func() (bool, error) {
		gone, err = l.sh.filesBelow(ctx, l.path, func(f *client.FileInfo) bool {
			return l.fetched[f.Path] && f.InAlluxioPercentage != 100
		})
		return len(gone) == 0, err
	})
	if errors.Is(err, errors.Timeout) && ctx.Err() == nil {
		err = nil
	}
	return gone, err
}

// room reports whether the workers have free space for all of the files.
func (l *load) room(ctx context.Context, files []*client.FileInfo) (bool, error) {
	var wanted int64
	for _, f := range files {
		wanted += f.Length
	}
	c, err := l.sh.fs.Capacity(ctx)
	return c.CapacityBytes-c.UsedBytes >= wanted, err
}

// shownFailures is how many failed files are listed.
const shownFailures = 100

// report says what was done and returns an error unless it was everything.
func (l *load) report(ctx context.Context, many bool) error {
	took := time.Since(l.began)
	rate := sizeText(int64(float64(l.bytes.Load())/max(took.Seconds(), 0.001))) + "/s"
	summary := fmt.Sprintf("%s of %s files are cached; %s fetched in %v, %s", thousands(l.done.Load()), thousands(int64(l.found)),
		sizeText(l.bytes.Load()), took.Round(time.Millisecond), rate)
	if ctx.Err() != nil {
		l.sh.warnf("%s: %s. The same command goes on from there.", l.path, summary)
		return errors.E("", "", errors.Cancelled, ctx.Err())
	}
	if len(l.failed) == 0 {
		switch {
		case l.sh.IsTerminal:
			l.sh.printf("%s: %s", l.path, summary)
		case many:
			l.sh.printf("%s loaded", l.path)
		}
		return nil
	}
	if !many {
		return about(l.path, l.failed[0].err)
	}
	errs := []error{errors.Errorf(errors.KindOf(l.failed[0].err), "%s: %d of %d files could not be loaded. %s.", l.path, len(l.failed), l.found, summary)}
	for i, f := range l.failed {
		if i == shownFailures {
			errs = append(errs, errors.Errorf(errors.KindOf(f.err), "… and %d more. The same command tries them again.", len(l.failed)-i))
			break
		}
		errs = append(errs, about(f.path, f.err))
	}
	return errors.Join(errs...)
}
