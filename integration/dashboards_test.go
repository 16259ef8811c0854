//go:build integration

package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// notInDemo are metrics that dashboards ask for and the demo has no reason to show.
var notInDemo = map[string]string{
	"mailprobe_config_file_last_load_successful": "the demo has no target files",
}

// TestDashboards has Prometheus scrape the demo, as two exporters that see the same, and asks it every query of every dashboard as
// Grafana does. Each finds something, no choice of the variables makes an error of one, two exporters count once, and nothing is
// asked for that the exporter does not export.
func TestDashboards(t *testing.T) {
	t.Parallel()
	address, other := freePort(), freePort()
	startDemoAt(t, address, other)
	p := startPrometheusWith(t, fmt.Sprintf(`
  - job_name: mailprobe
    scrape_interval: 5s
    scrape_timeout: 5s
    static_configs:
      - targets: [%q, %q]
`, address, other))
	// Of all that is asked, changes of records are seen last: in the second round of a check.
	if err := eventually(8*patience, func() error {
		for _, target := range []string{"healthy.example", "mx1.healthy.example:25"} {
			stored, err := p.query(fmt.Sprintf("mailprobe_record_change_timestamp_seconds{target=%q}", target))
			if err != nil {
				return finalError{err}
			}
			if len(stored) != 2 {
				return fmt.Errorf("no record of %s has changed", target)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	exported, err := p.exported()
	if err != nil {
		t.Fatal(err)
	}

	paths, err := filepath.Glob("../dashboards/grafana/*.json")
	if err != nil || len(paths) != 5 {
		t.Fatalf("%d dashboards: %v", len(paths), err)
	}
	missing := map[string]bool{}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			d := readDashboard(t, path)
			for _, name := range d.asked() {
				if exported[name] {
					continue
				}
				if missing[name] = true; notInDemo[name] == "" {
					t.Errorf("%s is not exported", name)
				}
			}
			d.ask(t, p, address)
		})
	}
	for name := range notInDemo {
		if !missing[name] {
			t.Errorf("%s is exported, or not asked for", name)
		}
	}
}

// startDemoAt starts the exporter's demo at addresses until the test ends.
func startDemoAt(t *testing.T, addresses ...string) {
	t.Helper()
	e := &exporter{url: "http://" + addresses[0]}
	args := []string{"demo"}
	for _, a := range addresses {
		args = append(args, "--web.listen-address", a)
	}
	ready := func() error {
		_, err := e.get("/-/healthy")
		return err
	}
	var err error
	if e.program, err = startProgram(filepath.Join(directory(t, "demo"), "log"), ready, releasedBinary, args...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.stop(syscall.SIGTERM); err != nil {
			t.Errorf("stop the demo: %v", err)
		}
	})
}

// exported are the names of all metrics that Prometheus has seen so far: some, as that of a back-off, are there at times only. What it
// adds about its scrapes is not the exporter's.
func (p *prometheus) exported() (map[string]bool, error) {
	var all []string
	if err := p.call("label/__name__/values", url.Values{"match[]": {`{job="mailprobe"}`}}, &all); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, name := range all {
		names[name] = name != "up" && !strings.HasPrefix(name, "scrape_")
	}
	return names, nil
}

// A grafanaDashboard is what Grafana asks for on account of a dashboard.
type grafanaDashboard struct {
	Templating  struct{ List []grafanaVariable }
	Annotations struct {
		List []struct{ Name, Expr string }
	}
	Panels []struct {
		Type, Title string
		Repeat      string
		Targets     []struct {
			RefID, Expr string
			Instant     bool
		}
	}
}

// A grafanaVariable is one that is chosen above a dashboard.
type grafanaVariable struct {
	Name, Type string
	Query      string
	Multi      bool
	AllValue   string
	Current    struct{ Value []string }
}

func readDashboard(t *testing.T, path string) *grafanaDashboard {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var d grafanaDashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

// A dashboardQuery is one query of a panel or an annotation.
type dashboardQuery struct {
	of      string // Whose it is.
	panel   string // The panel's type.
	expr    string
	instant bool   // Asked for the end of the time range only.
	repeat  string // The variable that repeats the panel, and has one value in each.
}

func (d *grafanaDashboard) queries() []dashboardQuery {
	var all []dashboardQuery
	for _, a := range d.Annotations.List {
		all = append(all, dashboardQuery{of: "annotation " + a.Name, expr: a.Expr})
	}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			all = append(all, dashboardQuery{
				of: fmt.Sprintf("panel %s, query %s", p.Title, q.RefID), panel: p.Type, expr: q.Expr, instant: q.Instant, repeat: p.Repeat,
			})
		}
	}
	return all
}

