package dnsclient

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const soa = "example.org. 300 SOA ns.example.org. host.example.org. 1 7200 3600 86400 60"

// TestOutcomes asks for the addresses of www.example.org.
func TestOutcomes(t *testing.T) {
	one := netip.MustParseAddr("192.0.2.1")
	type want = Answer[netip.Addr]
	for name, test := range map[string]struct {
		says map[string]reply
		want want
	}{
		"found": {
			map[string]reply{"A www.example.org.": say{answer: []string{"WWW.example.ORG. 120 A 192.0.2.1"}}.reply},
			want{Outcome: OutcomeFound, Records: []netip.Addr{one}, TTL: 120 * time.Second},
		},
		"no name": {
			map[string]reply{"A www.example.org.": say{rcode: dns.RcodeNameError, ns: []string{soa}}.reply},
			want{Outcome: OutcomeNoName, TTL: 60 * time.Second},
		},
		"no data": {
			map[string]reply{"A www.example.org.": say{ns: []string{soa}}.reply},
			want{Outcome: OutcomeNoData, TTL: 60 * time.Second},
		},
		"no data without SOA, of a server that always leaves it out": {
			with(leavesOut, "A www.example.org.", say{}.reply),
			want{Outcome: OutcomeNoData},
		},
		"records of others and other types are passed over": {
			map[string]reply{"A www.example.org.": say{answer: []string{
				"evil.example. 120 A 192.0.2.66", "www.example.org. 120 TXT x", "www.example.org. 120 CH A 192.0.2.67",
			}, ns: []string{soa}}.reply},
			want{Outcome: OutcomeNoData, TTL: 60 * time.Second},
		},
		"aliases in one answer, in any order": {
			map[string]reply{"A www.example.org.": say{answer: []string{
				"b.example.net. 200 A 192.0.2.1", "A.example.net. 100 CNAME b.example.net.", "www.example.org. 300 CNAME a.Example.net.",
			}}.reply},
			want{Outcome: OutcomeFound, Records: []netip.Addr{one}, Aliases: []string{"a.example.net", "b.example.net"}, TTL: 100 * time.Second},
		},
		"aliases in several answers": {
			map[string]reply{
				"A www.example.org.": say{answer: []string{"www.example.org. 300 CNAME a.example.net."}}.reply,
				"A a.example.net.":   say{answer: []string{"a.example.net. 30 CNAME 0/25.example.net."}}.reply,
				"A 0/25.example.net.": say{answer: []string{
					"0/25.example.net. 300 A 192.0.2.1",
				}}.reply,
			},
			want{Outcome: OutcomeFound, Records: []netip.Addr{one}, Aliases: []string{"a.example.net", "0/25.example.net"}, TTL: 30 * time.Second},
		},
		"no name at the end of an alias": {
			map[string]reply{"A www.example.org.": say{rcode: dns.RcodeNameError, answer: []string{
				"www.example.org. 300 CNAME a.example.net.",
			}, ns: []string{strings.Replace(soa, "example.org.", "example.net.", 1)}}.reply},
			want{Outcome: OutcomeNoName, Aliases: []string{"a.example.net"}, TTL: 60 * time.Second},
		},
		"no data at the end of an alias": {
			map[string]reply{"A www.example.org.": say{answer: []string{
				"www.example.org. 300 CNAME a.example.org.",
			}, ns: []string{soa}}.reply},
			want{Outcome: OutcomeNoData, Aliases: []string{"a.example.org"}, TTL: 60 * time.Second},
		},
		"the SOA of another zone says nothing about an alias": {
			map[string]reply{
				"A www.example.org.": say{answer: []string{"www.example.org. 300 CNAME a.example.net."}, ns: []string{soa}}.reply,
				"A a.example.net.":   say{answer: []string{"a.example.net. 300 A 192.0.2.1"}}.reply,
			},
			want{Outcome: OutcomeFound, Records: []netip.Addr{one}, Aliases: []string{"a.example.net"}, TTL: 300 * time.Second},
		},
		"a TTL of a week is an hour": {
			map[string]reply{"A www.example.org.": say{answer: []string{"www.example.org. 604800 A 192.0.2.1"}}.reply},
			want{Outcome: OutcomeFound, Records: []netip.Addr{one}, TTL: time.Hour},
		},
		"without EDNS after FORMERR": {
			map[string]reply{"A www.example.org.": func(network string, q *dns.Msg) [][]byte {
				if q.IsEdns0() != nil { // As servers do that cannot read further: the header alone.
					return [][]byte{{byte(q.Id >> 8), byte(q.Id), 0x80, dns.RcodeFormatError, 0, 0, 0, 0, 0, 0, 0, 0}}
				}
				return say{answer: []string{"www.example.org. 60 A 192.0.2.1"}}.reply(network, q)
			}},
			want{Outcome: OutcomeFound, Records: []netip.Addr{one}, TTL: time.Minute},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.says)
			for _, c := range []*Client{newClient(t, Options{Servers: []string{s.addr}}), newClient(t, Options{Servers: []string{s.addr}}).Uncached()} {
				got, err := c.Addresses(t.Context(), 4, "www.Example.org")
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, test.want) {
					t.Errorf("got  %+v\nwant %+v", got, test.want)
				}
			}
		})
	}
}

