package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// newRootCmd returns the tree of all commands.
func newRootCmd(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "alluxio COMMAND [-Dkey=value] [ARGS]",
		Short: "Alluxio: one namespace over many stores, cached next to computation",
		Long: "Alluxio keeps one namespace over many mounted stores and caches what is read from them.\n\n" +
			"-Dkey=value sets a property for one command and may stand anywhere. Exit codes: `alluxio help exit-codes`.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          group,
	}
	root.SetFlagErrorFunc(unrecognized)
	root.AddGroup(
		&cobra.Group{ID: "files", Title: "Files and cluster:"},
		&cobra.Group{ID: "daemon", Title: "Processes:"},
		&cobra.Group{ID: "setup", Title: "Setting up:"},
		&cobra.Group{ID: "test", Title: "Tests and diagnosis:"},
	)
	addTo(root, "files", newFsCmd(env), newFsadminCmd(env))
	addTo(root, "daemon", newMasterCmd(env), newWorkerCmd(env), newProcessCmd(env))
	addTo(root, "setup",
		newFormatCmd(env), newFormatMastersCmd(env), newFormatJournalCmd(env), newFormatWorkerCmd(env),
		newBootstrapConfCmd(env), newGetConfCmd(env), newValidateConfCmd(env), newVersionCmd(env), newDocGenCmd(env))
	addTo(root, "test", newRunTestsCmd(env), newRunUFSTestsCmd(env), newRunUFSIOTestCmd(env), newReadJournalCmd(env), newLogLevelCmd(env), newCacheSimCmd(env))
	root.AddCommand(&cobra.Command{Use: "exit-codes", Short: "What exit codes mean", Long: exitCodesHelp})
	hideFlagsInUse(root)
	return root
}

// hideFlagsInUse leaves "[flags]" out of usage lines, which name the options.
func hideFlagsInUse(cmd *cobra.Command) {
	cmd.DisableFlagsInUseLine = true
	for _, c := range cmd.Commands() {
		hideFlagsInUse(c)
	}
}

func addTo(parent *cobra.Command, group string, cmds ...*cobra.Command) {
	for _, c := range cmds {
		c.GroupID = group
		parent.AddCommand(c)
	}
}

// newGroup returns a command that only has sub-commands.
func newGroup(use, short, long string, cmds ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.ArbitraryArgs, RunE: group}
	g.AddCommand(cmds...)
	g.AddCommand(newHelpCmd(g))
	return g
}

// newHelpCmd returns the help command of a group: `alluxio fs help cp`.
func newHelpCmd(of *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		Args:  argCount(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := of.Find(args)
			if err != nil || len(rest) > 0 {
				return usagef(cmd, "%s is an unknown command.", args[0])
			}
			return about.Help()
		},
	}
}

// group is the action of a command that only has sub-commands.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef(cmd, "%s", strings.TrimRight(cmd.UsageString(), "\n"))
	}
	text := args[0] + " is an unknown command."
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += " Did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef(cmd, "%s", text)
}

// examples formats examples for help.
func examples(lines ...string) string { return "  alluxio " + strings.Join(lines, "\n  alluxio ") }
