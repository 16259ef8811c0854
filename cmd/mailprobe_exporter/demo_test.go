package main

import (
	"fmt"
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

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
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
	m.wantNothingElse(t, sick)
	m.wantHealth(t)
	m.wantBudgets(t)
	m.wantLint(t)
	wantOpenMetrics(t, d)

	_, config, _ := d.get("/config", "")
	if !strings.Contains(config, "healthy.example") {
		t.Errorf("/config does not name the healthy domain:\n%s", config)
	}
	out := d.stop(os.Interrupt)
	for _, s := range sick {
		if !strings.Contains(out, s.Target) || !strings.Contains(out, s.Problem) || !strings.Contains(out, s.What) {
			t.Errorf("the demo does not say of %s that it has %s: %s", s.Target, s.Problem, s.What)
		}
	}
	if !strings.Contains(out, "/metrics") {
		t.Error("the demo does not say where the metrics are")
	}
}

// notPlanted are the problems that nothing in the demo has.
var notPlanted = map[string]string{
	"vantage_clock":             "most policy hosts would have to tell another time, and every certificate's dates would look wrong with it",
	"vantage_tls_intercepted":   "no certificate of anybody unrelated would verify",
	"vantage_ipv4":              "nothing could be probed without a route for IPv4",
	"vantage_ipv6":              "the healthy server's second address could not be probed without a route for IPv6",
	"vantage_egress_25":         "no server would be known to be unreachable",
	"vantage_resolver":          "nothing would be known without DNS",
	"vantage_resolver_rewrites": "no listing would be believed",
	"vantage_resolver_public":   "the resolver is on loopback",
}

