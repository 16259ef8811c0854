package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// onOverview is what the reader has chosen of the targets.
const onOverview = `target=~"$target"`

// untold are the targets of which a check could not tell anything in its last run.
func untold(matchers ...string) string {
	return "min by (target) (" + one("target, check", "check_conclusive", matchers...) + ") == 0"
}

// overview says what is wrong anywhere, the worst first.
func overview() *builder {
	return board(overviewUID, "Overview",
		"What is wrong with mail servers, senders and domains, the worst first. Made for a wall as much as for a laptop.", "now-24h",
		chosen("target", "Target", `mailprobe_target_info{job=~"$job", instance=~"$instance"}`, "target"), severity()).
		WithPanel(critical()).WithPanel(warnings()).WithPanel(notTold()).WithPanel(well()).WithPanel(targetCount()).WithPanel(firstExpiry()).
		WithPanel(problems("Problems, the worst first",
			"Every problem that stands, with what the server, the list or the network said. A target leads to its dashboard, a problem to what to do. Choose severities above.",
			16, 16, gravest(onOverview, `severity=~"$severity"`))).
		WithPanel(problemsOverTime()).
		WithPanel(certificates()).
		WithPanel(refusals()).
		WithPanel(replies()).
		WithPanel(listings()).
		Annotation(changes(changed(onOverview)))
}

// severity chooses which problems are shown.
func severity() *dashboard.CustomVariableBuilder {
	chosen := []string{"critical", "warning"}
	return dashboard.NewCustomVariableBuilder("severity").Label("Severity").Multi(true).IncludeAll(false).
		Values(dashboard.StringOrMap{String: new("critical,warning,info")}).
		Current(dashboard.VariableOption{Text: words(chosen...), Value: words(chosen...)}).
		Options([]dashboard.VariableOption{
			{Text: text("critical"), Value: text("critical"), Selected: new(true)},
			{Text: text("warning"), Value: text("warning"), Selected: new(true)},
			{Text: text("info"), Value: text("info"), Selected: new(false)},
		})
}

// text is one word where a variable may have several.
func text(w string) dashboard.StringOrArrayOfString {
	return dashboard.StringOrArrayOfString{String: &w}
}

func critical() panel {
	return figures("Critical", "Targets with at least one critical problem: mail is lost or refused. The machine that probes counts too.", 4,
		now("", orZero("count("+one("target", "problem", onOverview, `severity="critical"`)+")"))).
		Unit("short").Thresholds(steps(good, step{1, bad}))
}

func warnings() panel {
	expr := one("target", "problem", onOverview, `severity="warning"`) + " unless on (target) " + series("problem", `severity="critical"`)
	return figures("Warnings", "Targets with a warning and nothing worse.", 4, now("", orZero("count("+expr+")"))).
		Unit("short").Thresholds(steps(good, step{1, warned}))
}

func notTold() panel {
	return figures("Cannot tell",
		"Targets of which the last run of some check reached no verdict, for example because DNS did not answer. Unknown is neither well nor wrong.", 4,
		now("", orZero("count("+untold(onOverview)+")"))).
		Unit("short").Thresholds(steps(good, step{1, unknown}))
}

func well() panel {
	lookedAt := "(" + one("target", "target_info", onOverview) + " and on (target) " + series("check_conclusive") + ")"
	return figures("Well", "Targets that were looked at, of which everything could be told, without a critical problem or a warning.", 4,
		now("", orZero("count("+lookedAt+"\nunless on (target) "+series("problem", `severity=~"critical|warning"`)+
			"\nunless on (target) ("+untold()+"))"))).
		Unit("short").Thresholds(steps(good))
}

func targetCount() panel {
	return figures("Targets", "Domains, servers and senders that the exporter knows, servers found by MX records included.", 4,
		now("", "count("+one("target", "target_info", onOverview)+")")).
		Unit("short").Thresholds(steps(told))
}

// expiring is a scale of days until a certificate expires.
func expiring() scale { return steps(bad, step{7, warned}, step{21, good}) }

func firstExpiry() panel {
	return figures("First certificate expires in", "Days left of the certificate that expires first, those that have expired left out.", 4,
		now("", "min(("+expiry("target", onOverview)+" - time()) / 86400 > 0)")).
		Unit("suffix:days").Decimals(0).Thresholds(expiring())
}

func problemsOverTime() panel {
	return painted(stacked("Problems over time", "How many problems stood, by severity.", 8,
		over("{{severity}}", "count by (severity) ("+one("target, problem, severity", "problem", onOverview, `severity=~"$severity"`)+")")).
		Unit("short").Decimals(0), map[string]string{"critical": bad, "warning": warned, "info": told})
}

func certificates() panel {
	// Of several results the one that is not ok, if addresses differ.
	results := fmt.Sprintf("topk by (target) (1, %s * 2\n  or %s)",
		one("target, result", "certificate_verification", onOverview, `result!="ok"`),
		one("target, result", "certificate_verification", onOverview, `result="ok"`))
	return listed("Certificates by days left",
		"Certificates of servers, the first to expire on top; those that have expired count from their end. The server leads to its dashboard.", 8, 8, false, []column{
			{field: "Value #A", title: "Days left", width: 80, styles: append(graded(expiring()), set("unit", "none"), set("decimals", 0))},
			{field: "target", title: "Server", styles: settings{toDashboard(serverUID, "target")}},
			{field: "result", title: "Verification", width: 125, styles: verified()},
			{field: "Value #B"},
		},
		rows("bottomk(50, ("+expiry("target", onOverview)+" - time()) / 86400)"),
		rows(results+" and on (target) bottomk(50, "+expiry("target", onOverview)+")"))
}

// refusals are the replies that make the difference.
func refusals() panel {
	return painted(stacked("Refused, put off or silent",
		"At how many addresses a stage of the dialogue now ends with a reply of class 4 (transient) or 5 (permanent), or without one.", 8,
		over("{{class}}", "count by (class) ("+one("target, address, stage, class", "smtp_reply", onOverview, `class=~"transient|permanent"`)+")"),
		over("no reply", "count("+one("target, address, stage", "smtp_failure", onOverview)+")")).
		Unit("short").Decimals(0), classColors)
}

// classColors are those of replies by their first digit.
var classColors = map[string]string{"positive": good, "intermediate": told, "transient": warned, "permanent": bad, "no reply": worst}

func replies() panel {
	return painted(lines("Replies by class",
		"How many stages of all dialogues end with a reply of each class: 2 positive, 3 intermediate, 4 transient, 5 permanent.", 8,
		over("{{class}}", "count by (class) ("+one("target, address, stage, class", "smtp_reply", onOverview)+")")).
		Unit("short").Decimals(0).
		Custom(common.GraphFieldConfig{
			DrawStyle: new(common.GraphDrawStyleLine), LineWidth: new(2.0), ShowPoints: new(common.VisibilityModeNever),
			ScaleDistribution: &common.ScaleDistributionConfig{Type: common.ScaleDistributionLog, Log: new(10.0)},
		}), classColors)
}

func listings() panel {
	return listed("Listings",
		"Which blocklists list which of our addresses and domains, the gravest first. The subject leads to its reputation.", 8, 8, true, []column{
			{field: "Value", title: "Severity", width: 90, styles: as(severities)},
			{field: "subject", title: "Subject", styles: settings{toDashboard(reputationUID, "target")}},
			{field: "list", title: "List", width: 110},
			{field: "meaning", title: "Meaning", width: 130},
			{field: "target"},
			{field: "severity"},
		}, rows("topk(100, "+rankedListings(onOverview)+")")).NoValue("nothing is listed")
}
