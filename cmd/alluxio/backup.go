package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/metapb"
)

// backupPoll is how often a backup under way is asked about.
const backupPoll = 200 * time.Millisecond

func newBackupCmd(env *Env) *cobra.Command {
	var local bool
	cmd := &cobra.Command{
		Use:   "backup [--local] [DIRECTORY]",
		Short: "Write the metadata of this moment to a file",
		Long: "Writes all metadata, as it is at this moment, to a new file in a directory of the root under file system: an absolute path there " +
			"or a URI; alluxio.master.backup.directory, when none is given. The file is checksummed and holds the options of mounts, credentials among them. " +
			"A freshly formatted master begins with it by alluxio-start.sh -i FILE.",
		Example: examples("fsadmin backup", "fsadmin backup /srv/backups --local", "fsadmin backup kodo://bucket/backups"),
		Args:    argCount(0, 1),
		RunE: withShell(env, func(ctx context.Context, sh *shell, args []string) error {
			req := &metapb.BackupPRequest{Options: &metapb.BackupPOptions{LocalFileSystem: &local, RunAsync: new(true), AllowLeader: new(true)}}
			if len(args) > 0 {
				req.TargetDirectory = &args[0]
			}
			return runBackup(ctx, sh, req)
		}),
	}
	f := cmd.Flags()
	f.BoolVar(&local, "local", false, "write to the disk of the leading master's machine instead")
	f.Bool("allow-leader", false, "accepted for compatibility: the leading master takes the backup, and serves on meanwhile")
	f.Bool("bypass-delegation", false, "accepted for compatibility")
	return cmd
}

func runBackup(ctx context.Context, sh *shell, req *metapb.BackupPRequest) error {
	status, err := ask(ctx, sh, metapb.NewMetaMasterClientServiceClient, metapb.MetaMasterClientServiceClient.Backup, req)
	for err == nil && status.GetBackupState() != metapb.BackupState_Completed {
		select {
		case <-ctx.Done():
			return errors.E("backup", status.GetBackupId(), errors.Other, ctx.Err())
		case <-time.After(backupPoll):
		}
		status, err = ask(ctx, sh, metapb.NewMetaMasterClientServiceClient, metapb.MetaMasterClientServiceClient.GetBackupStatus,
			&metapb.BackupStatusPRequest{BackupId: status.BackupId})
	}
	if err != nil {
		return err
	}
	sh.printf("Backup Host        : %s", status.GetBackupHost())
	sh.printf("Backup URI         : %s", status.GetBackupUri())
	sh.printf("Backup Entry Count : %d", status.GetEntryCount())
	return nil
}
