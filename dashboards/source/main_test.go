package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const files = "../grafana"

// TestFiles compares the committed files with what is made here.
func TestFiles(t *testing.T) {
	committed, err := filepath.Glob(filepath.Join(files, "*.json"))
	if err != nil || len(committed) != len(boards) {
		t.Errorf("%d dashboards are committed, %d are made: %v", len(committed), len(boards), err)
	}
	for _, b := range boards {
		want, err := render(b.make())
		if err != nil {
			t.Errorf("make %s: %v", b.file, err)
			continue
		}
		got, err := os.ReadFile(filepath.Join(files, b.file))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not what its source makes (%v); run `make dashboards`", b.file, err)
		}
	}
}

// A made dashboard is what the rules below look at.
type made struct {
	UID           string
	SchemaVersion int
	Tags          []string
	Templating    struct{ List []variable }
	Annotations   struct{ List []map[string]any }
	Links         []struct{ URL string }
	Panels        []madePanel
}

type variable struct {
	Name, Type string
	Multi      bool
	IncludeAll bool
}

type madePanel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ UID string }
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct {
		RefID, Expr string
		Datasource  struct{ UID string }
	}
	FieldConfig struct {
		Defaults struct {
			Unit string
		}
	}
}

var (
	aSelector = regexp.MustCompile(`(\w+)\{[^}]*\}`)
	aRate     = regexp.MustCompile(`\b(rate|irate|increase)\(`)
	aLink     = regexp.MustCompile(`/d/([\w-]+)`)
)

// TestRules holds every dashboard to what Grafana's linter and our readers ask of it.
func TestRules(t *testing.T) {
	uids := map[string]bool{}
	for _, b := range boards {
		text, err := render(b.make())
		if err != nil {
			t.Fatal(err)
		}
		var d made
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatal(err)
		}
		uids[d.UID] = true
		if d.UID != "mailprobe-"+strings.TrimSuffix(b.file, ".json") || d.SchemaVersion < 42 || len(d.Tags) != 1 || d.Tags[0] != tag {
			t.Errorf("%s: uid %s, schema version %d, tags %q", b.file, d.UID, d.SchemaVersion, d.Tags)
		}
		if len(d.Links) != len(boards)-1 {
			t.Errorf("%s: %d links to other dashboards", b.file, len(d.Links))
		}
		if len(d.Annotations.List) == 0 {
			t.Errorf("%s: no annotations", b.file)
		}
		for i, want := range []variable{{"datasource", "datasource", false, false}, {"job", "query", true, true}, {"instance", "query", true, true}} {
			if d.Templating.List[i] != want {
				t.Errorf("%s: variable %d is %+v, want %+v", b.file, i, d.Templating.List[i], want)
			}
		}
		for _, p := range d.Panels {
			p.check(t, b.file)
		}
		wantPlaces(t, b.file, d.Panels)
	}
	for _, b := range boards {
		text, err := render(b.make())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range aLink.FindAllStringSubmatch(string(text), -1) {
			if !uids[m[1]] {
				t.Errorf("%s leads to %s, which there is not", b.file, m[0])
			}
		}
	}
}

// check holds a panel to the rules.
func (p madePanel) check(t *testing.T, file string) {
	if p.Title == "" || !strings.HasSuffix(p.Description, ".") || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
		t.Errorf("%s: panel %q wants a title, a sentence about it, the chosen data source and a query", file, p.Title)
	}
	if p.Type != "table" && p.FieldConfig.Defaults.Unit == "" {
		t.Errorf("%s: panel %q has no unit", file, p.Title)
	}
	for _, q := range p.Targets {
		if q.RefID == "" || q.Datasource.UID != "${datasource}" {
			t.Errorf("%s: panel %q: query %+v", file, p.Title, q)
		}
		selectors := aSelector.FindAllString(q.Expr, -1)
		for _, s := range selectors {
			if !strings.Contains(s, selected) {
				t.Errorf("%s: panel %q: %s does not ask the chosen exporters only", file, p.Title, s)
			}
		}
		if len(selectors) == 0 {
			t.Errorf("%s: panel %q: no selector in %s", file, p.Title, q.Expr)
		}
		if aRate.MatchString(q.Expr) && !strings.Contains(q.Expr, "[$__rate_interval]") {
			t.Errorf("%s: panel %q: a rate over something else than $__rate_interval: %s", file, p.Title, q.Expr)
		}
	}
}

// wantPlaces wants panels beside each other, with one id each, and no hole between them.
func wantPlaces(t *testing.T, file string, panels []madePanel) {
	taken, ids, end := map[[2]int]string{}, map[int]bool{}, 0
	for _, p := range panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s: panel %q has the id %d of another, or none", file, p.Title, p.ID)
		}
		ids[p.ID] = true
		g := p.GridPos
		end = max(end, g.Y+g.H)
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x > 23 {
					t.Errorf("%s: panel %q stands where %q is, or outside", file, p.Title, other)
					return
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	if len(taken) != 24*end {
		t.Errorf("%s: %d of %d places are taken", file, len(taken), 24*end)
	}
}
