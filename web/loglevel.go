package web

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// LogLevel is the JSON of logLevel.
type LogLevel struct {
	Level   string `json:"level"`
	LogName string `json:"logName"`
	Message string `json:"message"`
}

// levels are log4j's names of the levels; there is nothing below DEBUG and
// nothing above ERROR here.
var levels = map[string]slog.Level{
	"TRACE": slog.LevelDebug, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo,
	"WARN": slog.LevelWarn, "ERROR": slog.LevelError, "FATAL": slog.LevelError,
}

// logLevelView shows the level of the process's one logger, or changes it.
func logLevelView(level *slog.LevelVar) view {
	return func(r *http.Request) (any, error) {
		name, want := r.FormValue("logName"), strings.ToUpper(r.FormValue("level"))
		if name == "" {
			return nil, errors.Errorf(errors.Invalid, "logName is missing.")
		}
		if level == nil {
			return nil, errors.Errorf(errors.Unsupported, "The level of this process's log cannot be changed.")
		}
		if want == "" {
			return LogLevel{Level: level.Level().String(), LogName: name, Message: "Current level is " + level.Level().String()}, nil
		}
		l, ok := levels[want]
		if !ok {
			return nil, errors.Errorf(errors.Invalid, "%q is not a log level: write DEBUG, INFO, WARN or ERROR.", want)
		}
		level.Set(l)
		return LogLevel{Level: l.String(), LogName: name, Message: "Setting Level to " + l.String()}, nil
	}
}
