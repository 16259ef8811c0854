package dnsclient

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/time/rate"
)

var yes = say{answer: []string{"example.org. 60 A 192.0.2.1"}}.reply

// TestServers asks two servers, of which the second answers.
func TestServers(t *testing.T) {
	for name, test := range map[string]struct {
		first    reply
		timeout  time.Duration
		observed []string
	}{
		"the first is silent":         {silence, time.Second, []string{"timeout", "found"}},
		"the first fails":             {say{rcode: dns.RcodeServerFailure}.reply, 0, []string{"servfail", "found"}},
		"the first refuses":           {say{rcode: dns.RcodeRefused}.reply, 0, []string{"refused", "found"}},
		"the first does not recurse":  {say{referral: true}.reply, 0, []string{"refused", "found"}},
		"the first cuts its answer":   {say{cut: true}.reply, 0, []string{"error", "found"}},
		"the first lies about itself": {say{answer: []string{"example.org. 60 CNAME example.org."}}.reply, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, map[string]reply{"A example.org.": test.first})
			var seen observed
			if test.observed == nil { // A loop is an answer: no other server is asked.
				c := newClient(t, Options{Servers: []string{a.addr, "127.0.0.1:1"}})
				_, err := c.Addresses(t.Context(), 4, "example.org")
				wantError(t, err, ErrAlias)
				return
			}
			b := serve(t, map[string]reply{"A example.org.": yes})
			c := newClient(t, Options{Servers: []string{a.addr, b.addr}, Timeout: test.timeout, Observe: seen.add})
			got, err := c.Addresses(t.Context(), 4, "example.org")
			if err != nil || len(got.Records) != 1 {
				t.Errorf("got %+v, %v", got, err)
			}
			if !slices.Equal(seen.list(), test.observed) {
				t.Errorf("observed %q, want %q", seen.list(), test.observed)
			}
		})
	}
}

func TestBothServersFail(t *testing.T) {
	a := serve(t, map[string]reply{"A example.org.": silence})
	b := serve(t, map[string]reply{"A example.org.": say{rcode: dns.RcodeServerFailure}.reply})
	c := newClient(t, Options{Servers: []string{a.addr, b.addr}, Timeout: brief})
	_, err := c.Addresses(t.Context(), 4, "example.org")
	wantError(t, err, ErrServFail)
	if len(a.questions()) != 2 || len(b.questions()) != 1 {
		t.Errorf("asked %q and %q", a.questions(), b.questions())
	}
	if want := b.addr + ": server failure"; !strings.Contains(err.Error(), want) {
		t.Errorf("%q does not say %q", err, want)
	}
}

func TestSilenceOnce(t *testing.T) {
	s := serve(t, map[string]reply{"A example.org.": then(silence, yes)})
	var seen observed
	_, err := newClient(t, Options{Servers: []string{s.addr}, Timeout: time.Second, Observe: seen.add}).Addresses(t.Context(), 4, "example.org")
	if err != nil || !slices.Equal(seen.list(), []string{"timeout", "found"}) {
		t.Errorf("%v, observed %q", err, seen.list())
	}
}

func TestClosedPort(t *testing.T) {
	tcp, udp := listen(t)
	_ = tcp.Close()
	_ = udp.Close()
	c := newClient(t, Options{Servers: []string{udp.LocalAddr().String()}})
	_, err := c.Addresses(t.Context(), 4, "example.org")
	wantError(t, err, ErrNetwork)
	if Reason(err) != "error" {
		t.Errorf("reason %q", Reason(err))
	}
}

// TestAside: a server that was silent is asked after the others for a while, and first
// again when it has spoken.
func TestAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExchanger(Options{Servers: []string{"192.0.2.1:53", "192.0.2.2:53"}, Timeout: time.Second})
		l := e.newLookup()
		a, b := e.servers[0], e.servers[1]
		check := func(when string, want ...*server) {
			t.Helper()
			if got := l.order(); !slices.Equal(got, want) {
				t.Errorf("%s: %s is first", when, got[0].addr)
			}
		}
		check("at first", a, b)
		a.heard(ErrTimeout)
		check("after silence", b, a)
		a.heard(ErrServFail)
		check("after a failure", b, a)
		time.Sleep(aside)
		check("later", a, b)
		a.heard(ErrNetwork)
		b.heard(ErrTimeout)
		check("when both are silent", a, b)
		b.heard(nil)
		check("when one spoke", b, a)
	})
}

