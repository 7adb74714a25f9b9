package deploy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hiroba/signaling/client"
	"hiroba/signaling/client/synthetic"
)

// patience bounds each wait. It is far above what is needed, because test machines are busy.
const patience = 30 * time.Second

// tool is the path of a program that a test needs. Without it the test is skipped, but not where everything must be tested.
func tool(t *testing.T, name, debianPackage string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} { // where users other than root have no path to
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed (Debian: package %s)", name, debianPackage)
	}
	t.Skipf("%s is not installed (Debian: package %s)", name, debianPackage)
	return ""
}

// program is the path of the server's program, built once for all tests.
var program = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "hiroba-deploy-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the program: %w", err)
	}
	built = folder
	path := filepath.Join(folder, "hiroba")
	if out, err := exec.Command("go", "build", "-o", path, "hiroba/cmd/hiroba").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return path, nil
})

// built is the folder of the program, when there is one.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

// freeAddress is one of loopback with a port that nobody uses for TCP.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// begin starts a process that the end of the test stops. What it writes is shown when the test fails.
func begin(t *testing.T, name string, args ...string) {
	t.Helper()
	var output bytes.Buffer
	command := exec.Command(name, args...)
	command.Stdout, command.Stderr = &output, &output
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), "HOME="+command.Dir, "XDG_DATA_HOME="+command.Dir, "XDG_CONFIG_HOME="+command.Dir)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(10*time.Second, func() { _ = command.Process.Kill() })
		defer timer.Stop()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(name), &output)
		}
	})
}

// until polls until cond holds.
func until(t *testing.T, what string, cond func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := cond(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// get is the body at an address, if it answers well.
func get(ctx context.Context, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", answer.StatusCode, text)
	}
	return string(text), err
}

// startServer starts the program on loopback and returns HOST:PORT of its two listeners.
func startServer(t *testing.T, flags ...string) (public, admin string) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	public, admin = freeAddress(t), freeAddress(t)
	begin(t, path, append([]string{"serve", "--listen", public, "--admin-listen", admin}, flags...)...)
	until(t, "server is ready", func(ctx context.Context) error {
		_, err := get(ctx, "http://"+admin+"/readyz")
		return err
	})
	return public, admin
}

// join lets somebody with a camera and a microphone into a room, until the end of the test.
func join(t *testing.T, url, room string, n int) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	camera := synthetic.NewVP8(synthetic.VP8Config{Colour: synthetic.Palette(n), Bitrate: 300_000})
	c, err := client.Dial(ctx, client.Config{
		URL: url, Room: room, Name: fmt.Sprintf("person %d", n),
		Publish: []client.Publication{client.Microphone(synthetic.NewTone(n % synthetic.Tones)), client.Camera(camera)},
	})
	if err != nil {
		t.Fatalf("join %s: %v", url, err)
	}
	t.Cleanup(c.Close)
	return c
}

// seesPictures waits until somebody receives so many different people's pictures.
func seesPictures(t *testing.T, c *client.Client, others int) {
	t.Helper()
	until(t, "pictures of the others", func(context.Context) error {
		seen := 0
		for _, p := range c.Room().Participants {
			if _, err := c.Received(p.ID, "camera").Picture(); err == nil {
				seen++
			}
		}
		if seen < others {
			return errors.New(strings.TrimSpace(fmt.Sprintf("%d of %d", seen, others)))
		}
		return nil
	})
}
