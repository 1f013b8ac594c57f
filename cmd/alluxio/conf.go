package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/version"
)

type getConfOptions struct {
	master, source bool
	unit           string
}

func newGetConfCmd(env *Env) *cobra.Command {
	var opts getConfOptions
	cmd := &cobra.Command{
		Use:   "getConf [--master] [--source] [--unit UNIT] [KEY]",
		Short: "Print properties",
		Long: "Prints the value of a property, or of all with their names. The value of a property that is not set is an empty line. " +
			"Credentials are shown as " + config.Masked + ".",
		Example: examples("getConf alluxio.master.rpc.port", "getConf --source", "getConf --unit KB alluxio.user.block.size.bytes.default", "getConf --master"),
		Args:    argCount(0, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runGetConf(cmd.Context(), env, opts, args) },
		ValidArgsFunction: func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return keyNames(prefix), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&opts.master, "master", false, "what the running master uses")
	cmd.Flags().BoolVar(&opts.source, "source", false, "where values come from")
	cmd.Flags().StringVar(&opts.unit, "unit", "", "print as a whole number of B, KB, MB, GB, TB, PB or MS, S, M, H, D")
	return cmd
}

// keyNames returns the names of the properties that begin with prefix.
func keyNames(prefix string) []string {
	var names []string
	for _, k := range config.Keys() {
		if strings.HasPrefix(k.Name(), prefix) {
			names = append(names, k.Name())
		}
	}
	return names
}

func runGetConf(ctx context.Context, env *Env, opts getConfOptions, args []string) error {
	conf, err := env.Config(config.Client)
	if err != nil {
		return err
	}
	props := conf.All()
	if opts.master {
		if props, err = masterProperties(ctx, env, conf); err != nil {
			return err
		}
	}
	if len(args) == 0 {
		if opts.unit != "" {
			return errors.Errorf(errors.Invalid, "--unit needs the name of a property.")
		}
		for _, p := range props {
			if opts.source {
				env.printf("%s=%s (%s)", p.Name, p.Value, p.Source)
			} else {
				env.printf("%s=%s", p.Name, p.Value)
			}
		}
		return nil
	}
	return printProperty(env, conf, props, opts, args[0])
}

// printProperty prints one property, looked up under its current name.
func printProperty(env *Env, conf *config.Config, props []config.Property, opts getConfOptions, name string) error {
	own, _, err := conf.Lookup(name)
	if err != nil {
		return err
	}
	found := config.Property{Name: own.Name}
	for _, p := range props {
		if p.Name == own.Name {
			found = p
		}
	}
	if found.Source == "" && !opts.master {
		found = own
	}
	switch {
	case opts.source:
		env.printf("%s", found.Source)
	case opts.unit != "":
		n, err := inUnit(found.Value, opts.unit)
		if err != nil {
			return err
		}
		env.printf("%d", n)
	default:
		env.printf("%s", found.Value)
	}
	return nil
}

// inUnit converts a size or duration to whole units.
func inUnit(value, unit string) (int64, error) {
	if size, err := config.ParseBytes("1" + unit); err == nil && unit != "" && !strings.EqualFold(unit, "m") {
		n, err := config.ParseBytes(value)
		if err != nil {
			return 0, errors.Errorf(errors.Invalid, "%s %w", value, err)
		}
		return n / size, nil
	}
	length, err := config.ParseDuration("1" + unit)
	if err != nil {
		return 0, errors.Errorf(errors.Invalid, "%s is no unit. Units are B, KB, MB, GB, TB, PB and MS, S, M, H, D.", unit)
	}
	d, err := config.ParseDuration(value)
	if err != nil {
		return 0, errors.Errorf(errors.Invalid, "%s %w", value, err)
	}
	return int64(d / length), nil
}

func newValidateConfCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "validateConf",
		Short:   "Check the configuration of this machine",
		Example: examples("validateConf"),
		Args:    argCount(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runValidateConf(env) },
	}
}

func runValidateConf(env *Env) error {
	env.printf("Validating configuration.")
	var conf *config.Config
	for _, role := range []config.Scope{config.Master, config.Worker, config.Client, config.All} {
		var err error
		if conf, err = env.Config(role); err != nil {
			return err
		}
	}
	if err := conf.Validate(); err != nil {
		return err
	}
	for _, w := range conf.Warnings() {
		env.warnf("Warning: %s", w)
	}
	env.printf("Configuration is valid.")
	return nil
}

func newBootstrapConfCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "bootstrapConf MASTER_HOSTNAME",
		Short:   "Write a first alluxio-site.properties",
		Long:    "Writes conf/alluxio-site.properties with the host name of the master. A file that exists is left as it is.",
		Example: examples("bootstrapConf localhost", "bootstrapConf master-1.example.com"),
		Args:    argCount(1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runBootstrapConf(env, args[0]) },
	}
}

func runBootstrapConf(env *Env, host string) error {
	if host == "" || strings.ContainsAny(host, " \t\n=:/\\") {
		return errors.Errorf(errors.Invalid, "%q is not a host name.", host)
	}
	conf, err := env.Config(config.Client)
	if err != nil {
		return err
	}
	file := filepath.Join(conf.String(config.ConfDir), config.SiteFile)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return errors.E("bootstrapConf", file, errors.Other, err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, errors.Exists) {
		env.printf("%s already exists", file)
		return nil
	}
	if err != nil {
		return errors.E("bootstrapConf", file, errors.Other, err)
	}
	_, err = fmt.Fprintf(f, "# What can be set here: docs/properties.md\n%s=%s\n", config.MasterHostname.Name(), host)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return errors.E("bootstrapConf", file, errors.Other, err)
	}
	env.printf("%s is created.", file)
	return nil
}

func newVersionCmd(env *Env) *cobra.Command {
	var length string
	cmd := &cobra.Command{
		Use:     "version [-r|--revision[=LENGTH]]",
		Short:   "Print the version",
		Example: examples("version", "version -r", "version --revision=8"),
		Args:    argCount(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && cmd.Flags().Changed("revision") {
				length = args[0]
			} else if len(args) == 1 {
				return usagef(cmd, "Command version takes 0 arguments, not 1")
			}
			return runVersion(env, length, cmd.Flags().Changed("revision"))
		},
	}
	cmd.Flags().StringVarP(&length, "revision", "r", "", "also the revision of the sources, cut to LENGTH")
	cmd.Flags().Lookup("revision").NoOptDefVal = "40"
	return cmd
}

func runVersion(env *Env, length string, withRevision bool) error {
	if !withRevision {
		env.printf("%s", version.Version)
		return nil
	}
	n, err := strconv.Atoi(length)
	if err != nil || n < 1 {
		return errors.Errorf(errors.Invalid, "The length of the revision must be a number greater than 0, not %q.", length)
	}
	env.printf("%s-%s", version.Version, version.Revision[:min(n, len(version.Revision))])
	return nil
}
