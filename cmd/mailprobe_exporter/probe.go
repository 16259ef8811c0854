package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

const (
	// probePatience is how long a probe may take for somebody who does not say how long he waits: less than the web
	// server has for a response.
	probePatience = 100 * time.Second
	// leastPatience is what is left of a scrape's timeout, whatever is taken off it.
	leastPatience = 100 * time.Millisecond
)

// probeHandler answers /probe?target=T&module=M: it has those checks of T run that are due, and gives the metrics of T alone,
// with those on which rules for other probing exporters are written. With debug=true it gives what was said, as text.
func probeHandler(f *flags, c *collector.Collector, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, module := r.URL.Query().Get("target"), r.URL.Query().Get("module")
		if target == "" {
			http.Error(w, "Say what to probe: /probe?target=example.org, target=mx.example.org:25 or target=203.0.113.9; module=NAME is optional.", http.StatusBadRequest)
			return
		}
		began, patience := time.Now(), scrapePatience(r.Header, f.timeoutOffset)
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		s, complete, err := c.Probe(ctx, target, module)
		if err != nil {
			if errors.Is(err, collector.ErrBusy) {
				w.Header().Set("Retry-After", "10")
			}
			http.Error(w, "Not probed: "+err.Error()+".", probeStatus(err))
			return
		}
		if r.URL.Query().Get("debug") == "true" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprintf(w, "target %s, module %s, asked in %.3f s, complete: %t\n\n%s", s.Target.Name, s.Target.Module.Name, time.Since(began).Seconds(), complete, s.Dialogue())
			return
		}
		families := c.Families(s)
		families = append(families, probeFamilies(families, complete && s.Well(), time.Since(began), patience)...)
		gatherer := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil })
		promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{
			ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelError), EnableOpenMetrics: true,
		}).ServeHTTP(w, r)
	})
}

// probeStatus is the status for a probe that was not made.
func probeStatus(err error) int {
	switch {
	case errors.Is(err, targets.ErrNotAllowed):
		return http.StatusForbidden
	case errors.Is(err, collector.ErrNotRunning), errors.Is(err, collector.ErrBusy):
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// scrapePatience is how long a scrape waits, less offset, which the response needs for its way.
func scrapePatience(h http.Header, offset time.Duration) time.Duration {
	seconds, err := strconv.ParseFloat(h.Get("X-Prometheus-Scrape-Timeout-Seconds"), 64)
	if err != nil || math.IsNaN(seconds) || seconds <= 0 {
		return probePatience
	}
	patience := probePatience
	if seconds < probePatience.Seconds() {
		patience = time.Duration(seconds * float64(time.Second))
	}
	return max(patience-offset, min(patience, leastPatience))
}

// probeFamilies are the metrics that every probing exporter gives, by their usual names.
func probeFamilies(families []*dto.MetricFamily, well bool, took, patience time.Duration) []*dto.MetricFamily {
	gauge := func(name, help string, value float64) *dto.MetricFamily {
		return &dto.MetricFamily{Name: &name, Help: &help, Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: &value}}}}
	}
	success := 0.0
	if well {
		success = 1
	}
	out := []*dto.MetricFamily{gauge("probe_duration_seconds", "How long this probe took; what was known was not asked again.", took.Seconds())}
	if at := earliestExpiry(families); !math.IsInf(at, 1) {
		out = append(out, gauge("probe_ssl_earliest_cert_expiry", "When the first of the certificates shown expires, as seconds since 1970.", at))
	}
	return append(out,
		gauge("probe_success", "1 if every check reached a verdict in its last run and no critical problem stands.", success),
		gauge("probe_timeout_seconds", "How long this probe might have taken.", patience.Seconds()))
}

// earliestExpiry is the least value of certificate_not_after_timestamp_seconds; +Inf without one.
func earliestExpiry(families []*dto.MetricFamily) float64 {
	at := math.Inf(1)
	for _, f := range families {
		if strings.HasSuffix(f.GetName(), "_certificate_not_after_timestamp_seconds") {
			for _, m := range f.Metric {
				at = min(at, m.GetGauge().GetValue())
			}
		}
	}
	return at
}
