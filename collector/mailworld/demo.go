package mailworld

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// A Sickness is a problem that one target of the demo has.
type Sickness struct {
	Target  string // As the label target says; "vantage" for what concerns every target.
	Problem string // Its id in the catalogue.
	What    string // What is wrong, in one sentence. Problems that come of one fault have it in common.
	Later   bool   // It takes more than the first run of its check to show.
}

// Sicknesses returns what is wrong in the world that Demo made, in the order of the demo's configuration.
func (w *World) Sicknesses() []Sickness {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sick)
}

// Demo fills the world with healthy and sick domains and returns the exporter.yml that probes them; the environment it speaks of is
// DemoEnv, and Outgoing the address that it is probed from. A sick domain differs from a healthy one in one thing. All names
// below .example are signed. Certificates are those of Authority, so whoever probes needs Roots.
func (w *World) Demo() (config []byte, err error) {
	key, err := dkimRecord()
	if err != nil {
		return nil, fmt.Errorf("make the DKIM key of the demo: %w", err)
	}
	w.Secure("example", true)
	d := &demo{world: w, key: key}
	d.zone.WriteString(commonZone)
	var sick []Sickness
	for i, p := range patients {
		h := d.newHome(p, byte(10+i))
		if p.sicken != nil {
			p.sicken(w, h)
		}
		if err := d.settle(h); err != nil {
			return nil, fmt.Errorf("make %s: %w", h.domain, err)
		}
		sick = append(sick, p.sicknesses(h)...)
	}
	if err := errors.Join(w.Zone(d.zone.String()), w.Later(d.later.String())); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sick = append(sick, sickVantage...)
	return []byte(d.config()), nil
}

// A demo is the world of the demo while it is made.
type demo struct {
	world                     *World
	key                       string // A good DKIM record.
	zone, later               strings.Builder
	domains, servers, senders strings.Builder // Entries of exporter.yml.
}

// A home is one domain with its servers and its sender, while it is made.
type home struct {
	domain    string
	n         byte // Last octet of its addresses.
	module    string
	selectors []string

	gone   bool     // DNS knows nothing of the domain.
	noZone bool     // It has no SOA record.
	mx     []string // What its MX records say.
	spf    []string
	dkim   []string // Of each selector.
	dmarc  []string
	tlsRPT string
	bimi   string
	sts    string // Record of MTA-STS; "": none, and no policy either.
	policy Site
	extra  string // Further records.
	later  string // Records that take the place of others once these were given out.

	hosts  []*host // Its own servers.
	sender sender
	also   []Sickness // Further ones that follow from its fault.
}

// A sender is where a domain's mail leaves from, while it is made. Most domains send by way of the healthy one.
type sender struct {
	target  string // As the configuration names it; "": nothing leaves.
	own     bool   // It is the domain's own.
	addr    netip.Addr
	name    string // DNS leads from here to the address.
	ptr     string // "": the address has no name.
	helo    string // What it calls itself.
	heloSPF string // The SPF record of its name.
	nowhere bool   // Its name has no address.
}

// A host is one server, while it is made.
type host struct {
	name        string
	at          []netip.AddrPort
	server      Server
	authority   *Authority
	certificate *CertificateRequest // nil: none.
	silent      bool                // Nothing comes back from its addresses.
	closed      bool                // Nothing listens there.
	config      string              // Settings in exporter.yml; "" leaves the server to be found by MX.
	// tlsa makes the data of its TLSA records from its certificate; nil: there are none.
	tlsa func(chain []*x509.Certificate) []string
	// tlsaLater makes those that take their place once they were given out; nil: they stay.
	tlsaLater func(chain []*x509.Certificate) []string
}

// newHome returns the home of the n-th patient, in good health. Where a fault is to show on a server or a sender, the domain has one of
// its own, and a policy that demands nothing of it, lest the fault show there as well; otherwise it is a guest of the healthy domain.
func (d *demo) newHome(p patient, n byte) *home {
	domain := p.name + ".example"
	h := &home{domain: domain, n: n, selectors: []string{demoSelector}, dkim: []string{d.key}}
	h.mx = []string{"10 " + healthyMX + "."}
	h.sender = sender{target: healthySender.String(), addr: healthySender}
	h.protect("enforce", month, healthyMX)
	if p.on != onDomain {
		h.moveOut(d.world)
		h.protect("none", month, h.hosts[0].name)
	}
	h.spf = []string{fmt.Sprintf("v=spf1 ip4:%s -all", h.sender.addr)}
	h.dmarc = []string{"v=DMARC1; p=reject; rua=mailto:dmarc@" + domain}
	h.tlsRPT = "v=TLSRPTv1; rua=mailto:tlsrpt@" + domain
	h.bimi = "v=BIMI1; l=https://www." + domain + "/logo.svg"
	return h
}

