package main

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A targetPage is everything that is known of one target.
type targetPage struct {
	frame
	Name, About, Last, Next string
	State                   state
	CanProbe                bool
	Probed                  string // What came of asking for a probe.
	Related                 []string
	Problems                []problemOnPage
	Dialogues               []dialogue
	Listings                []listing
	Checks                  []checkOnPage
	NotAsked                string // The names of the other checks.
	Past                    []pastOnPage
}

type problemOnPage struct {
	ID, Title, Accepted, Who string
	Severity                 state
	Evidence                 []*noted
	Meaning                  template.HTML
	Remedies                 []template.HTML
	Records                  []catalog.Record // To publish.
	File                     catalog.File     // To publish on a web server; empty: none.
	FileSays                 string
}

// A dialogue is the last session with one address.
type dialogue struct {
	Address   string
	Waterfall template.HTML // How long its stages took, drawn.
	Lines     []spoken
}

// A spoken line is ours (c), the server's (s), or a note (n).
type spoken struct{ Class, Text string }

type checkOnPage struct {
	Name, When, Err string
	State           state
	Open            bool
	Things          []thingOnPage
}

type thingOnPage struct {
	Key, Age, Unknown string
	Budgets           []budget
	Evidence          []*noted
	Chain             bool // The evidence has an order: each certificate is issued by the next.
}

// A budget is how much of something is used up.
type budget struct {
	Used, Of float64
	Says     string
}

// A noted line of evidence has those below it that are indented further, as the SPF records that a record includes.
type noted struct {
	Text  string
	Lang  catalog.Lang // "": that of the page.
	Below []*noted
}

type pastOnPage struct {
	At    time.Time
	Check string
	State state
}

// target shows one target.
func (p *pages) target(w http.ResponseWriter, r *http.Request) {
	f := p.frame(w, r)
	s := p.collector.Target(r.PathValue("name"))
	if s == nil {
		p.notFound(w, f)
		return
	}
	f.Title = readable(s.Target.Name)
	var probed string
	probed, f.Refresh = p.probed(r.URL.Query().Get("probe"), f, s)
	outcome, _, _ := outcomeOf(s)
	data := targetPage{
		frame: f, Name: s.Target.Name, State: f.stateOf(outcome), About: about(f, s.Target), Last: f.ago(lastRun(s)), Next: p.nextRun(f, s), CanProbe: p.lifecycle, Probed: probed,
		Related: p.related(s), Dialogues: p.dialogues(f, s), Listings: p.listings(f, s),
	}
	for _, problem := range s.Problems {
		problem, unexplained := s.Unexplained(problem, nil)
		if !unexplained {
			continue
		}
		data.Problems = append(data.Problems, onPage(f, s, problem))
	}
	slices.SortStableFunc(data.Problems, func(a, b problemOnPage) int {
		return cmp.Compare(slices.Index(outcomes, a.Severity.Outcome), slices.Index(outcomes, b.Severity.Outcome))
	})
	spoke := func(key string) bool {
		return slices.ContainsFunc(data.Dialogues, func(d dialogue) bool { return d.Address == key })
	}
	var notAsked []string
	for _, c := range s.Checks {
		if c.LastRun.IsZero() && nothingAsked(c) {
			notAsked = append(notAsked, c.Check.Name)
			continue
		}
		shown := p.checkShown(f, s, c)
		if c.Check.Name == "smtp" { // What was said stands above.
			shown.Things = slices.DeleteFunc(shown.Things, func(t thingOnPage) bool { return t.Unknown == "" && spoke(t.Key) })
		}
		data.Checks = append(data.Checks, shown)
	}
	data.NotAsked = strings.Join(notAsked, ", ")
	for _, past := range p.collector.History(s) {
		data.Past = append(data.Past, pastOnPage{past.At, past.Check, f.stateOf(past.Outcome)})
	}
	p.show(w, http.StatusOK, "target.html", data)
}

