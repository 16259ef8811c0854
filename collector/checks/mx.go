package checks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
)

const (
	// maxMXHosts is how many hosts of one domain are looked at, those of lowest preference.
	maxMXHosts = 20
	// manyMX is how many MX records are still usual. SPF looks at no more (RFC 7208 section 4.6.4), and senders try
	// fewer addresses: Postfix five (smtp_mx_address_limit).
	manyMX = 10
	// mxPort is where mail for a domain is delivered.
	mxPort = ":25"
	// implicitPreference is that of an MX record proposed to a domain that has none: any does, and this is the usual one.
	implicitPreference = 10
)

// The metrics of MX records. All are of the last run that could tell, and are held for 24 hours.
var (
	mxInfo = &Metric{
		Name:   "mx_info",
		Help:   "1 for each server that takes mail for the domain, by its MX records or, without any, at its own address; the 20 of lowest preference, as of the last run that could tell.",
		Labels: []string{"server", "preference"},
	}
	mxHosts = &Metric{
		Name: "mx_hosts",
		Help: "How many hosts take mail for the domain: those of its MX records, of which at most 100 are counted, or 1 if it has none and an address; as of the last run that could tell.",
	}
	mxNull = &Metric{
		Name: "mx_null",
		Help: "1 if the domain says that it accepts no mail, by one MX record with preference 0 and no name, 0 if not, as of the last run that could tell.",
	}
)

// The check mx finds the hosts that accept mail for a domain. A sender asks for the domain's MX records and tries
// their hosts, the lowest preference first; without any record he tries the domain's own address (the implicit
// MX). A single record with preference 0 and no name, the null MX, says that there is no such host.
//
// The records and each host are things of their own: a host whose addresses could not be told is unknown, and
// no fault of the domain.
var mxCheck = &Check{
	Name:    "mx",
	Help:    "Which servers take mail for the domain, and can mail be delivered to each of them?",
	Ref:     "RFC 5321 section 5.1, RFC 7505",
	Metrics: []*Metric{mxInfo, mxHosts, mxNull, recordChange},
	Problems: []string{
		"mx_no_domain", "mx_missing", "mx_implicit", "mx_null_mixed", "mx_null", "mx_null_sends", "mx_alias", "mx_literal",
		"mx_bad_name", "mx_no_address", "mx_unusable", "mx_private_address", "mx_too_many", "mx_backup_differs", "mx_parked",
	},
	ReadsServers: true,
	Run:          runMX,
}

func runMX(ctx context.Context, r *Round) error {
	domain := r.Target.Name
	answer, err := r.Env.DNS.MX(ctx, domain)
	watchAnswer(r, recordMX, domain, answer, err, mxText)
	if err != nil {
		return err
	}
	switch answer.Outcome {
	case dnsclient.OutcomeNoName:
		evidence := say("%s does not exist (NXDOMAIN)", domain)
		if n := len(answer.Aliases); n > 0 {
			evidence = say("%s is an alias of %s, which does not exist (NXDOMAIN)", domain, answer.Aliases[n-1])
		}
		noMX(r, "mx_no_domain", evidence, valuesOfNoDomain(domain, answer.Aliases))
		return nil
	case dnsclient.OutcomeNoData:
		return implicitMX(ctx, r)
	}
	mxs := judgeRecords(r, answer)
	hosts := lookUpExchangers(ctx, r, mxs)
	r.Result.ExchangersKnown = true
	r.Result.Exchangers = askRoles(ctx, r, hosts)
	switch {
	case nullMX(answer):
		judgeNullSenders(ctx, r)
	case !parked(r):
		judgeHosts(r, hosts)
		judgeBackups(r, mxs, hosts)
	}
	return nil
}

// parked reports whether the domain is configured as one that neither sends nor receives.
func parked(r *Round) bool { return r.Target.Module != nil && r.Target.Module.Parked }

// noMX says that nothing accepts mail for the domain.
func noMX(r *Round, problem string, evidence catalog.Text, values ...catalog.Values) {
	p := r.Part("records", HoldRecords)
	p.Emit(mxHosts, 0)
	p.EmitBool(mxNull, false)
	p.Find(problem, "", evidence, values...)
	p.Evidence = append(p.Evidence, evidence.EN)
	r.Result.ExchangersKnown = true
}

