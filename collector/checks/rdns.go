package checks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// The metrics of reverse DNS. All are of the last run that could tell, and are held for 24 hours.
var (
	rdnsConfirmed = &Metric{Name: "rdns_forward_confirmed", Help: "1 if one of the address's names leads back to it, 0 if none does or there is none, as of the last run that could tell.", Labels: []string{"address"}}
	rdnsNames     = &Metric{Name: "rdns_names", Help: "How many names the address has (PTR records), as of the last run that could tell.", Labels: []string{"address"}}
	rdnsGeneric   = &Metric{Name: "rdns_generic", Help: "1 if the address's names look like those of a provider's pool, 0 if not, absent without a name; a guess of ours, as of the last run that could tell.", Labels: []string{"address"}}
	heloMatches   = &Metric{Name: "helo_name_matches", Help: "1 if the name that a server says in its banner or EHLO reply, or that is configured for a sender, is one of the address's names (ptr) or leads to the address (address), 0 if not, as of the last run that could tell.", Labels: []string{"address", "name", "against"}}
)

// The check rdns asks DNS for the names of an address (PTR), and for the addresses of these names. Anybody can write
// any name into the reverse zone of his own addresses, but only the owner of a name can point it at
// an address; so an address is confirmed if one of its names leads back to it (RFC 8601 section 3,
// iprev). Receivers refuse mail from addresses without a confirmed name.
var rdnsCheck = &Check{
	Name:     "rdns",
	Help:     "Has the address a name that leads back to it, and does the server call itself by one?",
	Ref:      "RFC 8601 section 3, RFC 1912 section 2.1",
	Metrics:  []*Metric{rdnsConfirmed, rdnsNames, rdnsGeneric, heloMatches, recordChange},
	Problems: []string{"rdns_no_address", "rdns_missing", "rdns_unconfirmed", "rdns_generic", "rdns_helo_mismatch", "rdns_helo_unresolved"},
	Run:      runRDNS,
}

// maxPTR is how many names of one address are followed. RFC 8601 section 5 has it bounded: who owns a
// reverse zone could otherwise have us ask any number of questions.
const maxPTR = 10

// errManyNames says why it cannot be told whether an address is confirmed.
var errManyNames = errors.New("it has more names than are followed, and none of those that were leads back to it")

// errNoNames says why nothing is known of what a server calls itself.
var errNoNames = errors.New("the server has not said its name")

// runRDNS looks at every public address by itself, all at once: a large receiver wants a name for
// IPv6 where it forgives the lack of one for IPv4.
func runRDNS(ctx context.Context, r *Round) error {
	a := r.PublicAddresses(ctx)
	list := a.All()
	switch err := a.Err(); {
	case err != nil && len(list) == 0 && !a.NoName:
		return err
	case len(list) == 0 && r.Target.Sender != nil: // Of a server the check smtp says it.
		r.Part("addresses", HoldRecords).Find("rdns_no_address", "", say("%s has neither an A nor an AAAA record", r.Target.Sender.Host))
	case err != nil:
		r.Result.KeepOthers = len(list) > 0
		if r.Target.Sender != nil {
			// That there is no address at all, if that was known, is not true any more.
			p := r.Part("addresses", HoldRecords)
			p.Unknown, p.Withdraw = err, true
		}
	}
	r.tellMore("more addresses", a)
	seen := make([]reverse, len(list))
	sideBySide(len(list), func(i int) { seen[i] = r.lookUpReverse(ctx, list[i]) })
	for _, v := range seen {
		v.report(r)
	}
	return nil
}

// A reverse is what is known of one address.
type reverse struct {
	addr      netip.Addr
	names     []string // At most maxPTR, sorted.
	count     int      // How many there are in all.
	confirmed []string // Those that lead back.
	err       error    // Whether there are names, or whether one leads back, could not be told.

	own         string // The name that it should have, of those that the target goes by; "": none is known.
	unpublished string // That name, or one of its own, if DNS has no such address for it.

	ptr    dnsclient.Answer[string]
	ptrErr error

	said    []saidName
	saidErr error // What the server calls itself, or where that leads, could not be told.
}

