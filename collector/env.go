package collector

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// newEnv makes what all rounds under a configuration share. What the last one, if there is
// one, has learnt and still holds (answers of DNS, tests of blocklists, our own name) is kept.
func (c *Collector) newEnv(cfg *targets.Config, old *regime) (*checks.Env, error) {
	env := &checks.Env{Config: cfg, Dialer: c.opts.Dialer, Route: c.opts.Route, Outgoing: c.opts.Outgoing, Ours: ownAddresses(cfg), Proofs: checks.NewProofs(cfg.Vantage)}
	if env.Policies = new(checks.Policies); old != nil {
		env.Policies = old.env.Policies
	}
	if old != nil && slices.Equal(cfg.Vantage.Egress, old.cfg.Vantage.Egress) {
		env.Proofs = old.env.Proofs
	}
	env.Kin = checks.Kin(cfg)
	// Who is trusted, who is one's own and who tells a blocked port decided what was noted.
	sameEyes := old != nil && cfg.TLS == old.cfg.TLS && slices.Equal(cfg.OwnServers, old.cfg.OwnServers) && slices.Equal(cfg.Vantage.Egress, old.cfg.Vantage.Egress)
	if env.Witnesses = checks.NewWitnesses(); sameEyes {
		env.Witnesses = old.env.Witnesses
	}
	if env.Memory = checks.NewMemory(); old != nil {
		env.Memory = old.env.Memory
	}
	if env.Dialer == nil {
		env.Dialer = smtpclient.NewDialer()
	}
	if env.Outgoing == nil && c.opts.Dialer == nil {
		env.Outgoing = outgoingOf
	}
	if env.Route == nil {
		env.Route = smtpclient.Route
	}
	roots, err := c.roots(cfg.TLS.CAFile)
	if err != nil {
		return nil, err
	}
	env.Verifier = checks.NewVerifier(roots)

	if env.DNS, err = c.newDNS(cfg, cfg.Resolver.Servers); err != nil {
		return nil, fmt.Errorf("resolver: %w", err)
	}
	// Those of /etc/resolv.conf may have changed where the configuration did not.
	sameDNS := old != nil && reflect.DeepEqual(cfg.Resolver, old.cfg.Resolver) && slices.Equal(env.DNS.Servers(), old.env.DNS.Servers()) &&
		cfg.Limits.DNSQueriesPerSecond == old.cfg.Limits.DNSQueriesPerSecond && reflect.DeepEqual(cfg.Secrets(), old.cfg.Secrets())
	if sameDNS {
		env.DNS = old.env.DNS
	}
	if sameDNS && reflect.DeepEqual(cfg.Blocklists, old.cfg.Blocklists) && reflect.DeepEqual(cfg.AllowAddresses, old.cfg.AllowAddresses) {
		env.Lists = old.env.Lists
	} else {
		forResolver := func(server string) (*dnsclient.Client, error) { return c.newDNS(cfg, []string{server}) }
		var lists *checks.Lists
		if old != nil {
			lists = old.env.Lists
		}
		if env.Lists, err = checks.NewLists(cfg, env.DNS, forResolver, lists); err != nil {
			return nil, fmt.Errorf("blocklists: %w", err)
		}
	}

	switch {
	case cfg.HeloName != "":
		env.HeloName, env.HeloResolves = cfg.HeloName, true
	case old != nil && old.cfg.HeloName == "":
		env.HeloName, env.HeloResolves, env.HeloErr = old.env.HeloName, old.env.HeloResolves, old.env.HeloErr
	default:
		env.HeloName, env.HeloErr = addressLiteral(outgoingAddress()), errNotLookedFor
	}
	return env, nil
}

// newDNS returns a client that asks servers.
func (c *Collector) newDNS(cfg *targets.Config, servers []string) (*dnsclient.Client, error) {
	return dnsclient.New(dnsclient.Options{
		Servers:          servers,
		Timeout:          cfg.Resolver.Timeout,
		ValidatesDNSSEC:  cfg.Resolver.ValidatesDNSSEC,
		QueriesPerSecond: cfg.Limits.DNSQueriesPerSecond,
		Observe:          c.self.observeDNS,
		Redact:           cfg.Secrets(),
	})
}

// roots are the trust anchors: those given or the system's, and those of tls.ca_file.
func (c *Collector) roots(file string) (*x509.CertPool, error) {
	roots := c.opts.Roots
	if roots == nil {
		var err error
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool() // A machine without any: nothing is trusted but ca_file.
		}
	}
	if file == "" {
		return roots, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("tls.ca_file: %w", err)
	}
	roots = roots.Clone()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls.ca_file: %s holds no certificate in PEM form", file)
	}
	return roots, nil
}

const (
	// heloPatience is how long the first rounds wait for our own name.
	heloPatience = 3 * time.Second
	// heloRetry is how often it is looked for again while DNS does not know it, heloRetryUntold while that cannot be told.
	heloRetry       = 5 * time.Minute
	heloRetryUntold = 30 * time.Second
)

// errNotLookedFor says why it is not known at start whether DNS knows our name.
var errNotLookedFor = errors.New("this machine's name has not been looked for in DNS yet")

// findHeloName looks for the name to say in EHLO while none is configured and none found. RFC 5321 section 4.1.1.1: the client's fully qualified domain name, and only where it
// has none an address literal. found is closed after the first attempt.
func (c *Collector) findHeloName(ctx context.Context, found chan<- struct{}) {
	for first := true; ; first = false {
		wait := c.lookForHeloName(ctx, machineNames())
		if first {
			close(found)
		}
		var retry <-chan time.Time
		if wait > 0 {
			retry = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-c.applied:
		case <-retry:
		}
	}
}

