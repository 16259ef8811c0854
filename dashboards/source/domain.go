package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/table"
)

// domain says how one domain stands: its records, who takes its mail and who sends it.
func domain() *builder {
	return board(domainUID, "Domain", "One domain: what receivers and senders conclude from its records, its MX hosts and its senders, and when records changed.", "now-7d",
		picked("target", "Domain", `mailprobe_target_info{job=~"$job", instance=~"$instance", kind="domain"}`, "target")).
		WithPanel(postureNow()).
		WithPanel(problems("Problems of the domain, its servers and its senders",
			"What is wrong, the worst first. A target leads to its dashboard, a problem to what to do.", 24, 5, gravestOf(related()))).
		WithPanel(exchangers()).
		WithPanel(senders()).
		WithPanel(spfBudget()).WithPanel(dmarcPolicy()).WithPanel(stsMode()).WithPanel(stsAge()).WithPanel(signed()).
		WithPanel(keys()).
		WithPanel(spfTerms()).
		WithPanel(changesTable()).
		WithPanel(demands()).
		WithPanel(postureOverTime("Verdicts over time", "The worst problem of each check of this domain over time.", 14, 9)).
		Annotation(changes(changedOf()))
}

// related are the domain, its MX hosts and its senders, by the label target.
func related() string {
	return fmt.Sprintf(`%s or label_replace(%s, "target", "$1", "server", "(.+)") or label_replace(%s, "target", "$1", "sender", "(.+)")`,
		series("target_info", here), one("server", "mx_info", here), one("sender", "sender_info", here))
}

func postureNow() panel {
	return figures("Posture", "The severity of the worst problem of the domain's servers, of its senders, and of each check of its own records.", 24,
		now("servers", "max("+ofServers(worstOf("server"))+")"),
		now("senders", "max("+ofSenders(worstOf("sender"))+")"),
		now("{{check}}", posture(here))).
		Mappings(meaning(postures...)).Thresholds(steps(plain)).Unit("none")
}

// ofServers gives what is known of servers to those of the domain, by the label server.
func ofServers(expr string) string {
	return fmt.Sprintf(`label_replace(%s, "server", "$1", "target", "(.+)") and on (server) %s`, expr, series("mx_info", here))
}

// ofSenders is the same for senders.
func ofSenders(expr string) string {
	return fmt.Sprintf(`label_replace(%s, "sender", "$1", "target", "(.+)") and on (sender) %s`, expr, series("sender_info", here))
}

// worstOf is by target the severity of its worst problem, and 0 where it has none.
func worstOf(kind string) string {
	return fmt.Sprintf("max by (target) (%s or on (target) 0 * %s)", ranked(), one("target", "target_info", fmt.Sprintf("kind=%q", kind)))
}

func exchangers() panel {
	return listed("MX hosts", "Who takes mail for the domain. Each leads to its dashboard.", 14, 5, true, []column{
		{field: "Value #F", title: "Worst problem", width: 120, styles: as(severities)},
		{field: "server", title: "Server", styles: settings{toDashboard(serverUID, "server")}},
		{field: "preference", title: "Preference", width: 90},
		{field: "Value #B", title: "Answers", width: 80, styles: as(yesNo)},
		{field: "Value #E", title: "Days left", width: 85, styles: append(graded(expiring()), set("decimals", 0))},
		{field: "Value #C", title: "In MTA-STS", width: 100, styles: as(yesNo)},
		{field: "Value #D", title: "DANE", width: 90, styles: as(matching)},
		{field: "Value #A"},
		{field: "target"},
	},
		rows(one("server, preference", "mx_info", here)),
		rows(ofServers("min by (target) ("+one("target, address", "smtp_up")+")")),
		rows(one("server", "mta_sts_mx_covered", here)),
		rows(ofServers("min by (target) ("+one("target, address", "dane_match")+")")),
		rows(ofServers("("+expiry("target")+" - time()) / 86400")),
		rows(ofServers(worstOf("server"))))
}

func senders() panel {
	return listed("Senders", "Where the domain's mail leaves from. Each leads to its reputation.", 10, 5, true, []column{
		{field: "Value #E", title: "Worst problem", width: 115, styles: as(severities)},
		{field: "sender", title: "Sender", styles: settings{toDashboard(reputationUID, "sender")}},
		{field: "result", title: "SPF", width: 80, styles: verified()},
		{field: "Value #C", title: "Name leads back", width: 135, styles: as(yesNo)},
		{field: "Value #D", title: "Listings", width: 80, styles: graded(steps(good, step{1, bad}))},
		{field: "Value #A"},
		{field: "Value #B"},
		{field: "target"},
	},
		rows(one("sender", "sender_info", here)),
		rows(one("sender, result", "spf_result", here, `identity="mailfrom"`)),
		rows(ofSenders("min by (target) ("+one("target, address", "rdns_forward_confirmed")+")")),
		rows(ofSenders("sum by (target) ("+one("target, subject, list", "dnsbl_listed")+")")),
		rows(ofSenders(worstOf("sender"))))
}

// spfMost and spfMostVoid are what RFC 7208 section 4.6.4 allows.
const (
	spfMost     = 10
	spfMostVoid = 2
)

