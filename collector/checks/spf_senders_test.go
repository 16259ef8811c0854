package checks

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/spf"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// spfSenderCases are those for which addresses are evaluated.
func spfSenderCases() []recordCase {
	literal := func(addr, helo string, domains ...string) *targets.Sender {
		return &targets.Sender{Host: addr, Addr: netip.MustParseAddr(addr), HeloName: helo, Domains: domains}
	}
	target := func(s *targets.Sender) *targets.Target {
		return &targets.Target{Name: s.Host, Kind: targets.KindSender, Sender: s}
	}
	others := []*targets.Target{
		target(literal("203.0.113.9", "out.example.org")),
		target(literal("2001:db8::9", "")),
		target(&targets.Sender{Host: "hosts.test", HeloName: "hosts.test"}),
		target(&targets.Sender{Host: "unknown.test"}),
		target(literal("203.0.113.77", "")), // Nobody's.
		{Name: "domain.test", Kind: targets.KindDomain, Domain: &targets.Domain{}},
	}
	four, six := targets.Domain{Senders: []string{"203.0.113.9"}}, targets.Domain{Senders: []string{"2001:db8::9"}}
	return []recordCase{
		{name: "passes", others: others, domain: targets.Domain{Senders: []string{"203.0.113.9", "2001:db8::9"}}, zone: `
%s TXT "v=spf1 ip4:203.0.113.9 include:six.%s -all"
six.%s TXT "v=spf1 ip6:2001:db8::/64"`, want: `
spf_records 1
spf_valid 1
spf_lookups 1
spf_void_lookups 0
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1
spf_result sender=2001:db8::9 address=2001:db8::9 identity=mailfrom result=pass 1`},
		{name: "fails", others: others, domain: targets.Domain{Senders: []string{"203.0.113.9", "2001:db8::9"}}, zone: `%s TXT "v=spf1 ip4:203.0.113.9 ~all"`, want: `
spf_records 1
spf_valid 1
! spf_softall
spf_lookups 0
spf_void_lookups 0
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1
spf_result sender=2001:db8::9 address=2001:db8::9 identity=mailfrom result=softfail 1
! spf_not_authorised`},
		{name: "each-address", others: others, domain: targets.Domain{Senders: []string{"hosts.test"}}, zone: `
hosts.test. A 203.0.113.9
hosts.test. A 203.0.113.10
hosts.test. AAAA 2001:db8::9
hosts.test. TXT "v=spf1 a:hosts.test -all"
%s TXT "v=spf1 ip4:203.0.113.9 -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 0
spf_void_lookups 0
spf_result sender=hosts.test address=203.0.113.9 identity=mailfrom result=pass 1
spf_result sender=hosts.test address=203.0.113.10 identity=mailfrom result=fail 1
! spf_not_authorised
spf_result sender=hosts.test address=2001:db8::9 identity=mailfrom result=fail 1
! spf_not_authorised`},
		{name: "no-record", others: others, domain: four, zone: `other.%s TXT "x"`, want: `
spf_records 0
spf_valid 0
! spf_missing
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=none 1`},
		{name: "broken", others: others, domain: four, zone: `%s TXT "v=spf1 ip4:203.0.113.9 foo -all"`, want: `
spf_records 1
spf_valid 0
! spf_invalid
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=permerror 1`},
		{name: "include-broken", others: others, domain: four, zone: `
%s TXT "v=spf1 include:gone.%s ip4:203.0.113.9 include:bad.%s include:bad.%s -all"
bad.%s TXT "v=spf1 foo -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 3
! spf_invalid
! spf_invalid
spf_void_lookups 0
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=permerror 1`},
		{name: "lookups", others: others, domain: four, zone: `
%s TXT "v=spf1 include:five.%s include:five.%s a ip4:203.0.113.9 -all"
five.%s TXT "v=spf1 a:%s a:%s a:%s a:%s -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 11
! spf_too_many_lookups
spf_void_lookups 0
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=permerror 1`},
		{name: "lookups-left", others: others, domain: four, zone: `%s TXT "v=spf1 a a a a a a a a a a ip4:203.0.113.9 -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 10
spf_void_lookups 0
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1`},
		{name: "loop", others: others, domain: four, zone: `%s TXT "v=spf1 ip4:203.0.113.9 include:%s -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 50
! spf_too_many_lookups
spf_void_lookups 0
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1`},
		{name: "exchangers", others: others, domain: four, zone: `
%s TXT "v=spf1 mx:many.%s ip4:203.0.113.9 -all"
` + strings.Join(manyExchangers(11), "\n"), want: `
spf_records 1
spf_valid 1
spf_lookups 1
! spf_too_many_lookups
spf_void_lookups 0
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=permerror 1`},
		{name: "void", others: others, domain: four, zone: `%s TXT "v=spf1 a:old.%s ip4:203.0.113.9 mx:old.%s -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 2
spf_void_lookups 2
! spf_void_lookups
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1`},
		// By the letter these names have nothing for a sender with IPv6, but they are there.
		{name: "void-six", others: others, domain: six, zone: `%s TXT "v=spf1 a a a ip6:2001:db8::9 -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 3
spf_void_lookups 0
spf_result sender=2001:db8::9 address=2001:db8::9 identity=mailfrom result=permerror 1
! spf_not_authorised`},
		{name: "void-unknown", others: others, domain: four, fails: "dead.void-unknown.example", zone: `%s TXT "v=spf1 ip4:203.0.113.9 a:dead.%s -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 1
? voids
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1`},
		{name: "include-unknown", others: others, domain: targets.Domain{Senders: []string{"203.0.113.9", "2001:db8::9"}}, fails: "dead.include-unknown.example", zone: `%s TXT "v=spf1 ip4:203.0.113.9 include:dead.%s -all"`, want: `
spf_records 1
spf_valid 1
? lookups
? voids
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1
? mailfrom 2001:db8::9 2001:db8::9`},
		{name: "sender-unknown", others: others, domain: targets.Domain{Senders: []string{"203.0.113.9", "unknown.test"}}, fails: "unknown.test", zone: `%s TXT "v=spf1 ip4:203.0.113.9 -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 0
spf_void_lookups 0
? addresses unknown.test
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1`},
		// RFC 7208 section 5.5 passes over such an error; a receiver who gets an answer may let the sender pass.
		{name: "names-unknown", others: others, domain: four, fails: "9.113.0.203.in-addr.arpa", zone: `%s TXT "v=spf1 ptr -all"`, want: `
spf_records 1
spf_valid 1
! spf_ptr
spf_lookups 1
spf_void_lookups 0
? mailfrom 203.0.113.9 203.0.113.9`},
		{name: "asks-helo", others: others, domain: targets.Domain{Senders: []string{"203.0.113.9", "2001:db8::9"}}, zone: `
%s TXT "v=spf1 exists:%{h}.ok.%s -all"
out.example.org.ok.%s A 127.0.0.2`, want: `
spf_records 1
spf_valid 1
spf_lookups 1
spf_void_lookups 0
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1
? mailfrom 2001:db8::9 2001:db8::9`},
		// What cannot be asked for does not exist.
		{name: "odd-names", others: others, domain: four, zone: `%s TXT "v=spf1 a:%_x.%s mx:..%s exists:a\\\\b.%s ip4:203.0.113.9 -all"`, want: `
spf_records 1
spf_valid 1
spf_lookups 3
spf_void_lookups 2
! spf_void_lookups
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1`},

		{name: "helo", others: others, sender: literal("203.0.113.9", "helo.example"), zone: `%s TXT "v=spf1 ip4:203.0.113.9 -all"`, want: `
spf_result sender=203.0.113.9 address=203.0.113.9 identity=helo result=pass 1`},
		{name: "helo-fails", others: others, sender: literal("203.0.113.9", "helo-fails.example"), zone: `%s TXT "v=spf1 ip4:203.0.113.10 -all"`, want: `
spf_result sender=203.0.113.9 address=203.0.113.9 identity=helo result=fail 1
! spf_helo_not_authorised`},
		{name: "helo-none", others: others, sender: literal("203.0.113.9", "helo-none.example"), want: `
spf_result sender=203.0.113.9 address=203.0.113.9 identity=helo result=none 1`},
		{name: "helo-broken", others: others, sender: literal("203.0.113.9", "helo-broken.example"), zone: `%s TXT "v=spf1 foo -all"`, want: `
! spf_invalid warning
spf_result sender=203.0.113.9 address=203.0.113.9 identity=helo result=permerror 1`},
		{name: "helo-include", others: others, sender: literal("203.0.113.9", "helo-include.example"), zone: `%s TXT "v=spf1 include:gone.%s -all"`, want: `
spf_result sender=203.0.113.9 address=203.0.113.9 identity=helo result=permerror 1
! spf_helo_not_authorised`},
		{name: "helo-configured", others: others, sender: literal("203.0.113.9", "domain.test"), zone: `domain.test. TXT "v=spf1 a -all"`, want: `
- helo
spf_result sender=203.0.113.9 address=203.0.113.9 identity=helo result=fail 1
! spf_helo_not_authorised`},
		{name: "helo-unknown", others: others, fails: "%s", sender: literal("203.0.113.9", "helo-unknown.example"), want: `
? helo
? helo 203.0.113.9`},
		{name: "helo-address-unknown", others: others, fails: "%s", sender: &targets.Sender{Host: "helo-address-unknown.example", HeloName: "out.example"}, want: `
? addresses`},
		// On the domain, where that is a target.
		{name: "others-domains", others: others, sender: literal("203.0.113.9", "", "domain.test", "others-domains.example", "b.others-domains.example"), zone: `
%s TXT "v=spf1 ip4:203.0.113.9 -all"
b.%s TXT "v=spf1 ip4:203.0.113.9 -all"`, want: `
- helo
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1`},
		{name: "others-fail", others: others, sender: literal("203.0.113.9", "", "others-fail.example", "b.others-fail.example", "c.others-fail.example"), zone: `
%s TXT "v=spf1 ip4:203.0.113.9 -all"
b.%s TXT "v=spf1 -all"`, want: `
- helo
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=pass 1
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=fail 1
spf_result sender=203.0.113.9 address=203.0.113.9 identity=mailfrom result=none 1
! spf_not_authorised
! spf_missing`},
	}
}

