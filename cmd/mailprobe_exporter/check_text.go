package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A reporter writes a report for people.
type reporter struct {
	*page
	*report

	verbose   bool            // What each check saw is wanted, too.
	explained map[string]bool // The problems of which it has been said what they mean and what to do.
}

// writeChecks writes a line for each check of each target, in the order of the targets and of the documentation.
func (r *reporter) writeChecks() {
	for _, s := range r.snapshots {
		for _, c := range s.Checks {
			r.writeCheck(s, c.Check.Name)
		}
	}
}

// writeCheck writes the verdict of a check, unless there was nothing to ask.
func (r *reporter) writeCheck(s *collector.Snapshot, check string) {
	c, told, unknown, worst := verdictOf(s, check)
	if nothingAsked(c) {
		return
	}
	mark, style := "✓", "32"
	says := r.say(checkWords.inOrder)
	switch {
	case r.asked.hosts[s.Target.Name] != "" && check == "smtp" && !s.Heard() && told > 0:
		mark, style, says = "-", "0", r.say(checkWords.notOpen)
	case c.Err != nil || told == 0:
		mark, style, says = "?", "35", r.say(checkWords.unknown)
	case worst == "" && check == "smtp" && s.RefusedUs():
		mark, style, says = "?", "35", r.say(checkWords.refusedUs)
	case worst == catalog.SeverityCritical:
		mark, style, says = "✗", "31", r.say(checkWords.severities[worst])
	case worst != "" && r.follow(s, check):
		mark, style, says = "!", "33", r.say(checkWords.follows)
	case worst != "":
		mark, style, says = "!", "33", r.say(checkWords.severities[worst])
	case unknown > 0:
		says = r.say(checkWords.partly)
	}
	var seen []string
	if mark != "-" {
		seen = viewer{r, s, c, time.Now()}.lines()
	}
	r.writeLine(r.style(style, mark), fmt.Sprintf(" %-10s ", check), readable(s.Target.Name)+": "+says, seen)
	if r.verbose {
		r.writeThings(c)
	}
}

// follow reports whether all that a check found follows from problems that the report has elsewhere.
func (r *reporter) follow(s *collector.Snapshot, check string) bool {
	return !slices.ContainsFunc(s.Problems, func(p collector.Problem) bool {
		_, unexplained := s.Unexplained(p, r.snapshots)
		return p.Check == check && p.Ignored == nil && unexplained
	})
}

// maxDialogue is how many lines of evidence are shown of one thing where all of it is wanted.
const maxDialogue = 100

// writeThings writes what a check saw of each thing that it looked at.
func (r *reporter) writeThings(c collector.CheckState) {
	for _, p := range c.Parts {
		if len(p.Evidence) == 0 {
			continue
		}
		r.text(checkIndent, clip(sanitise(p.Key), maxName)+":")
		for _, e := range p.Evidence[:min(len(p.Evidence), maxDialogue)] {
			indent := checkIndent + strings.Repeat(" ", 2+min(len(e)-len(strings.TrimLeft(e, " ")), maxIndent))
			r.hanging(indent, indent+"  ", clip(sanitise(e), maxQuote))
		}
		if n := len(p.Evidence) - maxDialogue; n > 0 {
			r.text(checkIndent+"  ", r.say(words.andMore, n))
		}
	}
}

// maxIndent is how far a line of evidence stays indented below another, as in the tree of an SPF record.
const maxIndent = 8

// maxEvidenceShown is how many lines of evidence a report shows of a problem at one target; maxPlaces how many targets.
const (
	maxEvidenceShown = 5
	maxPlaces        = 10
)

// write writes the whole report: the verdict of each check, ports, problems with the worst first, what is accepted, what could not be told, what is wrong on
// this computer, and the verdict. Where this computer can hardly tell anything, that comes first.
func (r *reporter) write() {
	r.writeChecks()
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
			r.heading(r.say(checkWords.ports, readable(p.host)))
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
	places := samePlaces(f.where)
	for _, w := range places[:min(len(places), maxPlaces)] {
		r.text("  ", w.target)
		r.writeEvidence(w.evidence)
	}
	if n := len(places) - maxPlaces; n > 0 {
		r.text("  ", r.say(words.andMore, n))
	}
	r.blank()
	r.writeListings(f.listings(r.cat, r.lang))
	meaning := plain(f.problem.MeaningFor(r.lang, f.values()))
	if r.explained[f.problem.ID+meaning] {
		r.text("  ", r.say(checkWords.asAbove))
		return
	}
	r.explained[f.problem.ID+meaning] = true
	r.text("  ", meaning)
	if remedies := f.problem.RemediesFor(r.lang, f.values()); len(remedies) > 0 {
		r.blank()
		head := r.say(words.remedies)
		if len(f.where) > 1 {
			head += " (" + r.say(checkWords.firstOf, readable(f.where[0].target)) + ")"
		}
		r.text("  ", head+":")
		for i, s := range remedies {
			r.item(fmt.Sprintf("  %2d. ", i+1), plain(s))
		}
	}
	if file, ok := f.file(); ok {
		r.writeFile(file)
	}
	r.writeRecords(f.records())
	r.blank()
	r.text("  ", r.say(words.actor, r.say(f.problem.Who.Text())))
	r.text("  ", r.say(checkWords.more, f.problem.ID))
}

