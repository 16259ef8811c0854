package dashboards

import (
	"fmt"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// expiringProblem has two alerts: the problem's own, and one that wakes somebody where mail depends on the certificate.
const expiringProblem = "certificate_expires_soon"

// certificates are the alerts about certificates that will expire. Which do is for the exporter to say, by the thresholds of its
// configuration; those of --set certificate_... go on for one MINOR. That one has expired is another problem of the catalogue.
func (m *maker) certificates() group {
	problem, _ := catalog.ProblemByID(expiringProblem)
	common := alert{
		pace:      m.server,
		problem:   expiringProblem,
		dashboard: "server",
		subject:   "{{ $labels.target }}",
		table:     m.series("certificate_not_after_timestamp_seconds", "target=%q"),
		evidence: []evidence{
			{
				fmt.Sprintf("max by (address, position) (%s)", m.series("certificate_not_after_timestamp_seconds", "target=%q")), "target",
				"{{ .Labels.address }}, {{ .Labels.position }}: notAfter {{ .Value | humanizeTimestamp }}",
			},
			m.dependants(),
		},
		remedies: remediesOf(&problem),
	}
	warning, critical := common, common

	warning.name = "MailprobeCertificateExpiring"
	warning.expr = m.routed(m.expiresSoon())
	warning.severity = catalog.SeverityWarning
	warning.summary = problem.Title
	warning.meaning = problem.Meaning
	warning.fires = `target="sick.example:587",severity="warning"`
	warning.cases = m.certificate("sick.example:587", catalog.SeverityWarning, "mta")

	critical.name = "MailprobeCertificateExpiringWhereItMatters"
	critical.expr = m.routed(m.expiresFirst() + "\n" + m.certificateMatters())
	critical.severity = catalog.SeverityCritical
	critical.summary = catalog.Text{EN: "A certificate on which mail depends expires within days", RU: "Сертификат, от которого зависит почта, истекает через несколько дней"}
	critical.meaning = catalog.Text{
		EN: "The server's certificate, or one of an authority that it sends, ends within days. After that people cannot send through the server, or senders that heed MTA-STS do not deliver to it. Renewal should have happened long ago.",
		RU: "Сертификат сервера или один из сертификатов центра, которые он присылает, действует последние дни. Потом люди не смогут через него отправлять или отправители, соблюдающие MTA-STS, перестанут доставлять. Он давно должен был обновиться.",
	}
	critical.fires = `target="soon.example:587",severity="critical"`
	critical.cases = m.certificate("soon.example:587", catalog.SeverityCritical, "submission")
	critical.also = []string{`alertname="MailprobeCertificateExpiring",target="soon.example:587",severity="warning"`}
	return group{name: "mailprobe-certificates", alerts: []alert{warning, critical}}
}

// expiringSeries are the problems of certificates that end soon, for the alert that wants to know more of them.
const expiringSeries = "target_severity:mailprobe_problem:expiring"

// expiringRecord makes these series.
func (m *maker) expiringRecord() record {
	return record{expiringSeries, fmt.Sprintf("max by (target, severity) (%s)", m.series("problem", fmt.Sprintf("problem=%q", expiringProblem)))}
}

// expiresSoon chooses the targets with a certificate that ends soon.
func (m *maker) expiresSoon() string {
	if m.ownThresholds {
		return m.notForeign(m.expiring(m.certificateWarning, m.warningShare, `position=~"leaf|chain"`))
	}
	return fmt.Sprintf("max by (target) (%s)", m.series("problem", fmt.Sprintf("problem=%q", expiringProblem), `severity=~"warning|critical"`))
}

// expiresFirst chooses those of them with one that ends within days.
func (m *maker) expiresFirst() string {
	if m.ownThresholds {
		return m.expiring(m.certificateCritical, m.criticalShare, `position="leaf"`)
	}
	return fmt.Sprintf("max by (target) (%s{severity=\"critical\"})", expiringSeries)
}

// expiring is the time left, per target, of certificates of which less than a time and less than a share of their life is left.
func (m *maker) expiring(within time.Duration, share float64, position string) string {
	after, before := m.series("certificate_not_after_timestamp_seconds", position), m.series("certificate_not_before_timestamp_seconds", position)
	return fmt.Sprintf("min by (target) (\n  (%s - time() < %d)\n  and (%s - time() < %g * (%s - %s))\n) > 0",
		after, seconds(within), after, share, after, before)
}

// certificateMatters chooses servers that lose mail when their certificate expires: where people log in, and MX hosts of
// domains whose MTA-STS policy covers them. Elsewhere senders take any certificate (RFC 7435). A host that several domains
// share has to be one series before its name becomes the target: of two alike Prometheus makes an error.
func (m *maker) certificateMatters() string {
	return fmt.Sprintf("and on (target) (\n  %s\n  or label_replace(max by (server) (%s) == 1, \"target\", \"$1\", \"server\", \"(.+)\")\n)",
		m.series("target_info", `role="submission"`, `owner!="foreign"`), m.series("mta_sts_mx_covered"))
}

// certificate is what a test needs to see a certificate that ends soon.
func (m *maker) certificate(target string, severity catalog.Severity, role string) []sample {
	info := sample{metric: "target_info", labels: fmt.Sprintf(`target=%q,role=%q,owner="own"`, target, role), always: "1"}
	if !m.ownThresholds {
		labels := fmt.Sprintf(`target=%q,check="smtp",problem=%q,severity=%q`, target, expiringProblem, severity)
		return []sample{{metric: "problem", labels: labels, fault: "1"}, info}
	}
	left := m.certificateWarning
	if severity == catalog.SeverityCritical {
		left = m.certificateCritical
	}
	labels := fmt.Sprintf(`target=%q,address="192.0.2.1",position="leaf"`, target)
	return []sample{
		{metric: "certificate_not_before_timestamp_seconds", labels: labels, always: stamp(-year)},
		{metric: "certificate_not_after_timestamp_seconds", labels: labels, well: stamp(year), fault: stamp(left - time.Minute)},
		info,
	}
}

// seconds is a time in the unit of all metrics.
func seconds(d time.Duration) int64 { return int64(d / time.Second) }
