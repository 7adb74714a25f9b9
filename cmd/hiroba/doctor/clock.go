package doctor

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	// maxSkew is how far off a clock may be. Certificates and credentials count in minutes, people in seconds.
	maxSkew = 30 * time.Second
	// newestSlack is how far in the future a file of this machine may have been written.
	newestSlack = time.Hour
)

const clockFix = "timedatectl set-ntp true (or: apt install chrony), then look at date -u"

// checkClock looks whether the clock can be right, and compares it where that was asked for.
func checkClock(ctx context.Context, r *Report, cfg Config) {
	const id = "clock"
	now := cfg.Now()
	if cfg.Clock != nil {
		skew, err := skewOf(ctx, cfg)
		switch {
		case err != nil:
			r.warn(id, "name a server that answers, such as --clock https://example.com", "cannot compare the clock: %v", err)
		case skew.Abs() > maxSkew:
			r.fault(id, clockFix, "this machine's clock is %v off that of %s", skew.Abs().Round(time.Second), cfg.Clock.Host)
		default:
			r.ok(id, "right to %v, says %s", maxSkew, cfg.Clock.Host)
		}
		return
	}
	for _, name := range []string{"proc/self/exe", "etc/resolv.conf", "var/lib/dpkg/status", "var/log"} {
		info, err := os.Stat(filepath.Join(cfg.Root, name))
		if err == nil && info.ModTime().After(now.Add(newestSlack)) {
			r.fault(id, clockFix, "this machine's clock says %s, but /%s was written on %s", now.UTC().Format(time.RFC3339), name,
				info.ModTime().UTC().Format(time.RFC3339))
			return
		}
	}
	if is, known := unsynchronised(); known && is {
		r.warn(id, clockFix, "it says %s, and the kernel knows of nobody who keeps it right", now.UTC().Format(time.RFC3339))
		return
	}
	r.ok(id, "it says %s", now.UTC().Format(time.RFC3339))
}

// skewOf is how far the clock is ahead of that of an HTTP server.
func skewOf(ctx context.Context, cfg Config) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, cfg.Clock.String(), http.NoBody)
	if err != nil {
		return 0, err //nolint:wrapcheck // it names the URL
	}
	// With a clock that is off by much no certificate seems valid, and only the Date is of interest.
	client := http.Client{
		Transport:     &http.Transport{TLSClientConfig: anyCertificate(), DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, err //nolint:wrapcheck // it names the URL
	}
	defer answer.Body.Close()
	told, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return 0, err //nolint:wrapcheck // it names the Date
	}
	return cfg.Now().Sub(told), nil
}
