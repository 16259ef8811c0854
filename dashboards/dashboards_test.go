package dashboards

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

var update = flag.Bool("update", false, "write the committed files")

// committed is where a file is in this tree.
func committed(path string) string {
	if strings.HasPrefix(path, "kubernetes/") {
		return filepath.Join("..", "deploy", filepath.FromSlash(path))
	}
	return filepath.FromSlash(path)
}

// TestCommitted compares the committed files with what the program writes. `make dashboards` writes them.
func TestCommitted(t *testing.T) {
	for _, f := range files(t, Options{}) {
		path := committed(f.Path)
		old, err := os.ReadFile(path)
		if *update {
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, f.Data, 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
		if !*update && !bytes.Equal(old, f.Data) {
			t.Errorf("%s is not what the sources say; run: make dashboards", path)
		}
	}
}

func files(t *testing.T, o Options) []File {
	t.Helper()
	files, err := Files(o)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func makerOf(t *testing.T, o Options) *maker {
	t.Helper()
	m, err := newMaker(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *maker) allAlerts() []alert {
	var all []alert
	for _, g := range m.groups() {
		all = append(all, g.alerts...)
	}
	return all
}

// TestProblems has every problem of the catalogue told by one alert, and no alert tell of another.
func TestProblems(t *testing.T) {
	found := map[string]int{}
	for _, a := range makerOf(t, Options{}).allAlerts() {
		for _, selected := range regexp.MustCompile(`problem=~?"([^"]+)"`).FindAllStringSubmatch(a.expr, -1) {
			for id := range strings.SplitSeq(selected[1], "|") {
				found[id]++
			}
		}
	}
	found["dnsbl_listed"]++ // In the recording rule.
	for _, p := range catalog.Problems() {
		if found[p.ID] != 1 {
			t.Errorf("%s is told by %d alerts, want one", p.ID, found[p.ID])
		}
		delete(found, p.ID)
	}
	for id := range found {
		t.Errorf("there is no problem %s", id)
	}
}

// TestTLSFaults compares with what the check mta_sts counts.
func TestTLSFaults(t *testing.T) {
	if want := checks.TLSFaults(); !slices.Equal(tlsFaults, want) {
		t.Errorf("the rules have %v, the check %v", tlsFaults, want)
	}
}

// TestAlerts looks at what every alert has to have, in both languages.
func TestAlerts(t *testing.T) {
	for _, lang := range []catalog.Lang{catalog.English, catalog.Russian} {
		m := makerOf(t, Options{Lang: string(lang)})
		seen := map[string]bool{}
		for _, a := range m.allAlerts() {
			if seen[a.name] || !regexp.MustCompile(`^Mailprobe[A-Z][A-Za-z0-9]+$`).MatchString(a.name) {
				t.Errorf("%s: there twice, or not in camel case", a.name)
			}
			seen[a.name] = true
			if s := a.summary.In(lang); s == "" || strings.Contains(s, "{{") || strings.HasSuffix(s, ".") {
				t.Errorf("%s: summary %q, want a static line without a full stop", a.name, s)
			}
			for name, text := range m.annotations(&a) {
				if text == "" {
					t.Errorf("%s: no %s", a.name, name)
				}
				if russian := strings.IndexFunc(text, isCyrillic) >= 0; !strings.HasSuffix(name, "_url") && russian != (lang == catalog.Russian) {
					t.Errorf("%s: %s in the wrong language: %s", a.name, name, text)
				}
			}
			for _, e := range a.evidence {
				if regexp.MustCompile(`[a-z]_[a-z]|PTR $|> 10`).MatchString(regexp.MustCompile(`\{\{[^}]*\}\}`).ReplaceAllString(e.line, "")) {
					t.Errorf("%s: %q is for machines", a.name, e.line)
				}
			}
			if len(a.remedies) == 0 && a.severity != inhibitorSeverity && a.name != "MailprobeNotice" { // The notice says who does.
				t.Errorf("%s: does not say what to do", a.name)
			}
			if !strings.Contains(a.fires, `severity="`) || len(a.cases) == 0 {
				t.Errorf("%s: has no test", a.name)
			}
			if a.problem == "" {
				continue
			}
			if _, ok := catalog.ProblemByID(a.problem); !ok {
				t.Errorf("%s: there is no page of %s", a.name, a.problem)
			}
		}
	}
}

func isCyrillic(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }

// TestRunbooks looks the anchors up.
func TestRunbooks(t *testing.T) {
	for _, lang := range []string{"en", "ru"} {
		m := makerOf(t, Options{Lang: lang})
		for _, a := range m.allAlerts() {
			page, anchor, ok := strings.Cut(strings.TrimPrefix(m.runbook(&a), projectDocs), "#")
			text, err := os.ReadFile(filepath.Join("../docs", page))
			if !ok || err != nil || !bytes.Contains(text, []byte(`<a id="`+anchor+`"></a>`)) {
				t.Errorf("%s: %s leads nowhere: %v", a.name, m.runbook(&a), err)
			}
		}
	}
}

// TestMetrics has every metric in a file be one that the program exports.
func TestMetrics(t *testing.T) {
	known := map[string]bool{}
	for _, c := range checks.All {
		for _, m := range c.Metrics {
			known[m.Name] = true
		}
	}
	for _, m := range collector.OwnMetrics() {
		known[m.Name] = true
	}
	for _, f := range files(t, Options{}) {
		for _, found := range regexp.MustCompile(`\bmailprobe_([a-z0-9_]+)`).FindAllSubmatch(f.Data, -1) {
			name := regexp.MustCompile(`^(probe_duration_seconds)_bucket$`).ReplaceAllString(string(found[1]), "$1")
			if !known[name] && name != "exporter" {
				t.Errorf("%s: there is no metric mailprobe_%s", f.Path, name)
			}
		}
	}
}

// TestStamp has every file say which version made it and what it works with, and every one be known as ours again.
func TestStamp(t *testing.T) {
	needs := regexp.MustCompile(`(Prometheus|Alertmanager|Grafana|Operator|Jsonnet) [0-9.]+ or later|promtool`)
	for _, f := range files(t, Options{Version: "1.2.3", JobSelector: `job="a"`}) {
		if !bytes.Contains(f.Data, []byte("Made by `mailprobe_exporter dashboards`, version 1.2.3")) || !needs.Match(f.Data) {
			t.Errorf("%s does not say which version made it, or what it needs", f.Path)
		}
		if strings.HasSuffix(f.Path, ".json") && !json.Valid(f.Data) {
			t.Errorf("%s is no JSON any more", f.Path)
		}
	}
	for _, f := range files(t, Options{}) {
		if !Ours(f.Data) {
			t.Errorf("%s would not be replaced by a later version", f.Path)
		}
	}
	if Ours([]byte("groups: []\n")) {
		t.Error("any rules are ours")
	}
}

// TestYAML reads every YAML file, and finds the rules of alerts.yml in the PrometheusRule.
func TestYAML(t *testing.T) {
	read := map[string]map[string]any{}
	for _, f := range files(t, Options{Lang: "ru", Version: "1.2.3"}) {
		if !strings.HasSuffix(f.Path, ".yml") {
			continue
		}
		var document map[string]any
		if err := yaml.Unmarshal(f.Data, &document); err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		read[f.Path] = document
	}
	for path, kind := range map[string]string{"prometheusrule": "PrometheusRule", "servicemonitor": "ServiceMonitor", "probe": "Probe", "scrapeconfig": "ScrapeConfig"} {
		if got := read["kubernetes/"+path+".yml"]["kind"]; got != kind {
			t.Errorf("%s.yml is a %v", path, got)
		}
	}
	spec, _ := read["kubernetes/prometheusrule.yml"]["spec"].(map[string]any)
	if groups := read["alerts.yml"]["groups"]; groups == nil || !reflect.DeepEqual(spec["groups"], groups) {
		t.Error("the rules for Kubernetes are not those of alerts.yml")
	}
}

// TestInhibitions has every matcher of the inhibitions match something that there is.
func TestInhibitions(t *testing.T) {
	var labels []string
	for _, a := range makerOf(t, Options{}).allAlerts() {
		labels = append(labels, fmt.Sprintf(`alertname="%s"`, a.name))
		labels = append(labels, strings.Split(a.fires, ",")...)
	}
	for _, test := range []string{"egress_25", "ipv4", "ipv6", "resolver", "resolver_rewrites", "resolver_public", "clock", "tls_intercepted"} {
		labels = append(labels, fmt.Sprintf(`test="%s"`, test))
	}
	for _, i := range inhibitions {
		for _, matcher := range slices.Concat(i.source, i.target) {
			name, value, _ := strings.Cut(strings.Replace(matcher, "!=", "=", 1), "=")
			value = strings.Trim(strings.TrimPrefix(value, "~"), `"`)
			for alternative := range strings.SplitSeq(value, "|") {
				form := regexp.MustCompile(`^` + name + `="(?:` + alternative + `)"$`)
				if !slices.ContainsFunc(labels, form.MatchString) {
					t.Errorf("%s: nothing has %s=%s", i.why, name, alternative)
				}
			}
		}
	}
}

// TestOptions has options show, and only where they should.
func TestOptions(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		want    []string // In alerts.yml.
		gone    []string
	}{
		"defaults": {Options{}, []string{
			"max without (job, instance, pod, container, endpoint, service, namespace, node) (mailprobe_problem)", "severity=~\"warning|critical\"", "problems.md#spf_missing", "{{ $externalURL }}",
		}, []string{"`, version"}},
		"selector": {Options{JobSelector: `job=~"mail.*", env="a"`}, []string{
			`(mailprobe_problem{job=~"mail.*", env="a",problem="spf_missing"})`, `up{job=~"mail.*", env="a"} == 0`,
		}, []string{"(mailprobe_problem)"}},
		"URL": {Options{ExternalURL: "https://probe.example.org/mail/"}, []string{
			"runbook_url: https://probe.example.org/mail/problems/spf_missing\n", "dashboard_url: https://probe.example.org/mail/targets/{{ $labels.target }}\n",
		}, []string{"$externalURL"}},
		"Grafana": {Options{ExternalURL: "https://probe.example.org", GrafanaURL: "https://grafana.example.org"}, []string{
			"runbook_url: https://probe.example.org/problems/spf_missing\n", "dashboard_url: https://grafana.example.org/d/mailprobe-domain?var-target={{ $labels.target | urlquery }}\n",
		}, []string{"/targets/"}},
		"Russian":  {Options{Lang: "ru"}, []string{"Что делать:", "problems.ru.md#spf_missing"}, []string{"What to do:"}},
		"settings": {Options{Set: map[string]string{"for_server": "1d1h", "certificate_warning": "2w", "time_scale": "0.5"}}, []string{"for: 12h30m\n", "< 1209600"}, []string{"for: 1d1h"}},
		"routed":   {Options{Set: map[string]string{"alert_labels": "team, site"}}, []string{"max by (subject, list, severity, team, site)", "* on (target) group_left (team, site)"}, nil},
		"version":  {Options{Version: "1.2.3"}, []string{"# Made by `mailprobe_exporter dashboards`, version 1.2.3: "}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			text := string(files(t, c.options)[0].Data)
			for _, w := range c.want {
				if !strings.Contains(text, w) {
					t.Errorf("%s is not in it", w)
				}
			}
			for _, w := range c.gone {
				if strings.Contains(text, w) {
					t.Errorf("%s is in it", w)
				}
			}
		})
	}
}

// TestProblemLinks: the dashboards lead to the page of a problem that people can reach.
func TestProblemLinks(t *testing.T) {
	for external, want := range map[string]string{
		"": projectDocs + "problems.md#${__data.fields.problem}", "https://probe.example.org/mail/": "https://probe.example.org/mail/problems/${__data.fields.problem}",
	} {
		found := 0
		for _, f := range files(t, Options{ExternalURL: external}) {
			if strings.HasPrefix(f.Path, "grafana/") {
				found += strings.Count(string(f.Data), `"url": "`+want+`"`)
				if external != "" && strings.Contains(string(f.Data), projectDocs+"problems") {
					t.Errorf("%s leads to the project's pages", f.Path)
				}
			}
		}
		if found < 3 {
			t.Errorf("%q: %d links to %s", external, found, want)
		}
	}
}

// TestBoardSelector: the dashboards ask for nothing but what the selector chooses, all jobs together included.
func TestBoardSelector(t *testing.T) {
	const selector = `job=~"mail.*", site="a\\b"`
	for _, f := range files(t, Options{JobSelector: selector}) {
		if !strings.HasPrefix(f.Path, "grafana/") {
			continue
		}
		if !json.Valid(f.Data) {
			t.Errorf("%s is not JSON", f.Path)
		}
		of := regexp.MustCompile(`[a-z_]+\{[^{}]*\}`).FindAllString(strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(string(f.Data)), -1)
		of = slices.DeleteFunc(of, func(s string) bool { return !strings.HasPrefix(s, "mailprobe_") })
		if len(of) < 10 {
			t.Errorf("%s: only %d selectors", f.Path, len(of))
		}
		for _, s := range of {
			if !strings.Contains(s, "{"+selector) {
				t.Errorf("%s asks for %s", f.Path, s)
			}
		}
	}
}

// TestBadOptions has every mistake told.
func TestBadOptions(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		want    []string
	}{
		"selector":      {Options{JobSelector: `{job="a"}`}, []string{`job selector {job="a"}`, "without braces"}},
		"half selector": {Options{JobSelector: `job="a`}, []string{"job selector"}},
		"template":      {Options{JobSelector: "job=\"{{\""}, []string{"job selector"}},
		"language":      {Options{Lang: "de"}, []string{"language de: want en or ru"}},
		"URL":           {Options{ExternalURL: "probe.example.org"}, []string{"external URL: want http or https"}},
		"Grafana":       {Options{GrafanaURL: "https://user:secret@grafana.example.org"}, []string{"Grafana URL"}},
		"unknown":       {Options{Set: map[string]string{"for_servers": "1m"}}, []string{"nothing called for_servers", "for_server, ", "alert_labels"}},
		"own labels": {Options{Set: map[string]string{"alert_labels": "team,target", "replica_labels": "job,problem"}}, []string{
			"set alert_labels: the rules need the label target", "set replica_labels: the rules need the label problem",
		}},
		"routed by job": {Options{Set: map[string]string{"alert_labels": "job"}}, []string{"set alert_labels: the rules need the label job"}},
		"no replicas":   {Options{Set: map[string]string{"replica_labels": " , "}}, []string{"set replica_labels= , : want at least one label, as job,instance,"}},
		"one replica":   {Options{Set: map[string]string{"replica_labels": "replica"}}, []string{"set replica_labels: want instance among them"}},
		"labels twice":  {Options{Set: map[string]string{"alert_labels": "team,site,team"}}, []string{"set alert_labels=team,site,team: the label team is there twice"}},
		"routed by pod": {Options{Set: map[string]string{"alert_labels": "team,pod"}}, []string{"set alert_labels: the rules take the label pod away", "replica_labels"}},
		"values": {Options{Set: map[string]string{"for_server": "soon", "lag": "-5m", "certificate_warning_share": "NaN", "listed_lists": "1", "alert_labels": "a-b", "lookups_near": "2x", "running": "0s", "group_interval": "0s"}}, []string{
			"set for_server=soon: want a time", "set lag=-5m: want a time", "set certificate_warning_share=NaN: want a number from 0 to 1, as 0.25",
			"set listed_lists=1: want a number from 2 to 100", `set alert_labels=a-b: "a-b" is not the name of a label`, "set lookups_near=2x", "set running=0s: want at least 5m", "set group_interval=0s: want at least 1s",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Files(c.options)
			if !errors.Is(err, ErrOptions) {
				t.Fatalf("error %v, want one of options", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v\ndoes not say: %s", err, w)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("it gives the password away: %v", err)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"0s": 0, "90m": 90 * time.Minute, "1d12h": 36 * time.Hour, "2w": 14 * 24 * time.Hour, "1h0m5s": time.Hour + 5*time.Second} {
		d, err := parseDuration(text)
		if err != nil || d != want {
			t.Errorf("%s: %v, %v, want %v", text, d, err, want)
		}
		if again, err := parseDuration(promDuration(d)); err != nil || again != d {
			t.Errorf("%s is written %s", text, promDuration(d))
		}
	}
	if got := promDuration(1500 * time.Millisecond); got != "1s500ms" {
		t.Errorf("1.5 s is written %s", got)
	}
	for _, text := range []string{"", "10", "-1m", "1m1h", "1.5h", "366d", "99999999s99999999s", "1y"} {
		if d, err := parseDuration(text); err == nil {
			t.Errorf("%q is taken for %v", text, d)
		}
	}
}

// TestSettings has defaults that are taken, and names that are there once.
func TestSettings(t *testing.T) {
	names := map[string]string{}
	for _, s := range Settings() {
		if _, twice := names[s.Name]; twice || s.Help.EN == "" || s.Help.RU == "" || strings.HasSuffix(s.Help.EN, ".") {
			t.Errorf("%s: there twice, or its help is %q", s.Name, s.Help)
		}
		names[s.Name] = s.Default
	}
	want, got := files(t, Options{}), files(t, Options{Set: names})
	if !slices.EqualFunc(want, got, func(a, b File) bool { return a.Path == b.Path && bytes.Equal(a.Data, b.Data) }) {
		t.Errorf("to set %v is not the default", slices.Sorted(maps.Keys(names)))
	}
}
