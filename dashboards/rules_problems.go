package dashboards

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// problemGroups are the alerts that are made from the catalogue: one for each problem that may be more than a notice, in a
// group for each check. Their severity is the series', which is the catalogue's unless exporter.yml says otherwise.
func (m *maker) problemGroups() []group {
	var groups []group
	for _, p := range catalog.Problems() {
		if !hasAlert(&p) || blocklistProblems[p.ID] || p.ID == expiringProblem || p.Check == "vantage" {
			continue
		}
		name := "mailprobe-" + strings.ReplaceAll(p.Check, "_", "-")
		if len(groups) == 0 || groups[len(groups)-1].name != name {
			groups = append(groups, group{name: name})
		}
		last := &groups[len(groups)-1]
		last.alerts = append(last.alerts, m.problemAlert(&p))
	}
	return groups
}

// vantage are the alerts about the exporter's own machine.
func (m *maker) vantage() group {
	g := group{name: "mailprobe-vantage"}
	for _, p := range catalog.Problems() {
		if p.Check == "vantage" && hasAlert(&p) && !blocklistProblems[p.ID] {
			g.alerts = append(g.alerts, m.problemAlert(&p))
		}
	}
	return g
}

// blocklistProblems are told list by list: see blocklists.
var blocklistProblems = map[string]bool{"dnsbl_listed": true, "vantage_dnsbl_refused": true, "vantage_dnsbl_sick": true}

// greylistedProblem is told after hours: see greylisted.
const greylistedProblem = "recipient_greylisted"

// hasAlert reports whether a problem has an alert of its own. One that is a notice wherever it is found shares that of notices.
func hasAlert(p *catalog.Problem) bool {
	return p.Severity != catalog.SeverityInfo || p.When.EN != ""
}

// problemAlert is the alert of a problem.
func (m *maker) problemAlert(p *catalog.Problem) alert {
	target := fmt.Sprintf("target=%q,check=%q,problem=%q,severity=%q", "sick.example", p.Check, p.ID, p.Severity)
	return alert{
		name:      alertName(p.ID),
		expr:      m.exprOf(p),
		pace:      m.paceOf(p),
		problem:   p.ID,
		dashboard: dashboardOf(p),
		summary:   p.Title,
		subject:   "{{ $labels.target }}",
		table:     m.series("problem", "target=%q"),
		evidence:  m.evidenceOf(p),
		meaning:   p.Meaning,
		remedies:  remediesOf(p),
		cases:     []sample{{metric: "problem", labels: target, fault: "1"}},
		fires:     target + m.kept(),
	}
}

// remediesOf are the remedies of a problem with what the labels of its alert say. The rest is in the exporter's pages.
func remediesOf(p *catalog.Problem) []catalog.Text {
	const target = "{{ $labels.target }}"
	v := catalog.Values{catalog.ValueTarget: target}
	switch p.Check {
	case "smtp", "recipient", "auth", "relay", "dane":
		parts := func(form string) string {
			return `{{ reReplaceAll "^[[]?(.*?)[]]?:([0-9]+)$" "` + form + `" $labels.target }}`
		}
		v[catalog.ValueHost], v[catalog.ValuePort] = parts("$1"), parts("$2")
		v[catalog.ValueOpenCommand] = "nc -v " + parts("$1 $2")
		v[catalog.ValueTLSCommand] = `openssl s_client{{ if not (match ":465$" $labels.target) }} -starttls smtp{{ end }} -connect ` + target
	case "mx", "spf", "dkim", "dmarc", "dnssec", "mta_sts", "tls_rpt", "bimi", "bulk":
		v[catalog.ValueDomain] = target
	}
	return filled(p.Remedies, v)
}

// filled are the remedies that apply where these values are known, templates of Prometheus. What looks like one in the
// remedies is none.
func filled(list []catalog.Remedy, v catalog.Values) (out []catalog.Text) {
	list = slices.Clone(list)
	for i, r := range list {
		list[i].EN, list[i].RU = strings.ReplaceAll(r.EN, "{{", "{ {"), strings.ReplaceAll(r.RU, "{{", "{ {")
	}
	en, ru := catalog.FillRemedies(list, catalog.English, v), catalog.FillRemedies(list, catalog.Russian, v)
	for i := range en {
		out = append(out, catalog.Text{EN: en[i], RU: ru[i]})
	}
	return out
}

