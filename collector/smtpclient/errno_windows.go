package smtpclient

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// native gives the system's own error for one of package syscall's: Winsock has numbers of its own for what goes
// wrong with a connection, and the E names that package syscall has on Windows are never returned by it.
func native(err error) error {
	switch err { //nolint:errorlint // A name is asked for, nothing that wraps it.
	case syscall.ECONNREFUSED:
		return windows.WSAECONNREFUSED
	case syscall.ECONNRESET:
		return windows.WSAECONNRESET
	case syscall.ECONNABORTED:
		return windows.WSAECONNABORTED
	case syscall.EPIPE:
		return windows.WSAESHUTDOWN
	case syscall.ETIMEDOUT:
		return windows.WSAETIMEDOUT
	case syscall.ENETUNREACH:
		return windows.WSAENETUNREACH
	case syscall.EHOSTUNREACH:
		return windows.WSAEHOSTUNREACH
	case syscall.EADDRNOTAVAIL:
		return windows.WSAEADDRNOTAVAIL
	case syscall.EADDRINUSE:
		return windows.WSAEADDRINUSE
	case syscall.EAFNOSUPPORT:
		return windows.WSAEAFNOSUPPORT
	case syscall.ENETDOWN:
		return windows.WSAENETDOWN
	case syscall.EACCES, syscall.EPERM:
		return windows.WSAEACCES
	case syscall.EMFILE, syscall.ENFILE:
		return windows.WSAEMFILE
	case syscall.ENOBUFS, syscall.ENOMEM:
		return windows.WSAENOBUFS
	}
	return err
}
