//go:build integration

package integration

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Where TestMetrics finds its servers.
const (
	wholeConfig = `
blocklists:
  use: []
  custom:
  - {id: ours, zone: bl.example.net, kinds: [ipv4, ipv6], codes: {127.0.0.2: listed, 127.0.0.3: spam}}
  - {id: second, zone: second.example.net, kinds: [ipv4, ipv6]}
  - {id: refuses, zone: refuse.example.net}
  - {id: world, zone: world.example.net}
  - {id: dead, zone: dead.example.net}
  - {id: untested, zone: untested.example.net, test: none}
own_servers: ["*.whole.example.org"]
domains: [{name: whole.example.org, senders: [192.0.2.60]}]
servers:
- {address: "mx.whole.example.org:25", role: mta}
- {address: "mx.whole.example.org:587"}
- {address: "mx.whole.example.org:2525"}
- {address: "exim.whole.example.org:465"}
`
	wholeSettled = `
		check_conclusive{target="whole.example.org"} 1
		check_conclusive{target="192.0.2.60"} 1
		check_conclusive{target="mx.whole.example.org:25",check="smtp"} 1
		check_conclusive{target="mx.whole.example.org:25",check="rdns"} 1
		check_conclusive{target="mx.whole.example.org:25",check="dnsbl"} 1
		check_conclusive{target="mx.whole.example.org:587",check="smtp"} 1
		check_conclusive{target="mx.whole.example.org:2525",check="smtp"} 1
		check_conclusive{target="exim.whole.example.org:465",check="smtp"} 1
	`
)

