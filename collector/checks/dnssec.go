package checks

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
)

var dnssecSecure = &Metric{
	Name: "dnssec_secure",
	Help: "1 if the resolver could verify the domain's MX answer up to a trust anchor (DNSSEC), 0 if it is not signed or its signatures are wrong, as of the last run that could tell; absent unless the configuration says that the resolver validates.",
}

// The check dnssec tells whether answers about a domain can be verified. The owner of a signed zone signs each RRset, and his
// parent vouches for his key. A validating resolver follows that chain down from the root and says in one bit (AD) that it
// held. There are three ends: secure; insecure, where the parent proves that there is no key; and bogus, where signatures are
// promised and wrong, and such a resolver gives no answer at all.
//
// One question suffices, the one for the MX records, which mail needs in any case: DANE protects a domain only if this answer
// is secure (RFC 7672 section 2.2.1), and one that there are none is signed as well.
//
// The bit is worth what the resolver and the way to it are. Without resolver.validates_dnssec nothing is known, and nothing asked.
var dnssecCheck = &Check{
	Name:     "dnssec",
	Help:     "Can the domain's MX records be verified by DNSSEC?",
	Ref:      "RFC 9364, RFC 4035 section 4.3",
	Metrics:  []*Metric{dnssecSecure},
	Problems: []string{"dnssec_bogus", "dnssec_missing"},
	Run:      runDNSSEC,
}

func runDNSSEC(ctx context.Context, r *Round) error {
	if !r.Env.Config.Resolver.ValidatesDNSSEC {
		return nil
	}
	domain := r.Target.Name
	answer, err := r.Env.DNS.MX(ctx, domain)
	bogus := false
	if err != nil {
		bogus, err = r.whyServFail(err, func(c *dnsclient.Client) error {
			_, err := c.MX(ctx, domain)
			return err
		}, nil)
		if err != nil {
			return err
		}
	}
	if answer.Outcome == dnsclient.OutcomeNoName {
		return nil // Check mx says so. That it does not exist may be proved by others' signatures, and is no merit of its own.
	}
	p := r.Part("mx", HoldRecords)
	p.EmitBool(dnssecSecure, answer.Secure)
	asked := alsoKnown(domain, answer.Aliases)
	zone := catalog.Values{catalog.ValueRegistered: registeredDomain(domain)}
	switch {
	case bogus:
		p.Find("dnssec_bogus", "", say("the resolver answers for the MX records of %s only if it need not verify the signatures", domain), zone)
	case !answer.Secure:
		p.Find("dnssec_missing", "", say("the answer for the MX records of %s is not signed", asked), zone)
	default:
		p.Evidence = append(p.Evidence, "the answer for the MX records of "+asked.EN+" is signed and was verified")
	}
	return nil
}

// whyServFail tells what a failed lookup was about. A validating resolver says SERVFAIL to wrong signatures and to name
// servers that fail alike, so the question is asked again without validation: to wrong signatures there is an answer then
// (bogus). Where there is none, the name servers may be broken or the resolver cut off; another question that both have to
// be well for shows which. Without it, or if it fails too, nothing is known, and the error says so. In the end the question is
// asked as it was at first, lest an answer that only came late be taken for proof.
func (r *Round) whyServFail(failed error, ask, other func(*dnsclient.Client) error) (bogus bool, err error) {
	if !errors.Is(failed, dnsclient.ErrServFail) {
		return false, failed
	}
	bogus = ask(r.Env.DNS.Unchecked()) == nil
	if !bogus && (other == nil || other(r.Env.DNS.Uncached()) != nil) {
		return false, failed
	}
	switch err := ask(r.Env.DNS.Uncached()); {
	case err == nil:
		return false, fmt.Errorf("%w; the next attempt had an answer", failed)
	case !errors.Is(err, dnsclient.ErrServFail):
		return false, err
	}
	return bogus, nil
}
