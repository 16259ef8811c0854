package checks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/spf"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// longSPF is how long an SPF record should be at most, so that it fits into an answer of 512 octets together with
// names and headers (RFC 7208 section 3.4).
const longSPF = 450

// The metrics of SPF records. All are of the last run that could tell, and are held for 24 hours.
var (
	spfRecords = &Metric{
		Name: "spf_records",
		Help: "How many SPF records the domain has, of which it should have 1, as of the last run that could tell.",
	}
	spfValid = &Metric{
		Name: "spf_valid",
		Help: "1 if the domain has exactly one SPF record and it is free of errors, 0 if it has none, several, or one with an error, as of the last run that could tell.",
	}
	spfLookups = &Metric{
		Name: "spf_lookups",
		Help: "How many terms of the domain's SPF record and of those it includes ask DNS when all are looked at, of which 10 are allowed; counted up to 50, as of the last run that could tell.",
	}
	spfVoidLookups = &Metric{
		Name: "spf_void_lookups",
		Help: "How many of the terms in spf_lookups, up to the tenth, name something that DNS has nothing for, of which 2 are allowed, as of the last run that could tell.",
	}
	spfResult = &Metric{
		Name:   "spf_result",
		Help:   "1 for what receivers conclude by SPF of a sender's address: for the domain in MAIL FROM with a letter from its postmaster (identity mailfrom, on the domain, or on the sender for domains that are not configured), or for the sender's HELO name (identity helo, on the sender), as of the last run that could tell.",
		Labels: []string{"sender", "address", "identity", "result"},
	}
)

// The check spf reads the record in which a domain says who may send in its name. Receivers look for the one TXT record that
// begins with v=spf1; with more than one, or with an error anywhere in it, they do as if the domain
// had made nothing but a mistake (permerror), and many refuse the mail.
//
// Of a domain it says what the text of the record tells by itself, what evaluating it costs at most, and what receivers conclude
// of each of its senders for MAIL FROM. Of a sender it evaluates the record of the name that the sender gives in HELO,
// since receivers check that as well (RFC 7208 section 2.3); most such names have none, which is no fault. Where a sender
// is for domains that are not targets themselves, it is evaluated for these too.
var spfCheck = &Check{
	Name:    "spf",
	Help:    "Has the domain exactly one SPF record, free of errors, within the limits, that lets its senders send and nobody else?",
	Ref:     "RFC 7208",
	Metrics: []*Metric{spfRecords, spfValid, spfLookups, spfVoidLookups, spfResult, recordChange},
	Problems: []string{
		"spf_missing", "spf_multiple", "spf_invalid", "spf_too_many_lookups", "spf_void_lookups", "spf_pass_all", "spf_neutral_all",
		"spf_softall", "spf_no_all", "spf_ptr", "spf_long", "spf_not_authorised", "spf_helo_not_authorised", "spf_parked",
	},
	Run: func(ctx context.Context, r *Round) error {
		if r.Target.Kind == targets.KindSender {
			return runSPFOfSender(ctx, r)
		}
		return runSPFOfDomain(ctx, r)
	},
}

func runSPFOfDomain(ctx context.Context, r *Round) error {
	domain := r.Target.Name
	answer, err := r.Env.DNS.TXT(ctx, domain)
	records := pickSPF(answer.Records)
	r.watchRecord(recordSPF, domain, records, err)
	if err != nil {
		return err
	}
	p := r.Part("record", HoldRecords)
	for _, text := range records {
		p.Evidence = append(p.Evidence, quoteRecord(text))
	}
	p.Emit(spfRecords, float64(len(records)))
	ok := false
	if len(records) == 0 {
		problem := "spf_missing"
		if parked(r) {
			problem = "spf_parked"
		}
		p.Find(problem, "", almostSPF(domain, answer.Records))
	} else {
		var valid record.SPF
		if valid, ok = judgeSPFText(p, records, ""); ok {
			judgeSPF(p, valid, records[0], parked(r))
		}
	}
	p.EmitBool(spfValid, ok)
	broken := r.walkSPF(ctx, domain, ok) || !ok
	senders := r.evaluateSenders(ctx, domain)
	r.judgeSendersOf(senders, broken)
	r.dropSoftAll(ctx)
	r.fixSPF(ctx, records, senders)
	return nil
}

