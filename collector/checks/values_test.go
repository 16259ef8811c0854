package checks

import (
	"crypto/x509"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestServerValues: the commands do what the exporter did: with or without STARTTLS, at that address, with that name.
func TestServerValues(t *testing.T) {
	mx := targets.Server{Host: "mx.example.org", Port: 25, ServerName: "mx.example.org", TLS: "starttls", Role: targets.RoleMX}
	submission := targets.Server{Host: "smtp.example.org", Port: 465, ServerName: "mail.example.org", TLS: "implicit", Role: targets.RoleSubmission}
	literal := targets.Server{Host: "192.0.2.1", Addr: netip.MustParseAddr("192.0.2.1"), Port: 25, ServerName: "192.0.2.1", TLS: "starttls"}
	for _, test := range []struct {
		server targets.Server
		addr   string
		want   catalog.Values
		absent []string
	}{
		{mx, "2001:db8::25", catalog.Values{
			catalog.ValueHost: "mx.example.org", catalog.ValuePort: "25", catalog.ValueAddress: "2001:db8::25", catalog.ValueAddressType: "AAAA",
			catalog.ValueOpenCommand: "nc -v 2001:db8::25 25", catalog.ValueIPv6: "2001:db8::25",
			catalog.ValueTLSCommand: "openssl s_client -starttls smtp -connect [2001:db8::25]:25 -servername mx.example.org",
		}, []string{catalog.ValueImplicitTLS, catalog.ValueSubmission, catalog.ValueLiteral, catalog.ValuePrivate}},
		{mx, "", catalog.Values{
			catalog.ValueOpenCommand: "nc -v mx.example.org 25", catalog.ValueTLSCommand: "openssl s_client -starttls smtp -connect mx.example.org:25",
		}, []string{catalog.ValueAddress, catalog.ValueAddressType, catalog.ValuePrivate}},
		{submission, "10.0.0.5", catalog.Values{
			catalog.ValueImplicitTLS: "465", catalog.ValueSubmission: "465", catalog.ValuePrivate: "10.0.0.5", catalog.ValueReverseName: "5.0.0.10.in-addr.arpa",
			catalog.ValueOpenCommand: "openssl s_client -connect 10.0.0.5:465 -servername mail.example.org",
			catalog.ValueTLSCommand:  "openssl s_client -connect 10.0.0.5:465 -servername mail.example.org",
		}, []string{catalog.ValueLiteral, catalog.ValueIPv6}},
		{literal, "192.0.2.1", catalog.Values{
			catalog.ValueLiteral: "192.0.2.1", catalog.ValueTLSCommand: "openssl s_client -starttls smtp -connect 192.0.2.1:25",
		}, nil},
	} {
		addr, _ := netip.ParseAddr(test.addr)
		got := ServerValues(&test.server, addr)
		for name, value := range test.want {
			if got[name] != value {
				t.Errorf("%s at %q: %s is %q, want %q", test.server.Host, test.addr, name, got[name], value)
			}
		}
		for _, name := range test.absent {
			if got[name] != "" {
				t.Errorf("%s at %q: %s is %q", test.server.Host, test.addr, name, got[name])
			}
		}
	}
}

// TestCertificateNames: a few names are shown, and nothing that is not one.
func TestCertificateNames(t *testing.T) {
	hostile := &x509.Certificate{
		DNSNames:    []string{"WWW.example.org", "a`b", "$(reboot)", "x y", strings.Repeat("a", 254), "*.example.org"},
		IPAddresses: []net.IP{net.ParseIP("192.0.2.1")},
	}
	names, more := certificateNames(hostile)
	if got := strings.Join(names, " "); got != "www.example.org *.example.org 192.0.2.1" || more != 4 {
		t.Errorf("%s and %d more", got, more)
	}
	if got := namesOf(&x509.Certificate{DNSNames: []string{"$(reboot)"}}); got.EN != "the certificate is for 1 name" {
		t.Errorf("%q", got)
	}
	many := &x509.Certificate{}
	for range 1_000_000 {
		many.DNSNames = append(many.DNSNames, strings.Repeat("a.", 100)+"example.org")
	}
	if got := certificateValues(many)[catalog.ValueNames]; len(got) > 2000 {
		t.Errorf("%d bytes", len(got))
	}
}

// TestDigCommand: dig takes the port by itself.
func TestDigCommand(t *testing.T) {
	for resolver, want := range map[string]string{
		"127.0.0.1:53": "dig @127.0.0.1", "127.0.0.1:5353": "dig @127.0.0.1 -p 5353", "[2001:db8::53]:53": "dig @2001:db8::53", "": "",
	} {
		if got := digCommand(resolver); got != want {
			t.Errorf("%s: %q, want %q", resolver, got, want)
		}
	}
}

// TestOnlyIPv6: that IPv6 alone fails is said of an address that cannot be connected to while one of IPv4 can, and of no other.
func TestOnlyIPv6(t *testing.T) {
	for _, c := range []struct {
		name  string
		serve []string
		want  string
	}{
		{"both fail", nil, "192.0.2.1: 2001:db8::1:"},
		{"IPv6 fails", []string{"192.0.2.1:25"}, "2001:db8::1:2001:db8::1"},
		{"IPv4 fails", []string{"[2001:db8::1]:25"}, "192.0.2.1:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, "mx.example.org. A 192.0.2.1\nmx.example.org. AAAA 2001:db8::1\n")
			s.serve(mailworld.Server{Name: "mx.example.org"}, c.serve...)
			r := s.round(serverAt("mx.example.org", 25))
			if err := runSMTP(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range r.Result.Parts {
				for _, f := range p.Findings {
					if f.Problem == "smtp_unreachable" {
						got = append(got, p.Key+":"+f.Values[catalog.ValueOnlyIPv6])
					}
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

// TestReplyValues: remedies know what the reply is about, and never hold its words.
func TestReplyValues(t *testing.T) {
	markers := []string{
		catalog.ValueUserUnknown, catalog.ValueRelayDenied, catalog.ValueMailboxFull, catalog.ValueGreylisted, catalog.ValueClientRefused,
	}
	for reply, want := range map[string]string{
		"550 5.1.1 User unknown":                          catalog.ValueUserUnknown,
		"554 5.7.1 <x@example.org>: Relay access denied":  catalog.ValueRelayDenied,
		"452 4.2.2 Mailbox full":                          catalog.ValueMailboxFull,
		"450 4.2.0 Greylisted, try again":                 catalog.ValueGreylisted,
		"550 5.7.1 Client host blocked using bl.example.": catalog.ValueClientRefused,
		"250 2.1.5 OK":                                    "",
		"550 $(reboot) `reboot`":                          "",
	} {
		s := newScene(t, "")
		s.serve(mailworld.Server{Name: "mx.example.org", Replies: map[string]string{"RCPT": reply + "\r\n"}}, "192.0.2.1:25")
		target := serverAt("192.0.2.1", 25)
		r := s.round(target)
		o := r.sessionOptions(target.Server)
		o.Envelope = &smtpclient.Envelope{From: "probe@example.net", To: "x@example.org"}
		session, err := r.holdSessionWith(t.Context(), netip.MustParseAddr("192.0.2.1"), o)
		if err != nil {
			t.Fatal(err)
		}
		d := dialogue{target, session, "192.0.2.1", &Part{}, catalog.Default()}
		got := d.values(session.Step(smtpclient.StageRcpt))
		for _, marker := range markers {
			if (got[marker] != "") != (marker == want) {
				t.Errorf("%q: %s is %q", reply, marker, got[marker])
			}
		}
		for name, value := range got {
			if strings.Contains(value, "reboot") {
				t.Errorf("%s is %q", name, value)
			}
		}
	}
}