// lookForHeloName looks for one of names in DNS, if a name is needed, and returns when to look again; 0: there is no need.
func (c *Collector) lookForHeloName(ctx context.Context, names []string) time.Duration {
	env := c.regime.Load().env
	if env.HeloResolves {
		return 0
	}
	asking, cancel := context.WithTimeout(ctx, 10*time.Second)
	name, err := machineName(asking, env.DNS, names)
	cancel()
	if ctx.Err() != nil {
		return 0
	}
	c.setHeloName(name, err)
	first := errors.Is(env.HeloErr, errNotLookedFor)
	switch {
	case name != "":
		return 0
	case err != nil:
		if first {
			c.logger.Warn("Whether this machine's name is in DNS cannot be told: until it can, servers are greeted with an address literal, which many refuse", "helo_name", env.HeloName, "err", err)
		}
		return heloRetryUntold
	case env.HeloErr != nil:
		c.logger.Warn("This machine's name is not in DNS and helo_name is not configured: servers are greeted with an address literal, which many refuse", "helo_name", env.HeloName)
	}
	return heloRetry
}

// setHeloName puts what was found into the configuration in force, if it still needs a name: the name, "" if there is none, or why that
// cannot be told.
func (c *Collector) setHeloName(name string, err error) {
	c.applying.Lock()
	defer c.applying.Unlock()
	reg := *c.regime.Load()
	if reg.env.HeloResolves {
		return
	}
	env := *reg.env
	env.HeloErr = err
	if name != "" {
		env.HeloName, env.HeloResolves = name, true
	}
	reg.env = &env
	c.regime.Store(&reg)
}

// machineName returns the first of names that has an address in DNS, "" if none has. An error says that one might.
func machineName(ctx context.Context, dns *dnsclient.Client, names []string) (string, error) {
	var untold error
	for _, name := range names {
		for _, family := range []int{4, 6} {
			a, err := dns.Addresses(ctx, family, name)
			if err == nil && a.Outcome == dnsclient.OutcomeFound {
				return name, nil
			}
			untold = errors.Join(untold, err)
		}
	}
	return "", untold
}

// machineNames are the names this machine may have, from its own files: the host name itself, its
// full form in /etc/hosts, and with the search domains of /etc/resolv.conf.
func machineNames() []string {
	host, err := os.Hostname()
	if err != nil {
		return nil
	}
	hosts, _ := os.ReadFile("/etc/hosts")
	resolv, _ := os.ReadFile("/etc/resolv.conf")
	return namesOf(host, string(hosts), string(resolv))
}

// containerID matches what a container is called unless somebody gave it a name.
var containerID = regexp.MustCompile(`^([0-9a-f]{12}|[0-9a-f]{64})(\.|$)`)

// namesOf is machineNames on the texts of the files.
func namesOf(host, hosts, resolv string) []string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if containerID.MatchString(host) {
		return nil // Where a domain has a wildcard, DNS knows even this below it.
	}
	var out []string
	add := func(name string) {
		if name = strings.ToLower(strings.TrimSuffix(name, ".")); usableHelo(name) {
			out = append(out, name)
		}
	}
	add(host)
	short, _, _ := strings.Cut(host, ".")
	for line := range strings.Lines(hosts) {
		line, _, _ = strings.Cut(line, "#")
		names := strings.Fields(line)
		for i, n := range names {
			if i == 0 || !strings.EqualFold(n, host) {
				continue
			}
			for _, full := range names[1:] {
				if strings.HasPrefix(strings.ToLower(full), short+".") {
					add(full)
				}
			}
		}
	}
	for line := range strings.Lines(resolv) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "search" && f[0] != "domain" || strings.Contains(host, ".") {
			continue
		}
		for _, domain := range f[1:] {
			add(host + "." + domain)
		}
	}
	return out
}

// usableHelo reports whether a name may be said in EHLO to the world: not a bare name, and
// not one that means something only on this machine or in its cluster.
func usableHelo(name string) bool {
	if !strings.Contains(name, ".") || strings.ContainsAny(name, " []:/_") {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	for _, suffix := range []string{".localhost", ".localdomain", ".local", ".internal", ".lan", ".home.arpa", ".invalid"} {
		if strings.HasSuffix(name, suffix) {
			return false
		}
	}
	return !strings.HasPrefix(name, "localhost.")
}

// outgoingAddress is the address this machine sends from, or loopback if it has none.
func outgoingAddress() netip.Addr {
	for _, family := range []int{4, 6} {
		if addr := outgoingOf(family); addr.IsValid() {
			return addr
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// outgoingOf is the address this machine sends from in a family, an invalid one if there is no way out. Connecting a
// UDP socket chooses the route and sends nothing.
func outgoingOf(family int) netip.Addr {
	to := "192.0.2.1:25"
	if family == 6 {
		to = "[2001:db8::1]:25"
	}
	conn, err := net.Dial("udp", to)
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return local.Addr().Unmap().WithZone("")
}

// addressLiteral writes an address for EHLO (RFC 5321 section 4.1.3).
func addressLiteral(a netip.Addr) string {
	if a.Is4() {
		return "[" + a.String() + "]"
	}
	return "[IPv6:" + a.String() + "]"
}
