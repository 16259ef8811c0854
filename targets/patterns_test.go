package targets

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true},
		{"*", "anything.at:25", true},
		{"", "", true},
		{"", "a", false},
		{"bimi_*", "bimi_missing", true},
		{"bimi_*", "bim", false},
		{"*_missing", "bimi_missing", true},
		{"*.example.net", "a.b.example.net", true},
		{"*.example.net", "example.net", false},
		{"*.example.net", "a.example.network", false},
		{"mx?.example.net", "mx1.example.net", true},
		{"mx?.example.net", "mx.example.net", false},
		{"[2001:db8::25]:25", "[2001:db8::25]:25", true},
		{"[ab]", "a", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-b-c-d", false},
		{"*a*a*a*a*b", strings.Repeat("a", 200), false},
	} {
		if got := glob(c.pattern, c.text); got != c.want {
			t.Errorf("glob(%q, %q) = %t", c.pattern, c.text, got)
		}
	}
}

func TestOwn(t *testing.T) {
	cfg := parseGood(t, `own_servers: ["*.example.net", MX.почта.example, 203.0.113.0/24, "2001:db8::/32"]`)
	for host, want := range map[string]bool{
		"mx.example.net": true, "MX.Example.Net.": true, "example.net": false, "mx.xn--80a1acny.example": true,
		"203.0.113.9": true, "[2001:db8::1]": true, "198.51.100.1": false, "": false,
	} {
		if got := cfg.Own(host); got != want {
			t.Errorf("Own(%q) = %t", host, got)
		}
	}
	if !cfg.Own("mx.example.com", netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("203.0.113.1")) {
		t.Error("one of its addresses is in own_servers")
	}
}

func TestIgnored(t *testing.T) {
	cfg := parseGood(t, `
ignore:
  - {problem: "certificate_*", target: "*.lab.example.org:25", until: 2027-03-01, reason: first}
  - {problem: certificate_expired, reason: second}
`)
	end := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		problem, target string
		now             time.Time
		reason          string
	}{
		{"certificate_untrusted", "mx.lab.example.org:25", end.Add(-time.Second), "first"},
		{"certificate_untrusted", "mx.lab.example.org:25", end, ""},
		{"certificate_untrusted", "mx.example.org:25", end.Add(-time.Second), ""},
		{"certificate_expired", "mx.lab.example.org:25", end.Add(-time.Second), "first"},
		{"certificate_expired", "mx.lab.example.org:25", end, "second"},
		{"smtp_refused", "mx.lab.example.org:25", end.Add(-time.Second), ""},
	} {
		rule, ok := cfg.Ignored(c.problem, c.target, c.now)
		if rule.Reason != c.reason || ok != (c.reason != "") {
			t.Errorf("Ignored(%s, %s, %s) = %+v, %t", c.problem, c.target, c.now, rule, ok)
		}
	}
}

func TestSeverityOf(t *testing.T) {
	cfg := parseGood(t, `severity: {"smtp_*": info, "smtp_s*": critical, smtp_silent: off, "*_expired": warning}`)
	for problem, want := range map[string]catalog.Severity{
		"smtp_refused": catalog.SeverityInfo, "smtp_starttls_missing": catalog.SeverityInfo, "smtp_silent": catalog.SeverityOff,
		"certificate_expired": catalog.SeverityWarning, "mx_missing": catalog.SeverityCritical,
	} {
		if got := cfg.SeverityOf(problem, catalog.SeverityCritical); got != want {
			t.Errorf("%s: %s, want %s", problem, got, want)
		}
	}
}

// TestAllowed names the addresses that a name may lead us to, which are those that lists may be asked about.
func TestAllowed(t *testing.T) {
	cfg := parseGood(t, `allow_addresses: [10.1.0.0/16, "fd00:1::/32", 127.0.0.53]`)
	for addr, want := range map[string]bool{
		"203.0.113.9": true, "198.51.100.1": true, "192.0.2.1": true, "2001:db8::1": true, "8.8.8.8": true, "2a00:1450::1": true,
		"0.0.0.0": false, "10.0.0.1": false, "100.64.0.1": false, "100.127.255.255": false, "100.128.0.1": true, "127.0.0.1": false,
		"169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false, "172.32.0.1": true, "192.168.1.1": false,
		"198.18.0.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "fc00::1": false, "fd12::1": false, "fe80::1": false, "fec0::1": false, "ff02::1": false,
		"::ffff:10.0.0.1": false, "::ffff:203.0.113.9": true, "::127.0.0.1": false,
		"192.88.99.1": false, "100:0:0:1::1": false, "100:0:0:2::1": true, "3fff::1": false, "3fff:fff:ffff::1": false, "3fff:1000::1": true,
		"::ffff:0:10.0.0.1": false, "::ffff:0:203.0.113.9": true, "2001:db8::5efe:10.0.0.1": false, "2001:db8::200:5efe:127.0.0.1": false,
		"2001:db8::5efe:203.0.113.9": true, "2001:db8::5eff:10.0.0.1": true,
		"64:ff9b::10.0.0.1": false, "64:ff9b::203.0.113.9": true, "2002:a00:1::1": false, "2002:cb00:7109::1": true,
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "fd00:1::5": true, "127.0.0.53": true, "127.0.0.54": false, "fe80::1%eth0": false,
	} {
		a := netip.MustParseAddr(addr)
		if got := cfg.Allowed(a); got != want {
			t.Errorf("Allowed(%s) = %t", addr, got)
		}
		if got := cfg.Askable(a); got != want {
			t.Errorf("Askable(%s) = %t", addr, got)
		}
	}
	if cfg.Allowed(netip.Addr{}) {
		t.Error("no address is allowed")
	}
}
