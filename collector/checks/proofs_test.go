package checks

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
)

// TestBelieving: what a resolver says that is proved to be a liar is not told, and all else is.
func TestBelieving(t *testing.T) {
	const zone = vantageZone + testPoints + "www.example.org. A 203.0.113.80\nwww.example.org. A 203.0.113.81\nwww.example.org. AAAA 2001:db8::80\n"
	for _, test := range []struct {
		name    string
		vantage bool // Check vantage has run.
		change  func(b *bench)
		want    string // Of a name that is not there, one whose address is invented elsewhere, and one that is there.
	}{
		{"a good one", true, func(*bench) {}, "no_name found found found"},
		{"a good one, not looked at yet", false, func(*bench) {}, "no_name found found found"},
		{"denies every name", true, func(b *bench) { b.world.Fault(".", mailworld.FaultNoName) }, "unproven unproven unproven unproven"},
		{"denies every name, not looked at yet", false, func(b *bench) { b.world.Fault(".", mailworld.FaultNoName) }, "unproven unproven unproven unproven"},
		{"denies everything with proof", true, func(b *bench) { b.world.Fault(".", mailworld.FaultNoData) }, "denied denied denied denied"},
		{"denies everything with proof, not looked at yet", false, func(b *bench) { b.world.Fault(".", mailworld.FaultNoData) }, "denied denied denied denied"},
		{"says nothing", true, func(b *bench) { b.world.Fault(".", mailworld.FaultEmpty) }, "unproven unproven unproven unproven"},
		{"leaves the SOA out", true, func(b *bench) { b.world.Fault(".", mailworld.FaultBare) }, "no_name found found found"},
		{"leaves the SOA out for one domain", true, func(b *bench) { b.world.Fault("example.org", mailworld.FaultBare) }, "unproven found found found"},
		{"takes no EDNS", true, func(b *bench) { b.world.Fault(".", mailworld.FaultOPTMisplaced) }, "no_name found found found"},
		{"is empty to EDNS", true, func(b *bench) { b.world.Fault(".", mailworld.FaultEDNSEmpty) }, "no_name found found found"},
		{"tells nothing of in-addr.arpa", true, func(b *bench) { b.world.Fault("in-addr.arpa", mailworld.FaultServFail) }, "no_name found found found"},
		{"invents addresses", true, func(b *bench) { must(b, b.world.Zone("*.invalid. A 203.0.113.80")) }, "no_name invented found found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, zone)
			b.env.Proofs = NewProofs(b.env.Config.Vantage)
			test.change(b)
			if test.vantage {
				b.run(vantageCheck, vantageTarget)
			}
			dns := b.env.Proofs.Believing(b.env.DNS.ForRound())
			says := func(family int, name string) string {
				a, err := dns.Addresses(t.Context(), family, name)
				switch {
				case err == nil:
					return a.Outcome.String()
				case !errors.Is(err, dnsclient.ErrDoubtful):
					return err.Error()
				case a.Outcome != dnsclient.OutcomeUnknown || len(a.Records) > 0:
					return "told all the same"
				}
				for why, word := range map[string]string{errDenies.Error(): "denied", errInvented.Error(): "invented", "RFC 2308 section 2)": "unproven"} {
					if strings.HasSuffix(err.Error(), why) {
						return word
					}
				}
				return err.Error()
			}
			if got := fmt.Sprint(says(4, "nobody.example.org"), " ", says(4, "www.example.org"), " ", says(6, "www.example.org"), " ", says(4, "mx1.example.org")); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
