//go:build integration

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// writeDashboards has the program write its files, and returns where.
func writeDashboards(t *testing.T, args ...string) string {
	t.Helper()
	dir := directory(t, "dashboards")
	succeed(t, dir, releasedBinary, append([]string{"dashboards", "--output", dir}, args...)...)
	return dir
}

// succeed runs a program that has to succeed and returns what it said.
func succeed(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%.5000s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestRules has Prometheus' and Alertmanager's own tools read what the program writes, and run the tests of the rules, whatever the
// options.
func TestRules(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]string{
		"defaults":  nil,
		"elsewhere": {"--lang", "ru", "--external-url", "https://probe.example.org", "--grafana-url", "https://grafana.example.org/", "--set", "time_scale=0.1"},
		"routed":    {"--job-selector", `job=~"mail.*",env="a"`, "--set", "alert_labels=team", "--set", "time_scale=0.1"},
		"strict":    {"--set", "time_scale=0", "--set", "listed_lists=2", "--set", "certificate_warning=60d", "--set", "certificate_warning_share=0.5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := writeDashboards(t, options...)
			succeed(t, dir, "promtool", "check", "rules", "--lint-fatal", "alerts.yml")
			succeed(t, dir, "promtool", "check", "config", "--lint-fatal", "prometheus.yml")
			succeed(t, dir, "amtool", "check-config", "alertmanager.yml")
			if out := succeed(t, dir, "promtool", "test", "rules", "alerts_test.yml"); !strings.Contains(out, "SUCCESS") {
				t.Errorf("promtool says %s", out)
			}
		})
	}
}

// TestRuleCases runs the cases that are written by hand.
func TestRuleCases(t *testing.T) {
	t.Parallel()
	succeed(t, "../dashboards/testdata", "promtool", "test", "rules", "cases_test.yml", "seldom_test.yml")
}

// TestRoutes asks Alertmanager's tool who is told of what.
func TestRoutes(t *testing.T) {
	t.Parallel()
	for severity, want := range map[string]string{"critical": "mailprobe", "warning": "mailprobe", "info": "nobody", "none": "nobody"} {
		got := succeed(t, "../dashboards", "amtool", "config", "routes", "test", "--config.file", "alertmanager.yml", "--verify.receivers", want, "alertname=MailprobeAny", "severity="+severity)
		if !strings.HasSuffix(got, "\n"+want+"\n") && got != want+"\n" {
			t.Errorf("%s goes to %s, want %s", severity, got, want)
		}
	}
}

// TestOneFault has a thousand domains share a server that is down and a sender that is listed. Two exporters see that, and Prometheus
// asking /probe: it is one alert each.
func TestOneFault(t *testing.T) {
	t.Parallel()
	rules, err := filepath.Abs("../dashboards/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rule_files: [%q]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n", rules)
	for _, place := range []string{`job="mailprobe",instance="a"`, `job="mailprobe",instance="b"`, `job="probe",instance="mx.example.org:25"`} {
		add := func(name, format string, args ...any) {
			fmt.Fprintf(&b, "  - {series: 'mailprobe_%s{%s,%s}', values: '1+0x60'}\n", name, place, fmt.Sprintf(format, args...))
		}
		add("build_info", `version="1"`)
		add("problem", `target="mx.example.org:25",check="smtp",problem="smtp_unreachable",severity="critical"`)
		add("smtp_failure", `target="mx.example.org:25",address="192.0.2.1",stage="connect",reason="timeout"`)
		add("problem", `target="203.0.113.9",check="dnsbl",problem="dnsbl_listed",severity="critical"`)
		add("dnsbl_listing", `target="203.0.113.9",subject="203.0.113.9",list="spamhaus_zen",code="127.0.0.4",meaning="exploit",severity="critical"`)
		for i := range 1000 {
			domain := fmt.Sprintf("d%d.example.org", i)
			add("target_info", `target=%q,kind="domain",owner="own"`, domain)
			add("mx_info", `target=%q,server="mx.example.org:25",preference="10"`, domain)
			add("sender_info", `target=%q,sender="203.0.113.9"`, domain)
			add("check_conclusive", `target=%q,check="mx"`, domain)
		}
	}
	b.WriteString(`  promql_expr_test:
  - expr: ALERTS{alertstate="firing"}
    eval_time: 20m
    exp_samples:
    - {labels: 'ALERTS{alertname="MailprobeSMTPUnreachable",alertstate="firing",target="mx.example.org:25",check="smtp",problem="smtp_unreachable",severity="critical"}', value: 1}
    - {labels: 'ALERTS{alertname="MailprobeDNSBLListed",alertstate="firing",subject="203.0.113.9",list="spamhaus_zen",severity="critical"}', value: 1}
  alert_rule_test:
  - alertname: MailprobeSMTPUnreachable
    eval_time: 20m
    exp_alerts:
    - exp_labels: {target: "mx.example.org:25", check: smtp, problem: smtp_unreachable, severity: critical}
      exp_annotations:
        summary: The server cannot be connected to
        description: |-
          mx.example.org:25: No TCP connection is established: it is refused, or nothing answers in time. Senders queue their mail and return it after some days.
          - 192.0.2.1, connect: timeout
          - domains that receive mail through it: 1000
          What to do:
          - On the server, see whether it listens: ` + "`ss -ltn 'sport = :25'`" + `. Start the service if it does not, and read its log.
          - Try from another network: ` + "`nc -v mx.example.org 25`" + `. If it connects there, the fault is in the network between and not in the server.
          - Open port ` + "`25`" + ` in the firewall of the server and in the hosting provider's panel.
          - If it is your mail program that cannot connect to port 25, set port 587 with STARTTLS or 465 with TLS in it.
        runbook_url: https://github.com/mailprobe/mailprobe_exporter/blob/main/docs/problems.md#smtp_unreachable
        dashboard_url: /graph?g0.expr=mailprobe_problem%7Btarget%3D%22mx.example.org%3A25%22%7D&g0.tab=1
`)
	dir := directory(t, "rules")
	write(t, filepath.Join(dir, "test.yml"), b.String())
	succeed(t, dir, "promtool", "test", "rules", "test.yml")
}

