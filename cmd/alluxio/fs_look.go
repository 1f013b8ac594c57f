package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/errors"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// testFlags are the questions of `fs test`, each with its answer.
var testFlags = []struct {
	letter, help string
	holds        func(*client.FileInfo) bool
}{
	{"d", "it is a directory", func(f *client.FileInfo) bool { return f.Folder }},
	{"e", "it exists", func(*client.FileInfo) bool { return true }},
	{"f", "it is a file", func(f *client.FileInfo) bool { return !f.Folder }},
	{"s", "it is not empty: a file with content, a directory with children", func(f *client.FileInfo) bool { return f.Length > 0 }},
	{"z", "it is a file without content", func(f *client.FileInfo) bool { return !f.Folder && f.Length == 0 }},
}

func newTestCmd(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "test -d|-e|-f|-s|-z PATH",
		Short:   "Answer a question about a path with the exit code",
		Long:    "The exit code is 0 when it holds, 1 when it does not or nothing is at the path, 2 when the question could not be answered.",
		Example: examples("fs test -e /data/f && echo there", "fs test -d /data"),
		Args:    argCount(1, 1),
	}
	given := make([]bool, len(testFlags))
	for i, f := range testFlags {
		cmd.Flags().BoolVarP(&given[i], f.letter, f.letter, false, f.help)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		question := slices.Index(given, true)
		if question < 0 || slices.Contains(given[question+1:], true) {
			return usagef(cmd, "Command test takes exactly one of -d, -e, -f, -s and -z")
		}
		return withShell(env, func(ctx context.Context, sh *shell, args []string) error {
			info, err := sh.stat(ctx, args[0])
			switch {
			case errors.Is(err, errors.NotFound):
				return exitWith(1)
			case err != nil:
				return &statusError{code: 2, text: err.Error()}
			case !testFlags[question].holds(info):
				return exitWith(1)
			}
			return nil
		})(cmd, args)
	}
	return cmd
}

func newCountCmd(env *Env) *cobra.Command {
	var human bool
	cmd := &cobra.Command{
		Use:     "count [-h] PATH",
		Short:   "Count the files, directories and bytes below a directory",
		Example: examples("fs count /data", "fs count -h /"),
		Args:    argCount(1, 1),
		RunE: withShell(env, func(ctx context.Context, sh *shell, args []string) error {
			var files, dirs, bytes int64
			for info, err := range sh.fs.List(ctx, args[0], client.ListOptions{Recursive: true}) {
				switch {
				case err != nil:
					return err
				case info.Folder:
					dirs++
				default:
					files++
					bytes += info.Length
				}
			}
			const row = "%-25v%-25v%v"
			sh.printf(row, "File Count", "Folder Count", "Folder Size")
			sh.printf(row, files, dirs, bytesText(bytes, human))
			return nil
		}),
	}
	humanFlag(cmd, &human)
	return cmd
}

type duOptions struct{ human, sum, memory, byWorker bool }

func newDuCmd(env *Env) *cobra.Command {
	var opts duOptions
	cmd := &cobra.Command{
		Use:     "du [-h] [-s] [-m] [-g] PATH...",
		Short:   "Show the sizes of files and how much of them is cached",
		Example: examples("fs du /data", "fs du -h -s /data", "fs du -s -g /data"),
		Args:    argCount(1, -1),
	}
	header := false
	cmd.RunE = onEach(env, func(ctx context.Context, sh *shell, path string) error {
		usages, err := diskUsage(ctx, sh, path, opts.sum)
		if err != nil {
			return err
		}
		if !header {
			sh.printf("%s", duRow(opts, "File Size", "In Alluxio", "In Memory", "Worker Host Name", "Path"))
			header = true
		}
		for _, u := range usages {
			for _, row := range u.rows(opts) {
				sh.printf("%s", row)
			}
		}
		return nil
	})
	cmd.Flags().BoolVarP(&opts.sum, "summarize", "s", false, "one line for the whole path")
	cmd.Flags().BoolVarP(&opts.memory, "memory", "m", false, "also how much is in memory")
	cmd.Flags().BoolVarP(&opts.byWorker, "group", "g", false, "also how much is on each worker")
	humanFlag(cmd, &opts.human)
	return cmd
}

