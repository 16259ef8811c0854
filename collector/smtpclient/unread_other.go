//go:build !unix

package smtpclient

import "net"

// unread would look into the socket. Where that cannot be done, only what came together with the reply is noticed.
func unread(net.Conn) bool { return false }
