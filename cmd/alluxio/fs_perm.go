package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/errors"
)

func newChmodCmd(env *Env) *cobra.Command {
	var recursive bool
	cmd := &cobra.Command{
		Use:     "chmod [-R] MODE PATH...",
		Short:   "Change the mode of files and directories",
		Long:    "MODE is octal (755), or a list such as u=rwx,go-w,a+r.",
		Example: examples("fs chmod 755 /data", "fs chmod -R g+w,o= /data/shared"),
		Args:    argCount(2, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := parseMode(args[0])
			if err != nil {
				return usagef(cmd, "%v", err)
			}
			return onEach(env, func(ctx context.Context, sh *shell, path string) error {
				return runChmod(ctx, sh, change, recursive, path)
			})(cmd, args[1:])
		},
	}
	recursiveFlags(cmd, &recursive, true, "also everything below")
	return cmd
}

// runChmod changes the mode of a path. A relative change depends on each
// entry's own mode, so below a directory it is made entry by entry.
func runChmod(ctx context.Context, sh *shell, change modeChange, recursive bool, path string) error {
	mode := change.apply(0)
	if !change.absolute {
		info, err := sh.stat(ctx, path)
		if err != nil {
			return err
		}
		if mode = change.apply(info.Mode); recursive && info.Folder {
			if err := chmodBelow(ctx, sh, change, path); err != nil {
				return err
			}
		}
	}
	if err := sh.fs.SetAttribute(ctx, path, client.Attributes{Mode: &mode, Recursive: recursive && change.absolute}); err != nil {
		return err
	}
	sh.printf("Changed permission of %s to %o", path, uint32(mode))
	return nil
}

func chmodBelow(ctx context.Context, sh *shell, change modeChange, dir string) error {
	for info, err := range sh.fs.List(ctx, dir, client.ListOptions{Recursive: true}) {
		if err != nil {
			return err
		}
		mode := change.apply(info.Mode)
		if err := sh.fs.SetAttribute(ctx, info.Path, client.Attributes{Mode: &mode}); err != nil {
			return err
		}
	}
	return nil
}

// modeChange is what chmod does to a mode.
type modeChange struct {
	absolute bool
	apply    func(client.Mode) client.Mode
}

// parseMode parses an octal mode or a list of [ugoa]*[=+-][rwx]*.
func parseMode(text string) (modeChange, error) {
	if n, err := strconv.ParseUint(text, 8, 16); err == nil {
		if n > 0o777 {
			return modeChange{}, errors.Errorf(errors.Invalid, "Invalid mode %s: it must be between 0 and 777", text)
		}
		return modeChange{absolute: true, apply: func(client.Mode) client.Mode { return client.Mode(n) }}, nil
	}
	var steps []func(client.Mode) client.Mode
	for segment := range strings.SplitSeq(text, ",") {
		step, ok := parseModeSegment(segment)
		if !ok {
			return modeChange{}, errors.Errorf(errors.Invalid, "Invalid mode %s - contains invalid segment %s", text, segment)
		}
		steps = append(steps, step)
	}
	return modeChange{apply: func(m client.Mode) client.Mode {
		for _, step := range steps {
			m = step(m)
		}
		return m
	}}, nil
}

// parseModeSegment parses one element, such as "go-w".
func parseModeSegment(segment string) (func(client.Mode) client.Mode, bool) {
	at := strings.IndexAny(segment, "=+-")
	if at < 0 {
		return nil, false
	}
	classes, ok := letters(segment[:at], map[rune]client.Mode{'u': 0o700, 'g': 0o070, 'o': 0o007, 'a': 0o777})
	bits, ok2 := letters(segment[at+1:], map[rune]client.Mode{'r': 0o444, 'w': 0o222, 'x': 0o111})
	if !ok || !ok2 {
		return nil, false
	}
	if at == 0 {
		classes = 0o777
	}
	switch segment[at] {
	case '+':
		return func(m client.Mode) client.Mode { return m | bits&classes }, true
	case '-':
		return func(m client.Mode) client.Mode { return m &^ (bits & classes) }, true
	}
	return func(m client.Mode) client.Mode { return m&^classes | bits&classes }, true
}

