package dnsclient

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

var yes = say{answer: []string{"example.org. 60 A 192.0.2.1"}}.reply

// TestServers asks two servers, of which the second answers.
func TestServers(t *testing.T) {
	for name, test := range map[string]struct {
		first    reply
		timeout  time.Duration
		observed []string
	}{
		"the first is silent":         {silence, 2 * time.Second, []string{"timeout", "found"}},
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
	t.Parallel()
	s := serve(t, map[string]reply{"A example.org.": then(silence, yes)})
	var seen observed
	_, err := newClient(t, Options{Servers: []string{s.addr}, Timeout: 2 * time.Second, Observe: seen.add}).Addresses(t.Context(), 4, "example.org")
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
// TestTimeOfALookup: no chain of aliases and no retry stretches it.
// TestWaitingForATurn: the wait does not use up the time for the answer.
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

func TestResolvConfServers(t *testing.T) {
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
		got, err := resolvConfServers(file)
		if !slices.Equal(got, test.want) || (err == nil) != (test.want != nil) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), "resolver.servers") {
			t.Errorf("%s: %v does not name the setting", name, err)
		}
	}
	if _, err := resolvConfServers(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "resolver.servers") {
		t.Errorf("a missing file: %v", err)
	}
}

// TestAdapterServers: what Windows says, and whom we ask then.
func TestAdapterServers(t *testing.T) {
	addrs := func(all ...string) (out []netip.Addr) {
		for _, a := range all {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	for name, test := range map[string]struct {
		adapters []adapter
		want     []string
	}{
		"one":            {[]adapter{{true, 25, 25, addrs("192.0.2.1", "192.0.2.2")}}, []string{"192.0.2.1:53", "192.0.2.2:53"}},
		"down":           {[]adapter{{false, 5, 5, addrs("192.0.2.1")}, {true, 25, 25, addrs("192.0.2.2")}}, []string{"192.0.2.2:53"}},
		"the cheapest":   {[]adapter{{true, 50, 1, addrs("192.0.2.1")}, {true, 25, 70, addrs("192.0.2.2")}}, []string{"192.0.2.2:53", "192.0.2.1:53"}},
		"families apart": {[]adapter{{true, 50, 1, addrs("192.0.2.1", "2001:db8::1")}}, []string{"[2001:db8::1]:53", "192.0.2.1:53"}},
		"IPv6":           {[]adapter{{true, 1, 1, addrs("2001:db8::1", "fe80::1%7", "::ffff:192.0.2.3")}}, []string{"[2001:db8::1]:53", "[fe80::1%7]:53", "192.0.2.3:53"}},
		"unconfigured":   {[]adapter{{true, 1, 1, addrs("fec0:0:0:ffff::1%1", "fec0:0:0:ffff::2", "::", "192.0.2.1")}}, []string{"192.0.2.1:53"}},
		"twice":          {[]adapter{{true, 1, 1, addrs("192.0.2.1")}, {true, 2, 2, addrs("192.0.2.1", "192.0.2.2")}}, []string{"192.0.2.1:53", "192.0.2.2:53"}},
		"four":           {[]adapter{{true, 1, 1, addrs("192.0.2.4", "192.0.2.3", "192.0.2.2", "192.0.2.1")}}, []string{"192.0.2.4:53", "192.0.2.3:53", "192.0.2.2:53"}},
		"none":           {[]adapter{{true, 1, 1, nil}}, nil},
		"no adapter":     {nil, nil},
	} {
		got, err := adapterServers(test.adapters)
		if !slices.Equal(got, test.want) || (err == nil) != (test.want != nil) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), "resolver.servers") {
			t.Errorf("%s: %v does not name the setting", name, err)
		}
		for _, s := range got {
			if err := validServer(s); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestRedact: whatever goes wrong, no error text has a key in it, nor has any error beneath.
