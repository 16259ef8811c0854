package checks

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

var daneMatch = &Metric{
	Name:   "dane_match",
	Help:   "1 if one of the server's usable TLSA records matches the certificate that the address shows, 0 if none does or it does no TLS, as of the last run that could tell; absent without usable records, and unless the configuration says that the resolver validates.",
	Labels: []string{"address"},
}

// The check dane compares the certificate that a server shows with what its owner has promised in DNS. Mail is encrypted where it can be,
// and an attacker on the way can see to it that it cannot. The owner of a signed zone can forbid that: a TLSA record at
// _25._tcp.HOST says that there is TLS, and by which certificate or key the server is told. A sender that uses DANE
// delivers to no other. The owner's own mistakes therefore stop his mail, silently, for senders keep it and try again.
//
// What holds is decided in the order in which senders ask (RFC 7672 section 2.2): first for the addresses of the server. If
// these are not signed, neither are its TLSA records, and nobody asks for them; servers of such zones often fail
// if one does. Then for the TLSA records; if that fails on a signed zone, it may be an attack, and mail is held. Then
// each address of the server must show a certificate that one record matches.
//
// Whether a domain's MX records, which lead here, are signed is the domain's matter: see dnssec. A server is the same for all
// domains that it serves.
//
// The certificate is that of the round's session. The check smtp holds it, and where it does not in this round, none is
// held for this check: the last verdict stands until it does. By default it does in each of our rounds. Only
// of a target that has no check smtp the session is our own.
var daneCheck = &Check{
	Name:     "dane",
	Help:     "Does the certificate on every address match the TLSA records of the server?",
	Ref:      "RFC 7672, RFC 7671",
	Metrics:  []*Metric{daneMatch, recordChange},
	Problems: []string{"dane_mismatch", "dane_lookup_failed", "dane_no_starttls", "dane_unusable", "dane_no_rollover"},
	Run:      runDANE,
}

// Reasons for which nothing is said of an address.
var (
	errNoSessionDue = errors.New("its certificate is looked at when the check smtp runs next")
	errNextHop      = errors.New("the certificate is not for the server's name but for that of a domain; senders take it for mail to this domain only")
)

func runDANE(ctx context.Context, r *Round) error {
	server := r.Target.Server
	if !r.Env.Config.Resolver.ValidatesDNSSEC || server.Addr.IsValid() || server.TLS == string(smtpclient.TLSNone) {
		return nil // An address has no zone that its owner signs.
	}
	bases, err := r.tlsaBases(ctx)
	if err != nil || len(bases) == 0 {
		return err
	}
	p := &promise{target: r.Target}
	if err := p.lookUp(ctx, r, bases); err != nil || len(p.records) == 0 {
		return err
	}
	p.judgeRecords(r)

	a := r.Addresses(ctx)
	list := a.All()
	r.Result.KeepOthers = a.Err() != nil
	if !r.SMTPDue && r.Target.Every["smtp"] > 0 {
		for _, addr := range list {
			part := r.Part(addr.String(), HoldRecords)
			part.Unknown, part.LeftOut = errNoSessionDue, true
		}
		return nil
	}
	sessions, errs := make([]*smtpclient.Session, len(list)), make([]error, len(list))
	sideBySide(len(list), func(i int) { sessions[i], errs[i] = r.Session(ctx, list[i]) })
	for i, addr := range list {
		p.judgeSession(r, addr, sessions[i], errs[i])
	}
	if len(p.compare) == 0 {
		p.proposeUsable(r, sessions)
	}
	return nil
}

