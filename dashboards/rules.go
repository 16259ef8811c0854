package dashboards

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// An alert is one alert rule, and what a test needs to see it fire.
type alert struct {
	name      string
	expr      string
	pace      pace
	severity  catalog.Severity // "": that of the series.
	problem   string           // The page of the catalogue that says what to do; "": docs/alerts.md does.
	dashboard string           // The Grafana dashboard that shows more.
	summary   catalog.Text     // The same for every target: it is what notifications are grouped under.
	subject   string           // Template: what it is about, as "{{ $labels.target }}".
	table     string           // PromQL for a table of more, with one %q for $labels.target, or with none.
	evidence  []evidence
	meaning   catalog.Text
	remedies  []catalog.Text

	// For its test.
	cases         []sample      // What makes it fire.
	fires         string        // Its labels then, severity included, as `target="a",check="b"`.
	also          []string      // What else fires then, with the label alertname.
	delay, linger time.Duration // How long after a fault the expression becomes true, and after its end false.
}

// An evidence is a query whose answers a description lists, a line each.
type evidence struct {
	query string // PromQL with one %q for the value of the label.
	label string // Of the alert: target, subject, list.
	line  string // Template for one answer.
}

// A record is one recording rule.
type record struct{ name, expr string }

// A group is a group of rules, evaluated one after the other.
type group struct {
	name    string
	records []record
	alerts  []alert
}

// problemSeries has all problems, each once, for rules that look back at them.
const problemSeries = "target:mailprobe_problem:max"

// mendedSeries has the checks that found a fault within the last quarter of an hour, and now find none.
const mendedSeries = "target_check:mailprobe_check_conclusive:mended"

// A maker makes everything with one set of options.
type maker struct {
	settings
	selector string // Matchers of the exporter's series; may be empty.
	external string // URL of the exporter's pages, without the last slash; may be empty.
	grafana  string // URL of Grafana, likewise.
	lang     catalog.Lang
	version  string
}

const projectDocs = "https://github.com/mailprobe/mailprobe_exporter/blob/main/docs/"

// newMaker checks options.
func newMaker(o Options) (*maker, error) {
	s, err := settingsOf(o.Set)
	if err != nil {
		return nil, err
	}
	m := &maker{settings: *s, version: o.Version, lang: catalog.English}
	if m.selector, err = parseSelector(o.JobSelector); err != nil {
		return nil, err
	}
	for _, u := range []struct {
		name, given string
		kept        *string
	}{{"external URL", o.ExternalURL, &m.external}, {"Grafana URL", o.GrafanaURL, &m.grafana}} {
		if *u.kept, err = parseURL(u.given); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrOptions, u.name, err)
		}
	}
	switch o.Lang {
	case "", string(catalog.English):
	case string(catalog.Russian):
		m.lang = catalog.Russian
	default:
		return nil, fmt.Errorf("%w: language %s: want en or ru", ErrOptions, o.Lang)
	}
	return m, nil
}

// parseURL returns a URL without its last slash. It goes into templates and YAML, so it has to be a plain one.
func parseURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.ContainsAny(text, "{}\"`'\\ ") {
		return "", fmt.Errorf("want http or https, a host and maybe a path, as https://mailprobe.example.org")
	}
	return strings.TrimRight(text, "/"), nil
}

// groups are all rules.
func (m *maker) groups() []group {
	groups := []group{m.recorded()}
	groups = append(groups, m.problemGroups()...)
	return append(groups, m.certificates(), m.blocklists(), m.notices(), m.unknowns(), m.vantage(), m.exporters(), m.inhibitors())
}

// recorded are the queries that several rules use.
func (m *maker) recorded() group {
	return group{name: "mailprobe-recorded", records: append([]record{
		{problemSeries, m.problems()},
		m.mendedRecord(),
		m.listingRecord(),
		m.causeRecord(),
		m.expiringRecord(),
	}, m.stsRecords()...)}
}

