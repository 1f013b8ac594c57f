package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

func newFreeCmd(env *Env) *cobra.Command {
	var forced bool
	cmd := &cobra.Command{
		Use:     "free [-f] PATH...",
		Short:   "Drop cached copies; the under store keeps its own",
		Long:    "Drops the cached copies of files, of directories with all below them, and waits until the workers have done so.",
		Example: examples("fs free /data/2025", "fs free -f /data/pinned"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			if err := sh.fs.Free(ctx, path, client.FreeOptions{Recursive: true, Forced: forced}); err != nil {
				return err
			}
			if err := sh.awaitFreed(ctx, path); err != nil {
				return err
			}
			sh.printf("%s was successfully freed from Alluxio space.", path)
			return nil
		}),
	}
	cmd.Flags().BoolVarP(&forced, "force", "f", false, "also what is pinned")
	return cmd
}

// awaitFreed waits until no copy is left: workers learn of it with their next
// heartbeat and report with the one after.
func (sh *shell) awaitFreed(ctx context.Context, path string) error {
	patience := max(10*sh.conf.Duration(config.WorkerBlockHeartbeatInterval), 10*time.Second)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := poll(ctx, 100*time.Millisecond, func() (bool, error) { return sh.isFree(ctx, path) })
	if errors.Is(err, errors.Timeout) {
		return errors.Errorf(errors.Timeout, "%s is not free yet after %v: blocks that are being read go when their readers do.", path, patience)
	}
	return err
}

// isFree reports whether no file at or below path has a cached byte.
func (sh *shell) isFree(ctx context.Context, path string) (bool, error) {
	for info, err := range sh.fs.List(ctx, path, client.ListOptions{Recursive: true, LoadMetadata: client.LoadNever}) {
		if err != nil {
			return false, err
		}
		if !info.Folder && info.Length > 0 && info.InAlluxioPercentage > 0 {
			return false, nil
		}
	}
	return true, nil
}

// poll calls done until it is true or fails, or ctx ends.
func poll(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.E("", "", errors.Other, ctx.Err())
		case <-ticker.C:
		}
	}
}

type persistOptions struct {
	parallel      int
	timeout, wait string
}

func newPersistCmd(env *Env) *cobra.Command {
	var opts persistOptions
	cmd := &cobra.Command{
		Use:     "persist [-p N] [-t TIME] [-w TIME] PATH...",
		Short:   "Write files that are only cached to the under store",
		Example: examples("fs persist /data/2026", "fs persist -p 16 -t 1h /data"),
		Args:    argCount(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			timeout, err := config.ParseDuration(opts.timeout)
			wait, err2 := config.ParseDuration(opts.wait)
			if err != nil || err2 != nil || opts.parallel < 1 || timeout <= 0 {
				return usagef(cmd, "Command persist: -p must be a number greater than 0, -t and -w times such as 30s or milliseconds")
			}
			return withShell(env, func(ctx context.Context, sh *shell, args []string) error {
				return runPersist(ctx, sh, opts.parallel, timeout, wait, args)
			})(cmd, args)
		},
	}
	cmd.Flags().IntVarP(&opts.parallel, "parallelism", "p", 4, "files persisted at the same time")
	cmd.Flags().StringVarP(&opts.timeout, "timeout", "t", "1200000", "how long to wait for each file")
	cmd.Flags().StringVarP(&opts.wait, "wait", "w", "0", "how long the master waits before it begins")
	return cmd
}

func runPersist(ctx context.Context, sh *shell, parallel int, timeout, wait time.Duration, patterns []string) error {
	var files []string
	var errs []error
	errs = append(errs, sh.forEach(ctx, patterns, func(path string) error {
		found, err := sh.filesBelow(ctx, path, func(f *client.FileInfo) bool { return !f.Persisted })
		for _, f := range found {
			files = append(files, f.Path)
		}
		return err
	}))
	sh.printf("Found %d files to persist.", len(files))
	p := newCountProgress(sh.Env, "persist", int64(len(files)))
	var mu sync.Mutex
	done := 0
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, path := range files {
		group.Go(func() error {
			err := persistOne(ctx, sh, path, timeout, wait)
			mu.Lock()
			defer mu.Unlock()
			done++
			p.add(1)
			if err == nil {
				p.printf("(%d/%d) Successfully persisted file: %s", done, len(files), path)
			}
			errs = append(errs, err)
			return nil
		})
	}
	_ = group.Wait()
	p.done()
	return errors.Join(errs...)
}

func persistOne(ctx context.Context, sh *shell, path string, timeout, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := sh.fs.Persist(ctx, path, client.PersistOptions{Delay: wait})
	switch {
	case errors.Is(err, errors.Timeout):
		return errors.Errorf(errors.Timeout, "Timed out waiting for file to be persisted: %s", path)
	case err != nil:
		return errors.Errorf(errors.KindOf(err), "Failed to persist file %s: %w", path, err)
	}
	return nil
}

// filesBelow returns the complete files at or below path that want accepts.
func (sh *shell) filesBelow(ctx context.Context, path string, want func(*client.FileInfo) bool) ([]*client.FileInfo, error) {
	var files []*client.FileInfo
	for info, err := range sh.fs.List(ctx, path, client.ListOptions{Recursive: true}) {
		if err != nil {
			return nil, err
		}
		if !info.Folder && info.Completed && want(info) {
			files = append(files, info)
		}
	}
	return files, nil
}

func newPinCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "pin PATH [MEDIUM...]",
		Short:   "Keep files from being evicted, a directory with all below it",
		Long:    "Keeps the cached copies of files from being evicted. With media (MEM, SSD, HDD) they are kept on those. What is not cached is not fetched.",
		Example: examples("fs pin /data/hot", "fs pin /data/hot MEM"),
		Args:    argCount(1, -1),
		RunE: withShell(env, func(ctx context.Context, sh *shell, args []string) error {
			media := strings.FieldsFunc(strings.Join(args[1:], ","), func(r rune) bool { return r == ',' })
			allowed := sh.conf.List(config.MasterTieredstoreGlobalMediumtype)
			for _, m := range media {
				if !slices.Contains(allowed, m) {
					return errors.Errorf(errors.Invalid, "%s is no medium of this cluster. They are %s.", m, strings.Join(allowed, ", "))
				}
			}
			return sh.forEach(ctx, args[:1], func(path string) error { return sh.setPinned(ctx, path, true, media) })
		}),
	}
}

func newUnpinCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "unpin PATH...",
		Short:   "Undo pin",
		Example: examples("fs unpin /data/hot"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			return sh.setPinned(ctx, path, false, nil)
		}),
	}
}

func (sh *shell) setPinned(ctx context.Context, path string, pinned bool, media []string) error {
	if err := sh.fs.SetAttribute(ctx, path, client.Attributes{Pinned: &pinned, PinnedMedia: media, Recursive: true}); err != nil {
		return err
	}
	word := "unpinned"
	if pinned {
		word = "pinned"
	}
	sh.printf("File '%s' was successfully %s.", path, word)
	return nil
}

func newSetReplicationCmd(env *Env) *cobra.Command {
	var least, most int
	var recursive bool
	cmd := &cobra.Command{
		Use:     "setReplication [-R] [--max N] [--min N] PATH",
		Short:   "Set how many workers keep a copy of a file",
		Example: examples("fs setReplication --min 2 /data/hot", "fs setReplication -R --max -1 /data"),
		Args:    argCount(1, 1),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a := client.Attributes{Recursive: recursive}
		if cmd.Flags().Changed("min") {
			a.ReplicationMin = &least
		}
		if cmd.Flags().Changed("max") {
			a.ReplicationMax = &most
		}
		switch {
		case a.ReplicationMin == nil && a.ReplicationMax == nil:
			return usagef(cmd, "At least one option of '--max' or '--min' must be specified")
		case least < 0 || most < -1 || a.ReplicationMax != nil && most >= 0 && most < least:
			return usagef(cmd, "Invalid values for '--max' and '--min' options")
		}
		return withShell(env, func(ctx context.Context, sh *shell, args []string) error {
			if err := sh.fs.SetAttribute(ctx, args[0], a); err != nil {
				return err
			}
			sh.printf("Changed the replication level of %s", args[0])
			if a.ReplicationMax != nil {
				sh.printf("replicationMax was set to %d", most)
			}
			if a.ReplicationMin != nil {
				sh.printf("replicationMin was set to %d", least)
			}
			return nil
		})(cmd, args)
	}
	recursiveFlags(cmd, &recursive, false, "also everything below")
	cmd.Flags().IntVar(&most, "max", -1, "most copies; -1 for no limit")
	cmd.Flags().IntVar(&least, "min", 0, "fewest copies")
	return cmd
}

func newLoadMetadataCmd(env *Env) *cobra.Command {
	var recursive, force bool
	cmd := &cobra.Command{
		Use:     "loadMetadata [-R] [-F] PATH...",
		Short:   "Take what is new in the under store into the namespace",
		Example: examples("fs loadMetadata /kodo", "fs loadMetadata -R -F /kodo/2026"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			began := time.Now()
			opts := client.ListOptions{Recursive: recursive, LoadMetadata: client.LoadAlways, LoadOnly: true}
			if force {
				opts.Sync = new(time.Duration)
			}
			for _, err := range sh.fs.List(ctx, path, opts) {
				if err != nil {
					return err
				}
			}
			sh.printf("Time elapsed %d", time.Since(began).Milliseconds())
			return nil
		}),
	}
	recursiveFlags(cmd, &recursive, false, "also everything below")
	cmd.Flags().BoolVarP(&force, "force", "F", false, "also compare what is known already")
	return cmd
}

func newCheckConsistencyCmd(env *Env) *cobra.Command {
	var repair bool
	cmd := &cobra.Command{
		Use:     "checkConsistency [-r] PATH...",
		Short:   "Compare the namespace with the under store",
		Long:    "Lists the paths at or below PATH that differ from the under store. With -r they are removed from the namespace, not from the store, and found again when they are next looked at.",
		Example: examples("fs checkConsistency /kodo", "fs checkConsistency -r /kodo"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			return runCheckConsistency(ctx, sh, repair, path)
		}),
	}
	cmd.Flags().BoolVarP(&repair, "repair", "r", false, "remove what differs from the namespace")
	return cmd
}

func runCheckConsistency(ctx context.Context, sh *shell, repair bool, path string) error {
	differing, err := sh.fs.CheckConsistency(ctx, path)
	if err != nil {
		return err
	}
	if len(differing) == 0 {
		sh.printf("%s is consistent with the under storage system.", path)
		return nil
	}
	slices.Sort(differing)
	if !repair {
		sh.printf("The following files are inconsistent:\n%s", strings.Join(differing, "\n"))
		return exitWith(exitConflict)
	}
	sh.printf("%s has: %d inconsistent files. Repairing.", path, len(differing))
	slices.Reverse(differing) // children before their directories
	for _, p := range differing {
		if err := sh.fs.Delete(ctx, p, client.DeleteOptions{Recursive: true, AlluxioOnly: true, Unchecked: true}); err != nil && !errors.Is(err, errors.NotFound) {
			return err
		}
		sh.printf("%s repaired", p)
	}
	return nil
}
