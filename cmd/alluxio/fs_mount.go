package main

import (
	"context"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// mountFlags are the options of mount and updateMount.
type mountFlags struct {
	readOnly, shared bool
	options          []string
}

func (m *mountFlags) addTo(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&m.readOnly, "readonly", false, "refuse writes below the mount point")
	cmd.Flags().BoolVar(&m.shared, "shared", false, "let all users read and write below the mount point")
	cmd.Flags().StringArrayVar(&m.options, "option", nil, "key=value: a property of the store, such as a credential; may be repeated")
}

// parse returns the options for the client, checked. Values never appear in its
// errors: they may be credentials.
func (m *mountFlags) parse(cmd *cobra.Command) (client.MountOptions, error) {
	props := map[string]string{}
	for _, option := range m.options {
		name, value, ok := strings.Cut(option, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return client.MountOptions{}, usagef(cmd, "The value of --option must be key=value (given for %q).", name)
		}
		props[strings.TrimSpace(name)] = value
	}
	props, err := config.CheckMountOptions(props)
	return client.MountOptions{ReadOnly: m.readOnly, Shared: m.shared, Properties: props}, err
}

func newMountCmd(env *Env) *cobra.Command {
	var flags mountFlags
	cmd := &cobra.Command{
		Use:   "mount [--readonly] [--shared] [--option KEY=VALUE]... [PATH UFS_URI]",
		Short: "Mount a store, or list what is mounted",
		Long: "Makes a store appear at a path that does not exist yet. Without arguments lists all mount points. " +
			"Credentials and other properties of the store are given with --option.",
		Example: examples("fs mount", "fs mount /archive file:///srv/archive",
			"fs mount --option fs.kodo.accesskey=AK --option fs.kodo.secretkey=SK \\\n      --option alluxio.underfs.kodo.downloadhost=cdn.example.com --option alluxio.underfs.kodo.endpoint=iovip.qbox.me /kodo kodo://bucket/dir/"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 0 && len(args) != 2 {
				return usagef(cmd, "Command mount takes 0 or 2 arguments, not %d", len(args))
			}
			opts, err := flags.parse(cmd)
			if err != nil {
				return err
			}
			return withShell(env, func(ctx context.Context, sh *shell, args []string) error { return runMount(ctx, sh, opts, args) })(cmd, args)
		},
	}
	flags.addTo(cmd)
	return cmd
}

func runMount(ctx context.Context, sh *shell, opts client.MountOptions, args []string) error {
	if len(args) == 0 {
		table, err := sh.fs.MountTable(ctx, true)
		if err == nil {
			writeMounts(sh.Stdout, table)
		}
		return err
	}
	if err := sh.fs.Mount(ctx, args[0], args[1], opts); err != nil {
		return err
	}
	sh.printf("Mounted %s at %s", args[1], args[0])
	return nil
}

func newUnmountCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "unmount PATH...",
		Aliases: []string{"umount"},
		Short:   "Take a store out of the namespace; its content stays",
		Example: examples("fs unmount /kodo"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			err := sh.fs.Unmount(ctx, path)
			if err == nil {
				sh.printf("Unmounted %s", path)
			}
			return err
		}),
	}
}

func newUpdateMountCmd(env *Env) *cobra.Command {
	var flags mountFlags
	cmd := &cobra.Command{
		Use:     "updateMount [--readonly] [--shared] [--option KEY=VALUE]... PATH",
		Short:   "Replace all options of a mount point",
		Example: examples("fs updateMount --readonly --option fs.kodo.accesskey=AK --option fs.kodo.secretkey=SK /kodo"),
		Args:    argCount(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.parse(cmd)
			if err != nil {
				return err
			}
			return withShell(env, func(ctx context.Context, sh *shell, args []string) error {
				err := sh.fs.UpdateMount(ctx, args[0], opts)
				if err == nil {
					sh.printf("Updated mount point options at %s", args[0])
				}
				return err
			})(cmd, args)
		},
	}
	flags.addTo(cmd)
	return cmd
}

func newGetCapacityBytesCmd(env *Env) *cobra.Command {
	return newCapacityCmd(env, "getCapacityBytes", "Print the cache space of all workers", "Capacity Bytes", func(c client.Capacity) int64 { return c.CapacityBytes })
}

func newGetUsedBytesCmd(env *Env) *cobra.Command {
	return newCapacityCmd(env, "getUsedBytes", "Print how much of the cache space is used", "Used Bytes", func(c client.Capacity) int64 { return c.UsedBytes })
}

func newCapacityCmd(env *Env, name, short, label string, value func(client.Capacity) int64) *cobra.Command {
	return &cobra.Command{
		Use:     name,
		Short:   short,
		Example: examples("fs " + name),
		Args:    argCount(0, 0),
		RunE: withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
			capacity, err := sh.fs.Capacity(ctx)
			if err == nil {
				sh.printf("%s: %d", label, value(capacity))
			}
			return err
		}),
	}
}

func newLeaderCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "leader",
		Short:   "Print the host of the leading master",
		Example: examples("fs leader"),
		Args:    argCount(0, 0),
		RunE: withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
			leader, err := sh.fs.Leader(ctx)
			if err != nil {
				return err
			}
			host, _, err := net.SplitHostPort(leader)
			if err != nil {
				return err
			}
			sh.printf("%s", host)
			return nil
		}),
	}
}

func newMasterInfoCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "masterInfo",
		Short:   "Print the addresses of the masters",
		Example: examples("fs masterInfo"),
		Args:    argCount(0, 0),
		RunE: withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
			leader, err := sh.fs.Leader(ctx)
			if err != nil {
				return errors.Errorf(errors.Unavailable, "No master leads at the moment: %w", err)
			}
			sh.printf("Current leader master: %s", leader)
			sh.printf("All masters: [%s]", strings.Join(sh.conf.MasterAddresses(), ", "))
			return nil
		}),
	}
}
