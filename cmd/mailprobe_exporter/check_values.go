package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// A viewer says in short what one check saw of a target, whatever its verdict.
type viewer struct {
	*reporter
	snapshot *collector.Snapshot
	state    collector.CheckState
	now      time.Time
}

// views are what is said of each check: a line for each address, and one of what is not about addresses.
var views = map[string]func(v viewer) []string{
	"smtp":      viewer.smtp,
	"recipient": viewer.replies,
	"auth":      viewer.replies,
	"relay":     func(v viewer) []string { return v.byAddress(checks.SMTPRelay, "result") },
	"dane":      viewer.dane,
	"rdns":      viewer.rdns,
	"mx":        viewer.mx,
	"spf":       viewer.spf,
	"dkim":      viewer.dkim,
	"dmarc":     viewer.dmarc,
	"dnssec":    func(v viewer) []string { return v.yesNo(checks.DNSSECSecure, checkWords.signed, checkWords.notSigned) },
	"mta_sts":   viewer.mtaSTS,
	"tls_rpt":   func(v viewer) []string { return v.yesNo(checks.TLSRPTValid, checkWords.published, checkWords.none) },
	"bimi":      func(v viewer) []string { return v.yesNo(checks.BIMIValid, checkWords.published, checkWords.none) },
	"bulk":      viewer.bulk,
	"dnsbl":     viewer.dnsbl,
}

// lines are what is said of the check.
func (v viewer) lines() []string {
	if view, ok := views[v.state.Check.Name]; ok {
		return view(v)
	}
	return nil
}

// maxViews is how many lines are shown of what a check saw, and maxListed how many things in one of them.
const (
	maxViews  = 4
	maxListed = 5
)

// values returns the series of a metric that the check saw.
func (v viewer) values(m *checks.Metric) []collector.Value {
	return slices.DeleteFunc(v.collector.Values(v.snapshot, m), func(x collector.Value) bool { return x.Check != v.state.Check.Name })
}

// list joins the first of some things, and says how many more there are.
func (v viewer) list(things []string) string {
	says := strings.Join(things[:min(len(things), maxListed)], ", ")
	if n := len(things) - maxListed; n > 0 {
		says += ", " + v.say(words.andMore, n)
	}
	return says
}

// line is one line of these things, or none.
func (v viewer) line(things ...string) []string {
	if len(things) == 0 {
		return nil
	}
	return []string{v.list(things)}
}

