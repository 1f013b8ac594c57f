package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
)

type lsOptions struct {
	self, forceLoad, human, pinned, recursive, omitMountInfo, reverse bool
	sort, timestamp                                                   string
}

// lsSorts are the orders of --sort.
var lsSorts = map[string]func(a, b *client.FileInfo) int{
	"size":                 func(a, b *client.FileInfo) int { return cmp.Compare(a.Length, b.Length) },
	"creationTime":         func(a, b *client.FileInfo) int { return a.Created.Compare(b.Created) },
	"inMemoryPercentage":   func(a, b *client.FileInfo) int { return cmp.Compare(a.InMemoryPercentage, b.InMemoryPercentage) },
	"lastModificationTime": func(a, b *client.FileInfo) int { return a.Modified.Compare(b.Modified) },
	"lastAccessTime":       func(a, b *client.FileInfo) int { return a.Accessed.Compare(b.Accessed) },
	"name":                 func(a, b *client.FileInfo) int { return cmp.Compare(a.Name, b.Name) },
	"path":                 func(a, b *client.FileInfo) int { return cmp.Compare(a.Path, b.Path) },
}

// lsTimestamps are the times that --timestamp selects.
var lsTimestamps = map[string]func(*client.FileInfo) time.Time{
	"creationTime":         func(f *client.FileInfo) time.Time { return f.Created },
	"lastModificationTime": func(f *client.FileInfo) time.Time { return f.Modified },
	"lastAccessTime":       func(f *client.FileInfo) time.Time { return f.Accessed },
}

func newLsCmd(env *Env) *cobra.Command {
	var opts lsOptions
	cmd := &cobra.Command{
		Use:   "ls [-d] [-f] [-h] [-p] [-R] [-m] [--sort FIELD] [-r] [--timestamp FIELD] PATH...",
		Short: "List files and directories",
		Long: "Lists a directory, or a file itself: mode, owner, group, size (of a directory the number of its children), whether it is persisted, " +
			"time, how much of it is cached (DIR for a directory), path.",
		Example: examples("fs ls /", "fs ls -R /data", "fs ls --sort size -r '/logs/2026-*'", "fs ls -f /kodo"),
		Args:    argCount(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, ok := lsSorts[opts.sort]; !ok && opts.sort != "" {
				return usagef(cmd, "Invalid sort option `%s` for --sort", opts.sort)
			}
			if _, ok := lsTimestamps[opts.timestamp]; !ok {
				return usagef(cmd, "Unrecognized timestamp option %s", opts.timestamp)
			}
			return onEach(env, func(ctx context.Context, sh *shell, path string) error { return runLs(ctx, sh, opts, path) })(cmd, args)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&opts.self, "directory", "d", false, "the directory itself, not what is in it")
	f.BoolVarP(&opts.forceLoad, "force", "f", false, "look in the under store for new entries first")
	f.BoolVarP(&opts.pinned, "pinned", "p", false, "only what is pinned")
	recursiveFlags(cmd, &opts.recursive, false, "also what is in sub-directories")
	f.BoolVarP(&opts.omitMountInfo, "omit-mount-info", "m", false, "do not ask for details of mount points")
	f.StringVar(&opts.sort, "sort", "", "sort by size, creationTime, inMemoryPercentage, lastModificationTime, lastAccessTime, name or path")
	f.BoolVarP(&opts.reverse, "reverse", "r", false, "sort the other way round")
	f.StringVar(&opts.timestamp, "timestamp", "lastModificationTime", "show creationTime, lastModificationTime or lastAccessTime")
	humanFlag(cmd, &opts.human)
	return cmd
}

func runLs(ctx context.Context, sh *shell, opts lsOptions, path string) error {
	load := client.LoadMetadata("")
	if opts.forceLoad {
		load = client.LoadAlways
	}
	line := sh.lsLine(opts)
	if opts.self {
		info, err := sh.fs.Stat(ctx, path, client.StatOptions{LoadMetadata: load, KeepAccessTime: true})
		if err != nil {
			return err
		}
		sh.printf("%s", line(info))
		return nil
	}
	out := bufio.NewWriter(sh.Stdout)
	defer out.Flush()
	var sorted []*client.FileInfo
	for info, err := range sh.fs.List(ctx, path, client.ListOptions{Recursive: opts.recursive, LoadMetadata: load, OmitMountInfo: opts.omitMountInfo}) {
		switch {
		case err != nil:
			return err
		case opts.pinned && !info.Pinned:
		case opts.sort != "":
			sorted = append(sorted, info)
		default:
			fmt.Fprintln(out, line(info))
		}
	}
	if opts.sort != "" {
		slices.SortStableFunc(sorted, lsSorts[opts.sort])
	}
	if opts.reverse {
		slices.Reverse(sorted)
	}
	for _, info := range sorted {
		fmt.Fprintln(out, line(info))
	}
	return nil
}

// lsLine returns the function that formats an entry. Without permissions in the
// cluster there are no columns for them.
func (sh *shell) lsLine(opts lsOptions) func(*client.FileInfo) string {
	secure := sh.conf.Enum(config.SecurityAuthenticationType) != "NOSASL" && sh.conf.Bool(config.SecurityAuthorizationPermissionEnabled)
	timeOf := lsTimestamps[opts.timestamp]
	return func(f *client.FileInfo) string {
		owner := ""
		if secure {
			owner = fmt.Sprintf("%-12s%-15s%-15s", modeText(uint32(f.Mode), f.Folder, len(f.ACL)+len(f.DefaultACL) > 0), f.Owner, f.Group)
		}
		cached, size := strconv.Itoa(f.InAlluxioPercentage)+"%", bytesText(f.Length, opts.human)
		if f.Folder {
			cached, size = "DIR", strconv.FormatInt(f.Length, 10)
		}
		return fmt.Sprintf("%s%15s%16s%24s%5s %s", owner, size, f.PersistenceState, sh.date(timeOf(f)), cached, sh.name(f.Path))
	}
}

type statOptions struct {
	format string
	fileID int64
}

func newStatCmd(env *Env) *cobra.Command {
	opts := statOptions{fileID: -1}
	cmd := &cobra.Command{
		Use:   "stat [-f FORMAT] PATH... | stat --file-id ID",
		Short: "Show all that is known of a file or directory",
		Long: "Shows all that is known of a file or directory and its blocks. In FORMAT %N is the name, %z the size, %u the owner, %g the group, " +
			"%i the file id, %y the modification time, %Y the same in milliseconds since 1970, %b the number of blocks; of directories %z and %b are NA.",
		Example: examples("fs stat /data/f", "fs stat -f '%z %N' '/data/*'", "fs stat --file-id 33554431"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if byID := cmd.Flags().Changed("file-id"); byID != (len(args) == 0) {
				return usagef(cmd, "Command stat takes paths, or --file-id alone")
			}
			if len(args) > 0 {
				return onEach(env, func(ctx context.Context, sh *shell, path string) error { return runStat(ctx, sh, opts.format, path) })(cmd, args)
			}
			return withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
				path, err := sh.fs.FilePath(ctx, opts.fileID)
				if err != nil {
					return err
				}
				sh.printf("The specified file ID %d is %s", opts.fileID, path)
				return runStat(ctx, sh, opts.format, path)
			})(cmd, args)
		},
	}
	cmd.Flags().StringVarP(&opts.format, "format", "f", "", "what to print")
	cmd.Flags().Int64Var(&opts.fileID, "file-id", -1, "the file with this id")
	return cmd
}

