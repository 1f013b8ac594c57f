package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// readHosts reads a file of one host a line with "#" comments.
func readHosts(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, errors.NotFound) {
		return nil, errors.Errorf(errors.Invalid, "%s is missing: list one host a line in it.", file)
	}
	if err != nil {
		return nil, errors.E("hosts", file, errors.Other, err)
	}
	var hosts []string
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		if host := strings.TrimSpace(line); host != "" {
			hosts = append(hosts, host)
		}
	}
	if len(hosts) == 0 {
		return nil, errors.Errorf(errors.Invalid, "%s names no host.", file)
	}
	return hosts, nil
}

func isThisMachine(host string) bool {
	name, _ := os.Hostname()
	return host == "localhost" || host == "127.0.0.1" || host == "::1" || host == name
}

// runRemote runs a format command of the same installation on another host.
func runRemote(ctx context.Context, env *Env, conf *config.Config, host, command string, keep bool) error {
	line := shellQuote(filepath.Join(conf.String(config.Home), "bin", "alluxio")) + " " + command
	if keep {
		line += " -s"
	}
	for _, def := range env.Defines {
		line += " " + shellQuote("-D"+def)
	}
	cmd := exec.CommandContext(ctx, "ssh", "-n", "-o", "ConnectTimeout=5", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new", "--", host, line)
	cmd.Stdout, cmd.Stderr = env.Stdout, env.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("ssh %s %s: %w", host, command, err)
	}
	return nil
}

// shellQuote quotes an argument for a POSIX shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
