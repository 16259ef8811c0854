package collector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestPanic: a panic in a check is that check's error, told once, and nobody else's.
func TestPanic(t *testing.T) {
	j := &journal{}
	var log bytes.Buffer
	smtp := j.fake("smtp", func(context.Context, *checks.Round) error {
		var none *checks.Part
		none.Key = "x"
		return nil
	})
	cfg := config(server("a.example.org:25", "smtp", 5*time.Minute, "rdns", 5*time.Minute))
	bubble(t, func() *Collector {
		return loggedCollector(t, slog.New(slog.NewTextHandler(&log, nil)), cfg, smtp, j.fake("rdns", nil))
	}, func(c *Collector, begin time.Time) {
		sleep(15 * time.Minute)
		want(t, text(t, c, "fake_up", "check_conclusive"), `
check_conclusive{check="smtp",target="a.example.org:25"} 0
check_conclusive{check="rdns",target="a.example.org:25"} 1
fake_up{address="192.0.2.1",target="a.example.org:25"} 1`)
		runs := len(j.of("a.example.org:25", "smtp"))
		want(t, text(t, c, "probes_total"), fmt.Sprintf(`
probes_total{check="rdns",outcome="conclusive"} %[1]d
probes_total{check="rdns",outcome="inconclusive"} 0
probes_total{check="rdns",outcome="skipped"} 0
probes_total{check="smtp",outcome="conclusive"} 0
probes_total{check="smtp",outcome="inconclusive"} %[1]d
probes_total{check="smtp",outcome="skipped"} 0`, runs))
		if runs < 3 {
			t.Errorf("%d runs", runs)
		}
	})
	if n := strings.Count(log.String(), "A check panicked"); n != 1 || !strings.Contains(log.String(), "collector_test.go") {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
}

// TestShutdown: rounds are told to end, what they were cut off from changes nothing, and Run
// does not wait for one that does not listen.
func TestShutdown(t *testing.T) {
	for _, c := range []struct {
		name    string
		ends    time.Duration // How long the check goes on after its context ended.
		returns time.Duration
	}{
		{"at once", 0, 0},
		{"politely", 2 * time.Second, 2 * time.Second},
		{"stubborn", time.Minute, grace},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &journal{}
				smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
					p := r.Part("x", checks.HoldReplies)
					if len(j.of(r.Target.Name, "smtp")) == 1 {
						p.EmitBool(fakeUp, true, "192.0.2.1")
						return nil
					}
					<-ctx.Done()
					time.Sleep(c.ends)
					p.EmitBool(fakeUp, false, "192.0.2.1")
					return nil
				})
				col := collectorOf(t, config(server("a.example.org:25", "smtp", 5*time.Minute)), smtp)
				ctx, cancel := context.WithCancel(t.Context())
				ended := goRun(col, ctx)
				sleep(10 * time.Minute)
				if n := len(j.of("a.example.org:25", "smtp")); n != 2 {
					t.Fatalf("%d rounds, want a second one under way", n)
				}
				before := text(t, col, "fake_up", "check_last_run_timestamp_seconds", "probes_total")
				stop := time.Now()
				cancel()
				<-ended
				if took := time.Since(stop); took != c.returns {
					t.Errorf("Run returned after %v, want %v", took, c.returns)
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				want(t, text(t, col, "fake_up", "check_last_run_timestamp_seconds", "probes_total"), before)
			})
		})
	}
}

// TestRunBeforeStart: a collector whose context ended already does nothing and returns.
func TestRunBeforeStart(t *testing.T) {
	j := &journal{}
	c := collectorOf(t, config(server("a.example.org:25", "smtp", time.Hour)), j.fake("smtp", nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	<-goRun(c, ctx)
	if len(j.runs) != 0 {
		t.Errorf("%d runs", len(j.runs))
	}
}

// TestRemovedWhileRunning: a target that goes while a round is under way is cut off and leaves nothing.
func TestRemovedWhileRunning(t *testing.T) {
	j := &journal{}
	smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
		<-ctx.Done()
		r.Part("x", checks.HoldReplies).EmitBool(fakeUp, false, "192.0.2.1")
		return nil
	})
	bubble(t, func() *Collector { return collectorOf(t, config(server("a.example.org:25", "smtp", time.Hour)), smtp) }, func(c *Collector, begin time.Time) {
		if err := c.Apply(config()); err != nil {
			t.Fatal(err)
		}
		sleep(3 * time.Hour)
		if n := len(j.of("a.example.org:25", "smtp")); n != 1 {
			t.Errorf("%d runs, want 1", n)
		}
		if got := text(t, c, "fake_up", "target_info", "probes_total"); strings.Contains(got, "a.example.org") || strings.Contains(got, `"conclusive"} 1`) {
			t.Errorf("left behind:\n%s", got)
		}
	})
}

