package checks

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestListStates: the first state that holds is told.
func TestListStates(t *testing.T) {
	const must, mustNot = "2.0.0.127.a.example.net.", "1.0.0.127.a.example.net."
	v6 := &catalog.Blocklist{ID: "a", Zone: "a.example.net", Kinds: []string{"ipv6"}, Codes: map[string]catalog.Code{"127.0.0.2": {}}}
	v6Point := func(last string) string {
		return last + ".0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.example.net. A 127.0.0.2\n"
	}
	ownV6 := &catalog.Blocklist{ID: "a", Zone: "a.example.net", Kinds: []string{"ipv6"}, MustList: "127.0.0.3", Codes: v6.Codes}
	untested := ipList("a")
	untested.NoTest = true
	names := &catalog.Blocklist{ID: "a", Zone: "a.example.net", Kinds: []string{"domain"}, Codes: map[string]catalog.Code{"127.0.0.2": {}}}
	own := ipList("a")
	own.MustList, own.MustNotList = "192.0.2.55", "192.0.2.56"
	for _, test := range []struct {
		name  string
		list  *catalog.Blocklist
		zone  string
		fault string // A name that gives no answer.
		state string
	}{
		{"ok", ipList("a"), must + " A 127.0.0.2", "", "ok"},
		{"test point with a code of its own", ipList("a"), must + " A 127.0.0.200", "", "ok"},
		{"gone", ipList("a"), "", "", "dead"},
		{"test point without address", ipList("a"), must + " TXT x", "", "dead"},
		{"must not be listed", ipList("a"), must + " A 127.0.0.2\n" + mustNot + " A 127.0.0.2", "", "lists_world"},
		{"lists any name", ipList("a"), "*.a.example.net. A 127.0.0.2", "", "lists_world"},
		{"refuses", ipList("a"), "*.a.example.net. A 127.255.255.254", "", "blocked"},
		{"refuses in its own way", ipList("a"), must + " A 127.0.0.99", "", "blocked"},
		{"parked domain", ipList("a"), "*.example.net. A 203.0.113.80", "", "hijacked"},
		{"hijacked before blocked", ipList("a"), must + " A 127.255.255.254\n" + mustNot + " A 203.0.113.80", "", "hijacked"},
		{"blocked before listing the world", ipList("a"), must + " A 127.255.255.254\n" + mustNot + " A 127.0.0.2", "", "blocked"},
		{"world before error", ipList("a"), mustNot + " A 127.0.0.2", must, "lists_world"},
		{"dead before error", ipList("a"), "", mustNot, "dead"},
		{"no answer", ipList("a"), must + " A 127.0.0.2", "a.example.net.", "error"},
		{"one answer missing", ipList("a"), must + " A 127.0.0.2", mustNot, "error"},
		{"resolver invents answers", ipList("a"), must + " A 127.0.0.2\n*.invalid. A 203.0.113.80", "", "hijacked"},
		{"resolver does not know .invalid", ipList("a"), must + " A 127.0.0.2", "invalid.", "ok"},
		{"without a test point", untested, "", "", "unverified"},
		{"without a test point, lists the world", untested, "*.a.example.net. A 127.0.0.2", "", "lists_world"},
		{"test point of its own", own, "55.2.0.192.a.example.net. A 127.0.0.2", "", "ok"},
		{"must not be listed, of its own", own, "55.2.0.192.a.example.net. A 127.0.0.2\n56.2.0.192.a.example.net. A 127.0.0.2", "", "lists_world"},
		{"IPv6 only", v6, v6Point("2"), "", "ok"},
		{"IPv6 only, must not be listed", v6, v6Point("2") + v6Point("1"), "", "lists_world"},
		{"IPv6 only, test point of its own", ownV6, "3.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.example.net. A 127.0.0.2\n", "", "ok"},
		{"domains", names, "test.a.example.net. A 127.0.0.2", "", "ok"},
		{"domains, must not be listed", names, "test.a.example.net. A 127.0.0.2\ninvalid.a.example.net. A 127.0.0.2", "", "lists_world"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, test.zone, listsOf(test.list)...)
			if test.fault != "" {
				b.world.Fault(test.fault, mailworld.FaultRefused)
			}
			l := b.env.Lists.lists[0]
			err := l.believable(t.Context())
			s := b.env.Lists.States()[0]
			if s.State != test.state || (s.Why.EN == "") != (err == nil) || (err == nil) != (s.State == listOK || s.State == listUnverified) {
				t.Errorf("state %s (%s), error %v, want %s", s.State, s.Why, err, test.state)
			}
			want := uint64(3)
			if test.list.NoTest {
				want = 2
			}
			if s.Queries[askedTest] != want || len(s.Queries) != len(askedOutcomes) {
				t.Errorf("queries %v, want %d of test", s.Queries, want)
			}
		})
	}
}

