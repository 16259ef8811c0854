package checks

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

var (
	dnsblListed = &Metric{
		Name: "dnsbl_listed", Labels: []string{"subject", "list"},
		Help: "1 if the blocklist lists the address or name, 0 if not; absent when that is not known. As of the last run.",
	}
	dnsblListing = &Metric{
		Name: "dnsbl_listing", Labels: []string{"subject", "list", "code", "meaning", "severity"},
		Help: "1 for each answer of a blocklist that is a listing, or that the catalogue does not know (code other). As of the last run.",
	}
)

const dnsblName = "dnsbl"

// dnsblCheck asks every blocklist about the addresses of a sender, the public ones of a server, and the names of a target.
//
// A list answers with an address, and the address is a code (see package catalog). No such name is "not listed"; what
// could not be asked is unknown, and so is every answer of a list that Lists does not believe. Each pair of
// subject and list is a part of its own, so that one sick list takes nothing from the others.
var dnsblCheck = &Check{
	Name:     dnsblName,
	Help:     "Which blocklists list the addresses and names, and whether each list can be believed.",
	Ref:      "RFC 5782, RFC 6471",
	Metrics:  []*Metric{dnsblListed, dnsblListing},
	Problems: []string{"dnsbl_listed", "dnsbl_unknown_code"},
	Run:      runDNSBL,
}

// A subject is what a list is asked about.
type subject struct{ name, kind string }

func runDNSBL(ctx context.Context, r *Round) error {
	subjects, err := r.subjects(ctx)
	if err != nil {
		return fmt.Errorf("look up what to ask blocklists about: %w", err)
	}
	type pair struct {
		list    *list
		subject string
		part    *Part
	}
	var pairs []pair
	for _, s := range subjects {
		for _, l := range r.Env.Lists.lists {
			if slices.Contains(l.Kinds, s.kind) {
				pairs = append(pairs, pair{l, s.name, r.Part(s.name+" "+l.ID, HoldRecords)})
			}
		}
	}
	var names []string
	var namesErr error
	sideBySide(len(pairs)+1, func(i int) {
		if i == len(pairs) {
			names, namesErr = r.namesToAsk(ctx)
			return
		}
		r.askList(ctx, pairs[i].list, pairs[i].subject, pairs[i].part)
	})
	if namesErr != nil {
		r.Result.KeepOthers = true
	}
	named := r.subjectsOf(names)
	sideBySide(len(named), func(i int) { r.askAboutName(ctx, named[i]) })
	return nil
}

// subjects are the addresses that lists may be asked about. A provider's server is nobody's here to mend.
func (r *Round) subjects(ctx context.Context) ([]subject, error) {
	if r.Target.Foreign || r.Target.Kind == targets.KindDomain {
		return nil, nil
	}
	known := r.PublicAddresses(ctx)
	if err := known.Err(); err != nil {
		if len(known.All()) == 0 {
			return nil, err
		}
		r.Result.KeepOthers = true
	}
	var out []subject
	for _, a := range known.All() {
		a = a.Unmap().WithZone("")
		s := subject{a.String(), "ipv6"}
		if a.Is4() {
			s.kind = "ipv4"
		}
		if r.Env.Config.Askable(a) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out, nil
}

// askList asks one list about one subject.
func (r *Round) askList(ctx context.Context, l *list, subject string, p *Part) {
	if err := l.believable(ctx); err != nil {
		r.notBelieved(l, p, err)
		return
	}
	if reached, held := r.Last(p.Key); held && r.Time.Sub(reached)+r.Every/10 < l.Interval {
		// It is asked less often than the check runs: in the first round at its time, give or take what rounds are late.
		p.LeftOut = true
		return
	}
	if !l.budget.Allow() {
		r.notBelieved(l, p, errListBudget)
		return
	}
	a := l.ask(ctx, l.memory(), l.name(subject))
	l.count(a.outcome())
	switch {
	case a.hijacked != nil, a.refused != nil:
		l.doubt(ctx)
		r.notBelieved(l, p, firstOf(a.hijacked, a.refused))
		return
	case a.err != nil:
		// Whether it is the list, the resolver or one lost packet, the test shows.
		_ = l.believableSince(ctx, r.Time)
		r.notBelieved(l, p, a.err)
		return
	case a.positive():
		if err := l.believableSince(ctx, r.Time); err != nil {
			r.notBelieved(l, p, err)
			return
		}
	}
	if len(a.listings) > 0 {
		a.text = l.askText(ctx, subject)
	}
	r.tellListing(l, subject, a, p)
}

// maxListText is how much of a list's own words about a listing is told, in bytes.
const maxListText = 200

// askText asks the list what it says about a subject that it lists (RFC 5782 section 2.1), within its budget; "" if it says nothing, or that
// could not be told. What it said is remembered as its answers are.
func (l *list) askText(ctx context.Context, subject string) string {
	if !l.budget.Allow() {
		return ""
	}
	a, err := l.memory().TXT(ctx, l.name(subject))
	l.count(askedText)
	if err != nil || len(a.Records) == 0 {
		return ""
	}
	text := strings.Join(a.Records[:min(len(a.Records), 3)], " ")
	if key := l.Key.Value(); key != "" {
		text = strings.ReplaceAll(text, key, "{key}")
	}
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "?")
	if len(text) > maxListText {
		text = strings.ToValidUTF8(text[:maxListText], "") + "..."
	}
	return text
}

