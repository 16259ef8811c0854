package collector

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
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
	c.setHeloName("found.example.net")
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
	c.setHeloName("late.example.net") // A search that ends after a name was configured.
	if env := c.regime.Load().env; env.HeloName != "probe.example.net" {
		t.Errorf("configured later: %q", env.HeloName)
	}
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
