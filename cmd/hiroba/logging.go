package main

import (
	"io"
	"log/slog"
)

// newLogger makes the logger that everything else derives its own from. The level has passed kong's check.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	options := &slog.HandlerOptions{}
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err == nil {
		options.Level = least
	}
	if format == logJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
