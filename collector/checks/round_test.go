package checks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A scene is a mail world and an environment that sees nothing else.
type scene struct {
	*mailworld.World
	t   *testing.T
	env *Env

	mu      sync.Mutex
	entered map[netip.Addr]int // Sessions begun and ended.
}

// newScene starts a mail world with these records.
func newScene(t *testing.T, zone string) *scene {
	t.Helper()
	w, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	dns, err := dnsclient.New(dnsclient.Options{Servers: []string{w.Resolver()}})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{World: w, t: t, entered: map[netip.Addr]int{}}
	s.env = &Env{
		Config: &targets.Config{}, DNS: dns.Uncached(), Verifier: NewVerifier(w.Roots()), Dialer: w.Dialer(), Route: mailworld.Route,
		HeloName: "probe.example.net", HeloResolves: true, Enter: s.enter,
	}
	s.zone(zone)
	return s
}

func (s *scene) zone(text string) {
	s.t.Helper()
	if err := s.Zone(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) enter(_ context.Context, addr netip.Addr) (func(*smtpclient.Session), error) {
	return func(*smtpclient.Session) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.entered[addr]++
	}, nil
}

// serve puts a server at addresses of the world.
func (s *scene) serve(server mailworld.Server, at ...string) {
	s.t.Helper()
	for _, a := range at {
		if err := s.Serve(netip.MustParseAddrPort(a), server); err != nil {
			s.t.Fatal(err)
		}
	}
}

// round is a round over a target that has not begun.
func (s *scene) round(target *targets.Target) *Round {
	return &Round{
		Target: target, Env: s.env, Time: time.Now(), Facts: &Facts{}, Every: 5 * time.Minute,
		Last:      func(string) (time.Time, bool) { return time.Time{}, false },
		LastNames: func(netip.Addr) Names { return Names{} },
	}
}

// run runs a check and returns what it saw, as text.
func (s *scene) run(c *Check, target *targets.Target) string {
	s.t.Helper()
	r := s.round(target)
	if err := c.Run(s.t.Context(), r); err != nil {
		return "error: " + err.Error()
	}
	return sawText(s.t, c, r)
}

// serverAt is a configured server.
func serverAt(host string, port uint16) *targets.Target {
	server := &targets.Server{Host: host, Port: port, ServerName: host, TLS: "starttls", Role: targets.RoleMX}
	if addr, err := netip.ParseAddr(host); err == nil {
		server.Addr = addr
	}
	switch port {
	case 465:
		server.TLS, server.Role = "implicit", targets.RoleSubmission
	case 587:
		server.Role = targets.RoleSubmission
	}
	return &targets.Target{Name: fmt.Sprintf("%s:%d", host, port), Kind: targets.KindServer, Source: targets.SourceConfig, Server: server}
}

// sawText writes what a run saw, a line each, and sees to it that it is what the check declares. Durations are left out.
//
//	192.0.2.1                    a part
//	  smtp_up[192.0.2.1] 1       a sample: the values of its labels, and its own
//	  !smtp_refused              a finding
//	  ?no route from here        unknown, and why
func sawText(t *testing.T, c *Check, r *Round) string {
	t.Helper()
	var b strings.Builder
	for _, p := range r.Result.Parts {
		fmt.Fprintf(&b, "%s\n", p.Key)
		if p.Unknown != nil {
			fmt.Fprintf(&b, "  ?%v\n", p.Unknown)
			continue
		}
		for _, s := range p.Samples {
			if !slices.Contains(c.Metrics, s.Metric) {
				t.Errorf("%s: the metric %s is not declared", c.Name, s.Metric.Name)
			}
			if s.Metric != smtpStageDuration {
				fmt.Fprintf(&b, "  %s[%s] %s\n", s.Metric.Name, strings.Join(s.Labels, " "), strconv.FormatFloat(s.Value, 'f', -1, 64))
			}
		}
		for _, f := range p.Findings {
			if !slices.Contains(c.Problems, f.Problem) {
				t.Errorf("%s: the problem %s is not declared", c.Name, f.Problem)
			}
			fmt.Fprintf(&b, "  !%s\n", strings.TrimSpace(f.Problem+" "+string(f.On(r.Target))))
		}
	}
	return b.String()
}

// wantLines compares texts line by line, without regard to how they are indented.
func wantLines(t *testing.T, got, want string) {
	t.Helper()
	trim := func(s string) (out []string) {
		for line := range strings.Lines(s) {
			if line = strings.TrimSpace(line); line != "" {
				out = append(out, line)
			}
		}
		return out
	}
	g, w := trim(got), trim(want)
	if !slices.Equal(g, w) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(g, "\n  "), strings.Join(w, "\n  "))
	}
}

