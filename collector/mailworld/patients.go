package mailworld

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

const (
	demoHelo     = "probe.example.net"
	demoSelector = "s2026"
)

// A patient is a domain of the demo and what is wrong with it.
type patient struct {
	name    string             // The domain is this and ".example".
	what    string             // One sentence.
	problem string             // "" for the healthy.
	on      func(*home) string // The target it shows on.
	sicken  func(*World, *home)
}

func onDomain(h *home) string { return h.domain }
func onServer(h *home) string { return h.hosts[len(h.hosts)-1].target() }
func onSender(h *home) string { return h.sender.String() }

// patients are the domains of the demo, the healthy one first.
var patients = []patient{
	{name: "healthy", sicken: flourish},
	{"expired-certificate", "The certificate expired a month ago.", "certificate_expired", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate.NotBefore, h.hosts[0].certificate.NotAfter = time.Now().AddDate(0, 0, -120), time.Now().AddDate(0, 0, -30)
	}},
	{"wrong-name", "The certificate is for another name.", "certificate_name_mismatch", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate.Names = []string{"www." + h.domain}
	}},
	{"strange-authority", "The certificate comes from an authority that nobody trusts.", "certificate_untrusted", onServer, func(w *World, h *home) {
		h.hosts[0].authority = w.Stranger()
	}},
	{"incomplete-chain", "The server does not send the intermediate certificate.", "certificate_incomplete_chain", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate.OmitIntermediate = true
	}},
	{"no-starttls", "The server does not offer STARTTLS.", "smtp_starttls_missing", onServer, func(_ *World, h *home) {
		h.hosts[0].certificate = nil
	}},
	{"broken-starttls", "The server offers STARTTLS and then refuses it.", "smtp_starttls_broken", onServer, func(_ *World, h *home) {
		h.hosts[0].says("STARTTLS", "454 4.7.0 TLS not available due to local problem\r\n")
	}},
	{"open-passwords", "The submission server takes passwords in the clear.", "smtp_auth_unencrypted", onServer, func(w *World, h *home) {
		s := h.add(w, "smtp."+h.domain, 587, netip.AddrFrom4([4]byte{198, 51, 100, h.n}))
		s.config = "role: submission"
		s.server.Extensions = append(s.server.Extensions, "AUTH PLAIN LOGIN")
		s.server.AuthBefore = true
	}},
	{"shutting-down", "The server greets with 421 and hangs up.", "smtp_deferred", onServer, func(_ *World, h *home) {
		h.hosts[0].says("connect", "421 4.3.2 "+h.mx+" Service shutting down and closing transmission channel\r\n")
		h.hosts[0].server.CloseAfter = []string{"connect"}
	}},
	{"no-service", "The server greets with 554 and takes mail from nobody.", "smtp_refused", onServer, func(_ *World, h *home) {
		h.hosts[0].says("connect", "554 "+h.mx+" No SMTP service here\r\n")
	}},
	{"greylisting", "The server puts off whom it does not know yet.", "smtp_deferred", onServer, func(_ *World, h *home) {
		h.hosts[0].says("connect", "450 4.7.1 Greylisted, please try again in 300 seconds\r\n")
	}},
	{"unreachable", "Nothing comes back from the server's address.", "smtp_unreachable", onServer, func(_ *World, h *home) {
		h.hosts[0].silent = true
	}},
	{"closed", "Nothing listens on port 25 of the server.", "smtp_unreachable", onServer, func(_ *World, h *home) {
		h.hosts[0].closed = true
	}},
	{"tarpit", "The server says one octet a second.", "smtp_silent", onServer, func(_ *World, h *home) {
		h.hosts[0].server.Handle = tarpit
	}},
	{"not-smtp", "Something else than a mail server listens on port 25.", "smtp_protocol", onServer, func(_ *World, h *home) {
		h.hosts[0].says("connect", "SSH-2.0-OpenSSH_9.2\r\n")
		h.hosts[0].server.CloseAfter = []string{"connect"}
	}},
	{"no-ptr", "The sender's address has no name.", "rdns_missing", onSender, func(_ *World, h *home) {
		h.ptr = ""
		h.unwelcome = true
	}},
	{"unconfirmed-ptr", "The name of the sender's address does not lead back to it.", "rdns_unconfirmed", onSender, func(_ *World, h *home) {
		h.ptr = h.mx
		h.unwelcome = true
	}},
	{"listed", "The sender is on a blocklist.", "dnsbl_listed", onSender, func(_ *World, h *home) {
		h.extra = listing(h.sender)
	}},
	{"revoked-key", "The DKIM key is revoked.", "dkim_revoked", onDomain, func(_ *World, h *home) {
		h.dkim = "v=DKIM1; k=rsa; p="
		h.unwelcome = true
	}},
	{"two-spf", "There are two SPF records, which is as bad as a broken one.", "spf_multiple", onDomain, func(_ *World, h *home) {
		h.spf = append(h.spf, "v=spf1 a -all")
		h.unwelcome = true
	}},
	{"everybody", "The SPF record lets everybody send.", "spf_pass_all", onDomain, func(_ *World, h *home) {
		h.spf = []string{"v=spf1 +all"}
	}},
	{"no-spf", "There is no SPF record.", "spf_missing", onDomain, func(_ *World, h *home) {
		h.spf = nil
		h.unwelcome = true
	}},
	{"gone-provider", "The SPF record includes that of a provider who has gone.", "spf_invalid", onDomain, func(_ *World, h *home) {
		h.spf[0] = "v=spf1 mx include:_spf.gone.example -all"
		h.unwelcome = true
	}},
	{"many-lookups", "The SPF record asks DNS for more than it may.", "spf_too_many_lookups", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s%s -all", h.sender, strings.Repeat(" a:"+h.mx, 11))
	}},
	{"retired-host", "The SPF record names a host that is gone.", "spf_void_lookups", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s a:old.%s -all", h.sender, h.domain)
	}},
	{"forgotten-sender", "The SPF record does not name the machine that sends.", "spf_not_authorised", onDomain, func(_ *World, h *home) {
		h.spf[0] = "v=spf1 mx -all"
		h.unwelcome = true
	}},
	{"forbidden-helo", "The SPF record of the sender's HELO name lets nobody send.", "spf_helo_not_authorised", onSender, func(_ *World, h *home) {
		h.heloSPF = "v=spf1 -all"
	}},
	{"indifferent", "The SPF record says nothing about other senders.", "spf_neutral_all", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s ?all", h.sender)
	}},
	{"half-hearted", "The SPF record does not forbid other senders outright.", "spf_softall", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s ~all", h.sender)
	}},
	{"no-end", "The SPF record ends without all.", "spf_no_all", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s", h.sender)
	}},
	{"by-name", "The SPF record lets send who has a name in the domain.", "spf_ptr", onDomain, func(_ *World, h *home) {
		h.spf[0] = "v=spf1 ptr -all"
	}},
	{"long-spf", "The SPF record is too long for one packet.", "spf_long", onDomain, func(_ *World, h *home) {
		h.spf[0] = fmt.Sprintf("v=spf1 ip4:%s%s -all", h.sender, strings.Repeat(" ip4:198.51.100.0/24", 24))
	}},
	{"alias", "The MX record names an alias.", "mx_alias", onDomain, func(_ *World, h *home) {
		h.mx = "mail." + h.domain
		h.hosts[0].certificate.Names = append(h.hosts[0].certificate.Names, h.mx)
		h.extra = h.mx + ". CNAME " + h.hosts[0].name + ".\n"
	}},
	{"sts-uncovered", "The MTA-STS policy names another MX host than the MX record.", "mta_sts_mx_not_covered", onDomain, func(_ *World, h *home) {
		h.protect("enforce", "old."+h.mx, month)
	}},
	{"sts-redirect", "The web server with the MTA-STS policy redirects, and senders do not follow.", "mta_sts_policy_unavailable", onDomain, func(_ *World, h *home) {
		h.protect("enforce", h.mx, month)
		h.policy.Status, h.policy.Header = http.StatusMovedPermanently, http.Header{"Location": {"https://www." + h.domain + "/"}}
	}},
	{"sts-policy", "The MTA-STS policy has a mode that there is not.", "mta_sts_policy_invalid", onDomain, func(_ *World, h *home) {
		h.protect("report", h.mx, month)
	}},
	{"sts-record", "The id of the MTA-STS record has hyphens in it.", "mta_sts_invalid", onDomain, func(_ *World, h *home) {
		h.protect("enforce", h.mx, month)
		h.sts = "v=STSv1; id=2026-01-01"
	}},
	{"sts-hour", "Senders forget the MTA-STS policy after an hour.", "mta_sts_short_age", onDomain, func(_ *World, h *home) {
		h.protect("enforce", h.mx, time.Hour)
	}},
	{"no-tls-reports", "There is MTA-STS, and nobody reports what it holds back.", "tls_rpt_missing", onDomain, func(_ *World, h *home) {
		h.protect("enforce", h.mx, month)
		h.tlsRPT = ""
	}},
	{"tls-reports", "TLS reports go to an address without mailto.", "tls_rpt_invalid", onDomain, func(_ *World, h *home) {
		h.tlsRPT = "v=TLSRPTv1; rua=tlsrpt@" + h.domain
	}},
	{"logo", "The logo of the BIMI record is not at an https address.", "bimi_invalid", onDomain, func(_ *World, h *home) {
		h.bimi = "v=BIMI1; l=http://www." + h.domain + "/logo.svg"
	}},
	{"no-zone", "No zone begins at the domain, so that Yahoo does not believe that it exists.", "bulk_not_met", onDomain, func(_ *World, h *home) {
		h.noZone = true
	}},
}

