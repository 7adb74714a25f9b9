package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hiroba/cmd/hiroba/doctor"
	"hiroba/signaling/certs"
)

const (
	// examinationTimeout bounds all questions of an examination together.
	examinationTimeout = time.Minute
	// maxDescription bounds what the server says of itself, in bytes.
	maxDescription = 1 << 20
)

// doctorCommand examines. It takes the settings of the server from the same places as the server.
type doctorCommand struct {
	Config

	JSON  bool   `name:"json" help:"Print the findings as JSON, for programs."`
	URL   string `name:"url" placeholder:"URL" help:"What people type to get here, such as https://rooms.example.com: it is opened, and a WebSocket through it, whatever proxies stand between."`
	Phone bool   `name:"phone" help:"Print a link, as a QR code too, to open on a phone whose Wi-Fi is off: it tests from outside, and the result is printed here."`
	Clock string `name:"clock" placeholder:"URL" help:"A web server whose clock this machine's is compared with. Nobody is asked without it."`

	File configFile `name:"config" placeholder:"FILE" help:"The server's YAML file with settings."`

	// phone is where the link for a phone is printed; nil without one.
	phone io.Writer
}

func (c *doctorCommand) check() error {
	for _, s := range []struct{ flag, value string }{{"url", c.URL}, {"clock", c.Clock}} {
		if _, err := webAddress(s.value); err != nil {
			return badSetting(s.flag, "%v", err)
		}
	}
	return c.Config.check()
}

// webAddress is a URL; nil when it is empty.
func webAddress(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // nothing was asked for
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("%q is not the address of a web page; use one like https://rooms.example.com", text)
	}
	return u, nil
}

// execute examines, prints, and returns the exit code.
func (c *doctorCommand) execute(stdout, stderr io.Writer) int {
	ctx, cancel := context.WithTimeout(context.Background(), examinationTimeout+phoneWait)
	defer cancel()
	if c.Phone {
		c.phone = stderr
	}
	report, err := c.examine(ctx, "/")
	if err == nil && c.JSON {
		err = report.WriteJSON(stdout)
	} else if err == nil {
		err = report.WriteText(stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "hiroba: %s\n", err)
		return exitFault
	}
	if report.Failed() {
		return exitFault
	}
	return 0
}

// examine asks the server that runs, or one that it starts for that time at the same ports. root is where the system's files
// are.
func (c *doctorCommand) examine(ctx context.Context, root string) (*doctor.Report, error) {
	cfg := doctor.Config{
		Listen: c.Listen, AdminListen: c.AdminListen, Sockets: c.MaxConnections,
		TURN: c.TURN != turnOff, GSO: c.UDPGSO != gsoOff, STUN: c.STUN, Root: root, Now: time.Now,
	}
	var err error
	if cfg.PublicIPs, err = c.publicIPs(); err != nil {
		return nil, err
	}
	if cfg.Trusted, err = c.trustedProxies(); err != nil {
		return nil, err
	}
	if cfg.URL, err = webAddress(c.URL); err != nil {
		return nil, err
	}
	if cfg.Clock, err = webAddress(c.Clock); err != nil {
		return nil, err
	}
	if err := c.lookAtFolder(&cfg); err != nil {
		return nil, err
	}
	if cfg.Certificate, err = c.lookAtCertificate(); err != nil {
		return nil, err
	}
	if cfg.Server, err = describeRunning(ctx, c.AdminListen); err != nil {
		trial, err := c.startTrial(ctx, cfg.Certificate)
		if err != nil {
			cfg.StartErr = err
		} else {
			defer trial.Close()
			cfg.Server = trial.describe(time.Now())
			cfg.Server.Trial = true
		}
	} else if c.TLS != tlsOff && cfg.Certificate.Err == nil && len(cfg.Server.Local) > 0 {
		// What is shown may be older than the files.
		cfg.Certificate.Chain, err = doctor.Shown(ctx, netip.AddrPortFrom(cfg.Server.Local[0], cfg.Server.Port),
			first(cfg.Certificate.Names))
		cfg.Certificate.Err = err
	}
	report := doctor.Examine(ctx, cfg)
	if c.phone != nil && cfg.Server != nil {
		c.askPhone(ctx, report, cfg)
	}
	return report, nil
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// describeRunning asks a server on its admin port.
func describeRunning(ctx context.Context, adminListen string) (*doctor.Server, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/debug/doctor", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	answer, err := adminClient(adminListen).Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the server: status %d", answer.StatusCode)
	}
	s := &doctor.Server{}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxDescription)).Decode(s); err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	return s, nil
}

// startTrial starts a server at the same ports, so that all questions are answered by what would run. It shows the certificate
// only when that comes from files: the other kinds would ask an authority, or make one.
func (c *doctorCommand) startTrial(ctx context.Context, certificate doctor.Certificate) (*server, error) {
	cfg := c.Config
	if cfg.TLS != tlsFiles || certificate.Err != nil {
		cfg.TLS = tlsOff
	}
	cfg.Log = slog.New(slog.DiscardHandler)
	return start(ctx, cfg)
}

// lookAtFolder tries the data folder where it is needed. It makes it, as the server does.
func (c *doctorCommand) lookAtFolder(cfg *doctor.Config) error {
	if c.TLS != tlsACME && c.TLS != tlsLAN && c.DataDir == "" {
		return nil
	}
	folder, err := c.dataDir()
	if err != nil {
		return err
	}
	cfg.DataDir = folder
	_, cfg.DataDirFault = c.openDataDir()
	return nil
}

// lookAtCertificate reads what the server would show.
func (c *doctorCommand) lookAtCertificate() (doctor.Certificate, error) {
	names, err := c.domains()
	if err != nil {
		return doctor.Certificate{}, err
	}
	look := doctor.Certificate{Mode: c.TLS, Names: names}
	var source certs.Source
	quiet := slog.New(slog.DiscardHandler)
	switch c.TLS {
	case tlsFiles:
		source, look.Err = certs.NewFiles(certs.FilesConfig{Cert: c.TLSCert, Key: c.TLSKey, Names: names, Log: quiet})
	case tlsACME:
		folder, err := c.dataDir()
		if err != nil {
			return look, err
		}
		folder = filepath.Join(folder, acmeFolder)
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			return look, nil // nothing has been got yet
		}
		source, look.Err = certs.NewACME(certs.ACMEConfig{Domains: names, Directory: c.ACMEDirectory, Folder: folder, Log: quiet})
	case tlsLAN:
		look.Names = slices.DeleteFunc(look.Names, func(name string) bool { return !certs.IsPrivateName(name) })
	}
	if source == nil || look.Err != nil {
		return look, nil //nolint:nilerr // the error is a finding
	}
	pair, _ := source.Certificate(&tls.ClientHelloInfo{ServerName: first(names)})
	if pair == nil { // none has been got yet
		return look, nil
	}
	for _, der := range pair.Certificate {
		if cert, err := x509.ParseCertificate(der); err == nil {
			look.Chain = append(look.Chain, cert)
		}
	}
	return look, nil
}
