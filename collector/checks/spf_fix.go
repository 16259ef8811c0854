package checks

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/spf"
)

// fixedBySPF are the problems that another SPF record of the domain ends, or begins to end.
var fixedBySPF = []string{
	"spf_missing", "spf_multiple", "spf_pass_all", "spf_neutral_all", "spf_no_all", "spf_ptr", "spf_not_authorised", "spf_parked",
}

// fixSPF gives the findings of this run the record to publish, if there is one.
func (r *Round) fixSPF(ctx context.Context, records []string, senders sendersSPF) {
	var fix catalog.Values
	for _, p := range r.Result.Parts {
		for i := range p.Findings {
			f := &p.Findings[i]
			if !slices.Contains(fixedBySPF, f.Problem) {
				continue
			}
			if fix == nil {
				fix = catalog.RecordValues(r.Target.Name, "TXT", r.fixedSPF(ctx, records, senders))
			}
			f.Values = f.Values.With(fix)
		}
	}
}

// fixedSPF makes the record to publish from those that the domain has, by the least change. It is proposed only if, evaluated as a
// receiver does, it passes every address of every configured sender, stays within the limits, and passes no
// stranger; "" if there is no such record, or nothing has to be changed. Without configured senders nobody knows whom a stricter end
// of the record would hit, so that only several records are made one.
func (r *Round) fixedSPF(ctx context.Context, records []string, senders sendersSPF) string {
	if parked(r) {
		return "v=spf1 -all"
	}
	if senders.addressesErr() != nil {
		return ""
	}
	known := len(senders.questions) > 0
	text := ""
	switch {
	case len(records) > 1:
		text = record.MergeSPF(records)
	case len(records) == 1 && known:
		text = record.SoftenSPF(records[0])
	case known:
		text = record.NewSPF(nil)
	}
	var missing []netip.Addr
	for i, v := range askSPF(ctx, r.published(text), senders.questions) {
		if d, ok := v.Matched(); v.Result != spf.Pass || ok && usesPTR(d) {
			missing = append(missing, senders.questions[i].addr)
		}
	}
	if text == "" || !r.sound(ctx, record.AuthoriseSPF(text, missing), senders) {
		return ""
	}
	if text = record.AuthoriseSPF(text, missing); len(records) == 1 && text == records[0] {
		return ""
	}
	return text
}

// sound reports whether a record passes every address of every configured sender, is within the limits of RFC 7208 section 4.6.4, and
// does not pass everybody.
func (r *Round) sound(ctx context.Context, text string, senders sendersSPF) bool {
	policy, err := record.ParseSPF(text)
	if err != nil || passesEverybody(policy) != "" {
		return false
	}
	resolver := r.published(text)
	for _, v := range askSPF(ctx, resolver, senders.questions) {
		if v.unknown != nil || v.Result != spf.Pass {
			return false
		}
	}
	worst, err := spf.WorstCase(ctx, resolver, r.Target.Name)
	if err != nil || worst.Lookups > spf.MaxLookups || len(worst.Broken) > 0 || worst.Voids > spf.MaxVoids {
		return false
	}
	below, _ := passesBelow(worst.Tree)
	return below == nil
}

// A publishedSPF answers as if the domain had published a record.
type publishedSPF struct {
	spfResolver
	domain, text string
}

func (r *Round) published(text string) publishedSPF {
	return publishedSPF{spfResolver{r.Env.DNS}, r.Target.Name, text}
}

func (p publishedSPF) TXT(ctx context.Context, name string) ([]string, error) {
	if strings.EqualFold(name, p.domain) {
		return []string{p.text}, nil
	}
	return p.spfResolver.TXT(ctx, name)
}

// fixHelo gives the findings of a sender the record to publish at its HELO name, made from the one that is there: with all
// addresses that it does not pass.
func (r *Round) fixHelo(text string) {
	const problem = "spf_helo_not_authorised"
	var missing []netip.Addr
	for _, p := range r.Result.Parts {
		for _, f := range p.Findings {
			if addr, err := netip.ParseAddr(f.Values[catalog.ValueAddress]); err == nil && f.Problem == problem {
				missing = append(missing, addr)
			}
		}
	}
	if text == "" || missing == nil {
		return
	}
	fix := catalog.RecordValues(r.Target.Sender.HeloName, "TXT", record.AuthoriseSPF(text, missing))
	for _, p := range r.Result.Parts {
		for i := range p.Findings {
			if p.Findings[i].Problem == problem {
				p.Findings[i].Values = p.Findings[i].Values.With(fix)
			}
		}
	}
}
