package doctor

import (
	"net"

	"golang.org/x/sys/unix"
)

// segmentation reports whether the kernel knows UDP_SEGMENT.
func segmentation() bool {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return false
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	can := false
	err = raw.Control(func(fd uintptr) {
		_, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
		can = err == nil
	})
	return can && err == nil
}

// freeSpace is how much this user may write to the disk of a folder, in bytes.
func freeSpace(folder string) (bytes int64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * s.Bsize, true //nolint:gosec // a disk of 8 EB is not to be expected
}

// unsynchronised reports whether the kernel knows of nobody who keeps its clock right (adjtimex(2)).
func unsynchronised() (is, known bool) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0, err == nil
}

// FileLimit is how many files this process may open; 0 if there is no telling.
func FileLimit() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return limit.Cur
}