// tlsaBases returns the names below which TLSA records are looked for, in their order; none if the server has no address, or
// if DANE does not apply to it, which a part says. RFC 7672 section 2.2.2: where the name is an alias and all is signed, that
// which it leads to comes first, then the name itself. Where only the alias is signed and what it leads to is not, it is the
// name itself alone.
func (r *Round) tlsaBases(ctx context.Context) ([]string, error) {
	host := r.Target.Server.Host
	var answers [2]dnsclient.Answer[netip.Addr]
	var errs [2]error
	sideBySide(2, func(i int) { answers[i], errs[i] = r.Env.DNS.Addresses(ctx, 4+2*i, host) })
	found, secure := 0, true
	end := "" // Where the alias leads.
	for _, a := range answers {
		if a.Outcome != dnsclient.OutcomeFound {
			continue
		}
		found++
		secure = secure && a.Secure
		if n := len(a.Aliases); n > 0 {
			end = a.Aliases[n-1]
		}
	}
	switch {
	case found == 0:
		return nil, errors.Join(errs[:]...) // If there is really none, check smtp says so.
	case secure && end == "":
		return []string{host}, nil
	case secure:
		return []string{end, host}, nil
	}
	if end != "" {
		alias, err := r.Env.DNS.CNAME(ctx, host)
		if err != nil {
			return nil, err
		}
		if alias.Outcome == dnsclient.OutcomeFound && alias.Secure {
			return []string{host}, nil
		}
	}
	r.Part("records", HoldRecords).Evidence = []string{"the addresses of " + host + " are not signed, so that DANE does not apply"}
	return nil, nil
}

// A promise is what the TLSA records of a server say.
type promise struct {
	target  *targets.Target
	base    string        // The TLSA base domain: below it the records are, and a certificate may be for it.
	records []record.TLSA // All that are signed; empty: there are none, and no sender expects any.
	compare []record.TLSA // Those that senders compare.
	cut     bool          // There are more records than were kept.
	seen    []string      // Evidence of the records, a line each.
}

// errManyTLSA says why it is not known whether a record matches.
var errManyTLSA = errors.New("there are more TLSA records than are kept, and none of those is of use")

// lookUp asks for the TLSA records below each name, the first that has some being it. If there are none that hold, or the
// lookup fails in a way that is a verdict, a part says so.
func (p *promise) lookUp(ctx context.Context, r *Round, bases []string) error {
	for _, base := range bases {
		name := fmt.Sprintf("_%d._tcp.%s", p.target.Server.Port, base)
		answer, err := r.Env.DNS.TLSA(ctx, name)
		watchAnswer(r, recordTLSA, name, answer, err, tlsaText)
		switch {
		case err != nil:
			return p.lookUpFailed(ctx, r, err, name, base)
		case answer.Outcome != dnsclient.OutcomeFound:
			p.seen = append(p.seen, name+" has no TLSA record")
			continue
		case !answer.Secure:
			p.seen = append(p.seen, "the TLSA records of "+name+" are not signed and do not count")
			continue
		}
		p.cut = answer.Truncated
		for _, t := range answer.Records {
			p.records = append(p.records, record.TLSA(t))
		}
		p.base = base
		return nil
	}
	r.Part("records", HoldRecords).Evidence = p.seen
	return nil
}

// lookUpFailed says what it means that TLSA records of a signed zone could not be looked up. RFC 7672 section 2.1.1: a sender
// must then not deliver to the server. That is a verdict only if the fault is not on our side: the resolver has answered, and for
// other records of the server it has more to say.
func (p *promise) lookUpFailed(ctx context.Context, r *Round, failed error, name, base string) error {
	bogus, err := r.whyServFail(failed, func(c *dnsclient.Client) error {
		_, err := c.TLSA(ctx, name)
		return err
	}, func(c *dnsclient.Client) error {
		_, err := c.TXT(ctx, base) // Of a type that hardly anybody has asked for, so that the resolver must ask, too.
		return err
	})
	if err != nil {
		return err
	}
	why := say("the name servers fail, though not for other records of %s", base)
	if bogus {
		why = say("the signatures are wrong")
	}
	r.Part("records", HoldRecords).Find("dane_lookup_failed", p.severity(), say("asking for TLSA records of %s gives %s: %s", name, dnsclient.ResponseCode(failed), why), ServerValues(p.target.Server, netip.Addr{}), catalog.Values{catalog.ValueHost: base})
	return nil
}

// severity is that of a fault that stops mail. Programs that submit mail hardly know DANE; a server that relays all its mail to
// this one may use it.
func (p *promise) severity() catalog.Severity {
	if p.target.Server.Role == targets.RoleSubmission {
		return catalog.SeverityWarning
	}
	return ""
}