// notBelieved makes a part unknown. A verdict since the last good test of the list may already have been a
// sick list's, and is not held.
func (r *Round) notBelieved(l *list, p *Part, why error) {
	p.Unknown = why
	reached, held := r.Last(p.Key)
	p.Withdraw = held && reached.After(l.lastGood())
}

// tellListing emits what a list that is believed says.
func (r *Round) tellListing(l *list, subject string, a reply, p *Part) {
	for _, code := range a.listings {
		line := say("%s is on %s: %s (%s)", subject, l.ID, code.Meaning, code.answer)
		f := Finding{Problem: "dnsbl_listed", Evidence: line, Values: r.listingValues(l, subject, code.answer, a.text)}
		f.Severity, f.Receiving = listingSeverity(code.Code)
		p.Emit(dnsblListing, 1, subject, l.ID, code.answer, code.Meaning, string(r.toldSeverity(f.On(r.Target))))
		p.Findings = append(p.Findings, f)
		p.Evidence = append(p.Evidence, line.EN)
	}
	if a.text != "" {
		p.Evidence = append(p.Evidence, l.ID+" says "+quoteRecord(a.text))
	}
	if len(a.unknown) > 0 {
		p.Emit(dnsblListing, 1, subject, l.ID, "other", "unknown", string(catalog.SeverityInfo))
		line := say("%s asked about %s answers %v", l.ID, subject, a.unknown)
		p.Find("dnsbl_unknown_code", "", line, r.listingValues(l, subject, a.unknown[0].String(), ""))
		p.Evidence = append(p.Evidence, line.EN)
	}
	for _, code := range a.good {
		p.Evidence = append(p.Evidence, fmt.Sprintf("%s has a good word for %s: %s (%s)", l.ID, subject, code.Meaning, code.answer))
	}
	if len(a.listings) > 0 || len(a.unknown) == 0 {
		p.EmitBool(dnsblListed, len(a.listings) > 0, subject, l.ID)
	}
}

// listingValues are what remedies name of a list's answer.
func (r *Round) listingValues(l *list, subject, answer, text string) catalog.Values {
	v := catalog.Values{
		catalog.ValueSubject: subject, catalog.ValueList: l.ID, catalog.ValueListName: l.Name(), catalog.ValueListPage: l.PageOf(subject),
		catalog.ValueListCode: answer, catalog.ValueListText: text,
	}
	if t := r.Target; t.Server != nil && !t.Sends() {
		v[catalog.ValueReceiving] = t.Name
	}
	return v
}

// listingSeverity is how grave a listing is: fully so for what sends mail and for a mail domain. That a
// machine which only receives or takes submissions is on a policy list is as it should be.
func listingSeverity(c catalog.Code) (sending, receiving catalog.Severity) {
	return orSeverity(c.Severity, catalog.SeverityWarning), orSeverity(c.NonMTA, catalog.SeverityInfo)
}

