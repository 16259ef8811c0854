package dnsclient

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

const arpa = "in-addr.arpa. 300 SOA ns.example.org. host.example.org. 1 7200 3600 86400 60"

// leavesOut is a server that knows in-addr.arpa and denies without SOA.
var leavesOut = map[string]reply{
	"SOA in-addr.arpa.": say{answer: []string{arpa}}.reply,
	"A in-addr.arpa.":   say{}.reply,
	"A *.in-addr.arpa.": say{rcode: dns.RcodeNameError}.reply,
}

// proves is one that denies with SOA.
var proves = map[string]reply{
	"SOA in-addr.arpa.": say{answer: []string{arpa}}.reply,
	"A in-addr.arpa.":   say{ns: []string{arpa}}.reply,
	"A *.in-addr.arpa.": say{rcode: dns.RcodeNameError, ns: []string{arpa}}.reply,
}

// with is a server that has another reply besides.
func with(server map[string]reply, asked string, r reply) map[string]reply {
	server = maps.Clone(server)
	server[asked] = r
	return server
}

// toEDNS gives one reply to queries with EDNS and another to those without.
func toEDNS(edns, plain reply) reply {
	return func(network string, q *dns.Msg) [][]byte {
		if q.IsEdns0() != nil {
			return edns(network, q)
		}
		return plain(network, q)
	}
}

// raw is a message made by hand.
func raw(change func(m *dns.Msg)) reply {
	return func(_ string, q *dns.Msg) [][]byte {
		m := new(dns.Msg)
		m.SetReply(q)
		m.RecursionAvailable = true
		change(m)
		b, err := m.Pack()
		if err != nil {
			panic(err)
		}
		return [][]byte{b}
	}
}

// optFirst has the OPT record in the answer section, and the last answer among the additional records.
var optFirst = raw(func(m *dns.Msg) {
	m.SetEdns0(1232, false)
	m.Answer, m.Extra = m.Extra, records([]string{"example.org. 60 MX 10 mx.example.org."})
})