// judgeRecords says what the records themselves tell. That they are usable is no verdict yet: it takes a certificate.
func (p *promise) judgeRecords(r *Round) {
	p.seen = nil
	for _, t := range p.records {
		line := "TLSA " + t.String()
		if err := t.Usable(); err != nil {
			line += ": " + err.Error()
		}
		p.seen = append(p.seen, line)
	}
	p.compare = record.StrongestTLSA(p.records)
	if len(p.compare) == 0 {
		part := r.Part("records", HoldRecords)
		if p.cut {
			part.Unknown = errManyTLSA
			return
		}
		part.Find("dane_unusable", "", say("none of %d TLSA records is of use for mail; the first: %s", len(p.records), p.seen[0]), p.values(netip.Addr{}, nil))
		part.Evidence = p.seen
	}
}

// judgeSession says whether the promise is kept at an address. RFC 7672 section 2.2: where there are records there must be TLS, even if
// none of them is usable; then nobody looks at the certificate.
func (p *promise) judgeSession(r *Round, addr netip.Addr, s *smtpclient.Session, err error) {
	label := addr.String()
	part := r.Part(label, HoldRecords)
	part.Evidence = slices.Clone(p.seen)
	switch {
	case err != nil:
		part.unknown(err)
	case len(s.Chain) > 0 && len(p.compare) > 0:
		p.judgeChain(r, part, addr, s.Chain)
	case len(s.Chain) > 0:
	case !withoutTLS(s):
		part.unknown(errNoCertificate)
	default:
		if len(p.compare) > 0 {
			part.EmitBool(daneMatch, false, label)
		}
		part.Find("dane_no_starttls", p.severity(), say("%s: STARTTLS is not offered, or refused", label), p.values(addr, nil))
	}
}

// withoutTLS reports whether a server that showed no certificate let us in all the same: it does not offer STARTTLS or refuses it.
func withoutTLS(s *smtpclient.Session) bool {
	start := s.Step(smtpclient.StageSTARTTLS)
	return s.Up() && (start == nil || start.Reply != nil && start.Reply.Code != 220 && !deferred(start.Reply))
}

// judgeChain compares a chain, leaf first, with the records.
func (p *promise) judgeChain(r *Round, part *Part, addr netip.Addr, chain []*x509.Certificate) {
	label := addr.String()
	nextHop, reason := false, catalog.Text{}
	for _, t := range p.compare {
		how := p.match(r, t, chain)
		part.Evidence = append(part.Evidence, fmt.Sprintf("%s: %s %s", label, t, how))
		switch how {
		case matched:
			part.EmitBool(daneMatch, true, label)
			p.judgeRollover(part, addr, chain[0])
			return
		case matchedNextHop:
			nextHop = true
		}
		if reason.EN == "" || how != unmatched {
			reason = say("%s %s", t, say(string(how))) // That of an authority tells more.
		}
	}
	if nextHop {
		part.unknown(errNextHop)
		return
	}
	if p.cut {
		part.unknown(errManyTLSA)
		return
	}
	part.EmitBool(daneMatch, false, label)
	part.Find("dane_mismatch", p.severity(), say("%s: none of %d TLSA records matches; %s", label, len(p.compare), reason), p.values(addr, chain[0]))
}

// A matching says how a record stands to a chain. It is a part of evidence.
type matching string

const (
	matched        matching = "matches"
	matchedNextHop matching = "matches, for mail to some domains only"
	unmatched      matching = "is of another certificate or key"
	unmatchedTrust matching = "is of an authority whose certificate does not vouch for the server's, or not now"
	unmatchedName  matching = "is of an authority that vouches for the certificate, but this is for other names"
	unmatchedSent  matching = "is of an authority that vouches for the certificate, but the server does not send that of the authority; Postfix takes it from the record, and others need not"
)

// match compares a chain with one record. RFC 7671 section 5.1: a record of the server's own certificate or key says all that there is
// to say, and neither names nor dates count. Section 5.2: one of an issuer needs its certificate among those that the server
// sent, up to the root if it is about that, and a path to it that is valid now; and the certificate must be for the server.
func (p *promise) match(r *Round, t record.TLSA, chain []*x509.Certificate) matching {
	if t.Usage == record.UsageServer {
		if t.Matches(chain[0]) {
			return matched
		}
		return unmatched
	}
	result := unmatched
	for _, anchor := range chain[1:] {
		switch {
		case !t.Matches(anchor):
		case !leadsTo(anchor, chain, r):
			result = unmatchedTrust
		default:
			return p.matchNames(r, chain[0])
		}
	}
	if result == unmatched && signedBy(linked(chain), t) {
		return unmatchedSent
	}
	return result
}

