package collector

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestReload: targets that did not change keep what is known and their schedule; changed ones show what was known of them until
// their new round; changed and new ones begin at once; those that went are gone.
func TestReload(t *testing.T) {
	j := &journal{}
	smtp := j.fake("smtp", nil)
	kept := func() *targets.Target { return server("kept.example.org:25", "smtp", time.Hour) }
	first := config(kept(), server("changed.example.org:25", "smtp", time.Hour), server("gone.example.org:25", "smtp", time.Hour))
	bubble(t, func() *Collector { return collectorOf(t, first, smtp) }, func(c *Collector, begin time.Time) {
		sleep(10 * time.Second)
		changed := server("changed.example.org:25", "smtp", 30*time.Minute)
		labelled := kept()
		labelled.Labels = map[string]string{"team": "mail"}
		if err := c.Apply(config(labelled, changed, server("new.example.org:25", "smtp", time.Hour))); err != nil {
			t.Fatal(err)
		}
		// Before any new round.
		want(t, text(t, c, "fake_up"), `
fake_up{address="192.0.2.1",target="changed.example.org:25"} 1
fake_up{address="192.0.2.1",target="kept.example.org:25"} 1`)
		if got := text(t, c, "target_info"); !strings.Contains(got, `target="kept.example.org:25",team="mail"`) || strings.Contains(got, "gone") {
			t.Errorf("target_info after the reload:\n%s", got)
		}
		sleep(10 * time.Second)
		for name, runs := range map[string]int{"kept.example.org:25": 1, "changed.example.org:25": 2, "gone.example.org:25": 1, "new.example.org:25": 1} {
			if n := len(j.of(name, "smtp")); n != runs {
				t.Errorf("%s ran %d times, want %d", name, n, runs)
			}
		}
		sleep(2 * time.Hour)
		if n := len(j.of("gone.example.org:25", "smtp")); n != 1 {
			t.Errorf("a target that went ran %d times", n)
		}
		at := j.of("kept.example.org:25", "smtp")
		if len(at) < 2 || !at[1].Equal(gridPoint(at[1], phase("kept.example.org:25"), time.Hour)) {
			t.Errorf("the kept target ran at %v", at)
		}
	})
}

