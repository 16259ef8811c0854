package main

import (
	"fmt"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
)

// A reporter writes a report for people.
type reporter struct {
	*page
	*report
}

// checkLine is the line that a check ends with; "" if there was nothing to ask. tried says that the server is one of the ports that are
// tried because none was named.
func checkLine(p *page, s *collector.Snapshot, check string, tried bool) string {
	c, told, unknown, worst := verdictOf(s, check)
	if nothingAsked(c) {
		return ""
	}
	if tried && check == "smtp" && !s.Heard() && told > 0 {
		return fmt.Sprintf("- %-10s %s: %s", check, s.Target.Name, p.say(checkWords.notOpen))
	}
	mark, style := "✓", "32"
	says := p.say(checkWords.inOrder)
	switch {
	case c.Err != nil || told == 0:
		mark, style, says = "?", "35", p.say(checkWords.unknown)
	case worst == "" && check == "smtp" && s.RefusedUs():
		mark, style, says = "?", "35", p.say(checkWords.refusedUs)
	case worst == catalog.SeverityCritical:
		mark, style, says = "✗", "31", p.say(checkWords.severities[worst])
	case worst != "":
		mark, style, says = "!", "33", p.say(checkWords.severities[worst])
	case unknown > 0:
		says = p.say(checkWords.partly)
	}
	return fmt.Sprintf("%s %-10s %s: %s", p.style(style, mark), check, s.Target.Name, says)
}

// maxEvidenceShown is how many lines of evidence a report shows of a problem at one target; maxPlaces how many targets.
const (
	maxEvidenceShown = 5
	maxPlaces        = 10
)

// write writes the whole report: ports, problems with the worst first, what is accepted, what could not be told, what is wrong on
// this computer, and the verdict. Where this computer can hardly tell anything, that comes first.
func (r *reporter) write() {
	blind := len(r.own) > 0 && r.own[0].severity == catalog.SeverityCritical
	if blind {
		r.writeOwn()
	}
	r.writePorts()
	for _, f := range r.problems {
		r.blank()
		r.writeProblem(f)
	}
	r.writeAccepted()
	r.writeUntold()
	if !blind {
		r.writeOwn()
	}
	r.blank()
	r.writeVerdict()
}

// writePorts says which ports of a host this computer can use for what.
func (r *reporter) writePorts() {
	said := ""
	for _, p := range r.ports {
		if p.host == "" || p.outcome == "no_address" {
			continue
		}
		if p.host != said {
			r.heading(r.say(checkWords.ports, p.host))
			said = p.host
		}
		r.hanging(fmt.Sprintf("  %-5d ", p.number), strings.Repeat(" ", 8), r.portSays(p))
	}
	if r.noLogin {
		r.blank()
		r.text("", r.say(checkWords.noLogin))
	}
}

func (r *reporter) portSays(p port) string {
	switch p.outcome {
	case "answers":
		says := r.say(checkWords.portUse[p.number])
		if p.login {
			says += " " + r.say(checkWords.portLogin)
		}
		return says
	case "refuses":
		return r.say(checkWords.portRefuses, p.code)
	case "timeout":
		if p.number == 25 && r.answers(p.host) {
			return r.say(checkWords.portBlocked)
		}
		return r.say(checkWords.portSilent)
	case "refused":
		return r.say(checkWords.portClosed)
	case "unknown":
		return r.say(checkWords.unknown)
	}
	return r.say(checkWords.portFails, p.outcome)
}

// answers reports whether some port of a host answers.
func (r *reporter) answers(host string) bool {
	for _, p := range r.ports {
		if p.host == host && (p.outcome == "answers" || p.outcome == "refuses") {
			return true
		}
	}
	return false
}

