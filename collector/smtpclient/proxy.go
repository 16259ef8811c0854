package smtpclient

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// A ProxyVersion is a version of the PROXY protocol, by which a load balancer says to the server behind
// it where a connection comes from. A server that is set up for it waits for this header, and many
// hang up where it is missing.
type ProxyVersion string

// The versions, as exporter.yml writes them.
const (
	ProxyV1 ProxyVersion = "v1" // A line of text.
	ProxyV2 ProxyVersion = "v2" // Binary.
)

// proxySignature begins a header of version 2. No protocol of text begins so.
const proxySignature = "\r\n\r\n\x00\r\nQUIT\n"

// sendProxyHeader says where a connection comes from: from here, as is true.
func sendProxyHeader(conn net.Conn, v ProxyVersion, deadline time.Time) error {
	header := proxyHeader(v, addrPort(conn.LocalAddr()), addrPort(conn.RemoteAddr()))
	_ = conn.SetWriteDeadline(deadline)
	_, err := conn.Write(header)
	return err
}

// addrPort is the address of one end of a TCP connection, or the zero value.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// proxyHeader makes a header (sections 2.1 and 2.2 of the specification). Without two addresses of one family it
// says that they are not known, and the server takes those of the connection.
func proxyHeader(v ProxyVersion, from, to netip.AddrPort) []byte {
	known := from.IsValid() && to.IsValid() && from.Addr().Is4() == to.Addr().Is4()
	if v == ProxyV1 {
		if !known {
			return []byte("PROXY UNKNOWN\r\n")
		}
		family := "TCP6"
		if from.Addr().Is4() {
			family = "TCP4"
		}
		return fmt.Appendf(nil, "PROXY %s %s %s %d %d\r\n", family, from.Addr(), to.Addr(), from.Port(), to.Port())
	}
	const (
		local, proxied = 0x20, 0x21 // Version 2 and the command.
		tcp4, tcp6     = 0x11, 0x21 // Family and protocol.
	)
	header := []byte(proxySignature)
	if !known {
		return append(header, local, 0, 0, 0)
	}
	family := byte(tcp6)
	if from.Addr().Is4() {
		family = tcp4
	}
	addresses := append(from.Addr().AsSlice(), to.Addr().AsSlice()...)
	addresses = binary.BigEndian.AppendUint16(addresses, from.Port())
	addresses = binary.BigEndian.AppendUint16(addresses, to.Port())
	header = append(header, proxied, family)
	header = binary.BigEndian.AppendUint16(header, uint16(len(addresses)))
	return append(header, addresses...)
}
