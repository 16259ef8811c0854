package collector

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestLoginAcrossReloads asks a server everything that it can be configured for, over real DNS and SMTP. The four checks share families
// and spoil none, the password is nowhere to be seen, and what was refused, or asked today, is not asked again because a new
// configuration came, or the exporter was started anew.
func TestLoginAcrossReloads(t *testing.T) {
	const password = "correct horse battery"
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	if err := world.Zone("smtp.example.org. A 192.0.2.11\n"); err != nil {
		t.Fatal(err)
	}
	certificate, err := world.Authority().Issue(mailworld.CertificateRequest{Names: []string{"smtp.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort("192.0.2.11:587")
	if err := world.Serve(at, mailworld.Server{Name: "smtp.example.org", Certificate: &certificate, Extensions: []string{"AUTH PLAIN"}}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "password")
	config := func(secret, timeout string) *targets.Config {
		t.Helper()
		if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("helo_name: probe.example.net\nresolver: {servers: [%q]}\nblocklists: {use: []}\n"+
			"modules: {server: {kind: server, checks: [smtp], timeout: %s}}\nservers:\n  - address: smtp.example.org:587\n"+
			"    recipient: {address: postmaster@example.org}\n    relay_test: {from: probe@example.org, to: outside@example.net}\n"+
			"    credentials: {username: monitor, password_file: %q}\n", world.Resolver(), timeout, file)
		cfg, err := targets.Parse("exporter.yml", []byte(text), targets.Options{Metrics: checks.MetricNames()})
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	var log strings.Builder
	dir := t.TempDir()
	start := func(cfg *targets.Config) *Collector {
		t.Helper()
		c, err := New(Options{
			Config: cfg, Dialer: world.Dialer(), Route: mailworld.Route, Roots: world.Roots(), Storage: dir,
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := start(config(password, "30s"))

	var seen strings.Builder
	// round asks all that the target's checks ask, once, and compares what stands and how often the server has been asked.
	round := func(cfg *targets.Config, wantProblems string, wantLogins, wantRelays int) {
		t.Helper()
		if cfg != nil {
			if err := c.Apply(cfg); err != nil {
				t.Fatal(err)
			}
		}
		st := stateOf(c, "smtp.example.org:587")
		c.round(t.Context(), st, st.plans, time.Now())
		want(t, text(t, c, "problem"), wantProblems)
		want(t, text(t, c, "series_dropped_total"), "series_dropped_total{} 0")
		var logins, relays int
		for _, session := range world.Sessions(at) {
			for _, command := range session {
				if strings.HasPrefix(command, "AUTH") {
					logins++
				}
				if command == "RCPT TO:<outside@example.net>" {
					relays++
				}
				if command == "DATA" {
					t.Error("a letter was begun")
				}
			}
		}
		if logins != wantLogins || relays != wantRelays {
			t.Errorf("%d logins and %d relay tests, want %d and %d", logins, relays, wantLogins, wantRelays)
		}
		families, err := c.Gather()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&seen, "%v\n", families)
		for _, s := range c.Snapshots() {
			fmt.Fprintf(&seen, "%+v\n", s.Problems)
			for _, state := range s.Checks {
				for _, p := range state.Parts {
					fmt.Fprintf(&seen, "%q %v %+v\n", p.Evidence, p.Unknown, p.Findings)
				}
			}
		}
	}
	const (
		failed = `problem{check="auth",problem="auth_failed",severity="critical",target="smtp.example.org:587"} 1` + "\n"
		relay  = `problem{check="relay",problem="relay_suspected",severity="critical",target="smtp.example.org:587"} 1`
	)
	round(nil, failed+relay, 1, 1)
	want(t, text(t, c, "smtp_reply_code"), `
smtp_reply_code{address="192.0.2.11",stage="banner",target="smtp.example.org:587"} 220
smtp_reply_code{address="192.0.2.11",stage="ehlo",target="smtp.example.org:587"} 250
smtp_reply_code{address="192.0.2.11",stage="starttls",target="smtp.example.org:587"} 220
smtp_reply_code{address="192.0.2.11",stage="ehlo_tls",target="smtp.example.org:587"} 250
smtp_reply_code{address="192.0.2.11",stage="quit",target="smtp.example.org:587"} 221
smtp_reply_code{address="192.0.2.11",stage="mail",target="smtp.example.org:587"} 250
smtp_reply_code{address="192.0.2.11",stage="rcpt",target="smtp.example.org:587"} 250
smtp_reply_code{address="192.0.2.11",stage="auth",target="smtp.example.org:587"} 535
`)
	round(nil, failed+relay, 1, 1)
	round(config(password, "31s"), failed+relay, 1, 1) // The target is new, and nothing is held of it.
	round(config("another "+password, "31s"), failed+relay, 2, 1)

	c.saveLast(time.Now())
	seen.WriteString(unpacked(t, c))
	c = start(config("another "+password, "31s"))
	want(t, text(t, c, "problem"), failed+relay)
	round(nil, failed+relay, 2, 1)
	c.saveLast(time.Now())
	c = start(config(password, "32s"))
	want(t, text(t, c, "problem"), "")
	round(nil, failed+relay, 3, 1)

	if !strings.Contains(seen.String(), "AUTH PLAIN <secret>") {
		t.Error("the login is not in the evidence")
	}
	everything := seen.String() + log.String()
	for _, secret := range []string{password, "\x00monitor\x00" + password, "\x00monitor\x00another " + password} {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(everything, form) {
				t.Errorf("%q is to be seen", form)
			}
		}
	}
	families, err := c.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprint(families), "monitor") {
		t.Error("the user name is a label")
	}
}