// TestDenials asks for the mail exchangers of example.org of a server that says there are none.
func TestDenials(t *testing.T) {
	const ask = "MX example.org."
	empty, noName := say{}.reply, say{rcode: dns.RcodeNameError}.reply
	there := say{answer: []string{"example.org. 60 MX 10 mx.example.org."}}.reply
	everywhere := func(r reply) map[string]reply {
		return map[string]reply{"SOA in-addr.arpa.": r, "A in-addr.arpa.": r, "A *.in-addr.arpa.": r, ask: r}
	}
	for name, test := range map[string]struct {
		says map[string]reply
		want Outcome
		err  error
	}{
		"with SOA": {map[string]reply{ask: say{ns: []string{soa}}.reply}, OutcomeNoData, nil},
		"the SOA of another zone proves nothing": {
			with(proves, ask, say{ns: []string{strings.Replace(soa, "example.org.", "example.net.", 1)}}.reply), 0, ErrDoubtful,
		},
		"a SOA in the additional section proves nothing": {
			with(proves, ask, raw(func(m *dns.Msg) { m.Extra = records([]string{soa}) })), 0, ErrDoubtful,
		},
		"empty, of one that proves what it denies":     {with(proves, ask, empty), 0, ErrDoubtful},
		"NXDOMAIN, of one that proves what it denies":  {with(proves, ask, noName), 0, ErrDoubtful},
		"empty, of one that never has the SOA":         {with(leavesOut, ask, empty), OutcomeNoData, nil},
		"NXDOMAIN, of one that never has the SOA":      {with(leavesOut, ask, noName), OutcomeNoName, nil},
		"empty, of one that leaves it out of NXDOMAIN": {with(with(leavesOut, "A in-addr.arpa.", proves["A in-addr.arpa."]), ask, empty), 0, ErrDoubtful},
		"NXDOMAIN, of one that leaves it out of empty": {with(with(leavesOut, "A *.in-addr.arpa.", proves["A *.in-addr.arpa."]), ask, noName), 0, ErrDoubtful},
		"of one that denies from memory without SOA": {
			with(with(leavesOut, "A in-addr.arpa.", then(proves["A in-addr.arpa."], empty)), ask, empty), OutcomeNoData, nil,
		},
		"everything is empty":                        {everywhere(empty), 0, ErrDoubtful},
		"no name exists":                             {everywhere(noName), 0, ErrDoubtful},
		"of one that cannot be tested":               {with(with(leavesOut, "SOA in-addr.arpa.", say{rcode: dns.RcodeServerFailure}.reply), ask, empty), 0, ErrDoubtful},
		"of one that invents names":                  {with(with(leavesOut, "A *.in-addr.arpa.", raw(func(m *dns.Msg) { m.Answer = records([]string{m.Question[0].Name + " 60 A 192.0.2.1"}) })), ask, noName), 0, ErrDoubtful},
		"a referral":                                 {with(leavesOut, ask, say{ns: []string{"example.org. 60 NS ns.example.net."}}.reply), 0, ErrRefused},
		"other records in place of the answer":       {with(leavesOut, ask, say{answer: []string{"example.org. 60 A 192.0.2.1"}}.reply), 0, ErrBadAnswer},
		"the records in another section":             {map[string]reply{ask: raw(func(m *dns.Msg) { m.Extra = records([]string{"EXAMPLE.org. 60 MX 10 mx.example.org."}) })}, 0, ErrBadAnswer},
		"the records after the end":                  {map[string]reply{ask: func(_ string, q *dns.Msg) [][]byte { b := there("", q)[0]; b[7] = 0; return [][]byte{b} }}, 0, ErrBadAnswer},
		"OPT among the answers":                      {map[string]reply{ask: optFirst}, 0, ErrBadAnswer},
		"two OPT":                                    {map[string]reply{ask: raw(func(m *dns.Msg) { m.SetEdns0(1232, false); m.SetEdns0(1232, false) })}, 0, ErrBadAnswer},
		"OPT among the answers, but not without":     {map[string]reply{ask: toEDNS(optFirst, there)}, OutcomeFound, nil},
		"empty to EDNS":                              {map[string]reply{ask: toEDNS(empty, there)}, OutcomeFound, nil},
		"empty to EDNS, and proved without":          {map[string]reply{ask: toEDNS(empty, say{ns: []string{soa}}.reply)}, OutcomeNoData, nil},
		"garbled to EDNS, and never has the SOA":     {with(leavesOut, ask, toEDNS(optFirst, empty)), OutcomeNoData, nil},
		"not implemented with EDNS, and empty after": {with(proves, ask, toEDNS(say{rcode: dns.RcodeNotImplemented}.reply, empty)), 0, ErrDoubtful},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.says)
			c := newClient(t, Options{Servers: []string{s.addr}})
			for range 2 {
				a, err := c.MX(t.Context(), "example.org")
				if test.err != nil {
					wantError(t, err, test.err)
				} else if err != nil {
					t.Error(err)
				}
				if a.Outcome != test.want {
					t.Errorf("outcome %v, want %v", a.Outcome, test.want)
				}
			}
		})
	}
}

