package collector

import (
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestForeignValues: of a provider's server nothing is advised that only the provider can do, and no record for its zone is proposed.
func TestForeignValues(t *testing.T) {
	seen := []catalog.Values{catalog.RecordValues("_25._tcp.aspmx.l.google.com", "TLSA", "3 1 1 00")}
	for _, c := range []struct {
		problem string
		foreign bool
		theirs  bool
	}{
		{"dane_mismatch", true, true},
		{"smtp_unreachable", true, true},
		{"rdns_missing", true, true},
		{"smtp_no_address", true, false}, // The MX record is the domain owner's.
		{"dane_mismatch", false, false},
	} {
		s := &Snapshot{Target: &targets.Target{
			Name: "aspmx.l.google.com:25", Kind: targets.KindServer, Foreign: c.foreign,
			Server: &targets.Server{Host: "aspmx.l.google.com", Port: 25, ServerName: "aspmx.l.google.com", TLS: "starttls"},
		}}
		values := s.ValuesOf(Problem{ID: c.problem, Values: seen})[0]
		problem, _ := catalog.ProblemByID(c.problem)
		_, record := values.Record()
		remedies := problem.RemediesFor(catalog.English, values)
		theirs := len(remedies) == 1 && strings.HasPrefix(remedies[0], "`aspmx.l.google.com` is a server of `Gmail and Google Workspace`")
		if theirs != c.theirs || record == c.theirs {
			t.Errorf("%s, foreign %t: a record %t, %q", c.problem, c.foreign, record, remedies)
		}
	}
}
