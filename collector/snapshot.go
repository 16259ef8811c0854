package collector

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A Snapshot is what is known of one target. It is never changed: news replace it whole.
type Snapshot struct {
	Target   *targets.Target
	Checks   []CheckState // Those the target is asked, in the order of the documentation.
	Problems []Problem    // What stands, ignored ones included; in the order of the checks.

	state   *state
	own     *block           // The series that are about the target itself.
	aboutUs []checks.Finding // Problems of the vantage that showed here.
	heard   bool             // Of a server: it spoke to us, as of its last sessions.
	tests   []checks.Tested  // Of the vantage: those that what others saw decides.
	expires time.Time        // When it must be built anew because something in it ends; zero: never.
}

// A CheckState is what one check knows of a target.
type CheckState struct {
	Check          *checks.Check
	Every          time.Duration
	LastRun        time.Time // Zero: it has not run yet.
	LastConclusive time.Time // Zero: it has not reached a verdict yet.
	Conclusive     bool      // The last run reached a verdict.
	Err            error     // Why the last run could not be answered at all; nil if it could.
	Parts          []*PartState

	// Known under other settings of the target, and shown until the check has run under the present ones.
	outdated bool
}

// A PartState is what is known of one thing that a check looks at: an address, a list, a selector.
type PartState struct {
	Key      string
	Reached  time.Time // When the verdict was reached; zero: none is held.
	Until    time.Time // When the hold of the verdict ends, if the last run reached none; zero: it is not limited.
	Unknown  error     // Why the last run could tell nothing of it; nil if it could.
	Findings []checks.Finding
	Evidence []string
	Name     string // As checks.Part has it.
	LeftOut  bool   // The last run left it out on purpose.

	hold  uint8  // A checks.Hold, beside LeftOut: there are many of these.
	block *block // The series of the verdict; nil without one.
}

// A Problem is a fault that stands, found by one check, whatever the number of things it was found on.
type Problem struct {
	Check    string
	ID       string
	Severity catalog.Severity // After the operator's rules; the gravest of all findings.
	Evidence []catalog.Text   // One line for each finding.
	Values   []catalog.Values // What remedies may name, of each finding whose evidence is kept; see Snapshot.ValuesOf.
	Ignored  *targets.Ignore  // The rule that accepts it; nil: nobody does.
}

// errNotMentioned stands for things that a run could not tell whether they are still there.
var errNotMentioned = errors.New("the list of what to look at was not complete")

// An outcome is how a check's run ended: the label of probes_total.
type outcome string

const (
	conclusive   outcome = "conclusive"
	inconclusive outcome = "inconclusive"
	skipped      outcome = "skipped"
)

// outcomeOf judges a run. A run that was left out entirely, or that had nothing to ask, is none; one in which something
// was asked and nothing told is inconclusive.
func outcomeOf(r *checks.Result, err error) outcome {
	if err != nil {
		return inconclusive
	}
	verdicts, unknown, left := 0, 0, 0
	for _, p := range r.Parts {
		switch {
		case p.LeftOut:
			left++
		case p.Unknown != nil:
			unknown++
		default:
			verdicts++
		}
	}
	switch {
	case verdicts > 0:
		return conclusive
	case unknown > 0:
		return inconclusive
	case left > 0:
		return skipped
	case r.KeepOthers:
		return inconclusive
	}
	return skipped // There was nothing to ask.
}

// after returns what a check knows after a run that began at now. What the run saw replaces
// what was known thing by thing; what it could not tell leaves the verdict until its hold ends.
func (c CheckState) after(now time.Time, r *checks.Result, runErr error, render func(*checks.Part) *block) CheckState {
	how := outcomeOf(r, runErr)
	if how != skipped {
		c.LastRun, c.Conclusive, c.Err = now, how == conclusive, runErr
	}
	if c.Conclusive && how != skipped {
		c.LastConclusive = now
	}
	if how == skipped && len(r.Parts) == 0 {
		return CheckState{Check: c.Check, Every: c.Every} // What it was asked about earlier is gone.
	}
	earlier := c.Parts
	c.Parts = nil
	if runErr != nil {
		for _, p := range earlier {
			c.Parts = append(c.Parts, p.unknown(now, c.Every, runErr))
		}
		return c
	}
	for _, p := range r.Parts {
		was := &PartState{Key: p.Key}
		if i := slices.IndexFunc(earlier, func(e *PartState) bool { return e.Key == p.Key }); i >= 0 {
			was = earlier[i]
		}
		c.Parts = append(c.Parts, was.after(now, c.Every, p, render))
	}
	if r.KeepOthers {
		for _, e := range earlier {
			if !slices.ContainsFunc(r.Parts, func(p *checks.Part) bool { return p.Key == e.Key }) {
				c.Parts = append(c.Parts, e.unknown(now, c.Every, errNotMentioned))
			}
		}
	}
	return c
}

