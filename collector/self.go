package collector

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
	dto "github.com/prometheus/client_model/go"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// What the exporter says of itself. The metrics with a value that is known only at a
// scrape are collected by selfCollector, the others count as things happen.
var (
	dnsblState       = &checks.Metric{Name: "dnsbl_state", Help: "1 for the state that a blocklist is in; only the verdicts of one that is ok or unverified are believed.", Labels: []string{"list", "state"}, Global: true}
	dnsblQueries     = &checks.Metric{Name: "dnsbl_queries_total", Help: "Questions asked of a blocklist, by what became of them.", Labels: []string{"list", "outcome"}, Global: true}
	backoffUntil     = &checks.Metric{Name: "target_backoff_until_timestamp_seconds", Help: "Until when an address is left alone because it said so, as seconds since 1970; absent otherwise.", Labels: []string{"address"}}
	checkInterval    = &checks.Metric{Name: "check_interval_seconds", Help: "How often a check of a module runs on its targets, in seconds; where these differ, as servers of others are asked less often, the longest time.", Labels: []string{"module", "check"}, Global: true}
	probesTotal      = &checks.Metric{Name: "probes_total", Help: "Runs of checks: conclusive, inconclusive, or skipped because the target wants to be left alone or there is nothing to ask.", Labels: []string{"check", "outcome"}, Global: true}
	probeDuration    = &checks.Metric{Name: "probe_duration_seconds", Help: "How long a run of a check took, waiting included.", Labels: []string{"check"}, Global: true}
	probesInFlight   = &checks.Metric{Name: "probes_in_flight", Help: "SMTP sessions under way.", Global: true}
	scheduleLag      = &checks.Metric{Name: "schedule_lag_seconds", Help: "How late the last round began, how long a session has been waiting for a place under limits.concurrency or for its host, or a question for its turn at DNS, whichever is most.", Global: true}
	dnsBacklog       = &checks.Metric{Name: "dns_backlog_seconds", Help: "How long a question that comes now waits for its turn under limits.dns_queries_per_second.", Global: true}
	probeQueueLength = &checks.Metric{Name: "probe_queue_length", Help: "Requests for /probe that wait for a round on demand to begin.", Global: true}
	seriesMetric     = &checks.Metric{Name: "series", Help: "Series about targets in this response.", Global: true}
	seriesDropped    = &checks.Metric{Name: "series_dropped_total", Help: "Series left out because they would have spoilt the response; each is a bug.", Global: true}
	dnsQueries       = &checks.Metric{Name: "dns_queries_total", Help: "Questions sent to resolvers, by what became of them.", Labels: []string{"outcome"}, Global: true}
	reloadSuccessful = &checks.Metric{Name: "config_last_reload_successful", Help: "1 if the last attempt to load the configuration succeeded.", Global: true}
	reloadTime       = &checks.Metric{Name: "config_last_reload_success_timestamp_seconds", Help: "When the configuration was last loaded, as seconds since 1970.", Global: true}
	fileLoaded       = &checks.Metric{Name: "config_file_last_load_successful", Help: "1 if the current content of a target file is in force, 0 if an older one is, or none.", Labels: []string{"file"}, Global: true}
	storageOK        = &checks.Metric{Name: "storage_last_save_successful", Help: "1 if the last attempt to write down what is known succeeded, 0 if not; absent before the first, and without --storage.path.", Global: true}
	storageTime      = &checks.Metric{Name: "storage_last_save_success_timestamp_seconds", Help: "When what is known was last written down, as seconds since 1970; absent before, and without --storage.path.", Global: true}
	buildInfo        = &checks.Metric{Name: "build_info", Help: "1, with the version and how it was built.", Labels: []string{"version", "revision", "branch", "goversion", "goos", "goarch", "tags"}, Global: true}
)

var selfMetrics = []*checks.Metric{
	dnsblState, dnsblQueries, backoffUntil, checkInterval, probesTotal, probeDuration, probesInFlight, probeQueueLength, scheduleLag, dnsBacklog,
	seriesMetric, seriesDropped, dnsQueries, reloadSuccessful, reloadTime, fileLoaded,
	storageOK, storageTime, buildInfo,
}

// OwnMetrics lists the metrics that no check emits: about targets, and about the exporter
// itself. It is for the documentation.
func OwnMetrics() []*checks.Metric {
	declared := map[string]bool{}
	for _, c := range checks.All {
		for _, m := range c.Metrics {
			declared[m.Name] = true
		}
	}
	return slices.DeleteFunc(slices.Concat(snapshotMetrics, selfMetrics), func(m *checks.Metric) bool { return declared[m.Name] })
}

// Self keeps what the exporter counts of its own doing.
type self struct {
	registry *prometheus.Registry
	probes   *prometheus.CounterVec
	duration *prometheus.HistogramVec
	dns      *prometheus.CounterVec

	reloadOK   atomic.Bool
	reloadedAt atomic.Int64 // Milliseconds since 1970.
}

func newSelf(c *Collector) *self {
	counter := func(m *checks.Metric) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: namespace + m.Name, Help: m.Help}, m.Labels)
	}
	s := &self{
		registry: prometheus.NewRegistry(),
		probes:   counter(probesTotal),
		dns:      counter(dnsQueries),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: namespace + probeDuration.Name, Help: probeDuration.Help,
			Buckets:                         []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, probeDuration.Labels),
	}
	for _, check := range c.checks {
		for _, o := range []outcome{conclusive, inconclusive, skipped} {
			s.probes.WithLabelValues(check.Name, string(o))
		}
		s.duration.WithLabelValues(check.Name)
	}
	for _, o := range []string{"found", "no_name", "no_data", "timeout", "servfail", "refused", "error"} {
		s.dns.WithLabelValues(o)
	}
	s.registry.MustRegister(s.probes, s.duration, s.dns, &selfCollector{c},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		version.NewCollector(strings.TrimSuffix(namespace, "_")))
	return s
}

