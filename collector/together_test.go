package collector

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestNothingAuthenticated: a domain with neither SPF nor a key that can be used is critical, whichever was seen first; where a key may
// be good, or none is configured, it is not.
func TestNothingAuthenticated(t *testing.T) {
	for name, c := range map[string]struct {
		selectors []string
		keys      map[string]string // The problem of each selector that was looked at; "": none.
		rule      catalog.Severity
		want      catalog.Severity
	}{
		"no key":             {[]string{"a"}, map[string]string{"a": "dkim_missing"}, "", catalog.SeverityCritical},
		"all revoked":        {[]string{"a", "b"}, map[string]string{"a": "dkim_revoked", "b": "dkim_weak"}, "", catalog.SeverityCritical},
		"one is good":        {[]string{"a", "b"}, map[string]string{"a": "dkim_revoked", "b": ""}, "", catalog.SeverityWarning},
		"one is short":       {[]string{"a"}, map[string]string{"a": "dkim_short"}, "", catalog.SeverityWarning},
		"one is not known":   {[]string{"a", "b"}, map[string]string{"a": "dkim_revoked"}, "", catalog.SeverityWarning},
		"no selector":        {nil, nil, "", catalog.SeverityWarning},
		"the operator knows": {[]string{"a"}, map[string]string{"a": "dkim_missing"}, catalog.SeverityInfo, catalog.SeverityInfo},
	} {
		for _, dkimFirst := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				j := &journal{}
				spf, dkim := j.fake("spf", nil), j.fake("dkim", nil)
				d := domain("example.org", "spf", time.Hour, "dkim", time.Hour)
				d.Domain.DKIMSelectors = c.selectors
				cfg := config(d)
				if c.rule != "" {
					cfg.Severity = []targets.SeverityRule{{Problem: "spf_missing", Severity: c.rule}}
				}
				collector := collectorOf(t, cfg, spf, dkim)
				seeKeys := func() {
					see(collector, "example.org", dkim, func(r *checks.Round) {
						for selector, problem := range c.keys {
							if p := r.Part(selector, checks.HoldRecords); problem != "" {
								p.Find(problem, "", catalog.Text{EN: "seen"})
							}
						}
					})
				}
				if dkimFirst {
					seeKeys()
				}
				see(collector, "example.org", spf, func(r *checks.Round) {
					r.Part("record", checks.HoldRecords).Find("spf_missing", "", catalog.Text{EN: "seen"})
				})
				if !dkimFirst {
					seeKeys()
				}
				problems := collector.Snapshots()[0].Problems
				i := slices.IndexFunc(problems, func(p Problem) bool { return p.ID == "spf_missing" })
				if i < 0 || problems[i].Severity != c.want {
					t.Errorf("%s, DKIM first %v: %+v, want %s", name, dkimFirst, problems, c.want)
				}
			})
		}
	}
}

// TestNoDomain: of a domain that does not exist that is all that is said, whichever check ran first; once it exists, its records count again.
func TestNoDomain(t *testing.T) {
	for _, mxFirst := range []bool{true, false} {
		var exists atomic.Bool
		j := &journal{}
		mx := j.fake("mx", func(_ context.Context, r *checks.Round) error {
			if p := r.Part("mx", checks.HoldRecords); !exists.Load() {
				p.Find("mx_no_domain", catalog.SeverityCritical, catalog.Text{})
			}
			return nil
		})
		missing := func(check string) *checks.Check {
			return j.fake(check, func(_ context.Context, r *checks.Round) error {
				r.Part(check, checks.HoldRecords).Find(check+"_missing", catalog.SeverityWarning, catalog.Text{})
				return nil
			})
		}
		cfg := config(domain("example.org", "mx", time.Hour, "spf", 24*time.Hour, "dmarc", 24*time.Hour))
		order := []*checks.Check{mx, missing("spf"), missing("dmarc")}
		if !mxFirst {
			slices.Reverse(order)
		}
		bubble(t, func() *Collector { return collectorOf(t, cfg, order...) }, func(c *Collector, _ time.Time) {
			problems := func() (out []string) {
				for _, p := range c.Target("example.org").Problems {
					out = append(out, p.ID)
				}
				slices.Sort(out)
				return out
			}
			sleep(time.Minute)
			if got := problems(); !slices.Equal(got, []string{"mx_no_domain"}) {
				t.Errorf("mx first %t: problems %v", mxFirst, got)
			}
			want(t, text(t, c, "check_conclusive"), `check_conclusive{check="mx",target="example.org"} 1`)
			exists.Store(true)
			sleep(2 * time.Hour)
			if got := problems(); !slices.Equal(got, []string{"dmarc_missing", "spf_missing"}) {
				t.Errorf("mx first %t: problems of a domain that exists now: %v", mxFirst, got)
			}
		})
	}
}

// TestUnexplained: bulk_not_met stays silent about what another problem beside it says, and about nothing else.
func TestUnexplained(t *testing.T) {
	requirement := func(list ...string) Problem {
		p := Problem{Check: "bulk", ID: "bulk_not_met", Severity: catalog.SeverityWarning}
		for _, r := range list {
			p.Evidence, p.Values = append(p.Evidence, catalog.Text{EN: r, RU: r}), append(p.Values, catalog.Values{catalog.ValueRequirement: r})
		}
		return p
	}
	fault := func(check, id string, severity catalog.Severity) Problem {
		return Problem{Check: check, ID: id, Severity: severity}
	}
	sender := &Snapshot{
		Target:   &targets.Target{Name: "203.0.113.9", Kind: targets.KindSender, Sender: &targets.Sender{}},
		Problems: []Problem{fault("rdns", "rdns_missing", catalog.SeverityWarning)},
	}
	accepted := fault("spf", "spf_missing", catalog.SeverityWarning)
	accepted.Ignored = &targets.Ignore{}
	for name, c := range map[string]struct {
		problem Problem
		beside  []Problem
		others  []*Snapshot
		want    []string
	}{
		"told":                 {requirement("spf"), []Problem{fault("spf", "spf_missing", catalog.SeverityWarning)}, nil, nil},
		"half of it told":      {requirement("spf", "sender_domain"), []Problem{fault("spf", "spf_missing", catalog.SeverityWarning)}, nil, []string{"sender_domain"}},
		"of another check":     {requirement("dkim"), []Problem{fault("spf", "spf_missing", catalog.SeverityWarning)}, nil, []string{"dkim"}},
		"accepted":             {requirement("spf"), []Problem{accepted}, nil, []string{"spf"}},
		"for information":      {requirement("dmarc"), []Problem{fault("dmarc", "dmarc_policy_none", catalog.SeverityInfo)}, nil, []string{"dmarc"}},
		"no such domain":       {requirement("sender_domain"), []Problem{fault("mx", "mx_no_domain", catalog.SeverityCritical)}, nil, nil},
		"on the sender":        {requirement("ptr"), nil, []*Snapshot{sender}, nil},
		"the sender elsewhere": {requirement("ptr"), nil, nil, []string{"ptr"}},
		"another problem":      {fault("spf", "spf_missing", catalog.SeverityWarning), nil, nil, nil},
	} {
		s := &Snapshot{
			Target:   &targets.Target{Name: "example.org", Kind: targets.KindDomain, Domain: &targets.Domain{Senders: []string{"203.0.113.9"}}},
			Problems: append(c.beside, c.problem),
		}
		got, left := s.Unexplained(c.problem, c.others)
		if wantLeft := c.want != nil || c.problem.ID != "bulk_not_met"; left != wantLeft || english(got.Evidence, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: %v %v, want %v", name, got.Evidence, left, c.want)
		}
	}
}
