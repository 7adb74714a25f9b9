// Package rtptime ties RTP timestamps, which start anywhere and count samples, to instants on the server's clock. The
// sender reports of a publisher (RFC 3550, section 6.4.1) tie them to the publisher's clock; a Publisher ties that one
// to the server's, in the same way for all its streams, so that sound and lips stay together.
package rtptime

import "time"

// ntpEpoch is 1970-01-01 in seconds since 1900-01-01, where the first era of NTP begins.
const ntpEpoch = 2_208_988_800

// NTP is an NTP timestamp: seconds since 1900 with 32 bits, and their fraction with 32 bits (RFC 5905, section 6). It
// wraps around in 2036.
type NTP uint64

// NewNTP is the wall time of t as an NTP timestamp.
func NewNTP(t time.Time) NTP {
	seconds := uint64(t.Unix() + ntpEpoch)                       //nolint:gosec // modulo 2^32, as NTP counts
	fraction := (uint64(t.Nanosecond())<<32 + 500_000_000) / 1e9 //nolint:gosec // rounded; 0 to 1e9-1
	return NTP(seconds<<32 + fraction)
}

// Time is the instant that n stands for between 1968 and 2104 (RFC 4330, section 3).
func (n NTP) Time() time.Time {
	seconds := int64(n >> 32)
	if seconds < 1<<31 {
		seconds += 1 << 32
	}
	return time.Unix(seconds-ntpEpoch, fractionOfSecond(n))
}

// Sub is the time from o to n, which must be less than 68 years. It needs no notion of eras.
func (n NTP) Sub(o NTP) time.Duration {
	d := n - o
	return time.Duration(int64(d)>>32)*time.Second + time.Duration(fractionOfSecond(d)) //nolint:gosec // signed difference
}

// Middle is the middle 32 bits, with which receiver reports name a sender report (LSR in RFC 3550, section 6.4.1).
func (n NTP) Middle() uint32 { return uint32(n >> 16) } //nolint:gosec // the middle bits are meant

// fractionOfSecond is the fraction of n in nanoseconds, rounded.
func fractionOfSecond(n NTP) int64 {
	return int64((uint64(uint32(n))*1e9 + 1<<31) >> 32) //nolint:gosec // at most 1e9
}
