//go:build integration

package integration

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestResolverCutOff takes the resolver away: what was known is held for its time and then goes, and nothing
// turns into its contrary.
func TestResolverCutOff(t *testing.T) {
	t.Parallel()
	const address = "192.0.2.153"
	dir := directory(t, "unbound")
	startResolver := func(n int) *program {
		unbound, err := startUnbound(filepath.Join(dir, fmt.Sprint(n)), address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unbound.stop(syscall.SIGTERM) })
		return unbound
	}
	world.knot.change(t, `
		+ cut.example.org. MX 10 mx.cut.example.org.
		+ cut.example.org. TXT "v=spf1 ip4:192.0.2.83 -all"
		+ mx.cut.example.org. A 192.0.2.83
		+ 83.2.0.192.in-addr.arpa. PTR mx.cut.example.org.
		+ 83.2.0.192.bl.example.net. A 127.0.0.2
	`)
	startPostfix(t, "mx.cut.example.org", world.certificate(t, "mx.cut.example.org"), "192.0.2.83:25")
	config := func(dnsbl string) string {
		return strings.Replace(preamble(), resolver, address, 1) + fmt.Sprintf(`
modules:
  server: {interval: {smtp: 5s, rdns: 1m, dnsbl: %[1]s}}
  domain: {checks: [mx, spf], interval: 1m}
  sender: {checks: [rdns, dnsbl], interval: {rdns: 1m, dnsbl: %[1]s}}
own_servers: ["mx.cut.example.org"]
blocklists: {use: [], custom: [{id: ours, zone: bl.example.net}]}
domains: [{name: cut.example.org, senders: [192.0.2.83]}]
`, dnsbl)
	}
	unbound := startResolver(0)
	e := startExporter(t, config("15m"))
	const known = `
		smtp_up{target="mx.cut.example.org:25"} 1
		certificate_verification{target="mx.cut.example.org:25",result="ok"} 1
		mx_hosts{target="cut.example.org"} 1
		spf_records{target="cut.example.org"} 1
		rdns_forward_confirmed{target="192.0.2.83"} 1
		dnsbl_listed{target="192.0.2.83",list="ours"} 1
	`
	before := e.expect(t, patience, known+`
		check_conclusive{target="mx.cut.example.org:25",check="smtp"} 1
		check_conclusive{target="mx.cut.example.org:25",check="rdns"} 1
		check_conclusive{target="mx.cut.example.org:25",check="dnsbl"} 1
		check_conclusive{target="cut.example.org",check="mx"} 1
		check_conclusive{target="cut.example.org",check="spf"} 1
		check_conclusive{target="192.0.2.83",check="rdns"} 1
		check_conclusive{target="192.0.2.83",check="dnsbl"} 1
	`)

	if err := unbound.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// expect, with a look at every scrape on the way.
	watch := func(within time.Duration, lines string) {
		t.Helper()
		err := eventually(within, func() error {
			s, err := e.scrape()
			if err == nil {
				err = flipped(before, s)
			}
			if err != nil {
				return finalError{err}
			}
			return s.check(lines)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	watch(5*time.Second+slack, `
		check_conclusive{target="mx.cut.example.org:25",check="smtp"} 0
		smtp_up{target="mx.cut.example.org:25"} 1
	`)
	// What a server said is held for three intervals, its certificate for a day.
	watch(15*time.Second+slack, `
		check_conclusive{target="mx.cut.example.org:25",check="smtp"} 0
		no smtp_up{target="mx.cut.example.org:25"}
		no smtp_reply{target="mx.cut.example.org:25"}
		certificate_verification{target="mx.cut.example.org:25",result="ok"} 1
	`)
	watch(minutely, `
		check_conclusive{target="cut.example.org",check="mx"} 0
		check_conclusive{target="cut.example.org",check="spf"} 0
		check_conclusive{target="192.0.2.83",check="rdns"} 0
		mx_hosts{target="cut.example.org"} 1
		spf_records{target="cut.example.org"} 1
		rdns_forward_confirmed{target="192.0.2.83"} 1
		dnsbl_listed{target="192.0.2.83",list="ours"} 1
	`)
	// A list that is asked for the first time now is not known.
	e.reconfigure(t, config("16m"))
	e.expect(t, slack, `
		check_conclusive{target="192.0.2.83",check="dnsbl"} 0
		no dnsbl_listed{target="192.0.2.83"}
	`)

	startResolver(1)
	e.expect(t, minutely, `
		smtp_up{target="mx.cut.example.org:25"} 1
		rdns_forward_confirmed{target="192.0.2.83"} 1
		check_conclusive{target="cut.example.org"} 1
		check_conclusive{target="mx.cut.example.org:25",check="smtp"} 1
		check_conclusive{target="192.0.2.83",check="rdns"} 1
	`)
}

// flipped tells of a verdict that is another than before, or of a problem that was none. That one is gone is
// no flip; that the prober has no resolver is its own problem.
func flipped(before, now scrape) error {
	for name := range strings.FieldsSeq(`
		smtp_up certificate_verification rdns_forward_confirmed rdns_names mx_hosts mx_null spf_records spf_valid
		spf_lookups spf_void_lookups spf_result dnsbl_listed problem
	`) {
		for _, x := range now.find(name) {
			if x.labels["target"] == "vantage" {
				continue
			}
			same := false
			for _, old := range before.find(name) {
				same = same || old.String() == x.String()
			}
			if !same {
				return fmt.Errorf("there is now %s, and before there was\n%s", x, before.find(name))
			}
		}
	}
	return nil
}

// TestWithoutIPv6 probes from a network namespace in which there is no IPv6: what could be asked there only
// is unknown.
func TestWithoutIPv6(t *testing.T) {
	t.Parallel()
	world.knot.change(t, `
		+ both.example.org. A 192.0.2.84
		+ both.example.org. AAAA 2001:db8:25::84
		+ six.example.org. AAAA 2001:db8:25::84
	`)
	startPostfix(t, "both.example.org", world.certificate(t, "both.example.org", "six.example.org"),
		"192.0.2.84:25", "[2001:db8:25::84]:25")
	err := ip(`
		netns add without6
		link add outer type veth peer name inner
		link set inner netns without6
		addr add 198.51.100.129/30 dev outer
		link set outer up
		-n without6 link set lo up
		-n without6 addr add 198.51.100.130/30 dev inner
		-n without6 link set inner up
		-n without6 route add default via 198.51.100.129
	`)
	if err != nil {
		t.Fatal(err)
	}
	const off = "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"
	if err := run("ip", "netns", "exec", "without6", "sh", "-c", off); err != nil {
		t.Fatal(err)
	}
	config := preamble() + `
blocklists: {use: []}
servers: [{address: "both.example.org:25"}, {address: "six.example.org:25"}]
`
	for _, c := range []struct {
		name, address, want string
		command             []string
	}{
		{"with", freePort(), `
			smtp_up{target="both.example.org:25",address="192.0.2.84"} 1
			smtp_up{target="both.example.org:25",address="2001:db8:25::84"} 1
			smtp_up{target="six.example.org:25",address="2001:db8:25::84"} 1
			check_conclusive{target="six.example.org:25",check="smtp"} 1
			vantage_ok{test="ipv6"} 1
		`, nil},
		{"without", "198.51.100.130:10587", `
			smtp_up{target="both.example.org:25",address="192.0.2.84"} 1
			no smtp_up{target="both.example.org:25",address="2001:db8:25::84"}
			no smtp_up{target="six.example.org:25"}
			no smtp_failure{target="six.example.org:25"}
			no problem{target="six.example.org:25",check="smtp"}
			check_conclusive{target="six.example.org:25",check="smtp"} 0
			vantage_ok{test="ipv6"} 0
			vantage_ok{test="ipv4"} 1
		`, []string{"ip", "netns", "exec", "without6"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := startExporterAt(t, config, c.address, c.command...)
			e.expect(t, patience, c.want)
		})
	}
}
