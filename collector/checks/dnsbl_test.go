package checks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// ipList and domainList are lists to test with; both have one code that is a listing.
func ipList(id string) *catalog.Blocklist {
	return &catalog.Blocklist{
		ID: id, Zone: id + ".example.net", Kinds: []string{"ipv4", "ipv6"}, Refusals: []string{"127.0.0.99"},
		Codes: map[string]catalog.Code{
			"127.0.0.2": {Meaning: "spam", Severity: catalog.SeverityCritical},
			"127.0.0.4": {Meaning: "policy", Severity: catalog.SeverityWarning, NonMTA: catalog.SeverityWarning},
		},
		Good: map[string]catalog.Code{"127.0.0.50": {Meaning: "fine"}},
	}
}

func domainList(id string) *catalog.Blocklist {
	return &catalog.Blocklist{
		ID: id, Zone: id + ".example.net", Kinds: []string{"domain"}, Refusals: []string{"127.0.0.1"}, MustList: "listed.example",
		Bits: map[uint8]catalog.Code{4: {Meaning: "phishing", Severity: catalog.SeverityWarning}, 128: {Meaning: "cracked", Severity: catalog.SeverityCritical}},
	}
}

// testPoints are what a list must hold to be believed.
const testPoints = `
2.0.0.127.a.example.net. A 127.0.0.2
2.0.0.127.b.example.net. A 127.0.0.2
listed.example.d.example.net. A 127.0.0.132
`

func TestJudgeReply(t *testing.T) {
	ip, domain := ipList("a"), domainList("d")
	for _, test := range []struct {
		list    *catalog.Blocklist
		records string
		want    string
	}{
		{ip, "", "not_listed"},
		{ip, "127.0.0.2", "listed 127.0.0.2=spam"},
		{ip, "127.0.0.4 127.0.0.2 127.0.0.2", "listed 127.0.0.2=spam 127.0.0.4=policy"},
		{ip, "127.0.0.50", "not_listed 127.0.0.50=fine"},
		{ip, "127.0.0.7", "unknown_code 127.0.0.7"},
		{ip, "127.0.0.7 127.0.0.2", "listed 127.0.0.2=spam 127.0.0.7"},
		{ip, "127.0.0.99", "blocked"},
		{ip, "127.0.0.2 127.255.255.254", "blocked 127.0.0.2=spam"},
		{ip, "127.255.255.1", "blocked"},
		{ip, "127.255.254.1", "unknown_code 127.255.254.1"},
		{ip, "192.0.2.1 127.255.255.254", "hijacked"},
		{ip, "128.0.0.1", "hijacked"},
		{domain, "127.0.0.4", "listed 127.0.0.4=phishing"},
		{domain, "127.0.0.132", "listed 127.0.0.128=cracked 127.0.0.4=phishing"},
		{domain, "127.0.0.6", "listed 127.0.0.4=phishing 127.0.0.6"},
		{domain, "127.0.0.2", "unknown_code 127.0.0.2"},
		{domain, "127.0.0.0", "unknown_code 127.0.0.0"},
		{domain, "127.0.1.4", "unknown_code 127.0.1.4"},
		{domain, "127.0.0.1", "blocked"},
		{domain, "127.0.0.5", "blocked 127.0.0.4=phishing"},
	} {
		var records []netip.Addr
		for s := range strings.FieldsSeq(test.records) {
			records = append(records, netip.MustParseAddr(s))
		}
		a := judge(test.list, records)
		got := a.outcome()
		for _, m := range slices.Concat(a.listings, a.good) {
			got += " " + m.answer + "=" + m.Meaning
		}
		for _, u := range a.unknown {
			got += " " + u.String()
		}
		if got != test.want {
			t.Errorf("%s answers %q: %s, want %s", test.list.ID, test.records, got, test.want)
		}
	}
}

// A bench is a mail world with a check's surroundings.
type bench struct {
	*testing.T
	world *mailworld.World
	env   *Env
	now   time.Time
	last  map[string]time.Time // What Round.Last tells.
	said  Names                // What Round.LastNames tells.
}

