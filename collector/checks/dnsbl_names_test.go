package checks

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// namesZone has the test points of the lists d and r, and addresses with their names.
const namesZone = testPoints + `
listed.example.r.example.net. A 127.0.0.132
example.org. MX 10 mx1.example.org.
example.org. MX 20 mx.example.com.
out.example.org. A 192.0.2.1
mx1.example.org. A 192.0.2.11
1.2.0.192.in-addr.arpa. PTR out.example.org.
11.2.0.192.in-addr.arpa. PTR mx1.example.org.
`

// configuredDomains has Standing know domains that ask lists about themselves.
func (b *bench) configuredDomains(names string) {
	b.env.Standing = func(name, check string) (*targets.Target, map[string][]Finding) {
		if check != "dnsbl" || !strings.Contains(" "+names+" ", " "+name+" ") {
			return nil, nil
		}
		t := aDomain(name)
		t.Every = map[string]time.Duration{"dnsbl": time.Hour}
		return t, nil
	}
}

// TestDNSBLNames asks a list of all names (d) and one of registered domains (r).
func TestDNSBLNames(t *testing.T) {
	helo := func(address, name string) *targets.Target {
		s := aSender(address)
		s.Sender.HeloName = name
		return s
	}
	foreign := aServer(targets.RoleMTA, "mx1.example.org")
	foreign.Foreign = true
	for _, test := range []struct {
		name    string
		target  *targets.Target
		said    Names
		domains string // Those that are configured beside the target.
		zone    string
		faults  string // Names of DNS that cannot be told.
		own     string // A pattern of own_servers.
		want    string
	}{
		{
			name: "domain and the exchangers in it", target: aDomain("example.org"),
			want: "dnsbl_listed example.org d 0\ndnsbl_listed example.org r 0\ndnsbl_listed mx1.example.org d 0",
		},
		{
			name: "exchanger that is listed", target: aDomain("example.org"), zone: "mx1.example.org.d.example.net. A 127.0.0.4",
			want: "dnsbl_listed example.org d 0\ndnsbl_listed example.org r 0\ndnsbl_listing mx1.example.org d 127.0.0.4 phishing warning 1\ndnsbl_listed mx1.example.org d 1\n! dnsbl_listed warning",
		},
		{
			name: "exchangers that cannot be told", target: aDomain("example.org"), faults: "example.org.",
			want: "keep others\ndnsbl_listed example.org d 0\ndnsbl_listed example.org r 0",
		},
		{
			name: "exchangers of a provider", target: aDomain("google.com"), zone: "google.com. MX 10 aspmx.l.google.com.",
			want: "dnsbl_listed google.com d 0\ndnsbl_listed google.com r 0",
		},
		{
			name: "of the provider that we are", target: aDomain("google.com"), zone: "google.com. MX 10 aspmx.l.google.com.", own: "*.google.com",
			want: "dnsbl_listed google.com d 0\ndnsbl_listed google.com r 0\ndnsbl_listed aspmx.l.google.com d 0",
		},
		{
			name: "domain below a registered one", target: aDomain("news.example.org"), zone: "news.example.org. MX 10 mx1.example.org.",
			want: "dnsbl_listed news.example.org d 0\ndnsbl_listed example.org r 0\ndnsbl_listed mx1.example.org d 0",
		},
		{
			name: "domain below a configured one", target: aDomain("news.example.org"), domains: "example.org",
			zone: "news.example.org. MX 10 mx1.example.org.\nnews.example.org. MX 20 mx2.example.org.",
			want: "dnsbl_listed news.example.org d 0\ndnsbl_listed mx2.example.org d 0",
		},
		{
			name: "sender whose names are one", target: helo("192.0.2.1", "Out.example.org."),
			want: "dnsbl_listed out.example.org d 0\ndnsbl_listed example.org r 0",
		},
		{
			name: "sender with many names", target: helo("192.0.2.1", "helo.example.com"),
			want: "dnsbl_listed helo.example.com d 0\ndnsbl_listed example.com r 0\ndnsbl_listed out.example.org d 0\ndnsbl_listed example.org r 0",
		},
		{name: "sender without a name", target: aSender("192.0.2.2"), want: ""},
		{name: "name that leads elsewhere", target: aSender("192.0.2.2"), zone: "2.2.0.192.in-addr.arpa. PTR out.example.org.", want: ""},
		{
			name: "name of a pool", target: aSender("192.0.2.2"),
			zone: "2.2.0.192.in-addr.arpa. PTR 192-0-2-2.dyn.example.com.\n192-0-2-2.dyn.example.com. A 192.0.2.2", want: "",
		},
		{name: "names that cannot be told", target: helo("192.0.2.1", "helo.example.com"), faults: "1.2.0.192.in-addr.arpa.", want: "keep others\ndnsbl_listed helo.example.com d 0\ndnsbl_listed example.com r 0"},
		{name: "private sender", target: helo("10.0.0.1", "helo.example.com"), want: ""},
		{
			name: "sender in a configured domain", target: helo("192.0.2.1", "out.example.org"), domains: "example.org",
			want: "dnsbl_listed out.example.org d 0",
		},
		{
			name: "listed by its own name", target: helo("192.0.2.1", "out.example.org"), domains: "example.org", zone: "out.example.org.d.example.net. A 127.0.0.4",
			want: "dnsbl_listing out.example.org d 127.0.0.4 phishing warning 1\ndnsbl_listed out.example.org d 1\n! dnsbl_listed warning",
		},
		{
			name: "listed with its domain", target: helo("192.0.2.1", "out.example.org"), domains: "example.org",
			zone: "example.org.d.example.net. A 127.0.0.4\n*.example.org.d.example.net. A 127.0.0.4",
			want: "dnsbl_listing out.example.org d 127.0.0.4 phishing warning 1\ndnsbl_listed out.example.org d 1",
		},
		{
			name: "listed with a domain that nobody looks after", target: helo("192.0.2.1", "out.example.org"),
			zone: "example.org.d.example.net. A 127.0.0.4\n*.example.org.d.example.net. A 127.0.0.4",
			want: "dnsbl_listing out.example.org d 127.0.0.4 phishing warning 1\ndnsbl_listed out.example.org d 1\n! dnsbl_listed warning\ndnsbl_listed example.org r 0",
		},
		{
			name: "list that cannot be believed", target: helo("192.0.2.1", "out.example.org"), zone: "*.r.example.net. A 127.0.0.4",
			want: "dnsbl_listed out.example.org d 0\nexample.org r: unknown: the list cannot be believed: it lists a random name",
		},
		{
			name: "server, what it says and its names", target: aServer(targets.RoleMTA, "mail.example.com"), said: Names{Banner: "out.example.org", EHLO: "mx1.example.org"},
			zone: "mail.example.com. A 192.0.2.1",
			want: "dnsbl_listed mail.example.com d 0\ndnsbl_listed example.com r 0\ndnsbl_listed out.example.org d 0\ndnsbl_listed example.org r 0",
		},
		{
			name: "server that only receives", target: aServer(targets.RoleMX, "mail.example.com"),
			zone: "mail.example.com. A 192.0.2.3\nmail.example.com.d.example.net. A 127.0.0.4",
			want: "dnsbl_listing mail.example.com d 127.0.0.4 phishing info 1\ndnsbl_listed mail.example.com d 1\n! dnsbl_listed info\ndnsbl_listed example.com r 0",
		},
		{name: "exchanger of a configured domain", target: aServer(targets.RoleMTA, "mx1.example.org"), domains: "example.org", want: ""},
		{name: "whether it is one cannot be told", target: aServer(targets.RoleMTA, "mx1.example.org"), domains: "example.org", faults: "example.org.", want: "keep others"},
		{name: "server of a provider", target: foreign, want: ""},
		{name: "server by address that calls itself by it", target: aServer(targets.RoleMTA, "192.0.2.3"), said: Names{Banner: "[192.0.2.3]", EHLO: "[192.0.2.3]"}, want: ""},
		{name: "public suffix", target: helo("192.0.2.3", "co.uk"), want: ""},
		{name: "not a host name", target: helo("192.0.2.3", "out example.org"), want: "keep others"},
	} {
		t.Run(test.name, func(t *testing.T) {
			registered := domainList("r")
			registered.Registered = true
			b := newBench(t, namesZone+test.zone, listsOf(domainList("d"), registered)...)
			b.said = test.said
			if test.own != "" {
				b.env.Config.OwnServers = []targets.Pattern{{Glob: test.own}}
			}
			b.configuredDomains(test.domains)
			for name := range strings.FieldsSeq(test.faults) {
				b.world.Fault(name, mailworld.FaultServFail)
			}
			b.world.Fault("mx1.example.org.", mailworld.FaultTruncated) // It is told all the same, whatever its domain does.
			if got := b.run(dnsblCheck, test.target); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestDNSBLNamesBudget: a target that shows many names costs no more series than it may: a sender 30 and one
// a list. The lists of addresses, which ask about one thing each, are left out here.
func TestDNSBLNamesBudget(t *testing.T) {
	var zone strings.Builder
	zone.WriteString(testPoints)
	for i := range 20 {
		fmt.Fprintf(&zone, "1.2.0.192.in-addr.arpa. PTR n%c.example.org.\nn%c.example.org. A 192.0.2.1\nexample.org. MX %d n%c.example.org.\n", 'a'+i, 'a'+i, i, 'a'+i)
	}
	for _, n := range []int{1, 3, 12} {
		var lists []*catalog.Blocklist
		for i := range n {
			list := domainList("d")
			list.ID = fmt.Sprintf("d%d", i)
			lists = append(lists, list)
		}
		b := newBench(t, zone.String(), listsOf(lists...)...)
		sender := aSender("192.0.2.1")
		sender.Sender.HeloName = "helo.example.com"
		for _, target := range []*targets.Target{sender, aDomain("example.org"), aServer(targets.RoleMTA, "na.example.org")} {
			r := b.round(target)
			if err := runDNSBL(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			series := 0
			for _, p := range r.Result.Parts {
				series += len(p.Samples)
			}
			if want := n * (1 + spareNames/n); series != want {
				t.Errorf("%s: %d series for %d lists, want %d", target.Name, series, n, want)
			}
			if target != sender {
				continue
			}
			if err := runRDNS(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			series = 10 // Of the target itself, and three each of its checks rdns, spf and dnsbl.
			for _, p := range r.Result.Parts {
				series += len(p.Samples)
			}
			if series > 30+n {
				t.Errorf("%s has %d series with %d lists", target.Name, series, n)
			}
		}
	}
}
