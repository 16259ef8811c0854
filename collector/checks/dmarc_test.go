package checks

import (
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

func TestDMARC(t *testing.T) {
	sends := targets.Domain{DKIMSelectors: []string{"s1"}, Senders: []string{"203.0.113.9"}}
	sender := []*targets.Target{{
		Name: "203.0.113.9", Kind: targets.KindSender, Sender: &targets.Sender{Host: "203.0.113.9", Addr: netip.MustParseAddr("203.0.113.9")},
	}}
	const reject = `_dmarc.%s TXT "v=DMARC1; p=reject; rua=mailto:dmarc@{domain}"
`
	cases := []recordCase{
		{name: "healthy", zone: `_dmarc.%s TXT "v=DMARC1; p=reject; rua=mailto:dmarc@{domain}"
_dmarc.%s TXT "something else"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1`},
		{name: "alias", zone: `_dmarc.%s CNAME alias.records.example.
alias.records.example. TXT "v=DMARC1; p=reject; rua=mailto:dmarc@{domain}"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1`},
		{name: "none", zone: `_dmarc.%s TXT "v=DMARC1; p=none; sp=reject; rua=mailto:dmarc@{domain}"`, want: `
dmarc_policy policy=none subdomain_policy=reject found_at=%s 1
dmarc_valid 1
! dmarc_policy_none`},
		{name: "testing", zone: `_dmarc.%s TXT "v=DMARC1; p=quarantine; sp=reject; t=y; rua=mailto:dmarc@{domain}"`, want: `
dmarc_policy policy=none subdomain_policy=quarantine found_at=%s 1
dmarc_valid 1
! dmarc_policy_none`},
		{name: "old", zone: `_dmarc.%s TXT "v=DMARC1; p=reject; pct=50"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1
! dmarc_old_tags
! dmarc_no_reports`},
		{name: "missing", zone: `%s A 192.0.2.1`, want: `
dmarc_valid 0
! dmarc_missing`},
		{name: "unknown", zone: `%s A 192.0.2.1`, fails: `_dmarc.%s`, want: `error`},
		{name: "multiple", zone: `_dmarc.%s TXT "v=DMARC1; p=reject"
_dmarc.%s TXT "v=DMARC1; p=none"`, want: `
dmarc_valid 0
! dmarc_multiple`},
		{name: "lower-case", zone: `_dmarc.%s TXT "v=dmarc1; p=reject"`, want: `
dmarc_valid 0
! dmarc_invalid`},
		{name: "mistakes", zone: `_dmarc.%s TXT "v=DMARC1; p=reject; aspf=x; rua=dmarc@{domain}"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 0
! dmarc_invalid
! dmarc_invalid`},
		{name: "no-policy", zone: `_dmarc.%s TXT "v=DMARC1; sp=reject; rua=mailto:dmarc@{domain}"`, want: `
dmarc_policy policy=none subdomain_policy=none found_at=%s 1
dmarc_valid 0
! dmarc_policy_missing
! dmarc_policy_none`},
		{name: "no-policy-no-reports", zone: `_dmarc.%s TXT "v=DMARC1; p=rejected"`, want: `
dmarc_valid 0
! dmarc_policy_missing
! dmarc_no_reports`},
		{name: "bad-sp", zone: `_dmarc.%s TXT "v=DMARC1; p=reject; sp=drop; rua=mailto:dmarc@{domain}"`, want: `
dmarc_policy policy=none subdomain_policy=none found_at=%s 1
dmarc_valid 0
! dmarc_invalid
! dmarc_policy_none`},
		{name: "twice", zone: `_dmarc.%s TXT "v=DMARC1; p=reject; p=none; rua=mailto:dmarc@{domain}"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 0
! dmarc_invalid`},

		{name: "parked", parked: true, zone: `_dmarc.%s TXT "v=DMARC1; p=reject"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1`},
		{name: "parked-np", parked: true, zone: `_dmarc.%s TXT "v=DMARC1; p=reject; np=none"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1
! dmarc_parked`},
		{name: "parked-none", parked: true, zone: `_dmarc.%s TXT "v=DMARC1; p=none"`, want: `
dmarc_policy policy=none subdomain_policy=none found_at=%s 1
dmarc_valid 1
! dmarc_parked`},
		{name: "parked-ignored", parked: true, zone: `_dmarc.%s TXT "v=DMARC1"`, want: `
dmarc_valid 0
! dmarc_policy_missing
! dmarc_parked`},
		{name: "parked-missing", parked: true, zone: `%s A 192.0.2.1`, want: `
dmarc_valid 0
! dmarc_parked`},

		{name: "below.organisation", zone: `below.organisation.example. A 192.0.2.1
_dmarc.organisation.example. TXT "v=DMARC1; p=reject; sp=quarantine; np=none; rua=mailto:d@organisation.example"`, want: `
dmarc_policy policy=quarantine subdomain_policy=quarantine found_at=organisation.example 1
dmarc_valid 1`},
		{name: "gone.organisation", want: `
dmarc_policy policy=none subdomain_policy=quarantine found_at=organisation.example 1
dmarc_valid 1
! dmarc_policy_none`},
		// Who says nothing of the tree is passed over for the highest.
		{name: "a.lower.organisation", zone: `a.lower.organisation.example. A 192.0.2.1
_dmarc.lower.organisation.example. TXT "v=DMARC1; p=reject; psd=u"`, want: `
dmarc_policy policy=quarantine subdomain_policy=quarantine found_at=organisation.example 1
dmarc_valid 1`},
		{name: "a.middle.organisation", zone: `_dmarc.middle.organisation.example. TXT "v=DMARC1; p=reject; psd=n; rua=mailto:d@middle.organisation.example"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=middle.organisation.example 1
dmarc_valid 1
! dmarc_discovery_differs`},
		{
			name: "a.middle.doubtful", zone: `_dmarc.middle.doubtful.example. TXT "v=DMARC1; p=reject; psd=n; rua=mailto:d@doubtful.example"`,
			fails: "_dmarc.doubtful.example", want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=middle.doubtful.example 1
dmarc_valid 1
? discovery`,
		},
		{name: "a.double.organisation", zone: `a.double.organisation.example. A 192.0.2.1
_dmarc.double.organisation.example. TXT "v=DMARC1; p=reject"
_dmarc.double.organisation.example. TXT "v=DMARC1; p=none"`, want: `
dmarc_policy policy=quarantine subdomain_policy=quarantine found_at=organisation.example 1
dmarc_valid 0
! dmarc_multiple`},

		{name: "authorised", zone: `_dmarc.%s TXT "v=DMARC1; p=reject; rua=mailto:a@reports.example,mailto:b@sub.{domain}; ruf=mailto:c@reports.example"
authorised.example._report._dmarc.reports.example. TXT "v=DMARC1"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1`},
		{name: "wildcard", zone: `_dmarc.%s TXT "v=DMARC1; p=reject; rua=mailto:a@all.reports.example"
*._report._dmarc.all.reports.example. TXT "v=DMARC1;"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1`},
		{name: "unauthorised", zone: `_dmarc.%s TXT "v=DMARC1; p=reject; rua=mailto:a@reports.example,mailto:b@others.example,https://x.example/"
unauthorised.example._report._dmarc.reports.example. TXT "v=dmarc1"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1
! dmarc_report_unauthorised
! dmarc_report_unauthorised`},
		{name: "reports-unknown", fails: "%s._report._dmarc.reports.example", zone: `_dmarc.%s TXT "v=DMARC1; p=reject; rua=mailto:a@reports.example"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1
? report reports.example`},

		{name: "key", domain: sends, others: sender, zone: reject + `s1._domainkey.%s TXT "p={rsa2048}"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1`},
		{name: "sender", domain: sends, others: sender, zone: reject + `%s TXT "v=spf1 ip4:203.0.113.9 -all"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1`},
		{name: "nothing-aligns", domain: sends, others: sender, zone: reject + `%s TXT "v=spf1 -all"
s1._domainkey.%s TXT "p="`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1
! dmarc_alignment`},
		{name: "nothing-there", domain: sends, others: sender, zone: reject + `%s A 192.0.2.1`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1
! dmarc_alignment`},
		{name: "key-unknown", domain: sends, others: sender, zone: reject + `%s TXT "v=spf1 -all"`, fails: "s1._domainkey.%s", want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1
? alignment`},
		{name: "sender-unknown", domain: sends, others: sender, zone: reject + `%s TXT "v=spf1 include:away.example -all"`, fails: "away.example", want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1
? alignment`},
		{name: "key-unknown-sender", domain: sends, others: sender, zone: reject + `%s TXT "v=spf1 ip4:203.0.113.9 -all"`, fails: "s1._domainkey.%s", want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1`},
		{name: "no-selectors", domain: targets.Domain{Senders: sends.Senders}, others: sender, zone: reject + `%s TXT "v=spf1 -all"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1`},
		{name: "no-senders", domain: targets.Domain{DKIMSelectors: sends.DKIMSelectors}, others: sender, zone: reject + `%s TXT "v=spf1 -all"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1`},
		{name: "parked-aligns", parked: true, domain: sends, others: sender, zone: reject + `%s TXT "v=spf1 -all"`, want: `
dmarc_policy policy=reject subdomain_policy=reject found_at=%s 1
dmarc_valid 1`},
	}
	for i, c := range cases {
		// A name in a record is without the dot at the end that %s has.
		cases[i].zone = dkimKeys.Replace(strings.ReplaceAll(c.zone, "{domain}", c.name+".example"))
	}
	testRecords(t, dmarcCheck, cases)
}

// TestDMARCUnknownDomain: where nothing can be told of the domain itself, that matters only to a record with np.
func TestDMARCUnknownDomain(t *testing.T) {
	w, dns := recordWorld(t)
	if err := w.Zone(`
_dmarc.with.example. TXT "v=DMARC1; p=reject; np=reject; rua=mailto:d@with.example"
_dmarc.without.example. TXT "v=DMARC1; p=reject; rua=mailto:d@without.example"
x.missing.example. A 192.0.2.1`); err != nil {
		t.Fatal(err)
	}
	w.Fault("_dmarc.test", mailworld.FaultServFail)
	for domain, want := range map[string]string{
		"a.with.example":    "error",
		"a.without.example": "dmarc_policy policy=reject subdomain_policy=reject found_at=without.example 1\ndmarc_valid 1",
		"missing.example":   "dmarc_valid 0\n! dmarc_missing",
		"a.unknown.test":    "error", // A registry's record may be what cannot be told.
	} {
		w.Fault(domain, mailworld.FaultServFail)
		w.Fault("_dmarc."+domain, mailworld.FaultTruncated) // The closer name counts, and TCP has the answer.
		r := &Round{Target: aDomain(domain), Env: &Env{DNS: dns, Config: &targets.Config{}}}
		if got := saw(r, dmarcCheck.Run(t.Context(), r)); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", domain, got, want)
		}
	}
}