func TestListQueries(t *testing.T) {
	b := newBench(t, testPoints+"1.2.0.192.a.example.net. A 127.0.0.2\n3.2.0.192.a.example.net. A 127.0.0.7", listsOf(ipList("a"))...)
	b.world.Fault("4.2.0.192.a.example.net.", mailworld.FaultRefused)
	for _, host := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"} {
		b.run(dnsblCheck, aSender(host))
	}
	if err := b.world.Zone("5.2.0.192.a.example.net. A 127.0.0.99"); err != nil {
		t.Fatal(err)
	}
	b.run(dnsblCheck, aSender("192.0.2.5"))
	got := b.env.Lists.States()[0].Queries
	delete(got, askedTest)
	want := map[string]uint64{askedListed: 1, askedNotListed: 1, askedUnknownCode: 1, askedError: 1, askedBlocked: 1, askedHijacked: 0, askedText: 1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("queries %v, want %v", got, want)
	}
}

// TestListTestIsShared: rounds that need a test at the same time make one.
func TestListTestIsShared(t *testing.T) {
	b := newBench(t, testPoints, listsOf(ipList("a"))...)
	var running sync.WaitGroup
	for i := range 20 {
		running.Go(func() {
			r := b.round(aSender(fmt.Sprintf("192.0.2.%d", 10+i)))
			if err := dnsblCheck.Run(t.Context(), r); err != nil || r.Result.Parts[0].Unknown != nil {
				t.Errorf("%v: %v", err, seenBy(&r.Result, nil))
			}
		})
	}
	running.Wait()
	if n := b.world.Queries("2.0.0.127.a.example.net.", "A"); n != 1 {
		t.Errorf("the list was tested %d times", n)
	}
}

// TestListTestCutOff: a test that its round's end cut off found nothing, and the next round makes another.
func TestListTestCutOff(t *testing.T) {
	b := newBench(t, testPoints, listsOf(ipList("a"))...)
	b.world.Fault(".", mailworld.FaultSilent)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := b.round(aSender("192.0.2.1"))
	if err := dnsblCheck.Run(ctx, r); err != nil || r.Result.Parts[0].Unknown == nil {
		t.Errorf("cut off: %v, %s", err, seenBy(&r.Result, nil))
	}
	if s := b.env.Lists.States()[0].State; s != "" {
		t.Errorf("a test that was cut off found the list %q", s)
	}
	b.world.Fault(".", "")
	if got := b.run(dnsblCheck, aSender("192.0.2.1")); got != "dnsbl_listed 192.0.2.1 a 0" {
		t.Errorf("afterwards: %s", got)
	}
}

