// Command hiroba is a server for video rooms: it serves the web app, carries the signaling of its clients over a
// WebSocket, and forwards their media.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"strconv"
	"syscall"
	"time"

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
	Health  healthCommand  `cmd:"" help:"Ask the server on this machine whether it takes new participants; the exit code is 0 if so."`
	Doctor  doctorCommand  `cmd:"" help:"Find out why people cannot join, or see nobody: examines this machine, the settings, and the server if it runs. The exit code is 1 when something keeps people out."`
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
	cli, command, err := parseArguments(args, stdout, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "hiroba: %s\n", err)
		return exitSetting
	}
	switch command {
	case "": // kong has answered --help
		return 0
	case "version":
		fmt.Fprintln(stdout, currentBuild())
		return 0
	case "health":
		if err := cli.Health.run(context.Background(), stdout); err != nil {
			fmt.Fprintf(stderr, "hiroba: %s\n", err)
			return exitFault
		}
		return 0
	case "doctor":
		return cli.Doctor.execute(stdout, stderr)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal the process answers to signals as if we had never asked for them, so a second one ends
	// it at once.
	context.AfterFunc(ctx, stop)
	hangUp := make(chan os.Signal, 1)
	signal.Notify(hangUp, syscall.SIGHUP)
	defer signal.Stop(hangUp)
	reread := func() (Config, error) {
		again, _, err := parseArguments(args, io.Discard, io.Discard)
		return again.Serve.Config, err
	}
	if err := run(ctx, hangUp, reread, cli.Serve.Config, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "hiroba: %s\n", err)
		var setting *settingError
		if errors.As(err, &setting) {
			return exitSetting
		}
		return exitFault
	}
	return 0
}

// parseArguments reads the settings and checks them. The command is empty when there is nothing left to do.
func parseArguments(args []string, stdout, stderr io.Writer) (cli commandLine, command string, err error) {
	origins := settingOrigins{}
	answered := false // --help
	parser := kong.Must(&cli,
		kong.Name("hiroba"),
		kong.Description("A self-hosted server for video rooms."),
		kong.DefaultEnvars(envPrefix),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { answered = true }),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 110}),
		kong.ValueFormatter(helpWithDefault),
		kong.Bind(origins),
		kong.KindMapper(reflect.Int, plainMapper(strconv.Atoi, "a whole number such as 10")),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), plainMapper(time.ParseDuration, "a time such as 30s or 5m")),
		settingGroups,
	)
	parsed, err := parser.Parse(args)
	if answered {
		return cli, "", nil
	}
	if err == nil {
		switch parsed.Command() {
		case "serve":
			err = cli.Serve.check()
		case "health":
			err = cli.Health.check()
		case "doctor":
			err = cli.Doctor.check()
		}
	}
	if err != nil {
		return cli, "", origins.explain(err)
	}
	return cli, parsed.Command(), nil
}

// plainMapper reads a value, and where it cannot, says what would be right.
func plainMapper[T any](read func(string) (T, error), right string) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		token, err := ctx.Scan.PopValue("value")
		if err != nil {
			return err
		}
		text := fmt.Sprint(token.Value)
		value, err := read(text)
		if err != nil {
			return fmt.Errorf("%q cannot be used; use %s", text, right)
		}
		target.Set(reflect.ValueOf(value))
		return nil
	}
}

// run serves until ctx ends, drains if that is wanted, and then closes in an orderly way. Each hangUp makes it reload, with the
// settings that reread finds.
func run(
	ctx context.Context, hangUp <-chan os.Signal, reread func() (Config, error), cfg Config, stdout, stderr io.Writer,
) error {
	cfg.Level = new(slog.LevelVar)
	cfg.Level.Set(levelOf(cfg.LogLevel))
	cfg.Log = newLogger(stderr, cfg.LogFormat, cfg.Level)
	s, err := start(ctx, cfg)
	if err != nil {
		return err
	}
	if cfg.LogFormat == logText {
		fmt.Fprintf(stdout, "Open %s\n", s.URL())
		if trust := s.TrustURL(); trust != "" {
			fmt.Fprintf(stdout, "On each other device, once: %s\n", trust)
		}
	}
	asked := ctx.Done()
	for {
		select {
		case <-hangUp:
			s.reload(reread)
		case <-asked:
			asked = nil
			now := s.settings()
			if s.draining.deadline().IsZero() { // otherwise it has its time already
				if now.DrainTimeout == 0 {
					return s.Close()
				}
				s.drain(drainOrder{timeout: now.DrainTimeout, to: now.drainTo()})
			}
		case <-s.draining.over:
			return s.Close()
		case err := <-s.failed:
			return errors.Join(err, s.Close())
		}
	}
}
