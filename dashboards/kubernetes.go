package dashboards

import (
	"fmt"
	"strings"
)

// kubernetesFiles are the same for the Prometheus Operator.
func (m *maker) kubernetesFiles() []File {
	const needs = " Needs the Prometheus Operator 0.66 or later."
	var rule strings.Builder
	rule.WriteString(m.header("The alert rules for the Prometheus Operator." + needs))
	rule.WriteString(`apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: mailprobe
  labels: {app.kubernetes.io/name: mailprobe-exporter}
spec:
`)
	m.writeGroups(&rule, "  ")

	interval := promDuration(m.scrapeInterval)
	object := func(what, text string, args ...any) []byte {
		return []byte(m.header(what+needs) + fmt.Sprintf(text, args...))
	}
	return []File{
		{"kubernetes/prometheusrule.yml", []byte(rule.String())},
		{"kubernetes/servicemonitor.yml", object("Scrapes the exporter's /metrics: all that it probes on its own schedule. The Service is expected to have a port called metrics.", `apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: mailprobe
  labels: {app.kubernetes.io/name: mailprobe-exporter}
spec:
  selector:
    matchLabels: {app.kubernetes.io/name: mailprobe-exporter}
  endpoints:
    - port: metrics
      interval: %s
`, interval)},
		{"kubernetes/probe.yml", object("Has a few servers probed when Prometheus asks: targets that exporter.yml names or probe_allow lets in.", `apiVersion: monitoring.coreos.com/v1
kind: Probe
metadata:
  name: mailprobe
  labels: {app.kubernetes.io/name: mailprobe-exporter}
spec:
  jobName: mailprobe-probe
  interval: 5m
  scrapeTimeout: 30s
  module: server
  prober:
    url: mailprobe-exporter:10587
    path: /probe
  targets:
    staticConfig:
      static: ["mx1.example.org:25", "smtp.example.org:587"]
`)},
		{"kubernetes/scrapeconfig.yml", object("Has every server that the exporter knows of probed when Prometheus asks; with shards, each Prometheus asks for its own.", `apiVersion: monitoring.coreos.com/v1alpha1
kind: ScrapeConfig
metadata:
  name: mailprobe-servers
  labels: {app.kubernetes.io/name: mailprobe-exporter}
spec:
  metricsPath: /probe
  scrapeInterval: 5m
  scrapeTimeout: 30s
  httpSDConfigs:
    - url: http://mailprobe-exporter:10587/sd?kind=server
  relabelings:
    - {sourceLabels: [__address__], targetLabel: __param_target}
    - {sourceLabels: [__param_target], targetLabel: instance}
    - {targetLabel: __address__, replacement: "mailprobe-exporter:10587"}
`)},
	}
}
