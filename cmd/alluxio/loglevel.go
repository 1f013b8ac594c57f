package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// processLogger is the name of the only logger that a process has.
const processLogger = "alluxio"

type logLevelOptions struct {
	name, level string
	targets     []string
}

func newLogLevelCmd(env *Env) *cobra.Command {
	var opts logLevelOptions
	cmd := &cobra.Command{
		Use:   "logLevel [--logName NAME] [--target TARGET[,TARGET]] [--level LEVEL]",
		Short: "Show or change the log level of running processes",
		Long: "Without --level the current level is shown. A target is master, workers, or the host:webPort of a process, " +
			"with :master or :worker after it when its port does not tell. Levels are DEBUG, INFO, WARN and ERROR.",
		Example: examples("logLevel", "logLevel --level DEBUG", "logLevel --target master --level INFO", "logLevel --target worker-1:30000 --level WARN"),
		Args:    argCount(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runLogLevel(cmd.Context(), env, opts) },
	}
	cmd.Flags().StringVar(&opts.name, "logName", processLogger, "accepted for compatibility: each process has one logger")
	cmd.Flags().StringSliceVar(&opts.targets, "target", []string{"master", "workers"}, "processes")
	cmd.Flags().StringVar(&opts.level, "level", "", "new level")
	return cmd
}

// logTarget is a process reached over its web port.
type logTarget struct{ address, role string }

func runLogLevel(ctx context.Context, env *Env, opts logLevelOptions) error {
	conf, err := env.ClientConfig()
	if err != nil {
		return err
	}
	var targets []logTarget
	for _, name := range opts.targets {
		found, err := logTargets(ctx, env, conf, strings.TrimSpace(name))
		if err != nil {
			return err
		}
		targets = append(targets, found...)
	}
	if opts.name != processLogger {
		env.warnf("Each process has one logger: its level is shown or changed as a whole, not that of %s.", opts.name)
	}
	failed := 0
	for _, t := range targets {
		answer, err := askLogLevel(ctx, t, opts)
		if err != nil {
			env.warnf("%s[%s]: %v", t.address, t.role, err)
			failed++
			continue
		}
		env.printf("%s[%s]%s", t.address, t.role, answer)
	}
	if failed > 0 {
		return errors.Errorf(errors.Other, "Failed for %d of %d processes.", failed, len(targets))
	}
	return nil
}

// logTargets returns the processes that a --target names.
func logTargets(ctx context.Context, env *Env, conf *config.Config, name string) ([]logTarget, error) {
	masterPort := strconv.Itoa(conf.Int(config.MasterWebPort))
	switch name {
	case "master", "masters":
		return []logTarget{{net.JoinHostPort(conf.MasterHost(), masterPort), "master"}}, nil
	case "workers":
		return workerLogTargets(ctx, env, conf)
	}
	address, role := name, ""
	if i := strings.LastIndexByte(name, ':'); i >= 0 && strings.Count(name, ":") > 1 {
		address, role = name[:i], name[i+1:]
	}
	_, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return nil, errors.Errorf(errors.Invalid, "Unrecognized target %q: write master, workers or host:webPort[:role].", name)
	case role == "" && port == masterPort:
		role = "master"
	case role == "" && port == strconv.Itoa(conf.Int(config.WorkerWebPort)):
		role = "worker"
	}
	if role != "master" && role != "worker" {
		return nil, errors.Errorf(errors.Invalid, "Port %s is neither a master's nor a worker's web port: write %s:master or %s:worker.", port, address, address)
	}
	return []logTarget{{address, role}}, nil
}

// askLogLevel asks one process for its level, or changes it.
func askLogLevel(ctx context.Context, t logTarget, opts logLevelOptions) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	query := url.Values{"logName": {opts.name}}
	if opts.level != "" {
		query.Set("level", strings.ToUpper(opts.level))
	}
	u := url.URL{Scheme: "http", Host: t.address, Path: "/api/v1/" + t.role + "/logLevel", RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", err
	}
	var info struct{ Level, LogName, Message string }
	err = json.Unmarshal(body, &info)
	switch {
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%s", cmp.Or(info.Message, resp.Status))
	case err != nil:
		return "", fmt.Errorf("unexpected answer %.100q", body)
	}
	return fmt.Sprintf("LogInfo{%s, %s, %s}", info.Level, info.LogName, info.Message), nil
}
