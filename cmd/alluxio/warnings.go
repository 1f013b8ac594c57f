package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// warnings is a log for the user of a command: warnings and errors only, each a
// line on standard error.
type warnings struct {
	env   *Env
	attrs []slog.Attr
}

func (w warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (w warnings) Handle(_ context.Context, r slog.Record) error {
	line := new(strings.Builder)
	line.WriteString(r.Message)
	show := func(a slog.Attr) bool {
		fmt.Fprintf(line, "; %s: %v", a.Key, a.Value)
		return true
	}
	for _, a := range w.attrs {
		show(a)
	}
	r.Attrs(show)
	w.env.warnf("Warning: %s", line)
	return nil
}

func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	w.attrs = slices.Concat(w.attrs, attrs)
	return w
}

// WithGroup is not used by what logs here; names are not qualified.
func (w warnings) WithGroup(string) slog.Handler { return w }
