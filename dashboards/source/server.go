package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/table"
)

// here is the target that the reader has chosen.
const here = `target="$target"`

// server says everything that is known of one server, address by address.
func server() *builder {
	return board(serverUID, "Server", "One server: whether it answers on each of its addresses, in which words, how fast, and with which certificate.", "now-6h",
		picked("target", "Server", `mailprobe_target_info{job=~"$job", instance=~"$instance", kind="server"}`, "target"),
		chosen("address", "Address", `mailprobe_smtp_up{job=~"$job", instance=~"$instance", target="$target"}`, "address")).
		WithPanel(worstProblem()).WithPanel(answers()).WithPanel(daysLeft()).WithPanel(verification()).WithPanel(dialogueTime()).WithPanel(lookedAt("smtp")).
		WithPanel(problems("Problems of this server",
			"What is wrong with it, the worst first, with what it said. A problem leads to what to do.", 24, 5, gravest(here))).
		WithPanel(addresses()).
		WithPanel(dialogue()).
		WithPanel(stages()).
		WithPanel(certificateFacts()).
		WithPanel(extensions()).
		WithPanel(postureOverTime("Verdicts over time", "The worst problem of each check of this server over time.", 12, 9)).
		Annotation(changes(changed(here)))
}

const thisAddress = `address=~"$address"`

func worstProblem() panel {
	return figures("Worst problem", "The gravest problem of this target now.", 4,
		now("", "max("+ranked(here)+" or on (target) 0 * "+one("target", "target_info", here)+")")).
		Mappings(meaning(severities...)).ColorScheme(color(dashboard.FieldColorModeIdThresholds, "")).Thresholds(steps(plain)).Unit("none")
}

func answers() panel {
	return figures("Answers", "Whether each address greets with 220 and takes EHLO or HELO.", 4,
		now("{{address}}", one("address", "smtp_up", here, thisAddress))).
		Mappings(meaning(word{1, "yes", good}, word{0, "no", bad})).Unit("none")
}

func daysLeft() panel {
	return figures("Certificate expires in", "Days left of the certificate of the server, of all its addresses the least.", 4,
		now("", "min("+series("certificate_not_after_timestamp_seconds", here, thisAddress)+" - time()) / 86400")).
		Unit("suffix:days").Decimals(0).Thresholds(expiring())
}

func verification() panel {
	return names("Certificate",
		"What came of verifying the certificate. Senders without DANE or MTA-STS deliver to most servers all the same; mail programs of people do not.",
		now("{{result}}", "count by (result) ("+one("address, result", "certificate_verification", here, thisAddress)+")")).
		Unit("none").ColorScheme(color(dashboard.FieldColorModeIdFixed, bad)).
		OverrideByName("ok", settings{set("color", map[string]string{"mode": "fixed", "fixedColor": good})})
}

func dialogueTime() panel {
	return figures("Dialogue takes", "How long all stages of the last dialogue took together, on the slowest address.", 4,
		now("", "max(sum by (address) ("+one("address, stage", "smtp_stage_duration_seconds", here, thisAddress)+"))")).
		Unit("s").Thresholds(steps(good, step{5, warned}, step{30, bad}))
}

// lookedAt says how old what is shown is.
func lookedAt(check string) panel {
	return figures("Looked at", "How long ago the dialogue was last held. Everything here is as old as this.", 4,
		now("", "time() - max("+series("check_last_run_timestamp_seconds", here, fmt.Sprintf("check=%q", check))+")")).
		Unit("s").Decimals(0).Thresholds(steps(good, step{3600, warned}, step{4 * 3600, bad}))
}

func addresses() panel {
	return listed("Address by address",
		"IPv4 and IPv6 side by side: what answers on one need not answer on the other, and a certificate is often renewed on one only.", 24, 5, false, []column{
			{field: "address", title: "Address", width: 180},
			{field: "Value #A", title: "Answers", width: 75, styles: as(yesNo)},
			{field: "Value #B", title: "Dialogue", width: 90, styles: settings{set("unit", "s")}},
			{field: "version", title: "TLS", width: 75},
			{field: "cipher", title: "Cipher", width: 215},
			{field: "verification", title: "Certificate", width: 130, styles: verified()},
			{field: "Value #E", title: "Days left", width: 85, styles: append(graded(expiring()), set("decimals", 0))},
			{field: "Value #F", title: "DANE", width: 85, styles: as(matching)},
			{field: "Value #G", title: "Name leads back", width: 130, styles: as(yesNo)},
			{field: "Value #H", title: "Largest letter", width: 110, styles: settings{set("unit", "bytes")}},
			{field: "relay", title: "Relays", width: 120, styles: relays()},
			{field: "Value #I", title: "Left alone until", width: 130, styles: settings{set("unit", "dateTimeFromNow")}},
			{field: "Value #C"},
			{field: "Value #D"},
			{field: "Value #J"},
		},
		rows(one("address", "smtp_up", here, thisAddress)),
		rows("sum by (address) ("+one("address, stage", "smtp_stage_duration_seconds", here, thisAddress)+")"),
		rows(one("address, version, cipher", "tls_info", here, thisAddress)),
		rows("topk by (address) (1, "+renamed(one("address, result", "certificate_verification", here, thisAddress), "result", "verification")+")"),
		rows("("+expiry("address", here, thisAddress)+" - time()) / 86400"),
		rows(one("address", "dane_match", here, thisAddress)),
		rows(one("address", "rdns_forward_confirmed", here, thisAddress)),
		rows(one("address", "smtp_size_limit_bytes", here, thisAddress)),
		rows("1000 * "+one("address", "target_backoff_until_timestamp_seconds", here, thisAddress)),
		rows(renamed(one("address, result", "smtp_relay", here, thisAddress), "result", "relay")))
}