// TestReplicasDisagree has two exporters that only a third label tells apart, one of them with a configuration in which everything belongs to
// another team. One is believed: the rules neither fail nor tell a fault twice.
func TestReplicasDisagree(t *testing.T) {
	t.Parallel()
	dir := writeDashboards(t, "--set", "alert_labels=team", "--set", "replica_labels=job,instance,replica")
	var b strings.Builder
	b.WriteString("rule_files: [alerts.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n")
	for replica, team := range []string{"mail", "web"} {
		add := func(name, labels string, value int) {
			fmt.Fprintf(&b, "  - {series: 'mailprobe_%s{job=\"mailprobe\",instance=\"a\",replica=\"%d\",%s}', values: '%d+0x120'}\n", name, replica, labels, value)
		}
		add("build_info", `version="1"`, 1)
		add("target_info", fmt.Sprintf(`target="example.org",kind="domain",owner="own",team=%q`, team), 1)
		add("spf_lookups", `target="example.org"`, 9)
		add("problem", fmt.Sprintf(`target="203.0.113.9",check="dnsbl",problem="dnsbl_listed",severity="critical",team=%q`, team), 1)
		add("dnsbl_listing", `target="203.0.113.9",subject="203.0.113.9",list="one",code="127.0.0.2",meaning="spam_source",severity="critical"`, 1)
		add("problem", `target="vantage",check="vantage",problem="vantage_dnsbl_refused",severity="warning"`, 1)
		add("dnsbl_state", `list="two",state="blocked"`, 1)
	}
	b.WriteString(`  promql_expr_test:
  - expr: count by (alertname) (ALERTS{alertstate="firing"})
    eval_time: 100m
    exp_samples:
    - {labels: '{alertname="MailprobeSPFLookupsNearLimit"}', value: 1}
    - {labels: '{alertname="MailprobeDNSBLListed"}', value: 1}
    - {labels: '{alertname="MailprobeVantageDNSBLRefused"}', value: 1}
`)
	write(t, filepath.Join(dir, "test.yml"), b.String())
	succeed(t, dir, "promtool", "test", "rules", "test.yml")
}

// TestMixin evaluates the mixin: all rules and dashboards are in it.
func TestMixin(t *testing.T) {
	t.Parallel()
	jsonnet := succeed(t, ".", "go", "tool", "-modfile=../tools/go.mod", "-n", "jsonnet")
	got := succeed(t, writeDashboards(t), strings.TrimSpace(jsonnet), "-e", `
		local m = import 'mixin.libsonnet';
		[std.length(m.prometheusAlerts.groups) > 10, std.map(function(g) g.name, m.prometheusRules.groups), std.objectFields(m.grafanaDashboards), m.grafanaDashboards['mailprobe-server.json'].uid]`)
	want := `[true,["mailprobe-recorded"],["mailprobe-domain.json","mailprobe-exporter.json","mailprobe-overview.json","mailprobe-reputation.json","mailprobe-server.json"],"mailprobe-server"]`
	if got := strings.Join(strings.Fields(got), ""); got != want {
		t.Errorf("it has %s, want %s", got, want)
	}
}

// TestFilesAreReplaced has the program write over its own files, and leave those of others alone.
func TestFilesAreReplaced(t *testing.T) {
	t.Parallel()
	dir := writeDashboards(t)
	succeed(t, dir, releasedBinary, "dashboards", "--output", dir, "--set", "lag=7m")
	own := filepath.Join(dir, "alertmanager.yml")
	write(t, own, "route: {receiver: a}\n")
	if out, err := exec.CommandContext(t.Context(), releasedBinary, "dashboards", "--output", dir).CombinedOutput(); err == nil || !strings.Contains(string(out), "nothing was written") {
		t.Errorf("it says %v, %s", err, out)
	}
	rules, err := os.ReadFile(filepath.Join(dir, "alerts.yml"))
	if err != nil || !strings.Contains(string(rules), "mailprobe_schedule_lag_seconds) > 420") {
		t.Errorf("alerts.yml was written all the same: %v", err)
	}
}
