package main

import (
	"encoding/binary"
	"time"
)

// A publisher writes into the last bytes of each payload when it was sent, where no decoder reads; a probe in the same
// process, by the same clock, reads it.

const (
	stampBytes = 12
	stampMagic = 0xB10ADCA5
)

// putStamp writes the time over the last bytes of a payload.
func putStamp(payload []byte, now time.Time) {
	b := payload[len(payload)-stampBytes:]
	binary.BigEndian.PutUint32(b, stampMagic)
	binary.BigEndian.PutUint64(b[4:], uint64(now.UnixNano()))
}

// stampOf is the time that a payload carries; false when it carries none.
func stampOf(payload []byte) (time.Time, bool) {
	if len(payload) < stampBytes {
		return time.Time{}, false
	}
	b := payload[len(payload)-stampBytes:]
	if binary.BigEndian.Uint32(b) != stampMagic {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b[4:]))), true //nolint:gosec // what putStamp wrote
}
