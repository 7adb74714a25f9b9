package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// healthTimeout bounds the question of the health command.
const healthTimeout = 5 * time.Second

// maxHealthAnswer is how much of an answer is told to the operator, in bytes.
const maxHealthAnswer = 200

// healthCommand asks the server that runs on this machine whether it is ready. It is what a container without shell and
// tools has for a health check, so it takes the settings of the server from the same places.
type healthCommand struct {
	AdminListen string `default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"The --admin-listen of the server that is asked."`

	File configFile `name:"config" placeholder:"FILE" help:"The server's YAML file with settings."`
}

func (c healthCommand) check() error {
	return checkAddress("admin-listen", c.AdminListen, "127.0.0.1:8081")
}

// run prints what the server answers, and fails when that is not that it takes new participants.
func (c healthCommand) run(ctx context.Context, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	answer, err := adminClient(c.AdminListen).Do(request)
	if err != nil {
		return fmt.Errorf("no answer at --admin-listen %s: %w", c.AdminListen, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxHealthAnswer))
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", c.AdminListen, err)
	}
	said := strings.TrimSpace(string(text))
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s (status %d)", said, answer.StatusCode)
	}
	fmt.Fprintln(stdout, said)
	return nil
}

// adminClient asks the server at --admin-listen. The address is dialled as it is listened on: without a host, or with an
// unspecified one, that is this machine.
func adminClient(listen string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, listen)
		},
		DisableKeepAlives: true,
	}}
}
