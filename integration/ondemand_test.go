//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"
)

// TestOnDemand has Prometheus scrape the same targets in three ways, as operators do: everything at /metrics, each target named
// in its own configuration at /probe, and each that /sd lists. All three store the same series.
func TestOnDemand(t *testing.T) {
	t.Parallel()
	world.knot.change(t, `
		+ demand.example.org. MX 10 mx.demand.example.org.
		+ mx.demand.example.org. A 192.0.2.97
		+ 97.2.0.192.in-addr.arpa. PTR mx.demand.example.org.
	`)
	startPostfix(t, "mx.demand.example.org", world.certificate(t, "mx.demand.example.org"), "192.0.2.97:25")
	// Nothing is asked twice while the jobs are compared.
	e := startExporter(t, preamble()+`
blocklists: {use: []}
probe_cache: 1h
probe_allow: ["other.example.org", 192.0.2.0/24]
modules:
  server: {kind: server, interval: 1h}
  domain: {kind: domain, interval: 1h}
domains: [{name: demand.example.org, labels: {team: mail}}]
`)
	e.expect(t, patience, `
		smtp_up{target="mx.demand.example.org:25"} 1
		check_conclusive{target="mx.demand.example.org:25",check="rdns"} 1
		check_conclusive{target="demand.example.org",check="bimi"} 1
	`)
	const relabel = `
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: instance}
      - {replacement: %q, target_label: __address__}
`
	relabelled := fmt.Sprintf(relabel, e.address())
	p := startPrometheusWith(t, fmt.Sprintf(`
  - job_name: metrics
    static_configs: [{targets: [%q]}]
  - job_name: probe
    metrics_path: /probe
    params: {module: [domain]}
    static_configs: [{targets: [demand.example.org]}]
`, e.address())+relabelled+`
  - job_name: sd
    metrics_path: /probe
    http_sd_configs: [{url: "`+e.url+`/sd?kind=domain&kind=server", refresh_interval: 1s}]
`+relabelled)

	const about = `{__name__=~"mailprobe_.+",target=~"(mx.)?demand.example.org.*",job=%q}`
	err := eventually(patience, func() error {
		metrics, err := p.query(fmt.Sprintf(about, "metrics"))
		if err != nil {
			return finalError{err}
		}
		sd, err := p.query(fmt.Sprintf(about, "sd"))
		if err != nil {
			return finalError{err}
		}
		if err := difference(metrics, sd); err != nil {
			return fmt.Errorf("/metrics and /sd: %w", err)
		}
		probe, err := p.query(fmt.Sprintf(about, "probe"))
		if err != nil {
			return finalError{err}
		}
		var domain scrape
		for _, s := range metrics {
			if s.labels["target"] == "demand.example.org" {
				domain = append(domain, s)
			}
		}
		if err := difference(domain, probe); err != nil {
			return fmt.Errorf("/metrics and /probe: %w", err)
		}
		success, err := p.query(`probe_success{job="sd",instance="mx.demand.example.org:25"} == 1 and on() probe_ssl_earliest_cert_expiry{job="sd"} > time()`)
		if err != nil {
			return finalError{err}
		}
		if len(success) != 1 {
			return fmt.Errorf("probe_success: %v", success)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}

	// A server that is not configured, seen and let in by its address alone.
	text, err := e.get("/probe?target=192.0.2.97:25")
	if err != nil {
		t.Fatal(err)
	}
	s, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.check(`
		smtp_up{target="192.0.2.97:25",address="192.0.2.97"} 1
		target_info{target="192.0.2.97:25",source="probe"} 1
	`); err != nil {
		t.Error(err)
	}
	if text, err := e.get("/probe?target=192.0.2.97:25&debug=true"); err != nil || !strings.Contains(text, "220 mx.demand.example.org") {
		t.Errorf("the dialogue: %v\n%s", err, text)
	}
	for _, refused := range []string{"/probe?target=198.51.100.1:25", "/probe?target=127.0.0.1:25", "/probe?target=192.0.2.97:80"} {
		if _, err := e.get(refused); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: %v", refused, err)
		}
	}
	e.expect(t, patience, `no smtp_up{target="192.0.2.97:25"}`)
}
