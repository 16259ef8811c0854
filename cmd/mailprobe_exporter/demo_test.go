package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
)

// TestDemo runs the demo as a user does, and reads what Prometheus would.
func TestDemo(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	sick := sicknesses(t)
	d := startProgram(t, &http.Transport{}, "demo")
	defer d.stop(os.Interrupt)

	d.until("ready", func() bool {
		status, _, _ := d.get("/-/ready", "")
		return status == http.StatusOK
	})
	var m metrics
	d.until("seeing every server and every sickness", func() bool {
		m = d.scrape()
		return len(m.unseenServers()) == 0 && len(m.missing(sick)) == 0
	})

	// What is wrong shows where it belongs, and nothing else is wrong.
	expected := map[string]bool{}
	for _, series := range shownBy(sick) {
		if _, of, err := selector(series); err != nil {
			t.Error(err)
		} else if of["problem"] != "" {
			expected[of["target"]+" "+of["problem"]] = true
		}
	}
	for _, s := range m["mailprobe_problem"].GetMetric() {
		of := labelsOf(s)
		if key := of["target"] + " " + of["problem"]; of["severity"] != "info" && !expected[key] {
			t.Errorf("problem %s (%s) is none of the demo's", key, of["severity"])
		}
	}
	m.wantBudgets(t)
	m.wantLint(t)
	wantOpenMetrics(t, d)

	_, config, _ := d.get("/config", "")
	if !strings.Contains(config, "healthy.example") {
		t.Errorf("/config does not name the healthy domain:\n%s", config)
	}
	out := d.stop(os.Interrupt)
	for _, s := range sick {
		if !strings.Contains(out, s.Target) || !strings.Contains(out, s.What) {
			t.Errorf("the demo does not say of %s: %s", s.Target, s.What)
		}
	}
	if !strings.Contains(out, "/metrics") {
		t.Error("the demo does not say where the metrics are")
	}
}

// sicknesses are those of a world of the same making.
func sicknesses(t *testing.T) []mailworld.Sickness {
	t.Helper()
	w, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Demo(); err != nil {
		t.Fatal(err)
	}
	if len(w.Sicknesses()) < 15 {
		t.Fatalf("only %d sicknesses", len(w.Sicknesses()))
	}
	return w.Sicknesses()
}

// metrics are the families of one scrape by name.
type metrics map[string]*dto.MetricFamily

func (p *program) scrape() metrics {
	p.t.Helper()
	status, body, _ := p.get("/metrics", "text/plain")
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil || status != http.StatusOK {
		p.t.Fatalf("/metrics: status %d, %v", status, err)
	}
	return families
}

func labelsOf(m *dto.Metric) map[string]string {
	out := map[string]string{}
	for _, l := range m.Label {
		out[l.GetName()] = l.GetValue()
	}
	return out
}

// unseenServers are the targets of kind server that no session has come of yet.
func (m metrics) unseenServers() map[string]bool {
	unseen := map[string]bool{}
	for _, s := range m["mailprobe_mx_info"].GetMetric() {
		unseen[labelsOf(s)["server"]] = true
	}
	for _, s := range m["mailprobe_target_info"].GetMetric() {
		if of := labelsOf(s); of["kind"] == "server" {
			unseen[of["target"]] = true
		}
	}
	for _, s := range m["mailprobe_smtp_up"].GetMetric() {
		delete(unseen, labelsOf(s)["target"])
	}
	return unseen
}

// shownBy are the series that show the sicknesses.
func shownBy(sick []mailworld.Sickness) (out []string) {
	for _, s := range sick {
		out = append(out, s.Series)
		if s.Also != "" {
			out = append(out, s.Also)
		}
	}
	return out
}

// missing are the series of the sicknesses that do not show.
func (m metrics) missing(sick []mailworld.Sickness) (out []string) {
	for _, series := range shownBy(sick) {
		name, want, err := selector(series)
		shown := err == nil && slices.ContainsFunc(m[name].GetMetric(), func(s *dto.Metric) bool {
			of := labelsOf(s)
			for l, v := range want {
				if of[l] != v {
					return false
				}
			}
			return s.GetGauge().GetValue() == 1 || s.GetUntyped().GetValue() == 1
		})
		if !shown {
			out = append(out, series)
		}
	}
	return out
}

var selectorForm = regexp.MustCompile(`(\w+)=("(?:[^"\\]|\\.)*")`)