// A saidName is a name by which a server or sender calls itself.
type saidName struct {
	kind   string // The label name.
	name   string // "": it said something that is not a name.
	isPTR  bool
	isHere bool // It leads to the address.
	isGone bool // It leads to no address of that family.
}

// lookUpReverse asks all questions about one address.
func (r *Round) lookUpReverse(ctx context.Context, addr netip.Addr) reverse {
	v := reverse{addr: addr}
	v.said, v.saidErr = r.namesSaid(ctx, addr)
	ptr, err := r.Env.DNS.PTR(ctx, addr)
	v.ptr, v.ptrErr = ptr, err
	if err != nil {
		v.err = err
		if len(v.said) > 0 {
			v.saidErr = err
		}
		return v
	}
	v.count = len(ptr.Records) + ptr.Invalid
	// In a fixed order: answers are turned around by servers, and a verdict must not turn with them.
	v.names = slices.Compact(slices.Sorted(slices.Values(ptr.Records)))
	names := len(v.names)
	v.names = v.names[:min(maxPTR, names)]

	leads := r.leadTo(ctx, addr, v.names)
	for i, name := range v.names {
		if leads[i].yes {
			v.confirmed = append(v.confirmed, name)
		}
		if leads[i].none && r.configured(name) {
			v.unpublished = name
		}
		v.err = errors.Join(v.err, leads[i].err)
	}
	switch {
	case len(v.confirmed) > 0:
		v.err = nil // One name is enough, whatever the others do.
	case v.err == nil && (ptr.Truncated || len(v.names) < names):
		v.err = errManyNames
	}

	said := make([]string, len(v.said))
	for i, n := range v.said {
		said[i] = n.name
	}
	leads = r.leadTo(ctx, addr, said)
	for i := range v.said {
		n := &v.said[i]
		n.isPTR = n.name != "" && slices.Contains(ptr.Records, n.name)
		n.isHere, n.isGone = leads[i].yes, leads[i].none
		v.saidErr = errors.Join(v.saidErr, leads[i].err)
	}
	v.own = r.ownName(ctx, &v)
	return v
}

// ownName returns the name that an address should have: one that leads to it, or else one that can be made to. It is the one of its
// PTR record, then one that the target says or is configured by. A name that leads elsewhere is none: with one more address it would
// take connections away from the machine that it is the name of.
func (r *Round) ownName(ctx context.Context, v *reverse) string {
	names := slices.Clone(v.confirmed)
	if len(names) == 0 && v.unpublished != "" {
		return v.unpublished
	}
	for _, n := range v.said {
		if n.isHere {
			names = append(names, n.name)
		}
	}
	given := r.givenNames()
	leads := r.leadTo(ctx, v.addr, given)
	for i, name := range given {
		if leads[i].yes {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if _, literal := parseLiteral(name); !literal && name != "" && !looksGeneric(name, v.addr) {
			return name
		}
	}
	for i, name := range given {
		if leads[i].none && !looksGeneric(name, v.addr) {
			v.unpublished = name
			return name
		}
	}
	return ""
}

// givenNames are the names that the configuration gives the machine at the target's addresses.
func (r *Round) givenNames() (names []string) {
	host, literal := r.host()
	switch {
	case r.Target.Sender != nil && r.Target.Sender.HeloName != "":
		names = append(names, strings.ToLower(strings.TrimSuffix(r.Target.Sender.HeloName, ".")))
	case r.Target.Kind == targets.KindVantage:
		names = append(names, r.Env.HeloName)
	}
	if host != "" && !literal.IsValid() {
		names = append(names, host)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		_, literal := parseLiteral(name)
		return literal
	})
}

// configured reports whether a name lies in a domain of which the configuration speaks.
func (r *Round) configured(name string) bool {
	registered, err := publicsuffix.EffectiveTLDPlusOne(name)
	return err == nil && r.Env.Kin[registered]
}

