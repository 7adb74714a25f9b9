package deploy_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The proxies get a certificate for localhost. TLS is what they are there for, so it is not left out; who is asked for the
// certificate is.

// certificate writes one for localhost into a folder, trusts it in this process, and returns the two files.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for file, text := range map[string][]byte{
		certFile: certPEM, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	usual := http.DefaultTransport
	trusting := usual.(*http.Transport).Clone()
	trusting.TLSClientConfig = &tls.Config{RootCAs: pool}
	http.DefaultTransport = trusting
	t.Cleanup(func() { http.DefaultTransport = usual; trusting.CloseIdleConnections() })
	return certFile, keyFile
}

// example is the text of a proxy's configuration with some of it replaced, each of which must be there.
func example(t *testing.T, name string, replace ...string) string {
	t.Helper()
	text := read(t, filepath.Join("proxy", name))
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("%s lacks %q", name, replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	return text
}

// write puts a text into a new file and returns its name.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// callThrough has a call of two through a proxy: the page, the WebSocket, and media beside it.
func callThrough(t *testing.T, url string) {
	t.Helper()
	until(t, "proxy answers", func(ctx context.Context) error {
		text, err := get(ctx, url+"/")
		if strings.Contains(text, "Hiroba") { // its page, or what it says where the web app is not built
			return nil
		}
		return err
	})
	first := join(t, url, "proxied", 1)
	second := join(t, url, "proxied", 2)
	seesPictures(t, first, 1)
	seesPictures(t, second, 1)
}

func TestCallThroughNginx(t *testing.T) {
	nginx := tool(t, "nginx", "nginx-light")
	cert, key := certificate(t)
	public, _ := startServer(t)
	plain, secure := freeAddress(t), freeAddress(t)
	site := example(t, "nginx.conf",
		"    listen [::]:80;\n", "", "    listen [::]:443 ssl;\n", "",
		"listen 80;", "listen "+plain+";", "listen 443 ssl;", "listen "+secure+" ssl;",
		"rooms.example.com;", "localhost;",
		"/etc/letsencrypt/live/rooms.example.com/fullchain.pem", cert, "/etc/letsencrypt/live/rooms.example.com/privkey.pem", key,
		"127.0.0.1:8080", public)
	folder := t.TempDir()
	file := write(t, "nginx.conf", "daemon off; master_process off; error_log stderr; pid "+folder+"/pid;\nevents {}\nhttp {\n"+
		"access_log off; client_body_temp_path "+folder+"; proxy_temp_path "+folder+"; fastcgi_temp_path "+folder+";\n"+
		"uwsgi_temp_path "+folder+"; scgi_temp_path "+folder+";\n"+site+"}\n")
	begin(t, nginx, "-c", file, "-p", folder, "-e", "stderr")
	callThrough(t, "https://"+strings.Replace(secure, "127.0.0.1", "localhost", 1))
}

func TestCallThroughCaddy(t *testing.T) {
	caddy := tool(t, "caddy", "caddy")
	cert, key := certificate(t)
	public, _ := startServer(t)
	secure := strings.Replace(freeAddress(t), "127.0.0.1", "localhost", 1)
	site := example(t, "Caddyfile",
		"\tskip_install_trust\n", "\tskip_install_trust\n\tadmin off\n\tauto_https disable_redirects\n",
		"{$HIROBA_DOMAIN:rooms.example.com} {", "https://"+secure+" {\n\tbind 127.0.0.1\n\ttls "+cert+" "+key,
		"{$HIROBA_UPSTREAM:127.0.0.1:8080}", public)
	file := write(t, "Caddyfile", site)
	begin(t, caddy, "run", "--config", file, "--adapter", "caddyfile")
	callThrough(t, "https://"+secure)
}

// TestCaddyKnowsAnAddressThatIsNotItsOwn is a room in the house: the phone asks for the address of the computer and says no
// name, and Caddy, in a container, has another one.
func TestCaddyKnowsAnAddressThatIsNotItsOwn(t *testing.T) {
	caddy := tool(t, "caddy", "caddy")
	plain, secure := freeAddress(t), freeAddress(t)
	_, httpPort, _ := net.SplitHostPort(plain)
	_, httpsPort, _ := net.SplitHostPort(secure)
	site := example(t, "Caddyfile",
		"\tskip_install_trust\n", "\tskip_install_trust\n\tadmin off\n\tdefault_bind 127.0.0.1\n\thttp_port "+httpPort+"\n\thttps_port "+httpsPort+"\n",
		"{$HIROBA_DOMAIN:rooms.example.com}", "192.0.2.20")
	begin(t, caddy, "run", "--config", write(t, "Caddyfile", site), "--adapter", "caddyfile")
	until(t, "a certificate for the address", func(ctx context.Context) error {
		dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
		conn, err := dialer.DialContext(ctx, "tcp", secure)
		if err != nil {
			return err
		}
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].VerifyHostname("192.0.2.20")
	})
}
