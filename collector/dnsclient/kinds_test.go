package dnsclient

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestMX(t *testing.T) {
	long := []string{}
	for i := range 250 {
		long = append(long, fmt.Sprintf("example.org. 60 MX %d mx%d.example.org.", 1000-i, i))
	}
	for name, test := range map[string]struct {
		answer    []string
		want      []MX
		invalid   int
		truncated bool
	}{
		"sorted by preference, then host": {
			answer: []string{"example.org. 60 MX 20 a.example.org.", "example.org. 60 MX 10 Z.example.org.", "example.org. 60 MX 10 y_1.example.org."},
			want:   []MX{{10, "y_1.example.org"}, {10, "z.example.org"}, {20, "a.example.org"}},
		},
		"null MX":            {answer: []string{"example.org. 60 MX 0 ."}, want: []MX{{0, ""}}},
		"address literal":    {answer: []string{"example.org. 60 MX 0 192.0.2.1."}, want: []MX{{0, "192.0.2.1"}}},
		"hosts that are not": {answer: []string{`example.org. 60 MX 0 a\ b.example.`, `example.org. 60 MX 0 \255.example.`, `example.org. 60 MX 0 a\.b.example.`}, invalid: 3},
		"invalid beside valid": {
			answer: []string{`example.org. 60 MX 0 \"a.example.`, "example.org. 60 MX 5 mx.example."}, want: []MX{{5, "mx.example"}}, invalid: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string]reply{"MX example.org.": say{answer: test.answer}.reply})
			a, err := newClient(t, Options{Servers: []string{s.addr}}).MX(t.Context(), "example.org.")
			if err != nil || a.Outcome != OutcomeFound {
				t.Fatalf("%v, %v", a.Outcome, err)
			}
			if !slices.Equal(a.Records, test.want) || a.Invalid != test.invalid || a.Truncated != test.truncated {
				t.Errorf("got %+v", a)
			}
		})
	}
	t.Run("more than a hundred", func(t *testing.T) {
		s := serve(t, map[string]reply{"MX example.org.": overTCPOnly(say{answer: long}.reply)})
		a, err := newClient(t, Options{Servers: []string{s.addr}}).MX(t.Context(), "example.org")
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Records) != 100 || !a.Truncated || a.Records[0] != (MX{751, "mx249.example.org"}) || a.Records[99] != (MX{850, "mx150.example.org"}) {
			t.Errorf("%d records, truncated %t, from %v to %v", len(a.Records), a.Truncated, a.Records[0], a.Records[len(a.Records)-1])
		}
		if got := s.questions(); !slices.Equal(got, []string{"udp MX example.org.", "tcp MX example.org."}) {
			t.Errorf("asked %q", got)
		}
	})
}

func overTCPOnly(r reply) reply {
	return func(network string, q *dns.Msg) [][]byte {
		if network == "udp" {
			return say{cut: true}.reply(network, q)
		}
		return r(network, q)
	}
}

func TestTXT(t *testing.T) {
	big := func(n int) reply { // One record of about n octets.
		return func(_ string, q *dns.Msg) [][]byte {
			m := new(dns.Msg)
			m.SetReply(q)
			var parts []string
			for left := n; left > 0; left -= 256 {
				parts = append(parts, strings.Repeat("x", min(left, 255)))
			}
			m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeTXT, Class: 1}, Txt: parts}}
			b, err := m.Pack()
			if err != nil {
				panic(err)
			}
			return [][]byte{b}
		}
	}
	ask := func(t *testing.T, r reply) (Answer[string], error) {
		t.Helper()
		s := serve(t, map[string]reply{"TXT example.org.": r})
		return newClient(t, Options{Servers: []string{s.addr}}).TXT(t.Context(), "example.org")
	}
	t.Run("strings are joined, octets as they are", func(t *testing.T) {
		a, err := ask(t, say{answer: []string{`example.org. 60 TXT "v=spf1 " "-all"`, `example.org. 60 TXT "a\"\\b\000\255\200;é"`, `example.org. 60 TXT ""`}}.reply)
		want := []string{"v=spf1 -all", "a\"\\b\x00\xff\xc8;é", ""}
		if err != nil || !slices.Equal(a.Records, want) {
			t.Errorf("got %q, %v", a.Records, err)
		}
	})
	t.Run("nearly 64 KiB", func(t *testing.T) {
		a, err := ask(t, overTCPOnly(big(65_000)))
		if err != nil || len(a.Records) != 1 || len(a.Records[0]) < 64_000 {
			t.Errorf("%d records, %v", len(a.Records), err)
		}
	})
	t.Run("a datagram beyond what we take is asked for over TCP", func(t *testing.T) {
		a, err := ask(t, big(4000))
		if err != nil || len(a.Records) != 1 {
			t.Errorf("%d records, %v", len(a.Records), err)
		}
	})
	t.Run("no record is left out for their number", func(t *testing.T) {
		var lines []string
		for i := range 500 {
			lines = append(lines, fmt.Sprintf("example.org. 60 TXT %d", i))
		}
		a, err := ask(t, overTCPOnly(say{answer: lines}.reply))
		if err != nil || len(a.Records) != 500 || a.Truncated {
			t.Errorf("%d records, truncated %t, %v", len(a.Records), a.Truncated, err)
		}
	})
}

