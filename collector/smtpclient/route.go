package smtpclient

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Route reports, without sending anything, whether this machine has a route to addr: nil if it has.
// Connecting a UDP socket makes the kernel look one up and no more. An error for another reason, as too many open files,
// proves nothing and is not returned.
func Route(addr netip.Addr) error {
	if !addr.IsValid() {
		return errors.New("find route: no address")
	}
	const discard = 9 // Any port would do.
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr.Unmap(), discard)))
	if err != nil {
		if isNoRoute(err) {
			return fmt.Errorf("find route: %w", err)
		}
		return nil
	}
	return conn.Close()
}
