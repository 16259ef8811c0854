package mailworld

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

const (
	demoSelector = "s2026"
	healthyMX    = "mx1.healthy.example"

	// The name and the address that the demo is probed from.
	demoHelo    = "probe.example.net"
	demoAddress = "192.0.2.250"

	// The account of the servers that take mail from people.
	demoUser        = "monitor"
	demoPassword    = "not a secret"
	demoPasswordEnv = "DEMO_PASSWORD"
)

// healthySender is the address that most domains of the demo send from.
var healthySender = netip.AddrFrom4([4]byte{203, 0, 113, 10})

// DemoEnv is the environment of the demo's configuration.
func DemoEnv(name string) string {
	if name == demoPasswordEnv {
		return demoPassword
	}
	return ""
}

// Outgoing is the address that probes of the demo come from: there is one for IPv4.
func Outgoing(family int) netip.Addr {
	if family == 4 {
		return netip.MustParseAddr(demoAddress)
	}
	return netip.Addr{}
}

// A patient is a domain of the demo and what is wrong with it.
type patient struct {
	name    string // The domain is this and ".example".
	what    string // One sentence.
	problem string // "" for the healthy.
	on      where
	sicken  func(*World, *home)
}

// A where is the target that a fault shows on.
type where int

const (
	onDomain where = iota
	onServer       // The one that was added last.
	onSender
	onVantage
)

// target returns the name of a target.
func (h *home) target(on where) string {
	switch on {
	case onServer:
		return h.hosts[len(h.hosts)-1].target()
	case onSender:
		return h.sender.target
	case onVantage:
		return "vantage"
	}
	return h.domain
}

// shows says that one more problem comes of a patient's fault.
func (h *home) shows(problem, target string) {
	h.also = append(h.also, Sickness{Target: target, Problem: problem})
}

// sicknesses are those of a patient, its own first.
func (p patient) sicknesses(h *home) []Sickness {
	if p.problem == "" {
		return nil
	}
	all := append([]Sickness{{Target: h.target(p.on), Problem: p.problem, Later: slices.Contains(slowToShow, p.problem)}}, h.also...)
	if slices.Contains(unwelcome, p.problem) {
		all = append(all, Sickness{Target: h.domain, Problem: "bulk_not_met"})
	}
	for i := range all {
		all[i].What = p.what
	}
	return all
}

// slowToShow are the problems that a check finds by comparing one run with the one before, or with what another has found.
var slowToShow = []string{"recipient_greylisted", "mta_sts_id_unchanged", "mta_sts_mx_certificate", "mx_backup_differs"}

// unwelcome are the problems for which large receivers take no letters in numbers from the domain.
var unwelcome = []string{
	"rdns_missing", "rdns_unconfirmed", "spf_missing", "spf_multiple", "spf_not_authorised", "dkim_missing", "dkim_revoked", "dkim_invalid",
	"dkim_multiple", "dkim_weak", "dkim_wrong_service", "dkim_hash_unusable", "dkim_ed25519_wrapped", "dmarc_missing", "dmarc_multiple", "dmarc_alignment",
}

// patients are the domains of the demo, the healthy first.
var patients = slices.Concat([]patient{
	{name: "healthy", on: onServer, sicken: flourish},
	{name: "parked", on: onDomain, sicken: park},
}, serverPatients, certificatePatients, loginPatients, recipientPatients, danePatients, senderPatients, mxPatients, spfPatients, dkimPatients,
	dmarcPatients, policyPatients, dnssecPatients, cipherPatients, latestPatients)

// flourish gives the healthy domain what a larger one has: IPv6, a backup server, servers for submission, DANE, reports that
// somebody else reads, and somebody who tends it: once it was looked at, its DMARC policy names subdomains, and the next key of a server is announced.
func flourish(w *World, h *home) {
	mx1 := h.hosts[0]
	mx1.at = append(mx1.at, netip.AddrPortFrom(netip.MustParseAddr("2001:db8::19"), 25))
	mx1.config = "recipient: {address: postmaster@" + h.domain + "}"
	mx2 := h.add(w, "mx2."+h.domain, 25, netip.AddrFrom4([4]byte{198, 51, 100, h.n}))
	h.mx = append(h.mx, "20 "+mx2.name+".")
	for _, s := range h.hosts {
		s.tlsa = pinned
	}
	mx1.tlsaLater = announced("the next key")
	for _, port := range []uint16{587, 465} {
		s := h.submission(w, port)
		s.server.Accounts = map[string]string{demoUser: demoPassword}
		s.server.Replies = map[string]string{"RCPT": "530 5.7.0 Authentication required\r\n"}
		s.config = "relay_test: {from: probe@" + h.domain + ", to: nobody@example.net}, " + s.config
	}
	h.spf = []string{fmt.Sprintf("v=spf1 mx ip4:%s -all", h.sender.addr)}
	h.protect("enforce", month, "*."+h.domain)
	h.dmarc = []string{"v=DMARC1; p=reject; rua=mailto:dmarc@reports.example"}
	h.later = "_dmarc." + h.domain + ". TXT " + quoted("v=DMARC1; p=reject; sp=reject; rua=mailto:dmarc@reports.example") + "\n"
	h.extra = h.domain + "._report._dmarc.reports.example. TXT v=DMARC1\n"
}

