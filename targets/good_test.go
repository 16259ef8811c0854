package targets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// load reads a file of testdata that must be good.
func load(t testing.TB, file string) *Config {
	t.Helper()
	cfg, err := Load(file, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// parseGood parses a text that must be good.
func parseGood(t testing.TB, text string) *Config {
	t.Helper()
	cfg, err := Parse("exporter.yml", []byte(text), testOptions())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestGood compares what a configuration means, defaults filled in, with the .txt beside it.
func TestGood(t *testing.T) {
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"defaults", "targets", "modules", "blocklists", "aliases", "rules"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata/good", name)
			got := string(load(t, file+".yml").Marshal())
			var rest []string
			for line := range strings.Lines(strings.ReplaceAll(got, dir, "/testdata")) {
				if !strings.HasPrefix(line, "# warning: ") || !strings.Contains(line, "chmod") { // As the working copy was made.
					rest = append(rest, line)
				}
			}
			got = strings.Join(rest, "")
			if *update {
				if err := os.WriteFile(file+".txt", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// TestMarshalParses shows that nothing is lost on the way out: what is written means the same.
func TestMarshalParses(t *testing.T) {
	for _, name := range []string{"contract", "defaults", "targets", "modules", "blocklists", "aliases", "rules"} {
		t.Run(name, func(t *testing.T) {
			first := load(t, filepath.Join("testdata/good", name+".yml"))
			text := first.Marshal()
			second, err := Parse("testdata/good/again.yml", text, testOptions())
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if again := second.Marshal(); stripComments(again) != stripComments(text) {
				t.Errorf("first:\n%s\nsecond:\n%s", text, again)
			}
			if len(first.Targets) != len(second.Targets) {
				t.Fatalf("%d targets, then %d", len(first.Targets), len(second.Targets))
			}
			for _, a := range first.Targets {
				if b := second.target(a.Name); b == nil || !a.Same(b) {
					t.Errorf("%s is not the same: %+v, %+v", a.Name, a, b)
				}
			}
		})
	}
}

func stripComments(text []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}