// writeEvidence writes what was seen, as far as it is short.
func (r *reporter) writeEvidence(evidence []catalog.Text) {
	most := maxEvidenceShown
	if r.verbose {
		most = maxDialogue
	}
	for _, e := range evidence[:min(len(evidence), most)] {
		r.hanging("    ", "      ", clip(sanitise(r.say(e)), maxQuote))
	}
	if n := len(evidence) - most; n > 0 {
		r.text("    ", r.say(words.andMore, n))
	}
}

// readable is the name of a target, with what people write for it where that is another: пример.рф (xn--e1afmkfd.xn--p1ai).
func readable(name string) string {
	if written, ok := targets.InScript(name); ok {
		return written + " (" + name + ")"
	}
	return name
}

// samePlaces puts places of which the same was seen together, as the ports of one server.
func samePlaces(list []place) (out []place) {
	for _, w := range list {
		i := slices.IndexFunc(out, func(o place) bool { return len(o.evidence) > 0 && slices.Equal(o.evidence, w.evidence) })
		if i < 0 {
			w.target = readable(w.target)
			out = append(out, w)
			continue
		}
		out[i].target += ", " + readable(w.target)
	}
	return out
}

// writeListings writes what blocklists say of a listing: the meaning of the code, the list's own words, its page and the way off it.
func (r *reporter) writeListings(list []listing) {
	for _, l := range list {
		r.hanging("  ", "    ", l.Title+" ("+l.Subject+"), "+l.Code+": "+l.Says)
		if l.Text != "" {
			r.hanging("    ", "      ", r.say(checkWords.listSays, strconv.Quote(sanitise(l.Text))))
		}
		if l.Page != "" {
			r.line("    " + l.Page)
		}
		if l.Removal != "" {
			r.text("    ", l.Removal)
		}
	}
	if len(list) > 0 {
		r.blank()
	}
}

// writeFile writes a file to publish, its lines as they are.
func (r *reporter) writeFile(file catalog.File) {
	r.blank()
	r.text("  ", r.say(words.publishFile, file.URL)+":")
	for line := range strings.Lines(file.Text) {
		r.line("    " + strings.TrimSuffix(line, "\n"))
	}
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
			r.item("  - ", fmt.Sprintf("%s: %s (%s)", readable(w.target), f.problem.ID, w.reason))
		}
	}
}

// writeUntold writes each reason once, with what could not be told for it.
func (r *reporter) writeUntold() {
	if len(r.untold) == 0 {
		return
	}
	r.heading(r.say(checkWords.untold))
	for _, g := range r.untoldByReason() {
		reason := g.reason
		if reason == (catalog.Text{}) {
			reason = checkWords.noTime
		}
		r.item("  - ", clip(sanitise(r.say(reason)), 200))
		for _, what := range g.of[:min(len(g.of), maxPlaces)] {
			r.hanging("    ", "      ", what)
		}
		if n := len(g.of) - maxPlaces; n > 0 {
			r.text("    ", r.say(words.andMore, n))
		}
	}
}

// untoldFor is what could not be told for one reason: a line for each check of each target.
type untoldFor struct {
	reason catalog.Text
	of     []string
}

func (r *reporter) untoldByReason() (out []untoldFor) {
	places, before := map[catalog.Text]int{}, map[int]untold{} // By reason the group, and the last of each group.
	for _, u := range r.untold {
		i, ok := places[u.reason]
		if !ok {
			i = len(out)
			places[u.reason] = i
			out = append(out, untoldFor{reason: u.reason})
		}
		g, last := &out[i], before[i]
		before[i] = u
		if thing := clip(sanitise(u.thing), maxName); ok && last.target == u.target && last.check == u.check {
			g.of[len(g.of)-1] += ", " + thing
		} else if thing == "" {
			g.of = append(g.of, readable(u.target)+", "+u.check)
		} else {
			g.of = append(g.of, readable(u.target)+", "+u.check+": "+thing)
		}
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
			r.writeEvidence(w.evidence)
		}
		if f.severity == catalog.SeverityCritical { // Nothing else can be told before that is fixed.
			for i, s := range f.problem.RemediesFor(r.lang, f.values()) {
				r.hanging(fmt.Sprintf("    %2d. ", i+1), "        ", plain(s))
			}
		}
		r.writeRecords(f.records())
		r.text("    ", r.say(checkWords.more, f.problem.ID))
	}
}

// writeVerdict is the last line.
func (r *reporter) writeVerdict() {
	shown := make([]string, len(r.asked.names))
	for i, name := range r.asked.names {
		shown[i] = readable(name)
	}
	names := strings.Join(shown, ", ")
	switch {
	case r.interrupted:
		r.text("", r.say(checkWords.interrupted))
	case r.overran:
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