// exprOf says when the alert of a problem fires: while it stands, unless it follows from another that is told.
func (m *maker) exprOf(p *catalog.Problem) string {
	switch p.ID {
	case "bulk_not_met":
		return m.bulkExpr()
	case "mta_sts_mx_certificate":
		return m.stsExpr()
	}
	return m.problems(fmt.Sprintf("problem=%q", p.ID))
}

// paceOf says how long a problem has to stand. Checks differ in how often they run, and faults in how soon they pass.
func (m *maker) paceOf(p *catalog.Problem) pace {
	switch p.ID {
	case "smtp_deferred":
		return m.deferred
	case "recipient_deferred", "auth_deferred":
		return m.putOff
	}
	switch p.Check {
	case "smtp":
		return m.server
	case "recipient", "auth", "relay":
		return m.recipient
	case "mta_sts", "tls_rpt", "bimi", "bulk":
		return m.policies
	case "dnsbl":
		return m.listings
	case "vantage":
		return m.settings.vantage
	}
	return m.records // dane, rdns, mx, spf, dkim, dmarc, dnssec
}

// dashboardOf is the dashboard that shows what the check of a problem sees. It may be a template.
func dashboardOf(p *catalog.Problem) string {
	if p.ID == "mta_sts_mx_certificate" {
		return `{{ if match ":[0-9]+$" $labels.target }}server{{ else }}domain{{ end }}`
	}
	switch p.Check {
	case "smtp", "recipient", "auth", "relay", "dane":
		return "server"
	case "dnsbl", "rdns":
		return "reputation"
	case "vantage":
		return "exporter"
	}
	return "domain"
}

// evidenceOf is what was seen of a problem: replies and causes, results, names of keys.
func (m *maker) evidenceOf(p *catalog.Problem) []evidence {
	ofTarget := func(query, line string) evidence { return evidence{query, "target", line} }
	say := func(en, ru string) string { return catalog.Text{EN: en, RU: ru}.In(m.lang) }
	most := func(labels, metric string, matchers ...string) string {
		return fmt.Sprintf("max by (%s) (%s)", labels, m.series(metric, append([]string{"target=%q"}, matchers...)...))
	}
	certificate := []evidence{
		ofTarget(most("address, result", "certificate_verification", `result!="ok"`), "{{ .Labels.address }}: {{ .Labels.result }}"),
		ofTarget(most("address", "certificate_not_after_timestamp_seconds", `position="leaf"`), "{{ .Labels.address }}: notAfter {{ .Value | humanizeTimestamp }}"),
	}
	switch {
	case strings.HasPrefix(p.ID, "certificate_"):
		return append(certificate, m.dependants())
	case p.ID == "mta_sts_mx_certificate": // Of a server, or of a domain.
		return append(certificate, ofTarget(most("address, stage, reason", "smtp_failure"), "{{ .Labels.address }}, {{ .Labels.stage }}: {{ .Labels.reason }}"), m.dependants(),
			ofTarget(most("mode", "mta_sts_mode"), "mode: {{ .Labels.mode }}"))
	case p.Check == "smtp", p.Check == "recipient", p.Check == "auth", p.Check == "relay":
		return append([]evidence{
			ofTarget(most("address, stage, code, enhanced, cause", "smtp_reply", `class=~"transient|permanent"`),
				"{{ .Labels.address }}, {{ .Labels.stage }}: {{ .Labels.code }}{{ with .Labels.enhanced }} {{ . }}{{ end }} ({{ .Labels.cause }})"),
			ofTarget(most("address, stage, reason", "smtp_failure"), "{{ .Labels.address }}, {{ .Labels.stage }}: {{ .Labels.reason }}"),
		}, m.dependants())
	}
	switch p.Check {
	case "dane":
		return []evidence{ofTarget(most("address", "dane_match")+" == 0", "{{ .Labels.address }}: "+say("no TLSA record matches", "ни одна TLSA-запись не подходит")), m.dependants()}
	case "rdns":
		return []evidence{ofTarget(most("address", "rdns_names"), "{{ .Labels.address }}: "+say("names in PTR: {{ .Value }}", "имён в PTR: {{ .Value }}"))}
	case "spf":
		return []evidence{
			ofTarget(most("sender, address, identity, result", "spf_result", `result!="pass"`), "{{ .Labels.address }}, {{ .Labels.identity }}: {{ .Labels.result }}"),
			ofTarget(most("target", "spf_lookups")+" > 10", say("DNS lookups: {{ .Value }}, of 10 allowed", "запросов к DNS: {{ .Value }} при пределе 10")),
		}
	case "dkim":
		return []evidence{
			ofTarget(most("selector", "dkim_key_valid")+" == 0", "{{ .Labels.selector }}._domainkey.{{ $labels.target }}"),
			ofTarget(most("selector, key_type", "dkim_key_bits"), "{{ .Labels.selector }}: {{ .Labels.key_type }}, {{ .Value }} bit"),
		}
	case "dmarc":
		return []evidence{ofTarget(most("policy, subdomain_policy, found_at", "dmarc_policy"), "{{ .Labels.found_at }}: p={{ .Labels.policy }}, sp={{ .Labels.subdomain_policy }}")}
	case "mx":
		return []evidence{ofTarget(most("server, preference", "mx_info"), "MX {{ .Labels.preference }} {{ .Labels.server }}")}
	case "mta_sts":
		return []evidence{
			ofTarget(most("mode", "mta_sts_mode"), "mode: {{ .Labels.mode }}"),
			ofTarget(most("server", "mta_sts_mx_covered")+" == 0", "{{ .Labels.server }}: "+say("not in the policy", "нет в политике")),
		}
	case "bulk":
		return []evidence{ofTarget(most("provider, requirement", "bulk_requirement")+" == 0", "{{ .Labels.provider }}: {{ .Labels.requirement }}")}
	case "vantage":
		return []evidence{ofTarget(fmt.Sprintf("max by (instance) (%s)", m.series("problem", "target=%q", fmt.Sprintf("problem=%q", p.ID))), "{{ .Labels.instance }}")}
	}
	return nil
}