func manyExchangers(n int) (zone []string) {
	for i := range n {
		zone = append(zone, "many.%s MX 10 mx"+string(rune('a'+i))+".many.%s")
	}
	return zone
}

// TestSPFEvidence: what decided is told, and what uses up the limit.
func TestSPFEvidence(t *testing.T) {
	w, dns := recordWorld(t)
	if err := w.Zone(`
domain.example. TXT "v=spf1 include:a.example include:b.example -all"
a.example. TXT "v=spf1 exists:%{i}.example include:b.example"
b.example. TXT "v=spf1 a:old.example ip4:203.0.113.9"`); err != nil {
		t.Fatal(err)
	}
	r := &Round{
		Target: &targets.Target{Name: "domain.example", Kind: targets.KindDomain, Domain: &targets.Domain{Senders: []string{"203.0.113.10"}}},
		Env: &Env{DNS: dns, Config: &targets.Config{Targets: []*targets.Target{{
			Name: "203.0.113.10", Kind: targets.KindSender, Sender: &targets.Sender{Addr: netip.MustParseAddr("203.0.113.10")},
		}}}},
	}
	if err := spfCheck.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"lookups": `domain.example: 6 lookups, 2 void
  include:a.example: 3 lookups, 1 void
    include:b.example: 1 lookup, 1 void
  include:b.example: 1 lookup, 1 void`,
		"mailfrom 203.0.113.10 203.0.113.10": `203.0.113.10 for domain.example: permerror, because more than 2 terms that DNS has nothing for (6 lookups, 3 void)`,
	} {
		if got := strings.Join(r.Part(key, HoldRecords).Evidence, "\n"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", key, got, want)
		}
	}
}

// TestSPFVerdicts: the three ways in which a verdict is reached.
func TestSPFVerdicts(t *testing.T) {
	q := spfQuestion{&targets.Target{Name: "out.example"}, netip.MustParseAddr("203.0.113.9"), "domain.example", "mailfrom"}
	long := strings.Repeat("a", 1000)
	for want, e := range map[string]*spf.Evaluation{
		"out.example 203.0.113.9 for domain.example: fail by -all in the record of _spf.example (1 lookup, 0 void)":                      {Result: spf.Fail, Term: "-all", Domain: "_spf.example", Lookups: 1},
		"out.example 203.0.113.9 for domain.example: neutral, since nothing in the record of domain.example matches (0 lookups, 0 void)": {Result: spf.Neutral, Domain: "domain.example"},
		"out.example 203.0.113.9 for domain.example: permerror, because no such mechanism (0 lookups, 0 void)":                           {Result: spf.PermError, Err: record.ErrMechanism},
		("out.example 203.0.113.9 for domain.example: fail by " + long)[:2*maxQuotedRecord] + "...":                                      {Result: spf.Fail, Term: long},
	} {
		if got := (spfVerdict{Evaluation: e}).evidence(q); got.EN != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