// TestDMARCRegistry: a registry's record applies to those below it by RFC 9989 only, its faults are not theirs, and a record one
// label below it goes before it.
func TestDMARCRegistry(t *testing.T) {
	w, dns := recordWorld(t)
	if err := w.Zone(`
_dmarc.test. TXT "v=DMARC1; p=none; sp=reject; psd=y; pct=1; rua=mailto:d@reports.example"
_dmarc.own.test. TXT "v=DMARC1; p=quarantine; rua=mailto:d@own.test"
_dmarc.b.without.test. TXT "v=DMARC1; p=quarantine"
_dmarc.registry.test. TXT "v=DMARC1; p=none; psd=y"
_dmarc.c.registry.test. TXT "v=DMARC1; p=reject"
_dmarc.double. TXT "v=DMARC1; p=none; psd=y"
_dmarc.double. TXT "v=DMARC1; p=none"
a.without.test. A 192.0.2.1
a.own.test. A 192.0.2.1
a.b.without.test. A 192.0.2.1`); err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]string{
		"a.without.test": `
dmarc_policy policy=reject subdomain_policy=reject found_at=test 1
dmarc_valid 1
! dmarc_discovery_differs`,
		"a.own.test": `
dmarc_policy policy=quarantine subdomain_policy=quarantine found_at=own.test 1
dmarc_valid 1`,
		// The walk ends at the first public suffix, whatever the one above says.
		"c.d.registry.test": `
dmarc_policy policy=none subdomain_policy=none found_at=registry.test 1
dmarc_valid 1
! dmarc_policy_none`,
		"d.c.registry.test": `
dmarc_policy policy=reject subdomain_policy=reject found_at=c.registry.test 1
dmarc_valid 1
! dmarc_no_reports
! dmarc_discovery_differs`,
		"a.double": `
dmarc_valid 0
! dmarc_missing`,
		// The organisation is without.test, which has no record; that of b does not count for names below it.
		"a.b.without.test": `
dmarc_policy policy=reject subdomain_policy=reject found_at=test 1
dmarc_valid 1
! dmarc_discovery_differs`,
	} {
		r := &Round{Target: aDomain(domain), Env: &Env{DNS: dns, Config: &targets.Config{}}}
		if got := saw(r, dmarcCheck.Run(t.Context(), r)); got != strings.TrimSpace(want) {
			t.Errorf("%s: got\n%s\nwant%s", domain, got, want)
		}
	}
}

