package checks

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

func TestMX(t *testing.T) {
	senders := targets.Domain{Senders: []string{"203.0.113.9"}}
	testRecords(t, mxCheck, slices.Concat(backupCases, nullCases, roleCases, []recordCase{
		{name: "healthy", zone: `
%s MX 20 mx2.%s
%s MX 10 MX1.%s
mx1.%s A 192.0.2.1
mx2.%s AAAA 2001:db8::2`, want: `
mx_hosts 2
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
mx_info server=mx2.%s:25 preference=20 1
? mx2.%s backup
follow mx1.%s
follow mx2.%s`},
		{name: "twice", zone: `
%s MX 20 mx1.%s
%s MX 10 mx1.%s
mx1.%s A 192.0.2.1`, want: `
mx_hosts 1
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
follow mx1.%s`},
		{name: "nodomain", values: `mx_no_domain registered=`, want: `
mx_hosts 0
mx_null 0
! mx_no_domain
follow nothing`},
		{name: "dangling", values: `mx_no_domain alias=gone.example`, zone: `%s CNAME gone.example.`, want: `
mx_hosts 0
mx_null 0
! mx_no_domain
follow nothing`},
		{name: "missing", zone: `%s TXT hello`, want: `
mx_hosts 0
mx_null 0
! mx_missing
follow nothing`},
		{name: "implicit", values: `mx_implicit record=10 %s.
mx_implicit address=192.0.2.1`, zone: `%s A 192.0.2.1`, want: `
mx_hosts 1
mx_null 0
mx_info server=%s:25 preference=0 1
! mx_implicit
follow %s`},
		{name: "implicit-private", zone: `%s A 10.0.0.1`, want: `
mx_hosts 1
mx_null 0
mx_info server=%s:25 preference=0 1
! mx_implicit
! mx_private_address
! mx_unusable
follow %s`},
		{name: "null", values: `mx_null found=0 .`, zone: `%s MX 0 .`, want: `
mx_hosts 0
mx_null 1
! mx_null
follow nothing`},
		{name: "null-sends", values: `mx_null_sends sender=203.0.113.9`, zone: `%s MX 0 .`, domain: senders, want: `
mx_hosts 0
mx_null 1
! mx_null
! mx_null_sends
follow nothing`},
		{name: "null-ten", values: `mx_bad_name found=10 .`, zone: `%s MX 10 .`, want: `
mx_hosts 0
mx_null 0
! mx_bad_name
! mx_unusable
follow nothing`},
		{name: "null-mixed", values: `mx_null_mixed found=0 .`, zone: `
%s MX 0 .
%s MX 10 mx1.%s
mx1.%s A 192.0.2.1`, want: `
mx_hosts 1
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
! mx_null_mixed
follow mx1.%s`},
		{name: "null-mixed-bad", zone: `
%s MX 0 .
%s MX 10 [192.0.2.1].`, want: `
mx_hosts 0
mx_null 0
! mx_bad_name
! mx_null_mixed
! mx_unusable
follow nothing`},
		{name: "implicit-alias", zone: `
%s CNAME host.%s
host.%s A 192.0.2.1`, want: `
mx_hosts 1
mx_null 0
mx_info server=%s:25 preference=0 1
! mx_implicit
follow %s`},
		{name: "mapped", zone: `
%s MX 10 mx1.%s
mx1.%s AAAA ::ffff:192.0.2.1`, want: `
mx_hosts 1
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
! mx_no_address
! mx_unusable
follow mx1.%s`},
		{name: "alias", values: `mx_alias host=mx1.%s
mx_alias alias=host.%s
mx_alias record=10 host.%s.
mx_alias record_type=MX
mx_alias record_name=%s`, zone: `
%s MX 10 mx1.%s
mx1.%s CNAME host.%s
host.%s A 192.0.2.1`, want: `
mx_hosts 1
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
! mx_alias
follow mx1.%s`},
		{name: "dangling-host", values: `mx_alias record=
mx_no_address found=10 mx1.%s.
mx_no_address record=`, zone: `
%s MX 10 mx1.%s
mx1.%s CNAME gone.%s`, want: `
mx_hosts 1
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
! mx_no_address
! mx_alias
! mx_unusable
follow mx1.%s`},
		{name: "literal", values: `mx_literal found=10 192.0.2.1.
mx_literal address=192.0.2.1`, zone: `
%s MX 10 192.0.2.1.
%s MX 20 mx1.%s
mx1.%s A 192.0.2.1`, want: `
mx_hosts 1
mx_null 0
mx_info server=mx1.%s:25 preference=20 1
! mx_literal
follow mx1.%s`},
		{name: "literal-only", zone: `%s MX 10 192.0.2.1.`, want: `
mx_hosts 0
mx_null 0
! mx_literal
! mx_unusable
follow nothing`},
		{name: "brackets", zone: `%s MX 10 [192.0.2.1].`, want: `
mx_hosts 0
mx_null 0
! mx_bad_name
! mx_unusable
follow nothing`},
		{name: "brackets-parked", parked: true, zone: `%s MX 10 [192.0.2.1].`, want: `
mx_hosts 0
mx_null 0
! mx_bad_name
! mx_parked
follow nothing`},
		{name: "no-address", zone: `
%s MX 10 mx1.%s
%s MX 20 mx2.%s
mx1.%s A 192.0.2.1
mx2.%s TXT hello`, want: `
mx_hosts 2
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
mx_info server=mx2.%s:25 preference=20 1
! mx_no_address
follow mx1.%s
follow mx2.%s`},
		{name: "dot-forgotten", values: "mx_no_address meant=mx1.%s\nmx_no_address record=10 mx1.%s.", zone: `%s MX 10 mx1.%s%s`, want: `
mx_hosts 1
mx_null 0
mx_info server=mx1.%s.%s:25 preference=10 1
! mx_no_address
! mx_unusable
follow mx1.%s.%s`},
		{name: "private", values: `mx_private_address host=mx1.%s
mx_private_address address=192.168.1.1`, zone: `
%s MX 10 mx1.%s
mx1.%s A 192.168.1.1
mx1.%s AAAA 2001:db8::1`, want: `
mx_hosts 1
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
! mx_private_address
follow mx1.%s`},
		{name: "many", zone: `
%s MX 1 mx1.%s
%s MX 2 mx1.%s
%s MX 3 mx1.%s
%s MX 4 mx1.%s
%s MX 5 mx1.%s
%s MX 6 mx1.%s
%s MX 7 mx1.%s
%s MX 8 mx1.%s
%s MX 9 mx1.%s
%s MX 10 mx1.%s
%s MX 11 mx1.%s
mx1.%s A 192.0.2.1`, want: `
mx_hosts 1
mx_null 0
mx_info server=mx1.%s:25 preference=1 1
! mx_too_many
follow mx1.%s`},
		{name: "unknown", fails: "%s", want: "error"},
		{name: "host-unknown", zone: `
%s MX 10 mx1.%s
%s MX 20 mx2.%s
mx1.%s A 192.0.2.1`, fails: "mx1.%s", want: `
mx_hosts 2
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
mx_info server=mx2.%s:25 preference=20 1
? mx1.%s role
? mx1.%s name
? mx1.%s addresses
! mx_no_address
? usable
follow mx1.%s, may send
follow mx2.%s`},
		{name: "parked", parked: true, zone: `%s MX 0 .`, want: `
mx_hosts 0
mx_null 1
follow nothing`},
		{name: "parked-sends", parked: true, domain: senders, zone: `%s MX 0 .`, want: `
mx_hosts 0
mx_null 1
! mx_null_sends
follow nothing`},
		{name: "parked-missing", values: `mx_parked record=0 .`, parked: true, zone: `%s TXT hello`, want: `
mx_hosts 0
mx_null 0
! mx_parked
follow nothing`},
		{name: "parked-implicit", values: `mx_parked record=0 .`, parked: true, zone: `%s A 192.0.2.1`, want: `
mx_hosts 1
mx_null 0
mx_info server=%s:25 preference=0 1
! mx_parked
follow nothing`},
		{name: "parked-receives", values: `mx_parked record=0 .`, parked: true, zone: `%s MX 10 mx1.%s`, want: `
mx_hosts 1
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
! mx_parked
follow mx1.%s`},
	}))
}

