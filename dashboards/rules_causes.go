package dashboards

import (
	"fmt"
	"strings"
)

// Some problems follow from others, on the same target or on another. One fault is one notification, so where the cause is told, what
// follows from it is not. That is done here in the expression and not by Alertmanager: a check that sees what follows runs
// seldom, and would speak up for the rest of its interval when the cause is mended and its alert gone. With the cause in the expression
// that time is spent in `for`.

// causeSeries has the demands of large receivers that a domain does not meet for a fault that has an alert of its own.
const causeSeries = "target_requirement:mailprobe_problem:max"

// causeRecord finds them. What is wrong with spf, dkim and dmarc of a domain is told under the name of the demand; its senders'
// reverse DNS is told on the senders.
func (m *maker) causeRecord() record {
	named := func(requirement, series string) string {
		return fmt.Sprintf(`label_replace(%s, "requirement", %q, "", "")`, series, requirement)
	}
	return record{causeSeries, fmt.Sprintf("max by (target, requirement) (\n  %s\n  or %s\n  or %s\n)",
		fmt.Sprintf(`label_replace(%s{check=~"spf|dkim|dmarc",severity=~"critical|warning"}, "requirement", "$1", "check", "(.+)")`, problemSeries),
		named("sender_domain", problemSeries+`{problem="mx_no_domain",severity=~"critical|warning"}`),
		named("ptr", fmt.Sprintf(`(
    max by (target, sender) (%s)
    and on (sender) label_replace(%s{check="rdns",severity=~"critical|warning"}, "sender", "$1", "target", "(.+)")
  )`, m.series("sender_info"), problemSeries)))}
}

// bulkExpr is true of a domain for which a demand is not met that no other alert explains. Where the metrics that would explain it are
// excluded, nothing does.
func (m *maker) bulkExpr() string {
	unmet := fmt.Sprintf("min by (target, requirement) (%s) == 0", m.series("bulk_requirement"))
	return fmt.Sprintf("%s\nunless on (target) (\n  %s\n  unless on (target) (%s unless on (target, requirement) %s)\n)",
		m.problems(`problem="bulk_not_met"`), unmet, unmet, causeSeries)
}

// tlsFaults are the problems of an MX host that keep away who heeds MTA-STS, as the check mta_sts counts them.
var tlsFaults = []string{
	"smtp_starttls_missing", "smtp_starttls_broken", "smtp_tls_failed", "certificate_expired", "certificate_not_yet_valid", "certificate_name_mismatch",
	"certificate_untrusted", "certificate_self_signed", "certificate_incomplete_chain", "certificate_invalid",
}

// tlsFaultAlerts are the names of their alerts, as a regular expression.
func tlsFaultAlerts() string {
	names := make([]string, len(tlsFaults))
	for i, id := range tlsFaults {
		names[i] = alertName(id)
	}
	return strings.Join(names, "|")
}

// tlsFaultSeries has the servers with such a problem; stsSeries has mta_sts_mx_certificate on the server that owns the fault, instead
// of the domains that suffer from it.
const (
	tlsFaultSeries = "target_severity:mailprobe_problem:max"
	stsSeries      = "server:mailprobe_problem:max"
)

func (m *maker) stsRecords() []record {
	return []record{
		{tlsFaultSeries, fmt.Sprintf("max by (target, severity) (%s{problem=~%q})", problemSeries, strings.Join(tlsFaults, "|"))},
		{stsSeries, fmt.Sprintf(`max by (target, check, problem, severity) (
  label_replace(
    max by (target, server) (%s)
    * on (target) group_left (check, problem, severity) topk by (target) (1, %s{problem="mta_sts_mx_certificate"}),
    "target", "$1", "server", "(.+)"
  )
)
and on (target) %s`, m.series("mta_sts_mx_covered"), problemSeries, tlsFaultSeries)},
	}
}

// stsExpr tells of the server, once for all its domains and as grave as the gravest of them has it, and only if its own alert is
// not as grave already. That one says less and is silenced meanwhile, see inhibitions. Of a domain it tells where
// no server is known to have the fault.
func (m *maker) stsExpr() string {
	servers := fmt.Sprintf(`(
  %[1]s{severity="critical"}
  or %[1]s{severity!="critical"} unless on (target) (%[1]s{severity="critical"} or %[2]s{severity=~"critical|warning"})
)
unless on (target) %[2]s{severity="critical"}`, stsSeries, tlsFaultSeries)
	return fmt.Sprintf("%s\nor %s\nunless on (target) (\n  %s\n  and on (server) label_replace(%s, \"server\", \"$1\", \"target\", \"(.+)\")\n)",
		m.routed(servers), m.problems(`problem="mta_sts_mx_certificate"`), m.series("mta_sts_mx_covered"), tlsFaultSeries)
}
