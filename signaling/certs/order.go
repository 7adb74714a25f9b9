package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/acme"
)

// The files of one authority.
const (
	accountFile = "account.key"
	pairFile    = "certificate.pem"
)

// proofType is how domains are proven.
const proofType = "tls-alpn-01"

var (
	// errNoneYet ends a handshake while there is no certificate. It must not start an attempt to get one: anybody could
	// use up what the authority allows.
	errNoneYet = errors.New("there is no certificate yet")
	// errNoProof ends a handshake that looks like an authority's when nothing was ordered.
	errNoProof = errors.New("nothing to prove for this name")
)

// isProof tells an authority's handshake from a browser's (RFC 8737, section 4).
func isProof(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto
}

func (a *ACME) proof(domain string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if proof := a.proofs[strings.ToLower(domain)]; proof != nil {
		return proof, nil
	}
	return nil, errNoProof
}

// obtain orders a certificate, proves the domains, and fetches it (RFC 8555, section 7.1).
func (a *ACME) obtain(ctx context.Context) (*tls.Certificate, error) {
	if err := a.signIn(ctx); err != nil {
		return nil, err
	}
	order, err := a.client.AuthorizeOrder(ctx, acme.DomainIDs(a.cfg.Domains...))
	if err != nil {
		return nil, fmt.Errorf("order a certificate: %w", err)
	}
	if err := a.prove(ctx, order.AuthzURLs); err != nil {
		return nil, err
	}
	ready, err := a.client.WaitOrder(ctx, order.URI)
	if err != nil {
		return nil, fmt.Errorf("wait for the order: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: a.cfg.Domains}, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	chain, err := a.fetch(ctx, order.URI, ready.FinalizeURL, request)
	if err != nil {
		return nil, fmt.Errorf("fetch the certificate: %w", err)
	}
	return a.check(&tls.Certificate{Certificate: chain, PrivateKey: key})
}

// fetch has the certificate made and gets it. An authority that takes its time need not repeat the order's address in its
// answer, and then CreateOrderCert does not know what to wait for; but it is known here.
func (a *ACME) fetch(ctx context.Context, order, finalize string, request []byte) ([][]byte, error) {
	chain, _, err := a.client.CreateOrderCert(ctx, finalize, request, true)
	if err == nil {
		return chain, nil
	}
	made, waitErr := a.client.WaitOrder(ctx, order)
	if waitErr != nil || made.Status != acme.StatusValid {
		return nil, err
	}
	return a.client.FetchCert(ctx, made.CertURL, true)
}

// signIn opens the account, with the same key in every run.
func (a *ACME) signIn(ctx context.Context) error {
	if a.client != nil {
		return nil
	}
	key, err := a.accountKey()
	if err != nil {
		return err
	}
	client := &acme.Client{Key: key, DirectoryURL: a.cfg.Directory, HTTPClient: a.cfg.Client, UserAgent: "hiroba"}
	account := &acme.Account{}
	if a.cfg.Email != "" {
		account.Contact = []string{"mailto:" + a.cfg.Email}
	}
	if _, err := client.Register(ctx, account, acme.AcceptTOS); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return fmt.Errorf("open an account: %w", err)
	}
	a.client = client
	return nil
}

// accountKey reads the account's key, or makes one. One that cannot be stored serves this run.
func (a *ACME) accountKey() (*ecdsa.PrivateKey, error) {
	file := filepath.Join(a.cfg.Folder, accountFile)
	data, err := os.ReadFile(file) //nolint:gosec // below the data folder
	if err == nil {
		block, _ := pem.Decode(data)
		if block == nil {
			return nil, fmt.Errorf("read account: %s is damaged; remove it to open another account", file)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		key, ok := parsed.(*ecdsa.PrivateKey)
		if err != nil || !ok {
			return nil, fmt.Errorf("read account: %s is damaged; remove it to open another account", file)
		}
		return key, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of an account: %w", err)
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	if err := a.write(accountFile, encoded); err != nil {
		a.cfg.Log.Error("account not stored, the next start opens another one; make --data-dir writable", "err", err)
	}
	return key, nil
}

// prove has the authority look at every domain, and waits until it has.
func (a *ACME) prove(ctx context.Context, authorizations []string) error {
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		clear(a.proofs)
	}()
	var pending []string
	for _, uri := range authorizations {
		authorization, err := a.client.GetAuthorization(ctx, uri)
		if err != nil {
			return fmt.Errorf("ask for an authorization: %w", err)
		}
		if authorization.Status == acme.StatusValid { // proven not long ago
			continue
		}
		if err := a.accept(ctx, authorization); err != nil {
			return err
		}
		pending = append(pending, uri)
	}
	for _, uri := range pending {
		if _, err := a.client.WaitAuthorization(ctx, uri); err != nil {
			return fmt.Errorf("prove a domain: %w", err)
		}
	}
	return nil
}

// accept lays out the proof of one domain and invites the authority to look.
func (a *ACME) accept(ctx context.Context, authorization *acme.Authorization) error {
	domain := authorization.Identifier.Value
	for _, challenge := range authorization.Challenges {
		if challenge.Type != proofType {
			continue
		}
		proof, err := a.client.TLSALPN01ChallengeCert(challenge.Token, domain)
		if err != nil {
			return fmt.Errorf("make a proof for %s: %w", domain, err)
		}
		a.mu.Lock()
		a.proofs[domain] = &proof
		a.mu.Unlock()
		if _, err := a.client.Accept(ctx, challenge); err != nil {
			return fmt.Errorf("invite the authority to look at %s: %w", domain, err)
		}
		return nil
	}
	return fmt.Errorf("the authority does not prove %s by %s", domain, proofType)
}

// check takes a certificate only if browsers will.
func (a *ACME) check(pair *tls.Certificate) (*tls.Certificate, error) {
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	if err := covers(leaf, a.cfg.Domains); err != nil {
		return nil, fmt.Errorf("the authority's certificate %w", err)
	}
	if err := checkTimes(leaf, a.cfg.Now()); err != nil {
		return nil, fmt.Errorf("the authority's certificate %w", err)
	}
	pair.Leaf = leaf
	return pair, nil
}

// stored is the certificate of an earlier run; nil without one that is of any use.
func (a *ACME) stored() *tls.Certificate {
	file := filepath.Join(a.cfg.Folder, pairFile)
	data, err := os.ReadFile(file) //nolint:gosec // below the data folder
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.X509KeyPair(data, data); err == nil {
			pair.Leaf = leafOf(data)
			err = checkTimes(pair.Leaf, a.cfg.Now())
		}
		if err == nil {
			return &pair
		}
	}
	a.cfg.Log.Warn("stored certificate not used, another one is ordered", "file", file, "err", err)
	return nil
}

func (a *ACME) store(pair *tls.Certificate) error {
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		panic("a certificate was ordered with a key that is not made here")
	}
	data, err := encodeKey(key)
	if err != nil {
		return err
	}
	for _, der := range pair.Certificate {
		data = append(data, encodeCert(der)...)
	}
	return a.write(pairFile, data)
}

