package dashboards

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// A sample is one series in the test of a rule. The test has four phases: nothing is known, all is well, the fault, and all is
// well again. A value is a number, "" for no sample, a stamp, or one of the words below.
type sample struct {
	metric string // Without the prefix; "up" as it is.
	labels string
	well   string // While all is well.
	fault  string
	before string // While all is well before the fault, and never again.
	always string // In all phases.
	once   bool   // It is one exporter's: its labels have the instance.
	only   bool   // The test has nothing else in it.
}

const (
	clock  = "clock"  // The time, as of a check that has just run.
	grows  = "grows"  // A counter that does.
	stands = "stands" // A counter that does not.
)

// stamp is a Unix time, from the beginning of the fault.
func stamp(d time.Duration) string { return fmt.Sprintf("@%d", seconds(d)) }

// The phases of a test, in minutes.
const (
	unknownUntil = 5
	wellUntil    = 15
)

// A timeline says when in a test an alert has to fire. All alerts of one test have the same.
type timeline struct{ wait, keep, delay, linger int }

func timelineOf(a *alert) timeline {
	return timeline{minutes(a.pace.wait), minutes(a.pace.keep), minutes(a.delay), minutes(a.linger)}
}

// minutes rounds up: a test looks once a minute.
func minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }

func (t timeline) fires() int    { return wellUntil + t.delay + t.wait + 2 }
func (t timeline) faultEnd() int { return t.fires() + 2 }
func (t timeline) over() int     { return t.faultEnd() + t.linger + t.keep + 2 }

// testsFile is alerts_test.yml. Every alert has to fire after its time and no sooner, alone; to stay while it should; to end; and
// to keep still while all is well or unknown. Every fault is seen by two exporters and once more by /probe, and is one alert.
func (m *maker) testsFile() []byte {
	var b strings.Builder
	b.WriteString(m.header("Tests of alerts.yml: promtool test rules alerts_test.yml"))
	b.WriteString("rule_files: [alerts.yml]\nevaluation_interval: 1m\ntests:\n")
	type set struct {
		timeline
		group string
	}
	sets := map[set][]alert{}
	var order []set
	for _, g := range m.groups() {
		for _, a := range g.alerts {
			s := set{timelineOf(&a), "mailprobe"}
			if len(a.also) > 0 || a.cases[0].only {
				s.group = a.name
			}
			if sets[s] == nil {
				order = append(order, s)
			}
			sets[s] = append(sets[s], a)
		}
	}
	for _, s := range order {
		m.writeTest(&b, s.timeline, sets[s])
	}
	return []byte(b.String())
}

func (m *maker) writeTest(b *strings.Builder, t timeline, alerts []alert) {
	var firing []string
	var names []string
	for _, a := range alerts {
		names = append(names, a.name)
		firing = append(firing, a.also...)
		firing = append(firing, fmt.Sprintf("alertname=%q,%s", a.name, a.fires))
	}
	fmt.Fprintf(b, "  # %s\n", strings.Join(names, ", "))
	b.WriteString("  - interval: 1m\n    input_series:\n")
	seen := map[string]bool{}
	add := func(series, values string) {
		if !seen[series] {
			fmt.Fprintf(b, "      - series: '%s'\n        values: '%s'\n", series, values)
		}
		seen[series] = true
	}
	for _, a := range alerts {
		for _, s := range a.cases {
			for _, place := range m.places(&s) {
				add(s.name()+"{"+place+","+s.labels+"}", s.values(t))
			}
		}
	}
	if !alerts[0].cases[0].only {
		for _, s := range healthy() {
			for _, place := range m.places(&s) {
				add(s.name()+"{"+strings.Trim(place+","+s.labels, ",")+"}", s.values(t))
			}
		}
	}
	b.WriteString("    promql_expr_test:\n")
	look := func(minute int, alerts []string) {
		fmt.Fprintf(b, "      - expr: ALERTS{alertstate=\"firing\"}\n        eval_time: %dm\n        exp_samples:", minute)
		if len(alerts) == 0 {
			b.WriteString(" []\n")
			return
		}
		b.WriteString("\n")
		for _, labels := range alerts {
			fmt.Fprintf(b, "          - labels: 'ALERTS{alertstate=\"firing\",%s}'\n            value: 1\n", labels)
		}
	}
	look(unknownUntil-1, nil)
	look(wellUntil-1, nil)
	if t.wait > 1 {
		look(wellUntil+t.delay+t.wait-2, nil)
	}
	look(t.fires(), firing)
	if t.keep > 1 {
		look(t.faultEnd()+t.linger+t.keep-2, firing)
	}
	look(t.over(), nil)
}

