// Command hiroba is a server for video rooms: it serves the web app, carries the signaling of its clients over a
// WebSocket, and forwards their media.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit codes: a fault while running, and a setting that cannot be used.
const (
	exitFault   = 1
	exitSetting = 2
)

// commandLine is the grammar of the program's arguments.
type commandLine struct {
	Serve   serveCommand   `cmd:"" default:"withargs" help:"Run the server. This is what happens without a command, too."`
	Version versionCommand `cmd:"" help:"Print the version and how this program was built."`
}

// serveCommand runs the server. Every member of Config is a setting.
type serveCommand struct {
	Config

	File configFile `name:"config" placeholder:"FILE" help:"A YAML file with settings, such as 'listen: :8080'. Flags and the environment win over it."`
}

// versionCommand prints what was built.
type versionCommand struct{}

func main() {
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// execute is the program without its process: it returns the exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	var cli commandLine
	origins := settingOrigins{}
	exited := false // set by --help, which kong answers itself
	parser := kong.Must(&cli,
		kong.Name("hiroba"),
		kong.Description("A self-hosted server for video rooms."),
		kong.DefaultEnvars(envPrefix),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 110}),
		kong.ValueFormatter(helpWithDefault),
		kong.Bind(origins),
		settingGroups,
	)
	parsed, err := parser.Parse(args)
	if exited {
		return 0
	}
	if err == nil && parsed.Command() == "serve" {
		err = cli.Serve.check()
	}
	if err != nil {
		fmt.Fprintf(stderr, "hiroba: %s\n", origins.explain(err))
		return exitSetting
	}

	if parsed.Command() == "version" {
		fmt.Fprintln(stdout, currentBuild())
		return 0
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal the process answers to signals as if we had never asked for them, so a second one ends
	// it at once.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, cli.Serve.Config, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "hiroba: %s\n", err)
		var setting *settingError
		if errors.As(err, &setting) {
			return exitSetting
		}
		return exitFault
	}
	return 0
}

// run serves until ctx ends and then closes in an orderly way.
func run(ctx context.Context, cfg Config, stdout, stderr io.Writer) error {
	cfg.Log = newLogger(stderr, cfg.LogFormat, cfg.LogLevel)
	s, err := start(ctx, cfg)
	if err != nil {
		return err
	}
	if cfg.LogFormat == logText {
		fmt.Fprintf(stdout, "Open %s\n", s.URL())
	}
	select {
	case <-ctx.Done():
		return s.Close()
	case err := <-s.failed:
		return errors.Join(err, s.Close())
	}
}