// TestErrors asks for the mail exchangers of example.org, of which nobody can tell.
func TestErrors(t *testing.T) {
	var ring, chain, many []string
	for i := range 12 {
		chain = append(chain, fmt.Sprintf("a%d.example.org. 60 CNAME a%d.example.org.", i, i+1))
	}
	chain[0] = "example.org. 60 CNAME a1.example.org."
	ring = []string{"example.org. 60 CNAME a.example.org.", "a.example.org. 60 CNAME example.org."}
	for i := range 150 {
		many = append(many, fmt.Sprintf("b%d.example.org. 60 CNAME c%d.example.org.", i, i))
	}
	const ask = "MX example.org."
	for name, test := range map[string]struct {
		says    map[string]reply
		want    error
		reason  string
		asked   int // Questions sent.
		timeout time.Duration
	}{
		"silence":       {map[string]reply{ask: silence}, ErrTimeout, "timeout", 2, brief},
		"server fails":  {map[string]reply{ask: say{rcode: dns.RcodeServerFailure}.reply}, ErrServFail, "servfail", 1, 0},
		"refused":       {map[string]reply{ask: say{rcode: dns.RcodeRefused}.reply}, ErrRefused, "refused", 1, 0},
		"FORMERR twice": {map[string]reply{ask: say{rcode: dns.RcodeFormatError}.reply}, ErrServFail, "servfail", 2, 0},
		"other code":    {map[string]reply{ask: say{rcode: dns.RcodeNotAuth}.reply}, ErrServFail, "servfail", 1, 0},
		"upper bits of the code": {map[string]reply{ask: func(_ string, q *dns.Msg) [][]byte {
			m := new(dns.Msg)
			m.SetReply(q)
			m.SetEdns0(1232, false)
			m.Rcode = dns.RcodeBadVers // 16: the header says 0.
			b, _ := m.Pack()
			return [][]byte{b}
		}}, ErrServFail, "servfail", 1, 0},
		"referral": {map[string]reply{ask: say{referral: true, ns: []string{"org. 60 NS ns.example."}}.reply}, ErrRefused, "refused", 1, 0},
		"another question": {
			map[string]reply{ask: say{mismatch: true}.reply},
			ErrBadAnswer, "error", 2, time.Second,
		},
		"garbage": {
			map[string]reply{ask: func(string, *dns.Msg) [][]byte { return [][]byte{{}, {1}, []byte(strings.Repeat("\xff", 600))} }},
			ErrBadAnswer, "error", 2, time.Second,
		},
		"broken off": {map[string]reply{ask: func(_ string, q *dns.Msg) [][]byte {
			b := say{answer: []string{"example.org. 60 MX 10 mx.example.org."}}.pack(q)
			return [][]byte{b[:len(b)-3]}
		}}, ErrBadAnswer, "error", 2, 0},
		"MX without data is not the null MX": {map[string]reply{ask: func(_ string, q *dns.Msg) [][]byte {
			m := new(dns.Msg)
			m.SetReply(q)
			m.Answer = []dns.RR{&dns.RFC3597{Hdr: dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeMX, Class: 1, Ttl: 60}}}
			b, _ := m.Pack()
			return [][]byte{b}
		}}, ErrBadAnswer, "error", 2, 0},
		"MX without host is not the null MX": {map[string]reply{ask: func(_ string, q *dns.Msg) [][]byte {
			m := new(dns.Msg)
			m.SetReply(q)
			m.Answer = []dns.RR{&dns.RFC3597{Hdr: dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeMX, Class: 1, Ttl: 60}, Rdata: "0000"}}
			b, _ := m.Pack()
			return [][]byte{b}
		}}, ErrBadAnswer, "error", 2, 0},
		"records of no name": {
			map[string]reply{ask: say{rcode: dns.RcodeNameError, answer: []string{"example.org. 60 MX 10 mx.example.org."}}.reply},
			ErrBadAnswer, "error", 2, 0,
		},
		"two aliases": {
			map[string]reply{ask: say{answer: []string{"example.org. 60 CNAME a.example.", "example.org. 60 CNAME b.example."}}.reply},
			ErrBadAnswer, "error", 2, 0,
		},
		"alias that is no name": {
			map[string]reply{ask: say{answer: []string{`example.org. 60 CNAME a\000b.example.`}}.reply},
			ErrBadAnswer, "error", 2, 0,
		},
		"alias ring":       {map[string]reply{ask: say{answer: ring}.reply}, ErrAlias, "error", 1, 0},
		"alias to itself":  {map[string]reply{ask: say{answer: []string{"example.org. 60 CNAME example.org."}}.reply}, ErrAlias, "error", 1, 0},
		"long alias chain": {map[string]reply{ask: say{answer: chain}.reply}, ErrAlias, "error", 1, 0},
		"many aliases":     {map[string]reply{ask: say{answer: many}.reply}, ErrAlias, "error", 2, 0},
		"alias ring in several answers": {map[string]reply{
			ask:                 say{answer: ring[:1]}.reply,
			"MX a.example.org.": say{answer: ring[1:]}.reply,
		}, ErrAlias, "error", 2, 0},
		"cut over TCP, too": {map[string]reply{ask: say{cut: true}.reply}, ErrTooLarge, "error", 2, 0},
		"TCP closes": {map[string]reply{ask: func(network string, q *dns.Msg) [][]byte {
			if network == "tcp" {
				return [][]byte{{}}
			}
			return say{cut: true}.reply(network, q)
		}}, ErrNetwork, "error", 4, 0},
		"TCP answers another question": {map[string]reply{ask: func(network string, q *dns.Msg) [][]byte {
			return say{cut: network == "udp", mismatch: network == "tcp"}.reply(network, q)
		}}, ErrBadAnswer, "error", 4, 0},
		"TCP is silent": {map[string]reply{ask: func(network string, q *dns.Msg) [][]byte {
			if network == "tcp" {
				return nil
			}
			return say{cut: true}.reply(network, q)
		}}, ErrTimeout, "timeout", 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.says)
			c := newClient(t, Options{Servers: []string{s.addr}, Timeout: test.timeout})
			a, err := c.MX(t.Context(), "example.org")
			wantError(t, err, test.want)
			if !reflect.DeepEqual(a, Answer[MX]{}) {
				t.Errorf("an error comes with an answer: %+v", a)
			}
			if got := Reason(err); got != test.reason {
				t.Errorf("reason %q, want %q", got, test.reason)
			}
			if n := len(s.questions()); test.asked > 0 && n != test.asked {
				t.Errorf("%d questions were sent, want %d: %q", n, test.asked, s.questions())
			}
		})
	}
}

