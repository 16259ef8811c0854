package checks

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

func senderAt(host, helo string) *targets.Target {
	sender := &targets.Sender{Host: host, HeloName: helo}
	if addr, err := netip.ParseAddr(host); err == nil {
		sender.Addr = addr
	}
	return &targets.Target{Name: host, Kind: targets.KindSender, Source: targets.SourceConfig, Sender: sender}
}

const reverseZone = `
1.2.0.192.in-addr.arpa.   60 IN PTR   mx.example.org.
mx.example.org.           60 IN A     192.0.2.1
mx.example.org.           60 IN AAAA  2001:db8::1
2.2.0.192.in-addr.arpa.   60 IN PTR   elsewhere.example.org.
elsewhere.example.org.    60 IN A     192.0.2.99
3.2.0.192.in-addr.arpa.   60 IN PTR   elsewhere.example.org.
3.2.0.192.in-addr.arpa.   60 IN PTR   gone.example.org.
3.2.0.192.in-addr.arpa.   60 IN PTR   THIRD.example.org.
third.example.org.        60 IN A     192.0.2.3
5.2.0.192.in-addr.arpa.   60 IN CNAME 5.0-63.2.0.192.in-addr.arpa.
5.0-63.2.0.192.in-addr.arpa. 60 IN PTR five.example.org.
five.example.org.         60 IN A     192.0.2.5
6.2.0.192.in-addr.arpa.   60 IN PTR   alias.example.org.
alias.example.org.        60 IN CNAME six.example.org.
six.example.org.          60 IN A     192.0.2.6
7.2.0.192.in-addr.arpa.   60 IN PTR   v6only.example.org.
v6only.example.org.       60 IN AAAA  ::ffff:192.0.2.7
8.2.0.192.in-addr.arpa.   60 IN PTR   not\032a\032name.example.org.
9.2.0.192.in-addr.arpa.   60 IN PTR   host-192-0-2-9.pool.example.net.
host-192-0-2-9.pool.example.net. 60 IN A 192.0.2.9
9.2.0.192.in-addr.arpa.   60 IN PTR   nine.example.org.
10.2.0.192.in-addr.arpa.  60 IN PTR   dyn-10.example.net.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 60 IN PTR mx.example.org.
`

func TestRDNS(t *testing.T) {
	s := newScene(t, reverseZone)
	for _, c := range []struct{ name, addr, want string }{
		{"confirmed", "192.0.2.1", `
			rdns_names[A] 1
			rdns_forward_confirmed[A] 1
			rdns_generic[A] 0`},
		{"confirmed over IPv6", "2001:db8::1", `
			rdns_names[A] 1
			rdns_forward_confirmed[A] 1
			rdns_generic[A] 0`},
		{"leads elsewhere", "192.0.2.2", `
			rdns_names[A] 1
			rdns_forward_confirmed[A] 0
			rdns_generic[A] 0
			!rdns_unconfirmed`},
		{"one of three leads back", "192.0.2.3", `
			rdns_names[A] 3
			rdns_forward_confirmed[A] 1
			rdns_generic[A] 0`},
		{"no PTR", "192.0.2.4", `
			rdns_names[A] 0
			rdns_forward_confirmed[A] 0
			!rdns_missing`},
		{"no PTR over IPv6", "2001:db8::4", `
			rdns_names[A] 0
			rdns_forward_confirmed[A] 0
			!rdns_missing`},
		{"delegated without a class (RFC 2317)", "192.0.2.5", `
			rdns_names[A] 1
			rdns_forward_confirmed[A] 1
			rdns_generic[A] 0`},
		{"name is an alias", "192.0.2.6", `
			rdns_names[A] 1
			rdns_forward_confirmed[A] 1
			rdns_generic[A] 0`},
		{"mapped address in AAAA", "192.0.2.7", `
			rdns_names[A] 1
			rdns_forward_confirmed[A] 0
			rdns_generic[A] 0
			!rdns_unconfirmed`},
		{"not a host name", "192.0.2.8", `
			rdns_names[A] 1
			rdns_forward_confirmed[A] 0
			!rdns_unconfirmed`},
		{"a pool's name is confirmed, a good one is not", "192.0.2.9", `
			rdns_names[A] 2
			rdns_forward_confirmed[A] 1
			rdns_generic[A] 1
			!rdns_generic`},
		{"a pool's name", "192.0.2.10", `
			rdns_names[A] 1
			rdns_forward_confirmed[A] 0
			rdns_generic[A] 1
			!rdns_unconfirmed
			!rdns_generic`},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantLines(t, s.run(rdnsCheck, senderAt(c.addr, "")), c.addr+"\n"+strings.ReplaceAll(c.want, "[A]", "["+c.addr+"]"))
		})
	}
}

