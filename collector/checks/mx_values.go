package checks

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
)

// What remedies name of MX records.

// valuesOfNoDomain are what remedies name of a domain that does not exist: what was registered above it, and what it is an alias of.
func valuesOfNoDomain(domain string, aliases []string) catalog.Values {
	v := catalog.Values{}
	if registered := registeredDomain(domain); registered != domain {
		v[catalog.ValueRegistered] = registered
	}
	if n := len(aliases); n > 0 {
		v[catalog.ValueAlias] = aliases[n-1]
	}
	return v
}

// mxRecord are the values of an MX record to publish at the domain.
func mxRecord(r *Round, preference uint16, host string) catalog.Values {
	return catalog.RecordValues(r.Target.Name, "MX", mxData(preference, host))
}

// mxData is the data of an MX record as it stands in a zone file.
func mxData(preference uint16, host string) string { return fmt.Sprintf("%d %s.", preference, host) }

// mxFound are the values of an MX record that is published.
func mxFound(mx dnsclient.MX) catalog.Values {
	return catalog.Values{catalog.ValueFound: mxData(mx.Preference, mx.Host)}
}

// valuesOfNoAddress are what remedies name of a host without an address. In a zone file, the domain is added to a name that has no dot at its
// end: one that ends in the domain twice shows what was meant.
func (e exchanger) valuesOfNoAddress(r *Round) catalog.Values {
	v := mxFound(dnsclient.MX{Host: e.host, Preference: e.preference}).With(catalog.Values{catalog.ValueHost: e.host})
	domain := "." + r.Target.Name
	if meant, ok := strings.CutSuffix(e.host, domain); ok && strings.HasSuffix(meant, domain) {
		v = v.With(catalog.Values{catalog.ValueMeant: meant}).With(mxRecord(r, e.preference, meant))
	}
	return v
}

// literalValues are those of an IP address that stands where a host name should.
func literalValues(host string) catalog.Values {
	if _, err := netip.ParseAddr(host); err != nil {
		return nil // Digits, and no address.
	}
	return catalog.Values{catalog.ValueAddress: host}
}

// addressList writes addresses for people, at most as many as senders try.
func addressList(addrs []netip.Addr) string {
	var out []string
	for _, a := range addrs[:min(len(addrs), maxRoleAddresses)] {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}
