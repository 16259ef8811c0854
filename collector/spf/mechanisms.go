package spf

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// match reports whether a directive matches the sending address. The error is one of the limits, one
// of an included record, or a *lookupError.
func (c *checker) match(ctx context.Context, n *Node, d record.Directive) (bool, error) {
	switch d.Mechanism {
	case record.All:
		return true, nil
	case record.IP4, record.IP6:
		return d.Network.Contains(c.ip), nil
	}
	if err := c.count(); err != nil {
		return false, err
	}
	target, ok := c.target(ctx, n.Domain, d.Domain)
	if d.Mechanism == record.Include {
		return c.include(ctx, n, d, target)
	}
	if !ok {
		// RFC 7208 section 4.8 leaves open what becomes of a name that cannot be asked for. It does not exist: no match.
		return false, nil
	}
	switch d.Mechanism {
	case record.A:
		return c.matchHost(ctx, d, target)
	case record.MX:
		return c.matchMX(ctx, d, target)
	case record.PTR:
		return c.matchPTR(ctx, target)
	default: // record.Exists. RFC 7208 section 5.7: type A, also for a sender with IPv6.
		addrs, err := c.resolver.Addresses(ctx, 4, target)
		if err != nil {
			return false, &lookupError{err}
		}
		return len(addrs) > 0, c.voidIf(len(addrs) == 0)
	}
}

// include evaluates another record. RFC 7208 section 5.2: a pass matches, fail, softfail and neutral do not, and
// a record that is not there is an error.
func (c *checker) include(ctx context.Context, n *Node, d record.Directive, target string) (bool, error) {
	below := c.check(ctx, target, d.String())
	n.Below = append(n.Below, below)
	return below.Result == Pass, below.Err
}

// matchHost looks for the sending address among those of a name (RFC 7208 section 5.3).
func (c *checker) matchHost(ctx context.Context, d record.Directive, name string) (bool, error) {
	addrs, err := c.resolver.Addresses(ctx, c.family(), name)
	if err != nil {
		return false, &lookupError{err}
	}
	return c.among(addrs, d), c.voidIf(len(addrs) == 0)
}

// matchMX looks for it among those of the mail exchangers of a name (RFC 7208 section 5.4). Without an MX record there
// is none: the implicit one of RFC 5321 section 5.1 does not count.
//
// RFC 7208 section 4.6.4 speaks of terms for which DNS has nothing. So an mx counts once however many of its hosts
// have no address, and not at all if one of them has. Some receivers read it otherwise: pyspf 2.1.0 counts the question for each
// host, and gives permerror to a sender with IPv6 where three hosts before it have IPv4 only. Evaluation.HostVoids
// says by how much they count more.
func (c *checker) matchMX(ctx context.Context, d record.Directive, name string) (bool, error) {
	hosts, err := c.resolver.MX(ctx, name)
	if err != nil {
		return false, &lookupError{err}
	}
	if len(hosts) > maxExchangers {
		return false, ErrExchangers
	}
	empty := len(hosts) == 0 || hosts[0] != "" // The null MX of RFC 7505 is an answer.
	for _, host := range hosts {
		if host == "" {
			continue
		}
		addrs, err := c.resolver.Addresses(ctx, c.family(), host)
		if err != nil {
			return false, &lookupError{err}
		}
		if c.among(addrs, d) {
			return true, nil
		}
		if len(addrs) == 0 {
			c.hostVoids++
		}
		empty = empty && len(addrs) == 0
	}
	if empty && len(hosts) > 0 {
		c.hostVoids-- // One of them is the term itself.
	}
	return false, c.voidIf(empty)
}

// matchPTR looks for a confirmed name of the sending address at or below a name (RFC 7208 section 5.5).
func (c *checker) matchPTR(ctx context.Context, name string) (bool, error) {
	known := c.confirmed(ctx)
	matches := slices.ContainsFunc(known.confirmed, func(own string) bool { return lies(own, name) })
	return matches, c.voidIf(known.none)
}

// voidIf notes that DNS had nothing for a term.
func (c *checker) voidIf(empty bool) error {
	if empty {
		return c.void()
	}
	return nil
}

func (c *checker) family() int {
	if c.ip.Is4() {
		return 4
	}
	return 6
}

// among reports whether the sending address lies in a network around one of addrs.
func (c *checker) among(addrs []netip.Addr, d record.Directive) bool {
	bits := d.Bits6
	if c.ip.Is4() {
		bits = d.Bits4
	}
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool { return netip.PrefixFrom(a, bits).Contains(c.ip) })
}

// names are those of the sending address.
type names struct {
	none      bool     // DNS has none.
	confirmed []string // Those that lead back to it, in lower case.
}

// confirmed asks for the names of the sending address, once, and of each whether it leads back. At most ten are looked at, in
// alphabetical order, so that the result does not turn with the order of an answer.
func (c *checker) confirmed(ctx context.Context) *names {
	if c.names != nil {
		return c.names
	}
	c.names = &names{}
	found, err := c.resolver.PTR(ctx, c.ip)
	if err != nil {
		c.skipped = append(c.skipped, err)
		return c.names
	}
	c.names.none = len(found) == 0
	var list []string
	for _, name := range found {
		if name = strings.ToLower(strings.TrimSuffix(name, ".")); wellFormed(name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	for _, name := range list[:min(maxNames, len(list))] {
		addrs, err := c.resolver.Addresses(ctx, c.family(), name)
		if err != nil {
			c.skipped = append(c.skipped, err)
		}
		if slices.Contains(addrs, c.ip) {
			c.names.confirmed = append(c.names.confirmed, name)
		}
	}
	return c.names
}

// lies reports whether a name is that of a domain or lies below it.
func lies(name, domain string) bool {
	name, domain = strings.ToLower(name), strings.ToLower(domain)
	return name == domain || strings.HasSuffix(name, "."+domain)
}
