package checks

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
)

// goingOut is a bench whose connections come from addresses, which have names that lead back.
func goingOut(t *testing.T, v4, v6 string, lists ...*catalog.Blocklist) *bench {
	b := newBench(t, vantageZone+testPoints+`
out.example.net. A 203.0.113.9
out.example.net. AAAA 2001:db8::9
9.113.0.203.in-addr.arpa. PTR out.example.net.
9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR out.example.net.
`, listsOf(lists...)...)
	b.env.Memory = NewMemory()
	b.env.Outgoing = func(family int) netip.Addr {
		addr, _ := netip.ParseAddr(map[int]string{4: v4, 6: v6}[family])
		return addr
	}
	return b
}

// about runs the check and gives what it says of tests of our own addresses.
func (b *bench) about(tests string) string {
	b.Helper()
	var out []string
	for line := range strings.SplitSeq(withoutReasons(b.run(vantageCheck, vantageTarget)), "\n") {
		for name := range strings.FieldsSeq(tests) {
			if strings.Contains(line, "vantage_ok "+name+" ") || strings.HasPrefix(line, "! vantage_"+name) || strings.HasPrefix(line, name+":") {
				out = append(out, line)
			}
		}
	}
	return strings.Join(out, "\n")
}

func TestVantagePTR(t *testing.T) {
	const v4, v6 = "203.0.113.9", "2001:db8::9"
	const reverse4 = "9.113.0.203.in-addr.arpa."
	for _, test := range []struct {
		name, v4, v6 string
		change       func(b *bench)
		want         string
	}{
		{"both confirmed", v4, v6, nil, "vantage_ok ptr 1"},
		{"no IPv6", v4, "", nil, "vantage_ok ptr 1"},
		{"behind NAT", "192.168.1.9", "fd00::9", nil, ""},
		{"behind NAT by IPv4 alone", "100.64.1.9", v6, nil, "vantage_ok ptr 1"},
		{"NAT whose range may be probed", "10.0.0.9", "", func(b *bench) {
			b.env.Config.AllowAddresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		}, ""},
		{"no way out", "", "", nil, ""},
		{"not known", "", "", func(b *bench) { b.env.Outgoing = nil }, ""},
		{"no name", v4, v6, func(b *bench) { b.world.Remove(reverse4) }, "vantage_ok ptr 0\n! vantage_ptr"},
		{"a name that leads elsewhere", "203.0.113.10", "", func(b *bench) {
			must(b, b.world.Zone("10.113.0.203.in-addr.arpa. PTR out.example.net."))
		}, "vantage_ok ptr 0\n! vantage_ptr"},
		{"cannot be told", v4, v6, func(b *bench) { b.world.Fault(reverse4, mailworld.FaultServFail) }, "ptr: unknown"},
		{"cannot be told of one, and the other has none", v4, "2001:db8::10", func(b *bench) {
			b.world.Fault(reverse4, mailworld.FaultServFail)
		}, "vantage_ok ptr 0\n! vantage_ptr"},
		{"a configured sender's", "203.0.113.10", "", func(b *bench) {
			b.env.Ours = map[netip.Addr]string{netip.MustParseAddr("203.0.113.10"): "203.0.113.10"}
		}, "vantage_ok ptr 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := goingOut(t, test.v4, test.v6)
			if test.change != nil {
				test.change(b)
			}
			if got := b.about("ptr listed"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestVantageListed(t *testing.T) {
	const v4 = "203.0.113.9"
	for _, test := range []struct {
		name, v4 string
		lists    []*catalog.Blocklist
		change   func(b *bench)
		want     string
	}{
		{"on none", v4, []*catalog.Blocklist{ipList("a"), ipList("b")}, nil, "vantage_ok listed 1"},
		{"no lists", v4, nil, nil, ""},
		{"no list of addresses", v4, []*catalog.Blocklist{domainList("names")}, nil, ""},
		{"behind NAT", "10.0.0.9", []*catalog.Blocklist{ipList("a")}, nil, ""},
		{"on one", v4, []*catalog.Blocklist{ipList("a"), ipList("b")}, func(b *bench) {
			must(b, b.world.Zone("9.113.0.203.b.example.net. A 127.0.0.2"))
		}, "vantage_ok listed 0\n! vantage_listed"},
		{"on one, and the other is silent", v4, []*catalog.Blocklist{ipList("a"), ipList("b")}, func(b *bench) {
			must(b, b.world.Zone("9.113.0.203.b.example.net. A 127.0.0.2"))
			b.world.Fault("a.example.net.", mailworld.FaultServFail)
		}, "vantage_ok listed 0\n! vantage_listed"},
		{"one cannot be asked", v4, []*catalog.Blocklist{ipList("a"), ipList("b")}, func(b *bench) {
			b.world.Fault("a.example.net.", mailworld.FaultServFail)
		}, "listed: unknown"},
		{"a code that nobody knows", v4, []*catalog.Blocklist{ipList("a")}, func(b *bench) {
			must(b, b.world.Zone("9.113.0.203.a.example.net. A 127.0.0.7"))
		}, "listed: unknown"},
		{"the list has the whole world", v4, []*catalog.Blocklist{ipList("a")}, func(b *bench) {
			must(b, b.world.Zone("*.a.example.net. A 127.0.0.2"))
		}, "listed: unknown"},
		{"a configured sender's", v4, []*catalog.Blocklist{ipList("a")}, func(b *bench) {
			must(b, b.world.Zone("9.113.0.203.a.example.net. A 127.0.0.2"))
			b.env.Ours = map[netip.Addr]string{netip.MustParseAddr(v4): v4}
		}, "vantage_ok listed 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := goingOut(t, test.v4, "", test.lists...)
			if test.change != nil {
				test.change(b)
			}
			if got := b.about("listed"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestVantageListedHourly: a list is asked about our own address once an hour, whatever it said and however often the check runs.
func TestVantageListedHourly(t *testing.T) {
	const subject = "9.113.0.203.a.example.net."
	for _, fault := range []mailworld.DNSFault{"", mailworld.FaultServFail} {
		b := goingOut(t, "203.0.113.9", "", ipList("a"))
		must(b, b.world.Zone(nothingHolds))
		b.world.Fault(subject, fault)
		begin, first := time.Now(), ""
		for minutes := 0; minutes < 60; minutes += 5 {
			r := b.round(vantageTarget)
			r.Time, r.Every = begin.Add(time.Duration(minutes)*time.Minute), 5*time.Minute
			if err := vantageCheck.Run(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			got := seenBy(&Result{Parts: []*Part{r.Part("listed", HoldRecords)}}, nil)
			if first == "" {
				first = got
			}
			if got != first || got == "" {
				t.Errorf("after %d minutes %q, at first %q", minutes, got, first)
			}
		}
		once := b.world.Queries(subject, "A")
		r := b.round(vantageTarget)
		r.Time, r.Every = begin.Add(time.Hour), 5*time.Minute
		if err := vantageCheck.Run(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		// A question that fails may be repeated at once.
		if again := b.world.Queries(subject, "A"); once == 0 || again != 2*once || fault == "" && once != 1 {
			t.Errorf("fault %q: asked %d times in the first hour, %d in all", fault, once, again)
		}
	}
}

// TestVantageListedWithdrawn: what a list said after its last good test is not held once it cannot be believed.
func TestVantageListedWithdrawn(t *testing.T) {
	b := goingOut(t, "203.0.113.9", "", ipList("a"))
	must(b, b.world.Zone("9.113.0.203.a.example.net. A 127.0.0.2"))
	if got, want := b.about("listed"), "vantage_ok listed 0\n! vantage_listed"; got != want {
		t.Fatalf("got %s", got)
	}
	b.now = b.now.Add(2 * time.Hour)
	b.last["listed"] = b.now.Add(-time.Hour)
	must(b, b.world.Zone("*.a.example.net. A 127.0.0.2"))
	r := b.round(vantageTarget)
	if err := vantageCheck.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if p := r.Part("listed", HoldRecords); p.Unknown == nil || !p.Withdraw || len(p.Findings) != 0 {
		t.Errorf("part %+v", p)
	}
}

// TestVantageHeloPool says EHLO by the name of a pool, of which this machine is the last.
func TestVantageHeloPool(t *testing.T) {
	b := goingOut(t, "203.0.113.99", "")
	zone := ""
	for i := 80; i < 100; i++ {
		zone += fmt.Sprintf("pool.example.net. A 203.0.113.%d\n", i)
	}
	must(b, b.world.Zone(zone))
	b.env.HeloName = "pool.example.net"
	if got := b.run(vantageCheck, vantageTarget); !strings.Contains(got, "vantage_ok helo_resolves 1") {
		t.Errorf("got\n%s\nwant that the EHLO name leads here", got)
	}
}
