package main

import (
	"bytes"
	"net"
	"strings"
	"testing"
)

// health runs the command and returns what it says and its exit code.
func health(args ...string) (out, errors string, code int) {
	var o, e bytes.Buffer
	code = execute(append([]string{"health"}, args...), &o, &e)
	return o.String(), e.String(), code
}

func TestHealthAsksTheServerWhereverItsAdminPortIs(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0", ":0"} {
		t.Run(listen, func(t *testing.T) {
			cfg := testConfig()
			cfg.AdminListen = listen
			s := startServer(t, cfg)
			host, _, _ := net.SplitHostPort(listen)
			_, port, _ := net.SplitHostPort(s.adminAddr.String())
			address := net.JoinHostPort(host, port)

			if out, errors, code := health("--admin-listen", address); code != 0 || out != "ready\n" || errors != "" {
				t.Errorf("by flag: exit code %d, %q, %q", code, out, errors)
			}
			if _, errors, code := health("--config", settingsFile(t, "admin-listen: \""+address+"\"\nmax-rooms: 3\n")); code != 0 {
				t.Errorf("by file: exit code %d, %q", code, errors)
			}
			t.Setenv("HIROBA_ADMIN_LISTEN", address)
			if _, errors, code := health(); code != 0 {
				t.Errorf("by environment: exit code %d, %q", code, errors)
			}
			s.closing.Store(true)
			if out, errors, code := health(); code != exitFault || out != "" || errors != "hiroba: not ready: stopping (status 503)\n" {
				t.Errorf("of a server that stops: exit code %d, %q, %q", code, out, errors)
			}
		})
	}
}

func TestHealthFailsWithoutServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	if out, errors, code := health("--admin-listen", address); code != exitFault || out != "" ||
		!strings.HasPrefix(errors, "hiroba: no answer at --admin-listen "+address) || strings.Count(errors, "\n") != 1 {
		t.Errorf("exit code %d, %q, %q", code, out, errors)
	}
	if _, errors, code := health("--admin-listen", "nowhere"); code != exitSetting || !strings.Contains(errors, "--admin-listen") {
		t.Errorf("exit code %d, %q", code, errors)
	}
}
