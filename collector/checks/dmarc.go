package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// maxReportHosts is how many domains of others are asked whether they want a record's reports: whoever writes the record
// could have us ask thousands. Receivers need not report to more than two addresses (RFC 7489 section 6.2).
const maxReportHosts = 8

// The metrics of DMARC. Both are of the last run that could tell, and are held for 24 hours.
var (
	dmarcValid = &Metric{
		Name: "dmarc_valid",
		Help: "1 if receivers find a DMARC record for the domain, at its own name or above it, and it is free of errors, 0 if they find none, several, or one with an error, as of the last run that could tell.",
	}
	dmarcPolicy = &Metric{
		Name:   "dmarc_policy",
		Help:   "1 for what receivers are to do with letters that fail DMARC, of the domain and of names below it (none, quarantine or reject, with t=y the next milder one), and for the domain whose record says so, as of the last run that could tell.",
		Labels: []string{"policy", "subdomain_policy", "found_at"},
	}
)

// The check dmarc finds the record by which a domain says what is to be done with letters that only pretend to be from
// it. A receiver looks for it at the domain of the line From, and if there is none goes up the tree of names (RFC 9989
// section 4.10; dmarc_walk.go). Receivers of the older RFC 7489 ask at two names only, the domain itself and what was
// registered below a public suffix; where they find another record, that is told as well.
//
// A record above the domain may be that of another configured domain, which is then told of its faults, or of a registry, whose
// faults nobody here can mend.
var dmarcCheck = &Check{
	Name:    "dmarc",
	Help:    "Do receivers find a DMARC record for the domain, what does it tell them, and can letters pass and reports arrive?",
	Ref:     "RFC 9989, RFC 9990",
	Metrics: []*Metric{dmarcValid, dmarcPolicy, recordChange},
	Problems: []string{
		"dmarc_missing", "dmarc_multiple", "dmarc_invalid", "dmarc_policy_missing", "dmarc_policy_none", "dmarc_old_tags",
		"dmarc_no_reports", "dmarc_report_unauthorised", "dmarc_discovery_differs", "dmarc_alignment", "dmarc_parked",
	},
	Run: runDMARC,
}

func runDMARC(ctx context.Context, r *Round) error {
	walk, err := walkTree(ctx, r)
	for _, s := range walk {
		r.watchRecord(recordDMARC, s.owner(), s.texts, s.err)
	}
	if err != nil {
		return err
	}
	found := choose(walk)
	above := found != nil && found != walk[0]
	exists := true
	if above && found.record.Nonexistent != "" {
		if exists, err = domainExists(ctx, r); err != nil {
			return err
		}
	}
	p := r.Part("record", HoldRecords)
	for _, s := range walk {
		p.Evidence = append(p.Evidence, s.evidence()...)
	}
	valid := !judgeIgnored(r, p, walk)
	switch {
	case found != nil:
		valid = judgeDMARC(r, p, walk[0], found, above, exists) && valid
	case parked(r):
		p.Find("dmarc_parked", "", say("%s has no DMARC record that counts", r.Target.Name), parkedDMARC(walk[0]))
	case valid:
		p.Find("dmarc_missing", "", missingDMARC(ctx, r, walk), fixedDMARC(walk[0]))
	}
	p.EmitBool(dmarcValid, found != nil && valid)

	if len(walk[0].texts) == 0 {
		judgeDiscovery(ctx, r, walk, found)
	}
	if found != nil && ours(r, found) {
		judgeReports(ctx, r, found)
	}
	if found != nil {
		judgeAlignment(ctx, r, found)
	}
	return nil
}

// domainExists reports whether the domain exists, for np. As in RFC 8020, a name does not if the answer to any question for it is
// NXDOMAIN.
func domainExists(ctx context.Context, r *Round) (bool, error) {
	answer, err := r.Env.DNS.TXT(ctx, r.Target.Name)
	return answer.Outcome != dnsclient.OutcomeNoName, err
}

// ours reports whether the faults of a record are to be told of this domain: it is the domain's own, or one above that belongs to
// no registry and to no configured domain.
func ours(r *Round, s *dmarcStep) bool {
	if s.name == r.Target.Name {
		return true
	}
	suffix, _ := publicsuffix.PublicSuffix(r.Target.Name)
	if s.record.PSD == record.PSDYes || len(s.name) <= len(suffix) {
		return false
	}
	return !slices.ContainsFunc(r.Env.Config.Targets, func(t *targets.Target) bool {
		_, asked := t.Every["dmarc"]
		return asked && t.Name == s.name
	})
}

