package collector

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestNamesOf looks at the names a machine may have by its own files.
func TestNamesOf(t *testing.T) {
	for _, c := range []struct{ name, host, hosts, resolv, want string }{
		{"full", "probe.example.net", "", "", "probe.example.net"},
		{"capitals and the dot", "Probe.Example.NET.", "", "", "probe.example.net"},
		{"short, full in hosts", "probe", "127.0.0.1 localhost\n127.0.1.1\tprobe.example.net probe # ours\n", "", "probe.example.net"},
		{"short, full behind it in hosts", "probe", "192.0.2.7 probe Probe.example.net\n", "", "probe.example.net"},
		{"another host's line", "probe", "192.0.2.7 mx.example.net mx\n", "", ""},
		{"search domains", "probe", "", "nameserver 192.0.2.53\nsearch example.net example.com\n", "probe.example.net probe.example.com"},
		{"cluster's search domains", "pod-7f9c", "", "search default.svc.cluster.local example.net", "pod-7f9c.example.net"},
		{"localhost", "localhost", "127.0.0.1 localhost localhost.localdomain\n", "", ""},
		{"container", "3f2a9c81d0be", "172.17.0.2 3f2a9c81d0be\n", "", ""},
		{"container in a domain", "3f2a9c81d0be", "", "search example.net\n", ""},
		{"container with a full name", "3f2a9c81d0be.example.net", "", "", ""},
		{"not a container", "beef.example.net", "", "", "beef.example.net"},
		{"cloud's internal name", "ip-10-0-0-1.eu-west-1.compute.internal", "", "", ""},
		{"an address", "192.0.2.1", "", "", ""},
		{"nonsense", "probe example_net", "\x00\xff \n#\n", "search", ""},
	} {
		if got := strings.Join(namesOf(c.host, c.hosts, c.resolv), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAddressLiteral(t *testing.T) {
	for addr, want := range map[string]string{"192.0.2.1": "[192.0.2.1]", "2001:db8::1": "[IPv6:2001:db8::1]"} {
		if got := addressLiteral(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if a := outgoingAddress(); !a.IsValid() || a.Zone() != "" || a.Is4In6() {
		t.Errorf("outgoing address %v", a)
	}
}

// TestHeloName: a configured name stands as it is; without one there is a literal from the first moment.
func TestHeloName(t *testing.T) {
	cfg := config()
	c := collectorOf(t, cfg)
	if env := c.regime.Load().env; env.HeloName != "probe.example.net" || !env.HeloResolves {
		t.Errorf("configured: %q, %v", env.HeloName, env.HeloResolves)
	}
	cfg = config()
	cfg.HeloName = ""
	c = collectorOf(t, cfg)
	if env := c.regime.Load().env; !strings.HasPrefix(env.HeloName, "[") || env.HeloResolves {
		t.Errorf("not configured: %q, %v", env.HeloName, env.HeloResolves)
	}
	c.setHeloName("found.example.net", nil)
	next := config()
	next.HeloName = ""
	if err := c.Apply(next); err != nil {
		t.Fatal(err)
	}
	if env := c.regime.Load().env; env.HeloName != "found.example.net" || !env.HeloResolves || env.Config != next {
		t.Errorf("a name that was found is lost at a reload: %q, %v", env.HeloName, env.HeloResolves)
	}
	if err := c.Apply(config()); err != nil {
		t.Fatal(err)
	}
	c.setHeloName("late.example.net", nil) // A search that ends after a name was configured.
	if env := c.regime.Load().env; env.HeloName != "probe.example.net" {
		t.Errorf("configured later: %q", env.HeloName)
	}
}

// TestLookForHeloName: that DNS cannot be asked is not that it does not know our name, and is asked again sooner.
func TestLookForHeloName(t *testing.T) {
	world, err := mailworld.New()
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	cfg := config()
	cfg.HeloName = ""
	cfg.Resolver.Servers = []string{world.Resolver()}
	c := collectorOf(t, cfg)
	if env := c.regime.Load().env; env.HeloErr == nil {
		t.Error("not looked for yet, and known not to be there")
	}
	for _, step := range []struct {
		name  string
		fault mailworld.DNSFault
		zone  string
		wait  time.Duration
		untold,
		resolves bool
	}{
		{"cannot be told", mailworld.FaultServFail, "", heloRetryUntold, true, false},
		{"not there", "", "", heloRetry, false, false},
		{"cannot be told again", mailworld.FaultServFail, "", heloRetryUntold, true, false},
		{"there", "", "probe.example.com. AAAA 2001:db8::1", 0, false, true},
		{"no need to look", mailworld.FaultServFail, "", 0, false, true},
	} {
		// What is not there is not remembered either.
		world.Fault(".", step.fault)
		if err := world.Zone("$TTL 0\n. SOA ns.example. h.example. 1 1 1 1 0\n" + step.zone); err != nil {
			t.Fatal(err)
		}
		wait := c.lookForHeloName(t.Context(), []string{"other.example.com", "probe.example.com"})
		if env := c.regime.Load().env; wait != step.wait || (env.HeloErr != nil) != step.untold || env.HeloResolves != step.resolves {
			t.Errorf("%s: again after %v, error %v, resolves %v", step.name, wait, env.HeloErr, env.HeloResolves)
		}
	}
	if name := c.regime.Load().env.HeloName; name != "probe.example.com" {
		t.Errorf("found %q", name)
	}
}

// A hole is a network from which nothing comes back.
type hole struct{}

func (hole) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestFirstRoundBehindBlockedPort: a server that gives up sooner than the proof comes that port 25 is blocked is not said to be down.
func TestFirstRoundBehindBlockedPort(t *testing.T) {
	quick := server("192.0.2.12:25", "smtp", 5*time.Minute)
	quick.Server.Addr = netip.MustParseAddr("192.0.2.12")
	quick.Module.Timeout = 2 * time.Second
	cfg := config(quick)
	cfg.Vantage.Egress = []string{"192.0.2.11:25"}
	cfg.Resolver.Servers = []string{"127.0.0.1:1"} // Refuses at once.
	bubble(t, func() *Collector {
		o := Options{Config: cfg, Dialer: hole{}, Route: func(netip.Addr) error { return nil }}
		c, err := newCollector(o, []*checks.Check{checks.ByName("smtp"), checks.ByName("vantage")}, anyProblem)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}, func(c *Collector, _ time.Time) {
		for range 60 {
			sleep(2 * time.Second)
			if got := text(t, c, "smtp_up", "problem"); strings.Contains(got, "192.0.2.12") {
				t.Fatalf("taken for the server's fault:\n%s", got)
			}
		}
		want(t, text(t, c, "check_conclusive"), `
check_conclusive{check="smtp",target="192.0.2.12:25"} 0
check_conclusive{check="vantage",target="vantage"} 1`)
	})
}

// TestEnvKeeps: what was learnt from DNS is kept over a reload that does not touch it.
func TestEnvKeeps(t *testing.T) {
	c := collectorOf(t, config())
	before := c.regime.Load().env
	if err := c.Apply(config(server("a.example.org:25"))); err != nil {
		t.Fatal(err)
	}
	if env := c.regime.Load().env; env.DNS != before.DNS || env.Lists != before.Lists {
		t.Error("the client or the lists were made anew without need")
	}
	other := config()
	other.Resolver.Servers = []string{"127.0.0.1:5353"}
	if err := c.Apply(other); err != nil {
		t.Fatal(err)
	}
	if env := c.regime.Load().env; env.DNS == before.DNS {
		t.Error("another resolver, and the old client stays")
	}
}

// TestSystemResolverChanges: where no resolver is configured, a reload asks those that /etc/resolv.conf names now.
func TestSystemResolverChanges(t *testing.T) {
	c := collectorOf(t, config())
	was, err := dnsclient.New(dnsclient.Options{Servers: []string{"192.0.2.53:53"}})
	if err != nil {
		t.Fatal(err)
	}
	reg := *c.regime.Load()
	env := *reg.env
	env.DNS, reg.env = was, &env
	c.regime.Store(&reg)
	if err := c.Apply(config()); err != nil {
		t.Fatal(err)
	}
	if now := c.regime.Load().env.DNS; now == was {
		t.Errorf("still asked: %v", now.Servers())
	}
}

func TestRoots(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("not a certificate"), 0o644); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		empty:                            "no certificate",
		filepath.Join(dir, "absent.pem"): "tls.ca_file",
	} {
		cfg := config()
		cfg.TLS.CAFile = file
		if _, err := newCollector(Options{Config: cfg}, nil, anyProblem); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", filepath.Base(file), err, want)
		}
	}
	if _, err := New(Options{}); err == nil {
		t.Error("no configuration, and no error")
	}
	if _, err := New(Options{Config: &targets.Config{}}); err != nil {
		t.Errorf("an empty configuration: %v", err)
	}
}

// TestWitnessesKept: a reload forgets what witnesses saw only where it changes who is believed.
func TestWitnessesKept(t *testing.T) {
	c := collectorOf(t, &targets.Config{})
	for _, step := range []struct {
		name string
		cfg  targets.Config
		kept bool
	}{
		{"nothing changed", targets.Config{}, true},
		{"a target came", *config(server("mx.example.org:25", "smtp", time.Hour)), true},
		{"own servers changed", targets.Config{OwnServers: []targets.Pattern{{Glob: "*.example.org"}}}, false},
		{"and no more", targets.Config{OwnServers: []targets.Pattern{{Glob: "*.example.org"}}}, true},
	} {
		before := c.regime.Load().env.Witnesses
		if err := c.Apply(&step.cfg); err != nil {
			t.Fatal(err)
		}
		if kept := c.regime.Load().env.Witnesses == before; kept != step.kept {
			t.Errorf("%s: kept is %v", step.name, kept)
		}
	}
}