// TestTimeOfALookup: no chain of aliases and no retry stretches it.
func TestTimeOfALookup(t *testing.T) {
	e := newExchanger(Options{Servers: []string{"127.0.0.1:1", "127.0.0.1:2"}, Timeout: 5 * time.Second})
	l := e.newLookup()
	if l.left != 20*time.Second {
		t.Errorf("a lookup has %v", l.left)
	}
	l.left = 0
	_, sent, err := l.once(t.Context(), "udp", "127.0.0.1:1", nil)
	wantError(t, err, ErrTimeout)
	if sent {
		t.Error("something was sent when the time was over")
	}
	l.left = time.Nanosecond // Over while it dials.
	_, _, err = l.once(t.Context(), "tcp", "127.0.0.1:1", []byte{0, 0})
	wantError(t, err, ErrTimeout)
}

func TestQueriesPerSecond(t *testing.T) {
	s := serve(t, map[string]reply{"A example.org.": yes})
	c := newClient(t, Options{Servers: []string{s.addr}, QueriesPerSecond: 5}).Uncached()
	if l := c.exchanger.limiter; l.Limit() != 5 || l.Burst() != 1 {
		t.Errorf("limit %v, burst %d", l.Limit(), l.Burst())
	}
	c.exchanger.limiter = rate.NewLimiter(rate.Every(time.Hour), 1)
	if _, err := c.Addresses(t.Context(), 4, "example.org"); err != nil {
		t.Fatal(err)
	}

	// The next has its turn in an hour: a caller with less time is told at once.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := c.Addresses(ctx, 4, "example.org")
	wantError(t, err, context.DeadlineExceeded)

	// And one that waits can leave.
	ctx, leave := context.WithCancel(t.Context())
	time.AfterFunc(brief, leave)
	_, err = c.Addresses(ctx, 4, "example.org")
	wantError(t, err, context.Canceled)
	if n := len(s.questions()); n != 1 {
		t.Errorf("%d questions were sent", n)
	}
}

// TestWaitingForATurn: the wait does not use up the time for the answer.
func TestWaitingForATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &attempt{&exchanger{timeout: time.Second, limiter: rate.NewLimiter(rate.Every(time.Hour), 1)}, 2 * time.Second}
		l.limiter.Allow()
		start := time.Now()
		_, sent, err := l.once(t.Context(), "udp", "127.0.0.1", nil) // Without a port, there is nothing to dial.
		wantError(t, err, ErrNetwork)
		if waited := time.Since(start); !sent || waited != time.Hour || l.left != 2*time.Second {
			t.Errorf("sent %t, waited %v, %v are left", sent, waited, l.left)
		}
	})
}

func TestObserve(t *testing.T) {
	s := serve(t, map[string]reply{
		"A example.org.":    yes,
		"AAAA example.org.": say{ns: []string{soa}}.reply,
		"MX example.org.":   overTCPOnly(say{rcode: dns.RcodeNameError, ns: []string{soa}}.reply),
		"TXT example.org.":  say{answer: []string{"example.org. 60 CNAME a.example."}}.reply,
		"TXT a.example.":    say{answer: []string{"a.example. 60 TXT x"}}.reply,
	})
	var seen observed
	c := newClient(t, Options{Servers: []string{s.addr}, Observe: seen.add})
	for range 2 { // The second time, all but nothing is sent: the cache answers.
		_, _ = c.Addresses(t.Context(), 4, "example.org")
		_, _ = c.Addresses(t.Context(), 6, "example.org")
		_, _ = c.MX(t.Context(), "example.org")
		_, _ = c.TXT(t.Context(), "example.org")
	}
	want := []string{"found", "no_data", "no_name", "found", "found"}
	if !slices.Equal(seen.list(), want) {
		t.Errorf("observed %q, want %q", seen.list(), want)
	}
}

// TestUncached: nothing is taken from memory and nothing put there, and the answers
// handed out are the caller's own.
func TestUncached(t *testing.T) {
	s := serve(t, map[string]reply{"A example.org.": yes})
	c := newClient(t, Options{Servers: []string{s.addr}})
	fresh := c.Uncached()
	if got := fresh.Servers(); !slices.Equal(got, []string{s.addr}) {
		t.Errorf("servers %q", got)
	}
	for i, ask := range []struct {
		c    *Client
		sent int
	}{{fresh, 1}, {fresh, 2}, {c, 3}, {c, 3}, {fresh, 4}} {
		a, err := ask.c.Addresses(t.Context(), 4, "example.org")
		if err != nil || a.Records[0] != netip.MustParseAddr("192.0.2.1") {
			t.Fatalf("%+v, %v", a, err)
		}
		a.Records[0] = netip.Addr{} // Does not reach the cache.
		if n := len(s.questions()); n != ask.sent {
			t.Errorf("question %d: %d were sent, want %d", i, n, ask.sent)
		}
	}
}