// writeProblem says what is wrong and where, what was seen, what it means and what to do.
func (r *reporter) writeProblem(f found) {
	colour := map[catalog.Severity]string{catalog.SeverityCritical: "1;31", catalog.SeverityWarning: "1;33"}[f.severity]
	head := r.say(checkWords.severities[f.severity]) + ": " + r.say(f.problem.Title)
	for _, l := range wrap(head, r.width, "", "") {
		r.line(r.style(colour, l))
	}
	for _, w := range f.where[:min(len(f.where), maxPlaces)] {
		if w.target != "" {
			r.text("  ", w.target)
		}
		for _, e := range w.evidence[:min(len(w.evidence), maxEvidenceShown)] {
			r.hanging("    ", "      ", clip(sanitise(e), maxQuote))
		}
		if n := len(w.evidence) - maxEvidenceShown; n > 0 {
			r.text("    ", r.say(words.andMore, n))
		}
	}
	if n := len(f.where) - maxPlaces; n > 0 {
		r.text("  ", r.say(words.andMore, n))
	}
	r.blank()
	r.text("  ", r.say(f.problem.Meaning))
	if remedies := f.problem.RemediesFor(r.lang, f.values()); len(remedies) > 0 {
		r.blank()
		head := r.say(words.remedies)
		if len(f.where) > 1 {
			head += " (" + r.say(checkWords.firstOf, f.where[0].target) + ")"
		}
		r.text("  ", head+":")
		for i, s := range remedies {
			r.item(fmt.Sprintf("  %2d. ", i+1), plain(s))
		}
	}
	r.writeRecords(f.records())
	r.blank()
	r.text("  ", r.say(words.actor, r.say(f.problem.Who.Text())))
	r.text("  ", r.say(checkWords.more, f.problem.ID))
}

// writeRecords writes records to publish, each on a line of its own however long it is, so that it can be copied.
func (r *reporter) writeRecords(records []catalog.Record) {
	if len(records) == 0 {
		return
	}
	r.blank()
	r.text("  ", r.say(words.publish)+":")
	for _, record := range records {
		r.line("    " + record.Name + " " + record.Type + " " + record.Data)
	}
}

func (r *reporter) writeAccepted() {
	if len(r.accepted) == 0 {
		return
	}
	r.heading(r.say(checkWords.accepted))
	for _, f := range r.accepted {
		for _, w := range f.where {
			r.item("  - ", fmt.Sprintf("%s: %s (%s)", w.target, f.problem.ID, w.reason))
		}
	}
}

// maxUntoldShown is how many things are named that one check could not tell of a target.
const maxUntoldShown = 3

func (r *reporter) writeUntold() {
	if len(r.untold) == 0 {
		return
	}
	r.heading(r.say(checkWords.untold))
	for _, list := range r.untoldByCheck() {
		for _, u := range list[:min(len(list), maxUntoldShown)] {
			reason := u.reason
			if reason == "" {
				reason = r.say(checkWords.noTime)
			}
			what := u.target + ", " + u.check
			if u.thing != "" {
				what += ", " + clip(sanitise(u.thing), 100)
			}
			r.item("  - ", what+": "+clip(sanitise(reason), 200))
		}
		if n := len(list) - maxUntoldShown; n > 0 {
			r.text("    ", r.say(words.andMore, n))
		}
	}
}

// untoldByCheck parts what could not be told by target and check.
func (r *report) untoldByCheck() (out [][]untold) {
	for _, u := range r.untold {
		last := len(out) - 1
		if last >= 0 && out[last][0].target == u.target && out[last][0].check == u.check {
			out[last] = append(out[last], u)
			continue
		}
		out = append(out, []untold{u})
	}
	return out
}

// writeOwn says what is wrong with the place that was probed from, for it may be why something else looks wrong.
func (r *reporter) writeOwn() {
	if len(r.own) == 0 {
		return
	}
	r.heading(r.say(checkWords.own))
	for _, f := range r.own {
		r.item("  - ", r.say(f.problem.Title))
		for _, w := range f.where {
			for _, e := range w.evidence[:min(len(w.evidence), maxEvidenceShown)] {
				r.hanging("    ", "      ", clip(sanitise(e), maxQuote))
			}
		}
		r.text("    ", r.say(checkWords.more, f.problem.ID))
	}
}

// writeVerdict is the last line.
func (r *reporter) writeVerdict() {
	names := strings.Join(r.asked.names, ", ")
	if r.overran {
		r.text("", r.say(checkWords.overran))
	}
	if r.status == 2 {
		r.title(r.say(checkWords.nothingTold, names))
		return
	}
	if len(r.problems) == 0 && len(r.untold) > 0 {
		r.title(r.say(checkWords.wellSoFar, names)) // A server that was not reached may be as sick as any.
		return
	}
	if len(r.problems) == 0 {
		r.title(r.say(checkWords.well, names))
		return
	}
	counts := map[catalog.Severity]int{}
	for _, f := range r.problems {
		counts[f.severity] += len(f.where)
	}
	says := checkWords.sick
	if counts[catalog.SeverityWarning] == 1 {
		says = checkWords.sickOne
	}
	r.title(r.say(says, names, counts[catalog.SeverityCritical], counts[catalog.SeverityWarning], counts[catalog.SeverityInfo]))
}
