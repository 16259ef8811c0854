package collector

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// see puts what a check saw into a target's snapshot, as a round does.
func see(c *Collector, target string, check *checks.Check, fill func(*checks.Round)) {
	r := &checks.Round{}
	fill(r)
	c.mu.Lock()
	st := c.states[target]
	c.mu.Unlock()
	c.learn(st, check, time.Now(), &r.Result, nil)
}

// TestExposition takes the whole response through what a registry, its linter and a parser demand.
func TestExposition(t *testing.T) {
	j := &journal{}
	smtp := j.fake("smtp", nil)
	a, b, d := server("a.example.org:25", "smtp", time.Hour), server("b.example.org:25", "smtp", time.Hour), domain("example.org", "smtp", time.Hour)
	a.Labels = map[string]string{"team": "mail", "kind": "clash", "not a label": "x", "Zone": "eu"}
	b.Labels = map[string]string{"owner_team": "ops"}
	b.Foreign = true
	d.Domain.Senders = []string{"203.0.113.9", "out.example.org", "203.0.113.9"}
	cfg := config(a, b, d)
	cfg.AlertLabels = []string{"team"}
	cfg.Files = []targets.FileState{{Path: "/etc/mailprobe_exporter/targets/a.yml", OK: true}, {Path: "/etc/mailprobe_exporter/targets/b.yml"}}
	c := collectorOf(t, cfg, smtp)
	for _, name := range []string{"a.example.org:25", "b.example.org:25"} {
		see(c, name, smtp, func(r *checks.Round) {
			p := r.Part("x", checks.HoldReplies)
			p.EmitBool(fakeUp, true, "192.0.2.1")
			p.EmitBool(fakeUp, false, "2001:db8::1")
			p.Emit(fakeState, 1, "spamhaus") // The same fact, seen twice.
			p.Find("smtp_refused", "", catalog.Text{})
		})
	}
	got := text(t, c, "target_info", "sender_info", "problem", "fake_up", "fake_state", "check_conclusive", "config_file_last_load_successful", "config_last_reload_successful", "series", "series_dropped_total")
	want(t, got, `
check_conclusive{check="smtp",target="a.example.org:25"} 1
check_conclusive{check="smtp",target="b.example.org:25"} 1
config_file_last_load_successful{file="/etc/mailprobe_exporter/targets/a.yml"} 1
config_file_last_load_successful{file="/etc/mailprobe_exporter/targets/b.yml"} 0
config_last_reload_successful{} 1
fake_state{list="spamhaus"} 1
fake_up{address="192.0.2.1",target="a.example.org:25"} 1
fake_up{address="2001:db8::1",target="a.example.org:25"} 0
fake_up{address="192.0.2.1",target="b.example.org:25"} 1
fake_up{address="2001:db8::1",target="b.example.org:25"} 0
problem{check="smtp",problem="smtp_refused",severity="warning",target="a.example.org:25",team="mail"} 1
problem{check="smtp",problem="smtp_refused",severity="info",target="b.example.org:25"} 1
sender_info{sender="203.0.113.9",target="example.org"} 1
sender_info{sender="out.example.org",target="example.org"} 1
series{} 18
series_dropped_total{} 0
target_info{Zone="eu",kind="server",module="server",owner="own",role="mx",source="config",target="a.example.org:25",team="mail"} 1
target_info{kind="server",module="server",owner="foreign",owner_team="ops",role="mx",source="config",target="b.example.org:25"} 1
target_info{kind="domain",module="domain",owner="",role="",source="config",target="example.org"} 1
`)

	families, err := c.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) }) {
		t.Error("families are not sorted")
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if !slices.IsSortedFunc(m.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) }) {
				t.Errorf("%s: labels are not sorted: %v", f.GetName(), m.Label)
			}
		}
	}
	// Merging gatherers checks every metric as a registry does: UTF-8, types, duplicates.
	if _, err := (prometheus.Gatherers{c}).Gather(); err != nil {
		t.Error(err)
	}
	pedantic := prometheus.NewPedanticRegistry()
	pedantic.MustRegister(&replay{families})
	if _, err := pedantic.Gather(); err != nil {
		t.Error(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, namespace) {
			t.Errorf("lint: %s: %s", p.Metric, p.Text)
		}
	}
	for _, format := range []expfmt.Format{expfmt.NewFormat(expfmt.TypeTextPlain), expfmt.NewFormat(expfmt.TypeOpenMetrics), expfmt.NewFormat(expfmt.TypeProtoDelim)} {
		var out bytes.Buffer
		e := expfmt.NewEncoder(&out, format)
		for _, f := range families {
			if err := e.Encode(f); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
		if format.FormatType() == expfmt.TypeTextPlain {
			parser := expfmt.NewTextParser(model.LegacyValidation)
			parsed, err := parser.TextToMetricFamilies(&out)
			if err != nil || len(parsed) != len(families) {
				t.Errorf("%d families parsed of %d: %v", len(parsed), len(families), err)
			}
		}
	}
}

