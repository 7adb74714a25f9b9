package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit codes: a fault while running, and a setting that cannot be used.
const (
	exitFault   = 1
	exitSetting = 2
)

// version is set by the linker (see the Makefile).
var version = "dev"

func main() {
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// execute is the program without its process: it returns the exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	settings, done, err := parseArguments(args, stdout, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "hiroba-load: %s\n", err)
		return exitSetting
	}
	if done {
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal ends the measurement and still reports; a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	// Memory is cheap on a machine that tests, and collecting it takes time from the packets.
	debug.SetGCPercent(gcPercent)
	if err := run(ctx, settings, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "hiroba-load: %s\n", err)
		var setting *settingError
		if errors.As(err, &setting) {
			return exitSetting
		}
		return exitFault
	}
	return 0
}

// gcPercent lets the heap grow to five times what is in use before it is collected.
const gcPercent = 400

// parseArguments reads the settings and checks them; done is true when there is nothing left to do.
func parseArguments(args []string, stdout, stderr io.Writer) (s Settings, done bool, err error) {
	parser := kong.Must(&s,
		kong.Name("hiroba-load"),
		kong.Description("Puts load on a Hiroba server and measures how it bears it."),
		kong.Vars{"presets": presetNames()},
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { done = true }),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 110}),
		kong.ValueFormatter(helpWithDefault),
		kong.ExplicitGroups([]kong.Group{
			{Key: "people", Title: "Who takes part:"},
			{Key: "media", Title: "What they send:"},
			{Key: "course", Title: "What happens:"},
			{Key: "search", Title: "Searching the highest load:"},
			{Key: "server", Title: "The server:"},
			{Key: "report", Title: "The report:"},
		}),
	)
	_, err = parser.Parse(args)
	switch {
	case done:
		return s, true, nil
	case err != nil:
		return s, false, err
	case s.Version:
		fmt.Fprintf(stdout, "hiroba-load %s\n", version)
		return s, true, nil
	}
	err = s.check()
	return s, false, err
}

// helpWithDefault adds a setting's default to its help.
func helpWithDefault(v *kong.Value) string {
	if !v.HasDefault || v.Default == "" {
		return v.Help
	}
	return v.Help + " [default " + v.Default + "]"
}

// run puts the load on and reports.
func run(ctx context.Context, s Settings, stdout, stderr io.Writer) error {
	out := stdout
	if s.Output != "" {
		file, err := os.Create(s.Output)
		if err != nil {
			return badSetting("output", "%v", err)
		}
		defer file.Close() // again: what counts is below
		out = file
	}
	l, err := newLoad(ctx, s, newProgress(stderr, s.Quiet))
	if err != nil {
		return err
	}
	report, err := l.run(ctx)
	l.close()
	if err != nil {
		return err
	}
	if err := report.write(out, s.Format); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if file, ok := out.(*os.File); ok && s.Output != "" {
		if err := file.Close(); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}
