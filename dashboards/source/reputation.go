package main

import "fmt"

// asked is what the reader has chosen of subjects and lists.
const asked = `target=~"$target", list=~"$list"`

// reputation says what blocklists hold of our addresses and domains, and whether the lists can be believed.
func reputation() *builder {
	const of = `mailprobe_dnsbl_listed{job=~"$job", instance=~"$instance"}`
	return board(reputationUID, "Reputation", "Which blocklists list which addresses and domains of ours, which lists can be believed, and what else receivers hold against a sender.", "now-7d",
		chosen("target", "Target", of, "target"), chosen("list", "List", `mailprobe_dnsbl_state{job=~"$job", instance=~"$instance"}`, "list")).
		WithPanel(listedSubjects()).WithPanel(graveListings()).WithPanel(unbelieved()).WithPanel(believed()).WithPanel(subjects()).WithPanel(nameless()).
		WithPanel(listingsTable()).
		WithPanel(listStates()).
		WithPanel(heatMap()).
		WithPanel(sendersTable()).
		WithPanel(questions()).
		Annotation(changes(changed(`target=~"$target"`)))
}

// knownOf is 0 where expr has nothing, as long as some list has said something of what was asked.
func knownOf(expr string) string {
	return fmt.Sprintf("%s or 0 * count(%s)", expr, series("dnsbl_listed", asked))
}

func listedSubjects() panel {
	return figures("Listed", "Addresses and domains that at least one blocklist lists.", 4,
		now("", knownOf("count("+one("subject", "dnsbl_listed", asked)+" == 1)"))).
		Unit("short").Thresholds(steps(good, step{1, bad}))
}

func graveListings() panel {
	return figures("Listings that matter", "Listings of severity critical or warning: receivers act on them.", 4,
		now("", knownOf("count("+one("subject, list", "dnsbl_listing", asked, `severity=~"critical|warning"`)+")"))).
		Unit("short").Thresholds(steps(good, step{1, warned}))
}

// believable are the states in which what a list says counts.
const believable = `ok|unverified`

func unbelieved() panel {
	return figures("Lists not believed",
		"Lists that refuse us, list everything, or do not answer. Nothing they say counts, and what they list is not known.", 4,
		now("", "count("+one("list, state", "dnsbl_state", `list=~"$list"`, `state!~"`+believable+`"`)+") or 0 * count("+series("dnsbl_state", `list=~"$list"`)+")")).
		Unit("short").Thresholds(steps(good, step{1, warned}))
}

func believed() panel {
	return figures("Lists believed", "Lists that have passed their tests, or have none.", 4,
		now("", "count("+one("list, state", "dnsbl_state", `list=~"$list"`, `state=~"`+believable+`"`)+") or 0 * count("+series("dnsbl_state", `list=~"$list"`)+")")).
		Unit("short").Thresholds(steps(bad, step{1, good}))
}

func subjects() panel {
	return figures("Asked about", "Addresses and domains of which some list could tell whether it lists them.", 4,
		now("", "count("+one("subject", "dnsbl_listed", asked)+")")).
		Unit("short").Thresholds(steps(told))
}

func nameless() panel {
	return figures("Without a good name",
		"Addresses of senders without a name, or with one that does not lead back: most large receivers refuse their mail.", 4,
		now("", "count("+ofKindSender(one("target, address", "rdns_forward_confirmed", `target=~"$target"`)+" == 0")+") or 0 * count("+series("rdns_forward_confirmed", `target=~"$target"`)+")")).
		Unit("short").Thresholds(steps(good, step{1, bad}))
}

// ofKindSender leaves of a vector what is about senders.
func ofKindSender(expr string) string {
	return fmt.Sprintf("(%s and on (target) %s)", expr, series("target_info", `kind="sender"`))
}