// park makes a domain say that it neither sends nor receives.
func park(_ *World, h *home) {
	*h = home{domain: h.domain, n: h.n, module: "parked"}
	h.mx = []string{"0 ."}
	h.spf = []string{"v=spf1 -all"}
	h.dmarc = []string{"v=DMARC1; p=reject"}
}

// submission gives a domain a server that takes mail from people, and its entry in exporter.yml an account.
func (h *home) submission(w *World, port uint16) *host {
	s := h.add(w, "smtp."+h.domain, port, netip.AddrFrom4([4]byte{198, 51, 100, h.n}))
	s.config = fmt.Sprintf("role: submission, credentials: {username: %s, password_env: %s}", demoUser, demoPasswordEnv)
	s.server.Extensions = append(s.server.Extensions, "AUTH PLAIN LOGIN")
	s.server.ImplicitTLS = port == 465
	return s
}

// says overrides what a server says at a point.
func (s *host) says(point, reply string) { s.server.Replies = map[string]string{point: reply} }

// The blocklists of the demo: one for addresses and one for names that do their work, and two that cannot be believed.
const (
	honestZone   = "honest.bl.example"
	namesZone    = "names.bl.example"
	refusingZone = "refusing.bl.example"
	worldZone    = "world.bl.example"
)

// listsConfig are the demo's entries of blocklists.custom.
const listsConfig = `    - {id: honest, zone: ` + honestZone + `, kinds: [ipv4, ipv6], codes: {"127.0.0.2": spam_source}}
    - {id: names, zone: ` + namesZone + `, kinds: [domain], codes: {"127.0.0.2": spam_domain}}
    - {id: refusing, zone: ` + refusingZone + `, kinds: [ipv4, ipv6], codes: {"127.0.0.2": spam_source}}
    - {id: world, zone: ` + worldZone + `, kinds: [ipv4, ipv6], codes: {"127.0.0.2": spam_source}}
`

// commonZone are the records that belong to no domain of the demo. RFC 5782 section 5: a list of addresses holds
// 127.0.0.2 and not 127.0.0.1, one of names TEST and not INVALID. The demo's own address is listed, its name does not lead back, and
// the one said in EHLO leads nowhere.
var commonZone = `
` + reverse(netip.MustParseAddr(demoAddress)) + `. PTR client.example.net.
2.0.0.127.` + honestZone + `. A 127.0.0.2
test.` + namesZone + `. A 127.0.0.2
*.` + refusingZone + `. A 127.255.255.254
*.` + worldZone + `. A 127.0.0.2
` + listing(netip.MustParseAddr(demoAddress), "127.0.0.2")

// sickVantage is what is wrong with the place that the demo is probed from.
var sickVantage = []Sickness{
	{Target: "vantage", Problem: "vantage_helo", What: "The name that we say in EHLO has no address."},
	{Target: "vantage", Problem: "vantage_ptr", What: "The name of the address that we probe from does not lead back to it."},
	{Target: "vantage", Problem: "vantage_listed", What: "The blocklist honest lists the address that we probe from."},
	{Target: "vantage", Problem: "vantage_dnsbl_refused", What: "The blocklist refusing answers nobody at this resolver, which is no listing."},
	{Target: "vantage", Problem: "vantage_dnsbl_sick", What: "The blocklist world lists everything, so that no answer of it is believed."},
}

// listing is the record by which the honest list answers with a code when it is asked about an address.
func listing(a netip.Addr, code string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(reverse(a), ".in-addr.arpa"), ".ip6.arpa")
	owner := name + "." + honestZone + "."
	return owner + " A " + code + "\n" + owner + ` TXT "Spam came from here, see https://lists.example/` + a.String() + `"` + "\n"
}
