package transportcc

import (
	"encoding/binary"
	"math"
)

// Sizes and numbers of a report (section 3.1 of the draft).
const (
	headerBytes = 20
	formatTCC   = 15  // the type of feedback, in the first byte
	typeRTPFB   = 205 // transport layer feedback (RFC 4585, section 6.1)
	paddingFlag = 0x20
	// referenceUnits is the unit of the reference time, 64 ms, in units of arrival times.
	referenceUnits = 256
	maxSmall       = math.MaxUint8

	oneBitSymbols, twoBitSymbols = 14, 7
	vectorFlag, twoBitFlag       = 1 << 15, 1 << 14
)

// symbol is what a report says of a number (section 3.1.1 of the draft).
type symbol uint8

const (
	missing symbol = iota
	small          // came, and less than 64 ms after the one before
	large
)

// Report appends a report on the numbers since the last one: an RTCP packet from sender, about media. It takes at most MaxSpan
// numbers, so ask until b comes back as it was. Room for [MaxReportBytes] spares allocating.
func (r *Recorder) Report(b []byte, sender, media uint32) []byte {
	var symbols [MaxSpan]symbol
	var deltas [MaxSpan]int16
	n, reference := r.classify(&symbols, &deltas)
	for n == 0 {
		if r.first == r.next {
			return b
		}
		r.first = min(r.first+MaxSpan, r.next) // so many were lost that those before them were forgotten
		n, reference = r.classify(&symbols, &deltas)
	}
	start := len(b)
	b = append(b, 2<<6|formatTCC, typeRTPFB, 0, 0)
	b = binary.BigEndian.AppendUint32(b, sender)
	b = binary.BigEndian.AppendUint32(b, media)
	b = binary.BigEndian.AppendUint16(b, uint16(r.first))                              //nolint:gosec // its last 16 bits
	b = binary.BigEndian.AppendUint16(b, uint16(n))                                    //nolint:gosec // at most MaxSpan
	b = append(b, byte(reference>>16), byte(reference>>8), byte(reference), r.reports) //nolint:gosec // its bytes
	b = appendChunks(b, symbols[:n])
	for i, s := range symbols[:n] {
		switch s {
		case small:
			b = append(b, byte(deltas[i])) //nolint:gosec // that is what small means
		case large:
			b = binary.BigEndian.AppendUint16(b, uint16(deltas[i])) //nolint:gosec // two's complement
		case missing:
			r.holes++
		}
	}
	if padding := -(len(b) - start) & 3; padding > 0 {
		b[start] |= paddingFlag
		b = append(b, make([]byte, padding)...)
		b[len(b)-1] = byte(padding)
	}
	binary.BigEndian.PutUint16(b[start+2:], uint16((len(b)-start)/4-1)) //nolint:gosec // below MaxReportBytes
	r.reports++
	r.first += int64(n)
	return b
}

// classify finds out what the next report says: of how many numbers, from which reference time on, and of each whether and how
// long after the one before it came. The last one came; there is none if nothing did.
func (r *Recorder) classify(symbols *[MaxSpan]symbol, deltas *[MaxSpan]int16) (n int, reference uint32) {
	var before uint32
	for i := range min(MaxSpan, r.Span()) {
		arrival := *r.at(r.first + int64(i))
		if arrival == 0 {
			continue
		}
		if n == 0 {
			reference = arrival / referenceUnits
			before = reference * referenceUnits
		}
		delta := int32(arrival - before) //nolint:gosec // two's complement
		if delta < math.MinInt16 || delta > math.MaxInt16 {
			break // for the next report, with a reference time of its own
		}
		symbols[i], deltas[i] = large, int16(delta)
		if delta >= 0 && delta <= maxSmall {
			symbols[i] = small
		}
		before, n = arrival, i+1
	}
	return n, reference
}

// appendChunks appends the symbols, as runs of one and as vectors of several (sections 3.1.3 and 3.1.4 of the draft).
func appendChunks(b []byte, symbols []symbol) []byte {
	for len(symbols) > 0 {
		run := 1
		for run < len(symbols) && symbols[run] == symbols[0] {
			run++
		}
		if run >= oneBitSymbols || run == len(symbols) || run >= twoBitSymbols && symbols[0] == large {
			b = binary.BigEndian.AppendUint16(b, uint16(symbols[0])<<13|uint16(run))
			symbols = symbols[run:]
			continue
		}
		chunk, n := vector(symbols)
		b = binary.BigEndian.AppendUint16(b, chunk)
		symbols = symbols[n:]
	}
	return b
}

// vector is the chunk for the first n symbols.
func vector(symbols []symbol) (chunk uint16, n int) {
	n = min(len(symbols), oneBitSymbols)
	chunk = vectorFlag
	for i, s := range symbols[:n] {
		if s == large {
			return pairs(symbols)
		}
		chunk |= uint16(s) << (oneBitSymbols - 1 - i)
	}
	return chunk, n
}

// pairs is the chunk of two bits for each symbol.
func pairs(symbols []symbol) (chunk uint16, n int) {
	n = min(len(symbols), twoBitSymbols)
	chunk = vectorFlag | twoBitFlag
	for i, s := range symbols[:n] {
		chunk |= uint16(s) << (2 * (twoBitSymbols - 1 - i))
	}
	return chunk, n
}