// dropSoftAll takes the notice of ~all back where DMARC is enforced: what fails is treated by its policy then, and ~all is what a
// domain with DKIM should have. RFC 7489 section 10.1: with -all some receivers refuse mail before they look at its signature.
func (r *Round) dropSoftAll(ctx context.Context) {
	for _, p := range r.Result.Parts {
		isSoft := func(f Finding) bool { return f.Problem == "spf_softall" }
		if !slices.ContainsFunc(p.Findings, isSoft) {
			continue
		}
		if walk, err := walkTree(ctx, r); err == nil && strictDMARC(walk) {
			p.Findings = slices.DeleteFunc(p.Findings, isSoft)
		}
	}
}

// walkSPF says what evaluating the record of a domain costs at most, if it has a valid one. broken says that a record was
// found to end in permerror.
func (r *Round) walkSPF(ctx context.Context, domain string, valid bool) (broken bool) {
	// They are there in any case, so that what was known of an earlier record does not stay.
	lookups, voids := r.Part("lookups", HoldRecords), r.Part("voids", HoldRecords)
	if !valid {
		return false
	}
	worst, err := spf.WorstCase(ctx, spfResolver{r.Env.DNS}, domain)
	lookups.Evidence = spfTree(nil, worst.Tree, "")
	if err != nil {
		lookups.unknown(err)
		voids.unknown(err)
		return false
	}
	lookups.Emit(spfLookups, float64(worst.Lookups))
	if worst.Lookups > spf.MaxLookups {
		lookups.Find("spf_too_many_lookups", "", each(say("%d terms ask DNS, and %d are allowed%s", worst.Lookups, spf.MaxLookups, spenders(worst.Tree)), clip),
			catalog.Values{catalog.ValueIncludes: costliest(worst.Tree)})
	}
	for _, err := range worst.Broken {
		problem := "spf_invalid"
		if errors.Is(err, spf.ErrExchangers) {
			problem = "spf_too_many_lookups"
		}
		lookups.Find(problem, "", same(clip(err.Error())))
	}
	if worst.VoidsErr != nil {
		voids.unknown(worst.VoidsErr)
	} else {
		voids.Emit(spfVoidLookups, float64(worst.Voids))
	}
	if worst.Voids > 0 {
		voids.Find("spf_void_lookups", "", each(say("DNS has nothing for %s", strings.Join(worst.VoidTerms, ", ")), clip),
			catalog.Values{catalog.ValueTerm: strings.Join(worst.VoidTerms, ", ")})
	}
	broken = len(lookups.Findings) > 0
	judgeSPFBelow(lookups, worst.Tree, parked(r))
	return broken
}

// A cost is what a term of a record takes of the limit, with all that it includes.
type cost struct {
	term    string
	lookups int
}

// costs are those of the terms of a record, the greatest first. A term that stands there several times counts each time.
func costs(tree *spf.Node) (list []cost) {
	add := func(term string, lookups int) {
		if i := slices.IndexFunc(list, func(c cost) bool { return c.term == term }); i >= 0 {
			list[i].lookups += lookups
			return
		}
		list = append(list, cost{term, lookups})
	}
	for _, n := range tree.Below {
		add(n.By, n.Lookups+1)
	}
	own, _ := record.ParseSPF(tree.Text)
	for _, d := range own.Directives {
		switch d.Mechanism {
		case record.A, record.MX, record.PTR, record.Exists:
			add(d.String(), 1)
		}
	}
	slices.SortStableFunc(list, func(a, b cost) int { return cmp.Compare(b.lookups, a.lookups) })
	return list
}

