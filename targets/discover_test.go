package targets

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

const providerHost = "aspmx.l.google.com"

// TestDiscoveredServer follows MX hosts.
func TestDiscoveredServer(t *testing.T) {
	if _, ok := catalog.Provider(providerHost); !ok {
		t.Fatalf("the catalogue does not know %s", providerHost)
	}
	cfg := parseGood(t, `
blocklists: {use: []}
own_servers: ["*.example.net", 198.51.100.0/24]
modules: {server: {interval: {smtp: 10s, rdns: 2h}}}
domains:
  - {name: all.example}
  - {name: own.example, follow_mx: own}
  - {name: none.example, follow_mx: none}
servers:
  - {address: "mx.example.org:25", role: mta, recipient: {address: postmaster@example.org, from: a@example.net}}
`)
	at := netip.MustParseAddr
	for _, c := range []struct {
		name, domain, host string
		addresses          []netip.Addr
		want               string // "" if it is not followed.
		foreign            bool
		smtp, rdns, dnsbl  time.Duration
	}{
		{"one's own", "all.example", "MX1.example.net.", nil, "mx1.example.net:25", false, 10 * time.Second, 2 * time.Hour, time.Hour},
		{"nobody's", "all.example", "mx.example.com", nil, "mx.example.com:25", false, time.Minute, 2 * time.Hour, time.Hour},
		{"a provider's", "all.example", providerHost, nil, providerHost + ":25", true, time.Hour, 2 * time.Hour, 0},
		{"a configured one", "all.example", "mx.example.org", nil, "mx.example.org:25", false, 10 * time.Second, 2 * time.Hour, time.Hour},
		{"one's own by address", "all.example", "mx.example.com", []netip.Addr{at("198.51.100.7")}, "mx.example.com:25", false, 10 * time.Second, 2 * time.Hour, time.Hour},
		{"own: one's own", "own.example", "mx1.example.net", nil, "mx1.example.net:25", false, 10 * time.Second, 2 * time.Hour, time.Hour},
		{"own: by address", "own.example", "mx.example.com", []netip.Addr{at("::ffff:198.51.100.7")}, "mx.example.com:25", false, 10 * time.Second, 2 * time.Hour, time.Hour},
		{"own: nobody's", "own.example", "mx.example.com", []netip.Addr{at("203.0.113.7")}, "", false, 0, 0, 0},
		{"none", "none.example", "mx1.example.net", nil, "", false, 0, 0, 0},
		{"an address", "all.example", "203.0.113.7", nil, "", false, 0, 0, 0},
		{"no name", "all.example", "mx 1.example.net", nil, "", false, 0, 0, 0},
		{"null MX", "all.example", ".", nil, "", false, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := cfg.DiscoveredServer(cfg.target(c.domain), c.host, c.addresses...)
			if ok != (c.want != "") {
				t.Fatalf("followed: %t, %+v", ok, got)
			}
			if !ok {
				return
			}
			if got.Name != c.want || got.Foreign != c.foreign || got.Every["smtp"] != c.smtp || got.Every["rdns"] != c.rdns || got.Every["dnsbl"] != c.dnsbl {
				t.Errorf("%+v", got)
			}
			if got.Source == SourceMX && (got.Every["recipient"] != 0 || got.Every["auth"] != 0 || got.Every["relay"] != 0) {
				t.Errorf("nobody asked for this: %v", got.Every)
			}
		})
	}
	if got, _ := cfg.DiscoveredServer(cfg.target("all.example"), "mx.example.org"); got != cfg.target("mx.example.org:25") {
		t.Error("a configured server is not the one that an MX leads to")
	}
}

// TestDiscoveredServerBare needs nothing but the domain.
func TestDiscoveredServerBare(t *testing.T) {
	d := &Target{Name: "example.org", Kind: KindDomain, Domain: &Domain{FollowMX: FollowAll}}
	got, ok := (&Config{}).DiscoveredServer(d, "mx.example.org")
	if !ok || got.Module == nil || got.Every["smtp"] == 0 || got.Server.TLS != "starttls" || got.Server.Role != RoleMX || got.Source != SourceMX {
		t.Errorf("%t, %+v", ok, got)
	}
}

// TestSame says what a reload may change without losing what is known.
func TestSame(t *testing.T) {
	server := func(settings string) *Target {
		return parseGood(t, `
blocklists: {use: []}
modules: {twin: {kind: server}, quick: {kind: server, timeout: 10s}}
servers:
  - {address: "a.example.org:587", `+settings+`}
`).Targets[0]
	}
	a := server(`role: mta, labels: {team: mail}, public_addresses: [203.0.113.9], credentials: {username: u, password_env: SMTP_PASSWORD}`)
	for _, c := range []struct {
		name, server string
		same         bool
	}{
		{"the same", `role: mta, labels: {team: mail}, public_addresses: [203.0.113.9], credentials: {username: u, password_env: SMTP_PASSWORD}`, true},
		{"other labels", `role: mta, public_addresses: [203.0.113.9], credentials: {username: u, password_env: SMTP_PASSWORD}`, true},
		{"a module that differs in name only", `module: twin, role: mta, public_addresses: [203.0.113.9], credentials: {username: u, password_env: SMTP_PASSWORD}`, true},
		{"another timeout", `module: quick, role: mta, public_addresses: [203.0.113.9], credentials: {username: u, password_env: SMTP_PASSWORD}`, false},
		{"another role", `public_addresses: [203.0.113.9], credentials: {username: u, password_env: SMTP_PASSWORD}`, false},
		{"another password", `role: mta, public_addresses: [203.0.113.9], credentials: {username: u, password_env: DQS_KEY}`, false},
		{"no credentials", `role: mta, public_addresses: [203.0.113.9]`, false},
		{"other addresses", `role: mta, public_addresses: [203.0.113.10], credentials: {username: u, password_env: SMTP_PASSWORD}`, false},
	} {
		if got := a.Same(server(c.server)); got != c.same {
			t.Errorf("%s: same: %t", c.name, got)
		}
	}
	b := *a
	b.Source, b.Foreign = SourceMX, true
	if a.Same(&b) {
		t.Error("a foreign server is probed in another way")
	}
}

// TestSameRole: a role that was found out is none of the settings; one that is configured is.
func TestSameRole(t *testing.T) {
	server := func(settings string) *Target {
		return parseGood(t, "blocklists: {use: []}\nservers: [{address: \"a.example.org"+settings+"}]\n").Targets[0]
	}
	open, found, given := server(`:25"`), server(`:25"`), server(`:25", role: mx`)
	found.Server.Role = RoleMTA
	if !open.Server.RoleOpen || !open.Same(found) {
		t.Errorf("no role is configured: open %t, the same when it was found out %t", open.Server.RoleOpen, open.Same(found))
	}
	if given.Server.RoleOpen || open.Same(given) {
		t.Errorf("a role is configured: open %t, the same as without %t", given.Server.RoleOpen, open.Same(given))
	}
	if port := server(`:587"`); port.Server.RoleOpen {
		t.Error("a server for submission has an open role")
	}
}
