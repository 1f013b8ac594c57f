package main

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// commandRetryBudget is how long a command asks a master that does not answer,
// unless alluxio.user.rpc.retry.max.duration is set: a person is waiting. Several
// masters may be electing another leader, which takes up to twice
// alluxio.master.embedded.journal.election.timeout.max.
func commandRetryBudget(conf *config.Config) time.Duration {
	if len(conf.MasterAddresses()) > 1 {
		return 45 * time.Second
	}
	return 5 * time.Second
}

// shell is a command with a connection to the cluster.
type shell struct {
	*Env
	conf *config.Config
	fs   *client.Client
}

// withShell returns the action of a command that needs the cluster: it connects,
// runs f and closes the connection. No request is made before f makes one.
func withShell(env *Env, f func(ctx context.Context, sh *shell, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		conf, err := env.ClientConfig()
		if err == nil {
			conf, err = configFor(conf, args)
		}
		if err != nil {
			return err
		}
		sh, err := openShell(env, conf)
		if err != nil {
			return err
		}
		defer sh.fs.Close()
		return f(cmd.Context(), sh, args)
	}
}

// configFor returns conf for the masters that paths among args name, as in
// "alluxio://host:19998/a" or "alluxio://host1:19998,host2:19998/a"; conf itself
// when none does. One command works with one cluster.
func configFor(conf *config.Config, args []string) (*config.Config, error) {
	named := ""
	for _, arg := range args {
		rest, _ := strings.CutPrefix(arg, "alluxio://")
		authority, _, _ := strings.Cut(rest, "/")
		switch {
		case rest == arg || authority == "" || authority == named:
			continue
		case strings.Contains(authority, "@"):
			return nil, errors.Errorf(errors.Invalid, "Invalid path %q: write the masters as host:port, separated by commas.", arg)
		case named != "":
			return nil, errors.Errorf(errors.Invalid, "The paths name different masters, %s and %s: one command works with one cluster.", named, authority)
		}
		named = authority
	}
	if named == "" {
		return conf, nil
	}
	masters := strings.Split(named, ",")
	for i, master := range masters {
		if _, _, err := net.SplitHostPort(master); err != nil {
			masters[i] = net.JoinHostPort(master, strconv.Itoa(conf.Int(config.MasterRPCPort)))
		}
	}
	return conf.With(config.SourceSystem, map[string]string{config.MasterRPCAddresses.Name(): strings.Join(masters, ",")})
}

func openShell(env *Env, conf *config.Config) (*shell, error) {
	if !conf.IsSetByUser(config.UserRPCRetryMaxDuration) {
		var err error
		conf, err = conf.With(config.SourceSystem, map[string]string{config.UserRPCRetryMaxDuration.Name(): commandRetryBudget(conf).String()})
		if err != nil {
			return nil, err
		}
	}
	fs, err := client.New(conf, client.Options{CacheLogger: slog.New(warnings{env: env})})
	if err != nil {
		return nil, err
	}
	return &shell{Env: env, conf: conf, fs: fs}, nil
}

// date formats a time as alluxio.user.date.format.pattern says.
func (sh *shell) date(t time.Time) string {
	return formatJava(sh.conf.String(config.UserDateFormatPattern), t.Local())
}

// ask makes a call to the master that package client has no method for.
func ask[Stub, Request, Response any](ctx context.Context, sh *shell, newStub func(grpc.ClientConnInterface) Stub,
	method func(Stub, context.Context, Request, ...grpc.CallOption) (Response, error), request Request,
) (response Response, err error) {
	err = sh.fs.Call(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) error {
		response, err = method(newStub(cc), ctx, request)
		return err
	})
	return response, err
}

// masterProperties returns the configuration that the running master hands out.
func masterProperties(ctx context.Context, env *Env, conf *config.Config) ([]config.Property, error) {
	sh, err := openShell(env, conf)
	if err != nil {
		return nil, err
	}
	defer sh.fs.Close()
	master, err := sh.fs.Configuration(ctx, client.ConfigurationOptions{IgnorePaths: true})
	return master.Cluster, err
}

// workerLogTargets returns the web servers of all live workers.
func workerLogTargets(ctx context.Context, env *Env, conf *config.Config) ([]logTarget, error) {
	sh, err := openShell(env, conf)
	if err != nil {
		return nil, err
	}
	defer sh.fs.Close()
	workers, err := sh.fs.Workers(ctx)
	if err != nil {
		return nil, err
	}
	targets := make([]logTarget, len(workers))
	for i, w := range workers {
		targets[i] = logTarget{net.JoinHostPort(w.Address.Host, strconv.Itoa(w.Address.WebPort)), "worker"}
	}
	return targets, nil
}