// A replay collects finished families, so that a pedantic registry judges them. Descriptions
// of one name must agree on the labels there, so labels that only some targets have are left empty on the others.
type replay struct{ families []*dto.MetricFamily }

func (r *replay) each(f func(*dto.MetricFamily, *prometheus.Desc, []string)) {
	for _, family := range r.families {
		if !strings.HasPrefix(family.GetName(), namespace) || family.GetType() == dto.MetricType_HISTOGRAM {
			continue
		}
		union := map[string]bool{}
		for _, m := range family.Metric {
			for _, l := range m.Label {
				union[l.GetName()] = true
			}
		}
		names := slices.Sorted(maps.Keys(union))
		f(family, prometheus.NewDesc(family.GetName(), family.GetHelp(), names, nil), names)
	}
}

func (r *replay) Describe(ch chan<- *prometheus.Desc) {
	r.each(func(_ *dto.MetricFamily, d *prometheus.Desc, _ []string) { ch <- d })
}

func (r *replay) Collect(ch chan<- prometheus.Metric) {
	r.each(func(f *dto.MetricFamily, d *prometheus.Desc, names []string) {
		for _, m := range f.Metric {
			values := make([]string, len(names))
			for _, l := range m.Label {
				values[slices.Index(names, l.GetName())] = l.GetValue()
			}
			kind, v := prometheus.GaugeValue, m.Gauge.GetValue()
			if m.Counter != nil {
				kind, v = prometheus.CounterValue, m.Counter.GetValue()
			}
			ch <- prometheus.MustNewConstMetric(d, kind, v, values...)
		}
	})
}

