package journal

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// raftLogger gives raft's messages to slog. What raft calls information is of
// use to developers only; quiet also takes down its warnings, which an only
// voter's ordinary start is full of.
type raftLogger struct {
	to    *slog.Logger
	quiet bool
	args  []any
}

func (r raftLogger) level(l hclog.Level) slog.Level {
	switch {
	case l >= hclog.Error:
		return slog.LevelError
	case l == hclog.Warn && !r.quiet:
		return slog.LevelWarn
	case l == hclog.Warn, l == hclog.Info:
		return slog.LevelDebug
	}
	return slog.LevelDebug - 4
}

// Log emits a message.
func (r raftLogger) Log(l hclog.Level, msg string, args ...any) {
	level := r.level(l)
	if !r.to.Enabled(context.Background(), level) {
		return
	}
	for i, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			args[i] = fmt.Sprintf(fmt.Sprint(f[0]), f[1:]...)
		}
	}
	r.to.Log(context.Background(), level, "raft: "+msg, args...)
}

func (r raftLogger) Trace(msg string, args ...any) { r.Log(hclog.Trace, msg, args...) }
func (r raftLogger) Debug(msg string, args ...any) { r.Log(hclog.Debug, msg, args...) }
func (r raftLogger) Info(msg string, args ...any)  { r.Log(hclog.Info, msg, args...) }
func (r raftLogger) Warn(msg string, args ...any)  { r.Log(hclog.Warn, msg, args...) }
func (r raftLogger) Error(msg string, args ...any) { r.Log(hclog.Error, msg, args...) }

func (r raftLogger) enabled(l hclog.Level) bool {
	return r.to.Enabled(context.Background(), r.level(l))
}

func (r raftLogger) IsTrace() bool { return r.enabled(hclog.Trace) }
func (r raftLogger) IsDebug() bool { return r.enabled(hclog.Debug) }
func (r raftLogger) IsInfo() bool  { return r.enabled(hclog.Info) }
func (r raftLogger) IsWarn() bool  { return r.enabled(hclog.Warn) }
func (r raftLogger) IsError() bool { return r.enabled(hclog.Error) }

func (r raftLogger) ImpliedArgs() []any { return r.args }
func (r raftLogger) With(args ...any) hclog.Logger {
	return raftLogger{to: r.to.With(args...), quiet: r.quiet, args: append(r.args[:len(r.args):len(r.args)], args...)}
}
func (r raftLogger) Name() string                   { return "raft" }
func (r raftLogger) Named(string) hclog.Logger      { return r }
func (r raftLogger) ResetNamed(string) hclog.Logger { return r }
func (r raftLogger) SetLevel(hclog.Level)           {}
func (r raftLogger) GetLevel() hclog.Level          { return hclog.NoLevel }
func (r raftLogger) StandardLogger(o *hclog.StandardLoggerOptions) *log.Logger {
	return log.New(r.StandardWriter(o), "", 0)
}
func (r raftLogger) StandardWriter(*hclog.StandardLoggerOptions) io.Writer {
	return slog.NewLogLogger(r.to.Handler(), slog.LevelDebug).Writer()
}
