//go:build integration

package integration

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
)

// TestSMTPClient speaks to real mail servers without the exporter around it.
func TestSMTPClient(t *testing.T) {
	t.Parallel()
	cert := world.certificate(t, "mx.example.org")
	p := startPostfix(t, "mx.example.org", cert,
		"192.0.2.10:25",
		"[2001:db8:25::10]:25",
		"192.0.2.10:465 -o smtpd_tls_wrappermode=yes",
		"192.0.2.10:587 -o smtpd_tls_security_level=encrypt",
		"192.0.2.11:25 -o smtpd_tls_security_level=none",
		"192.0.2.12:25 -o smtpd_discard_ehlo_keywords=starttls,size,8bitmime",
		"192.0.2.26:25 postscreen",
		"192.0.2.27:25 -o smtpd_client_restrictions=reject_unknown_client_hostname",
		"192.0.2.28:25 -o { smtpd_client_restrictions = check_client_access cidr:{ { 0.0.0.0/0 554 5.7.1 not you } } }",
		"192.0.2.29:25 -o { smtpd_client_restrictions = check_client_access cidr:{ { 0.0.0.0/0 421 4.7.0 not now } } }",
		"192.0.2.30:25 -o { smtpd_helo_restrictions = check_helo_access inline:{ { probe.example.net = 550 5.7.1 not that name } } }",
	)
	e := startExim(t, "mx2.example.org", cert, "192.0.2.40")

	const (
		wholeDialogue = "connect, banner 220, ehlo 250, starttls 220/2.0.0, tls, ehlo_tls 250, quit 221/2.0.0"
		underTLS      = "connect, tls, banner 220, ehlo 250, quit 221/2.0.0"
		inClear       = "connect, banner 220, ehlo 250, quit 221/2.0.0"
		exim          = "connect, banner 220, ehlo 250, starttls 220, tls, ehlo_tls 250, quit 221"
		eximUnderTLS  = "connect, tls, banner 220, ehlo 250, quit 221"
	)
	for name, c := range map[string]struct {
		address string
		tls     smtpclient.TLSMode
		want    string
		offers  string // What the last EHLO offers, of the keywords asked about.
	}{
		"STARTTLS":                       {"192.0.2.10:25", "", wholeDialogue, "8BITMIME SIZE=20971520"},
		"IPv6":                           {"[2001:db8:25::10]:25", "", wholeDialogue, "8BITMIME SIZE=20971520"},
		"implicit TLS":                   {"192.0.2.10:465", smtpclient.TLSImplicit, underTLS, "8BITMIME SIZE=20971520"},
		"submission":                     {"192.0.2.10:587", "", wholeDialogue, "8BITMIME SIZE=20971520"},
		"TLS left alone":                 {"192.0.2.10:25", smtpclient.TLSNone, inClear, "8BITMIME SIZE=20971520 STARTTLS"},
		"no TLS":                         {"192.0.2.11:25", "", inClear, "8BITMIME SIZE=20971520"},
		"few extensions":                 {"192.0.2.12:25", "", inClear, ""},
		"postscreen's delay":             {"192.0.2.26:25", "", wholeDialogue, "8BITMIME SIZE=20971520"},
		"reject_unknown_client":          {"192.0.2.27:25", "", "connect, banner 450/4.7.25, quit 221/2.0.0", ""},
		"554 at the greeting":            {"192.0.2.28:25", "", "connect, banner 554/5.7.1, quit 221/2.0.0", ""},
		"421 at the greeting":            {"192.0.2.29:25", "", "connect, banner 421/4.7.0", ""},
		"EHLO refused, and HELO":         {"192.0.2.30:25", "", "connect, banner 220, ehlo 550/5.7.1, helo 550/5.7.1, quit 221/2.0.0", ""},
		"nobody listens":                 {"192.0.2.10:2525", "", "connect!refused", ""},
		"TLS where none is spoken":       {"192.0.2.10:25", smtpclient.TLSImplicit, "connect, tls!tls_handshake", ""},
		"no TLS where it begins at once": {"192.0.2.10:465", "", "connect, banner!timeout", ""},
		"Exim, STARTTLS":                 {"192.0.2.40:25", "", exim, "8BITMIME SIZE=10485760"},
		"Exim, implicit TLS":             {"192.0.2.40:465", smtpclient.TLSImplicit, eximUnderTLS, "8BITMIME SIZE=10485760"},
	} {
		t.Run(name, func(t *testing.T) {
			s := smtpclient.Probe(t.Context(), netip.MustParseAddrPort(c.address), smtpclient.Options{
				HeloName: "probe.example.net", TLS: c.tls, ServerName: "mx.example.org", StageTimeout: 5 * time.Second,
			})
			if got := said(s); got != c.want {
				t.Errorf("said %q, want %q\n%s\n%s", got, c.want, p.maillog(), e.output())
			}
			if got := offered(s); got != c.offers {
				t.Errorf("offered %q, want %q", got, c.offers)
			}
			if s.TLS != nil && !s.Chain[0].Equal(cert.Certificate) {
				t.Errorf("the certificate is %v", s.Chain[0].Subject)
			}
		})
	}
	// Postfix tells of clients that hang up. We never did where a dialogue had begun.
	for line := range strings.Lines(p.maillog()) {
		if strings.Contains(line, "lost connection after ") && !strings.Contains(line, "lost connection after CONNECT") {
			t.Errorf("Postfix complains: %s", line)
		}
	}
	if !strings.Contains(p.maillog(), "PASS NEW [198.51.100.7]") {
		t.Errorf("postscreen did not test us:\n%s", p.maillog())
	}
}

// said writes the steps of a session: "stage", "stage code/enhanced" or "stage!failure".
func said(s *smtpclient.Session) string {
	var out []string
	for _, step := range s.Steps {
		word := string(step.Stage)
		switch {
		case step.Failure != "":
			word += "!" + string(step.Failure)
		case step.Reply != nil:
			word = strings.TrimSuffix(fmt.Sprintf("%s %d/%s", word, step.Reply.Code, step.Reply.Enhanced), "/")
		}
		out = append(out, word)
	}
	return strings.Join(out, ", ")
}

// offered writes those of three extensions that the reply to the last EHLO offers.
func offered(s *smtpclient.Session) string {
	ext := s.After
	if ext == nil {
		ext = s.Before
	}
	if ext == nil {
		return ""
	}
	var out []string
	for _, keyword := range []string{"8BITMIME", "SIZE", "STARTTLS"} {
		if value, ok := ext.Keywords[keyword]; ok {
			out = append(out, strings.TrimSuffix(keyword+"="+value, "="))
		}
	}
	return strings.Join(out, " ")
}
