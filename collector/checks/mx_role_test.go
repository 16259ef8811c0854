package checks

import (
	"net/netip"

	"github.com/mailprobe/mailprobe_exporter/targets"
)

// aConfigured is a configured server on port 25 of the host of a case.
func aConfigured(host string, open bool, public ...netip.Addr) []*targets.Target {
	return []*targets.Target{{
		Name: host + mxPort, Kind: targets.KindServer, Source: targets.SourceConfig,
		Server: &targets.Server{Host: host, Port: 25, Role: targets.RoleMX, RoleOpen: open, PublicAddresses: public},
	}}
}

// roleCases are those of TestMX about which MX hosts send, too.
var roleCases = func() (out []recordCase) {
	public := netip.MustParseAddr("203.0.113.9")
	for _, c := range []struct {
		name, zone, fails string
		others            []*targets.Target
		follow            targets.FollowMX
		want              string
	}{
		{name: "mx", zone: `%s TXT "v=spf1 mx -all"`, want: "follow mx1.%s, sends"},
		{name: "ip4", zone: `%s TXT "v=spf1 ip4:192.0.2.0/24 ~all"`, want: "follow mx1.%s, sends"},
		{name: "ip6", zone: `%s TXT "v=spf1 ip6:2001:db8::1 -all"`, want: "follow mx1.%s, sends"},
		{name: "include", zone: "%s TXT \"v=spf1 include:a.%s -all\"\na.%s TXT \"v=spf1 redirect=b.%s\"\nb.%s TXT \"v=spf1 ip4:192.0.2.1 -all\"", want: "follow mx1.%s, sends"},
		{name: "no-record", want: "follow mx1.%s"},
		{name: "others", zone: `%s TXT "v=spf1 ip4:203.0.113.0/24 -all"`, want: "follow mx1.%s"},
		{name: "neutral", zone: `%s TXT "v=spf1 ?mx -all"`, want: "follow mx1.%s"},
		{name: "invalid", zone: `%s TXT "v=spf1 mx foo -all"`, want: "follow mx1.%s"},
		{name: "all", zone: `%s TXT "v=spf1 +all"`, want: "follow mx1.%s"},
		{name: "all-behind", zone: `%s TXT "v=spf1 mx +all"`, want: "follow mx1.%s, sends"},
		{name: "all-networks", zone: `%s TXT "v=spf1 ip4:0.0.0.0/0 ip6:::/0 -all"`, want: "follow mx1.%s"},
		{name: "all-included", zone: "%s TXT \"v=spf1 include:a.%s -all\"\na.%s TXT \"v=spf1 redirect=b.%s\"\nb.%s TXT \"v=spf1 +all\"", want: "follow mx1.%s"},
		{name: "all-redirected", zone: "%s TXT \"v=spf1 redirect=b.%s\"\nb.%s TXT \"v=spf1 +all\"", want: "follow mx1.%s"},
		{name: "exists", zone: `%s TXT "v=spf1 exists:mx1.%s -all"`, want: "follow mx1.%s"},
		{name: "exists-one", zone: "%s TXT \"v=spf1 exists:%{i}.ok.%s -all\"\n192.0.2.1.ok.%s A 127.0.0.2", want: "follow mx1.%s, sends"},
		{name: "unknown", fails: "a.%s", zone: `%s TXT "v=spf1 include:a.%s -all"`, want: "? mx1.%s role\nfollow mx1.%s, may send"},
		{name: "unknown-behind", fails: "a.%s", zone: `%s TXT "v=spf1 mx include:a.%s -all"`, want: "follow mx1.%s, sends"},
		{name: "helo", zone: `%s TXT "v=spf1 exists:%{h}.%{i}.%s -all"`, want: "? mx1.%s role\nfollow mx1.%s, may send"},
		{name: "not-followed", zone: `%s TXT "v=spf1 mx -all"`, follow: targets.FollowNone, want: "follow mx1.%s"},
		{name: "not-told-whose", zone: `%s TXT "v=spf1 mx -all"`, fails: "mx1.%s", follow: targets.FollowOwn, want: "? mx1.%s name\n? mx1.%s addresses\n? usable\nfollow mx1.%s, may send"},
		{name: "configured", zone: `%s TXT "v=spf1 mx -all"`, others: aConfigured("mx1.role-configured.example", false), want: "follow mx1.%s"},
		{name: "configured-open", zone: `%s TXT "v=spf1 mx -all"`, others: aConfigured("mx1.role-configured-open.example", true), want: "follow mx1.%s, sends"},
		{name: "inside", zone: `%s TXT "v=spf1 ip4:203.0.113.9 -all"`, others: aConfigured("mx1.role-inside.example", true, public), want: "follow mx1.%s, sends"},
		{name: "inside-only", zone: `%s TXT "v=spf1 mx -all"`, others: aConfigured("mx1.role-inside-only.example", true, public), want: "follow mx1.%s"},
	} {
		out = append(out, recordCase{name: "role-" + c.name, fails: c.fails, others: c.others, domain: targets.Domain{FollowMX: c.follow}, zone: `
%s MX 10 mx1.%s
mx1.%s A 192.0.2.1
mx1.%s AAAA 2001:db8::1
` + c.zone, want: `
mx_hosts 1
mx_null 0
mx_info server=mx1.%s:25 preference=10 1
` + c.want})
	}
	return out
}()
