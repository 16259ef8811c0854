package dnsclient

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// FuzzParse takes any octets for the answer to a question.
func FuzzParse(f *testing.F) {
	q := new(dns.Msg)
	q.SetQuestion("example.org.", dns.TypeMX)
	for _, s := range []say{
		{},
		{rcode: dns.RcodeNameError, ns: []string{soa}},
		{answer: []string{"example.org. 60 MX 0 ."}},
		{answer: []string{"example.org. 60 MX 10 a.example.", "example.org. 60 A 192.0.2.1", "example.org. 60 AAAA 2001:db8::1", `example.org. 60 TXT "a\000" "b"`, "example.org. 60 PTR b.example.", "example.org. 60 TLSA 3 1 1 00ff", "example.org. 60 SRV 1 2 3 c.example."}},
		{answer: []string{"example.org. 60 CNAME a.example.", "a.example. 60 CNAME b.example."}},
		{answer: []string{"example.org. 60 CNAME a.example.", "a.example. 60 CNAME example.org."}, ns: []string{soa}},
	} {
		f.Add(s.pack(q))
	}
	f.Add([]byte("\x00\x00\x81\x80\x00\x00\x00\x01\x00\x00\x00\x00\xc0\x0c\x00\x0f\x00\x01\x00\x00\x00\x3c\x00\x02\x00\x00")) // A pointer to itself.
	f.Fuzz(func(t *testing.T, msg []byte) {
		check(t, kindMX, msg, func(mx MX) bool { _, ok := hostName(mx.Host); return ok || mx.Host == "" })
		check(t, kindPTR, msg, func(s string) bool { _, ok := hostName(s); return ok })
		check(t, kindTXT, msg, func(s string) bool { return len(s) <= len(msg) })
		check(t, kindSRV, msg, func(r SRV) bool { _, ok := hostName(r.Host); return ok || r.Host == "" })
		check(t, kindTLSA, msg, func(r TLSA) bool { return len(r.Data) > 0 && len(r.Data) <= len(msg) })
		check(t, kindSOA, msg, nil)
		check(t, kindA, msg, nil)
		check(t, kindAAAA, msg, nil)
	})
}

func check[T any](t *testing.T, k kind[T], msg []byte, good func(T) bool) {
	t.Helper()
	a, next, err := parse(k, "example.org.", msg)
	if err != nil {
		if Reason(err) == "timeout" {
			t.Errorf("%s: %v", k.name, err)
		}
		return
	}
	switch {
	case (a.Outcome == OutcomeUnknown) != (next != ""):
		t.Errorf("%s: outcome %v, next %q", k.name, a.Outcome, next)
	case (a.Outcome == OutcomeFound) != (len(a.Records)+a.Invalid > 0):
		t.Errorf("%s: outcome %v with %d records", k.name, a.Outcome, len(a.Records))
	case a.TTL < 0 || a.TTL > time.Hour || len(a.Aliases) > maxAliases:
		t.Errorf("%s: TTL %v, aliases %q", k.name, a.TTL, a.Aliases)
	case !k.all && len(a.Records) > maxRecords:
		t.Errorf("%s: %d records", k.name, len(a.Records))
	}
	for _, r := range a.Records {
		if good != nil && !good(r) {
			t.Errorf("%s: record %v", k.name, r)
		}
	}
}

// FuzzName asks for any name: what is not refused goes over the wire as it is.
func FuzzName(f *testing.F) {
	for _, name := range []string{"example.org", "_dmarc.Example.org.", `a"b@c(d);'e.example`, "a b", `\000.x`, "..", "ä", strings.Repeat("a.", 126) + "a"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		asked, err := canonical(name)
		if err != nil {
			return
		}
		query, err := newQuery(asked, dns.TypeTXT, true, true)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if n := questionEnd(query); n != headerSize+len(strings.TrimSuffix(name, "."))+2+4 {
			t.Errorf("%q: the question ends at %d", name, n)
		}
		if back, _, err := dns.UnpackDomainName(query, headerSize); err != nil || back != asked {
			t.Errorf("%q: %q went out, %v", name, back, err)
		}
		answer := append([]byte(nil), query...)
		answer[2] |= 0x80
		if !answers(query, answer) || answers(query, query) {
			t.Errorf("%q: its own answer is not recognised, or the question is", name)
		}
	})
}
