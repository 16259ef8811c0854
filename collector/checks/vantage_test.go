package checks

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// vantageZone is a world in which nothing is wrong.
const vantageZone = `
probe.example.net. AAAA 2001:db8::25
mx1.example.org. A 192.0.2.11
mx2.example.org. A 192.0.2.12
mx2.example.org. AAAA 2001:db8::12
`

var vantageTarget = &targets.Target{Name: "vantage", Kind: targets.KindVantage}

// newVantage is a bench with mail servers that may be talked to. What is in silent gives no sign of life.
func newVantage(t *testing.T, silent ...string) *bench {
	b := newBench(t, vantageZone+testPoints)
	b.env.Enter = func(context.Context, netip.Addr) (func(*smtpclient.Session), error) {
		return func(*smtpclient.Session) {}, nil
	}
	b.env.Dialer = mute{b.env.Dialer, silent}
	return b
}

// A mute dialer is one to which some addresses never answer, without the wait.
type mute struct {
	smtpclient.Dialer
	silent []string
}

func (m mute) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if slices.Contains(m.silent, address) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.ErrDeadlineExceeded}
	}
	return m.Dialer.DialContext(ctx, network, address)
}

func TestVantage(t *testing.T) {
	const (
		routes   = "vantage_ok ipv4 1\nvantage_ok ipv6 1\n"
		resolver = "vantage_ok resolver 1\nvantage_ok resolver_rewrites 1\nvantage_ok resolver_public 1\n"
		helo     = "vantage_ok helo_resolves 1"
	)
	noIPv6 := func(a netip.Addr) error {
		if a.Is6() {
			return errors.New("no route")
		}
		return nil
	}
	for _, test := range []struct {
		name   string
		change func(b *bench)
		want   string
	}{
		{"nothing is wrong", func(*bench) {}, routes + resolver + helo},
		{
			"no IPv6", func(b *bench) { b.env.Route = noIPv6 },
			"vantage_ok ipv4 1\nvantage_ok ipv6 0\n! vantage_ipv6\n" + resolver + helo,
		},
		{
			"no network", func(b *bench) { b.env.Route = func(netip.Addr) error { return errors.New("no route") } },
			"vantage_ok ipv4 0\n! vantage_ipv4\nvantage_ok ipv6 0\n! vantage_ipv6\n" + resolver + helo,
		},
		{
			"resolver fails", func(b *bench) { b.world.Fault(".", mailworld.FaultServFail) },
			routes + "vantage_ok resolver 0\n! vantage_resolver\nresolver_rewrites: unknown\nvantage_ok resolver_public 1\nhelo_resolves: unknown",
		},
		{
			"resolver denies every name", func(b *bench) {
				b.world.Fault(".", mailworld.FaultNoName)
				b.env.DNS = b.env.Proofs.Believing(b.env.DNS)
			},
			routes + "vantage_ok resolver 0\n! vantage_resolver\nvantage_ok resolver_rewrites 1\nvantage_ok resolver_public 1\nhelo_resolves: unknown",
		},
		{
			"resolver invents answers", func(b *bench) { must(b, b.world.Zone("*.invalid. A 203.0.113.80")) },
			routes + "vantage_ok resolver 1\nvantage_ok resolver_rewrites 0\n! vantage_resolver_rewrites\nvantage_ok resolver_public 1\n" + helo,
		},
		{
			"names below .invalid without addresses prove nothing", func(b *bench) { must(b, b.world.Zone("*.invalid. TXT x")) },
			routes + "vantage_ok resolver 1\nresolver_rewrites: unknown\nvantage_ok resolver_public 1\n" + helo,
		},
		{
			"no EHLO name", func(b *bench) { b.env.HeloName, b.env.HeloResolves = "[192.0.2.1]", false },
			routes + resolver + "vantage_ok helo_resolves 0\n! vantage_helo",
		},
		{
			"EHLO name without address", func(b *bench) { b.world.Remove("probe.example.net.") },
			routes + resolver + "vantage_ok helo_resolves 0\n! vantage_helo",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newVantage(t)
			test.change(b)
			if got := withoutReasons(b.run(vantageCheck, vantageTarget)); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func must(b *bench, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// withoutReasons cuts off why something is unknown.
func withoutReasons(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "unknown: ")
		if strings.HasSuffix(line, ": ") {
			line += "unknown"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// TestVantageEgress: a greeting proves that the way is open, silence everywhere that it is blocked.
func TestVantageEgress(t *testing.T) {
	const (
		open    = "vantage_ok egress_25 1"
		blocked = "vantage_ok egress_25 0\n! vantage_egress_25"
		unknown = "egress_25: unknown"
	)
	for _, test := range []struct {
		name    string
		egress  string
		greets  map[string]string // What an address says.
		silent  []string
		want    string
		blocked bool
	}{
		{"not configured", "", nil, nil, "", false},
		{"greeted", "mx1.example.org:25", map[string]string{"192.0.2.11:25": "220 mx1.example.org\r\n"}, nil, open, false},
		{"greeted by a literal", "[2001:db8::12]:25", map[string]string{"[2001:db8::12]:25": "220 mx2.example.org\r\n"}, nil, open, false},
		{"sent away", "mx1.example.org:25", map[string]string{"192.0.2.11:25": "554 go away\r\n"}, nil, open, false},
		{"silent", "mx1.example.org:25", nil, []string{"192.0.2.11:25"}, blocked, true},
		{"silent on another port", "mx1.example.org:587", nil, []string{"192.0.2.11:587"}, blocked, false},
		{"all silent", "mx1.example.org:25 mx2.example.org:25", nil, []string{"192.0.2.11:25", "192.0.2.12:25", "[2001:db8::12]:25"}, blocked, true},
		{"one family silent", "mx2.example.org:25", map[string]string{"192.0.2.12:25": "220 mx2.example.org\r\n"}, []string{"[2001:db8::12]:25"}, open, false},
		{
			"one of two silent", "mx1.example.org:25 mx2.example.org:25",
			map[string]string{"192.0.2.11:25": "220 mx1.example.org\r\n"},
			[]string{"192.0.2.12:25", "[2001:db8::12]:25"},
			open, false,
		},
		{"refused", "mx1.example.org:25", nil, nil, unknown, false},
		{"silent and refused", "mx1.example.org:25 mx2.example.org:25", nil, []string{"192.0.2.11:25"}, unknown, false},
		{"one family silent, the other refused", "mx2.example.org:25", nil, []string{"192.0.2.12:25"}, unknown, false},
		{"no such name", "mx3.example.org:25", nil, nil, unknown, false},
		{"silent and no such name", "mx1.example.org:25 mx3.example.org:25", nil, []string{"192.0.2.11:25"}, unknown, false},
		{"something else than SMTP", "mx1.example.org:25", map[string]string{"192.0.2.11:25": "hello\r\n"}, nil, unknown, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newVantage(t, test.silent...)
			b.env.Config.Vantage.Egress = strings.Fields(test.egress)
			for at, greeting := range test.greets {
				must(b, b.world.Serve(netip.MustParseAddrPort(at), mailworld.Server{Name: "mx.example.org", Replies: map[string]string{"connect": greeting}}))
			}
			r := b.round(vantageTarget)
			err := vantageCheck.Run(t.Context(), r)
			var parts []*Part
			for _, p := range r.Result.Parts {
				if p.Key == "egress_25" {
					parts = append(parts, p)
				}
			}
			if got := withoutReasons(seenBy(&Result{Parts: parts}, err)); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if b.env.Proofs.EgressBlocked() != test.blocked {
				t.Errorf("EgressBlocked() = %v", !test.blocked)
			}
		})
	}
}

// TestVantageEgressLeftAlone: a server that wants to be left alone is, and what was known of the way stays.
func TestVantageEgressLeftAlone(t *testing.T) {
	b := newVantage(t)
	b.env.Config.Vantage.Egress = []string{"mx1.example.org:25"}
	b.env.Enter = func(context.Context, netip.Addr) (func(*smtpclient.Session), error) { return nil, ErrLeftAlone }
	r := b.round(vantageTarget)
	if err := vantageCheck.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if p := r.Part("egress_25", HoldReplies); !p.LeftOut || len(p.Samples) != 0 {
		t.Errorf("part %+v", p)
	}
}

// TestEgressBlocked: that a server is silent on port 25 proves nothing where port 25 is proved to be blocked.
func TestEgressBlocked(t *testing.T) {
	for _, test := range []struct {
		name    string
		port    uint16
		silent  string
		blocked bool
		want    error
	}{
		{"port 25", 25, "192.0.2.11:25", true, ErrEgressBlocked},
		{"port 587", 587, "192.0.2.11:587", true, nil},
		{"not proved", 25, "192.0.2.11:25", false, nil},
		{"refused, so not blocked", 25, "", true, nil},
	} {
		b := newVantage(t, test.silent)
		b.env.Proofs.proveEgress(test.blocked)
		target := aServer(targets.RoleMX, "192.0.2.11")
		target.Source = targets.SourceConfig
		target.Server.Port = test.port
		if _, err := b.round(target).Session(t.Context(), netip.MustParseAddr("192.0.2.11")); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
	}
	var none *Proofs
	if none.EgressBlocked() {
		t.Error("nothing proved, and blocked")
	}
}

// TestEgressUntested: silence on port 25 is not taken for a server's fault before port 25 has been tested.
func TestEgressUntested(t *testing.T) {
	b := newVantage(t, "192.0.2.11:25")
	for _, test := range []struct {
		name string
		ends func(p *Proofs) // What becomes of the test within a minute; nil: nothing.
		took time.Duration
		want error
	}{
		{"proved to be blocked", func(p *Proofs) { p.proveEgress(true) }, time.Minute, ErrEgressBlocked},
		{"open", func(p *Proofs) { p.proveEgress(false) }, time.Minute, nil},
		{"never tested", nil, provePatience, errEgressUntested},
	} {
		synctest.Test(t, func(t *testing.T) {
			env := *b.env
			env.Proofs = NewProofs(targets.Vantage{Egress: []string{"mx2.example.org:25"}})
			r := b.round(serverAt("192.0.2.11", 25))
			r.Env = &env
			begin := time.Now()
			if test.ends != nil {
				time.AfterFunc(time.Minute, func() { test.ends(env.Proofs) })
			}
			if _, err := r.Session(t.Context(), netip.MustParseAddr("192.0.2.11")); !errors.Is(err, test.want) || time.Since(begin) != test.took {
				t.Errorf("%s: error %v after %v, want %v after %v", test.name, err, time.Since(begin), test.want, test.took)
			}
			begin = time.Now()
			if test.ends != nil {
				_ = env.Proofs.egress(t.Context()) // Proved once and for all.
				if time.Since(begin) != 0 {
					t.Errorf("%s: waited for again", test.name)
				}
			}
		})
	}
	if p := NewProofs(targets.Vantage{}); p.egress(t.Context()) != nil {
		t.Error("nothing to test, and waited for")
	}
}

// TestEgressTested: whatever the test of port 25 finds, nobody waits for it any longer.
func TestEgressTested(t *testing.T) {
	b := newVantage(t, "192.0.2.11:25")
	b.env.Config.Vantage.Egress = []string{"mx1.example.org:25"}
	b.env.Proofs = NewProofs(b.env.Config.Vantage)
	b.run(vantageCheck, vantageTarget)
	if err := b.env.Proofs.egress(t.Context()); !errors.Is(err, ErrEgressBlocked) {
		t.Errorf("error %v", err)
	}
}

// TestVantagePublicResolver asks nobody: only the addresses of the resolvers count.
func TestVantagePublicResolver(t *testing.T) {
	for _, test := range []struct{ servers, want string }{
		{"127.0.0.1:53", ""},
		{"ns.example.net:53", ""},
		{"127.0.0.1:53 9.9.9.9:53 [2001:4860:4860::8888]:53", "9.9.9.9 is a resolver of quad9, 2001:4860:4860::8888 is a resolver of google"},
	} {
		client, err := dnsclient.New(dnsclient.Options{Servers: strings.Fields(test.servers)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := testPublicResolver(t.Context(), &Round{Env: &Env{DNS: client}})
		if err != nil || got.EN != test.want {
			t.Errorf("%s: %q, %v, want %q", test.servers, got, err, test.want)
		}
	}
}
