package sfu

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLoggers gives pion's parts a logger. What they call errors and warnings is mostly a client that went away, so
// it is all told at debug level.
type pionLoggers struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (p *pionLoggers) NewLogger(scope string) logging.LeveledLogger {
	return pionLogger{p.log.With("scope", scope)}
}

type pionLogger struct{ log *slog.Logger }

func (l pionLogger) print(level, message string) {
	l.log.Debug("pion logged", "severity", level, "text", message)
}

func (l pionLogger) printf(level, format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) { // spare the formatting
		l.print(level, fmt.Sprintf(format, args...))
	}
}

func (l pionLogger) Trace(string)                      {}
func (l pionLogger) Tracef(string, ...any)             {}
func (l pionLogger) Debug(string)                      {}
func (l pionLogger) Debugf(string, ...any)             {}
func (l pionLogger) Info(msg string)                   { l.print("info", msg) }
func (l pionLogger) Infof(format string, args ...any)  { l.printf("info", format, args...) }
func (l pionLogger) Warn(msg string)                   { l.print("warn", msg) }
func (l pionLogger) Warnf(format string, args ...any)  { l.printf("warn", format, args...) }
func (l pionLogger) Error(msg string)                  { l.print("error", msg) }
func (l pionLogger) Errorf(format string, args ...any) { l.printf("error", format, args...) }