// after returns what is known of a thing after a run that mentions it.
func (p *PartState) after(now time.Time, every time.Duration, seen *checks.Part, render func(*checks.Part) *block) *PartState {
	switch {
	case seen.LeftOut:
		// Neither a verdict nor a failure to reach one: the hold is not limited until the next run ends.
		n := *p.at(now)
		n.LeftOut, n.Unknown, n.Until = true, seen.Unknown, time.Time{}
		return &n
	case seen.Unknown != nil && seen.Withdraw:
		return &PartState{Key: p.Key, Unknown: seen.Unknown, Evidence: kept(seen.Evidence)}
	case seen.Unknown != nil:
		n := p.unknown(now, every, seen.Unknown)
		if n.Reached.IsZero() {
			n.Evidence = kept(seen.Evidence)
		}
		return n
	}
	n := &PartState{Key: p.Key, Reached: now, hold: uint8(seen.Hold), block: render(seen), Evidence: kept(seen.Evidence), Name: unique.Make(seen.Name).Value()}
	for _, f := range seen.Findings {
		f.Evidence = keptText(f.Evidence)
		n.Findings = append(n.Findings, f)
	}
	return n
}

// unknown returns what is known of a thing after a run that could not tell.
func (p *PartState) unknown(now time.Time, every time.Duration, err error) *PartState {
	n := *p
	n.LeftOut, n.Unknown = false, err
	if !n.Reached.IsZero() {
		n.Until = n.Reached.Add(checks.Hold(n.hold).Duration(every))
	}
	return n.at(now)
}

// at returns what is left of it at a time: without the verdict once its hold has ended.
func (p *PartState) at(now time.Time) *PartState {
	if p.Until.IsZero() || now.Before(p.Until) {
		return p
	}
	return &PartState{Key: p.Key, Unknown: p.Unknown, LeftOut: p.LeftOut}
}

// heard reports whether the part is a session, of which the verdict is held, in which the server spoke.
func (p *PartState) heard() bool {
	mute := func(f checks.Finding) bool {
		return f.Problem == "smtp_unreachable" || f.Problem == "smtp_silent" || f.Problem == "smtp_not_allowed"
	}
	return !p.Reached.IsZero() && checks.Hold(p.hold) == checks.HoldReplies && !slices.ContainsFunc(p.Findings, mute)
}

// kept copies evidence, so that it does not keep a whole reply in memory. Lines that many servers
// say are there once.
func kept(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = unique.Make(l).Value()
	}
	return out
}

// keptText copies a text for the same reason. What is the same in both languages is there once.
func keptText(t catalog.Text) catalog.Text {
	en := strings.Clone(t.EN)
	if t.RU == t.EN {
		return catalog.Text{EN: en, RU: en}
	}
	return catalog.Text{EN: en, RU: strings.Clone(t.RU)}
}

// ofTarget says of which target a text is.
func ofTarget(name string, t catalog.Text) catalog.Text {
	return keptText(catalog.Text{EN: name + ": " + t.EN, RU: name + ": " + t.RU})
}

// A builder makes snapshots under one configuration.
type builder struct {
	cfg     *targets.Config
	lists   *checks.Lists
	problem func(id string) (catalog.Problem, bool)
	expo    *exposition
	bug     func(what string) // A mistake of ours, to be told once.
}

// build makes the snapshot of a target from what its checks know.
func (b *builder) build(st *state, known []CheckState, now time.Time) *Snapshot {
	s := &Snapshot{Target: st.target, state: st, Checks: make([]CheckState, len(known))}
	for i, c := range known {
		parts := make([]*PartState, 0, len(c.Parts))
		for _, p := range c.Parts {
			if c.Check.Name == "dnsbl" && !b.lists.Uses(p.Key) {
				continue // A reload took the list away, maybe while it was being asked.
			}
			p = p.at(now)
			parts = append(parts, p)
			s.expireAt(p.Until)
		}
		c.Parts = parts
		s.Checks[i] = c
	}
	withoutRecords(s.Checks)
	for _, c := range s.Checks {
		for _, p := range c.Parts {
			s.heard = s.heard || c.Check.Name == "smtp" && p.heard()
			for _, f := range p.Findings {
				if addr, err := netip.ParseAddr(p.Key); err == nil {
					f.Values = catalog.Values{catalog.ValueAddress: addr.String()}.With(f.Values)
				}
				b.find(s, c.Check.Name, f)
			}
		}
	}
	b.judgeTogether(s)
	b.finish(s, now)
	return s
}

