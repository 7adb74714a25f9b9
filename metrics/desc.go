package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"hiroba/sfu/stats"
)

// namespace is the first part of every name.
const namespace = "hiroba"

// family is a metric's name, help and labels together with its type.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

// counter describes a number that only grows.
func counter(name, help string, labels ...string) family {
	return family{desc(name, help, labels...), prometheus.CounterValue}
}

// gauge describes a number that goes up and down.
func gauge(name, help string, labels ...string) family {
	return family{desc(name, help, labels...), prometheus.GaugeValue}
}

// number is what the counters and snapshots hold.
type number interface {
	~int | ~int64 | ~uint64 | ~float64
}

// send hands one value of f to a scrape.
func send[N number](ch chan<- prometheus.Metric, f family, value N, labels ...string) {
	ch <- prometheus.MustNewConstMetric(f.desc, f.kind, float64(value), labels...)
}

// sendHistogram hands a histogram of durations to a scrape, in seconds.
func sendHistogram(ch chan<- prometheus.Metric, d *prometheus.Desc, h stats.HistogramSnapshot) {
	buckets := make(map[float64]uint64, len(h.Cumulative))
	for bound, count := range h.Cumulative {
		buckets[bound.Seconds()] = count
	}
	ch <- prometheus.MustNewConstHistogram(d, h.Count, h.Sum.Seconds(), buckets)
}

// sendAll hands one value for each key of a snapshot to a scrape. The key is the last label.
func sendAll[L ~string](ch chan<- prometheus.Metric, f family, values map[L]uint64, labels ...string) {
	for label, value := range values {
		send(ch, f, value, append(labels[:len(labels):len(labels)], string(label))...)
	}
}