func (a *ACME) write(name string, data []byte) error {
	if err := os.MkdirAll(a.cfg.Folder, 0o700); err != nil {
		return fmt.Errorf("make a folder for the authority: %w", err)
	}
	return writeFile(filepath.Join(a.cfg.Folder, name), data)
}

// advice says what to do about an error of an authority (RFC 8555, section 6.7).
func advice(err error, domains []string) string {
	domain := strings.Join(domains, ", ")
	var refusal *acme.AuthorizationError
	if errors.As(err, &refusal) {
		domain = refusal.Identifier
		err = errors.Join(refusal.Errors...)
	}
	var problem *acme.Error
	if !errors.As(err, &problem) {
		return "check that this machine reaches --acme-directory, trusts its certificate, and has the right time"
	}
	switch strings.TrimPrefix(problem.ProblemType, "urn:ietf:params:acme:error:") {
	case "connection":
		return "lead TCP port 443 of " + domain + " to --listen, and open it in every firewall"
	case "dns":
		return "let " + domain + " point to this server in the DNS (A and AAAA records)"
	case "tls", "unauthorized":
		return "something else answers at port 443 of " + domain + "; lead it to --listen, and check its A and AAAA records"
	case "caa":
		return "the CAA record of " + domain + " forbids this authority; change it, or use another --acme-directory"
	case "rateLimited":
		return "the authority allows no more attempts for now; meanwhile try with its staging --acme-directory"
	case "rejectedIdentifier":
		return "the authority makes no certificates for " + domain + "; use a public name as --domain, or --tls lan"
	case "invalidContact", "unsupportedContact":
		return "correct --acme-email"
	case "externalAccountRequired":
		return "this authority wants an account made by hand, which is not supported; use another --acme-directory"
	}
	return "see what the authority says"
}