// A lead says whether a name leads to an address, or why that could not be told.
type lead struct {
	yes  bool
	none bool // It leads to no address of that family at all.
	err  error
}

// leadTo asks of each name whether it leads to an address, all at once.
func (r *Round) leadTo(ctx context.Context, addr netip.Addr, names []string) []lead {
	leads := make([]lead, len(names))
	family := 6
	if addr.Is4() {
		family = 4
	}
	sideBySide(len(names), func(i int) {
		if literal, ok := parseLiteral(names[i]); ok || names[i] == "" {
			leads[i].yes = ok && literal == addr
			return
		}
		a, err := r.Env.DNS.Addresses(ctx, family, names[i])
		leads[i] = lead{slices.Contains(a.Records, addr), err == nil && len(a.Records)+len(a.Aliases) == 0, err}
		if !leads[i].yes && a.Truncated { // Servers turn their answers around: the next one might have it.
			leads[i].err = fmt.Errorf("look up addresses of %q: %w", names[i], errCut)
		}
	})
	return leads
}

// parseLiteral reads an address literal of RFC 5321 section 4.1.3.
func parseLiteral(s string) (netip.Addr, bool) {
	if len(s) < 2 || s[0] != '[' || s[len(s)-1] != ']' {
		return netip.Addr{}, false
	}
	s = s[1 : len(s)-1]
	if len(s) > 5 && strings.EqualFold(s[:5], "IPv6:") {
		s = s[5:]
	}
	addr, err := netip.ParseAddr(s)
	return addr.Unmap(), err == nil
}

// namesSaid returns the names by which the target calls itself at an address. For a server they are those of its
// last session, and that is this round's if there is one. What a server's mailer says as a client cannot be
// seen from here; for a sender it is configured.
func (r *Round) namesSaid(ctx context.Context, addr netip.Addr) ([]saidName, error) {
	if sender := r.Target.Sender; sender != nil {
		if sender.HeloName == "" {
			return nil, nil
		}
		return []saidName{{kind: "configured", name: strings.ToLower(strings.TrimSuffix(sender.HeloName, "."))}}, nil
	}
	// Where the server is probed inside and judged outside, any of its addresses will do.
	inside := r.Addresses(ctx).All()
	if slices.Contains(inside, addr) {
		inside = []netip.Addr{addr}
	}
	err := errNoNames
	for _, in := range inside {
		names, known, sessionErr := r.namesAt(ctx, in)
		if known {
			return []saidName{{kind: "banner", name: names.Banner}, {kind: "ehlo", name: names.EHLO}}, nil
		}
		if sessionErr != nil {
			err = sessionErr
		}
	}
	return nil, err
}

// namesAt returns the names that the server said at one of its addresses, if it said any.
func (r *Round) namesAt(ctx context.Context, addr netip.Addr) (names Names, known bool, err error) {
	if !r.SMTPDue {
		names = r.LastNames(addr)
		return names, names != Names{}, nil
	}
	s, err := r.Session(ctx, addr)
	if err != nil {
		return Names{}, false, err
	}
	return Names{s.BannerName, s.EHLOName}, s.Up(), nil
}

// report says what was seen of an address: its names, and apart from them what the server calls itself.
func (v reverse) report(r *Round) {
	addr := v.addr.String()
	watchAnswer(r, recordPTR, dnsclient.ReverseName(v.addr), v.ptr, v.ptrErr, sameText)
	p := r.Part(addr, HoldRecords)
	p.Evidence = v.evidence()
	if v.err != nil {
		p.unknown(v.err)
	} else {
		p.Emit(rdnsNames, float64(v.count), addr)
		p.EmitBool(rdnsConfirmed, len(v.confirmed) > 0, addr)
		if len(v.confirmed) > 0 {
			p.Name = v.confirmed[0]
		}
		v.judge(p, addr)
	}
	if len(v.said) == 0 && v.saidErr == nil {
		return
	}
	p = r.Part("helo "+addr, HoldRecords)
	if v.saidErr != nil {
		p.unknown(v.saidErr)
		return
	}
	for _, n := range v.said {
		p.EmitBool(heloMatches, n.isPTR, addr, n.kind, "ptr")
		p.EmitBool(heloMatches, n.isHere, addr, n.kind, "address")
		switch {
		case n.isHere || n.name == "":
		case n.kind == "configured":
			p.Find("rdns_helo_unresolved", "", say("%s: %s does not lead to it", addr, n.name), v.heloValues(n, n.isGone))
		default:
			// RFC 5321 section 4.1.4: no reason to refuse mail; still, it looks untidy to those who count points.
			p.Find("rdns_helo_mismatch", "", say("%s: the %s name %s does not lead to it", addr, n.kind, n.name), v.heloValues(n, n.isGone && r.configured(n.name)))
		}
	}
}

