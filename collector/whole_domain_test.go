package collector

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// wholeZone is a healthy domain that has everything; wholeHosts adds the servers'. The first %s stands for the time to live of
// its records, the second for a DKIM key.
const wholeZone = `$TTL %[1]s
.                                       SOA ns.example. host.example. 1 7200 3600 86400 %[1]s
example.org.                            SOA ns.example.org. host.example.org. 1 7200 3600 86400 %[1]s
example.org.                            MX 10 mx1.example.org.
example.org.                            MX 20 mx2.example.org.
example.org.                            TXT "v=spf1 mx a:out.example.org include:_spf.example.net -all"
_spf.example.net.                       TXT "v=spf1 ip4:198.51.100.0/24 -all"
s1._domainkey.example.org.              TXT %[2]s
s2._domainkey.example.org.              TXT %[2]s
_dmarc.example.org.                     TXT "v=DMARC1; p=reject; rua=mailto:reports@example.net"
example.org._report._dmarc.example.net. TXT "v=DMARC1"
_mta-sts.example.org.                   TXT "v=STSv1; id=20260101"
mta-sts.example.org.                    A 192.0.2.80
mta-sts.example.org.                    AAAA 2001:db8::80
_smtp._tls.example.org.                 TXT "v=TLSRPTv1; rua=mailto:tlsrpt@example.org"
default._bimi.example.org.              TXT "v=BIMI1; l=https://www.example.org/logo.svg"
out.example.org.                        TXT "v=spf1 a -all"
2.0.0.127.list.example.net.             A 127.0.0.2
`

// wholeConfig has the domain probed by every check. The first %q is the resolver, the second a file with the password.
const wholeConfig = `
helo_name: probe.example.net
resolver: {servers: [%q], validates_dnssec: true}
blocklists: {use: [], custom: [{id: list, zone: list.example.net, kinds: [ipv4, ipv6, domain]}]}
domains:
  - {name: example.org, dkim_selectors: [s1, s2], senders: [out.example.org]}
servers:
  - {address: "mx1.example.org:25", recipient: {address: postmaster@example.org}}
  - {address: "mx2.example.org:25", relay_test: {from: probe@example.org, to: outside@example.net}}
  - {address: "smtp.example.org:587", credentials: {username: monitor, password_file: %q}}
senders:
  - {address: out.example.org, helo_name: out.example.org}
`

// A wholeHost is a server of the domain, or what sends for it.
type wholeHost struct {
	name   string
	port   uint16 // 0: it takes no mail.
	v4, v6 netip.Addr
	server mailworld.Server
}

var wholeHosts = []wholeHost{
	{"mx1.example.org", 25, netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("2001:db8::11"), mailworld.Server{}},
	{"mx2.example.org", 25, netip.MustParseAddr("192.0.2.12"), netip.MustParseAddr("2001:db8::12"), mailworld.Server{
		Replies: map[string]string{"RCPT": "554 5.7.1 Relay access denied\r\n"},
	}},
	{"smtp.example.org", 587, netip.MustParseAddr("192.0.2.13"), netip.MustParseAddr("2001:db8::13"), mailworld.Server{
		Extensions: []string{"AUTH PLAIN"}, Accounts: map[string]string{"monitor": "correct horse"},
	}},
	{"out.example.org", 0, netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8:9::9"), mailworld.Server{}},
}

// wholeDomain makes a world with the domain, whose records have a time to live in seconds, and the configuration.
func wholeDomain(t *testing.T, ttl string) (*mailworld.World, *targets.Config) {
	t.Helper()
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var zone strings.Builder
	fmt.Fprintf(&zone, wholeZone, ttl, dkimKey(t))
	world.Secure("example.org", true)
	for _, h := range wholeHosts {
		fmt.Fprintf(&zone, "%[1]s. A %[2]s\n%[1]s. AAAA %[3]s\n%[4]s. PTR %[1]s.\n%[5]s. PTR %[1]s.\n",
			h.name, h.v4, h.v6, dnsclient.ReverseName(h.v4), dnsclient.ReverseName(h.v6))
		if h.port == 0 {
			continue
		}
		certificate, err := world.Authority().Issue(mailworld.CertificateRequest{Names: []string{h.name}})
		must(err)
		key, _ := record.Association(certificate.Leaf, 1, 1)
		next := make([]byte, len(key)) // The key to come.
		fmt.Fprintf(&zone, "_%[1]d._tcp.%[2]s. TLSA 3 1 1 %[3]x\n_%[1]d._tcp.%[2]s. TLSA 3 1 1 %[4]x\n", h.port, h.name, key, next)
		server := h.server
		server.Name, server.Certificate = h.name, &certificate
		must(world.Serve(netip.AddrPortFrom(h.v4, h.port), server))
		must(world.Serve(netip.AddrPortFrom(h.v6, h.port), server))
	}
	must(world.Zone(zone.String()))

	certificate, err := world.Authority().Issue(mailworld.CertificateRequest{Names: []string{"mta-sts.example.org"}})
	must(err)
	must(world.ServeSite(netip.MustParseAddrPort("192.0.2.80:443"), mailworld.Site{
		Host: "mta-sts.example.org", Certificate: &certificate, Body: "version: STSv1\nmode: enforce\nmx: *.example.org\nmax_age: 2592000\n",
	}))
	password := filepath.Join(t.TempDir(), "password")
	must(os.WriteFile(password, []byte("correct horse\n"), 0o600))
	config, err := targets.Parse("exporter.yml", fmt.Appendf(nil, wholeConfig, world.Resolver(), password), targets.Options{Metrics: checks.MetricNames()})
	must(err)
	return world, config
}

// dkimKey makes a key, of which it returns the record as it stands in a zone (RFC 6376 section 3.6.1).
func dkimKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	text := "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	return fmt.Sprintf("%q %q", text[:250], text[250:])
}
