package main

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A report is what came of checking targets once.
type report struct {
	cat       *catalog.Catalog
	collector *collector.Collector // Knows the values of the snapshots.
	asked     *asked
	failOn    catalog.Severity
	snapshots []*collector.Snapshot // Without the vantage.
	vantage   *collector.Snapshot
	ports     []port
	noLogin   bool // A user was given, and no server to which the password could be trusted.
	overran   bool // The time was over before all had been asked, or
	// somebody ended it.
	interrupted bool

	// What judge makes of it.
	problems []found // The worst first; those of this computer and accepted ones are not among them.
	accepted []found
	own      []found // Of this computer.
	untold   []untold
	status   int
}

// A found is a problem with the targets that have it.
type found struct {
	problem  catalog.Problem
	severity catalog.Severity
	where    []place
}

// values are what its remedies may name: where it stands first, what was found first.
func (f *found) values() catalog.Values { return f.where[0].values[0] }

// records are the records to publish, each once.
func (f *found) records() (out []catalog.Record) {
	for _, w := range f.where {
		out = append(out, recordsIn(w.values)...)
	}
	return out[:min(len(out), maxRecords)]
}

// file is the file to publish; false if there is none. Where targets differ, it is the first's, as the remedies are.
func (f *found) file() (catalog.File, bool) { return fileIn(f.where[0].values) }

// fileIn is the first file to publish.
func fileIn(values []catalog.Values) (catalog.File, bool) {
	for _, v := range values {
		if file, ok := v.File(); ok {
			return file, true
		}
	}
	return catalog.File{}, false
}

// listings are those of an address or name on blocklists.
func (f *found) listings(cat *catalog.Catalog, lang catalog.Lang) []listing {
	var all []catalog.Values
	for _, w := range f.where {
		all = append(all, w.values...)
	}
	return listingsIn(cat, lang, all)
}

// maxRecords is how many records to publish are shown of one problem.
const maxRecords = 10

