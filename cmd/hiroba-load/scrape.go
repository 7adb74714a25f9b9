package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	scrapeTimeout = 5 * time.Second
	maxScrape     = 8 << 20
)

// metrics are the values of a scrape by series, such as rtp_packets_total{direction="down",kind="audio"}.
type metrics map[string]float64

// scrape reads the server's metrics.
func scrape(ctx context.Context, admin string) (metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, //nolint:gosec // whoever tests chooses
		strings.TrimSuffix(admin, "/")+"/metrics", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	response, err := http.DefaultClient.Do(request) //nolint:gosec // likewise
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read metrics: %s answers %s", admin, response.Status)
	}
	return parseMetrics(io.LimitReader(response.Body, maxScrape))
}

// parseMetrics reads the text format of Prometheus.
func parseMetrics(r io.Reader) (metrics, error) {
	m := metrics{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		end := strings.LastIndexByte(line, '}') + 1
		space := strings.IndexByte(line[end:], ' ')
		if space < 0 {
			continue
		}
		value, _, _ := strings.Cut(strings.TrimSpace(line[end+space:]), " ") // a time may follow
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			m[line[:end+space]] = number
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	return m, nil
}

// sum adds up the series of a metric that have all the given labels, each as name="value".
func (m metrics) sum(name string, labels ...string) (sum float64) {
series:
	for series, value := range m {
		bare, rest, _ := strings.Cut(series, "{")
		if bare != name {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(rest, label) {
				continue series
			}
		}
		sum += value
	}
	return sum
}

// hostPort joins a host and a port, with brackets where an IPv6 address needs them.
func hostPort(host, port string) string { return net.JoinHostPort(host, port) }
