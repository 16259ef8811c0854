//go:build integration

package integration

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Name servers of TestDNSSEC's own, and the web server of its MTA-STS policy.
const (
	validator = "192.0.2.155" // Unbound
	signer    = "192.0.2.156" // Knot
	web       = "192.0.2.157"
)

// TestDNSSEC has a root of its own, and below it a zone that is signed, one that is not, and one whose key is not
// that which the root vouches for. All their mail goes to one Postfix, by names with different TLSA records.
func TestDNSSEC(t *testing.T) {
	t.Parallel()
	cert := world.certificate(t, "mx.signed.example.org", "authority.signed.example.org", "stale.signed.example.org",
		"held.signed.example.org", "mx.unsigned.example.org", "mx.bogus.example.org")
	startValidator(t, startSigner(t, signedZones(cert, world.certificate(t, "mx.signed.example.org"))))
	startPostfix(t, "mx.signed.example.org", cert, "192.0.2.150:25", "[2001:db8:25::150]:25")
	servePolicy(t, "signed.example.org", "version: STSv1\nmode: enforce\nmx: mx.signed.example.org\nmax_age: 1209600\n")
	config := func(validates bool) string {
		return fmt.Sprintf(`
helo_name: probe.example.net
resolver: {servers: ["%s:53"], timeout: 5s, validates_dnssec: %t}
tls: {ca_file: %q}
blocklists: {use: []}
modules:
  domain: {checks: [mx, spf, mta_sts, dnssec]}
  server: {checks: [smtp, dane]}
  sender: {checks: [rdns]}
own_servers: ["*.example.org"]
domains:
- {name: signed.example.org, senders: [192.0.2.150, 192.0.2.151]}
- {name: unsigned.example.org}
- {name: bogus.example.org}
servers:
- {address: "mx.bogus.example.org:25"}
`, validator, validates, world.caFile())
	}
	t.Run("validates", func(t *testing.T) {
		startExporter(t, config(true)).expect(t, patience, validated)
	})
	// The same answers, of which nobody has said that they were verified.
	t.Run("not known", func(t *testing.T) {
		startExporter(t, config(false)).expect(t, patience, notValidated)
	})
}

// What is known then.
const (
	validated = `
		check_conclusive{check="dnssec"} 1
		dnssec_secure{target="signed.example.org"} 1
		no problem{target="signed.example.org",check="dnssec"}
		dnssec_secure{target="unsigned.example.org"} 0
		problem{target="unsigned.example.org",check="dnssec",problem="dnssec_missing"} 1
		no problem{target="unsigned.example.org",problem="dnssec_bogus"}
		dnssec_secure{target="bogus.example.org"} 0
		problem{target="bogus.example.org",check="dnssec",problem="dnssec_bogus"} 1
		no problem{target="bogus.example.org",problem="dnssec_missing"}

		check_conclusive{target="mx.signed.example.org:25",check="dane"} 1
		dane_match{target="mx.signed.example.org:25",address="192.0.2.150"} 1
		dane_match{target="mx.signed.example.org:25",address="2001:db8:25::150"} 1
		no problem{target="mx.signed.example.org:25",check="dane"}
		dane_match{target="authority.signed.example.org:25",address="192.0.2.150"} 1
		no problem{target="authority.signed.example.org:25",check="dane"}
		dane_match{target="stale.signed.example.org:25",address="192.0.2.150"} 0
		dane_match{target="stale.signed.example.org:25",address="2001:db8:25::150"} 0
		problem{target="stale.signed.example.org:25",check="dane",problem="dane_mismatch"} 1
		check_conclusive{target="held.signed.example.org:25",check="dane"} 1
		no dane_match{target="held.signed.example.org:25"}
		problem{target="held.signed.example.org:25",check="dane",problem="dane_lookup_failed",severity="critical"} 1
		check_conclusive{target="mx.unsigned.example.org:25",check="dane"} 1
		no dane_match{target="mx.unsigned.example.org:25"}
		no problem{target="mx.unsigned.example.org:25",check="dane"}
		check_conclusive{target="mx.bogus.example.org:25",check="dane"} 0
		no dane_match{target="mx.bogus.example.org:25"}
		no problem{target="mx.bogus.example.org:25",check="dane"}

		spf_valid{target="signed.example.org"} 1
		spf_lookups{target="signed.example.org"} 2
		spf_result{target="signed.example.org",address="192.0.2.150",identity="mailfrom",result="pass"} 1
		spf_result{target="signed.example.org",address="192.0.2.151",identity="mailfrom",result="fail"} 1
		no spf_result{target="signed.example.org",address="192.0.2.151",result="pass"}
		mta_sts_valid{target="signed.example.org"} 1
		mta_sts_mode{target="signed.example.org",mode="enforce"} 1
		mta_sts_max_age_seconds{target="signed.example.org"} 1.2096e+06
		mta_sts_mx_covered{target="signed.example.org",server="mx.signed.example.org:25"} 1
		mta_sts_mx_covered{target="signed.example.org",server="stale.signed.example.org:25"} 0
		problem{target="signed.example.org",check="mta_sts",problem="mta_sts_mx_not_covered"} 1
	`
	notValidated = `
		smtp_up{target="mx.signed.example.org:25",address="192.0.2.150"} 1
		smtp_up{target="stale.signed.example.org:25",address="192.0.2.150"} 1
		probes_total{check="dnssec",outcome="skipped"} 3
		probes_total{check="dane",outcome="skipped"} 6
		no dnssec_secure
		no dane_match
		no problem{check="dnssec"}
		no problem{check="dane"}
	`
)

