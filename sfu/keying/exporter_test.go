package keying_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"

	"hiroba/sfu/keying"
	"hiroba/sfu/srtp"
)

// listen is a UDP socket on loopback that lives as long as the test.
func listen(t *testing.T) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// shake does a DTLS handshake and returns the server's side of it.
func shake(t *testing.T, e *keying.Exporter, suite dtls.CipherSuiteID, profile dtls.SRTPProtectionProfile,
	certificate tls.Certificate, mki []byte,
) *dtls.Conn {
	t.Helper()
	clientSocket, serverSocket := listen(t), listen(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	profiles := dtls.WithSRTPProtectionProfiles(profile)
	suites := dtls.WithCipherSuites(suite)
	var identifier dtls.Option = profiles
	if mki != nil {
		identifier = dtls.WithSRTPMasterKeyIdentifier(mki)
	}

	client, err := dtls.ClientWithOptions(clientSocket, serverSocket.LocalAddr(),
		profiles, suites, identifier, dtls.WithInsecureSkipVerify(true))
	if err != nil {
		t.Fatal(err)
	}
	server, err := dtls.ServerWithOptions(serverSocket, clientSocket.LocalAddr(),
		profiles, suites, identifier, dtls.WithCertificates(certificate),
		dtls.WithServerHelloMessageHook(e.HandleServerHello), dtls.WithKeyLogWriter(e))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	var handshakes sync.WaitGroup
	var clientErr error
	handshakes.Go(func() { clientErr = client.HandshakeContext(ctx) })
	serverErr := server.HandshakeContext(ctx)
	handshakes.Wait()
	if clientErr != nil || serverErr != nil {
		t.Fatalf("handshake: client %v, server %v", clientErr, serverErr)
	}
	return server
}

func certificates(t *testing.T) (withECDSA, withRSA tls.Certificate) {
	t.Helper()
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if withECDSA, err = selfsign.SelfSign(ecdsaKey); err != nil {
		t.Fatal(err)
	}
	if withRSA, err = selfsign.SelfSign(rsaKey); err != nil {
		t.Fatal(err)
	}
	return withECDSA, withRSA
}

// TestKeysAreThoseOfTheExporter compares with the exporter that pion/dtls has, for each cipher suite and profile.
func TestKeysAreThoseOfTheExporter(t *testing.T) {
	withECDSA, withRSA := certificates(t)
	for suite, certificate := range map[dtls.CipherSuiteID]tls.Certificate{
		dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       withECDSA,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:       withECDSA,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:          withECDSA,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM:              withECDSA,
		dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: withECDSA,
		dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:         withRSA,
		dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:         withRSA,
	} {
		for _, profile := range []srtp.Profile{srtp.AEADAES128GCM, srtp.AEADAES256GCM, srtp.AES128CMHMACSHA180} {
			t.Run(fmt.Sprintf("%v/%v", suite, profile), func(t *testing.T) {
				t.Parallel()
				var e keying.Exporter
				server := shake(t, &e, suite, dtls.SRTPProtectionProfile(profile), certificate, nil)
				got, err := e.Keys()
				if err != nil {
					t.Fatal(err)
				}
				state, ok := server.ConnectionState()
				if !ok {
					t.Fatal("no state")
				}
				material, err := state.ExportKeyingMaterial(keying.Label, nil, profile.MaterialLen())
				if err != nil {
					t.Fatal(err)
				}
				want, err := srtp.Extract(profile, material, false)
				if err != nil {
					t.Fatal(err)
				}
				for _, pair := range [][2][]byte{
					{got.Local.Key, want.Local.Key},
					{got.Local.Salt, want.Local.Salt},
					{got.Remote.Key, want.Remote.Key},
					{got.Remote.Salt, want.Remote.Salt},
				} {
					if !bytes.Equal(pair[0], pair[1]) {
						t.Errorf("got %x, want %x", pair[0], pair[1])
					}
				}
				if got.Profile != profile {
					t.Errorf("profile %v, want %v", got.Profile, profile)
				}
			})
		}
	}
}

func TestNoKeysForWhatIsNotSupported(t *testing.T) {
	withECDSA, _ := certificates(t)
	const suite = dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
	for name, test := range map[string]struct {
		profile dtls.SRTPProtectionProfile
		mki     []byte
	}{
		"short tags":            {profile: dtls.SRTP_AES128_CM_HMAC_SHA1_32},
		"no encryption":         {profile: dtls.SRTP_NULL_HMAC_SHA1_80},
		"master key identifier": {profile: dtls.SRTP_AEAD_AES_128_GCM, mki: []byte{1}},
	} {
		t.Run(name, func(t *testing.T) {
			var e keying.Exporter
			shake(t, &e, suite, test.profile, withECDSA, test.mki)
			if keys, err := e.Keys(); !errors.Is(err, keying.ErrNoKeys) {
				t.Errorf("%v, %v, want %v", keys.Profile, err, keying.ErrNoKeys)
			}
		})
	}
}

// serverHello is one that the package understands.
func serverHello() handshake.MessageServerHello {
	suite := uint16(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
	return handshake.MessageServerHello{
		CipherSuiteID: &suite,
		Extensions: []extension.Extension{
			&extension.UseExtendedMasterSecret{Supported: true},
			&extension.UseSRTP{ProtectionProfiles: []extension.SRTPProtectionProfile{extension.SRTP_AEAD_AES_128_GCM}},
		},
	}
}

const (
	random = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	master = "5e5a3e5ec4e75e5a3e5ec4e75e5a3e5ec4e75e5a3e5ec4e75e5a3e5ec4e75e5a3e5ec4e75e5a3e5ec4e75e5a3e5ec4e7"
	line   = "CLIENT_RANDOM " + random + " " + master + "\n"
)

func TestExporterInAnyOrder(t *testing.T) {
	hello := func(e *keying.Exporter) { e.HandleServerHello(serverHello()) }
	write := func(s string) func(*keying.Exporter) {
		return func(e *keying.Exporter) {
			if n, err := e.Write([]byte(s)); n != len(s) || err != nil {
				t.Errorf("write: %d, %v", n, err)
			}
		}
	}
	take := func(e *keying.Exporter) { _, _ = e.Keys() }
	closing := (*keying.Exporter).Close
	changed := func(change func(*handshake.MessageServerHello)) func(*keying.Exporter) {
		return func(e *keying.Exporter) {
			m := serverHello()
			change(&m)
			e.HandleServerHello(m)
		}
	}
	unknown := uint16(0x1234)
	for name, test := range map[string]struct {
		steps []func(*keying.Exporter)
		keys  bool
	}{
		"nothing":              {},
		"a handshake":          {[]func(*keying.Exporter){hello, write(line)}, true},
		"only a hello":         {[]func(*keying.Exporter){hello}, false},
		"a client's handshake": {[]func(*keying.Exporter){write(line)}, false},
		"the wrong way round":  {[]func(*keying.Exporter){write(line), hello}, false},
		"a second handshake":   {[]func(*keying.Exporter){hello, write(line), hello, write(line)}, true},
		"half a second one":    {[]func(*keying.Exporter){hello, write(line), hello}, false},
		"taken":                {[]func(*keying.Exporter){hello, write(line), take}, false},
		"taken, line again":    {[]func(*keying.Exporter){hello, write(line), take, write(line)}, false},
		"asked too early":      {[]func(*keying.Exporter){take, hello, take, write(line)}, true},
		"closed":               {[]func(*keying.Exporter){hello, write(line), closing}, false},
		"closed before":        {[]func(*keying.Exporter){closing, hello, write(line)}, false},
		"other lines": {[]func(*keying.Exporter){
			hello, write(""), write("\n"), write("RSA 00 00\n"), write("CLIENT_RANDOM\n"), write(line), write("x y z\n"),
		}, true},
		"other label":  {[]func(*keying.Exporter){hello, write(strings.Replace(line, "CLIENT", "SERVER", 1))}, false},
		"short random": {[]func(*keying.Exporter){hello, write("CLIENT_RANDOM 00 " + master + "\n")}, false},
		"short secret": {[]func(*keying.Exporter){hello, write("CLIENT_RANDOM " + random + " 00\n")}, false},
		"no hex":       {[]func(*keying.Exporter){hello, write(strings.ReplaceAll(line, "5e", "xx"))}, false},
		"no hex there": {[]func(*keying.Exporter){hello, write(strings.ReplaceAll(line, "11", "xx"))}, false},
		"four fields":  {[]func(*keying.Exporter){hello, write(strings.TrimSpace(line) + " 00\n")}, false},
		"no suite": {[]func(*keying.Exporter){changed(func(m *handshake.MessageServerHello) {
			m.CipherSuiteID = nil
		}), write(line)}, false},
		"unknown suite": {[]func(*keying.Exporter){changed(func(m *handshake.MessageServerHello) {
			m.CipherSuiteID = &unknown
		}), write(line)}, false},
		"no SRTP": {[]func(*keying.Exporter){changed(func(m *handshake.MessageServerHello) {
			m.Extensions = nil
		}), write(line)}, false},
		"no profile": {[]func(*keying.Exporter){changed(func(m *handshake.MessageServerHello) {
			m.Extensions = []extension.Extension{&extension.UseSRTP{}}
		}), write(line)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var e keying.Exporter
			for _, step := range test.steps {
				step(&e)
			}
			keys, err := e.Keys()
			if (err == nil) != test.keys || err != nil && !errors.Is(err, keying.ErrNoKeys) {
				t.Fatalf("%v, want keys %t", err, test.keys)
			}
			if err == nil && len(keys.Local.Key) != 16 {
				t.Errorf("key of %d bytes", len(keys.Local.Key))
			}
			if err != nil && keys.Local.Key != nil {
				t.Error("keys with an error")
			}
		})
	}
}

// TestExporterKeepsNothing: with the keys handed out or wiped, no secret is left in the Exporter, and nothing prints it.
func TestExporterKeepsNothing(t *testing.T) {
	var e keying.Exporter
	e.HandleServerHello(serverHello())
	if _, err := e.Write([]byte(line)); err != nil {
		t.Fatal(err)
	}
	secret, err := hex.DecodeString(master)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{master, fmt.Sprint(secret), fmt.Sprintf("%#v", secret)} {
		if printed := fmt.Sprintf("%v %+v %#v", &e, &e, &e); strings.Contains(printed, bad) {
			t.Errorf("the master secret is in %s", printed)
		}
	}
	keys, err := e.Keys()
	if err != nil {
		t.Fatal(err)
	}
	if printed := fmt.Sprintf("%v %x", keys, keys); strings.Contains(printed, hex.EncodeToString(keys.Local.Key)) {
		t.Errorf("the key is in %s", printed)
	}
	e.Close()
	if bytes.Equal(keys.Local.Key, make([]byte, 16)) {
		t.Error("keys that were handed out are wiped")
	}
}