// dependants says how many domains receive mail through the server that an alert is about.
func (m *maker) dependants() evidence {
	words := catalog.Text{EN: "domains that receive mail through it: {{ printf `%.0f` .Value }}", RU: "доменов, получающих почту через него: {{ printf `%.0f` .Value }}"}
	return evidence{fmt.Sprintf("count(max by (target) (%s))", m.series("mx_info", "server=%q")), "target", words.In(m.lang)}
}

// notices is one alert for everything that is merely worth knowing. It is routed to nobody unless somebody wants it.
func (m *maker) notices() group {
	var ids []string
	for _, p := range catalog.Problems() {
		if !hasAlert(&p) && !blocklistProblems[p.ID] && p.ID != greylistedProblem {
			ids = append(ids, p.ID)
		}
	}
	const fires = `target="sick.example",check="bimi",problem="bimi_missing",severity="info"`
	notice := alert{
		name:      "MailprobeNotice",
		expr:      m.problems(fmt.Sprintf("problem=~%q", strings.Join(ids, "|"))),
		pace:      m.policies,
		dashboard: "overview",
		summary:   catalog.Text{EN: "Something could be better", RU: "Кое-что можно улучшить"},
		subject:   "{{ $labels.target }}",
		table:     m.series("problem", "target=%q"),
		meaning: catalog.Text{
			EN: "{{ $labels.problem }}. Mail goes on as it does. `mailprobe_exporter explain {{ $labels.problem }}` says what it means and what to do.",
			RU: "{{ $labels.problem }}. На почту это пока не влияет. Что это значит и что делать, скажет `mailprobe_exporter explain {{ $labels.problem }}`.",
		},
		cases: []sample{{metric: "problem", labels: fires, fault: "1"}},
		fires: fires + m.kept(),
	}
	return group{name: "mailprobe-notices", alerts: []alert{notice, m.spfNearLimit(), m.greylisted(), m.recordChanged()}}
}