// TestUnknownImplicitMX: where there is no MX record and the address could not be told, nothing is known.
func TestUnknownImplicitMX(t *testing.T) {
	w, dns := recordWorld(t)
	w.Fault("domain.example", mailworld.FaultServFail)
	r := &Round{
		Target: &targets.Target{Name: "domain.example", Kind: targets.KindDomain, Domain: &targets.Domain{}},
		Env:    &Env{DNS: dns, Config: &targets.Config{}},
	}
	if err := implicitMX(t.Context(), r); !errors.Is(err, dnsclient.ErrServFail) || r.Result.ExchangersKnown {
		t.Errorf("got %v, known %v", err, r.Result.ExchangersKnown)
	}
}

// TestOneFamilyUnknown: a bad address is one, whatever the other family has; that all are good is not known.
func TestOneFamilyUnknown(t *testing.T) {
	private, public := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1")
	for _, tt := range []struct {
		addrs []netip.Addr
		want  string
	}{
		{[]netip.Addr{private}, "! mx_private_address\n? usable"},
		{[]netip.Addr{public}, "? mx1.example addresses"},
		{[]netip.Addr{private, public}, "! mx_private_address"},
		{nil, "? mx1.example name\n? mx1.example addresses\n? usable"},
	} {
		r := &Round{Env: &Env{Config: &targets.Config{}}}
		judgeHosts(r, []exchanger{{host: "mx1.example", addrs: tt.addrs, err: dnsclient.ErrServFail}})
		if got := saw(r, nil); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.addrs, got, tt.want)
		}
	}
}

