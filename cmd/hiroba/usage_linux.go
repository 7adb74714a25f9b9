package main

import (
	"errors"
	"io"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"hiroba/room/headroom"
)

// usage measures what the process uses. What cannot be measured stays zero, which limits nothing.
func usage() headroom.Sample {
	var s headroom.Sample
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err == nil {
		s.CPU = time.Duration(used.Utime.Nano() + used.Stime.Nano())
		s.Cores = cores()
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil && limit.Cur < 1<<30 {
		s.MaxDescriptors = int(limit.Cur)
		s.Descriptors = openDescriptors()
	}
	return s
}

// cores is how many the process may use at once: those of the Go runtime, or less where the cgroup has a quota. Go rounds
// a quota up to whole cores, and down to no less than two.
func cores() float64 {
	n := float64(runtime.GOMAXPROCS(0))
	if quota, ok := cgroupQuota(); ok {
		n = min(n, quota)
	}
	return n
}

// cgroupQuota is the least quota of the process's cgroup and those above it, in cores.
func cgroupQuota() (quota float64, ok bool) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		group, unified := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !unified {
			continue
		}
		for ; ; group = path.Dir(group) {
			file, err := os.ReadFile(path.Join("/sys/fs/cgroup", group, "cpu.max")) //nolint:gosec // the kernel names it
			if q, is := parseQuota(string(file)); err == nil && is && (!ok || q < quota) {
				quota, ok = q, true
			}
			if group == "/" || group == "." {
				return quota, ok
			}
		}
	}
	return quota, ok
}

// parseQuota reads a cpu.max file: "150000 100000" is one and a half cores, "max 100000" no limit.
func parseQuota(text string) (float64, bool) {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return 0, false
	}
	share, err := strconv.ParseFloat(fields[0], 64)
	period, err2 := strconv.ParseFloat(fields[1], 64)
	if errors.Join(err, err2) != nil || share <= 0 || period <= 0 {
		return 0, false
	}
	return share / period, true
}

// openDescriptors counts the process's descriptors; 0 when it cannot.
func openDescriptors() int {
	folder, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer folder.Close()
	for n := 0; ; {
		names, err := folder.Readdirnames(1024)
		n += len(names)
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			return 0
		}
	}
}
