package docs

import (
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// problemsPage is docs/problems.md: a table of all problems, then each one, by check in the order of the table of checks.
func problemsPage(lang catalog.Lang) string {
	built := map[string]bool{}
	for _, c := range checks.All {
		for _, id := range c.Problems {
			built[id] = true
		}
	}
	byCheck := map[string][]catalog.Problem{}
	for _, p := range catalog.Problems() {
		byCheck[p.Check] = append(byCheck[p.Check], p)
	}
	return made(lang, func(p *page) {
		p.settings = "replies" + p.suffix() + ".md"
		p.tableHead("problem", "severity", "says", "found")
		for _, c := range targets.Checks {
			for _, problem := range byCheck[c.Name] {
				found := p.label("notYet")
				if built[problem.ID] {
					found = strings.TrimSpace(p.label("by") + " `" + c.Name + "`")
				}
				p.f("| [`%s`](#%s) | %s | %s | %s |\n", problem.ID, problem.ID, problem.Severity, cell(p.text(problem.Title)), found)
			}
		}
		p.f("\n")
		for _, c := range targets.Checks {
			if len(byCheck[c.Name]) == 0 {
				continue
			}
			p.f("## %s\n\n", c.Name)
			for _, problem := range byCheck[c.Name] {
				p.problem(&problem)
			}
		}
	})
}

func (p *page) problem(problem *catalog.Problem) {
	p.entry(problem.ID, code(problem.ID)+": "+p.text(problem.Title))
	p.f("%s: %s.", sentenceCase(p.label("severity")), problem.Severity)
	if when := p.text(problem.When); when != "" {
		p.f(" %s: %s", p.label("when"), when)
	}
	p.f("\n\n")
	p.advice(&problem.Advice)
	p.f("%s: %s.\n\n", p.label("who"), p.text(problem.Who.Text()))
	p.references(problem.References)
}

// sentenceCase is s with a capital.
func sentenceCase(s string) string {
	r := []rune(s)
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}