// spfNearLimit warns before spf_too_many_lookups, the next time that a provider changes its record.
func (m *maker) spfNearLimit() alert {
	lookups := m.series("spf_lookups")
	return alert{
		name:      "MailprobeSPFLookupsNearLimit",
		expr:      m.routed(fmt.Sprintf("max by (target) (%s) >= %g\nunless on (target) %s > 10", lookups, m.lookupsNear, lookups)),
		pace:      m.records,
		severity:  catalog.SeverityInfo,
		problem:   "spf_too_many_lookups",
		dashboard: "domain",
		summary:   catalog.Text{EN: "The SPF record is near its limit of 10 lookups", RU: "SPF-запись близка к пределу в 10 запросов"},
		subject:   "{{ $labels.target }}",
		table:     m.series("spf_lookups", "target=%q"),
		meaning: catalog.Text{
			EN: "{{ $value }} of the 10 DNS lookups that receivers allow are used. When one of the included providers adds one to its record, receivers give up.",
			RU: "Из 10 запросов к DNS, которые допускают получатели, занято {{ $value }}. Стоит провайдеру из include добавить запрос в свою запись, и проверка сломается.",
		},
		remedies: []catalog.Text{{EN: "Take out of the record what no longer sends, before it breaks.", RU: "Уберите из записи тех, кто больше не отправляет, пока она работает."}},
		cases:    []sample{{metric: "spf_lookups", labels: `target="sick.example"`, well: "3", fault: "10"}},
		fires:    `target="sick.example",severity="info"`,
	}
}

// greylisted tells when greylisting does not pass: a server that tries again is let in after minutes.
func (m *maker) greylisted() alert {
	const fires = `target="sick.example",check="recipient",problem="recipient_greylisted",severity=`
	return alert{
		name:      "MailprobeGreylistedForHours",
		expr:      m.problems(fmt.Sprintf("problem=%q", greylistedProblem)),
		pace:      pace{m.greylistedFor, m.putOff.keep},
		severity:  catalog.SeverityWarning,
		problem:   greylistedProblem,
		dashboard: "server",
		summary:   catalog.Text{EN: "The server has been greylisting the same sender for hours", RU: "Сервер часами держит одного и того же отправителя в сером списке"},
		subject:   "{{ $labels.target }}",
		table:     m.series("problem", "target=%q"),
		evidence:  m.evidenceOf(&catalog.Problem{Check: "recipient"}),
		meaning: catalog.Text{
			EN: "Greylisting puts off whom the server does not know and lets in who comes again. Here the same sender comes again and again and is still put off.",
			RU: "Серый список задерживает незнакомых и впускает тех, кто повторил попытку. Здесь один и тот же отправитель повторяет её раз за разом, и его всё не впускают.",
		},
		remedies: []catalog.Text{{
			EN: "On your own server see whether the greylist keeps what it learns (its database, its expiry), and allow the prober's address.",
			RU: "На своём сервере проверьте, сохраняет ли серый список то, что узнал (база, срок хранения), и разрешите адрес экспортёра.",
		}},
		cases: []sample{{metric: "problem", labels: fires + `"info"`, fault: "1"}},
		fires: fires + `"warning"` + m.kept(),
	}
}

// recordChanged shows a change for a while. Changes are no faults.
func (m *maker) recordChanged() alert {
	const series = `target="sick.example",record="spf",name="sick.example"`
	return alert{
		name:      "MailprobeRecordChanged",
		expr:      m.routed(fmt.Sprintf("time() - max by (target, record, name) (%s) < %d", m.series("record_change_timestamp_seconds"), seconds(m.changedFor))),
		severity:  catalog.SeverityInfo,
		dashboard: "domain",
		summary:   catalog.Text{EN: "A record in DNS has changed", RU: "В DNS изменилась запись"},
		subject:   "{{ $labels.target }}",
		table:     m.series("record_change_timestamp_seconds", "target=%q"),
		meaning: catalog.Text{
			EN: "The record {{ $labels.record }} at {{ $labels.name }} changed {{ $value | humanizeDuration }} ago, as seen from the exporter.",
			RU: "Запись {{ $labels.record }} у {{ $labels.name }} изменилась {{ $value | humanizeDuration }} назад, как это видит экспортёр.",
		},
		remedies: []catalog.Text{{EN: "If nobody of yours did that, ask who has access to the zone.", RU: "Если это сделал никто из ваших, выясните, у кого есть доступ к зоне."}},
		cases:    []sample{{metric: "record_change_timestamp_seconds", labels: series, fault: stamp(0)}},
		fires:    series + `,severity="info"`,
	}
}