// probeNow has a target probed without waiting for its time, and comes back to its page.
func (p *pages) probeNow(w http.ResponseWriter, r *http.Request) {
	if !p.lifecycle {
		http.Error(w, "Probing now is off; start with --web.enable-lifecycle.", http.StatusForbidden)
		return
	}
	s := p.collector.Target(r.PathValue("name"))
	if s == nil {
		p.notFound(w, p.frame(w, r))
		return
	}
	came := "soon"
	if p.collector.ProbeNow(s) {
		came = "begun"
	}
	http.Redirect(w, r, p.root+"targets/"+url.PathEscape(s.Target.Name)+"?probe="+came, http.StatusSeeOther)
}

// probed says, on the page that probeNow comes back to, what came of it, and in how many seconds to look again; 0 if that is all.
func (p *pages) probed(came string, f frame, s *collector.Snapshot) (says string, again int) {
	switch {
	case came == "soon":
		return pageWords["too_soon"].In(f.Lang), 0
	case came == "begun" && !p.collector.NextRun(s).After(f.Now):
		return pageWords["being_asked"].In(f.Lang), 3
	}
	return "", 0
}

// about says what a target is, in a line.
func about(f frame, t *targets.Target) string {
	parts := []string{pageKinds[t.Kind].In(f.Lang)}
	if t.Foreign {
		parts = append(parts, pageWords["foreign"].In(f.Lang))
	}
	if t.Server != nil {
		parts = append(parts, string(t.Server.Role))
	}
	if t.Source == targets.SourceMX {
		parts = append(parts, pageWords["by_mx"].In(f.Lang))
	}
	return strings.Join(parts, ", ")
}

// related are the servers and senders of a domain, and the domains of a server or sender.
func (p *pages) related(s *collector.Snapshot) (out []string) {
	of := func(s *collector.Snapshot) (names []string) {
		for _, v := range p.collector.Values(s, checks.MXInfo) {
			names = append(names, v.Labels["server"])
		}
		return append(names, s.Target.Domain.Senders...)
	}
	if s.Target.Kind == targets.KindDomain {
		return slices.Compact(slices.Sorted(slices.Values(of(s))))
	}
	const most = 50 // A provider's server has thousands.
	for _, o := range p.collector.Snapshots() {
		if o.Target.Kind == targets.KindDomain && len(out) < most && slices.Contains(of(o), s.Target.Name) {
			out = append(out, o.Target.Name)
		}
	}
	return out
}

func onPage(f frame, s *collector.Snapshot, found collector.Problem) problemOnPage {
	out := problemOnPage{ID: found.ID, Title: found.ID, Severity: f.stateOf(string(found.Severity)), Evidence: f.texts(found.Evidence)}
	if found.Ignored != nil {
		out.Accepted = cmp.Or(found.Ignored.Reason, "—")
	}
	problem, ok := catalog.ProblemByID(found.ID)
	if !ok {
		return out
	}
	out.Who = fmt.Sprintf(words.actor.In(f.Lang), problem.Who.Text().In(f.Lang))
	values := s.ValuesOf(found)
	out.Title, out.Meaning = plain(problem.Title.In(f.Lang)), markUp(problem.MeaningFor(f.Lang, values[0]))
	for _, remedy := range problem.RemediesFor(f.Lang, values[0]) {
		out.Remedies = append(out.Remedies, markUp(remedy))
	}
	out.Records = recordsIn(values)
	if file, ok := fileIn(values); ok {
		out.File, out.FileSays = file, fmt.Sprintf(words.publishFile.In(f.Lang), file.URL)
	}
	return out
}

