package collector

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

var update = flag.Bool("update", false, "write the table of DNS questions into docs/performance.md")

// A need is what a check has to ask of a target, and who demands it.
type need struct {
	check string
	of    []string // Targets. In questions HOST and PORT are theirs, [V4] and [V6] their addresses in reverse, and * is a random label.
	asks  []string
	why   string
	from  string
}

var (
	wholeName    = []string{"example.org"}
	wholeServers = []string{"mx1.example.org:25", "mx2.example.org:25", "smtp.example.org:587"}
	wholeSender  = []string{"out.example.org"}
)

// needs are what the RFCs have whoever looks at the domain of wholeDomain ask, and nothing beyond that.
var needs = []need{
	{"mx", wholeName, []string{"MX example.org"}, "where its mail goes", "RFC 5321 section 5.1"},
	{"mx", wholeName, []string{"A mx1.example.org", "AAAA mx1.example.org", "A mx2.example.org", "AAAA mx2.example.org"}, "whether each MX host can be reached, by both families", "RFC 5321 section 5.1"},
	{"mx", wholeName, []string{"TXT example.org"}, "which MX hosts also send, by the SPF record", "RFC 7208 section 4.4"},
	{"spf", wholeName, []string{"TXT example.org"}, "the record", "RFC 7208 section 4.4"},
	{"spf", wholeName, []string{"A out.example.org", "AAAA out.example.org"}, "the addresses to evaluate it for, and `a`", "RFC 7208 sections 4.1, 5.3"},
	{"spf", wholeName, []string{"MX example.org", "A mx1.example.org", "AAAA mx1.example.org", "A mx2.example.org", "AAAA mx2.example.org"}, "`mx`, for senders of both families", "RFC 7208 section 5.4"},
	{"spf", wholeName, []string{"TXT _spf.example.net"}, "`include`", "RFC 7208 section 5.2"},
	{"dkim", wholeName, []string{"TXT s1._domainkey.example.org", "TXT s2._domainkey.example.org"}, "the key of each configured selector", "RFC 6376 section 3.6.2"},
	{"dmarc", wholeName, []string{"TXT _dmarc.example.org"}, "the record; the walk up the tree ends at once", "RFC 9989 section 4.10"},
	{"dmarc", wholeName, []string{"TXT example.org._report._dmarc.example.net"}, "whether the other domain wants the reports", "RFC 7489 section 7.1, RFC 9990"},
	{"dmarc", wholeName, []string{"TXT s1._domainkey.example.org"}, "one key that can be used, for alignment", "RFC 9989 section 4.4"},
	{"dnssec", wholeName, []string{"MX example.org"}, "whether the answer is secure", "RFC 7672 section 2.2.1"},
	{"mta_sts", wholeName, []string{"TXT _mta-sts.example.org"}, "the record", "RFC 8461 section 3.1"},
	{"mta_sts", wholeName, []string{"A mta-sts.example.org", "AAAA mta-sts.example.org"}, "where the policy is fetched", "RFC 8461 section 3.3"},
	{"mta_sts", wholeName, []string{"MX example.org"}, "the hosts that it must cover", "RFC 8461 section 4.1"},
	{"tls_rpt", wholeName, []string{"TXT _smtp._tls.example.org"}, "the record", "RFC 8460 section 3"},
	{"bimi", wholeName, []string{"TXT default._bimi.example.org"}, "the record", "BIMI draft"},
	{"bimi", wholeName, []string{"TXT _dmarc.example.org"}, "whether DMARC lets the logo be shown", "BIMI draft"},
	{"bulk", wholeName, []string{"TXT example.org", "A out.example.org", "AAAA out.example.org"}, "whether the senders pass SPF", "RFC 7208 section 4"},
	{"bulk", wholeName, []string{"MX example.org", "A mx1.example.org", "AAAA mx1.example.org", "A mx2.example.org", "AAAA mx2.example.org"}, "`mx` of that record", "RFC 7208 section 5.4"},
	{"bulk", wholeName, []string{"TXT s1._domainkey.example.org"}, "one key that can be used", "RFC 6376 section 3.6.2"},
	{"bulk", wholeName, []string{"TXT _dmarc.example.org"}, "whether there is a DMARC record", "RFC 9989 section 4.10"},
	{"bulk", wholeName, []string{"PTR 9.113.0.203.in-addr.arpa", "PTR 9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"}, "whether the senders have names that lead back", "RFC 8601 section 3"},
	{"bulk", wholeName, []string{"SOA example.org"}, "whether the domain exists", "RFC 1035 section 3.3.13"},
	{"dnsbl", wholeName, []string{"A example.org.list.example.net"}, "whether the list has the domain", "RFC 5782 section 3"},
	{"dnsbl", wholeName, []string{"MX example.org"}, "which of the domain's own names take mail", "RFC 5321 section 5.1"},
	{"dnsbl", wholeName, []string{"A mx1.example.org.list.example.net", "A mx2.example.org.list.example.net"}, "whether the list has one of those names", "RFC 5782 section 3"},
	{"dnsbl", wholeName, listTest, "whether the list can be believed; every six hours", "RFC 5782 section 5"},
	{"smtp", wholeServers, []string{"A HOST", "AAAA HOST"}, "where to connect to", "RFC 5321 section 5.1"},
	{"recipient", wholeServers[:1], []string{"A HOST", "AAAA HOST"}, "where to connect to", "RFC 5321 section 5.1"},
	{"relay", wholeServers[1:2], []string{"A HOST", "AAAA HOST"}, "where to connect to", "RFC 5321 section 5.1"},
	{"auth", wholeServers[2:], []string{"A HOST", "AAAA HOST"}, "where to connect to", "RFC 5321 section 5.1"},
	{"dane", wholeServers, []string{"A HOST", "AAAA HOST"}, "whether the addresses are secure", "RFC 7672 section 2.2"},
	{"dane", wholeServers, []string{"TLSA _PORT._tcp.HOST"}, "the promise", "RFC 7672 section 2.2.3"},
	{"rdns", wholeServers, []string{"PTR [V4].in-addr.arpa", "PTR [V6].ip6.arpa"}, "the names of each address", "RFC 8601 section 3"},
	{"rdns", wholeServers, []string{"A HOST", "AAAA HOST"}, "which addresses, and whether the names lead back", "RFC 8601 section 3"},
	{"dnsbl", wholeServers, []string{"A HOST", "AAAA HOST"}, "which addresses", "RFC 5782 section 2.1"},
	{"dnsbl", wholeServers, []string{"A [V4].list.example.net", "A [V6].list.example.net"}, "whether the list has an address", "RFC 5782 sections 2.1, 2.4"},
	{"dnsbl", wholeServers, []string{"PTR [V4].in-addr.arpa", "PTR [V6].ip6.arpa"}, "by which names others know the addresses", "RFC 8601 section 3"},
	{"dnsbl", wholeServers, []string{"MX example.org"}, "which names the domain asks about", "RFC 5321 section 5.1"},
	{"dnsbl", wholeServers[2:], []string{"A HOST.list.example.net"}, "whether the list has a name of the server's that the domain does not ask about", "RFC 5782 section 3"},
	{"dnsbl", wholeServers, listTest, "whether the list can be believed; once for all targets", "RFC 5782 section 5"},
	{"rdns", wholeSender, []string{"PTR [V4].in-addr.arpa", "PTR [V6].ip6.arpa"}, "the names of each address", "RFC 8601 section 3"},
	{"rdns", wholeSender, []string{"A HOST", "AAAA HOST"}, "which addresses, and whether the names lead back", "RFC 8601 section 3"},
	{"spf", wholeSender, []string{"TXT HOST"}, "the record of the HELO name", "RFC 7208 section 2.3"},
	{"spf", wholeSender, []string{"A HOST", "AAAA HOST"}, "the addresses to evaluate it for, and `a`", "RFC 7208 sections 4.1, 5.3"},
	{"dnsbl", wholeSender, []string{"A HOST", "AAAA HOST"}, "which addresses", "RFC 5782 section 2.1"},
	{"dnsbl", wholeSender, []string{"A [V4].list.example.net", "A [V6].list.example.net"}, "whether the list has an address", "RFC 5782 sections 2.1, 2.4"},
	{"dnsbl", wholeSender, []string{"PTR [V4].in-addr.arpa", "PTR [V6].ip6.arpa"}, "by which names others know the addresses", "RFC 8601 section 3"},
	{"dnsbl", wholeSender, []string{"MX example.org"}, "which names the domain asks about", "RFC 5321 section 5.1"},
	{"dnsbl", wholeSender, []string{"A HOST.list.example.net"}, "whether the list has the sender's name", "RFC 5782 section 3"},
	{"dnsbl", wholeSender, listTest, "whether the list can be believed; once for all targets", "RFC 5782 section 5"},
}

