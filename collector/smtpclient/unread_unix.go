//go:build unix

package smtpclient

import (
	"net"
	"syscall"
)

// unread reports whether the peer has sent octets that nobody has read yet. It waits for none, and leaves them where they are.
func unread(conn net.Conn) bool {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	_ = raw.Read(func(fd uintptr) bool { // An error leaves n at 0, and will show when we read.
		n, _, _ = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return true
	})
	return n > 0
}
