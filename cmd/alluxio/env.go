package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// Env is what a command sees of the world, so that tests can hand it another
// one. The zero value of each field is completed by newEnv.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// IsTerminal reports whether Stdout is a terminal: then there are colours
	// and progress bars.
	IsTerminal bool
	// Defines are the "key=value" of the -D options given on the command line.
	Defines []string
	// Options changes what config.Load reads; for tests.
	Options config.Options
}

// newEnv returns the environment of this process.
func newEnv() *Env {
	env := &Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		IsTerminal: term.IsTerminal(int(os.Stdout.Fd())),
	}
	if !env.IsTerminal {
		env.Stdout = &checkedWriter{w: os.Stdout}
	}
	return env
}

// checkedWriter remembers the first failed write: a command whose output did
// not arrive, on a full disk for example, must not end as a success.
type checkedWriter struct {
	w  io.Writer
	mu struct {
		sync.Mutex
		err error
	}
}

func (c *checkedWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.mu.err = cmp.Or(c.mu.err, err)
	}
	return n, err
}

// failure returns the error of the first failed write, nil when there is none.
func (c *checkedWriter) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.err
}

// Config loads the configuration of a process of the given role, -D options
// included.
func (e *Env) Config(role config.Scope) (*config.Config, error) {
	opts := e.Options
	opts.Role, opts.Defines = role, append(opts.Defines, e.Defines...)
	return config.Load(opts)
}

// ClientConfig loads the configuration of a command and shows its warnings.
func (e *Env) ClientConfig() (*config.Config, error) {
	conf, err := e.Config(config.Client)
	if err != nil {
		return nil, err
	}
	for _, w := range conf.Warnings() {
		e.warnf("Warning: %s", w)
	}
	return conf, nil
}

// printf writes a line to standard output.
func (e *Env) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(e.Stdout, format+"\n", e.tame(args)...)
}

// warnf writes a line to standard error.
func (e *Env) warnf(format string, args ...any) {
	_, _ = fmt.Fprintf(e.Stderr, format+"\n", e.tame(args)...)
}

// tame makes strings and errors fit for a terminal, which obeys control
// characters: names come from anybody. Lines and tabs stay. In pipes and files
// all stays as it is.
func (e *Env) tame(args []any) []any {
	if !e.IsTerminal {
		return args
	}
	tamed := make([]any, len(args))
	for i, arg := range args {
		switch a := arg.(type) {
		case string:
			tamed[i] = visible(a, "\n\t")
		case error:
			tamed[i] = visible(a.Error(), "\n\t")
		default:
			tamed[i] = arg
		}
	}
	return tamed
}

// name returns the name of a file or directory as it is shown in a list.
func (e *Env) name(name string) string {
	if !e.IsTerminal {
		return name
	}
	return visible(name, "")
}

// ANSI colours, used on terminals only.
const (
	green  = "\033[32m"
	red    = "\033[31m"
	yellow = "\033[33m"
)

// painted is text with control characters that are our own.
type painted string

// colour returns text in a colour if standard output is a terminal.
func (e *Env) colour(colour, text string) painted {
	if !e.IsTerminal || e.Getenv("NO_COLOR") != "" {
		return painted(text)
	}
	return painted(colour + text + "\033[0m")
}

// execute runs the command line and returns the exit code of the process.
func execute(ctx context.Context, env *Env, args []string) int {
	root := newRootCmd(env)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	args, env.Defines = takeGenericOptions(args)
	root.SetArgs(normalizeArgs(root, args))
	err := root.ExecuteContext(ctx)
	if out, ok := env.Stdout.(*checkedWriter); ok && err == nil {
		err = out.failure()
	}
	if ctx.Err() != nil && errors.Is(err, errors.Cancelled) {
		env.warnf("Interrupted.")
		return exitInterrupted
	}
	if text := errorText(err); text != "" {
		env.warnf("%s", strings.TrimRight(text, "\n"))
	}
	return exitCode(err)
}
