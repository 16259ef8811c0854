package collector

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestBackupMX compares two MX hosts over real DNS and SMTP: before they were talked to nothing is known; then the backup is seen to
// take smaller letters, and to be an mta, because the domain's SPF record passes it.
func TestBackupMX(t *testing.T) {
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	if err := world.Zone(`example.org. MX 10 mx1.example.org.
example.org. MX 20 mx2.example.org.
example.org. TXT "v=spf1 ip4:192.0.2.12 -all"
mx1.example.org. A 192.0.2.11
mx2.example.org. A 192.0.2.12
`); err != nil {
		t.Fatal(err)
	}
	for host, size := range map[string]string{"192.0.2.11:25": "SIZE 20000", "192.0.2.12:25": "SIZE 10000"} {
		if err := world.Serve(netip.MustParseAddrPort(host), mailworld.Server{Name: "mx.example.org", Extensions: []string{size}}); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := targets.Parse("exporter.yml", fmt.Appendf(nil, `helo_name: probe.example.net
resolver: {servers: [%q]}
blocklists: {use: []}
modules: {domain: {kind: domain, checks: [mx]}, server: {kind: server, checks: [smtp]}}
domains: [{name: example.org}]
`, world.Resolver()), targets.Options{Metrics: checks.MetricNames()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Config: cfg, Dialer: world.Dialer(), Route: mailworld.Route, Roots: world.Roots()})
	if err != nil {
		t.Fatal(err)
	}
	round := func(name string) {
		st := stateOf(c, name)
		c.round(t.Context(), st, st.plans, time.Now())
	}
	part := func() *PartState {
		for _, known := range stateOf(c, "example.org").snapshot.Load().Checks {
			for _, p := range known.Parts {
				if p.Key == "mx2.example.org backup" {
					return p
				}
			}
		}
		t.Fatal("nothing is said of the backup")
		return nil
	}

	round("example.org")
	if part().Unknown == nil || text(t, c, "problem") != "" {
		t.Errorf("before the servers were talked to: %+v, problems %s", part(), text(t, c, "problem"))
	}
	round("mx1.example.org:25")
	round("mx2.example.org:25")
	round("example.org")
	found := part().Findings
	if len(found) != 1 || !strings.Contains(found[0].Evidence.EN, "at most 10000 octets, and the first MX of 20000") {
		t.Errorf("found %+v", found)
	}
	if got := text(t, c, "problem"); !strings.Contains(got, `problem="mx_backup_differs",severity="info",target="example.org"`) {
		t.Errorf("problems:\n%s", got)
	}
	for name, role := range map[string]targets.Role{"mx1.example.org:25": targets.RoleMX, "mx2.example.org:25": targets.RoleMTA} {
		if got := stateOf(c, name).target.Server.Role; got != role {
			t.Errorf("%s is of role %s, want %s", name, got, role)
		}
	}
}