// listTest are the questions by which a blocklist is tested.
var listTest = []string{"A 2.0.0.127.list.example.net", "A 1.0.0.127.list.example.net", "A *.list.example.net", "A *.invalid"}

// TestDNSCost asks everything of a domain that has everything, over real DNS. Every check alone, with nothing remembered, asks what the RFCs
// demand and no more; all of them together ask each question once; and while the answers hold, nothing is asked again.
func TestDNSCost(t *testing.T) {
	world, config := wholeDomain(t, "3600")
	cost := map[string]tally{}
	for _, target := range config.Targets {
		for check := range target.Every {
			c := restarted(t, world, config)
			st := stateOf(c, target.Name)
			// A server's names are those of its session, which check smtp holds and for which it asks nothing but everybody else does.
			due := slices.DeleteFunc(slices.Clone(st.plans), func(p *plan) bool { return p.check.Name != check && p.check.Name != "smtp" })
			run := func() { c.round(t.Context(), st, due, time.Now()) }
			one := tally{asked(world, run), asked(world, run)}
			if want := demanded(check, target.Name); !maps.Equal(one.cold, want) {
				t.Errorf("%s of %s asks\n%v\nwant\n%v", check, target.Name, one.cold, want)
			}
			if 2*total(one.again) > total(one.cold) {
				t.Errorf("%s of %s asks again while the answers hold: %v", check, target.Name, one.again)
			}
			cost[check+" "+target.Name] = one
		}
	}

	c := restarted(t, world, config)
	all := tally{asked(world, func() { everyRound(t, c) }), asked(world, func() { everyRound(t, c) })}
	want(t, text(t, c, "problem"), "")
	if whole := demanded("", ""); !maps.Equal(all.cold, whole) {
		t.Errorf("all together ask\n%v\nwant\n%v", all.cold, whole)
	}
	if cold, again := total(all.cold), total(all.again); 2*again > cold {
		t.Errorf("%d questions at first, and %d while the answers hold: %v", cold, again, all.again)
	}
	compareTable(t, costTable(cost, all))
}

