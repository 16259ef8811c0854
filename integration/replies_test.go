//go:build integration

package integration

import (
	"testing"
	"time"
)

// TestReplies has real servers refuse us in their several ways, and wants to see what they said.
func TestReplies(t *testing.T) {
	t.Parallel()
	world.knot.change(t, "+ mx.replies.example.org. A 192.0.2.70")
	cert := world.certificate(t, "mx.replies.example.org")
	startPostfix(t, "mx.replies.example.org", cert,
		"192.0.2.70:25 postscreen",
		"192.0.2.71:25 -o smtpd_tls_security_level=none",
		"192.0.2.27:2525 -o smtpd_client_restrictions=reject_unknown_client_hostname",
		"192.0.2.72:25 -o { smtpd_client_restrictions = check_client_access cidr:{ { 0.0.0.0/0 554 5.7.1 not you } } }",
		"192.0.2.73:25 -o { smtpd_client_restrictions = check_client_access cidr:{ { 0.0.0.0/0 421 4.7.0 not now } } }",
		"192.0.2.74:25 -o { smtpd_helo_restrictions = check_helo_access inline:{ { probe.example.net = 550 5.7.1 not that name } } }",
		"192.0.2.75:25",
		"192.0.2.75:465 -o smtpd_tls_wrappermode=yes",
	)
	e := startExporter(t, preamble()+`
blocklists: {use: []}
modules: {server: {checks: [smtp]}}
servers:
- {address: "mx.replies.example.org:25"}
- {address: "192.0.2.71:25"}
- {address: "192.0.2.27:2525"}
- {address: "192.0.2.72:25"}
- {address: "192.0.2.73:25"}
- {address: "192.0.2.74:25"}
- {address: "192.0.2.75:25", server_name: mx.example.net}
- {address: "192.0.2.75:465", server_name: mx.replies.example.org}
`)
	s := e.expect(t, patience, `
		smtp_up{target="mx.replies.example.org:25",address="192.0.2.70"} 1
		no problem{target="mx.replies.example.org:25"}

		smtp_up{target="192.0.2.71:25"} 1
		smtp_starttls_offered{target="192.0.2.71:25"} 0
		problem{target="192.0.2.71:25",check="smtp",problem="smtp_starttls_missing"} 1
		no tls_info{target="192.0.2.71:25"}
		no certificate_verification{target="192.0.2.71:25"}

		smtp_up{target="192.0.2.27:2525"} 0
		smtp_reply{target="192.0.2.27:2525",stage="banner",code="450",enhanced="4.7.25",class="transient"} 1
		smtp_reply{target="192.0.2.27:2525",stage="quit",code="221",class="positive"} 1

		smtp_up{target="192.0.2.72:25"} 0
		smtp_reply{target="192.0.2.72:25",stage="banner",code="554",enhanced="5.7.1",class="permanent"} 1
		smtp_reply_code{target="192.0.2.72:25",stage="banner"} 554
		no smtp_failure{target="192.0.2.72:25"}
		check_conclusive{target="192.0.2.72:25",check="smtp"} 1

		smtp_up{target="192.0.2.73:25"} 0
		smtp_reply{target="192.0.2.73:25",stage="banner",code="421",enhanced="4.7.0",class="transient"} 1

		smtp_up{target="192.0.2.74:25"} 0
		smtp_reply{target="192.0.2.74:25",stage="banner",code="220"} 1
		smtp_reply{target="192.0.2.74:25",stage="ehlo",code="550",enhanced="5.7.1"} 1
		smtp_reply{target="192.0.2.74:25",stage="helo",code="550",enhanced="5.7.1"} 1

		smtp_up{target="192.0.2.75:25"} 1
		certificate_verification{target="192.0.2.75:25",result="name_mismatch"} 1
		no certificate_verification{target="192.0.2.75:25",result="ok"}
		problem{target="192.0.2.75:25",check="smtp",problem="certificate_name_mismatch"} 1

		smtp_up{target="192.0.2.75:465"} 1
		certificate_verification{target="192.0.2.75:465",result="ok"} 1
	`)
	// Who greets with 421 or 554 is left alone for longer than the others.
	now := float64(time.Now().Unix())
	for _, target := range []string{"192.0.2.72:25", "192.0.2.73:25"} {
		until := s.find(`target_backoff_until_timestamp_seconds{target="` + target + `"}`)
		if len(until) != 1 || until[0].value <= now+300 {
			t.Errorf("%s is not left alone for more than its interval: %s", target, until)
		}
	}
	if others := s.find("target_backoff_until_timestamp_seconds"); len(others) != 2 {
		t.Errorf("left alone are\n%s", others)
	}
	// postscreen keeps a new client waiting before it greets.
	took := s.find(`smtp_stage_duration_seconds{target="mx.replies.example.org:25",stage="banner"}`)
	if len(took) != 1 || took[0].value < 2 {
		t.Errorf("the greeting of postscreen took %s", took)
	}
}