// withOthers adds to the vantage's snapshot what showed elsewhere: on blocklists, and on other targets. A server that
// refuses us for who we are is not at fault: another prober would be let in.
func (b *builder) withOthers(owner *Snapshot, aboutUs []checks.Finding, now time.Time) *Snapshot {
	s := *owner
	s.Problems = slices.Clone(s.Problems)
	for _, f := range aboutUs {
		if problem, ok := b.problem(f.Problem); ok {
			b.add(&s, vantageName, problem, f)
		}
	}
	b.finish(&s, now)
	return &s
}

// withTests adds to the vantage's snapshot the tests that what others saw decides.
func (b *builder) withTests(vantage *Snapshot, tests []checks.Tested, now time.Time) *Snapshot {
	s := *vantage
	s.tests = tests
	s.Problems = slices.Clone(s.Problems)
	b.finish(&s, now)
	return &s
}

// expireAt makes the snapshot end at t at the latest.
func (s *Snapshot) expireAt(t time.Time) {
	if !t.IsZero() && (s.expires.IsZero() || t.Before(s.expires)) {
		s.expires = t
	}
}

// maxEvidence is how many lines of evidence a problem keeps.
const maxEvidence = 50

// find adds what a check found: one problem for each check and id, however many things it was found on.
func (b *builder) find(s *Snapshot, check string, f checks.Finding) {
	problem, ok := b.problem(f.Problem)
	if !ok {
		b.bug("problem " + f.Problem + " is not in the catalogue")
		return
	}
	if problem.Check == vantageName && s.Target.Kind != targets.KindVantage {
		f.Evidence = ofTarget(s.Target.Name, f.Evidence)
		s.aboutUs = append(s.aboutUs, f)
		return
	}
	b.add(s, check, problem, f)
}

// add is find for a problem that the target owns.
func (b *builder) add(s *Snapshot, check string, problem catalog.Problem, f checks.Finding) {
	severity := b.severity(s.Target, f, problem)
	if severity == catalog.SeverityOff {
		return
	}
	i := slices.IndexFunc(s.Problems, func(o Problem) bool { return o.Check == check && o.ID == f.Problem })
	if i < 0 {
		i = len(s.Problems)
		s.Problems = append(s.Problems, Problem{Check: check, ID: f.Problem, Severity: severity})
	}
	o := &s.Problems[i]
	if rank(severity) < rank(o.Severity) {
		o.Severity = severity
	}
	if f.Evidence.EN != "" && len(o.Evidence) < maxEvidence {
		o.Evidence = append(slices.Clip(o.Evidence), f.Evidence)
		o.Values = append(slices.Clip(o.Values), f.Values)
	}
}

// finish marks the problems that the operator accepts and makes the series.
func (b *builder) finish(s *Snapshot, now time.Time) {
	for i := range s.Problems {
		p := &s.Problems[i]
		if rule, ok := b.cfg.Ignored(p.ID, s.Target.Name, now); ok {
			p.Ignored = &rule
			s.expireAt(rule.Until)
		}
	}
	s.own = b.render(s)
}

// severity is that of a finding after all rules: a fault of somebody else's server is
// information; what the operator thinks of it is the last word.
func (b *builder) severity(t *targets.Target, f checks.Finding, problem catalog.Problem) catalog.Severity {
	severity := f.On(t)
	if severity == "" {
		severity = problem.Severity
	}
	// DANE is about the domain that the server takes mail for, as much as about the server.
	if t.Foreign && t.Kind != targets.KindDomain && problem.Check != "dane" {
		severity = catalog.SeverityInfo
	}
	return b.cfg.SeverityOf(f.Problem, severity)
}

// rank orders severities, the gravest first.
func rank(s catalog.Severity) int {
	return slices.Index([]catalog.Severity{catalog.SeverityCritical, catalog.SeverityWarning, catalog.SeverityInfo, catalog.SeverityOff}, s)
}