// signedBy reports whether a record holds the whole key or certificate of an authority that signed the last of the certificates. RFC 7672
// section 3.1.2 has the server send it all the same; RFC 7671 sections 5.2.2 and 5.2.3 allow to take it from the record.
func signedBy(links []*x509.Certificate, t record.TLSA) bool {
	var key any
	var err error
	switch {
	case t.MatchingType != record.MatchingFull:
		return false
	case t.Selector == record.SelectorKey:
		key, err = x509.ParsePKIXPublicKey(t.Data)
	default:
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(t.Data); err == nil {
			key = c.PublicKey
		}
	}
	last := links[len(links)-1]
	return err == nil && (&x509.Certificate{PublicKey: key}).CheckSignature(last.SignatureAlgorithm, last.RawTBSCertificate, last.Signature) == nil
}

// leadsTo reports whether a chain is valid up to one of its certificates.
func leadsTo(anchor *x509.Certificate, chain []*x509.Certificate, r *Round) bool {
	anchors := x509.NewCertPool()
	anchors.AddCert(anchor)
	path, invalid := findPath(anchors, chain, []time.Time{r.Time})
	return path != nil && invalid.EN == "" && unsuitable(chain[0], x509.KeyUsageDigitalSignature).EN == ""
}

// matchNames looks at the names in a certificate. RFC 7672 section 3.2.2: it must be for the TLSA base domain or for the domain that
// the message is for; that an alias of the base is among its names does not count. Which domains these are is
// not known here; one that is configured may be among them.
func (p *promise) matchNames(r *Round, leaf *x509.Certificate) matching {
	isFor := func(name string) bool { return leaf.VerifyHostname(name) == nil }
	switch {
	case isFor(p.base):
		return matched
	case slices.ContainsFunc(r.Env.Config.Targets, func(t *targets.Target) bool { return t.Kind == targets.KindDomain && isFor(t.Name) }):
		return matchedNextHop
	}
	return unmatchedName
}

// judgeRollover says whether the next certificate will match, too. RFC 7671 section 8.1: the next key is published before it is used,
// or the record of an authority stands beside. A record that does not match today is one of them, or at least no worse.
func (p *promise) judgeRollover(part *Part, addr netip.Addr, leaf *x509.Certificate) {
	for _, t := range p.records {
		if t.Usable() == nil && !t.Matches(leaf) {
			return
		}
	}
	part.Find("dane_no_rollover", "", say("%s: every usable TLSA record is of the certificate or key in use", addr), p.values(addr, nil))
}

// values are what remedies may name of the records and of the server at an address; an invalid one stands for all. The host is the
// name that the records belong to. With a leaf, the record to publish for it is among them.
func (p *promise) values(addr netip.Addr, leaf *x509.Certificate) catalog.Values {
	v := ServerValues(p.target.Server, addr).With(catalog.Values{catalog.ValueHost: p.base})
	if leaf == nil {
		return v
	}
	return v.With(tlsaValues(p.base, v[catalog.ValuePort], leaf, p.records))
}

// proposeUsable adds the record to publish where none is usable. It makes senders compare, so it is proposed only where all addresses
// have shown one key.
func (p *promise) proposeUsable(r *Round, sessions []*smtpclient.Session) {
	var leaf *x509.Certificate
	for _, s := range sessions {
		switch {
		case s == nil || len(s.Chain) == 0:
			return
		case leaf == nil:
			leaf = s.Chain[0]
		case !bytes.Equal(leaf.RawSubjectPublicKeyInfo, s.Chain[0].RawSubjectPublicKeyInfo):
			return
		}
	}
	part := r.Part("records", HoldRecords)
	for i := range part.Findings {
		part.Findings[i].Values = part.Findings[i].Values.With(p.values(netip.Addr{}, leaf))
	}
}