// TestDMARCParentConfigured: the faults of a record above the domain are told of the domain that it stands at, if that is asked too.
func TestDMARCParentConfigured(t *testing.T) {
	w, dns := recordWorld(t)
	if err := w.Zone(`
a.parent.example. A 192.0.2.1
_dmarc.parent.example. TXT "v=DMARC1; p=reject; pct=1; aspf=x; rua=mailto:d@reports.example"`); err != nil {
		t.Fatal(err)
	}
	const faults = "\n! dmarc_invalid\n! dmarc_old_tags\n! dmarc_report_unauthorised"
	const verdict = "dmarc_policy policy=reject subdomain_policy=reject found_at=parent.example 1\ndmarc_valid 0"
	parent := aDomain("parent.example")
	for _, tt := range []struct {
		config []*targets.Target
		every  map[string]time.Duration
		want   string
	}{
		{nil, nil, verdict + faults},
		{[]*targets.Target{parent}, map[string]time.Duration{"mx": 1}, verdict + faults},
		{[]*targets.Target{parent}, map[string]time.Duration{"dmarc": 1}, verdict},
	} {
		parent.Every = tt.every
		r := &Round{Target: aDomain("a.parent.example"), Env: &Env{DNS: dns, Config: &targets.Config{Targets: tt.config}}}
		if got := saw(r, dmarcCheck.Run(t.Context(), r)); got != tt.want {
			t.Errorf("got\n%s\nwant\n%s", got, tt.want)
		}
	}
}