// renamed gives a label another name, so that rows of several queries can be joined. The old one is gone.
func renamed(expr, label, name string) string {
	return fmt.Sprintf("max by (address, %s) (label_replace(%s, %q, \"$1\", %q, \"(.*)\"))", name, expr, name, label)
}

// relays colours what a server does with letters from anybody to anywhere.
func relays() settings {
	return settings{
		set("mappings", []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: map[string]dashboard.ValueMappingResult{
			"refused": {Color: new(good)}, "accepted_at_rcpt": {Color: new(bad)}, "tempfail": {Color: new(warned)}, "unknown": {Color: new(unknown)},
		}}}}),
		set("custom.cellOptions", map[string]any{"type": "color-text"}),
	}
}

// reasons are those of smtp_failure.
var reasons = []string{"timeout", "refused", "reset", "unreachable", "closed", "protocol", "too_long", "injected", "tls_handshake", "not_allowed"}

func dialogue() panel {
	mappings := []dashboard.ValueMapping{}
	failures := make([]word, len(reasons))
	for i, r := range reasons {
		failures[i] = word{i + 1, r, worst}
	}
	mappings = append(mappings, meaning(failures...)...)
	mappings = append(mappings, between(200, 299, good), between(300, 399, told), between(400, 499, warned), between(500, 599, bad))
	return timeline("Replies by stage",
		"The code that each stage of the dialogue ended with, or why it had no reply: green 2xx, blue 3xx, orange 4xx, red 5xx, dark red none.", 24, 10,
		over("{{address}} {{stage}}", inOrder(one("address, stage", "smtp_reply_code", here, thisAddress)+
			" or\n"+coded("address, stage", "smtp_failure", "reason", reasons, here, thisAddress)))).
		Unit("none").Mappings(mappings)
}

func stages() panel {
	return painted(stacked("Stages to $address", "How long each stage of the dialogue took, one upon the other: where the time goes.", 24,
		over("{{stage}}", inOrder(one("stage", "smtp_stage_duration_seconds", here, `address="$address"`)))), stageColors).
		Unit("s").Repeat("address").RepeatDirection(dashboard.PanelRepeatDirectionH).MaxPerRow(4)
}

// stageColors tell stages from each other and say nothing of good and bad.
var stageColors = map[string]string{
	"connect": "dark-blue", "banner": "blue", "ehlo": "light-blue", "helo": "super-light-blue", "starttls": "dark-purple", "tls": "purple",
	"ehlo_tls": "light-purple", "auth": "dark-yellow", "mail": "yellow", "rcpt": "light-yellow", "quit": "text",
}

func extensions() panel {
	offered := func(words string, expr, label string) string {
		return fmt.Sprintf("label_replace(%s, \"offered\", %q, %q, \"(.*)\")", expr, words, label)
	}
	return newPanel("table", "Offered after EHLO",
		"Extensions and ways to log in that each address offers, under TLS where there is TLS. A way to log in that is offered before TLS gives passwords away.", 12, 9,
		[]query{rows(offered("$1", one("address, extension", "smtp_extension", here, thisAddress), "extension") +
			" or\n" + offered("AUTH $1", one("address, mechanism", "smtp_auth_mechanism", here, thisAddress, `encrypted="true"`), "mechanism") +
			" or\n" + offered("AUTH $1 before TLS", one("address, mechanism", "smtp_auth_mechanism", here, thisAddress, `encrypted="false"`), "mechanism"))}).
		Options(table.Options{ShowHeader: true, CellHeight: new(common.TableCellHeightSm)}).
		Custom(map[string]any{"align": "left", "cellOptions": map[string]any{"type": "auto"}, "inspect": false}).
		Mappings(meaning(word{1, "yes", good})).
		WithTransformation(dashboard.DataTransformerConfig{Id: "groupingToMatrix", Options: map[string]any{
			"rowField": "offered", "columnField": "address", "valueField": "Value", "emptyValue": "empty",
		}}).
		OverrideByRegexp("^offered.*", settings{set("displayName", "Extension"), set("custom.width", 220)})
}

func certificateFacts() panel {
	return listed("Certificate", "Key and digest of the certificate that each address shows, and from when to when it is valid.", 24, 5, false, []column{
		{field: "address", title: "Address", width: 200},
		{field: "key_type", title: "Key", width: 80},
		{field: "key_bits", title: "Bits", width: 70},
		{field: "Value #B", title: "From", width: 110, styles: settings{set("unit", "time:YYYY-MM-DD")}},
		{field: "Value #C", title: "Until", width: 110, styles: settings{set("unit", "time:YYYY-MM-DD")}},
		{field: "fingerprint_sha256", title: "SHA-256"},
		{field: "Value #A"},
	},
		rows(one("address, key_type, key_bits, fingerprint_sha256", "certificate_info", here, thisAddress)),
		rows("1000 * "+one("address", "certificate_not_before_timestamp_seconds", here, thisAddress, `position="leaf"`)),
		rows("1000 * "+one("address", "certificate_not_after_timestamp_seconds", here, thisAddress, `position="leaf"`)))
}
