//go:build integration

package integration

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
)

// TestDNSClient asks Unbound, which asks Knot, without the exporter around it.
func TestDNSClient(t *testing.T) {
	t.Parallel()
	world.knot.change(t, `
		+ dns.example.org. A 192.0.2.90
		+ dns.example.org. A 192.0.2.91
		+ dns.example.org. MX 20 mx2.example.net.
		+ dns.example.org. MX 10 mx1.example.net.
		+ alias.dns.example.org. CNAME dns.example.org.
		+ 90.2.0.192.in-addr.arpa. PTR dns.example.org.
		+ null.dns.example.org. MX 0 .
	`)
	var long []string
	for i := range 12 {
		long = append(long, fmt.Sprintf("%03d-%s", i, strings.Repeat("x", 200)))
		world.knot.change(t, "+ long.dns.example.org. TXT "+long[i])
	}
	client, err := dnsclient.New(dnsclient.Options{Servers: []string{resolver + ":53"}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	text := func(outcome dnsclient.Outcome, records any, err error) string {
		if err != nil {
			return dnsclient.Reason(err)
		}
		return fmt.Sprint(outcome, " ", records)
	}
	addresses := func(family int) func(string) string {
		return func(name string) string {
			a, err := client.Addresses(t.Context(), family, name)
			slices.SortFunc(a.Records, netip.Addr.Compare) // Unbound turns them around.
			return text(a.Outcome, a.Records, err)
		}
	}
	mx := func(name string) string {
		a, err := client.MX(t.Context(), name)
		return text(a.Outcome, a.Records, err)
	}
	ptr := func(name string) string {
		a, err := client.PTR(t.Context(), netip.MustParseAddr(name))
		return text(a.Outcome, a.Records, err)
	}
	for _, c := range []struct {
		what string
		ask  func(string) string
		name string
		want string
	}{
		{"A", addresses(4), "dns.example.org", fmt.Sprint(dnsclient.OutcomeFound, " [192.0.2.90 192.0.2.91]")},
		{"A through CNAME", addresses(4), "alias.dns.example.org", fmt.Sprint(dnsclient.OutcomeFound, " [192.0.2.90 192.0.2.91]")},
		{"no AAAA", addresses(6), "dns.example.org", fmt.Sprint(dnsclient.OutcomeNoData, " []")},
		{"no name", addresses(4), "none.dns.example.org", fmt.Sprint(dnsclient.OutcomeNoName, " []")},
		{"MX", mx, "dns.example.org", fmt.Sprint(dnsclient.OutcomeFound, " [{10 mx1.example.net} {20 mx2.example.net}]")},
		{"null MX", mx, "null.dns.example.org", fmt.Sprint(dnsclient.OutcomeFound, " [{0 }]")},
		{"PTR", ptr, "192.0.2.90", fmt.Sprint(dnsclient.OutcomeFound, " [dns.example.org]")},
		{"PTR of IPv6", ptr, "2001:db8:7::7", fmt.Sprint(dnsclient.OutcomeFound, " [probe.example.net]")},
		{"no PTR", ptr, "192.0.2.91", fmt.Sprint(dnsclient.OutcomeNoName, " []")},
	} {
		if got := c.ask(c.name); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.what, c.name, got, c.want)
		}
	}
	// More than fits into a UDP answer.
	answer, err := client.TXT(t.Context(), "long.dns.example.org")
	if err != nil || len(answer.Records) != len(long) {
		t.Errorf("TXT: %d records, %v, want %d", len(answer.Records), err, len(long))
	}
	// Nobody listens there.
	dead, err := dnsclient.New(dnsclient.Options{Servers: []string{"192.0.2.99:53"}, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dead.Addresses(t.Context(), 4, "dns.example.org"); !errors.Is(err, dnsclient.ErrNetwork) {
		t.Errorf("without a resolver: %v", err)
	}
}
