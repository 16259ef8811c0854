package collector

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

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

// TestSeenFirst: what a domain could not tell for want of its servers is asked again when the last of them has been seen, and not before its
// time after that.
func TestSeenFirst(t *testing.T) {
	j := &journal{}
	mx := j.fake("mx", func(_ context.Context, r *checks.Round) error {
		r.Result.Exchangers, r.Result.ExchangersKnown = []checks.Exchanger{{Host: "mx1.example.org"}, {Host: "mx2.example.org"}}, true
		p := r.Part("servers", checks.HoldRecords)
		for _, name := range []string{"mx1.example.org:25", "mx2.example.org:25"} {
			if _, seen := r.Env.Standing(name, "smtp"); seen["x"] == nil {
				p.Unknown = checks.ErrServerUnseen
			}
		}
		return nil
	})
	mx.ReadsServers = true
	policy := j.fake("mta_sts", func(_ context.Context, r *checks.Round) error {
		r.Part("policy", checks.HoldRecords).Unknown = errors.New("lost on the way")
		return nil
	})
	policy.ReadsServers = true
	smtp := j.fake("smtp", func(ctx context.Context, r *checks.Round) error {
		if r.Target.Name == "mx2.example.org:25" {
			time.Sleep(30 * time.Second)
		}
		r.Part("x", checks.HoldReplies).Find("smtp_silent", "", catalog.Text{})
		return nil
	})
	bubble(t, func() *Collector {
		return collectorOf(t, config(domain("example.org", "mx", 24*time.Hour, "mta_sts", time.Hour)), mx, policy, smtp)
	}, func(c *Collector, _ time.Time) {
		sleep(29 * time.Second)
		if n := len(j.of("example.org", "mx")); n != 1 {
			t.Errorf("%d runs before the second server was seen", n)
		}
		sleep(10 * time.Second)
		if n := len(j.of("example.org", "mx")); n != 2 {
			t.Errorf("%d runs after it", n)
		}
		if n := len(j.of("example.org", "mta_sts")); n != 1 {
			t.Errorf("%d runs of a check that could not tell for another reason", n)
		}
		want(t, text(t, c, "check_conclusive"), `
check_conclusive{check="mx",target="example.org"} 1
check_conclusive{check="mta_sts",target="example.org"} 0
check_conclusive{check="smtp",target="mx1.example.org:25"} 1
check_conclusive{check="smtp",target="mx2.example.org:25"} 1`)
		sleep(20 * time.Minute)
		if n := len(j.of("example.org", "mx")); n != 2 {
			t.Errorf("%d runs although nothing is unknown any more", n)
		}
	})
}
