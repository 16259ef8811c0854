package collector

import (
	"slices"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// The metrics that the collector makes of every snapshot.
var (
	targetInfo          = &checks.Metric{Name: "target_info", Help: "One for each target, with the labels that the configuration gives it.", Labels: []string{"kind", "source", "module", "role", "owner"}}
	senderInfo          = &checks.Metric{Name: "sender_info", Help: "Which senders a domain has.", Labels: []string{"sender"}}
	checkConclusive     = &checks.Metric{Name: "check_conclusive", Help: "1 if the last run of the check reached a verdict, 0 if it could not; absent where there is nothing to ask.", Labels: []string{"check"}}
	checkLastRun        = &checks.Metric{Name: "check_last_run_timestamp_seconds", Help: "When the check ran last, as seconds since 1970.", Labels: []string{"check"}}
	checkLastConclusive = &checks.Metric{Name: "check_last_conclusive_timestamp_seconds", Help: "When the check last reached a verdict, as seconds since 1970. What it says is as old as this.", Labels: []string{"check"}}
	problemMetric       = &checks.Metric{Name: "problem", Help: "1 while a problem stands, on the target that owns it.", Labels: []string{"check", "problem", "severity"}}
	snapshotMetrics     = []*checks.Metric{targetInfo, senderInfo, checkConclusive, checkLastRun, checkLastConclusive, problemMetric, checks.VantageOK}
)

// render makes the series that are about the target itself.
func (b *builder) render(s *Snapshot) *block {
	r := b.expo.renderer(s.state)
	t, out := s.Target, &block{}
	if t.Kind != targets.KindVantage {
		role, owner := "", ""
		if t.Kind == targets.KindServer {
			owner = "own"
			if t.Foreign {
				owner = "foreign"
			}
			if t.Server != nil {
				role = string(t.Server.Role)
			}
		}
		module := ""
		if t.Module != nil {
			module = t.Module.Name
		}
		r.add(out, targetInfo, 1, []string{string(t.Kind), string(t.Source), module, role, owner}, t.Labels)
	}
	if t.Domain != nil {
		for _, sender := range slices.Compact(slices.Sorted(slices.Values(t.Domain.Senders))) {
			r.add(out, senderInfo, 1, []string{sender}, nil)
		}
	}
	for _, c := range s.Checks {
		if c.LastRun.IsZero() {
			continue
		}
		conclusive := 0.0
		if c.Conclusive {
			conclusive = 1
		}
		r.add(out, checkConclusive, conclusive, []string{c.Check.Name}, nil)
		r.add(out, checkLastRun, seconds(c.LastRun), []string{c.Check.Name}, nil)
		if !c.LastConclusive.IsZero() {
			r.add(out, checkLastConclusive, seconds(c.LastConclusive), []string{c.Check.Name}, nil)
		}
	}
	for _, t := range s.tests {
		value := 0.0
		if t.Wrong.EN == "" {
			value = 1
		}
		r.add(out, checks.VantageOK, value, []string{t.Test}, nil)
	}
	var labels map[string]string
	for _, name := range b.cfg.AlertLabels {
		if v := t.Labels[name]; v != "" {
			if labels == nil {
				labels = map[string]string{}
			}
			labels[name] = v
		}
	}
	for _, p := range s.Problems {
		if p.Ignored == nil {
			r.add(out, problemMetric, 1, []string{p.Check, p.ID, string(p.Severity)}, labels)
		}
	}
	return &block{slices.Clone(out.pairs), slices.Clone(out.series)} // Without what append kept in reserve.
}

// seconds is a time as Prometheus writes it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
