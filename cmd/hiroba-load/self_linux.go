package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc/stat, USER_HZ, which is the same on all systems that Go runs on.
const tick = 10 * time.Millisecond

// machineTime is the time that all processors of this machine were busy so far; 0 when not known.
func machineTime() time.Duration {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	const idle, iowait, steal = 4, 5, 8 // proc(5); guest times after these are part of the user's
	var ticks int64
	for i, field := range fields {
		if i == 0 || i == idle || i == iowait || i > steal {
			continue
		}
		n, _ := strconv.ParseInt(field, 10, 64) // a field that is no number counts nothing
		ticks += n
	}
	return time.Duration(ticks) * tick
}