func TestNew(t *testing.T) {
	for name, o := range map[string]Options{
		"resolver.servers":              {Servers: []string{"192.0.2.1"}},
		"is not host:port":              {Servers: []string{"192.0.2.1:0"}},
		"from 1 to 65535":               {Servers: []string{"192.0.2.1:65536"}},
		"the host is empty":             {Servers: []string{"192.0.2.1:53", ":53"}},
		"resolver.timeout":              {Servers: []string{"192.0.2.1:53"}, Timeout: -1},
		"limits.dns_queries_per_second": {Servers: []string{"192.0.2.1:53"}, QueriesPerSecond: -1},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not say %q", err, name)
		}
	}
	c, err := New(Options{Servers: []string{"192.0.2.1:53", "[2001:db8::1]:5353", "[fe80::1%eth0]:53", "unbound:53"}})
	if err != nil || len(c.Servers()) != 4 || c.exchanger.timeout != 5*time.Second {
		t.Errorf("%v", err)
	}
}

func TestSystemServers(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"plain":    {"search example.org\nnameserver 192.0.2.1\noptions edns0\n", []string{"192.0.2.1:53"}},
		"IPv6":     {"nameserver 2001:db8::1\nnameserver\tfe80::1%eth0", []string{"[2001:db8::1]:53", "[fe80::1%eth0]:53"}},
		"comments": {"#nameserver 192.0.2.1\n;nameserver 192.0.2.2\nnameserver 192.0.2.3 # here\n", []string{"192.0.2.3:53"}},
		"rubbish":  {"nameserver\nnameserver x\n\x00\nnameserver 192.0.2.300\n nameserver 192.0.2.4\n", []string{"192.0.2.4:53"}},
		"four":     {strings.Repeat("nameserver 192.0.2.1\n", 4), []string{"192.0.2.1:53", "192.0.2.1:53", "192.0.2.1:53"}},
		"none":     {"search example.org\n", nil},
		"endless":  {strings.Repeat("x", 1<<20), nil},
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := systemServers(file)
		if !slices.Equal(got, test.want) || (err == nil) != (test.want != nil) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), "resolver.servers") {
			t.Errorf("%s: %v does not name the setting", name, err)
		}
	}
	if _, err := systemServers(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "resolver.servers") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestReverse(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.2":        "2.0.0.127",
		"::ffff:127.0.0.2": "2.0.0.127",
		"2001:db8::a1%x":   "1.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2",
	} {
		if got := Reverse(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if got := Reverse(netip.Addr{}); got != "" {
		t.Errorf("no address: %q", got)
	}
}

// TestRedact: whatever goes wrong, no error text has a key in it, nor has any error beneath.
func TestRedact(t *testing.T) {
	const key = "S3cretKey"
	name := "2.0.0.127." + key + ".zen.example"
	owner := "A 2.0.0.127." + strings.ToLower(key) + ".zen.example."
	var calls atomic.Int32
	s := serve(t, map[string]reply{owner: func(network string, q *dns.Msg) [][]byte {
		switch calls.Add(1) {
		case 1:
			return say{rcode: dns.RcodeServerFailure}.reply(network, q)
		case 2:
			return say{answer: []string{q.Question[0].Name + ` 60 CNAME \000.` + key + ".example."}}.reply(network, q)
		case 3:
			return say{answer: []string{q.Question[0].Name + " 60 CNAME " + q.Question[0].Name}}.reply(network, q)
		}
		return [][]byte{{}}
	}})
	c := newClient(t, Options{Servers: []string{s.addr}, Timeout: brief, Redact: []string{"", " ", key + "\n", "s3", "\xff"}})
	var errs []error
	for range 6 {
		_, err := c.Addresses(t.Context(), 4, name)
		errs = append(errs, err)
	}
	_, err := c.TXT(t.Context(), name+"\xff")
	errs = append(errs, err)
	_, err = c.Addresses(t.Context(), 7, strings.ToUpper(name))
	errs = append(errs, err)
	for _, err := range errs {
		if err == nil {
			t.Fatal("no error")
		}
		for _, e := range append(unwrapAll(err), err) {
			if text := strings.ToLower(e.Error()); strings.Contains(text, strings.ToLower(key)) || strings.Contains(text, "s3") || strings.Contains(text, "cretkey") {
				t.Errorf("error has the key: %v", e)
			}
			if strings.ContainsAny(e.Error(), "\x00\xff") {
				t.Errorf("error has a peer's octets: %q", e)
			}
		}
	}
	if !strings.Contains(errs[0].Error(), `A of "2.0.0.127.***.zen.example"`) {
		t.Errorf("error does not say what was asked: %v", errs[0])
	}
}

func unwrapAll(err error) (all []error) {
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = append(append(all, inner), unwrapAll(inner)...)
		}
	case interface{ Unwrap() error }:
		all = append(append(all, e.Unwrap()), unwrapAll(e.Unwrap())...)
	}
	return all
}

func TestReason(t *testing.T) {
	for want, err := range map[string]error{"": nil, "timeout": context.DeadlineExceeded, "error": context.Canceled} {
		if got := Reason(err); got != want {
			t.Errorf("%v: %q", err, got)
		}
	}
}