// addresses are those of which the check knows a value, in its order.
func addressesOf(values []collector.Value) (out []string) {
	for _, x := range values {
		if a := x.Labels["address"]; !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// of returns those values that are of an address.
func of(values []collector.Value, address string) (out []collector.Value) {
	for _, x := range values {
		if x.Labels["address"] == address {
			out = append(out, x)
		}
	}
	return out
}

// smtp says how TLS was, how long the certificate is good, and how long each stage took.
func (v viewer) smtp() (lines []string) {
	up, tls, ends := v.values(checks.SMTPUp), v.values(checks.TLSInfo), v.values(checks.CertificateNotAfter)
	for _, address := range addressesOf(up) {
		var parts []string
		for _, x := range of(tls, address) {
			parts = append(parts, x.Labels["version"]+" "+x.Labels["cipher"])
		}
		if len(parts) == 0 && of(up, address)[0].Value == 1 {
			parts = append(parts, v.say(checkWords.withoutTLS))
		}
		parts = append(parts, v.certificate(of(ends, address))...)
		lines = append(lines, address+": "+strings.Join(append(parts, v.stages(address)), "; "))
	}
	return lines
}

// certificate says until when the server's certificate is good, and when one above it ends sooner.
func (v viewer) certificate(ends []collector.Value) (parts []string) {
	leaf := 0.0
	for _, x := range ends {
		says := checkWords.certificate
		switch {
		case x.Labels["position"] == "leaf":
			leaf = x.Value
		case x.Value < leaf:
			says = checkWords.issuer
		default:
			continue
		}
		end := time.Unix(int64(x.Value), 0).UTC()
		if left := end.Sub(v.now); left > 0 {
			parts = append(parts, v.say(says, end.Format(time.DateOnly), v.say(checkWords.days, int(left.Hours()/24))))
		} else {
			parts = append(parts, v.say(checkWords.expired, end.Format(time.DateOnly)))
		}
	}
	return parts
}

// stages says how long each stage of the session with an address took, and which failed.
func (v viewer) stages(address string) string {
	var parts []string
	failed := of(v.values(checks.SMTPFailure), address)
	for _, x := range of(v.values(checks.SMTPStageDuration), address) {
		stage := x.Labels["stage"]
		says := stage + " " + v.took(x.Value)
		if i := slices.IndexFunc(failed, func(f collector.Value) bool { return f.Labels["stage"] == stage }); i >= 0 {
			says += " (" + failed[i].Labels["reason"] + ")"
		}
		parts = append(parts, says)
	}
	return strings.Join(parts, ", ")
}

// took is a duration in seconds.
func (v viewer) took(seconds float64) string {
	s := millis(seconds)
	if v.lang == catalog.Russian {
		s = strings.NewReplacer(" ms", " мс", " s", " с", ".", ",").Replace(s)
	}
	return s
}

// replies says with which code each command was answered.
func (v viewer) replies() (lines []string) {
	replies := v.values(checks.SMTPReply)
	for _, address := range addressesOf(replies) {
		var parts []string
		for _, x := range of(replies, address) {
			parts = append(parts, strings.TrimSpace(x.Labels["stage"]+" "+x.Labels["code"]+" "+x.Labels["enhanced"]))
		}
		lines = append(lines, address+": "+v.list(parts))
	}
	return lines
}

// byAddress says a label's value for each address.
func (v viewer) byAddress(m *checks.Metric, label string) (lines []string) {
	for _, x := range v.values(m) {
		lines = append(lines, x.Labels["address"]+": "+x.Labels[label])
	}
	return lines
}

// yesNo says whether something is so.
func (v viewer) yesNo(m *checks.Metric, yes, no catalog.Text) (lines []string) {
	for _, x := range v.values(m) {
		says := no
		if x.Value == 1 {
			says = yes
		}
		lines = append(lines, v.say(says))
	}
	return lines
}

func (v viewer) dane() []string {
	var match []string
	for _, x := range v.values(checks.DANEMatch) {
		if x.Value == 1 {
			match = append(match, x.Labels["address"])
		}
	}
	if len(match) == 0 {
		return nil
	}
	return []string{v.say(checkWords.tlsaMatch, v.list(match))}
}

// rdns says the name of each address that leads back to it.
func (v viewer) rdns() (lines []string) {
	for _, p := range v.state.Parts {
		if p.Name != "" {
			lines = append(lines, p.Key+": "+p.Name)
		}
	}
	return lines
}

func (v viewer) mx() []string {
	for _, x := range v.values(checks.MXNull) {
		if x.Value == 1 {
			return []string{v.say(checkWords.nullMX)}
		}
	}
	var hosts []string
	for _, x := range v.values(checks.MXInfo) {
		hosts = append(hosts, x.Labels["preference"]+" "+strings.TrimSuffix(x.Labels["server"], ":25"))
	}
	return v.line(hosts...)
}

// spf says what the record costs, and what each sender gets.
func (v viewer) spf() (lines []string) {
	var costs []string
	for _, x := range v.values(checks.SPFLookups) {
		costs = append(costs, v.say(checkWords.lookups, int(x.Value), checks.SPFMaxLookups))
	}
	for _, x := range v.values(checks.SPFVoidLookups) {
		costs = append(costs, v.say(checkWords.voids, int(x.Value), checks.SPFMaxVoids))
	}
	lines = v.line(costs...)
	var results []string
	for _, x := range v.values(checks.SPFResult) {
		who := x.Labels["address"]
		if sender := x.Labels["sender"]; sender != who && sender != v.snapshot.Target.Name {
			who = sender + " " + who
		}
		results = append(results, fmt.Sprintf("%s %s: %s", who, x.Labels["identity"], x.Labels["result"]))
	}
	return append(lines, v.line(results...)...)
}

func (v viewer) dkim() []string {
	var keys []string
	for _, x := range v.values(checks.DKIMKeyBits) {
		keys = append(keys, fmt.Sprintf("%s: %s %d", x.Labels["selector"], x.Labels["key_type"], int(x.Value)))
	}
	return v.line(keys...)
}

func (v viewer) dmarc() (lines []string) {
	for _, x := range v.values(checks.DMARCPolicy) {
		lines = append(lines, v.say(checkWords.dmarc, x.Labels["policy"], x.Labels["subdomain_policy"], x.Labels["found_at"]))
	}
	return lines
}

func (v viewer) mtaSTS() []string {
	mode := v.values(checks.MTASTSMode)
	if len(mode) == 0 {
		return nil
	}
	parts := []string{"mode " + mode[0].Labels["mode"]}
	for _, x := range v.values(checks.MTASTSMaxAge) {
		parts = append(parts, fmt.Sprintf("max_age %d (%s)", int64(x.Value), v.say(checkWords.days, int(x.Value/86400))))
	}
	hosts, covered := v.values(checks.MTASTSMXCovered), 0
	for _, x := range hosts {
		covered += int(x.Value)
	}
	if len(hosts) > 0 {
		parts = append(parts, v.say(checkWords.covered, covered, len(hosts)))
	}
	return v.line(parts...)
}

func (v viewer) bulk() []string {
	var providers []string
	met, all := map[string]int{}, map[string]int{}
	for _, x := range v.values(checks.BulkRequirement) {
		p := x.Labels["provider"]
		if all[p] == 0 {
			providers = append(providers, p)
		}
		all[p]++
		met[p] += int(x.Value)
	}
	for i, p := range providers {
		providers[i] = fmt.Sprintf("%s %d/%d", p, met[p], all[p])
	}
	if len(providers) == 0 {
		return nil
	}
	return []string{v.say(checkWords.met, v.list(providers))}
}

// dnsbl says on how many of the lists that were asked the target is not, and what was asked about.
func (v viewer) dnsbl() []string {
	asked, clean := 0, 0
	for _, p := range v.state.Parts {
		if askedAbout(p) {
			asked++
		}
	}
	var subjects []string
	for _, x := range v.values(checks.DNSBLListed) {
		if x.Value == 0 {
			clean++
		}
		if s := x.Labels["subject"]; !slices.Contains(subjects, s) {
			subjects = append(subjects, s)
		}
	}
	if len(subjects) == 0 {
		return nil
	}
	return []string{v.say(checkWords.clean, clean, asked, v.list(subjects))}
}

// writeLine writes the verdict of a check with what it saw: beside it where that is one short line, below it where not.
func (r *reporter) writeLine(mark, check, verdict string, lines []string) {
	if len(lines) == 1 {
		if both := verdict + " — " + lines[0]; utf8.RuneCountInString("✓"+check+both) <= r.width {
			verdict, lines = both, nil
		}
	}
	for i, l := range wrap(verdict, r.width, "✓"+check, checkIndent) {
		if i == 0 {
			l = mark + strings.TrimPrefix(l, "✓")
		}
		r.line(l)
	}
	for _, l := range lines[:min(len(lines), maxViews)] {
		r.hanging(checkIndent, checkIndent+"  ", l)
	}
	if n := len(lines) - maxViews; n > 0 {
		r.text(checkIndent, r.say(words.andMore, n))
	}
}

// checkIndent stands before what belongs to the line of a check.
const checkIndent = "    "
