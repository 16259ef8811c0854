//go:build integration

package integration

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
)

// zones are what Knot is the authority for. Nothing may be remembered (TTL 0), so that a change is seen at
// once. Tests add the records of their own names with knot.change.
var zones = map[string]string{
	".":             "",
	"in-addr.arpa.": "",
	"example.net.": `
		probe           A     198.51.100.7
		probe           AAAA  2001:db8:7::7
	`,
	"example.org.":              "",
	"100.51.198.in-addr.arpa.":  "7 PTR probe.example.net.\n",
	"2.0.192.in-addr.arpa.":     "",
	"113.0.203.in-addr.arpa.":   "",
	"8.b.d.0.1.0.0.2.ip6.arpa.": dnsclient.Reverse(netip.MustParseAddr("2001:db8:7::7")) + ".ip6.arpa. PTR probe.example.net.\n",
	// Blocklists, each with the test points of RFC 5782 section 5: 127.0.0.2 and ::ffff:127.0.0.2
	// are listed, 127.0.0.1 and ::ffff:127.0.0.1 are not.
	"bl.example.net.":       testPoints + "2.0.0.127 TXT \"test point\"\n",
	"second.example.net.":   testPoints,
	"world.example.net.":    "* A 127.0.0.2\n",
	"refuse.example.net.":   "* A 127.255.255.254\n",
	"dead.example.net.":     "",
	"untested.example.net.": "",
}

const testPoints = `
	2.0.0.127 A 127.0.0.2
	2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 A 127.0.0.2
`

// knot is the authoritative name server.
type knot struct {
	*program
	control  string
	changing sync.Mutex // Knot has one transaction at a time.
}

func startKnot(dir string) (*knot, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	k := &knot{control: filepath.Join(dir, "control")}
	var conf strings.Builder
	fmt.Fprintf(&conf, `
server:
  rundir: %[1]s
  listen: %[2]s@53
control:
  listen: %[1]s/control
database:
  storage: %[1]s/db
log:
- target: stderr
  any: info
template:
- id: default
  storage: %[1]s
  zonefile-sync: -1
  journal-content: none
zone:
`, dir, authority)
	for name, records := range zones {
		file := "zone." + strings.TrimSuffix(name, ".")
		fmt.Fprintf(&conf, "- domain: %q\n  file: %q\n", name, file)
		text := "$ORIGIN " + name + "\n$TTL 0\n@ SOA ns.example.net. hostmaster.example.net. 1 3600 600 86400 0\n@ NS ns.example.net.\n"
		for line := range strings.Lines(records) {
			text += strings.TrimLeft(line, "\t")
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "knot.conf"), []byte(conf.String()), 0o644); err != nil {
		return nil, err
	}
	var err error
	k.program, err = startProgram(filepath.Join(dir, "log"), listening(authority+":53"),
		"knotd", "-c", filepath.Join(dir, "knot.conf"))
	return k, err
}

// change adds records ("+ mx1.example.org. A 192.0.2.25") and takes some away ("- mx1.example.org. A"), a line
// each, and all at once.
func (k *knot) change(t *testing.T, lines string) {
	t.Helper()
	k.changing.Lock()
	defer k.changing.Unlock()
	begun := map[string]bool{}
	knotc := func(args ...string) {
		t.Helper()
		out, err := exec.Command("knotc", append([]string{"-s", k.control, "-b"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("knotc %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		zone := zoneOf(f[1])
		if !begun[zone] {
			knotc("zone-begin", zone)
			begun[zone] = true
		}
		switch f[0] {
		case "+":
			knotc("zone-set", zone, f[1], "0", f[2], strings.Join(f[3:], " "))
		case "-":
			knotc(append([]string{"zone-unset", zone, f[1]}, f[2:]...)...)
		default:
			t.Fatalf("%q: want + or -", line)
		}
	}
	for zone := range begun {
		knotc("zone-commit", zone)
	}
}

// zoneOf returns the zone that a name is in.
func zoneOf(name string) string {
	best := "."
	for zone := range zones {
		if (name == zone || strings.HasSuffix(name, "."+zone)) && len(zone) > len(best) {
			best = zone
		}
	}
	return best
}

// startUnbound starts a resolver at an address that asks Knot for everything.
func startUnbound(dir, address string) (*program, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	var local strings.Builder
	for zone := range zones {
		if zone != "." {
			fmt.Fprintf(&local, "  local-zone: %q nodefault\n", zone)
		}
	}
	conf := filepath.Join(dir, "unbound.conf")
	err := os.WriteFile(conf, fmt.Appendf(nil, `server:
  directory: %q
  chroot: ""
  username: ""
  pidfile: "unbound.pid"
  use-syslog: no
  log-time-ascii: yes
  num-threads: 1
  interface: %s
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  module-config: "iterator"
  qname-minimisation: no
  infra-host-ttl: 1
%sstub-zone:
  name: "."
  stub-addr: %s
remote-control:
  control-enable: no
`, dir, address, local.String(), authority), 0o644)
	if err != nil {
		return nil, err
	}
	return startProgram(filepath.Join(dir, "log"), listening(address+":53"), "unbound", "-d", "-p", "-c", conf)
}
