package checks

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/spf"
)

// A demand is something that receivers want of who sends much, as the label requirement says it.
type demand string

const (
	demandSPF    demand = "spf"           // Every sender passes SPF for the domain.
	demandDKIM   demand = "dkim"          // A key can be used by which letters are signed.
	demandDMARC  demand = "dmarc"         // There is a record, of whatever policy, and SPF or DKIM is for the domain itself.
	demandPTR    demand = "ptr"           // Every sender's address has a name that leads back to it.
	demandDomain demand = "sender_domain" // The domain exists, as a SOA query shows.
)

// demands are all of them, in the order in which they are reported.
var demands = []demand{demandSPF, demandDKIM, demandDMARC, demandPTR, demandDomain}

// bulkProviders are the receivers that publish what they demand of who sends them 5000 letters a day or more, with what of it can be
// seen from outside. What they only advise is left out, as Microsoft does reverse DNS.
var bulkProviders = []struct {
	name      string
	demands   []demand
	reference string
}{
	{"google", []demand{demandSPF, demandDKIM, demandDMARC, demandPTR}, "https://support.google.com/a/answer/81126"},
	{"yahoo", demands, "https://senders.yahooinc.com/best-practices/, https://senders.yahooinc.com/smtp-error-codes/"},
	{"microsoft", []demand{demandSPF, demandDKIM, demandDMARC}, "https://techcommunity.microsoft.com/blog/microsoftdefenderforoffice365blog/strengthening-email-ecosystem-outlook%E2%80%99s-new-requirements-for-high%E2%80%90volume-senders/4399730"},
}

// bulkRequirement is of the last run that could tell, and is held for 24 hours.
var bulkRequirement = &Metric{
	Name:   "bulk_requirement",
	Help:   "1 if the domain meets what google, yahoo or microsoft publishes for those who send much, 0 if not, as of the last run that could tell: all its senders pass spf, a dkim key can be used, there is a dmarc record and spf or dkim is aligned, all its senders have a confirmed ptr, a SOA query finds the sender_domain. Absent where the configured senders and selectors do not show it.",
	Labels: []string{"provider", "requirement"},
}

// The check bulk says of the demands that large receivers publish for those who send much whether the domain meets them. It puts
// together what the checks spf, dkim, dmarc and rdns find out, by the same questions and the same rules, so that it
// costs DNS no more than a SOA query.
//
// Seen from outside is what DNS says of the senders and selectors that the operator names. Without a sender nobody knows whether SPF
// passes, only that it cannot without a good record; without a selector nothing is known of signatures. How many
// letters there are, complaints, one-click unsubscription (RFC 8058) and TLS on the way out are never seen. A domain that sends
// nothing is not judged.
var bulkCheck = &Check{
	Name:     "bulk",
	Help:     "Does the domain meet what Google, Yahoo and Microsoft publish for those who send much, as far as it is seen from outside?",
	Ref:      "https://support.google.com/a/answer/81126, https://senders.yahooinc.com/best-practices/",
	Metrics:  []*Metric{bulkRequirement},
	Problems: []string{"bulk_not_met"},
	Run:      runBulk,
}

func runBulk(ctx context.Context, r *Round) error {
	if silent, err := sendsNothing(ctx, r); silent || err != nil {
		return err
	}
	seen := lookUpBulk(ctx, r)
	bySPF, byDKIM := seen.spf(r), seen.dkim(r)
	verdicts := map[demand]bulkVerdict{
		demandSPF:    bySPF,
		demandDKIM:   byDKIM,
		demandDMARC:  seen.dmarc(ctx, r, bySPF, byDKIM),
		demandPTR:    seen.ptr(),
		demandDomain: seen.domain(),
	}
	told := false
	for _, v := range verdicts {
		told = told || v.told
	}
	for _, d := range demands {
		// What the configuration does not show is no verdict: it must not make a run conclusive that told nothing.
		if v := verdicts[d]; told || v.unknown != nil {
			v.report(r, d)
		}
	}
	return nil
}

// sendsNothing reports whether nobody is to send for the domain: it is configured as parked, or it says so itself, by the null MX and
// an SPF record that lets nobody send, and the operator names nothing that sends.
func sendsNothing(ctx context.Context, r *Round) (bool, error) {
	if parked(r) {
		return true, nil
	}
	if d := r.Target.Domain; len(d.Senders) > 0 || len(d.DKIMSelectors) > 0 {
		return false, nil
	}
	mx, mxErr := r.Env.DNS.MX(ctx, r.Target.Name)
	if mxErr == nil && !nullMX(mx) {
		return false, nil
	}
	policy, fault, spfErr := usableSPF(ctx, r)
	_, _, final := policy.All()
	if spfErr == nil && (fault.EN != "" || !final || permitsSomebody(policy)) {
		return false, nil
	}
	err := errors.Join(mxErr, spfErr)
	return err == nil, err
}

