package dashboards

import (
	"fmt"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// grave are the problems whose loss is told.
const grave = problemSeries + `{severity=~"critical|warning"}`

func (m *maker) mendedRecord() record {
	return record{mendedSeries, fmt.Sprintf("max by (target, check) (%s) == 1\nunless on (target, check) %s\nand on (target, check) last_over_time(%s[15m])",
		m.series("check_conclusive"), grave, grave)}
}

// interval is how often each check of each module runs, where exporters differ the longest.
func (m *maker) interval() string {
	return fmt.Sprintf("max by (module, check) (%s)", m.series("check_interval_seconds"))
}

// ofModule adds the label module to an expression about targets. Of exporters that do not agree one is believed.
func (m *maker) ofModule(expr string) string {
	return fmt.Sprintf("(\n%s\n)\n* on (target) group_left (module) topk by (target) (1, max by (target, module) (%s))", indent(expr, "  "), m.series("target_info"))
}

// unknowns are the alerts about what cannot be told. That something is unknown starts none of the others: a fault's series is
// there as long as its verdict is held, and then gone. So that nobody takes that for mended, the first alert here begins in the
// moment in which the fault's ends.
func (m *maker) unknowns() group {
	const name = "MailprobeVerdictLost"
	conclusive := m.series("check_conclusive")
	lost := alert{
		name: name,
		// What the check saw mended before it could not tell is not lost. The last operand keeps the alert until it can tell again.
		expr: m.routed(fmt.Sprintf(`max by (target, check) (%s) == 0
unless on (target, check) %s
and on (target, check) (
  last_over_time(%s[15m]) unless on (target, check) last_over_time(%s[15m])
  or ALERTS{alertname="%s",alertstate="firing"}
)`, conclusive, problemSeries, grave, mendedSeries, name)),
		severity:  catalog.SeverityWarning,
		dashboard: "overview",
		summary:   catalog.Text{EN: "Something was wrong, and now nobody can tell whether it still is", RU: "Была проблема, а теперь неизвестно, осталась ли она"},
		subject:   "{{ $labels.target }}, {{ $labels.check }}",
		meaning: catalog.Text{
			EN: "The check found a fault here. Since then its runs have reached no verdict, and the last one is too old to be kept. The fault is neither mended nor known to be there.",
			RU: "Проверка нашла здесь неисправность. С тех пор ей не удаётся вынести вердикт, а прежний слишком стар. Неисправность не устранена и не подтверждена.",
		},
		cases: []sample{
			{metric: "problem", labels: `target="lost.example",check="spf",problem="spf_any",severity="critical"`, before: "1"},
			{metric: "check_conclusive", labels: `target="lost.example",check="spf"`, well: "1", fault: "0"},
			{metric: "check_last_conclusive_timestamp_seconds", labels: `target="lost.example",check="spf"`, always: clock},
		},
		fires: `target="lost.example",check="spf",severity="warning"`,
	}
	old := fmt.Sprintf("time() - max by (target, check) (%s) > %d", m.series("check_last_conclusive_timestamp_seconds"), seconds(m.staleAfter))
	stale := alert{
		name: "MailprobeVerdictStale",
		expr: m.routed(m.notForeign(fmt.Sprintf("%s\nunless on (target, check) (\n%s\n  <= on (module, check) group_left () 3 * %s\n)",
			old, indent(m.ofModule(old), "  "), m.interval()))),
		pace:      m.exporter,
		severity:  catalog.SeverityWarning,
		dashboard: "overview",
		summary:   catalog.Text{EN: "A check has told nothing for a long time", RU: "Проверка давно ничего не сообщает"},
		subject:   "{{ $labels.target }}, {{ $labels.check }}",
		meaning: catalog.Text{
			EN: "The last verdict is {{ $value | humanizeDuration }} old. The check does not run, or runs in vain.",
			RU: "Последнему вердикту уже {{ $value | humanizeDuration }}. Проверка не выполняется или выполняется впустую.",
		},
		cases: []sample{{metric: "check_last_conclusive_timestamp_seconds", labels: `target="sick.example",check="mx"`, well: clock, fault: stamp(-m.staleAfter - time.Minute)}},
		fires: `target="sick.example",check="mx",severity="warning"`,
	}
	untold := fmt.Sprintf("max by (target, check) (%s) == 0\nunless on (target, check) %s", conclusive, m.series("check_last_conclusive_timestamp_seconds"))
	never := alert{
		name: "MailprobeVerdictNever",
		// What runs so seldom has to be known longer, so that it was not its first run that failed. An hour bridges restarts.
		expr: m.routed(m.notForeign(fmt.Sprintf("%s\nunless on (target, check) (\n%s\n  and on (module, check) 3 * %s > %d\n  unless on (target, check) max_over_time(%s[1h] offset %s)\n)",
			untold, indent(m.ofModule(untold), "  "), m.interval(), seconds(m.staleAfter), conclusive, promDuration(max(time.Second, 2*m.scaled(m.staleAfter)))))),
		pace:      pace{m.scaled(m.staleAfter), 0},
		severity:  catalog.SeverityWarning,
		dashboard: "overview",
		summary:   catalog.Text{EN: "A check has never been able to tell anything", RU: "Проверка ещё ни разу не смогла ничего установить"},
		subject:   "{{ $labels.target }}, {{ $labels.check }}",
		meaning: catalog.Text{
			EN: "The check runs, and not one of its runs has reached a verdict since the exporter has known the target.",
			RU: "Проверка выполняется, но ни разу не вынесла вердикта, с тех пор как экспортёр знает об этой цели.",
		},
		cases: []sample{{metric: "check_conclusive", labels: `target="never.example",check="mx"`, fault: "0"}},
		fires: `target="never.example",check="mx",severity="warning"`,
	}
	g := group{name: "mailprobe-unknown", alerts: []alert{lost, stale, never}}
	for i := range g.alerts {
		g.alerts[i].table = m.series("check_conclusive", "target=%q")
		g.alerts[i].remedies = []catalog.Text{
			{EN: "Look whether the exporter's own machine is well: the problems of the target `vantage`.", RU: "Посмотрите, исправна ли машина самого экспортёра: проблемы цели `vantage`."},
			{EN: "Read why on the exporter's page of the target, or in its log.", RU: "Причину скажет страница цели в экспортёре или его журнал."},
		}
	}
	return g
}

// inhibitors are alerts that notify nobody. Alertmanager silences by them what depends on what they say.
func (m *maker) inhibitors() group {
	meaning := catalog.Text{
		EN: "This is for Alertmanager, which silences by it what depends on this. It notifies nobody.",
		RU: "Это для Alertmanager: пока оно активно, он приглушает всё, что от этого зависит. Никому не отправляется.",
	}
	return group{name: "mailprobe-inhibitors", alerts: []alert{
		{
			// One of several exporters that has no sound vantage takes nothing from what the others see.
			name:      "MailprobeVantageInhibitor",
			expr:      fmt.Sprintf("max by (test) (%s) == 0", m.series("vantage_ok")),
			pace:      pace{0, m.settings.vantage.keep},
			severity:  inhibitorSeverity,
			dashboard: "exporter",
			summary:   catalog.Text{EN: "No exporter has a sound vantage", RU: "Ни у одного экспортёра нет исправной точки наблюдения"},
			subject:   "{{ $labels.test }}",
			table:     m.series("vantage_ok"),
			meaning:   meaning,
			cases:     []sample{{metric: "vantage_ok", labels: `test="egress_25"`, well: "1", fault: "0"}},
			fires:     `test="egress_25",severity="none"`,
		},
		{
			// A server of which one address answers shows its certificate there.
			name:      "MailprobeServerInhibitor",
			expr:      fmt.Sprintf("max by (target) (%s) == 0", m.series("smtp_up")),
			pace:      pace{0, m.server.keep},
			severity:  inhibitorSeverity,
			dashboard: "server",
			summary:   catalog.Text{EN: "No address of the server answers", RU: "Ни один адрес сервера не отвечает"},
			subject:   "{{ $labels.target }}",
			table:     m.series("smtp_up", "target=%q"),
			meaning:   meaning,
			cases: []sample{
				{metric: "smtp_up", labels: `target="sick.example:25",address="192.0.2.1"`, well: "1", fault: "0"},
				{metric: "smtp_up", labels: `target="sick.example:25",address="192.0.2.2"`, well: "1", fault: "0"},
				{metric: "smtp_up", labels: `target="half.example:25",address="192.0.2.3"`, well: "1", fault: "0"},
				{metric: "smtp_up", labels: `target="half.example:25",address="192.0.2.4"`, always: "1"},
			},
			fires: `target="sick.example:25",severity="none"`,
		},
	}}
}

// inhibitorSeverity is that of an alert which is there only to silence others.
const inhibitorSeverity = "none"

// exporters are the alerts about the exporter itself.
func (m *maker) exporters() group {
	build, up := m.series("build_info"), "up"
	if m.selector != "" {
		up += "{" + m.selector + "}"
	}
	unscraped := []catalog.Text{
		{EN: "Look whether it runs: `systemctl status mailprobe_exporter`, `curl http://localhost:10587/-/healthy`.", RU: "Проверьте, работает ли он: `systemctl status mailprobe_exporter`, `curl http://localhost:10587/-/healthy`."},
		{EN: "Look at the scrape job on the page Targets of Prometheus.", RU: "Посмотрите задание на странице Targets в Prometheus."},
	}
	g := group{name: "mailprobe-exporter", alerts: []alert{
		{
			name:     "MailprobeExporterAbsent",
			expr:     fmt.Sprintf("absent(count(%s))", build),
			severity: catalog.SeverityCritical,
			summary:  catalog.Text{EN: "No mail server is being watched: there is no exporter", RU: "За почтой никто не следит: экспортёра нет"},
			table:    up,
			meaning: catalog.Text{
				EN: "Prometheus has no metrics of any mailprobe_exporter. Whatever else is wrong with mail, no other alert will say so.",
				RU: "У Prometheus нет метрик ни одного mailprobe_exporter. Что бы ни случилось с почтой, другие оповещения не сработают.",
			},
			remedies: unscraped,
			cases:    []sample{{metric: "build_info", labels: `version="1.0.0"`, well: "1", only: true}},
			fires:    `severity="critical"`,
		},
		{
			name:     "MailprobeExporterDown",
			expr:     fmt.Sprintf("%s == 0\nand on (job, instance) last_over_time(%s[1d])\nand on () count(%s)", up, build, build),
			severity: catalog.SeverityWarning,
			summary:  catalog.Text{EN: "One of several exporters is down", RU: "Один из нескольких экспортёров не работает"},
			subject:  "{{ $labels.instance }}",
			table:    up,
			meaning: catalog.Text{
				EN: "Prometheus cannot scrape it. The others go on; what only this one probes is not watched.",
				RU: "Prometheus не может его опросить. Остальные работают; за тем, что проверяет только этот, никто не следит.",
			},
			remedies: unscraped,
			cases: []sample{
				{metric: "up", labels: `instance="c:10587"`, well: "1", fault: "0", once: true},
				{metric: "build_info", labels: `instance="c:10587",version="1.0.0"`, well: "1", once: true},
			},
			fires: m.job() + `,instance="c:10587",severity="warning"`,
		},
		{
			name:     "MailprobeNotRunning",
			expr:     fmt.Sprintf("sum by (job, instance) (increase(%s[%s])) == 0", m.series("probes_total"), promDuration(m.running)),
			severity: catalog.SeverityCritical,
			summary:  catalog.Text{EN: "The exporter answers and probes nothing", RU: "Экспортёр отвечает, но ничего не проверяет"},
			subject:  "{{ $labels.instance }}",
			table:    m.series("probes_total"),
			meaning: catalog.Text{
				EN: "No check of any target has run for " + promDuration(m.running) + ". All that is shown grows old.",
				RU: "Ни одна проверка ни одной цели не выполнялась " + promDuration(m.running) + ". Всё, что показано, устаревает.",
			},
			remedies: []catalog.Text{{EN: "Read the exporter's log, and restart it.", RU: "Прочтите журнал экспортёра и перезапустите его."}},
			cases:    []sample{{metric: "probes_total", labels: `instance="c:10587",check="mx",outcome="conclusive"`, well: grows, fault: stands, once: true}},
			fires:    m.jobLabel() + `,instance="c:10587",severity="critical"`,
			delay:    m.running,
		},
		{
			name:     "MailprobeLagging",
			expr:     fmt.Sprintf("max by (job, instance) (%s) > %d", m.series("schedule_lag_seconds"), seconds(m.lag)),
			severity: catalog.SeverityWarning,
			summary:  catalog.Text{EN: "The exporter does not keep up with its targets", RU: "Экспортёр не успевает за своими целями"},
			subject:  "{{ $labels.instance }}",
			table:    m.series("schedule_lag_seconds"),
			meaning: catalog.Text{
				EN: "Rounds begin {{ $value | humanizeDuration }} late.",
				RU: "Проверки начинаются с опозданием на {{ $value | humanizeDuration }}.",
			},
			remedies: []catalog.Text{
				{EN: "Raise `limits.concurrency` and `limits.connects_per_second`, if the machine is idle.", RU: "Поднимите `limits.concurrency` и `limits.connects_per_second`, если машина не загружена."},
				{EN: "Lengthen the intervals of modules, or share the targets among exporters.", RU: "Увеличьте интервалы в модулях или разделите цели между экспортёрами."},
			},
			cases: []sample{{metric: "schedule_lag_seconds", labels: `instance="c:10587"`, well: "0", fault: fmt.Sprint(seconds(m.lag) + 1), once: true}},
			fires: m.jobLabel() + `,instance="c:10587",severity="warning"`,
		},
		{
			name:     "MailprobeReloadFailed",
			expr:     fmt.Sprintf("max by (job, instance) (%s) == 0", m.series("config_last_reload_successful")),
			severity: catalog.SeverityWarning,
			summary:  catalog.Text{EN: "The exporter's new configuration has a mistake and is not in force", RU: "В новой конфигурации экспортёра ошибка, и она не действует"},
			subject:  "{{ $labels.instance }}",
			table:    m.series("config_last_reload_successful"),
			meaning: catalog.Text{
				EN: "The last attempt to load exporter.yml failed, so the configuration from before it is still in force.",
				RU: "Последняя попытка загрузить exporter.yml не удалась, поэтому действует прежняя конфигурация.",
			},
			remedies: []catalog.Text{{EN: "`mailprobe_exporter --config.check` names every mistake with its line.", RU: "`mailprobe_exporter --config.check` назовёт все ошибки с номерами строк."}},
			cases:    []sample{{metric: "config_last_reload_successful", labels: `instance="c:10587"`, well: "1", fault: "0", once: true}},
			fires:    m.jobLabel() + `,instance="c:10587",severity="warning"`,
		},
		{
			name:     "MailprobeTargetFileNotLoaded",
			expr:     fmt.Sprintf("max by (job, instance, file) (%s) == 0", m.series("config_file_last_load_successful")),
			severity: catalog.SeverityWarning,
			summary:  catalog.Text{EN: "A target file has a mistake and is not in force", RU: "В файле целей ошибка, и он не действует"},
			subject:  "{{ $labels.file }}",
			table:    m.series("config_file_last_load_successful"),
			meaning: catalog.Text{
				EN: "Its last good version is still in force on {{ $labels.instance }}, or none.",
				RU: "На {{ $labels.instance }} действует последняя исправная версия или никакая.",
			},
			remedies: []catalog.Text{{EN: "`mailprobe_exporter --config.check` names every mistake with its line.", RU: "`mailprobe_exporter --config.check` назовёт все ошибки с номерами строк."}},
			cases:    []sample{{metric: "config_file_last_load_successful", labels: `instance="c:10587",file="targets/a.yml"`, well: "1", fault: "0", once: true}},
			fires:    m.jobLabel() + `,instance="c:10587",file="targets/a.yml",severity="warning"`,
		},
		{
			name:     "MailprobeSeriesDropped",
			expr:     fmt.Sprintf("sum by (job, instance) (increase(%s[1h])) > 0", m.series("series_dropped_total")),
			severity: catalog.SeverityInfo,
			summary:  catalog.Text{EN: "The exporter left series out that would have spoilt its metrics", RU: "Экспортёр отбросил ряды, которые испортили бы его метрики"},
			subject:  "{{ $labels.instance }}",
			table:    m.series("series_dropped_total"),
			meaning: catalog.Text{
				EN: "This happened within the last hour. The rest of its metrics is right. Each series left out is a bug of the exporter.",
				RU: "Это случилось за последний час. Остальные метрики верны. Каждый отброшенный ряд — ошибка в экспортёре.",
			},
			remedies: []catalog.Text{{EN: "Please report what its log says of them.", RU: "Сообщите, пожалуйста, что о них сказано в его журнале."}},
			cases:    []sample{{metric: "series_dropped_total", labels: `instance="c:10587"`, well: stands, fault: grows, once: true}},
			fires:    m.jobLabel() + `,instance="c:10587",severity="info"`,
			linger:   time.Hour,
		},
	}}
	for i := range g.alerts {
		g.alerts[i].pace, g.alerts[i].dashboard = m.exporter, "exporter"
	}
	return g
}
