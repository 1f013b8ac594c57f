package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

func newDocGenCmd(env *Env) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "docGen [--dir DIR]",
		Short:   "Write the lists of all properties and commands as Markdown",
		Example: examples("docGen --dir /tmp/docs"),
		Args:    argCount(0, 0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDocGen(env, cmd.Root(), dir) },
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "where to write properties.md and commands.md")
	return cmd
}

func runDocGen(env *Env, root *cobra.Command, dir string) error {
	for name, text := range map[string]string{"properties.md": config.Document(), "commands.md": document(root)} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return errors.E("docGen", file, errors.Other, err)
		}
		env.printf("Wrote %s", file)
	}
	return nil
}

// document returns docs/commands.md: every command with its options and
// examples, from the same tree that help is made of.
func document(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\nGenerated from `cmd/alluxio`; `bin/alluxio docGen --dir docs` writes it anew.\n\n" +
		"Every command takes `-Dkey=value`, which sets a property for that run, anywhere on its line. Options may follow\n" +
		"other arguments, long options may have one dash or two, and `--` ends options. Errors go to standard error.\n\n```\n" +
		exitCodesHelp + "```\n")
	for _, cmd := range root.Commands() {
		documentCommand(&b, cmd, 2)
	}
	return b.String()
}

// documentCommand writes a command and those below it; level is its heading's.
func documentCommand(b *strings.Builder, cmd *cobra.Command, level int) {
	if cmd.Hidden || !cmd.Runnable() || cmd.Name() == "help" || cmd.Name() == "completion" {
		return
	}
	fmt.Fprintf(b, "\n%s %s\n\n%s.\n", strings.Repeat("#", level), strings.TrimPrefix(cmd.CommandPath(), "alluxio "), cmd.Short)
	if cmd.Long != "" && !cmd.HasSubCommands() {
		fmt.Fprintf(b, "%s\n", cmd.Long)
	}
	if !cmd.HasSubCommands() {
		fmt.Fprintf(b, "\n```\n%s\n```\n", cmd.UseLine())
	}
	if cmd.HasLocalFlags() {
		b.WriteString("\n")
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { documentFlag(b, f) })
	}
	if cmd.Example != "" {
		fmt.Fprintf(b, "\n```\n%s\n```\n", strings.ReplaceAll(cmd.Example, "  alluxio", "alluxio"))
	}
	for _, sub := range cmd.Commands() {
		documentCommand(b, sub, level+1)
	}
}

func documentFlag(b *strings.Builder, f *pflag.Flag) {
	if f.Hidden || f.Name == "help" {
		return
	}
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	fmt.Fprintf(b, "- `%s`: %s", name, f.Usage)
	if def := f.DefValue; def != "" && def != "false" && def != "[]" {
		fmt.Fprintf(b, " (%s)", def)
	}
	b.WriteString("\n")
}
