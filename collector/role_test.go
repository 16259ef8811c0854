package collector

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// An mxWorld is what the domains' MX and SPF records say: check mx reads it, check rdns finds a fault on every server.
type mxWorld struct {
	journal
	mu    sync.Mutex
	hosts map[string][]checks.Exchanger // By domain; a domain without an entry could not be told.
}

func (w *mxWorld) set(domain string, hosts ...checks.Exchanger) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[domain] = hosts
}

func (w *mxWorld) checks() []*checks.Check {
	mx := w.fake("mx", func(_ context.Context, r *checks.Round) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		hosts, told := w.hosts[r.Target.Name]
		if !told {
			return errors.New("could not be told")
		}
		r.Result.Exchangers, r.Result.ExchangersKnown = hosts, true
		r.Part("records", checks.HoldRecords)
		return nil
	})
	rdns := w.fake("rdns", func(_ context.Context, r *checks.Round) error {
		p := r.Part("192.0.2.1", checks.HoldRecords)
		p.Findings = append(p.Findings, checks.Finding{Problem: "rdns_fault", Severity: catalog.SeverityCritical, Receiving: catalog.SeverityInfo})
		return nil
	})
	return []*checks.Check{mx, rdns}
}

// rolesOf gives the role of each server and the severity of the fault found there.
func rolesOf(t *testing.T, c *Collector) string {
	t.Helper()
	var out []string
	for line := range strings.Lines(text(t, c, "target_info", "problem")) {
		label := func(name string) string {
			_, rest, _ := strings.Cut(line, name+`="`)
			value, _, _ := strings.Cut(rest, `"`)
			return value
		}
		if what := label("role") + label("severity"); what != "" {
			out = append(out, label("target")+" "+what)
		}
	}
	return strings.Join(out, "\n")
}

// TestRole: a server is an mta as long as the SPF record of any of its domains passes it, with all that hangs on it, and what could not be
// told changes nothing.
func TestRole(t *testing.T) {
	sends := checks.Exchanger{Host: "mx.example.net", Sends: true}
	receives := checks.Exchanger{Host: "mx.example.net"}
	unknown := checks.Exchanger{Host: "mx.example.net", SendsErr: errors.New("could not be told")}
	const (
		asMTA = "mx.example.net:25 critical\nmx.example.net:25 mta"
		asMX  = "mx.example.net:25 info\nmx.example.net:25 mx"
	)
	w := &mxWorld{hosts: map[string][]checks.Exchanger{}}
	cfg := func(ts ...*targets.Target) *targets.Config {
		cfg := config(ts...)
		cfg.Modules["server"].Checks, cfg.Modules["server"].Every = []string{"rdns"}, map[string]time.Duration{"rdns": 7 * 24 * time.Hour}
		return cfg
	}
	one, two := domain("one.example", "mx", 15*time.Minute), domain("two.example", "mx", 15*time.Minute)
	w.set("one.example", unknown)
	w.set("two.example", unknown)
	bubble(t, func() *Collector { return collectorOf(t, cfg(one, two), w.checks()...) }, func(c *Collector, _ time.Time) {
		sleep(time.Minute)
		want(t, rolesOf(t, c), asMX)
		server := stateOf(c, "mx.example.net:25")
		for _, step := range []struct {
			name     string
			one, two []checks.Exchanger
			want     string
		}{
			{"SPF of one domain passes it", []checks.Exchanger{sends}, []checks.Exchanger{receives}, asMTA},
			{"it cannot be told any more", []checks.Exchanger{unknown}, []checks.Exchanger{unknown}, asMTA},
			{"the other does, too", []checks.Exchanger{sends}, []checks.Exchanger{sends}, asMTA},
			{"the first has changed its record", []checks.Exchanger{receives}, []checks.Exchanger{sends}, asMTA},
			{"both have", []checks.Exchanger{receives}, []checks.Exchanger{receives}, asMX},
			{"it cannot be told", []checks.Exchanger{unknown}, []checks.Exchanger{receives}, asMX},
			{"the first comes back", []checks.Exchanger{sends}, []checks.Exchanger{receives}, asMTA},
			{"and leads elsewhere", []checks.Exchanger{}, []checks.Exchanger{receives}, asMX},
			{"and back", []checks.Exchanger{sends}, []checks.Exchanger{receives}, asMTA},
		} {
			w.set("one.example", step.one...)
			w.set("two.example", step.two...)
			sleep(31 * time.Minute)
			if got := rolesOf(t, c); got != step.want {
				t.Errorf("%s: got\n%s\nwant\n%s", step.name, got, step.want)
			}
		}
		w.mu.Lock()
		clear(w.hosts) // No MX record can be looked up.
		w.mu.Unlock()
		sleep(31 * time.Minute)
		want(t, rolesOf(t, c), asMTA)

		// A reload keeps the role, also where it names the server or changes the domain; with the domain it goes.
		if err := c.Apply(cfg(domain("one.example", "mx", 20*time.Minute), two)); err != nil {
			t.Fatal(err)
		}
		want(t, rolesOf(t, c), asMTA)
		named := weeklyServer("mx.example.net:25", true)
		if err := c.Apply(cfg(one, two, named)); err != nil {
			t.Fatal(err)
		}
		want(t, rolesOf(t, c), asMTA)
		if named.Server.Role != targets.RoleMX {
			t.Error("the configuration was changed")
		}
		if err := c.Apply(cfg(two, named)); err != nil {
			t.Fatal(err)
		}
		want(t, rolesOf(t, c), asMX)
		if stateOf(c, "mx.example.net:25") != server {
			t.Error("what was known of the server was forgotten with its role")
		}
		if n := len(w.of("mx.example.net:25", "rdns")); n != 1 {
			t.Errorf("it was asked %d times, want once", n)
		}
	})
}

// weeklyServer is a server on which check rdns runs once a week.
func weeklyServer(name string, open bool) *targets.Target {
	t := server(name, "rdns", 7*24*time.Hour)
	t.Server.RoleOpen = open
	return t
}

// TestConfiguredRole: a role that is configured, and that of a provider's server, is not found out.
func TestConfiguredRole(t *testing.T) {
	w := &mxWorld{hosts: map[string][]checks.Exchanger{"one.example": {
		{Host: "mx.example.net", Sends: true}, {Host: "open.example.net", Sends: true}, {Host: "aspmx.l.google.com", Sends: true},
	}}}
	cfg := config(domain("one.example", "mx", 15*time.Minute), weeklyServer("mx.example.net:25", false), weeklyServer("open.example.net:25", true))
	bubble(t, func() *Collector { return collectorOf(t, cfg, w.checks()...) }, func(c *Collector, _ time.Time) {
		sleep(time.Minute)
		want(t, rolesOf(t, c), `mx.example.net:25 info
open.example.net:25 critical
aspmx.l.google.com:25 mx
mx.example.net:25 mx
open.example.net:25 mta`)
	})
}