// implicitMX handles a domain without MX records. RFC 5321 section 5.1: it is treated as if it had one of preference 0
// that names the domain itself. That is rarely meant where the address is that of a web server.
func implicitMX(ctx context.Context, r *Round) error {
	domain := r.Target.Name
	host := lookUpExchanger(ctx, r, domain)
	if len(host.addrs) == 0 {
		if host.err != nil {
			return host.err
		}
		problem := "mx_missing"
		if parked(r) {
			problem = "mx_parked"
		}
		var null catalog.Values
		if parked(r) {
			null = mxRecord(r, 0, "")
		}
		noMX(r, problem, say("%s has neither MX record nor address", domain), null)
		return nil
	}
	evidence := say("%s has no MX record; its address is %s", domain, host.addrs[0])
	p := r.Part("records", HoldRecords)
	p.Emit(mxHosts, 1)
	p.EmitBool(mxNull, false)
	p.Emit(mxInfo, 1, domain+mxPort, "0")
	p.Evidence = append(p.Evidence, evidence.EN)
	r.Result.ExchangersKnown = true
	if parked(r) {
		// Whatever is at the address of a parked domain, it is no mail server of anybody's.
		p.Find("mx_parked", "", evidence, mxRecord(r, 0, ""))
		return nil
	}
	// Senders treat this record as they treat none, so that it changes nothing but that it was meant.
	p.Find("mx_implicit", "", evidence, mxRecord(r, implicitPreference, domain), catalog.Values{catalog.ValueAddress: addressList(host.addrs)})
	r.Result.Exchangers = askRoles(ctx, r, []exchanger{host})
	host.aliases = nil // The domain may be an alias; only what an MX record names may not.
	judgeHosts(r, []exchanger{host})
	return nil
}

// nullMX reports whether an answer is the null MX. RFC 7505 section 3: a single record with preference 0 and the
// root as its name.
func nullMX(a dnsclient.Answer[dnsclient.MX]) bool {
	return len(a.Records) == 1 && a.Invalid == 0 && a.Records[0] == dnsclient.MX{}
}

// judgeRecords says what the MX records themselves tell. It returns the hosts to look at, each
// once, with its lowest preference.
func judgeRecords(r *Round, answer dnsclient.Answer[dnsclient.MX]) []dnsclient.MX {
	p := r.Part("records", HoldRecords)
	var hosts []dnsclient.MX
	seen := map[string]bool{}
	var root dnsclient.MX
	roots, total := 0, len(answer.Records)+answer.Invalid
	for _, mx := range answer.Records {
		p.Evidence = append(p.Evidence, fmt.Sprintf("MX %d %s", mx.Preference, zoneName(mx.Host)))
		switch {
		case mx.Host == "":
			roots++
			root = mx
			if total == 1 && mx.Preference != 0 {
				p.Find("mx_bad_name", "", say("MX %d . names no host; a null MX has preference 0", mx.Preference), mxFound(mx))
			}
		case seen[mx.Host]:
		case literal(mx.Host):
			p.Find("mx_literal", "", same(fmt.Sprintf("MX %d %s", mx.Preference, mx.Host)), mxFound(mx), literalValues(mx.Host))
		default:
			hosts = append(hosts, mx)
		}
		seen[mx.Host] = true
	}
	null := nullMX(answer)
	p.Emit(mxHosts, float64(len(hosts)))
	p.EmitBool(mxNull, null)
	if answer.Invalid > 0 {
		p.Find("mx_bad_name", "", count(answer.Invalid, "%d MX record names something that is not a host name", "%d MX records name something that is not a host name"))
	}
	if roots > 0 && total > 1 {
		p.Find("mx_null_mixed", "", say("a record without a name is one of %d MX records", total), mxFound(root))
	}
	if total > manyMX {
		p.Find("mx_too_many", "", tooMany(total, answer.Truncated))
	}
	switch {
	case !null && parked(r) && roots == 0:
		p.Find("mx_parked", "", count(total, "it has %d MX record", "it has %d MX records"), mxRecord(r, 0, ""))
	case null && !parked(r):
		p.Find("mx_null", "", same(p.Evidence[0]), mxFound(root))
	}
	hosts = hosts[:min(len(hosts), maxMXHosts)]
	for _, mx := range hosts {
		p.Emit(mxInfo, 1, mx.Host+mxPort, strconv.Itoa(int(mx.Preference)))
	}
	return hosts
}

func tooMany(total int, more bool) catalog.Text {
	if more {
		return say("more than %d MX records", total)
	}
	return say("%d MX records", total)
}

// zoneName is a host as it stands in a zone file.
func zoneName(host string) string {
	if host == "" {
		return "."
	}
	return host
}

// literal reports whether what should be a name is an address: no top-level domain consists of digits (RFC 3696
// section 2). One with colons or brackets does not pass for a host name in the first place.
func literal(host string) bool {
	top := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(top, "0123456789") == ""
}

// An exchanger is an MX host with what DNS says of it.
type exchanger struct {
	host       string
	preference uint16 // Of its MX record.
	aliases    []string
	addrs      []netip.Addr
	noName     bool
	err        error // Addresses of one family or both could not be told.
}

