package collector

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestSharedExchanger has a thousand domains lead to one server, over real DNS and SMTP: it is greeted once, and each domain
// is told apart.
func TestSharedExchanger(t *testing.T) {
	const domains = 1000
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	var zone, config strings.Builder
	fmt.Fprintf(&config, "helo_name: probe.example.net\nresolver: {servers: [%q]}\nblocklists: {use: []}\nlimits: {dns_queries_per_second: 100000}\n"+
		"modules:\n  domain: {kind: domain, checks: [mx], interval: 24h}\n  server: {kind: server, checks: [smtp], interval: 24h}\ndomains:\n", world.Resolver())
	for i := range domains {
		fmt.Fprintf(&config, "  - name: d%d.example.org\n", i)
		fmt.Fprintf(&zone, "d%d.example.org. MX 10 mx.example.net.\n", i)
	}
	if err := world.Zone(zone.String() + "mx.example.net. A 192.0.2.11\n"); err != nil {
		t.Fatal(err)
	}
	mx := netip.MustParseAddrPort("192.0.2.11:25")
	if err := world.Serve(mx, mailworld.Server{Name: "mx.example.net"}); err != nil {
		t.Fatal(err)
	}
	cfg, err := targets.Parse("exporter.yml", []byte(config.String()), targets.Options{Metrics: checks.MetricNames()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Config: cfg, Dialer: world.Dialer(), Route: mailworld.Route, Roots: world.Roots()})
	if err != nil {
		t.Fatal(err)
	}

	// First rounds begin a hundred at a time; Run would spread them over a minute.
	ended := make(chan string, 2*domains)
	c.scheduler.run = func(ctx context.Context, st *state, due []*plan, now time.Time) {
		c.round(ctx, st, due, now)
		ended <- st.name
	}
	c.running = true
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		c.scheduler.loop(ctx)
		c.scheduler.rounds.Wait()
	}()
	waiting := map[string]bool{"mx.example.net:25": true}
	for some := range slices.Chunk(cfg.Targets, 100) {
		c.scheduler.mu.Lock()
		c.scheduler.starts = time.Time{}
		c.scheduler.mu.Unlock()
		var fresh []*state
		for _, domain := range some {
			waiting[domain.Name] = true
			fresh = append(fresh, stateOf(c, domain.Name))
		}
		c.begin(time.Now().Add(-time.Hour), fresh)
		for len(waiting) > 0 {
			delete(waiting, <-ended)
		}
	}
	cancel()
	<-stopped

	if n := len(world.Sessions(mx)); n != 1 {
		t.Errorf("the server was greeted %d times", n)
	}
	want(t, text(t, c, "smtp_up"), `smtp_up{address="192.0.2.11",target="mx.example.net:25"} 1`)
	if n := strings.Count(text(t, c, "mx_info"), `server="mx.example.net:25"`); n != domains {
		t.Errorf("%d domains name the server", n)
	}
}
