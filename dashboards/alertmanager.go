package dashboards

import (
	"fmt"
	"strings"
)

// An inhibition silences alerts while another fires, because they follow from it or cannot be told while it lasts.
type inhibition struct {
	why    string
	source []string // Matchers of the alert that silences.
	target []string // Matchers of those that are silenced.
	equal  []string // Labels that both have to share.
}

const (
	serverChecks = `check=~"smtp|recipient|auth|relay|dane"`
	dnsChecks    = `check=~"mx|spf|dkim|dmarc|dnssec|mta_sts|tls_rpt|bimi|bulk|rdns|dane"`
	certificates = `alertname=~"MailprobeCertificate.+|MailprobeMTASTSMXCertificate|MailprobeDANEMismatch|MailprobeAuthWithheld|MailprobeSMTPTLSFailed"`
	untold       = `alertname=~"MailprobeVerdict.+"`
)

// vantage is the source of an inhibition by tests of the vantage.
func vantage(tests string) []string {
	return []string{`alertname="MailprobeVantageInhibitor"`, fmt.Sprintf("test=~%q", tests)}
}

var inhibitions = []inhibition{
	{"Connections to port 25 do not get out: nothing is known of servers there.", vantage("egress_25"), []string{`target=~".+:25"`, serverChecks}, nil},
	{"The resolver is dead or invents answers: nothing is known of what DNS says,", vantage("resolver|resolver_rewrites"), []string{dnsChecks}, nil},
	{"nor of what is on blocklists,", vantage("resolver|resolver_rewrites"), []string{`alertname=~"MailprobeDNSBL.+|MailprobeVantageDNSBL.+"`}, nil},
	{"nor does it help to hear of each check that it cannot tell.", vantage("resolver|resolver_rewrites"), []string{untold}, nil},
	{"Invented answers lead to machines that are not the servers.", vantage("resolver_rewrites"), []string{serverChecks}, nil},
	{"A family of addresses has no route: it is not tried.", vantage("ipv4|ipv6"), []string{untold, serverChecks}, nil},
	{"Dates are judged by a wrong clock, or certificates are those of somebody between.", vantage("clock|tls_intercepted"), []string{certificates}, nil},
	{"Lists refuse public resolvers.", vantage("resolver_public"), []string{`alertname=~"MailprobeVantageDNSBL.+"`}, nil},
	{
		"The server is down: what stands behind the greeting is not to be seen now.",
		[]string{`alertname="MailprobeServerInhibitor"`},
		[]string{`alertname=~"MailprobeCertificate.+|MailprobeSMTPSTARTTLS.+|MailprobeSMTPTLSFailed|MailprobeSMTPInjected|MailprobeSMTPAuth.+|MailprobeMTASTSMXCertificate|MailprobeDANE.+|MailprobeRecipient.+|MailprobeGreylisted.+|MailprobeAuth.+|MailprobeRelay.+|MailprobeVerdict.+"`},
		[]string{"target"},
	},
	{"The list is sick: its listings mean nothing.", []string{`alertname=~"MailprobeVantageDNSBL.+"`}, []string{`alertname="MailprobeDNSBLListed"`}, []string{"list"}},
	{"It has been said that several lists have it.", []string{`alertname="MailprobeDNSBLListedOnSeveral"`}, []string{`alertname="MailprobeDNSBLListed"`}, []string{"subject"}},
	{"It has been said more urgently.", []string{`alertname="MailprobeCertificateExpiringWhereItMatters"`}, []string{`alertname="MailprobeCertificateExpiring"`}, []string{"target"}},
	{"Senders who heed MTA-STS keep away for it: it has been said more urgently.", []string{`alertname="MailprobeMTASTSMXCertificate"`}, []string{fmt.Sprintf("alertname=~%q", tlsFaultAlerts())}, []string{"target"}},
	{"The domain does not exist: neither do its records.", []string{`alertname="MailprobeMXNoDomain"`}, []string{dnsChecks, `alertname!="MailprobeMXNoDomain"`}, []string{"target"}},
	{"Validating resolvers give no answer about it: that is why nothing can be told.", []string{`alertname="MailprobeDNSSECBogus"`}, []string{untold}, []string{"target"}},
	{"None of its hosts can be used, so not this one either.", []string{`alertname="MailprobeMXUnusable"`}, []string{`alertname=~"MailprobeMXNoAddress|MailprobeMXPrivateAddress"`}, []string{"target"}},
	{"Nothing is probed: everything grows old.", []string{`alertname=~"MailprobeNotRunning|MailprobeExporterAbsent"`}, []string{untold}, nil},
}

// alertmanagerFile is alertmanager.yml.
func (m *maker) alertmanagerFile() []byte {
	var b strings.Builder
	b.WriteString(m.header("An example for Alertmanager 0.25 or later. Where there is one already, copy the route, the receivers and the inhibitions."))
	b.WriteString(`#
# Do not let these notifications go by mail through the servers that are watched, nor to a mailbox behind them: the letter that says that
# mail is down would wait until it is up again. A webhook, a messenger or a pager goes another way.
route:
  receiver: mailprobe
  # One notification for each kind of fault, with everything that has it: a thousand domains whose MX host lost its address are one.
`)
	fmt.Fprintf(&b, "  group_by: [%s]\n", strings.Join(append([]string{"alertname"}, m.alertLabels...), ", "))
	fmt.Fprintf(&b, "  group_wait: %s\n  group_interval: %s\n  repeat_interval: %s\n", promDuration(m.groupWait), promDuration(m.groupInterval), promDuration(m.repeatInterval))
	b.WriteString(`  routes:
    # For nobody: it only silences others.
    - matchers: [severity="none"]
      receiver: nobody
    # Optional standards that are merely absent, records that changed, and other notices. To have them told, for example once
    # a week, name a receiver here and add repeat_interval: 1w.
    - matchers: [severity="info"]
      receiver: nobody
    # What wakes somebody. Fill in the receiver below, then uncomment this.
    # - matchers: [severity="critical"]
    #   receiver: mailprobe-telegram
    #   repeat_interval: 4h

receivers:
  - name: nobody
  - name: mailprobe
    webhook_configs:
      - url: http://127.0.0.1:9099/mailprobe
  - name: mailprobe-telegram
    telegram_configs:
      - bot_token: "0000000000:replace-me"   # From @BotFather. Alertmanager 0.26 and later: rather bot_token_file.
        chat_id: -1   # The group's or one's own.
        parse_mode: ""
        message: |-
          {{ if eq .Status "firing" }}🔥{{ else }}✅{{ end }} {{ .CommonAnnotations.summary }} ({{ len .Alerts }})
          {{ range $i, $alert := .Alerts }}{{ if lt $i 5 }}
          {{ $alert.Annotations.description }}
          {{ $alert.Annotations.runbook_url }}
          {{ end }}{{ end }}

inhibit_rules:
`)
	for _, i := range inhibitions {
		fmt.Fprintf(&b, "  # %s\n", i.why)
		writeMatchers(&b, "  - source_matchers", i.source)
		writeMatchers(&b, "    target_matchers", i.target)
		if len(i.equal) > 0 {
			fmt.Fprintf(&b, "    equal: [%s]\n", strings.Join(i.equal, ", "))
		}
	}
	return []byte(b.String())
}

func writeMatchers(b *strings.Builder, key string, matchers []string) {
	fmt.Fprintf(b, "%s: ['%s']\n", key, strings.Join(matchers, "', '"))
}
