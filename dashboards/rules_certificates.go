package dashboards

import (
	"fmt"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// certificates are the alerts about certificates that will expire. That one has expired is a problem of the catalogue.
//
// A certificate is renewed when about a third of its life is left: one of 90 days with 30 left. With 21 left the renewal has
// failed. For one that lives a week, days mean nothing, so the share of its life counts if that is less.
func (m *maker) certificates() group {
	warning := alert{
		name:      "MailprobeCertificateExpiring",
		expr:      m.routed(m.notForeign(m.expiring(m.certificateWarning, m.warningShare, `position=~"leaf|chain"`))),
		pace:      m.server,
		severity:  catalog.SeverityWarning,
		summary:   catalog.Text{EN: "A certificate expires soon and has not been renewed", RU: "Срок сертификата подходит к концу, а он не продлён"},
		fires:     `target="sick.example:587",severity="warning"`,
		problem:   "certificate_expired",
		dashboard: "server",
	}
	critical := warning
	critical.name = "MailprobeCertificateExpiringWhereItMatters"
	critical.expr = m.routed(m.expiring(m.certificateCritical, m.criticalShare, `position="leaf"`) + "\n" + m.certificateMatters())
	critical.severity = catalog.SeverityCritical
	critical.summary = catalog.Text{EN: "A certificate on which mail depends expires within days", RU: "Сертификат, от которого зависит почта, истекает через несколько дней"}
	critical.fires = `target="soon.example:587",severity="critical"`

	g := group{name: "mailprobe-certificates", alerts: []alert{warning, critical}}
	for i := range g.alerts {
		a := &g.alerts[i]
		a.subject = "{{ $labels.target }}"
		a.table = m.series("certificate_not_after_timestamp_seconds", "target=%q")
		a.evidence = []evidence{
			{
				fmt.Sprintf("max by (address, position) (%s)", m.series("certificate_not_after_timestamp_seconds", "target=%q")), "target",
				"{{ .Labels.address }}, {{ .Labels.position }}: notAfter {{ .Value | humanizeTimestamp }}",
			},
			m.dependants(),
		}
		a.meaning = catalog.Text{
			EN: "The certificate, or one above it that the server sends, is valid for {{ $value | humanizeDuration }} more. Renewal should have happened by now.",
			RU: "Сертификат или один из тех, что сервер присылает вместе с ним, действителен ещё {{ $value | humanizeDuration }}. Он уже должен был обновиться.",
		}
		expired, _ := catalog.ProblemByID("certificate_expired")
		a.remedies = remediesOf(&expired)
	}
	g.alerts[1].meaning = catalog.Text{
		EN: "The server's certificate is valid for {{ $value | humanizeDuration }} more. After that people cannot send through it, or senders that heed MTA-STS do not deliver to it. Renewal should have happened long ago.",
		RU: "Сертификат сервера действителен ещё {{ $value | humanizeDuration }}. Потом люди не смогут через него отправлять или отправители, соблюдающие MTA-STS, перестанут доставлять. Он давно должен был обновиться.",
	}
	g.alerts[0].cases = m.certificate("sick.example:587", m.certificateWarning, "mta")
	g.alerts[1].cases = m.certificate("soon.example:587", m.certificateCritical, "submission")
	g.alerts[1].also = []string{`alertname="MailprobeCertificateExpiring",target="soon.example:587",severity="warning"`}
	return g
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

// certificate is what a test needs to see a certificate of which a time is left.
func (m *maker) certificate(target string, left time.Duration, role string) []sample {
	labels := fmt.Sprintf(`target=%q,address="192.0.2.1",position="leaf"`, target)
	return []sample{
		{metric: "certificate_not_before_timestamp_seconds", labels: labels, always: stamp(-year)},
		{metric: "certificate_not_after_timestamp_seconds", labels: labels, well: stamp(year), fault: stamp(left - time.Minute)},
		{metric: "target_info", labels: fmt.Sprintf(`target=%q,role=%q,owner="own"`, target, role), always: "1"},
	}
}

// seconds is a time in the unit of all metrics.
func seconds(d time.Duration) int64 { return int64(d / time.Second) }