// TestBadSeries: one bad series is dropped, counted and logged once, and costs nothing else.
func TestBadSeries(t *testing.T) {
	undeclared := &checks.Metric{Name: "undeclared", Labels: []string{"address"}}
	for _, c := range []struct {
		name    string
		samples func(*checks.Part)
		dropped int
		kept    int // Of fake_up.
	}{
		{"not UTF-8", func(p *checks.Part) { p.Emit(fakeUp, 1, "mx\xff.example.org") }, 1, 1},
		{"not declared", func(p *checks.Part) { p.Emit(undeclared, 1, "192.0.2.1") }, 1, 1},
		{"too many labels", func(p *checks.Part) {
			p.Samples = append(p.Samples, checks.Sample{Metric: fakeUp, Labels: []string{"a", "b"}})
		}, 1, 1},
		{"twice", func(p *checks.Part) { p.Emit(fakeUp, 0, "good") }, 1, 1},
		{"twice with others around", func(p *checks.Part) {
			p.Emit(fakeUp, 0, "before")
			p.Emit(fakeUp, 0, "good")
			p.Emit(fakeUp, 0, "after")
		}, 1, 3},
		{"too many", func(p *checks.Part) {
			for i := range 3000 {
				p.Emit(fakeUp, 1, fmt.Sprint("n", i))
			}
		}, 3001 - maxSeries, maxSeries},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			j := &journal{}
			smtp := j.fake("smtp", nil)
			col := loggedCollector(t, slog.New(slog.NewTextHandler(&log, nil)), config(server("a.example.org:25", "smtp", time.Hour)), smtp)
			for range 2 {
				see(col, "a.example.org:25", smtp, func(r *checks.Round) {
					r.Part("good", checks.HoldReplies).EmitBool(fakeUp, true, "good")
					c.samples(r.Part("bad", checks.HoldReplies))
				})
			}
			want(t, text(t, col, "series_dropped_total"), fmt.Sprint("series_dropped_total{} ", 2*c.dropped))
			up := text(t, col, "fake_up")
			if n := strings.Count(up, "\n"); n != c.kept {
				t.Errorf("%d series kept, want %d:\n%s", n, c.kept, up)
			}
			if !strings.Contains(up, `fake_up{address="good",target="a.example.org:25"} 1`) {
				t.Errorf("the good series is missing:\n%s", up)
			}
			if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
				t.Errorf("logged %d times, want once:\n%s", n, log.String())
			}
			if _, err := (prometheus.Gatherers{col}).Gather(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestExclude leaves metrics out, of targets and of the exporter itself.
func TestExclude(t *testing.T) {
	j := &journal{}
	smtp := j.fake("smtp", nil)
	cfg := config(server("a.example.org:25", "smtp", time.Hour))
	cfg.Metrics.Exclude = []string{"fake_up", "probes_total"}
	c := collectorOf(t, cfg, smtp)
	see(c, "a.example.org:25", smtp, func(r *checks.Round) { r.Part("x", checks.HoldReplies).EmitBool(fakeUp, true, "192.0.2.1") })
	if got := text(t, c, "fake_up", "probes_total"); got != "" {
		t.Errorf("excluded and there: %s", got)
	}
	// target_info of the server, and check_* of smtp.
	want(t, text(t, c, "series"), "series{} 4")
}

// TestHoldEndsAtScrape: what is held goes in time even when no round comes.
func TestHoldEndsAtScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		smtp := j.fake("smtp", nil)
		c := collectorOf(t, config(server("a.example.org:25", "smtp", 5*time.Minute)), smtp)
		see(c, "a.example.org:25", smtp, func(r *checks.Round) {
			p := r.Part("x", checks.HoldReplies)
			p.EmitBool(fakeUp, true, "192.0.2.1")
			p.Find("smtp_refused", "", catalog.Text{})
		})
		time.Sleep(5 * time.Minute)
		see(c, "a.example.org:25", smtp, func(r *checks.Round) { r.Part("x", checks.HoldReplies).Unknown = checks.ErrNoRoute })
		time.Sleep(10*time.Minute - time.Second)
		if got := text(t, c, "fake_up", "problem"); strings.Count(got, "\n") != 2 {
			t.Errorf("not held: %q", got)
		}
		time.Sleep(time.Second)
		if got := text(t, c, "fake_up", "problem"); got != "" {
			t.Errorf("held too long: %q", got)
		}
		want(t, text(t, c, "check_conclusive"), `check_conclusive{check="smtp",target="a.example.org:25"} 0`)
	})
}

// TestCheckInterval: rules look up how old a verdict may become.
func TestCheckInterval(t *testing.T) {
	j := &journal{}
	c := collectorOf(t, config(
		server("a.example.org:25", "smtp", 5*time.Minute, "relay", 24*time.Hour),
		server("b.example.org:25", "smtp", time.Hour),
		domain("example.org", "spf", 15*time.Minute),
	), j.fake("smtp", nil), j.fake("relay", nil), j.fake("spf", nil))
	want(t, text(t, c, "check_interval_seconds"), `
check_interval_seconds{check="relay",module="server"} 86400
check_interval_seconds{check="smtp",module="server"} 3600
check_interval_seconds{check="spf",module="domain"} 900`)
}

// TestOwnMetrics: what the documentation lists is what a scrape gives.
func TestOwnMetrics(t *testing.T) {
	c := collectorOf(t, config())
	listed := map[string]bool{}
	for _, m := range OwnMetrics() {
		if m.Help == "" || listed[m.Name] {
			t.Errorf("%s: without help, or listed twice", m.Name)
		}
		listed[m.Name] = true
	}
	families, err := c.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if name, ours := strings.CutPrefix(f.GetName(), namespace); ours && !listed[name] {
			t.Errorf("%s is not in the documentation", name)
		}
	}
}

// TestProbeDuration: the histogram has buckets of both kinds, for those who scrape native ones and those who do not.
func TestProbeDuration(t *testing.T) {
	c := collectorOf(t, config())
	c.self.observe("smtp", conclusive, 70*time.Millisecond)
	families, err := c.Gather()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == namespace+probeDuration.Name })
	if i < 0 {
		t.Fatal("there is no such metric")
	}
	if h := families[i].Metric[0].GetHistogram(); h.GetSampleCount() != 1 || len(h.Bucket) == 0 || len(h.PositiveSpan) == 0 {
		t.Errorf("want classic and native buckets, got %v", h)
	}
}
