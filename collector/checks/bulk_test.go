package checks

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// bulkTarget returns a domain with one selector and one sender, that sender, and a configuration of both.
func bulkTarget() (*targets.Target, *targets.Target, *targets.Config) {
	sender := senderAt("203.0.113.9", "")
	domain := aDomain("example.org")
	domain.Domain = &targets.Domain{DKIMSelectors: []string{"s1"}, Senders: []string{sender.Name}}
	return domain, sender, &targets.Config{Targets: []*targets.Target{domain, sender}}
}

// TestBulkEvidence: of a demand that is not met, the problem says which it is, whose, and why.
func TestBulkEvidence(t *testing.T) {
	s := newScene(t, `example.org. TXT "v=spf1 -all"
s1._domainkey.example.org. TXT "v=DKIM1; p="
_dmarc.example.org. TXT "v=DMARC1; p=none"
9.113.0.203.in-addr.arpa. PTR out.example.net.
`)
	domain, _, config := bulkTarget()
	s.env.Config = config
	r := s.round(domain)
	if err := bulkCheck.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range r.Result.Parts {
		for _, f := range p.Findings {
			got = append(got, f.Problem+" "+f.Evidence.EN)
		}
	}
	want := []string{
		"bulk_not_met spf (google, yahoo, microsoft): 203.0.113.9 for example.org: fail by -all in the record of example.org (0 lookups, 0 void)",
		"bulk_not_met dkim (google, yahoo, microsoft): no key of the selectors s1 can be used",
		"bulk_not_met dmarc (google, yahoo, microsoft): no key of the selectors s1 can be used, and none of the senders 203.0.113.9 passes SPF for example.org; only a name below it in the envelope could",
		"bulk_not_met ptr (google, yahoo): 203.0.113.9: none of its names leads back to it: out.example.net",
		"bulk_not_met sender_domain (yahoo): example.org has no SOA record",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestBulkQuestions: after the checks whose verdicts it puts together, bulk asks DNS for the SOA record and nothing else.
func TestBulkQuestions(t *testing.T) {
	s := newScene(t, `example.org. SOA ns.example.net. hostmaster.example.org. 1 7200 3600 1209600 60
example.org. TXT "v=spf1 a:out.example.net -all"
s1._domainkey.example.org. TXT "v=DKIM1; p="
_dmarc.example.org. TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.org"
9.113.0.203.in-addr.arpa. PTR out.example.net.
out.example.net. A 203.0.113.9
`)
	var questions atomic.Int32
	dns, err := dnsclient.New(dnsclient.Options{Servers: []string{s.Resolver()}, Observe: func(string) { questions.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	domain, sender, config := bulkTarget()
	s.env.Config, s.env.DNS = config, dns
	for _, c := range []struct {
		check  *Check
		target *targets.Target
	}{{spfCheck, domain}, {dkimCheck, domain}, {dmarcCheck, domain}, {rdnsCheck, sender}} {
		if err := c.check.Run(t.Context(), s.round(c.target)); err != nil {
			t.Fatal(err)
		}
	}
	before := questions.Load()
	if err := bulkCheck.Run(t.Context(), s.round(domain)); err != nil {
		t.Fatal(err)
	}
	if got := questions.Load() - before; got != 1 {
		t.Errorf("%d questions, want one", got)
	}
}

// TestBulkUnknown: what DNS could not tell is unknown, so that an earlier verdict is held, and not merely unseen.
func TestBulkUnknown(t *testing.T) {
	s := newScene(t, `s1._domainkey.example.org. TXT "v=DKIM1; p="
_dmarc.example.org. TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.org"
`)
	s.Fault("example.org", mailworld.FaultServFail)
	s.Fault("_domainkey.example.org", mailworld.FaultTruncated)
	s.Fault("_dmarc.example.org", mailworld.FaultTruncated)
	s.Fault("out.example.net", mailworld.FaultServFail)
	for _, c := range []struct{ selectors, sender, want string }{
		{"s1", "", "spf dmarc sender_domain"},
		{"s1", "203.0.113.9", "spf dmarc sender_domain"},
		{"", "203.0.113.9", "spf dmarc sender_domain"},
		{"s1", "out.example.net", "spf dmarc ptr sender_domain"},
	} {
		domain, sender := aDomain("example.org"), senderAt(c.sender, "")
		domain.Domain = &targets.Domain{DKIMSelectors: strings.Fields(c.selectors), Senders: strings.Fields(c.sender)}
		s.env.Config = &targets.Config{Targets: []*targets.Target{domain, sender}}
		r := s.round(domain)
		if err := bulkCheck.Run(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range r.Result.Parts {
			if p.Unknown != nil {
				got = append(got, p.Key)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("selectors %q, sender %q: %q are unknown, want %q", c.selectors, c.sender, got, c.want)
		}
	}
}