// TestRDNSUnknown tells what could not be told from what is not there.
func TestRDNSUnknown(t *testing.T) {
	s := newScene(t, reverseZone)
	s.Fault("1.2.0.192.in-addr.arpa", mailworld.FaultServFail)
	s.Fault("gone.example.org", mailworld.FaultServFail)
	s.Fault("elsewhere.example.org", mailworld.FaultRefused)
	unknown := func(addr string) bool {
		return strings.Contains(s.run(rdnsCheck, senderAt(addr, "")), addr+"\n  ?")
	}
	if !unknown("192.0.2.1") {
		t.Error("the PTR lookup failed, and yet there is a verdict")
	}
	if !unknown("192.0.2.2") {
		t.Error("the only name could not be looked up, and yet there is a verdict")
	}
	if unknown("192.0.2.3") {
		t.Error("one name leads back, whatever the others do, and yet there is no verdict")
	}
	s.Fault("mx.example.org", mailworld.FaultServFail)
	if got := s.run(rdnsCheck, senderAt("mx.example.org", "")); !strings.HasPrefix(got, "error: ") {
		t.Errorf("got %q, want an error", got)
	}
}

// TestRDNSNoAddress: that a sender's name has no address is an answer. Of a server the check smtp says it.
func TestRDNSNoAddress(t *testing.T) {
	s := newScene(t, reverseZone+"text.example.org. 60 IN TXT x\n")
	for _, host := range []string{"nobody.example.org", "text.example.org"} {
		wantLines(t, s.run(rdnsCheck, senderAt(host, "")), "addresses\n!rdns_no_address")
	}
	if got := s.run(rdnsCheck, serverAt("nobody.example.org", 25)); got != "" {
		t.Errorf("a server without address: got %q, want nothing", got)
	}
}

