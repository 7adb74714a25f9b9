package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteSize is a number of bytes, written as 1500, 64KB, 20MB or 2GB; the units are powers of 1024, KiB and so on too.
type byteSize int64

// byteUnits are tried in this order, so that "B" comes last.
var byteUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"B", 1},
}

// UnmarshalText reads a size.
func (s *byteSize) UnmarshalText(text []byte) error {
	digits, unit := strings.ToUpper(strings.TrimSpace(string(text))), int64(1)
	for _, u := range byteUnits {
		if rest, found := strings.CutSuffix(digits, u.suffix); found {
			digits, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return fmt.Errorf("%q is not a size; use a number with B, KB, MB or GB, such as 500MB", text)
	}
	*s = byteSize(n * unit)
	return nil
}