// letters returns the bits of all letters together.
func letters(text string, meaning map[rune]client.Mode) (bits client.Mode, ok bool) {
	for _, r := range text {
		b, ok := meaning[r]
		if !ok {
			return 0, false
		}
		bits |= b
	}
	return bits, true
}

func newChownCmd(env *Env) *cobra.Command {
	var recursive bool
	cmd := &cobra.Command{
		Use:     "chown [-R] OWNER[:GROUP] PATH...",
		Short:   "Change the owner of files and directories",
		Example: examples("fs chown alice /data/a", "fs chown -R alice:staff /data"),
		Args:    argCount(2, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			owner, group, hasGroup := strings.Cut(args[0], ":")
			if owner == "" || hasGroup && group == "" || strings.Contains(group, ":") {
				return usagef(cmd, "Failed to parse %s as user or user:group", args[0])
			}
			change := client.Attributes{Owner: &owner, Recursive: recursive}
			if hasGroup {
				change.Group = &group
			}
			return onEach(env, func(ctx context.Context, sh *shell, path string) error {
				err := sh.fs.SetAttribute(ctx, path, change)
				switch {
				case err != nil:
					return err
				case hasGroup:
					sh.printf("Changed owner:group of %s to %s:%s.", path, owner, group)
				default:
					sh.printf("Changed owner of %s to %s", path, owner)
				}
				return nil
			})(cmd, args[1:])
		},
	}
	recursiveFlags(cmd, &recursive, true, "also everything below")
	return cmd
}

func newChgrpCmd(env *Env) *cobra.Command {
	var recursive bool
	cmd := &cobra.Command{
		Use:     "chgrp [-R] GROUP PATH...",
		Short:   "Change the group of files and directories",
		Example: examples("fs chgrp staff /data/a", "fs chgrp -R staff /data"),
		Args:    argCount(2, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return onEach(env, func(ctx context.Context, sh *shell, path string) error {
				err := sh.fs.SetAttribute(ctx, path, client.Attributes{Group: &args[0], Recursive: recursive})
				if err == nil {
					sh.printf("Changed group of %s to %s", path, args[0])
				}
				return err
			})(cmd, args[1:])
		},
	}
	recursiveFlags(cmd, &recursive, true, "also everything below")
	return cmd
}

type setfaclOptions struct {
	recursive, onDefault, removeAll, removeDefault bool
	set, modify, remove                            string
}

func newSetfaclCmd(env *Env) *cobra.Command {
	var opts setfaclOptions
	cmd := &cobra.Command{
		Use:   "setfacl [-d] [-R] (--set ENTRIES | -m ENTRIES | -x ENTRIES | -b | -k) PATH...",
		Short: "Change who may do what with files and directories",
		Long: "ENTRIES are separated by commas: user::rwx, user:bob:r-x, group::r-x, group:staff:rw-, mask::rwx, other::r--; " +
			"default: before one makes it apply to new children of a directory.",
		Example: examples("fs setfacl -m user:bob:rwx /data", "fs setfacl -R -m default:group:staff:r-x /data", "fs setfacl -b /data"),
		Args:    argCount(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			action, entries, err := opts.parse()
			if err != nil {
				return usagef(cmd, "%v", err)
			}
			return onEach(env, func(ctx context.Context, sh *shell, path string) error {
				return sh.fs.SetACL(ctx, path, action, entries, opts.recursive)
			})(cmd, args)
		},
	}
	recursiveFlags(cmd, &opts.recursive, false, "also everything below")
	cmd.Flags().BoolVarP(&opts.onDefault, "default", "d", false, "change the default entries")
	cmd.Flags().StringVar(&opts.set, "set", "", "replace all entries")
	cmd.Flags().StringVarP(&opts.modify, "modify", "m", "", "add or change entries")
	cmd.Flags().StringVarP(&opts.remove, "remove", "x", "", "remove entries (without rights: user:bob)")
	cmd.Flags().BoolVarP(&opts.removeAll, "remove-all", "b", false, "remove all but the base entries")
	cmd.Flags().BoolVarP(&opts.removeDefault, "remove-default", "k", false, "remove the default entries")
	return cmd
}