// series is a selector of one metric of the exporter.
func (m *maker) series(name string, matchers ...string) string {
	if m.selector != "" {
		matchers = append([]string{m.selector}, matchers...)
	}
	if len(matchers) == 0 {
		return "mailprobe_" + name
	}
	return "mailprobe_" + name + "{" + strings.Join(matchers, ",") + "}"
}

// problems are the series of problems without the labels that say who scraped whom, so that two exporters that see one fault, or
// /metrics and /probe of one, are one alert. A target that owns a fault is one series, however many domains lead to it.
func (m *maker) problems(matchers ...string) string {
	return fmt.Sprintf("max without (%s) (%s)", strings.Join(m.replicaLabels, ", "), m.series("problem", matchers...))
}

// by is the labels that an alert keeps, with those that route it.
func (m *maker) by(labels ...string) string {
	return strings.Join(append(labels, m.alertLabels...), ", ")
}

// routed adds the labels that route an alert to an expression about targets, where the target has them. Of exporters that do not
// agree, as while one of them has the new configuration, one is believed: without topk Prometheus would make an error of the rule.
func (m *maker) routed(expr string) string {
	if len(m.alertLabels) == 0 {
		return expr
	}
	inner := indent(expr, "  ")
	return fmt.Sprintf("(\n%s\n)\n* on (target) group_left (%s) topk by (target) (1, max by (%s) (%s))\nor on (target) (\n%s\n)",
		inner, strings.Join(m.alertLabels, ", "), m.by("target"), m.series("target_info"), inner)
}

// notForeign takes the targets out that nobody here can mend.
func (m *maker) notForeign(expr string) string {
	return expr + "\nunless on (target) " + m.series("target_info", `owner="foreign"`)
}

