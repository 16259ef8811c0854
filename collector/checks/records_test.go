package checks

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A recordCase is what DNS holds, whom a check is asked about and what it says.
type recordCase struct {
	name   string // Also the domain: NAME.example.
	zone   string // %s stands for the domain.
	fails  string // Names below which nothing can be told, between spaces.
	parked bool
	domain targets.Domain
	sender *targets.Sender   // The target is this sender, not the domain.
	others []*targets.Target // That are configured too.
	held   string            // What check smtp holds of servers: see Env.hold.
	want   string            // As written by saw.
	values string            // What remedies may name, a line each: "mx_alias alias=mx.%s"; with nothing after =, it is not known.
}

// wantValues looks for values among those of a problem's findings.
func wantValues(t *testing.T, r *Round, lines string) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		problem, want, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, value, _ := strings.Cut(want, "=")
		var got []string
		for _, p := range r.Result.Parts {
			for _, f := range p.Findings {
				if f.Problem == problem {
					got = append(got, f.Values[name])
				}
			}
		}
		if !slices.Contains(got, value) {
			t.Errorf("%s: %s is %q, want %q", problem, name, got, value)
		}
	}
}

// testRecords runs a check on the domains of cases in one mail world.
func testRecords(t *testing.T, check *Check, cases []recordCase) {
	t.Helper()
	w, dns := recordWorld(t)
	told := map[string]bool{}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			domain := c.name + ".example"
			if err := w.Zone(strings.ReplaceAll(c.zone, "%s", domain+".")); err != nil {
				t.Fatal(err)
			}
			for name := range strings.FieldsSeq(strings.ReplaceAll(c.fails, "%s", domain)) {
				w.Fault(name, mailworld.FaultServFail)
				defer w.Fault(name, "")
			}
			r := &Round{
				Target: &targets.Target{Name: domain, Kind: targets.KindDomain, Domain: &c.domain, Module: &targets.Module{Parked: c.parked}},
				Env:    &Env{DNS: dns, Config: &targets.Config{Targets: c.others}},
				Facts:  &Facts{},
			}
			r.Env.hold(strings.ReplaceAll(c.held, "%s", domain))
			if c.sender != nil {
				r.Target = &targets.Target{Name: c.sender.Host, Kind: targets.KindSender, Sender: c.sender}
			}
			got := saw(r, check.Run(t.Context(), r))
			if want := strings.TrimSpace(strings.ReplaceAll(c.want, "%s", domain)); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			wantValues(t, r, strings.ReplaceAll(c.values, "%s", domain))
			for _, p := range r.Result.Parts {
				for _, f := range p.Findings {
					told[f.Problem] = true
					if !slices.Contains(check.Problems, f.Problem) || f.Evidence.EN == "" {
						t.Errorf("found %+v, which is not declared or without evidence", f)
					}
				}
				for _, s := range p.Samples {
					told[s.Metric.Name] = true
					if !slices.Contains(check.Metrics, s.Metric) {
						t.Errorf("emits %s, which is not declared", s.Metric.Name)
					}
				}
			}
		})
	}
	for _, id := range check.Problems {
		if !told[id] {
			t.Errorf("no case finds %s", id)
		}
	}
	for _, m := range check.Metrics {
		if !told[m.Name] && m != recordChange { // It takes two rounds: see changes_test.go.
			t.Errorf("no case gives %s", m.Name)
		}
	}
}

// recordWorld returns a mail world and a client for its name server.
func recordWorld(t *testing.T) (*mailworld.World, *dnsclient.Client) {
	t.Helper()
	w, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	dns, err := dnsclient.New(dnsclient.Options{Servers: []string{w.Resolver()}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return w, dns
}

// saw writes what a run saw, a line each: "metric{labels} value", "! problem", and of a part "? key" where it is
// unknown and "- key" where it was left out. Then come the hosts to follow.
func saw(r *Round, err error) string {
	if err != nil {
		return "error"
	}
	var lines []string
	for _, p := range r.Result.Parts {
		switch {
		case p.LeftOut:
			lines = append(lines, "- "+p.Key)
		case p.Unknown != nil:
			lines = append(lines, "? "+p.Key)
			continue
		}
		for _, s := range p.Samples {
			line := s.Metric.Name
			for i, l := range s.Metric.Labels {
				line += fmt.Sprintf(" %s=%s", l, s.Labels[i])
			}
			lines = append(lines, fmt.Sprintf("%s %v", line, s.Value))
		}
		for _, f := range p.Findings {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("! %s %s", f.Problem, f.Severity)))
		}
	}
	for _, mx := range r.Result.Exchangers {
		line := "follow " + mx.Host
		switch {
		case mx.SendsErr != nil:
			line += ", may send"
		case mx.Sends:
			line += ", sends"
		}
		lines = append(lines, line)
	}
	if r.Result.ExchangersKnown && len(r.Result.Exchangers) == 0 {
		lines = append(lines, "follow nothing")
	}
	return strings.Join(lines, "\n")
}

// TestRecordsPanic: a panic in a lookup beside others comes to whoever runs the check, so that a mistake of ours ends no more
// than this run.
func TestRecordsPanic(t *testing.T) {
	w, _ := recordWorld(t)
	if err := w.Zone("mx.example. MX 10 a.mx.example.\nmx.example. MX 10 b.mx.example."); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		check *Check
		good  int32 // Lookups before the one that panics.
	}{{mxCheck, 1}, {mxCheck, 2}, {dkimCheck, 0}} {
		var done atomic.Int32
		dns, err := dnsclient.New(dnsclient.Options{Servers: []string{w.Resolver()}, Observe: func(string) {
			if done.Add(1) > test.good {
				panic("a mistake of ours")
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		target := aDomain("mx.example")
		target.Domain.DKIMSelectors = []string{"s1", "s2"}
		func() {
			defer func() {
				if p := recover(); p != "a mistake of ours" {
					t.Errorf("%s: panic %v", test.check.Name, p)
				}
			}()
			_ = test.check.Run(t.Context(), &Round{Target: target, Env: &Env{DNS: dns.Uncached(), Config: &targets.Config{}}})
		}()
	}
}