// judgeIgnored finds records that receivers pass over: several at one name, and at the domain's own name what is meant as
// one. It returns whether there are any.
func judgeIgnored(r *Round, p *Part, walk []*dmarcStep) bool {
	ignored := false
	for _, s := range walk {
		if n := len(s.texts); n > 1 && ours(r, s) {
			p.Find("dmarc_multiple", "", say("%s has %d DMARC records: %s and %s", s.place(), n, quoteRecord(s.texts[0]), quoteRecord(s.texts[1])), fixedDMARC(s))
			ignored = true
		}
	}
	if len(walk[0].texts) > 0 {
		return ignored
	}
	for _, text := range walk[0].others {
		if !meantAs(text, "dmarc") {
			continue
		}
		p.Find("dmarc_invalid", "", say("%s %s is no DMARC record: %s", walk[0].place(), quoteRecord(text), badBeginning(text, say("%s and a semicolon", "v=DMARC1"))))
		return true
	}
	return ignored
}

// missingDMARC says that receivers find no record, and shows one that was put at the domain instead of below _dmarc.
func missingDMARC(ctx context.Context, r *Round, walk []*dmarcStep) catalog.Text {
	evidence := say("neither %s nor a name above it has a DMARC record", walk[0].place())
	answer, err := r.Env.DNS.TXT(ctx, r.Target.Name)
	if err != nil {
		return evidence // That it is missing is known all the same.
	}
	if i := slices.IndexFunc(answer.Records, record.IsDMARC); i >= 0 {
		evidence = say("%s; %s itself has %s, where nobody looks for it", evidence, r.Target.Name, quoteRecord(answer.Records[i]))
	}
	return evidence
}

// judgeDMARC judges the record that receivers find; at is the step of the domain itself. above says that it stands above the domain, exists whether the domain
// exists. It returns whether the record is free of errors.
func judgeDMARC(r *Round, p *Part, at, found *dmarcStep, above, exists bool) bool {
	if ours(r, found) {
		judgeTags(r, p, found)
	}
	own, sub, nonexistent, ok := found.policies()
	if !ok {
		if parked(r) {
			p.Find("dmarc_parked", "", say("receivers ignore %s", quoteRecord(found.texts[0])), parkedDMARC(at))
		}
		return false
	}
	policy := own
	switch {
	case above && !exists:
		policy = nonexistent
	case above:
		policy = sub
	}
	p.Emit(dmarcPolicy, 1, string(policy), string(sub), found.name)
	evidence := say("the policy is %s, and %s for names below; %s says %s", policy, sub, found.place(), quoteRecord(found.texts[0]))
	const reject = record.DispositionReject
	switch {
	case parked(r) && (policy != reject || sub != reject || nonexistent != reject):
		p.Find("dmarc_parked", "", evidence, parkedDMARC(at))
	case !parked(r) && policy == record.DispositionNone:
		p.Find("dmarc_policy_none", "", evidence)
	}
	return len(found.mistakes) == 0
}

// judgeTags tells the faults of a record that do not depend on whom it is applied to.
func judgeTags(r *Round, p *Part, found *dmarcStep) {
	fix := fixedDMARC(found)
	for _, m := range found.mistakes {
		mistake := say("%s: %s", each(found.place(), func(s string) string { return strings.TrimSuffix(s, ",") }), m)
		if m.Tag == "p" && !errors.Is(m, record.ErrDuplicate) {
			p.Find("dmarc_policy_missing", "", mistake, fix)
		} else {
			p.Find("dmarc_invalid", "", mistake, fix)
		}
	}
	d := found.record
	if len(d.Old) > 0 {
		p.Find("dmarc_old_tags", "", say("%s has %s", found.place(), quoteRecord(d.Old.String())), fix)
	}
	if !slices.ContainsFunc(d.Aggregate, record.ReportURI.Mail) && !found.mistakes.Has("rua") && !parked(r) {
		evidence := say("%s has %s", found.place(), quoteRecord(found.texts[0]))
		if len(d.Aggregate) > 0 {
			evidence = say("%s: reports are sent to mailto addresses only", evidence)
		}
		p.Find("dmarc_no_reports", "", evidence, fix)
	}
}