func listingsTable() panel {
	return listed("Listings, the gravest first",
		"What lists us, why as the list says, and how grave that is. A target leads to its dashboard, a list to how to get off it.", 12, 8, true, []column{
			{field: "Value", title: "Severity", width: 90, styles: as(severities)},
			{field: "subject", title: "Subject", width: 240, styles: settings{toDashboard(rowsDashboard, "target")}},
			{field: "list", title: "List", width: 150, styles: settings{link("What it is and how to get off it", catalogue+"blocklists.md#${__data.fields.list}", true)}},
			{field: "meaning", title: "Meaning"},
			{field: "target"},
			{field: "severity"},
			{field: "kind"},
			{field: "dashboard"},
		}, rows(fmt.Sprintf("topk(%d, %s)", mostProblems, leading(rankedListings(asked))))).NoValue("nothing is listed")
}

// listStateNames are those of dnsbl_state, the best first.
var listStateNames = []word{
	{1, "ok", good}, {2, "unverified", told}, {3, "error", warned}, {4, "dead", warned}, {5, "lists_world", bad}, {6, "blocked", bad}, {7, "hijacked", bad},
}

func listStates() panel {
	names := make([]string, len(listStateNames))
	for i, w := range listStateNames {
		names[i] = w.text
	}
	return timeline("State of each list",
		"Whether a list can be believed: blocked, it refuses to answer us, most often because of a public resolver; lists_world, it lists what nobody lists.", 12, 8,
		over("{{list}}", coded("list", "dnsbl_state", "state", names, `list=~"$list"`))).
		Unit("none").Mappings(meaning(listStateNames...))
}

func heatMap() panel {
	ever := fmt.Sprintf("max by (subject, list) (max_over_time(%s[$__range] @ end()))", series("dnsbl_listed", asked))
	p := heat("Subjects by list",
		"Every subject that a list has listed in this time, and some that none has, below them. A gap is time in which the list could not tell.", 24, 10,
		over("{{subject}} {{list}}", one("subject, list", "dnsbl_listed", asked)+" and on (subject, list) topk(30, "+ever+" == 1)"),
		over("{{subject}} {{list}}", one("subject, list", "dnsbl_listed", asked)+" and on (subject, list) topk(10, "+ever+" == 0)"))
	return p.Unit("none").Mappings(meaning(word{1, "listed", bad}, word{0, "not listed", good}))
}

func sendersTable() panel {
	return listed("Senders", "What receivers see of each sending address, the worst first.", 14, 9, true, []column{
		{field: "Value #A", title: "Worst problem", width: 120, styles: as(severities)},
		{field: "target", title: "Sender"},
		{field: "Value #B", title: "Name leads back", width: 130, styles: as(yesNo)},
		{field: "Value #C", title: "Names", width: 70},
		{field: "Value #D", title: "Pool name", width: 90, styles: as([]word{{1, "yes", warned}, {0, "no", good}})},
		{field: "Value #E", title: "Listings", width: 80, styles: graded(steps(good, step{1, bad}))},
		{field: "result", title: "SPF of HELO", width: 110, styles: verified()},
		{field: "Value #F"},
	},
		rows(worstOf("sender")+` and on (target) `+series("target_info", `kind="sender"`, `target=~"$target"`)),
		rows(ofKindSender("min by (target) ("+one("target, address", "rdns_forward_confirmed", `target=~"$target"`)+")")),
		rows(ofKindSender("max by (target) ("+one("target, address", "rdns_names", `target=~"$target"`)+")")),
		rows(ofKindSender("max by (target) ("+one("target, address", "rdns_generic", `target=~"$target"`)+")")),
		rows(ofKindSender("sum by (target) ("+one("target, subject, list", "dnsbl_listed", asked)+")")),
		rows(ofKindSender(one("target, result", "spf_result", `identity="helo"`, `target=~"$target"`))))
}

func questions() panel {
	return painted(stacked("Questions to lists", "Questions a second that all chosen exporters ask of lists, by what became of them.", 10,
		over("{{outcome}}", perSecond("outcome", "dnsbl_queries_total", `list=~"$list"`))).
		Unit("reqps").Height(9), map[string]string{
		"not_listed": good, "test": told, "listed": warned, "unknown_code": unknown, "error": worst, "blocked": bad, "hijacked": "light-red",
	})
}
