//go:build integration

package integration

import (
	"fmt"
	"testing"
	"time"
)

// slack is what a round may take beyond its interval on a loaded machine.
const slack = 5 * time.Second

// minutely is within what a check runs again whose interval is a minute, its least: on the way to its place in the day it
// may miss it by a fifth.
const minutely = time.Minute + time.Minute/5 + slack

// TestChanges spoils one thing after the other and mends it, and wants to see both within an interval.
func TestChanges(t *testing.T) {
	t.Parallel()
	good := world.certificate(t, "change.example.org")
	world.knot.change(t, `
		+ change.example.org. A 192.0.2.82
		+ 82.2.0.192.in-addr.arpa. PTR change.example.org.
	`)
	p := startPostfix(t, "change.example.org", good, "192.0.2.82:25")
	config := func(dnsbl string) string {
		return preamble() + fmt.Sprintf(`
modules: {server: {interval: {smtp: 5s, rdns: 1m, dnsbl: %s}}}
blocklists: {use: [], custom: [{id: ours, zone: bl.example.net, codes: {127.0.0.2: listed, 127.0.0.3: spam}}]}
servers: [{address: "change.example.org:25", role: mta}]
`, dnsbl)
	}
	e := startExporter(t, config("15m"))
	const well = `
		smtp_up{target="change.example.org:25"} 1
		certificate_verification{target="change.example.org:25",result="ok"} 1
		rdns_forward_confirmed{target="change.example.org:25",address="192.0.2.82"} 1
		dnsbl_listed{target="change.example.org:25",subject="192.0.2.82",list="ours"} 0
		dnsbl_state{list="ours",state="ok"} 1
		no smtp_failure{target="change.example.org:25"}
		no problem{target="change.example.org:25"}
	`
	e.expect(t, patience, well)

	p.halt(t)
	e.expect(t, 5*time.Second+slack, `
		smtp_up{target="change.example.org:25"} 0
		smtp_failure{target="change.example.org:25",stage="connect",reason="refused"} 1
		problem{target="change.example.org:25",check="smtp",problem="smtp_unreachable",severity="critical"} 1
		check_conclusive{target="change.example.org:25",check="smtp"} 1
		no smtp_reply{target="change.example.org:25"}
		certificate_verification{target="change.example.org:25",result="ok"} 1
		rdns_forward_confirmed{target="change.example.org:25",address="192.0.2.82"} 1
	`)
	p.start(t)
	e.expect(t, 5*time.Second+slack, well)

	expired := world.ca.issue(t, time.Now().Add(-time.Hour), "change.example.org")
	p.useCertificate(t, expired)
	e.expect(t, 5*time.Second+slack, fmt.Sprintf(`
		certificate_verification{target="change.example.org:25",result="expired"} 1
		no certificate_verification{target="change.example.org:25",result="ok"}
		certificate_not_after_timestamp_seconds{target="change.example.org:25",position="leaf"} %g
		problem{target="change.example.org:25",problem="certificate_expired"} 1
		smtp_up{target="change.example.org:25"} 1
	`, float64(expired.NotAfter.Unix())))
	p.useCertificate(t, good)
	e.expect(t, 5*time.Second+slack, well)

	world.knot.change(t, "- 82.2.0.192.in-addr.arpa. PTR")
	e.expect(t, minutely, `
		rdns_forward_confirmed{target="change.example.org:25",address="192.0.2.82"} 0
		rdns_names{target="change.example.org:25",address="192.0.2.82"} 0
		problem{target="change.example.org:25",check="rdns",problem="rdns_missing"} 1
	`)
	world.knot.change(t, "+ 82.2.0.192.in-addr.arpa. PTR change.example.org.")
	e.expect(t, minutely, well)

	// Lists are asked every 15 minutes at most, which is too long for a test. Changing the target's settings has
	// it looked at anew, as at the next interval.
	world.knot.change(t, "+ 82.2.0.192.bl.example.net. A 127.0.0.3")
	e.reconfigure(t, config("16m"))
	e.expect(t, slack, `
		dnsbl_listed{target="change.example.org:25",subject="192.0.2.82",list="ours"} 1
		dnsbl_listing{target="change.example.org:25",subject="192.0.2.82",list="ours",code="127.0.0.3",meaning="spam",severity="warning"} 1
		problem{target="change.example.org:25",check="dnsbl",problem="dnsbl_listed",severity="warning"} 1
	`)
	world.knot.change(t, "- 82.2.0.192.bl.example.net. A")
	e.reconfigure(t, config("17m"))
	e.expect(t, slack, well+`
		no dnsbl_listing{target="change.example.org:25"}
	`)
}