// TestDenialsOfOthers: where a server denies without proof, the next may know better.
func TestDenialsOfOthers(t *testing.T) {
	first := serve(t, with(proves, "MX example.org.", say{}.reply))
	second := serve(t, map[string]reply{"MX example.org.": say{answer: []string{"example.org. 60 MX 10 mx.example.org."}}.reply})
	a, err := newClient(t, Options{Servers: []string{first.addr, second.addr}}).MX(t.Context(), "example.org")
	if err != nil || a.Outcome != OutcomeFound {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestDenialsTestedOnce: a server is tested once, also for many questions at one time, and again when that is long ago.
func TestDenialsTestedOnce(t *testing.T) {
	s := serve(t, with(leavesOut, "TXT *.example.org.", say{rcode: dns.RcodeNameError}.reply))
	c := newClient(t, Options{Servers: []string{s.addr}})
	tests := func() (n int) {
		for _, asked := range s.questions() {
			if asked == "udp SOA in-addr.arpa." {
				n++
			}
		}
		return n
	}
	errs := make(chan error)
	names := []string{"a.example.org", "b.example.org", "c.example.org", "d.example.org"}
	for _, name := range names {
		go func() {
			_, err := c.TXT(t.Context(), name)
			errs <- err
		}()
	}
	for range names {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := tests(); n != 1 {
		t.Errorf("tested %d times", n)
	}
	before := len(s.questions())
	if _, err := c.TXT(t.Context(), "e.example.org"); err != nil || len(s.questions()) != before+1 {
		t.Errorf("%v, %d questions", err, len(s.questions())-before)
	}
	style := *c.exchanger.servers[0].denials.style.Load()
	style.until = time.Now().Add(-time.Second)
	c.exchanger.servers[0].denials.style.Store(&style)
	if _, err := c.TXT(t.Context(), "f.example.org"); err != nil || tests() != 2 {
		t.Errorf("%v, tested %d times", err, tests())
	}
}

// TestAcceptUnproven: what is tested by other means needs no test of the server.
func TestAcceptUnproven(t *testing.T) {
	s := serve(t, map[string]reply{"A 2.0.0.127.bl.example.": say{rcode: dns.RcodeNameError}.reply})
	c := newClient(t, Options{Servers: []string{s.addr}}).AcceptUnproven()
	for _, c := range []*Client{c, c.Apart()} {
		if a, err := c.Addresses(t.Context(), 4, "2.0.0.127.bl.example"); err != nil || a.Outcome != OutcomeNoName {
			t.Errorf("%+v, %v", a, err)
		}
	}
	if n := len(s.questions()); n != 2 {
		t.Errorf("%d questions", n)
	}
}

// TestSilentToEDNS: one that drops queries with EDNS is asked without, after the others, and soon at once.
func TestSilentToEDNS(t *testing.T) {
	fails := serve(t, map[string]reply{"A example.org.": say{rcode: dns.RcodeServerFailure}.reply})
	drops := serve(t, map[string]reply{"A example.org.": toEDNS(silence, yes)})
	for _, servers := range [][]string{{drops.addr}, {drops.addr, fails.addr}} {
		asked := len(drops.questions())
		c := newClient(t, Options{Servers: servers, Timeout: 500 * time.Millisecond}).Uncached()
		for i, want := range []int{2, 3, 4} {
			a, err := c.Addresses(t.Context(), 4, "example.org")
			if err != nil || a.Outcome != OutcomeFound {
				t.Fatalf("%+v, %v", a, err)
			}
			if n := len(drops.questions()) - asked; n != want {
				t.Errorf("after lookup %d it was asked %d times, want %d", i+1, n, want)
			}
		}
	}
	if !slices.Contains(fails.questions(), "udp A example.org.") {
		t.Error("the other was not asked")
	}
}

// TestEDNSMemory: silence to EDNS counts briefly, and longer if it is no lost packet.
func TestEDNSMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m ednsMemory
		holds := func() time.Duration {
			start := time.Now()
			for !m.taken() {
				time.Sleep(time.Second)
			}
			return time.Since(start)
		}
		for i, step := range []struct {
			do   func()
			want time.Duration
		}{
			{func() {}, 0},
			{func() { m.failed(false) }, plainBriefly},
			{func() { m.failed(false) }, plainLong},
			{func() { m.failed(false) }, plainLong},
			{func() { m.worked(); m.failed(false) }, plainBriefly},
			{func() { m.worked(); m.failed(true) }, plainLong},
		} {
			step.do()
			if got := holds(); got != step.want {
				t.Errorf("step %d: without EDNS for %v, want %v", i, got, step.want)
			}
		}
	})
}

func TestResponseCode(t *testing.T) {
	for rcode, want := range map[int]string{dns.RcodeServerFailure: "SERVFAIL", dns.RcodeRefused: "REFUSED", dns.RcodeNotImplemented: "NOTIMP", dns.RcodeFormatError: "FORMERR", 12: "response code 12"} {
		s := serve(t, map[string]reply{"A example.org.": say{rcode: rcode}.reply})
		_, err := newClient(t, Options{Servers: []string{s.addr}}).Addresses(t.Context(), 4, "example.org")
		if got := ResponseCode(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	if got := ResponseCode(ErrTimeout); got != "" {
		t.Errorf("silence has the code %q", got)
	}
}
