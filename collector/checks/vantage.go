package checks

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
)

// VantageOK is emitted by check vantage; the collector, who sees all sessions, adds the test "refused" and those of Witnesses.
var VantageOK = &Metric{
	Name: "vantage_ok", Labels: []string{"test"}, Global: true,
	Help: "1 if a test of this machine as a place to probe from is passed, 0 if not; absent when that is not known. As of the last run.",
}

// vantageCheck looks at the machine the exporter runs on. What is wrong there shows on every target, and would be
// taken for the targets' fault. What other checks learn of it, as that a blocklist refuses us, is told as soon as it
// is known: see Lists.Findings and Witnesses.
var vantageCheck = &Check{
	Name:    "vantage",
	Help:    "Whether this machine is a place from which mail servers and blocklists can be judged.",
	Ref:     "RFC 5321 section 4.1.4, RFC 6761 section 6.4",
	Metrics: []*Metric{VantageOK},
	Problems: []string{
		"vantage_ipv4", "vantage_ipv6", "vantage_egress_25", "vantage_resolver", "vantage_resolver_rewrites", "vantage_resolver_public",
		"vantage_helo", "vantage_dnsbl_refused", "vantage_dnsbl_sick", "vantage_ptr", "vantage_listed",
		"vantage_tls_intercepted", "vantage_clock",
	},
	Run: runVantage,
}

// A vantageTest looks at one thing: it tells what is wrong, "" if nothing is. An error means that this cannot be told.
type vantageTest struct {
	name    string // The label test.
	problem string
	run     func(ctx context.Context, r *Round) (wrong catalog.Text, err error)
}

var vantageTests = []vantageTest{
	{"ipv4", "vantage_ipv4", routeTo("192.0.2.1")},
	{"ipv6", "vantage_ipv6", routeTo("2001:db8::1")},
	{"egress_25", "vantage_egress_25", testEgress},
	{"resolver", "vantage_resolver", testResolver},
	{"resolver_rewrites", "vantage_resolver_rewrites", testRewrites},
	{"resolver_public", "vantage_resolver_public", testPublicResolver},
	{"helo_resolves", "vantage_helo", testHelo},
}

// errNothingToTell says that there is nothing by which a test could tell.
var errNothingToTell = errors.New("nothing is configured to tell it by")

func runVantage(ctx context.Context, r *Round) error {
	wrong, errs := make([]catalog.Text, len(vantageTests)), make([]error, len(vantageTests))
	addrs := r.outgoing()
	var outgoing [][]outgoingVerdict
	sideBySide(len(vantageTests)+1, func(i int) {
		if i == len(vantageTests) {
			outgoing = r.lookAtOutgoing(ctx, addrs)
			return
		}
		wrong[i], errs[i] = vantageTests[i].run(ctx, r)
	})
	for i, test := range vantageTests {
		if errors.Is(errs[i], errNothingToTell) {
			continue
		}
		p := r.Part(test.name, HoldReplies)
		if errs[i] != nil {
			p.unknown(errs[i])
			continue
		}
		p.EmitBool(VantageOK, wrong[i].EN == "", test.name)
		if wrong[i].EN != "" {
			p.Find(test.problem, "", wrong[i], r.vantageValues(ctx, test.problem))
			p.Evidence = append(p.Evidence, wrong[i].EN)
		}
	}
	if len(addrs) > 0 {
		for i, test := range outgoingTests {
			r.tellOutgoing(test, addrs, outgoing[i])
		}
	}
	return nil
}

// routeTo looks whether there is a way to the rest of the world, for which an address of documentation stands: it
// is routed like any other, and nothing is sent.
func routeTo(address string) func(context.Context, *Round) (catalog.Text, error) {
	to := netip.MustParseAddr(address)
	return func(_ context.Context, r *Round) (catalog.Text, error) {
		if err := r.Env.Route(to); err != nil {
			return wordsOf(err), nil
		}
		return catalog.Text{}, nil
	}
}

// testResolver asks for a name that the resolver need not ask anybody else about: RFC 6761 section 6.4 has it answer at
// once that nothing is below .invalid. One that has no network and denies every name says the same; see Proofs.denies.
func testResolver(ctx context.Context, r *Round) (catalog.Text, error) {
	_, err := r.Env.DNS.Uncached().Addresses(ctx, 4, randomLabel()+".invalid")
	switch {
	case ctx.Err() != nil:
		return catalog.Text{}, ctx.Err()
	case err != nil && !errors.Is(err, dnsclient.ErrDoubtful):
		return wordsOf(err), nil
	}
	if denies := r.Env.Proofs.proveDenial(ctx, r.Env.DNS); denies != nil {
		return wordsOf(denies), nil // Which tells more than that the denial lacked its proof.
	}
	if err != nil {
		return wordsOf(err), nil
	}
	return catalog.Text{}, nil
}

// testRewrites looks whether the resolver answers for names that do not exist, as some providers' do, to lead
// browsers to their advertisements. Every blocklist then seems to list everybody; Lists asks the same before it
// believes one. A denial without proof will do: it is no invention.
func testRewrites(ctx context.Context, r *Round) (catalog.Text, error) {
	a, err := r.Env.DNS.AcceptUnproven().Addresses(ctx, 4, randomLabel()+".invalid")
	if err == nil {
		r.Env.Proofs.proveInvented(a.Records)
	}
	switch {
	case err != nil:
		return catalog.Text{}, err
	case a.Outcome == dnsclient.OutcomeFound:
		return say("a random name below .invalid has the addresses %v", a.Records), nil
	case a.Outcome == dnsclient.OutcomeNoData:
		return catalog.Text{}, errors.New("a random name below .invalid exists, without addresses")
	}
	return catalog.Text{}, nil
}

