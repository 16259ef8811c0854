package checks

import (
	"crypto/x509"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
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
	if got := namesOf(&x509.Certificate{DNSNames: []string{"$(reboot)"}}); got != "the certificate is for 1 name" {
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