func TestAddresses(t *testing.T) {
	s := newScene(t, `
mx.example.org.    60 IN A    192.0.2.2
mx.example.org.    60 IN A    192.0.2.1
mx.example.org.    60 IN AAAA 2001:db8::2
mx.example.org.    60 IN AAAA 2001:db8::1
mx.example.org.    60 IN AAAA ::ffff:192.0.2.9
v4.example.org.    60 IN A    192.0.2.1
none.example.org.  60 IN TXT  "nothing"
alias.example.org. 60 IN CNAME v4.example.org.
`)
	foreign := serverAt("mx.example.org", 25)
	foreign.Foreign = true
	inside := serverAt("mx.example.org", 25)
	inside.Server.PublicAddresses = []netip.Addr{netip.MustParseAddr("2001:db8::9"), netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("203.0.113.9")}
	for _, c := range []struct {
		name, want, public string
		target             *targets.Target
	}{
		{"both families, sorted", "192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2", "", serverAt("mx.example.org", 25)},
		{"foreign", "192.0.2.1 2001:db8::1", "", foreign},
		{"inside and outside", "192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2", "203.0.113.9 2001:db8::9", inside},
		{"one family", "192.0.2.1", "", serverAt("v4.example.org", 25)},
		{"alias", "192.0.2.1", "", serverAt("alias.example.org", 25)},
		{"no address", "", "", serverAt("none.example.org", 25)},
		{"no name", "no name", "", serverAt("nobody.example.org", 25)},
		{"literal", "192.0.2.7", "", serverAt("192.0.2.7", 25)},
		{"IPv6 literal", "2001:db8::7", "", serverAt("2001:db8::7", 25)},
		{"sender", "192.0.2.1", "", &targets.Target{Kind: targets.KindSender, Sender: &targets.Sender{Host: "v4.example.org"}}},
		{"sender literal", "192.0.2.8", "", &targets.Target{Kind: targets.KindSender, Sender: &targets.Sender{Host: "192.0.2.8", Addr: netip.MustParseAddr("192.0.2.8")}}},
		{"domain", "", "", &targets.Target{Kind: targets.KindDomain, Domain: &targets.Domain{}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.round(c.target)
			text := func(a Addresses) string {
				if a.Err() != nil {
					t.Errorf("error %v", a.Err())
				}
				out := strings.Trim(fmt.Sprint(a.All()), "[]")
				if a.NoName {
					out += "no name"
				}
				return out
			}
			if got := text(r.Addresses(t.Context())); got != c.want {
				t.Errorf("addresses %q, want %q", got, c.want)
			}
			public := c.public
			if public == "" {
				public = c.want
			}
			if got := text(r.PublicAddresses(t.Context())); got != public {
				t.Errorf("public addresses %q, want %q", got, public)
			}
		})
	}
}

// TestManyAddresses: a name cannot make us knock at any number of doors.
func TestManyAddresses(t *testing.T) {
	var zone strings.Builder
	for i := range 40 {
		fmt.Fprintf(&zone, "mx.example.org. 60 IN A 192.0.2.%d\nmx.example.org. 60 IN AAAA 2001:db8::%x\n", 40-i, 40-i)
	}
	s := newScene(t, zone.String()+"few.example.org. 60 IN A 192.0.2.1")
	a := s.round(serverAt("mx.example.org", 25)).Addresses(t.Context())
	if len(a.V4) != 16 || len(a.V6) != 16 || a.V4[0].String() != "192.0.2.1" || a.V6[15].String() != "2001:db8::10" || a.Err() != nil {
		t.Errorf("got %v, error %v", a.All(), a.Err())
	}

	// And what is left out is said, by every check that looks at addresses one by one.
	domain := &targets.Target{Name: "example.org", Kind: targets.KindDomain, Domain: &targets.Domain{Senders: []string{"mx.example.org", "few.example.org"}}}
	sender := &targets.Target{Name: "mx.example.org", Kind: targets.KindSender, Sender: &targets.Sender{Host: "mx.example.org", HeloName: "mx.example.org"}}
	few := &targets.Target{Name: "few.example.org", Kind: targets.KindSender, Sender: &targets.Sender{Host: "few.example.org", HeloName: "mx.example.org"}}
	s.env.Config.Targets = []*targets.Target{domain, sender, few}
	foreign := serverAt("mx.example.org", 25)
	foreign.Foreign = true
	why := "  ?" + errManyAddresses.Error() + ": mx.example.org has 40 of IPv4 and 40 of IPv6\n"
	for _, c := range []struct {
		check  *Check
		target *targets.Target
		want   string
	}{
		{smtpCheck, serverAt("mx.example.org", 25), "more addresses\n"},
		{smtpCheck, foreign, ""},
		{smtpCheck, serverAt("few.example.org", 25), ""},
		{rdnsCheck, sender, "more addresses\n"},
		{rdnsCheck, few, ""},
		{spfCheck, sender, "more addresses\n"},
		{spfCheck, domain, "more addresses mx.example.org\n"},
	} {
		text := s.run(c.check, c.target)
		if said := strings.Contains(text, "more addresses"); said != (c.want != "") || said && !strings.Contains(text, c.want+why) {
			t.Errorf("%s of %s: got\n%s\nwant %q", c.check.Name, c.target.Name, text, c.want+why)
		}
	}
}

