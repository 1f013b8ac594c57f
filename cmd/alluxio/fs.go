package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

func newFsCmd(env *Env) *cobra.Command {
	fs := newGroup("fs", "Work with files and directories",
		"Works with files and directories. Paths are /a/b or alluxio://host:port/a/b; \"*\" stands for any characters within a name.\n"+
			"For several paths every one is tried; what fails is reported at the end.")
	fs.AddGroup(
		&cobra.Group{ID: "look", Title: "Looking:"},
		&cobra.Group{ID: "change", Title: "Changing:"},
		&cobra.Group{ID: "copy", Title: "Copying:"},
		&cobra.Group{ID: "cache", Title: "Cache and stores:"},
		&cobra.Group{ID: "cluster", Title: "Cluster:"},
	)
	addTo(fs, "look", newLsCmd(env), newStatCmd(env), newTestCmd(env), newCountCmd(env), newDuCmd(env),
		newCatCmd(env), newHeadCmd(env), newTailCmd(env), newChecksumCmd(env), newGetfaclCmd(env))
	addTo(fs, "change", newMkdirCmd(env), newTouchCmd(env), newMvCmd(env), newRmCmd(env),
		newChmodCmd(env), newChownCmd(env), newChgrpCmd(env), newSetfaclCmd(env), newSetTTLCmd(env), newUnsetTTLCmd(env))
	addTo(fs, "copy", newCpCmd(env), newCopyFromLocalCmd(env), newCopyToLocalCmd(env),
		newDistributedCpCmd(env), newDistributedMvCmd(env), newDistributedLoadCmd(env))
	addTo(fs, "cache", newMountCmd(env), newUnmountCmd(env), newUpdateMountCmd(env), newFreeCmd(env), newPersistCmd(env), newLoadCmd(env),
		newLocationCmd(env), newPinCmd(env), newUnpinCmd(env), newSetReplicationCmd(env), newLoadMetadataCmd(env), newCheckConsistencyCmd(env))
	addTo(fs, "cluster", newGetCapacityBytesCmd(env), newGetUsedBytesCmd(env), newLeaderCmd(env), newMasterInfoCmd(env))
	completePaths(env, fs.Commands())
	return fs
}

// paths expands wildcards in all patterns. A pattern that matches nothing is an
// error, after the others have been expanded.
func (sh *shell) paths(ctx context.Context, patterns []string) ([]string, error) {
	var paths []string
	var errs []error
	for _, pattern := range patterns {
		found, err := expand(ctx, pattern, sh.children)
		if err != nil {
			errs = append(errs, err)
		}
		paths = append(paths, found...)
	}
	return paths, errors.Join(errs...)
}

// children lists a directory for wildcards; a file has none.
func (sh *shell) children(ctx context.Context, dir string) ([]entry, error) {
	var children []entry
	for info, err := range sh.fs.List(ctx, dir, client.ListOptions{OmitMountInfo: true}) {
		if err != nil {
			return nil, err
		}
		if info.Path != dir {
			children = append(children, entry{info.Name, info.Folder})
		}
	}
	return children, nil
}

// forEach runs f on every path that the patterns match. All are tried; the
// errors come together.
func (sh *shell) forEach(ctx context.Context, patterns []string, f func(path string) error) error {
	paths, err := sh.paths(ctx, patterns)
	errs := []error{err}
	for _, path := range paths {
		if ctx.Err() != nil {
			break
		}
		errs = append(errs, f(path))
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// onEach returns the action of a command that does the same to each path.
func onEach(env *Env, f func(ctx context.Context, sh *shell, path string) error) func(*cobra.Command, []string) error {
	return withShell(env, func(ctx context.Context, sh *shell, args []string) error {
		return sh.forEach(ctx, args, func(path string) error { return f(ctx, sh, path) })
	})
}

// stat describes a path without marking it as accessed.
func (sh *shell) stat(ctx context.Context, path string) (*client.FileInfo, error) {
	return sh.fs.Stat(ctx, path, client.StatOptions{KeepAccessTime: true})
}

// statFile describes a path that must be a file.
func (sh *shell) statFile(ctx context.Context, path string) (*client.FileInfo, error) {
	info, err := sh.stat(ctx, path)
	if err == nil && info.Folder {
		return nil, errors.Errorf(errors.Invalid, "Path %q must be a file.", path)
	}
	return info, err
}

// recursiveFlags adds -R, --recursive and, as some commands always had it, -r.
func recursiveFlags(cmd *cobra.Command, recursive *bool, lower bool, help string) {
	cmd.Flags().BoolVarP(recursive, "recursive", "R", false, help)
	if lower {
		cmd.Flags().BoolVarP(recursive, "r", "r", false, help)
		cmd.Flags().Lookup("r").Hidden = true
	}
}

// humanFlag adds -h for sizes; help is then --help only.
func humanFlag(cmd *cobra.Command, human *bool) {
	cmd.Flags().BoolVarP(human, "human-readable", "h", false, "sizes for people")
	cmd.Flags().Bool("help", false, "help for "+cmd.Name())
}

// sizeFlag parses an option that is a number of bytes, such as 4KB.
func sizeFlag(name, text string) (int64, error) {
	n, err := config.ParseBytes(text)
	if err != nil || n <= 0 {
		return 0, errors.Errorf(errors.Invalid, "Option %s: %q is not a size greater than 0 (write 512, 4KB, 8MB).", name, text)
	}
	return n, nil
}

// blockText describes a block and its copies.
func blockText(b client.BlockInfo) string {
	var locations []string
	for _, l := range b.Locations {
		locations = append(locations, fmt.Sprintf("BlockLocation{workerId=%d, address=%s, tierAlias=%s, mediumType=%s}", l.WorkerID, workerText(l.Worker), l.TierAlias, l.MediumType))
	}
	return fmt.Sprintf("BlockInfo{id=%d, length=%d, locations=[%s]}", b.ID, b.Length, strings.Join(locations, ", "))
}

func workerText(a client.WorkerAddress) string {
	var tiers []string
	for _, t := range a.Tiers {
		tiers = append(tiers, t.Name+"="+t.Value)
	}
	return fmt.Sprintf("WorkerNetAddress{host=%s, containerHost=%s, rpcPort=%d, dataPort=%d, webPort=%d, domainSocketPath=%s, tieredIdentity=TieredIdentity(%s)}",
		a.Host, a.ContainerHost, a.RPCPort, a.DataPort, a.WebPort, a.DomainSocketPath, strings.Join(tiers, ", "))
}
