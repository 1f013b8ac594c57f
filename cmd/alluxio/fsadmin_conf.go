package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
)

func newPathConfCmd(env *Env) *cobra.Command {
	return newGroup("pathConf", "Set defaults of clients for parts of the namespace", "",
		&cobra.Command{
			Use:     "list",
			Short:   "List the paths that have defaults of their own",
			Example: examples("fsadmin pathConf list"),
			Args:    argCount(0, 0),
			RunE: withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
				paths, err := sh.pathConfigs(ctx)
				for _, path := range sortedKeys(paths) {
					sh.printf("%s", path)
				}
				return err
			}),
		}, newPathConfShowCmd(env), newPathConfAddCmd(env), newPathConfRemoveCmd(env))
}

// pathConfigs returns the defaults of all paths.
func (sh *shell) pathConfigs(ctx context.Context) (map[string]map[string]string, error) {
	conf, err := sh.fs.Configuration(ctx, client.ConfigurationOptions{IgnoreCluster: true})
	if err != nil {
		return nil, err
	}
	paths := map[string]map[string]string{}
	for path, props := range conf.Paths {
		paths[path] = map[string]string{}
		for _, p := range props {
			paths[path][p.Name] = p.Value
		}
	}
	return paths, nil
}

func newPathConfShowCmd(env *Env) *cobra.Command {
	var inherited bool
	cmd := &cobra.Command{
		Use:     "show [--all] PATH",
		Short:   "Show the defaults of a path",
		Example: examples("fsadmin pathConf show /data", "fsadmin pathConf show --all /data/x"),
		Args:    argCount(1, 1),
		RunE: withShell(env, func(ctx context.Context, sh *shell, args []string) error {
			path, err := fspath.Clean(args[0])
			if err != nil {
				return err
			}
			paths, err := sh.pathConfigs(ctx)
			if err != nil {
				return err
			}
			props := map[string]string{}
			for _, p := range sortedKeys(paths) { // a longer prefix comes later and wins
				if p == path || inherited && fspath.Within(p, path) {
					for name, value := range paths[p] {
						props[name] = value
					}
				}
			}
			for _, name := range sortedKeys(props) {
				sh.printf("%s=%s", name, props[name])
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&inherited, "all", false, "also what it has from directories above")
	return cmd
}

func newPathConfAddCmd(env *Env) *cobra.Command {
	var properties []string
	cmd := &cobra.Command{
		Use:     "add --property KEY=VALUE... PATH",
		Short:   "Set defaults of a path",
		Example: examples("fsadmin pathConf add --property alluxio.user.file.writetype.default=CACHE_THROUGH /data"),
		Args:    argCount(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := keyValues(cmd, properties)
			if err != nil {
				return err
			}
			if len(values) == 0 {
				return usagef(cmd, "Command add needs at least one --property")
			}
			for name := range values {
				key, err := config.LookupKey(name)
				if err != nil {
					return err
				}
				if key == nil || key.Scope()&config.Client == 0 {
					return usagef(cmd, "%s is not a property of clients: it cannot differ by path", name)
				}
			}
			return withShell(env, func(ctx context.Context, sh *shell, args []string) error {
				return sh.fs.SetPathConfiguration(ctx, args[0], values)
			})(cmd, args)
		},
	}
	cmd.Flags().StringArrayVar(&properties, "property", nil, "key=value; may be repeated")
	return cmd
}

// keyValues parses "key=value" arguments.
func keyValues(cmd *cobra.Command, args []string) (map[string]string, error) {
	values := map[string]string{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, usagef(cmd, "%s is not of the form key=value", arg)
		}
		values[name] = strings.TrimSpace(value)
	}
	return values, nil
}

func newPathConfRemoveCmd(env *Env) *cobra.Command {
	var keys []string
	cmd := &cobra.Command{
		Use:     "remove [--keys KEY,KEY] PATH",
		Short:   "Remove defaults of a path, all of them without --keys",
		Example: examples("fsadmin pathConf remove /data"),
		Args:    argCount(1, 1),
		RunE: withShell(env, func(ctx context.Context, sh *shell, args []string) error {
			return sh.fs.RemovePathConfiguration(ctx, args[0], keys...)
		}),
	}
	cmd.Flags().StringSliceVar(&keys, "keys", nil, "only these")
	return cmd
}

func newUpdateConfCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "updateConf KEY=VALUE...",
		Short:   "Change properties of the running master, until it is restarted",
		Long:    "Changes properties of the running master. It has to allow that with alluxio.conf.dynamic.update.enabled=true.",
		Example: examples("fsadmin updateConf alluxio.master.worker.timeout=4min"),
		Args:    argCount(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := keyValues(cmd, args)
			if err != nil {
				return err
			}
			return withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
				changed, err := sh.fs.UpdateConfiguration(ctx, values)
				if err != nil {
					return err
				}
				var failed []string
				for _, name := range sortedKeys(values) {
					if !changed[name] {
						failed = append(failed, name)
					}
				}
				sh.printf("Updated %d configs", len(values)-len(failed))
				if len(failed) > 0 {
					return errors.Errorf(errors.Invalid, "Failed to update %s: not a property that can change at run time, or not a value of it.", strings.Join(failed, ", "))
				}
				return nil
			})(cmd, args)
		},
	}
}

func newUFSModeCmd(env *Env) *cobra.Command {
	var mode string
	modes := map[string]client.UFSMode{"noaccess": client.UFSNoAccess, "readonly": client.UFSReadOnly, "readwrite": client.UFSReadWrite}
	cmd := &cobra.Command{
		Use:     "ufs --mode noAccess|readOnly|readWrite UFS_URI",
		Short:   "Say what the cluster may do with a store, while that is under maintenance",
		Long:    "UFS_URI is the scheme and authority of the store, without a path: kodo://bucket/.",
		Example: examples("fsadmin ufs --mode readOnly kodo://bucket/"),
		Args:    argCount(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, ok := modes[strings.ToLower(mode)]
			if !ok {
				return usagef(cmd, "Unrecognized mode %q", mode)
			}
			if _, path, ok := strings.Cut(args[0], "://"); args[0] != "/" && (!ok || strings.Contains(strings.TrimSuffix(path, "/"), "/")) {
				return usagef(cmd, "The ufs path should have only scheme and authority but no path.")
			}
			return withShell(env, func(ctx context.Context, sh *shell, args []string) error {
				err := sh.fs.SetUFSMode(ctx, args[0], m)
				if err == nil {
					sh.printf("Ufs mode updated")
				}
				return err
			})(cmd, args)
		},
	}
	cmd.Flags().StringVar(&mode, "mode", "", "noAccess, readOnly or readWrite")
	return cmd
}

func newMetricsCmd(env *Env) *cobra.Command {
	return newGroup("metrics", "Look after metrics", "", &cobra.Command{
		Use:     "clear",
		Short:   "Set the master's metrics to zero",
		Example: examples("fsadmin metrics clear"),
		Args:    argCount(0, 0),
		RunE: withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
			err := sh.fs.ClearMetrics(ctx)
			if err == nil {
				sh.printf("Successfully cleared metrics of Alluxio leading master.")
			}
			return err
		}),
	})
}

func newStatelockCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "statelock",
		Short:   "List who holds the master's state lock",
		Example: examples("fsadmin statelock"),
		Args:    argCount(0, 0),
		RunE: withShell(env, func(ctx context.Context, sh *shell, _ []string) error {
			holders, err := sh.fs.StateLockHolders(ctx)
			slices.Sort(holders)
			for _, h := range holders {
				sh.printf("%s", h)
			}
			return err
		}),
	}
}
