package main

import "fmt"

// problems is a table of problems, the gravest first, each with what the other side said and a way to what to do.
func problems(title, description string, w, h uint32, expr string) panel {
	p := listed(title, description, w, h, true, []column{
		{field: "Value", title: "Severity", width: 90, styles: as(severities)},
		{field: "target", title: "Target", width: 260, styles: settings{toDashboard(rowsDashboard, "target")}},
		{field: "problem", title: "Problem", width: 230, styles: settings{
			link("What it means and what to do", catalogue+"problems.md#${__data.fields.problem}", true),
		}},
		{field: "cause", title: "Cause"},
		{field: "code", title: "Reply", width: 70},
		{field: "stage", title: "Stage", width: 90},
		{field: "check"},
		{field: "kind"},
		{field: "dashboard"},
		{field: "severity"},
	}, rows(expr))
	return p.NoValue("no problem is known")
}

// mostProblems is how many rows a table of problems has: more than one can read, and no more than a browser can bear.
const mostProblems = 200

// postureOverTime shows how each check of the chosen target stood.
func postureOverTime(title, description string, w, h uint32) panel {
	return timeline(title, description, w, h, over("{{check}}", posture(here))).
		Unit("none").Mappings(meaning(postures...))
}

// gravest are the worst problems of those given by matchers, with their causes and dashboards.
func gravest(matchers ...string) string {
	return fmt.Sprintf("topk(%d, %s)", mostProblems, leading(explained(matchers...)))
}

// gravestOf are the worst problems of the targets that a vector is about.
func gravestOf(targets string) string {
	return fmt.Sprintf("topk(%d, %s)", mostProblems, leading(fmt.Sprintf("(%s\nand on (target) (%s))", explained(), targets)))
}
