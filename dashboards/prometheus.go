package dashboards

import (
	"fmt"
	"strings"
)

// prometheusFile is prometheus.yml.
func (m *maker) prometheusFile() []byte {
	return []byte(m.header("An example for Prometheus 2.42 or later: where the exporter, the rules and Alertmanager are.") + fmt.Sprintf(`global:
  scrape_interval: %s
  evaluation_interval: %s
rule_files: [alerts.yml]
alerting:
  alertmanagers:
    - static_configs:
        - targets: ["localhost:9093"]
scrape_configs:
  # Everything the exporter knows. It probes on its own schedule; a scrape reads what is known and waits for no mail server.
  - job_name: mailprobe
    static_configs:
      - targets: ["localhost:10587"]

  # Instead, where Prometheus says when to probe, or shards the targets: the exporter lists its targets, and /probe asks one of them. Keep
  # the job above for the exporter itself; a fault that both see is one alert.
  #
  # - job_name: mailprobe-servers
  #   metrics_path: /probe
  #   scrape_interval: 5m
  #   scrape_timeout: 30s
  #   http_sd_configs:
  #     - url: http://localhost:10587/sd?kind=server
  #   relabel_configs:
  #     - {source_labels: [__address__], target_label: __param_target}
  #     - {source_labels: [__param_target], target_label: instance}
  #     - {target_label: __address__, replacement: "localhost:10587"}
`, promDuration(m.scrapeInterval), promDuration(m.evaluationInterval)))
}

// mixinFile is mixin.libsonnet: the files beside it for those whose tools take a mixin.
func (m *maker) mixinFile() []byte {
	head := m.header("A mixin of the files beside it, for Jsonnet 0.18 or later. Their options were chosen when they were made.")
	return []byte(head + `local groups = std.parseYaml(importstr 'alerts.yml').groups;
local recorded(group) = group.name == 'mailprobe-recorded';
{
  _config+:: {},
  prometheusRules+:: { groups+: [group for group in groups if recorded(group)] },
  prometheusAlerts+:: { groups+: [group for group in groups if !recorded(group)] },
  grafanaDashboards+:: {
` + mixinDashboards() + `  },
}
`)
}

// mixinDashboards are the dashboards as fields of an object.
func mixinDashboards() string {
	var b strings.Builder
	for _, name := range grafanaNames {
		fmt.Fprintf(&b, "    'mailprobe-%s.json': import 'grafana/%s.json',\n", name, name)
	}
	return b.String()
}