var (
	labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	quotedText  = regexp.MustCompile(`"[^"]*"`)
	ownName     = regexp.MustCompile(`\bmailprobe_\w+|\b[a-zA-Z_:][\w:]*\{`)
)

// asked are the names of the metrics that an expression asks for.
func asked(expr string) []string {
	names := map[string]bool{}
	for _, name := range ownName.FindAllString(quotedText.ReplaceAllString(expr, ""), -1) {
		names[strings.TrimSuffix(name, "{")] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// asked are the names of the metrics that a dashboard asks for.
func (d *grafanaDashboard) asked() []string {
	var exprs []string
	for _, v := range d.Templating.List {
		exprs = append(exprs, labelValues.ReplaceAllString(v.Query, "$1"))
	}
	for _, q := range d.queries() {
		exprs = append(exprs, q.expr)
	}
	return asked(strings.Join(exprs, "\n"))
}

// A choice is a value for each variable.
type choice map[string]string

var variableName = regexp.MustCompile(`\$\{?(\w+)\}?`)

// fill puts the values in, as Grafana does: those it knows itself, with a range of some minutes, and those chosen.
func (c choice) fill(expr string) string {
	return variableName.ReplaceAllStringFunc(expr, func(reference string) string {
		name := variableName.FindStringSubmatch(reference)[1]
		switch value, known := c[name]; {
		case name == "__rate_interval":
			return "1m"
		case name == "__range":
			return "5m"
		case known:
			return value
		}
		return reference // As $1 in label_replace.
	})
}

// ask asks all queries: with all of each variable that may have several values, and each value of one that has one; and once
// with all of them named.
func (d *grafanaDashboard) ask(t *testing.T, p *prometheus, address string) {
	choices := d.choices(t, p)
	for _, q := range d.queries() {
		repeated := slices.IndexFunc(d.Templating.List, func(v grafanaVariable) bool { return v.Name == q.repeat })
		err := eventually(2*patience, func() error {
			found := 0
			for _, c := range choices {
				chosen := []choice{c}
				if repeated >= 0 {
					v := d.Templating.List[repeated]
					values, err := v.values(p, c)
					if err != nil {
						return finalError{err}
					}
					chosen = c.with(v.Name, values)
				}
				n, err := q.ask(p, chosen)
				if err != nil {
					return finalError{err}
				}
				found += n
			}
			if found == 0 {
				return fmt.Errorf("nothing is found with any of %d choices by\n%s", len(choices), q.expr)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", q.of, err)
		}
		if q.panel == "stat" {
			q.askOne(t, p, choices[0], address)
		}
	}
}

// choices are what a reader may choose.
func (d *grafanaDashboard) choices(t *testing.T, p *prometheus) []choice {
	all := []choice{{}}
	named := choice{}
	for _, v := range d.Templating.List {
		switch v.Type {
		case "datasource":
		case "custom":
			named[v.Name] = alternatives(v.Current.Value)
			all = each(all, v.Name, []string{named[v.Name]})
		case "query":
			values, err := v.values(p, all[0])
			if err != nil || len(values) == 0 {
				t.Fatalf("variable %s has no value: %v", v.Name, err)
			}
			if v.Multi {
				named[v.Name] = alternatives(values)
				all = each(all, v.Name, []string{v.AllValue})
			} else {
				named[v.Name] = values[0]
				all = each(all, v.Name, values)
			}
		default:
			t.Fatalf("variable %s of type %s", v.Name, v.Type)
		}
	}
	return append(all, named)
}

// each gives a variable each of some values in each choice.
func each(choices []choice, name string, values []string) []choice {
	var out []choice
	for _, c := range choices {
		out = append(out, c.with(name, values)...)
	}
	return out
}

// with gives a variable each of some values.
func (c choice) with(name string, values []string) []choice {
	out := make([]choice, len(values))
	for i, v := range values {
		out[i] = maps.Clone(c)
		out[i][name] = v
	}
	return out
}

// alternatives is what Grafana makes of several values in a regular expression: in PromQL's strings a backslash needs another.
func alternatives(values []string) string {
	escaped := make([]string, len(values))
	for i, v := range values {
		escaped[i] = strings.ReplaceAll(regexp.QuoteMeta(v), `\`, `\\`)
	}
	return "(" + strings.Join(escaped, "|") + ")"
}

// values are those that a variable offers after a choice of others.
func (v grafanaVariable) values(p *prometheus, c choice) ([]string, error) {
	m := labelValues.FindStringSubmatch(v.Query)
	if m == nil {
		return nil, fmt.Errorf("no query for values: %s", v.Query)
	}
	var values []string
	err := p.call("label/"+m[2]+"/values", url.Values{"match[]": {c.fill(m[1])}}, &values)
	return values, err
}

// ask asks a query with each choice, and counts the series with a value that can be drawn.
func (q dashboardQuery) ask(p *prometheus, choices []choice) (found int, err error) {
	for _, c := range choices {
		results, err := p.evaluate(c.fill(q.expr), q.instant, time.Now())
		if err != nil {
			return 0, err
		}
		for _, r := range results {
			if r.finite() {
				found++
			}
		}
	}
	return found, nil
}

// aboutItself finds metrics of which each exporter has its own, and what is not the same from one moment to the next.
var aboutItself = regexp.MustCompile(`mailprobe_(series|build|config|probes|schedule)|duration|time\(\)`)

// askOne wants a figure to be the same for one of two exporters that see the same as for both.
func (q dashboardQuery) askOne(t *testing.T, p *prometheus, both choice, address string) {
	if aboutItself.MatchString(q.expr) {
		return
	}
	one := both.with("instance", []string{alternatives([]string{address})})[0]
	err := eventually(patience, func() error {
		at := time.Now()
		up, errUp := p.evaluate("up == 1", true, at)
		a, errA := p.evaluate(one.fill(q.expr), true, at)
		b, errB := p.evaluate(both.fill(q.expr), true, at)
		if err := errors.Join(errUp, errA, errB); err != nil {
			return finalError{err}
		}
		if len(up) != 2 {
			return fmt.Errorf("of two exporters %d are up", len(up))
		}
		if fmt.Sprint(a) != fmt.Sprint(b) {
			return fmt.Errorf("one exporter: %v, two that see the same: %v", a, b)
		}
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", q.of, err)
	}
}

// An evaluated is one series of a result: its labels, and its last value.
type evaluated struct {
	Metric map[string]string
	Value  []any
	Values [][]any
}

// String is the series and its value, without the time.
func (e evaluated) String() string {
	last := e.Value
	if len(e.Values) > 0 {
		last = e.Values[len(e.Values)-1]
	}
	return fmt.Sprint(e.Metric, " ", last[1])
}

// finite reports whether a value is a number that can be drawn.
func (e evaluated) finite() bool {
	return slices.ContainsFunc(append(e.Values, e.Value), func(v []any) bool {
		if len(v) != 2 {
			return false
		}
		x, err := strconv.ParseFloat(fmt.Sprint(v[1]), 64)
		return err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
	})
}

// evaluate asks for what an expression gives at a time, or over the minutes before it.
func (p *prometheus) evaluate(expr string, instant bool, at time.Time) ([]evaluated, error) {
	var data struct{ Result []evaluated }
	seconds := func(t time.Time) []string { return []string{fmt.Sprintf("%.3f", float64(t.UnixMilli())/1000)} }
	path, parameters := "query", url.Values{"query": {expr}, "time": seconds(at)}
	if !instant {
		path = "query_range"
		parameters = url.Values{"query": {expr}, "start": seconds(at.Add(-5 * time.Minute)), "end": seconds(at), "step": {"15"}}
	}
	err := p.call(path, parameters, &data)
	return data.Result, err
}

// call asks the API of Prometheus.
func (p *prometheus) call(path string, parameters url.Values, data any) error {
	resp, err := http.Get(p.url + "/api/v1/" + path + "?" + parameters.Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", parameters.Get("query"), answer.Error)
	}
	return nil
}