// alertName is the name of a problem's alert: spf_too_many_lookups is MailprobeSPFTooManyLookups.
func alertName(id string) string {
	words := strings.Split(id, "_")
	for i, word := range words {
		switch word {
		case "smtp", "spf", "dkim", "mx", "sts", "tls", "mta", "rpt", "dane", "bimi", "dnsbl", "ptr", "helo", "dnssec", "rdns", "dmarc", "starttls":
			words[i] = strings.ToUpper(word)
		case "ipv4", "ipv6":
			words[i] = "IP" + word[2:]
		default:
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return "Mailprobe" + strings.Join(words, "")
}

// description is an annotation: what it is about, what that means, what was seen, and what to do.
func (m *maker) description(a *alert) string {
	var b strings.Builder
	if a.subject != "" {
		b.WriteString(a.subject + ": ")
	}
	b.WriteString(a.meaning.In(m.lang))
	for _, e := range a.evidence {
		fmt.Fprintf(&b, "\n{{- range query (printf `%s` $labels.%s) }}\n- %s\n{{- end }}", e.query, e.label, e.line)
	}
	if len(a.remedies) > 0 {
		b.WriteString("\n" + catalog.Text{EN: "What to do:", RU: "Что делать:"}.In(m.lang))
		for _, r := range a.remedies {
			b.WriteString("\n- " + r.In(m.lang))
		}
	}
	return b.String()
}

// runbook is the page that says what an alert means and what to do.
func (m *maker) runbook(a *alert) string {
	page := func(name string) string {
		if m.lang == catalog.Russian {
			return projectDocs + name + ".ru.md"
		}
		return projectDocs + name + ".md"
	}
	switch {
	case a.problem == "":
		return page("alerts") + "#" + strings.ToLower(a.name)
	case m.external != "":
		return m.external + "/problems/" + a.problem
	}
	return page("problems") + "#" + a.problem
}

// dashboardURL leads to more about the alert's subject: to Grafana, to the exporter's page of it, or at the least to
// a table of its series in the Prometheus that sent the alert.
func (m *maker) dashboardURL(a *alert) string {
	ofTarget := strings.Contains(a.subject, "$labels.target")
	switch {
	case m.grafana != "" && ofTarget:
		return m.grafana + "/d/mailprobe-" + a.dashboard + "?var-target={{ $labels.target | urlquery }}"
	case m.grafana != "":
		return m.grafana + "/d/mailprobe-" + a.dashboard
	case m.external != "" && ofTarget:
		return m.external + "/targets/{{ $labels.target }}"
	case m.external != "":
		return m.external + "/"
	case strings.Contains(a.table, "%q"):
		return "{{ $externalURL }}{{ tableLink (printf `" + a.table + "` $labels.target) }}"
	}
	return "{{ $externalURL }}{{ tableLink `" + a.table + "` }}"
}

// alertsFile is alerts.yml.
func (m *maker) alertsFile() []byte {
	var b strings.Builder
	b.WriteString(m.header("Alert rules for Prometheus 2.42 or later (keep_firing_for), and what runs such rules: Mimir, Thanos, VictoriaMetrics."))
	m.writeGroups(&b, "")
	return []byte(b.String())
}

// writeGroups writes the key groups with everything below it.
func (m *maker) writeGroups(b *strings.Builder, margin string) {
	fmt.Fprintf(b, "%sgroups:\n", margin)
	for _, g := range m.groups() {
		fmt.Fprintf(b, "%s  - name: %s\n%s    rules:\n", margin, g.name, margin)
		for _, r := range g.records {
			fmt.Fprintf(b, "%s      - record: %s\n", margin, r.name)
			writeText(b, margin+"        ", "expr", r.expr)
		}
		for _, a := range g.alerts {
			m.writeAlert(b, margin+"      ", &a)
		}
	}
}

func (m *maker) writeAlert(b *strings.Builder, margin string, a *alert) {
	fmt.Fprintf(b, "%s- alert: %s\n", margin, a.name)
	margin += "  "
	writeText(b, margin, "expr", a.expr)
	if a.pace.wait > 0 {
		fmt.Fprintf(b, "%sfor: %s\n", margin, promDuration(a.pace.wait))
	}
	if a.pace.keep > 0 {
		fmt.Fprintf(b, "%skeep_firing_for: %s\n", margin, promDuration(a.pace.keep))
	}
	if a.severity != "" {
		fmt.Fprintf(b, "%slabels:\n%s  severity: %s\n", margin, margin, a.severity)
	}
	fmt.Fprintf(b, "%sannotations:\n", margin)
	annotations := m.annotations(a)
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		writeText(b, margin+"  ", name, annotations[name])
	}
}

// annotations are those of an alert, as templates.
func (m *maker) annotations(a *alert) map[string]string {
	return map[string]string{
		"summary":       a.summary.In(m.lang),
		"description":   m.description(a),
		"runbook_url":   m.runbook(a),
		"dashboard_url": m.dashboardURL(a),
	}
}

// header says what a file is for and what made it.
func (m *maker) header(what string) string {
	version := ""
	if m.version != "" {
		version = ", version " + m.version
	}
	return fmt.Sprintf("# %s\n# %s dashboards`%s: change its options rather than this file.\n", what, made, version)
}

// writeText writes a key with a text: as it is where YAML takes it so, quoted, or, with several lines, as a block.
func writeText(b *strings.Builder, margin, key, text string) {
	switch {
	case strings.Contains(text, "\n"):
		fmt.Fprintf(b, "%s%s: |-\n%s\n", margin, key, indent(text, margin+"  "))
	case text != "" && (text[0] >= 'a' && text[0] <= 'z') && !strings.Contains(text, ": ") && !strings.Contains(text, " #"):
		fmt.Fprintf(b, "%s%s: %s\n", margin, key, text)
	default:
		fmt.Fprintf(b, "%s%s: %s\n", margin, key, strconv.Quote(text))
	}
}

// indent puts a margin before every line.
func indent(text, margin string) string {
	return margin + strings.ReplaceAll(text, "\n", "\n"+margin)
}
