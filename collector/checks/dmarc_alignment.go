package checks

import (
	"context"
	"errors"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
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
	keyType, unknownKeys := usableKey(ctx, r)
	if keyType != "" {
		return
	}
	evidence, unknown := unaligned(r, found, unknownKeys, r.evaluateSenders(ctx, r.Target.Name))
	switch {
	case unknown != nil:
		p.Unknown = unknown
	case evidence.EN != "":
		p.Find("dmarc_alignment", "", evidence)
	}
}

// unaligned says why nothing aligns, of a domain with selectors and senders where no key was found that can be used; "" if a sender
// passes, or has no address that shows whether it does.
func unaligned(r *Round, found *dmarcStep, unknownKeys error, senders sendersSPF) (evidence catalog.Text, unknown error) {
	passes, told, unknownSenders := senders.passes()
	unknown = errors.Join(unknownKeys, unknownSenders)
	switch {
	case passes || !told && unknown == nil:
		return evidence, nil
	case unknown != nil:
		return evidence, unknown
	}
	d := r.Target.Domain
	evidence = say("no key of the selectors %s can be used, and none of the senders %s passes SPF for %s",
		strings.Join(d.DKIMSelectors, ", "), strings.Join(d.Senders, ", "), r.Target.Name)
	if !found.record.StrictSPF {
		evidence = say("%s; only a name below it in the envelope could", evidence)
	}
	return evidence, nil
}

// usableKey returns the type of a key of a configured selector that receivers can verify signatures with, of an RSA key if there is
// one; "" if there is none. Then, or where it is no RSA key, the error says why that cannot be told of others. One RSA key is enough,
// and mostly the first is good, so that they are asked for one after the other; check dkim asks for all.
func usableKey(ctx context.Context, r *Round) (keyType string, unknown error) {
	for _, selector := range r.Target.Domain.DKIMSelectors {
		answer, err := r.Env.DNS.TXT(ctx, selectorName(r, selector))
		if err == nil {
			var p Part // What is wrong with the key is for the check dkim to say.
			switch judgeSelector(ctx, r, &p, selector, answer) {
			case record.KeyRSA:
				return record.KeyRSA, nil
			case record.KeyEd25519:
				keyType = record.KeyEd25519
			}
			err = p.Unknown
		}
		unknown = errors.Join(unknown, err)
	}
	return keyType, unknown
}
