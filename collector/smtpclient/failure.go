package smtpclient

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

// ErrNotAllowed is what a Dialer wraps when it refuses to connect to an address that
// allow_addresses does not name. The stage then fails with FailureNotAllowed.
var ErrNotAllowed = errors.New("connecting to this address is not allowed")

// failureOf names what ended a stage, and with it the session. Where the transport broke within a
// handshake, that is said, not that the handshake failed.
func failureOf(stage Stage, secure bool, err error) Failure {
	switch {
	case errors.Is(err, ErrNotAllowed):
		return FailureNotAllowed
	case errors.Is(err, errInjected):
		return FailureInjected
	case errors.Is(err, errProtocol):
		return FailureProtocol
	case errors.Is(err, errTooLong) && stage != StageTLS:
		return FailureTooLong
	case isTimeout(err):
		return FailureTimeout
	case IsRefused(err):
		return FailureRefused
	case isAny(err, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED):
		return FailureReset
	case isAny(err, syscall.ENETUNREACH, syscall.EHOSTUNREACH):
		return FailureUnreachable
	case isAny(err, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed):
		return FailureClosed
	case stage == StageConnect:
		return FailureUnreachable // One of the rarer words of ICMP.
	case stage == StageTLS || secure:
		// A TLS 1.3 server may turn a handshake down after the client thinks it done, as when it
		// wants a certificate of us: then the alert comes at the next stage.
		return FailureTLSHandshake
	}
	return FailureClosed
}

// maxSaid is how much is kept of what a peer says in place of a reply.
const maxSaid = 100

// A saidError is an error with what the peer said in place of what was expected.
type saidError struct {
	error
	said string
}

func (e *saidError) Unwrap() error { return e.error }

// saying adds what the peer said to an error, if it said anything.
func saying(err error, octets []byte) error {
	if len(octets) == 0 {
		return err
	}
	return &saidError{err, string(octets[:min(len(octets), maxSaid)])}
}

// saidOf returns what the peer said, or "".
func saidOf(err error) string {
	var e *saidError
	if !errors.As(err, &e) {
		return ""
	}
	return e.said
}

// alertOf returns the words of the TLS alert that the peer sent, or "". Go has them as the error
// below "remote error".
func alertOf(err error) string {
	var e *net.OpError
	if !errors.As(err, &e) || e.Op != "remote error" || e.Err == nil {
		return ""
	}
	return strings.TrimPrefix(e.Err.Error(), "tls: ")
}

// isNoRoute reports whether an error looks like that of a machine without a route: no route for
// the address, no address to come from, or no such family at all.
func isNoRoute(err error) bool {
	return isAny(err, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT)
}

// isLocal reports whether a dial failed for want of something on this machine (files, memory, ports,
// permission, an interface that is up), which says nothing about the server.
func isLocal(err error) bool {
	return isAny(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, syscall.EAFNOSUPPORT, syscall.EPERM, syscall.EACCES, syscall.ENETDOWN)
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout() || isAny(err, syscall.ETIMEDOUT)
}

// IsRefused reports whether a connection was refused.
func IsRefused(err error) bool { return isAny(err, syscall.ECONNREFUSED) }

// isAny reports whether an error is one of targets, under the name that they have everywhere or the system's own.
func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) || errors.Is(err, native(target)) {
			return true
		}
	}
	return false
}
