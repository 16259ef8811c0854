package checks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/collector/spf"
)

// judgeAlignment says whether a letter of the domain can pass DMARC at all. RFC 9989 section 4.4: it passes if DKIM or SPF does,
// for the domain of From or, unless the record is strict, a relative of it.
//
// From outside nobody sees which names sign and which stand in the envelope. What can be told is of the configuration: if selectors
// and senders are named, and none of the keys can be used, and none of the addresses passes the domain's SPF record, then
// nothing that the operator knows of aligns. A name below the domain in the envelope, with an SPF record of its own, still may.
func judgeAlignment(ctx context.Context, r *Round, found *dmarcStep) {
	d := r.Target.Domain
	if parked(r) || len(d.DKIMSelectors) == 0 || len(d.Senders) == 0 {
		return
	}
	p := r.Part("alignment", HoldRecords)
	usable, unknownKeys := usableKey(ctx, r)
	if usable {
		return
	}
	passes, told, unknownSenders := senderPasses(ctx, r)
	unknown := errors.Join(unknownKeys, unknownSenders)
	switch {
	case passes || !told && unknown == nil:
	case unknown != nil:
		p.Unknown = unknown
	default:
		evidence := fmt.Sprintf("no key of the selectors %s can be used, and none of the senders %s passes SPF for %s",
			strings.Join(d.DKIMSelectors, ", "), strings.Join(d.Senders, ", "), r.Target.Name)
		if !found.record.StrictSPF {
			evidence += "; only a name below it in the envelope could"
		}
		p.Find("dmarc_alignment", "", evidence)
	}
}

// usableKey reports whether receivers can verify signatures with the key of a configured selector, or why that cannot be told. One
// key is enough, and mostly the first is good, so that they are asked for one after the other; check dkim asks for all.
func usableKey(ctx context.Context, r *Round) (usable bool, unknown error) {
	for _, selector := range r.Target.Domain.DKIMSelectors {
		answer, err := r.Env.DNS.TXT(ctx, selectorName(r, selector))
		if err == nil {
			var p Part // What is wrong with the key is for the check dkim to say.
			if judgeSelector(ctx, r, &p, selector, answer) != "" {
				return true, nil
			}
			err = p.Unknown
		}
		unknown = errors.Join(unknown, err)
	}
	return false, unknown
}

// senderPasses reports whether an address of a configured sender passes SPF for the domain, whether that was told of any, and why
// it cannot be told of others. The check spf asks the same questions, so that DNS is asked once.
func senderPasses(ctx context.Context, r *Round) (passes, told bool, unknown error) {
	scratch := *r // What is wrong with the record is for the check spf to say.
	scratch.Result = Result{}
	scratch.judgeSendersOf(ctx, r.Target.Name, true)
	for _, p := range scratch.Result.Parts {
		unknown = errors.Join(unknown, p.Unknown)
		for _, s := range p.Samples {
			told = true
			passes = passes || s.Labels[len(s.Labels)-1] == string(spf.Pass) // Label result of spfResult.
		}
	}
	return passes, told, unknown
}