// bulkFacts are what DNS says of the domain, its senders and its selectors, or why it could not tell.
type bulkFacts struct {
	senders sendersSPF
	reverse []reverse // Of each address, in the order of senders.questions.

	spfFault catalog.Text // As usableSPF gives it.
	spfErr   error

	keyType string // As usableKey gives it.
	keyErr  error

	walk    []*dmarcStep
	walkErr error

	zone    string // Where a zone was looked for at last.
	soa     dnsclient.Outcome
	zoneErr error
}

// lookUpBulk asks all questions side by side.
func lookUpBulk(ctx context.Context, r *Round) bulkFacts {
	var f bulkFacts
	ask := []func(){
		func() {
			f.senders = r.evaluateSenders(ctx, r.Target.Name)
			questions := f.senders.questions
			f.reverse = make([]reverse, len(questions))
			sideBySide(len(questions), func(i int) { f.reverse[i] = r.lookUpReverse(ctx, questions[i].addr) })
		},
		func() { _, f.spfFault, f.spfErr = usableSPF(ctx, r) },
		func() { f.keyType, f.keyErr = usableKey(ctx, r) },
		func() { f.walk, f.walkErr = walkTree(ctx, r) },
		func() { f.zone, f.soa, f.zoneErr = findZone(ctx, r.Env.DNS, r.Target.Name) },
	}
	sideBySide(len(ask), func(i int) { ask[i]() })
	return f
}

// usableSPF returns the domain's SPF record, or what spoils it for everybody, a lack of it too.
func usableSPF(ctx context.Context, r *Round) (policy record.SPF, fault catalog.Text, err error) {
	answer, err := r.Env.DNS.TXT(ctx, r.Target.Name)
	if err != nil {
		return policy, catalog.Text{}, err
	}
	records := pickSPF(answer.Records)
	if len(records) == 0 {
		return policy, almostSPF(r.Target.Name, answer.Records), nil
	}
	var p Part // What is wrong with it is for the check spf to say.
	policy, ok := judgeSPFText(&p, records, "")
	if !ok {
		fault = p.Findings[0].Evidence
	}
	return policy, fault, nil
}

// findZone asks for the SOA record of a domain and, if it exists without one, of what was registered above it. It returns which
// of them it asked last, and what the answer was.
func findZone(ctx context.Context, dns *dnsclient.Client, domain string) (string, dnsclient.Outcome, error) {
	answer, err := dns.SOA(ctx, domain)
	organisation, e := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil || answer.Outcome != dnsclient.OutcomeNoData || e != nil || organisation == domain {
		return domain, answer.Outcome, err
	}
	answer, err = dns.SOA(ctx, organisation)
	return organisation, answer.Outcome, err
}

// A bulkVerdict says whether a demand is met, and why.
type bulkVerdict struct {
	told, met bool // Not told: the configuration does not show it.
	evidence  catalog.Text
	values    catalog.Values // What remedies may name.
	unknown   error          // DNS could not tell; the others do not count.
}

func demandMet(why catalog.Text) bulkVerdict {
	return bulkVerdict{told: true, met: true, evidence: why}
}
func demandUnmet(why catalog.Text) bulkVerdict  { return bulkVerdict{told: true, evidence: why} }
func demandUnseen(why catalog.Text) bulkVerdict { return bulkVerdict{evidence: why} }
func demandUnknown(err error) bulkVerdict       { return bulkVerdict{unknown: err} }

// report says the verdict on a demand for all who make it.
func (v bulkVerdict) report(r *Round, d demand) {
	p := r.Part(string(d), HoldRecords)
	if v.unknown != nil {
		p.unknown(v.unknown)
		return
	}
	p.Evidence = append(p.Evidence, v.evidence.EN)
	if !v.told {
		return
	}
	var names []string
	for _, provider := range bulkProviders {
		if slices.Contains(provider.demands, d) {
			names = append(names, provider.name)
			p.EmitBool(bulkRequirement, v.met, provider.name, string(d))
			p.Evidence = append(p.Evidence, provider.name+" demands it: "+provider.reference)
		}
	}
	if !v.met {
		p.Find("bulk_not_met", "", say("%s (%s): %s", d, strings.Join(names, ", "), v.evidence),
			catalog.Values{catalog.ValueRequirement: string(d)}, v.values)
	}
}