// healthy is a world in which all is well, and one domain of which nothing is known.
func healthy() []sample {
	all := []sample{
		{metric: "up", always: "1"},
		{metric: "build_info", labels: `version="1.0.0"`, always: "1"},
		{metric: "probes_total", labels: `check="mx",outcome="conclusive"`, always: grows},
		{metric: "schedule_lag_seconds", always: "0"},
		{metric: "config_last_reload_successful", always: "1"},
		{metric: "series_dropped_total", always: stands},
		{metric: "vantage_ok", labels: `test="resolver"`, always: "1"},
		{metric: "smtp_up", labels: `target="well.example:25",address="192.0.2.2"`, always: "1"},
		{metric: "dnsbl_state", labels: `list="good",state="ok"`, always: "1"},
	}
	var checks []string
	for _, p := range catalog.Problems() {
		if slices.Contains(checks, p.Check) {
			continue
		}
		checks = append(checks, p.Check)
		all = append(all,
			sample{metric: "check_conclusive", labels: fmt.Sprintf(`target="well.example",check=%q`, p.Check), always: "1"},
			sample{metric: "check_conclusive", labels: fmt.Sprintf(`target="unknown.example",check=%q`, p.Check), always: "0"},
			sample{metric: "check_last_conclusive_timestamp_seconds", labels: fmt.Sprintf(`target="unknown.example",check=%q`, p.Check), always: clock})
	}
	return all
}

func (s *sample) name() string {
	if s.metric == "up" {
		return s.metric
	}
	return "mailprobe_" + s.metric
}

// values are what a test writes for a sample: one a minute.
func (s *sample) values(t timeline) string {
	phases := []struct {
		value string
		until int
	}{{"", unknownUntil}, {s.well + s.before, wellUntil}, {s.fault, t.faultEnd()}, {s.well, t.over() + 5}}
	if s.always != "" {
		phases = phases[3:]
		phases[0].value = s.always
	}
	if s.only {
		phases[0].value = s.well // Its absence is the fault.
	}
	var out []string
	now, counter := 0, 0
	for _, p := range phases {
		n := p.until - now // Samples in this phase.
		switch {
		case p.value == "" && now > 0:
			out = append(out, "stale")
			n--
			fallthrough
		case p.value == "":
			if n > 0 {
				out = append(out, fmt.Sprintf("_x%d", n))
			}
		case p.value == clock:
			out = append(out, fmt.Sprintf("%d+60x%d", 60*now, n-1))
		case p.value == grows:
			out = append(out, fmt.Sprintf("%d+1x%d", counter, n-1))
			counter += n - 1
		case p.value == stands:
			out = append(out, fmt.Sprintf("%d+0x%d", counter, n-1))
		case p.value[0] == '@':
			offset, _ := strconv.Atoi(p.value[1:]) // It is from stamp.
			out = append(out, fmt.Sprintf("%d+0x%d", 60*wellUntil+offset, n-1))
		default:
			out = append(out, fmt.Sprintf("%s+0x%d", p.value, n-1))
		}
		now = p.until
	}
	return strings.Join(out, " ")
}

// places are the labels of those who see a sample: two exporters, and Prometheus asking /probe of one.
func (m *maker) places(s *sample) []string {
	if s.once || s.only {
		return []string{m.job()}
	}
	return []string{
		m.job() + `,instance="a:10587"`,
		m.job() + `,instance="b:10587"`,
		m.job() + `,instance="by_probe"`,
	}
}

// job are labels that the selector matches.
func (m *maker) job() string { return strings.Join(m.selected(), ",") }

// jobLabel is the label job among them.
func (m *maker) jobLabel() string {
	labels := m.selected()
	return labels[slices.IndexFunc(labels, func(l string) bool { return strings.HasPrefix(l, "job=") })]
}

// kept are those of them that a rule about a problem leaves on its alert.
func (m *maker) kept() string {
	kept := slices.DeleteFunc(m.selected(), func(label string) bool {
		name, _, _ := strings.Cut(label, "=")
		return slices.Contains(m.replicaLabels, name)
	})
	return strings.Join(append([]string{""}, kept...), ",")
}

func (m *maker) selected() []string {
	labels := []string{`job="mailprobe"`}
	for _, found := range matcherParts.FindAllStringSubmatch(m.selector, -1) {
		name, op, value := found[1], found[2], found[3]
		switch op {
		case "!=", "!~":
			value = "other"
		case "=~":
			value = matching(value)
		}
		labels = slices.DeleteFunc(labels, func(l string) bool { return strings.HasPrefix(l, name+"=") })
		labels = append(labels, fmt.Sprintf(`%s="%s"`, name, value))
	}
	return labels
}

var matcherParts = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!=|!~|=)\s*"((?:[^"\\]|\\.)*)"`)

// matching is a text that a simple regular expression matches: its first alternative with the wildcards filled.
func matching(expr string) string {
	first, _, _ := strings.Cut(strings.Trim(expr, "^$()"), "|")
	return strings.NewReplacer(".*", "x", ".+", "x", `\\.`, ".", `\.`, ".", "?", "").Replace(first)
}
