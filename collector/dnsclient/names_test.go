package dnsclient

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestBadNames(t *testing.T) {
	label := strings.Repeat("a", 63)
	c := newClient(t, Options{Servers: []string{"127.0.0.1:1"}})
	for _, name := range []string{
		"", ".", "..", "a..b", ".a", "a b.example", "a\tb", "a\x00b", `a\.b.example`, "ä.example", "a.\xff",
		label + "a.example", strings.Join([]string{label, label, label, label}, "."), strings.Repeat("a.", 1<<16),
	} {
		_, err := c.TXT(t.Context(), name)
		wantError(t, err, ErrBadName)
		if len(err.Error()) > 600 {
			t.Errorf("an error of %d octets", len(err.Error()))
		}
	}
	longest := strings.Join([]string{label, label, label, label[:61]}, ".")
	odd := `"j;d"(x)'@_a/b=+!.example`
	for _, name := range []string{longest, longest + ".", odd, "_dmarc.example.org", "*.example"} {
		q, err := canonical(name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if _, err := newQuery(q, dns.TypeTXT, true, false); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	// A name with what presentation format escapes comes back as it went.
	presented, _ := canonical(odd)
	s := serve(t, map[string]reply{"TXT " + presented: say{answer: []string{presented + " 60 TXT yes"}}.reply})
	a, err := newClient(t, Options{Servers: []string{s.addr}}).TXT(t.Context(), odd)
	if err != nil || !slices.Equal(a.Records, []string{"yes"}) {
		t.Errorf("got %+v, %v", a, err)
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
