# A mixin of the files beside it, for Jsonnet 0.18 or later. Their options were chosen when they were made.
# Made by `mailprobe_exporter dashboards`: change its options rather than this file.
local groups = std.parseYaml(importstr 'alerts.yml').groups;
local recorded(group) = group.name == 'mailprobe-recorded';
{
  _config+:: {},
  prometheusRules+:: { groups+: [group for group in groups if recorded(group)] },
  prometheusAlerts+:: { groups+: [group for group in groups if !recorded(group)] },
  grafanaDashboards+:: {
    'mailprobe-overview.json': import 'grafana/overview.json',
    'mailprobe-server.json': import 'grafana/server.json',
    'mailprobe-domain.json': import 'grafana/domain.json',
    'mailprobe-reputation.json': import 'grafana/reputation.json',
    'mailprobe-exporter.json': import 'grafana/exporter.json',
  },
}
