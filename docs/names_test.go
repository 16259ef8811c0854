package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// namesFile is every name that users write down: what docs/stability.md promises to keep.
const namesFile = "testdata/names.txt"

// TestNames notices a name that is gone, and one that is new and not written down yet. `make docs` writes down what is new; it never
// removes a line.
func TestNames(t *testing.T) {
	is := names(t)
	was := strings.Split(strings.TrimSpace(read(t, namesFile)), "\n")
	for _, name := range was {
		if !slices.Contains(is, name) {
			t.Errorf("%s is gone: write it into docs/stability.md with the query that gives the same, and take it out of docs/%s", name, namesFile)
		}
	}
	all := slices.Concat(was, is)
	slices.Sort(all)
	all = slices.Compact(all)
	if slices.Equal(all, was) {
		return
	}
	if !*update {
		t.Fatalf("docs/%s lacks names, or is not sorted; run: make docs", namesFile)
	}
	if err := os.WriteFile(namesFile, []byte(strings.Join(all, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// names are all names that there are now.
func names(t *testing.T) []string {
	t.Helper()
	var out []string
	add := func(kind, name string) { out = append(out, kind+" "+name) }
	metric := func(m *checks.Metric) {
		add("metric", m.Name)
		for _, label := range m.Labels {
			add("label", m.Name+" "+label) // One by one: more may come.
		}
	}
	for _, c := range checks.All {
		for _, m := range c.Metrics {
			metric(m)
		}
	}
	for _, m := range collector.OwnMetrics() {
		metric(m)
	}
	for _, c := range targets.Checks {
		add("check", c.Name)
	}
	for _, p := range catalog.Problems() {
		add("problem", p.ID)
	}
	for _, c := range catalog.Causes() {
		add("cause", string(c))
	}
	for _, b := range catalog.Default().Blocklists() {
		add("blocklist", b.ID)
	}
	for kind, from := range map[string]struct {
		dir  string
		form *regexp.Regexp
	}{
		"key":     {"targets", regexp.MustCompile("yaml:\"([a-z_]+)")},
		"json":    {"cmd/mailprobe_exporter", regexp.MustCompile("json:\"([a-z_]+)")},
		"flag":    {"cmd/mailprobe_exporter", regexp.MustCompile(`\.Flag\("([a-z.-]+)"`)},
		"command": {"cmd/mailprobe_exporter", regexp.MustCompile(`app\.Command\("([a-z]+)"`)},
		"probe":   {"cmd/mailprobe_exporter", regexp.MustCompile(`"(probe_(?:success|[a-z_]+_(?:seconds|expiry)))"`)},
		"path":    {"cmd/mailprobe_exporter", regexp.MustCompile(`\.Handle(?:Func)?\("((?:GET|POST) "\+[a-z.]+\+"[^"]*)"`)},
	} {
		found := matches(t, from.dir, from.form)
		if len(found) == 0 {
			t.Fatalf("no %s was found: the test looks in the wrong place", kind)
		}
		for _, name := range found {
			add(kind, regexp.MustCompile(`"\+[a-z.]+\+"`).ReplaceAllString(name, "/"))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// matches are what stands in the parentheses of form wherever it is found in the sources of a package.
func matches(t *testing.T, dir string, form *regexp.Regexp) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(dir), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range form.FindAllStringSubmatch(read(t, file), -1) {
			out = append(out, m[1])
		}
	}
	return out
}

// TestDocumentedMetrics looks for every metric that a document names.
func TestDocumentedMetrics(t *testing.T) {
	known := map[string]bool{"exporter": true, "unbound": true} // The program, and an image of deploy/compose.yml.
	for _, name := range names(t) {
		if kind, name, _ := strings.Cut(name, " "); kind == "metric" {
			known[name] = true
		}
	}
	seen := 0
	for _, page := range append(documents(t), "../SECURITY.md", "../CONTRIBUTING.md", "../CHANGELOG.md") {
		for _, m := range regexp.MustCompile(`\bmailprobe_([a-z0-9_]*[a-z0-9])`).FindAllStringSubmatch(read(t, page), -1) {
			seen++
			name := m[1]
			for _, suffix := range []string{"_count", "_sum", "_bucket"} {
				name = strings.TrimSuffix(name, suffix)
			}
			if !known[name] {
				t.Errorf("%s: there is no metric %s", page, m[0])
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d names: the test looks in the wrong place", seen)
	}
}