// TestListFindings: that a blocklist is of no use here is the vantage's problem, from the moment that it is known.
func TestListFindings(t *testing.T) {
	b := newBench(t, testPoints, listsOf(ipList("a"), ipList("b"), ipList("c"), domainList("d"))...)
	must(b, b.world.Zone("*.c.example.net. 0 A 127.255.255.254"))
	b.world.Remove("2.0.0.127.b.example.net.")
	b.run(dnsblCheck, aSender("192.0.2.1"))
	want := []Finding{
		{Problem: "vantage_dnsbl_sick", Evidence: say("%s: %s", "b", wordsOf(sickBecause(errors.New("it does not list its test point")))), Values: catalog.Values{catalog.ValueList: "b"}},
		{Problem: "vantage_dnsbl_refused", Evidence: say("%s: %s", "c", say("%s: %s", wordsOf(errListSick), say("it answers %s, by which it refuses to serve us", "127.255.255.254"))), Values: catalog.Values{catalog.ValueList: "c"}},
	}
	if got := b.env.Lists.Findings(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	b.world.Remove("*.c.example.net.")
	must(b, b.world.Zone(testPoints+"2.0.0.127.c.example.net. A 127.0.0.2"))
	for _, l := range b.env.Lists.lists {
		l.health.since = l.health.since.Add(-retestBad)
	}
	b.run(dnsblCheck, aSender("192.0.2.1"))
	if got := b.env.Lists.Findings(); len(got) > 0 {
		t.Errorf("mended, and still %+v", got)
	}
}

// TestListsReload: over a reload, lists that are asked as before keep what is known of them, and all that stay the count of
// their questions.
func TestListsReload(t *testing.T) {
	small := func(perDay int) targets.List { return targets.List{Blocklist: ipList("a"), MaxQueriesPerDay: perDay} }
	b := newBench(t, testPoints, small(10), targets.List{Blocklist: ipList("gone")})
	b.run(dnsblCheck, aSender("192.0.2.1")) // A test of three and one address, of the five that may be asked at once.
	old := b.env.Lists
	other, err := dnsclient.New(dnsclient.Options{Servers: []string{b.world.Resolver()}})
	must(b, err)
	for _, test := range []struct {
		name   string
		list   targets.List
		dns    *dnsclient.Client
		state  string
		tokens float64
	}{
		{"as before", small(10), b.env.DNS, listOK, 1},
		{"a larger budget", small(20), b.env.DNS, "", 6},
		{"a smaller budget", small(8), b.env.DNS, "", 0},
		{"another resolver", small(10), other, "", 1},
	} {
		cfg := &targets.Config{Blocklists: targets.Blocklists{Lists: []targets.List{{Blocklist: ipList("b")}, test.list}}}
		all, err := NewLists(cfg, test.dns, nil, old)
		must(b, err)
		s, l := all.States(), all.byID("a")
		if len(s) != 2 || s[0].State != "" || s[1].State != test.state || math.Abs(l.budget.Tokens()-test.tokens) > 0.1 {
			t.Errorf("%s: %+v, %v questions left", test.name, s, l.budget.Tokens())
		}
		if !all.Uses("192.0.2.1 a") || all.Uses("192.0.2.1 gone") {
			t.Errorf("%s: a or gone is not rightly in use", test.name)
		}
	}
}

func TestListBudget(t *testing.T) {
	for _, test := range []struct{ published, configured int }{{1000, 8}, {8, 0}, {5, 0}} {
		published := ipList("a")
		published.QueriesPerDay = test.published
		b := newBench(t, testPoints, targets.List{Blocklist: published, MaxQueriesPerDay: test.configured}, targets.List{Blocklist: ipList("b")})
		// Half of the day's eight may be asked at once, and of five as many: a test of three, and one address.
		if got, want := b.run(dnsblCheck, aSender("192.0.2.1")), "dnsbl_listed 192.0.2.1 a 0\ndnsbl_listed 192.0.2.1 b 0"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := b.run(dnsblCheck, aSender("192.0.2.2")), "192.0.2.2 a: unknown: "+errListBudget.Error()+"\ndnsbl_listed 192.0.2.2 b 0"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestListInterval: a list may be asked less often than the check runs.
func TestListInterval(t *testing.T) {
	b := newBench(t, testPoints, targets.List{Blocklist: ipList("a"), Interval: 6 * time.Hour}, targets.List{Blocklist: ipList("b")})
	start := b.now
	for hour, want := range map[time.Duration]string{
		1: "192.0.2.1 a: left out\ndnsbl_listed 192.0.2.1 b 0",
		5: "192.0.2.1 a: left out\ndnsbl_listed 192.0.2.1 b 0",
		6: "dnsbl_listed 192.0.2.1 a 0\ndnsbl_listed 192.0.2.1 b 0",
	} {
		b.last = map[string]time.Time{"192.0.2.1 a": start.Add(-hour * time.Hour)}
		b.now = start
		if got := b.run(dnsblCheck, aSender("192.0.2.1")); got != want {
			t.Errorf("after %d hours: got\n%s\nwant\n%s", hour, got, want)
		}
	}
}

// TestListIntervalBetweenRounds: a list is not asked more often than its interval says, though rounds are not punctual.
func TestListIntervalBetweenRounds(t *testing.T) {
	b := newBench(t, testPoints, targets.List{Blocklist: ipList("a"), Interval: 90 * time.Minute})
	start := b.now
	for minutes, want := range map[time.Duration]string{
		60: "192.0.2.1 a: left out", 83: "192.0.2.1 a: left out", 85: "dnsbl_listed 192.0.2.1 a 0", 120: "dnsbl_listed 192.0.2.1 a 0",
	} {
		b.last = map[string]time.Time{"192.0.2.1 a": start.Add(-minutes * time.Minute)}
		b.now = start
		if got := b.run(dnsblCheck, aSender("192.0.2.1")); got != want {
			t.Errorf("after %d minutes: got %s, want %s", minutes, got, want)
		}
	}
}

// TestListResolver: a list may have a resolver of its own.
func TestListResolver(t *testing.T) {
	other := newBench(t, testPoints+"1.2.0.192.a.example.net. A 127.0.0.2")
	b := newBench(t, testPoints, targets.List{Blocklist: ipList("a"), Resolver: other.world.Resolver()}, targets.List{Blocklist: ipList("b")})
	want := "dnsbl_listing 192.0.2.1 a 127.0.0.2 spam critical 1\ndnsbl_listed 192.0.2.1 a 1\n! dnsbl_listed critical\ndnsbl_listed 192.0.2.1 b 0"
	if got := b.run(dnsblCheck, aSender("192.0.2.1")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := NewLists(b.env.Config, b.env.DNS, func(string) (*dnsclient.Client, error) { return nil, dnsclient.ErrBadName }, nil); err == nil || !strings.Contains(err.Error(), "a: resolver:") {
		t.Errorf("error %v", err)
	}
}

// TestKeysStaySecret: a key is part of the names that are asked for, and shows nowhere.
func TestKeysStaySecret(t *testing.T) {
	const key = "s3cr3tk3y"
	keyed := ipList("a")
	keyed.KeyName, keyed.KeyedZone = "a_keys", "{key}.a.example.com"
	for fault, want := range map[mailworld.DNSFault]string{
		"":                           "dnsbl_listed 192.0.2.1 a 0",
		mailworld.FaultServFail:      "192.0.2.1 a: unknown: the list cannot be believed: look up A of \"2.0.0.127.***.a.example.com\"",
		mailworld.FaultOtherQuestion: "192.0.2.1 a: unknown: the list cannot be believed: look up A of \"2.0.0.127.***.a.example.com\"",
	} {
		b := newBench(t, "2.0.0.127."+key+".a.example.com. A 127.0.0.2", targets.List{Blocklist: keyed, Key: targets.NewSecret(key)})
		b.world.Fault(key+".a.example.com.", fault)
		got := b.run(dnsblCheck, aSender("192.0.2.1"))
		s := b.env.Lists.States()[0]
		if all := fmt.Sprint(got, s); !strings.HasPrefix(got, want) || strings.Contains(all, key) {
			t.Errorf("%q: got %s, want %s", fault, all, want)
		}
	}
}

// TestListsAtOnce: the name server answers about the address only when every list has been asked, so that lists
// asked one after the other would never be answered.
func TestListsAtOnce(t *testing.T) {
	const n = 50
	resolver := startBarrier(t, "1.2.0.192.", n)
	client, err := dnsclient.New(dnsclient.Options{Servers: []string{resolver}, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var lists []targets.List
	for i := range n {
		lists = append(lists, targets.List{Blocklist: ipList(fmt.Sprintf("list%d", i))})
	}
	cfg := &targets.Config{Blocklists: targets.Blocklists{Lists: lists}}
	all, err := NewLists(cfg, client, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &Round{
		Target: aSender("192.0.2.1"), Env: &Env{Config: cfg, DNS: client, Lists: all}, Time: time.Now(), Facts: &Facts{},
		Last: func(string) (time.Time, bool) { return time.Time{}, false },
	}
	if err := dnsblCheck.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for i, p := range r.Result.Parts {
		if p.Unknown != nil || p.Key != fmt.Sprintf("192.0.2.1 list%d", i) {
			t.Errorf("part %d: %s: %v", i, p.Key, p.Unknown)
		}
	}
	if len(r.Result.Parts) != n {
		t.Errorf("%d parts, want %d", len(r.Result.Parts), n)
	}
}

// startBarrier starts a name server that has an A record for every name that begins as a test point does, no other, and
// answers none of the names that begin with held before n of them were asked for.
func startBarrier(t *testing.T, held string, n int) string {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		type waiting struct {
			answer []byte
			to     net.Addr
		}
		var wait []waiting
		buf := make([]byte, 4096)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			answer, name := answerTo(buf[:size])
			if !strings.HasPrefix(name, held) {
				_, _ = conn.WriteTo(answer, from)
				continue
			}
			if wait = append(wait, waiting{answer, from}); len(wait) == n {
				for _, w := range wait {
					_, _ = conn.WriteTo(w.answer, w.to)
				}
			}
		}
	}()
	return conn.LocalAddr().String()
}

// answerTo makes the answer to a query: the header, the question, and for a test point 127.0.0.2 (RFC 1035 section 4.1).
func answerTo(query []byte) (answer []byte, name string) {
	end := 12
	for query[end] != 0 {
		length := int(query[end])
		name += string(query[end+1:end+1+length]) + "."
		end += 1 + length
	}
	answer = slices.Clone(query[:end+5])
	copy(answer[2:], []byte{0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0}) // No such name.
	if strings.HasPrefix(name, "2.0.0.127.") {
		answer[3], answer[7] = 0x80, 1
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 2)
	}
	return answer, name
}

// TestListControl: whether the resolver invents answers is asked once for lists that are tested together.
func TestListControl(t *testing.T) {
	b := newBench(t, testPoints, listsOf(ipList("a"), ipList("b"), ipList("c"))...)
	asked := 0 // All lists of a resolver have one control, whose mutex guards this.
	counting, err := dnsclient.New(dnsclient.Options{Servers: []string{b.world.Resolver()}, Observe: func(string) { asked++ }})
	must(b, err)
	control := b.env.Lists.controls[""]
	control.dns = counting.Uncached()
	b.run(dnsblCheck, aSender("192.0.2.1"))
	if asked != 1 {
		t.Errorf("three lists asked %d times, want once", asked)
	}
	must(b, b.world.Zone("*.invalid. A 203.0.113.80"))
	if err := control.invents(t.Context()); err != nil || asked != 1 {
		t.Errorf("asked %d times within a minute: %v", asked, err)
	}
	control.at = control.at.Add(-controlGood)
	if err := control.invents(t.Context()); err == nil || asked != 2 {
		t.Errorf("a minute later, asked %d times: %v", asked, err)
	}
}