func newBench(t *testing.T, zone string, lists ...targets.List) *bench {
	t.Helper()
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	if err := world.Zone(zone); err != nil {
		t.Fatal(err)
	}
	cfg := &targets.Config{Blocklists: targets.Blocklists{Lists: lists}}
	var secrets []string
	for _, l := range lists {
		secrets = append(secrets, l.Key.Value())
	}
	forResolver := func(server string) (*dnsclient.Client, error) {
		return dnsclient.New(dnsclient.Options{Servers: []string{server}, Timeout: 200 * time.Millisecond, Redact: secrets})
	}
	client, err := forResolver(world.Resolver())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, world: world, now: time.Now(), last: map[string]time.Time{}}
	b.env = &Env{Config: cfg, DNS: client, Route: mailworld.Route, Dialer: world.Dialer(), HeloName: "probe.example.net", HeloResolves: true, Proofs: &Proofs{}}
	b.env.Standing = func(string, string) (*targets.Target, map[string][]Finding) { return nil, nil }
	if b.env.Lists, err = NewLists(cfg, client, forResolver, nil); err != nil {
		t.Fatal(err)
	}
	return b
}

func listsOf(lists ...*catalog.Blocklist) (out []targets.List) {
	for _, l := range lists {
		out = append(out, targets.List{Blocklist: l})
	}
	return out
}

func (b *bench) round(target *targets.Target) *Round {
	return &Round{
		Target: target, Env: b.env, Time: b.now, Facts: &Facts{}, Every: time.Hour,
		Last:      func(key string) (time.Time, bool) { at, ok := b.last[key]; return at, ok },
		LastNames: func(netip.Addr) Names { return b.said },
	}
}

// run runs a check in a round of its own and gives what it saw, a line each. The next round begins now.
func (b *bench) run(check *Check, target *targets.Target) string {
	b.Helper()
	r := b.round(target)
	err := check.Run(b.Context(), r)
	for _, p := range r.Result.Parts {
		if p.Unknown == nil && !p.LeftOut {
			b.last[p.Key] = r.Time
		}
		if p.Withdraw {
			delete(b.last, p.Key)
		}
		for i, f := range p.Findings {
			p.Findings[i].Severity = f.On(target)
		}
	}
	b.now = time.Now()
	return seenBy(&r.Result, err)
}

func seenBy(result *Result, err error) string {
	var lines []string
	if err != nil {
		lines = append(lines, "error: "+err.Error())
	}
	if result.KeepOthers {
		lines = append(lines, "keep others")
	}
	for _, p := range result.Parts {
		switch {
		case p.Unknown != nil && p.Withdraw:
			lines = append(lines, p.Key+": withdrawn: "+oneLine(p.Unknown))
			continue
		case p.Unknown != nil:
			lines = append(lines, p.Key+": unknown: "+oneLine(p.Unknown))
			continue
		case p.LeftOut:
			lines = append(lines, p.Key+": left out")
			continue
		}
		for _, s := range p.Samples {
			lines = append(lines, fmt.Sprintf("%s %s %v", s.Metric.Name, strings.Join(s.Labels, " "), s.Value))
		}
		for _, f := range p.Findings {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("! %s %s", f.Problem, f.Severity)))
		}
	}
	return strings.Join(lines, "\n")
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func aSender(host string) *targets.Target {
	addr, _ := netip.ParseAddr(host)
	return &targets.Target{Name: host, Kind: targets.KindSender, Sender: &targets.Sender{Host: host, Addr: addr}}
}

func aServer(role targets.Role, host string, public ...string) *targets.Target {
	addr, _ := netip.ParseAddr(host)
	s := &targets.Server{Host: host, Addr: addr, Port: 25, Role: role}
	for _, a := range public {
		s.PublicAddresses = append(s.PublicAddresses, netip.MustParseAddr(a))
	}
	return &targets.Target{Name: host + ":25", Kind: targets.KindServer, Server: s}
}

func aDomain(name string) *targets.Target {
	return &targets.Target{Name: name, Kind: targets.KindDomain, Domain: &targets.Domain{}}
}