// testPublicResolver looks whether blocklists will refuse the resolver, or lie to it, because everybody asks
// through it.
func testPublicResolver(_ context.Context, r *Round) (catalog.Text, error) {
	var public []catalog.Text
	for _, server := range r.Env.DNS.Servers() {
		host, _, err := net.SplitHostPort(server)
		if err != nil {
			continue
		}
		addr, err := netip.ParseAddr(host)
		if err != nil {
			continue
		}
		if operator, ok := catalog.PublicResolver(addr); ok {
			public = append(public, say("%s is a resolver of %s", addr, operator))
		}
	}
	return listed(public, ", "), nil
}

// testHelo looks whether the name we say in EHLO leads anywhere. RFC 5321 section 4.1.4 lets a server check it, and
// many refuse a client whose name does not.
func testHelo(ctx context.Context, r *Round) (catalog.Text, error) {
	if r.Env.HeloErr != nil {
		return catalog.Text{}, r.Env.HeloErr
	}
	if !r.Env.HeloResolves {
		return say("helo_name is not configured and this machine's name is not in DNS: servers are greeted with %s", r.Env.HeloName), nil
	}
	a := r.lookUpAddresses(ctx, r.Env.HeloName)
	switch {
	case len(a.All()) == 0 && a.Err() != nil:
		return catalog.Text{}, a.Err()
	case len(a.All()) == 0:
		return say("%s has no address", r.Env.HeloName), nil
	}
	var missing []string
	for _, addr := range r.outgoing() {
		switch lead := r.leadTo(ctx, addr, []string{r.Env.HeloName})[0]; {
		case lead.yes:
		case lead.err != nil:
			return catalog.Text{}, lead.err
		default:
			missing = append(missing, addr.String())
		}
	}
	if len(missing) > 0 {
		return say("%s leads to %v and not to %s, which connections from here come from", r.Env.HeloName, a.All(), strings.Join(missing, ", ")), nil
	}
	return catalog.Text{}, nil // Behind NAT, where the world sees another address, this is all that can be told.
}

// testEgress talks to servers that are known to answer. A greeting from any of them proves that the way is open,
// silence from all of them that it is blocked; anything else, a refusal for example, proves neither.
func testEgress(ctx context.Context, r *Round) (catalog.Text, error) {
	servers := r.Env.Config.Vantage.Egress
	if len(servers) == 0 {
		return catalog.Text{}, errNothingToTell
	}
	spoke, silent := make([]bool, len(servers)), make([]bool, len(servers))
	errs := make([]error, len(servers))
	sideBySide(len(servers), func(i int) { spoke[i], silent[i], errs[i] = greeting(ctx, r, servers[i]) })
	open, blocked, proved := false, true, false
	for i, server := range servers {
		open = open || spoke[i]
		blocked = blocked && silent[i]
		proved = proved || silent[i] && strings.HasSuffix(server, mxPort) // Another port says nothing of this one.
	}
	r.Env.Proofs.proveEgress(blocked && !open && proved)
	switch {
	case open:
		return catalog.Text{}, nil
	case blocked:
		return say("nothing comes back from %s", strings.Join(servers, ", ")), nil
	}
	return catalog.Text{}, errors.Join(append(errs, errors.New("the servers of vantage.egress prove neither"))...)
}

// greeting reports whether a server spoke to us, and whether nothing at all came back from it, on the first address
// of each family.
func greeting(ctx context.Context, r *Round, server string) (spoke, silent bool, err error) {
	host, portText, err := net.SplitHostPort(server)
	if err != nil {
		return false, false, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return false, false, err
	}
	var known Addresses
	if literal, e := netip.ParseAddr(host); e == nil {
		known = byFamily([]netip.Addr{literal})
	} else {
		known = r.lookUpAddresses(ctx, host)
	}
	err = known.Err()
	tried, unanswered := 0, 0
	for _, family := range [][]netip.Addr{known.V4, known.V6} {
		if len(family) == 0 {
			continue
		}
		leave, refused := r.Env.Enter(ctx, family[0])
		if refused != nil {
			err = errors.Join(err, refused)
			continue
		}
		s := smtpclient.Probe(ctx, netip.AddrPortFrom(family[0], uint16(port)), smtpclient.Options{
			Dialer: r.Env.Dialer, Route: r.Env.Route, HeloName: r.Env.HeloName, TLS: smtpclient.TLSNone,
		})
		leave(s)
		if broken := errors.Join(s.NoRoute, s.Aborted); broken != nil {
			err = errors.Join(err, broken)
			continue
		}
		tried++
		banner := s.Step(smtpclient.StageBanner)
		spoke = spoke || banner != nil && banner.Reply != nil
		if last := s.Steps[len(s.Steps)-1]; last.Failure == smtpclient.FailureTimeout && (banner == nil || banner.Reply == nil) {
			unanswered++
		}
	}
	return spoke, tried > 0 && unanswered == tried, err
}