// signedZones returns the zones, in which there are TLSA records of the certificate in use, of the one that is to be
// the next, and of the authority. Those of held cannot be verified, though its address can.
func signedZones(inUse, next certificate) []signedZone {
	hash := func(c *x509.Certificate) string { return fmt.Sprintf("%x", sha256.Sum256(c.RawSubjectPublicKeyInfo)) }
	mail := func(hash string) string {
		return "@ MX 10 mx\nmx A 192.0.2.150\n_25._tcp.mx TLSA 3 1 1 " + hash + "\n"
	}
	return []signedZone{
		{name: "signed.example.org.", keys: true, ds: rightDS, records: fmt.Sprintf(`
			@                   MX 10 mx
			@                   MX 20 authority
			@                   MX 30 stale
			@                   MX 40 held
			mx                  A 192.0.2.150
			mx                  AAAA 2001:db8:25::150
			authority           A 192.0.2.150
			stale               A 192.0.2.150
			stale               AAAA 2001:db8:25::150
			held                A 192.0.2.150
			_25._tcp.mx         TLSA 3 1 1 %[1]s
			_25._tcp.mx         TLSA 3 1 1 %[2]s
			_25._tcp.authority  TLSA 2 1 1 %[3]s
			_25._tcp.stale      TLSA 3 1 1 %[2]s
			_tcp.held           NS ns.example.net.
			_tcp.held           DS %[4]s
			@                   TXT "v=spf1 include:spf.signed.example.org -all"
			spf                 TXT "v=spf1 mx:signed.example.org ?all"
			_mta-sts            TXT "v=STSv1; id=1;"
			mta-sts             A %[5]s
		`, hash(inUse.Certificate), hash(next.Certificate), hash(world.ca.certificate), wrongDS, web)},
		{name: "_tcp.held.signed.example.org.", keys: true, inner: true, records: "_25 TLSA 3 1 1 " + hash(inUse.Certificate) + "\n"},
		{name: "unsigned.example.org.", records: mail(hash(next.Certificate))},
		{name: "bogus.example.org.", keys: true, ds: wrongDS, records: mail(hash(inUse.Certificate))},
	}
}

// A signedZone is one of those below startSigner's root.
type signedZone struct {
	name    string // With the dot at its end.
	keys    bool   // Knot signs it, with a key of its own.
	inner   bool   // Another zone than the root delegates it.
	ds      string // What the root says of its key: rightDS, wrongDS, or nothing.
	records string
}

// DS records are a parent's word for the key of a zone.
const (
	rightDS = "right"
	wrongDS = "4711 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" // Nobody has this key.
)