// dialogues are what was said at each address, with secrets masked as the check left them.
func (p *pages) dialogues(f frame, s *collector.Snapshot) (out []dialogue) {
	durations := map[string][]stageTime{}
	for _, v := range p.collector.Values(s, checks.SMTPStageDuration) {
		a := v.Labels["address"]
		durations[a] = append(durations[a], stageTime{stage: v.Labels["stage"], took: v.Value})
	}
	for _, v := range p.collector.Values(s, checks.SMTPFailure) {
		for i, d := range durations[v.Labels["address"]] {
			if d.stage == v.Labels["stage"] {
				durations[v.Labels["address"]][i].failed = true
			}
		}
	}
	for _, c := range s.Checks {
		if c.Check.Name != "smtp" {
			continue
		}
		for _, part := range c.Parts {
			if times := durations[part.Key]; len(times) > 0 {
				out = append(out, dialogue{part.Key, waterfall(times, pageWords["failed"].In(f.Lang)), linesOf(part.Evidence)})
			}
		}
	}
	return out
}

func linesOf(evidence []string) (out []spoken) {
	for _, line := range evidence {
		class := "n"
		switch {
		case strings.HasPrefix(line, "S: "):
			class = "s"
		case strings.HasPrefix(line, "C: "):
			class = "c"
		}
		out = append(out, spoken{class, visible(line)})
	}
	return out
}

// texts are evidence in the language of the page. What has no translation is in English.
func (f frame) texts(evidence []catalog.Text) (out []*noted) {
	for _, t := range evidence {
		n := &noted{Text: visible(t.In(f.Lang))}
		if t.RU == t.EN && f.Lang != catalog.English {
			n.Lang = catalog.English
		}
		out = append(out, n)
	}
	return out
}

// outline puts lines below those that they are indented below, two blanks a step.
func outline(lines []string) []*noted {
	above := []*noted{{}} // Below the last of them stands what is indented by as many steps.
	for _, line := range lines {
		text := strings.TrimLeft(line, " ")
		depth := min((len(line)-len(text))/2, len(above)-1)
		n := &noted{Text: visible(text)}
		above[depth].Below = append(above[depth].Below, n)
		above = append(above[:depth+1], n)
	}
	return above[0].Below
}

// A stageTime is how long a stage of a session took, in seconds.
type stageTime struct {
	stage  string
	took   float64
	failed bool
}

// stages in the order in which they come.
var stages = []string{"connect", "banner", "ehlo", "helo", "starttls", "tls", "ehlo_tls", "auth", "mail", "rcpt", "quit"}

