package collector

import (
	"slices"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// What several checks found is judged here, on what is known of a target by all of them, so that it does not matter which of them ran
// when.

// recordChecks judge records below a domain's name. Of a domain that does not exist there is nothing to judge.
var recordChecks = []string{"spf", "dkim", "dmarc", "mta_sts", "tls_rpt", "bimi", "bulk"}

// withoutRecords forgets what is known of the records of a domain that does not exist: that they are missing is no fault of their own, and
// that nothing is wrong with them no good news.
func withoutRecords(known []CheckState) {
	if !noDomain(known) {
		return
	}
	for i, c := range known {
		if slices.Contains(recordChecks, c.Check.Name) {
			known[i] = CheckState{Check: c.Check, Every: c.Every}
		}
	}
}

// noDomain reports whether a domain is known not to exist.
func noDomain(known []CheckState) bool {
	says := func(f checks.Finding) bool { return f.Problem == "mx_no_domain" }
	return slices.ContainsFunc(known, func(c CheckState) bool {
		return c.Check.Name == "mx" && slices.ContainsFunc(c.Parts, func(p *PartState) bool { return slices.ContainsFunc(p.Findings, says) })
	})
}

// askRecords has the records of a domain asked for that has come into being. Their own turn may be a day away.
func (c *Collector) askRecords(st *state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, check := range recordChecks {
		c.scheduler.again(time.Now(), check, len(c.states), st)
	}
}

// judgeTogether raises spf_missing to critical where no DKIM key can be used either: nothing that the domain sends can be authenticated then.
// What the operator's rules make of a critical problem stands.
func (b *builder) judgeTogether(s *Snapshot) {
	if s.Target.Domain == nil || !noUsableKey(s) {
		return
	}
	i := slices.IndexFunc(s.Problems, func(p Problem) bool { return p.ID == "spf_missing" && p.Check == "spf" })
	if i < 0 {
		return
	}
	if severity := b.cfg.SeverityOf("spf_missing", catalog.SeverityCritical); rank(severity) < rank(s.Problems[i].Severity) {
		s.Problems[i].Severity = severity
	}
}

// noUsableKey reports whether a domain's selectors are known and none has a key that can be used. Without a selector nothing is known of
// its keys.
func noUsableKey(s *Snapshot) bool {
	i := slices.IndexFunc(s.Checks, func(c CheckState) bool { return c.Check.Name == "dkim" })
	if i < 0 || len(s.Target.Domain.DKIMSelectors) == 0 {
		return false
	}
	for _, selector := range s.Target.Domain.DKIMSelectors {
		unusable := func(p *PartState) bool {
			return p.Key == selector && !p.Reached.IsZero() &&
				slices.ContainsFunc(p.Findings, func(f checks.Finding) bool { return checks.DKIMUnusable(f.Problem) })
		}
		if !slices.ContainsFunc(s.Checks[i].Parts, unusable) {
			return false
		}
	}
	return true
}

// Unexplained returns the problem without the findings whose cause is a problem of its own beside it, on the same target or on one of
// others; false if that is all of it. A problem that is accepted, or for information only, explains nothing.
func (s *Snapshot) Unexplained(p Problem, others []*Snapshot) (Problem, bool) {
	if p.ID != "bulk_not_met" {
		return p, true
	}
	left := p
	left.Evidence, left.Values = nil, nil
	for i, v := range p.Values {
		if !s.explains(v[catalog.ValueRequirement], others) {
			left.Evidence, left.Values = append(left.Evidence, p.Evidence[i]), append(left.Values, v)
		}
	}
	return left, len(left.Values) > 0 || len(p.Values) == 0
}

// explains reports whether a problem says why a domain does not meet a requirement.
func (s *Snapshot) explains(requirement string, others []*Snapshot) bool {
	switch requirement {
	case "spf", "dkim", "dmarc":
		return s.hasFault(func(p Problem) bool { return p.Check == requirement })
	case "sender_domain":
		return s.hasFault(func(p Problem) bool { return p.ID == "mx_no_domain" })
	case "ptr":
		return s.Target.Domain != nil && slices.ContainsFunc(others, func(o *Snapshot) bool {
			return o.Target.Kind == targets.KindSender && slices.Contains(s.Target.Domain.Senders, o.Target.Name) &&
				o.hasFault(func(p Problem) bool { return p.Check == "rdns" })
		})
	}
	return false
}

// hasFault reports whether such a problem stands, is not accepted and is more than information.
func (s *Snapshot) hasFault(is func(Problem) bool) bool {
	return slices.ContainsFunc(s.Problems, func(p Problem) bool {
		return is(p) && p.Ignored == nil && rank(p.Severity) <= rank(catalog.SeverityWarning)
	})
}