// costliest names the terms that use up most of the limit, three at most.
func costliest(tree *spf.Node) string {
	var terms []string
	for _, c := range costs(tree) {
		if terms = append(terms, c.term); len(terms) == 3 {
			break
		}
	}
	return strings.Join(terms, ", ")
}

// spenders tells which terms use up the limit.
func spenders(tree *spf.Node) catalog.Text {
	var list []catalog.Text
	for _, c := range costs(tree) {
		list = append(list, say("%s takes %d", c.term, c.lookups))
	}
	if list == nil {
		return catalog.Text{}
	}
	return say(": %s", listed(list, ", "))
}

// spfTree writes the records that were read, a line each, with how much of the limits they use.
func spfTree(lines []string, n *spf.Node, indent string) []string {
	line := indent + n.Domain
	if n.By != "" {
		line = indent + n.By
	}
	line += fmt.Sprintf(": %s, %d void", counted(n.Lookups, "lookup", "lookups"), n.Voids)
	if n.Err != nil {
		line += ": " + n.Err.Error()
	}
	lines = append(lines, clip(line))
	for _, below := range n.Below {
		lines = spfTree(lines, below, indent+"  ")
	}
	return lines
}

// judgeSendersOf says what the record of the domain is worth to every address of each of its senders. broken says that a
// problem was found already by which it is permerror for everybody.
func (r *Round) judgeSendersOf(s sendersSPF, broken bool) {
	for i, t := range s.senders {
		if err := s.addresses[i].Err(); err != nil {
			r.Result.KeepOthers = true
			r.Part("addresses "+t.Name, HoldRecords).unknown(err)
		}
		r.tellMore("more addresses "+t.Name, s.addresses[i])
	}
	for i, q := range s.questions {
		p, e := r.Part("mailfrom "+q.sender.Name+" "+q.addr.String(), HoldRecords), s.verdicts[i]
		e.report(p, q)
		// Of a missing record, or a broken one, the problem is that and stands already.
		if e.Result != spf.None && (e.Result != spf.PermError || !broken) {
			e.judge(p, q, "spf_not_authorised")
		}
	}
}

// runSPFOfSender reads the record of the sender's HELO name, and evaluates it and those of domains that are not targets
// for each of the sender's addresses. The faults of a HELO name that is a configured domain are the
// domain's and told there.
func runSPFOfSender(ctx context.Context, r *Round) error {
	s := r.Target.Sender
	configured := map[string]bool{}
	for _, t := range r.Env.Config.Targets {
		if t.Kind == targets.KindDomain {
			configured[t.Name] = true
		}
	}
	helo, broken := r.readHelo(ctx, s.HeloName, configured[s.HeloName])
	var questions []spfQuestion
	addresses := r.Addresses(ctx)
	for _, addr := range addresses.All() {
		if s.HeloName != "" {
			questions = append(questions, spfQuestion{r.Target, addr, s.HeloName, "helo"})
		}
		for _, domain := range s.Domains {
			if !configured[domain] {
				questions = append(questions, spfQuestion{r.Target, addr, domain, "mailfrom"})
			}
		}
	}
	if err := addresses.Err(); err != nil && (s.HeloName != "" || len(s.Domains) > 0) {
		r.Result.KeepOthers = true
		r.Part("addresses", HoldRecords).unknown(err)
	}
	if len(questions) > 0 {
		r.tellMore("more addresses", addresses)
	}
	verdicts := askSPF(ctx, spfResolver{r.Env.DNS}, questions)
	for i, q := range questions {
		p, e := r.Part(q.identity+" "+q.addr.String(), HoldRecords), verdicts[i]
		e.report(p, q)
		switch {
		case q.identity == "mailfrom" && e.Result == spf.None:
			p.Find("spf_missing", "", same(clip(e.Err.Error())), q.values())
		case q.identity == "mailfrom":
			e.judge(p, q, "spf_not_authorised")
		case e.Result != spf.None && (e.Result != spf.PermError || !broken):
			e.judge(p, q, "spf_helo_not_authorised")
		}
	}
	r.fixHelo(helo)
	return nil
}

