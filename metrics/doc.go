// Package metrics shows what the server does to Prometheus. It keeps no numbers of its own: at each scrape it reads
// the counters and snapshots of the packages that own them.
//
// Names follow hiroba_<subsystem>_<what>_<unit>[_total]. Labels are small enums that are known when the server starts,
// so every series exists from the first scrape and their number does not depend on how many rooms or people there are.
// The label "direction" is that of the media: "up" from publishers to the server, "down" from the server to
// subscribers.
package metrics
