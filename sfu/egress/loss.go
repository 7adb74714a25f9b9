package egress

// maxReportedLoss bounds what a subscriber can claim with one report.
const maxReportedLoss = 1 << 12

// Loss turns what a subscriber reports about one SSRC into how many packets it lost since its last report. The zero value
// is ready. Reports come more than once and out of order; each packet is counted once.
type Loss struct {
	reported bool
	// highest is the extended sequence number of the newest report, total its cumulative number of packets lost.
	highest, total uint32
}

// HandleReport takes the extended highest sequence number and the cumulative number of packets lost of a report block
// (RFC 3550, section 6.4.1) and returns how many packets were lost since the last one. The second is a signed number
// of 24 bits, which goes down when packets come twice. A client can claim anything: not more is believed to be lost than was
// received or lost in that time, nor than a fixed bound.
func (l *Loss) HandleReport(highest, total uint32) uint64 {
	first := !l.reported
	span := int64(int32(highest - l.highest)) //nolint:gosec // modulo 2^32: negative for an older report
	if !first && span <= 0 {
		return 0
	}
	lost := int64(int32((total-l.total)<<8) >> 8) //nolint:gosec // modulo 2^24, with a sign
	l.reported, l.highest, l.total = true, highest, total
	if first { // what went before is as old as the session, or nothing
		return 0
	}
	return uint64(max(0, min(lost, span, maxReportedLoss)))
}