// moveOut gives a domain a server and a sender of its own.
func (h *home) moveOut(w *World) {
	name := "mx1." + h.domain
	h.mx = []string{"10 " + name + "."}
	h.add(w, name, 25, netip.AddrFrom4([4]byte{192, 0, 2, h.n}))
	h.protect("enforce", month, name)
	out := "out." + h.domain
	addr := netip.AddrFrom4([4]byte{203, 0, 113, h.n})
	h.sender = sender{target: addr.String(), own: true, addr: addr, name: out, ptr: out, helo: out, heloSPF: "v=spf1 a -all"}
	h.spf = []string{fmt.Sprintf("v=spf1 ip4:%s -all", addr)}
}

// add gives a domain one more server, in good health, and returns it.
func (h *home) add(w *World, name string, port uint16, addrs ...netip.Addr) *host {
	s := &host{name: name, authority: w.Authority(), certificate: &CertificateRequest{Names: []string{name}}}
	s.server = Server{Name: name, Extensions: []string{"SIZE 52428800", "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"}}
	for _, a := range addrs {
		s.at = append(s.at, netip.AddrPortFrom(a, port))
	}
	h.hosts = append(h.hosts, s)
	return s
}

// target is the server as the label target says.
func (s *host) target() string { return fmt.Sprintf("%s:%d", s.name, s.at[0].Port()) }

// month is how long a policy of MTA-STS is kept that means it.
const month = 30 * 24 * time.Hour

// protect gives a domain a policy of MTA-STS that covers some MX hosts.
func (h *home) protect(mode string, age time.Duration, hosts ...string) {
	h.sts = "v=STSv1; id=20260101"
	h.policy.Body = policyText(mode, age, hosts...)
}

func policyText(mode string, age time.Duration, hosts ...string) string {
	return fmt.Sprintf("version: STSv1\nmode: %s\nmx: %s\nmax_age: %d\n", mode, strings.Join(hosts, "\nmx: "), age/time.Second)
}

// settle puts a home into the world and into the configuration.
func (d *demo) settle(h *home) error {
	d.configure(h)
	for _, s := range h.hosts {
		if err := d.start(s); err != nil {
			return err
		}
	}
	d.zone.WriteString(h.extra)
	d.later.WriteString(h.later)
	if h.gone {
		return nil
	}
	if !h.noZone {
		d.record(h.domain, "SOA", "ns.example. hostmaster.example. 1 3600 600 86400 60")
	}
	for _, mx := range h.mx {
		d.record(h.domain, "MX", mx)
	}
	d.texts(h.domain, h.spf...)
	for _, selector := range h.selectors {
		d.texts(selector+"._domainkey."+h.domain, h.dkim...)
	}
	d.texts("_dmarc."+h.domain, h.dmarc...)
	d.texts("default._bimi."+h.domain, h.bimi)
	d.texts("_smtp._tls."+h.domain, h.tlsRPT)
	d.settleSender(h.sender)
	if h.sts == "" {
		return nil
	}
	return d.publish(h)
}

// settleSender makes what DNS says of a domain's own sender.
func (d *demo) settleSender(s sender) {
	if !s.own {
		return
	}
	if !s.nowhere {
		d.record(s.name, "A", s.addr.String())
	}
	if s.ptr != "" {
		d.record(reverse(s.addr), "PTR", s.ptr+".")
	}
	d.texts(s.name, s.heloSPF)
}

// configure writes a home's entries in exporter.yml.
func (d *demo) configure(h *home) {
	fmt.Fprintf(&d.domains, "  - {name: %s", h.domain)
	for _, f := range []struct{ format, value string }{
		{", dkim_selectors: [%s]", strings.Join(h.selectors, ", ")},
		{", senders: [%s]", h.sender.target},
		{", module: %s", h.module},
	} {
		if f.value != "" {
			fmt.Fprintf(&d.domains, f.format, f.value)
		}
	}
	d.domains.WriteString("}\n")
	if h.sender.own {
		fmt.Fprintf(&d.senders, "  - {address: %s, helo_name: %s, domains: [%s]}\n", h.sender.target, h.sender.helo, h.domain)
	}
	for _, s := range h.hosts {
		if s.config != "" {
			fmt.Fprintf(&d.servers, "  - {address: %q, %s}\n", s.target(), s.config)
		}
	}
}