// observe counts a run of a check.
func (s *self) observe(check string, how outcome, took time.Duration) {
	s.probes.WithLabelValues(check, string(how)).Inc()
	if how != skipped {
		s.duration.WithLabelValues(check).Observe(took.Seconds())
	}
}

func (s *self) observeDNS(outcome string) { s.dns.WithLabelValues(outcome).Inc() }

// Reloaded records the outcome of a reload for config_last_reload_successful.
func (c *Collector) Reloaded(err error) {
	c.self.reloadOK.Store(err == nil)
	if err == nil {
		c.self.reloadedAt.Store(time.Now().UnixMilli())
	}
}

// Registerer takes metrics of others that /metrics shall give too, such as promhttp's.
func (c *Collector) Registerer() prometheus.Registerer { return c.self.registry }

// gather returns the families of the exporter itself. series is the number of those about targets.
func (s *self) gather(series int, excluded map[string]bool) ([]*dto.MetricFamily, error) {
	families, err := s.registry.Gather()
	name := namespace + seriesMetric.Name
	families = append(families, &dto.MetricFamily{
		Name: &name, Help: &seriesMetric.Help, Type: dto.MetricType_GAUGE.Enum(),
		Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: new(float64(series))}}},
	})
	return slices.DeleteFunc(families, func(f *dto.MetricFamily) bool {
		short, ours := strings.CutPrefix(f.GetName(), namespace)
		return ours && excluded[short]
	}), err
}

// A selfCollector reads at a scrape what others keep.
type selfCollector struct{ c *Collector }

var descs = func() map[*checks.Metric]*prometheus.Desc {
	out := map[*checks.Metric]*prometheus.Desc{}
	for _, m := range []*checks.Metric{dnsblState, dnsblQueries, backoffUntil, checkInterval, probesInFlight, probeQueueLength, scheduleLag, dnsBacklog, seriesDropped, reloadSuccessful, reloadTime, fileLoaded, storageOK, storageTime} {
		labels := m.Labels
		if !m.Global {
			labels = append([]string{"target"}, labels...)
		}
		out[m] = prometheus.NewDesc(namespace+m.Name, m.Help, labels, nil)
	}
	return out
}()

// Describe implements prometheus.Collector.
func (s *selfCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *selfCollector) Collect(ch chan<- prometheus.Metric) {
	emit := func(m *checks.Metric, value float64, labels ...string) {
		kind := prometheus.GaugeValue
		if strings.HasSuffix(m.Name, "_total") {
			kind = prometheus.CounterValue
		}
		metric, err := prometheus.NewConstMetric(descs[m], kind, value, labels...)
		if err != nil {
			s.c.expo.drop("metric " + m.Name + " cannot be made")
			return
		}
		ch <- metric
	}
	now, reg := time.Now(), s.c.regime.Load()
	for _, l := range reg.env.Lists.States() {
		if l.State != "" {
			emit(dnsblState, 1, l.ID, l.State)
		}
		for outcome, n := range l.Queries {
			emit(dnsblQueries, float64(n), l.ID, outcome)
		}
	}
	s.c.mu.Lock()
	sts := s.c.inOrder()
	s.c.mu.Unlock()
	for run, every := range longestIntervals(sts) {
		emit(checkInterval, every.Seconds(), run.module, run.check)
	}
	for _, st := range sts {
		for addr, until := range st.door.leftAddresses(now) {
			emit(backoffUntil, seconds(until), st.name, addr.String())
		}
	}
	sessions, waited := s.c.limits.inFlight(now)
	emit(probesInFlight, float64(sessions))
	emit(probeQueueLength, float64(s.c.limits.roundsWaiting()))
	behind := reg.env.DNS.Backlog()
	emit(dnsBacklog, behind.Seconds())
	emit(scheduleLag, max(time.Duration(s.c.scheduler.late.Load()), waited, behind).Seconds())
	for _, f := range reg.cfg.Files {
		emit(fileLoaded, oneIf(f.OK), f.Path)
	}
	if store := s.c.store; store != nil && store.tried.Load() {
		emit(storageOK, oneIf(store.ok.Load()))
		if at := store.saved.Load(); at > 0 {
			emit(storageTime, float64(at)/1000)
		}
	}
	emit(reloadSuccessful, oneIf(s.c.self.reloadOK.Load()))
	emit(reloadTime, float64(s.c.self.reloadedAt.Load())/1000)
	emit(seriesDropped, float64(s.c.expo.dropped.Load()))
}

// A moduleCheck is a check as a module runs it.
type moduleCheck struct{ module, check string }

// longestIntervals are those of the checks that run.
func longestIntervals(sts []*state) map[moduleCheck]time.Duration {
	out := map[moduleCheck]time.Duration{}
	for _, st := range sts {
		s := st.snapshot.Load()
		if s.Target.Module == nil {
			continue
		}
		for i := range s.Checks {
			run := moduleCheck{s.Target.Module.Name, s.Checks[i].Check.Name}
			out[run] = max(out[run], s.Checks[i].Every)
		}
	}
	return out
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
