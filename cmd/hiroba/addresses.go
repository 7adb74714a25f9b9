package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"hiroba/cmd/hiroba/doctor"
	"hiroba/sfu"
	"hiroba/sfu/udp"
)

const (
	// discoveryTimeout bounds how long the start waits for somebody who is asked for the public address.
	discoveryTimeout = 5 * time.Second
	// maxMetadata bounds what a cloud answers, in bytes.
	maxMetadata = 1 << 10
)

// cloudOff is the value of --cloud that asks nobody.
const cloudOff = "off"

// cloudAddress is where clouds tell a machine about itself. It is link-local: the question does not leave the cloud.
const cloudAddress = "http://169.254.169.254"

// clouds are those of --cloud: where they tell the public IPv4 address, and the header that they want to see.
var clouds = map[string]struct{ path, header, value string }{
	"aws": {"/latest/meta-data/public-ipv4", "X-aws-ec2-metadata-token", ""}, // the value is a token
	"gcp": {"/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip", "Metadata-Flavor", "Google"},
	"azure": {
		"/metadata/instance/network/interface/0/ipv4/ipAddress/0/publicIpAddress?api-version=2021-02-01&format=text",
		"Metadata", "true",
	},
}

// discoverer finds out which addresses stand for the machine's own, outside of a NAT.
type discoverer struct {
	cfg *Config
	// cloud is where the cloud answers: cloudAddress but in tests.
	cloud string
}

// publicIPs are those to announce, and where they are from. Somebody is asked only if the settings say so, and what is set by
// hand needs no asking. An address that the machine has itself stands for nothing.
func (d *discoverer) publicIPs(ctx context.Context, log *slog.Logger) (ips []netip.Addr, source string, err error) {
	ips, err = d.cfg.publicIPs()
	if err != nil {
		return nil, "", err
	}
	if len(ips) > 0 {
		return ips, "--public-ip", nil
	}
	ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
	defer cancel()
	var found netip.Addr
	switch {
	case d.cfg.STUN != "":
		source = "--stun " + d.cfg.STUN
		found, err = doctor.MappedAddress(ctx, d.cfg.STUN)
	case d.cfg.Cloud != cloudOff:
		source = "--cloud " + d.cfg.Cloud
		found, err = askCloud(ctx, d.cloud, d.cfg.Cloud)
	default:
		return nil, "interfaces", nil
	}
	if err != nil { // people in the same network can join all the same
		log.Warn("public address not found, set it with --public-ip", "source", source, "err", err)
		return nil, "interfaces", nil
	}
	own, err := udp.LocalAddresses(true, nil)
	if err != nil {
		return nil, "", fmt.Errorf("compare the public address: %w", err)
	}
	if slices.Contains(own, found) {
		return nil, "interfaces", nil
	}
	return []netip.Addr{found}, source, nil
}

// askCloud asks the cloud that this machine is in for its public address.
func askCloud(ctx context.Context, at, name string) (netip.Addr, error) {
	cloud := clouds[name]
	if name == "aws" { // a token first, so that nobody can be tricked into asking (IMDSv2)
		token, err := askMetadata(ctx, http.MethodPut, at+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
		if err != nil {
			return netip.Addr{}, err
		}
		cloud.value = token
	}
	text, err := askMetadata(ctx, http.MethodGet, at+cloud.path, cloud.header, cloud.value)
	if err != nil {
		return netip.Addr{}, err
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("answer of the cloud: %w", err)
	}
	return addr.Unmap(), nil
}

func askMetadata(ctx context.Context, method, url, header, value string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return "", fmt.Errorf("ask the cloud: %w", err)
	}
	request.Header.Set(header, value)
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request) // past any proxy
	if err != nil {
		return "", fmt.Errorf("ask the cloud: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxMetadata))
	if err != nil {
		return "", fmt.Errorf("ask the cloud: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("ask the cloud: status %d", answer.StatusCode)
	}
	return strings.TrimSpace(string(text)), nil
}

// logAddresses says in one line what clients are told, and why.
func logAddresses(log *slog.Logger, e *sfu.Engine, source string) {
	log.Info("addresses chosen", "announced", e.Announced(), "local", e.Local(), "source", source)
}
