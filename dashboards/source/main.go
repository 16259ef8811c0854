// The program source writes the Grafana dashboards in dashboards/grafana. They are made here so that five files speak one
// language: what a metric is asked for, what a colour means and where a row leads stands once, in panels.go and queries.go, and
// each dashboard is a list of panels in a file of its own.
//
// It is a module of its own: the SDK it is written with is nothing that the exporter needs. Its test compares the files with what it
// would write, and `make dashboards` writes them. They are in Grafana's classic form (schema version 42), which 10.0 and later import, and
// not in the second one, which needs Grafana 12.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// boards are the dashboards by the name of their file.
var boards = []struct {
	file string
	make func() *builder
}{
	{"overview.json", overview},
	{"server.json", server},
	{"domain.json", domain},
	{"reputation.json", reputation},
	{"exporter.json", exporter},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: source DIRECTORY")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "source: %v\n", err)
		os.Exit(1)
	}
}

// write writes every dashboard into a directory.
func write(dir string) error {
	for _, b := range boards {
		text, err := render(b.make())
		if err != nil {
			return fmt.Errorf("make %s: %w", b.file, err)
		}
		if err := os.WriteFile(filepath.Join(dir, b.file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// render is a dashboard as Grafana imports it.
func render(b *builder) ([]byte, error) {
	d, err := b.Build()
	if err != nil {
		return nil, err
	}
	arrange(d.Panels)
	for i := range d.Templating.List {
		v := &d.Templating.List[i]
		v.Auto, v.AutoMin, v.AutoCount = nil, nil, nil // The SDK gives all what only variables with intervals have.
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(d)
	return out.Bytes(), err
}

// columns is how many Grafana divides the page into.
const columns = 24

// arrange gives the panels their ids, and their places: each goes as high as it can, and there as far to the left.
func arrange(panels []dashboard.PanelOrRowPanel) {
	var taken [columns]uint32 // How far down each column is taken.
	for i, p := range panels {
		p.Panel.Id = new(uint32(i + 1))
		g := p.Panel.GridPos
		for x := uint32(0); x+g.W <= columns; x++ {
			if y := slices.Max(taken[x : x+g.W]); x == 0 || y < g.Y {
				g.X, g.Y = x, y
			}
		}
		for x := g.X; x < g.X+g.W; x++ {
			taken[x] = g.Y + g.H
		}
	}
}
