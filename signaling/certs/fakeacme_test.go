package certs

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// fakeAuthority is a certificate authority that speaks as much of RFC 8555 and RFC 8737 as is needed for one certificate
// after another. It does prove domains by a handshake, but checks no signatures of requests.
type fakeAuthority struct {
	server *httptest.Server
	// reach is where the domains' port 443 is.
	reach string
	// life is that of the certificates.
	life time.Duration
	root *x509.Certificate
	key  *ecdsa.PrivateKey

	mu      sync.Mutex
	account crypto.PublicKey
	contact string
	domain  string
	status  string       // of the order and all that belongs to it
	refusal *acmeProblem // for every proof
	fault   *acmeProblem // of the last proof
	chain   string
	orders  int
}

type acmeProblem struct {
	Type   string `json:"type"`
	Detail string `json:"detail"`
	Status int    `json:"status"`
}

func newFakeAuthority(t *testing.T) *fakeAuthority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Fake"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeAuthority{key: key, life: 90 * 24 * time.Hour, status: "pending"}
	if f.root, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewTLSServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.server.Close)
	return f
}

func (f *fakeAuthority) directory() string { return f.server.URL + "/directory" }

// refuse makes every proof fail like this from now on; nil ends it.
func (f *fakeAuthority) refuse(p *acmeProblem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusal = p
}

func (f *fakeAuthority) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.orders
}

func (f *fakeAuthority) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Replay-Nonce", rand.Text())
	protected, payload := jws(r)
	url := func(path string) string { return f.server.URL + path }
	switch r.URL.Path {
	case "/directory":
		answerJSON(w, 200, map[string]any{
			"newNonce": url("/nonce"), "newAccount": url("/account"), "newOrder": url("/orders"), "revokeCert": url("/no"),
			"keyChange": url("/no"), "meta": map[string]string{"termsOfService": url("/terms")},
		})
	case "/nonce":
	case "/account":
		f.account, f.contact = publicKey(protected), string(payload)
		w.Header().Set("Location", url("/account/1"))
		answerJSON(w, 201, map[string]string{"status": "valid"})
	case "/orders":
		var order struct{ Identifiers []struct{ Value string } }
		if json.Unmarshal(payload, &order) != nil || len(order.Identifiers) != 1 {
			answerJSON(w, 400, acmeProblem{Type: "urn:ietf:params:acme:error:malformed"})
			return
		}
		f.orders, f.domain, f.status = f.orders+1, order.Identifiers[0].Value, "pending"
		w.Header().Set("Location", url("/orders/1"))
		f.answerOrder(w, 201)
	case "/orders/1":
		if f.status == "processing" {
			f.status = "valid"
		}
		w.Header().Set("Location", f.server.URL+"/orders/1")
		f.answerOrder(w, 200)
	case "/authz/1":
		answerJSON(w, 200, map[string]any{
			"status": f.proofStatus(), "identifier": map[string]string{"type": "dns", "value": f.domain},
			"challenges": []any{f.challenge()},
		})
	case "/challenge/1":
		f.fault, f.status = f.refusal, "ready"
		if f.fault == nil {
			f.fault = f.prove(r.Context())
		}
		if f.fault != nil {
			f.status = "invalid"
		}
		answerJSON(w, 200, f.challenge())
	case "/finalize/1":
		var finalize struct{ CSR string }
		_ = json.Unmarshal(payload, &finalize)
		if err := f.sign(finalize.CSR); err != nil {
			answerJSON(w, 400, acmeProblem{Type: "urn:ietf:params:acme:error:badCSR", Detail: err.Error()})
			return
		}
		f.status = "processing" // it takes its time, and does not say again where the order is
		f.answerOrder(w, 200)
	case "/certificate/1":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = io.WriteString(w, f.chain)
	default:
		w.WriteHeader(404)
	}
}

func (f *fakeAuthority) answerOrder(w http.ResponseWriter, status int) {
	order := map[string]any{
		"status": f.status, "authorizations": []string{f.server.URL + "/authz/1"}, "finalize": f.server.URL + "/finalize/1",
	}
	if f.status == "valid" {
		order["certificate"] = f.server.URL + "/certificate/1"
	}
	answerJSON(w, status, order)
}

// proofStatus is that of an authorization, whose words differ from those of an order.
func (f *fakeAuthority) proofStatus() string {
	if f.status == "ready" {
		return "valid"
	}
	return f.status
}

func (f *fakeAuthority) challenge() map[string]any {
	c := map[string]any{"type": "tls-alpn-01", "url": f.server.URL + "/challenge/1", "token": "token", "status": f.proofStatus()}
	if f.status == "invalid" {
		c["error"] = f.fault
	}
	return c
}

// prove makes the handshake of RFC 8737, section 3.
func (f *fakeAuthority) prove(ctx context.Context) *acmeProblem {
	dialer := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: 5 * time.Second},
		Config: &tls.Config{
			ServerName: f.domain, NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true, //nolint:gosec // it looks itself
		},
	}
	conn, err := dialer.DialContext(ctx, "tcp", f.reach)
	if err != nil {
		return &acmeProblem{Type: "urn:ietf:params:acme:error:connection", Detail: err.Error(), Status: 400}
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState() //nolint:forcetypeassert,errcheck // a tls.Dialer made it
	thumb, err := acme.JWKThumbprint(f.account)
	if err != nil {
		return &acmeProblem{Type: "urn:ietf:params:acme:error:serverInternal", Detail: err.Error()}
	}
	digest := sha256.Sum256([]byte("token." + thumb))
	want, _ := asn1.Marshal(digest[:])
	for _, e := range state.PeerCertificates[0].Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.1.31" && string(e.Value) == string(want) && state.NegotiatedProtocol == acme.ALPNProto {
			return nil
		}
	}
	return &acmeProblem{Type: "urn:ietf:params:acme:error:unauthorized", Detail: "another server answered", Status: 403}
}

func (f *fakeAuthority) sign(csr string) error {
	der, err := base64.RawURLEncoding.DecodeString(csr)
	if err != nil {
		return err
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	if len(request.DNSNames) != 1 || request.DNSNames[0] != f.domain {
		return fmt.Errorf("asks for %v", request.DNSNames)
	}
	leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(int64(f.orders) + 1), DNSNames: request.DNSNames,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(f.life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, f.root, request.PublicKey, f.key)
	f.chain = string(encodeCert(leaf)) + string(encodeCert(f.root.Raw))
	return err
}

// jws takes a request apart without checking it (RFC 7515).
func jws(r *http.Request) (protected, payload []byte) {
	var body struct{ Protected, Payload string }
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		return nil, nil
	}
	protected, _ = base64.RawURLEncoding.DecodeString(body.Protected)
	payload, _ = base64.RawURLEncoding.DecodeString(body.Payload)
	return protected, payload
}

// publicKey is the account's (RFC 7517); autocert makes it of P-256.
func publicKey(protected []byte) crypto.PublicKey {
	var header struct{ JWK struct{ X, Y string } }
	_ = json.Unmarshal(protected, &header)
	x, _ := base64.RawURLEncoding.DecodeString(header.JWK.X)
	y, _ := base64.RawURLEncoding.DecodeString(header.JWK.Y)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil
	}
	return key
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	if strings.Contains(fmt.Sprintf("%T", body), "acmeProblem") {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) //nolint:errchkjson // whatever a test answers
}