// servers names the servers that there are.
func servers(c *Collector) string {
	var out []string
	for _, s := range c.Snapshots() {
		if s.Target.Kind == targets.KindServer {
			out = append(out, fmt.Sprintf("%s(%s)", s.Target.Name, s.Target.Source))
		}
	}
	return strings.Join(out, " ")
}

func stateOf(c *Collector, name string) *state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.states[name]
}

// TestDiscovery follows MX records: a server that several domains name is one target and is
// probed once, goes with the last of them, and a configured one stays.
func TestDiscovery(t *testing.T) {
	j := &journal{}
	hosts := map[string]string{"one.example": "mx1.example.net mx2.example.net", "two.example": "mx1.example.net mail.example.net", "none.example": "mx9.example.net"}
	failing := false
	mx := j.fake("mx", func(ctx context.Context, r *checks.Round) error {
		j.mu.Lock()
		defer j.mu.Unlock()
		if failing {
			return errors.New("could not be told")
		}
		r.Result.ExchangersKnown = true
		for h := range strings.FieldsSeq(hosts[r.Target.Name]) {
			r.Result.Exchangers = append(r.Result.Exchangers, checks.Exchanger{Host: h})
		}
		r.Part("mx", checks.HoldRecords)
		return nil
	})
	set := func(domain, text string, fail bool) {
		j.mu.Lock()
		defer j.mu.Unlock()
		hosts[domain], failing = text, fail
	}
	none := domain("none.example", "mx", 15*time.Minute)
	none.Domain.FollowMX = targets.FollowNone
	one, two := domain("one.example", "mx", 15*time.Minute), domain("two.example", "mx", 15*time.Minute)
	mail := server("mail.example.net:25", "smtp", 5*time.Minute)
	bubble(t, func() *Collector { return collectorOf(t, config(one, two, none, mail), mx, j.fake("smtp", nil)) }, func(c *Collector, begin time.Time) {
		sleep(time.Second)
		want(t, servers(c), "mail.example.net:25(config) mx1.example.net:25(mx) mx2.example.net:25(mx)")
		if n := len(j.of("mx1.example.net:25", "smtp")); n != 1 {
			t.Errorf("the shared server ran %d times at start, want once", n)
		}
		set("one.example", "mx1.example.net", false)
		sleep(31 * time.Minute)
		want(t, servers(c), "mail.example.net:25(config) mx1.example.net:25(mx)")
		if runs := len(j.of("mx1.example.net:25", "smtp")); runs < 7 || runs > 8 {
			t.Errorf("the shared server ran %d times in half an hour", runs)
		}
		set("two.example", "", true) // DNS cannot be asked: nothing changes.
		sleep(31 * time.Minute)
		want(t, servers(c), "mail.example.net:25(config) mx1.example.net:25(mx)")
		shared := stateOf(c, "mx1.example.net:25")
		set("two.example", "", false)
		sleep(31 * time.Minute)
		want(t, servers(c), "mail.example.net:25(config) mx1.example.net:25(mx)")
		if stateOf(c, "mx1.example.net:25") != shared {
			t.Error("the shared server was forgotten and found again when one of its domains left it")
		}

		// A reload keeps what was found, and what is known of it.
		before := text(t, c, "fake_up")
		if err := c.Apply(config(one, two, none)); err != nil {
			t.Fatal(err)
		}
		want(t, servers(c), "mx1.example.net:25(mx)")
		if after := text(t, c, "fake_up"); !strings.Contains(before, after) || after == "" {
			t.Errorf("known after the reload:\n%s", after)
		}
		// So does one that changes the domain: its servers stay until its MX is seen again.
		for _, every := range []time.Duration{20 * time.Minute, 25 * time.Minute} {
			if err := c.Apply(config(domain("one.example", "mx", every), two)); err != nil {
				t.Fatal(err)
			}
		}
		want(t, servers(c), "mx1.example.net:25(mx)")
		// Without the domain its server goes at once, and a round that was under way brings nothing back.
		gone := stateOf(c, "one.example")
		defer func() {
			c.follow(gone, []checks.Exchanger{{Host: "mx1.example.net"}})
			want(t, servers(c), "")
		}()
		if err := c.Apply(config(two)); err != nil {
			t.Fatal(err)
		}
		want(t, servers(c), "")
		runs := len(j.of("mx1.example.net:25", "smtp"))
		sleep(time.Hour)
		if n := len(j.of("mx1.example.net:25", "smtp")); n != runs {
			t.Errorf("a server that went ran %d times more", n-runs)
		}
		set("two.example", "mx5.example.net", false)
		sleep(31 * time.Minute)
		set("two.example", "", false)
		sleep(31 * time.Minute)
		want(t, servers(c), "")
	})
}