// readHelo reads the record of the sender's HELO name: its text, if there is one and it is told here. broken says that its faults are told, here or with the
// configured domain of that name.
func (r *Round) readHelo(ctx context.Context, name string, configured bool) (text string, broken bool) {
	p := r.Part("helo", HoldRecords)
	if name == "" || configured {
		p.LeftOut = true
		return "", configured
	}
	answer, err := r.Env.DNS.TXT(ctx, name)
	records := pickSPF(answer.Records)
	r.watchRecord(recordSPF, name, records, err)
	if err != nil {
		p.unknown(err)
		return "", false
	}
	for _, text := range records {
		p.Evidence = append(p.Evidence, name+" "+quoteRecord(text))
	}
	if len(records) > 0 {
		judgeSPFText(p, records, catalog.SeverityWarning)
		for i := range p.Findings {
			p.Findings[i].Values = p.Findings[i].Values.With(catalog.Values{catalog.ValueDomain: name})
		}
	}
	if len(records) == 1 && len(p.Findings) == 0 {
		text = records[0]
	}
	return text, len(p.Findings) > 0
}

// pickSPF picks the SPF records out of TXT records.
func pickSPF(texts []string) []string { return pick(texts, record.IsSPF) }

// pick returns the texts that are of a kind.
func pick(texts []string, is func(string) bool) []string {
	var records []string
	for _, text := range texts {
		if is(text) {
			records = append(records, text)
		}
	}
	return records
}

// almostSPF says that a name has no SPF record, and shows what is probably meant as one.
func almostSPF(name string, texts []string) catalog.Text {
	for _, text := range texts {
		if meantAs(text, "spf") {
			return say("%s has no SPF record; %s is none: %s", name, quoteRecord(text), badBeginning(text, say("%s and a space", "v=spf1")))
		}
	}
	return say("%s has no SPF record", name)
}

// meantAs reports whether the beginning of a text has a word in lower case, be it written with characters that only look like it.
func meantAs(text, word string) bool {
	return strings.Contains(strings.ToLower(record.Plain(text[:min(len(text), 40)])), word)
}

// badBeginning says what is wrong with the beginning of a text that is meant as a record.
func badBeginning(text string, want catalog.Text) catalog.Text {
	if text != strings.TrimLeft(text, " \t\r\n") {
		return say("it begins with white space instead of %s", want)
	}
	return say("it does not begin with %s", want)
}

// judgeSPFText finds what spoils records altogether (RFC 7208 section 4.5: more than one; section 4.6: an error). ok
// says that neither does.
func judgeSPFText(p *Part, records []string, severity catalog.Severity) (spf record.SPF, ok bool) {
	if len(records) > 1 {
		p.Find("spf_multiple", severity, say("%d SPF records: %s and %s", len(records), quoteRecord(records[0]), quoteRecord(records[1])))
		return spf, false
	}
	spf, err := record.ParseSPF(records[0])
	for _, m := range record.Mistakes(err) {
		p.Find("spf_invalid", severity, same(m.Error()), catalog.Values{catalog.ValueTerm: m.Term})
	}
	return spf, err == nil
}

// judgeSPF judges the one valid record. Directives behind the first all are never looked at (RFC 7208 section 5.1).
func judgeSPF(p *Part, spf record.SPF, text string, parked bool) {
	if everybody := passesEverybody(spf); everybody != "" {
		p.Find("spf_pass_all", "", say("%q matches every address", everybody), catalog.Values{catalog.ValueTerm: everybody})
	}
	judgeSPFEnd(p, spf, quoteRecord(text), parked)
	_, place, found := spf.All()
	reached := spf.Directives[:place]
	if i := slices.IndexFunc(reached, usesPTR); i >= 0 {
		p.Find("spf_ptr", "", same(reached[i].String()))
	} else if !found && spf.Redirect.Uses('p') {
		p.Find("spf_ptr", "", same("redirect="+spf.Redirect.String()))
	}
	if len(text) > longSPF {
		p.Find("spf_long", "", say("%d octets, and %d are advised", len(text), longSPF))
	}
}