// TestDNSCostWithoutTTL: a round asks once even for records that may not be remembered, and the next round asks again.
func TestDNSCostWithoutTTL(t *testing.T) {
	world, config := wholeDomain(t, "0")
	c := restarted(t, world, config)
	st := stateOf(c, "example.org")
	due := slices.DeleteFunc(slices.Clone(st.plans), func(p *plan) bool { return p.check.Name == "dnsbl" }) // Lists have intervals of their own.
	first := asked(world, func() { c.round(t.Context(), st, due, time.Now()) })
	second := asked(world, func() { c.round(t.Context(), st, due, time.Now()) })
	if !maps.Equal(first, second) {
		t.Errorf("first\n%v\nand then\n%v", first, second)
	}
	if len(first) < 15 || total(first) != len(first) {
		t.Errorf("%d questions, %d in all: %v", len(first), total(first), first)
	}
}

// TestDNSCostOfNothing: that a domain has nothing of all this is remembered, too (RFC 2308 section 5).
func TestDNSCostOfNothing(t *testing.T) {
	world, config := wholeDomain(t, "3600")
	for name := range maps.Keys(demanded("", "")) {
		if _, name, _ = strings.Cut(name, " "); !strings.Contains(name, "list.") {
			world.Remove(name)
		}
	}
	c := restarted(t, world, config)
	first, second := asked(world, func() { everyRound(t, c) }), asked(world, func() { everyRound(t, c) })
	if len(first) < 15 || total(first) != len(first) || len(second) > 0 {
		t.Errorf("%d questions, %d in all, and later %d: %v, %v", len(first), total(first), total(second), first, second)
	}
}