// TestReloadsInARow: reloads that change many targets, one after the other, blind the exporter for none of them, and put nobody back in
// the starting order.
func TestReloadsInARow(t *testing.T) {
	const all = 200
	version := func(n int, more ...*targets.Target) *targets.Config {
		ts := more
		for i := range all {
			ts = append(ts, server(fmt.Sprintf("s%d.example.org:25", i), "smtp", time.Hour+time.Duration(n)*time.Minute))
		}
		return config(ts...)
	}
	j := &journal{}
	bubble(t, func() *Collector { return collectorOf(t, version(0), j.fake("smtp", nil)) }, func(c *Collector, _ time.Time) {
		sleep(time.Minute)
		known := func() int { return strings.Count(text(t, c, "fake_up"), "fake_up{") }
		if n := known(); n != all {
			t.Fatalf("%d of %d targets are known", n, all)
		}
		for n := range 10 {
			if err := c.Apply(version(n + 1)); err != nil {
				t.Fatal(err)
			}
			for range 4 {
				if n := known(); n != all {
					t.Fatalf("%d of %d targets are known after a reload", n, all)
				}
				sleep(time.Second / 4)
			}
		}
		last := time.Now().Add(-time.Second)
		sleep(19 * time.Second)
		for i := range all {
			name := fmt.Sprintf("s%d.example.org:25", i)
			if at := j.of(name, "smtp"); at[len(at)-1].Before(last) && c.Target(name).Checks[0].outdated {
				t.Errorf("%s was not asked in 20 s after the last reload", name)
			}
		}

		// Targets that come and go leave no gap in the order.
		for n := range 200 {
			var ghosts []*targets.Target
			for i := range 100 {
				ghosts = append(ghosts, server(fmt.Sprintf("ghost%d-%d.example.org:25", n, i), "smtp", time.Hour))
			}
			if err := c.Apply(version(10, ghosts...)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Apply(version(10, server("new.example.org:25", "smtp", time.Hour))); err != nil {
			t.Fatal(err)
		}
		sleep(10 * time.Second)
		if len(j.of("new.example.org:25", "smtp")) != 1 {
			t.Error("a new target waits behind those that went")
		}
	})
}

// TestReloadEverySecond: a target that each reload changes is asked all the same.
func TestReloadEverySecond(t *testing.T) {
	j := &journal{}
	ts := func(n int) *targets.Config {
		return config(server("same.example.org:25", "smtp", time.Minute), server("changed.example.org:25", "smtp", time.Minute+time.Duration(n)*time.Second))
	}
	bubble(t, func() *Collector { return collectorOf(t, ts(0), j.fake("smtp", nil)) }, func(c *Collector, begin time.Time) {
		for n := range 600 {
			if err := c.Apply(ts(n)); err != nil {
				t.Fatal(err)
			}
			sleep(time.Second)
		}
		if n := len(j.of("same.example.org:25", "smtp")); n < 10 || n > 12 {
			t.Errorf("a target that no reload changes was asked %d times in ten minutes", n)
		}
		if n := len(j.of("changed.example.org:25", "smtp")); n < 10 {
			t.Errorf("a target that each reload changes was asked %d times in ten minutes", n)
		}
	})
}

// TestReloadError: a configuration that cannot be put in force changes nothing.
func TestReloadError(t *testing.T) {
	j := &journal{}
	c := collectorOf(t, config(server("a.example.org:25", "smtp", time.Hour)), j.fake("smtp", nil))
	before := text(t, c, "target_info")
	bad := config(server("b.example.org:25", "smtp", time.Hour))
	bad.TLS.CAFile = "testdata/there-is-no-such-file.pem"
	err := c.Apply(bad)
	if err == nil || !strings.Contains(err.Error(), "tls.ca_file") {
		t.Fatalf("error %v", err)
	}
	want(t, text(t, c, "config_last_reload_successful"), "config_last_reload_successful{} 1")
	c.Reloaded(err)
	want(t, text(t, c, "config_last_reload_successful"), "config_last_reload_successful{} 0")
	want(t, text(t, c, "target_info"), before)
	c.Reloaded(nil)
	want(t, text(t, c, "config_last_reload_successful"), "config_last_reload_successful{} 1")
}

// listsOf are blocklists of these ids.
func listsOf(ids ...string) (out targets.Blocklists) {
	for _, id := range ids {
		out.Lists = append(out.Lists, targets.List{Blocklist: &catalog.Blocklist{ID: id, Zone: id + ".example.net", Kinds: []string{"ipv4"}}})
	}
	return out
}

// TestReloadBlocklists: what lists said that are asked no more goes at once, even what a round under way brings; new ones are asked
// soon, without a stampede.
func TestReloadBlocklists(t *testing.T) {
	j := &journal{}
	dnsbl := j.fake("dnsbl", func(ctx context.Context, r *checks.Round) error {
		lists := r.Env.Config.Blocklists.Lists
		if r.Target.Name == "slow.example.org:25" && len(j.of(r.Target.Name, "dnsbl")) == 1 {
			time.Sleep(3 * time.Minute)
		}
		for _, l := range lists {
			r.Part("192.0.2.1 "+l.ID, checks.HoldRecords).EmitBool(fakeUp, true, l.ID)
		}
		return nil
	})
	const n = 60
	conf := func(lists ...string) *targets.Config {
		ts := []*targets.Target{server("slow.example.org:25", "dnsbl", time.Hour), server("quick.example.org:25", "smtp", time.Hour)}
		for i := range n {
			ts = append(ts, server(fmt.Sprintf("mx%d.example.org:25", i), "dnsbl", time.Hour, "smtp", 24*time.Hour))
		}
		cfg := config(ts...)
		cfg.Blocklists = listsOf(lists...)
		return cfg
	}
	bubble(t, func() *Collector { return collectorOf(t, conf("a", "b"), dnsbl, j.fake("smtp", nil)) }, func(c *Collector, begin time.Time) {
		sleep(2 * time.Minute)
		if got := text(t, c, "fake_up"); strings.Count(got, `address="a"`) != n {
			t.Fatalf("before the reload:\n%s", got)
		}
		reload := time.Now()
		if err := c.Apply(conf("b", "c")); err != nil {
			t.Fatal(err)
		}
		if got := text(t, c, "fake_up"); strings.Contains(got, `address="a"`) || strings.Count(got, `address="b"`) != n {
			t.Errorf("right after the reload:\n%s", got)
		}
		sleep(2 * time.Minute)
		if got := text(t, c, "fake_up"); strings.Contains(got, `address="a"`) || strings.Count(got, `address="c"`) != n+1 {
			t.Errorf("two minutes after the reload:\n%s", got)
		}
		var again []time.Time
		for i := range n {
			name := fmt.Sprintf("mx%d.example.org:25", i)
			at := j.of(name, "dnsbl")
			if len(at) != 2 || len(j.of(name, "smtp")) != 1 {
				t.Fatalf("%s ran at %v", name, at)
			}
			again = append(again, at[1].Add(-reload.Sub(begin)))
		}
		slices.SortFunc(again, time.Time.Compare)
		for i := range n - startsPerSecond {
			if again[i+startsPerSecond].Sub(again[i]) < time.Second {
				t.Fatal("a stampede")
			}
		}
		if last := again[n-1].Sub(begin); last > 4*time.Second {
			t.Errorf("the last was asked again %v after the reload", last)
		}
		if at := j.of("slow.example.org:25", "dnsbl"); len(at) != 2 || at[1].Sub(at[0]) != 3*time.Minute {
			t.Errorf("the one that was being asked ran at %v", at)
		}
		if err := c.Apply(conf("b", "c")); err != nil {
			t.Fatal(err)
		}
		sleep(30 * time.Second)
		if at := j.of("mx0.example.org:25", "dnsbl"); len(at) != 2 {
			t.Errorf("no list changed, and it ran at %v", at)
		}
	})
}

// TestReloadEgress: where other servers are to prove that port 25 is open, they are asked at once.
func TestReloadEgress(t *testing.T) {
	j := &journal{}
	conf := func(egress ...string) *targets.Config {
		cfg := config()
		cfg.Vantage.Egress = egress
		return cfg
	}
	bubble(t, func() *Collector { return collectorOf(t, conf(), j.fake("vantage", nil)) }, func(c *Collector, begin time.Time) {
		for _, test := range []struct {
			egress string
			runs   int
		}{{"mx1.example.org:25", 2}, {"mx1.example.org:25", 2}, {"mx2.example.org:25", 3}} {
			if err := c.Apply(conf(test.egress)); err != nil {
				t.Fatal(err)
			}
			sleep(time.Second)
			if n := len(j.of("vantage", "vantage")); n != test.runs {
				t.Errorf("%s: %d runs, want %d", test.egress, n, test.runs)
			}
		}
	})
}

// TestReloadBackoff: patience with an address outlives a reload, as it does a restart, whatever changed of its target.
func TestReloadBackoff(t *testing.T) {
	j := &journal{}
	smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
		leave, err := r.Env.Enter(ctx, netip.MustParseAddr("192.0.2.1"))
		if err == nil {
			leave(greeting(421))
		}
		return err
	})
	a := func(every time.Duration) *targets.Config { return config(server("a.example.org:25", "smtp", every)) }
	bubble(t, func() *Collector { return collectorOf(t, a(time.Hour), smtp) }, func(c *Collector, begin time.Time) {
		before := text(t, c, "target_backoff_until_timestamp_seconds")
		if before == "" {
			t.Fatal("no back-off")
		}
		if err := c.Apply(a(time.Hour)); err != nil {
			t.Fatal(err)
		}
		want(t, text(t, c, "target_backoff_until_timestamp_seconds"), before)
		if err := c.Apply(a(30 * time.Minute)); err != nil {
			t.Fatal(err)
		}
		sleep(10 * time.Second) // The changed target begins anew, and finds the address left alone.
		want(t, text(t, c, "target_backoff_until_timestamp_seconds"), before)
	})
}