func TestWalkNames(t *testing.T) {
	for domain, want := range map[string]string{
		"test":              "test",
		"a.test":            "a.test test",
		"a.b.c.d.e.f.g":     "a.b.c.d.e.f.g b.c.d.e.f.g c.d.e.f.g d.e.f.g e.f.g f.g g",
		"a.b.c.d.e.f.g.h":   "a.b.c.d.e.f.g.h b.c.d.e.f.g.h c.d.e.f.g.h d.e.f.g.h e.f.g.h f.g.h g.h h",
		"1.2.a.b.c.d.e.f.g": "1.2.a.b.c.d.e.f.g a.b.c.d.e.f.g b.c.d.e.f.g c.d.e.f.g d.e.f.g e.f.g f.g g",
	} {
		if got := strings.Join(walkNames(domain), " "); got != want {
			t.Errorf("%s: got %s, want %s", domain, got, want)
		}
	}
}

// TestDMARCBounds: however long the names and the lists in a record, few questions are asked, and a name that DNS cannot hold
// has no record.
func TestDMARCBounds(t *testing.T) {
	w, _ := recordWorld(t)
	var uris []string
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		uris = append(uris, "mailto:x@"+string(c)+".example")
	}
	host := strings.Repeat(strings.Repeat("h", 60)+".", 4) + "example"
	if err := w.Zone(`_dmarc.many.example. TXT "v=DMARC1; p=reject; rua=` + strings.Join(uris[:12], ",") + `" "` + "," + strings.Join(uris[12:], ",") + `"
_dmarc.long.example. TXT "v=DMARC1; p=reject; rua=" "mailto:x@` + host[:200] + `" "` + host[200:] + `"`); err != nil {
		t.Fatal(err)
	}
	deep := strings.Repeat("a.", 100) + "example"
	for _, tt := range []struct {
		domain          string
		questions       int
		findings, parts int
	}{
		{"many.example", 1 + maxReportHosts, maxReportHosts, 1 + maxReportHosts},
		{"long.example", 1, 1, 2},
		{deep, 8 + 1, 1, 2},
		{strings.Repeat("a.", 123) + "example", 7 + 1, 1, 2},
	} {
		var questions atomic.Int32
		dns, err := dnsclient.New(dnsclient.Options{Servers: []string{w.Resolver()}, Observe: func(string) { questions.Add(1) }})
		if err != nil {
			t.Fatal(err)
		}
		r := &Round{Target: aDomain(tt.domain), Env: &Env{DNS: dns, Config: &targets.Config{}}}
		if err := dmarcCheck.Run(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		findings := 0
		for _, p := range r.Result.Parts {
			findings += len(p.Findings)
		}
		if got := int(questions.Load()); got != tt.questions || findings != tt.findings || len(r.Result.Parts) != tt.parts {
			t.Errorf("%.20s: %d questions, %d findings, %d parts; want %+v", tt.domain, got, findings, len(r.Result.Parts), tt)
		}
	}
}

func TestRelated(t *testing.T) {
	for pair, want := range map[string]bool{
		"example.org example.org": true, "a.example.org b.example.org": true, "example.org a.example.org": true,
		"example.org example.net": false, "a.co.uk b.co.uk": false, "example.org badexample.org": false,
	} {
		a, b, _ := strings.Cut(pair, " ")
		if related(a, b) != want || related(b, a) != want {
			t.Errorf("%s: want %v", pair, want)
		}
	}
	if slices.Contains(walkNames("co.uk"), "co") {
		t.Error("co is not above co.uk")
	}
}
