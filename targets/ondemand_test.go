package targets

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const onDemandConfig = `
probe_allow: ["*.example.org", example.org, "*.google.com", 198.51.100.0/24, 10.0.0.0/8, "2001:db8::/32"]
modules:
  quick: {kind: server, checks: [smtp], interval: 5s}
domains: [{name: example.net, senders: [203.0.113.9, out.example.net]}]
servers: [{address: "mx.example.net:25", module: quick}, {address: "10.0.0.9:2626"}]
own_servers: ["*.own.example.org"]
`

// TestOnDemand: what /probe may be asked, and what it is then.
func TestOnDemand(t *testing.T) {
	cfg := parseGood(t, onDemandConfig)
	for _, c := range []struct {
		name, module string
		want         string // Name, kind, source and module, or how the error ends.
	}{
		{"example.net", "", "example.net domain config domain"},
		{"EXAMPLE.net.", "", "example.net domain config domain"},
		{"mx.example.net:25", "", "mx.example.net:25 server config quick"},
		{"mx.example.net", "server", "mx.example.net:25 server config server"},
		{"203.0.113.9", "", "203.0.113.9 sender config sender"},
		{"out.example.net", "", "out.example.net sender config sender"},
		{"10.0.0.9:2626", "", "10.0.0.9:2626 server config server"},
		{"mx.example.org:25", "", "mx.example.org:25 server probe server"},
		{"mx.example.org", "quick", "mx.example.org:25 server probe quick"},
		{"mx.example.org", "", "mx.example.org domain probe domain"},
		{"example.org", "parked", "example.org domain probe parked"},
		{"198.51.100.7", "", "198.51.100.7 sender probe sender"},
		{"198.51.100.7:587", "", "198.51.100.7:587 server probe server"},
		{"2001:db8::7", "", "2001:db8::7 sender probe sender"},
		{"[2001:db8::7]:465", "", "[2001:db8::7]:465 server probe server"},

		{"example.com", "", "nothing in probe_allow matches it"},
		{"mx.example.com:25", "", "nothing in probe_allow matches it"},
		{"203.0.113.10", "", "nothing in probe_allow matches it"},
		{"mx.example.org:80", "", "want port 25, 465, 587 or 2525 of a server that is not configured"},
		{"10.0.0.8:25", "", "10.0.0.8 is not a public address and not in allow_addresses"},
		{"10.0.0.8", "", "10.0.0.8 is not a public address and not in allow_addresses"},
		{"", "", "want host:port"},
		{"a b", "", "want a host name"},
		{"[fe80::1%eth0]:25", "", "want an IP address without a zone"},
		{"fe80::1%eth0", "server", "want an IP address without a zone"},
		{"http://example.org/", "", "want a port from 1 to 65535"},
		{"vantage", "", "is the exporter itself"},
		{"Vantage", "quick", "is the exporter itself"},
		{"example.org", "quik", `there is no module "quik"; did you mean quick?`},
		{"example.net", "quick", "nothing in probe_allow matches it"},
		{"mx.example.net:25", "domain", "want a mail domain"},
	} {
		tgt, err := cfg.OnDemand(c.name, c.module)
		var got string
		if err == nil {
			got = strings.Join([]string{tgt.Name, string(tgt.Kind), string(tgt.Source), tgt.Module.Name}, " ")
		} else {
			got = err.Error()
		}
		if err == nil && got != c.want || err != nil && !strings.Contains(got, c.want) {
			t.Errorf("%q %q: %s\nwant %s", c.name, c.module, got, c.want)
		}
	}
}

// TestOnDemandPolite: who is not ours is not asked more often because somebody scrapes often.
func TestOnDemandPolite(t *testing.T) {
	cfg := parseGood(t, onDemandConfig)
	for name, want := range map[string]time.Duration{
		"mx.example.org:25":       time.Minute,
		"mx.own.example.org:25":   5 * time.Second,
		"aspmx.l.google.com:25":   time.Hour,
		"mx.example.net:25":       5 * time.Second,
		"[2001:db8::7]:25":        time.Minute,
		"smtp.own.example.org:25": 5 * time.Second,
	} {
		tgt, err := cfg.OnDemand(name, "quick")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if tgt.Every["smtp"] != want {
			t.Errorf("%s: smtp every %v, want %v", name, tgt.Every["smtp"], want)
		}
	}
	if tgt, _ := cfg.OnDemand("aspmx.l.google.com:25", ""); tgt == nil || !tgt.Foreign || tgt.Every["dnsbl"] != 0 {
		t.Errorf("a provider's server is not foreign: %+v", tgt)
	}
}

// TestOnDemandLeavesConfig: another module for a configured target changes nothing in the configuration.
func TestOnDemandLeavesConfig(t *testing.T) {
	cfg := parseGood(t, onDemandConfig)
	other, err := cfg.OnDemand("mx.example.net:25", "server")
	if err != nil || other.Every["rdns"] == 0 {
		t.Fatalf("%+v, %v", other, err)
	}
	own, err := cfg.OnDemand("mx.example.net:25", "")
	if err != nil || own.Every["rdns"] != 0 || own.Module.Name != "quick" {
		t.Errorf("%+v, %v", own, err)
	}
	_, err = cfg.OnDemand(strings.Repeat("a.", 5000), "")
	if !errors.Is(err, ErrBadTarget) || len(err.Error()) > 400 {
		t.Errorf("a long name: %.500v", err)
	}
	if !cfg.Allowed(netip.MustParseAddr("198.51.100.7")) {
		t.Error("addresses of documentation are to be probed")
	}
}