// TestDNSBL asks two lists of addresses (a, b) and one of domains (d).
func TestDNSBL(t *testing.T) {
	const v6 = "1.0.0.0." + "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0." + "8.b.d.0.1.0.0.2.a.example.net." // 2001:db8::1
	foreign := aServer(targets.RoleMTA, "192.0.2.1")
	foreign.Foreign = true
	for _, test := range []struct {
		name   string
		target *targets.Target
		zone   string
		want   string
	}{
		{
			"nobody lists it", aSender("192.0.2.1"), "",
			"dnsbl_listed 192.0.2.1 a 0\ndnsbl_listed 192.0.2.1 b 0",
		},
		{
			"one list of two", aSender("192.0.2.1"), "1.2.0.192.b.example.net. A 127.0.0.2",
			"dnsbl_listed 192.0.2.1 a 0\ndnsbl_listing 192.0.2.1 b 127.0.0.2 spam critical 1\ndnsbl_listed 192.0.2.1 b 1\n! dnsbl_listed critical",
		},
		{
			"two codes at once", aSender("192.0.2.1"), "1.2.0.192.a.example.net. A 127.0.0.4\n1.2.0.192.a.example.net. A 127.0.0.2",
			"dnsbl_listing 192.0.2.1 a 127.0.0.2 spam critical 1\ndnsbl_listing 192.0.2.1 a 127.0.0.4 policy warning 1\ndnsbl_listed 192.0.2.1 a 1\n! dnsbl_listed critical\n! dnsbl_listed warning\ndnsbl_listed 192.0.2.1 b 0",
		},
		{
			"unknown code is no listing", aSender("192.0.2.1"), "1.2.0.192.a.example.net. A 127.0.0.7",
			"dnsbl_listing 192.0.2.1 a other unknown info 1\n! dnsbl_unknown_code\ndnsbl_listed 192.0.2.1 b 0",
		},
		{
			"good word is no listing", aSender("192.0.2.1"), "1.2.0.192.a.example.net. A 127.0.0.50",
			"dnsbl_listed 192.0.2.1 a 0\ndnsbl_listed 192.0.2.1 b 0",
		},
		{
			"listed by an alias", aSender("192.0.2.1"), "1.2.0.192.a.example.net. CNAME x.example.com.\nx.example.com. A 127.0.0.2",
			"dnsbl_listing 192.0.2.1 a 127.0.0.2 spam critical 1\ndnsbl_listed 192.0.2.1 a 1\n! dnsbl_listed critical\ndnsbl_listed 192.0.2.1 b 0",
		},
		{
			"refusal is unknown", aSender("192.0.2.1"), "1.2.0.192.a.example.net. A 127.255.255.254",
			"192.0.2.1 a: unknown: it answers 127.255.255.254, by which it refuses to serve us\ndnsbl_listed 192.0.2.1 b 0",
		},
		{
			"answer of nobody is unknown", aSender("192.0.2.1"), "1.2.0.192.a.example.net. A 203.0.113.80",
			"192.0.2.1 a: unknown: it answers 203.0.113.80, which is not in 127.0.0.0/8\ndnsbl_listed 192.0.2.1 b 0",
		},
		{
			"dead list spoils nothing", aSender("192.0.2.1"), "2.0.0.127.a.example.net. TXT gone",
			"192.0.2.1 a: unknown: the list cannot be believed: it does not list its test point\ndnsbl_listed 192.0.2.1 b 0",
		},
		{
			"list of the world", aSender("192.0.2.1"), "*.a.example.net. A 127.0.0.2",
			"192.0.2.1 a: unknown: the list cannot be believed: it lists a random name\ndnsbl_listed 192.0.2.1 b 0",
		},
		{
			"IPv6 by nibbles", aSender("2001:db8::1"), v6 + " A 127.0.0.4",
			"dnsbl_listing 2001:db8::1 a 127.0.0.4 policy warning 1\ndnsbl_listed 2001:db8::1 a 1\n! dnsbl_listed warning\ndnsbl_listed 2001:db8::1 b 0",
		},
		{
			"IPv4 in IPv6", aSender("::ffff:192.0.2.1"), "1.2.0.192.b.example.net. A 127.0.0.4",
			"dnsbl_listed 192.0.2.1 a 0\ndnsbl_listing 192.0.2.1 b 127.0.0.4 policy warning 1\ndnsbl_listed 192.0.2.1 b 1\n! dnsbl_listed warning",
		},
		{
			"every address of a name", aSender("out.example.org"), "out.example.org. A 192.0.2.2\nout.example.org. A 192.0.2.1\n1.2.0.192.b.example.net. A 127.0.0.4",
			"dnsbl_listed 192.0.2.1 a 0\ndnsbl_listing 192.0.2.1 b 127.0.0.4 policy warning 1\ndnsbl_listed 192.0.2.1 b 1\n! dnsbl_listed warning\ndnsbl_listed 192.0.2.2 a 0\ndnsbl_listed 192.0.2.2 b 0\ndnsbl_listed out.example.org d 0",
		},
		{"name without address", aSender("out.example.org"), "", ""},
		{"private address", aSender("10.0.0.1"), "1.0.0.10.a.example.net. A 127.0.0.2", ""},
		{
			"server that sends", aServer(targets.RoleMTA, "192.0.2.1"), "1.2.0.192.a.example.net. A 127.0.0.2",
			"dnsbl_listing 192.0.2.1 a 127.0.0.2 spam critical 1\ndnsbl_listed 192.0.2.1 a 1\n! dnsbl_listed critical\ndnsbl_listed 192.0.2.1 b 0",
		},
		{
			"server that does not", aServer(targets.RoleMX, "192.0.2.1"), "1.2.0.192.a.example.net. A 127.0.0.2\n1.2.0.192.b.example.net. A 127.0.0.4",
			"dnsbl_listing 192.0.2.1 a 127.0.0.2 spam info 1\ndnsbl_listed 192.0.2.1 a 1\n! dnsbl_listed info\ndnsbl_listing 192.0.2.1 b 127.0.0.4 policy warning 1\ndnsbl_listed 192.0.2.1 b 1\n! dnsbl_listed warning",
		},
		{
			"server behind NAT", aServer(targets.RoleMTA, "10.0.0.1", "192.0.2.1"), "1.2.0.192.a.example.net. A 127.0.0.2",
			"dnsbl_listing 192.0.2.1 a 127.0.0.2 spam critical 1\ndnsbl_listed 192.0.2.1 a 1\n! dnsbl_listed critical\ndnsbl_listed 192.0.2.1 b 0",
		},
		{"server of a provider", foreign, "1.2.0.192.a.example.net. A 127.0.0.2", ""},
		{
			"domain, by a mask", aDomain("example.org"), "example.org.d.example.net. A 127.0.0.132",
			"dnsbl_listing example.org d 127.0.0.128 cracked critical 1\ndnsbl_listing example.org d 127.0.0.4 phishing warning 1\ndnsbl_listed example.org d 1\n! dnsbl_listed critical\n! dnsbl_listed warning",
		},
		{"domain that is not listed", aDomain("example.org"), "", "dnsbl_listed example.org d 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, testPoints, listsOf(ipList("a"), ipList("b"), domainList("d"))...)
			if strings.HasPrefix(test.zone, "2.0.0.127.a") {
				b.world.Remove("2.0.0.127.a.example.net.")
			}
			if err := b.world.Zone(test.zone); err != nil {
				t.Fatal(err)
			}
			if got := b.run(dnsblCheck, test.target); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestDNSBLAddressesUnknown: what could not be looked up was not asked about, and earlier verdicts stand.
func TestDNSBLAddressesUnknown(t *testing.T) {
	b := newBench(t, testPoints, listsOf(ipList("a"))...)
	b.world.Fault("out.example.org.", mailworld.FaultServFail)
	if got := b.run(dnsblCheck, aSender("out.example.org")); !strings.HasPrefix(got, "error: look up what to ask blocklists about:") {
		t.Errorf("got %s", got)
	}
	r := b.round(aSender("out.example.org"))
	known := &once[Addresses]{done: make(chan struct{})}
	known.value = Addresses{V4: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Err6: dnsclient.ErrTimeout}
	close(known.done)
	r.Facts.addresses = known
	if got, want := seenBy(&r.Result, dnsblCheck.Run(t.Context(), r)), "keep others\ndnsbl_listed 192.0.2.1 a 0"; got != want {
		t.Errorf("one family: got %s, want %s", got, want)
	}
}

// nothingHolds has it remembered for no time that there is no such name.
const nothingHolds = ". 0 SOA ns.example. hostmaster.example. 1 7200 3600 86400 0\n"

// TestDNSBLMemory: while an answer holds, nobody is asked for it again, whichever target it is for; but what a list said that
// turned out to be sick is asked anew.
func TestDNSBLMemory(t *testing.T) {
	b := newBench(t, testPoints, listsOf(ipList("a"))...)
	asked := func() int { return b.world.Queries("1.2.0.192.a.example.net.", "A") }
	run := func(target *targets.Target, want string) {
		t.Helper()
		if got := b.run(dnsblCheck, target); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	const notListed = "dnsbl_listed 192.0.2.1 a 0"
	run(aSender("192.0.2.1"), notListed)
	run(aSender("192.0.2.1"), notListed)
	if n := asked(); n != 1 {
		t.Errorf("asked %d times for an answer that held", n)
	}
	l := b.env.Lists.lists[0]
	must(b, b.world.Zone("*.a.example.net. A 127.0.0.2"))
	if err := l.believableSince(t.Context(), time.Now()); err == nil {
		t.Fatal("a list that has the world is believed")
	}
	b.world.Remove("*.a.example.net.")
	if err := l.believableSince(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	run(aSender("192.0.2.1"), notListed)
	if n := asked(); n != 2 {
		t.Errorf("asked %d times, want once more after the list was sick", n)
	}
}

// TestDNSBLBelief follows one sender and one list through the list's life: a run, what changes, the next run.
func TestDNSBLBelief(t *testing.T) {
	const (
		notListed = "dnsbl_listed 192.0.2.1 a 0"
		listed    = "dnsbl_listing 192.0.2.1 a 127.0.0.2 spam critical 1\ndnsbl_listed 192.0.2.1 a 1\n! dnsbl_listed critical"
	)
	b := newBench(t, "$TTL 0\n"+nothingHolds+testPoints, listsOf(ipList("a"))...)
	l := b.env.Lists.lists[0]
	step := func(what, want string) {
		t.Helper()
		if got := b.run(dnsblCheck, aSender("192.0.2.1")); got != want {
			t.Fatalf("%s: got\n%s\nwant\n%s", what, got, want)
		}
	}
	state := func(want string) {
		t.Helper()
		if got := b.env.Lists.States()[0].State; got != want {
			t.Fatalf("state is %q, want %q", got, want)
		}
	}
	// aged makes the last test older by d.
	aged := func(d time.Duration) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.health.since = l.health.since.Add(-d)
	}
	zone := func(text string) {
		t.Helper()
		if err := b.world.Zone(text); err != nil {
			t.Fatal(err)
		}
	}
	tests := func() int { return b.world.Queries("2.0.0.127.a.example.net.", "A") }

	state("")
	step("at first", notListed)
	state("ok")
	if tests() != 1 {
		t.Fatalf("tested %d times before it was believed, want 1", tests())
	}

	b.world.Fault(".", mailworld.FaultServFail)
	step("no answers", "192.0.2.1 a: unknown: look up A of \"1.2.0.192.a.example.net\": "+b.world.Resolver()+": server failure")
	state("error")
	b.world.Fault(".", "")
	step("left alone for a while", "192.0.2.1 a: unknown: the list cannot be believed: look up A of \"2.0.0.127.a.example.net\": "+b.world.Resolver()+": server failure")
	aged(retestBad)
	step("answers again", notListed)
	state("ok")
	before := tests()
	aged(6*time.Hour - time.Minute)
	step("a good test is not made again", notListed)
	if tests() != before {
		t.Fatal("tested again within six hours")
	}
	aged(time.Minute)
	step("a test is good for six hours", notListed)
	if tests() != before+1 {
		t.Fatal("not tested again after six hours")
	}

	zone("1.2.0.192.a.example.net. 0 A 127.0.0.2")
	before = tests()
	step("a positive answer is tested", listed)
	if tests() != before+1 {
		t.Fatal("a positive answer was believed without a test in the same round")
	}

	b.world.Fault(".", mailworld.FaultServFail)
	step("what was tested in its round is held", "192.0.2.1 a: unknown: look up A of \"1.2.0.192.a.example.net\": "+b.world.Resolver()+": server failure")
	b.world.Fault(".", "")
	b.world.Remove("1.2.0.192.a.example.net.")
	aged(retestBad)
	step("delisted", notListed)
	step("and again, not tested in this round", notListed)

	zone("*.a.example.net. 0 A 127.0.0.2")
	step("lists the world: what was said since the test is not held", "192.0.2.1 a: withdrawn: the list cannot be believed: it lists a random name")
	state("lists_world")
	b.world.Remove("*.a.example.net.")
	aged(retestBad)
	step("comes to its senses", notListed)

	const refuses = "192.0.2.1 a: unknown: it answers 127.255.255.255, by which it refuses to serve us"
	zone("1.2.0.192.a.example.net. 0 A 127.255.255.255")
	before = tests()
	step("refuses about one address, and passes its test", refuses)
	state("ok")
	step("and again", refuses)
	if tests() != before+1 {
		t.Fatalf("such answers had it tested %d times, want once a minute", tests()-before)
	}
	undoubted := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.doubted = l.doubted.Add(-retestDoubt)
	}
	undoubted()
	zone("*.a.example.net. 0 A 127.255.255.255")
	step("refuses altogether", refuses)
	state("blocked")
	step("left alone for a while", "192.0.2.1 a: unknown: the list cannot be believed: it answers 127.255.255.255, by which it refuses to serve us")
	b.world.Remove("*.a.example.net.")
	aged(retestBad)
	undoubted()
	zone("1.2.0.192.a.example.net. 0 A 203.0.113.80")
	step("somebody else answers about one address", "192.0.2.1 a: unknown: it answers 203.0.113.80, which is not in 127.0.0.0/8")
	state("ok")
	undoubted()
	zone("*.a.example.net. 0 A 203.0.113.80")
	step("somebody else answers", "192.0.2.1 a: unknown: it answers 203.0.113.80, which is not in 127.0.0.0/8")
	state("hijacked")
}

// TestListText: what a list says of a listing is told in one line, cut, and without the operator's key; it is asked about nothing else.
func TestListText(t *testing.T) {
	long := strings.Repeat("x", 150)
	b := newBench(t, testPoints+`
1.2.0.192.a.example.net. A 127.0.0.2
1.2.0.192.a.example.net. TXT "see `+"\t"+` https://lists.example/1"
2.2.0.192.a.example.net. A 127.0.0.2
2.2.0.192.a.example.net. TXT "`+long+`" "`+long+`"
3.2.0.192.a.example.net. A 127.0.0.2
4.2.0.192.a.example.net. TXT "not listed"`, listsOf(ipList("a"))...)
	for host, want := range map[string]string{
		"192.0.2.1": "see https://lists.example/1", "192.0.2.2": (long + long)[:maxListText] + "...", "192.0.2.3": "",
	} {
		r := b.round(aSender(host))
		if err := dnsblCheck.Run(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		wantValue(t, r, host, "dnsbl_listed", "list_text", want)
		wantValue(t, r, host, "dnsbl_listed", "subject", host)
		wantValue(t, r, host, "dnsbl_listed", "list_code", "127.0.0.2")
		wantValue(t, r, host, "dnsbl_listed", "receiving", "")
	}
	b.run(dnsblCheck, aSender("192.0.2.4"))
	if n := b.world.Queries("4.2.0.192.a.example.net.", "TXT"); n != 0 {
		t.Errorf("%d questions for the text of what is not listed", n)
	}
	r := b.round(aServer(targets.RoleSubmission, "192.0.2.1"))
	if err := dnsblCheck.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	wantValue(t, r, "a submission server", "dnsbl_listed", "receiving", r.Target.Name)
}
