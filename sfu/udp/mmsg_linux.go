//go:build !portable

package udp

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2). Go lays it out as C does.
type mmsghdr struct {
	header unix.Msghdr
	length uint32 // what the kernel read or sent, in bytes
}

// Both calls use RawSyscall6: with MSG_DONTWAIT they return soon, and telling the scheduler costs more than it would gain. The
// other side is that garbage collection waits for them, so batches are bounded.

func recvmmsg(fd uintptr, messages []mmsghdr) (n int, errno syscall.Errno) {
	first := unsafe.Pointer(unsafe.SliceData(messages)) //nolint:gosec // the kernel takes addresses
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(first), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

func sendmmsg(fd uintptr, messages []mmsghdr) (n int, errno syscall.Errno) {
	first := unsafe.Pointer(unsafe.SliceData(messages)) //nolint:gosec // the kernel takes addresses
	r, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(first), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}
