// Package docs holds the documentation and the tests that keep it true.
package docs

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

var update = flag.Bool("update", false, "write the tables into the documents")

// TestTables compares the tables in the documents with the code they are made from.
// `make docs` writes them.
func TestTables(t *testing.T) {
	for _, c := range []struct{ file, section, text string }{
		{"../README.md", "checks", checksTable()},
		{"../README.md", "metrics", metricsTables()},
		{"../SECURITY.md", "limits", limitsTable(t)},
		{"configuration.md", "blocklists", blocklistsTable()},
		{"demo.md", "demo", demoTable(t)},
		{"replies.md", "replies", repliesPage(catalog.English)},
		{"replies.ru.md", "replies", repliesPage(catalog.Russian)},
		{"providers.md", "providers", providersPage(catalog.English)},
		{"providers.ru.md", "providers", providersPage(catalog.Russian)},
		{"problems.md", "problems", problemsPage(catalog.English)},
		{"problems.ru.md", "problems", problemsPage(catalog.Russian)},
		{"blocklists.md", "blocklists", blocklistsPage(catalog.English)},
		{"blocklists.ru.md", "blocklists", blocklistsPage(catalog.Russian)},
		{"alerts.md", "alerts", alertsPage(t, catalog.English)},
		{"alerts.ru.md", "alerts", alertsPage(t, catalog.Russian)},
	} {
		t.Run(c.file+" "+c.section, func(t *testing.T) {
			old, err := os.ReadFile(c.file)
			if err != nil {
				t.Fatal(err)
			}
			text, err := replaceSection(string(old), c.section, c.text)
			if err != nil {
				t.Fatal(err)
			}
			if text == string(old) {
				return
			}
			if !*update {
				t.Fatalf("%s: the section %s is not what the code says; run: make docs", c.file, c.section)
			}
			if err := os.WriteFile(c.file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// replaceSection puts text between the marks of a section.
func replaceSection(doc, section, text string) (string, error) {
	begin, end := "<!-- "+section+": made from the code by `make docs` -->\n", "<!-- end of "+section+" -->"
	before, rest, ok := strings.Cut(doc, begin)
	if !ok {
		return "", fmt.Errorf("no mark %q", begin)
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("no mark %q", end)
	}
	return before + begin + "\n" + text + "\n" + end + after, nil
}

func checksTable() string {
	var b strings.Builder
	b.WriteString("| check | asked of | every | at least | asks | from |\n|---|---|---|---|---|---|\n")
	for _, c := range checks.All {
		spec, _ := targets.CheckByName(c.Name)
		kinds := make([]string, len(spec.Kinds))
		for i, k := range spec.Kinds {
			kinds[i] = string(k)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", c.Name, strings.Join(kinds, ", "), duration(spec.Interval), duration(spec.Least), cell(c.Help), cell(c.Ref))
	}
	return b.String()
}

func metricsTables() string {
	var b strings.Builder
	write := func(m *checks.Metric) {
		labels := slices.Clone(m.Labels)
		if !m.Global {
			labels = append([]string{"target"}, labels...)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Name, strings.Join(labels, ", "), cell(m.Help))
	}
	for _, c := range checks.All {
		fmt.Fprintf(&b, "**%s**\n\n| metric | labels | meaning |\n|---|---|---|\n", c.Name)
		for _, m := range c.Metrics {
			write(m)
		}
		b.WriteString("\n")
	}
	b.WriteString("**targets, and the exporter itself**\n\n| metric | labels | meaning |\n|---|---|---|\n")
	for _, m := range collector.OwnMetrics() {
		write(m)
	}
	b.WriteString("\n`go_*`, `process_*` and `promhttp_*` are there as usual.\n")
	return b.String()
}

// blocklistsTable is the short table of lists that can be asked; docs/blocklists.md tells all of each.
func blocklistsTable() string {
	return made(catalog.English, func(p *page) {
		p.f("| id | zone | asked about | groups | needs |\n|---|---|---|---|---|\n")
		for _, l := range catalog.Default().Blocklists() {
			if l.Dead == nil {
				p.f("| [`%s`](blocklists.md#%s) | %s | %s | %s | %s |\n", l.ID, l.ID, l.Zone, strings.Join(l.Kinds, ", "), strings.Join(l.Groups, ", "), p.needs(l))
			}
		}
	})
}

// cell makes text fit into a table's cell.
func cell(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "|", `\|`) }

func duration(d time.Duration) string { return model.Duration(d).String() }