// aclChange is one of the ways to change an ACL.
type aclChange struct {
	given   bool
	action  client.ACLAction
	entries string
}

// parse returns what to do, and the entries to do it with.
func (o setfaclOptions) parse() (client.ACLAction, []client.ACLEntry, error) {
	changes := slices.DeleteFunc([]aclChange{
		{o.set != "", client.ACLReplace, o.set}, {o.modify != "", client.ACLModify, o.modify}, {o.remove != "", client.ACLRemove, o.remove},
		{o.removeAll, client.ACLRemoveAll, ""}, {o.removeDefault, client.ACLRemoveDefault, ""},
	}, func(c aclChange) bool { return !c.given })
	switch len(changes) {
	case 0:
		return 0, nil, errors.Errorf(errors.Invalid, "No actions specified.")
	case 1:
	default:
		return 0, nil, errors.Errorf(errors.Invalid, "Only 1 action can be specified of --set, -m, -x, -b and -k.")
	}
	action := changes[0].action
	entries, err := parseACL(changes[0].entries, o.onDefault, action != client.ACLRemove)
	if err == nil && action == client.ACLReplace {
		err = requireBase(entries)
	}
	return action, entries, err
}

// requireBase checks that entries which replace all others have the three
// without which a mode makes no sense.
func requireBase(entries []client.ACLEntry) error {
	var missing []string
	for kind, name := range map[client.ACLType]string{client.ACLOwner: "user", client.ACLOwningGroup: "group", client.ACLOther: "other"} {
		if !slices.ContainsFunc(entries, func(e client.ACLEntry) bool { return e.Type == kind }) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return errors.Errorf(errors.Invalid, "Replacing ACL entries must include the base entries for 'user', 'group', and 'other'. missing: %s", strings.Join(missing, ", "))
}

// parseACL parses entries separated by commas.
func parseACL(text string, onDefault, withRights bool) ([]client.ACLEntry, error) {
	var entries []client.ACLEntry
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		e, err := parseACLEntry(item, withRights)
		if err != nil {
			return nil, err
		}
		e.Default = e.Default || onDefault
		entries = append(entries, e)
	}
	return entries, nil
}

func parseACLEntry(text string, withRights bool) (client.ACLEntry, error) {
	bad := func() (client.ACLEntry, error) {
		return client.ACLEntry{}, errors.Errorf(errors.Invalid, "Invalid ACL entry %q: write user:bob:r-x, group::rwx, mask::r-- or other::r--.", text)
	}
	rest, isDefault := strings.CutPrefix(text, "default:")
	parts := strings.Split(rest, ":")
	if len(parts) < 2 || len(parts) > 3 || withRights && len(parts) != 3 {
		return bad()
	}
	e := client.ACLEntry{Subject: parts[1], Default: isDefault}
	kinds := map[string][2]client.ACLType{
		"user": {client.ACLOwner, client.ACLNamedUser}, "group": {client.ACLOwningGroup, client.ACLNamedGroup},
		"mask": {client.ACLMask, client.ACLMask}, "other": {client.ACLOther, client.ACLOther},
	}
	kind, ok := kinds[parts[0]]
	if !ok || kind[0] == kind[1] && e.Subject != "" {
		return bad()
	}
	e.Type = kind[0]
	if e.Subject != "" {
		e.Type = kind[1]
	}
	if len(parts) == 3 {
		bits, ok := letters(strings.ReplaceAll(parts[2], "-", ""), map[rune]client.Mode{'r': 4, 'w': 2, 'x': 1})
		if !ok || len(parts[2]) > 3 {
			return bad()
		}
		e.Rights = bits
	}
	return e, nil
}
