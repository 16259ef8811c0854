package checks

import (
	"context"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/spf"
)

// judgeNullSenders says whether a domain with a null MX sends all the same, by the configuration or by its SPF record. RFC 7505 section
// 4.2: it should not, and receivers may refuse such mail (5.7.27). What the SPF record of a parked domain permits is for check spf.
func judgeNullSenders(ctx context.Context, r *Round) {
	p := r.Part("null MX", HoldRecords)
	if senders := r.Target.Domain.Senders; len(senders) > 0 {
		p.Find("mx_null_sends", "", say("its senders are %s", strings.Join(senders, ", ")),
			catalog.Values{catalog.ValueSender: strings.Join(senders, ", "), catalog.ValueFound: mxData(0, "")})
		return
	}
	if parked(r) {
		return
	}
	term, err := permits(ctx, r, r.Target.Name)
	switch {
	case err != nil:
		p.Unknown = err
	case term != "":
		p.Find("mx_null_sends", "", each(say("its SPF record lets %s send", term), clip),
			catalog.Values{catalog.ValueTerm: term, catalog.ValueFound: mxData(0, "")})
	}
}

// permits returns the first term of a domain's SPF record that lets somebody send, "" if there is none: with a null MX there are no MX
// hosts, and a term that passes everybody names nobody. An invalid record lets nobody send. What a redirect leads to is read; where
// its name depends on the sender, it is not.
func permits(ctx context.Context, r *Round, domain string) (term string, err error) {
	for range spf.MaxLookups {
		answer, err := r.Env.DNS.TXT(ctx, domain)
		if err != nil {
			return "", noName(err)
		}
		records := pickSPF(answer.Records)
		if len(records) != 1 {
			return "", nil
		}
		text, err := record.ParseSPF(records[0])
		if err != nil {
			return "", nil // It stands as a problem of check spf.
		}
		_, end, all := text.All()
		for _, d := range text.Directives[:end] {
			if noHost := d.Mechanism == record.MX && len(d.Domain) == 0; d.Qualifier == record.Pass && !noHost && !passesAny(d) {
				return d.String(), nil
			}
		}
		next, plain := text.Redirect.Plain()
		if all || next == "" || !plain {
			return "", nil
		}
		domain = next
	}
	return "", nil
}
