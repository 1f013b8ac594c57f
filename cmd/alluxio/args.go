package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// takeGenericOptions takes the options that every command accepts anywhere
// before "--": -Dkey=value, returned as defines, and options of the Java
// machine, which scripts still pass and which mean nothing here.
func takeGenericOptions(args []string) (rest, defines []string) {
	for i, arg := range args {
		switch def, isDefine := strings.CutPrefix(arg, "-D"); {
		case arg == "--":
			return append(rest, args[i:]...), defines
		case isDefine && def != "":
			defines = append(defines, def)
		case isJVMOption(arg):
		default:
			rest = append(rest, arg)
		}
	}
	return rest, defines
}

func isJVMOption(arg string) bool {
	for _, prefix := range []string{"-Xm", "-Xs", "-Xl", "-XX:", "-agentlib:", "-javaagent:"} {
		if strings.HasPrefix(arg, prefix) {
			return true
		}
	}
	return false
}

// normalizeArgs rewrites a command line in the syntax of Alluxio's parser
// (commons-cli) for cobra: options may follow other arguments, long options may
// have one dash (-live) and be cut short while they stay unambiguous (--rec),
// and a negative number (setTtl /a -1) is no option. "--" ends options.
func normalizeArgs(root *cobra.Command, args []string) []string {
	cmd, rest, err := root.Find(args)
	if err != nil || !cmd.HasParent() || cmd.DisableFlagParsing || !cmd.Runnable() {
		return args
	}
	path := strings.Fields(cmd.CommandPath())[1:]
	cmd.InitDefaultHelpFlag()
	options, positional := sortArgs(cmd.Flags(), rest)
	out := append(path, options...)
	if len(positional) > 0 {
		out = append(append(out, "--"), positional...)
	}
	return out
}

// sortArgs separates options (with their values, in pflag's spelling) from
// other arguments.
func sortArgs(flags *pflag.FlagSet, args []string) (options, positional []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return options, append(positional, args[i+1:]...)
		case len(arg) < 2 || arg[0] != '-' || isNumber(arg):
			positional = append(positional, arg)
			continue
		}
		spelled, wantsValue := spellOption(flags, arg)
		options = append(options, spelled)
		if wantsValue && i+1 < len(args) {
			i++
			options = append(options, args[i])
		}
	}
	return options, positional
}

// spellOption returns an option as pflag wants it, and whether its value is the
// next argument. Unknown options are returned as they are.
func spellOption(flags *pflag.FlagSet, arg string) (spelled string, wantsValue bool) {
	name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	double := strings.HasPrefix(arg, "--")
	f := (*pflag.Flag)(nil)
	if len(name) == 1 && !double {
		f = flags.ShorthandLookup(name)
	}
	if f == nil {
		f = longFlag(flags, name, double)
	}
	switch {
	case f == nil && !double && len(name) > 1:
		return arg, lastTakesValue(flags, name) && !hasValue // combined one-letter options
	case f == nil:
		return arg, false
	case hasValue:
		return "--" + f.Name + "=" + value, false
	}
	return "--" + f.Name, f.NoOptDefVal == ""
}

// longFlag finds a flag by its name or, like commons-cli, by an unambiguous
// beginning of it. One dash must have the whole name: -re could be -r -e.
func longFlag(flags *pflag.FlagSet, name string, double bool) *pflag.Flag {
	if f := flags.Lookup(name); f != nil || !double || name == "" {
		return f
	}
	var found []*pflag.Flag
	flags.VisitAll(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, name) {
			found = append(found, f)
		}
	})
	if len(found) == 1 {
		return found[0]
	}
	return nil
}

// lastTakesValue reports whether the last of combined one-letter options takes
// a value.
func lastTakesValue(flags *pflag.FlagSet, letters string) bool {
	f := flags.ShorthandLookup(letters[len(letters)-1:])
	return f != nil && f.NoOptDefVal == ""
}

func isNumber(arg string) bool {
	return len(arg) > 1 && arg[0] == '-' && arg[1] >= '0' && arg[1] <= '9'
}

// argCount checks the number of positional arguments; most < 0 means no limit.
func argCount(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		n := len(args)
		switch {
		case least == most && n != least:
			return usagef(cmd, "Command %s takes %d arguments, not %d", cmd.Name(), least, n)
		case n < least:
			return usagef(cmd, "Command %s requires at least %d arguments (%d provided)", cmd.Name(), least, n)
		case most >= 0 && n > most:
			return usagef(cmd, "Command %s requires at most %d arguments (%d provided)", cmd.Name(), most, n)
		}
		return nil
	}
}

// usagef returns a usage error of the command.
func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...), usage: "Usage: " + cmd.UseLine()}
}

// unrecognized turns pflag's errors into the words of Alluxio's shell.
func unrecognized(cmd *cobra.Command, err error) error {
	text := err.Error()
	if bad := (*pflag.InvalidValueError)(nil); errors.As(err, &bad) {
		text = fmt.Sprintf("Option --%s takes %s, not %q", bad.GetFlag().Name, valueWords(bad.GetFlag().Value.Type()), bad.GetValue())
	}
	for _, prefix := range []string{"unknown flag: ", "unknown shorthand flag: "} {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			if _, letters, ok := strings.Cut(rest, " in "); ok {
				rest = letters
			}
			text = "Unrecognized option: " + rest
		}
	}
	return usagef(cmd, "Failed to parse args for %s: %s", cmd.Name(), text)
}

// valueWords says what values an option of a pflag type takes.
func valueWords(flagType string) string {
	switch flagType {
	case "bool":
		return "true or false"
	case "int", "int64":
		return "a whole number"
	}
	return "another value"
}