// TestMetrics probes real servers with a configuration of its own, and compares every metric of the checks
// that are asked of servers and senders.
func TestMetrics(t *testing.T) {
	t.Parallel()
	cert := world.certificate(t, "mx.whole.example.org", "exim.whole.example.org")
	world.knot.change(t, `
		+ whole.example.org. MX 10 mx.whole.example.org.
		+ whole.example.org. TXT "v=spf1 ip4:192.0.2.60 ip6:2001:db8:25::60 -all"
		+ mx.whole.example.org. A 192.0.2.60
		+ mx.whole.example.org. AAAA 2001:db8:25::60
		+ exim.whole.example.org. A 192.0.2.61
		+ 60.2.0.192.in-addr.arpa. PTR mx.whole.example.org.
		+ 60.2.0.192.bl.example.net. A 127.0.0.3
	`)
	startPostfix(t, "mx.whole.example.org", cert, "192.0.2.60:25", "192.0.2.60:587", "[2001:db8:25::60]:25", "[2001:db8:25::60]:587")
	startExim(t, "exim.whole.example.org", cert, "192.0.2.61")
	e := startExporter(t, preamble()+wholeConfig)
	e.expect(t, patience, wholeSettled)
	s := e.must(t)

	// Every metric of the contract, auth, mail, rcpt and relay apart.
	for name := range strings.FieldsSeq(`
		target_info mx_info sender_info check_conclusive check_last_run_timestamp_seconds
		check_last_conclusive_timestamp_seconds problem smtp_up smtp_reply smtp_reply_code smtp_failure
		smtp_stage_duration_seconds smtp_extension smtp_size_limit_bytes smtp_auth_mechanism smtp_starttls_offered
		tls_info certificate_not_after_timestamp_seconds certificate_not_before_timestamp_seconds
		certificate_verification certificate_info rdns_forward_confirmed rdns_names rdns_generic helo_name_matches
		dnsbl_listed dnsbl_listing dnsbl_state dnsbl_queries_total vantage_ok build_info
		config_last_reload_successful config_last_reload_success_timestamp_seconds check_interval_seconds probes_total probes_in_flight
		schedule_lag_seconds series series_dropped_total dns_queries_total
	`) {
		if len(s.find(name)) == 0 {
			t.Errorf("%s is not exported", name)
		}
	}

	at := func(target, address string) scrape {
		return slices.DeleteFunc(s.about(target, "smtp_stage_duration_seconds"), func(x series) bool {
			return x.labels["address"] != address && x.labels["subject"] != address
		})
	}
	compare(t, at("mx.whole.example.org:25", "192.0.2.60"), fmt.Sprintf(`
		certificate_info{address="192.0.2.60",fingerprint_sha256="%x",key_bits="256",key_type="ecdsa",target="mx.whole.example.org:25"} 1
		certificate_not_after_timestamp_seconds{address="192.0.2.60",position="chain",target="mx.whole.example.org:25"} %g
		certificate_not_after_timestamp_seconds{address="192.0.2.60",position="leaf",target="mx.whole.example.org:25"} %g
		certificate_not_before_timestamp_seconds{address="192.0.2.60",position="chain",target="mx.whole.example.org:25"} %g
		certificate_not_before_timestamp_seconds{address="192.0.2.60",position="leaf",target="mx.whole.example.org:25"} %g
		certificate_verification{address="192.0.2.60",result="ok",target="mx.whole.example.org:25"} 1
		dnsbl_listed{list="ours",subject="192.0.2.60",target="mx.whole.example.org:25"} 1
		dnsbl_listed{list="second",subject="192.0.2.60",target="mx.whole.example.org:25"} 0
		dnsbl_listed{list="untested",subject="192.0.2.60",target="mx.whole.example.org:25"} 0
		dnsbl_listing{code="127.0.0.3",list="ours",meaning="spam",severity="warning",subject="192.0.2.60",target="mx.whole.example.org:25"} 1
		helo_name_matches{address="192.0.2.60",against="address",name="banner",target="mx.whole.example.org:25"} 1
		helo_name_matches{address="192.0.2.60",against="address",name="ehlo",target="mx.whole.example.org:25"} 1
		helo_name_matches{address="192.0.2.60",against="ptr",name="banner",target="mx.whole.example.org:25"} 1
		helo_name_matches{address="192.0.2.60",against="ptr",name="ehlo",target="mx.whole.example.org:25"} 1
		rdns_forward_confirmed{address="192.0.2.60",target="mx.whole.example.org:25"} 1
		rdns_generic{address="192.0.2.60",target="mx.whole.example.org:25"} 0
		rdns_names{address="192.0.2.60",target="mx.whole.example.org:25"} 1
		smtp_extension{address="192.0.2.60",extension="8BITMIME",target="mx.whole.example.org:25"} 1
		smtp_extension{address="192.0.2.60",extension="CHUNKING",target="mx.whole.example.org:25"} 1
		smtp_extension{address="192.0.2.60",extension="DSN",target="mx.whole.example.org:25"} 1
		smtp_extension{address="192.0.2.60",extension="ENHANCEDSTATUSCODES",target="mx.whole.example.org:25"} 1
		smtp_extension{address="192.0.2.60",extension="ETRN",target="mx.whole.example.org:25"} 1
		smtp_extension{address="192.0.2.60",extension="PIPELINING",target="mx.whole.example.org:25"} 1
		smtp_extension{address="192.0.2.60",extension="SIZE",target="mx.whole.example.org:25"} 1
		smtp_extension{address="192.0.2.60",extension="SMTPUTF8",target="mx.whole.example.org:25"} 1
		smtp_extension{address="192.0.2.60",extension="VRFY",target="mx.whole.example.org:25"} 1
		smtp_reply_code{address="192.0.2.60",stage="banner",target="mx.whole.example.org:25"} 220
		smtp_reply_code{address="192.0.2.60",stage="ehlo",target="mx.whole.example.org:25"} 250
		smtp_reply_code{address="192.0.2.60",stage="ehlo_tls",target="mx.whole.example.org:25"} 250
		smtp_reply_code{address="192.0.2.60",stage="quit",target="mx.whole.example.org:25"} 221
		smtp_reply_code{address="192.0.2.60",stage="starttls",target="mx.whole.example.org:25"} 220
		smtp_reply{address="192.0.2.60",cause="ok",class="positive",code="220",enhanced="",stage="banner",target="mx.whole.example.org:25"} 1
		smtp_reply{address="192.0.2.60",cause="ok",class="positive",code="220",enhanced="2.0.0",stage="starttls",target="mx.whole.example.org:25"} 1
		smtp_reply{address="192.0.2.60",cause="ok",class="positive",code="221",enhanced="2.0.0",stage="quit",target="mx.whole.example.org:25"} 1
		smtp_reply{address="192.0.2.60",cause="ok",class="positive",code="250",enhanced="",stage="ehlo",target="mx.whole.example.org:25"} 1
		smtp_reply{address="192.0.2.60",cause="ok",class="positive",code="250",enhanced="",stage="ehlo_tls",target="mx.whole.example.org:25"} 1
		smtp_size_limit_bytes{address="192.0.2.60",target="mx.whole.example.org:25"} %g
		smtp_starttls_offered{address="192.0.2.60",target="mx.whole.example.org:25"} 1
		smtp_up{address="192.0.2.60",target="mx.whole.example.org:25"} 1
		tls_info{address="192.0.2.60",cipher="TLS_AES_128_GCM_SHA256",target="mx.whole.example.org:25",version="TLS 1.3"} 1
	`, sha256.Sum256(cert.Raw), seconds(world.ca.certificate.NotAfter), seconds(cert.NotAfter), seconds(world.ca.certificate.NotBefore),
		seconds(cert.NotBefore), float64(20<<20)))
	compare(t, at("192.0.2.60", "192.0.2.60"), `
		dnsbl_listed{list="ours",subject="192.0.2.60",target="192.0.2.60"} 1
		dnsbl_listed{list="second",subject="192.0.2.60",target="192.0.2.60"} 0
		dnsbl_listed{list="untested",subject="192.0.2.60",target="192.0.2.60"} 0
		dnsbl_listing{code="127.0.0.3",list="ours",meaning="spam",severity="warning",subject="192.0.2.60",target="192.0.2.60"} 1
		rdns_forward_confirmed{address="192.0.2.60",target="192.0.2.60"} 1
		rdns_generic{address="192.0.2.60",target="192.0.2.60"} 0
		rdns_names{address="192.0.2.60",target="192.0.2.60"} 1
	`)
	if err := s.check(`
		smtp_up{target="mx.whole.example.org:25",address="2001:db8:25::60"} 1
		rdns_names{target="mx.whole.example.org:25",address="2001:db8:25::60"} 0
		rdns_forward_confirmed{target="mx.whole.example.org:25",address="2001:db8:25::60"} 0
		no rdns_generic{target="mx.whole.example.org:25",address="2001:db8:25::60"}
		helo_name_matches{target="mx.whole.example.org:25",address="2001:db8:25::60",against="address"} 1
		helo_name_matches{target="mx.whole.example.org:25",address="2001:db8:25::60",against="ptr"} 0
		problem{target="mx.whole.example.org:25",check="rdns",problem="rdns_missing"} 1
		dnsbl_listed{subject="2001:db8:25::60",list="ours"} 0
		no dnsbl_listed{subject="2001:db8:25::60",list="refuses"}

		smtp_up{target="mx.whole.example.org:587"} 1
		target_info{target="mx.whole.example.org:587",kind="server",module="server",role="submission",source="config",owner="own"} 1
		smtp_up{target="mx.whole.example.org:2525"} 0
		smtp_failure{target="mx.whole.example.org:2525",stage="connect",reason="refused"} 1
		problem{target="mx.whole.example.org:2525",check="smtp",problem="smtp_unreachable"} 1

		smtp_up{target="exim.whole.example.org:465",address="192.0.2.61"} 1
		smtp_auth_mechanism{target="exim.whole.example.org:465",address="192.0.2.61",mechanism="PLAIN",encrypted="true"} 1
		no smtp_auth_mechanism{encrypted="false"}
		no smtp_starttls_offered{target="exim.whole.example.org:465"}
		certificate_verification{target="exim.whole.example.org:465",result="ok"} 1

		mx_hosts{target="whole.example.org"} 1
		mx_info{target="whole.example.org",server="mx.whole.example.org:25",preference="10"} 1
		sender_info{target="whole.example.org",sender="192.0.2.60"} 1
		spf_records{target="whole.example.org"} 1
		spf_valid{target="whole.example.org"} 1
		spf_lookups{target="whole.example.org"} 0
		spf_void_lookups{target="whole.example.org"} 0
		spf_result{target="whole.example.org",sender="192.0.2.60",address="192.0.2.60",identity="mailfrom",result="pass"} 1

		dnsbl_state{list="ours",state="ok"} 1
		dnsbl_state{list="second",state="ok"} 1
		dnsbl_state{list="refuses",state="blocked"} 1
		dnsbl_state{list="world",state="lists_world"} 1
		dnsbl_state{list="dead",state="dead"} 1
		dnsbl_state{list="untested",state="unverified"} 1
		no dnsbl_listed{list="refuses"}
		no dnsbl_listed{list="world"}
		no dnsbl_listed{list="dead"}
		series_dropped_total 0
		config_last_reload_successful 1
		vantage_ok{test="resolver"} 1
		vantage_ok{test="ipv6"} 1
	`); err != nil {
		t.Error(err)
	}
}

// seconds is a time as metrics have it.
func seconds(t time.Time) float64 { return float64(t.Unix()) }

// compare compares a scrape with the text of one, and tells of each series that is missing or too much.
func compare(t *testing.T, got scrape, want string) {
	t.Helper()
	missing := map[string]bool{}
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			missing[line] = true
		}
	}
	for _, x := range got {
		if line := x.String(); missing[line] {
			delete(missing, line)
		} else {
			t.Errorf("not expected: %s", line)
		}
	}
	for line := range missing {
		t.Errorf("missing: %s", line)
	}
}
