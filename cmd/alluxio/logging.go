package main

import (
	"io"
	"log/slog"
	"os"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/alluxio-go/alluxio/internal/config"
)

// Log files roll at this size; so many old ones are kept.
const (
	logFileMegabytes = 10
	logFilesKept     = 100
)

// logging is the log of a daemon. Its level can be changed while it runs.
type logging struct {
	*slog.Logger
	Level *slog.LevelVar
	file  *lumberjack.Logger
}

// openLog opens the log of a daemon: the rolling file, and standard error too
// when somebody watches it.
func openLog(env *Env, conf *config.Config, file string) *logging {
	l := &logging{
		Level: new(slog.LevelVar),
		file:  &lumberjack.Logger{Filename: file, MaxSize: logFileMegabytes, MaxBackups: logFilesKept},
	}
	if conf.Bool(config.Debug) {
		l.Level.Set(slog.LevelDebug)
	}
	var out io.Writer = l.file
	if watched(env.Stderr) {
		out = io.MultiWriter(l.file, env.Stderr)
	}
	l.Logger = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: l.Level}))
	for _, w := range conf.Warnings() {
		l.Warn("configuration", "warning", w)
	}
	return l
}

// Close closes the log file.
func (l *logging) Close() error { return l.file.Close() }

// watched reports whether w is a terminal's standard error.
func watched(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
