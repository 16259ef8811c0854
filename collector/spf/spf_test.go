package spf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// parseZone reads lines of a name, a type and a value; the type FAIL stands for a name of which nothing else can be told.
func parseZone(t *testing.T, text string) *zone {
	t.Helper()
	z := newZone()
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		switch {
		case len(f) == 3:
			z.add(f[0], f[1], f[2])
		case len(f) == 2 && f[1] == "FAIL":
			z.fails[f[0]] = true
		case f[0] != "":
			t.Fatalf("bad line %q", line)
		}
	}
	return z
}

// TestCheckHost: beyond the suite, which term decided and what it cost.
func TestCheckHost(t *testing.T) {
	z := parseZone(t, `
a.test TXT v=spf1 a:one.test include:b.test mx:none.test -all
b.test TXT v=spf1 exists:%{i}.x.test ip4:192.0.2.1 ?all
one.test A 192.0.2.2
r.test TXT v=spf1 redirect=a.test
late.test TXT v=spf1 ip4:192.0.2.1 include:dead.test -all
dead.test FAIL
mx.test TXT v=spf1 mx -all
mx.test MX mx1.test
mx.test MX mx2.test
mx2.test A 192.0.2.1
null.test TXT v=spf1 mx -all
names.test TXT v=spf1 ptr a:%{p}.names.test -all
1.2.0.192.in-addr.arpa PTR mx2.test
4.2.0.192.in-addr.arpa FAIL
5.2.0.192.in-addr.arpa PTR dead.test
`)
	z.add("null.test", "MX", "")
	for _, c := range []struct {
		domain, ip string
		want       string // Result, term and domain that decided, lookups, voids, and whether errors were skipped.
	}{
		{"a.test", "192.0.2.1", "pass include:b.test a.test 3 1 false"},
		{"a.test", "192.0.2.2", "pass a:one.test a.test 1 0 false"},
		{"a.test", "192.0.2.3", "fail -all a.test 4 2 false"},
		{"a.test", "::ffff:192.0.2.2", "pass a:one.test a.test 1 0 false"},
		{"a.test", "2001:db8::1", "permerror  a.test 4 3 false"}, // By the letter one.test is nothing for IPv6.
		{"r.test", "192.0.2.2", "pass a:one.test a.test 2 0 false"},
		{"b.test", "192.0.2.2", "neutral ?all b.test 1 1 false"},
		{"late.test", "192.0.2.1", "pass ip4:192.0.2.1 late.test 0 0 false"},
		{"late.test", "192.0.2.2", "temperror  late.test 1 0 false"},
		{"mx.test", "192.0.2.1", "pass mx mx.test 1 0 false"},
		{"mx.test", "192.0.2.2", "fail -all mx.test 1 0 false"},
		{"mx.test", "2001:db8::1", "fail -all mx.test 1 1 false"},
		{"null.test", "192.0.2.1", "fail -all null.test 1 0 false"},
		{"names.test", "192.0.2.1", "fail -all names.test 2 1 false"},
		{"names.test", "192.0.2.3", "fail -all names.test 2 2 false"},
		{"names.test", "192.0.2.4", "fail -all names.test 2 1 true"},
		{"names.test", "192.0.2.5", "fail -all names.test 2 1 true"},
		{"a.test.", "192.0.2.2", "pass a:one.test a.test 1 0 false"},
		{"none.test", "192.0.2.1", "none  none.test 0 0 false"},
	} {
		e := CheckHost(t.Context(), z, netip.MustParseAddr(c.ip), c.domain, "", c.domain)
		got := fmt.Sprint(e.Result, " ", e.Term, " ", e.Domain, " ", e.Lookups, " ", e.Voids, " ", e.Skipped != nil)
		if got != c.want {
			t.Errorf("%s from %s: got %s (%v), want %s", c.domain, c.ip, got, e.Err, c.want)
		}
	}
}

