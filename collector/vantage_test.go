package collector

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestVantage is always there, runs first, and is not one of the targets.
func TestVantage(t *testing.T) {
	j := &journal{}
	vantage := j.fake("vantage", func(ctx context.Context, r *checks.Round) error {
		if r.Target.Kind != targets.KindVantage || r.Target.Module == nil {
			t.Errorf("asked of %+v", r.Target)
		}
		r.Part("x", checks.HoldReplies).Find("vantage_helo", "", catalog.Text{})
		return nil
	})
	bubble(t, func() *Collector { return collectorOf(t, config(), vantage) }, func(c *Collector, begin time.Time) {
		want(t, text(t, c, "target_info", "problem"), `problem{check="vantage",problem="vantage_helo",severity="warning",target="vantage"} 1`)
		if at := j.of("vantage", "vantage"); len(at) != 1 || !at[0].Equal(begin) {
			t.Errorf("ran at %v", at)
		}
		if err := c.Apply(config()); err != nil {
			t.Fatal(err)
		}
		sleep(time.Second)
		if n := len(j.of("vantage", "vantage")); n != 1 {
			t.Errorf("a reload made it run %d times", n)
		}
	})
}

// TestAboutUs: a problem of the vantage that shows at a server is the vantage's, ends with what the server says,
// and is no less grave for showing at somebody else's server.
func TestAboutUs(t *testing.T) {
	j := &journal{}
	smtp := j.fake("smtp", nil)
	a, b := server("a.example.org:25", "smtp", time.Hour), server("b.example.org:25", "smtp", time.Hour)
	b.Foreign = true
	problem := func(id string) (catalog.Problem, bool) {
		check, _, _ := strings.Cut(id, "_")
		return catalog.Problem{Advice: catalog.Advice{ID: id}, Check: check, Severity: catalog.SeverityWarning}, true
	}
	c, err := newCollector(Options{Config: config(a, b)}, []*checks.Check{smtp}, problem)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(name string) {
		see(c, name, smtp, func(r *checks.Round) {
			r.Part("x", checks.HoldReplies).Find("vantage_refused", "", catalog.Text{EN: "554 go away", RU: "554 go away"})
		})
	}
	refuse("a.example.org:25")
	refuse("b.example.org:25")
	for range 2 { // It does not add up from one scrape to the next.
		want(t, text(t, c, "problem"), `problem{check="vantage",problem="vantage_refused",severity="warning",target="vantage"} 1`)
		i := slices.IndexFunc(c.Snapshots(), func(s *Snapshot) bool { return s.Target.Kind == targets.KindVantage })
		if p := c.Snapshots()[i].Problems; len(p) != 1 || english(p[0].Evidence, "; ") != "a.example.org:25: 554 go away; b.example.org:25: 554 go away" {
			t.Errorf("problems of the vantage: %+v", p)
		}
	}
	for _, name := range []string{"a.example.org:25", "b.example.org:25"} {
		see(c, name, smtp, func(r *checks.Round) { r.Part("x", checks.HoldReplies) })
	}
	want(t, text(t, c, "problem"), "")
}

// TestAboutOurSender: what servers hold against an address that is a configured sender is that sender's problem.
func TestAboutOurSender(t *testing.T) {
	ours := netip.MustParseAddr("203.0.113.9")
	smtp := (&journal{}).fake("smtp", nil)
	sender := &targets.Target{Name: "203.0.113.9", Kind: targets.KindSender, Source: targets.SourceConfig, Sender: &targets.Sender{Addr: ours}}
	behind := server("in.example.org:25", "smtp", time.Hour)
	behind.Server.PublicAddresses = []netip.Addr{netip.MustParseAddr("203.0.113.10"), ours}
	a := server("a.example.org:25", "smtp", time.Hour)
	problem := func(id string) (catalog.Problem, bool) {
		return catalog.Problem{Advice: catalog.Advice{ID: id}, Check: vantageName, Severity: catalog.SeverityWarning}, true
	}
	c, err := newCollector(Options{Config: config(a, behind, sender)}, []*checks.Check{smtp}, problem)
	if err != nil {
		t.Fatal(err)
	}
	for from, owner := range map[string]string{"203.0.113.9": "203.0.113.9", "203.0.113.10": "in.example.org:25", "10.0.0.1": "vantage"} {
		see(c, a.Name, smtp, func(r *checks.Round) {
			p := r.Part("x", checks.HoldReplies)
			p.Findings = append(p.Findings, checks.Finding{Problem: "vantage_refused", Evidence: catalog.Text{EN: "554", RU: "554"}, Ours: netip.MustParseAddr(from)})
		})
		want(t, text(t, c, "problem"), fmt.Sprintf(`problem{check="vantage",problem="vantage_refused",severity="warning",target=%q} 1`, owner))
	}
}

// TestSickLists: that a blocklist refuses us is a problem of the vantage as soon as it is known, and no longer than that.
func TestSickLists(t *testing.T) {
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	if err := world.Zone("*.a.example.net. A 127.255.255.254"); err != nil {
		t.Fatal(err)
	}
	conf := func(lists ...string) *targets.Config {
		cfg := config()
		cfg.Resolver.Servers, cfg.Blocklists = []string{world.Resolver()}, listsOf(lists...)
		return cfg
	}
	c := collectorOf(t, conf("a"))
	want(t, text(t, c, "problem"), "")
	r := &checks.Round{
		Target: &targets.Target{Kind: targets.KindSender, Sender: &targets.Sender{Addr: netip.MustParseAddr("192.0.2.1")}},
		Env:    c.regime.Load().env, Facts: &checks.Facts{}, Last: func(string) (time.Time, bool) { return time.Time{}, false },
	}
	if err := checks.ByName("dnsbl").Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want(t, text(t, c, "problem", "dnsbl_state"), `
dnsbl_state{list="a",state="blocked"} 1
problem{check="vantage",problem="vantage_dnsbl_refused",severity="warning",target="vantage"} 1`)
	if err := c.Apply(conf("b")); err != nil {
		t.Fatal(err)
	}
	want(t, text(t, c, "problem", "dnsbl_state"), "")
}
