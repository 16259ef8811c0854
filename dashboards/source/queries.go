package main

import (
	"fmt"
	"strings"
)

// selected are the matchers of every selector: the exporters that the reader has chosen.
const selected = `job=~"$job", instance=~"$instance"`

// series selects the series of a metric of the exporter.
func series(metric string, matchers ...string) string {
	return fmt.Sprintf("mailprobe_%s{%s}", metric, strings.Join(append([]string{selected}, matchers...), ", "))
}

// one selects a metric and leaves one series of those that differ in other labels than these. Two exporters that see the
// same target, or /metrics and /probe of one, say the same twice: they are not to be added up.
func one(labels, metric string, matchers ...string) string {
	return fmt.Sprintf("max by (%s) (%s)", labels, series(metric, matchers...))
}

// expiry is when the first certificate expires that is shown there.
func expiry(labels string, matchers ...string) string {
	return fmt.Sprintf("min by (%s) (%s)", labels, series("certificate_not_after_timestamp_seconds", matchers...))
}

// Severities as numbers, so that the worst can be found and sorted first.
const (
	rankInfo     = 1
	rankWarning  = 2
	rankCritical = 3
)

// ranked are the problems that stand, by target, check, problem and severity, each with the number of its severity.
func ranked(matchers ...string) string {
	by := func(severity string) string {
		return one("target, check, problem, severity", "problem", append([]string{`severity="` + severity + `"`}, matchers...)...)
	}
	return fmt.Sprintf("(%s * %d or %s * %d or %s * %d)",
		by("critical"), rankCritical, by("warning"), rankWarning, by("info"), rankInfo)
}

// rankedListings are what blocklists say, each with the number of its severity.
func rankedListings(matchers ...string) string {
	by := func(severity string) string {
		return one("target, subject, list, meaning, severity", "dnsbl_listing", append([]string{`severity="` + severity + `"`}, matchers...)...)
	}
	return fmt.Sprintf("(%s * %d or %s * %d or %s * %d)",
		by("critical"), rankCritical, by("warning"), rankWarning, by("info"), rankInfo)
}

// explained adds to problems the reply or failure that they are about (labels stage, code, cause), where there is one: the
// last reply of the dialogue that was not positive, why a stage had none, or what a blocklist says.
func explained(matchers ...string) string {
	of := func(problems string) string {
		return ranked(append([]string{`problem=~"` + problems + `"`}, matchers...)...)
	}
	const dialogue = "(smtp|recipient|auth)_.+"
	return fmt.Sprintf(`(
  %s
    * on (target) group_left (stage, code, cause) topk by (target) (1, %s)
or on (target, problem)
  %s
    * on (target) group_left (stage, cause) topk by (target) (1, label_replace(%s, "cause", "$1", "reason", "(.*)"))
or on (target, problem)
  %s
    * on (target) group_left (cause) topk by (target) (1, label_join(%s, "cause", ": ", "list", "meaning"))
or on (target, problem)
  %s
)`,
		of(dialogue), one("target, stage, code, cause", "smtp_reply", `class=~"transient|permanent"`),
		of(dialogue), one("target, stage, reason", "smtp_failure"),
		of("dnsbl_.+"), one("target, list, meaning", "dnsbl_listing"),
		ranked(matchers...))
}

// leading adds to a vector with the label target which dashboard is about it: the label dashboard.
func leading(expr string) string {
	kinds := fmt.Sprintf(`(%s or label_replace(%s, "kind", "vantage", "", ""))`,
		one("target, kind", "target_info"), one("target", "problem", `target="vantage"`))
	expr = fmt.Sprintf("%s\n* on (target) group_left (kind) %s", expr, kinds)
	for _, to := range []struct{ kinds, dashboard string }{
		{"server", serverUID}, {"domain", domainUID}, {"sender", reputationUID}, {"vantage", exporterUID},
	} {
		expr = fmt.Sprintf("label_replace(%s, \"dashboard\", %q, \"kind\", %q)", expr, to.dashboard, to.kinds)
	}
	return expr
}

// changed are when records of targets changed, in milliseconds as Grafana counts.
func changed(matchers ...string) string {
	return "1000 * " + one("target, record, name", "record_change_timestamp_seconds", matchers...)
}

// untellable is the number of a check that could not tell, where others are severities.
const untellable = 9

// posture is by check the severity of its worst problem, 0 where it found none, and untellable where it could not tell.
func posture(matchers ...string) string {
	return fmt.Sprintf("max by (check) (%s)\n  or max by (check) (%s == 1) * 0\n  or max by (check) (%s == 0) + %d",
		ranked(matchers...), series("check_conclusive", matchers...), series("check_conclusive", matchers...), untellable)
}

// orZero is 0 where expr has nothing, as long as there are targets at all: without them nothing is known.
func orZero(expr string) string {
	return fmt.Sprintf("%s or 0 * count(%s)", expr, series("target_info"))
}

// coded makes one series with a number of each enumeration: of the values of a label, the n-th gives n+1.
func coded(by, metric, label string, values []string, matchers ...string) string {
	var terms []string
	for i, v := range values {
		m := append([]string{fmt.Sprintf("%s=%q", label, v)}, matchers...)
		terms = append(terms, fmt.Sprintf("%s * %d", one(by, metric, m...), i+1))
	}
	return fmt.Sprintf("max by (%s) (\n  %s\n)", by, strings.Join(terms, "\n  or "))
}

// inOrder sorts the stages of a dialogue as they follow each other: Prometheus returns series in the order of their labels.
func inOrder(expr string) string {
	for i, stages := range []string{"connect", "banner|ehlo|helo", "starttls|tls", "ehlo_tls", "auth|mail|rcpt", "quit"} {
		expr = fmt.Sprintf("label_replace(%s, \"order\", \"%d\", \"stage\", %q)", expr, i+1, stages)
	}
	return expr
}
