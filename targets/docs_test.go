package targets

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// withFiles returns a text in which /etc/mailprobe_exporter is a directory that holds what the documents name there.
func withFiles(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"smtp.pw", "dqs.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("s3cret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pem, err := os.ReadFile("testdata/files/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), pem, 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(text, "/etc/mailprobe_exporter", dir)
}

func documented(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mustParse parses an example of the documents; it must not even be warned about.
func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	o := testOptions()
	o.Getenv = func(string) string { return "s3cret" }
	cfg, err := Parse(filepath.Join(t.TempDir(), "exporter.yml"), []byte(withFiles(t, text)), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, w := range cfg.Warnings {
		if !strings.Contains(w, "nothing is probed") && !strings.Contains(w, "no target has the label") {
			t.Errorf("warning: %s", w)
		}
	}
	return cfg
}

// TestExample parses the example that ships, as it is and with every example line in use.
func TestExample(t *testing.T) {
	text := documented(t, "../exporter.yml")
	if cfg := mustParse(t, text); len(cfg.Targets) != 3 {
		t.Errorf("%d targets", len(cfg.Targets))
	}
	all := regexp.MustCompile(`(?m)^#(  )?([^ #])`).ReplaceAllString(text, "$1$2")
	all = regexp.MustCompile(`(?m)^#(    +\S)`).ReplaceAllString(all, "$1")
	cfg := mustParse(t, all)
	if cfg.HeloName == "" || len(cfg.Targets) != 6 || len(cfg.Ignore) != 2 || cfg.Modules["quick"] == nil || len(cfg.AlertLabels) != 1 {
		t.Errorf("not every example line is in use: %+v", cfg)
	}
}

// ofOthers tells files of Prometheus and Alertmanager, which the integration tests give to promtool and amtool.
var ofOthers = regexp.MustCompile(`(?m)^(scrape_configs|groups|route):`)

// TestDocumentedExamples parses every example of exporter.yml, target files and catalogue files in the documents.
func TestDocumentedExamples(t *testing.T) {
	blocks := 0
	for _, file := range []string{"../docs/configuration.md", "../docs/allowlisting.md", "../docs/many-domains.md", "../docs/many-domains.ru.md", "../README.md", "../README.ru.md"} {
		for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(documented(t, file), -1) {
			if ofOthers.MatchString(m[1]) {
				continue
			}
			blocks++
			if strings.HasPrefix(m[1], "# catalog.d/") {
				if cfg, err := withCatalogFile(t, m[1], ""); err != nil || cfg.catalog == nil {
					t.Errorf("the example of a catalogue file: %v", err)
				}
				continue
			}
			mustParse(t, m[1])
		}
	}
	if blocks < 14 {
		t.Errorf("%d examples: the test looks in the wrong place", blocks)
	}
}

// TestEveryKeyDocumented looks for every key of the grammar on the page of the configuration.
func TestEveryKeyDocumented(t *testing.T) {
	page := documented(t, "../docs/configuration.md")
	keys := 0
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			visit(typ.Elem())
		case reflect.Struct:
			for f := range typ.Fields() {
				key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
				if key == "" {
					continue // A node.
				}
				keys++
				if !regexp.MustCompile("`([a-z_]+\\.)?"+key+"(: none|\\.[a-z_]+)?`").MatchString(page) && !strings.Contains(page, "## "+key+"\n") {
					t.Errorf("the key %s is not on the page", key)
				}
				visit(f.Type)
			}
		}
	}
	visit(reflect.TypeFor[writtenConfig]())
	if keys < 70 {
		t.Errorf("%d keys: the test looks in the wrong place", keys)
	}
}