// TestOwnRange: whether a server that MX records name is one's own may hang on its address, and follows it; where the
// address could not be told nothing changes.
func TestOwnRange(t *testing.T) {
	addresses := []netip.Addr{netip.MustParseAddr("203.0.113.9")}
	var mu sync.Mutex
	move := func(to ...netip.Addr) {
		mu.Lock()
		defer mu.Unlock()
		addresses = to
	}
	j := &journal{}
	mx := j.fake("mx", func(ctx context.Context, r *checks.Round) error {
		mu.Lock()
		defer mu.Unlock()
		r.Result.ExchangersKnown = true
		r.Result.Exchangers = []checks.Exchanger{{Host: "aspmx.l.google.com", Addresses: addresses}}
		return nil
	})
	cfg := config(domain("one.example", "mx", 15*time.Minute))
	cfg.OwnServers = []targets.Pattern{{Prefix: netip.MustParsePrefix("203.0.113.0/24")}}
	bubble(t, func() *Collector { return collectorOf(t, cfg, mx, j.fake("smtp", nil)) }, func(c *Collector, _ time.Time) {
		owner := func() string {
			st := stateOf(c, "aspmx.l.google.com:25")
			return fmt.Sprintf("foreign %v, domains %d", st.target.Foreign, len(st.refs))
		}
		sleep(time.Second)
		want(t, owner(), "foreign false, domains 1")
		move()
		sleep(16 * time.Minute)
		want(t, owner(), "foreign false, domains 1")
		move(netip.MustParseAddr("198.51.100.9"))
		sleep(16 * time.Minute)
		want(t, owner(), "foreign true, domains 1")
		want(t, servers(c), "aspmx.l.google.com:25(mx)")
		move(netip.MustParseAddr("203.0.113.10"))
		sleep(16 * time.Minute)
		want(t, owner(), "foreign false, domains 1")
	})
}

// TestManyExchangers: a domain cannot make us probe without limit.
func TestManyExchangers(t *testing.T) {
	c := collectorOf(t, config(domain("one.example", "mx", time.Hour)))
	var mxs []checks.Exchanger
	for i := range 1000 {
		mxs = append(mxs, checks.Exchanger{Host: fmt.Sprintf("mx%d.example.net", i)})
	}
	c.mu.Lock()
	st := c.states["one.example"]
	c.mu.Unlock()
	c.follow(st, append(mxs, checks.Exchanger{}))
	if n := len(strings.Fields(servers(c))); n != maxExchangers {
		t.Errorf("%d servers, want %d", n, maxExchangers)
	}
}

// TestRound looks at what a check is handed.
func TestRound(t *testing.T) {
	j := &journal{}
	var seen []string
	smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
		_, ok := r.Last("x")
		seen = append(seen, fmt.Sprintf("every %v, due %v, last %v, helo %s, banner %q, in time %v", r.Every, r.SMTPDue, ok, r.Env.HeloName,
			r.LastNames(netip.MustParseAddr("192.0.2.1")).Banner, r.Time.Equal(time.Now())))
		leave, err := r.Env.Enter(ctx, netip.MustParseAddr("::ffff:192.0.2.1"))
		if err != nil {
			return err
		}
		leave(greeting(220))
		leave(greeting(421)) // A second time does nothing.
		r.Part("x", checks.HoldReplies)
		return nil
	})
	bubble(t, func() *Collector {
		return collectorOf(t, config(server("a.example.org:25", "smtp", 5*time.Minute)), smtp)
	}, func(c *Collector, begin time.Time) {
		sleep(10 * time.Minute)
		if len(seen) < 2 {
			t.Fatal("no second round")
		}
		want(t, strings.Join(slices.Clone(seen[:2]), "\n"), `
every 5m0s, due true, last false, helo probe.example.net, banner "", in time true
every 5m0s, due true, last true, helo probe.example.net, banner "mx.example.org", in time true`)
	})
}

