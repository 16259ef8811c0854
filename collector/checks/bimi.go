package checks

import (
	"context"

	"golang.org/x/net/publicsuffix"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// bimiValid is of the last run that could tell, and is held for 24 hours.
var bimiValid = &Metric{
	Name: "bimi_valid",
	Help: "1 if there is one valid BIMI record, 0 if it is missing, there several times or invalid, as of the last run that could tell. Logo and certificate are not fetched.",
}

// The check bimi reads the record of the default selector, by which a domain offers a logo to be shown beside its letters. A domain
// without a record of its own has that of its organisational domain. What the record points to is not fetched: the
// addresses are a stranger's, and it matters to no delivery. Without DMARC that has what fails put aside or refused,
// no logo is shown.
//
// The draft takes the organisational domain from DMARC. Here it is the one below the public suffix, in which both ways of finding it
// agree for all but a few domains.
var bimiCheck = &Check{
	Name:     "bimi",
	Help:     "Does the domain offer a logo, in a record that can be used?",
	Ref:      "draft-brand-indicators-for-message-identification",
	Metrics:  []*Metric{bimiValid},
	Problems: []string{"bimi_missing", "bimi_invalid", "bimi_dmarc"},
	Run:      runBIMI,
}

func runBIMI(ctx context.Context, r *Round) error {
	p := r.Part("record", HoldRecords)
	owner := r.Target.Name
	found, err := findBIMI(ctx, r, p, owner)
	if err != nil {
		return err
	}
	if organisation, e := publicsuffix.EffectiveTLDPlusOne(r.Target.Name); found.missing.EN != "" && e == nil && organisation != r.Target.Name {
		own := found.missing
		owner = organisation
		if found, err = findBIMI(ctx, r, p, organisation); err != nil {
			return err
		}
		if found.missing.EN != "" {
			found.missing = say("%s, %s", own, found.missing)
		}
	}
	valid := false
	switch {
	case found.missing.EN != "":
		p.Find("bimi_missing", "", found.missing)
	case found.fault.EN != "":
		p.Find("bimi_invalid", "", found.fault, catalog.Values{catalog.ValueDomain: owner})
	default:
		logo, err := record.ParseBIMI(found.text)
		if valid = err == nil; !valid {
			p.Find("bimi_invalid", "", wordsOf(err), catalog.Values{catalog.ValueDomain: owner})
		} else if !logo.Declined() {
			judgeStrictness(ctx, r)
		}
	}
	p.EmitBool(bimiValid, valid)
	return nil
}

// findBIMI looks for the record of one domain.
func findBIMI(ctx context.Context, r *Round, p *Part, domain string) (foundRecord, error) {
	name := "default._bimi." + domain
	answer, err := r.Env.DNS.TXT(ctx, name)
	if err != nil {
		return foundRecord{}, err
	}
	return findRecord(p, name, answer, formBIMI), nil
}

// judgeStrictness says whether DMARC is strict enough for a logo to be shown: quarantine or reject for every letter, and not as a test (t=y,
// or pct below 100 from before RFC 9989).
func judgeStrictness(ctx context.Context, r *Round) {
	p := r.Part("dmarc", HoldRecords)
	walk, err := walkTree(ctx, r)
	if err != nil {
		p.Unknown = err
		return
	}
	switch s := choose(walk); {
	case s == nil:
		p.Find("bimi_dmarc", "", say("%s has no DMARC record that counts", r.Target.Name))
	case !strictDMARC(walk):
		p.Find("bimi_dmarc", "", say("%s %s", s.place(), quoteRecord(s.texts[0])))
	}
}