// TestHostVoids counts as receivers do that count the question for each host of an mx.
func TestHostVoids(t *testing.T) {
	z := parseZone(t, `
a.test TXT v=spf1 mx ip6:2001:db8::5 -all
a.test MX mx1.test
a.test MX mx2.test
a.test MX mx3.test
mx1.test A 192.0.2.1
mx2.test A 192.0.2.2
mx3.test A 192.0.2.3
b.test TXT v=spf1 mx ip6:2001:db8::5 -all
`)
	for _, c := range []struct {
		domain, ip  string
		voids, more int
	}{{"a.test", "2001:db8::5", 1, 2}, {"a.test", "192.0.2.3", 0, 0}, {"b.test", "2001:db8::5", 1, 0}} {
		e := CheckHost(t.Context(), z, netip.MustParseAddr(c.ip), c.domain, "", c.domain)
		if e.Result != Pass && c.domain == "a.test" || e.Voids != c.voids || e.HostVoids != c.more {
			t.Errorf("%s from %s: %s, %d and %d void, want %d and %d", c.domain, c.ip, e.Result, e.Voids, e.HostVoids, c.voids, c.more)
		}
	}
}

// TestMatched finds the directive that matched, through includes and redirects.
func TestMatched(t *testing.T) {
	z := parseZone(t, `
a.test TXT v=spf1 include:no.test include:b.test -all
no.test TXT v=spf1 ip4:198.51.100.1
b.test TXT v=spf1 redirect=c.test
c.test TXT v=spf1 include:d.test
d.test TXT v=spf1 ip4:192.0.2.0/24 -all
r.test TXT v=spf1 redirect=d.test
n.test TXT v=spf1 redirect=no.test
`)
	for _, c := range []struct{ domain, ip, want string }{
		{"a.test", "192.0.2.1", "ip4:192.0.2.0/24"},
		{"a.test", "198.51.100.1", "ip4:198.51.100.1"},
		{"a.test", "203.0.113.1", "-all"},
		{"d.test", "203.0.113.1", "-all"},
		{"r.test", "192.0.2.1", "ip4:192.0.2.0/24"},
		{"n.test", "192.0.2.1", ""},
		{"none.test", "192.0.2.1", ""},
	} {
		got := ""
		if d, ok := CheckHost(t.Context(), z, netip.MustParseAddr(c.ip), c.domain, "", c.domain).Matched(); ok {
			got = d.String()
		}
		if got != c.want {
			t.Errorf("%s from %s: %q matched, want %q", c.domain, c.ip, got, c.want)
		}
	}
}

// TestErrors: an error says what is wrong, and where.
func TestErrors(t *testing.T) {
	z := parseZone(t, `
two.test TXT v=spf1 -all
two.test TXT v=spf1 a -all
bad.test TXT v=spf1 include:worse.test -all
worse.test TXT v=spf1 foo
gone.test TXT v=spf1 redirect=nothing.test
loop.test TXT v=spf1 include:loop.test
void.test TXT v=spf1 a:x.test a:y.test a:z.test
dead.test FAIL
`)
	for domain, want := range map[string]error{
		"two.test": ErrSeveralRecords, "bad.test": record.ErrMechanism, "gone.test": ErrNoRecord, "loop.test": ErrLookups,
		"void.test": ErrVoids, "dead.test": errTimeout, "nothing.test": ErrNoRecord,
	} {
		if e := CheckHost(t.Context(), z, netip.MustParseAddr("192.0.2.1"), domain, "", domain); !errors.Is(e.Err, want) {
			t.Errorf("%s: got %v, want %v", domain, e.Err, want)
		}
	}
}