func TestPTR(t *testing.T) {
	const (
		four = "9.113.0.203.in-addr.arpa."
		six  = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."
	)
	for name, test := range map[string]struct{ addr, owner string }{
		"IPv4":           {"203.0.113.9", four},
		"IPv4 in IPv6":   {"::ffff:203.0.113.9", four},
		"IPv6":           {"2001:db8::1", six},
		"IPv6 with zone": {"2001:db8::1%eth0", six},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string]reply{"PTR " + test.owner: say{answer: []string{
				test.owner + " 60 PTR Out.example.org.", test.owner + ` 60 PTR a\032b.example.`, test.owner + " 60 PTR .", test.owner + " 60 PTR b.example.org.",
			}}.reply})
			a, err := newClient(t, Options{Servers: []string{s.addr}}).PTR(t.Context(), netip.MustParseAddr(test.addr))
			if err != nil || !slices.Equal(a.Records, []string{"out.example.org", "b.example.org"}) || a.Invalid != 2 {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
	t.Run("no address", func(t *testing.T) {
		_, err := newClient(t, Options{Servers: []string{"127.0.0.1:53"}}).PTR(t.Context(), netip.Addr{})
		wantError(t, err, ErrBadName)
	})
}

func TestSRV(t *testing.T) {
	const name = "_submission._tcp.example.org"
	s := serve(t, map[string]reply{"SRV " + name + ".": say{answer: []string{
		name + ". 60 SRV 20 0 587 b.example.org.", name + ". 60 SRV 10 5 465 Z.example.org.", name + ". 60 SRV 10 9 587 a.example.org.",
		name + ". 60 SRV 0 0 0 .", name + `. 60 SRV 0 0 1 a\ b.example.`,
	}}.reply})
	a, err := newClient(t, Options{Servers: []string{s.addr}}).SRV(t.Context(), name)
	want := []SRV{{0, 0, 0, ""}, {10, 9, 587, "a.example.org"}, {10, 5, 465, "z.example.org"}, {20, 0, 587, "b.example.org"}}
	if err != nil || a.Outcome != OutcomeFound || !slices.Equal(a.Records, want) || a.Invalid != 1 {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestTLSA(t *testing.T) {
	const name = "_25._tcp.mx.example.org"
	s := serve(t, map[string]reply{"TLSA " + name + ".": say{answer: []string{
		name + ". 60 TLSA 3 1 1 00ff10", name + ". 60 TLSA 255 254 253 0a", name + ". 60 TXT x",
	}}.reply})
	a, err := newClient(t, Options{Servers: []string{s.addr}}).TLSA(t.Context(), name)
	if got, want := fmt.Sprint(a.Records), "[{3 1 1 [0 255 16]} {255 254 253 [10]}]"; err != nil || a.Outcome != OutcomeFound || got != want {
		t.Errorf("got %v %s, %v, want %s", a.Outcome, got, err, want)
	}
}

// TestSOA: the record of a zone is an answer; the one above, which comes along with "no such type", is none.
func TestSOA(t *testing.T) {
	s := serve(t, map[string]reply{
		"SOA example.org.":      say{answer: []string{soa}}.reply,
		"SOA news.example.org.": say{ns: []string{soa}}.reply,
	})
	c := newClient(t, Options{Servers: []string{s.addr}})
	for name, want := range map[string]Outcome{"example.org": OutcomeFound, "news.example.org": OutcomeNoData} {
		if a, err := c.SOA(t.Context(), name); err != nil || a.Outcome != want || (len(a.Records) == 1) != (want == OutcomeFound) {
			t.Errorf("%s: got %+v, %v, want %v", name, a, err, want)
		}
	}
}

func TestIPv6Addresses(t *testing.T) {
	s := serve(t, map[string]reply{"AAAA example.org.": say{answer: []string{"example.org. 60 AAAA 2001:db8::1"}}.reply})
	c := newClient(t, Options{Servers: []string{s.addr}})
	a, err := c.Addresses(t.Context(), 6, "example.org")
	if err != nil || !slices.Equal(a.Records, []netip.Addr{netip.MustParseAddr("2001:db8::1")}) {
		t.Errorf("got %+v, %v", a, err)
	}
	_, err = c.Addresses(t.Context(), 5, "example.org")
	wantError(t, err, ErrBadName)
}

// TestRecordsWithoutData: a record of no octets is malformed, whatever its type, and never
// an empty text or the null MX.
func TestRecordsWithoutData(t *testing.T) {
	message := func(rtype uint16) []byte {
		q := new(dns.Msg)
		q.SetQuestion("example.org.", rtype)
		m := new(dns.Msg)
		m.SetReply(q)
		m.Answer = []dns.RR{&dns.RFC3597{Hdr: dns.RR_Header{Name: "example.org.", Rrtype: rtype, Class: dns.ClassINET, Ttl: 60}}}
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, err := range map[string]error{
		"A":     second(parse(kindA, "example.org.", message(dns.TypeA))),
		"AAAA":  second(parse(kindAAAA, "example.org.", message(dns.TypeAAAA))),
		"MX":    second(parse(kindMX, "example.org.", message(dns.TypeMX))),
		"TXT":   second(parse(kindTXT, "example.org.", message(dns.TypeTXT))),
		"SRV":   second(parse(kindSRV, "example.org.", message(dns.TypeSRV))),
		"TLSA":  second(parse(kindTLSA, "example.org.", message(dns.TypeTLSA))),
		"PTR":   second(parse(kindPTR, "example.org.", message(dns.TypePTR))),
		"SOA":   second(parse(kindSOA, "example.org.", message(dns.TypeSOA))),
		"CNAME": second(parse(kindA, "example.org.", message(dns.TypeCNAME))),
	} {
		if !errors.Is(err, ErrBadAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ Answer[T], _ string, err error) error { return err }

func TestRecordTTL(t *testing.T) {
	for seconds, want := range map[uint32]time.Duration{
		0: 0, 60: time.Minute, 1<<31 - 1: (1<<31 - 1) * time.Second, 1 << 31: 0, 1<<32 - 1: 0,
	} {
		if got := recordTTL(seconds); got != want {
			t.Errorf("%d: %v, want %v", seconds, got, want)
		}
	}
}

// TestAliasLimit: eight aliases are followed, a ninth is not, in one answer or in several.
func TestAliasLimit(t *testing.T) {
	for aliases := 8; aliases <= 9; aliases++ {
		for _, inOne := range []bool{true, false} {
			says := map[string]reply{}
			var lines []string
			for i := range aliases + 1 {
				line := fmt.Sprintf("a%d.example. 60 CNAME a%d.example.", i, i+1)
				if i == aliases {
					line = fmt.Sprintf("a%d.example. 60 A 192.0.2.1", i)
				}
				lines = append(lines, line)
				says[fmt.Sprintf("A a%d.example.", i)] = say{answer: []string{line}}.reply
			}
			if inOne {
				says["A a0.example."] = say{answer: lines}.reply
			}
			s := serve(t, says)
			a, err := newClient(t, Options{Servers: []string{s.addr}}).Addresses(t.Context(), 4, "a0.example")
			if aliases == 9 {
				wantError(t, err, ErrAlias)
			} else if err != nil || len(a.Aliases) != 8 || a.Aliases[7] != "a8.example" || len(a.Records) != 1 {
				t.Errorf("in one %t: %+v, %v", inOne, a, err)
			}
		}
	}
}