// usage is what a file, or all below a path, takes.
type usage struct {
	path                 string
	size, cached, memory int64
	workers              map[string]int64 // cached bytes by host
}

func (u *usage) add(f *client.FileInfo) {
	u.size += f.Length
	u.cached += f.Length * int64(f.InAlluxioPercentage) / 100
	u.memory += f.Length * int64(f.InMemoryPercentage) / 100
	for _, b := range f.Blocks {
		for _, l := range b.Locations {
			u.workers[l.Worker.Host] += b.Length
		}
	}
}

// diskUsage returns the usage of each file below path, or of all together.
func diskUsage(ctx context.Context, sh *shell, path string, sum bool) ([]*usage, error) {
	var usages []*usage
	total := &usage{path: path, workers: map[string]int64{}}
	for info, err := range sh.fs.List(ctx, path, client.ListOptions{Recursive: true}) {
		switch {
		case err != nil:
			return nil, err
		case info.Folder:
		case sum:
			total.add(info)
		default:
			u := &usage{path: info.Path, workers: map[string]int64{}}
			u.add(info)
			usages = append(usages, u)
		}
	}
	if sum {
		usages = append(usages, total)
	}
	return usages, nil
}

// rows returns the lines of du for a usage.
func (u *usage) rows(opts duOptions) []string {
	share := func(n int64) string { return bytesText(n, opts.human) + " (" + percentText(n, u.size) + ")" }
	rows := []string{duRow(opts, bytesText(u.size, opts.human), share(u.cached), share(u.memory), "total", u.path)}
	if opts.byWorker {
		for _, host := range sortedKeys(u.workers) {
			rows = append(rows, strings.TrimRight(duRow(opts, "", share(u.workers[host]), "", host, ""), " "))
		}
	}
	return rows
}

func duRow(opts duOptions, size, cached, memory, worker, path string) string {
	row := fmt.Sprintf("%-13s %-16s ", size, cached)
	if opts.memory {
		row += fmt.Sprintf("%-16s ", memory)
	}
	if opts.byWorker {
		row += fmt.Sprintf("%-25s ", worker)
	}
	return row + path
}

func newLocationCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "location PATH...",
		Short:   "List the workers that have blocks of a file",
		Example: examples("fs location /data/f"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			info, err := sh.statFile(ctx, path)
			if err != nil {
				return err
			}
			hosts := map[string]bool{}
			for _, b := range info.Blocks {
				for _, l := range b.Locations {
					hosts[l.Worker.Host] = true
				}
			}
			sh.printf("%s with file id %d is on nodes: ", path, info.FileID)
			for _, host := range sortedKeys(hosts) {
				sh.printf("%s", host)
			}
			return nil
		}),
	}
}

func newGetfaclCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "getfacl PATH...",
		Short:   "Show who may do what with a file or directory",
		Example: examples("fs getfacl /data"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			info, err := sh.stat(ctx, path)
			if err != nil {
				return err
			}
			sh.printf("# file: %s\n# owner: %s\n# group: %s", info.Path, info.Owner, info.Group)
			for _, e := range aclOf(info) {
				sh.printf("%s", e)
			}
			return nil
		}),
	}
}

// aclOf returns all entries of a file, those of its mode included.
func aclOf(f *client.FileInfo) []client.ACLEntry {
	has := map[client.ACLType]bool{}
	for _, e := range f.ACL {
		has[e.Type] = true
	}
	var entries []client.ACLEntry
	for _, base := range []struct {
		kind  client.ACLType
		shift uint
	}{{client.ACLOwner, 6}, {client.ACLOwningGroup, 3}, {client.ACLOther, 0}} {
		if !has[base.kind] {
			entries = append(entries, client.ACLEntry{Type: base.kind, Rights: f.Mode >> base.shift & 7})
		}
	}
	entries = append(entries, f.ACL...)
	order := []client.ACLType{client.ACLOwner, client.ACLNamedUser, client.ACLOwningGroup, client.ACLNamedGroup, client.ACLMask, client.ACLOther}
	slices.SortStableFunc(entries, func(a, b client.ACLEntry) int { return slices.Index(order, a.Type) - slices.Index(order, b.Type) })
	return append(entries, f.DefaultACL...)
}
