package checks

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
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
)

// The check spf reads the record in which a domain says who may send in its name. Receivers look for the one TXT record that
// begins with v=spf1; with more than one, or with an error anywhere in it, they do as if the domain
// had made nothing but a mistake (permerror), and many refuse the mail.
//
// Of a domain it says what the text of the record tells by itself. Of a sender it reads the record of the name that the
// sender gives in HELO, since receivers check that as well (RFC 7208 section 2.3); most
// such names have none, which is no fault. What a record makes of an address takes look-ups and is
// not said here.
var spfCheck = &Check{
	Name:    "spf",
	Help:    "Has the domain exactly one SPF record, free of errors, that does not let everybody send?",
	Ref:     "RFC 7208",
	Metrics: []*Metric{spfRecords, spfValid},
	Problems: []string{
		"spf_missing", "spf_multiple", "spf_invalid", "spf_pass_all", "spf_neutral_all", "spf_softall", "spf_no_all", "spf_ptr",
		"spf_long", "spf_parked",
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
	if err != nil {
		return err
	}
	p := r.Part("record", HoldRecords)
	records := pickSPF(answer.Records)
	for _, text := range records {
		p.Evidence = append(p.Evidence, quoteRecord(text))
	}
	p.Emit(spfRecords, float64(len(records)))
	if len(records) == 0 {
		p.EmitBool(spfValid, false)
		problem := "spf_missing"
		if parked(r) {
			problem = "spf_parked"
		}
		p.Find(problem, "", almostSPF(domain, answer.Records))
		return nil
	}
	spf, ok := judgeSPFText(p, records, "")
	p.EmitBool(spfValid, ok)
	if ok {
		judgeSPF(p, spf, records[0], parked(r))
	}
	return nil
}

// runSPFOfSender reads the record of the sender's HELO name. If that is a configured domain, its faults are the
// domain's and told there.
func runSPFOfSender(ctx context.Context, r *Round) error {
	p := r.Part("helo", HoldRecords)
	name := r.Target.Sender.HeloName
	own := slices.ContainsFunc(r.Env.Config.Targets, func(t *targets.Target) bool {
		return t.Kind == targets.KindDomain && t.Name == name
	})
	if name == "" || own {
		p.LeftOut = true
		return nil
	}
	answer, err := r.Env.DNS.TXT(ctx, name)
	if err != nil {
		return err
	}
	records := pickSPF(answer.Records)
	for _, text := range records {
		p.Evidence = append(p.Evidence, name+" "+quoteRecord(text))
	}
	if len(records) > 0 {
		judgeSPFText(p, records, catalog.SeverityWarning)
	}
	return nil
}

// pickSPF picks the SPF records out of TXT records.
func pickSPF(texts []string) []string {
	var records []string
	for _, text := range texts {
		if record.IsSPF(text) {
			records = append(records, text)
		}
	}
	return records
}

// almostSPF says that a name has no SPF record, and shows what is probably meant as one.
func almostSPF(name string, texts []string) string {
	for _, text := range texts {
		if head := strings.ToLower(text[:min(len(text), 20)]); strings.Contains(head, "spf") {
			return fmt.Sprintf("%s has no SPF record; %s is none, because it does not begin with v=spf1 and a space", name, quoteRecord(text))
		}
	}
	return name + " has no SPF record"
}

// judgeSPFText finds what spoils records altogether (RFC 7208 section 4.5: more than one; section 4.6: an error). ok
// says that neither does.
func judgeSPFText(p *Part, records []string, severity catalog.Severity) (spf record.SPF, ok bool) {
	if len(records) > 1 {
		p.Find("spf_multiple", severity, fmt.Sprintf("%d SPF records: %s and %s", len(records), quoteRecord(records[0]), quoteRecord(records[1])))
		return spf, false
	}
	spf, err := record.ParseSPF(records[0])
	for _, m := range record.Mistakes(err) {
		p.Find("spf_invalid", severity, m.Error())
	}
	return spf, err == nil
}

// judgeSPF judges the one valid record. Directives behind the first all are never looked at (RFC 7208 section 5.1).
func judgeSPF(p *Part, spf record.SPF, text string, parked bool) {
	all, place, found := spf.All()
	reached := spf.Directives[:place]
	everybody := ""
	if found && all.Qualifier == record.Pass {
		everybody = all.String()
	}
	for _, d := range reached {
		if d.Qualifier == record.Pass && passesAny(d) {
			everybody = d.String()
			break
		}
	}
	if everybody != "" {
		p.Find("spf_pass_all", "", strconv.Quote(everybody)+" matches every address")
	}
	switch {
	case parked:
		judgeParkedSPF(p, spf, text)
	case !found && spf.Redirect == nil:
		p.Find("spf_no_all", "", quoteRecord(text))
	case found && all.Qualifier == record.Neutral:
		p.Find("spf_neutral_all", "", quoteRecord(text))
	case found && all.Qualifier == record.SoftFail:
		p.Find("spf_softall", "", quoteRecord(text))
	}
	if i := slices.IndexFunc(reached, usesPTR); i >= 0 {
		p.Find("spf_ptr", "", reached[i].String())
	} else if !found && spf.Redirect.Uses('p') {
		p.Find("spf_ptr", "", "redirect="+spf.Redirect.String())
	}
	if len(text) > longSPF {
		p.Find("spf_long", "", fmt.Sprintf("%d octets, and %d are advised", len(text), longSPF))
	}
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

// judgeParkedSPF wants a record that forbids everybody to send. Where it leads by redirect is not known here.
func judgeParkedSPF(p *Part, spf record.SPF, text string) {
	all, place, found := spf.All()
	permits := func(d record.Directive) bool { return d.Qualifier != record.Fail }
	if slices.ContainsFunc(spf.Directives[:place], permits) || found && permits(all) || !found && spf.Redirect == nil {
		p.Find("spf_parked", "", quoteRecord(text))
	}
}

// maxQuotedRecord is how much of a record is shown, in octets.
const maxQuotedRecord = 300

// quoteRecord shows a stranger's text, its beginning if it is long, in visible ASCII between quotes.
func quoteRecord(text string) string {
	if len(text) > maxQuotedRecord {
		return strconv.QuoteToASCII(text[:maxQuotedRecord]) + "..."
	}
	return strconv.QuoteToASCII(text)
}
