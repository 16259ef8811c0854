package checks

import (
	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// The DMARC record to publish is made from what the domain publishes. It never has a stricter policy than receivers apply today:
// mail that fails DMARC now, and is delivered, must not be lost by following advice. One record fixes all that is
// wrong with it, so that the advice on one problem does not undo that on another. Only a parked domain, which sends
// nothing, gets a strict one.

// fixedDMARC returns the record to publish where a step of the walk asked. None is proposed where it would be the present one, nor
// where the name is an alias: other domains may share the record that it leads to.
func fixedDMARC(s *dmarcStep) catalog.Values {
	if s.aliases != nil {
		return nil
	}
	reports := "mailto:postmaster@" + s.name // RFC 5321 section 4.5.1: every domain with mail has this address.
	var text string
	switch len(s.texts) {
	case 0:
		text = record.DMARC{Policy: record.DispositionNone}.String()
		text = record.FixDMARC(text, reports)
	case 1:
		text = record.FixDMARC(s.texts[0], reports)
	default:
		text = record.MergeDMARC(s.texts, reports)
	}
	if len(s.texts) == 1 && text == s.texts[0] {
		return nil
	}
	return catalog.RecordValues(s.owner(), "TXT", text)
}

// parkedDMARC returns the record of a domain that sends nothing. Reports go where they went.
func parkedDMARC(s *dmarcStep) catalog.Values {
	if s.aliases != nil {
		return nil
	}
	const reject = record.DispositionReject
	d := record.DMARC{Policy: reject, Subdomains: reject, Nonexistent: reject, Aggregate: s.record.Aggregate, Failure: s.record.Failure}
	return catalog.RecordValues(s.owner(), "TXT", d.String())
}

// agreedDMARC returns a record for the domain itself that old and new receivers find first, with the milder of what the records
// that they find now ask for it. Where one kind finds none there is no policy that both apply, and none is proposed.
func agreedDMARC(domain string, found, old *dmarcStep) catalog.Values {
	if found == nil || old == nil {
		return nil
	}
	_, policy, _, ok := found.policies()
	_, oldPolicy, _, oldOK := old.policies()
	if !ok || !oldOK {
		return nil
	}
	d := record.DMARC{
		Policy:     record.MilderOf(policy, oldPolicy),
		StrictDKIM: found.record.StrictDKIM && old.record.StrictDKIM,
		StrictSPF:  found.record.StrictSPF && old.record.StrictSPF,
	}
	for _, u := range found.record.Aggregate {
		if related(u.Host, domain) { // Others were not asked whether they want reports about this name.
			d.Aggregate = append(d.Aggregate, u)
		}
	}
	return catalog.RecordValues("_dmarc."+domain, "TXT", d.String())
}