// TestWorstCase walks records without an address.
func TestWorstCase(t *testing.T) {
	many := ""
	for i := range 11 {
		many += fmt.Sprintf("many.test MX mx%d.test\n", i)
	}
	z := parseZone(t, many+`
plain.test TXT v=spf1 ip4:192.0.2.1 -all a
tree.test TXT v=spf1 a ?include:%{d}.inc.test include:b.test include:b.test redirect=r.test
tree.test A 192.0.2.1
b.test TXT v=spf1 ptr exists:%{i}.x.test mx:six.test ~all
six.test MX void.test
six.test MX six.test
six.test AAAA 2001:db8::1
tree.test.inc.test TXT v=spf1 a:old.test
r.test TXT v=spf1 mx:old.test -all redirect=loop.test
sender.test TXT v=spf1 include:%{l}.test redirect=%{o}.r.test
sender.test.r.test TXT v=spf1
broken.test TXT v=spf1 include:none.test include:worse.test include:worse.test mx:many.test -all
worse.test TXT v=spf1 foo
loop.test TXT v=spf1 include:loop.test include:loop.test
late.test TXT v=spf1 a a a a a a a a a a a:old.test -all
late.test A 192.0.2.1
unsure.test TXT v=spf1 a:dead.test a:old.test mx:maybe.test -all
maybe.test MX dead.test
sure.test TXT v=spf1 mx -all
sure.test MX dead.test
sure.test MX six.test
hidden.test TXT v=spf1 a include:dead.test -all
dead.test FAIL
`)
	for domain, want := range map[string]string{
		"plain.test": "0 0",
		// a, what is included with a macro and what is in it, b twice with three each, redirect and what is in it.
		"tree.test":   "1+2+2*4+2=13 1",
		"sender.test": "2 0",
		"broken.test": "4 0 include:none.test in the record of broken.test: none.test has no SPF record" +
			`; include:worse.test in the record of broken.test: the record of worse.test: "foo": no such mechanism: "foo"` +
			"; mx:many.test in the record of broken.test: more than 10 MX hosts",
		"loop.test":   "50 0",
		"late.test":   "11 0",
		"unsure.test": "3 1 voids: no answer in time",
		"sure.test":   "1 0",
		"hidden.test": "2 1 error: no answer in time",
		"none.test":   "0 0 error: none.test has no SPF record",
	} {
		w, err := WorstCase(t.Context(), z, domain)
		got := fmt.Sprint(w.Lookups, " ", w.Voids)
		var broken []string
		for _, err := range w.Broken {
			broken = append(broken, err.Error())
		}
		if broken != nil {
			got += " " + strings.Join(broken, "; ")
		}
		if w.VoidsErr != nil {
			got += " voids: " + strings.Split(w.VoidsErr.Error(), "\n")[0]
		}
		if err != nil {
			got += " error: " + err.Error()
		}
		if _, sum, ok := strings.Cut(want, "="); ok {
			want = sum
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", domain, got, want)
		}
	}
}

// TestQuestions: no more is asked than the records demand, and nothing that cannot be asked.
func TestQuestions(t *testing.T) {
	z := parseZone(t, `
a.test TXT v=spf1 a mx ptr a:x..y a:%{p} exp=e.test -all
a.test A 192.0.2.1
a.test MX mx.test
mx.test A 192.0.2.2
5.2.0.192.in-addr.arpa PTR n.test
n.test A 192.0.2.5
`)
	CheckHost(t.Context(), z, netip.MustParseAddr("192.0.2.5"), "a.test", "", "a.test")
	want := []string{"a.test TXT", "a.test A", "a.test MX", "mx.test A", "5.2.0.192.in-addr.arpa PTR", "n.test A", "n.test A"}
	if !slices.Equal(z.asked, want) {
		t.Errorf("CheckHost asks %v, want %v", z.asked, want)
	}
	z.asked = nil
	if _, err := WorstCase(t.Context(), z, "a.test"); err != nil {
		t.Fatal(err)
	}
	want = []string{"a.test TXT", "a.test A", "a.test MX", "mx.test A"}
	if !slices.Equal(z.asked, want) {
		t.Errorf("WorstCase asks %v, want %v", z.asked, want)
	}
}