func spfBudget() panel {
	const lookups, void = "terms that ask DNS, of 10", "of them void, of 2"
	limit := func(most float64) settings {
		return settings{set("max", most), set("thresholds", steps(good, step{most * 0.8, warned}, step{most + 1, bad}))}
	}
	return bars("SPF budget",
		"How many terms of the SPF record and of those it includes ask DNS. Receivers stop at 10, and at 2 that lead to nothing, and take the record for broken.", 8, 4,
		now(lookups, one("target", "spf_lookups", here)),
		now(void, one("target", "spf_void_lookups", here))).
		Unit("none").ColorScheme(color(dashboard.FieldColorModeIdThresholds, "")).
		OverrideByName(lookups, limit(spfMost)).OverrideByName(void, limit(spfMostVoid))
}

func dmarcPolicy() panel {
	return labelled(names("DMARC policy", "What receivers are to do with letters that fail DMARC.",
		now("{{policy}}", "count by (policy) ("+one("target, policy", "dmarc_policy", here)+")")),
		map[string]string{"none": warned, "quarantine": good, "reject": good}).NoValue("none found")
}

func stsMode() panel {
	return labelled(names("MTA-STS mode", "What senders are to do if they cannot encrypt: enforce makes them wait, testing and none let them deliver.",
		now("{{mode}}", "count by (mode) ("+one("target, mode", "mta_sts_mode", here)+")")),
		map[string]string{"enforce": good, "testing": told, "none": plain}).NoValue("no policy")
}

func stsAge() panel {
	return figures("Policy is kept", "How long senders remember the MTA-STS policy. RFC 8461 recommends weeks; below a day it protects little.", 4,
		now("", one("target", "mta_sts_max_age_seconds", here)+" / 86400")).
		Unit("suffix:days").Thresholds(steps(told, step{1, good})).NoValue("no policy")
}

func signed() panel {
	return figures("DNSSEC", "Whether the resolver could verify the domain's MX records. Known only where it validates.", 4,
		now("", one("target", "dnssec_secure", here))).
		Unit("none").Mappings(meaning(word{1, "signed", good}, word{0, "not signed", told})).NoValue("not known")
}

func keys() panel {
	return listed("DKIM keys",
		"The keys of the configured selectors. RSA below 1024 bits is ignored by receivers, below 2048 it is too short.", 8, 6, false, []column{
			{field: "Value #A", title: "Usable", width: 80, styles: as(yesNo)},
			{field: "selector", title: "Selector"},
			{field: "key_type", title: "Key", width: 90},
			{field: "Value #B", title: "Bits", width: 80},
		},
		rows(one("selector", "dkim_key_valid", here)),
		rows(one("selector, key_type", "dkim_key_bits", here)))
}

func demands() panel {
	return newPanel("table", "What large providers demand",
		"What Google, Yahoo and Microsoft demand of who sends letters in numbers. What cannot be seen from outside is left out.", 10, 9,
		[]query{rows(one("provider, requirement", "bulk_requirement", here))}).
		Options(table.Options{ShowHeader: true, CellHeight: new(common.TableCellHeightSm)}).
		Custom(map[string]any{"align": "left", "cellOptions": map[string]any{"type": "color-background", "mode": "basic"}, "inspect": false}).
		Mappings(append(meaning(word{1, "met", good}, word{0, "not met", bad}), blank)).
		ColorScheme(color(dashboard.FieldColorModeIdFixed, "transparent")).
		WithTransformation(dashboard.DataTransformerConfig{Id: "groupingToMatrix", Options: map[string]any{
			"rowField": "requirement", "columnField": "provider", "valueField": "Value", "emptyValue": "null",
		}}).
		OverrideByRegexp("^requirement.*", settings{
			set("displayName", "Requirement"), set("custom.cellOptions", map[string]any{"type": "auto"}),
		})
}

func spfTerms() panel {
	return lines("SPF terms that ask DNS", "Over time: records of providers that are included grow without a word. The line is the limit.", 8,
		over("terms that ask DNS", one("target", "spf_lookups", here)),
		over("of them void", one("target", "spf_void_lookups", here))).
		Unit("none").Decimals(0).Height(6).Thresholds(steps("transparent", step{spfMost, bad})).
		Custom(common.GraphFieldConfig{
			DrawStyle: new(common.GraphDrawStyleLine), LineInterpolation: new(common.LineInterpolationStepAfter), LineWidth: new(2.0), FillOpacity: new(10.0),
			ShowPoints: new(common.VisibilityModeNever), AxisSoftMax: new(spfMost + 1.0),
			ThresholdsStyle: &common.GraphThresholdsStyleConfig{Mode: common.GraphThresholdsStyleModeLine},
		})
}

// changedOf is changed for the domain, its servers and its senders.
func changedOf() string { return fmt.Sprintf("%s\nand on (target) (%s)", changed(), related()) }

func changesTable() panel {
	return listed("Changes",
		"When records of the domain, its servers and its senders last changed, as seen from here since the exporter started. They are marked on the time axes too.", 8, 6, true, []column{
			{field: "Value", title: "Changed", width: 135, styles: settings{set("unit", "dateTimeFromNow")}},
			{field: "record", title: "Record", width: 75},
			{field: "name", title: "Name"},
			{field: "target"},
		}, rows(changedOf())).NoValue("no change was seen")
}
