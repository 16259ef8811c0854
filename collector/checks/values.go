package checks

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// ServerValues returns what remedies may name of a server, seen at one of its addresses; an invalid one stands for all of them.
func ServerValues(t *targets.Server, addr netip.Addr) catalog.Values {
	port := strconv.Itoa(int(t.Port))
	at := t.Host
	if addr.IsValid() {
		at = addr.String()
	}
	handshake := "openssl s_client"
	if t.TLS != string(smtpclient.TLSImplicit) {
		handshake += " -starttls smtp"
	}
	handshake += " -connect " + net.JoinHostPort(at, port)
	if _, err := netip.ParseAddr(t.ServerName); err != nil && t.ServerName != at {
		handshake += " -servername " + t.ServerName
	}
	v := catalog.Values{
		catalog.ValueHost: t.Host, catalog.ValuePort: port, catalog.ValueServerName: t.ServerName,
		catalog.ValueOpenCommand: "nc -v " + at + " " + port, catalog.ValueTLSCommand: handshake,
	}
	if t.TLS == string(smtpclient.TLSImplicit) {
		v[catalog.ValueImplicitTLS], v[catalog.ValueOpenCommand] = port, handshake
	}
	if t.Role == targets.RoleSubmission {
		v[catalog.ValueSubmission] = port
	}
	if t.Addr.IsValid() {
		v[catalog.ValueLiteral] = t.Addr.String()
		addr = t.Addr
	}
	return v.With(addressValues(addr))
}

// addressValues are what remedies may name of an IP address; none of an invalid one.
func addressValues(addr netip.Addr) catalog.Values {
	if !addr.IsValid() {
		return nil
	}
	v := catalog.Values{catalog.ValueAddress: addr.String(), catalog.ValueAddressType: "A", catalog.ValueReverseName: dnsclient.ReverseName(addr)}
	if !public(addr) {
		v[catalog.ValuePrivate] = addr.String()
	}
	if addr.Is6() {
		v[catalog.ValueAddressType], v[catalog.ValueIPv6] = "AAAA", addr.String()
	}
	return v
}

// public reports whether the whole internet may reach an address; allow_addresses does not make it so.
func public(addr netip.Addr) bool { return (&targets.Config{}).Allowed(addr) }

// proberValues name the address that the exporter connects from, as far as the world sees it: behind NAT it sees another.
func proberValues(local netip.Addr) catalog.Values {
	local = local.Unmap().WithZone("")
	if !public(local) {
		return nil
	}
	return catalog.Values{catalog.ValueProber: local.String()}
}

// values are what remedies may name of a session; step is the stage that they are about, or nil.
func (d dialogue) values(step *smtpclient.Step) catalog.Values {
	v := ServerValues(d.target.Server, d.s.Address.Addr()).With(proberValues(d.s.Local))
	if step == nil || step.Reply == nil {
		return v
	}
	code := strings.TrimSpace(strconv.Itoa(step.Reply.Code) + " " + step.Reply.Enhanced)
	v[catalog.ValueCode] = code
	switch cause := d.cause(step.Stage, step.Reply); {
	case step.Reply.Code < 400:
	case cause == catalog.CauseUserUnknown:
		v[catalog.ValueUserUnknown] = code
	case cause == catalog.CauseRelayDenied:
		v[catalog.ValueRelayDenied] = code
	case cause == catalog.CauseMailboxFull:
		v[catalog.ValueMailboxFull] = code
	case cause == catalog.CauseGreylisted:
		v[catalog.ValueGreylisted] = code
	case cause.AboutUs():
		v[catalog.ValueClientRefused] = code
	}
	return v
}

// tellOnlyIPv6 marks IPv6 addresses that cannot be connected to while an IPv4 address of the same server can.
func (r *Round) tellOnlyIPv6(sessions []*smtpclient.Session) {
	connected := func(s *smtpclient.Session) bool {
		step := s.Step(smtpclient.StageBanner)
		return step != nil
	}
	ipv4 := false
	for _, s := range sessions {
		ipv4 = ipv4 || s != nil && s.Address.Addr().Is4() && connected(s)
	}
	for _, s := range sessions {
		if !ipv4 || s == nil || !s.Address.Addr().Is6() || connected(s) {
			continue
		}
		addr := s.Address.Addr().String()
		p := r.Part(addr, HoldReplies)
		for i := range p.Findings {
			p.Findings[i].Values = p.Findings[i].Values.With(catalog.Values{catalog.ValueOnlyIPv6: addr})
		}
	}
}

// maxNamesShown is how many names of a certificate are shown: there may be thousands.
const maxNamesShown = 5

// certificateNames are the first names that a certificate is for, as they may be shown to people, and how many more there are.
func certificateNames(c *x509.Certificate) (names []string, more int) {
	total := len(c.DNSNames) + len(c.IPAddresses)
	for _, name := range c.DNSNames {
		if len(names) < maxNamesShown && showable(name) {
			names = append(names, strings.ToLower(name))
		}
	}
	for _, ip := range c.IPAddresses {
		if len(names) < maxNamesShown {
			names = append(names, ip.String())
		}
	}
	return names, total - len(names)
}

// showable reports whether a name of a certificate is a host name, perhaps with an asterisk.
func showable(name string) bool {
	return name != "" && len(name) <= 253 && !strings.ContainsFunc(name, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '*' || c == '_')
	})
}

// certificateValues are what remedies may name of a certificate.
func certificateValues(c *x509.Certificate) catalog.Values {
	names, _ := certificateNames(c)
	return catalog.Values{catalog.ValueNames: strings.Join(names, ", ")}
}

// tlsaValues are the TLSA record to publish for a certificate beside those that stand at a name, which is that of a host.
func tlsaValues(host, port string, leaf *x509.Certificate, beside []record.TLSA) catalog.Values {
	return catalog.RecordValues("_"+port+"._tcp."+host, "TLSA", record.TLSAFor(leaf, beside).String())
}

// digCommand asks a resolver, written as host:port, by hand.
func digCommand(resolver string) string {
	host, port, err := net.SplitHostPort(resolver)
	switch {
	case err != nil:
		return ""
	case port == "53":
		return "dig @" + host
	}
	return "dig @" + host + " -p " + port
}

// vantageValues are what remedies may name of a problem of the machine that the exporter runs on.
func (r *Round) vantageValues(ctx context.Context, problem string) catalog.Values {
	v := catalog.Values{}
	if servers := r.Env.DNS.Servers(); len(servers) > 0 {
		v[catalog.ValueResolver], v[catalog.ValueDigCommand] = strings.Join(servers, ", "), digCommand(servers[0])
	}
	if _, literal := parseLiteral(r.Env.HeloName); !literal {
		v[catalog.ValueHelo] = r.Env.HeloName
	}
	addrs := r.outgoing()
	if len(addrs) == 0 {
		return v
	}
	v = v.With(addressValues(addrs[0])).With(proberValues(addrs[0]))
	if problem != "vantage_helo" || v[catalog.ValueHelo] == "" {
		return v
	}
	// A name that leads elsewhere is perhaps another machine's.
	if a := r.lookUpAddresses(ctx, r.Env.HeloName); a.Err() == nil && len(a.All()) == 0 {
		v = v.With(catalog.Values{catalog.ValueUnpublished: r.Env.HeloName})
		v = v.With(catalog.RecordValues(r.Env.HeloName, v[catalog.ValueAddressType], addrs[0].String()))
	}
	return v
}
