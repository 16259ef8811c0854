package docs

import (
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/dashboards"
)

// alertsPage is docs/alerts.md: a table of all alerts, those that no problem of the catalogue explains, and what may be set.
func alertsPage(t *testing.T, lang catalog.Lang) string {
	rules, err := dashboards.Rules()
	if err != nil {
		t.Fatal(err)
	}
	return made(lang, func(p *page) {
		p.tableHead("alert", "severity", "for", "keep", "says")
		for _, r := range rules {
			severity, link := r.Severity, "problems"+p.suffix()+".md#"+r.Problem
			if severity == "" {
				severity = p.label("ofProblem")
			}
			if r.Meaning.EN != "" {
				link = "#" + strings.ToLower(r.Name)
			}
			p.f("| [`%s`](%s) | %s | %s | %s | %s |\n", r.Name, link, severity, r.For, r.Keep, cell(p.text(r.Summary)))
		}
		p.f("\n")
		p.section("ownAlerts")
		for _, r := range rules {
			if r.Meaning.EN == "" {
				continue
			}
			p.entry(strings.ToLower(r.Name), code(r.Name)+": "+p.text(r.Summary))
			p.f("%s\n\n", p.text(r.Meaning))
			p.help(nil, p.texts(r.Remedies))
		}
		p.section("thresholds")
		p.tableHead("name", "default", "means")
		for _, s := range dashboards.Settings() {
			p.f("| `%s` | %s | %s |\n", s.Name, code(s.Default), cell(p.text(s.Help)))
		}
	})
}