// month is how long a policy of MTA-STS is kept that means it.
const month = 30 * 24 * time.Hour

// protect gives a domain a policy of MTA-STS that covers one MX host.
func (h *home) protect(mode, mx string, age time.Duration) {
	h.sts = "v=STSv1; id=20260101"
	h.policy.Body = fmt.Sprintf("version: STSv1\nmode: %s\nmx: %s\nmax_age: %d\n", mode, mx, age/time.Second)
}

// flourish gives the healthy domain what a larger one has: IPv6, a backup server and servers for submission.
func flourish(w *World, h *home) {
	six := netip.MustParseAddr("2001:db8::19")
	h.hosts[0].at = append(h.hosts[0].at, netip.AddrPortFrom(six, 25))
	backup := "mx2." + h.domain
	h.add(w, backup, 25, netip.AddrFrom4([4]byte{198, 51, 100, h.n}))
	submission := netip.AddrFrom4([4]byte{198, 51, 100, 99})
	for _, port := range []uint16{587, 465} {
		s := h.add(w, "smtp."+h.domain, port, submission)
		s.config = "role: submission"
		s.server.Extensions = append(s.server.Extensions, "AUTH PLAIN LOGIN")
		s.server.ImplicitTLS = port == 465
	}
	h.protect("enforce", "*."+h.domain, month)
	h.extra = h.domain + ". MX 20 " + backup + ".\n"
}

