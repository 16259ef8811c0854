package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// exporter says whether the exporter itself is well, and whether it looks from a place that can be believed.
func exporter() *builder {
	return board(exporterUID, "Exporter", "The exporter itself: whether it looks from a good place, keeps up, and what it costs.", "now-6h").
		WithPanel(configLoaded()).WithPanel(dropped()).WithPanel(lag()).WithPanel(inFlight()).WithPanel(seriesNow()).WithPanel(version()).
		WithPanel(vantageTests()).
		WithPanel(problems("Problems of the vantage",
			"What keeps this machine from seeing as others do. They make verdicts unknown, never wrong.", 12, 8, gravest(`target="vantage"`))).
		WithPanel(runs()).
		WithPanel(oldest()).
		WithPanel(durations()).
		WithPanel(dnsQueries()).
		WithPanel(lagOverTime()).
		WithPanel(flightOverTime()).
		WithPanel(memory()).
		WithPanel(processor()).
		WithPanel(seriesOverTime()).
		Annotation(marked("Configuration loaded", "1000 * "+one("instance", "config_last_reload_success_timestamp_seconds"), "configuration loaded", "{{instance}}", "instance"))
}

func configLoaded() panel {
	return figures("Configuration", "Whether what is in the configuration and target files is in force; if not, an older state is.", 4,
		now("", "min("+series("config_last_reload_successful")+" or "+series("config_file_last_load_successful")+")")).
		Unit("none").Mappings(meaning(word{1, "loaded", good}, word{0, "not loaded", bad}))
}

func dropped() panel {
	return figures("Series dropped", "Series left out because they would have spoilt a scrape. Each is a bug: please report it.", 4,
		now("", "sum("+series("series_dropped_total")+")")).
		Unit("short").Thresholds(steps(good, step{1, bad}))
}

func lag() panel {
	return figures("Behind schedule", "How late the last round began. More than a minute: limits.concurrency or the machine is too small.", 4,
		now("", "max("+series("schedule_lag_seconds")+")")).
		Unit("s").Decimals(1).Thresholds(steps(good, step{10, warned}, step{60, bad}))
}

func inFlight() panel {
	return figures("In flight", "SMTP sessions under way, on all chosen exporters.", 4,
		now("", "sum("+series("probes_in_flight")+")")).
		Unit("short").Thresholds(steps(told))
}

func seriesNow() panel {
	return figures("Series", "Series about targets in a scrape: what Prometheus has to keep.", 4,
		now("", "sum("+series("series")+")")).
		Unit("short").Thresholds(steps(told))
}

func version() panel {
	return names("Version", "What runs. Several: the exporters are not of one version.",
		now("{{version}}", "count by (version) ("+series("build_info")+")")).
		Unit("none").ColorScheme(color(dashboard.FieldColorModeIdFixed, told))
}

func vantageTests() panel {
	return timeline("Is this a place to judge from?",
		"Tests of the machine: whether its port 25, its address families and its resolver do what they should, and whether others take it for a good one.", 12, 8,
		over("{{test}} {{instance}}", one("test, instance", "vantage_ok"))).
		Unit("none").Mappings(meaning(word{1, "passed", good}, word{0, "failed", bad}))
}

// perSecond is a rate of counters, which add up over exporters: each does its own work.
func perSecond(by, metric string, matchers ...string) string {
	return fmt.Sprintf("sum by (%s) (rate(%s[$__rate_interval]))", by, series(metric, matchers...))
}

func runs() panel {
	return painted(stacked("Runs of checks",
		"Runs of checks a second, by outcome. Inconclusive ones could not tell; skipped ones had nothing to ask, or a server asked to be left alone.", 16,
		over("{{outcome}}", perSecond("outcome", "probes_total"))).
		Unit("ops"), map[string]string{"conclusive": good, "inconclusive": unknown, "skipped": plain})
}

func oldest() panel {
	return bars("Oldest verdict of each check",
		"How long ago the check ran last, for the target where that is longest. Beyond its interval and a little: it does not keep up.", 8, 16,
		now("{{check}}", "sort_desc(time() - min by (check) ("+one("target, check", "check_last_run_timestamp_seconds")+"))")).
		Unit("s").Decimals(0).ColorScheme(color(dashboard.FieldColorModeIdThresholds, "")).Thresholds(steps(told, step{6 * 3600, warned}, step{30 * 3600, bad}))
}

func durations() panel {
	return lines("Slowest runs", "How long runs of a check take, waiting included: one of twenty takes longer.", 16,
		over("{{check}}", "histogram_quantile(0.95, "+perSecond("check, le", "probe_duration_seconds_bucket")+") > 0")).
		Unit("s")
}

func dnsQueries() panel {
	return painted(stacked("DNS questions", "Questions a second that were sent to resolvers, by what became of them.", 8,
		over("{{outcome}}", perSecond("outcome", "dns_queries_total"))).
		Unit("reqps"), map[string]string{
		"found": good, "no_data": told, "no_name": told, "servfail": warned, "refused": bad, "timeout": worst, "error": bad,
	})
}

func lagOverTime() panel {
	return lines("Behind schedule over time", "How late the last round began, by exporter.", 8,
		over("{{instance}}", one("instance", "schedule_lag_seconds"))).Unit("s")
}

func flightOverTime() panel {
	return lines("Sessions under way", "SMTP sessions under way, by exporter. At limits.concurrency it is full.", 8,
		over("{{instance}}", one("instance", "probes_in_flight"))).Unit("short").Decimals(0)
}

func memory() panel {
	return lines("Memory", "Memory of the process, and of that what its heap holds.", 8,
		over("resident {{instance}}", "process_resident_memory_bytes{"+selected+"} and on (job, instance) "+series("build_info")),
		over("heap {{instance}}", "go_memstats_heap_inuse_bytes{"+selected+"} and on (job, instance) "+series("build_info"))).
		Unit("bytes")
}

func processor() panel {
	return lines("Processor", "How much of one core the process takes.", 8,
		over("{{instance}}", "rate(process_cpu_seconds_total{"+selected+"}[$__rate_interval]) and on (job, instance) "+series("build_info"))).
		Unit("percentunit")
}

func seriesOverTime() panel {
	return lines("Series over time", "Series about targets in a scrape, by exporter.", 8,
		over("{{instance}}", one("instance", "series"))).Unit("short")
}
