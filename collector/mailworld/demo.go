package mailworld

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A Sickness is what is wrong with one target of the demo.
type Sickness struct {
	Target string // As the label target says; "vantage" for what concerns every target.
	What   string // One sentence.
	Series string // Where it shows: a metric with some of its labels, as a selector of PromQL.
	Also   string // Another series that follows from it; "" if none does.
}

// Sicknesses returns what is wrong in the world that Demo made, in the order of the demo's configuration.
func (w *World) Sicknesses() []Sickness {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sick)
}

// Demo fills the world with healthy and sick domains and returns the exporter.yml that probes them. Every domain has a
// server, a sender, reverse zones, SPF, DKIM, DMARC, TLS-RPT and BIMI records, some have MTA-STS; a sick one differs from a healthy one in
// one thing. Certificates are those of Authority, so whoever probes needs Roots.
func (w *World) Demo() (config []byte, err error) {
	key, err := dkimRecord()
	if err != nil {
		return nil, fmt.Errorf("make the DKIM key of the demo: %w", err)
	}
	d := &demo{world: w, key: key}
	d.zone.WriteString(commonZone)
	var sick []Sickness
	for i, p := range patients {
		h := d.newHome(p.name, byte(10+i))
		if p.sicken != nil {
			p.sicken(w, h)
		}
		if err := d.settle(h); err != nil {
			return nil, fmt.Errorf("make %s: %w", h.domain, err)
		}
		if p.problem != "" {
			s := Sickness{Target: p.on(h), What: p.what}
			s.Series = problemSeries(s.Target, p.problem)
			if h.unwelcome {
				s.Also = problemSeries(h.domain, "bulk_not_met")
			}
			sick = append(sick, s)
		}
	}
	if err := w.Zone(d.zone.String()); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sick = append(sick, sickLists...)
	return []byte(d.config()), nil
}

// problemSeries is where a problem of a target shows.
func problemSeries(target, problem string) string {
	return fmt.Sprintf("mailprobe_problem{target=%q,problem=%q}", target, problem)
}

// A demo is the world of the demo while it is made.
type demo struct {
	world                     *World
	key                       string // A good DKIM record.
	zone                      strings.Builder
	domains, servers, senders strings.Builder // Entries of exporter.yml.
}

// A home is one domain with its servers and its sender, while it is made.
type home struct {
	domain     string
	n          byte    // Last octet of its addresses.
	hosts      []*host // The first is the MX host.
	mx         string  // What the MX record says.
	senderName string
	sender     netip.Addr
	ptr        string // Name of the sender's address; "" if it has none.
	spf        []string
	heloSPF    string // The SPF record of the sender's name.
	dkim       string
	tlsRPT     string // "" if it has no such record.
	bimi       string
	sts        string // Record of MTA-STS; "" if it has none, and no policy either.
	policy     Site
	noZone     bool   // It has no SOA record.
	unwelcome  bool   // What it lacks large receivers demand.
	extra      string // Further records.
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
}

// newHome returns the n-th domain, in good health.
func (d *demo) newHome(name string, n byte) *home {
	domain := name + ".example"
	h := &home{
		domain: domain, n: n, mx: "mx1." + domain, dkim: d.key,
		senderName: "out." + domain, sender: netip.AddrFrom4([4]byte{203, 0, 113, n}),
	}
	h.ptr = h.senderName
	h.heloSPF = "v=spf1 a -all"
	h.spf = []string{fmt.Sprintf("v=spf1 mx ip4:%s -all", h.sender)}
	h.tlsRPT = "v=TLSRPTv1; rua=mailto:tlsrpt@" + domain
	h.bimi = "v=BIMI1; l=https://www." + domain + "/logo.svg"
	h.add(d.world, h.mx, 25, netip.AddrFrom4([4]byte{192, 0, 2, n}))
	return h
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

// settle puts a home into the world and into the configuration.
func (d *demo) settle(h *home) error {
	for _, s := range h.hosts {
		if err := d.start(s); err != nil {
			return err
		}
	}
	if !h.noZone {
		d.record(h.domain, "SOA", fmt.Sprintf("ns.%[1]s. hostmaster.%[1]s. 2026010101 7200 3600 1209600 60", h.domain))
	}
	d.record(h.domain, "MX", "10 "+h.mx+".")
	d.record(h.senderName, "A", h.sender.String())
	if h.ptr != "" {
		d.record(reverse(h.sender), "PTR", h.ptr+".")
	}
	for _, text := range h.spf {
		d.record(h.domain, "TXT", quoted(text))
	}
	d.record(h.senderName, "TXT", quoted(h.heloSPF))
	d.record(demoSelector+"._domainkey."+h.domain, "TXT", quoted(h.dkim))
	d.record("_dmarc."+h.domain, "TXT", quoted("v=DMARC1; p=reject; rua=mailto:dmarc@"+h.domain))
	d.record("default._bimi."+h.domain, "TXT", quoted(h.bimi))
	if h.tlsRPT != "" {
		d.record("_smtp._tls."+h.domain, "TXT", quoted(h.tlsRPT))
	}
	if h.sts != "" {
		if err := d.publish(h); err != nil {
			return err
		}
	}
	d.zone.WriteString(h.extra)
	fmt.Fprintf(&d.domains, "  - {name: %s, dkim_selectors: [%s], senders: [%s]}\n", h.domain, demoSelector, h.sender)
	fmt.Fprintf(&d.senders, "  - {address: %s, helo_name: %s, domains: [%s]}\n", h.sender, h.senderName, h.domain)
	return nil
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
	if s.config != "" {
		fmt.Fprintf(&d.servers, "  - {address: %q, %s}\n", s.target(), s.config)
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
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 100 + h.n}), 443)
	h.policy.Host, h.policy.Certificate = name, &cert
	d.record("_mta-sts."+h.domain, "TXT", quoted(h.sts))
	d.record(name, "A", at.Addr().String())
	return d.world.ServeSite(at, h.policy)
}

// record adds a record to the world's zone.
func (d *demo) record(name, rtype, value string) {
	fmt.Fprintf(&d.zone, "%s. %s %s\n", name, rtype, value)
}

// config is exporter.yml. Intervals are as short as they may be, so that what is changed in the world shows soon.
func (d *demo) config() string {
	return fmt.Sprintf(`# The mail world of the demo. Everything in it is on loopback.
helo_name: %s
resolver:
  servers: [%q]
  timeout: 2s
  validates_dnssec: false
blocklists:
  use: []
  custom:
%smodules:
  domain: {kind: domain, interval: 1m}
  server: {kind: server, interval: 10s, timeout: 5s}
  sender: {kind: sender, interval: 1m}
own_servers: ["*.example"]
vantage: {egress: ["mx1.healthy.example:25"]}
domains:
%sservers:
%ssenders:
%s`, demoHelo, d.world.Resolver(), listsConfig, d.domains.String(), d.servers.String(), d.senders.String())
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

// dkimRecord makes a key and the record of its public half (RFC 6376 section 3.6.1).
func dkimRecord() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", err
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
}
