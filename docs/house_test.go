package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/mailprobe/mailprobe_exporter/"

// doors says who may import what stands behind one door. Tests may too where tested is set.
var doors = []struct {
	path    string
	allowed []string
}{
	{"github.com/miekg/dns", []string{"collector/dnsclient", "collector/mailworld"}},
	{"gopkg.in/yaml.v3", []string{"targets", "catalog"}},
	{"github.com/prometheus/", []string{"collector", "cmd/mailprobe_exporter"}},
	{"github.com/alecthomas/kingpin", []string{"cmd/mailprobe_exporter"}},
	{"golang.org/x/sys", []string{"collector/dnsclient", "collector/smtpclient"}},
	{"golang.org/x/term", []string{"cmd/mailprobe_exporter"}},
	{"blitiri.com.ar/", nil}, // Tests read its copy of the SPF test suite.
	{"net/smtp", nil},
	{"net/textproto", nil},
}

// below says which packages of the house each package may import.
var below = map[string][]string{
	"catalog":                {},
	"catalog/bounce":         {"catalog"},
	"targets":                {"catalog"},
	"collector/record":       {},
	"collector/spf":          {"collector/record"},
	"collector/dnsclient":    {},
	"collector/smtpclient":   {},
	"collector/storage":      {},
	"collector/mailworld":    {"catalog"},
	"collector/checks":       {"catalog", "targets", "collector/record", "collector/spf", "collector/dnsclient", "collector/smtpclient"},
	"collector":              {"catalog", "targets", "collector/checks", "collector/dnsclient", "collector/smtpclient", "collector/storage"},
	"dashboards":             {"catalog"},
	"release":                {},
	"cmd/mailprobe_exporter": {"catalog", "catalog/bounce", "targets", "collector", "collector/checks", "collector/record", "collector/dnsclient", "collector/mailworld", "dashboards"},
}

// TestDoors keeps imports running downwards and each library behind its door.
func TestDoors(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			if path != ".." && (strings.HasPrefix(name, ".") || name == "testdata" || err == nil) { // A module of its own is another house.
				return filepath.SkipDir
			}
			return nil
		}
		// Tests may use more: a fake peer, the mail world, a registry to compare with.
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		allowed, ok := below[pkg]
		if !ok {
			t.Errorf("%s: package %s has no place in the house; give it one here and in CONTRIBUTING.md", path, pkg)
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		seen++
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if own, ok := strings.CutPrefix(imported, module); ok {
				if !slices.Contains(allowed, own) {
					t.Errorf("%s imports %s, which does not lie below it", path, own)
				}
				continue
			}
			for _, door := range doors {
				if strings.HasPrefix(imported, door.path) && !slices.Contains(door.allowed, pkg) {
					t.Errorf("%s imports %s, which stays behind %v", path, imported, door.allowed)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Fatalf("only %d files seen: the test looks in the wrong place", seen)
	}
}