// TestRDNSFamilies cannot tell the addresses of one family: what was known of them is kept.
func TestRDNSFamilies(t *testing.T) {
	s := newScene(t, reverseZone)
	r := s.round(senderAt("mx.example.org", ""))
	r.Facts.addresses = &once[Addresses]{done: make(chan struct{}), value: Addresses{V4: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Err6: errors.New("lost")}}
	close(r.Facts.addresses.done)
	if err := runRDNS(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if !r.Result.KeepOthers || len(r.Result.Parts) != 2 || r.Part("192.0.2.1", HoldRecords).Unknown != nil {
		t.Errorf("KeepOthers %v, %d parts; want true and that of 192.0.2.1", r.Result.KeepOthers, len(r.Result.Parts))
	}
	if p := r.Part("addresses", HoldRecords); p.Unknown == nil || !p.Withdraw {
		t.Error("that there is no address would be held")
	}
}

// TestRDNSBound gives an address a hundred names: ten of them are followed, and if none of these leads back, one of the others may.
func TestRDNSBound(t *testing.T) {
	var zone strings.Builder
	for i := range 100 {
		fmt.Fprintf(&zone, "1.2.0.192.in-addr.arpa. 60 IN PTR n%02d.example.org.\n", i)
		fmt.Fprintf(&zone, "n%02d.example.org. 60 IN A 192.0.2.200\n", i)
	}
	s := newScene(t, zone.String())
	wantLines(t, s.run(rdnsCheck, senderAt("192.0.2.1", "")), "192.0.2.1\n?"+errManyNames.Error())
	asked := 0
	for i := range 100 {
		asked += s.Queries(fmt.Sprintf("n%02d.example.org", i), "A")
	}
	if asked != maxPTR {
		t.Errorf("%d names were followed, want %d", asked, maxPTR)
	}
}

// TestRDNSManyAddresses has a name lead to more addresses than are kept: that one is not among these proves nothing.
func TestRDNSManyAddresses(t *testing.T) {
	zone := "1.2.0.192.in-addr.arpa. 60 IN PTR pool.example.org.\n"
	for i := range 150 {
		zone += fmt.Sprintf("pool.example.org. 60 IN A 198.51.100.%d\n", i)
	}
	s := newScene(t, zone)
	if got := s.run(rdnsCheck, senderAt("192.0.2.1", "")); !strings.Contains(got, errCut.Error()) || strings.Contains(got, "rdns_unconfirmed") {
		t.Errorf("got %s, want that it cannot be told", got)
	}
}

// TestRDNSSeverity knows for whom a name counts.
func TestRDNSSeverity(t *testing.T) {
	s := newScene(t, "")
	s.serve(mailworld.Server{Name: "mx.example.org"}, "192.0.2.4:25")
	mta, mx, submission := serverAt("192.0.2.4", 25), serverAt("192.0.2.4", 25), serverAt("192.0.2.4", 587)
	mta.Server.Role = targets.RoleMTA
	for _, c := range []struct {
		target *targets.Target
		want   string
	}{{mta, "!rdns_missing"}, {mx, "!rdns_missing info"}, {submission, "!rdns_missing info"}, {senderAt("192.0.2.4", ""), "!rdns_missing"}} {
		wantLines(t, only(s.run(rdnsCheck, c.target), "!"), c.want)
	}
}

// TestHeloNames compares what a server or sender calls itself with its names and addresses.
func TestHeloNames(t *testing.T) {
	s := newScene(t, reverseZone)
	s.Fault("lost.example.org", mailworld.FaultServFail)
	last := func(banner, ehlo string) func(*Round) {
		return func(r *Round) { r.LastNames = func(netip.Addr) Names { return Names{banner, ehlo} } }
	}
	nothing := func(*Round) {}
	for _, c := range []struct {
		name   string
		target *targets.Target
		set    func(*Round)
		want   string
	}{
		{"both right", serverAt("192.0.2.1", 25), last("mx.example.org", "mx.example.org"), `
			helo_name_matches[192.0.2.1 banner ptr] 1
			helo_name_matches[192.0.2.1 banner address] 1
			helo_name_matches[192.0.2.1 ehlo ptr] 1
			helo_name_matches[192.0.2.1 ehlo address] 1`},
		{"another name, and a literal", serverAt("192.0.2.1", 25), last("nobody.example.org", "[192.0.2.1]"), `
			helo_name_matches[192.0.2.1 banner ptr] 0
			helo_name_matches[192.0.2.1 banner address] 0
			helo_name_matches[192.0.2.1 ehlo ptr] 0
			helo_name_matches[192.0.2.1 ehlo address] 1
			!rdns_helo_mismatch`},
		{"IPv6 literal", serverAt("2001:db8::1", 25), last("mx.example.org", "[ipv6:2001:db8::1]"), `
			helo_name_matches[2001:db8::1 banner ptr] 1
			helo_name_matches[2001:db8::1 banner address] 1
			helo_name_matches[2001:db8::1 ehlo ptr] 0
			helo_name_matches[2001:db8::1 ehlo address] 1`},
		{"PTR that does not lead back", serverAt("192.0.2.2", 25), last("elsewhere.example.org", "elsewhere.example.org"), `
			helo_name_matches[192.0.2.2 banner ptr] 1
			helo_name_matches[192.0.2.2 banner address] 0
			helo_name_matches[192.0.2.2 ehlo ptr] 1
			helo_name_matches[192.0.2.2 ehlo address] 0
			!rdns_helo_mismatch
			!rdns_helo_mismatch`},
		{"not said", serverAt("192.0.2.1", 25), nothing, `?the server has not said its name`},
		{"lookup failed", serverAt("192.0.2.1", 25), last("lost.example.org", "mx.example.org"), `?server failure`},
		{"sender, right", senderAt("192.0.2.1", "MX.example.org."), nothing, `
			helo_name_matches[192.0.2.1 configured ptr] 1
			helo_name_matches[192.0.2.1 configured address] 1`},
		{"sender, wrong", senderAt("192.0.2.1", "elsewhere.example.org"), nothing, `
			helo_name_matches[192.0.2.1 configured ptr] 0
			helo_name_matches[192.0.2.1 configured address] 0
			!rdns_helo_unresolved`},
		{"sender without a name", senderAt("192.0.2.1", ""), nothing, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.round(c.target)
			c.set(r)
			if err := runRDNS(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			got := only(sawText(t, rdnsCheck, r), "helo_", "?", "!rdns_helo")
			if _, why, failed := strings.Cut(got, "server failure"); failed {
				got = "?server failure" + why // What stands before it is another package's wording.
			}
			wantLines(t, got, c.want)
		})
	}
}

// TestHeloNamesOfSession takes the names from the session that the check smtp holds in the same round.
func TestHeloNamesOfSession(t *testing.T) {
	s := newScene(t, reverseZone)
	run := func(target *targets.Target) string {
		r := s.round(target)
		r.SMTPDue = true
		r.LastNames = func(netip.Addr) Names { return Names{"stale.example.org", "stale.example.org"} }
		if err := runSMTP(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		r.Result = Result{}
		if err := runRDNS(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return only(sawText(t, rdnsCheck, r), "helo_", "?", "!rdns_helo")
	}
	s.serve(mailworld.Server{Name: "mx.example.org"}, "192.0.2.1:25")
	wantLines(t, run(serverAt("192.0.2.1", 25)), `
		helo_name_matches[192.0.2.1 banner ptr] 1
		helo_name_matches[192.0.2.1 banner address] 1
		helo_name_matches[192.0.2.1 ehlo ptr] 1
		helo_name_matches[192.0.2.1 ehlo address] 1`)
	if n := len(s.Sessions(netip.MustParseAddrPort("192.0.2.1:25"))); n != 1 {
		t.Errorf("%d sessions were held, want 1", n)
	}

	s.serve(mailworld.Server{Replies: map[string]string{"connect": "220 Welcome!\r\n", "EHLO": "250 hello you\r\n"}}, "192.0.2.1:25")
	wantLines(t, run(serverAt("192.0.2.1", 25)), `
		helo_name_matches[192.0.2.1 banner ptr] 0
		helo_name_matches[192.0.2.1 banner address] 0
		helo_name_matches[192.0.2.1 ehlo ptr] 0
		helo_name_matches[192.0.2.1 ehlo address] 0
		!rdns_helo_mismatch`)

	s.serve(mailworld.Server{Replies: map[string]string{"connect": "554 go away\r\n"}}, "192.0.2.1:25")
	wantLines(t, run(serverAt("192.0.2.1", 25)), "?the server has not said its name")

	// Probed inside, judged outside.
	s.serve(mailworld.Server{Name: "mx.example.org"}, "10.0.0.1:25")
	target := serverAt("10.0.0.1", 25)
	target.Server.PublicAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	if got := run(target); !strings.Contains(got, "helo_name_matches[192.0.2.1 ehlo address] 1") {
		t.Errorf("behind NAT: got %s", got)
	}
}

func TestLooksGeneric(t *testing.T) {
	for _, c := range []struct {
		addr, names string
		want        bool
	}{
		{"203.0.113.9", `203-0-113-9.example.net host-203-0-113-9.example.net 9.113.0.203.example.net ip203.0.113.9.example.net
			static-9-113-0-203.example.net 203000113009.example.net cb007109.example.net x203-0-113.9.example.net p-203-000-113-009.example.net
			dynamic.example.net pool-7.example.net adsl12.example.net a.dhcp.example.net unassigned.example.net ppp.example.co.uk
			ec2-203-0-113-9.compute-1.amazonaws.com 203-0-113-9.ip.linodeusercontent.com vps7.ip-203-0-113.example
			client12.example.net host-7-9.example.net user113.example.net`, true},
		{"203.0.113.9", `mx.example.org mail1.example.org mx1-2-3.example.org liverpool.example.org client.example.org host1.example.org
			example.net dsl.net mail.dsl.net mail.pool.co.uk static.example.org smtp-out-203.example.org node.example.org
			198-51-100-7.example.net out-9.example.org`, false},
		{"2001:db8:0:1::9", `2001-db8-0-1-0-0-0-9.example.net 2001-0db8-0000-0001-0000-0000-0000-0009.example.net x0000000000000009.example.net
			9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.example.net host.0-0-0-9.example.net dyn6.example.net`, true},
		{"2001:db8:1234:5678:9abc:def1:2345:6789", `9.8.7.6.5.4.3.2.1.f.e.d.c.b.a.9.example.net 9abc-def1-2345-6789.example.net db8-1234-5678-9abc.example.net`, true},
		{"2001:db8:0:1::9", `mx.example.org mail-9.example.org db8.example.org 1-2-3-4.example.org org localhost`, false},
	} {
		for name := range strings.FieldsSeq(c.names) {
			if got := looksGeneric(name, netip.MustParseAddr(c.addr)); got != c.want {
				t.Errorf("%s of %s looks generic: %v, want %v", name, c.addr, got, c.want)
			}
		}
	}
}

// FuzzLooksGeneric has it not panic: names come from strangers.
func FuzzLooksGeneric(f *testing.F) {
	f.Add("pool-7.example.net", []byte{203, 0, 113, 9})
	f.Add("..--..", []byte("0123456789abcdef"))
	f.Fuzz(func(t *testing.T, name string, octets []byte) {
		addr, ok := netip.AddrFromSlice(octets)
		if !ok {
			return
		}
		addr = addr.Unmap().WithZone("")
		looksGeneric(name, addr)
		if made := strings.NewReplacer(".", "-", ":", "-").Replace(addr.StringExpanded()) + ".example.net"; !looksGeneric(made, addr) {
			t.Errorf("%s is made of %s and does not look generic", made, addr)
		}
	})
}

// TestRDNSRecords: the record to publish makes the address right, is made of names that the target goes by, and never has a name
// that leads elsewhere lead here, too.
func TestRDNSRecords(t *testing.T) {
	const zone = reverseZone + `
mail.example.com.        60 IN A     192.0.2.20
mail.example.com.        60 IN AAAA  2001:db8::20
21.2.0.192.in-addr.arpa. 60 IN PTR   gone.example.org.
22.2.0.192.in-addr.arpa. 60 IN PTR   gone.example.net.
23.2.0.192.in-addr.arpa. 60 IN PTR   mx.example.org.
`
	for _, c := range []struct{ name, problem, host, helo, want string }{
		{"HELO name leads here", "rdns_missing", "192.0.2.20", "mail.example.com", "20.2.0.192.in-addr.arpa PTR mail.example.com"},
		{"host name leads here, over IPv6", "rdns_missing", "mail.example.com", "", "20.2.0.192.in-addr.arpa PTR mail.example.com"},
		{"HELO name is not published", "rdns_missing", "192.0.2.4", "new.example.org", "4.2.0.192.in-addr.arpa PTR new.example.org"},
		{"HELO name leads elsewhere", "rdns_missing", "192.0.2.4", "mx.example.org", ""},
		{"HELO name looks generic", "rdns_missing", "192.0.2.40", "host-192-0-2-40.example.org", ""},
		{"no name", "rdns_missing", "192.0.2.4", "", ""},
		{"a literal is no name", "rdns_missing", "192.0.2.4", "[192.0.2.4]", ""},
		{"PTR name of ours is not published", "rdns_unconfirmed", "192.0.2.21", "", "gone.example.org A 192.0.2.21"},
		{"PTR name of others is not published", "rdns_unconfirmed", "192.0.2.22", "", ""},
		{"PTR name of others, HELO name of ours", "rdns_unconfirmed", "192.0.2.22", "new.example.org", "22.2.0.192.in-addr.arpa PTR new.example.org"},
		{"PTR name leads elsewhere", "rdns_unconfirmed", "192.0.2.23", "", ""},
		{"HELO name has no address", "rdns_helo_unresolved", "192.0.2.1", "new.example.org", "new.example.org A 192.0.2.1"},
		{"HELO name is another machine's", "rdns_helo_unresolved", "192.0.2.1", "elsewhere.example.org", ""},
		{"HELO name is an alias", "rdns_helo_unresolved", "192.0.2.1", "alias.example.org", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, zone)
			s.env.Kin = map[string]bool{"example.org": true}
			r := s.round(senderAt(c.host, c.helo))
			if err := runRDNS(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, p := range r.Result.Parts {
				for _, f := range p.Findings {
					if record, ok := f.Values.Record(); ok && f.Problem == c.problem && !strings.Contains(record.Name, "ip6.arpa") {
						got = record.Name + " " + record.Type + " " + record.Data
					}
				}
			}
			if got != c.want {
				t.Fatalf("proposed is %q, want %q", got, c.want)
			}
			if got == "" {
				return
			}
			// With the record, and the name's address if that was missing, the problem is gone.
			s.zone(strings.Replace(c.want, " ", ". 60 IN ", 1) + map[bool]string{true: ".\n", false: "\n"}[strings.Contains(c.want, "PTR")])
			if strings.HasPrefix(c.helo, "new.") && strings.Contains(c.want, "PTR") {
				s.zone(c.helo + ". 60 IN A " + c.host + "\n")
			}
			again := s.run(rdnsCheck, senderAt(c.host, c.helo))
			if again, _, _ = strings.Cut(again, "2001:db8::20"); strings.Contains(again, c.problem) {
				t.Errorf("with %q it still says\n%s", c.want, again)
			}
		})
	}
}