// TestHundredMX: what a domain can make us ask and export is bounded.
func TestHundredMX(t *testing.T) {
	w, dns := recordWorld(t)
	var zone strings.Builder
	for i := range 150 {
		fmt.Fprintf(&zone, "hostile.example. MX %d mx%d.hostile.example.\n", i, i)
	}
	if err := w.Zone(zone.String()); err != nil {
		t.Fatal(err)
	}
	r := &Round{
		Target: &targets.Target{Name: "hostile.example", Kind: targets.KindDomain, Domain: &targets.Domain{}},
		Env:    &Env{DNS: dns, Config: &targets.Config{}},
	}
	r.Env.hold("")
	got := saw(r, mxCheck.Run(t.Context(), r))
	for text, want := range map[string]int{"mx_hosts 100": 1, "mx_info ": maxMXHosts, "! mx_no_address": maxMXHosts, "follow ": maxMXHosts, "! mx_too_many": 1, "! mx_unusable": 1} {
		if n := strings.Count(got, text); n != want {
			t.Errorf("%q %d times, want %d:\n%s", text, n, want, got)
		}
	}
	asked := 0
	for i := range 150 {
		asked += w.Queries(fmt.Sprintf("mx%d.hostile.example", i), "")
	}
	if asked != 2*maxMXHosts {
		t.Errorf("%d questions about hosts", asked)
	}
}

// TestMXManyAddresses: whether those that are not read can be reached is not known.
func TestMXManyAddresses(t *testing.T) {
	zone := "example.org. MX 10 mx.example.org.\n"
	for i := range 101 {
		zone += fmt.Sprintf("mx.example.org. A 192.0.2.%d\n", i)
	}
	text := newScene(t, zone).run(mxCheck, &targets.Target{Name: "example.org", Kind: targets.KindDomain, Domain: &targets.Domain{}})
	if want := "mx.example.org addresses\n  ?addresses of mx.example.org: " + errCut.Error(); !strings.Contains(text, want) {
		t.Errorf("got\n%s\nwant %s", text, want)
	}
}