// toldSeverity is a listing's after the operator's rules, so that alerts about one list are as grave as he wants them. A
// listing that is off is no problem; it still says how grave it would be.
func (r *Round) toldSeverity(s catalog.Severity) catalog.Severity {
	if rule := r.Env.Config.SeverityOf("dnsbl_listed", s); rule != catalog.SeverityOff {
		return rule
	}
	return s
}

func orSeverity(s, otherwise catalog.Severity) catalog.Severity {
	if s == "" {
		return otherwise
	}
	return s
}

// A reply is what a list said to one question.
type reply struct {
	listings []meant
	good     []meant
	unknown  []netip.Addr // Codes that the catalogue does not know.
	text     string       // What the list says of a listing in words; "": nothing.

	hijacked error // An answer that no list gives.
	refused  error // An answer by which the list says that it does not serve us.
	err      error // There was no answer.
}

// A meant is an answer with its meaning.
type meant struct {
	answer string
	catalog.Code
}

// positive reports whether the name is there, whatever that means.
func (a *reply) positive() bool { return len(a.listings)+len(a.good)+len(a.unknown) > 0 }

// outcome is the word of dnsbl_queries_total.
func (a *reply) outcome() string {
	switch {
	case a.err != nil:
		return askedError
	case a.hijacked != nil:
		return askedHijacked
	case a.refused != nil:
		return askedBlocked
	case len(a.listings) > 0:
		return askedListed
	case len(a.unknown) > 0:
		return askedUnknownCode
	}
	return askedNotListed
}

// ask asks the list for a name. Lists of every kind are asked for A records.
func (l *list) ask(ctx context.Context, dns *dnsclient.Client, name string) reply {
	a, err := dns.Addresses(ctx, 4, name)
	if err != nil {
		return reply{err: err}
	}
	return judge(l.Blocklist, a.Records)
}

var (
	answerRange  = netip.MustParsePrefix("127.0.0.0/8")
	refusedRange = netip.MustParsePrefix("127.255.255.0/24")
)

// judge says what a list's answer means, all records of it: several stand for several sublists (RFC 5782 section 2.3).
func judge(b *catalog.Blocklist, records []netip.Addr) (out reply) {
	for _, a := range records {
		answer := a.String()
		code, listed := b.Codes[answer]
		good, praised := b.Good[answer]
		switch {
		case !answerRange.Contains(a):
			out.hijacked = worded{Text: say("it answers %s, which is not in %v", answer, answerRange)}
		case refusedRange.Contains(a), slices.Contains(b.Refusals, answer):
			out.refused = worded{Text: say("it answers %s, by which it refuses to serve us", answer)}
		case listed:
			out.listings = append(out.listings, meant{answer, code})
		case praised:
			out.good = append(out.good, meant{answer, good})
		case len(b.Bits) > 0:
			out.mask(b, a)
		default:
			out.unknown = append(out.unknown, a)
		}
	}
	slices.SortFunc(out.listings, func(x, y meant) int { return strings.Compare(x.answer, y.answer) })
	out.listings = slices.CompactFunc(out.listings, func(x, y meant) bool { return x.answer == y.answer })
	return out
}

// mask takes an answer apart whose last octet is a mask. A bit that is the refusal's is one, whatever stands beside it.
func (a *reply) mask(b *catalog.Blocklist, answer netip.Addr) {
	octets := answer.As4()
	mask := octets[3]
	if octets != [4]byte{127, 0, 0, mask} || mask == 0 {
		a.unknown = append(a.unknown, answer)
		return
	}
	unknown := false
	for n := range 8 {
		bit := mask & (1 << n)
		if bit == 0 {
			continue
		}
		alone := netip.AddrFrom4([4]byte{127, 0, 0, bit}).String()
		code, known := b.Bits[bit]
		switch {
		case slices.Contains(b.Refusals, alone):
			a.refused = worded{Text: say("it answers %s, by which it refuses to serve us", answer)}
		case known:
			a.listings = append(a.listings, meant{alone, code})
		default:
			unknown = true
		}
	}
	if unknown {
		a.unknown = append(a.unknown, answer)
	}
}
