package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/daemon"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/journal"
)

func newFormatCmd(env *Env) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "format [-s]",
		Short: "Format all masters and workers",
		Long: "Formats the journal of every host in conf/masters and the storage of every host in conf/workers. " +
			"All metadata and cached data are lost; what is in the under stores stays.",
		Example: examples("format", "format -s"),
		Args:    argCount(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := runFormatAll(cmd.Context(), env, "workers", "formatWorker", keep); err != nil {
				return err
			}
			return runFormatAll(cmd.Context(), env, "masters", "formatJournal", keep)
		},
	}
	addKeepFlag(cmd, &keep)
	return cmd
}

func addKeepFlag(cmd *cobra.Command, keep *bool) {
	cmd.Flags().BoolVarP(keep, "only-unformatted", "s", false, "leave what is formatted already as it is")
}

func newFormatMastersCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "formatMasters",
		Short:   "Format the journals of all masters",
		Long:    "Formats the journal of every host in conf/masters. All metadata is lost; what is in the under stores stays.",
		Example: examples("formatMasters"),
		Args:    argCount(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runFormatAll(cmd.Context(), env, "masters", "formatJournal", false)
		},
	}
}

func newFormatJournalCmd(env *Env) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:     "formatJournal",
		Aliases: []string{"formatMaster"},
		Short:   "Format the journal of the master on this machine",
		Long:    "Makes the journal of this machine's master an empty one. All metadata is lost; what is in the under stores stays.",
		Example: examples("formatJournal", "formatJournal -s"),
		Args:    argCount(0, 0),
		RunE:    func(*cobra.Command, []string) error { return runFormatJournal(env, keep) },
	}
	addKeepFlag(cmd, &keep)
	return cmd
}

func newFormatWorkerCmd(env *Env) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:     "formatWorker",
		Short:   "Empty the storage of the worker on this machine",
		Long:    "Removes all cached blocks of this machine's worker. Files that were only cached are lost.",
		Example: examples("formatWorker", "formatWorker -s"),
		Args:    argCount(0, 0),
		RunE:    func(*cobra.Command, []string) error { return runFormatWorker(env, keep) },
	}
	addKeepFlag(cmd, &keep)
	return cmd
}

// runFormatAll formats the hosts of conf/masters or conf/workers: this machine
// directly, others over ssh. Every host is tried; failures are counted.
func runFormatAll(ctx context.Context, env *Env, kind, command string, keep bool) error {
	conf, err := env.Config(config.Client)
	if err != nil {
		return err
	}
	file := filepath.Join(conf.String(config.ConfDir), kind)
	hosts, err := readHosts(file)
	if err != nil {
		return err
	}
	var failed []string
	for _, host := range hosts {
		switch {
		case !isThisMachine(host):
			err = runRemote(ctx, env, conf, host, command, keep)
		case kind == "masters":
			err = runFormatJournal(env, keep)
		default:
			err = runFormatWorker(env, keep)
		}
		if err != nil {
			env.warnf("%s: %v", host, err)
			failed = append(failed, host)
		}
	}
	if len(failed) > 0 {
		return errors.Errorf(errors.Other, "Not formatted: %s.", strings.Join(failed, ", "))
	}
	return nil
}

// runFormatJournal formats the journal of this machine's master.
func runFormatJournal(env *Env, keep bool) error {
	conf, err := env.Config(config.Master)
	if err != nil {
		return err
	}
	env.printf("Formatting Alluxio Master @ %s", conf.LocalHost())
	if err := refuseWhileRunning(conf, "master"); err != nil {
		return err
	}
	dir := conf.String(config.MasterJournalFolder)
	err = journal.Format(dir, journal.FormatOptions{Force: !keep})
	if keep && errors.Is(err, errors.Exists) {
		env.printf("The journal at %s is formatted already.", dir)
		return nil
	}
	if err != nil {
		return err
	}
	env.printf("Formatted the journal at %s", dir)
	env.printf("Formatting complete")
	return nil
}

// runFormatWorker empties the storage directories of this machine's worker.
func runFormatWorker(env *Env, keep bool) error {
	conf, err := env.Config(config.Worker)
	if err != nil {
		return err
	}
	env.printf("Formatting Alluxio Worker @ %s", conf.LocalHost())
	if err := refuseWhileRunning(conf, "worker"); err != nil {
		return err
	}
	folders, err := storageFolders(conf)
	if err != nil {
		return err
	}
	lock, err := lockStorage(folders)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if err = formatStorage(env, folder, keep); err != nil {
			break
		}
	}
	if err = errors.Join(err, lock.release()); err != nil {
		return err
	}
	env.printf("Formatting complete")
	return nil
}

// formatStorage makes the data folder an empty one.
func formatStorage(env *Env, folder string, keep bool) error {
	if _, err := os.Stat(folder); err == nil && keep {
		env.printf("%s exists already.", folder)
		return nil
	}
	if err := os.RemoveAll(folder); err != nil {
		return errors.E("formatWorker", folder, errors.Other, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return errors.E("formatWorker", folder, errors.Other, err)
	}
	env.printf("Formatted %s", folder)
	return nil
}

// refuseWhileRunning fails when the process runs on this installation.
func refuseWhileRunning(conf *config.Config, process string) error {
	pid, err := daemon.Holder(filepath.Join(conf.String(config.LogsDir), process+".pid"))
	if err != nil {
		return err
	}
	if pid != 0 {
		return errors.Errorf(errors.FailedPrecondition, "The %s is running (pid %s): stop it first, with alluxio-stop.sh %s.", process, strconv.Itoa(pid), process)
	}
	return nil
}