// selector reads `name{label="value",...}`.
func selector(text string) (name string, labels map[string]string, err error) {
	name, rest, _ := strings.Cut(text, "{")
	labels = map[string]string{}
	for _, pair := range selectorForm.FindAllStringSubmatch(rest, -1) {
		if labels[pair[1]], err = strconv.Unquote(pair[2]); err != nil {
			return "", nil, err
		}
	}
	if len(labels) == 0 {
		return "", nil, fmt.Errorf("no labels in %q", text)
	}
	return name, labels, nil
}

// wantBudgets holds every target to the number of series it may cost.
func (m metrics) wantBudgets(t *testing.T) {
	t.Helper()
	series, addresses := map[string]int{}, map[string]map[string]bool{}
	for name, f := range m {
		if !strings.HasPrefix(name, "mailprobe_") {
			continue
		}
		for _, s := range f.Metric {
			of := labelsOf(s)
			target := of["target"]
			series[target]++
			if a := of["address"]; a != "" {
				if addresses[target] == nil {
					addresses[target] = map[string]bool{}
				}
				addresses[target][a] = true
			}
		}
	}
	lists := len(m["mailprobe_dnsbl_state"].GetMetric())
	kinds := map[string]int{}
	for _, s := range m["mailprobe_target_info"].GetMetric() {
		of := labelsOf(s)
		target, kind := of["target"], of["kind"]
		kinds[kind]++
		most := map[string]int{"domain": 60, "server": 60 * len(addresses[target]), "sender": 30 + lists}[kind]
		if n := series[target]; n > most || n == 0 {
			t.Errorf("%s %s has %d series, at most %d are allowed", kind, target, n, most)
		}
	}
	for _, kind := range []string{"domain", "server", "sender"} {
		if kinds[kind] < 15 {
			t.Errorf("only %d targets of kind %s", kinds[kind], kind)
		}
	}
}

// wantLint is promtool check metrics.
func (m metrics) wantLint(t *testing.T) {
	t.Helper()
	problems, err := promlint.NewWithMetricFamilies(slices.Collect(maps.Values(m))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p.Metric == "mailprobe_dkim_key_bits" {
			continue // The linter takes it for an amount of data. Keys are measured in bits.
		}
		t.Errorf("lint: %s: %s", p.Metric, p.Text)
	}
}

var openMetricsSample = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)( [0-9.]+)?( # \{.*)?$`)

// wantOpenMetrics reads the response as the OpenMetrics specification defines it: families in one piece, each begun by its
// type, names with the suffix of their type, no series twice, an end.
func wantOpenMetrics(t *testing.T, d *program) {
	t.Helper()
	_, body, contentType := d.get("/metrics", "application/openmetrics-text; version=1.0.0")
	if !strings.HasPrefix(contentType, "application/openmetrics-text") {
		t.Fatalf("content type %q", contentType)
	}
	text, ended := strings.CutSuffix(body, "# EOF\n")
	if !ended {
		t.Error("the response does not end in # EOF")
	}
	suffixes := map[string][]string{
		"gauge": {""}, "unknown": {""}, "info": {"_info"}, "counter": {"_total", "_created"}, "summary": {"", "_count", "_sum", "_created"},
		"histogram": {"_bucket", "_count", "_sum", "_created"},
	}
	family, kind := "", ""
	families, series := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if f := strings.SplitN(line, " ", 4); f[0] == "#" && len(f) == 4 {
			if f[1] == "TYPE" || f[1] == "HELP" && f[2] != family {
				if f[2] != family && families[f[2]] {
					t.Errorf("family %s comes in pieces", f[2])
				}
				families[f[2]], family = true, f[2]
			}
			if f[1] == "TYPE" {
				kind = f[3]
			}
			continue
		}
		s := openMetricsSample.FindStringSubmatch(line)
		if s == nil {
			t.Errorf("not a sample: %q", line)
			continue
		}
		if _, err := strconv.ParseFloat(s[3], 64); err != nil {
			t.Errorf("not a value: %q", line)
		}
		suffix, ours := strings.CutPrefix(s[1], family)
		if !ours || !slices.Contains(suffixes[kind], suffix) {
			t.Errorf("series %s in the family %s, a %s", s[1], family, kind)
		}
		if series[s[1]+s[2]] {
			t.Errorf("series %s%s comes twice", s[1], s[2])
		}
		series[s[1]+s[2]] = true
	}
	if len(series) < 1000 {
		t.Errorf("only %d series", len(series))
	}
}