func runStat(ctx context.Context, sh *shell, format, path string) error {
	info, err := sh.stat(ctx, path)
	if err != nil {
		return err
	}
	if format != "" {
		sh.printf("%s", formatStat(format, info))
		return nil
	}
	if info.Folder {
		sh.printf("%s is a directory path.", path)
		sh.printf("%s", statText(info))
		return nil
	}
	sh.printf("%s is a file path.", path)
	sh.printf("%s", statText(info))
	if len(info.Blocks) == 0 {
		sh.printf("This file does not contain any blocks.")
		return nil
	}
	sh.printf("Containing the following blocks: ")
	for _, b := range info.Blocks {
		sh.printf("%s", blockText(b.BlockInfo))
	}
	return nil
}

// formatStat replaces the % letters of stat -f.
func formatStat(format string, f *client.FileInfo) string {
	size, blocks := strconv.FormatInt(f.Length, 10), strconv.Itoa(len(f.BlockIDs))
	if f.Folder {
		size, blocks = "NA", "NA"
	}
	return strings.NewReplacer("%%", "%", "%N", f.Name, "%z", size, "%u", f.Owner, "%g", f.Group, "%i", strconv.FormatInt(f.FileID, 10),
		"%y", f.Modified.Local().Format(time.DateTime), "%Y", strconv.FormatInt(f.Modified.UnixMilli(), 10), "%b", blocks).Replace(format)
}

// statText returns all fields of a file under Alluxio's names, in its order.
func statText(f *client.FileInfo) string {
	var blocks []string
	for _, b := range f.Blocks {
		blocks = append(blocks, fmt.Sprintf("FileBlockInfo{blockInfo=%s, offset=%d}", blockText(b.BlockInfo), b.Offset))
	}
	var xattr []string
	for _, name := range sortedKeys(f.Xattr) {
		xattr = append(xattr, name+"="+string(f.Xattr[name]))
	}
	fields := []struct {
		name  string
		value any
	}{
		{"fileId", f.FileID}, {"name", f.Name}, {"path", f.Path}, {"ufsPath", f.UFSPath}, {"length", f.Length}, {"blockSizeBytes", f.BlockSize},
		{"creationTimeMs", f.Created.UnixMilli()}, {"completed", f.Completed}, {"folder", f.Folder}, {"pinned", f.Pinned}, {"pinnedlocation", bracketed(f.MediumTypes)},
		{"cacheable", f.Cacheable}, {"persisted", f.Persisted}, {"blockIds", bracketed(f.BlockIDs)}, {"inMemoryPercentage", f.InMemoryPercentage},
		{"lastModificationTimesMs", f.Modified.UnixMilli()}, {"ttl", f.TTL.Milliseconds()}, {"lastAccessTimesMs", f.Accessed.UnixMilli()}, {"ttlAction", f.TTLAction},
		{"owner", f.Owner}, {"group", f.Group}, {"mode", fmt.Sprintf("0%o", uint32(f.Mode))}, {"persistenceState", f.PersistenceState}, {"mountPoint", f.MountPoint},
		{"replicationMax", f.ReplicationMax}, {"replicationMin", f.ReplicationMin}, {"fileBlockInfos", bracketed(blocks)}, {"mountId", f.MountID},
		{"inAlluxioPercentage", f.InAlluxioPercentage}, {"ufsFingerprint", f.UFSFingerprint}, {"acl", bracketed(f.ACL)}, {"defaultAcl", bracketed(f.DefaultACL)},
		{"xattr", bracketed(xattr)},
	}
	parts := make([]string, len(fields))
	for i, field := range fields {
		parts[i] = fmt.Sprintf("%s=%v", field.name, field.value)
	}
	return "URIStatus{info=FileInfo{" + strings.Join(parts, ", ") + "}}"
}

// bracketed returns "[a, b]".
func bracketed[T any](items []T) string {
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i] = fmt.Sprint(item)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