// TestMacros of the table in RFC 7208 section 7.4, and what the suite leaves out.
func TestMacros(t *testing.T) {
	for _, c := range []struct{ ip, text, want string }{
		{"192.0.2.3", "%{s}", "strong-bad@email.example.com"},
		{"192.0.2.3", "%{o}", "email.example.com"},
		{"192.0.2.3", "%{d}", "email.example.com"},
		{"192.0.2.3", "%{d4}", "email.example.com"},
		{"192.0.2.3", "%{d1}", "com"},
		{"192.0.2.3", "%{dr}", "com.example.email"},
		{"192.0.2.3", "%{d2r}", "example.email"},
		{"192.0.2.3", "%{l}", "strong-bad"},
		{"192.0.2.3", "%{l-}", "strong.bad"},
		{"192.0.2.3", "%{lr}", "strong-bad"},
		{"192.0.2.3", "%{lr-}", "bad.strong"},
		{"192.0.2.3", "%{l1r-}", "strong"},
		{"192.0.2.3", "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
		{"192.0.2.3", "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
		{"192.0.2.3", "%{S}", "strong-bad%40email.example.com"},
		{"192.0.2.3", "%%%_%-%{p}%{h}", "% %20unknownhelo.test"},
		{"2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}", "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"},
	} {
		m, err := record.ParseMacroString(c.text)
		if err != nil {
			t.Fatal(err)
		}
		check := newChecker(newZone(), netip.MustParseAddr(c.ip), "strong-bad@email.example.com", "helo.test")
		if got := check.expand(t.Context(), "email.example.com", m, nil); got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}

// TestExplain: the letters that only an explanation may hold.
func TestExplain(t *testing.T) {
	z := parseZone(t, `
a.test TXT v=spf1 -all exp=e.test
e.test TXT %{c} at %{r}, %{t}: see %{d}
`)
	e := CheckHost(t.Context(), z, netip.MustParseAddr("2001:db8::1"), "a.test", "x@a.test", "helo.test")
	if got := e.Explain(t.Context(), "mx.test", time.Unix(86400, 0)); got != "2001:db8::1 at mx.test, 86400: see a.test" {
		t.Errorf("got %s", got)
	}
	if e.UsedHelo {
		t.Error("nothing asks for the HELO name")
	}
}

// FuzzCheckHost: whatever stands in a record, an evaluation ends within the limits, and the names it asks for can be asked for.
func FuzzCheckHost(f *testing.F) {
	for _, text := range []string{"v=spf1 a mx ptr include:%{d} -all", "v=spf1 redirect=%{l1r+-}.%{H}.test", "v=spf1 exists:%{p}.%{ir}.test exp=%{o}", "v=spf1 mx/0//0 a:..a"} {
		f.Add(text, "x+y@a.test")
	}
	f.Fuzz(func(t *testing.T, text, sender string) {
		z := newZone()
		z.add("a.test", "TXT", text)
		z.add("a.test", "MX", "a.test")
		z.add("a.test", "A", "192.0.2.9")
		z.add("1.2.0.192.in-addr.arpa", "PTR", "a.test")
		e := CheckHost(t.Context(), z, netip.MustParseAddr("192.0.2.1"), "a.test", sender, sender)
		e.Explain(t.Context(), "mx.test", time.Unix(0, 0))
		if _, err := WorstCase(t.Context(), z, "a.test"); err == nil && e.Result == None {
			t.Error("there is a record after all")
		}
		if e.Lookups > MaxLookups+1 || e.Voids > MaxVoids+1 || len(z.asked) > 40+2*MaxWalk {
			t.Errorf("%d lookups, %d voids, %d questions", e.Lookups, e.Voids, len(z.asked))
		}
		for _, q := range z.asked {
			if name := q[:strings.LastIndexByte(q, ' ')]; !wellFormed(name) {
				t.Errorf("asked for %q", name)
			}
		}
	})
}

// A slow resolver takes its time for every record.
type slow struct {
	*zone
	wait time.Duration
}

func (s slow) TXT(ctx context.Context, name string) ([]string, error) {
	select {
	case <-time.After(s.wait):
		return s.zone.TXT(ctx, name)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestTime: name servers that answer, but slowly, do not keep anybody for as long as they like.
func TestTime(t *testing.T) {
	z := parseZone(t, `
a.test TXT v=spf1 include:b.test include:c.test include:d.test -all
b.test TXT v=spf1 -all
c.test TXT v=spf1 -all
d.test TXT v=spf1 -all
`)
	for _, c := range []struct {
		wait time.Duration
		want Result
		took time.Duration
	}{
		{10 * time.Second, Fail, 40 * time.Second},
		{time.Minute - 1, TempError, maxTime},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin, resolver := time.Now(), slow{z, c.wait}
			e := CheckHost(t.Context(), resolver, netip.MustParseAddr("192.0.2.1"), "a.test", "", "a.test")
			if took := time.Since(begin); e.Result != c.want || took != c.took {
				t.Errorf("%v a record: %s after %v", c.wait, e.Result, took)
			}
			begin = time.Now()
			_, err := WorstCase(t.Context(), resolver, "a.test")
			if took := time.Since(begin); (err != nil) != (c.want == TempError) || took != c.took {
				t.Errorf("%v a record: the worst case ends with %v after %v", c.wait, err, took)
			}
		})
	}
}
