package spf

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// maxName is the length of a name without its trailing dot (RFC 1035 section 2.3.4).
const maxName = 253

// target makes the name that a term of the record of domain asks for; without a domain-spec it is domain. ok says that it can
// be asked for.
func (c *checker) target(ctx context.Context, domain string, spec record.MacroString) (name string, ok bool) {
	name = domain
	if len(spec) > 0 {
		name = strings.TrimSuffix(c.expand(ctx, domain, spec, nil), ".")
		// RFC 7208 section 7.3: of a name that is too long, labels at the left are left out.
		for len(name) > maxName {
			_, rest, found := strings.Cut(name, ".")
			if !found {
				break
			}
			name = rest
		}
	}
	return name, wellFormed(name)
}

// expand puts in what the macros of a record of domain stand for. explanation has the values of those
// letters that only an explanation may hold.
func (c *checker) expand(ctx context.Context, domain string, text record.MacroString, explanation map[byte]string) string {
	var b strings.Builder
	for _, m := range text {
		switch m.Letter {
		case 0:
			b.WriteString(m.Literal)
		case '%':
			b.WriteByte('%')
		case '_':
			b.WriteByte(' ')
		case '-':
			b.WriteString("%20")
		default:
			value, ok := explanation[m.Letter]
			if !ok {
				value = c.value(ctx, domain, m.Letter)
			}
			b.WriteString(transform(value, m))
		}
	}
	return b.String()
}

// value is what a letter stands for (RFC 7208 section 7.2).
func (c *checker) value(ctx context.Context, domain string, letter byte) string {
	switch letter {
	case 's':
		return c.local + "@" + c.origin
	case 'l':
		return c.local
	case 'o':
		return c.origin
	case 'd':
		return domain
	case 'i':
		return dotted(c.ip)
	case 'p':
		return c.name(ctx, domain)
	case 'v':
		if c.ip.Is4() {
			return "in-addr"
		}
		return "ip6"
	case 'h':
		c.usedHelo = true
		return c.helo
	}
	return ""
}

// name is the confirmed name of the sending address: domain itself if it is one, else one below it, else
// any, else "unknown" (RFC 7208 section 7.3).
func (c *checker) name(ctx context.Context, domain string) string {
	list := c.confirmed(ctx).confirmed
	if slices.Contains(list, strings.ToLower(domain)) {
		return domain
	}
	for _, name := range list {
		if lies(name, domain) {
			return name
		}
	}
	if len(list) > 0 {
		return list[0]
	}
	return "unknown"
}

// dotted writes an address with dots between its octets (IPv4) or nibbles (IPv6), as names do.
func dotted(ip netip.Addr) string {
	if ip.Is4() {
		return ip.String()
	}
	nibbles := strings.ReplaceAll(ip.StringExpanded(), ":", "")
	return strings.Join(strings.Split(nibbles, ""), ".")
}

// transform splits a value at the macro's delimiters, turns the parts around, keeps those at the right, and joins them
// with dots (RFC 7208 section 7.1 and 7.3).
func transform(value string, m record.Macro) string {
	delimiters := m.Delimiters
	if delimiters == "" {
		delimiters = "."
	}
	parts := []string{""}
	for i := range len(value) {
		if strings.IndexByte(delimiters, value[i]) >= 0 {
			parts = append(parts, "")
		} else {
			parts[len(parts)-1] += value[i : i+1]
		}
	}
	if m.Reverse {
		slices.Reverse(parts)
	}
	if m.Parts > 0 && m.Parts < len(parts) {
		parts = parts[len(parts)-m.Parts:]
	}
	value = strings.Join(parts, ".")
	if m.Escape {
		value = escape(value)
	}
	return value
}

// escape writes a value as in a URL (RFC 3986 section 2.3: all but the unreserved characters).
func escape(value string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, o := range []byte(value) {
		switch {
		case 'a' <= o|0x20 && o|0x20 <= 'z', '0' <= o && o <= '9', strings.IndexByte("-._~", o) >= 0:
			b.WriteByte(o)
		default:
			b.Write([]byte{'%', hex[o>>4], hex[o&15]})
		}
	}
	return b.String()
}
