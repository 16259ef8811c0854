// Package dashboards holds what an operator loads into Prometheus, Alertmanager and Grafana to watch what the exporter
// exposes: alert rules with their tests, an Alertmanager and a Prometheus configuration, dashboards, and the same for the
// Prometheus Operator. All of it is made from the sources in this package, with the settings of Options; what the defaults
// give is committed beside them, for those who load files without running the program.
package dashboards

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// Options are what differs from one operator to the next. The zero value gives the committed files.
type Options struct {
	JobSelector string            // PromQL matchers that choose the exporter's series, as `job="mailprobe"`; "" for the default.
	ExternalURL string            // Where people reach the exporter's pages; "" links to the project's documentation instead.
	GrafanaURL  string            // Where people reach Grafana, for dashboard_url; "" links to the exporter or to Prometheus instead.
	Lang        string            // Of summaries and descriptions: "en" or "ru"; "" is "en".
	Set         map[string]string // Thresholds by name; one that does not exist is an error.
	Version     string            // Of the program, told in every file; "" tells none.
}

// A File is one that is to be written: its path below the output directory, with slashes, and what is in it.
type File struct {
	Path string
	Data []byte
}

// Files returns everything that is to be written, made with options. An error wraps ErrOptions and says what would be right.
func Files(o Options) ([]File, error) {
	m, err := newMaker(o)
	if err != nil {
		return nil, err
	}
	boards, err := m.grafanaFiles()
	if err != nil {
		return nil, err
	}
	return slices.Concat([]File{
		{"alerts.yml", m.alertsFile()},
		{"alerts_test.yml", m.testsFile()},
		{"alertmanager.yml", m.alertmanagerFile()},
		{"prometheus.yml", m.prometheusFile()},
		{"mixin.libsonnet", m.mixinFile()},
	}, boards, m.kubernetesFiles()), nil
}

// made begins what every file says of where it comes from.
const made = "Made by `mailprobe_exporter"

// Ours reports whether a file that is already there is one of ours, of this version or another, so that it may be replaced.
func Ours(data []byte) bool {
	return bytes.Contains(data, []byte(made)) || bytes.Contains(data, []byte(`"uid": "mailprobe-`))
}

// A Rule is what the documentation tells of an alert, with the default settings.
type Rule struct {
	Name      string
	Severity  string // "" where it is the problem's.
	For, Keep string // As Prometheus writes times.
	Problem   string // The problem it tells of, with a page in the catalogue; "" if none.
	Summary   catalog.Text
	Meaning   catalog.Text // Empty where the problem has it.
	Remedies  []catalog.Text
}

// Rules returns all alerts in the order of alerts.yml.
func Rules() ([]Rule, error) {
	m, err := newMaker(Options{})
	if err != nil {
		return nil, err
	}
	var rules []Rule
	for _, g := range m.groups() {
		for _, a := range g.alerts {
			r := Rule{
				Name: a.name, Severity: string(a.severity), For: promDuration(a.pace.wait), Keep: promDuration(a.pace.keep),
				Problem: a.problem, Summary: a.summary,
			}
			if a.problem == "" || a.severity != "" {
				r.Meaning = catalog.Text{EN: plain(a.meaning.EN), RU: plain(a.meaning.RU)}
				for _, t := range a.remedies {
					r.Remedies = append(r.Remedies, catalog.Text{EN: plain(t.EN), RU: plain(t.RU)})
				}
			}
			rules = append(rules, r)
		}
	}
	return rules, nil
}

var placeholder = regexp.MustCompile(`\{\{[^}$]*\$(?:labels\.)?(\w+)[^}]*\}\}`)

// plain is a template for people: a placeholder becomes its name in capitals.
func plain(template string) string {
	return placeholder.ReplaceAllStringFunc(template, func(s string) string {
		return strings.ToUpper(placeholder.FindStringSubmatch(s)[1])
	})
}