// recordsIn are the records to publish, each once.
func recordsIn(values []catalog.Values) (out []catalog.Record) {
	for _, v := range values {
		if r, ok := v.Record(); ok && len(out) < maxRecords && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// A place is where a problem stands.
type place struct {
	target   string
	evidence []catalog.Text
	values   []catalog.Values // What remedies may name: at least one.
	reason   string           // Why it is accepted; "" where it is not.
}

// An untold is something that could not be told.
type untold struct {
	target, check, thing string
	reason               catalog.Text // Zero: there was no time.
}

// A port is how a host answered on one of the ports that were tried because none was named.
type port struct {
	host, target string
	number       uint16
	outcome      string // What smtp_failure has as reason; "answers", "refuses" with a code that is not 220, "no_address" or "unknown".
	code         string // With "refuses".
	login        bool   // AUTH is offered over TLS that verified.
}

func newReport(c *collector.Collector, cat *catalog.Catalog, a *asked, failOn catalog.Severity) *report {
	r := &report{collector: c, cat: cat, asked: a, failOn: failOn}
	for _, s := range c.Snapshots() {
		if s.Target.Kind == targets.KindVantage {
			r.vantage = s
			continue
		}
		r.snapshots = append(r.snapshots, s)
		if host := a.hosts[s.Target.Name]; host != "" {
			r.ports = append(r.ports, portOf(c, s, host))
		}
	}
	// In the order in which they were asked about; what the MX records led to comes last.
	places := map[string]int{}
	for i, t := range a.all {
		places[t.Name] = i
	}
	order := func(name string) int {
		if i, ok := places[name]; ok {
			return i
		}
		return len(a.all)
	}
	slices.SortStableFunc(r.snapshots, func(a, b *collector.Snapshot) int {
		return cmp.Compare(order(a.Target.Name), order(b.Target.Name))
	})
	slices.SortStableFunc(r.ports, func(a, b port) int { return cmp.Compare(order(a.target), order(b.target)) })
	return r
}

// portOf says how a server answered; the best of its addresses counts, for that is what a mail program finds.
func portOf(c *collector.Collector, s *collector.Snapshot, host string) port {
	p := port{host: host, target: s.Target.Name, number: s.Target.Server.Port, outcome: "unknown"}
	for _, v := range c.Values(s, checks.SMTPFailure) {
		if stage := v.Labels["stage"]; stage == "connect" || stage == "banner" || p.outcome == "unknown" {
			p.outcome = v.Labels["reason"]
		}
	}
	for _, v := range c.Values(s, checks.SMTPReply) {
		if v.Labels["stage"] == "banner" {
			if p.code = v.Labels["code"]; p.code != "220" {
				p.outcome = "refuses"
			}
		}
	}
	if slices.ContainsFunc(s.Problems, func(p collector.Problem) bool { return p.ID == "smtp_no_address" }) {
		p.outcome = "no_address"
	}
	up, verified := false, false
	for _, v := range c.Values(s, checks.SMTPUp) {
		up = up || v.Value == 1
	}
	for _, v := range c.Values(s, checks.CertificateVerification) {
		verified = verified || v.Labels["result"] == "ok"
	}
	if up {
		p.outcome = "answers"
	}
	for _, v := range c.Values(s, checks.SMTPAuthMechanism) {
		p.login = p.login || up && verified && v.Labels["encrypted"] == "true"
	}
	return p
}

// loginServer is where to log in: at the server that was named, or at the first port of a host where a password is safe, those for mail
// programs first. nil: nowhere.
func (r *report) loginServer() *targets.Target {
	target := func(name string) *targets.Target {
		i := slices.IndexFunc(r.asked.all, func(t *targets.Target) bool { return t.Name == name })
		if i < 0 {
			return nil
		}
		return r.asked.all[i]
	}
	for _, name := range r.asked.names {
		if t := target(name); t != nil && t.Server != nil {
			return t
		}
	}
	for _, number := range []uint16{587, 465, 2525, 25} {
		for _, p := range r.ports {
			if p.number == number && p.login {
				if t := target(p.target); t != nil {
					return t
				}
			}
		}
	}
	return nil
}

// add adds what is known of one target from another run.
func (r *report) add(snapshots []*collector.Snapshot, name string) {
	for _, s := range snapshots {
		for i, known := range r.snapshots {
			if s.Target.Name == name && known.Target.Name == name {
				r.snapshots[i] = known.With(s)
			}
		}
	}
}

// judge sorts what was found and chooses the exit status.
func (r *report) judge() {
	r.status = 2
	for _, s := range r.snapshots {
		for _, c := range s.Checks {
			if c.Conclusive {
				r.status = 0
			}
		}
		if r.closedPort(s) {
			continue // The table of ports says it.
		}
		for _, c := range s.Checks {
			r.listUntold(s, c)
		}
		for _, p := range s.Problems {
			p, unexplained := s.Unexplained(p, r.snapshots)
			if !unexplained {
				continue
			}
			if p.Ignored != nil {
				r.accepted = group(r.accepted, s, s.Target.Name, p)
			} else {
				r.problems = group(r.problems, s, s.Target.Name, p)
			}
		}
	}
	if r.vantage != nil {
		for _, p := range r.vantage.Problems {
			r.own = group(r.own, r.vantage, "", p)
		}
	}
	for _, list := range [][]found{r.problems, r.accepted, r.own} {
		slices.SortStableFunc(list, func(a, b found) int { return cmp.Compare(gravity(a.severity), gravity(b.severity)) })
	}
	if r.status == 0 && len(r.problems) > 0 && gravity(r.problems[0].severity) <= gravity(r.failOn) {
		r.status = 1
	}
}

// closedPort reports whether a server is a port that nobody said should be open, and that is not.
func (r *report) closedPort(s *collector.Snapshot) bool {
	host := r.asked.hosts[s.Target.Name]
	if host == "" || s.Heard() {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true // Addresses that only send are many.
	}
	first := true // Where nothing answers, that is the host's problem, once.
	for _, p := range r.ports {
		switch {
		case p.host != host:
		case p.outcome == "answers" || p.outcome == "refuses":
			return true
		case p.target == s.Target.Name:
			return !first
		default:
			first = false
		}
	}
	return false
}

// group adds a problem to those of its id and severity.
func group(list []found, s *collector.Snapshot, target string, p collector.Problem) []found {
	where := place{target: target, values: s.ValuesOf(p)}
	for _, e := range p.Evidence {
		if !slices.Contains(where.evidence, e) {
			where.evidence = append(where.evidence, e)
		}
	}
	if p.Ignored != nil {
		where.reason = p.Ignored.Reason
	}
	for i := range list {
		if list[i].problem.ID == p.ID && list[i].severity == p.Severity {
			list[i].where = append(list[i].where, where)
			return list
		}
	}
	problem, _ := catalog.ProblemByID(p.ID)
	return append(list, found{problem, p.Severity, []place{where}})
}

func gravity(s catalog.Severity) int {
	return slices.Index([]catalog.Severity{catalog.SeverityCritical, catalog.SeverityWarning, catalog.SeverityInfo}, s)
}

// listUntold lists what a check could not tell.
func (r *report) listUntold(s *collector.Snapshot, c collector.CheckState) {
	switch {
	case c.Err != nil:
		r.untold = append(r.untold, untold{s.Target.Name, c.Check.Name, "", checks.ReasonOf(c.Err)})
	case c.LastRun.IsZero() && len(c.Parts) == 0 && r.overran:
		r.untold = append(r.untold, untold{target: s.Target.Name, check: c.Check.Name})
	}
	for _, p := range c.Parts {
		if p.Unknown != nil && c.Err == nil {
			r.untold = append(r.untold, untold{s.Target.Name, c.Check.Name, p.Key, checks.ReasonOf(p.Unknown)})
		}
	}
}

// verdictOf is what a check says of a target: whether it could tell something, how much it looked at, and its gravest problem.
func verdictOf(s *collector.Snapshot, check string) (c collector.CheckState, told, unknown int, worst catalog.Severity) {
	for _, known := range s.Checks {
		if known.Check.Name != check {
			continue
		}
		c = known
		for _, p := range known.Parts {
			switch {
			case p.Unknown != nil:
				unknown++
			case askedAbout(p):
				told++
			}
		}
	}
	for _, p := range s.Problems {
		if p.Check == check && p.Ignored == nil && (worst == "" || gravity(p.Severity) < gravity(worst)) {
			worst = p.Severity
		}
	}
	return c, told, unknown, worst
}

// nothingAsked reports whether a check found nothing to ask, as dkim without selectors.
func nothingAsked(c collector.CheckState) bool {
	return c.Check == (*checks.Check)(nil) || c.Err == nil && !slices.ContainsFunc(c.Parts, askedAbout)
}

// askedAbout reports whether anything was asked about a thing, now or earlier; what does not apply is left out without a reason.
func askedAbout(p *collector.PartState) bool {
	return !p.LeftOut || p.Unknown != nil || !p.Reached.IsZero()
}
