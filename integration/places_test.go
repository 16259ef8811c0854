//go:build integration

package integration

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNAT probes a server inside and judges it by the address that the world sees.
func TestNAT(t *testing.T) {
	t.Parallel()
	world.knot.change(t, `
		+ nat.example.org. A 192.0.2.80
		+ 80.2.0.192.in-addr.arpa. PTR nat.example.org.
		+ 80.2.0.192.bl.example.net. A 127.0.0.2
	`)
	startPostfix(t, "nat.example.org", world.certificate(t, "nat.example.org"), "10.0.0.80:25")
	e := startExporter(t, preamble()+`
blocklists: {use: [], custom: [{id: ours, zone: bl.example.net}]}
servers: [{address: "10.0.0.80:25", server_name: nat.example.org, role: mta, public_addresses: [192.0.2.80]}]
`)
	e.expect(t, patience, `
		target_info{target="10.0.0.80:25",role="mta",owner="own",source="config"} 1
		smtp_up{target="10.0.0.80:25",address="10.0.0.80"} 1
		certificate_verification{target="10.0.0.80:25",address="10.0.0.80",result="ok"} 1
		rdns_forward_confirmed{target="10.0.0.80:25",address="192.0.2.80"} 1
		helo_name_matches{target="10.0.0.80:25",address="192.0.2.80",name="banner",against="ptr"} 1
		helo_name_matches{target="10.0.0.80:25",address="192.0.2.80",name="ehlo",against="address"} 1
		dnsbl_listed{target="10.0.0.80:25",subject="192.0.2.80",list="ours"} 1
		no rdns_names{target="10.0.0.80:25",address="10.0.0.80"}
		no dnsbl_listed{target="10.0.0.80:25",subject="10.0.0.80"}
		no smtp_up{target="10.0.0.80:25",address="192.0.2.80"}
	`)
}

// TestSharedMX has a hundred domains lead to one server, which is asked once.
func TestSharedMX(t *testing.T) {
	t.Parallel()
	world.knot.change(t, `
		+ *.shared.example.org. MX 10 mx.example.net.
		+ mx.example.net. A 192.0.2.81
	`)
	p := startPostfix(t, "mx.example.net", world.certificate(t, "mx.example.net"), "192.0.2.81:25")
	var domains []string
	for i := range 100 {
		domains = append(domains, fmt.Sprintf("{name: d%d.shared.example.org}", i))
	}
	e := startExporter(t, preamble()+`
modules: {domain: {checks: [mx]}, server: {checks: [smtp]}}
own_servers: ["mx.example.net"]
domains: [`+strings.Join(domains, ", ")+"]\n")
	s := e.expect(t, patience, `
		smtp_up{target="mx.example.net:25",address="192.0.2.81"} 1
		target_info{target="mx.example.net:25",source="mx",owner="own"} 1
		probes_total{check="mx",outcome="conclusive"} 100
		probes_total{check="smtp",outcome="conclusive"} 1
	`)
	if n := len(s.find(`mx_info{server="mx.example.net:25",preference="10"}`)); n != 100 {
		t.Errorf("%d domains lead to the server, want 100", n)
	}
	if n := strings.Count(p.maillog(), ": connect from "); n != 1 {
		t.Errorf("the server was asked %d times, want once:\n%s", n, p.maillog())
	}
}

// TestProvidersMX has a domain's mail go to a provider: its faults are not ours, and blocklists are not asked.
func TestProvidersMX(t *testing.T) {
	t.Parallel()
	// No such address can be reached from here.
	world.knot.change(t, `
		+ hosted.example.org. MX 10 aspmx.l.google.com.
		+ aspmx.l.google.com. A 203.0.113.25
		+ aspmx.l.google.com. A 203.0.113.26
		+ 25.113.0.203.bl.example.net. A 127.0.0.2
		+ 26.113.0.203.bl.example.net. A 127.0.0.2
	`)
	e := startExporter(t, preamble()+`
blocklists: {use: [], custom: [{id: ours, zone: bl.example.net}]}
domains: [{name: hosted.example.org}]
`)
	s := e.expect(t, patience, `
		target_info{target="aspmx.l.google.com:25",source="mx",owner="foreign"} 1
		mx_info{target="hosted.example.org",server="aspmx.l.google.com:25",preference="10"} 1
		smtp_up{target="aspmx.l.google.com:25"} 0
		problem{target="aspmx.l.google.com:25",check="smtp",problem="smtp_unreachable"} 1
		problem{target="aspmx.l.google.com:25"} 1
		no problem{target="aspmx.l.google.com:25",severity="critical"}
		no problem{target="aspmx.l.google.com:25",severity="warning"}
		no dnsbl_listed{target="aspmx.l.google.com:25"}
	`)
	if n := len(s.find(`smtp_up{target="aspmx.l.google.com:25"}`)); n != 1 {
		t.Errorf("%d addresses of the provider's server were tried, want one of the two", n)
	}
}

// TestShutdown ends the exporter while a server keeps it waiting: within five seconds, and not without a QUIT.
func TestShutdown(t *testing.T) {
	t.Parallel()
	p := startPostfix(t, "slow.example.org", world.certificate(t, "slow.example.org"),
		"192.0.2.86:25 -o { smtpd_helo_restrictions = warn_if_reject reject, sleep 10 }")
	e := startExporter(t, preamble()+`
modules: {server: {checks: [smtp]}}
blocklists: {use: []}
servers: [{address: "192.0.2.86:25"}]
`)
	e.expect(t, patience, "probes_in_flight 1\n")
	if err := eventually(patience, func() error {
		// Postfix warns at EHLO, and then sleeps before it answers: the exporter has been greeted and waits.
		if !strings.Contains(p.maillog(), "reject_warning: EHLO from probe.example.net") {
			return fmt.Errorf("nobody has come yet")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := e.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v to end", took)
	}
	if err := eventually(patience, func() error {
		if log := p.maillog(); !strings.Contains(log, "disconnect from probe.example.net[198.51.100.7] ehlo=1 quit=1 commands=2") {
			return fmt.Errorf("there was no QUIT:\n%s", log)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