// startSigner starts a Knot that signs zones by itself, below a root that delegates them. It returns the root's key
// as a record.
func startSigner(t *testing.T, zones []signedZone) (key string) {
	t.Helper()
	dir := directory(t, "signer")
	conf := filepath.Join(dir, "knot.conf")
	text := fmt.Sprintf(`
server:
  rundir: %[1]s
  listen: %[2]s@53
control:
  listen: %[1]s/control
database:
  storage: %[1]s/db
log:
- target: stderr
  any: info
policy:
- id: automatic
  algorithm: ecdsap256sha256
  single-type-signing: on
template:
- id: default
  storage: %[1]s
  zonefile-sync: -1
  journal-content: none
  dnssec-policy: automatic
zone:
`, dir, signer)
	root := signedZone{name: ".", keys: true, records: "ns.example.net. A " + signer + "\nprobe.example.net. A 198.51.100.7\n"}
	for _, z := range append(zones, root) {
		text += fmt.Sprintf("- domain: %q\n  file: %q\n  dnssec-signing: %t\n", z.name, "zone."+z.name, z.keys)
	}
	write(t, conf, text)
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o755); err != nil {
		t.Fatal(err)
	}
	keymgr := func(zone string, args ...string) string {
		t.Helper()
		var complaint strings.Builder
		cmd := exec.Command("keymgr", append([]string{"-c", conf, zone}, args...)...)
		cmd.Stderr = &complaint
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("keymgr %s %s: %v\n%s", zone, strings.Join(args, " "), err, &complaint)
		}
		return string(out)
	}
	lay := func(z signedZone) {
		t.Helper()
		if z.keys {
			keymgr(z.name, "generate", "algorithm=ECDSAP256SHA256", "ksk=yes", "zsk=yes")
		}
		text := "$ORIGIN " + z.name + "\n$TTL 0\n@ SOA ns.example.net. hostmaster.example.net. 1 3600 600 86400 0\n@ NS ns.example.net.\n"
		for line := range strings.Lines(z.records) {
			text += strings.TrimLeft(line, "\t")
		}
		write(t, filepath.Join(dir, "zone."+z.name), text)
	}
	for _, z := range zones {
		lay(z)
		if !z.inner {
			root.records += z.name + " NS ns.example.net.\n"
		}
		switch z.ds {
		case rightDS:
			root.records += keymgr(z.name, "ds")
		case wrongDS:
			root.records += z.name + " DS " + wrongDS + "\n"
		}
	}
	lay(root)
	p, err := startProgram(filepath.Join(dir, "log"), listening(signer+":53"), "knotd", "-c", conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	})
	return keymgr(".", "dnskey")
}

// startValidator starts an Unbound that trusts the root's key, and what follows from it.
func startValidator(t *testing.T, root string) {
	t.Helper()
	dir := directory(t, "validator")
	conf := filepath.Join(dir, "unbound.conf")
	write(t, conf, fmt.Sprintf(`server:
  directory: %q
  chroot: ""
  username: ""
  pidfile: "unbound.pid"
  use-syslog: no
  val-log-level: 2
  num-threads: 1
  interface: %s
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  module-config: "validator iterator"
  trust-anchor: %q
  trust-anchor-signaling: no
stub-zone:
  name: "."
  stub-addr: %s
remote-control:
  control-enable: no
`, dir, validator, strings.TrimSpace(root), signer))
	p, err := startProgram(filepath.Join(dir, "log"), listening(validator+":53"), "unbound", "-d", "-p", "-c", conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("Unbound's log:\n%s", tail(p.output(), 60))
		}
	})
}

// servePolicy serves the MTA-STS policy of a domain over HTTPS.
func servePolicy(t *testing.T, domain, policy string) {
	t.Helper()
	c := world.certificate(t, "mta-sts."+domain)
	pair, err := tls.X509KeyPair([]byte(c.pem), []byte(c.pem))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET mta-sts."+domain+"/.well-known/mta-sts.txt", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, policy)
	})
	server := httptest.NewUnstartedServer(mux)
	if err := server.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	if server.Listener, err = net.Listen("tcp", web+":443"); err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
}
