package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/metapb"
)

func newFsadminCmd(env *Env) *cobra.Command {
	return newGroup("fsadmin", "Administer the cluster", "Reports on the cluster and administers it.",
		newReportCmd(env), newDoctorCmd(env), newGetBlockInfoCmd(env), newJournalCmd(env), newBackupCmd(env),
		newPathConfCmd(env), newUpdateConfCmd(env), newUFSModeCmd(env), newMetricsCmd(env), newStatelockCmd(env))
}

func newDoctorCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:       "doctor [configuration|storage]",
		Short:     "Look for configuration that differs between nodes and for failed storage",
		Example:   examples("fsadmin doctor", "fsadmin doctor storage"),
		Args:      argCount(0, 1),
		ValidArgs: []string{"configuration", "storage"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && !slices.Contains(cmd.ValidArgs, args[0]) {
				return usagef(cmd, "doctor category is invalid.")
			}
			return withShell(env, runDoctor)(cmd, args)
		},
	}
}

func runDoctor(ctx context.Context, sh *shell, args []string) error {
	all := len(args) == 0
	if all || args[0] == "configuration" {
		report, err := sh.fs.ConfigReport(ctx)
		if err != nil {
			return err
		}
		writeConfigReport(sh.Stdout, report)
	}
	if all || args[0] == "storage" {
		lost, err := sh.fs.LostStorage(ctx)
		if err != nil {
			return err
		}
		writeLostStorage(sh.Stdout, lost)
	}
	return nil
}

// writeConfigReport prints the properties that differ between nodes.
func writeConfigReport(w io.Writer, report client.ConfigReport) {
	if len(report.Errors) == 0 && len(report.Warnings) == 0 {
		fmt.Fprintln(w, "No server-side configuration errors or warnings.")
		return
	}
	for _, part := range []struct {
		title string
		found map[string]map[string][]string
	}{
		{"Server-side configuration errors (those properties are required to be identical): ", report.Errors},
		{"Server-side configuration warnings (those properties are recommended to be identical): ", report.Warnings},
	} {
		if len(part.found) == 0 {
			continue
		}
		fmt.Fprintln(w, part.title)
		for _, key := range slices.Sorted(maps.Keys(part.found)) {
			writeDifferences(w, key, part.found[key])
		}
	}
}

// writeDifferences prints the values of a property and the nodes that have them.
func writeDifferences(w io.Writer, key string, nodes map[string][]string) {
	fmt.Fprintf(w, "key: %s\n", key)
	for _, value := range slices.Sorted(maps.Keys(nodes)) {
		text := cmp.Or(value, "no value set")
		fmt.Fprintf(w, "    value: %s (%s)\n", text, strings.Join(slices.Sorted(slices.Values(nodes[value])), ", "))
	}
}

// writeLostStorage prints the storage directories that workers lost.
func writeLostStorage(w io.Writer, lost map[string]map[string][]string) {
	if len(lost) == 0 {
		fmt.Fprintln(w, "All worker storage paths are in working state.")
		return
	}
	for _, host := range slices.Sorted(maps.Keys(lost)) {
		fmt.Fprintf(w, "The following storage paths are lost in worker %s: \n", host)
		for _, tier := range sortTiers(slices.Collect(maps.Keys(lost[host]))) {
			for _, path := range lost[host][tier] {
				fmt.Fprintf(w, "%s (%s)\n", path, tier)
			}
		}
	}
}

func newGetBlockInfoCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "getBlockInfo BLOCK_ID",
		Short:   "Say where a block is cached and which file it belongs to",
		Example: examples("fsadmin getBlockInfo 16777216"),
		Args:    argCount(1, 1),
		RunE:    withShell(env, runGetBlockInfo),
	}
}

func runGetBlockInfo(ctx context.Context, sh *shell, args []string) error {
	n, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || n < 0 {
		return errors.Errorf(errors.Invalid, "%s is not a valid block id.", args[0])
	}
	info, err := sh.fs.BlockInfo(ctx, n)
	switch {
	case err == nil:
		sh.printf("%s", blockText(info))
	case errors.Is(err, errors.NotFound):
		sh.printf("BlockMeta is not available for blockId: %d", n)
	default:
		return err
	}
	return sh.printOwner(ctx, blockid.ID(n))
}

// printOwner says which file has a block. A directory's id is of the same
// kind as a file's, but it has no blocks.
func (sh *shell) printOwner(ctx context.Context, b blockid.ID) error {
	file := b.File()
	path, err := sh.fs.FilePath(ctx, int64(file))
	if errors.Is(err, errors.NotFound) {
		return errors.Errorf(errors.NotFound, "This block belongs to no file: there is none with the id %d.", file)
	}
	if err != nil {
		return err
	}
	info, err := sh.stat(ctx, path)
	switch {
	case err != nil:
		return err
	case info.Folder:
		return errors.Errorf(errors.NotFound, "This block belongs to no file: the id %d is of the directory %s.", file, path)
	case !slices.Contains(info.BlockIDs, int64(b)):
		return errors.Errorf(errors.NotFound, "This block belongs to no file: %s (id %d) has %d blocks, and not this one.", path, file, len(info.BlockIDs))
	}
	sh.printf("This block belongs to file {id=%d, path=%s}", file, path)
	return nil
}

func newJournalCmd(env *Env) *cobra.Command {
	checkpoint := &cobra.Command{
		Use:     "checkpoint",
		Short:   "Take a snapshot of the metadata and drop the journal entries before it",
		Example: examples("fsadmin journal checkpoint"),
		Args:    argCount(0, 0),
		RunE: withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
			resp, err := ask(ctx, sh, metapb.NewMetaMasterClientServiceClient, metapb.MetaMasterClientServiceClient.Checkpoint, &metapb.CheckpointPOptions{})
			if err == nil {
				sh.printf("Successfully took a checkpoint on master %s", resp.GetMasterHostname())
			}
			return err
		}),
	}
	return newGroup("journal", "Look after the journal", "",
		checkpoint, newQuorumCmd(env))
}