// judge finds what is wrong with the names of an address. A missing or unconfirmed name counts fully for one that sends mail, as
// only senders are asked for one.
func (v reverse) judge(p *Part, addr string) {
	find := func(problem string, evidence catalog.Text) {
		p.Findings = append(p.Findings, Finding{Problem: problem, Receiving: catalog.SeverityInfo, Evidence: evidence, Values: v.values()})
	}
	switch {
	case v.count == 0:
		find("rdns_missing", say("%s has no PTR record", addr))
	case len(v.confirmed) == 0 && len(v.names) == 0:
		find("rdns_unconfirmed", say("%s: what its PTR records hold are not host names", addr))
	case len(v.confirmed) == 0:
		find("rdns_unconfirmed", say("%s: none of its names leads back to it: %s", addr, strings.Join(v.names, ", ")))
	}
	names := v.confirmed // The ones that count, if there are any.
	if len(names) == 0 {
		names = v.names
	}
	if len(names) == 0 {
		return
	}
	generic := !slices.ContainsFunc(names, func(name string) bool { return !looksGeneric(name, v.addr) })
	p.EmitBool(rdnsGeneric, generic, addr)
	if generic {
		p.Find("rdns_generic", "", say("%s: %s", addr, strings.Join(names, ", ")), v.values())
	}
}

// values are what remedies may name of the address. The record to publish is that of its PTR record, or where that names what it
// should, the one that is missing at this name.
func (v reverse) values() catalog.Values {
	out := addressValues(v.addr).With(catalog.Values{catalog.ValueOwnName: v.own, catalog.ValueUnpublished: v.unpublished})
	switch {
	case v.own == "":
		return out
	case slices.Contains(v.names, v.own):
		out[catalog.ValuePTRFits] = v.own
		if v.own != v.unpublished {
			return out
		}
		return out.With(catalog.RecordValues(v.own, out[catalog.ValueAddressType], v.addr.String()))
	}
	return out.With(catalog.RecordValues(out[catalog.ValueReverseName], "PTR", v.own))
}

// heloValues are what remedies may name of a name that does not lead to the address. open says that a record for it can be published
// without taking it away from another machine.
func (v reverse) heloValues(n saidName, open bool) catalog.Values {
	out := addressValues(v.addr).With(catalog.Values{catalog.ValueHelo: n.name})
	if v.own != n.name {
		out = out.With(catalog.Values{catalog.ValueOwnName: v.own})
	}
	if !open {
		return out
	}
	out[catalog.ValueUnpublished] = n.name
	if n.kind != "configured" && out[catalog.ValueOwnName] != "" {
		return out // A server had better call itself by that.
	}
	return out.With(catalog.RecordValues(n.name, out[catalog.ValueAddressType], v.addr.String()))
}

// evidence tells of each name where it leads.
func (v reverse) evidence() []string {
	lines := []string{fmt.Sprintf("%s has %s", v.addr, counted(v.count, "name", "names"))}
	for _, name := range v.names {
		verb := "does not lead back"
		if slices.Contains(v.confirmed, name) {
			verb = "leads back"
		}
		lines = append(lines, name+" "+verb)
	}
	for _, n := range v.said {
		lines = append(lines, fmt.Sprintf("%s name: %q", n.kind, n.name))
	}
	return lines
}