// restarted returns a collector that remembers nothing.
func restarted(t *testing.T, world *mailworld.World, config *targets.Config) *Collector {
	t.Helper()
	c, err := New(Options{Config: config, Dialer: world.Dialer(), Route: mailworld.Route, Roots: world.Roots()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// everyRound runs all checks of all targets at once.
func everyRound(t *testing.T, c *Collector) {
	var rounds sync.WaitGroup
	for _, target := range c.regime.Load().cfg.Targets {
		st := stateOf(c, target.Name)
		rounds.Go(func() { c.round(t.Context(), st, st.plans, time.Now()) })
	}
	rounds.Wait()
}

// A tally is how often each question was asked with nothing remembered, and then again.
type tally struct{ cold, again map[string]int }

var randomLabel = regexp.MustCompile(`\b[a-z2-7]{26}\.`)

// asked returns how often each question is asked while do runs.
func asked(world *mailworld.World, do func()) map[string]int {
	before := world.Questions()
	do()
	all := map[string]int{}
	for question, n := range world.Questions() {
		if n -= before[question]; n == 0 {
			continue
		}
		all[randomLabel.ReplaceAllString(question, "*.")] += n
	}
	return all
}

// total is how many questions that were.
func total(asked map[string]int) (n int) {
	for _, times := range asked {
		n += times
	}
	return n
}

// demanded is each question, once, that a check has to ask of a target; "" stands for all of them.
func demanded(check, target string) map[string]int {
	all := map[string]int{}
	for _, n := range needs {
		for _, of := range n.of {
			if check != "" && check != n.check || target != "" && target != of {
				continue
			}
			for _, question := range n.questions(of) {
				all[question] = 1
			}
		}
	}
	return all
}

// questions are those about one target.
func (n need) questions(target string) []string {
	host, port, _ := strings.Cut(target, ":")
	replace := []string{"HOST", host, "PORT", port}
	for _, h := range wholeHosts {
		if h.name == host {
			replace = append(replace, "[V4]", dnsclient.Reverse(h.v4), "[V6]", dnsclient.Reverse(h.v6))
		}
	}
	var questions []string
	for _, q := range n.asks {
		questions = append(questions, strings.NewReplacer(replace...).Replace(q))
	}
	return questions
}

// costTable is the section of docs/performance.md: how many questions each need costs the check alone, how many of them nobody
// in a row above has asked, and how many are asked again while the answers hold.
func costTable(cost map[string]tally, all tally) string {
	var b strings.Builder
	b.WriteString("| check | of | asks for | because | from | alone | new | again |\n|---|---|---|---|---|---|---|---|\n")
	seen := map[string]bool{}
	for _, n := range needs {
		alone, fresh, again := 0, 0, 0
		for _, target := range n.of {
			one := cost[n.check+" "+target]
			for _, question := range n.questions(target) {
				alone += one.cold[question]
				again += one.again[question]
				if !seen[question] {
					fresh++
				}
				seen[question] = true
			}
		}
		of := "the domain"
		switch {
		case n.of[0] == wholeSender[0]:
			of = "the sender"
		case len(n.of) > 1:
			of = fmt.Sprintf("each of %d servers", len(n.of))
		case n.of[0] != wholeName[0]:
			of = "a server"
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | %s | %d | %d | %d |\n", n.check, of, strings.Join(n.asks, "`, `"), n.why, n.from, alone, fresh, again)
	}
	fmt.Fprintf(&b, "| all together | | | | | | %d | %d |\n", total(all.cold), total(all.again))
	return b.String()
}

// compareTable fails unless docs/performance.md has the table. `make docs` writes it.
func compareTable(t *testing.T, table string) {
	t.Helper()
	const file = "../docs/performance.md"
	const begin, end = "<!-- dns: made from what was asked by `make docs` -->\n", "<!-- end of dns -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, opens := strings.Cut(string(text), begin)
	_, after, closes := strings.Cut(rest, end)
	if !opens || !closes {
		t.Fatalf("%s has no section dns", file)
	}
	now := before + begin + "\n" + table + "\n" + end + after
	switch {
	case now == string(text):
	case !*update:
		t.Errorf("%s: the section dns is not what was asked; run: make docs", file)
	default:
		if err := os.WriteFile(file, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
