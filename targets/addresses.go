package targets

import (
	"net/netip"
	"slices"
)

// notPublic are the ranges in which no mail server of the world lives (RFC 6890 and its registry). The
// documentation ranges are left out: the demo and the tests live there, and they lead nowhere.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),      // This network.
	netip.MustParsePrefix("10.0.0.0/8"),     // Private, RFC 1918.
	netip.MustParsePrefix("100.64.0.0/10"),  // Shared (CGNAT), RFC 6598.
	netip.MustParsePrefix("127.0.0.0/8"),    // Loopback.
	netip.MustParsePrefix("169.254.0.0/16"), // Link-local, cloud metadata among it.
	netip.MustParsePrefix("172.16.0.0/12"),  // Private, RFC 1918.
	netip.MustParsePrefix("192.0.0.0/24"),   // Protocol assignments, RFC 6890.
	netip.MustParsePrefix("192.88.99.0/24"), // Relays of 6to4 in the past, RFC 7526.
	netip.MustParsePrefix("192.168.0.0/16"), // Private, RFC 1918.
	netip.MustParsePrefix("198.18.0.0/15"),  // Benchmarks, RFC 2544.
	netip.MustParsePrefix("224.0.0.0/3"),    // Multicast, reserved, broadcast.
	netip.MustParsePrefix("::/96"),          // Unspecified, loopback, IPv4-compatible.
	netip.MustParsePrefix("64:ff9b:1::/48"), // Local translation, RFC 8215.
	netip.MustParsePrefix("100::/64"),       // Discard, RFC 6666.
	netip.MustParsePrefix("100:0:0:1::/64"), // Dummy prefix, RFC 9780.
	netip.MustParsePrefix("3fff::/20"),      // Documentation, RFC 9637. 2001:db8::/32 stays for the tests.
	netip.MustParsePrefix("fc00::/7"),       // Unique local, RFC 4193.
	netip.MustParsePrefix("fe80::/9"),       // Link-local, and the site-local of old.
	netip.MustParsePrefix("ff00::/8"),       // Multicast.
	netip.MustParsePrefix("2001::/32"),      // Teredo: a tunnel to any IPv4 address.
	netip.MustParsePrefix("5f00::/16"),      // Segment routing, RFC 9602.
	netip.MustParsePrefix("2001:2::/48"),    // Benchmarks, RFC 5180.
	netip.MustParsePrefix("2001:10::/28"),   // ORCHID, RFC 4843.
	netip.MustParsePrefix("2001:20::/28"),   // ORCHIDv2, RFC 7343.
}

// Ranges of IPv6 that hold an IPv4 address, by which a private one could be reached.
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052: in the last four bytes.
	translated = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765 section 2.1: in the last four bytes.
	sixTo4     = netip.MustParsePrefix("2002::/16")       // RFC 3056: after the first two.
)

// isatap reports whether an IPv6 address is one of ISATAP, which ends with an IPv4 address (RFC 5214 section 6.1).
func isatap(b [16]byte) bool { return b[8]&^0x02 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe }

// Allowed reports whether an address that a name led us to may be connected to: public, or in allow_addresses.
func (c *Config) Allowed(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsValid() && (public(a) || slices.ContainsFunc(c.AllowAddresses, func(p netip.Prefix) bool { return p.Contains(a) }))
}

// Askable reports whether blocklists may be asked about an address: any but loopback, private, link-local, unique
// local, shared (CGNAT) and multicast ones outside allow_addresses.
func (c *Config) Askable(a netip.Addr) bool { return c.Allowed(a) }

// public reports whether an address is one of the world's. IPv4 in IPv6 counts as what is in it.
func public(a netip.Addr) bool {
	b := a.As16()
	switch {
	case nat64.Contains(a), translated.Contains(a), a.Is6() && isatap(b):
		a = netip.AddrFrom4([4]byte(b[12:16]))
	case sixTo4.Contains(a):
		a = netip.AddrFrom4([4]byte(b[2:6]))
	}
	return !slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(a) })
}