// waterfall draws stages one after the other, each a bar where it took place. Everything in it is ours: numbers, names of stages, and the
// word for one that failed.
func waterfall(times []stageTime, failed string) template.HTML {
	slices.SortFunc(times, func(a, b stageTime) int {
		return cmp.Compare(slices.Index(stages, a.stage), slices.Index(stages, b.stage))
	})
	total := 0.0
	for _, t := range times {
		total += t.took
	}
	const left, width, row = 80.0, 480.0, 20.0
	scale := width / max(total, 1e-9)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" width="%g" role="img" aria-label="%s">`, left+width+120, row*float64(len(times)), left+width+120, waterfallSays(times, failed))
	at := 0.0
	for i, t := range times {
		y := row * float64(i)
		class := "bar"
		if t.failed {
			class = "bad"
		}
		fmt.Fprintf(&b, `<text x="0" y="%g">%s</text><rect class="track" x="%g" y="%g" width="%g" height="12"/>`, y+13, html.EscapeString(t.stage), left, y+3, width)
		fmt.Fprintf(&b, `<rect class="%s" x="%.1f" y="%g" width="%.1f" height="12"/><text x="%g" y="%g">%s</text>`, class, left+at*scale, y+3, max(t.took*scale, 1.5), left+width+8, y+13, t.says(failed))
		at += t.took
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // See above.
}

// waterfallSays is the drawing for those who hear it.
func waterfallSays(times []stageTime, failed string) string {
	parts := make([]string, len(times))
	for i, t := range times {
		parts[i] = html.EscapeString(t.stage) + " " + t.says(failed)
	}
	return strings.Join(parts, ", ")
}

func (t stageTime) says(failed string) string {
	if t.failed {
		return millis(t.took) + " " + failed
	}
	return millis(t.took)
}

func millis(seconds float64) string {
	switch {
	case seconds >= 10:
		return fmt.Sprintf("%.0f s", seconds)
	case seconds >= 0.01:
		return fmt.Sprintf("%.0f ms", seconds*1000)
	}
	return fmt.Sprintf("%.1f ms", seconds*1000)
}

// listings are the blocklists that list the target, with the way off each.
func (p *pages) listings(f frame, s *collector.Snapshot) (out []listing) {
	said := map[[3]string]string{} // By list, subject and code: a list's own words are no label.
	for _, problem := range s.Problems {
		for _, v := range problem.Values {
			said[[3]string{v[catalog.ValueList], v[catalog.ValueSubject], v[catalog.ValueListCode]}] = v[catalog.ValueListText]
		}
	}
	for _, v := range p.collector.Values(s, checks.DNSBLListing) {
		id, subject, code := v.Labels["list"], v.Labels["subject"], v.Labels["code"]
		l := listingOf(p.catalog(), f.Lang, catalog.Values{
			catalog.ValueList: id, catalog.ValueSubject: subject, catalog.ValueListCode: code,
			catalog.ValueListText: said[[3]string{id, subject, code}],
		})
		l.Text = visible(l.Text)
		l.Says = cmp.Or(l.Says, v.Labels["meaning"])
		out = append(out, l)
	}
	return out
}

func (p *pages) checkShown(f frame, s *collector.Snapshot, c collector.CheckState) checkOnPage {
	known, told, _, worst := verdictOf(s, c.Check.Name)
	outcome := "ok"
	switch {
	case c.LastRun.IsZero():
		outcome = "none"
	case known.Err != nil || told == 0, worst == "" && c.Check.Name == "smtp" && s.RefusedUs():
		outcome = "unknown"
	case worst != "":
		outcome = string(worst)
	}
	out := checkOnPage{Name: c.Check.Name, When: f.ago(c.LastRun), State: f.stateOf(outcome), Open: outcome == string(catalog.SeverityCritical) || outcome == string(catalog.SeverityWarning)}
	if c.Err != nil {
		out.Err = checks.ReasonOf(c.Err).In(f.Lang)
	}
	for _, part := range c.Parts {
		t := thingOnPage{Key: part.Key, Evidence: outline(part.Evidence), Chain: strings.HasPrefix(part.Key, "certificate ")}
		if c.Check.Name == "spf" && part.Key == "lookups" {
			t.Budgets = p.budgets(f, s)
		}
		if part.Unknown != nil {
			t.Unknown = pageStates["unknown"].In(f.Lang) + ": " + checks.ReasonOf(part.Unknown).In(f.Lang)
		}
		if !part.Reached.IsZero() && part.Reached.Before(c.LastRun) {
			t.Age = fmt.Sprintf(pageWords["held"].In(f.Lang), f.ago(part.Reached)) // An older verdict that still holds.
		}
		if t.Evidence != nil || t.Unknown != "" || t.Age != "" {
			out.Things = append(out.Things, t) // Of the others there is nothing to see.
		}
	}
	return out
}

// budgets are what the SPF record of a domain uses of what RFC 7208 section 4.6.4 allows.
func (p *pages) budgets(f frame, s *collector.Snapshot) (out []budget) {
	for _, b := range []struct {
		metric *checks.Metric
		word   string
		of     float64
	}{{checks.SPFLookups, "lookups", checks.SPFMaxLookups}, {checks.SPFVoidLookups, "voids", checks.SPFMaxVoids}} {
		for _, v := range p.collector.Values(s, b.metric) {
			out = append(out, budget{v.Value, b.of, fmt.Sprintf(pageWords[b.word].In(f.Lang), int(v.Value), int(b.of))})
		}
	}
	return out
}

// lastRun is when a target was last asked anything.
func lastRun(s *collector.Snapshot) (at time.Time) {
	for _, c := range s.Checks {
		if c.LastRun.After(at) {
			at = c.LastRun
		}
	}
	return at
}
