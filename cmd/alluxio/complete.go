package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/internal/fspath"
)

// completionTimeout bounds how long a shell waits for the names in a directory.
const completionTimeout = 2 * time.Second

// completePaths makes the commands complete paths of the namespace; what does
// not begin with "/" is left to the shell, which knows local files.
func completePaths(env *Env, cmds []*cobra.Command) {
	for _, cmd := range cmds {
		if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 {
			cmd.ValidArgsFunction = func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
				return completePath(cmd.Context(), env, prefix)
			}
		}
	}
}

// completePath returns the paths that begin with prefix. What goes wrong yields
// nothing: a shell has no place for errors.
func completePath(ctx context.Context, env *Env, prefix string) ([]string, cobra.ShellCompDirective) {
	if !strings.HasPrefix(prefix, "/") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	conf, err := env.ClientConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	sh, err := openShell(env, conf)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer sh.fs.Close()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	dir, err := fspath.Clean(prefix[:strings.LastIndexByte(prefix, '/')+1])
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	children, err := sh.children(ctx, dir)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	var paths []string
	for _, child := range children {
		path := fspath.Join(dir, child.name)
		if child.dir {
			path += "/"
		}
		if strings.HasPrefix(path, prefix) {
			paths = append(paths, path)
			if child.dir {
				directive |= cobra.ShellCompDirectiveNoSpace
			}
		}
	}
	return paths, directive
}
