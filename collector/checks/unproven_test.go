package checks

import (
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestUnprovenAnswers: from answers that prove nothing no check concludes that a record is missing. Where the same resolver says more
// without EDNS, or always leaves the proof out, the verdict is that of any other resolver.
func TestUnprovenAnswers(t *testing.T) {
	const zone = `
example.org.                    MX  10 mx.example.org.
example.org.                    TXT "v=spf1 ip4:192.0.2.1 -all"
s1._domainkey.example.org.      TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
_dmarc.example.org.             TXT "v=DMARC1; p=reject; rua=mailto:d@example.org"
mx.example.org.                 A   192.0.2.1
1.2.0.192.in-addr.arpa.         PTR mx.example.org.
empty.example.                  TXT "x"
`
	missing := []string{"mx_missing", "spf_missing", "dkim_missing", "dmarc_missing", "rdns_missing"}
	domain := func(name string) *targets.Target {
		d := aDomain(name)
		d.Domain.DKIMSelectors = []string{"s1"}
		return d
	}
	for fault, believed := range map[mailworld.DNSFault]bool{
		"":                          true,
		mailworld.FaultEmpty:        false,
		mailworld.FaultNoName:       false,
		mailworld.FaultBare:         true,
		mailworld.FaultOPTMisplaced: true,
		mailworld.FaultEDNSEmpty:    true,
	} {
		t.Run(string(fault), func(t *testing.T) {
			s := newScene(t, zone)
			s.Fault(".", fault)
			s.env.DNS = NewProofs(targets.Vantage{}).Believing(s.env.DNS.ForRound())
			var there, absent strings.Builder
			for _, c := range []*Check{mxCheck, spfCheck, dkimCheck, dmarcCheck} {
				there.WriteString(s.run(c, domain("example.org")))
				absent.WriteString(s.run(c, domain("empty.example")))
			}
			there.WriteString(s.run(rdnsCheck, senderAt("192.0.2.1", "")))
			absent.WriteString(s.run(rdnsCheck, senderAt("192.0.2.2", "")))
			for _, problem := range missing {
				if strings.Contains(there.String(), problem) {
					t.Errorf("%s of what is there: %s", problem, there.String())
				}
				if told := strings.Contains(absent.String(), problem); told != believed {
					t.Errorf("%s of what is missing: %t, want %t", problem, told, believed)
				}
			}
		})
	}
}