// overTCPOnly cuts what r says over UDP.
// TestDNSSEC: the AD bit is asked for and believed only where the configuration says so,
// and of a chain of answers each must have it.
func TestDNSSEC(t *testing.T) {
	for _, validates := range []bool{true, false} {
		checked := func(s say) reply {
			return func(network string, q *dns.Msg) [][]byte {
				if opt := q.IsEdns0(); opt == nil || opt.Do() != validates || q.AuthenticatedData != validates || opt.UDPSize() != 1232 || !q.RecursionDesired {
					t.Errorf("validates %t, query %v", validates, q)
				}
				return s.reply(network, q)
			}
		}
		s := serve(t, map[string]reply{
			"TXT a.example.": checked(say{answer: []string{"a.example. 60 TXT x"}, secure: true}),
			"TXT b.example.": checked(say{answer: []string{"b.example. 60 CNAME a.example."}}),
			"TXT c.example.": checked(say{answer: []string{"c.example. 60 CNAME a.example."}, secure: true}),
			"TXT d.example.": checked(say{rcode: dns.RcodeNameError, secure: true, ns: []string{strings.Replace(soa, "example.org.", "example.", 1)}}),
		})
		c := newClient(t, Options{Servers: []string{s.addr}, ValidatesDNSSEC: validates})
		for name, secure := range map[string]bool{"a.example": validates, "b.example": false, "c.example": validates, "d.example": validates} {
			if a, err := c.TXT(t.Context(), name); err != nil || a.Secure != secure {
				t.Errorf("validates %t: %s: secure %t, %v", validates, name, a.Secure, err)
			}
		}
	}
}

// TestUnchecked: with the CD bit a resolver tells what it would not vouch for, and it is neither believed nor kept.
func TestUnchecked(t *testing.T) {
	s := serve(t, map[string]reply{"MX example.org.": func(network string, q *dns.Msg) [][]byte {
		if !q.CheckingDisabled {
			return say{rcode: dns.RcodeServerFailure}.reply(network, q)
		}
		if opt := q.IsEdns0(); opt == nil || opt.Do() || q.AuthenticatedData {
			t.Errorf("query %v", q)
		}
		return say{answer: []string{"example.org. 60 MX 10 mx.example.org."}, secure: true}.reply(network, q)
	}})
	c := newClient(t, Options{Servers: []string{s.addr}, ValidatesDNSSEC: true})
	for range 2 {
		a, err := c.Unchecked().MX(t.Context(), "example.org")
		if err != nil || a.Outcome != OutcomeFound || a.Secure {
			t.Errorf("unchecked: %+v, %v", a, err)
		}
		_, err = c.MX(t.Context(), "example.org")
		wantError(t, err, ErrServFail)
	}
	if n := len(s.questions()); n != 4 {
		t.Errorf("%d questions, want 4", n)
	}
}

// TestForgedAnswers: what does not answer the question is passed over while the true
// answer is on its way.