// lookUpExchangers asks for the addresses of all hosts at once.
func lookUpExchangers(ctx context.Context, r *Round, hosts []dnsclient.MX) []exchanger {
	found := make([]exchanger, len(hosts))
	sideBySide(len(hosts), func(i int) {
		found[i] = lookUpExchanger(ctx, r, hosts[i].Host)
		found[i].preference = hosts[i].Preference
	})
	return found
}

// lookUpExchanger asks for the addresses of a host in both families.
func lookUpExchanger(ctx context.Context, r *Round, host string) exchanger {
	var v4, v6 dnsclient.Answer[netip.Addr]
	var err4, err6 error
	sideBySide(2, func(i int) {
		if i == 0 {
			v4, err4 = r.Env.DNS.Addresses(ctx, 4, host)
		} else {
			v6, err6 = r.Env.DNS.Addresses(ctx, 6, host)
		}
	})
	// RFC 4291 section 2.5.5.2: a mapped address is IPv4 in disguise and not for the wire.
	v6.Records = slices.DeleteFunc(v6.Records, netip.Addr.Is4In6)
	e := exchanger{host: host, aliases: v4.Aliases, addrs: slices.Concat(v4.Records, v6.Records), err: errors.Join(err4, err6)}
	if len(e.aliases) == 0 {
		e.aliases = v6.Aliases
	}
	if v4.Truncated || v6.Truncated {
		e.err = errors.Join(e.err, fmt.Errorf("addresses of %s: %w", host, errCut))
	}
	e.noName = v4.Outcome == dnsclient.OutcomeNoName || v6.Outcome == dnsclient.OutcomeNoName
	return e
}

// judgeHosts says of each host whether mail can be delivered to it, and whether it can to any.
func judgeHosts(r *Round, hosts []exchanger) {
	usable, unknown := 0, []error(nil)
	for _, e := range hosts {
		e.judgeName(r)
		allowed := e.judgeAddresses(r)
		switch {
		case allowed > 0:
			usable++
		case e.err != nil:
			unknown = append(unknown, e.err)
		}
	}
	p := r.Part("usable", HoldRecords)
	switch {
	case usable > 0:
	case len(unknown) > 0:
		p.Unknown = errors.Join(unknown...)
	case len(hosts) == 0:
		p.Find("mx_unusable", "", say("no MX record names a host"))
	default:
		names := make([]string, len(hosts))
		for i, e := range hosts {
			names[i] = e.host
		}
		p.Find("mx_unusable", "", say("none of the MX hosts (%d) has an address that can be reached", len(hosts)),
			catalog.Values{catalog.ValueHost: names[0], catalog.ValueMX: strings.Join(names, ", ")})
	}
}

// judgeName says whether the host has an address, and by what name. RFC 2181 section 10.3, RFC 5321 section
// 5.1: an MX record must not name an alias. It works with most senders, and fails with some.
func (e exchanger) judgeName(r *Round) {
	p := r.Part(e.host+" name", HoldRecords)
	switch {
	case len(e.addrs) > 0:
		for _, a := range e.addrs {
			p.Evidence = append(p.Evidence, e.host+" has address "+a.String())
		}
	case e.err != nil:
		p.Unknown = e.err
		return
	case e.noName:
		p.Find("mx_no_address", "", say("%s does not exist (NXDOMAIN)", e.host), e.valuesOfNoAddress(r))
	default:
		p.Find("mx_no_address", "", say("%s has no address", e.host), e.valuesOfNoAddress(r))
	}
	if n := len(e.aliases); n > 0 {
		alias := e.aliases[n-1]
		v := catalog.Values{catalog.ValueHost: e.host, catalog.ValueAlias: alias, catalog.ValueAddress: addressList(e.addrs)}
		if len(e.addrs) > 0 { // Else the alias leads nowhere, and is no better without it.
			v = v.With(mxRecord(r, e.preference, alias))
		}
		p.Find("mx_alias", "", say("%s is an alias of %s", e.host, alias), v)
	}
}

// judgeAddresses says whether the addresses can be reached from the Internet, and returns how many of
// them can. One bad address is a verdict even if there may be more.
func (e exchanger) judgeAddresses(r *Round) (allowed int) {
	p := r.Part(e.host+" addresses", HoldRecords)
	for _, a := range e.addrs {
		if r.Env.Config.Allowed(a) {
			allowed++
		} else {
			p.Find("mx_private_address", "", say("%s has address %s", e.host, a),
				catalog.Values{catalog.ValueHost: e.host, catalog.ValueAddress: a.String()})
		}
	}
	if e.err != nil && len(p.Findings) == 0 {
		p.Unknown = e.err
	}
	return allowed
}