// judgeSPFEnd says what a record leaves to those whom it does not name.
func judgeSPFEnd(p *Part, spf record.SPF, evidence string, parked bool) {
	all, _, found := spf.All()
	switch {
	case parked:
		if permitsSomebody(spf) || !found && spf.Redirect == nil {
			p.Find("spf_parked", "", same(evidence))
		}
	case !found && spf.Redirect == nil:
		p.Find("spf_no_all", "", same(evidence))
	case found && all.Qualifier == record.Neutral:
		p.Find("spf_neutral_all", "", same(evidence))
	case found && all.Qualifier == record.SoftFail:
		p.Find("spf_softall", "", same(evidence))
	}
}

// judgeSPFBelow judges the records that the domain's own leads to, as far as they change what it says. Where a redirect leads is read in its
// place (RFC 7208 section 6.1); an included record that passes everybody has this one do so, too (section 5.2).
func judgeSPFBelow(p *Part, tree *spf.Node, parked bool) {
	if below, term := passesBelow(tree); below != nil {
		p.Find("spf_pass_all", "", each(say("%q in the record of %s, by %s, matches every address", term, below.Domain, below.By), clip), catalog.Values{catalog.ValueTerm: below.By})
	}
	end := tree
	for n := len(end.Below); n > 0 && isRedirect(end.Below[n-1]); n = len(end.Below) {
		end = end.Below[n-1]
	}
	if last, err := record.ParseSPF(end.Text); end != tree && err == nil {
		judgeSPFEnd(p, last, end.Domain+" "+quoteRecord(end.Text), parked)
	}
}

// passesBelow returns a record below that passes every address, with the term that does, if all that leads there passes whom it
// passes; nil if there is none.
func passesBelow(n *spf.Node) (*spf.Node, string) {
	for _, below := range n.Below {
		if !isRedirect(below) && !strings.HasPrefix(below.By, string(record.Include)) {
			continue // An include with a sign makes something else of a pass.
		}
		if policy, err := record.ParseSPF(below.Text); err == nil && passesEverybody(policy) != "" {
			return below, passesEverybody(policy)
		}
		if found, term := passesBelow(below); found != nil {
			return found, term
		}
	}
	return nil, ""
}

func isRedirect(n *spf.Node) bool { return strings.HasPrefix(n.By, "redirect=") }

// passesEverybody returns the first term of a record that passes every address, "" if there is none.
func passesEverybody(spf record.SPF) string {
	all, place, found := spf.All()
	for _, d := range spf.Directives[:place] {
		if d.Qualifier == record.Pass && passesAny(d) {
			return d.String()
		}
	}
	if found && all.Qualifier == record.Pass {
		return all.String()
	}
	return ""
}

// passesAny reports whether a mechanism matches all addresses of a family by its prefix length.
func passesAny(d record.Directive) bool {
	switch d.Mechanism {
	case record.IP4, record.IP6:
		return d.Network.Bits() == 0
	case record.A, record.MX:
		return d.Bits4 == 0 || d.Bits6 == 0
	}
	return false
}

// usesPTR reports whether a directive needs the confirmed names of the sending address. RFC 7208 section 5.5: ptr
// is slow, loads the servers of in-addr.arpa and should not be published; section 7.2 says the same of the macro p.
func usesPTR(d record.Directive) bool { return d.Mechanism == record.PTR || d.Domain.Uses('p') }

// permitsSomebody reports whether a directive of the record does not forbid whom it matches to send.
func permitsSomebody(spf record.SPF) bool {
	all, place, found := spf.All()
	permits := func(d record.Directive) bool { return d.Qualifier != record.Fail }
	return slices.ContainsFunc(spf.Directives[:place], permits) || found && permits(all)
}

// maxQuotedRecord is how much of a record is shown, in octets.
const maxQuotedRecord = 300

// quoteRecord shows a stranger's text, its beginning if it is long, between quotes.
func quoteRecord(text string) string { return record.Quote(text, maxQuotedRecord) }
