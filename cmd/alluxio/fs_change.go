package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

func newMkdirCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "mkdir PATH...",
		Short:   "Create directories, with their parents",
		Example: examples("fs mkdir /data/2026"),
		Args:    argCount(1, -1),
		RunE: withShell(env, func(ctx context.Context, sh *shell, args []string) error {
			var errs []error
			for _, path := range args {
				err := sh.fs.Mkdir(ctx, path, client.MkdirOptions{Recursive: true})
				if err == nil {
					sh.printf("Successfully created directory %s", path)
				}
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		}),
	}
}

func newTouchCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "touch PATH...",
		Short:   "Create empty files",
		Example: examples("fs touch /data/_SUCCESS"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			w, err := sh.fs.Create(ctx, path, client.CreateOptions{Recursive: true})
			if err == nil {
				err = w.Close()
			}
			if err == nil {
				sh.printf("%s has been created", path)
			}
			return err
		}),
	}
}

func newMvCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "mv SRC DST",
		Short:   "Rename a file or directory; DST must not exist",
		Example: examples("fs mv /data/new /data/2026"),
		Args:    argCount(2, 2),
		RunE: withShell(env, func(ctx context.Context, sh *shell, args []string) error {
			err := sh.fs.Rename(ctx, args[0], args[1], client.RenameOptions{})
			if err == nil {
				sh.printf("Renamed %s to %s", args[0], args[1])
			}
			return err
		}),
	}
}

func newRmCmd(env *Env) *cobra.Command {
	var opts client.DeleteOptions
	cmd := &cobra.Command{
		Use:     "rm [-R] [-U] [--alluxioOnly] [-m] PATH...",
		Short:   "Remove files and directories, also in the under store",
		Example: examples("fs rm /data/f", "fs rm -R /data/2025", "fs rm -R --alluxioOnly /data/2025"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			return runRm(ctx, sh, opts, path)
		}),
	}
	recursiveFlags(cmd, &opts.Recursive, true, "directories with all that is in them")
	cmd.Flags().BoolVarP(&opts.Unchecked, "skip-ufs-check", "U", false, "do not compare directories with the under store first")
	cmd.Flags().BoolVar(&opts.AlluxioOnly, "alluxioOnly", false, "leave the under store alone")
	cmd.Flags().BoolVarP(&opts.DeleteMountPoint, "deleteMountPoint", "m", false, "also unmount what is mounted there")
	return cmd
}

func runRm(ctx context.Context, sh *shell, opts client.DeleteOptions, path string) error {
	if !opts.Recursive {
		info, err := sh.stat(ctx, path)
		if err != nil {
			return err
		}
		if info.Folder {
			return errors.Errorf(errors.Invalid, `%s is a directory, to remove it, please use "rm -R/-r/--recursive <path>"`, path)
		}
	}
	if err := sh.fs.Delete(ctx, path, opts); err != nil {
		return err
	}
	if opts.AlluxioOnly {
		sh.printf("%s has been removed only from Alluxio space", path)
	} else {
		sh.printf("%s has been removed", path)
	}
	return nil
}

func newSetTTLCmd(env *Env) *cobra.Command {
	action := ""
	cmd := &cobra.Command{
		Use:   "setTtl [--action delete|free|delete_alluxio] PATH TIME",
		Short: "Let a file or directory expire",
		Long: "Sets how long after its creation a file or directory expires: TIME is 30s, 5min, 2h, 1day or milliseconds, -1 never. " +
			"At the end it is deleted also in the under store (delete), its cached copies are dropped (free), or it is deleted in Alluxio alone (delete_alluxio).",
		Example: examples("fs setTtl --action free /data/2025 7day", "fs setTtl /tmp/x 10min"),
		Args:    argCount(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ttlAction := client.TTLAction(strings.ToUpper(action))
			if !slices.Contains([]client.TTLAction{client.TTLDelete, client.TTLFree, client.TTLDeleteAlluxio}, ttlAction) {
				return usagef(cmd, "TTL action should be DELETE, FREE or DELETE_ALLUXIO, not %s", action)
			}
			ttl, err := config.ParseDuration(args[1])
			if err != nil {
				return usagef(cmd, "%s is not valid time", args[1])
			}
			return onEach(env, func(ctx context.Context, sh *shell, path string) error {
				err := sh.fs.SetAttribute(ctx, path, client.Attributes{TTL: &ttl, TTLAction: &ttlAction})
				if err == nil {
					sh.printf("TTL of path '%s' was successfully set to %d milliseconds, with expiry action set to %s", path, ttl.Milliseconds(), ttlAction)
				}
				return err
			})(cmd, args[:1])
		},
	}
	cmd.Flags().StringVar(&action, "action", "delete", "what happens at the end")
	return cmd
}

func newUnsetTTLCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "unsetTtl PATH...",
		Short:   "Let files and directories live for ever",
		Example: examples("fs unsetTtl /data/2025"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			ttl := client.NoTTL
			err := sh.fs.SetAttribute(ctx, path, client.Attributes{TTL: &ttl})
			if err == nil {
				sh.printf("TTL of file '%s' was successfully removed.", path)
			}
			return err
		}),
	}
}