// TestMXNotAsked: the servers of a domain that is not asked for its MX records any more go with the reload that says so.
func TestMXNotAsked(t *testing.T) {
	c := collectorOf(t, config(domain("one.example", "mx", time.Hour)))
	c.follow(stateOf(c, "one.example"), []checks.Exchanger{{Host: "mx1.example.net"}})
	want(t, servers(c), "mx1.example.net:25(mx)")
	if err := c.Apply(config(domain("one.example", "spf", time.Hour))); err != nil {
		t.Fatal(err)
	}
	want(t, servers(c), "")
}

// TestReloadUnderScrape: a scrape that makes snapshots anew while a reload puts other rules in force goes by the new ones, or it
// would undo what the reload has done to those it has not come to yet.
func TestReloadUnderScrape(t *testing.T) {
	rules := func(until time.Time) *targets.Config {
		cfg := config(server("a.example.org:25", "smtp", time.Hour), server("b.example.org:25", "smtp", time.Hour))
		cfg.Ignore = []targets.Ignore{{Problem: "smtp_fault", Target: "*", Until: until}}
		return cfg
	}
	synctest.Test(t, func(t *testing.T) {
		var c *Collector
		reload := func() {}
		problem := func(id string) (catalog.Problem, bool) {
			reload()
			return anyProblem(id)
		}
		c, err := newCollector(Options{Config: rules(time.Now().Add(time.Minute))}, []*checks.Check{(&journal{}).fake("smtp", nil)}, problem)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a.example.org:25", "b.example.org:25"} {
			r := &checks.Result{Parts: []*checks.Part{{Key: "x", Findings: []checks.Finding{{Problem: "smtp_fault"}}}}}
			c.learn(stateOf(c, name), c.checks[0], time.Now(), r, nil)
		}
		time.Sleep(time.Hour) // The rule has ended: the scrape makes both anew.
		reload = func() {
			reg := *c.regime.Load()
			b := *reg.builder
			b.cfg = rules(time.Time{})
			reg.cfg, reg.builder = b.cfg, &b
			c.regime.Store(&reg)
		}
		c.Snapshots()
		if problems := stateOf(c, "b.example.org:25").snapshot.Load().Problems; len(problems) != 1 || problems[0].Ignored == nil {
			t.Errorf("made by the rules before the reload: %+v", problems)
		}
	})
}
