package dashboards

import (
	"fmt"
	"math"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// listingSeries has every listing that is a problem: the same subject on the same list once, whoever saw it, on whichever
// targets. An ignored listing is none.
const listingSeries = "subject_list:mailprobe_dnsbl_listing:max"

func (m *maker) listingRecord() record {
	listing := m.series("dnsbl_listing", `code!="other"`)
	problem := m.series("problem", `problem="dnsbl_listed"`)
	join := fmt.Sprintf("and on (job, instance, target) %s", problem)
	if len(m.alertLabels) > 0 {
		join = fmt.Sprintf("* on (job, instance, target) group_left (%s) topk by (job, instance, target) (1, %s)", m.by(), problem)
	}
	return record{listingSeries, fmt.Sprintf("max by (%s) (\n  %s\n  %s\n)", m.by("subject", "list", "severity"), listing, join)}
}

// blocklists are the alerts about listings, and about lists that cannot be used.
func (m *maker) blocklists() group {
	return group{name: "mailprobe-blocklists", alerts: []alert{m.listed(), m.listedOnSeveral(), m.listRefuses(), m.listSick()}}
}

// listed is one alert for each subject on each list, as grave as the gravest code that the list answers. A list that
// matters is critical, one that few ask is a warning, and a policy list about a server that only receives is a notice.
func (m *maker) listed() alert {
	of := func(severity string) string { return listingSeries + "{severity=" + severity + "}" }
	p, _ := catalog.ProblemByID("dnsbl_listed")
	return alert{
		name: "MailprobeDNSBLListed",
		expr: fmt.Sprintf("%s\nor (%s unless on (subject, list) %s)\nor (%s unless on (subject, list) %s)",
			of(`"critical"`), of(`"warning"`), of(`"critical"`), of(`"info"`), of(`~"critical|warning"`)),
		pace:      m.listings,
		problem:   p.ID,
		dashboard: "reputation",
		summary:   p.Title,
		subject:   "{{ $labels.subject }}, {{ $labels.list }}",
		table:     listingSeries,
		evidence:  []evidence{m.listingEvidence()},
		meaning:   p.Meaning,
		remedies:  filled(p.Remedies, catalog.Values{catalog.ValueSubject: "{{ $labels.subject }}", catalog.ValueList: "{{ $labels.list }}"}),
		cases:     m.listing("203.0.113.9", "one", "warning"),
		fires:     `subject="203.0.113.9",list="one",severity="warning"`,
	}
}

// listedOnSeveral is the same trouble in a size that is no longer that of one list.
func (m *maker) listedOnSeveral() alert {
	p, _ := catalog.ProblemByID("dnsbl_listed")
	a := alert{
		name: "MailprobeDNSBLListedOnSeveral",
		expr: fmt.Sprintf("count by (%s) (\n  count by (%s) (%s{severity=~\"critical|warning\"})\n) >= %g",
			m.by("subject"), m.by("subject", "list"), listingSeries, m.listedLists),
		pace:      m.listings,
		severity:  catalog.SeverityCritical,
		problem:   p.ID,
		dashboard: "reputation",
		summary:   catalog.Text{EN: "An address or domain is on several blocklists at once", RU: "Адрес или домен сразу в нескольких чёрных списках"},
		subject:   "{{ $labels.subject }}",
		table:     listingSeries,
		evidence:  []evidence{m.listingEvidence()},
		meaning: catalog.Text{
			EN: "{{ $value }} blocklists list it. Lists that know nothing of one another seldom err together: spam is leaving through it, or did until lately.",
			RU: "Он сразу в нескольких чёрных списках, всего их {{ $value }}. Независимые списки редко ошибаются вместе: через него идёт спам или шёл до недавнего времени.",
		},
		remedies: filled(p.Remedies, catalog.Values{catalog.ValueSubject: "{{ $labels.subject }}"}),
		fires:    `subject="203.0.113.10",severity="critical"`,
	}
	for i := range int(math.Ceil(m.listedLists)) {
		list := fmt.Sprintf("list%d", i)
		a.cases = append(a.cases, m.listing("203.0.113.10", list, "warning")...)
		a.also = append(a.also, fmt.Sprintf(`alertname="MailprobeDNSBLListed",subject="203.0.113.10",list=%q,severity="warning"`, list))
	}
	return a
}

// listing is what a test needs to see a sender listed.
func (m *maker) listing(address, list, severity string) []sample {
	return []sample{
		{metric: "dnsbl_listing", labels: fmt.Sprintf(`target=%q,subject=%q,list=%q,code="127.0.0.2",meaning="spam_source",severity=%q`, address, address, list, severity), fault: "1"},
		{metric: "problem", labels: fmt.Sprintf(`target=%q,check="dnsbl",problem="dnsbl_listed",severity=%q`, address, severity), fault: "1"},
	}
}

// listingEvidence is what the lists answer, and on which targets it shows.
func (m *maker) listingEvidence() evidence {
	return evidence{
		fmt.Sprintf("max by (target, list, code, meaning) (%s)", m.series("dnsbl_listing", "subject=%q")), "subject",
		"{{ .Labels.list }}: {{ .Labels.code }} {{ .Labels.meaning }} ({{ .Labels.target }})",
	}
}

// listRefuses and listSick are told of a list that none of several exporters can use: while one is served, its verdicts count.
// They have the label list, by which Alertmanager silences listings.
func (m *maker) listRefuses() alert {
	a := m.listState("vantage_dnsbl_refused", `state="blocked"`)
	a.fires = `list="refusing",severity="warning"`
	a.cases = m.sickList("refusing", "blocked", "vantage_dnsbl_refused", "warning")
	return a
}

func (m *maker) listSick() alert {
	a := m.listState("vantage_dnsbl_sick", `state=~"hijacked|lists_world|dead|error"`)
	a.fires = `list="gone",severity="info"`
	a.cases = m.sickList("gone", "dead", "vantage_dnsbl_sick", "info")
	return a
}

// listState is the alert about a list in a state that is a problem of the vantage, with that problem's severity.
func (m *maker) listState(id, states string) alert {
	p, _ := catalog.ProblemByID(id)
	// Where a third label tells replicas apart, as with Thanos, job and instance are those of several.
	problem := fmt.Sprintf("topk by (job, instance) (1, max by (job, instance, severity) (%s))", m.series("problem", fmt.Sprintf("problem=%q", id)))
	return alert{
		name: alertName(id),
		expr: fmt.Sprintf("max by (list, severity) (\n  %s\n  * on (job, instance) group_left (severity) %s\n)\nunless on (list) %s",
			m.series("dnsbl_state", states), problem,
			m.series("dnsbl_state", `state=~"ok|unverified"`)),
		pace:      m.lists,
		problem:   id,
		dashboard: "reputation",
		summary:   p.Title,
		subject:   "{{ $labels.list }}",
		table:     m.series("dnsbl_state"),
		evidence:  []evidence{{fmt.Sprintf("max by (instance, state) (%s)", m.series("dnsbl_state", "list=%q")), "list", "{{ .Labels.instance }}: {{ .Labels.state }}"}},
		meaning:   p.Meaning,
		remedies:  filled(p.Remedies, catalog.Values{catalog.ValueList: "{{ $labels.list }}"}),
	}
}

// sickList is what a test needs to see a list in a state.
func (m *maker) sickList(list, state, problem, severity string) []sample {
	return []sample{
		{metric: "dnsbl_state", labels: fmt.Sprintf("list=%q,state=%q", list, state), fault: "1"},
		{metric: "dnsbl_state", labels: fmt.Sprintf(`list=%q,state="ok"`, list), well: "1"},
		{metric: "problem", labels: fmt.Sprintf(`target="vantage",check="vantage",problem=%q,severity=%q`, problem, severity), fault: "1"},
	}
}
