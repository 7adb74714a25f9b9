package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"rsc.io/qr"

	"hiroba/cmd/hiroba/doctor"
)

const (
	// phoneWait is how long somebody has to open the link, phonePause how often it is looked whether they have.
	phoneWait  = 3 * time.Minute
	phonePause = time.Second
)

// askPhone sends somebody to the connection test on a phone, and waits for what it finds.
func (c *doctorCommand) askPhone(ctx context.Context, report *doctor.Report, cfg doctor.Config) {
	link := c.phoneLink(cfg)
	fmt.Fprintf(c.phone, "Turn the phone's Wi-Fi off, and open this on it: %s\n%s", link, terminalCode(link))
	ctx, cancel := context.WithTimeout(ctx, phoneWait)
	defer cancel()
	ticker := time.NewTicker(phonePause)
	defer ticker.Stop()
	for {
		if found := c.phoneFound(ctx); found != nil {
			report.AddPhone(found, link, cfg.Server.Port)
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			report.AddPhone(nil, link, cfg.Server.Port)
			return
		}
	}
}

// phoneLink is the page of the connection test. The token is behind the #, so that no log has it.
func (c *doctorCommand) phoneLink(cfg doctor.Config) string {
	var base string
	switch {
	case cfg.URL != nil:
		base = strings.TrimSuffix(cfg.URL.String(), "/")
	default:
		scheme, host := "http", ""
		if c.TLS != tlsOff {
			scheme, host = "https", first(cfg.Certificate.Names)
		}
		if host == "" {
			at := cfg.Server.Announced
			if i := slices.IndexFunc(at, func(a netip.Addr) bool { return !a.IsLoopback() }); i >= 0 {
				at = at[i:]
			}
			host = at[0].String()
		}
		base = scheme + "://" + hostPort(host, strconv.Itoa(int(cfg.Server.Port)), scheme)
	}
	return base + "/check#" + cfg.Server.Token
}

// phoneFound is what a phone has told the server; nil for nothing yet.
func (c *doctorCommand) phoneFound(ctx context.Context) *doctor.Phone {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/debug/doctor/phone", http.NoBody)
	if err != nil {
		return nil
	}
	answer, err := adminClient(c.AdminListen).Do(request)
	if err != nil {
		return nil // the next time, perhaps
	}
	defer answer.Body.Close()
	found := &doctor.Phone{}
	if answer.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(answer.Body, maxDescription)).Decode(found) != nil {
		return nil
	}
	return found
}

// terminalCode draws a QR code with half blocks, dark on light whatever colours the terminal has.
func terminalCode(text string) string {
	code, err := qr.Encode(text, qr.L)
	if err != nil { // too long; the link is enough
		return ""
	}
	const light, reset = "\x1b[30;107m", "\x1b[0m"
	var out strings.Builder
	for y := -quietZone; y < code.Size+quietZone; y += 2 {
		out.WriteString(light)
		for x := -quietZone; x < code.Size+quietZone; x++ {
			upper, lower := code.Black(x, y), code.Black(x, y+1)
			switch {
			case upper && lower:
				out.WriteString("█")
			case upper:
				out.WriteString("▀")
			case lower:
				out.WriteString("▄")
			default:
				out.WriteString(" ")
			}
		}
		out.WriteString(reset + "\n")
	}
	return out.String()
}