// TestDemoIsComplete holds the demo to having a patient for each problem that a check finds.
func TestDemoIsComplete(t *testing.T) {
	planted := map[string]bool{}
	for _, s := range sicknesses(t) {
		planted[s.Problem] = true
	}
	for _, p := range catalog.Problems() {
		_, excused := notPlanted[p.ID]
		switch {
		case checks.ByName(p.Check) != nil && !planted[p.ID] && !excused:
			t.Errorf("nothing in the demo has %s", p.ID)
		case planted[p.ID] && excused:
			t.Errorf("%s is in the demo, and among those that are not", p.ID)
		}
		delete(planted, p.ID)
	}
	for id := range planted {
		t.Errorf("the catalogue does not know %s", id)
	}
	for id, why := range notPlanted {
		if _, known := catalog.ProblemByID(id); !known || why == "" {
			t.Errorf("%s is excused for %q, and is it a problem: %t", id, why, known)
		}
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
	if len(w.Sicknesses()) < 100 {
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

// unseenServers are the targets of kind server that the check smtp has no verdict of yet.
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
	for _, s := range m["mailprobe_check_conclusive"].GetMetric() {
		if of := labelsOf(s); of["check"] == "smtp" && s.GetGauge().GetValue() == 1 {
			delete(unseen, of["target"])
		}
	}
	return unseen
}

// problems are the targets' problems that show, each as target and id.
func (m metrics) problems() map[string]bool {
	shown := map[string]bool{}
	for _, s := range m["mailprobe_problem"].GetMetric() {
		of := labelsOf(s)
		shown[of["target"]+" "+of["problem"]] = true
	}
	return shown
}

// missing are the sicknesses that do not show.
func (m metrics) missing(sick []mailworld.Sickness) (out []mailworld.Sickness) {
	shown := m.problems()
	for _, s := range sick {
		if !s.Later && !shown[s.Target+" "+s.Problem] {
			out = append(out, s)
		}
	}
	return out
}

// wantNothingElse holds the demo to what is planned: no other problem, and no check without a verdict.
func (m metrics) wantNothingElse(t *testing.T, sick []mailworld.Sickness) {
	t.Helper()
	planned := map[string]bool{}
	for _, s := range sick {
		planned[s.Target+" "+s.Problem] = true
	}
	for shown := range m.problems() {
		if !planned[shown] {
			t.Errorf("the problem %s is not planned", shown)
		}
	}
	for _, s := range m["mailprobe_check_conclusive"].GetMetric() {
		// Of a domain with wrong signatures a validating resolver tells nothing.
		if of := labelsOf(s); s.GetGauge().GetValue() != 1 && of["target"] != "bogus.example" {
			t.Errorf("check %s of %s has no verdict", of["check"], of["target"])
		}
	}
}

// wantHealth looks at what is good in the demo, of which no problem tells.
func (m metrics) wantHealth(t *testing.T) {
	t.Helper()
	for _, series := range []string{
		`mailprobe_smtp_up{target="mx1.healthy.example:25",address="192.0.2.10"}`,
		`mailprobe_smtp_up{target="mx1.healthy.example:25",address="2001:db8::19"}`,
		`mailprobe_smtp_reply{target="mx1.healthy.example:25",stage="rcpt",code="250"}`,
		`mailprobe_dane_match{target="mx1.healthy.example:25",address="192.0.2.10"}`,
		`mailprobe_dane_match{target="mx2.healthy.example:25"}`,
		`mailprobe_rdns_forward_confirmed{target="mx1.healthy.example:25",address="2001:db8::19"}`,
		`mailprobe_smtp_reply{target="smtp.healthy.example:587",stage="auth",code="235"}`,
		`mailprobe_smtp_reply{target="smtp.healthy.example:465",stage="auth",code="235"}`,
		`mailprobe_smtp_relay{target="smtp.healthy.example:587",result="refused"}`,
		`mailprobe_dnssec_secure{target="healthy.example"}`,
		`mailprobe_mta_sts_valid{target="healthy.example"}`,
		`mailprobe_mta_sts_mode{target="healthy.example",mode="enforce"}`,
		`mailprobe_tls_rpt_valid{target="healthy.example"}`,
		`mailprobe_bimi_valid{target="healthy.example"}`,
		`mailprobe_dkim_key_valid{target="healthy.example"}`,
		`mailprobe_dmarc_policy{target="healthy.example",policy="reject"}`,
		`mailprobe_spf_result{target="healthy.example",sender="203.0.113.10",identity="mailfrom",result="pass"}`,
		`mailprobe_spf_result{target="203.0.113.10",identity="helo",result="pass"}`,
		`mailprobe_mx_null{target="parked.example"}`,
		`mailprobe_dmarc_policy{target="parked.example",policy="reject",subdomain_policy="reject"}`,
	} {
		if !m.shows(t, series) {
			t.Errorf("%s is not 1", series)
		}
	}
}

// shows reports whether a series that a selector names is 1.
func (m metrics) shows(t *testing.T, text string) bool {
	t.Helper()
	name, want, err := selector(text)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(m[name].GetMetric(), func(s *dto.Metric) bool {
		of := labelsOf(s)
		for l, v := range want {
			if of[l] != v {
				return false
			}
		}
		return s.GetGauge().GetValue() == 1
	})
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

// wantBudgets holds every target to the number of series it may cost. Those that a domain has for each of its servers and
// senders, and for each blocklist, come on top, and so does what is wrong.
func (m metrics) wantBudgets(t *testing.T) {
	t.Helper()
	domains := map[string]bool{}
	for _, s := range m["mailprobe_target_info"].GetMetric() {
		of := labelsOf(s)
		domains[of["target"]] = of["kind"] == "domain"
	}
	series, addresses := map[string]int{}, map[string]map[string]bool{}
	for name, f := range m {
		if !strings.HasPrefix(name, "mailprobe_") || name == "mailprobe_problem" {
			continue
		}
		for _, s := range f.Metric {
			of := labelsOf(s)
			target := of["target"]
			if own := of["server"] + of["sender"] + of["list"]; !domains[target] || own == "" {
				series[target]++
			}
			if a := of["address"]; a != "" {
				if addresses[target] == nil {
					addresses[target] = map[string]bool{}
				}
				addresses[target][a] = true
			}
		}
	}
	declared := map[string]int{} // Checks that a server gets only where the operator asks for them.
	for _, s := range m["mailprobe_check_conclusive"].GetMetric() {
		if of := labelsOf(s); slices.Contains([]string{"recipient", "auth", "relay"}, of["check"]) {
			declared[of["target"]]++
		}
	}
	lists := len(m["mailprobe_dnsbl_state"].GetMetric())
	kinds := map[string]int{}
	for _, s := range m["mailprobe_target_info"].GetMetric() {
		of := labelsOf(s)
		target, kind := of["target"], of["kind"]
		kinds[kind]++
		most := map[string]int{"domain": 60, "server": 60*max(1, len(addresses[target])) + 8*declared[target], "sender": 30 + lists}[kind]
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

// wantLint is promtool check metrics. It compares the series of a family with each other, which would take minutes with all of them:
// that none comes twice is seen in wantOpenMetrics.
func (m metrics) wantLint(t *testing.T) {
	t.Helper()
	var few []*dto.MetricFamily
	for _, f := range m {
		few = append(few, &dto.MetricFamily{Name: f.Name, Help: f.Help, Type: f.Type, Unit: f.Unit, Metric: f.Metric[:min(len(f.Metric), 10)]})
	}
	problems, err := promlint.NewWithMetricFamilies(few).Lint()
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
