package dnsclient

import (
	"fmt"
	"net/netip"
	"strings"
)

// canonical gives name in lower case, absolute (with the trailing dot), and with the
// escapes of presentation format, which is the form that messages are packed from and
// unpacked to. Any visible ASCII may be asked for, since names made from mail addresses
// (RFC 7208 section 7) hold more than host names do; international names must be A-labels
// by now. A backslash is refused: an escape would be decoded on the way and ask for another name.
func canonical(name string) (string, error) {
	name = strings.TrimSuffix(name, ".")
	if name == "" {
		return "", fmt.Errorf("%w: the name is empty", ErrBadName)
	}
	if len(name) > 253 {
		return "", fmt.Errorf("%w: %d octets, and 253 are the limit", ErrBadName, len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", fmt.Errorf("%w: a label of %d octets", ErrBadName, len(label))
		}
	}
	var b strings.Builder
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == '\\' {
			return "", fmt.Errorf("%w: octet %#02x in it", ErrBadName, c)
		}
		if strings.IndexByte(`'@;()"`, c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(lower(c))
	}
	return b.String() + ".", nil
}

// hostName gives a name from a message in lower case without the trailing dot, and whether
// it consists of letters, digits, hyphens and underscores (RFC 1123 section 2.1, and the
// underscore because it is in use), so that it can be shown and compared as it is. The
// root is "" and not a host name.
func hostName(presented string) (string, bool) {
	return plainName(presented, "-_")
}

// aliasName is hostName for names that only lead on: with the slash, too, which
// RFC 2317 section 4 proposes for reverse zones smaller than an octet.
func aliasName(presented string) (string, bool) {
	return plainName(presented, "-_/")
}

func plainName(presented, marks string) (string, bool) {
	name := strings.TrimSuffix(strings.ToLower(presented), ".")
	if name == "" || len(name) > 253 {
		return "", false
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.':
		case strings.IndexByte(marks, c) >= 0:
		default:
			return "", false
		}
	}
	return name, true
}

// Reverse gives the octets of an IPv4 address or the nibbles of an IPv6 address in reverse
// order with dots between, as reverse zones and blocklists have them (RFC 5782 section 2.1 and
// 2.4), without a suffix. An IPv4-mapped address is IPv4; the zero Addr gives "".
func Reverse(addr netip.Addr) string {
	const hex = "0123456789abcdef"
	addr = addr.Unmap()
	if addr.Is4() {
		o := addr.As4()
		return fmt.Sprintf("%d.%d.%d.%d", o[3], o[2], o[1], o[0])
	}
	if !addr.IsValid() {
		return ""
	}
	var b []byte
	octets := addr.As16()
	for i := len(octets) - 1; i >= 0; i-- {
		b = append(b, hex[octets[i]&15], '.', hex[octets[i]>>4], '.')
	}
	return string(b[:len(b)-1])
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