// TestAddressesShared asks from many sides at once: DNS is asked once for each family.
func TestAddressesShared(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	r := s.round(serverAt("mx.example.org", 25))
	var asking sync.WaitGroup
	for range 10 {
		asking.Go(func() {
			if a := r.Addresses(t.Context()); len(a.V4) != 1 {
				t.Errorf("addresses %v", a)
			}
		})
	}
	asking.Wait()
	if n := s.Queries("mx.example.org", "A"); n != 1 {
		t.Errorf("%d questions for A, want 1", n)
	}
	if n := s.Queries("mx.example.org", "AAAA"); n != 1 {
		t.Errorf("%d questions for AAAA, want 1", n)
	}
}

func TestAddressesUnknown(t *testing.T) {
	s := newScene(t, "mx.example.org. 60 IN A 192.0.2.1")
	s.Fault("mx.example.org", mailworld.FaultServFail)
	a := s.round(serverAt("mx.example.org", 25)).Addresses(t.Context())
	if !errors.Is(a.Err4, dnsclient.ErrServFail) || !errors.Is(a.Err6, dnsclient.ErrServFail) || a.NoName || len(a.All()) > 0 {
		t.Errorf("addresses %+v, want an error for each family", a)
	}
}

// TestSessionShared holds one session with an address, however many ask for it.
func TestSessionShared(t *testing.T) {
	s := newScene(t, "")
	s.serve(mailworld.Server{Name: "mx.example.org"}, "192.0.2.1:25")
	r := s.round(serverAt("192.0.2.1", 25))
	addr := netip.MustParseAddr("192.0.2.1")
	var asking sync.WaitGroup
	for range 5 {
		asking.Go(func() {
			if session, err := r.Session(t.Context(), addr); err != nil || !session.Up() {
				t.Errorf("session %v, %v", session, err)
			}
		})
	}
	asking.Wait()
	if got := s.Sessions(netip.AddrPortFrom(addr, 25)); len(got) != 1 || strings.Join(got[0], ",") != "EHLO probe.example.net,QUIT" {
		t.Errorf("the server had the sessions %q, want one", got)
	}
	if s.entered[addr] != 1 {
		t.Errorf("%d sessions were entered and left, want 1", s.entered[addr])
	}
}

func TestSessionErrors(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	t.Run("left alone", func(t *testing.T) {
		s := newScene(t, "")
		s.env.Enter = func(context.Context, netip.Addr) (func(*smtpclient.Session), error) { return nil, ErrLeftAlone }
		if _, err := s.round(serverAt("192.0.2.1", 25)).Session(t.Context(), addr); !errors.Is(err, ErrLeftAlone) {
			t.Errorf("error %v, want ErrLeftAlone", err)
		}
	})
	t.Run("no route", func(t *testing.T) {
		s := newScene(t, "")
		s.env.Dialer, s.env.Route = unroutable{}, func(netip.Addr) error { return errors.New("no IPv6 here") }
		if _, err := s.round(serverAt("192.0.2.1", 25)).Session(t.Context(), addr); !errors.Is(err, ErrNoRoute) {
			t.Errorf("error %v, want ErrNoRoute", err)
		}
		if s.entered[addr] != 1 {
			t.Error("the place was not given back")
		}
	})
	t.Run("broken off", func(t *testing.T) {
		s := newScene(t, "")
		s.Blackhole(netip.AddrPortFrom(addr, 25))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.round(serverAt("192.0.2.1", 25)).Session(ctx, addr); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	})
	t.Run("not a server", func(t *testing.T) {
		s := newScene(t, "")
		if _, err := s.round(&targets.Target{Name: "example.org"}).Session(t.Context(), addr); err == nil {
			t.Error("no error")
		}
	})
}

// An unroutable dialer is on a machine without a route.
type unroutable struct{}

func (unroutable) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, os.NewSyscallError("connect", syscall.ENETUNREACH)
}

// TestSessionAllowed leads us into private ranges: only the operator may do that.
func TestSessionAllowed(t *testing.T) {
	for _, c := range []struct {
		name    string
		source  targets.Source
		allowed []netip.Prefix
		want    smtpclient.Failure
	}{
		{"configured", targets.SourceConfig, nil, smtpclient.FailureRefused},
		{"in a target file", targets.SourceFile, nil, smtpclient.FailureRefused},
		{"found by MX", targets.SourceMX, nil, smtpclient.FailureNotAllowed},
		{"found by MX, allowed", targets.SourceMX, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, smtpclient.FailureRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, "")
			s.env.Config = &targets.Config{AllowAddresses: c.allowed}
			target := serverAt("mx.example.org", 25)
			target.Source = c.source
			session, err := s.round(target).Session(t.Context(), netip.MustParseAddr("10.0.0.1"))
			if err != nil || len(session.Steps) != 1 || session.Steps[0].Failure != c.want {
				t.Errorf("session %+v, %v; want failure %s", session, err, c.want)
			}
			if c.want == smtpclient.FailureNotAllowed && len(s.entered) > 0 {
				t.Error("a session was begun")
			}
		})
	}
}

func TestMetricNames(t *testing.T) {
	names := MetricNames()
	for _, want := range []string{"smtp_up", "certificate_info", "rdns_names"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if slices.Sort(names); len(slices.Compact(names)) != len(MetricNames()) {
		t.Error("a name comes twice")
	}
}
