module github.com/mailprobe/mailprobe_exporter/dashboards/source

go 1.26.0

require github.com/grafana/grafana-foundation-sdk/go v0.0.18
