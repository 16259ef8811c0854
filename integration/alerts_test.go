//go:build integration

package integration

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/dashboards"
)

// hurry are the options of rules and configurations whose times are those of a test.
var hurry = []string{
	"--set", "time_scale=0.002", "--set", "scrape_interval=4s", "--set", "evaluation_interval=1s", "--set", "group_wait=1s", "--set", "group_interval=1s",
	"--set", "for_exporter=24h", // A scrape may fail on a loaded machine.
	"--set", "stale_after=30d", // What the demo can never tell is told of after that.
}

// TestInhibitions has alerts fire together, and looks who is silent.
func TestInhibitions(t *testing.T) {
	t.Parallel()
	r := startReceiver(t)
	a := startAlertmanager(t, writeDashboards(t, hurry...), r)
	for i, c := range []struct{ fires, silent, heard string }{
		{
			"alertname=MailprobeVantageInhibitor test=egress_25 severity=none",
			"alertname=MailprobeSMTPUnreachable target=mx.example.org:25 check=smtp severity=critical",
			"alertname=MailprobeSMTPUnreachable target=smtp.example.org:587 check=smtp severity=critical",
		},
		{
			"alertname=MailprobeVantageInhibitor test=resolver severity=none",
			"alertname=MailprobeSPFMissing target=example.org check=spf severity=warning",
			"alertname=MailprobeVantageResolver target=vantage check=vantage severity=critical",
		},
		{
			"alertname=MailprobeVantageInhibitor test=resolver severity=none",
			"alertname=MailprobeVerdictLost target=mx.example.org:25 check=smtp severity=warning",
			"alertname=MailprobeSMTPUnreachable target=mx.example.org:25 check=smtp severity=critical",
		},
		{
			"alertname=MailprobeVantageInhibitor test=resolver_rewrites severity=none",
			"alertname=MailprobeDNSBLListed subject=203.0.113.9 list=spamhaus_zen severity=critical",
			"alertname=MailprobeExporterDown severity=warning",
		},
		{
			"alertname=MailprobeVantageInhibitor test=resolver_rewrites severity=none",
			"alertname=MailprobeSMTPUnreachable target=mx.example.org:25 check=smtp severity=critical",
			"alertname=MailprobeVantageResolverRewrites target=vantage check=vantage severity=critical",
		},
		{
			"alertname=MailprobeVantageInhibitor test=ipv6 severity=none",
			"alertname=MailprobeVerdictLost target=mx.example.org:25 check=smtp severity=warning",
			"alertname=MailprobeSMTPUnreachable target=mx.example.org:25 check=smtp severity=critical",
		},
		{
			"alertname=MailprobeVantageInhibitor test=tls_intercepted severity=none",
			"alertname=MailprobeCertificateUntrusted target=mx.example.org:25 check=smtp severity=warning",
			"alertname=MailprobeSMTPRefused target=mx.example.org:25 check=smtp severity=critical",
		},
		{
			"alertname=MailprobeVantageInhibitor test=resolver_public severity=none",
			"alertname=MailprobeVantageDNSBLRefused list=spamhaus_zen severity=warning",
			"alertname=MailprobeVantageResolverPublic target=vantage check=vantage severity=warning",
		},
		{
			"alertname=MailprobeVantageInhibitor test=ptr severity=none",
			"",
			"alertname=MailprobeSMTPUnreachable target=mx.example.org:25 check=smtp severity=critical",
		},
		{
			"alertname=MailprobeServerInhibitor target=mx.example.org:25 severity=none",
			"alertname=MailprobeCertificateExpired target=mx.example.org:25 check=smtp severity=warning",
			"alertname=MailprobeCertificateExpired target=mx2.example.org:25 check=smtp severity=warning",
		},
		{
			"alertname=MailprobeServerInhibitor target=mx.example.org:25 severity=none",
			"alertname=MailprobeCertificateExpiring target=mx.example.org:25 severity=warning",
			"alertname=MailprobeSMTPUnreachable target=mx.example.org:25 check=smtp severity=critical",
		},
		{
			"alertname=MailprobeVantageDNSBLSick list=gone severity=info",
			"alertname=MailprobeDNSBLListed subject=203.0.113.9 list=gone severity=warning",
			"alertname=MailprobeDNSBLListed subject=203.0.113.9 list=spamhaus_zen severity=critical",
		},
		{
			"alertname=MailprobeDNSBLListedOnSeveral subject=203.0.113.9 severity=critical",
			"alertname=MailprobeDNSBLListed subject=203.0.113.9 list=spamhaus_zen severity=critical",
			"alertname=MailprobeDNSBLListed subject=203.0.113.10 list=spamhaus_zen severity=critical",
		},
		{
			"alertname=MailprobeCertificateExpiringWhereItMatters target=smtp.example.org:587 severity=critical",
			"alertname=MailprobeCertificateExpiring target=smtp.example.org:587 severity=warning",
			"alertname=MailprobeCertificateExpiring target=mx.example.org:25 severity=warning",
		},
		{
			"alertname=MailprobeMTASTSMXCertificate target=mx.example.org:25 check=mta_sts severity=critical",
			"alertname=MailprobeSMTPSTARTTLSMissing target=mx.example.org:25 check=smtp severity=warning",
			"alertname=MailprobeCertificateWeak target=mx.example.org:25 check=smtp severity=warning",
		},
		{
			"alertname=MailprobeMXNoDomain target=example.org check=mx severity=critical",
			"alertname=MailprobeDMARCMissing target=example.org check=dmarc severity=warning",
			"alertname=MailprobeDMARCMissing target=example.com check=dmarc severity=warning",
		},
		{
			"alertname=MailprobeMXUnusable target=example.org check=mx severity=critical",
			"alertname=MailprobeMXNoAddress target=example.org check=mx severity=warning",
			"alertname=MailprobeMXAlias target=example.org check=mx severity=warning",
		},
		{
			"alertname=MailprobeDNSSECBogus target=example.org check=dnssec severity=critical",
			"alertname=MailprobeVerdictNever target=example.org check=mx severity=warning",
			"alertname=MailprobeVerdictNever target=example.com check=mx severity=warning",
		},
		{
			"alertname=MailprobeNotRunning job=mailprobe instance=a severity=critical",
			"alertname=MailprobeVerdictStale target=example.org check=mx severity=warning",
			"alertname=MailprobeMXMissing target=example.org check=mx severity=critical",
		},
	} {
		// Or it would be an alert that was told of already.
		for _, text := range []*string{&c.fires, &c.silent, &c.heard} {
			if *text != "" {
				*text += fmt.Sprintf(" case=%d", i)
			}
		}
		want := map[string]bool{}
		var posted []map[string]string
		for text, silent := range map[string]bool{c.fires: false, c.silent: true, c.heard: false} {
			if text != "" {
				posted = append(posted, labels(text))
				want[alertOf(text)] = silent
			}
		}
		r.forget()
		a.post(t, false, posted...)
		err := eventually(patience, func() error {
			got := a.silenced(t)
			for alert, silent := range want {
				if s, there := got[alert]; !there || s != silent {
					return fmt.Errorf("%s: there %v, silent %v, want silent %v", alert, there, s, silent)
				}
			}
			if _, there := r.firing()[alertOf(c.heard)]; !there {
				return fmt.Errorf("nobody was told of %s", c.heard)
			}
			return nil
		})
		if err != nil {
			t.Errorf("while %s: %v", c.fires, err)
		}
		if _, there := r.firing()[alertOf(c.silent)]; there {
			t.Errorf("while %s: somebody was told of %s", c.fires, c.silent)
		}
		a.post(t, true, posted...)
		if err := eventually(patience, func() error {
			if left := a.silenced(t); len(left) > 0 {
				return fmt.Errorf("%d alerts are still there", len(left))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOneNotification has a thousand domains suffer from one cause: one notification tells of all.
func TestOneNotification(t *testing.T) {
	t.Parallel()
	r := startReceiver(t)
	a := startAlertmanager(t, writeDashboards(t, append(slices.Clone(hurry), "--set", "group_wait=5s")...), r)
	var alerts []map[string]string
	for i := range 1000 {
		alerts = append(alerts, labels(fmt.Sprintf("alertname=MailprobeMXNoAddress target=d%d.example.org check=mx problem=mx_no_address severity=warning", i)))
	}
	a.post(t, false, alerts...)
	if err := eventually(patience, func() error {
		if len(r.all()) == 0 {
			return errors.New("nobody was told")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	// Another kind of fault, later, is told when everything about the first has been.
	const second = "alertname=MailprobeSPFMissing target=example.org check=spf problem=spf_missing severity=warning"
	a.post(t, false, labels(second))
	if err := eventually(patience, func() error {
		if _, there := r.firing()[alertOf(second)]; !there {
			return errors.New("nobody was told of the second")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if all := r.all(); len(all) != 2 || len(all[0].Alerts) != 1000 {
		t.Errorf("%d notifications, of %d alerts the first; want two, of 1000", len(all), len(all[0].Alerts))
	}
}

// TestAlerts has Prometheus and Alertmanager watch the demo with what the program writes: every fault that was planted arrives as
// its alert, with what was seen and what to do, and nothing else does.
func TestAlerts(t *testing.T) {
	t.Parallel()
	dir, address := writeDashboards(t, hurry...), freePort()
	e := &exporter{url: "http://" + address}
	ready := func() error {
		_, err := e.get("/-/healthy")
		return err
	}
	var err error
	if e.program, err = startProgram(filepath.Join(dir, "demo.log"), ready, releasedBinary, "demo", "--web.listen-address", address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.stop(syscall.SIGTERM) })
	r := startReceiver(t)
	a := startAlertmanager(t, dir, r)
	config := filepath.Join(dir, "prometheus.yml")
	edit(t, config, `- targets: ["localhost:10587"]`, fmt.Sprintf("- targets: [%q]", address))
	edit(t, config, "localhost:9093", a.address)
	startPrometheusAt(t, dir, config)

	// On a busy machine a server of the demo may be late, which is a fault that goes again.
	var last scrape
	err = eventually(5*patience, func() error {
		last = e.must(t)
		var wrong []string
		expected, got, silenced := expectedAlerts(t, last), r.firing(), a.silenced(t)
		for _, want := range expected {
			if _, there := got[want]; !there && !silenced[want] {
				wrong = append(wrong, "nobody was told of "+want)
			}
		}
		for alert := range got {
			if !slices.Contains(expected, alert) {
				wrong = append(wrong, "somebody was told of "+alert)
			}
		}
		if len(wrong) > 0 || len(last.find("problem")) == 0 {
			return errors.New(strings.Join(wrong, "\n"))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for alert, one := range r.firing() {
		for _, name := range []string{"summary", "description", "runbook_url", "dashboard_url"} {
			if text := one.Annotations[name]; text == "" || strings.Contains(text, "<error") || strings.Contains(text, "{{") {
				t.Errorf("%s: %s is %q", alert, name, one.Annotations[name])
			}
		}
		for _, what := range whatWasSeen(last, one.Labels) {
			if !strings.Contains(one.Annotations["description"], what) {
				t.Errorf("%s does not say %s: %s", alert, what, one.Annotations["description"])
			}
		}
	}
}

// expectedAlerts are those that the problems of a scrape have to become.
func expectedAlerts(t *testing.T, s scrape) []string {
	t.Helper()
	rules, err := dashboards.Rules()
	if err != nil {
		t.Fatal(err)
	}
	name := map[string]string{}
	for _, r := range rules {
		if r.Severity == "" && r.Problem != "" {
			name[r.Problem] = r.Name
		}
	}
	var out []string
	add := func(labels map[string]string) { out = append(out, series{name: "ALERTS", labels: labels}.String()) }
	for _, p := range s.find("problem") {
		alert, severity := name[p.labels["problem"]], p.labels["severity"]
		switch {
		case severity == "info":
		case p.labels["problem"] == "dnsbl_listed":
			for _, l := range s.find(fmt.Sprintf("dnsbl_listing{target=%q}", p.labels["target"])) {
				if l.labels["severity"] != "info" {
					add(map[string]string{"alertname": alert, "subject": l.labels["subject"], "list": l.labels["list"], "severity": l.labels["severity"]})
				}
			}
		case p.labels["problem"] == "vantage_dnsbl_refused":
			for _, l := range s.find(`dnsbl_state{state="blocked"}`) {
				add(map[string]string{"alertname": alert, "list": l.labels["list"], "severity": severity})
			}
		case p.labels["problem"] == "certificate_expires_soon":
			// Who must get up is decided by what depends on the certificate, not by its end alone.
			target := p.labels["target"]
			add(map[string]string{"alertname": "MailprobeCertificateExpiring", "target": target, "severity": "warning"})
			covered := slices.ContainsFunc(s.find(fmt.Sprintf("mta_sts_mx_covered{server=%q}", target)), func(c series) bool { return c.value == 1 })
			if severity == "critical" && (covered || len(s.find(fmt.Sprintf(`target_info{target=%q,role="submission"}`, target))) > 0) {
				add(map[string]string{"alertname": "MailprobeCertificateExpiringWhereItMatters", "target": target, "severity": "critical"})
			}
		case p.labels["problem"] == "bulk_not_met" && explained(s, p.labels["target"]):
		case p.labels["problem"] == "mta_sts_mx_certificate":
			for _, target := range faultyServers(s, p.labels["target"]) {
				add(map[string]string{"alertname": alert, "target": target, "check": p.labels["check"], "problem": p.labels["problem"], "severity": severity})
			}
		default:
			add(map[string]string{"alertname": alert, "target": p.labels["target"], "check": p.labels["check"], "problem": p.labels["problem"], "severity": severity})
		}
	}
	return out
}

// explained reports whether each demand that a domain does not meet has a fault that another alert tells.
func explained(s scrape, domain string) bool {
	told := func(target, check string) bool {
		return slices.ContainsFunc(s.find(fmt.Sprintf("problem{target=%q,check=%q}", target, check)), func(p series) bool { return p.labels["severity"] != "info" })
	}
	unmet := slices.DeleteFunc(s.find(fmt.Sprintf("bulk_requirement{target=%q}", domain)), func(d series) bool { return d.value == 1 })
	for _, demand := range unmet {
		requirement := demand.labels["requirement"]
		byItself := told(domain, requirement)
		byNoDomain := requirement == "sender_domain" && len(s.find(fmt.Sprintf(`problem{target=%q,problem="mx_no_domain"}`, domain))) > 0
		bySender := requirement == "ptr" && slices.ContainsFunc(s.find(fmt.Sprintf("sender_info{target=%q}", domain)), func(i series) bool { return told(i.labels["sender"], "rdns") })
		if !byItself && !byNoDomain && !bySender {
			return false
		}
	}
	return len(unmet) > 0
}

// faultyServers are the MX hosts of a domain that keep away who heeds its MTA-STS policy, or the domain itself if none is known.
func faultyServers(s scrape, domain string) []string {
	var out []string
	for _, covered := range s.find(fmt.Sprintf("mta_sts_mx_covered{target=%q}", domain)) {
		server := covered.labels["server"]
		if slices.ContainsFunc(s.find(fmt.Sprintf("problem{target=%q}", server)), func(p series) bool { return slices.Contains(checks.TLSFaults(), p.labels["problem"]) }) {
			out = append(out, server)
		}
	}
	if len(out) == 0 {
		return []string{domain}
	}
	return out
}

// whatWasSeen is what the description of an alert about a server has to say: replies that refuse, and why there was none.
func whatWasSeen(s scrape, alert map[string]string) []string {
	if alert["check"] != "smtp" || strings.HasPrefix(alert["problem"], "certificate_") {
		return []string{alert["target"] + alert["subject"]}
	}
	var out []string
	for _, class := range []string{"transient", "permanent"} {
		for _, reply := range s.find(fmt.Sprintf("smtp_reply{target=%q,class=%q}", alert["target"], class)) {
			out = append(out, fmt.Sprintf("%s, %s: %s", reply.labels["address"], reply.labels["stage"], reply.labels["code"]), "("+reply.labels["cause"]+")")
		}
	}
	for _, failure := range s.find(fmt.Sprintf("smtp_failure{target=%q}", alert["target"])) {
		out = append(out, fmt.Sprintf("%s, %s: %s", failure.labels["address"], failure.labels["stage"], failure.labels["reason"]))
	}
	return out
}