// TestVantage is always there, runs first, and is not one of the targets.
func TestVantage(t *testing.T) {
	j := &journal{}
	vantage := j.fake("vantage", func(ctx context.Context, r *checks.Round) error {
		if r.Target.Kind != targets.KindVantage || r.Target.Module == nil {
			t.Errorf("asked of %+v", r.Target)
		}
		r.Part("x", checks.HoldReplies).Find("vantage_helo", "", "")
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
		see(c, name, smtp, func(r *checks.Round) { r.Part("x", checks.HoldReplies).Find("vantage_refused", "", "554 go away") })
	}
	refuse("a.example.org:25")
	refuse("b.example.org:25")
	for range 2 { // It does not add up from one scrape to the next.
		want(t, text(t, c, "problem"), `problem{check="vantage",problem="vantage_refused",severity="warning",target="vantage"} 1`)
		i := slices.IndexFunc(c.Snapshots(), func(s *Snapshot) bool { return s.Target.Kind == targets.KindVantage })
		if p := c.Snapshots()[i].Problems; len(p) != 1 || strings.Join(p[0].Evidence, "; ") != "a.example.org:25: 554 go away; b.example.org:25: 554 go away" {
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
			p.Findings = append(p.Findings, checks.Finding{Problem: "vantage_refused", Evidence: "554", Ours: netip.MustParseAddr(from)})
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

// laterProblems are problems of the checks we have that need what comes with a later one: backup servers.
var laterProblems = []string{"mx_backup_differs"}

// TestNoIdleProblems: what the catalogue explains is found by somebody.
func TestNoIdleProblems(t *testing.T) {
	found := map[string]bool{}
	built := map[string]bool{}
	for _, c := range checks.All {
		built[c.Name] = true
		for _, id := range c.Problems {
			found[id] = true
		}
	}
	for _, p := range catalog.Problems() {
		later := slices.Contains(laterProblems, p.ID)
		if built[p.Check] && !found[p.ID] && !later {
			t.Errorf("problem %s is found by no check", p.ID)
		}
		if found[p.ID] && later {
			t.Errorf("problem %s is found now; take it off the list", p.ID)
		}
	}
	for _, id := range laterProblems {
		if _, ok := catalog.ProblemByID(id); !ok {
			t.Errorf("there is no problem %s", id)
		}
	}
}

// TestChecks holds the checks to what they promise: their problems are in the catalogue, and
// metrics of one name are the same everywhere.
func TestChecks(t *testing.T) {
	type metric struct {
		labels string
		global bool
	}
	declared := map[string]metric{}
	for _, m := range snapshotMetrics {
		declared[m.Name] = metric{strings.Join(m.Labels, ","), m.Global}
	}
	for _, m := range selfMetrics {
		declared[m.Name] = metric{strings.Join(m.Labels, ","), m.Global}
	}
	for _, c := range checks.All {
		if _, ok := targets.CheckByName(c.Name); !ok {
			t.Errorf("%s: exporter.yml does not know this check", c.Name)
		}
		for _, id := range c.Problems {
			if p, ok := catalog.ProblemByID(id); !ok || p.Check != c.Name && p.Check != vantageName {
				t.Errorf("%s: problem %s is not in the catalogue as its", c.Name, id)
			}
		}
		for _, m := range c.Metrics {
			is := metric{strings.Join(m.Labels, ","), m.Global}
			if was, ok := declared[m.Name]; ok && was != is {
				t.Errorf("%s: metric %s has labels %q and elsewhere %q", c.Name, m.Name, is.labels, was.labels)
			}
			declared[m.Name] = is
			if m.Help == "" {
				t.Errorf("%s: metric %s has no help", c.Name, m.Name)
			}
		}
	}
}

// TestIgnore: an accepted problem is still seen and shown, but is no metric, until the day named.
func TestIgnore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		smtp := j.fake("smtp", nil)
		cfg := config(server("a.example.org:25", "smtp", time.Hour))
		cfg.Ignore = []targets.Ignore{{Problem: "smtp_refused", Target: "*", Reason: "planned", Until: time.Now().Add(time.Hour)}}
		c := collectorOf(t, cfg, smtp)
		see(c, "a.example.org:25", smtp, func(r *checks.Round) {
			r.Part("x", checks.HoldRecords).Find("smtp_refused", "", "")
			r.Part("y", checks.HoldRecords).Find("smtp_silent", "", "")
		})
		silent := `problem{check="smtp",problem="smtp_silent",severity="warning",target="a.example.org:25"} 1`
		want(t, text(t, c, "problem"), silent)
		if p := c.Snapshots()[0].Problems; len(p) != 2 || p[0].Ignored == nil || p[0].Ignored.Reason != "planned" || p[1].Ignored != nil {
			t.Errorf("problems %+v", p)
		}
		time.Sleep(time.Hour - time.Second)
		want(t, text(t, c, "problem"), silent)
		time.Sleep(time.Second)
		want(t, text(t, c, "problem"), `problem{check="smtp",problem="smtp_refused",severity="warning",target="a.example.org:25"} 1
`+silent)
		if err := c.Apply(config(server("a.example.org:25", "smtp", time.Hour))); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(text(t, c, "problem"), "\n"); n != 2 {
			t.Errorf("%d problems after a reload, want 2", n)
		}
	})
}