// start starts a server.
func (d *demo) start(s *host) error {
	if s.certificate != nil {
		cert, err := s.authority.Issue(*s.certificate)
		if err != nil {
			return err
		}
		s.server.Certificate = &cert
	}
	if err := d.promise(s); err != nil {
		return err
	}
	for _, at := range s.at {
		rtype := "A"
		if at.Addr().Is6() {
			rtype = "AAAA"
		}
		d.record(s.name, rtype, at.Addr().String())
		d.record(reverse(at.Addr()), "PTR", s.name+".")
		switch {
		case s.silent:
			d.world.Blackhole(at)
		case !s.closed:
			if err := d.world.Serve(at, s.server); err != nil {
				return err
			}
		}
	}
	return nil
}

// promise publishes the TLSA records of a server (RFC 7672 section 2.2).
func (d *demo) promise(s *host) error {
	if s.tlsa == nil {
		return nil
	}
	var chain []*x509.Certificate
	if s.server.Certificate != nil {
		for _, der := range s.server.Certificate.Certificate {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return err
			}
			chain = append(chain, c)
		}
	}
	name := fmt.Sprintf("_%d._tcp.%s", s.at[0].Port(), s.name)
	for _, data := range s.tlsa(chain) {
		d.record(name, "TLSA", data)
	}
	if s.tlsaLater != nil {
		for _, data := range s.tlsaLater(chain) {
			fmt.Fprintf(&d.later, "%s. TLSA %s\n", name, data)
		}
	}
	return nil
}

// publish starts the web server with a domain's MTA-STS policy.
func (d *demo) publish(h *home) error {
	name := "mta-sts." + h.domain
	cert, err := d.world.Authority().Issue(CertificateRequest{Names: []string{name}})
	if err != nil {
		return err
	}
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, h.n}), 443)
	h.policy.Host, h.policy.Certificate = name, &cert
	d.texts("_mta-sts."+h.domain, h.sts)
	d.record(name, "A", at.Addr().String())
	return d.world.ServeSite(at, h.policy)
}

// record adds a record to the world's zone.
func (d *demo) record(name, rtype, value string) {
	fmt.Fprintf(&d.zone, "%s. %s %s\n", name, rtype, value)
}

// texts adds TXT records to the world's zone, one for each text that is not empty.
func (d *demo) texts(name string, texts ...string) {
	for _, text := range texts {
		if text != "" {
			d.record(name, "TXT", quoted(text))
		}
	}
}

// config is exporter.yml. Intervals are as short as they may be, so that what is changed in the world shows soon, and limits such that the
// first round of all is over in seconds.
func (d *demo) config() string {
	return fmt.Sprintf(`# The mail world of the demo. Everything in it is on loopback.
helo_name: %s
resolver:
  servers: [%q]
  timeout: 2s
  validates_dnssec: true
blocklists:
  use: []
  custom:
%slimits: {dns_queries_per_second: 1000}
modules:
  domain: {kind: domain, interval: 1m}
  parked: {interval: 1m}
  server: {kind: server, interval: 10s, timeout: 5s}
  sender: {kind: sender, interval: 1m}
own_servers: ["*.example"]
vantage: {egress: ["%s:25"]}
domains:
%sservers:
%ssenders:
%s`, demoHelo, d.world.Resolver(), listsConfig, healthyMX, d.domains.String(), d.servers.String(), d.senders.String())
}

// reverse is the name of an address in the reverse zones, without the last dot.
func reverse(a netip.Addr) string {
	name, err := dns.ReverseAddr(a.String())
	if err != nil {
		return "invalid"
	}
	return strings.TrimSuffix(name, ".")
}

// quoted writes a text as the strings of a TXT record, of at most 255 octets each (RFC 1035 section 3.3.14).
func quoted(text string) string {
	var parts []string
	for part := range slices.Chunk([]byte(text), 250) {
		parts = append(parts, `"`+string(part)+`"`)
	}
	return strings.Join(parts, " ")
}