// says overrides what a server says at a point.
func (s *host) says(point, reply string) { s.server.Replies = map[string]string{point: reply} }

// tarpit begins a greeting and goes on, an octet a second, until the client goes.
func tarpit(conn net.Conn) {
	heard := make([]byte, 512)
	for i := 0; ; i++ {
		if _, err := io.WriteString(conn, "220-"[min(i, 3):][:1]); err != nil {
			return
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		for {
			_, err := conn.Read(heard)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return
			}
		}
	}
}

// The blocklists of the demo: one that does its work, and two that cannot be believed.
const (
	honestZone   = "honest.bl.example"
	refusingZone = "refusing.bl.example"
	worldZone    = "world.bl.example"
)

// listsConfig are the demo's entries of blocklists.custom.
const listsConfig = `    - {id: honest, zone: ` + honestZone + `, kinds: [ipv4, ipv6], codes: {"127.0.0.2": spam_source}}
    - {id: refusing, zone: ` + refusingZone + `, kinds: [ipv4, ipv6], codes: {"127.0.0.2": spam_source}}
    - {id: world, zone: ` + worldZone + `, kinds: [ipv4, ipv6], codes: {"127.0.0.2": spam_source}}
`

// commonZone are the records that belong to no domain of the demo. RFC 5782 section 5: a list holds
// 127.0.0.2 and not 127.0.0.1.
const commonZone = `
` + demoHelo + `.  A 192.0.2.250
250.2.0.192.in-addr.arpa. PTR ` + demoHelo + `.
2.0.0.127.` + honestZone + `. A 127.0.0.2
*.` + refusingZone + `. A 127.255.255.254
*.` + worldZone + `. A 127.0.0.2
`

// sickLists say where the lists that cannot be believed show.
var sickLists = []Sickness{
	{Target: "vantage", What: "The blocklist refusing answers nobody at this resolver, which is no listing.", Series: `mailprobe_problem{target="vantage",problem="vantage_dnsbl_refused"}`},
	{Target: "vantage", What: "The blocklist world lists everything, so that no answer of it is believed.", Series: `mailprobe_problem{target="vantage",problem="vantage_dnsbl_sick"}`},
}

// listing is the record by which the honest list lists an address.
func listing(a netip.Addr) string {
	name := strings.TrimSuffix(strings.TrimSuffix(reverse(a), ".in-addr.arpa"), ".ip6.arpa")
	return name + "." + honestZone + ". A 127.0.0.2\n"
}