// judgeDiscovery compares what receivers of RFC 9989 find with what those of RFC 7489 find, who look up the domain of the
// organisation in a list of public suffixes (section 3.2) and ask there if the domain itself has no record
// (section 6.6.3).
func judgeDiscovery(ctx context.Context, r *Round, walk []*dmarcStep, found *dmarcStep) {
	p := r.Part("discovery", HoldRecords)
	before, now := say("none"), say("none")
	var old *dmarcStep
	if found != nil {
		now = same(found.owner())
	}
	if organisation, err := publicsuffix.EffectiveTLDPlusOne(r.Target.Name); err == nil && organisation != r.Target.Name {
		var step *dmarcStep
		if i := slices.IndexFunc(walk, func(s *dmarcStep) bool { return s.name == organisation }); i >= 0 {
			step = walk[i]
		} else if step = askDMARC(ctx, r, organisation); step.err != nil {
			p.Unknown = step.err
			return
		}
		if len(step.texts) == 1 {
			before, old = same(step.owner()), step
		}
	}
	evidence := say("the record that counts: %s by RFC 9989, %s by RFC 7489", now, before)
	p.Evidence = append(p.Evidence, evidence.EN)
	if before != now {
		p.Find("dmarc_discovery_differs", "", evidence, agreedDMARC(r.Target.Name, found, old))
	}
}

// judgeReports asks each domain of others that a record has reports sent to whether it wants them. RFC 9990, as RFC 7489
// section 7.1: it says so by a record at POLICYDOMAIN._report._dmarc.HOST, and without it receivers send nothing there,
// since a record could have them flood anybody.
func judgeReports(ctx context.Context, r *Round, found *dmarcStep) {
	var hosts []string
	for _, u := range slices.Concat(found.record.Aggregate, found.record.Failure) {
		if u.Host != "" && !related(u.Host, found.name) && !slices.Contains(hosts, u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	if n := len(hosts); n > maxReportHosts {
		p := r.Part("record", HoldRecords)
		p.Evidence = append(p.Evidence, fmt.Sprintf("reports go to %d domains of others, of which %d were asked whether they want them", n, maxReportHosts))
		hosts = hosts[:maxReportHosts]
	}
	answers := make([]dnsclient.Answer[string], len(hosts))
	errs := make([]error, len(hosts))
	name := func(i int) string { return found.name + "._report._dmarc." + hosts[i] }
	sideBySide(len(hosts), func(i int) { answers[i], errs[i] = askTexts(ctx, r, name(i)) })
	for i, host := range hosts {
		p := r.Part("report "+host, HoldRecords)
		for _, text := range answers[i].Records {
			p.Evidence = append(p.Evidence, alsoKnown(name(i), answers[i].Aliases).EN+" "+quoteRecord(text))
		}
		switch {
		case errs[i] != nil:
			p.Unknown = errs[i]
		case !slices.ContainsFunc(answers[i].Records, record.IsDMARC):
			p.Find("dmarc_report_unauthorised", "", say("%s, and has no DMARC record at %s", reportsTo(found, host), name(i)),
				catalog.Values{catalog.ValueHost: host}, catalog.RecordValues(name(i), "TXT", "v=DMARC1"))
		}
	}
}

// reportsTo says which address of a record is meant by a host.
func reportsTo(found *dmarcStep, host string) catalog.Text {
	for _, u := range slices.Concat(found.record.Aggregate, found.record.Failure) {
		if u.Host == host {
			return say("%s is to get reports at %s", host, quoteRecord(u.URI))
		}
	}
	return say("%s is to get reports", host)
}

// related reports whether two names belong to one organisation, so that reports go from one to the other without leave. RFC 9990
// finds that out by a walk for each, RFC 7489 by the list of public suffixes: we take the list and
// whatever stands above or below the other, where receivers may disagree.
func related(a, b string) bool {
	if a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a) {
		return true
	}
	organisation, err := publicsuffix.EffectiveTLDPlusOne(a)
	other, otherErr := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && otherErr == nil && organisation == other
}