// spf wants every address of every sender to pass. One that does not is enough to say no.
func (f bulkFacts) spf(r *Round) bulkVerdict {
	switch {
	case f.spfErr != nil:
		return demandUnknown(f.spfErr)
	case f.spfFault.EN != "":
		return demandUnmet(f.spfFault)
	}
	for i, v := range f.senders.verdicts {
		if v.unknown == nil && v.Result != spf.Pass {
			return demandUnmet(v.evidence(f.senders.questions[i]))
		}
	}
	if _, _, unknown := f.senders.passes(); unknown != nil {
		return demandUnknown(unknown)
	}
	if missing := f.unseen(); missing.EN != "" {
		return demandUnseen(missing)
	}
	return demandMet(say("every address of the senders (%d) passes SPF for %s", len(f.senders.questions), r.Target.Name))
}

// unseen says why not all addresses that the domain sends from are known; "" if they are.
func (f bulkFacts) unseen() catalog.Text {
	if len(f.senders.senders) == 0 {
		return say("no sender is configured")
	}
	for i, a := range f.senders.addresses {
		if len(a.All()) == 0 {
			return say("the sender %s has no address", f.senders.senders[i].Name)
		}
	}
	return catalog.Text{}
}

// dkim wants one key that can be used. Many of the large receivers do not verify Ed25519; whether these do is not known here.
func (f bulkFacts) dkim(r *Round) bulkVerdict {
	selectors := strings.Join(r.Target.Domain.DKIMSelectors, ", ")
	switch {
	case selectors == "":
		return demandUnseen(say("no selector is configured"))
	case f.keyType == record.KeyRSA:
		return demandMet(say("a key of the selectors %s can be used", selectors))
	case f.keyErr != nil:
		return demandUnknown(f.keyErr)
	case f.keyType != "":
		return demandUnseen(say("the selectors %s have no valid RSA key, only one for Ed25519", selectors))
	}
	return demandUnmet(say("no key of the selectors %s can be used", selectors))
}

// dmarc wants a record that receivers do not ignore, be its policy none, and that letters can pass by it: by signatures or, for all
// senders, by SPF, both for the domain itself.
func (f bulkFacts) dmarc(ctx context.Context, r *Round, bySPF, byDKIM bulkVerdict) bulkVerdict {
	if f.walkErr != nil {
		return demandUnknown(f.walkErr)
	}
	found := choose(f.walk)
	if found == nil {
		var p Part // What is wrong is for the check dmarc to say.
		if judgeIgnored(r, &p, f.walk) {
			return demandUnmet(p.Findings[0].Evidence)
		}
		return demandUnmet(missingDMARC(ctx, r, f.walk))
	}
	shown := say("%s has %s", found.place(), quoteRecord(found.texts[0]))
	if _, _, _, ok := found.policies(); !ok {
		return demandUnmet(say("%s, which receivers ignore", shown))
	}
	if bySPF.met || byDKIM.met {
		return demandMet(shown)
	}
	if byDKIM.told {
		switch evidence, err := unaligned(r, found, f.keyErr, f.senders); {
		case err != nil:
			return demandUnknown(err)
		case evidence.EN != "":
			return demandUnmet(evidence)
		}
	}
	if err := errors.Join(bySPF.unknown, byDKIM.unknown); err != nil {
		return demandUnknown(err)
	}
	return demandUnseen(say("%s; whether letters are aligned is not seen", shown))
}

// ptr wants every address of every sender to have a name that leads back to it, as the check rdns does.
func (f bulkFacts) ptr() bulkVerdict {
	unknown := f.senders.addressesErr()
	for _, v := range f.reverse {
		if v.err == nil && len(v.confirmed) == 0 {
			var p Part // The problem is the sender's, and the check rdns says it.
			v.judge(&p, v.addr.String())
			unmet := demandUnmet(p.Findings[0].Evidence)
			unmet.values = catalog.Values{catalog.ValueAddress: v.addr.String()}
			return unmet
		}
		unknown = errors.Join(unknown, v.err)
	}
	if unknown != nil {
		return demandUnknown(unknown)
	}
	if missing := f.unseen(); missing.EN != "" {
		return demandUnseen(missing)
	}
	return demandMet(say("every address of the senders (%d) has a confirmed name", len(f.reverse)))
}

// domain wants a zone to begin at the domain or, if it exists, at what was registered above it. Yahoo looks for the SOA record
// since registries and hosters answer for names that nobody has with wildcard records of other types.
func (f bulkFacts) domain() bulkVerdict {
	unmet := func(why catalog.Text) bulkVerdict {
		return bulkVerdict{told: true, evidence: why, values: catalog.Values{catalog.ValueRegistered: f.zone}}
	}
	switch {
	case f.zoneErr != nil:
		return demandUnknown(f.zoneErr)
	case f.soa == dnsclient.OutcomeFound:
		return demandMet(say("%s has a SOA record", f.zone))
	case f.soa == dnsclient.OutcomeNoName:
		return unmet(say("%s does not exist (NXDOMAIN)", f.zone))
	}
	return unmet(say("%s has no SOA record", f.zone))
}
